"""Lotteries: published odds, a counted stock, one draw a ticket, and a list that can be checked.

What a shop says of its prizes must be true and not misleading (公平交易法第 21 條), so the card
tells the odds, how many there are and how many are left before anybody draws.
"""

from models.lottery.auditing import Verified, list_draws, verify_lottery
from models.lottery.drawing import (
    Drawn,
    after_purchase,
    after_refund,
    buy_ticket,
    draw,
    draw_number,
    get_lottery,
    list_prizes,
    pick,
)
from models.lottery.setting import add_lottery, add_prize, close_lottery
from models.lottery.table import (
    CONSOLATION,
    NONE,
    PRIZE,
    Draw,
    LotteryClosed,
    NoTicket,
    OddsRefused,
    TicketNotSold,
)
from models.ticket import LotteryTicket, add_ticket, count_open_tickets, find_next_ticket

__all__ = [
    "CONSOLATION",
    "NONE",
    "PRIZE",
    "Draw",
    "Drawn",
    "LotteryClosed",
    "LotteryTicket",
    "NoTicket",
    "OddsRefused",
    "TicketNotSold",
    "Verified",
    "add_lottery",
    "add_prize",
    "add_ticket",
    "after_purchase",
    "after_refund",
    "buy_ticket",
    "close_lottery",
    "count_open_tickets",
    "draw",
    "draw_number",
    "find_next_ticket",
    "get_lottery",
    "list_draws",
    "list_prizes",
    "pick",
    "verify_lottery",
]
