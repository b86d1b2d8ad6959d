"""A new member at the counter: by phone, with the notice told, and no ghost beside a known card."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from handlers.limiting import limiter
from handlers.pictures import qr_picture
from models.consent import Consent, get_notice
from models.member import Member
from models.staff import Staff
from tests.handlers.clerk_driver import Counter, hidden, words


@pytest.fixture
def counter(client: FlaskClient, make_staff: Callable[..., Staff]) -> Counter:
    """Return a clerk's page, logged in, with the form for a new member open."""
    limiter.reset()
    counter = Counter(client)
    counter.log_in(make_staff())
    counter.sale = {"key": hidden(client.get("/clerk/join").text, "key")}
    return counter


def join(counter: Counter, phone: str, **told: str) -> TestResponse:
    """Send the form for a new member, the notice told."""
    return counter.send("/clerk/join", **(counter.sale | {"phone": phone, "consent": "yes"} | told))


def test_a_person_joins_by_phone_and_is_shown_the_way_into_line(
    counter: Counter, session: Session
) -> None:
    answer = join(counter, "０９１２-345-678", name="王小明")
    shown = words(answer)
    assert "已加入會員 · 王○明" in shown
    assert "<path" in answer.text
    member = session.scalars(select(Member)).one()
    assert (member.phone, member.join_source) == ("+886912345678", "store:TP01")
    consent = session.scalars(select(Consent)).one()
    assert consent.notice_version == get_notice(session).version
    assert (consent.channel, consent.is_given) == ("till", True)
    assert counter.sale["key"] in consent.evidence


def test_the_form_shows_which_notice_is_told(counter: Counter, session: Session) -> None:
    page = counter.client.get("/clerk/join")
    assert f"告知版本 {get_notice(session).version}" in page.text


def test_a_name_may_be_left_out(counter: Counter, session: Session) -> None:
    assert join(counter, "0912345678").status_code == 200
    assert session.scalars(select(Member.name)).one() is None


@pytest.mark.parametrize(
    ("told", "title"),
    [
        ({"consent": ""}, "請先告知並取得同意"),
        ({"phone": "02-2345-6789"}, "手機號碼不對"),
        ({"phone": ""}, "手機號碼不對"),
        ({"name": "王" * 41}, "姓名不能這樣寫"),
        ({"key": "1"}, "這一頁已失效"),
    ],
)
def test_a_wrong_application_is_refused_in_place(
    counter: Counter, session: Session, told: dict[str, str], title: str
) -> None:
    phone = told.pop("phone", "0912345678")
    answer = join(counter, phone, **told)
    assert answer.status_code == 409
    assert answer.headers["HX-Retarget"] == "#notice"
    assert title in answer.text
    assert session.scalars(select(Member)).all() == []


def test_a_known_phone_is_already_a_member(
    counter: Counter, session: Session, make_member: Callable[..., Member]
) -> None:
    """U23: the answer is who it is, masked, and the way to go on with them."""
    known = make_member(name="王小明", phone="+886912345678")
    answer = join(counter, "0912345678")
    for fact in ("這支手機已經是會員", "王○明", "為這位結帳"):
        assert fact in words(answer)
    assert "王小明" not in answer.text
    assert "已入帳" in _buy(counter, hidden(answer.text, "code"))
    session.refresh(known)
    assert known.purchase_count == 1


def test_a_purchase_can_follow_at_once(counter: Counter, session: Session) -> None:
    """The counter story: joined by phone, consent kept, and the first sale on the new card."""
    joined = join(counter, "0912345678", name="王小明")
    assert "已入帳" in _buy(counter, hidden(joined.text, "code"))
    member = session.scalars(select(Member)).one()
    session.refresh(member)
    assert (member.purchase_count, member.points) == (1, 4)
    kept = session.scalars(select(Consent).where(Consent.member_id == member.id)).one()
    assert (kept.purpose, kept.is_given, kept.channel) == ("membership", True, "till")


def _buy(counter: Counter, number: str) -> str:
    counter.look_up(number)
    return counter.confirm("450").text


def test_a_phone_one_digit_off_is_pointed_out_before_a_ghost_is_made(
    counter: Counter, session: Session, make_member: Callable[..., Member]
) -> None:
    """U23: a wrong phone typed at the counter makes a ghost account."""
    known = make_member(name="王小明", phone="+886912345678")
    shown = words(join(counter, "0912345679", name="王曉明"))
    for fact in ("可能已經是會員", "王○明", "手機末三碼 678"):
        assert fact in shown
    assert "小明" not in shown.replace("王曉明", "")
    assert session.scalars(select(Member)).all() == [known]
    again = join(counter, "0912345679", name="王曉明", is_another="yes", key=str(uuid4()))
    assert "已加入會員" in again.text
    assert len(session.scalars(select(Member)).all()) == 2


def test_without_script_a_refused_form_keeps_what_was_typed(counter: Counter) -> None:
    counter.script = False
    answer = join(counter, "0912", name="王小明")
    assert "<html" in answer.text
    assert 'value="0912"' in answer.text
    assert 'value="王小明"' in answer.text


def test_the_qr_is_square_with_a_quiet_edge() -> None:
    drawn = qr_picture("https://shop.example/join/TP01")
    assert drawn["width"] == drawn["height"] >= 21 + 8
    assert drawn["path"].startswith("M4 4h1v1h-1z")
