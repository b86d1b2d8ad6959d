"""The tables of reviews and of engagement, and what their rules refuse."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.activity import ACTIVITIES
from models.base import Base, BusinessError, Day, Identifier, Moment, one_of

STATES = ("pending", "approved", "hidden")
PENDING, APPROVED, HIDDEN = STATES
MOST_STARS = 5


class Review(Base):
    """What a member says of one purchase. Theirs to change until somebody of the shop has read it.

    pending → approved, and then on the review wall for all members; or hidden.
    """

    __tablename__ = "review"
    __table_args__ = (
        CheckConstraint(one_of("state", STATES), name="state_known"),
        CheckConstraint(f"stars BETWEEN 1 AND {MOST_STARS}", name="stars_in_range"),
        CheckConstraint("(state = 'pending') = (moderated_at IS NULL)", name="moderated_when"),
        Index("ix_review_state", "state", "id"),
        Index("ix_review_member_id", "member_id"),
    )

    id: Mapped[Identifier]
    purchase_id: Mapped[int] = mapped_column(ForeignKey("purchase.id"), unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    stars: Mapped[int]
    words: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default=PENDING)
    written_at: Mapped[Moment]
    changed_at: Mapped[Moment]
    moderated_at: Mapped[datetime | None]


class ActivityEvent(Base):
    """One engagement beside buying: a review, an event, a feedback. Never changed.

    Within the day's cap it takes one of the day's numbered places and is rewarded; beyond it has
    no place and brings nothing. The places are unique, so no replay gets past the cap.
    """

    __tablename__ = "activity_event"
    __table_args__ = (
        CheckConstraint(one_of("what", ACTIVITIES), name="what_known"),
        CheckConstraint("place > 0", name="place_positive"),
        UniqueConstraint("member_id", "what", "day_on", "place"),
    )

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    what: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    day_on: Mapped[Day]
    place: Mapped[int | None]
    points: Mapped[int]
    happened_at: Mapped[Moment]


class NotReviewable(BusinessError):
    """The purchase is not this member's, too old, or was taken back."""

    code = "not_reviewable"


class ReviewClosed(BusinessError):
    """The review was read by the shop and cannot be changed any more."""

    code = "review_closed"


class ReviewTooLong(BusinessError):
    """The text has more characters than a review may."""

    code = "review_too_long"
