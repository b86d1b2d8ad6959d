"""Stamp cards (集點卡): a stamp a visit, and a reward for a full card; then a new card begins."""

from sqlalchemy import CheckConstraint, ForeignKey, Integer, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Identifier, Translated


class StampProgramme(Base):
    """One kind of stamp card. The shop has one; its row is made at set-up."""

    __tablename__ = "stamp_programme"
    __table_args__ = (
        CheckConstraint("size BETWEEN 2 AND 50", name="size_in_range"),
        CheckConstraint("min_spend_twd >= 0", name="min_spend_not_negative"),
    )

    id: Mapped[Identifier]
    name: Mapped[Translated]
    size: Mapped[int]
    min_spend_twd: Mapped[int]
    """A visit earns a stamp when at least so much was paid."""
    reward_template_id: Mapped[int] = mapped_column(ForeignKey("coupon_template.id"))


class StampCard(Base):
    """A member's stamps in a programme since they joined; each `size` of them fill a card."""

    __tablename__ = "stamp_card"
    __table_args__ = (CheckConstraint("stamps >= 0", name="stamps_not_negative"),)

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("stamp_programme.id"), primary_key=True)
    stamps: Mapped[int] = mapped_column(Integer, default=0)


def add_stamp(session: Session, member_id: int, programme: StampProgramme) -> int:
    """Stamp the member's card once and return all their stamps so far, in one statement."""
    upsert = insert(StampCard).values(member_id=member_id, programme_id=programme.id, stamps=1)
    return session.execute(
        upsert.on_conflict_do_update(
            index_elements=[StampCard.member_id, StampCard.programme_id],
            set_={"stamps": StampCard.stamps + 1},
        ).returning(StampCard.stamps)
    ).scalar_one()


def count_stamps(session: Session, member_id: int, programme: StampProgramme) -> int:
    """Return all the member's stamps so far in the programme."""
    stamps = session.scalars(
        select(StampCard.stamps).where(
            StampCard.member_id == member_id, StampCard.programme_id == programme.id
        )
    ).one_or_none()
    return stamps or 0


def shown_stamps(stamps: int, size: int) -> int:
    """Return how many stamps the current card shows: a card just filled shows full."""
    return (stamps - 1) % size + 1 if stamps else 0
