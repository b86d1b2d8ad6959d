"""The list of draws, and what a lottery refuses."""

from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.activity import ODDS_PPM
from models.base import Base, BusinessError, Identifier, Moment, one_of

OUTCOMES = ("prize", "consolation", "none")
PRIZE, CONSOLATION, NONE = OUTCOMES


class Draw(Base):
    """One ticket drawn. Never changed: with its number and the odds then, anyone can redo it."""

    __tablename__ = "draw"
    __table_args__ = (
        CheckConstraint(one_of("outcome", OUTCOMES), name="outcome_known"),
        CheckConstraint(f"number >= 0 AND number < {ODDS_PPM}", name="number_in_range"),
        CheckConstraint("outcome <> 'prize' OR hit_prize_id IS NOT NULL", name="prize_was_hit"),
        CheckConstraint("NOT was_out_of_stock OR outcome <> 'prize'", name="stock_was_there"),
        Index("ix_draw_lottery_id", "lottery_id", "id"),
        Index("ix_draw_member_id", "member_id", "id"),
    )

    id: Mapped[Identifier]
    lottery_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("lottery.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    ticket_id: Mapped[int] = mapped_column(ForeignKey("lottery_ticket.id"), unique=True)
    number: Mapped[int]
    """Drawn from the system's randomness, 0 to 999,999, each as likely."""
    odds: Mapped[list[list[int]]] = mapped_column(JSON)
    """`[[prize id, parts per million], …]` in their order, as they were."""
    hit_prize_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("lottery_prize.id"))
    """The prize the number stands for; None beyond all of them."""
    was_out_of_stock: Mapped[bool]
    outcome: Mapped[str]
    reward: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What was given for it."""
    drawn_at: Mapped[Moment]


class LotteryClosed(BusinessError):
    """The lottery has not begun, is over, or there is none of this code."""

    code = "lottery_closed"


class NoTicket(BusinessError):
    """The ticket is not this member's, or was taken back."""

    code = "no_ticket"


class TicketNotSold(BusinessError):
    """No ticket of this lottery is sold for points, or no more of them today."""

    code = "ticket_not_sold"


class OddsRefused(BusinessError):
    """The odds come to more than one, or would change under those who have drawn."""

    code = "odds_refused"
