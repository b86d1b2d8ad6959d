"""Facts: which rows of the business are told to others, and in which words.

Each source is an append-only table (of `member` only that a row appeared), read set-based, so it
does not matter which verb wrote a row: a till's sale, a night's expiry, a merge, or plain SQL. What
an import brings, and what its undoing takes back, is not told row by row: half a million events
would drown whoever listens, and they hold the same file.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import TextClause, text

from models.base import squeezed
from models.webhook.table import (
    COUPON_REDEEMED,
    JOINED,
    POINTS_CHANGED,
    REDEMPTION_CANCELLED,
    TIER_CHANGED,
)

VERSION = 1
"""Of the events' shape. New fields may come without a new version; none changes or goes."""

TOLD_BY: Mapping[str, tuple[str, ...]] = {
    "member": (JOINED,),
    "coupon_event": (COUPON_REDEEMED, REDEMPTION_CANCELLED),
    "points_entry": (POINTS_CHANGED,),
    "tier_change": (TIER_CHANGED,),
}
"""Each source with the types its rows become; where moments are equal, in this order."""

_ROWS: Mapping[str, str] = {
    "member": """
        SELECT fact.id, 'member.joined' AS event_type, fact.id AS member_id,
            fact.joined_at AS occurred_at,
            json_build_object('member_number', fact.number, 'source', fact.join_source,
                'store_code', CASE WHEN fact.join_source LIKE 'store:%'
                    THEN split_part(fact.join_source, ':', 2) END) AS data
        FROM member AS fact WHERE fact.join_source <> 'import'
    """,
    "points_entry": """
        SELECT fact.id, 'points.changed' AS event_type, fact.member_id,
            fact.posted_at AS occurred_at,
            json_build_object('member_number', member.number, 'sequence', fact.seq,
                'reason', fact.reason, 'points', fact.points, 'balance', fact.balance_after,
                'pending', fact.pending, 'pending_balance', fact.pending_after,
                'tier_points', fact.tier_points, 'tier_points_balance', fact.tier_points_after,
                'store_code', store.code, 'purchase_id', fact.purchase_id) AS data
        FROM points_entry AS fact JOIN member ON member.id = fact.member_id
        LEFT JOIN store ON store.id = fact.store_id
        LEFT JOIN purchase ON purchase.id = fact.purchase_id AND fact.reason = 'purchase'
        WHERE fact.idempotency_key NOT LIKE 'import:%' AND fact.idempotency_key NOT LIKE 'undo:%'
            AND purchase.idempotency_key LIKE 'import:%' IS NOT TRUE
            AND NOT (fact.reason = 'expiry' AND EXISTS (
                SELECT FROM points_take AS take
                JOIN points_entry AS earning ON earning.id = take.lot_id
                LEFT JOIN purchase AS sale ON sale.id = earning.purchase_id
                WHERE take.entry_id = fact.id AND earning.xmin = fact.xmin
                    AND (earning.idempotency_key LIKE 'import:%'
                        OR sale.idempotency_key LIKE 'import:%')))
    """,
    "tier_change": """
        SELECT fact.id, 'tier.changed' AS event_type, fact.member_id,
            fact.changed_at AS occurred_at,
            json_build_object('member_number', member.number, 'from_tier', was.code,
                'to_tier', became.code,
                'direction', CASE WHEN became.rank > was.rank THEN 'up' ELSE 'down' END,
                'reason', fact.reason->>'rule') AS data
        FROM tier_change AS fact JOIN member ON member.id = fact.member_id
        JOIN tier AS was ON was.id = fact.from_tier_id
        JOIN tier AS became ON became.id = fact.to_tier_id
        WHERE fact.reason->>'batch_id' IS NULL AND fact.reason->>'undone_batch_id' IS NULL
            AND was.id <> became.id
    """,
    "coupon_event": """
        SELECT fact.id, kind.event_type, coupon.member_id, fact.at AS occurred_at,
            json_build_object('member_number', member.number, 'coupon_id', coupon.id,
                'template_code', template.code, 'reason', fact.cause,
                'discount_twd', use.discount_twd, 'store_code', store.code,
                'purchase_id', use.purchase_id, 'coupon_state', fact.to_state) AS data
        FROM coupon_event AS fact JOIN coupon ON coupon.id = fact.coupon_id
        CROSS JOIN LATERAL (SELECT CASE fact.to_state WHEN 'redeemed' THEN 'coupon.redeemed'
            ELSE 'coupon.redemption_cancelled' END AS event_type) AS kind
        JOIN coupon_template AS template ON template.id = coupon.template_id
        JOIN member ON member.id = coupon.member_id
        LEFT JOIN LATERAL (SELECT * FROM redemption WHERE redemption.coupon_id = coupon.id
            AND redemption.redeemed_at <= fact.at ORDER BY redemption.id DESC LIMIT 1) AS use
            ON true
        LEFT JOIN store ON store.id = coalesce(fact.store_id, use.store_id)
        WHERE 'redeemed' IN (fact.to_state, fact.from_state) AND fact.cause <> 'import'
            AND kind.event_type = ANY (CAST(:wanted AS text[]))
    """,
}
"""The rows that are told. An import's own rows, or their sales, carry its key; points that had
ended before they were imported got their end in the same transaction."""


def facts_of(sources: Sequence[str]) -> TextClause:
    """Return one statement, so one snapshot, for all that is visible there and has no event yet.

    It takes `wanted` types, `limit` rows of each source and `after_<source>`, below which all is
    done; it returns source, id, event_type, member_id, occurred_at and data.
    """
    return text(" UNION ALL ".join(_part(source) for source in sources))


def body_of(name: str, event_type: str, occurred_at: datetime, data: Mapping[str, Any]) -> str:
    """Return an event as it is sent: JSON, its keys in this order, non-ASCII escaped."""
    at = occurred_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = {
        "id": name,
        "type": event_type,
        "version": VERSION,
        "occurred_at": at,
        "data": data,
    }
    return json.dumps(told, separators=(",", ":"))


def _part(source: str) -> str:
    return squeezed(f"""
        (SELECT '{source}' AS source, found.* FROM (
            {_ROWS[source]} AND fact.id > :after_{source}
                AND NOT EXISTS (SELECT FROM webhook_event
                    WHERE webhook_event.fact = '{source}:' || fact.id)
            ORDER BY fact.id LIMIT :limit) AS found)
    """)  # noqa: S608  # Of our own words only.
