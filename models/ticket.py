"""Lottery tickets: each from one cause, so that it is given once; drawn once, or taken back."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    and_,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.activity import Lottery
from models.base import Base, Day, Identifier, Moment
from models.local_day import local_day


class LotteryTicket(Base):
    """One right to draw. `key` names its cause; it ends drawn, or void with its cause."""

    __tablename__ = "lottery_ticket"
    __table_args__ = (
        CheckConstraint("drawn_at IS NULL OR drawn_at >= got_at", name="drawn_later"),
        Index(
            "ix_lottery_ticket_open",
            "member_id",
            "lottery_id",
            postgresql_where="drawn_at IS NULL AND void_at IS NULL",
        ),
        Index("ix_lottery_ticket_purchase_id", "purchase_id"),
    )

    id: Mapped[Identifier]
    lottery_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("lottery.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    key: Mapped[str] = mapped_column(unique=True)
    purchase_id: Mapped[int | None] = mapped_column(ForeignKey("purchase.id"))
    got_at: Mapped[Moment]
    got_on: Mapped[Day]
    drawn_at: Mapped[datetime | None]
    void_at: Mapped[datetime | None]
    """When its cause was undone; the reward of a drawn one goes back, but for `kept`."""
    kept: Mapped[str | None]


def add_ticket(
    session: Session,
    lottery: Lottery,
    member_id: int,
    *,
    key: str,
    now: datetime,
    purchase_id: int | None = None,
) -> bool:
    """Give a ticket for one cause and tell whether it is new; one statement."""
    given = session.scalar(
        insert(LotteryTicket)
        .values(
            lottery_id=lottery.id,
            member_id=member_id,
            key=key,
            purchase_id=purchase_id,
            got_at=now,
            got_on=local_day(now),
        )
        .on_conflict_do_nothing(index_elements=[LotteryTicket.key])
        .returning(LotteryTicket.id)
    )
    return given is not None


def find_next_ticket(session: Session, member_id: int, lottery_id: int) -> int | None:
    """Return the id of the member's oldest ticket to draw, or None."""
    return session.scalar(select(func.min(LotteryTicket.id)).where(_is_open(member_id, lottery_id)))


def count_open_tickets(session: Session, member_id: int, lottery_id: int) -> int:
    """Return how many tickets the member can draw."""
    count = session.scalar(
        select(func.count()).select_from(LotteryTicket).where(_is_open(member_id, lottery_id))
    )
    return count or 0


def _is_open(member_id: int, lottery_id: int) -> ColumnElement[bool]:
    return and_(
        LotteryTicket.member_id == member_id,
        LotteryTicket.lottery_id == lottery_id,
        LotteryTicket.drawn_at.is_(None),
        LotteryTicket.void_at.is_(None),
    )


def count_bought(session: Session, member_id: int, lottery_id: int, day: date) -> int:
    """Return how many tickets the member bought on a Taipei day."""
    count = session.scalar(
        select(func.count()).where(
            LotteryTicket.member_id == member_id,
            LotteryTicket.lottery_id == lottery_id,
            LotteryTicket.got_on == day,
            LotteryTicket.key.startswith("bought:", autoescape=True),
        )
    )
    return count or 0


def void_tickets(session: Session, keys_start: str, now: datetime) -> int:
    """Take back the tickets of one cause that are not drawn yet; return how many."""
    gone = session.execute(
        update(LotteryTicket)
        .where(
            LotteryTicket.key.startswith(keys_start, autoescape=True),
            LotteryTicket.drawn_at.is_(None),
            LotteryTicket.void_at.is_(None),
        )
        .values(void_at=now)
        .returning(LotteryTicket.id)
    )
    return len(gone.all())
