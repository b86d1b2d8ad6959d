"""A purchase's page and its refund: tried first, done once, with a manager where it must be."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from handlers.limiting import limiter
from models.audit import AuditEntry
from models.checkout import LARGE_REFUND_TWD, Line, Recorded, Sale, record_purchase
from models.coupon import Coupon, get_template, issue_coupon
from models.member import Member
from models.outbox import Owed
from models.purchase import Refund
from models.staff import Staff
from tests.conftest import NOON, STAFF_PASSWORD, Clock
from tests.handlers.clerk_driver import Counter, hidden, words


@pytest.fixture
def clerk(make_staff: Callable[..., Staff]) -> Staff:
    """Return the clerk at the counter."""
    return make_staff(name="小安")


@pytest.fixture
def counter(client: FlaskClient, clerk: Staff) -> Counter:
    """Return the clerk's page, logged in."""
    limiter.reset()
    counter = Counter(client)
    counter.log_in(clerk)
    return counter


@pytest.fixture
def sell(session: Session, clerk: Staff) -> Callable[..., Recorded]:
    """Return a function that records a sale of the clerk's own."""

    def sell_to(member: Member, amount_twd: int = 450, **told: object) -> Recorded:
        sale = {
            "member_id": member.id,
            "store": clerk.store,
            "staff": clerk,
            "amount_twd": amount_twd,
            "idempotency_key": f"sold:{uuid4()}",
        }
        return record_purchase(session, Sale(**(sale | told)), NOON)  # type: ignore[arg-type]

    return sell_to


def open_purchase(counter: Counter, purchase_id: int) -> TestResponse:
    """Open a purchase's page and keep its key."""
    answer = counter.client.get(f"/clerk/purchases/{purchase_id}")
    if 'name="key"' in answer.text:
        counter.sale = {"key": hidden(answer.text, "key")}
    return answer


def check(counter: Counter, purchase_id: int, **told: str) -> TestResponse:
    """Ask what a refund would do."""
    form = counter.sale | {"how": "all", "reason": "unwanted"} | told
    return counter.send(f"/clerk/purchases/{purchase_id}/check", **form)


def refund(counter: Counter, purchase_id: int, **told: str) -> TestResponse:
    """Confirm a refund."""
    form = counter.sale | {"how": "all", "reason": "unwanted"} | told
    return counter.send(f"/clerk/purchases/{purchase_id}/refunds", **form)


def count_refunds(session: Session) -> int:
    """Return how many refunds there are."""
    return session.scalars(select(func.count()).select_from(Refund)).one()


def test_the_days_list_opens_a_purchase_with_all_that_belongs_to_it(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    sell: Callable[..., Recorded],
) -> None:
    member = make_member(points=50)
    coupon = issue_coupon(
        session, member.id, get_template(session, "welcome"), issue_key="w", now=NOON
    )
    assert coupon is not None
    sold = sell(member, coupon_ids=(coupon.id,), points_to_use=20)
    assert f"/clerk/purchases/{sold.purchase_id}" in counter.client.get("/clerk/today").text
    page = open_purchase(counter, sold.purchase_id)
    assert 'value="all" checked' in page.text
    shown = words(page)
    for fact in ("王○明", "NT$450", "−NT$30", "點數折抵 20 點", "−NT$20", "NT$400", "信義店"):
        assert fact in shown
    assert "小明" not in shown


def test_a_check_tells_what_a_refund_takes_and_writes_nothing(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    sell: Callable[..., Recorded],
) -> None:
    member = make_member(points=50, spend_twd=4_800)
    coupon = issue_coupon(
        session, member.id, get_template(session, "welcome"), issue_key="w", now=NOON
    )
    assert coupon is not None
    sold = sell(member, coupon_ids=(coupon.id,), points_to_use=20)
    session.refresh(member)
    points, tier_id, owed = member.points, member.tier_id, len(session.scalars(select(Owed)).all())
    open_purchase(counter, sold.purchase_id)
    shown = words(check(counter, sold.purchase_id))
    for fact in ("退給客人 NT$400", "整筆退完", "客人不要了", f"{points} → 50", "集點章 -1"):
        assert fact in shown
    assert "退回優惠券" in shown
    session.expire_all()
    assert (member.points, member.tier_id) == (points, tier_id)
    assert session.get_one(Coupon, coupon.id).state == "redeemed"
    assert count_refunds(session) == 0
    assert len(session.scalars(select(Owed)).all()) == owed


def test_a_check_leaves_nothing_to_deliver(
    counter: Counter,
    make_member: Callable[..., Member],
    sell: Callable[..., Recorded],
    installation: object,
) -> None:
    sold = sell(make_member())
    open_purchase(counter, sold.purchase_id)
    rung = installation.bell.rung  # type: ignore[attr-defined]  # The tests' bell.
    rung.clear()
    check(counter, sold.purchase_id)
    assert rung == []


def test_a_checked_refund_can_be_changed_with_what_was_typed(
    counter: Counter, make_member: Callable[..., Member], sell: Callable[..., Recorded]
) -> None:
    sold = sell(make_member())
    open_purchase(counter, sold.purchase_id)
    typed = {"how": "amount", "amount": "70", "reason": "twice"} | counter.sale
    page = counter.send(f"/clerk/purchases/{sold.purchase_id}/edit", **typed)
    assert 'name="amount" value="70"' in page.text
    assert 'value="twice" checked' in page.text
    assert counter.sale["key"] in page.text


def test_a_confirmed_refund_is_done_once(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    sell: Callable[..., Recorded],
) -> None:
    member = make_member()
    sold = sell(member)
    open_purchase(counter, sold.purchase_id)
    first, again = refund(counter, sold.purchase_id), refund(counter, sold.purchase_id)
    assert "已退款 · 王○明" in words(first)
    assert "NT$450" in words(first)
    assert "沒有重複退款" in again.text
    done = session.scalars(select(Refund)).one()
    assert (done.amount_twd, done.reason, done.is_full) == (450, "客人不要了", True)
    session.expire_all()
    assert member.points == 0
    assert "refund" in session.scalars(select(Owed.kind)).all()


@pytest.mark.parametrize(
    ("told", "amount_twd"),
    [
        ({"how": "amount", "amount": "１００"}, 100),
        ({"how": "lines", "line-1": "2"}, 130),
        ({"how": "lines", "line-1": "1", "line-2": "1"}, 115),
    ],
)
def test_a_part_goes_back_by_amount_or_by_items(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    sell: Callable[..., Recorded],
    told: dict[str, str],
    amount_twd: int,
) -> None:
    lines = (Line("珍珠奶茶", 195, 3), Line("四季春", 50, 1))
    sold = sell(make_member(), 245, lines=lines)
    assert "珍珠奶茶" in open_purchase(counter, sold.purchase_id).text
    assert f"NT${amount_twd}" in words(check(counter, sold.purchase_id, **told))
    assert refund(counter, sold.purchase_id, **told).status_code == 200
    assert session.scalars(select(Refund.amount_twd)).one() == amount_twd
    assert "部分已退" in open_purchase(counter, sold.purchase_id).text


def test_an_own_reason_is_kept_as_typed(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    sell: Callable[..., Recorded],
) -> None:
    sold = sell(make_member())
    open_purchase(counter, sold.purchase_id)
    refund(counter, sold.purchase_id, reason="other", reason_text=" 杯蓋漏了 ")
    assert session.scalars(select(Refund.reason)).one() == "杯蓋漏了"


@pytest.mark.parametrize(
    ("told", "title"),
    [
        ({"reason": ""}, "請填寫原因"),
        ({"reason": "other", "reason_text": "  "}, "請填寫原因"),
        ({"reason": "nonsense"}, "請填寫原因"),
        ({"how": "amount", "amount": ""}, "請輸入金額"),
        ({"how": "amount", "amount": "451"}, "最多還能退 NT$450"),
        ({"how": "lines"}, "還沒有選品項"),
        ({"how": "lines", "line-9": "1"}, "退款超出可退範圍"),
        ({"key": "1"}, "這一頁已失效"),
    ],
)
def test_a_wrong_refund_is_refused_in_place(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    sell: Callable[..., Recorded],
    told: dict[str, str],
    title: str,
) -> None:
    sold = sell(make_member())
    open_purchase(counter, sold.purchase_id)
    for answer in (check(counter, sold.purchase_id, **told),) * 2:
        assert answer.status_code == 409
        assert answer.headers["HX-Retarget"] == "#notice"
        assert title in words(answer)
    assert refund(counter, sold.purchase_id, **told).status_code == 409
    assert count_refunds(session) == 0


def test_what_was_refunded_whole_offers_no_refund(
    counter: Counter, make_member: Callable[..., Member], sell: Callable[..., Recorded]
) -> None:
    sold = sell(make_member())
    open_purchase(counter, sold.purchase_id)
    refund(counter, sold.purchase_id)
    shown = open_purchase(counter, sold.purchase_id)
    assert "整筆已退" in shown.text
    assert "/check" not in shown.text
    assert "已經全部退完" in refund(counter, sold.purchase_id, key=str(uuid4())).text


def test_an_unknown_purchase_is_a_friendly_no(counter: Counter) -> None:
    assert "找不到這筆消費" in counter.client.get("/clerk/purchases/999999").text


# --- what a clerk may not do alone


@pytest.fixture
def manager(make_staff: Callable[..., Staff]) -> Staff:
    """Return a manager who comes to the counter."""
    return make_staff("manager", name="林店長")


def by(person: Staff, password: str = STAFF_PASSWORD) -> dict[str, str]:
    """Return a login as it is typed into the form."""
    return {"manager_username": person.username, "manager_password": password}


def test_a_large_refund_needs_a_manager_on_the_spot_and_is_written_down(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    sell: Callable[..., Recorded],
    clerk: Staff,
    manager: Staff,
) -> None:
    sold = sell(make_member(), LARGE_REFUND_TWD)
    open_purchase(counter, sold.purchase_id)
    assert "退款達 NT$3,000" in words(check(counter, sold.purchase_id))
    alone = refund(counter, sold.purchase_id)
    assert alone.status_code == 409
    assert "需要店長同意" in alone.text
    assert count_refunds(session) == 0
    assert refund(counter, sold.purchase_id, **by(manager)).status_code == 200
    entry = session.scalars(select(AuditEntry).where(AuditEntry.what == "refund.allow")).one()
    assert (entry.staff_id, entry.after) == (manager.id, {"asked_by": clerk.id})
    assert session.scalars(select(Refund.staff_id)).one() == clerk.id


def test_many_small_refunds_are_one_large_one(
    counter: Counter,
    make_member: Callable[..., Member],
    sell: Callable[..., Recorded],
) -> None:
    sold = sell(make_member(), LARGE_REFUND_TWD)
    half = {"how": "amount", "amount": str(LARGE_REFUND_TWD // 2)}
    open_purchase(counter, sold.purchase_id)
    assert refund(counter, sold.purchase_id, **half).status_code == 200
    open_purchase(counter, sold.purchase_id)
    assert refund(counter, sold.purchase_id, **half).status_code == 409


def test_yesterdays_sale_needs_a_manager(
    counter: Counter,
    make_member: Callable[..., Member],
    sell: Callable[..., Recorded],
    clock: Clock,
    manager: Staff,
) -> None:
    sold = sell(make_member())
    counter.work_on(clock, minutes=12 * 60)  # Past midnight in Taipei.
    open_purchase(counter, sold.purchase_id)
    assert "不是今天的消費" in words(check(counter, sold.purchase_id))
    assert refund(counter, sold.purchase_id).status_code == 409
    assert refund(counter, sold.purchase_id, **by(manager)).status_code == 200


@pytest.mark.parametrize("others", ["colleague", "store"])
def test_a_colleagues_or_another_stores_sale_needs_a_manager(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    make_staff: Callable[..., Staff],
    sell: Callable[..., Recorded],
    manager: Staff,
    others: str,
) -> None:
    who = make_staff(store="TC01") if others == "store" else make_staff()
    sold = sell(make_member(), staff=who, store=who.store)
    open_purchase(counter, sold.purchase_id)
    assert "不是您結的帳" in words(check(counter, sold.purchase_id))
    assert refund(counter, sold.purchase_id).status_code == 409
    assert refund(counter, sold.purchase_id, **by(manager)).status_code == 200
    assert count_refunds(session) == 1


@pytest.mark.parametrize("who", ["colleague", "wrong password", "nobody", "oneself"])
def test_only_another_manager_who_knows_the_password_counts(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    make_staff: Callable[..., Staff],
    sell: Callable[..., Recorded],
    clerk: Staff,
    manager: Staff,
    who: str,
) -> None:
    typed = {
        "colleague": by(make_staff()),
        "wrong password": by(manager, "wrong-horse-1"),
        "nobody": {"manager_username": "nobody", "manager_password": STAFF_PASSWORD},
        "oneself": by(clerk),
    }[who]
    sold = sell(make_member(), LARGE_REFUND_TWD)
    open_purchase(counter, sold.purchase_id)
    answer = refund(counter, sold.purchase_id, **typed)
    assert answer.status_code == 409
    assert "店長的 PIN 或密碼不對" in answer.text
    assert answer.headers["HX-Retarget"] == "#notice"
    assert count_refunds(session) == 0


def test_guesses_at_a_managers_password_are_limited(
    counter: Counter,
    make_member: Callable[..., Member],
    sell: Callable[..., Recorded],
    manager: Staff,
) -> None:
    sold = sell(make_member(), LARGE_REFUND_TWD)
    open_purchase(counter, sold.purchase_id)
    tries = [
        refund(counter, sold.purchase_id, **by(manager, f"guess-number-{count}")).status_code
        for count in range(11)
    ]
    assert tries[-1] == 429
    assert set(tries[:-1]) == {409}
    counter.script = False
    page = refund(counter, sold.purchase_id, **by(manager))
    assert page.status_code == 429
    assert "操作太頻繁" in page.text


def test_a_manager_refunds_alone(
    client: FlaskClient,
    session: Session,
    make_member: Callable[..., Member],
    sell: Callable[..., Recorded],
    manager: Staff,
) -> None:
    sold = sell(make_member(), LARGE_REFUND_TWD)
    limiter.reset()
    counter = Counter(client)
    counter.log_in(manager)
    open_purchase(counter, sold.purchase_id)
    assert "店長同意" not in check(counter, sold.purchase_id).text
    assert refund(counter, sold.purchase_id).status_code == 200
    assert count_refunds(session) == 1


def test_nobody_refunds_on_their_own_card(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    sell: Callable[..., Recorded],
    clerk: Staff,
) -> None:
    member = make_member()
    sold = sell(member)
    clerk.member_id = member.id
    session.flush()
    open_purchase(counter, sold.purchase_id)
    assert "這是您自己的會員卡" in check(counter, sold.purchase_id).text
    assert refund(counter, sold.purchase_id).status_code == 409
    assert count_refunds(session) == 0


def test_without_script_a_refund_is_checked_refused_and_done_with_all_that_was_typed(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    sell: Callable[..., Recorded],
) -> None:
    counter.script = False
    sold = sell(make_member())
    open_purchase(counter, sold.purchase_id)
    part = {"how": "amount", "amount": "999", "reason": "other", "reason_text": "杯蓋漏了"}
    refused = check(counter, sold.purchase_id, **part)
    assert refused.status_code == 409
    assert "<html" in refused.text
    assert 'name="amount" value="999"' in refused.text
    assert 'value="杯蓋漏了"' in refused.text
    assert counter.sale["key"] in refused.text
    assert "<html" in check(counter, sold.purchase_id, **(part | {"amount": "50"})).text
    assert refund(counter, sold.purchase_id, **(part | {"amount": "50"})).status_code == 200
    assert session.scalars(select(Refund.amount_twd)).one() == 50
