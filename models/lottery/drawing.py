"""Tickets and draws: one draw a ticket, at odds that stand fixed, from a stock that ends."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.activity import ODDS_PPM, Lottery, LotteryPrize, Reward
from models.activity.giving import give, take_back
from models.local_day import local_day
from models.lottery.table import (
    CONSOLATION,
    NONE,
    PRIZE,
    Draw,
    LotteryClosed,
    NoTicket,
    TicketNotSold,
)
from models.member import Member
from models.points import post_points
from models.purchase.facts import Made, Undone
from models.ticket import LotteryTicket, add_ticket, count_bought

REASON = "lottery"
Odds = Sequence[Sequence[int]]
"""`(prize id, parts per million)` of each prize, in order."""
DrawNumber = Callable[[], int]


@dataclass(frozen=True)
class Drawn:
    """What a ticket brought; `is_repeat` where it had been drawn before."""

    draw: Draw
    prize: LotteryPrize | None
    is_repeat: bool


def draw_number() -> int:
    """Draw a number from 0 to 999,999 from the system's randomness, each as likely."""
    return secrets.randbelow(ODDS_PPM)


def pick(odds: Odds, number: int) -> int | None:
    """Return the id of the prize that `number` stands for, or None beyond all of them.

    The prizes lie end to end from 0, each as long as its odds in parts per million.
    """
    end = 0
    for prize_id, odds_ppm in odds:
        end += odds_ppm
        if number < end:
            return prize_id
    return None


def get_lottery(session: Session, code: str) -> Lottery:
    """Return the lottery with this code. Raises LotteryClosed where there is none."""
    lottery = session.scalars(select(Lottery).where(Lottery.code == code)).one_or_none()
    if lottery is None:
        raise LotteryClosed(lottery=code)
    return lottery


def list_prizes(session: Session, lottery_id: int) -> Sequence[LotteryPrize]:
    """Return a lottery's prizes, the first first, with what is left of each now."""
    return session.scalars(
        select(LotteryPrize)
        .where(LotteryPrize.lottery_id == lottery_id)
        .order_by(LotteryPrize.place)
        .execution_options(populate_existing=True)
    ).all()


def draw(
    session: Session,
    member: Member,
    ticket_id: int,
    now: datetime,
    *,
    number: DrawNumber = draw_number,
) -> Drawn:
    """Draw a ticket; one that was drawn shows its draw again. Raises NoTicket or LotteryClosed."""
    session.refresh(member, with_for_update=True)  # Two taps: the second finds the first's draw.
    ticket = session.scalars(
        select(LotteryTicket)
        .where(LotteryTicket.id == ticket_id, LotteryTicket.member_id == member.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if ticket is None or ticket.void_at is not None:
        raise NoTicket
    if ticket.drawn_at is not None:
        found = session.scalars(select(Draw).where(Draw.ticket_id == ticket.id)).one()
        return Drawn(found, _prize_of(session, found), is_repeat=True)
    lottery = session.get_one(Lottery, ticket.lottery_id)
    if not lottery.is_on(now):
        raise LotteryClosed(lottery=lottery.code)
    ticket.drawn_at = now
    made = _draw(session, lottery, ticket, number(), now)
    reward = Reward.from_words(made.reward)
    give(session, member, reward, reason=REASON, key=f"draw:{made.id}", now=now)
    return Drawn(made, _prize_of(session, made), is_repeat=False)


def _draw(
    session: Session, lottery: Lottery, ticket: LotteryTicket, number: int, now: datetime
) -> Draw:
    prizes = {prize.id: prize for prize in list_prizes(session, lottery.id)}
    odds = [[prize.id, prize.odds_ppm] for prize in prizes.values()]
    hit = pick(odds, number)
    is_won = hit is not None and _take_one(session, hit)
    outcome, reward = _outcome(lottery, prizes[hit] if hit is not None else None, is_won=is_won)
    made = Draw(
        lottery_id=lottery.id,
        member_id=ticket.member_id,
        ticket_id=ticket.id,
        number=number,
        odds=odds,
        hit_prize_id=hit,
        was_out_of_stock=hit is not None and not is_won,
        outcome=outcome,
        reward=reward,
        drawn_at=now,
    )
    session.add(made)
    session.flush()
    return made


def _take_one(session: Session, prize_id: int) -> bool:
    """Take one of the prize's stock, and tell whether there was one; winners at once wait."""
    taken = session.scalar(
        update(LotteryPrize)
        .where(LotteryPrize.id == prize_id, LotteryPrize.left > 0)
        .values(left=LotteryPrize.left - 1)
        .returning(LotteryPrize.id)
        .execution_options(synchronize_session=False)
    )
    return taken is not None


def _outcome(
    lottery: Lottery, hit: LotteryPrize | None, *, is_won: bool
) -> tuple[str, dict[str, Any]]:
    if hit is None:
        return NONE, {}
    if is_won:
        return PRIZE, hit.reward
    return (CONSOLATION, lottery.consolation) if lottery.consolation else (NONE, {})


def _prize_of(session: Session, made: Draw) -> LotteryPrize | None:
    if made.outcome != PRIZE or made.hit_prize_id is None:
        return None
    return session.get_one(LotteryPrize, made.hit_prize_id)


def buy_ticket(
    session: Session, member: Member, lottery: Lottery, *, key: str, now: datetime
) -> bool:
    """Sell a ticket for points and tell whether it is new: the same `key` buys one.

    Raises LotteryClosed, TicketNotSold, or InsufficientPoints.
    """
    if not lottery.is_on(now):
        raise LotteryClosed(lottery=lottery.code)
    if lottery.ticket_points is None:
        raise TicketNotSold(day_cap=0)
    session.refresh(member, with_for_update=True)
    ticket_key = f"bought:{member.id}:{key}"
    if _is_known(session, ticket_key):
        return False
    if count_bought(session, member.id, lottery.id, local_day(now)) >= lottery.ticket_day_cap:
        raise TicketNotSold(day_cap=lottery.ticket_day_cap)
    post_points(
        session,
        member,
        -lottery.ticket_points,
        reason=REASON,
        idempotency_key=f"ticket:{ticket_key}",
        now=now,
    )
    return add_ticket(session, lottery, member.id, key=ticket_key, now=now)


def _is_known(session: Session, ticket_key: str) -> bool:
    known = select(LotteryTicket.id).where(LotteryTicket.key == ticket_key)
    return session.scalar(known) is not None


def after_purchase(session: Session, made: Made) -> None:
    """Give the tickets a purchase earns: nothing is asked where no lottery gives any."""
    for lottery in made.programme.activity.lotteries:
        least_twd = lottery.purchase_twd
        if least_twd is None or made.purchase.net_twd < least_twd:
            continue
        if not lottery.is_on(made.purchase.purchased_at):
            continue
        add_ticket(
            session,
            lottery,
            made.member.id,
            key=f"purchase:{made.purchase.id}:{lottery.id}",
            now=made.now,
            purchase_id=made.purchase.id,
        )


def after_refund(session: Session, undone: Undone) -> None:
    """Take back the tickets a purchase earned no more; of drawn ones, what is not spent."""
    if not undone.programme.activity.has_purchase_lotteries:
        return
    least = {lottery.id: lottery.purchase_twd for lottery in undone.programme.activity.lotteries}
    tickets = session.scalars(
        select(LotteryTicket)
        .where(LotteryTicket.purchase_id == undone.purchase.id, LotteryTicket.void_at.is_(None))
        .order_by(LotteryTicket.id)
        .with_for_update()
    ).all()
    for ticket in tickets:
        if undone.net_after_twd < (least.get(ticket.lottery_id) or 0):
            _void(session, undone.member, ticket, undone.now)


def _void(session: Session, member: Member, ticket: LotteryTicket, now: datetime) -> None:
    ticket.void_at = now
    session.flush()
    if ticket.drawn_at is not None:
        made = session.scalars(select(Draw).where(Draw.ticket_id == ticket.id)).one()
        reward = Reward.from_words(made.reward)
        ticket.kept = take_back(session, member, reward, key=f"draw:{made.id}", now=now)
        session.flush()
