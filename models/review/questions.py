"""What may be asked of reviews: purchases to rate, the wall, and what waits to be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from models.activity import Community
from models.member import Member, masked_name
from models.purchase.table import Purchase
from models.review.table import APPROVED, PENDING, Review
from models.review.writing import REVIEW_DAYS
from models.shop import Store

MOST_PURCHASES = 5
MOST_ON_WALL = 8


@dataclass(frozen=True)
class Rateable:
    """One recent purchase of a member, with the review it has."""

    purchase: Purchase
    store: Store
    review: Review | None
    is_open: bool
    """Whether it can be rated, or its rating changed."""


@dataclass(frozen=True)
class Posted:
    """One approved review as all members may read it; its author is masked."""

    name: str
    stars: int
    words: str
    store: Store
    written_at: datetime


def list_recent_purchases(session: Session, member_id: int, now: datetime) -> list[Rateable]:
    """Return the member's newest purchases, newest first."""
    newest = _rateable(member_id).order_by(Purchase.purchased_on.desc(), Purchase.id.desc())
    return _read(session, newest.limit(MOST_PURCHASES), now)


def find_purchase_to_rate(
    session: Session, member_id: int, purchase_id: int, now: datetime
) -> Rateable | None:
    """Return one purchase of the member, or None where it is not theirs."""
    found = _read(session, _rateable(member_id).where(Purchase.id == purchase_id), now)
    return found[0] if found else None


def _rateable(member_id: int) -> Select[Purchase, Store, Review]:
    return (
        select(Purchase, Store, Review)
        .join(Store, Store.id == Purchase.store_id)
        .join(Review, Review.purchase_id == Purchase.id, isouter=True)
        .where(Purchase.member_id == member_id)
    )


def _read(
    session: Session, asked: Select[Purchase, Store, Review], now: datetime
) -> list[Rateable]:
    return [
        Rateable(purchase, store, review, _is_open(purchase, review, now))
        for purchase, store, review in session.execute(asked)
    ]


def _is_open(purchase: Purchase, review: Review | None, now: datetime) -> bool:
    if review is not None:
        return review.state == PENDING
    is_fresh = now - purchase.purchased_at <= timedelta(days=REVIEW_DAYS)
    return is_fresh and purchase.undone_at is None


def list_wall(session: Session) -> list[Posted]:
    """Return the newest approved reviews that say something."""
    rows = session.execute(
        select(Review, Store, Member.name)
        .join(Store, Store.id == Review.store_id)
        .join(Member, Member.id == Review.member_id)
        .where(Review.state == APPROVED, Review.words != "")
        .order_by(Review.id.desc())
        .limit(MOST_ON_WALL)
    )
    return [
        Posted(masked_name(name), review.stars, review.words, store, review.written_at)
        for review, store, name in rows
    ]


def rating(session: Session) -> tuple[int, int]:
    """Return how many approved reviews there are, and their average in hundredths of a star."""
    count, stars = session.execute(
        select(func.count(), func.coalesce(func.sum(Review.stars), 0)).where(
            Review.state == APPROVED
        )
    ).one()
    return count, int(stars) * 100 // count if count else 0


def list_reviews(
    session: Session, state: str, *, limit: int, before_id: int | None = None
) -> Sequence[tuple[Review, str, str]]:
    """Return the newest reviews of a state, with store code and member number, for the owner.

    With `before_id` only those older than one of them.
    """
    asked = (
        select(Review, Store.code, Member.number)
        .join(Store, Store.id == Review.store_id)
        .join(Member, Member.id == Review.member_id)
        .where(Review.state == state)
    )
    if before_id is not None:
        asked = asked.where(Review.id < before_id)
    rows = session.execute(asked.order_by(Review.id.desc()).limit(limit))
    return [(review, store, number) for review, store, number in rows]


def find_community(session: Session) -> Community | None:
    """Return where members talk among themselves, or None where the shop has no such place."""
    return session.scalars(select(Community)).one_or_none()


def set_community(session: Session, community: Community) -> Community:
    """Set where members talk, and from which tier on."""
    return session.merge(community)
