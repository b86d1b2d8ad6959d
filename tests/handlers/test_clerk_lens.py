"""The manager's lens at the counter: figures among peers, the cases, and who looked."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from handlers.clerk.chart import Share, draw_bars, draw_strip
from handlers.limiting import limiter
from models.audit import list_audit
from models.fraud.looking import LOOKED
from models.member import Member
from models.points import post_points
from models.staff import Staff
from models.store_day import Hour
from tests.conftest import NOON
from tests.handlers.clerk_driver import Counter, words
from tests.handlers.statements import count_statements
from tests.models.test_clerk_figures import give_back, sell

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
MOST_STATEMENTS = 16


@pytest.fixture
def clerks(session: Session, make_staff: MakeStaff, make_member: MakeMember) -> list[Staff]:
    """Return four clerks, the last of whom buys and gives back on one card."""
    made = [make_staff(name=name) for name in ("阿哲", "小安", "小美", "阿壞")]
    members = [make_member() for _ in range(30)]
    for clerk in made:
        sell(session, clerk, members)
    give_back(session, sell(session, made[3], [make_member(name="林大同")] * 9))
    return made


@pytest.fixture
def counter(client: FlaskClient, make_staff: MakeStaff) -> Counter:
    """Return the manager's page, logged in."""
    limiter.reset()
    counter = Counter(client)
    counter.log_in(make_staff("manager", name="林店長"))
    return counter


def figure_page(counter: Counter, clerk: Staff, name: str, days: int = 30) -> str:
    answer = counter.client.get(f"/clerk/lens/{clerk.id}/{name}?days={days}")
    assert answer.status_code == 200
    return words(answer)


def test_the_lens_is_for_who_manages(client: FlaskClient, make_staff: MakeStaff) -> None:
    """X13: clerks do not see each other's figures."""
    limiter.reset()
    counter, clerk = Counter(client), make_staff()
    counter.log_in(clerk)
    for path in ("/clerk/lens", f"/clerk/lens/{clerk.id}/buy_returns"):
        assert client.get(path).status_code == 403
    assert counter.send(f"/clerk/lens/{clerk.id}/buy_returns/looks", found="x").status_code == 403


def test_who_stands_out_is_told_in_plain_words(counter: Counter, clerks: list[Staff]) -> None:
    """X13, U8: per clerk against peers, an alarm with its why."""
    shown = words(counter.client.get("/clerk/lens"))
    assert "買了又退" in shown
    assert "39 筆中 9 筆" in shown
    assert "其他店員 0 %；差距遠超過平常的起伏" in shown
    assert "林○同" in shown
    assert "有 1 位會員買了又退三次以上" in shown
    assert "大同" not in shown


def test_without_alarms_it_says_so(
    counter: Counter, session: Session, make_staff: MakeStaff, make_member: MakeMember
) -> None:
    """X13: false alarms bounded; the comparison is shown all the same."""
    members = [make_member() for _ in range(30)]
    for _ in range(3):
        sell(session, make_staff(), members)
    assert "沒有明顯異常" in words(counter.client.get("/clerk/lens"))


def test_days_without_sales_have_no_lens(counter: Counter) -> None:
    assert "這段期間沒有店員結帳" in words(counter.client.get("/clerk/lens?days=nonsense"))


def test_the_cases_are_one_tap_away(counter: Counter, clerks: list[Staff]) -> None:
    """X13: time, masked member, amount, and the way to the purchase."""
    page = counter.client.get(f"/clerk/lens/{clerks[3].id}/buy_returns")
    shown = words(page)
    assert shown.count("林○同") == 9
    assert "NT$100" in shown
    (purchase, *_) = re.findall(r'href="(/clerk/purchases/\d+)"', page.text)
    assert counter.client.get(purchase).status_code == 200


def test_points_by_hand_are_shown_with_why(
    counter: Counter, session: Session, clerks: list[Staff], make_member: MakeMember
) -> None:
    """X13: manual adds are entries of the ledger, not purchases."""
    member = make_member(name="陳小華")
    for number in range(6):
        post_points(
            session,
            member,
            7,
            reason="adjustment",
            idempotency_key=f"add:{number}",
            now=NOON,
            staff_id=clerks[0].id,
            note="補登",
        )
    shown = figure_page(counter, clerks[0], "manual_adds")
    assert shown.count("+7 點") == 6
    assert "補登" in shown
    assert "陳○華" in shown


@pytest.mark.parametrize(
    ("who", "name", "words_for"),
    [(3, "buy_returns", "請看一下這幾筆"), (0, "buy_returns", "在平常的範圍內")],
)
def test_it_says_why_it_is_or_is_no_alarm(
    counter: Counter, clerks: list[Staff], who: int, name: str, words_for: str
) -> None:
    """X13: in plain words."""
    assert words_for in figure_page(counter, clerks[who], name)


def test_too_few_colleagues_are_no_yardstick(
    counter: Counter, session: Session, make_staff: MakeStaff, make_member: MakeMember
) -> None:
    """X13: with one clerk nobody is judged."""
    clerk = make_staff()
    sell(session, clerk, [make_member()] * 30)
    assert "可以比較的店員還不夠" in figure_page(counter, clerk, "same_member")


def test_a_period_narrows_what_is_counted(counter: Counter, clerks: list[Staff]) -> None:
    assert "39 筆中 9 筆" in figure_page(counter, clerks[3], "buy_returns", days=7)
    assert 'aria-current="true"' in counter.client.get("/clerk/lens?days=7").text


def test_a_look_is_noted_in_the_audit_and_shown(
    counter: Counter, session: Session, clerks: list[Staff]
) -> None:
    """X13: who looked, at what, and what they found."""
    path = f"/clerk/lens/{clerks[3].id}/buy_returns"
    answer = counter.send(f"{path}/looks?days=30", found="已問過，客人打 0912345678 要求")
    assert "已記錄您看過了" in answer.text
    (entry,) = list_audit(session, what=LOOKED)
    assert entry.subject == f"staff:{clerks[3].id}"
    assert entry.after is not None
    assert (entry.after["figure"], entry.after["cases"], entry.after["verdict"]) == (
        "buy_returns",
        9,
        "alarm",
    )
    assert entry.store_id is not None
    assert entry.device is not None
    assert "0912345678" not in (entry.reason or "")
    assert "林店長" in figure_page(counter, clerks[3], "buy_returns")
    assert "已看" in words(counter.client.get("/clerk/lens"))


def test_a_look_needs_a_word_and_another_person(
    counter: Counter, session: Session, clerks: list[Staff], make_member: MakeMember
) -> None:
    """X13: a manager's own figures are looked at by another."""
    answer = counter.send(f"/clerk/lens/{clerks[3].id}/buy_returns/looks", found="  ")
    assert (answer.status_code, "還沒有寫結果" in answer.text) == (409, True)
    manager = session.query(Staff).filter_by(name="林店長").one()
    sell(session, manager, [make_member() for _ in range(30)])
    own = f"/clerk/lens/{manager.id}/buy_returns"
    assert "須由另一位店長查看" in words(counter.client.get(own))
    assert counter.send(f"{own}/looks", found="沒事").status_code == 409
    assert list_audit(session, what=LOOKED) == []


def test_without_script_a_refused_look_comes_back_on_its_page(
    counter: Counter, clerks: list[Staff]
) -> None:
    counter.script = False
    answer = counter.send(f"/clerk/lens/{clerks[3].id}/buy_returns/looks", found="")
    assert answer.status_code == 409
    assert "<html" in answer.text
    assert "這些是哪幾筆" in answer.text


@pytest.mark.parametrize("path", ["999999/buy_returns", "{clerk}/nonsense"])
def test_what_is_not_there_is_said(counter: Counter, clerks: list[Staff], path: str) -> None:
    answer = counter.client.get(f"/clerk/lens/{path.format(clerk=clerks[0].id)}")
    assert answer.status_code == 409
    assert "沒有這個數字" in words(answer)


def test_the_lens_asks_the_same_however_many_clerks_there_are(
    app: Flask, counter: Counter, session: Session, clerks: list[Staff]
) -> None:
    """X13: set-based."""
    with count_statements(session) as asked:
        assert counter.client.get("/clerk/lens").status_code == 200
    assert len(asked) <= MOST_STATEMENTS


# --- the charts


def test_equal_shares_stand_on_each_other_and_who_stands_out_in_front() -> None:
    drawn = draw_strip(
        [Share(1, "a", 0.0, "usual"), Share(2, "b", 0.0, "usual"), Share(3, "c", 0.16, "alarm")]
    )
    assert drawn.top_share == 0.2
    assert drawn.dots[0].x == drawn.dots[1].x
    assert drawn.dots[0].y != drawn.dots[1].y
    assert drawn.dots[-1].look == "alarm"
    assert all(0 <= dot.y <= drawn.height for dot in drawn.dots)
    assert all(drawn.left <= dot.x <= drawn.right for dot in drawn.dots)


def test_more_cases_than_sales_stay_on_the_axis() -> None:
    assert draw_strip([Share(1, "a", 1.7, "usual")]).top_share == 1.7
    assert draw_strip([]).dots == ()


def test_the_highest_bar_is_as_high_as_the_chart() -> None:
    drawn = draw_bars([Hour(10, 50, 100), Hour(11, 200, 0), Hour(12, 0, 0)])
    assert [bar.height for bar in drawn.bars] == [27.5, 110.0, 0.0]
    assert [bar.usual_height for bar in drawn.bars] == [55.0, 0.0, 0.0]
    assert draw_bars([]).bars == ()
    assert draw_bars([Hour(10, 0, 0)]).bars[0].height == 0.0
