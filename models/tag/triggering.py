"""Tags that events bring, set-based: whatever became visible in a range of looks or sales.

No sale and no event pays for it. A range is read once nobody can add to it any more
(`models/engagement.py`), so a late commit is not missed; read twice, it changes nothing; and in
whatever order looks, sales and removals come, what happened last decides.
"""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.base import squeezed
from models.engagement import LOOKS, PURCHASES

_ROWS = {
    LOOKS: """
        SELECT fact.member_id, cause.tag_code, cause.event, cause.days, cause.ends_with_purchase,
            fact.occurred_at AS at, cause.since, cause.ended_at
        FROM browse_event AS fact JOIN tag_trigger AS cause ON cause.event = fact.kind
            AND (cause.sku IS NULL OR cause.sku = fact.sku)
            AND (cause.category IS NULL OR cause.category = fact.category)
        WHERE fact.id > :after_id AND fact.id <= :through_id
    """,
    PURCHASES: """
        SELECT fact.member_id, cause.tag_code, cause.event, cause.days, cause.ends_with_purchase,
            fact.purchased_at AS at, cause.since, cause.ended_at
        FROM purchase AS fact JOIN tag_trigger AS cause ON cause.event = 'purchase'
            AND ((cause.sku IS NULL AND cause.category IS NULL)
                OR EXISTS (SELECT FROM purchase_line AS line
                    WHERE line.purchase_id = fact.id AND line.refunded_quantity < line.quantity
                        AND (cause.sku IS NULL OR line.sku = cause.sku)
                        AND (cause.category IS NULL OR line.category = cause.category)))
        WHERE fact.id > :after_id AND fact.id <= :through_id AND fact.undone_at IS NULL
    """,
}
"""The events of each table, each with what it brings."""


def apply_events(session: Session, fact: str, after_id: int, through_id: int, now: datetime) -> int:
    """Give the tags that a range of `browse_event` or `purchase` brings; return how many began.

    A tag holds through the day so many days after the one it happened on. What was bought since,
    or taken off by hand since, is not brought again.
    """
    asked = {"after_id": after_id, "through_id": through_id, "now": now}
    steps = session.scalars(_APPLY[fact], asked).all()
    return steps.count("added")


_APPLY = {
    fact: text(
        squeezed(f"""
            WITH told AS (
                SELECT fact.*, (CAST((fact.at AT TIME ZONE 'Asia/Taipei') AS date) + fact.days + 1)
                    ::timestamp AT TIME ZONE 'Asia/Taipei' AS expires_at
                FROM ({rows}) AS fact JOIN tag ON tag.code = fact.tag_code
                JOIN member ON member.id = fact.member_id
                WHERE tag.archived_at IS NULL AND member.erased_at IS NULL
                    AND fact.at >= fact.since AND (fact.ended_at IS NULL OR fact.at < fact.ended_at)
            ), fit AS (
                SELECT told.member_id, told.tag_code, 'event:' || told.event AS source,
                    max(told.at) AS at, max(told.expires_at) AS expires_at
                FROM told WHERE told.expires_at > :now
                    AND NOT (told.ends_with_purchase AND EXISTS (SELECT FROM purchase AS sale
                        WHERE sale.member_id = told.member_id AND sale.undone_at IS NULL
                            AND sale.purchased_on
                                >= CAST((told.at AT TIME ZONE 'Asia/Taipei') AS date)
                            AND sale.purchased_at >= told.at))
                    AND NOT EXISTS (SELECT FROM tag_event AS gone
                        WHERE gone.member_id = told.member_id AND gone.tag_code = told.tag_code
                            AND gone.what = 'removed' AND gone.why = 'asked'
                            AND gone.at >= told.at)
                GROUP BY told.member_id, told.tag_code, told.event
            ), had AS (
                SELECT fit.*, held.expires_at AS held_until FROM fit
                LEFT JOIN member_tag AS held ON held.member_id = fit.member_id
                    AND held.tag_code = fit.tag_code AND held.source = fit.source
            ), kept AS (
                INSERT INTO member_tag AS held (member_id, tag_code, source, added_at, expires_at)
                SELECT member_id, tag_code, source, at, expires_at FROM fit
                ORDER BY member_id, tag_code, source
                ON CONFLICT (member_id, tag_code, source) DO UPDATE
                    SET added_at = greatest(held.added_at, excluded.added_at),
                        expires_at = greatest(held.expires_at, excluded.expires_at)
                    WHERE (held.added_at, held.expires_at) IS DISTINCT FROM
                        (greatest(held.added_at, excluded.added_at),
                        greatest(held.expires_at, excluded.expires_at))
                RETURNING held.member_id, held.tag_code, held.source, held.expires_at
            )
            INSERT INTO tag_event (member_id, tag_code, source, what, why, expires_at, at)
            SELECT kept.member_id, kept.tag_code, kept.source,
                CASE WHEN had.held_until IS NULL THEN 'added' ELSE 'extended' END, 'event',
                kept.expires_at, :now
            FROM kept JOIN had USING (member_id, tag_code, source)
            WHERE had.held_until IS DISTINCT FROM kept.expires_at
            ORDER BY kept.member_id, kept.tag_code, kept.source RETURNING what
        """)  # noqa: S608  # Of our own words only.
    )
    for fact, rows in _ROWS.items()
}
