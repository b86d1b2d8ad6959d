"""The report of a journey: who began it in the last days, and what its messages brought."""

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.base import most_first, squeezed
from models.insight.attribution import SALES, Touches, count_blocks, credit_sales
from models.insight.clicking import clicks_by_part
from models.insight.money import cost_of_journey, given_by_journey
from models.insight.report import Clicks, Lift, Money, Outcomes, Report, VariantLine
from models.journey import Journey
from models.local_day import local_day
from models.outbox import KEPT_DAYS

ATTRIBUTION_DAYS = 7
LOOKED_BACK = timedelta(days=KEPT_DAYS)
"""Messages of journeys are known for as long as the outbox keeps them."""


def report_of_journey(session: Session, journey: Journey, now: datetime) -> Report:
    """Return what came of a journey in the last 30 days: visits begun then, messages sent then.

    Planned are its messages; the lift is of members who began it and those held out of it.
    """
    since = max(now - LOOKED_BACK, journey.active_since or journey.created_at)
    asked = {"code": journey.code, "since": since}
    touches = Touches(_TOUCHES, asked)
    credited = credit_sales(session, touches, since, now, ATTRIBUTION_DAYS)
    outcomes, channels, free = _outcomes(session, journey.code, since)
    clicks, by_step = clicks_by_part(session, [f"journey:{journey.code}"])
    return Report(
        subject="journey",
        code=journey.code,
        name=journey.name,
        as_of=now,
        since=since,
        until=now + timedelta(days=ATTRIBUTION_DAYS),
        attribution_days=ATTRIBUTION_DAYS,
        outcomes=outcomes,
        channels=channels,
        free=free,
        clicks=clicks,
        sales=credited.sales,
        money=Money(
            cost_of_journey(session, journey.code, since),
            given_by_journey(session, journey.code, since),
            credited.sales.net_twd,
        ),
        blocks=count_blocks(session, touches, since, now),
        lift=_lift(session, journey.code, since, now),
        metric="conversion",
        variants=[
            VariantLine(
                step,
                accepted,
                by_step.get(step, Clicks()).reacting,
                credited.buyers_by_part.get(step, 0),
            )
            for step, accepted in session.execute(_STEPS, asked)
        ],
        decision=None,
        line=(),
    )


def _outcomes(
    session: Session, code: str, since: datetime
) -> tuple[Outcomes, list[tuple[str, int]], int]:
    """Return what became of a journey's messages, what each channel took, how many were free."""
    counts: dict[str, Counter[str]] = {}
    channels: Counter[str] = Counter()
    free = 0
    rows = session.execute(_OUTCOMES, {"code": code, "since": since})
    for state, reason, channel, is_free, messages in rows:
        counts.setdefault(state, Counter())[reason or ""] += messages
        if state == "accepted":
            channels[channel] += messages
            free += messages if is_free else 0
    outcomes = Outcomes(
        planned=sum(each.total() for each in counts.values()),
        accepted=counts.get("accepted", Counter()).total(),
        skipped=dict(most_first(counts.get("skipped", {}))),
        refused=dict(most_first(counts.get("refused", {}))),
        unknown=counts.get("unknown", Counter()).total(),
        waiting=counts.get("waiting", Counter()).total(),
    )
    return outcomes, sorted(channels.items()), free


def _lift(session: Session, code: str, since: datetime, now: datetime) -> Lift:
    asked = {
        "code": code,
        "since": since,
        "first_day": local_day(since),
        "last_day": local_day(now),
        "window": timedelta(days=ATTRIBUTION_DAYS),
    }
    sides = {held: (people, buyers) for held, people, buyers in session.execute(_LIFT, asked)}
    return Lift(*sides.get(False, (0, 0)), *sides.get(True, (0, 0)))


_TOUCHES = """
    SELECT owed.member_id, owed.settled_at AS at,
        coalesce(substring(owed.source FROM '[^:]*$'), '') AS part,
        CAST(NULL AS boolean) AS is_held_out, CAST(NULL AS timestamptz) AS meant_at
    FROM journey_visit AS visit JOIN outbox AS owed ON owed.visit_id = visit.id
    WHERE visit.journey_code = :code AND owed.created_at >= :since AND owed.state = 'accepted'
"""
_OUTCOMES = text(
    squeezed("""
        SELECT owed.state, owed.reason, owed.channel, owed.via = 'reply', count(*)
        FROM journey_visit AS visit JOIN outbox AS owed ON owed.visit_id = visit.id
        WHERE visit.journey_code = :code AND owed.created_at >= :since
        GROUP BY 1, 2, 3, 4
    """)
)
_STEPS = text(
    squeezed(f"""
        SELECT part, count(*) FROM ({_TOUCHES}) AS touch GROUP BY part ORDER BY part
    """)  # noqa: S608  # Of our own words only.
)
_LIFT = text(
    squeezed(f"""
        WITH deed AS MATERIALIZED ({SALES}), begun AS (
            SELECT member_id, state = 'held_out' AS is_held, min(started_at) AS at
            FROM journey_visit WHERE journey_code = :code AND started_at >= :since
            GROUP BY member_id, state = 'held_out'
        )
        SELECT begun.is_held, count(*), count(hit.member_id)
        FROM begun LEFT JOIN (
            SELECT DISTINCT begun.member_id, begun.is_held
            FROM begun JOIN deed ON deed.member_id = begun.member_id
            WHERE deed.at > begun.at AND deed.at < begun.at + CAST(:window AS interval)
        ) AS hit ON hit.member_id = begun.member_id AND hit.is_held = begun.is_held
        GROUP BY begun.is_held
    """)  # noqa: S608  # Of our own words only.
)
