"""The report of a campaign: all its runs of the last time, or one of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.base import most_first, squeezed
from models.campaign import Campaign, CampaignDecision
from models.insight.attribution import Credited, Touches, count_blocks, credit_sales
from models.insight.clicking import clicks_by_part
from models.insight.report import (
    Clicks,
    Decision,
    Lift,
    Money,
    Outcomes,
    Report,
    Sales,
    VariantLine,
)
from models.insight.unit import figures_of
from models.quota import benefit_cost, message_cost
from models.sending import CampaignRun, NoSuchRun

MOST_RUNS = 60
"""A report is of the newest so many runs: two months of a daily one."""
HOLDOUT = "holdout"


def report_of_campaign(
    session: Session, campaign: Campaign, now: datetime, *, run_id: int | None = None
) -> Report:
    """Return what came of a campaign so far, or of one of its runs. Raises NoSuchRun.

    Counted from the batches, the sales and the clicks: the million who only received it are never
    looked at one by one.
    """
    runs = _runs(session, campaign, run_id)
    ids = [run.id for run in runs]
    begun = [run for run in runs if run.started_at is not None]
    days = campaign.attribution_days
    since = min((run.started_at for run in begun if run.started_at), default=None)
    until = max((run.finished_at or now for run in begun), default=None)
    told = _tell(session, ids)
    outcomes = _outcomes(told, sum(run.planned for run in runs))
    sources = [f"campaign:{each}" for each in ids]
    touches = Touches(_TOUCHES, {"runs": ids}, ids[0] if len(ids) == 1 else None)
    credited, blocks = Credited(Sales(), {}, {}), 0
    if since is not None and until is not None:
        credited = credit_sales(session, touches, since, until, days)
        blocks = count_blocks(session, touches, since, until)
    clicks, by_variant = clicks_by_part(session, sources)
    return Report(
        subject="campaign",
        code=campaign.code,
        name=campaign.name,
        as_of=now,
        since=since,
        until=until + timedelta(days=days) if until is not None else None,
        attribution_days=days,
        outcomes=outcomes,
        channels=_accepted_by(told, "channel"),
        free=0,
        clicks=clicks,
        sales=credited.sales,
        money=Money(
            message_cost(session, sources).paid_twd,
            benefit_cost(session, campaign.id).redeemed_twd,
            credited.sales.net_twd,
        ),
        blocks=blocks,
        lift=_lift(session, begun, outcomes, credited.buyers_by_arm),
        metric=campaign.metric,
        variants=_variants(told, by_variant, credited.buyers_by_part),
        decision=_decision(session, campaign),
        line=list(figures_of(session, sorted({run.unit_name for run in begun})).values()),
    )


def _runs(session: Session, campaign: Campaign, run_id: int | None) -> Sequence[CampaignRun]:
    asked = select(CampaignRun).where(CampaignRun.campaign_id == campaign.id)
    if run_id is not None:
        asked = asked.where(CampaignRun.id == run_id)
    runs = session.scalars(asked.order_by(CampaignRun.id.desc()).limit(MOST_RUNS)).all()
    if run_id is not None and not runs:
        raise NoSuchRun(run=run_id)
    return runs


@dataclass(frozen=True)
class _Told:
    """How many of the recipients have one state and reason, of one channel and variant."""

    state: str
    reason: str
    channel: str | None
    variant: str | None
    people: int


def _tell(session: Session, run_ids: Sequence[int]) -> list[_Told]:
    return [_Told(*row) for row in session.execute(_OUTCOMES, {"runs": run_ids})]


def _outcomes(told: Sequence[_Told], planned: int) -> Outcomes:
    counts: dict[str, Counter[str]] = {}
    for each in told:
        counts.setdefault(each.state, Counter())[each.reason] += each.people
    return Outcomes(
        planned=planned,
        accepted=counts.get("accepted", Counter()).total(),
        skipped=dict(most_first(counts.get("skipped", {}))),
        refused=dict(most_first(counts.get("refused", {}))),
        unknown=counts.get("unknown", Counter()).total(),
        waiting=counts.get("waiting", Counter()).total(),
    )


def _accepted_by(told: Sequence[_Told], what: str) -> list[tuple[str, int]]:
    """Return how many were reached by `channel` or with each `variant`, in their order."""
    counts: Counter[str] = Counter()
    for each in told:
        if each.state == "accepted":
            counts[getattr(each, what)] += each.people
    return sorted(counts.items())


def _lift(
    session: Session,
    runs: Sequence[CampaignRun],
    outcomes: Outcomes,
    buyers: Mapping[bool, int],
) -> Lift:
    """Compare everybody the runs were for with those held out, a person once."""
    held_out = outcomes.skipped.get(HOLDOUT, 0)
    people = {True: held_out, False: outcomes.planned - held_out}
    if len(runs) > 1:
        ids = [run.id for run in runs]
        people |= dict(session.execute(_ARMS, {"runs": ids}).all())
    return Lift(people[False], buyers.get(False, 0), people[True], buyers.get(True, 0))


def _variants(
    told: Sequence[_Told], clicks: Mapping[str, Clicks], buyers: Mapping[str, int]
) -> list[VariantLine]:
    return [
        VariantLine(code, accepted, clicks.get(code, Clicks()).reacting, buyers.get(code, 0))
        for code, accepted in _accepted_by(told, "variant")
    ]


def _decision(session: Session, campaign: Campaign) -> Decision | None:
    row = session.get(CampaignDecision, campaign.id)
    if row is None:
        return None
    return Decision(row.at, row.verdict, row.chosen, row.low, row.high)


def list_runs(session: Session, campaign: Campaign, *, limit: int = MOST_RUNS) -> list[CampaignRun]:
    """Return a campaign's runs, the newest first."""
    asked = select(CampaignRun).where(CampaignRun.campaign_id == campaign.id)
    return list(session.scalars(asked.order_by(CampaignRun.id.desc()).limit(limit)))


def find_open_runs(session: Session, campaign_ids: Sequence[int]) -> dict[int, int]:
    """Return the newest run that has not ended, of each campaign that has one, by its id."""
    rows = session.execute(
        select(CampaignRun.campaign_id, func.max(CampaignRun.id))
        .where(CampaignRun.campaign_id.in_(campaign_ids), CampaignRun.finished_at.is_(None))
        .group_by(CampaignRun.campaign_id)
    )
    return dict(rows.all())


def count_running(session: Session, campaign_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Return how many runs each campaign had and how many recipients they planned, by its id."""
    rows = session.execute(
        select(
            CampaignRun.campaign_id, func.count(), func.coalesce(func.sum(CampaignRun.planned), 0)
        )
        .where(CampaignRun.campaign_id.in_(campaign_ids))
        .group_by(CampaignRun.campaign_id)
    )
    return {campaign: (runs, planned) for campaign, runs, planned in rows}


_TOUCHES = """
    SELECT person.member_id, person.variant AS part,
        CASE WHEN coalesce(person.state, batch.state) = 'accepted'
            THEN coalesce(person.settled_at, batch.settled_at) END AS at,
        person.reason IS NOT DISTINCT FROM 'holdout' AS is_held_out, run.started_at AS meant_at
    FROM campaign_recipient AS person JOIN campaign_run AS run ON run.id = person.run_id
    LEFT JOIN campaign_batch AS batch ON batch.id = person.batch_id
    WHERE person.run_id = ANY(CAST(:runs AS bigint[]))
"""
_OUTCOMES = text(
    squeezed("""
        SELECT state, coalesce(reason, ''), channel, variant, CAST(sum(people) AS bigint) FROM (
            SELECT state, reason, channel, variant, members AS people FROM campaign_batch
            WHERE run_id = ANY(CAST(:runs AS bigint[])) AND members > 0
            UNION ALL
            SELECT person.state, person.reason, batch.channel, person.variant, count(*)
            FROM campaign_recipient AS person
            LEFT JOIN campaign_batch AS batch ON batch.id = person.batch_id
            WHERE person.run_id = ANY(CAST(:runs AS bigint[])) AND person.state IS NOT NULL
            GROUP BY person.state, person.reason, batch.channel, person.variant
        ) AS outcome
        GROUP BY state, reason, channel, variant
    """)
)
_ARMS = text(
    squeezed("""
        SELECT reason IS NOT DISTINCT FROM 'holdout', count(DISTINCT member_id)
        FROM campaign_recipient
        WHERE run_id = ANY(CAST(:runs AS bigint[]))
        GROUP BY 1
    """)
)
