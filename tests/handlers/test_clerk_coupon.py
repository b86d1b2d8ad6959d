"""Coupons at the counter: several in one sale, and one scanned alone."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from handlers.limiting import limiter
from models.coupon import Coupon, CouponTemplate, Redemption, issue_coupon, qr_text
from models.member import Member
from models.outbox import Owed
from models.purchase import Purchase
from models.staff import Staff
from tests.conftest import NOON, Clock
from tests.handlers.clerk_driver import Counter, enrol, hidden, words


@pytest.fixture
def clerk(make_staff: Callable[..., Staff]) -> Staff:
    """Return the clerk at the counter."""
    return make_staff()


@pytest.fixture
def counter(client: FlaskClient, clerk: Staff) -> Counter:
    """Return the clerk's page, logged in."""
    limiter.reset()
    counter = Counter(client)
    counter.log_in(clerk)
    return counter


@pytest.fixture
def give(session: Session) -> Callable[..., Coupon]:
    """Return a function that gives a member a coupon of a new template."""

    def give_to(member: Member, name: str = "免費加料", **columns: object) -> Coupon:
        texts = {"zh-TW": name}
        row = {
            "code": f"made-{uuid4().hex[:8]}",
            "kind": "item",
            "value": 0,
            "name": texts,
            "headline": texts,
            "description": {"zh-TW": "限門市"},
            "valid_days": 30,
        }
        template = CouponTemplate(**(row | columns))
        session.add(template)
        session.flush()
        coupon = issue_coupon(session, member.id, template, issue_key=str(uuid4()), now=NOON)
        assert coupon is not None
        return coupon

    return give_to


def redeem(counter: Counter, coupon: Coupon) -> TestResponse:
    """Open the coupon's page by its QR and redeem it."""
    page = counter.send("/clerk/lookup", code=qr_text(coupon.code))
    key = hidden(page.text, "key")
    return counter.send(f"/clerk/coupons/{coupon.code}/redemptions", key=key)


# --- in a sale


def send_sale(counter: Counter, path: str, amount: str, coupons: list[Coupon]) -> TestResponse:
    """Send the sale on the page with several coupons ticked."""
    form = counter.sale | {"csrf_token": counter.token, "amount": amount}
    ticked = [str(coupon.id) for coupon in coupons]
    return counter.client.post(path, data=form | {"coupon": ticked}, headers={"HX-Request": "true"})


def test_several_coupons_are_previewed_and_used_together(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    give: Callable[..., Coupon],
) -> None:
    member = make_member()
    minus = give(member, "折 50", kind="amount", value=50, combines="with_others")
    percent = give(member, "九折", kind="percent", value=10, combines="with_others")
    counter.look_up(member.number)
    shown = words(send_sale(counter, "/clerk/preview", "450", [minus, percent]))
    for fact in ("應付 NT$360", "折 50 −NT$50", "九折 −NT$40"):
        assert fact in shown
    done = words(send_sale(counter, "/clerk/purchases", "450", [minus, percent]))
    assert "折 50、九折 −NT$90" in done
    assert session.scalars(select(Purchase.discount_twd)).one() == 90
    assert session.scalars(select(func.count()).select_from(Redemption)).one() == 2


def test_coupons_that_do_not_combine_say_so_before_and_at_the_confirm(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    give: Callable[..., Coupon],
) -> None:
    member = make_member()
    alone = give(member, "單獨券", kind="amount", value=50)
    other = give(member, "九折", kind="percent", value=10, combines="with_others")
    page = counter.look_up(member.number)
    assert "單獨使用" in page.text
    for path in ("/clerk/preview", "/clerk/purchases"):
        assert "不能和別張一起用" in send_sale(counter, path, "450", [alone, other]).text
    assert session.scalars(select(func.count()).select_from(Purchase)).one() == 0


def test_another_stores_coupon_cannot_be_ticked(
    counter: Counter, make_member: Callable[..., Member], give: Callable[..., Coupon]
) -> None:
    member = make_member()
    elsewhere = give(member, kind="amount", value=50, store_codes=["TC01"])
    assert "本店不適用" in counter.look_up(member.number).text
    refused = send_sale(counter, "/clerk/purchases", "450", [elsewhere])
    assert "在這裡不能用" in refused.text


def test_without_script_a_refused_sale_keeps_all_its_ticks(
    counter: Counter, make_member: Callable[..., Member], give: Callable[..., Coupon]
) -> None:
    member = make_member()
    both = [give(member, combines="with_others"), give(member, combines="with_others")]
    counter.script = False
    counter.look_up(member.number)
    form = counter.sale | {"csrf_token": counter.token, "amount": "0"}
    ticked = [str(coupon.id) for coupon in both]
    answer = counter.client.post("/clerk/purchases", data=form | {"coupon": ticked})
    assert answer.status_code == 409
    assert all(f'value="{coupon.id}" checked' in answer.text for coupon in both)


# --- alone


@pytest.mark.parametrize("how", ["qr", "typed"])
def test_a_scanned_coupon_shows_what_it_is_and_whose(
    counter: Counter, make_member: Callable[..., Member], give: Callable[..., Coupon], how: str
) -> None:
    coupon = give(make_member(name="王小明"))
    code = qr_text(coupon.code) if how == "qr" else coupon.code.lower()
    shown = words(counter.send("/clerk/lookup", code=code))
    for fact in ("免費加料", "可使用", "王○明", "兌換"):
        assert fact in shown
    assert "小明" not in shown


def test_a_coupon_is_redeemed_once_and_its_owner_is_told(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    give: Callable[..., Coupon],
) -> None:
    coupon = give(make_member())
    key = hidden(counter.send("/clerk/lookup", code=qr_text(coupon.code)).text, "key")
    for _ in range(2):
        assert "已兌換" in counter.send(f"/clerk/coupons/{coupon.code}/redemptions", key=key).text
    assert session.scalars(select(func.count()).select_from(Redemption)).one() == 1
    assert "coupon_redeemed" in session.scalars(select(Owed.kind)).all()


def test_a_used_coupon_is_not_redeemed_again(
    counter: Counter, make_member: Callable[..., Member], give: Callable[..., Coupon]
) -> None:
    coupon = give(make_member())
    redeem(counter, coupon)
    again = counter.send(f"/clerk/coupons/{coupon.code}/redemptions", key=str(uuid4()))
    assert again.status_code == 409
    assert "剛剛用掉了" in again.text
    assert "已使用" in counter.send("/clerk/lookup", code=qr_text(coupon.code)).text


def test_a_discount_coupon_leads_to_its_owners_sale_with_its_tick(
    counter: Counter, make_member: Callable[..., Member], give: Callable[..., Coupon]
) -> None:
    member = make_member()
    coupon = give(member, kind="amount", value=50)
    page = counter.send("/clerk/lookup", code=qr_text(coupon.code))
    assert "用這張券結帳" in page.text
    assert "redemptions" not in page.text
    sale = counter.send("/clerk/lookup", code=member.number, coupon=str(coupon.id))
    assert f'value="{coupon.id}" checked' in sale.text
    assert "name_checked" in sale.text


def test_a_redemption_is_taken_back_within_ten_minutes_only(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    give: Callable[..., Coupon],
    clock: Clock,
) -> None:
    member = make_member()
    first, second = give(member), give(member)
    redeem(counter, first)
    ids = session.scalars(select(Redemption.id)).all()
    counter.work_on(clock, minutes=9)
    redeem(counter, second)
    assert "已取消兌換" in counter.send(f"/clerk/redemptions/{ids[0]}/cancel").text
    session.expire_all()
    assert first.state == "issued"
    later = session.scalars(select(Redemption.id).where(Redemption.coupon_id == second.id)).one()
    counter.work_on(clock, minutes=10)
    refused = counter.send(f"/clerk/redemptions/{later}/cancel")
    assert refused.status_code == 409
    assert "不能取消" in refused.text
    session.expire_all()
    assert second.state == "redeemed"


def test_another_stores_or_an_unknown_redemption_is_not_taken_back(
    client: FlaskClient,
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    make_staff: Callable[..., Staff],
    give: Callable[..., Coupon],
) -> None:
    redeem(counter, give(make_member()))
    redemption_id = session.scalars(select(Redemption.id)).one()
    counter.send("/clerk/logout")
    enrol(client, session, store="TC01", name="台中平板")
    counter.log_in(make_staff(store="TC01"))
    assert counter.send(f"/clerk/redemptions/{redemption_id}/cancel").status_code == 409
    assert counter.send("/clerk/redemptions/999999/cancel").status_code == 409


def test_nobody_redeems_their_own_coupon(
    counter: Counter,
    session: Session,
    clerk: Staff,
    make_member: Callable[..., Member],
    give: Callable[..., Coupon],
) -> None:
    member = make_member()
    clerk.member_id = member.id
    session.flush()
    coupon = give(member)
    assert "自己的會員卡" in redeem(counter, coupon).text
    assert coupon.state == "issued"


@pytest.mark.parametrize("code", ["C:23456789ABCD", "C:??", "ABCDEFGHJKMN"])
def test_an_unknown_coupon_is_a_friendly_no(counter: Counter, code: str) -> None:
    answer = counter.send("/clerk/lookup", code=code)
    assert answer.status_code == 409
    assert "HX-Retarget" in answer.headers


def test_without_script_a_coupon_is_redeemed_on_whole_pages(
    counter: Counter, make_member: Callable[..., Member], give: Callable[..., Coupon]
) -> None:
    counter.script = False
    coupon = give(make_member())
    assert "<html" in counter.send("/clerk/lookup", code=qr_text(coupon.code)).text
    assert "已兌換" in redeem(counter, coupon).text
    again = counter.send(f"/clerk/coupons/{coupon.code}/redemptions", key=str(uuid4()))
    assert "<html" in again.text
    assert "剛剛用掉了" in again.text
