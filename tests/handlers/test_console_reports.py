"""The console's reports: pages, files, people behind numbers, own KPIs, letters, clerks' cases."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from jobs.prepare_figures import prepare_figures
from models.base import Sessions
from models.catalogue import Item, keep_items
from models.fraud.figures import BUY_RETURN_TIMES
from models.kpi import get_kpi, list_kpis
from models.link import derive_link_key
from models.local_day import local_day
from models.member import Member
from models.prepared import find_prepared
from models.programme import get_programme
from models.report import REPORTS, letter_token, list_letters
from models.staff import Staff
from models.tier import Upgrade
from tests.conftest import NOON, Clock, Maker
from tests.handlers.clerk_driver import words
from tests.handlers.console_driver import Desk
from tests.models.shopping import buy, take_back

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
INDEX = "/console/reports"
QUERY: dict[str, Any] = {"count": "quantity", "sku": "TEA-01", "window_days": "30"}


@pytest.fixture
def desk(client: FlaskClient, make_staff: MakeStaff) -> Desk:
    """Return the owner's browser, logged in."""
    desk = Desk(client)
    desk.log_in(make_staff("owner"))
    return desk


@pytest.fixture
def people(session: Session, make_member: MakeMember) -> list[Member]:
    """Make a few members who buy."""
    members = [make_member() for _ in range(3)]
    for ago, member in zip((3, 40, 70), members, strict=True):
        Maker().spend(session, member, 1_200, local_day(NOON) - timedelta(days=ago))
    return members


def cells_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def make_all(sessions: Sessions, clock: Clock) -> None:
    """Make what the pages wanted, as the worker does."""
    prepare_figures(sessions, clock)


# --- every report ---


@pytest.mark.usefixtures("people")
def test_every_report_opens_is_made_and_drawn(desk: Desk, sessions: Sessions, clock: Clock) -> None:
    """Each names its formula; a question nobody asked yet is made at once."""
    for code in REPORTS:
        answer = desk.get(f"{INDEX}/{code}")
        assert answer.status_code == 200, code
        assert "正在計算" in answer.text
        assert answer.text.count("<h1") == 1
    make_all(sessions, clock)
    for number, code in enumerate(REPORTS):
        language = ("zh-TW", "en", "ja")[number % 3]
        answer = desk.get(f"{INDEX}/{code}?language={language}")
        assert answer.status_code == 200, code
        assert "style=" not in answer.text, code
    shown = words(desk.get(f"{INDEX}?language=zh-TW"))
    assert "關鍵指標與前期比較" in shown
    assert "資料截至" in shown


@pytest.mark.usefixtures("people")
def test_a_figure_tells_period_comparison_interval_formula_and_its_people(
    desk: Desk, sessions: Sessions, clock: Clock
) -> None:
    """B-24, E-13: what the page says of a named metric."""
    desk.get(f"{INDEX}/metrics?days=28")
    make_all(sessions, clock)
    answer = desk.get(f"{INDEX}/metrics?days=28")
    shown = words(answer)
    assert "期間：2026/10/25 – 2026/11/21" in shown
    assert "前期：2026/09/27 – 2026/10/24" in shown
    assert "期間前就買過的會員中，期間內又購買的比例。" in shown
    assert "95% 落在" in shown
    assert "只有 2 筆，僅供參考" in shown
    assert re.search(r'href="/console/members\?rule=[^"]+">NT\$1,200', answer.text)


@pytest.mark.usefixtures("people")
def test_each_question_is_a_figure_of_its_own(
    desk: Desk, session: Session, sessions: Sessions, clock: Clock
) -> None:
    desk.get(f"{INDEX}/metrics?days=91&segment=&until=")
    assert find_prepared(session, "report.metrics", {"days": "91"}) is not None
    assert find_prepared(session, "report.metrics") is None
    make_all(sessions, clock)
    assert "期間：2026/08/23" in words(desk.get(f"{INDEX}/metrics?days=91"))


def test_what_cannot_be_asked_is_refused_with_what_could(desk: Desk) -> None:
    assert desk.get(f"{INDEX}/nonsense").status_code == 409
    answer = desk.get(f"{INDEX}/metrics?days=8")
    assert (answer.status_code, "7|28|91|364" in answer.text) == (409, True)
    assert desk.get(f"{INDEX}/metrics/nonsense.csv").status_code == 409


def test_a_segment_that_is_not_there_is_told_on_the_page(
    desk: Desk, sessions: Sessions, clock: Clock
) -> None:
    desk.get(f"{INDEX}/metrics?segment=nobody")
    make_all(sessions, clock)
    assert "沒有算出來" in words(desk.get(f"{INDEX}/metrics?segment=nobody"))


@pytest.mark.usefixtures("people")
def test_every_table_can_be_had_as_a_file(desk: Desk, sessions: Sessions, clock: Clock) -> None:
    """E-13: CSV, with numbers as numbers."""
    for code in ("metrics", "contribution"):
        desk.get(f"{INDEX}/{code}")
    make_all(sessions, clock)
    answer = desk.get(f"{INDEX}/metrics/figures.csv")
    rows = {row[0]: row for row in cells_of(answer.text)}
    assert rows["指標"][1:4] == ["本期", "前期", "至少（95%）"]
    assert rows["會員業績"][1] == "1200"
    assert rows["舊客回購率"][1] == "0.0"
    assert answer.headers["Content-Disposition"].endswith("metrics-figures.csv")
    parts = cells_of(desk.get(f"{INDEX}/contribution/contribution.csv").text)
    assert parts[0][0] == "等級"


def test_the_clerks_figures_are_for_who_may_see_the_audit(
    client: FlaskClient, make_staff: MakeStaff
) -> None:
    desk = Desk(client)
    desk.log_in(make_staff("marketer"))
    assert desk.get(f"{INDEX}/lens").status_code == 403
    assert desk.get(f"{INDEX}/lens/1/buy_returns").status_code == 403
    assert "店員異常檢視" not in words(desk.get(INDEX))


# --- who is stuck ---


def test_the_people_stuck_are_listed_page_by_page(
    desk: Desk, session: Session, make_member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E-17: the list of people stuck, the longest waiting first, by tier."""
    monkeypatch.setattr("handlers.console.reports.stuck.PAGE", 2)
    programme = get_programme(session)
    members = [make_member(name=f"等待{number}") for number in range(3)]
    for number, member in enumerate(members):
        session.add(
            Upgrade(
                member_id=member.id,
                tier_id=programme.tiers[1].id,
                version_id=programme.ladder.on(local_day(NOON)).version_id,
                qualified_at=NOON - timedelta(days=30 - number),
            )
        )
    session.flush()
    first = desk.get(f"{INDEX}/stuck/qualified")
    assert [name in words(first) for name in ("等待0", "等待1", "等待2")] == [True, True, False]
    more = re.search(r'hx-get="([^"]+after=[^"]+)"', first.text)
    assert more is not None
    rest = words(desk.fragment(more[1].replace("&amp;", "&")))
    assert "等待2" in rest
    assert "等待1" not in rest
    assert "沒有人停在這裡" in words(desk.get(f"{INDEX}/stuck/opened?tier=gold"))
    assert desk.get(f"{INDEX}/stuck/nonsense").status_code == 409
    assert desk.get(f"{INDEX}/stuck/qualified?after=x.y").status_code == 200


# --- the clerks' cases ---


def test_a_manager_looks_into_the_cases_and_says_what_they_found(
    desk: Desk, session: Session, make_staff: MakeStaff, make_member: MakeMember
) -> None:
    """X13: from the figure to its cases, and the note that somebody looked."""
    clerk, member = make_staff("clerk", name="小偷"), make_member()
    for _ in range(BUY_RETURN_TIMES):
        sale = buy(session, member, 500, now=NOON - timedelta(days=1))
        sale.staff_id = clerk.id
        take_back(session, member, sale, now=NOON)
    session.flush()
    path = f"{INDEX}/lens/{clerk.id}/buy_returns"
    shown = words(desk.get(path))
    assert "小偷・買了又退" in shown
    assert "3 筆中 3 筆" in shown
    assert desk.send(path, found="").status_code == 409
    assert desk.send(path, found="已問過，是系統測試").status_code == 303
    assert "已問過，是系統測試" in words(desk.get(path))
    assert desk.get(f"{INDEX}/lens/{clerk.id}/nonsense").status_code == 409
    assert desk.get(f"{INDEX}/lens/999999/buy_returns").status_code == 409


# --- own KPIs ---


def test_an_own_kpi_is_tried_kept_changed_and_ended(desk: Desk, session: Session) -> None:
    """E-14: the saved query on events, by hand."""
    keep_items(session, [Item(sku="TEA-01", name="青茶", price_twd=50)], NOON)
    form = desk.get(f"{INDEX}/kpis/new")
    assert '<option value="TEA-01">青茶</option>' in form.text
    assert "聚會" in desk.fragment(f"{INDEX}/kpis/new?count=participants").text
    tried = desk.send(f"{INDEX}/kpis/new/preview", script=True, **QUERY)
    assert "沒有存下任何東西" in words(tried)
    assert list_kpis(session) == []
    kept = desk.send(f"{INDEX}/kpis/new", name="青茶銷量", code="green_tea", **QUERY)
    assert kept.status_code == 303
    assert "售出數量，商品＝TEA-01，近 30 天" in words(desk.get(f"{INDEX}/kpis"))
    again = desk.send(f"{INDEX}/kpis/new", name="另一個", code="green_tea", **QUERY)
    assert again.status_code == 409
    changed = QUERY | {"window_days": "7", "name": "青茶銷量", "draft_base": "1"}
    assert desk.send(f"{INDEX}/kpis/green_tea", **changed).status_code == 303
    assert get_kpi(session, "green_tea").version == 2
    stale = desk.send(f"{INDEX}/kpis/green_tea", **changed | {"window_days": "9"})
    assert (stale.status_code, "有人剛改過這一份" in words(stale)) == (409, True)
    assert desk.send(f"{INDEX}/kpis/green_tea/end").status_code == 303
    assert "還沒有自訂指標" in words(desk.get(f"{INDEX}/kpis"))
    assert desk.get(f"{INDEX}/kpis/green_tea").status_code == 409


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": "Bad Code"},
        {"count": "nonsense"},
        {"window_days": "0"},
        {"category": "茶"},
        {"name": ""},
    ],
)
def test_a_kpi_that_cannot_be_counted_is_refused_with_its_field(
    desk: Desk, session: Session, wrong: dict[str, Any]
) -> None:
    """E-14, bad input: a query that makes no sense keeps nothing."""
    desk.get(f"{INDEX}/kpis/new")
    typed = {"name": "指標", "code": "mine"} | QUERY | wrong
    assert desk.send(f"{INDEX}/kpis/new", **typed).status_code == 409
    assert list_kpis(session) == []


def test_what_was_typed_into_a_kpi_is_kept_as_a_draft(desk: Desk) -> None:
    desk.get(f"{INDEX}/kpis/new")
    desk.send("/console/drafts/kpi:new", name="半成品", count="reviews", stars_at_least="4")
    form = desk.get(f"{INDEX}/kpis/new")
    assert 'value="半成品"' in form.text
    assert 'name="stars_at_least"' in form.text


# --- letters ---


def test_a_report_is_ordered_by_mail_and_ended_by_who_ordered_or_reads_it(
    desk: Desk, session: Session, client: FlaskClient
) -> None:
    """Scheduled mail: ordered on the report's page, ended in the list or by the link in it."""
    page = desk.get(f"{INDEX}/metrics?days=7")
    assert "不含任何會員的個人資料" in words(page)
    order: dict[str, Any] = {"email": "a@tea.example", "every": "week", "weekday": "1", "hour": "8"}
    asked: dict[str, Any] = {"asked": json.dumps({"days": "7"}), "language": "zh-TW"}
    for hour in ("8", "9", "9"):  # The same again is the letter that comes already.
        order["hour"] = hour
        assert desk.send(f"{INDEX}/metrics/letters", **order | asked).status_code == 303
    shown = words(desk.get(f"{INDEX}/letters"))
    assert shown.count("關鍵指標與前期比較") >= 2
    assert "a@tea.example" in shown
    first, second = list_letters(session)
    assert first.asked == {"days": "7"}
    assert desk.send(f"{INDEX}/letters/{first.id}/end").status_code == 303
    stranger = Desk(client.application.test_client())
    token = letter_token(derive_link_key("a secret of the tests"), second.id)
    asked_page = stranger.get(f"{INDEX}/stop/{token}")
    assert "不再寄到您的信箱嗎" in words(asked_page)
    assert list_letters(session) == [second]  # Looking ends nothing.
    assert stranger.send(f"{INDEX}/stop/{token}").status_code == 200
    assert list_letters(session) == []
    assert stranger.get(f"{INDEX}/stop/{token}").status_code == 409


@pytest.mark.parametrize(
    "wrong",
    [{"email": "nobody"}, {"every": "year"}, {"hour": "3"}, {"asked": "[]"}, {"asked": "{"}],
)
def test_an_order_that_makes_no_sense_is_refused(
    desk: Desk, session: Session, wrong: dict[str, Any]
) -> None:
    desk.get(f"{INDEX}/metrics")
    order: dict[str, Any] = {
        "email": "a@tea.example",
        "every": "day",
        "hour": "8",
        "asked": "{}",
        "language": "en",
    }
    assert desk.send(f"{INDEX}/metrics/letters", **order | wrong).status_code == 409
    assert list_letters(session) == []


def test_who_only_looks_orders_and_changes_nothing(
    client: FlaskClient, make_staff: MakeStaff
) -> None:
    desk = Desk(client)
    desk.log_in(make_staff("auditor"))
    for path in (f"{INDEX}/kpis/new", f"{INDEX}/letters"):
        assert desk.get(path).status_code == 403
    assert desk.get(f"{INDEX}/kpis").status_code == 200
    assert desk.send(f"{INDEX}/metrics/letters").status_code == 403
