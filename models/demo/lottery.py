"""The demo's lottery of the year's end, with tickets to draw."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import lottery as lotteries
from models.activity import Lottery, LotteryPrize
from models.demo.people import FIRST_NUMBER
from models.local_day import day_start, local_day
from models.lottery import add_prize, add_ticket, draw, find_next_ticket
from models.member import Member

RUNS_DAYS = 45
TICKETS = 2
PLAYERS = 4

PRIZES = (
    (
        {"zh-TW": "一等獎：點數 500 點", "en": "1st: 500 points", "ja": "1等：500ポイント"},
        1_000,
        3,
        {"points": 500},
    ),
    (
        {"zh-TW": "二等獎：中杯飲品", "en": "2nd: a medium drink", "ja": "2等：ドリンク M 1 杯"},
        50_000,
        100,
        {"coupon": "stamp_reward"},
    ),
    (
        {"zh-TW": "三等獎：點數 10 點", "en": "3rd: 10 points", "ja": "3等：10ポイント"},
        300_000,
        1_000,
        {"points": 10},
    ),
)
"""Name, odds in parts per million, stock and reward."""


def add_lottery(session: Session, now: datetime) -> None:
    """Open the lottery; a few have drawn, and the member everybody knows has tickets left."""
    lottery = lotteries.add_lottery(
        session,
        Lottery(
            code="year-end",
            name={"zh-TW": "歲末感恩抽獎", "en": "Year-end draw", "ja": "年末感謝抽選会"},
            starts_at=day_start(local_day(now) - timedelta(days=3)),
            ends_at=day_start(local_day(now) + timedelta(days=RUNS_DAYS)),
            ticket_points=20,
            purchase_twd=200,
            consolation={"points": 5},
        ),
    )
    for name, odds_ppm, stock, reward in PRIZES:
        add_prize(
            session, lottery, LotteryPrize(name=name, odds_ppm=odds_ppm, stock=stock, reward=reward)
        )
    players = session.scalars(
        select(Member)
        .where(Member.erased_at.is_(None))
        .order_by((Member.number == FIRST_NUMBER).desc(), Member.last_purchase_on.desc(), Member.id)
        .limit(PLAYERS)
    ).all()
    for member in players:
        for number in range(TICKETS):
            add_ticket(session, lottery, member.id, key=f"demo:{member.id}:{number}", now=now)
        ticket = find_next_ticket(session, member.id, lottery.id)
        if member.number != FIRST_NUMBER and ticket is not None:
            draw(session, member, ticket, now)
