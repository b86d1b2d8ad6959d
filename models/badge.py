"""Badges: what a member has to show for what they did. Given once for one cause."""

from collections.abc import Sequence

from sqlalchemy import ForeignKey, Text, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.activity import Badge
from models.base import Base, Moment


class MemberBadge(Base):
    """One badge on one member, with the cause it was first given for."""

    __tablename__ = "member_badge"

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    badge_code: Mapped[str] = mapped_column(Text, ForeignKey("badge.code"), primary_key=True)
    give_key: Mapped[str]
    given_at: Mapped[Moment]


def list_badges(session: Session) -> Sequence[Badge]:
    """Return every badge there is to win, in the order of their codes."""
    return session.scalars(select(Badge).order_by(Badge.code)).all()


def list_own_badges(session: Session, member_id: int) -> Sequence[MemberBadge]:
    """Return what the member has won, oldest first."""
    return session.scalars(
        select(MemberBadge)
        .where(MemberBadge.member_id == member_id)
        .order_by(MemberBadge.given_at, MemberBadge.badge_code)
    ).all()


def give_badge(session: Session, row: MemberBadge) -> bool:
    """Give a badge and tell whether it is new: who has it keeps the one they have."""
    given = session.scalar(
        insert(MemberBadge)
        .values(
            member_id=row.member_id,
            badge_code=row.badge_code,
            give_key=row.give_key,
            given_at=row.given_at,
        )
        .on_conflict_do_nothing()
        .returning(MemberBadge.badge_code)
    )
    return given is not None


def take_badge(session: Session, member_id: int, badge_code: str, give_key: str) -> None:
    """Take a badge back, where it was given for this cause."""
    session.execute(
        delete(MemberBadge).where(
            MemberBadge.member_id == member_id,
            MemberBadge.badge_code == badge_code,
            MemberBadge.give_key == give_key,
        )
    )
