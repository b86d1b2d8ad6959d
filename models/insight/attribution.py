"""Which sale, and which blocking, is due to which message: to the last one before it (U5).

A touch is a message that LINE or the mail server took, at that moment: `touch(member_id, at,
part)`, a relation that the subject names. Questions start from the sales and blockings of the
days they are about, which are few, and look each one's touches up by the member: so they cost the
same whether a thousand or a million were written to.
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

    `part` is what sales are told apart by: the variant of a campaign, the step of a journey.
    """

    sql: str
    asked: Mapping[str, Any]


@dataclass(frozen=True)
class Credited:
    """The sales due to a subject's messages, in all and by part."""

    sales: Sales
    buyers_by_part: Mapping[str, int]


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
        "since": since,
        "until": ends,
        "first_day": local_day(since),
        "last_day": local_day(ends),
        "window": timedelta(days=days),
    }
    total, by_part = Sales(), {}
    for part, *figures in session.execute(_statement(_CREDIT, touches), asked):
        if part is None:
            total = Sales(*figures)
        else:
            by_part[part] = figures[0]
    return Credited(total, by_part)


def count_blocks(session: Session, touches: Touches, since: datetime, until: datetime) -> int:
    """Return how many blocked us within 48 hours of these messages, as the last they had got.

    Who has come back since is not counted: they are no loss.
    """
    asked = {
        **touches.asked,
        "since": since,
        "until": until + BLOCK_WINDOW,
        "window": BLOCK_WINDOW,
    }
    return int(session.execute(_statement(_BLOCKS, touches), asked).scalar_one())


def _statement(template: str, touches: Touches) -> TextClause:
    return text(squeezed(template.replace("{touches}", touches.sql).replace("{later}", _LATER)))


SALES = """
    SELECT sale.id, sale.member_id, sale.purchased_at AS at, sale.paid_twd, sale.refunded_twd
    FROM purchase AS sale
    WHERE sale.store_id IN (SELECT id FROM store)
        AND sale.purchased_on BETWEEN CAST(:first_day AS date) AND CAST(:last_day AS date)
        AND sale.purchased_at >= :since AND sale.purchased_at < :until
        AND sale.undone_at IS NULL
"""
"""The sales of some days that stand; there is an index by store and day, none by day alone."""
_LATER = """
    EXISTS (SELECT FROM campaign_recipient AS other
        LEFT JOIN campaign_batch AS with_it ON with_it.id = other.batch_id
        WHERE other.member_id = touch.member_id
            AND coalesce(other.state, with_it.state) = 'accepted'
            AND coalesce(other.settled_at, with_it.settled_at) > touch.at
            AND coalesce(other.settled_at, with_it.settled_at) <= deed.at)
    OR EXISTS (SELECT FROM outbox AS other
        WHERE other.member_id = touch.member_id AND other.is_marketing
            AND other.state = 'accepted' AND other.settled_at > touch.at
            AND other.settled_at <= deed.at)
"""
"""Whether another message came between the touch and what the member did."""
_CREDIT = f"""
    WITH deed AS MATERIALIZED ({SALES}), due AS (
        SELECT deed.id, deed.member_id, deed.paid_twd, deed.refunded_twd, touch.part
        FROM deed JOIN ({{touches}}) AS touch ON touch.member_id = deed.member_id
        WHERE touch.at <= deed.at AND touch.at > deed.at - CAST(:window AS interval)
            AND NOT ({{later}})
    )
    SELECT part, count(DISTINCT member_id), count(*), coalesce(sum(paid_twd), 0),
        coalesce(sum(refunded_twd), 0)
    FROM due GROUP BY GROUPING SETS ((), (part))
"""  # noqa: S608  # Of our own words only.
_BLOCKS = """
    WITH deed AS MATERIALIZED (
        SELECT member.id AS member_id, friend.changed_at AS at
        FROM friend JOIN member ON member.line_user_id = friend.line_user_id
        WHERE NOT friend.is_following AND friend.changed_at >= :since AND friend.changed_at < :until
    )
    SELECT count(DISTINCT deed.member_id)
    FROM deed JOIN ({touches}) AS touch ON touch.member_id = deed.member_id
    WHERE touch.at <= deed.at AND touch.at > deed.at - CAST(:window AS interval)
        AND NOT ({later})
"""
