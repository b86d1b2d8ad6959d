"""Which sale, and which blocking, is due to which message: to the last one before it (U5).

A touch is a message that LINE or the mail server took, at that moment: `touch(member_id, at, part,
is_held_out, meant_at)`, a relation that the subject names. Questions start from the sales and
blockings of the days they are about, which are few, and look each one's touches up by the member,
once: so they cost about the same whether a thousand or a million were written to. Where a later
message may be is asked only of the runs that were under way in those days.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from models.base import squeezed
from models.insight.report import BLOCK_WINDOW, Sales
from models.local_day import local_day


@dataclass(frozen=True)
class Touches:
    """The messages of one subject: SQL of the relation `touch` with what it is asked with.

    `part` is what sales are told apart by: the variant of a campaign, the step of a journey. `at`
    is NULL for whom the message was meant and who did not get it; `meant_at` is when it was meant
    to go, NULL where nobody is held out to be compared with.
    """

    sql: str
    asked: Mapping[str, Any]
    run_id: int | None = None
    """The run all of it is of, where it is of one: no later message is in that one."""


@dataclass(frozen=True)
class Credited:
    """The sales due to a subject's messages, in all and by part.

    `buyers_by_arm` are those who bought within the days after they were meant to get it, by whether
    they were held out.
    """

    sales: Sales
    buyers_by_part: Mapping[str, int]
    buyers_by_arm: Mapping[bool, int]


def credit_sales(
    session: Session, touches: Touches, since: datetime, until: datetime, days: int
) -> Credited:
    """Return the sales due to these messages, which were sent from `since` until `until`.

    A sale counts once: for the last message before it, of whichever campaign or journey, and where
    that lies no more than `days` back.
    """
    ends = until + timedelta(days=days)
    asked = {
        **touches.asked,
        "first_day": local_day(since),
        "last_day": local_day(ends),
        "window": timedelta(days=days),
        "others": _runs_between(session, touches, since, ends),
    }
    total, by_part, by_arm = Sales(), {}, {}
    for is_held_out, part, *figures in session.execute(_statement(_CREDIT, touches), asked):
        if is_held_out is not None:
            by_arm[is_held_out] = figures[0]
        elif part is not None:
            by_part[part] = figures[0]
        else:
            total = Sales(*figures)
    return Credited(total, by_part, by_arm)


def count_blocks(session: Session, touches: Touches, since: datetime, until: datetime) -> int:
    """Return how many blocked us within 48 hours of these messages, as the last they had got.

    Who has come back since is not counted: they are no loss.
    """
    ends = until + BLOCK_WINDOW
    asked = {
        **touches.asked,
        "since": since,
        "until": ends,
        "window": BLOCK_WINDOW,
        "others": _runs_between(session, touches, since, ends),
    }
    return int(session.execute(_statement(_BLOCKS, touches), asked).scalar_one())


def _runs_between(
    session: Session, touches: Touches, since: datetime, until: datetime
) -> list[int]:
    """Return the runs that sent anything between two moments, but for the touches' own one."""
    asked = {"since": since, "until": until, "own": touches.run_id}
    return list(session.scalars(_RUNS_BETWEEN, asked))


def _statement(template: str, touches: Touches) -> TextClause:
    return text(squeezed(template.replace("{touches}", touches.sql).replace("{latest}", _LATEST)))


SALES = """
    SELECT sale.id, sale.member_id, sale.purchased_at AS at, sale.paid_twd, sale.refunded_twd
    FROM purchase AS sale
    WHERE sale.store_id IN (SELECT id FROM store)
        AND sale.purchased_on BETWEEN CAST(:first_day AS date) AND CAST(:last_day AS date)
        AND sale.undone_at IS NULL
"""
"""The sales of some days that stand; there is an index by store and day, none by day alone.

Not asked by the moment as well, for that is a part of each question: the planner would take the two
for independent, expect hardly any sales, and look each member up where it had better read all.
"""
_RUNS_BETWEEN = text(
    squeezed("""
        SELECT id FROM campaign_run
        WHERE started_at < :until AND (finished_at IS NULL OR finished_at >= :since)
            AND id IS DISTINCT FROM CAST(:own AS bigint)
    """)
)
_LATEST = """
    NOT EXISTS (SELECT FROM campaign_recipient AS other
        LEFT JOIN campaign_batch AS with_it ON with_it.id = other.batch_id
        WHERE other.run_id = ANY(CAST(:others AS bigint[]))
            AND other.member_id = met.member_id
            AND coalesce(other.state, with_it.state) = 'accepted'
            AND coalesce(other.settled_at, with_it.settled_at) > met.told_at
            AND coalesce(other.settled_at, with_it.settled_at) <= met.at)
    AND NOT EXISTS (SELECT FROM outbox AS other
        WHERE other.member_id = met.member_id AND other.is_marketing
            AND other.state = 'accepted' AND other.settled_at > met.told_at
            AND other.settled_at <= met.at)
"""
"""Whether no other message came between the touch and what the member did."""
_CREDIT = f"""
    WITH deed AS MATERIALIZED ({SALES}), met AS MATERIALIZED (
        SELECT deed.*, touch.at AS told_at, touch.part, touch.is_held_out, touch.meant_at
        FROM deed JOIN ({{touches}}) AS touch ON touch.member_id = deed.member_id
    ), due AS (
        SELECT * FROM met
        WHERE told_at <= at AND told_at > at - CAST(:window AS interval) AND {{latest}}
    )
    SELECT CAST(NULL AS boolean), part, count(DISTINCT member_id), count(*),
        coalesce(sum(paid_twd), 0), coalesce(sum(refunded_twd), 0)
    FROM due GROUP BY GROUPING SETS ((), (part))
    UNION ALL
    SELECT is_held_out, NULL, count(DISTINCT member_id), 0, 0, 0
    FROM met WHERE at >= meant_at AND at < meant_at + CAST(:window AS interval)
    GROUP BY is_held_out
"""  # noqa: S608  # Of our own words only.
_BLOCKS = """
    WITH deed AS MATERIALIZED (
        SELECT member.id AS member_id, friend.changed_at AS at
        FROM friend JOIN member ON member.line_user_id = friend.line_user_id
        WHERE NOT friend.is_following AND friend.changed_at >= :since AND friend.changed_at < :until
    ), met AS (
        SELECT deed.member_id, deed.at, touch.at AS told_at
        FROM deed JOIN ({touches}) AS touch ON touch.member_id = deed.member_id
    )
    SELECT count(DISTINCT member_id) FROM met
    WHERE told_at <= at AND told_at > at - CAST(:window AS interval) AND {latest}
"""
