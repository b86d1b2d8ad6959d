"""Stamp cards: what a visit earns, full cards in a row, cards that lapse, refunds, by hand."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.coupon import Coupon, CouponTemplate
from models.local_day import day_start, local_day
from models.member import Member
from models.programme import Programme, get_programme
from models.purchase import Purchase, PurchaseLine, Refund, Undone
from models.shop import find_store
from models.stamp_card import (
    EarnedStamps,
    NoSuchStampProgramme,
    StampBonus,
    StampCard,
    StampEntry,
    StampProgramme,
    StampRuleRefused,
    StampsRefused,
    add_stamp_programme,
    after_refund,
    count_stamps,
    earned_stamps,
    get_stamp_programme,
    give_stamps,
    held_cards,
    list_entries,
    list_held_cards,
    post_stamps,
    set_active,
    shown_stamps,
    stamps_for,
)
from models.stamp_card.ending import expire_cards, list_members_with_ended_cards
from tests.conftest import NOON, Committed

MakeMember = Callable[..., Member]
TODAY = local_day(NOON)  # A Sunday.
DAY = timedelta(days=1)


def card_of(**columns: Any) -> StampProgramme:
    """Make a programme of five stamps a card that is nobody's yet."""
    given: dict[str, Any] = {
        "code": f"card-{uuid4().hex[:8]}",
        "name": {"zh-TW": "集點卡"},
        "size": 5,
        "min_spend_twd": 50,
        "bonuses": [],
        "is_active": True,
    }
    return StampProgramme(**given | columns)


def kept_card(session: Session, **told: Any) -> StampProgramme:
    """Add a programme of five stamps a card to the shop."""
    given: dict[str, Any] = {
        "code": f"card-{uuid4().hex[:8]}",
        "name": {"zh-TW": "集點卡"},
        "size": 5,
        "reward_code": "stamp_reward",
    }
    return add_stamp_programme(session, **given | told)


def sell(session: Session, member: Member, stamps: int, at: datetime = NOON) -> Purchase:
    """Give the member a sale of as many NT$100 as it shall bring stamps of 100 a piece."""
    store = find_store(session, "TP01")
    assert store is not None
    purchase = Purchase(
        member_id=member.id,
        store_id=store.id,
        amount_twd=100 * stamps,
        paid_twd=100 * stamps,
        points_earned=0,
        stamps_added=stamps,
        purchased_at=at,
        purchased_on=local_day(at),
        idempotency_key=f"sale:{uuid4()}",
    )
    session.add(purchase)
    session.flush()
    return purchase


def stamp_sale(
    session: Session, member: Member, card: StampProgramme, stamps: int, at: datetime = NOON
) -> Purchase:
    """Stamp a sale as checkout does."""
    purchase = sell(session, member, stamps, at)
    post_stamps(
        session,
        member.id,
        (EarnedStamps(card, stamps),),
        reason="purchase",
        idempotency_key=purchase.idempotency_key,
        now=at,
        purchase_id=purchase.id,
    )
    return purchase


def take_back(
    session: Session, member: Member, purchase: Purchase, amount_twd: int, at: datetime = NOON
) -> None:
    """Refund part of a sale as checkout does."""
    before = purchase.net_twd
    purchase.refunded_twd += amount_twd
    refund = Refund(
        purchase_id=purchase.id,
        member_id=member.id,
        store_id=purchase.store_id,
        amount_twd=amount_twd,
        reason="returned",
        is_full=purchase.net_twd == 0,
        refunded_at=at,
        refunded_on=local_day(at),
        idempotency_key=f"refund:{uuid4()}",
    )
    session.add(refund)
    session.flush()
    after_refund(
        session,
        Undone(
            member=member,
            purchase=purchase,
            refund=refund,
            net_before_twd=before,
            net_after_twd=purchase.net_twd,
            programme=get_programme(session),
            now=at,
            today=local_day(at),
        ),
    )


def rewards(session: Session, member: Member) -> list[tuple[str, str]]:
    """Return number and state of each of the member's stamp rewards."""
    found = session.scalars(
        select(Coupon)
        .where(Coupon.member_id == member.id, Coupon.issue_key.startswith("stamps:"))
        .order_by(Coupon.id)
        .execution_options(populate_existing=True)
    )
    return [(coupon.issue_key.rpartition(":")[2], coupon.state) for coupon in found]


# --- what a visit earns


def test_a_visit_earns_one_stamp_from_the_least_amount_on() -> None:
    card = card_of()
    assert stamps_for(card, 49, (), "till", TODAY) == 0
    assert stamps_for(card, 50, (), "till", TODAY) == 1
    assert stamps_for(card, 5_000, (), "till", TODAY) == 1


def test_money_earns_a_stamp_for_each_whole_step() -> None:
    card = card_of(per_twd=60, min_spend_twd=0)
    assert [stamps_for(card, paid, (), "till", TODAY) for paid in (59, 60, 119, 600)] == [
        0,
        1,
        1,
        10,
    ]


@pytest.mark.parametrize(
    ("bonus", "stamps"),
    [
        (StampBonus("weekday", 1, weekdays=(7,)), 2),
        (StampBonus("weekday", 1, weekdays=(1, 2)), 1),
        (StampBonus("category", 2, category="鮮奶茶"), 3),
        (StampBonus("category", 2, category="果茶"), 1),
        (StampBonus("first_visit", 3), 4),
        (StampBonus("window", 1, starts_on=TODAY, ends_on=TODAY + DAY), 2),
        (StampBonus("window", 1, ends_on=TODAY), 1),
        (StampBonus("window", 1, starts_on=TODAY + DAY), 1),
    ],
)
def test_a_bonus_comes_on_top_when_it_holds(bonus: StampBonus, stamps: int) -> None:
    card = card_of(bonuses=[bonus.to_words()])
    lines = [("鮮奶茶", 65), (None, 5)]
    assert stamps_for(card, 70, lines, "till", TODAY, is_first=True) == stamps
    assert StampBonus.from_words(bonus.to_words()) == bonus


def test_a_visit_below_the_least_amount_gets_no_bonus_either() -> None:
    card = card_of(bonuses=[StampBonus("first_visit", 3).to_words()])
    assert stamps_for(card, 49, (), "till", TODAY, is_first=True) == 0


def test_a_programme_stamps_from_its_first_day_until_before_its_end() -> None:
    card = card_of(starts_on=TODAY, ends_on=TODAY + 2 * DAY)
    days = [TODAY - DAY, TODAY, TODAY + DAY, TODAY + 2 * DAY]
    assert [stamps_for(card, 50, (), "till", day) for day in days] == [0, 1, 1, 0]


def test_a_stopped_programme_and_another_channel_stamp_nothing() -> None:
    assert stamps_for(card_of(is_active=False), 50, (), "till", TODAY) == 0
    assert stamps_for(card_of(channel="web"), 50, (), "till", TODAY) == 0
    assert stamps_for(card_of(channel="web"), 50, (), "web", TODAY) == 1


def test_several_programmes_earn_side_by_side() -> None:
    """A-01: several cards at once."""
    visit, money, closed = card_of(), card_of(per_twd=30), card_of(is_active=False)
    earned = earned_stamps((visit, money, closed), 90, (), "till", TODAY)
    assert [(each.programme, each.stamps) for each in earned] == [(visit, 1), (money, 3)]


@pytest.mark.parametrize(
    "told",
    [
        {"kind": "weekday", "stamps": 1},
        {"kind": "weekday", "stamps": 1, "weekdays": (0,)},
        {"kind": "category", "stamps": 1},
        {"kind": "window", "stamps": 1},
        {"kind": "luck", "stamps": 1},
        {"kind": "first_visit", "stamps": 0},
        {"kind": "first_visit", "stamps": 21},
        {"kind": "first_visit", "stamps": 1, "starts_on": TODAY, "ends_on": TODAY},
    ],
)
def test_a_bonus_that_makes_no_sense_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(StampRuleRefused):
        StampBonus(**told)


@pytest.mark.parametrize(
    "told",
    [
        {"size": 1},
        {"size": 51},
        {"min_spend_twd": -1},
        {"per_twd": 0},
        {"card_days": 0},
        {"starts_on": TODAY, "ends_on": TODAY},
    ],
)
def test_a_programme_that_makes_no_sense_is_refused(session: Session, told: dict[str, Any]) -> None:
    with pytest.raises(StampRuleRefused):
        kept_card(session, **told)


# --- moving stamps


@pytest.mark.parametrize(
    ("stamps", "shown"), [(0, 0), (1, 1), (9, 9), (10, 10), (11, 1), (20, 10), (21, 1)]
)
def test_a_card_just_filled_shows_full(stamps: int, shown: int) -> None:
    assert shown_stamps(stamps, 10) == shown


def test_stamps_add_up_and_every_one_is_explained(
    session: Session, make_member: MakeMember
) -> None:
    """U6: a stamp has an entry that names its sale; nobody stamps a card by a code on the wall."""
    member, card = make_member(), kept_card(session)
    sales = [stamp_sale(session, member, card, 2) for _ in range(2)]
    entries = list_entries(session, member.id, card.id)
    assert [(entry.delta, entry.purchase_id) for entry in entries] == [
        (2, sale.id) for sale in sales
    ]
    assert count_stamps(session, member.id, card) == 4


def test_a_full_card_brings_its_reward_and_a_new_card_begins(
    session: Session, make_member: MakeMember
) -> None:
    member, card = make_member(), kept_card(session)
    for _ in range(6):
        stamp_sale(session, member, card, 1)
    assert rewards(session, member) == [("1", "issued")]
    held = list_held_cards(session, member.id, (card,), TODAY)[0]
    assert (held.shown, held.words("zh-TW")["filled_cards"]) == (1, 1)


def test_one_sale_may_fill_several_cards_in_a_row(
    session: Session, make_member: MakeMember
) -> None:
    member, card = make_member(), kept_card(session)
    stamp_sale(session, member, card, 13)
    assert rewards(session, member) == [("1", "issued"), ("2", "issued")]
    assert held_cards(session, member.id)[card.id] == (13, None)


def test_another_members_card_is_another(session: Session, make_member: MakeMember) -> None:
    card, stamped, other = kept_card(session), make_member(), make_member()
    stamp_sale(session, stamped, card, 1)
    assert count_stamps(session, other.id, card) == 0


def test_a_reward_no_longer_offered_does_not_stop_the_stamp(
    session: Session, make_member: MakeMember
) -> None:
    member, card = make_member(), kept_card(session)
    reward = session.scalars(select(CouponTemplate).where(CouponTemplate.code == "stamp_reward"))
    reward.one().is_active = False
    session.flush()
    stamp_sale(session, member, card, 5)
    assert count_stamps(session, member.id, card) == 5
    assert rewards(session, member) == []


def test_entries_refuse_to_be_changed(session: Session, make_member: MakeMember) -> None:
    stamp_sale(session, make_member(), kept_card(session), 1)
    with pytest.raises(DBAPIError, match="append-only"):
        session.execute(text("UPDATE stamp_entry SET delta = 100"))


def test_stamps_at_once_all_count(committed: Committed) -> None:
    with committed.sessions.begin() as session:
        member_id = committed.maker.member(session).id
        card = get_stamp_programme(session, "main")

    def give(number: int) -> int:
        with committed.sessions.begin() as session:
            return give_stamps(
                session,
                member_id,
                get_stamp_programme(session, card.code),
                1,
                staff_id=None,
                note="開幕活動",
                idempotency_key=f"race:{number // 2}",
                now=NOON,
            )

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(give, range(40)))
    with committed.sessions() as session:
        assert count_stamps(session, member_id, card) == 20
        total = select(func.sum(StampEntry.delta)).where(StampEntry.member_id == member_id)
        assert session.scalar(total) == 20
        assert len(session.scalars(select(Coupon).where(Coupon.member_id == member_id)).all()) == 2


# --- by hand


def test_by_hand_stamps_need_a_reason_and_are_within_reason(
    session: Session, make_member: MakeMember
) -> None:
    member, card = make_member(), kept_card(session)

    def give(stamps: int, note: str = "補章", key: str = "hand:1") -> int:
        return give_stamps(
            session,
            member.id,
            card,
            stamps,
            staff_id=None,
            note=note,
            idempotency_key=key,
            now=NOON,
        )

    for stamps, note in ((0, "補章"), (21, "補章"), (2, " "), (-1, "多蓋了")):
        with pytest.raises(StampsRefused):
            give(stamps, note)
    assert give(3) == 3
    assert give(3) == 3
    with pytest.raises(StampsRefused):
        give(2)
    assert give(-2, "蓋錯卡", "hand:2") == 1
    assert give(-2, "蓋錯卡", "hand:2") == 1
    notes = [entry.note for entry in list_entries(session, member.id, card.id)]
    assert notes == ["補章", "蓋錯卡"]


# --- cards that lapse


def test_a_card_lapses_on_its_day_at_midnight_in_taipei(
    session: Session, make_member: MakeMember
) -> None:
    member, card = make_member(), kept_card(session, card_days=30)
    stamp_sale(session, member, card, 3)
    ends_on = TODAY + 30 * DAY
    last_second = day_start(ends_on) - timedelta(seconds=1)
    assert list_members_with_ended_cards(session, local_day(last_second), 10) == []
    assert list_held_cards(session, member.id, (card,), local_day(last_second))[0].shown == 3
    midnight = day_start(ends_on)
    assert list_held_cards(session, member.id, (card,), local_day(midnight))[0].shown == 0
    assert list_members_with_ended_cards(session, local_day(midnight), 10) == [member.id]
    assert expire_cards(session, [member.id], midnight) == 3
    assert expire_cards(session, [member.id], midnight) == 0
    assert count_stamps(session, member.id, card) == 0
    assert [entry.delta for entry in list_entries(session, member.id, card.id)] == [3, -3]


def test_a_card_begun_on_29_february_counts_its_days(
    session: Session, make_member: MakeMember
) -> None:
    member, card = make_member(), kept_card(session, card_days=366)
    stamp_sale(session, member, card, 1, datetime(2028, 2, 28, 16, 30, tzinfo=UTC))
    assert held_cards(session, member.id)[card.id] == (1, date(2029, 3, 1))


def test_a_full_card_never_lapses_and_only_the_last_card_does(
    session: Session, make_member: MakeMember
) -> None:
    member, card = make_member(), kept_card(session, card_days=30)
    stamp_sale(session, member, card, 5)
    assert held_cards(session, member.id)[card.id] == (5, None)
    stamp_sale(session, member, card, 2, NOON + 10 * DAY)
    assert held_cards(session, member.id)[card.id] == (7, TODAY + 40 * DAY)
    expire_cards(session, [member.id], NOON + 41 * DAY)
    assert count_stamps(session, member.id, card) == 5
    assert rewards(session, member) == [("1", "issued")]


def test_a_sale_before_the_nights_job_ends_the_old_card_itself(
    session: Session, make_member: MakeMember
) -> None:
    member, card = make_member(), kept_card(session, card_days=30)
    stamp_sale(session, member, card, 4)
    stamp_sale(session, member, card, 1, NOON + 30 * DAY)
    assert held_cards(session, member.id)[card.id] == (1, TODAY + 60 * DAY)
    deltas = [entry.delta for entry in list_entries(session, member.id, card.id)]
    assert deltas == [4, -4, 1]
    assert rewards(session, member) == []


# --- refunds


def test_a_refund_takes_back_what_the_rest_no_longer_earns(
    session: Session, make_member: MakeMember
) -> None:
    """U8, X11: stamps go back with the money, down to the NT$."""
    member, card = make_member(), kept_card(session, per_twd=100)
    purchase = stamp_sale(session, member, card, 3)
    take_back(session, member, purchase, 1)
    assert count_stamps(session, member.id, card) == 2
    take_back(session, member, purchase, 99)
    assert count_stamps(session, member.id, card) == 2
    take_back(session, member, purchase, 200)
    assert count_stamps(session, member.id, card) == 0


def test_an_unused_reward_of_a_card_no_longer_full_is_voided_and_comes_back(
    session: Session, make_member: MakeMember
) -> None:
    """U13, X11: the reward follows the card both ways."""
    member, card = make_member(), kept_card(session, per_twd=100)
    stamp_sale(session, member, card, 4)
    last = stamp_sale(session, member, card, 1)
    assert rewards(session, member) == [("1", "issued")]
    take_back(session, member, last, 100)
    assert rewards(session, member) == [("1", "void")]
    stamp_sale(session, member, card, 1, NOON + DAY)
    assert rewards(session, member) == [("1", "issued")]
    coupon = session.scalars(select(Coupon).where(Coupon.member_id == member.id)).one()
    assert coupon.is_usable(NOON + DAY)


def test_a_used_reward_is_not_given_a_second_time(
    session: Session, make_member: MakeMember
) -> None:
    """U8, X11: buying, using, returning and buying again brings one drink, not two."""
    member, card = make_member(), kept_card(session, per_twd=100)
    purchase = stamp_sale(session, member, card, 5)
    coupon = session.scalars(select(Coupon).where(Coupon.member_id == member.id)).one()
    coupon.move("redeemed", "test", NOON)
    session.flush()
    take_back(session, member, purchase, 500)
    assert rewards(session, member) == [("1", "redeemed")]
    stamp_sale(session, member, card, 5, NOON + DAY)
    assert rewards(session, member) == [("1", "redeemed")]
    stamp_sale(session, member, card, 5, NOON + 2 * DAY)
    assert rewards(session, member) == [("1", "redeemed"), ("2", "issued")]


def test_a_refund_of_lapsed_stamps_takes_nothing_else(
    session: Session, make_member: MakeMember
) -> None:
    """X11: what lapsed is not taken twice."""
    member, card = make_member(), kept_card(session, per_twd=100, card_days=10)
    old = stamp_sale(session, member, card, 3)
    stamp_sale(session, member, card, 2, NOON + 20 * DAY)
    take_back(session, member, old, 300, NOON + 21 * DAY)
    assert count_stamps(session, member.id, card) == 2


def test_a_card_that_a_refund_opens_after_its_day_is_gone(
    session: Session, make_member: MakeMember
) -> None:
    """X11: without the purchase the card would have lapsed, and so it does."""
    member, card = make_member(), kept_card(session, per_twd=100, card_days=10)
    stamp_sale(session, member, card, 3)
    last = stamp_sale(session, member, card, 2, NOON + DAY)
    take_back(session, member, last, 200, NOON + 20 * DAY)
    assert held_cards(session, member.id)[card.id] == (0, None)
    assert rewards(session, member) == [("1", "void")]


def test_a_category_bonus_goes_back_with_its_item(
    session: Session, make_member: MakeMember
) -> None:
    """X11: the bonus of an item given back is taken, the visit's stamp stays."""
    bonus = StampBonus("category", 2, category="鮮奶茶")
    member, card = make_member(), kept_card(session, bonuses=[bonus])
    purchase = stamp_sale(session, member, card, 3)
    line = PurchaseLine(
        purchase_id=purchase.id,
        line_no=1,
        name="鮮奶茶",
        category="鮮奶茶",
        quantity=1,
        amount_twd=65,
    )
    session.add(line)
    session.flush()
    take_back(session, member, purchase, 10)
    assert count_stamps(session, member.id, card) == 3
    line.refunded_quantity = 1
    take_back(session, member, purchase, 55)
    assert count_stamps(session, member.id, card) == 1


def test_a_refund_of_an_unstamped_sale_asks_nothing(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    purchase = sell(session, member, 1)
    purchase.stamps_added = 0
    take_back(session, member, purchase, 100)
    assert session.scalar(select(func.count(StampEntry.id))) == 0


# --- random lives against a recomputation from scratch


@dataclass
class Model:
    """The stamps in a row as (sale, day), and the rewards as they should be."""

    size: int
    days: int | None
    row: list[tuple[int, date]] = field(default_factory=list)
    used: set[int] = field(default_factory=set)

    def lapse(self, today: date) -> None:
        full = len(self.row) // self.size * self.size
        if self.days and len(self.row) > full and self.row[full][1] + self.days * DAY <= today:
            del self.row[full:]

    def stamp(self, sale: int, stamps: int, today: date) -> None:
        self.lapse(today)
        self.row += [(sale, today)] * stamps

    def take_back(self, sale: int, kept: int, today: date) -> None:
        own = [place for place, (of, _) in enumerate(self.row) if of == sale]
        for place in reversed(own[kept:]):
            del self.row[place]
        if own[kept:]:
            self.lapse(today)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("buy"), st.integers(1, 12), st.just(0)),
        st.tuples(st.just("refund"), st.integers(0, 20), st.integers(1, 1200)),
        st.tuples(st.just("wait"), st.integers(1, 9), st.just(0)),
        st.tuples(st.just("night"), st.just(0), st.just(0)),
        st.tuples(st.just("use"), st.integers(0, 5), st.just(0)),
    ),
    max_size=14,
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS, days=st.none() | st.integers(3, 20))
def test_any_life_of_a_card_equals_its_recomputation(
    session: Session, make_member: MakeMember, steps: list[Any], days: int | None
) -> None:
    """X11, U8, U13: sum of entries = card = the row of stamps laid out again; one reward a card."""
    member, card = make_member(), kept_card(session, per_twd=100, card_days=days)
    model, sales, now = Model(card.size, days), list[Purchase](), NOON
    for what, number, amount in steps:
        if what == "buy":
            sales.append(stamp_sale(session, member, card, number, now))
            model.stamp(sales[-1].id, number, local_day(now))
        elif what == "refund" and sales and (sale := sales[number % len(sales)]).net_twd:
            take_back(session, member, sale, min(amount, sale.net_twd), now)
            model.take_back(sale.id, sale.net_twd // 100, local_day(now))
        elif what == "wait":
            now += number * DAY
        elif what == "night":
            expire_cards(session, [member.id], now)
            model.lapse(local_day(now))
        elif what == "use":
            use_reward(session, member, number, model, now)
        agree(session, member, card, model)


def use_reward(session: Session, member: Member, number: int, model: Model, now: datetime) -> None:
    """Use one of the member's usable rewards, if they have that many."""
    usable = session.scalars(
        select(Coupon)
        .where(Coupon.member_id == member.id, Coupon.state == "issued", Coupon.expires_at > now)
        .order_by(Coupon.id)
    ).all()
    if number < len(usable):
        usable[number].move("redeemed", "test", now)
        session.flush()
        model.used.add(int(usable[number].issue_key.rpartition(":")[2]))


def agree(session: Session, member: Member, card: StampProgramme, model: Model) -> None:
    """Compare what is kept with the model."""
    entries = list_entries(session, member.id, card.id)
    assert sum(entry.delta for entry in entries) == len(model.row)
    kept, expires_on = held_cards(session, member.id).get(card.id, (0, None))
    assert kept == len(model.row)
    full = kept // card.size * card.size
    begun = model.row[full][1] if kept > full else None
    assert expires_on == (begun + model.days * DAY if begun and model.days else None)
    states = {int(number): state for number, state in rewards(session, member)}
    for number, state in states.items():
        if number in model.used:
            assert state == "redeemed"
        else:
            assert state == ("issued" if number <= kept // card.size else "void")
    assert all(number in states for number in range(1, kept // card.size + 1))


# --- rules and questions


def test_the_rules_are_read_anew_after_a_change(session: Session) -> None:
    before = get_programme(session)
    card = kept_card(session, per_twd=100)
    after: Programme = get_programme(session)
    codes = [each.code for each in after.stamp_programmes]
    assert codes == [*(each.code for each in before.stamp_programmes), card.code]
    set_active(session, card.code, is_active=False)
    assert not get_programme(session).stamp_programmes[-1].is_active
    with pytest.raises(NoSuchStampProgramme):
        set_active(session, "nowhere", is_active=False)


def test_an_ended_programme_is_shown_while_stamps_are_on_its_card(
    session: Session, make_member: MakeMember
) -> None:
    stamped, fresh = make_member(), make_member()
    card = kept_card(session, ends_on=TODAY + DAY)
    stamp_sale(session, stamped, card, 1)
    later = TODAY + 5 * DAY
    shown = [list_held_cards(session, who.id, (card,), later) for who in (stamped, fresh)]
    assert [len(cards) for cards in shown] == [1, 0]
    assert shown[0][0].words("zh-TW")["ends_on"] == TODAY.isoformat()


def test_a_card_cannot_go_below_zero(session: Session, make_member: MakeMember) -> None:
    member, card = make_member(), kept_card(session)
    stamp_sale(session, member, card, 1)
    held = session.scalars(select(StampCard).where(StampCard.member_id == member.id)).one()
    held.stamps = -1
    with pytest.raises(DBAPIError, match="stamps_not_negative"):
        session.flush()
