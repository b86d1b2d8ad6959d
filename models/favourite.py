"""Favourites: what each member usually buys, an item and a category, of the last 365 days.

Kept each night for those of whom something has changed: who bought or gave back behind two marks
(see `models/horizon.py`), cards merged or taken apart, and members whose oldest counted purchase
has left the window, the day of which stands on their row. The first night goes through everybody.
Whoever bought nothing in the window of which the lines are known has no row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, ForeignKey, delete, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Day, Moment, squeezed
from models.local_day import local_day

WINDOW_DAYS = 365
PURCHASES, REFUNDS = "purchase", "refund"
FACTS = (PURCHASES, REFUNDS)
EVERYBODY = "member"
"""The mark of the first night's way through all members; gone once it is at its end."""
PART = 5_000
"""So many rows of a fact, or members, are worked in one transaction."""
MERGES_OVERLAP = timedelta(days=1)
"""A merge that was under way when the last night began is looked at once more."""


class MemberFavourite(Base):
    """A member's usual item and category, as they were when one of them last changed."""

    __tablename__ = "member_favourite"

    member_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("member.id"), primary_key=True, autoincrement=False
    )
    sku: Mapped[str | None]
    item_name: Mapped[str]
    """As it was called when last bought."""
    orders: Mapped[int]
    """In how many standing purchases of the window the item is."""
    category: Mapped[str | None] = mapped_column(index=True)
    """The category most purchases have, which need not be the item's; None where none is told."""
    category_orders: Mapped[int]
    stale_on: Mapped[Day] = mapped_column(index=True)
    """The first day on which a purchase that counts here counts no more."""
    at: Mapped[Moment]


class FavouriteMark(Base):
    """How far one table is looked through: the last id. Only the night moves it on."""

    __tablename__ = "favourite_mark"

    fact: Mapped[str] = mapped_column(primary_key=True)
    last_id: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[Moment]


@dataclass(frozen=True)
class Kept:
    """What one part did."""

    changed: int
    is_last: bool


def favourite_of(session: Session, member_id: int) -> MemberFavourite | None:
    """Return what a member usually buys, as the last night found it, or None."""
    return session.get(MemberFavourite, member_id)


def forget_favourites(session: Session, *member_ids: int) -> None:
    """Forget what members usually buy: it goes with the person, or with the purchases."""
    session.execute(delete(MemberFavourite).where(MemberFavourite.member_id.in_(member_ids)))


def has_begun(session: Session) -> bool:
    """Tell whether the marks are set, by the first night."""
    return session.get(FavouriteMark, PURCHASES) is not None


def begin_marks(session: Session, settled: Mapping[str, int], now: datetime) -> None:
    """Set the marks where the facts are settled; all before is found by going through everybody."""
    for fact, last_id in ((EVERYBODY, 0), *settled.items()):
        session.execute(_BEGIN, {"fact": fact, "last_id": last_id, "now": now})


def keep_of_everybody(session: Session, now: datetime, *, limit: int = PART) -> Kept:
    """Work out the next members' favourites, in the order of their ids, until all are done once."""
    after_id = session.scalars(_HELD, {"fact": EVERYBODY}).one_or_none()
    if after_id is None:
        return Kept(0, is_last=True)
    ids = list(session.scalars(_NEXT_MEMBERS, {"after_id": after_id, "limit": limit}))
    changed = work_out(session, ids, now)
    if len(ids) < limit:
        session.execute(delete(FavouriteMark).where(FavouriteMark.fact == EVERYBODY))
        return Kept(changed, is_last=True)
    _move(session, EVERYBODY, ids[-1], now)
    return Kept(changed, is_last=False)


def keep_of_facts(
    session: Session, fact: str, settled_id: int, now: datetime, *, limit: int = PART
) -> Kept:
    """Work out whom the next rows of a table concern, through a settled id, and move its mark."""
    after_id = session.scalars(_HELD, {"fact": fact}).one()
    through_id = max(settled_id, after_id)
    asked = {"after_id": after_id, "through_id": through_id, "limit": limit}
    rows, reached_id, ids = session.execute(_TOUCHED[fact], asked).one()
    is_last = rows < limit
    changed = work_out(session, ids or [], now)
    _move(session, fact, through_id if is_last else reached_id, now)
    return Kept(changed, is_last)


def keep_of_stale(session: Session, now: datetime, *, limit: int = PART) -> Kept:
    """Work out the next members of whom a purchase has left the window."""
    asked = {"today": local_day(now), "limit": limit}
    ids = list(session.scalars(_STALE, asked))
    return Kept(work_out(session, ids, now), is_last=len(ids) < limit)


def keep_of_merged(session: Session, since: datetime, now: datetime) -> int:
    """Work out both cards of each merge, and of each that was undone, since a moment."""
    ids = list(session.scalars(_MERGED, {"since": since - MERGES_OVERLAP}))
    return sum(
        work_out(session, ids[start : start + PART], now) for start in range(0, len(ids), PART)
    )


def marked_at(session: Session) -> datetime:
    """Return when the marks were last moved on; only after the first night."""
    return session.scalars(select(FavouriteMark.at).where(FavouriteMark.fact == PURCHASES)).one()


def work_out(session: Session, member_ids: Sequence[int], now: datetime) -> int:
    """Work out these members' favourites from their purchases; return how many rows changed."""
    if not member_ids:
        return 0
    asked = {"ids": list(member_ids), "today": local_day(now), "window": WINDOW_DAYS, "now": now}
    return int(session.execute(_WORK_OUT, asked).scalar_one())


def _move(session: Session, fact: str, last_id: int, now: datetime) -> None:
    session.execute(_MOVE, {"fact": fact, "last_id": last_id, "now": now})


_BEGIN = text("""
    INSERT INTO favourite_mark (fact, last_id, at) VALUES (:fact, :last_id, :now)
    ON CONFLICT DO NOTHING
""")
_HELD = text("SELECT last_id FROM favourite_mark WHERE fact = :fact FOR UPDATE")
_MOVE = text("UPDATE favourite_mark SET last_id = :last_id, at = :now WHERE fact = :fact")
_NEXT_MEMBERS = text("SELECT id FROM member WHERE id > :after_id ORDER BY id LIMIT :limit")
_STALE = text("""
    SELECT member_id FROM member_favourite WHERE stale_on <= :today ORDER BY member_id LIMIT :limit
""")
_MERGED = text("""
    SELECT kept_id FROM member_merge WHERE merged_at > :since OR undone_at > :since
    UNION SELECT dropped_id FROM member_merge WHERE merged_at > :since OR undone_at > :since
    ORDER BY 1
""")
_TOUCHED = {
    PURCHASES: text("""
        SELECT count(*), max(id), array_agg(DISTINCT member_id ORDER BY member_id) FROM (
            SELECT id, member_id FROM purchase
            WHERE id > :after_id AND id <= :through_id ORDER BY id LIMIT :limit
        ) AS made
    """),
    REFUNDS: text("""
        SELECT count(*), max(id), array_agg(DISTINCT member_id ORDER BY member_id) FROM (
            SELECT refund.id, purchase.member_id FROM refund
            JOIN purchase ON purchase.id = refund.purchase_id
            WHERE refund.id > :after_id AND refund.id <= :through_id ORDER BY refund.id LIMIT :limit
        ) AS made
    """),
}
"""Who bought, and whose purchase was given back; of a card that was merged, the one it became."""
_SAID = ("sku", "item_name", "orders", "category", "category_orders", "stale_on")
_WORK_OUT = text(
    squeezed(f"""
        WITH bought AS (
            SELECT sold.member_id, sold.id, sold.purchased_at, sold.purchased_on,
                line.sku, line.name, line.category,
                CASE WHEN line.sku IS NULL THEN line.name END AS unnumbered
            FROM purchase AS sold JOIN purchase_line AS line ON line.purchase_id = sold.id
            JOIN member ON member.id = sold.member_id
            WHERE sold.member_id = ANY(:ids) AND sold.undone_at IS NULL
                AND sold.purchased_on > CAST(:today AS date) - CAST(:window AS integer)
                AND line.refunded_quantity < line.quantity
                AND member.erased_at IS NULL AND member.merged_into_id IS NULL
        ), item AS (
            SELECT DISTINCT ON (member_id) member_id, sku, item_name, orders FROM (
                SELECT member_id, sku, count(DISTINCT id) AS orders,
                    (array_agg(name ORDER BY purchased_at DESC, id DESC, name))[1] AS item_name,
                    max(purchased_at) AS last_at
                FROM bought GROUP BY member_id, sku, unnumbered
            ) AS item ORDER BY member_id, orders DESC, last_at DESC, sku, item_name
        ), category AS (
            SELECT DISTINCT ON (member_id) member_id, category, orders FROM (
                SELECT member_id, category, count(DISTINCT id) AS orders,
                    max(purchased_at) AS last_at
                FROM bought WHERE category IS NOT NULL GROUP BY member_id, category
            ) AS category ORDER BY member_id, orders DESC, last_at DESC, category
        ), oldest AS (
            SELECT member_id, min(purchased_on) + CAST(:window AS integer) AS stale_on
            FROM bought GROUP BY member_id
        ), kept AS (
            INSERT INTO member_favourite AS held (member_id, {", ".join(_SAID)}, at)
            SELECT item.member_id, item.sku, item.item_name, item.orders, category.category,
                coalesce(category.orders, 0), oldest.stale_on, :now
            FROM item JOIN oldest ON oldest.member_id = item.member_id
            LEFT JOIN category ON category.member_id = item.member_id
            ORDER BY item.member_id
            ON CONFLICT (member_id) DO UPDATE
                SET {", ".join(f"{name} = excluded.{name}" for name in (*_SAID, "at"))}
                WHERE ({", ".join(f"held.{name}" for name in _SAID)})
                    IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in _SAID)})
            RETURNING 1
        ), gone AS (
            DELETE FROM member_favourite AS held WHERE held.member_id = ANY(:ids)
                AND NOT EXISTS (SELECT 1 FROM oldest WHERE oldest.member_id = held.member_id)
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM kept) + (SELECT count(*) FROM gone)
    """)  # noqa: S608  # Of our own words only.
)
"""An item is known by its number, or by its name where it has none. Of several the one bought in
most purchases leads, then the one bought last; the rest only settles ties."""
