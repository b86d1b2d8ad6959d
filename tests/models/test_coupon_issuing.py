"""Giving coupons: three clocks, stock, limits, packs, and every step kept."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from models.coupon import (
    Coupon,
    CouponEvent,
    CouponLimitReached,
    CouponNotOffered,
    CouponNotUsable,
    CouponSoldOut,
    CouponTemplate,
    count_by_state,
    find_code_in_scan,
    find_coupon,
    get_template,
    issue_coupon,
    issue_pack,
    list_pack,
    list_templates,
    list_wallet,
    open_coupon,
    qr_text,
    trace_coupon,
    void_coupon,
    void_coupons,
)
from models.local_day import day_start
from models.member import Member
from tests.conftest import NOON, Committed
from tests.models.coupon_maker import at_once, give, make_template

MakeMember = Callable[..., Member]
TODAY = date(2026, 11, 22)
DAY = timedelta(days=1)


def days(count: int) -> timedelta:
    return timedelta(days=count)


def issue(session: Session, member: Member, template: CouponTemplate, key: str) -> Coupon | None:
    return issue_coupon(session, member.id, template, issue_key=key, now=NOON)


# --- clocks ---


def test_a_window_is_the_same_for_everybody(session: Session, make_member: MakeMember) -> None:
    """C-11: issuable and expiring."""
    starts, ends = NOON + days(2), NOON + days(5)
    window = make_template(session, clock="window", starts_at=starts, ends_at=ends, valid_days=None)
    early, late = (give(session, make_member(), window, NOON + wait) for wait in (0 * DAY, 3 * DAY))
    assert (early.usable_from, early.expires_at) == (starts, ends)
    assert (late.usable_from, late.expires_at) == (NOON + days(3), ends)
    assert early.shown_state(NOON) == "later"
    assert early.shown_state(starts) == "usable"
    assert early.shown_state(ends) == "expired"


def test_a_window_that_is_over_gives_no_more(session: Session, make_member: MakeMember) -> None:
    window = make_template(session, clock="window", ends_at=NOON, valid_days=None)
    with pytest.raises(CouponNotOffered):
        give(session, make_member(), window)


def test_days_run_from_the_receipt(session: Session, make_member: MakeMember) -> None:
    coupon = give(session, make_member(), make_template(session, valid_days=7))
    assert coupon.expires_at == day_start(TODAY + days(8))
    assert coupon.words("zh-TW", NOON)["days_after_opening"] is None


def test_opening_starts_the_days_once(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    template = make_template(session, clock="opening", open_within_days=30, valid_days=3)
    coupon = give(session, member, template)
    assert coupon.expires_at == day_start(TODAY + days(31))
    assert coupon.words("zh-TW", NOON)["days_after_opening"] == 3
    coupon.reminded_at = NOON
    for later in (days(10), days(12)):
        opened = open_coupon(session, member.id, coupon.id, NOON + later)
        assert opened.opened_at == NOON + days(10)
        assert opened.expires_at == day_start(TODAY + days(14))
        assert opened.reminded_at is None
    assert coupon.words("zh-TW", NOON)["days_after_opening"] is None


def test_an_unopened_coupon_ends_with_its_last_day(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    template = make_template(session, clock="opening", open_within_days=5, valid_days=30)
    coupon = give(session, member, template)
    ends = day_start(TODAY + days(6))
    late = open_coupon(session, member.id, coupon.id, ends)
    assert (late.opened_at, late.shown_state(ends)) == (None, "expired")
    with pytest.raises(CouponNotUsable):
        open_coupon(session, make_member().id, coupon.id, NOON)


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"clock": "window", "valid_days": None}, "window_has_end"),
        ({"clock": "receipt", "valid_days": None}, "days_are_told"),
        ({"clock": "opening"}, "opening_has_last_day"),
        ({"clock": "moon"}, "clock_known"),
        ({"cap_twd": 10}, "cap_is_of_a_percent"),
        ({"stock_left": -1}, "stock_not_negative"),
        ({"per_day_limit": 0}, "limits_positive"),
        ({"on_refund": "burn"}, "on_refund_known"),
        ({"pack_code": "p"}, "pack_has_places"),
        ({"combines": ""}, "combines_named"),
    ],
)
def test_the_database_refuses_a_template_against_itself(
    session: Session, wrong: dict[str, object], rule: str
) -> None:
    with pytest.raises(IntegrityError, match=rule):
        make_template(session, **wrong)


# --- stock and limits ---


def test_stock_is_given_and_then_refused(session: Session, make_member: MakeMember) -> None:
    template = make_template(session, stock_left=2)
    members = [make_member() for _ in range(3)]
    first = give(session, members[0], template)
    assert issue(session, members[0], template, first.issue_key) is None
    give(session, members[1], template)
    with pytest.raises(CouponSoldOut) as refusal:
        give(session, members[2], template)
    assert refusal.value.facts == {"until": None}
    assert issue(session, members[0], template, first.issue_key) is None
    assert session.scalar(select(func.count()).select_from(Coupon)) == 2


def test_a_day_has_its_limit_and_the_next_its_own(
    session: Session, make_member: MakeMember
) -> None:
    """The day is Taipei's: it ends at 16:00 UTC."""
    template, member = make_template(session, per_day_limit=2), make_member()
    last = datetime(2026, 11, 22, 15, 59, 59, tzinfo=NOON.tzinfo)
    give(session, member, template, NOON)
    give(session, member, template, last)
    with pytest.raises(CouponSoldOut) as refusal:
        give(session, member, template, last)
    assert refusal.value.facts == {"until": TODAY + DAY}
    give(session, member, template, last + timedelta(seconds=1))


def test_a_member_has_their_limit(session: Session, make_member: MakeMember) -> None:
    template = make_template(session, per_member_limit=1, stock_left=5)
    member = make_member()
    coupon = give(session, member, template)
    with pytest.raises(CouponLimitReached):
        give(session, member, template)
    assert issue(session, member, template, coupon.issue_key) is None
    give(session, make_member(), template)
    session.refresh(template)
    assert template.stock_left == 3


def test_taking_one_back_puts_it_into_stock_again(
    session: Session, make_member: MakeMember
) -> None:
    template = make_template(session, stock_left=1, per_day_limit=1, per_member_limit=1)
    member = make_member()
    coupon = give(session, member, template)
    void_coupon(session, coupon, cause="staff", now=NOON, ref="發錯")
    session.refresh(template)
    assert (template.stock_left, template.day_issued) == (1, 0)
    again = give(session, member, template)
    assert count_by_state(session, template.id, NOON) == {"void": 1, "issued": 1}
    assert count_by_state(session, template.id, again.expires_at) == {"void": 1, "expired": 1}
    with pytest.raises(CouponNotUsable) as refusal:
        void_coupon(session, coupon, cause="staff", now=NOON)
    assert refusal.value.facts == {"state": "void"}


def test_what_is_switched_off_is_not_given(session: Session, make_member: MakeMember) -> None:
    with pytest.raises(CouponNotOffered):
        give(session, make_member(), make_template(session, is_active=False))


def test_ten_pieces_and_fifty_who_ask_at_once_are_ten_coupons(committed: Committed) -> None:
    """U9: stock is one UPDATE under a CHECK."""
    with committed.sessions.begin() as session:
        template = make_template(session, stock_left=10)
        members = [committed.maker.member(session) for _ in range(50)]
        asked = [(member.id, f"ask:{n}") for n, member in enumerate(members)]

    def ask(one: tuple[int, str]) -> bool:
        with committed.sessions.begin() as session:
            try:
                given = issue_coupon(session, one[0], template, issue_key=one[1], now=NOON)
            except CouponSoldOut:
                return False
            return given is not None

    assert sum(at_once(asked, ask)) == 10
    with committed.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Coupon)) == 10
        assert session.get_one(CouponTemplate, template.id).stock_left == 0


# --- packs ---


def test_a_pack_comes_with_its_first_coupon_open(session: Session, make_member: MakeMember) -> None:
    """C-01, A-06: three coupons, the first usable at once, the others locked."""
    member = make_member()
    pack = issue_pack(session, member.id, "welcome", issue_key="w", now=NOON)
    assert [c.template.code for c in pack] == ["welcome", "welcome_2", "welcome_3"]
    assert [c.shown_state(NOON) for c in pack] == ["usable", "locked", "locked"]
    assert [c.pack_place for c in list_wallet(session, member.id, NOON)] == [1, 2, 3]
    assert pack[1].shown_state(pack[1].expires_at) == "expired"
    assert issue_pack(session, member.id, "welcome", issue_key="w", now=NOON) == []


def test_a_pack_of_limited_coupons_is_counted(session: Session, make_member: MakeMember) -> None:
    pack = list_pack(session, "welcome")
    pack[1].stock_left = 1
    session.flush()
    issue_pack(session, make_member().id, "welcome", issue_key="a", now=NOON)
    assert issue_pack(session, make_member().id, "welcome", issue_key="a", now=NOON) == []
    with pytest.raises(CouponSoldOut):
        issue_pack(session, make_member().id, "welcome", issue_key="b", now=NOON)


def test_only_a_pack_can_be_locked(session: Session, make_member: MakeMember) -> None:
    coupon = give(session, make_member(), make_template(session))
    with pytest.raises(IntegrityError, match="only_packs_lock"):
        session.execute(
            text("UPDATE coupon SET state = 'locked' WHERE id = :id"), {"id": coupon.id}
        )


def test_leaving_voids_what_is_locked_too(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    pack = issue_pack(session, member.id, "welcome", issue_key="w", now=NOON)
    void_coupons(session, member.id, NOON)
    for coupon in pack:
        session.refresh(coupon)
    assert {coupon.state for coupon in pack} == {"void"}
    assert trace_coupon(session, pack[2].id)[-1].cause == "leave"


# --- every step ---


def test_every_step_is_kept_whoever_takes_it(session: Session, make_member: MakeMember) -> None:
    """X6: no path can forget the event: the database writes it."""
    coupon = give(session, make_member(), make_template(session))
    session.execute(text("UPDATE coupon SET state = 'void' WHERE id = :id"), {"id": coupon.id})
    issued, voided = trace_coupon(session, coupon.id)
    assert (issued.from_state, issued.to_state, issued.cause) == (None, "issued", "issue")
    assert (issued.at, issued.ref) == (NOON, coupon.issue_key)
    assert (voided.from_state, voided.to_state, voided.cause) == ("issued", "void", "untold")


def test_a_coupon_that_arrives_used_has_both_its_steps(
    session: Session, make_member: MakeMember
) -> None:
    """An import or the demo writes finished coupons."""
    member, template = make_member(), make_template(session)
    coupon = Coupon(
        code="USED",
        member_id=member.id,
        template_id=template.id,
        state="redeemed",
        issue_key="used",
        issued_at=NOON - DAY,
        usable_from=NOON - DAY,
        expires_at=NOON + DAY,
        redeemed_at=NOON,
    )
    session.add(coupon)
    session.flush()
    steps = [(e.from_state, e.to_state, e.at) for e in trace_coupon(session, coupon.id)]
    assert steps == [(None, "issued", NOON - DAY), ("issued", "redeemed", NOON)]


@pytest.mark.parametrize("change", ["UPDATE coupon_event SET id = id", "DELETE FROM coupon_event"])
def test_steps_are_only_ever_added_to(
    session: Session, make_member: MakeMember, change: str
) -> None:
    give(session, make_member(), make_template(session))
    with pytest.raises(DBAPIError, match="is append-only"):
        session.execute(text(change))


def test_a_change_that_is_no_step_writes_none(session: Session, make_member: MakeMember) -> None:
    coupon = give(session, make_member(), make_template(session))
    coupon.reminded_at = NOON
    session.flush()
    session.execute(text("UPDATE coupon SET state = state"))
    assert session.scalar(select(func.count()).select_from(CouponEvent)) == 1


# --- codes ---


def test_a_coupons_qr_is_told_from_a_members(session: Session, make_member: MakeMember) -> None:
    coupon = give(session, make_member(), make_template(session))
    scanned = qr_text(coupon.code)
    assert find_code_in_scan(f" {scanned.lower()}\n") == coupon.code
    for other in (coupon.code, "C:", f"{scanned}A", "C:" + "0" * 12, "8210 4417 3"):
        assert find_code_in_scan(other) is None
    spoken = " ".join((coupon.code[:4], coupon.code[4:8], coupon.code[8:].lower()))
    assert find_coupon(session, spoken) is coupon
    assert find_coupon(session, scanned) is coupon
    assert find_coupon(session, "nothing") is None


def test_templates_are_listed_by_code(session: Session) -> None:
    codes = [template.code for template in list_templates(session)]
    assert codes == sorted(codes)
    assert get_template(session, "welcome").pack_place == 1
