"""Lotteries: what there is to win, a ticket for points, and the draw."""

import secrets

from bot import Message
from bot.activity_views import DrawnView, LotteryView, PrizeView
from bot.cards.lottery import drawn_card, lottery_cards, lottery_refused
from bot.postback import Action
from handlers.line import Turn, on_member
from handlers.line.referral import gift_view
from models.activity import Lottery
from models.base import BusinessError, in_language
from models.lottery import (
    Drawn,
    LotteryClosed,
    NoTicket,
    TicketNotSold,
    buy_ticket,
    draw,
    get_lottery,
    list_prizes,
)
from models.member import Member
from models.points import InsufficientPoints
from models.ticket import count_open_tickets, find_next_ticket

KEY_BYTES = 8


@on_member("postback", Action.SHOW_LOTTERY)
def show_lottery(turn: Turn, member: Member) -> list[Message]:
    """A member taps 抽獎: odds, stock and their tickets, before anything is drawn."""
    lotteries = turn.programme.activity.lotteries
    views = [_view(turn, member, lottery) for lottery in lotteries if lottery.is_on(turn.now)]
    return lottery_cards(turn.texts, views)


@on_member("postback", Action.DRAW_LOTTERY)
def draw_lottery(turn: Turn, member: Member) -> list[Message]:
    """A member taps 抽一次: that ticket's draw, however often it is tapped."""
    try:
        drawn = draw(turn.session, member, turn.number("ticket"), turn.now)
    except (NoTicket, LotteryClosed) as refused:
        return _refused(turn, refused)
    return drawn_card(turn.texts, _drawn(turn, member, drawn))


@on_member("postback", Action.BUY_TICKET)
def take_points_for_ticket(turn: Turn, member: Member) -> list[Message]:
    """A member pays points for a ticket: one a button, however often it is tapped."""
    fields = turn.postback.fields
    try:
        lottery = get_lottery(turn.session, fields.get("lottery", ""))
        buy_ticket(turn.session, member, lottery, key=fields.get("key", ""), now=turn.now)
    except (LotteryClosed, TicketNotSold, InsufficientPoints) as refused:
        return _refused(turn, refused)
    return show_lottery(turn, member)


def _refused(turn: Turn, refused: BusinessError) -> list[Message]:
    return lottery_refused(turn.texts, refused.code, day_cap=refused.facts.get("day_cap", 0))


def _view(turn: Turn, member: Member, lottery: Lottery) -> LotteryView:
    language = turn.texts.language
    ticket = find_next_ticket(turn.session, member.id, lottery.id)
    return LotteryView(
        code=lottery.code,
        name=in_language(lottery.name, language),
        ends_at=lottery.ends_at,
        prizes=tuple(
            PrizeView(in_language(prize.name, language), prize.odds_ppm, prize.stock, prize.left)
            for prize in list_prizes(turn.session, lottery.id)
        ),
        tickets=count_open_tickets(turn.session, member.id, lottery.id),
        ticket_id=str(ticket) if ticket is not None else None,
        ticket_points=lottery.ticket_points,
        purchase_twd=lottery.purchase_twd,
        day_cap=lottery.ticket_day_cap,
        consolation=gift_view(turn, lottery.consolation) if lottery.consolation else None,
        buy_key=secrets.token_hex(KEY_BYTES),
    )


def _drawn(turn: Turn, member: Member, drawn: Drawn) -> DrawnView:
    made, session, language = drawn.draw, turn.session, turn.texts.language
    ticket = find_next_ticket(session, member.id, made.lottery_id)
    return DrawnView.from_words(
        {
            "lottery_name": in_language(session.get_one(Lottery, made.lottery_id).name, language),
            "outcome": made.outcome,
            "number": made.number,
            "drawn_at": made.drawn_at,
            "reward": gift_view(turn, made.reward),
            "prize_name": in_language(drawn.prize.name, language) if drawn.prize else None,
            "was_out_of_stock": made.was_out_of_stock,
            "tickets_left": count_open_tickets(session, member.id, made.lottery_id),
            "next_ticket_id": str(ticket) if ticket is not None else None,
        }
    )
