"""What is true of many members at once when they are about to be written to, in one statement."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from models.base import squeezed
from models.lifecycle.names import MODELS
from models.outbox import EMAIL
from models.rfm.group import SLEEPING
from models.suppression import COLUMNS

ANY_NUMBER = 1_000_000
"""More than anybody is sent: where there is no cap, or nobody is asked about one."""

UNNOTED = timedelta(days=7)
"""What was sent before the day that long ago is counted in everybody's engagement."""

Waiting = Sequence[Any]
"""Another message that waits for today: its intent, its source, and the priority it was given."""


@dataclass(frozen=True)
class Facts:
    """What speaks against writing to one member. `today` and `lately` are marketing messages."""

    member_id: int
    barred: str | None = None
    """Why nothing at all can be sent: erased, merged, no friend, no address."""
    marketing_allowed: bool = True
    may_be_suppressed: bool = False
    """They sleep, and were sent so much that it may have been too much."""
    class_key: str | None = None
    """The class for which nothing that costs money is sent to them."""
    today: int = 0
    lately: int = 0
    won_back: bool = False
    waiting: Sequence[Waiting] | None = None


@dataclass(frozen=True)
class Question:
    """Of whom to ask what: the days that count, and what not to count."""

    ids: Sequence[int]
    today: datetime
    tomorrow: datetime
    window: datetime
    locked_since: datetime
    """Since when a win-back locks; where none is asked about, what lies before does not matter."""
    classes: Mapping[str, Collection[str]]
    """The classes that get nothing that costs money, by model."""
    channel: str
    threshold: int | None
    """After how many unanswered messages sleeping members are left in peace."""
    run_id: int | None = None
    """The run that asks: its own recipients do not count."""
    own_ids: Sequence[uuid.UUID] = ()
    """The messages that are asked about: they do not count either."""
    day_cap: int | None = ANY_NUMBER
    window_cap: int | None = ANY_NUMBER
    """Who was sent less is left out of the answer, where nothing else is to be said of them."""

    @property
    def values(self) -> dict[str, Any]:
        """Return what the statement is asked with."""
        return {
            "ids": _array(self.ids),
            "today": self.today,
            "tomorrow": self.tomorrow,
            "window": self.window,
            "locked_since": self.locked_since,
            "unnoted_since": self.today - UNNOTED,
            "threshold": ANY_NUMBER if self.threshold is None else self.threshold,
            "run_id": self.run_id,
            "own_ids": list(self.own_ids),
            "day_cap": ANY_NUMBER if self.day_cap is None else self.day_cap,
            "window_cap": ANY_NUMBER if self.window_cap is None else self.window_cap,
            **{column: list(self.classes.get(model, ())) for model, column in COLUMNS.items()},
        }


def facts_of(session: Session, question: Question) -> Sequence[Facts]:
    """Return the facts of those members of whom there is anything to be told."""
    rows = session.execute(_marketing(question.channel), question.values)
    return [Facts(*row) for row in rows]


def barred_among(session: Session, ids: Sequence[int], channel: str) -> dict[int, str]:
    """Return why some of these members cannot be reached at all, by their id."""
    rows = session.execute(_reach(channel), {"ids": _array(ids)})
    return dict(rows.all())


def _array(ids: Sequence[int]) -> str:
    """Write ids as PostgreSQL reads an array: the driver takes milliseconds for thousands."""
    return "{" + ",".join(map(str, ids)) + "}"


_BARRED = """CASE WHEN member.erased_at IS NOT NULL THEN 'erased'
    WHEN member.merged_into_id IS NOT NULL THEN 'merged'
    WHEN {unreached} END"""
_WAY: Mapping[str, tuple[str, str]] = {
    "line": (
        "friend.is_following IS NOT TRUE THEN 'not_a_friend'",
        "LEFT JOIN friend ON friend.line_user_id = member.line_user_id",
    ),
    EMAIL: (
        "way.email_state IS DISTINCT FROM 'confirmed' THEN 'no_email'",
        "LEFT JOIN member_channel AS way ON way.member_id = member.id",
    ),
}
"""By channel: when nobody is reached by it, and where that is read."""
_KEYS = " ".join(
    f"WHEN class.{COLUMNS[model]} = ANY(CAST(:{COLUMNS[model]} AS text[]))"
    f" THEN '{model}:' || class.{COLUMNS[model]}"
    for model in MODELS
)
_SENT = """
    SELECT touched.member_id,
        count(*) FILTER (WHERE touched.is_out AND touched.at >= :today) AS today,
        count(*) FILTER (WHERE touched.is_out AND touched.at >= :window) AS lately,
        count(*) FILTER (WHERE touched.is_out AND touched.at >= :unnoted_since) AS unnoted,
        bool_or(touched.is_out AND touched.intent = 'win_back'
            AND touched.at > :locked_since) AS won_back,
        json_agg(json_build_array(touched.intent, touched.source, touched.priority))
            FILTER (WHERE NOT touched.is_out) AS waiting
    FROM (
        SELECT owed.member_id, coalesce(owed.purpose, owed.kind) AS intent, owed.source,
            owed.priority, coalesce(owed.settled_at, owed.first_try_at) AS at,
            owed.state <> 'waiting' OR owed.in_doubt AS is_out
        FROM outbox AS owed
        WHERE owed.is_marketing AND owed.member_id = ANY(CAST(:ids AS bigint[]))
            AND owed.id <> ALL(CAST(:own_ids AS uuid[]))
            AND ((owed.state IN ('accepted', 'unknown')
                    AND coalesce(owed.settled_at, owed.first_try_at)
                        >= least(:window, :locked_since, :unnoted_since))
                OR (owed.state = 'waiting' AND (owed.in_doubt OR owed.next_try_at < :tomorrow)))
        UNION ALL
        SELECT recipient.member_id, 'campaign', run.source, run.priority,
            coalesce(recipient.settled_at, batch.settled_at, batch.first_try_at),
            coalesce(recipient.state, batch.state) <> 'waiting' OR batch.in_doubt
        FROM run
        JOIN campaign_recipient AS recipient ON recipient.run_id = run.id
            AND recipient.member_id = ANY(CAST(:ids AS bigint[]))
        JOIN campaign_batch AS batch ON batch.id = recipient.batch_id
        WHERE coalesce(recipient.state, batch.state) IN ('accepted', 'unknown')
            OR (recipient.state IS NULL AND batch.state = 'waiting'
                AND (batch.in_doubt OR run.state = 'sending'))
    ) AS touched
    GROUP BY touched.member_id
"""
"""All the marketing that each member was sent, is being sent, or waits for today."""
_RUNS = """
    SELECT run.id, run.state, 'campaign:' || run.id AS source,
        CAST(run.spec ->> 'priority' AS integer) AS priority
    FROM campaign_run AS run
    WHERE run.started_at IS NOT NULL AND run.id IS DISTINCT FROM CAST(:run_id AS bigint)
        AND (run.finished_at IS NULL OR run.finished_at >= :window)
        AND coalesce(run.spec ->> 'kind', 'marketing') <> 'service'
"""
"""The other runs that may have sent anything in the days that count."""


@cache
def _reach(channel: str) -> TextClause:
    unreached, join = _WAY[channel]
    return text(
        squeezed(f"""
            SELECT told.id, told.barred FROM (
                SELECT member.id, {_BARRED.format(unreached=unreached)} AS barred
                FROM member {join} WHERE member.id = ANY(CAST(:ids AS bigint[]))
            ) AS told WHERE told.barred IS NOT NULL
        """)  # noqa: S608  # Of our own words only.
    )


@cache
def _marketing(channel: str) -> TextClause:
    unreached, join = _WAY[channel]
    return text(
        squeezed(f"""
            WITH run AS MATERIALIZED ({_RUNS}), sent AS ({_SENT}), told AS MATERIALIZED (
                SELECT member.id, {_BARRED.format(unreached=unreached)} AS barred,
                    member.marketing_allowed,
                    coalesce(class.rfm_group = '{SLEEPING}', false)
                        AND coalesce(sent.unnoted, 0) + coalesce((SELECT kept.unanswered
                            FROM engagement AS kept WHERE kept.member_id = member.id), 0)
                        >= :threshold AS may_be_suppressed,
                    CASE WHEN member.last_purchase_on IS NOT NULL AND (member.last_purchase_on
                        < (SELECT max(day) FROM class_night)) IS NOT TRUE THEN NULL
                        {_KEYS} END AS class_key,
                    coalesce(sent.today, 0) AS today, coalesce(sent.lately, 0) AS lately,
                    coalesce(sent.won_back, false) AS won_back, sent.waiting
                FROM (SELECT * FROM member WHERE id = ANY(CAST(:ids AS bigint[]))) AS member {join}
                LEFT JOIN (SELECT * FROM member_class
                    WHERE member_id = ANY(CAST(:ids AS bigint[]))) AS class
                    ON class.member_id = member.id
                LEFT JOIN sent ON sent.member_id = member.id
            )
            SELECT * FROM told
            WHERE told.barred IS NOT NULL OR NOT told.marketing_allowed OR told.may_be_suppressed
                OR told.class_key IS NOT NULL OR told.today >= :day_cap
                OR told.lately >= :window_cap OR told.won_back OR told.waiting IS NOT NULL
        """)  # noqa: S608  # Of our own words only.
    )
