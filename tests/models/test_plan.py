"""Paid membership: how long it lasts, money in and out, no, revoked and asked again, renewals."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.benefit import (
    Benefit,
    NoSuchBenefit,
    add_benefit,
    benefits_of,
    birthday_template,
    claim_monthly,
    multipliers,
)
from models.earn_rule import Policy, join_percents
from models.local_day import day_start, local_day
from models.member import Member, NoSuchMember
from models.outbox import Owed
from models.plan import (
    REFERENCE_PERCENT,
    RETAIL_PERCENTS,
    NeedsManager,
    NoSubscription,
    NoSuchPlan,
    NoSuchRequest,
    NothingToRefund,
    Paid,
    Plan,
    PlanBarred,
    PlanHeld,
    PlanNotSold,
    PlanPayment,
    PlanRuleRefused,
    ReferenceUsed,
    Subscription,
    SubscriptionEvent,
    add_months,
    add_plan,
    cancel_plan,
    decide_reapplication,
    end_of,
    end_plan,
    find_latest,
    find_request,
    get_plan,
    held_plan,
    held_plan_code,
    leave_plan,
    list_events,
    list_payments,
    list_plans,
    list_to_end,
    months_before,
    pay_request,
    plan_percents,
    plan_words,
    plans_words,
    read_request_code,
    reapply,
    refund_payment,
    renewal_rates,
    request_plan,
    revoke_plan,
    sell_plan,
)
from models.plan.rules import FeeBack, fee_back, months_begun
from models.points import IdempotencyKeyReused
from models.programme import get_programme
from models.shop import get_shop
from models.staff import Staff
from tests.conftest import NOON, Committed

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
DAY = timedelta(days=1)
TODAY = local_day(NOON)


@pytest.fixture
def monthly(session: Session) -> Plan:
    """Return a plan of NT$99 a month."""
    return add_plan(
        session,
        code="month",
        name={"zh-TW": "月月茶"},
        period="monthly",
        fee_twd=99,
        points_percent=200,
    )


@pytest.fixture
def yearly(session: Session) -> Plan:
    """Return a plan of NT$1,150 a year."""
    return add_plan(session, code="year", name={"zh-TW": "年年茶"}, period="yearly", fee_twd=1150)


def pay(session: Session, member: Member, plan: Plan, at: datetime = NOON, **told: Any) -> Paid:
    """Sell a plan at the counter."""
    given: dict[str, Any] = {
        "method": "counter",
        "staff": None,
        "idempotency_key": f"till:{uuid4()}",
        "now": at,
    }
    return sell_plan(session, member.id, plan, **given | told)


def is_owed(session: Session, kind: str) -> bool:
    """Tell whether just one message of a kind is owed."""
    return len(session.scalars(select(Owed).where(Owed.kind == kind)).all()) == 1


def at(year: int, month: int, day: int, hour: int = 12) -> datetime:
    """Return a moment by Taipei's clock."""
    return datetime(year, month, day, hour, tzinfo=UTC) - timedelta(hours=8)


def benefit_at(session: Session, member: Member, now: datetime) -> str | None:
    """Return the code of the plan the member's row grants, as a sale asks."""
    session.refresh(member)
    return held_plan_code(member.plan_code, member.plan_until, now)


# --- how long it lasts


@pytest.mark.parametrize(
    ("anchor", "months", "last"),
    [
        (date(2026, 1, 15), 1, date(2026, 2, 15)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 1, 31), 2, date(2026, 3, 31)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2028, 2, 29), 48, date(2032, 2, 29)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
    ],
)
def test_a_plan_lasts_through_the_same_day_or_the_last_of_a_shorter_month(
    anchor: date, months: int, last: date
) -> None:
    """A-01: monthly from the 31st, yearly over 29 February; the end is midnight in Taipei."""
    assert add_months(anchor, months) == last
    assert end_of(anchor, months) == day_start(last + DAY)


@given(st.dates(date(2020, 1, 1), date(2040, 12, 31)), st.integers(0, 800))
def test_as_many_months_have_begun_as_ends_have_passed(anchor: date, days: int) -> None:
    today = anchor + days * DAY
    begun = months_begun(anchor, today)
    assert today <= add_months(anchor, begun)
    assert begun == 1 or today > add_months(anchor, begun - 1)


def test_a_paid_benefit_is_refused_at_the_second_of_its_end(
    session: Session, make_member: MakeMember, monthly: Plan
) -> None:
    """A-01: good to the last second of the last day in Taipei, refused one second after."""
    member = make_member()
    paid = pay(session, member, monthly, at(2027, 1, 31))
    end = at(2027, 3, 1, 0)
    assert paid.subscription.ends_at == end
    second = timedelta(seconds=1)
    assert benefit_at(session, member, end - second) is not None
    assert benefit_at(session, member, end) is None
    assert benefit_at(session, member, end + second) is None
    assert not paid.subscription.is_good(end)
    assert paid.subscription.is_good(end - second)


def test_free_tier_and_paid_plan_are_held_at_once(
    session: Session, make_member: MakeMember, monthly: Plan
) -> None:
    """A-02: dual track; the higher multiplier counts, not both, unless the shop says so."""
    member = make_member(tier="gold")
    bring(session, monthly, "points_multiplier", {"percent": 250, "weekdays": [7]})
    pay(session, member, monthly)
    programme = get_programme(session)
    end = member.plan_until
    assert end is not None

    def percents(now: datetime) -> tuple[int, ...]:
        held = held_plan_code(member.plan_code, member.plan_until, now)
        return (
            programme.tier(member.tier_id).points_percent,
            *plan_percents(programme.plans, member.plan_code, member.plan_until, now),
            *multipliers(programme, member.tier_id, held, local_day(now)),
        )

    assert percents(NOON) == (150, 200, 250)
    assert percents(NOON + DAY) == (150, 200)
    assert percents(end) == (150,)
    joined = [
        join_percents(Policy(100, policy), percents(NOON + DAY))
        for policy in ("max", "add", "multiply")
    ]
    assert joined == [200, 250, 300]
    assert held_plan(programme.plans, member.plan_code, end, end) is None


def test_the_same_coupon_of_tier_and_plan_is_given_once(
    session: Session, make_member: MakeMember, monthly: Plan
) -> None:
    """A-02: the union of benefits, nothing counted twice."""
    session.execute(delete(Benefit))  # Those of set-up.
    member = make_member(tier="gold")
    parameters = {"template": "welcome"}
    add_benefit(session, "monthly_coupon", parameters, tier_id=member.tier_id)
    bring(session, monthly, "monthly_coupon", parameters)
    bring(session, monthly, "birthday_gift", {"template": "win_back"})
    pay(session, member, monthly)
    programme = get_programme(session)
    held = (member.tier_id, member.plan_code)
    alike = [each for each in benefits_of(programme, *held) if each.row.kind == "monthly_coupon"]
    assert len(alike) == 1
    assert len(claim_monthly(session, programme, member.id, *held, NOON)) == 1
    with pytest.raises(NoSuchBenefit):
        claim_monthly(session, programme, member.id, *held, NOON)
    assert birthday_template(programme, *held, TODAY) == "win_back"


def test_a_plan_says_what_it_brings(session: Session, monthly: Plan) -> None:
    bring(session, monthly, "points_multiplier", {"percent": 200, "weekdays": [3]})
    bring(session, monthly, "monthly_coupon", {"template": "welcome"})
    words = plan_words(session, monthly, "zh-TW")
    assert [(each["kind"], each["coupon_name"]) for each in words["benefits"]] == [
        ("points_multiplier", None),
        ("monthly_coupon", "入會禮折價券"),
    ]
    assert plans_words(session, [], "ja") == []


def bring(session: Session, plan: Plan, kind: str, parameters: dict[str, Any]) -> None:
    """Give a plan a benefit."""
    add_benefit(session, kind, parameters, plan_code=plan.code)
    get_shop(session).programme_version += 1
    session.flush()


# --- paying


def test_the_first_payment_begins_and_is_told(
    session: Session, make_member: MakeMember, monthly: Plan
) -> None:
    member = make_member()
    paid = pay(session, member, monthly)
    assert not paid.is_renewal
    assert (member.plan_code, member.plan_until) == ("month", paid.subscription.ends_at)
    event = list_events(session, paid.subscription.id)[0]
    assert (event.from_state, event.to_state) == (None, "active")
    owed = session.scalars(select(Owed).where(Owed.kind == "plan_started")).one()
    assert owed.words["last_on"] == "2026-12-22"


def test_a_renewal_is_added_to_the_end_from_the_first_day_on(
    session: Session, make_member: MakeMember, monthly: Plan
) -> None:
    """A-03: renewing early loses no day, and 31 January comes back as 31 March."""
    member = make_member()
    pay(session, member, monthly, at(2027, 1, 31))
    paid = pay(session, member, monthly, at(2027, 2, 10))
    assert paid.is_renewal
    assert paid.subscription.last_on == date(2027, 3, 31)
    assert paid.payment.covers_from == at(2027, 3, 1, 0)
    assert session.scalar(select(func.count(Subscription.id))) == 1
    assert is_owed(session, "plan_renewed")


def test_paying_after_the_end_begins_anew(
    session: Session, make_member: MakeMember, monthly: Plan
) -> None:
    member = make_member()
    first = pay(session, member, monthly, at(2027, 1, 10))
    again = pay(session, member, monthly, first.subscription.ends_at)
    assert not again.is_renewal
    assert first.subscription.state == "expired"
    assert again.subscription.anchor_on == date(2027, 2, 11)


def test_a_repeated_key_takes_the_fee_once(
    session: Session, make_member: MakeMember, monthly: Plan, yearly: Plan
) -> None:
    member = make_member()
    first = pay(session, member, monthly, idempotency_key="till:1")
    again = pay(session, member, monthly, idempotency_key="till:1")
    assert again.is_repeat
    assert again.payment is first.payment
    with pytest.raises(IdempotencyKeyReused):
        pay(session, member, yearly, idempotency_key="till:1")
    pay(session, member, monthly, idempotency_key="till:2")
    assert pay(session, member, monthly, idempotency_key="till:2").is_renewal


def test_one_reference_pays_once_and_a_transfer_needs_one(
    session: Session, make_member: MakeMember, monthly: Plan
) -> None:
    one, other = make_member(), make_member()
    pay(session, one, monthly, method="transfer", reference="B-778")
    for reference in ("B-778", " ", None):
        with pytest.raises(ReferenceUsed), session.begin_nested():
            pay(session, other, monthly, method="transfer", reference=reference)
    paid = pay(session, other, monthly, method="linepay", reference="B-778")
    assert not paid.is_repeat


def test_another_plan_waits_for_the_end_and_a_withdrawn_one_is_not_sold(
    session: Session, make_member: MakeMember, monthly: Plan, yearly: Plan
) -> None:
    member = make_member()
    pay(session, member, monthly)
    with pytest.raises(PlanHeld):
        pay(session, member, yearly)
    with pytest.raises(PlanHeld):
        request_plan(session, member.id, yearly, NOON)
    yearly.is_active = False
    for refused in (pay, lambda *given: request_plan(session, given[1].id, given[2], NOON)):
        with pytest.raises(PlanNotSold):
            refused(session, make_member(), yearly)


def test_a_member_without_line_may_pay_too(
    session: Session, make_member: MakeMember, monthly: Plan
) -> None:
    assert not pay(session, make_member(line=False), monthly).is_repeat
    assert session.scalar(select(func.count(Owed.id))) == 0


def test_nobody_else_pays(session: Session, monthly: Plan) -> None:
    with pytest.raises(NoSuchMember):
        sell_plan(
            session, 10**9, monthly, method="counter", staff=None, idempotency_key="x", now=NOON
        )


def test_two_tills_at_once_make_one_active_subscription(committed: Committed) -> None:
    """A-02: the database holds at most one active subscription a member."""
    with committed.sessions.begin() as session:
        member_id = committed.maker.member(session).id
        add_plan(session, code="race", name={"zh-TW": "茶"}, period="monthly", fee_twd=99)

    def sell(number: int) -> bool:
        with committed.sessions.begin() as session:
            plan = get_plan(session, "race")
            return sell_plan(
                session,
                member_id,
                plan,
                method="counter",
                staff=None,
                idempotency_key=f"race:{number // 2}",
                now=NOON,
            ).is_repeat

    with ThreadPoolExecutor(8) as threads:
        repeats = list(threads.map(sell, range(8)))
    assert sum(repeats) == 4
    with committed.sessions() as session:
        subscription = session.scalars(select(Subscription)).one()
        assert subscription.months == 4
        assert len(list_payments(session, subscription.id)) == 4


def test_payments_and_events_refuse_to_be_changed(
    session: Session, make_member: MakeMember, monthly: Plan
) -> None:
    """A-04: the fee ledger is append-only."""
    pay(session, make_member(), monthly)
    for table in (PlanPayment, SubscriptionEvent):
        with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
            session.execute(delete(table))


# --- requests from the chat


def test_a_request_is_asked_once_and_paid_once(
    session: Session, make_member: MakeMember, make_staff: MakeStaff, monthly: Plan
) -> None:
    """A-03: renewal from LINE, paid at the counter."""
    member, clerk = make_member(), make_staff()
    request = request_plan(session, member.id, monthly, NOON)
    assert request_plan(session, member.id, monthly, NOON + DAY) is request

    def settle(key: str, at: datetime = NOON, code: str = request.code) -> Paid:
        return pay_request(
            session, code, method="counter", staff=clerk, idempotency_key=key, now=at
        )

    paid = settle("till:1", code=f"plan:{request.code.lower()}")
    assert paid.payment.staff_id == clerk.id
    assert settle("till:1").is_repeat
    with pytest.raises(NoSuchRequest, match="paid"):
        settle("till:2")
    with pytest.raises(NoSuchRequest, match="unknown"):
        settle("till:3", code="AAAAAAAAAAAA")
    later = request_plan(session, member.id, monthly, NOON)
    assert later.code != request.code
    with pytest.raises(NoSuchRequest, match="over"):
        settle("till:4", later.good_until, later.code)


def test_a_request_keeps_the_fee_it_showed(
    session: Session, make_member: MakeMember, make_staff: MakeStaff, monthly: Plan
) -> None:
    request = request_plan(session, make_member().id, monthly, NOON)
    monthly.fee_twd = 129
    session.flush()
    paid = pay_request(
        session, request.code, method="counter", staff=make_staff(), idempotency_key="k", now=NOON
    )
    assert paid.payment.amount_twd == 99


def test_a_transfer_is_confirmed_by_a_manager(
    session: Session, make_member: MakeMember, make_staff: MakeStaff, monthly: Plan
) -> None:
    request = request_plan(session, make_member().id, monthly, NOON)

    def confirm(staff: Staff) -> Paid:
        return pay_request(
            session,
            request.code,
            method="transfer",
            reference="BANK-1",
            staff=staff,
            idempotency_key="bank:1",
            now=NOON,
        )

    with pytest.raises(NeedsManager):
        confirm(make_staff("clerk"))
    assert confirm(make_staff("manager")).payment.reference == "BANK-1"


@pytest.mark.parametrize("typed", ["", "PLAN:", "0" * 12, "A" * 13, "會員卡", "A" * 500])
def test_what_is_no_request_code_is_known_as_such(session: Session, typed: str) -> None:
    assert read_request_code(typed) is None
    assert find_request(session, typed) is None


# --- fees given back


def test_within_seven_days_all_of_a_fee_is_given_back_and_the_plan_ends(
    session: Session, make_member: MakeMember, make_staff: MakeStaff, monthly: Plan
) -> None:
    """A-04: a refund of the fee is a ledger entry that names its payment."""
    member, manager = make_member(), make_staff("manager")
    paid = pay(session, member, monthly)
    later = NOON + 7 * DAY

    def give_back() -> PlanPayment:
        return refund_payment(
            session, paid.payment.id, staff=manager, reason="反悔", idempotency_key="r:1", now=later
        )

    refund = give_back()
    assert give_back() is refund
    assert (refund.amount_twd, refund.months, refund.refunds_id) == (-99, -1, paid.payment.id)
    assert paid.subscription.state == "cancelled"
    assert benefit_at(session, member, later) is None
    assert is_owed(session, "plan_ended")


def test_later_the_months_not_begun_are_given_back_and_the_plan_is_shorter(
    session: Session, make_member: MakeMember, make_staff: MakeStaff, yearly: Plan
) -> None:
    """A-04: pro rata by unused whole months."""
    member, manager = make_member(), make_staff("owner")
    paid = pay(session, member, yearly, at(2027, 1, 31))
    now = at(2027, 4, 30)  # The last day of the third month.
    refund = refund_payment(
        session, paid.payment.id, staff=manager, reason="搬家", idempotency_key="r", now=now
    )
    assert (refund.amount_twd, refund.months) == (-(1150 * 9 // 12), -9)
    assert paid.subscription.last_on == date(2027, 4, 30)
    assert benefit_at(session, member, now) is not None
    assert benefit_at(session, member, at(2027, 5, 1, 0)) is None


@given(
    months=st.sampled_from([1, 12]),
    more=st.integers(0, 2),
    days=st.integers(0, 1200),
    amount_twd=st.integers(1, 5000),
)
def test_never_more_is_given_back_than_was_paid(
    months: int, more: int, days: int, amount_twd: int
) -> None:
    total = months * (more + 1)
    back = fee_back(
        amount_twd=amount_twd,
        months=months,
        paid_at=NOON,
        anchor_on=TODAY,
        total_months=total,
        now=NOON + days * DAY,
    )
    assert 0 <= back.amount_twd <= amount_twd
    assert 0 <= back.months <= months
    if days <= 7:
        assert back == FeeBack(amount_twd, months)
    if NOON + days * DAY >= end_of(TODAY, total):
        assert back == FeeBack(0, 0) or days <= 7


def test_the_newest_payment_goes_back_first_and_each_once(
    session: Session, make_member: MakeMember, make_staff: MakeStaff, monthly: Plan
) -> None:
    member, manager = make_member(), make_staff("manager")
    first, second = pay(session, member, monthly), pay(session, member, monthly)

    def give_back(payment: PlanPayment, key: str, by: Staff = manager) -> PlanPayment:
        return refund_payment(
            session, payment.id, staff=by, reason="退", idempotency_key=key, now=NOON + DAY
        )

    with pytest.raises(NeedsManager):
        give_back(second.payment, "a", make_staff("clerk"))
    with pytest.raises(NothingToRefund):
        give_back(first.payment, "a")
    refund = give_back(second.payment, "b")
    assert first.subscription.state == "active"
    assert first.subscription.last_on == date(2026, 12, 22)
    for payment in (second.payment, refund):
        with pytest.raises(NothingToRefund):
            give_back(payment, "c")
    give_back(first.payment, "d")
    assert sum(row.amount_twd for row in list_payments(session, first.subscription.id)) == 0


def test_the_database_refuses_a_refund_above_its_payment_and_a_second_one(
    session: Session, make_member: MakeMember, monthly: Plan
) -> None:
    """A-04: guarded by constraints, whoever writes."""
    paid = pay(session, make_member(), monthly)

    def write(amount_twd: int, refunds_twd: int, key: str) -> None:
        with session.begin_nested():
            row = PlanPayment(
                subscription_id=paid.subscription.id,
                amount_twd=amount_twd,
                months=-1,
                method="counter",
                refunds_id=paid.payment.id,
                refunds_twd=refunds_twd,
                covers_from=NOON,
                covers_until=NOON,
                paid_at=NOON,
                idempotency_key=key,
            )
            session.add(row)

    with pytest.raises(DBAPIError, match="within_its_payment"):
        write(-100, 99, "a")
    with pytest.raises(DBAPIError, match="takes_back"):
        write(-100, 100, "b")
    write(-98, 99, "c")
    with pytest.raises(DBAPIError, match="refunds_id"):
        write(-1, 99, "d")


def test_nothing_is_left_of_a_begun_month(
    session: Session, make_member: MakeMember, make_staff: MakeStaff, monthly: Plan
) -> None:
    paid = pay(session, make_member(), monthly)
    with pytest.raises(NothingToRefund):
        refund_payment(
            session,
            paid.payment.id,
            staff=make_staff("manager"),
            reason="退",
            idempotency_key="r",
            now=NOON + 8 * DAY,
        )


STEPS = st.lists(
    st.tuples(st.sampled_from(["pay", "refund", "cancel", "wait", "night"]), st.integers(1, 70)),
    max_size=12,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_any_life_of_a_subscription_equals_its_recomputation(
    session: Session, make_member: MakeMember, make_staff: MakeStaff, steps: list[tuple[str, int]]
) -> None:
    """A-03, A-04: months = sum of the fee ledger, the end follows from them, one is active."""
    member, manager, now = make_member(), make_staff("manager"), NOON
    plan = add_plan(session, code=str(uuid4()), name={"zh-TW": "茶"}, period="yearly", fee_twd=1150)
    for what, number in steps:
        latest = find_latest(session, member.id)
        if what == "pay":
            pay(session, member, plan, now)
        elif what == "refund" and latest is not None:
            newest = list_payments(session, latest.id)[-1]
            with suppress(NothingToRefund):
                refund_payment(
                    session,
                    newest.id,
                    staff=manager,
                    reason="退",
                    idempotency_key=str(uuid4()),
                    now=now,
                )
        elif what == "cancel":
            with suppress(NoSubscription):
                cancel_plan(session, member.id, reason="不喝了", now=now)
        elif what == "wait":
            now += number * DAY
        else:
            end_plan(session, member.id, now)
        recount(session, member, now)


def recount(session: Session, member: Member, now: datetime) -> None:
    """Compare a member's subscriptions with their payments and with the member's row."""
    owned = session.scalars(
        select(Subscription).where(Subscription.member_id == member.id).order_by(Subscription.id)
    ).all()
    for subscription in owned:
        rows = list_payments(session, subscription.id)
        assert subscription.months == sum(row.months for row in rows)
        assert sum(row.amount_twd for row in rows) >= 0
        if subscription.state in ("active", "expired"):  # Others may have ended before.
            assert subscription.ends_at == end_of(subscription.anchor_on, subscription.months)
    active = [each for each in owned if each.state == "active"]
    assert len(active) <= 1
    good = [each for each in owned if each.is_good(now)]
    held = held_plan_code(member.plan_code, member.plan_until, now)
    assert held == (good[0].plan.code if good else None)


# --- no, revoked, asked again, over


def test_a_cancelled_plan_stays_good_until_its_end(
    session: Session, make_member: MakeMember, monthly: Plan
) -> None:
    """A-04: active, cancelled by its owner, over; each step with actor and reason."""
    member = make_member()
    paid = pay(session, member, monthly)
    cancel_plan(session, member.id, reason="不喝了", now=NOON + DAY)
    cancel_plan(session, member.id, reason="不喝了", now=NOON + 2 * DAY)
    end = paid.subscription.ends_at
    assert benefit_at(session, member, end - timedelta(seconds=1)) is not None
    assert end_plan(session, member.id, end)
    assert paid.subscription.state == "cancelled"
    steps = [(event.actor, event.to_state) for event in list_events(session, paid.subscription.id)]
    assert steps == [("member", "active"), ("member", "active"), ("clock", "cancelled")]
    with pytest.raises(NoSubscription):
        cancel_plan(session, member.id, reason="x", now=end)


def test_paying_again_takes_a_cancellation_back(
    session: Session, make_member: MakeMember, monthly: Plan
) -> None:
    member = make_member()
    pay(session, member, monthly)
    cancel_plan(session, member.id, reason="不喝了", now=NOON)
    assert pay(session, member, monthly).subscription.cancelled_at is None


def test_a_plan_ends_once_and_says_so(
    session: Session, make_member: MakeMember, monthly: Plan
) -> None:
    """A-04: expired by the clock at midnight in Taipei."""
    member = make_member()
    end = pay(session, member, monthly).subscription.ends_at
    assert list_to_end(session, end - timedelta(seconds=1), 10) == []
    assert not end_plan(session, member.id, end - timedelta(seconds=1))
    assert list_to_end(session, end, 10) == [member.id]
    assert end_plan(session, member.id, end)
    assert not end_plan(session, member.id, end)
    latest = find_latest(session, member.id)
    assert latest is not None
    assert latest.state == "expired"
    assert (member.plan_code, member.plan_until) == (None, None)
    assert is_owed(session, "plan_ended")


def test_a_revoked_member_may_ask_again_and_a_manager_decides(
    session: Session, make_member: MakeMember, make_staff: MakeStaff, monthly: Plan
) -> None:
    """A-04: people whose membership was withdrawn re-apply."""
    member, manager, clerk = make_member(), make_staff("manager"), make_staff("clerk")
    paid = pay(session, member, monthly)

    def decide(*, is_admitted: bool, by: Staff = manager) -> Subscription:
        return decide_reapplication(
            session, member.id, is_admitted=is_admitted, staff=by, reason="談過了", now=NOON
        )

    with pytest.raises(NoSubscription):
        reapply(session, member.id, reason="想回來", now=NOON)
    with pytest.raises(NeedsManager):
        revoke_plan(session, member.id, staff=clerk, reason="轉賣飲料", now=NOON)
    revoke_plan(session, member.id, staff=manager, reason="轉賣飲料", now=NOON)
    assert benefit_at(session, member, NOON) is None
    with pytest.raises(NoSubscription):
        revoke_plan(session, member.id, staff=manager, reason="轉賣飲料", now=NOON)
    with pytest.raises(NoSubscription):
        decide(is_admitted=True)
    for _ in range(2):
        reapply(session, member.id, reason="想回來", now=NOON)
        for refused in (pay, lambda *given: request_plan(session, given[1].id, given[2], NOON)):
            with pytest.raises(PlanBarred):
                refused(session, member, monthly)
    with pytest.raises(NeedsManager):
        decide(is_admitted=True, by=clerk)
    assert decide(is_admitted=False).state == "revoked"
    reapply(session, member.id, reason="再一次", now=NOON)
    assert decide(is_admitted=True).state == "readmitted"
    assert not pay(session, member, monthly).is_renewal
    events = list_events(session, paid.subscription.id)
    assert [event.to_state for event in events] == [
        "active",
        "revoked",
        "reapplied",
        "revoked",
        "reapplied",
        "readmitted",
    ]
    assert events[1].reason == "轉賣飲料"
    assert events[1].staff_id == manager.id


def test_who_leaves_holds_no_plan(session: Session, make_member: MakeMember, monthly: Plan) -> None:
    member, other = make_member(), make_member()
    paid = pay(session, member, monthly)
    leave_plan(session, member, NOON + DAY)
    leave_plan(session, other, NOON + DAY)
    assert (paid.subscription.state, member.plan_code) == ("cancelled", None)


# --- renewal rates


def test_the_renewal_rate_is_renewed_of_due_in_the_month(
    session: Session, make_member: MakeMember, make_staff: MakeStaff, monthly: Plan
) -> None:
    """A-03: early, late within 30 days, too late, never, given back, revoked."""
    manager = make_staff("manager")
    begun = at(2027, 1, 10)  # Through 10 February.

    def buyer() -> Member:
        member = make_member()
        pay(session, member, monthly, begun)
        return member

    early, late, too_late, _never, shopped_out, revoked, regretted = (buyer() for _ in range(7))
    pay(session, early, monthly, at(2027, 2, 1))
    pay(session, late, monthly, at(2027, 3, 12))
    pay(session, too_late, monthly, at(2027, 3, 14))
    payment = list_payments(session, find_latest(session, shopped_out.id).id)[0]  # type: ignore[union-attr]
    refund_payment(
        session, payment.id, staff=manager, reason="退", idempotency_key="r1", now=begun + DAY
    )
    revoke_plan(session, revoked.id, staff=manager, reason="濫用", now=begun + DAY)
    again = pay(session, regretted, monthly, at(2027, 2, 1))
    refund_payment(
        session,
        again.payment.id,
        staff=manager,
        reason="退",
        idempotency_key="r2",
        now=at(2027, 2, 2),
    )
    rates = renewal_rates(session, [date(2027, 1, 1), date(2027, 2, 1), date(2027, 3, 1)])
    assert [(rate.due, rate.renewed, rate.percent) for rate in rates] == [
        (0, 0, None),
        (5, 2, 40),
        (1, 0, 0),
    ]


def test_the_months_asked_for_end_with_this_one(session: Session) -> None:
    assert months_before(NOON, 3) == [date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)]
    assert renewal_rates(session, []) == []


def test_the_reference_figures_are_the_articles() -> None:
    """A-03: 87% against 60 to 70% in retail."""
    assert (REFERENCE_PERCENT, RETAIL_PERCENTS) == (87, (60, 70))


# --- plans


def test_plans_are_listed_cheapest_first_and_found_by_code(
    session: Session, monthly: Plan, yearly: Plan
) -> None:
    assert list_plans(session) == [monthly, yearly]
    yearly.is_active = False
    session.flush()
    assert list_plans(session, active_only=True) == [monthly]
    assert get_plan(session, "month") is monthly
    with pytest.raises(NoSuchPlan):
        get_plan(session, "decade")


@pytest.mark.parametrize("told", [{"fee_twd": 0}, {"fee_twd": 10**6}, {"points_percent": 99}])
def test_a_plan_that_makes_no_sense_is_refused(session: Session, told: dict[str, Any]) -> None:
    given: dict[str, Any] = {"code": "x", "name": {"zh-TW": "x"}, "period": "monthly", "fee_twd": 9}
    with pytest.raises(PlanRuleRefused):
        add_plan(session, **given | told)


def test_every_refusal_has_a_code_of_its_own() -> None:
    refusals = [
        NeedsManager,
        NoSubscription,
        NoSuchPlan,
        NoSuchRequest,
        NothingToRefund,
        PlanBarred,
        PlanHeld,
        PlanNotSold,
        PlanRuleRefused,
        ReferenceUsed,
    ]
    codes = {refusal.code for refusal in refusals}
    assert len(codes) == len(refusals)
    assert BusinessError.code not in codes
