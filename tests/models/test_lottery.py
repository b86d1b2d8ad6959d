"""Lotteries: told odds, a counted stock, one draw a ticket, and draws that can be done again."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.activity import ODDS_PPM, Lottery, LotteryPrize, RewardRefused
from models.coupon import Coupon
from models.local_day import local_day
from models.lottery import (
    CONSOLATION,
    NONE,
    PRIZE,
    Draw,
    LotteryClosed,
    LotteryTicket,
    NoTicket,
    OddsRefused,
    TicketNotSold,
    add_lottery,
    add_prize,
    add_ticket,
    buy_ticket,
    close_lottery,
    count_open_tickets,
    draw,
    draw_number,
    find_next_ticket,
    get_lottery,
    list_draws,
    list_prizes,
    pick,
    verify_lottery,
)
from models.member import Member
from models.mission import MissionAward, note_event
from models.points import InsufficientPoints
from tests.conftest import NOON, Committed
from tests.models.shopping import buy, take_back
from tests.models.test_mission import make as make_mission

MakeMember = Callable[..., Member]
CHI_SQUARE_999 = 13.816
"""Beyond it lies one in a thousand of two degrees of freedom."""
_codes = count(1)


def make(session: Session, *prizes: tuple[int, int], **told: Any) -> Lottery:
    """Add a lottery with a prize for each (odds in parts per million, stock): 50 points each."""
    row: dict[str, Any] = {
        "code": f"lottery-{next(_codes)}",
        "name": {"zh-TW": "夏日抽獎"},
        "starts_at": NOON - timedelta(days=1),
        "ends_at": NOON + timedelta(days=30),
    }
    lottery = add_lottery(session, Lottery(**row | told))
    for odds_ppm, stock in prizes:
        prize = LotteryPrize(
            name={"zh-TW": "五十點"}, odds_ppm=odds_ppm, stock=stock, reward={"points": 50}
        )
        add_prize(session, lottery, prize)
    return lottery


def ticket_of(session: Session, member: Member, lottery: Lottery) -> int:
    """Give the member a ticket and return its id."""
    add_ticket(session, lottery, member.id, key=f"made:{next(_codes)}", now=NOON)
    found = session.scalars(select(LotteryTicket.id).order_by(LotteryTicket.id.desc())).first()
    assert found is not None
    return found


# --- the odds


def test_the_prizes_lie_end_to_end() -> None:
    """E-07: fixed odds in parts per million."""
    odds = [(1, 100), (2, 900)]

    picked = [pick(odds, number) for number in (0, 99, 100, 999, 1000, ODDS_PPM - 1)]

    assert picked == [1, 1, 2, 2, None, None]
    assert pick([(1, ODDS_PPM)], ODDS_PPM - 1) == 1
    assert pick([], 0) is None


def test_each_prize_comes_as_often_as_its_odds_say() -> None:
    """E-07: a chi-square test of the odds over 200,000 numbers from a fixed seed."""
    chance, draws = random.Random(20261122), 200_000
    odds = [(1, 50_000), (2, 250_000)]
    expected = {1: 0.05 * draws, 2: 0.25 * draws, None: 0.70 * draws}

    seen = Counter(pick(odds, chance.randrange(ODDS_PPM)) for _ in range(draws))

    chi_square = sum((seen[p] - n) ** 2 / n for p, n in expected.items())
    assert chi_square < CHI_SQUARE_999


def test_a_number_is_drawn_from_the_systems_randomness() -> None:
    numbers = {draw_number() for _ in range(50)}

    assert len(numbers) > 40
    assert all(0 <= number < ODDS_PPM for number in numbers)


def test_odds_beyond_one_are_refused_by_rule_and_by_database(session: Session) -> None:
    """E-07: all odds together are at most 1,000,000 parts per million."""
    lottery = make(session, (600_000, 1))

    with pytest.raises(OddsRefused) as refused:
        add_prize(session, lottery, LotteryPrize(name={}, odds_ppm=400_001, stock=1, reward={}))
    assert refused.value.facts["left_ppm"] == 400_000
    add_prize(session, lottery, LotteryPrize(name={}, odds_ppm=400_000, stock=1, reward={}))
    with pytest.raises(DBAPIError, match="more than one"), session.begin_nested():
        session.execute(update(LotteryPrize).values(odds_ppm=600_000))


def test_odds_stand_fixed_once_somebody_has_drawn(
    session: Session, make_member: MakeMember
) -> None:
    lottery, member = make(session, (10, 1)), make_member()
    draw(session, member, ticket_of(session, member, lottery), NOON)

    with pytest.raises(OddsRefused, match="has_draws"):
        add_prize(session, lottery, LotteryPrize(name={}, odds_ppm=10, stock=1, reward={}))


def test_a_lottery_that_promises_what_is_not_there_is_refused(session: Session) -> None:
    lottery = make(session)
    with pytest.raises(OddsRefused):
        make(session, code=lottery.code)
    with pytest.raises(RewardRefused):
        make(session, consolation={"coupon": "nothing of ours"})
    gold = LotteryPrize(name={}, odds_ppm=1, stock=1, reward={"badge": "gold"})
    with pytest.raises(RewardRefused):
        add_prize(session, lottery, gold)
    with pytest.raises(LotteryClosed):
        get_lottery(session, "nothing of ours")


# --- the draw


def test_a_ticket_is_drawn_once_however_often_it_is_tapped(
    session: Session, make_member: MakeMember
) -> None:
    """E-07: a double tap is one draw."""
    lottery, member = make(session, (ODDS_PPM, 5)), make_member()
    ticket = ticket_of(session, member, lottery)

    first = draw(session, member, ticket, NOON)
    again = draw(session, member, ticket, NOON + timedelta(seconds=1))

    assert (first.is_repeat, again.is_repeat) == (False, True)
    assert again.draw is first.draw
    assert first.prize is not None
    assert (member.points, first.prize.left) == (50, 4)
    assert count_open_tickets(session, member.id, lottery.id) == 0
    assert find_next_ticket(session, member.id, lottery.id) is None


def test_the_list_keeps_number_odds_and_outcome(session: Session, make_member: MakeMember) -> None:
    """E-07: the audit list of draws is append-only and holds all it takes to check one."""
    lottery, member = make(session, (10, 1), (20, 1)), make_member()
    prizes = [prize.id for prize in list_prizes(session, lottery.id)]

    made = draw(session, member, ticket_of(session, member, lottery), NOON, number=lambda: 29).draw

    assert (made.number, made.hit_prize_id, made.outcome) == (29, prizes[1], PRIZE)
    assert made.odds == [[prizes[0], 10], [prizes[1], 20]]
    assert [(d.id, n) for d, n in list_draws(session, lottery.id, limit=9)] == [
        (made.id, member.number)
    ]
    made.number = 5
    with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
        session.flush()


def test_a_prize_that_is_gone_gives_what_the_rule_says(
    session: Session, make_member: MakeMember
) -> None:
    """E-07: out of stock brings nothing, or the consolation, and the list says so."""
    member = make_member()
    plain = make(session, (ODDS_PPM, 0))
    kind = make(session, (ODDS_PPM, 0), consolation={"points": 3})

    nothing = draw(session, member, ticket_of(session, member, plain), NOON)
    little = draw(session, member, ticket_of(session, member, kind), NOON)

    assert (nothing.draw.outcome, nothing.draw.was_out_of_stock) == (NONE, True)
    assert (little.draw.outcome, little.draw.was_out_of_stock) == (CONSOLATION, True)
    assert (nothing.prize, little.prize, member.points) == (None, None, 3)


def test_a_miss_brings_nothing(session: Session, make_member: MakeMember) -> None:
    lottery, member = make(session, (10, 1), consolation={"points": 3}), make_member()

    made = draw(session, member, ticket_of(session, member, lottery), NOON, number=lambda: 10)

    assert (made.draw.outcome, made.draw.was_out_of_stock, member.points) == (NONE, False, 0)


def test_nobody_draws_anothers_ticket_nor_one_that_is_over(
    session: Session, make_member: MakeMember
) -> None:
    lottery, owner = make(session, (10, 1)), make_member()
    ticket = ticket_of(session, owner, lottery)

    with pytest.raises(NoTicket):
        draw(session, make_member(), ticket, NOON)
    with pytest.raises(LotteryClosed):
        draw(session, owner, ticket, lottery.ends_at)
    close_lottery(session, lottery)
    with pytest.raises(LotteryClosed):
        draw(session, owner, ticket, NOON)


def test_of_fifty_winners_at_once_three_get_the_three_prizes(committed: Committed) -> None:
    """E-07: stock 3 at odds of 100%, fifty threads: three winners, and the list adds up."""
    with committed.sessions.begin() as session:
        lottery = make(session, (ODDS_PPM, 3))
        lottery_id = lottery.id
        pairs = []
        for _ in range(50):
            member = committed.maker.member(session)
            pairs.append((member.id, ticket_of(session, member, lottery)))

    def tap(pair: tuple[int, int]) -> str:
        with committed.sessions.begin() as session:
            member = session.get_one(Member, pair[0])
            return draw(session, member, pair[1], NOON).draw.outcome

    with ThreadPoolExecutor(50) as threads:
        outcomes = Counter(threads.map(tap, pairs))

    assert outcomes == {PRIZE: 3, NONE: 47}
    with committed.sessions() as session:
        assert [prize.left for prize in list_prizes(session, lottery_id)] == [0]
        checked = verify_lottery(session, lottery_id)
        assert (checked.draws, checked.problems) == (50, [])


def test_twenty_taps_on_one_ticket_at_once_are_one_draw(committed: Committed) -> None:
    """E-07: the same ticket in parallel is drawn once."""
    with committed.sessions.begin() as session:
        lottery = make(session, (ODDS_PPM, 9))
        member = committed.maker.member(session)
        member_id, ticket = member.id, ticket_of(session, member, lottery)

    def tap(_: int) -> bool:
        with committed.sessions.begin() as session:
            return draw(session, session.get_one(Member, member_id), ticket, NOON).is_repeat

    with ThreadPoolExecutor(20) as threads:
        repeats = list(threads.map(tap, range(20)))

    assert repeats.count(False) == 1
    with committed.sessions() as session:
        assert session.get_one(Member, member_id).points == 50


# --- the check


def test_a_check_does_every_draw_again(session: Session, make_member: MakeMember) -> None:
    """E-07: `verify` recomputes each prize from the kept number, and counts the stock."""
    lottery, member = make(session, (300_000, 50), (300_000, 50)), make_member()
    for _ in range(30):
        draw(session, member, ticket_of(session, member, lottery), NOON)
    assert verify_lottery(session, lottery.id).problems == []

    prize = list_prizes(session, lottery.id)[0]
    session.add(
        Draw(
            lottery_id=lottery.id,
            member_id=member.id,
            ticket_id=ticket_of(session, member, lottery),
            number=ODDS_PPM - 1,
            odds=[[prize.id, prize.odds_ppm]],
            hit_prize_id=prize.id,
            was_out_of_stock=False,
            outcome=PRIZE,
            reward={},
            drawn_at=NOON,
        )
    )
    session.flush()

    found = verify_lottery(session, lottery.id)
    assert found.draws == 31
    assert [problem.split()[0] for problem in found.problems] == ["draw", "prize"]


# --- tickets


def test_a_purchase_of_enough_brings_a_ticket(session: Session, make_member: MakeMember) -> None:
    """E-07: a ticket for a purchase of NT$200 or more."""
    lottery, member = make(session, (10, 1), purchase_twd=200), make_member()
    make(session, (10, 1))

    buy(session, member, 199)
    buy(session, member, 200)

    assert count_open_tickets(session, member.id, lottery.id) == 1


def test_a_mission_brings_tickets(session: Session, make_member: MakeMember) -> None:
    """E-07, B-19: tickets as a mission's reward."""
    lottery, member = make(session, (10, 1)), make_member()
    reward = {"lottery": lottery.code, "tickets": 2}
    make_mission(session, event="survey", goal=1, reward=reward)

    note_event(session, member, "survey", key="answer:1", now=NOON)

    assert count_open_tickets(session, member.id, lottery.id) == 2


def test_points_buy_tickets_one_a_button_up_to_the_days_cap(
    session: Session, make_member: MakeMember
) -> None:
    """E-07, U10: a price in points, capped by member and Taipei day."""
    lottery = make(session, (10, 1), ticket_points=10, ticket_day_cap=2)
    member = make_member(points=45)

    assert buy_ticket(session, member, lottery, key="a", now=NOON)
    assert not buy_ticket(session, member, lottery, key="a", now=NOON)
    assert buy_ticket(session, member, lottery, key="b", now=NOON)
    with pytest.raises(TicketNotSold) as refused:
        buy_ticket(session, member, lottery, key="c", now=NOON)

    assert refused.value.facts == {"day_cap": 2}
    assert (member.points, count_open_tickets(session, member.id, lottery.id)) == (25, 2)
    tomorrow = NOON + timedelta(days=1)
    assert buy_ticket(session, member, lottery, key="c", now=tomorrow)
    assert local_day(tomorrow) > local_day(NOON)


def test_a_ticket_that_cannot_be_bought_costs_nothing(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member(points=5)

    with pytest.raises(InsufficientPoints):
        buy_ticket(session, member, make(session, ticket_points=10), key="a", now=NOON)
    with pytest.raises(TicketNotSold):
        buy_ticket(session, member, make(session), key="a", now=NOON)
    lottery = make(session, ticket_points=1)
    with pytest.raises(LotteryClosed):
        buy_ticket(session, member, lottery, key="a", now=lottery.ends_at)
    assert member.points == 5


def test_a_refund_takes_the_ticket_back_or_what_it_won(
    session: Session, make_member: MakeMember
) -> None:
    """X11: a refunded purchase leaves no ticket, and no unspent prize."""
    lottery, member = make(session, (ODDS_PPM, 9), purchase_twd=100), make_member()
    first, second = buy(session, member), buy(session, member)
    ticket = find_next_ticket(session, member.id, lottery.id)
    assert ticket is not None
    draw(session, member, ticket, NOON)
    before = member.points

    take_back(session, member, second)
    assert count_open_tickets(session, member.id, lottery.id) == 0
    take_back(session, member, first)

    drawn = session.get_one(LotteryTicket, ticket, populate_existing=True)
    assert (drawn.drawn_at is not None, drawn.void_at is not None, drawn.kept) == (True, True, None)
    assert before - member.points == 50 + first.points_earned + second.points_earned
    with pytest.raises(NoTicket):
        draw(session, member, ticket, NOON)


def test_a_refund_above_the_least_spend_keeps_the_ticket(
    session: Session, make_member: MakeMember
) -> None:
    lottery, member = make(session, (10, 1), purchase_twd=100), make_member()
    purchase = buy(session, member, 150)

    take_back(session, member, purchase, 50)

    assert count_open_tickets(session, member.id, lottery.id) == 1


def test_drawn_tickets_and_used_coupons_of_a_mission_stay_and_are_named(
    session: Session, make_member: MakeMember
) -> None:
    lottery, member = make(session, (10, 1)), make_member()
    reward = {"lottery": lottery.code, "tickets": 2, "coupon": "welcome"}
    make_mission(session, goal=1, reward=reward)
    purchase = buy(session, member)
    ticket = find_next_ticket(session, member.id, lottery.id)
    assert ticket is not None
    draw(session, member, ticket, NOON)
    session.execute(update(Coupon).where(Coupon.member_id == member.id).values(state="void"))

    take_back(session, member, purchase)

    award = session.scalars(select(MissionAward)).one()
    assert award.kept == "coupon, 1 tickets"
    assert count_open_tickets(session, member.id, lottery.id) == 0
