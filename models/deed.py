"""Deeds: all that one person of the shop did, in the order of time, read from the facts themselves.

Sales, refunds and redemptions come from their own tables, for the audit has them a few minutes
later; sign-ins from the shifts; questions to a manager from the approvals; all else from the
audit, where whoever did it noted it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.base import squeezed

PAGE = 50


@dataclass(frozen=True)
class Place:
    """Where a page ended: the last deed of it. The next page begins right after."""

    at: datetime
    kind: str
    id: int


@dataclass(frozen=True)
class Deed:
    """One thing done.

    `kind` is purchase, refund, redemption, asked, sign_in, sign_out, or for what the audit tells
    its `noun.verb`.
    """

    at: datetime
    kind: str
    id: int
    member_name: str | None
    """As the member wrote it: mask it."""
    member_number: str | None
    store_id: int | None
    device: str | None
    purchase_id: int | None
    amount_twd: int | None
    points: int | None
    reason: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    source: str

    @property
    def place(self) -> Place:
        """Return where a page that ends with it ends."""
        return Place(self.at, self.source, self.id)


_EARLIER = """
    {at} >= :since AND {at} <= :until
    AND ({at} < :until OR ('{source}' COLLATE "C", id) < (CAST(:kind AS text) COLLATE "C", :id))
    ORDER BY {at} DESC, id DESC LIMIT :limit
"""
"""Of one source what comes after the last page: by its moment, then its source, then its id."""


def _part(source: str, at: str, rest: str) -> str:
    return f"({rest} AND {_EARLIER.format(at=at, source=source)})"


_SOURCES = (
    _part(
        "purchase",
        "purchased_at",
        """
        SELECT purchased_at AS at, 'purchase' AS source, 'purchase' AS kind, id, member_id,
            store_id, device_id, NULL AS device, id AS purchase_id, paid_twd AS amount_twd,
            points_earned AS points, NULL AS reason, NULL::jsonb AS before, NULL::jsonb AS after
        FROM purchase WHERE staff_id = :staff_id
        """,
    ),
    _part(
        "refund",
        "refunded_at",
        """
        SELECT refunded_at, 'refund', 'refund', id, member_id, store_id, NULL, NULL, purchase_id,
            -amount_twd, points_given_back - points_taken, reason, NULL, NULL
        FROM refund WHERE staff_id = :staff_id
        """,
    ),
    _part(
        "redemption",
        "redeemed_at",
        """
        SELECT redeemed_at, 'redemption', 'redemption', id, member_id, store_id, NULL, NULL,
            purchase_id, -discount_twd, NULL, NULL, NULL, NULL
        FROM redemption WHERE staff_id = :staff_id
        """,
    ),
    _part(
        "asked",
        "asked_at",
        """
        SELECT asked_at, 'asked', 'asked', id, CAST(subject ->> 'member_id' AS bigint), NULL, NULL,
            NULL, NULL, CAST(subject ->> 'amount_twd' AS integer), NULL, reason, NULL, subject
        FROM approval WHERE asked_by = :staff_id
        """,
    ),
    _part(
        "sign_in",
        "started_at",
        """
        SELECT started_at, 'sign_in', 'sign_in', id, NULL, store_id, device_id, NULL, NULL, NULL,
            NULL, NULL, NULL, NULL
        FROM shift WHERE staff_id = :staff_id
        """,
    ),
    _part(
        "sign_out",
        "ended_at",
        """
        SELECT ended_at, 'sign_out', 'sign_out', id, NULL, store_id, device_id, NULL, NULL, NULL,
            NULL, NULL, NULL, jsonb_build_object('ended_by', ended_by)
        FROM shift WHERE staff_id = :staff_id AND ended_at IS NOT NULL
        """,
    ),
    _part(
        "audit",
        "at",
        """
        SELECT at, 'audit', what, id,
            coalesce(member_id, CAST(substring(subject FROM '^member:([0-9]+)$') AS bigint)),
            store_id, NULL, device, CAST(substring(subject FROM '^purchase:([0-9]+)$') AS bigint),
            NULL, CAST(after ->> 'points' AS integer), reason, before, after
        FROM audit_entry WHERE staff_id = :staff_id
            AND (fact IS NULL OR split_part(fact, ':', 1) NOT IN
                ('purchase', 'refund', 'redemption', 'shift'))
        """,
    ),
)
_LIST = text(
    squeezed(f"""
        SELECT deed.at, deed.kind, deed.id, member.name AS member_name,
            member.number AS member_number, deed.store_id,
            coalesce(deed.device, device.name) AS device, deed.purchase_id, deed.amount_twd,
            deed.points, deed.reason, deed.before, deed.after, deed.source
        FROM ({" UNION ALL ".join(_SOURCES)}) AS deed
        LEFT JOIN member ON member.id = deed.member_id
        LEFT JOIN device ON device.id = deed.device_id
        ORDER BY deed.at DESC, deed.source COLLATE "C" DESC, deed.id DESC LIMIT :limit
    """)  # noqa: S608  # Of our own words only.
)


def list_deeds(
    session: Session,
    staff_id: int,
    *,
    since: datetime,
    until: datetime,
    after: Place | None = None,
    limit: int = PAGE,
) -> Sequence[Deed]:
    """Return what a person did from `since` to before `until`, newest first; one query.

    `after` is the place of the last deed seen. Each part reads no more than a page by its index.
    """
    place = after or Place(until, "", 0)
    asked = {
        "staff_id": staff_id,
        "since": since,
        "until": place.at,
        "kind": place.kind,
        "id": place.id,
        "limit": limit,
    }
    return [Deed(**row) for row in session.execute(_LIST, asked).mappings()]
