"""Writing a review of one's own purchase, and reading it for the wall."""

import unicodedata
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import mission
from models.member import Member
from models.purchase.table import Purchase
from models.review.engaging import note_activity
from models.review.table import (
    MOST_STARS,
    PENDING,
    NotReviewable,
    Review,
    ReviewClosed,
    ReviewTooLong,
)

REVIEW_DAYS = 30
"""A purchase can be reviewed for so many days."""
LONGEST_WORDS = 300
_UNFIT = ("Cc", "Cs", "Co", "Cn")


def rate_purchase(
    session: Session, member: Member, purchase_id: int, stars: int, now: datetime
) -> tuple[Review, int]:
    """Rate a purchase with 1 to 5 stars; return the review, and the points the first one brought.

    A second rating changes the first. Raises NotReviewable or ReviewClosed.
    """
    session.refresh(member, with_for_update=True)
    if not 1 <= stars <= MOST_STARS:
        raise NotReviewable(reason="stars")
    found = _find_own(session, member.id, purchase_id)
    if found is not None:
        _check_open(found)
        found.stars, found.changed_at = stars, now
        session.flush()
        return found, 0
    purchase = _get_purchase(session, member.id, purchase_id, now)
    review = Review(
        purchase_id=purchase.id,
        member_id=member.id,
        store_id=purchase.store_id,
        stars=stars,
        written_at=now,
        changed_at=now,
    )
    session.add(review)
    session.flush()
    key = f"review:{purchase.id}"
    points = note_activity(session, member, "review", key=key, now=now)
    mission.note_event(session, member, "review", key=key, now=now)
    return review, points


def write_words(
    session: Session, member_id: int, purchase_id: int, typed: str, now: datetime
) -> Review:
    """Take a sentence into a review begun with its stars; a later one replaces it.

    Raises NotReviewable, ReviewClosed or ReviewTooLong.
    """
    review = _find_own(session, member_id, purchase_id)
    if review is None:
        raise NotReviewable(reason="unknown")
    _check_open(review)
    words = _clean(typed)
    if len(words) > LONGEST_WORDS:
        raise ReviewTooLong(longest=LONGEST_WORDS)
    review.words, review.changed_at = words, now
    session.flush()
    return review


def moderate(session: Session, review_id: int, state: str, now: datetime) -> Review:
    """Approve or hide a review. Raises NoResultFound for an unknown id."""
    review = session.get_one(Review, review_id, with_for_update=True)
    review.state = state
    review.moderated_at = None if state == PENDING else now
    session.flush()
    return review


def _find_own(session: Session, member_id: int, purchase_id: int) -> Review | None:
    return session.scalars(
        select(Review)
        .where(Review.purchase_id == purchase_id, Review.member_id == member_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _check_open(review: Review) -> None:
    if review.state != PENDING:
        raise ReviewClosed


def _get_purchase(session: Session, member_id: int, purchase_id: int, now: datetime) -> Purchase:
    purchase = session.scalars(
        select(Purchase).where(Purchase.id == purchase_id, Purchase.member_id == member_id)
    ).one_or_none()
    if purchase is None:
        raise NotReviewable(reason="unknown")
    if purchase.undone_at is not None:
        raise NotReviewable(reason="taken_back")
    if now - purchase.purchased_at > timedelta(days=REVIEW_DAYS):
        raise NotReviewable(reason="too_old")
    return purchase


def _clean(typed: str) -> str:
    """Return the text as one paragraph without control characters."""
    text = unicodedata.normalize("NFC", typed)
    shown = "".join(c if c != "\n" else " " for c in text)
    return " ".join("".join(c for c in shown if unicodedata.category(c) not in _UNFIT).split())
