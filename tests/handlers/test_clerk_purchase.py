"""From the amount to the receipt: recorded once, and every refusal says how to go on."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from handlers import EXTENSION, HandlerSettings
from handlers.limiting import limiter
from models.coupon import Coupon, get_template, issue_coupon
from models.member import Member
from models.member_code import issue_code
from models.membership import erase_member
from models.outbox import Owed
from models.programme import get_programme
from models.purchase import Purchase
from models.staff import Staff
from models.stamp_card import give_stamps
from tests.conftest import NOON, Clock
from tests.handlers.clerk_driver import Counter, words
from tests.handlers.statements import count_statements
from tests.models.coupon_maker import redeem_coupon


@pytest.fixture
def counter(client: FlaskClient, make_staff: Callable[..., Staff]) -> Counter:
    """Return a clerk's page, logged in."""
    limiter.reset()
    counter = Counter(client)
    counter.log_in(make_staff())
    return counter


@pytest.fixture
def scan(app: Flask, counter: Counter) -> Callable[[Member], str]:
    """Return a function that scans a member's fresh code and returns the page."""
    known: HandlerSettings = app.extensions[EXTENSION]

    def scan_member(member: Member) -> str:
        code = issue_code(known.signing_key, member.card_ref, NOON).text
        return counter.look_up(code).text

    return scan_member


def give_coupon(session: Session, member: Member, code: str = "welcome") -> str:
    """Give the member a coupon and return its id as the form sends it."""
    coupon = issue_coupon(
        session, member.id, get_template(session, code), issue_key=str(uuid4()), now=NOON
    )
    assert coupon is not None
    return str(coupon.id)


def count_purchases(session: Session) -> int:
    """Return how many purchases there are."""
    return session.scalars(select(func.count()).select_from(Purchase)).one()


def test_a_confirmed_sale_shows_what_was_earned(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    scan: Callable[[Member], str],
) -> None:
    member = make_member(points=10)
    coupon = give_coupon(session, member)
    scan(member)
    shown = words(counter.confirm("４５０", coupon=coupon))
    for fact in (
        "已入帳 · 王○明",
        "+4 點",
        "目前共 14 點",
        "NT$450",
        "−NT$30",
        "NT$420",
        "集點卡 1/10",
    ):
        assert fact in shown
    purchase = session.scalars(select(Purchase)).one()
    assert (purchase.amount_twd, purchase.discount_twd, purchase.paid_twd) == (450, 30, 420)
    assert purchase.code_id is not None
    assert purchase.staff_id is not None


def test_an_upgrade_is_congratulated(
    counter: Counter, make_member: Callable[..., Member], scan: Callable[[Member], str]
) -> None:
    scan(make_member(spend_twd=4_900))
    assert "恭喜升等 銀卡會員" in words(counter.confirm("100"))


def test_a_full_stamp_card_names_its_reward(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    scan: Callable[[Member], str],
) -> None:
    member, card = make_member(), get_programme(session).stamp_programmes[0]
    give_stamps(
        session,
        member.id,
        card,
        card.size - 1,
        staff_id=None,
        note="test",
        idempotency_key="nearly",
        now=NOON,
    )
    scan(member)
    assert "集滿一張集點卡" in words(counter.confirm("100"))


def test_the_result_speaks_the_clerks_language(
    counter: Counter, make_member: Callable[..., Member], scan: Callable[[Member], str]
) -> None:
    member = make_member(spend_twd=4_900, language="ja")
    scan(member)
    assert "銀卡會員" in words(counter.confirm("100"))


def test_the_same_confirm_twice_records_one_purchase(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    scan: Callable[[Member], str],
) -> None:
    scan(make_member())
    first, again = counter.confirm("450"), counter.confirm("450")
    assert (first.status_code, again.status_code) == (200, 200)
    assert "沒有重複入帳" in again.text
    assert count_purchases(session) == 1


def test_the_same_page_does_not_record_another_amount(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    scan: Callable[[Member], str],
) -> None:
    scan(make_member())
    counter.confirm("450")
    answer = counter.confirm("460")
    assert answer.status_code == 409
    assert "已經記錄過一筆" in answer.text
    assert count_purchases(session) == 1


def test_one_code_makes_one_purchase_from_two_open_pages(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    scan: Callable[[Member], str],
) -> None:
    scan(make_member())
    counter.confirm("450")
    answer = counter.confirm("450", key=str(uuid4()))
    assert answer.status_code == 409
    assert "這個條碼已經用過" in answer.text
    assert count_purchases(session) == 1


@pytest.mark.parametrize(
    ("amount", "title"),
    [
        ("", "請輸入金額"),
        ("0", "金額超出範圍"),
        ("200001", "金額超出範圍"),
        ("一百", "看不懂這個金額"),
        ("12.5", "看不懂這個金額"),
    ],
)
def test_a_wrong_amount_is_refused_in_place(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    scan: Callable[[Member], str],
    amount: str,
    title: str,
) -> None:
    scan(make_member())
    answer = counter.confirm(amount)
    assert answer.status_code == 409
    assert answer.headers["HX-Retarget"] == "#notice"
    assert title in answer.text
    assert count_purchases(session) == 0


def test_a_coupon_used_meanwhile_is_refused(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    scan: Callable[[Member], str],
) -> None:
    member = make_member()
    coupon = give_coupon(session, member)
    scan(member)
    redeem_coupon(session, member.id, int(coupon), 450, NOON)
    assert "剛剛用掉了" in counter.confirm("450", coupon=coupon).text


def test_a_coupon_that_needs_more_says_how_much(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    scan: Callable[[Member], str],
) -> None:
    member = make_member()
    coupon = give_coupon(session, member, "win_back")
    scan(member)
    assert "須消費滿 NT$100" in counter.confirm("99", coupon=coupon).text


@pytest.mark.parametrize("coupon", ["999999", "abc", "9" * 40, "-1", "٣"])
def test_a_coupon_that_is_not_theirs_is_refused(
    counter: Counter, make_member: Callable[..., Member], scan: Callable[[Member], str], coupon: str
) -> None:
    scan(make_member())
    answer = counter.confirm("450", coupon=coupon)
    assert answer.status_code == 409
    assert "這張優惠券不能使用" in answer.text


def test_a_typed_members_name_must_be_checked(
    counter: Counter, session: Session, make_member: Callable[..., Member]
) -> None:
    counter.look_up(make_member().number)
    assert "請先核對姓名" in counter.confirm("450", name_checked="").text
    assert count_purchases(session) == 0
    assert counter.confirm("450").status_code == 200


def test_a_visit_is_over_after_a_quarter_of_an_hour(
    counter: Counter,
    make_member: Callable[..., Member],
    scan: Callable[[Member], str],
    clock: Clock,
) -> None:
    scan(make_member())
    counter.work_on(clock, minutes=15)
    assert "超過 15 分鐘" in counter.confirm("450").text


@pytest.mark.parametrize(
    "changed", [{"visit": "forged.token"}, {"visit": ""}, {"key": "1"}, {"key": ""}]
)
def test_a_page_that_was_tampered_with_is_refused(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    scan: Callable[[Member], str],
    changed: dict[str, str],
) -> None:
    scan(make_member())
    answer = counter.confirm("450", **changed)
    assert answer.status_code == 409
    assert "這一頁已失效" in answer.text
    assert count_purchases(session) == 0


def test_another_clerks_visit_is_refused(
    counter: Counter,
    make_member: Callable[..., Member],
    make_staff: Callable[..., Staff],
    scan: Callable[[Member], str],
) -> None:
    scan(make_member())
    counter.send("/clerk/logout")
    counter.log_in(make_staff())
    assert "這一頁已失效" in counter.confirm("450").text


def test_a_member_erased_meanwhile_is_refused(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    scan: Callable[[Member], str],
) -> None:
    member = make_member()
    scan(member)
    erase_member(session, member, evidence="test", now=NOON)
    assert "找不到這位會員" in counter.confirm("450").text


def test_a_stale_csrf_token_comes_back_fresh_and_the_next_try_holds(
    counter: Counter, make_member: Callable[..., Member], scan: Callable[[Member], str]
) -> None:
    scan(make_member())
    answer = counter.confirm("450", csrf_token="stale")
    assert answer.status_code == 400
    counter.token = answer.headers["X-Fresh-CSRF-Token"]
    assert counter.confirm("450").status_code == 200


def test_without_script_a_refused_page_keeps_everything(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    scan: Callable[[Member], str],
) -> None:
    member = make_member()
    coupon = give_coupon(session, member)
    counter.script = False
    scan(member)
    answer = counter.confirm("0", coupon=coupon)
    assert answer.status_code == 409
    assert "<html" in answer.text
    assert "金額超出範圍" in answer.text
    assert 'name="amount" value="0"' in answer.text
    assert f'value="{coupon}" checked' in answer.text
    assert counter.sale["key"] in answer.text


def test_without_script_a_sale_is_recorded(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    scan: Callable[[Member], str],
) -> None:
    counter.script = False
    assert "<html" in scan(make_member())
    assert "已入帳" in counter.confirm("450").text
    assert count_purchases(session) == 1


def test_without_script_a_code_used_in_the_database_is_shown_on_a_page(
    counter: Counter, make_member: Callable[..., Member], scan: Callable[[Member], str]
) -> None:
    counter.script = False
    scan(make_member())
    counter.confirm("450")
    answer = counter.confirm("450", key=str(uuid4()))
    assert answer.status_code == 409
    assert "這個條碼已經用過" in answer.text
    assert "王○明" in answer.text


def test_a_preview_tells_and_writes_nothing(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    scan: Callable[[Member], str],
) -> None:
    member = make_member(spend_twd=4_900)
    coupon = give_coupon(session, member)
    scan(member)
    shown = words(counter.preview("65×2", coupon=coupon))
    for fact in ("應付 NT$100", "−NT$30", "+1 點", "+1 章", "將升等 銀卡會員"):
        assert fact in shown
    assert count_purchases(session) == 1  # The one that made them spend before.
    assert session.get_one(Coupon, int(coupon)).state == "issued"


@pytest.mark.parametrize(("amount", "shown"), [("", "輸入金額後"), ("abc", "看不懂這個金額")])
def test_a_preview_of_nothing_stays_calm(
    counter: Counter,
    make_member: Callable[..., Member],
    scan: Callable[[Member], str],
    amount: str,
    shown: str,
) -> None:
    scan(make_member())
    answer = counter.preview(amount)
    assert answer.status_code == 200
    assert shown in answer.text


def test_a_preview_without_login_keeps_quiet(client: FlaskClient) -> None:
    limiter.reset()
    answer = Counter(client).send("/clerk/preview")
    assert answer.headers["HX-Reswap"] == "none"
    assert "HX-Retarget" not in answer.headers


def test_a_confirm_costs_one_statement_more_than_the_purchase(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    scan: Callable[[Member], str],
) -> None:
    scan(make_member())
    with count_statements(session) as statements:
        counter.confirm("450")
    assert len(statements) <= 8, statements


def test_a_recorded_sale_owes_the_member_a_receipt(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    scan: Callable[[Member], str],
) -> None:
    scan(make_member())
    counter.confirm("450")
    assert session.scalars(select(Owed.kind)).all() == ["receipt"]
