"""A sale at the counter: once for its key, and everything that follows from it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.checkout import Recorded, Sale, record_purchase
from models.coupon import Coupon, CouponNeedsMore, CouponNotUsable, get_template, issue_coupon
from models.member import Member, NoSuchMember
from models.outbox import Owed
from models.points import IdempotencyKeyReused, PointsEntry, PointsLot
from models.programme import get_programme
from models.purchase import (
    LARGEST_AMOUNT_TWD,
    AmountRefused,
    CodeAlreadyUsed,
    Purchase,
    list_of_day,
    standing_of,
    stores_of,
)
from models.shop import Store
from models.staff import Staff
from models.stamp_card import count_stamps
from models.tier import Tier, TierChange
from tests.conftest import NOON, Committed

MakeMember = Callable[..., Member]
TODAY = date(2026, 11, 22)


def sale(member: Member, store: Store, amount_twd: int = 100, **told: Any) -> Sale:
    """A sale of this member's; a key of its own unless told."""
    fields: dict[str, Any] = {
        "member_id": member.id,
        "store": store,
        "staff": None,
        "amount_twd": amount_twd,
        "idempotency_key": f"till:{member.id}:{amount_twd}",
    }
    return Sale(**fields | told)


def give(session: Session, member: Member, code: str, key: str = "gift") -> Coupon:
    coupon = issue_coupon(session, member.id, get_template(session, code), issue_key=key, now=NOON)
    assert coupon is not None
    return coupon


def tier_code(session: Session, member: Member) -> str:
    return session.get_one(Tier, member.tier_id).code


def counted(session: Session, model: type) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


# --- what counts ---


@pytest.mark.parametrize(
    ("spent_before_twd", "amount_twd", "tier"),
    [
        (4_000, 999, "basic"),
        (4_000, 1_000, "silver"),
        (14_000, 999, "silver"),
        (14_000, 1_000, "gold"),
        (29_000, 999, "gold"),
        (29_000, 1_000, "black"),
        (0, 30_000, "black"),
    ],
)
def test_a_sale_lifts_at_the_threshold_and_not_one_dollar_before(
    session: Session,
    make_member: MakeMember,
    store: Store,
    spent_before_twd: int,
    amount_twd: int,
    tier: str,
) -> None:
    """A-10: 4,999/5,000, 14,999/15,000, 29,999/30,000."""
    member = make_member(spend_twd=spent_before_twd)
    record_purchase(session, sale(member, store, amount_twd), NOON)
    assert member.spend_twd == spent_before_twd + amount_twd
    assert tier_code(session, member) == tier


def test_a_lift_is_remembered_with_its_reason_and_kept_for_a_year(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """A-12: every change has a reason."""
    member = make_member(spend_twd=14_000)
    recorded = record_purchase(session, sale(member, store, 1_200), NOON)
    change = session.scalars(select(TierChange).where(TierChange.member_id == member.id)).one()
    assert change.reason | {"version": 1} == {
        "rule": "rolling_365",
        "spend_twd": 15_200,
        "threshold_twd": 15_000,
        "version": 1,
    }
    assert member.tier_kept_until == date(2027, 11, 22)
    assert recorded.receipt["upgraded_to"]["name"] == "金卡會員"
    assert recorded.receipt["upgraded_from"] == "銀卡會員"


def test_a_sale_below_the_next_threshold_changes_no_tier(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    member = make_member(spend_twd=5_000, tier_kept_until=date(2027, 1, 1))
    recorded = record_purchase(session, sale(member, store, 1_000), NOON)
    assert recorded.receipt["upgraded_to"] is None
    assert member.tier_kept_until == date(2027, 1, 1)
    assert counted(session, TierChange) == 0


def test_a_kept_tier_is_not_lowered_by_a_sale(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    member = make_member(tier="gold")
    record_purchase(session, sale(member, store, 100), NOON)
    assert tier_code(session, member) == "gold"


def test_a_purchase_counts_through_its_364th_day(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """T7: the base is the rolling 365 days, in Taipei."""
    member = make_member(spend_twd=4_000, spent_on=TODAY)
    record_purchase(session, sale(member, store, 1), NOON + timedelta(days=364))
    assert member.spend_twd == 4_001


def test_a_purchase_counts_no_more_on_its_365th_day(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """T7: the base is the rolling 365 days, in Taipei."""
    member = make_member(spend_twd=4_000, spent_on=TODAY)
    record_purchase(session, sale(member, store, 1), NOON + timedelta(days=365))
    assert (member.spend_twd, member.spend_on) == (1, date(2027, 11, 22))


def test_midnight_in_taipei_divides_the_days(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    member = make_member()
    before = datetime.fromisoformat("2026-11-22T23:59:59.999999+08:00")
    late = record_purchase(session, sale(member, store, 10), before)
    early = record_purchase(session, sale(member, store, 20), before + timedelta(microseconds=1))
    assert late.purchase.purchased_on == date(2026, 11, 22)
    assert early.purchase.purchased_on == date(2026, 11, 23)


@pytest.mark.parametrize(
    ("tier", "paid_twd", "points"),
    [
        ("basic", 99, 0),
        ("basic", 100, 1),
        ("basic", 1_099, 10),
        ("silver", 100, 1),
        ("silver", 500, 6),
        ("gold", 300, 4),
        ("black", 299, 4),
    ],
)
def test_points_are_whole_steps_times_the_tier_rounded_down(
    session: Session,
    make_member: MakeMember,
    store: Store,
    tier: str,
    paid_twd: int,
    points: int,
) -> None:
    """C-11: the tier's rate on the day of the order."""
    member = make_member(tier=tier)
    recorded = record_purchase(session, sale(member, store, paid_twd), NOON)
    assert recorded.purchase.points_earned == member.points == points


def test_the_sale_that_lifts_still_earns_at_the_old_tiers_rate(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    member = make_member(spend_twd=29_000)
    recorded = record_purchase(session, sale(member, store, 1_000), NOON)
    assert tier_code(session, member) == "black"
    assert recorded.purchase.points_earned == 15


def test_points_are_good_through_the_end_of_the_month_a_year_later(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    member = make_member()
    record_purchase(session, sale(member, store, 100), NOON)
    lot = session.scalars(select(PointsLot).where(PointsLot.member_id == member.id)).one()
    assert lot.expires_on == date(2027, 12, 1)


def test_a_small_sale_without_points_leaves_the_ledger_alone(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    member = make_member()
    record_purchase(session, sale(member, store, 35), NOON)
    assert counted(session, PointsEntry) == 0
    assert (member.purchase_count, member.last_purchase_on) == (1, TODAY)


# --- what is refused ---


@pytest.mark.parametrize("amount_twd", [0, -1, LARGEST_AMOUNT_TWD + 1])
def test_an_amount_out_of_range_is_refused(
    session: Session, make_member: MakeMember, store: Store, amount_twd: int
) -> None:
    member = make_member()
    with pytest.raises(AmountRefused):
        record_purchase(session, sale(member, store, amount_twd), NOON)
    assert counted(session, Purchase) == 0


@pytest.mark.parametrize("amount_twd", [1, LARGEST_AMOUNT_TWD])
def test_the_smallest_and_the_largest_amount_are_taken(
    session: Session, make_member: MakeMember, store: Store, amount_twd: int
) -> None:
    member = make_member()
    record_purchase(session, sale(member, store, amount_twd), NOON)
    assert member.spend_twd == amount_twd


def test_nobody_sells_to_a_member_who_is_not_there(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    member = make_member()
    with pytest.raises(NoSuchMember):
        record_purchase(session, sale(member, store, member_id=member.id + 1), NOON)


def test_nobody_sells_to_a_member_who_left(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    member = make_member(line=False, marketing=False)
    member.name = member.phone = member.birthday = None
    member.erased_at = NOON
    session.flush()
    with pytest.raises(NoSuchMember):
        record_purchase(session, sale(member, store), NOON)


# --- twice ---


def test_a_repeated_key_records_once_and_answers_again(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    member = make_member()
    first = record_purchase(session, sale(member, store, 250), NOON)
    again = record_purchase(session, sale(member, store, 250), NOON + timedelta(minutes=1))
    assert (first.is_repeat, again.is_repeat) == (False, True)
    assert again.purchase.id == first.purchase.id
    assert again.receipt == first.receipt
    assert (member.points, member.purchase_count, counted(session, Owed)) == (2, 1, 1)


def test_a_repeated_key_of_another_sale_is_refused(
    session: Session, make_member: MakeMember, make_store: Callable[..., Store], store: Store
) -> None:
    member, coupon_id = make_member(), None
    asked = sale(member, store, 250)
    record_purchase(session, asked, NOON)
    coupon_id = give(session, member, "welcome").id
    others = (
        replace(asked, amount_twd=251),
        replace(asked, member_id=make_member().id),
        replace(asked, store=make_store()),
        replace(asked, coupon_ids=(coupon_id,)),
    )
    for other in others:
        with pytest.raises(IdempotencyKeyReused):
            record_purchase(session, other, NOON)
    assert counted(session, Purchase) == 1


def test_a_repeated_sale_with_a_coupon_answers_again(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    member = make_member()
    asked = sale(member, store, 100, coupon_ids=(give(session, member, "welcome").id,))
    first = record_purchase(session, asked, NOON)
    again = record_purchase(session, asked, NOON)
    assert again.receipt == first.receipt
    assert len(again.receipt["coupon_names"]) == 1


def test_a_code_is_good_for_one_purchase(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """U6, U7: a code that made its purchase is spent."""
    member = make_member()
    record_purchase(session, sale(member, store, 100, code_id="c1"), NOON)
    with pytest.raises(CodeAlreadyUsed), session.begin_nested():
        record_purchase(session, sale(member, store, 200, code_id="c1"), NOON)
    session.refresh(member)
    assert (member.points, counted(session, Purchase)) == (1, 1)


# --- coupons ---


def test_a_coupon_lowers_what_is_paid_and_what_counts(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    member = make_member()
    coupon = give(session, member, "welcome")
    recorded = record_purchase(session, sale(member, store, 129, coupon_ids=(coupon.id,)), NOON)
    purchase = recorded.purchase
    assert (purchase.amount_twd, purchase.discount_twd, purchase.paid_twd) == (129, 30, 99)
    assert (purchase.points_earned, member.spend_twd) == (0, 99)


def test_a_coupon_worth_more_than_the_basket_takes_off_the_basket(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    member = make_member()
    coupon = give(session, member, "birthday")
    recorded = record_purchase(session, sale(member, store, 45, coupon_ids=(coupon.id,)), NOON)
    assert (recorded.purchase.discount_twd, recorded.purchase.paid_twd) == (45, 0)
    assert recorded.purchase.stamps_added == 0


def test_a_sale_with_a_refused_coupon_is_not_recorded(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    member, other = make_member(), make_member()
    small, foreign = give(session, member, "win_back"), give(session, other, "welcome", "other")
    refusals: list[tuple[int, type[BusinessError]]] = [
        (small.id, CouponNeedsMore),
        (foreign.id, CouponNotUsable),
    ]
    for coupon_id, refusal in refusals:
        with pytest.raises(refusal):
            record_purchase(session, sale(member, store, 99, coupon_ids=(coupon_id,)), NOON)
    assert counted(session, Purchase) == 0
    assert member.purchase_count == 0


# --- stamps ---


def test_a_visit_is_stamped_from_the_least_amount_paid(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    member, card = make_member(), get_programme(session).stamp_programmes[0]
    record_purchase(session, sale(member, store, 49), NOON)
    assert count_stamps(session, member.id, card) == 0
    record_purchase(session, sale(member, store, 50), NOON)
    assert count_stamps(session, member.id, card) == 1


def test_a_full_card_brings_its_reward_and_begins_anew(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    member = make_member()
    receipts = [
        record_purchase(session, sale(member, store, 50 + visit), NOON).receipt
        for visit in range(11)
    ]
    rewards = session.scalars(select(Coupon).where(Coupon.member_id == member.id)).all()
    assert [reward.template.code for reward in rewards] == ["stamp_reward"]
    shown = [receipt["stamp_cards"][0] for receipt in receipts[8:]]
    assert [card["stamps"] for card in shown] == [9, 10, 1]
    assert [card["reward_name"] for card in shown] == [None, "任選中杯飲品一杯", None]


# --- the receipt ---


def test_the_receipt_is_owed_once_for_a_day(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """U12: each award is told, with store and time."""
    member = make_member(language="en")
    recorded = record_purchase(session, sale(member, store, 250), NOON)
    owed = session.scalars(select(Owed)).one()
    assert (owed.kind, owed.line_user_id, owed.language) == ("receipt", member.line_user_id, "en")
    assert owed.useful_until == NOON + timedelta(hours=24)
    assert owed.words == recorded.receipt | {"purchase_id": recorded.purchase.id}
    assert not owed.words["redeems"]
    assert not owed.is_marketing
    assert recorded.receipt["store_name"] == "Xinyi Store"
    assert (recorded.receipt["points_earned"], recorded.receipt["points_balance"]) == (2, 2)


def test_a_member_without_line_gets_no_message(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    member = make_member(line=False)
    record_purchase(session, sale(member, store, 250), NOON)
    assert (member.points, counted(session, Owed)) == (2, 0)


def test_the_receipt_tells_the_way_to_the_next_tier(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """E-06: bar, gap and deadline."""
    member = make_member(spend_twd=1_000, spent_on=date(2026, 6, 1))
    standing = record_purchase(session, sale(member, store, 500), NOON).receipt["standing"]
    assert standing["tier_name"] == "一般會員"
    assert (standing["next_name"], standing["gap_twd"]) == ("銀卡會員", 3_500)
    assert standing["percent"] == 30
    assert standing["deadline"] == "2027-05-31"


def test_asking_for_the_standing_changes_nothing(session: Session, make_member: MakeMember) -> None:
    """E-06: correct on any day, without writing."""
    member = make_member(spend_twd=4_000, spent_on=date(2026, 6, 1))
    programme = get_programme(session)
    in_may = standing_of(session, member, programme, date(2027, 5, 31))
    in_june = standing_of(session, member, programme, date(2027, 6, 1))
    assert (in_may.spend_twd, in_june.spend_twd) == (4_000, 0)
    assert (in_may.gap_holds_through, in_june.gap_holds_through) == (date(2027, 5, 31), None)
    assert (member.spend_twd, member.spend_on) == (4_000, TODAY)


def test_the_first_counted_day_is_the_oldest_inside_the_window(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member(spend_twd=100, spent_on=TODAY - timedelta(days=364))
    programme = get_programme(session)
    tomorrow = TODAY + timedelta(days=1)
    assert standing_of(session, member, programme, TODAY).gap_holds_through == TODAY
    assert standing_of(session, member, programme, tomorrow).gap_holds_through is None


def test_the_stores_of_purchases_are_found_together(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    recorded = record_purchase(session, sale(make_member(), store), NOON)
    assert stores_of(session, [recorded.purchase.id]) == {recorded.purchase.id: store}


def test_a_stores_day_is_listed_newest_first(
    session: Session,
    make_member: MakeMember,
    make_staff: Callable[..., Staff],
    make_store: Callable[..., Store],
    store: Store,
) -> None:
    """U12: every award can be traced to store and clerk."""
    member, clerk = make_member(name="小魚"), make_staff(name="阿哲")
    told: list[dict[str, Any]] = [{}, {"staff": clerk}, {"store": make_store()}]
    for hour, difference in enumerate(told):
        asked = replace(sale(member, store, 100 + hour), **difference)
        record_purchase(session, asked, NOON + timedelta(hours=hour))
    record_purchase(session, sale(member, store, 500), NOON + timedelta(days=1))
    listed = list_of_day(session, store.id, TODAY, limit=9)
    assert [(row[0].amount_twd, row[1], row[2], row[3]) for row in listed] == [
        (101, "小魚", member.number, "阿哲"),
        (100, "小魚", member.number, None),
    ]
    assert len(list_of_day(session, store.id, TODAY, limit=1)) == 1


def test_a_sale_by_nobody_known_is_a_bug(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    with pytest.raises(IntegrityError, match="staff"), session.begin_nested():
        record_purchase(session, sale(make_member(), store, staff=Staff(id=0)), NOON)


# --- at once ---


def at_once(
    committed: Committed, asked: list[Sale], now: datetime = NOON
) -> list[Recorded | BusinessError]:
    """Record all sales at the same moment, each in a thread with a transaction of its own."""
    start = Barrier(len(asked))

    def record(one: Sale) -> Recorded | BusinessError:
        start.wait(timeout=30)
        try:
            with committed.sessions.begin() as session:
                return record_purchase(session, one, now)
        except BusinessError as refusal:
            return refusal

    with ThreadPoolExecutor(len(asked)) as tills:
        return list(tills.map(record, asked))


@pytest.fixture
def at_the_counter(committed: Committed) -> tuple[Member, Store]:
    """A committed member, and a store."""
    with committed.sessions.begin() as session:
        return committed.maker.member(session), committed.maker.store(session)


def test_one_key_at_two_tills_at_once_is_one_purchase(
    committed: Committed, at_the_counter: tuple[Member, Store]
) -> None:
    """U9: checkout's twin: the second till gets the first one's answer."""
    member, store = at_the_counter
    answers = at_once(committed, [sale(member, store, 250)] * 8)
    recorded = [answer for answer in answers if isinstance(answer, Recorded)]
    assert len(recorded) == 8
    assert sum(not answer.is_repeat for answer in recorded) == 1
    assert len({answer.purchase.id for answer in recorded}) == 1
    with committed.sessions() as session:
        kept = session.get_one(Member, member.id)
        assert (kept.points, kept.spend_twd, kept.purchase_count) == (2, 250, 1)
        assert counted(session, Owed) == 1


def test_one_code_at_two_tills_at_once_is_one_purchase(
    committed: Committed, at_the_counter: tuple[Member, Store]
) -> None:
    """U6, U7: a photographed code earns once, however fast the second till is."""
    member, store = at_the_counter
    asked = [
        sale(member, store, 100, code_id="same", idempotency_key=f"till:{n}") for n in range(6)
    ]
    answers = at_once(committed, asked)
    assert sum(isinstance(answer, Recorded) for answer in answers) == 1
    assert sum(isinstance(answer, CodeAlreadyUsed) for answer in answers) == 5
    with committed.sessions() as session:
        assert session.get_one(Member, member.id).points == 1


def test_one_coupon_in_twenty_threads_is_one_redemption(
    committed: Committed, at_the_counter: tuple[Member, Store]
) -> None:
    """U9: exactly one success."""
    member, store = at_the_counter
    with committed.sessions.begin() as session:
        coupon_id = give(session, member, "welcome").id
    asked = [
        sale(member, store, 100, coupon_ids=(coupon_id,), idempotency_key=f"till:{n}")
        for n in range(20)
    ]
    answers = at_once(committed, asked)
    assert sum(isinstance(answer, Recorded) for answer in answers) == 1
    assert sum(isinstance(answer, CouponNotUsable) for answer in answers) == 19
    with committed.sessions() as session:
        assert session.get_one(Coupon, coupon_id).state == "redeemed"
        assert session.get_one(Member, member.id).purchase_count == 1


def test_one_key_with_a_coupon_at_two_tills_at_once_is_one_purchase(
    committed: Committed, at_the_counter: tuple[Member, Store]
) -> None:
    """U9: the twin finds the coupon used, and is told of its own purchase."""
    member, store = at_the_counter
    with committed.sessions.begin() as session:
        coupon_id = give(session, member, "welcome").id
    answers = at_once(committed, [sale(member, store, 100, coupon_ids=(coupon_id,))] * 6)
    assert all(isinstance(answer, Recorded) for answer in answers)
    with committed.sessions() as session:
        assert counted(session, Purchase) == 1


def test_many_sales_at_once_all_count(
    committed: Committed, at_the_counter: tuple[Member, Store]
) -> None:
    """U9: two tills, one member: the second waits."""
    member, store = at_the_counter
    asked = [sale(member, store, 100 + till) for till in range(12)]
    at_once(committed, asked)
    with committed.sessions() as session:
        kept = session.get_one(Member, member.id)
        assert kept.spend_twd == sum(one.amount_twd for one in asked)
        assert (kept.points, kept.purchase_count) == (12, 12)
        card = get_programme(session).stamp_programmes[0]
        assert count_stamps(session, member.id, card) == 12
        rewards = session.scalars(select(Coupon).where(Coupon.member_id == member.id)).all()
        assert len(rewards) == 1
