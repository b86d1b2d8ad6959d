"""Using coupons: in a sale, alone, undone and refunded; one standing use, whatever happens."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.coupon import (
    NO_COUPONS,
    Coupon,
    CouponNeedsMore,
    CouponNeedsSale,
    CouponNotHere,
    CouponNotUsable,
    CouponsDoNotCombine,
    IdempotencyKeyOfAnother,
    Redemption,
    RedemptionNotCancellable,
    cancel_redemption,
    get_template,
    issue_pack,
    lock_for_sale,
    redeem_alone,
    redeem_for_sale,
    trace_coupon,
)
from models.coupon.refunding import after_refund
from models.coupon.reports import pack_report
from models.fraud.freezing import CardFrozen
from models.fraud.own_card import OwnCard
from models.local_day import day_start
from models.member import Member
from models.outbox import Owed
from models.programme import get_programme
from models.purchase import Purchase
from models.purchase.facts import Undone
from models.purchase.table import Refund
from models.staff import Staff
from tests.conftest import NOON, Committed
from tests.handlers.statements import count_statements
from tests.models.coupon_maker import at_once, basket, give, make_sale, make_template, the_store

MakeMember = Callable[..., Member]
TODAY = date(2026, 11, 22)


def sell(
    session: Session, member: Member, *coupons: Coupon, amount_twd: int = 200, now: datetime = NOON
) -> Purchase:
    """Do with coupons what checkout does."""
    ids = [coupon.id for coupon in coupons]
    picked = lock_for_sale(session, member, ids, basket(amount_twd), now)
    first_id = picked.coupons[0].id if picked.coupons else None
    purchase = make_sale(session, member, amount_twd, picked.discount_twd, first_id, now)
    redeem_for_sale(session, picked, purchase, now)
    return purchase


def refund(
    session: Session, purchase: Purchase, amount_twd: int, now: datetime = NOON
) -> list[Coupon]:
    """Do with coupons what a refund does."""
    member = session.get_one(Member, purchase.member_id)
    net_before = purchase.net_twd
    purchase.refunded_twd += amount_twd
    if purchase.net_twd == 0:
        purchase.undone_at = now
    row = Refund(
        purchase_id=purchase.id,
        member_id=member.id,
        store_id=purchase.store_id,
        amount_twd=amount_twd,
        reason="wrong",
        is_full=purchase.net_twd == 0,
        refunded_at=now,
        refunded_on=TODAY,
        idempotency_key=f"refund:{purchase.id}:{purchase.refunded_twd}",
    )
    session.add(row)
    session.flush()
    programme = get_programme(session)
    return after_refund(
        session,
        Undone(member, purchase, row, net_before, purchase.net_twd, programme, now, TODAY),
    )


def scan(
    session: Session, coupon: Coupon, key: str = "scan", staff: Staff | None = None
) -> Redemption:
    return redeem_alone(
        session,
        coupon.code,
        store=the_store(session),
        staff=staff,
        idempotency_key=key,
        now=NOON,
    )


def a_gift(session: Session, member: Member, **told: object) -> Coupon:
    return give(session, member, make_template(session, kind="gift", value=0, **told))


def states(session: Session, coupons: list[Coupon]) -> list[str]:
    for coupon in coupons:
        session.refresh(coupon)
    return [coupon.state for coupon in coupons]


# --- in a sale ---


def test_a_sale_uses_its_coupons_and_keeps_each_use(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    template = make_template(session, combines="with_others")
    first, second = give(session, member, template), give(session, member, template)
    purchase = sell(session, member, first, second)
    uses = session.scalars(select(Redemption).order_by(Redemption.coupon_id)).all()
    assert [(use.coupon_id, use.discount_twd) for use in uses] == [(first.id, 30), (second.id, 30)]
    assert {(use.purchase_id, use.store_id) for use in uses} == {(purchase.id, purchase.store_id)}
    assert purchase.discount_twd == 60
    assert first.state == "redeemed"
    assert states(session, [first, second]) == ["redeemed"] * 2
    step = trace_coupon(session, first.id)[-1]
    assert (step.cause, step.ref, step.at) == ("sale", f"purchase:{purchase.id}", NOON)
    with pytest.raises(CouponNotUsable):
        sell(session, member, first)


def test_coupons_cost_few_statements(session: Session, make_member: MakeMember) -> None:
    """None without a coupon; two with any number, pack or not."""
    member = make_member()
    store = the_store(session)
    pack = issue_pack(session, member.id, "welcome", issue_key="w", now=NOON)
    other = give(session, member, make_template(session, combines="with_others"))
    pack[0].template.combines = "with_others"
    sale = make_sale(session, member)
    session.flush()
    with count_statements(session) as statements:
        assert lock_for_sale(session, member, [], basket(), NOON) is NO_COUPONS
        redeem_for_sale(session, NO_COUPONS, sale, NOON)
    assert statements == []
    with count_statements(session) as statements:
        picked = lock_for_sale(session, member, [pack[0].id, other.id], basket(), NOON)
        redeem_for_sale(session, picked, sale, NOON)
    assert len(statements) == 2
    assert store.id == sale.store_id


def test_a_refused_coupon_leaves_all_as_it_was(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    fits = give(session, member, make_template(session, combines="with_others"))
    dear = give(session, member, make_template(session, combines="with_others", min_spend_twd=500))
    theirs = give(session, make_member(), make_template(session))
    for also, refusal in ((dear, CouponNeedsMore), (theirs, CouponNotUsable)):
        with pytest.raises(refusal):
            sell(session, member, fits, also)
    assert states(session, [fits]) == ["issued"]
    assert session.scalar(select(func.count()).select_from(Redemption)) == 0


def test_a_frozen_card_uses_no_coupon(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    coupon, gift = give(session, member, make_template(session)), a_gift(session, member)
    member.frozen_at, member.frozen_reason = NOON, "not_me"
    session.flush()
    with pytest.raises(CardFrozen):
        sell(session, member, coupon)
    with pytest.raises(CardFrozen):
        scan(session, gift)


def test_the_database_refuses_a_second_standing_use(
    session: Session, make_member: MakeMember
) -> None:
    """U9: whoever writes it."""
    member = make_member()
    coupon = give(session, member, make_template(session))
    sell(session, member, coupon)
    session.add(
        Redemption(
            coupon_id=coupon.id,
            member_id=member.id,
            discount_twd=0,
            redeemed_at=NOON,
            idempotency_key="again",
        )
    )
    with pytest.raises(IntegrityError, match="ix_redemption_standing"):
        session.flush()


# --- packs ---


def test_a_pack_is_used_one_order_at_a_time(session: Session, make_member: MakeMember) -> None:
    """C-01: max one per order; the next unlocks by an order with the one before."""
    member = make_member()
    pack = issue_pack(session, member.id, "welcome", issue_key="w", now=NOON)
    with pytest.raises(CouponNotUsable) as refusal:
        sell(session, member, pack[1])
    assert refusal.value.facts == {"state": "locked"}
    later = NOON + timedelta(days=20)
    sell(session, member, pack[0], now=later)
    assert (pack[1].state, pack[2].state) == ("issued", "locked")
    assert states(session, pack) == ["redeemed", "issued", "locked"]
    assert pack[1].expires_at == day_start(TODAY + timedelta(days=51))
    assert pack[2].expires_at == pack[1].expires_at
    assert trace_coupon(session, pack[1].id)[-1].cause == "unlock"
    sell(session, member, pack[1], now=later)
    sell(session, member, pack[2], now=later)
    assert states(session, pack) == ["redeemed"] * 3


def test_two_of_a_pack_in_one_order_are_refused(session: Session, make_member: MakeMember) -> None:
    """C-01, even where a refund left two of them open and both go with others."""
    member = make_member()
    pack = issue_pack(session, member.id, "welcome", issue_key="w", now=NOON)
    for coupon in pack:
        coupon.template.combines = "with_others"
    pack[1].move("issued", "unlock", NOON)
    session.flush()
    with pytest.raises(CouponsDoNotCombine):
        sell(session, member, pack[0], pack[1])


def test_a_refund_locks_the_next_of_a_pack_again_if_unused(
    session: Session, make_member: MakeMember
) -> None:
    """C-01, X11: coupon pack and refund."""
    member = make_member()
    pack = issue_pack(session, member.id, "welcome", issue_key="w", now=NOON)
    purchase = sell(session, member, pack[0])
    refund(session, purchase, purchase.paid_twd)
    assert states(session, pack) == ["issued", "locked", "locked"]
    first, second = sell(session, member, pack[0]), sell(session, member, pack[1])
    refund(session, first, first.paid_twd)
    assert states(session, pack) == ["issued", "redeemed", "issued"]
    refund(session, second, second.paid_twd)
    assert states(session, pack) == ["issued", "issued", "locked"]


def test_a_pack_whose_next_window_is_over_stays_locked(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    ends = NOON + timedelta(days=5)
    make_template(session, pack_code="short", pack_place=1)
    make_template(
        session, pack_code="short", pack_place=2, clock="window", ends_at=ends, valid_days=None
    )
    pack = issue_pack(session, member.id, "short", issue_key="s", now=NOON)
    sell(session, member, pack[0], now=ends)
    assert states(session, pack) == ["redeemed", "locked"]


def test_the_report_tells_how_many_came_to_each_order(
    session: Session, make_member: MakeMember
) -> None:
    """C-01: who reached order 1, 2, 3, and the repeat rate after 3: 48.28% as in the article."""
    assert pack_report(session, "welcome").repeat_rate is None
    orders = [0] * 5 + [1] * 10 + [2] * 7 + [3] * 15 + [4] * 9 + [6] * 5
    for place, count in enumerate(orders):
        member = make_member()
        issue_pack(session, member.id, "welcome", issue_key=f"w{place}", now=NOON)
        make_sale(session, member, now=NOON - timedelta(days=9))
        for _ in range(count):
            make_sale(session, member)
        undone = make_sale(session, member)
        undone.refunded_twd, undone.undone_at = undone.paid_twd, NOON
    session.flush()
    report = pack_report(session, "welcome")
    assert report.given == len(orders)
    assert report.reached == (46, 36, 29)
    assert report.repeated == 14
    assert f"{report.repeat_rate:.2%}" == "48.28%"
    assert report.used == (0, 0, 0)


# --- alone ---


def test_a_gift_is_scanned_alone_and_its_owner_told_at_once(
    session: Session, make_member: MakeMember, make_staff: Callable[..., Staff]
) -> None:
    """U12: store, time and clerk, with what "not me" needs."""
    member, staff = make_member(), make_staff()
    gift = a_gift(session, member)
    use = scan(session, gift, staff=staff)
    assert (use.coupon_id, use.purchase_id, use.discount_twd) == (gift.id, None, 0)
    assert (use.store_id, use.staff_id) == (the_store(session).id, staff.id)
    (owed,) = session.scalars(select(Owed).where(Owed.kind == "coupon_redeemed"))
    assert owed.words["store_name"] == "信義店"
    assert owed.words["redemption_id"] == use.id
    assert (owed.words["staff_id"], owed.words["at"]) == (staff.id, NOON.isoformat())
    assert not owed.is_marketing
    step = trace_coupon(session, gift.id)[-1]
    assert (step.cause, step.staff_id, step.store_id) == ("alone", staff.id, use.store_id)


def test_scanning_again_under_one_key_is_one_use(session: Session, make_member: MakeMember) -> None:
    member = make_member(line=False)
    gift, other = a_gift(session, member), a_gift(session, member)
    use = scan(session, gift)
    assert scan(session, gift) is use
    with pytest.raises(IdempotencyKeyOfAnother):
        scan(session, other)
    with pytest.raises(CouponNotUsable) as refusal:
        scan(session, gift, "later")
    assert refusal.value.facts == {"state": "redeemed"}
    assert session.scalars(select(Owed)).all() == []


@pytest.mark.parametrize(
    ("told", "refusal"),
    [
        ({"kind": "amount", "value": 30}, CouponNeedsSale),
        ({"kind": "gift", "value": 0, "min_spend_twd": 100}, CouponNeedsSale),
        ({"kind": "gift", "value": 0, "store_codes": ["TC01"]}, CouponNotHere),
        ({"kind": "gift", "value": 0, "tier_codes": ["black"]}, CouponNotHere),
    ],
    ids=["amount", "minimum", "store", "tier"],
)
def test_what_is_not_for_scanning_alone_is_refused(
    session: Session, make_member: MakeMember, told: dict[str, object], refusal: type[BusinessError]
) -> None:
    coupon = give(session, make_member(), make_template(session, **told))
    with pytest.raises(refusal):
        scan(session, coupon)
    assert states(session, [coupon]) == ["issued"]


def test_nobody_uses_a_coupon_on_their_own_card(
    session: Session, make_member: MakeMember, make_staff: Callable[..., Staff]
) -> None:
    member = make_member()
    with pytest.raises(OwnCard):
        scan(session, a_gift(session, member), staff=make_staff(member_id=member.id))


def test_an_unknown_code_is_refused(session: Session) -> None:
    with pytest.raises(CouponNotUsable):
        scan(session, Coupon(code="NOTHING"))


def test_a_gift_of_a_pack_unlocks_the_next_when_scanned(
    session: Session, make_member: MakeMember
) -> None:
    for place in (1, 2):
        make_template(session, kind="gift", value=0, pack_code="gifts", pack_place=place)
    pack = issue_pack(session, make_member().id, "gifts", issue_key="g", now=NOON)
    use = scan(session, pack[0])
    assert states(session, pack) == ["redeemed", "issued"]
    cancel_redemption(session, use.id, staff_id=None, now=NOON)
    assert states(session, pack) == ["issued", "locked"]


# --- undone ---


def test_a_use_undone_gives_the_coupon_back_once(
    session: Session, make_member: MakeMember, make_staff: Callable[..., Staff]
) -> None:
    staff, gift = make_staff(), a_gift(session, make_member(), valid_days=1)
    use = scan(session, gift)
    for _ in range(2):
        undone = cancel_redemption(session, use.id, staff_id=staff.id, now=NOON)
        assert undone.reversed_at == NOON
    assert states(session, [gift]) == ["issued"]
    assert gift.expires_at == day_start(TODAY + timedelta(days=8))
    causes = [event.cause for event in trace_coupon(session, gift.id)]
    assert causes == ["issue", "alone", "cancel"]
    assert scan(session, gift, "second").id != use.id
    assert session.scalar(select(func.count()).select_from(Redemption)) == 2


def test_what_was_used_in_a_sale_only_a_refund_gives_back(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    sell(session, member, give(session, member, make_template(session)))
    use = session.scalars(select(Redemption)).one()
    with pytest.raises(RedemptionNotCancellable):
        cancel_redemption(session, use.id, staff_id=None, now=NOON)


# --- refunded ---


def test_a_full_refund_gives_the_coupon_back_for_a_week_at_least(
    session: Session, make_member: MakeMember
) -> None:
    """U13, C-11: refundable; by the template's policy."""
    member = make_member()
    coupon = give(session, member, make_template(session, valid_days=3))
    coupon.reminded_at = NOON
    purchase = sell(session, member, coupon)
    late = NOON + timedelta(days=30)
    assert refund(session, purchase, purchase.paid_twd, late) == [coupon]
    assert states(session, [coupon]) == ["issued"]
    assert coupon.expires_at == day_start(TODAY + timedelta(days=38))
    assert coupon.reminded_at is None
    assert trace_coupon(session, coupon.id)[-1].cause == "refund"
    again = sell(session, member, coupon, now=late)
    assert again.coupon_id == purchase.coupon_id == coupon.id
    standing = select(Redemption.purchase_id).where(Redemption.reversed_at.is_(None))
    assert session.scalars(standing).all() == [again.id]


def test_a_partial_refund_leaves_it_used_until_nothing_is_left(
    session: Session, make_member: MakeMember
) -> None:
    """U13."""
    member = make_member()
    coupon = give(session, member, make_template(session))
    purchase = sell(session, member, coupon)
    assert refund(session, purchase, 100) == []
    assert states(session, [coupon]) == ["redeemed"]
    assert refund(session, purchase, purchase.net_twd) == [coupon]
    assert states(session, [coupon]) == ["issued"]


def test_a_template_may_keep_its_coupons_used(session: Session, make_member: MakeMember) -> None:
    """U13: a policy switch."""
    member = make_member()
    coupon = give(session, member, make_template(session, on_refund="keep"))
    purchase = sell(session, member, coupon)
    assert refund(session, purchase, purchase.paid_twd) == []
    assert states(session, [coupon]) == ["redeemed"]


def test_a_refund_of_a_sale_without_coupon_asks_nothing(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    purchase = sell(session, member)
    assert refund(session, purchase, purchase.paid_twd) == []


# --- races ---


def test_fifty_tills_and_one_coupon_are_one_redemption(committed: Committed) -> None:
    """U9: 50 parallel redemptions = exactly one success."""
    with committed.sessions.begin() as session:
        gift = a_gift(session, committed.maker.member(session))
        code = gift.code

    def redeem(number: int) -> bool:
        with committed.sessions.begin() as session:
            try:
                redeem_alone(
                    session,
                    code,
                    store=the_store(session),
                    staff=None,
                    idempotency_key=f"till:{number}",
                    now=NOON,
                )
            except CouponNotUsable:
                return False
            return True

    assert sum(at_once(range(50), redeem)) == 1
    with committed.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Redemption)) == 1
        assert [e.to_state for e in trace_coupon(session, gift.id)] == ["issued", "redeemed"]


def test_a_till_a_scan_and_a_refund_at_once_leave_one_standing_use(committed: Committed) -> None:
    """U9: sales, scans and a void meet; nobody waits for ever, and one use stands."""
    with committed.sessions.begin() as session:
        member = committed.maker.member(session)
        gift = a_gift(session, member)
        member_id, code, coupon_id = member.id, gift.code, gift.id

    def use(number: int) -> bool:
        with committed.sessions.begin() as session:
            store = the_store(session)
            try:
                if number % 2:
                    held = session.get_one(Member, member_id, with_for_update=True)
                    sell(session, held, session.get_one(Coupon, coupon_id))
                else:
                    redeem_alone(
                        session,
                        code,
                        store=store,
                        staff=None,
                        idempotency_key=f"{number}",
                        now=NOON,
                    )
            except CouponNotUsable:
                session.rollback()
                return False
            return True

    assert sum(at_once(range(20), use)) == 1
    with committed.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Redemption)) == 1


@pytest.mark.parametrize(
    "coupons", [200, pytest.param(1_000, id="a thousand", marks=pytest.mark.faults)]
)
def test_many_coupons_and_eight_clerks_are_as_many_redemptions(
    committed: Committed, coupons: int
) -> None:
    """U9: each clerk tries every coupon, in another order."""
    with committed.sessions.begin() as session:
        members = [committed.maker.member(session, line=False).id for _ in range(8)]
        template = get_template(session, "stamp_reward")
        session.execute(
            insert(Coupon),
            [
                {
                    "code": f"CODE{number}",
                    "member_id": members[number % 8],
                    "template_id": template.id,
                    "state": "issued",
                    "issue_key": f"key:{number}",
                    "issued_at": NOON,
                    "usable_from": NOON,
                    "expires_at": NOON + timedelta(days=1),
                }
                for number in range(coupons)
            ],
        )

    def work(clerk: int) -> int:
        done = 0
        for step in range(coupons):
            code = f"CODE{(step * 7 + clerk * 125) % coupons}"
            with committed.sessions.begin() as session:
                try:
                    redeem_alone(
                        session,
                        code,
                        store=the_store(session),
                        staff=None,
                        idempotency_key=f"{clerk}:{code}",
                        now=NOON,
                    )
                    done += 1
                except CouponNotUsable:
                    continue
        return done

    assert sum(at_once(range(8), work)) == coupons
    with committed.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Redemption)) == coupons
        assert session.scalar(select(func.count(Redemption.coupon_id.distinct()))) == coupons
