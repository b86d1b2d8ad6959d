"""The console's segments and models: building rules, sizes, versions, grids, moves, and sending."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from jobs.prepare_figures import prepare_figures
from models.base import Sessions
from models.classification import (
    ClassAlert,
    MemberClass,
    get_alert_rules,
    note_moves,
    rebuild_classes,
)
from models.classification.spanning import CLASS_MOVES, count_spans
from models.draft import find_draft
from models.lifecycle.action import get_action
from models.local_day import local_day
from models.member import Member
from models.prepared import claim_wanted, keep_prepared, want
from models.segment import Context, members_of, parse_rule, sizing
from models.segment.keeping import archive_segment, get_segment, get_version, list_versions
from models.segment.opening import cells_rule, class_rule
from models.segment.table import Segment
from models.staff import Staff
from tests.conftest import NOON
from tests.handlers.clerk_driver import words
from tests.handlers.console_driver import Desk
from tests.models.campaign_shop import make, open_office
from tests.models.class_shop import ClassShop
from tests.models.journey_shop import begin, wait

MakeStaff = Callable[..., Staff]
LIST, NEW, SIZE = "/console/segments", "/console/segments/new", "/console/segments/size"
PAGES = (
    LIST,
    NEW,
    "/console/models",
    "/console/models/rfm",
    "/console/models/moves",
    "/console/models/moves?model=rfm",
    "/console/models/cross?a=nasld&b=rfm",
    "/console/models/alerts",
    "/console/models/settings",
    "/console/models/nasld/sleep",
    "/console/models/rfm/vip",
)
PEOPLE = re.compile(r'class="people" href="/console/members\?([^"]+)">([\d,]+)<')
DAYS = (3, 20, 45, 100, 170, 260, 400)


def asks(field: str, operator: str, value: Any, **options: Any) -> dict[str, Any]:
    return {"field": field, "is": operator, "value": value, **options}


def written(node: dict[str, Any]) -> str:
    return json.dumps({"schema": 1, "where": node})


POINTS = written(asks("points", "at_least", 10))


@pytest.fixture
def manager(make_staff: MakeStaff) -> Staff:
    """Return who may do everything here."""
    return make_staff("manager", name="林店長")


@pytest.fixture
def desk(client: FlaskClient, manager: Staff) -> Desk:
    """Return the manager's browser, logged in."""
    desk = Desk(client)
    desk.log_in(manager)
    return desk


@pytest.fixture
def shop(session: Session) -> ClassShop:
    """Make a shop in which every model has several classes; nobody has classed them yet."""
    shop = ClassShop(session)
    shop.fill(DAYS)
    return shop


@pytest.fixture
def night(session: Session, shop: ClassShop) -> ClassShop:
    """Class them, yesterday and tonight."""
    for days in (1, 0):
        rebuild_classes(session, NOON - timedelta(days=days))
    return shop


def keep(desk: Desk, name: str = "有點數", code: str = "") -> str:
    """Keep a segment through the builder; return its code."""
    desk.get(NEW)
    answer = desk.send(NEW, name=name, rule=POINTS, code=code)
    assert answer.status_code == 303, words(answer)
    return answer.headers["Location"].rsplit("/", 1)[1]


def opened(session: Session, answer: TestResponse) -> list[tuple[int, int]]:
    """Return each number of a page that leads to people, with how many are there."""
    found = []
    for query, number in PEOPLE.findall(answer.text):
        rule = parse_rule(json.loads(parse_qs(unescape(query))["rule"][0]))
        statement = select(func.count()).select_from(
            members_of(rule, Context(session, NOON)).subquery()
        )
        found.append((int(number.replace(",", "")), session.execute(statement).scalar_one()))
    return found


# --- every page ---


@pytest.mark.parametrize("page", PAGES)
def test_a_new_shop_is_told_what_comes_next(desk: Desk, page: str) -> None:
    answer = desk.get(page)
    assert answer.status_code == 200
    assert answer.text.count("<h1") == 1


@pytest.mark.usefixtures("night")
@pytest.mark.parametrize("language", ["zh-TW", "en", "ja"])
def test_every_page_opens_in_every_language(desk: Desk, language: str) -> None:
    code = keep(desk)
    for page in (*PAGES, f"{LIST}/of/{code}", f"{LIST}/of/{code}/edit"):
        joiner = "&" if "?" in page else "?"
        assert desk.get(f"{page}{joiner}language={language}").status_code == 200


def test_who_only_looks_changes_nothing(
    client: FlaskClient, make_staff: MakeStaff, session: Session
) -> None:
    desk = Desk(client)
    desk.log_in(make_staff("auditor"))
    assert "新增分群" not in words(desk.get(LIST))
    assert desk.get(NEW).status_code == 403
    assert desk.send(NEW, name="x", rule=POINTS).status_code == 403
    assert desk.send("/console/models/nasld/sleep/send").status_code == 403
    assert desk.send(SIZE, rule=POINTS).status_code == 200
    assert session.scalar(select(Segment.code).where(Segment.code.startswith("seg-"))) is None


# --- the builder ---


def test_the_builder_knows_every_field_by_its_name(desk: Desk) -> None:
    """B-08: fields, operators and what may be chosen come from the registry, in one language."""
    told = desk.get("/console/segments/catalogue").get_json()
    field = next(each for each in told["fields"] if each["field"] == "nasld")
    assert {"code": "nasld:sleep", "name": "沈睡客"} in field["choices"]
    assert told["operators"]["at_least"] == {"takes": "one", "label": "≥ …"}
    assert told["words"]["any"] == "符合任一個就算"


def test_a_segment_is_kept_once_and_its_draft_dropped(
    desk: Desk, session: Session, manager: Staff
) -> None:
    desk.get(NEW)
    desk.send("/console/drafts/segment:new", script=True, name="有", rule=POINTS)
    assert 'value="有"' in desk.get(NEW).text

    answers = [desk.send(NEW, name="有點數", name_en="Has points", rule=POINTS) for _ in "ab"]

    assert {answer.status_code for answer in answers} == {303}
    code = answers[0].headers["Location"].rsplit("/", 1)[1]
    assert get_segment(session, code).name == {"zh-TW": "有點數", "en": "Has points"}
    assert get_version(session, code).made_by == manager.username
    assert find_draft(session, manager, "segment:new") is None
    page = words(desk.get(answers[0].headers["Location"]))
    assert "可用點數 ≥ 10 點" in page
    assert "已儲存分群" in page


def test_a_rule_that_cannot_be_asked_comes_back_with_the_place(desk: Desk) -> None:
    wrong = written({"all": [asks("points", "at_least", 1), asks("points", "at_least", "x")]})
    desk.get(NEW)
    answer = desk.send(NEW, name="有點數", rule=wrong)
    assert answer.status_code == 409
    assert 'data-wrong-path="where.all[1].value"' in answer.text
    assert 'value="有點數"' in answer.text
    assert desk.send(NEW, name="", rule=POINTS).status_code == 409
    assert "代碼只能用" in words(desk.send(NEW, name="a", code="A b", rule=POINTS))
    taken = keep(desk, code="points")
    assert "另一個分群" in words(
        desk.send(NEW, name="b", code=taken, rule=written(asks("points", "is", 1)))
    )


def test_two_people_who_change_one_segment_are_told(desk: Desk, session: Session) -> None:
    """Nothing is overwritten unseen: both versions are shown, and saving again goes over theirs."""
    code = keep(desk)
    edit = f"{LIST}/of/{code}/edit"
    theirs = written(asks("points", "at_least", 20))
    first = desk.send(edit, rule=theirs, name="有點數", made_from="1")
    assert first.status_code == 303
    mine = written(asks("points", "at_least", 30))

    refused = desk.send(edit, rule=mine, name="有點數", made_from="1")

    assert refused.status_code == 409
    assert "存了第 2 版" in words(refused)
    assert "可用點數 ≥ 20 點" in words(refused)
    assert '"value": 30' in unescape(refused.text)
    again = desk.send(edit, rule=mine, name="有點數", made_from="2", note="門檻再提高")
    assert again.status_code == 303
    newest = list_versions(session, code)[0]
    assert (newest.version, newest.note) == (3, "門檻再提高")
    old = words(desk.get(f"{LIST}/of/{code}?version=2"))
    assert "回到最新版" in old


# --- sizes ---


def test_a_rule_is_sized_while_it_is_written(
    desk: Desk, make_member: Callable[..., Member]
) -> None:
    """Members, who can be reached and what a message costs; what is missing is said in words."""
    for points in (5, 15, 25):
        make_member(points=points, friend=points > 20)
    told = words(desk.send(SIZE, script=True, rule=POINTS))
    assert "2 人" in told
    assert "可以推播 1" in told
    assert "NT$0" in told
    assert "點左邊的格子" in words(desk.send(SIZE, script=True))
    assert "先加一個條件" in words(desk.send(SIZE, script=True, rule=written({"all": []})))
    empty = desk.send(SIZE, script=True, rule=written(asks("points", "at_least", None)))
    assert "有一格還沒填" in words(empty)
    gone = desk.send(SIZE, script=True, rule=written(asks("tier", "is", "diamond")))
    assert "diamond" in words(gone)
    assert 'data-wrong-path="where.value"' in gone.text
    assert desk.send(SIZE, rule=POINTS).text.count("<h1") == 1


def test_a_sampled_size_is_counted_by_a_worker_where_somebody_asks(
    desk: Desk,
    sessions: Sessions,
    make_member: Callable[..., Member],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """B-08: a sample says little of a rare rule; what was counted is told with its moment."""
    for limit in ("QUICK_COST", "QUICK_WITH_FRIENDS"):
        monkeypatch.setattr(sizing, limit, -1)
    monkeypatch.setattr(sizing, "SAMPLE", 10)
    for points in range(25):  # More than there are parts: no member is counted twice, or not.
        make_member(points=points + 1, friend=points > 20)
    told = words(desk.send(SIZE, script=True, rule=POINTS))
    assert "95% 機會在" in told
    assert "精確計算" in told

    under_way = desk.send("/console/segments/count", script=True, rule=POINTS)
    assert "計算中 0%" in words(under_way)
    assert "every 2s" in under_way.text
    prepare_figures(sessions, lambda: NOON)

    counted = "精確計算：16 人，可以推播 4 人 資料截至 2026/11/22 12:00"
    assert counted in words(desk.send("/console/segments/count/state", script=True, rule=POINTS))
    assert counted in words(desk.send(SIZE, script=True, rule=POINTS))
    whom = {"audience": "own", "rule": POINTS}
    assert counted in words(desk.send("/console/campaigns/estimate", script=True, **whom))
    assert desk.send("/console/segments/count", rule=POINTS).text.count("<h1") == 1


def test_a_segments_page_tells_its_size_and_why_somebody_is_in_it(
    desk: Desk, make_member: Callable[..., Member]
) -> None:
    """X5, B-08: the deciding answer stands beside what was asked."""
    inside, outside = make_member(points=12), make_member(points=3)
    page = f"{LIST}/of/{keep(desk)}"
    assert "1 人" in words(desk.fragment(f"{page}/size"))
    told = words(desk.fragment(f"{page}/why?member={inside.number}"))
    assert "在這一群" in told
    assert "可用點數 ≥ 10 點（實際：12 點）" in told
    assert "不在這一群" in words(desk.get(f"{page}/why?member={outside.number}"))
    assert "找不到這位會員" in words(desk.fragment(f"{page}/why?member=999"))


@pytest.mark.usefixtures("night")
def test_a_class_is_sized_as_it_is_now(desk: Desk) -> None:
    told = words(desk.fragment("/console/models/nasld/prospect/size"))
    assert "1 人" in told
    assert "存成分群" in told
    assert desk.get("/console/models/nasld/none/size").status_code == 409


# --- the list ---


def test_segments_are_found_archived_and_brought_back(desk: Desk) -> None:
    code = keep(desk, name="夏天的客人")
    page = f"{LIST}/of/{code}"
    assert "夏天的客人" in words(desk.fragment(f"{LIST}?q=夏天"))
    assert "沒有符合的分群" in words(desk.fragment(f"{LIST}?q=冬天"))

    assert desk.send(f"{page}/archive").headers["Location"] == LIST
    assert "夏天的客人" not in words(desk.fragment(LIST))
    assert "夏天的客人" in words(desk.fragment(f"{LIST}?archived=1"))
    edited = desk.send(
        f"{page}/edit", name="x", rule=written(asks("points", "is", 1)), made_from="1"
    )
    assert edited.status_code == 409
    assert desk.send(f"{page}/archive", back="1").headers["Location"] == page
    assert "夏天的客人" in words(desk.fragment(LIST))
    assert "/console/campaigns/new?segment=" in desk.get(page).text


def test_a_segments_page_tells_what_uses_it(desk: Desk, session: Session) -> None:
    """U17: who archives it sees first which campaigns stop and what goes on."""
    code = keep(desk)
    page = f"{LIST}/of/{code}"
    assert "還沒有活動、旅程、標籤、發券或報表用到它" in words(desk.get(page))
    open_office(session)
    make(session, segment=code)
    begin(session, "welcome", [wait("week", None)], on={"on": "segment", "segment": code})
    told = words(desk.get(page))
    assert "活動 冬日第二杯" in told
    assert "旅程 welcome" in told
    dialog = told.split("封存「")[1]
    assert "會暫停，等您恢復分群： 冬日第二杯" in dialog
    assert "這些照常進行，仍用它現在的條件： 旅程 welcome" in dialog


def test_the_members_of_a_segment_are_exported_without_their_persons(
    desk: Desk, make_member: Callable[..., Member]
) -> None:
    member = make_member(points=12, name="王小明")
    answer = desk.send(f"{LIST}/of/{keep(desk)}/export")
    assert answer.mimetype == "text/csv"
    assert member.number in answer.text
    assert "王小明" not in answer.text


# --- the models ---


@pytest.mark.usefixtures("night")
def test_every_class_stands_with_its_people_advice_and_one_click(
    desk: Desk, session: Session
) -> None:
    """B-06, B-07, X12: four models side by side; each number opens the people behind it."""
    answer = desk.get("/console/models")
    page = words(answer)
    for name in ("VIP會員", "關注會員", "潛力常客", "一般發展客", "保持型會員", "維持型會員"):
        assert name in page
    assert "重點回頭客" in page
    assert "沉睡會員" in page
    assert "關懷信與一次折扣碼" in page
    numbers = opened(session, answer)
    assert len(numbers) > 15
    assert all(told == there for told, there in numbers)


@pytest.mark.usefixtures("night")
def test_one_click_on_a_class_keeps_its_segment_once_and_begins_a_campaign(
    desk: Desk, session: Session
) -> None:
    """B-07: the draft begins with the class and the coupon of its action."""
    desk.get("/console/models/rfm/maintaining")
    send = "/console/models/rfm/maintaining/send"
    answers = [desk.send(send).headers["Location"] for _ in "ab"]
    assert answers[0] == answers[1]
    asked = parse_qs(urlsplit(answers[0]).query)
    code = asked["segment"][0]
    assert get_version(session, code).rule == class_rule("rfm", "maintaining")
    assert asked.get("coupon", [None])[0] == get_action(session, "rfm", "maintaining").template_code
    archive_segment(session, code, now=NOON)
    session.commit()
    desk.send(send)
    session.expire_all()
    assert get_segment(session, code).archived_at is None


def test_what_is_done_about_a_class_is_the_shops_to_change(desk: Desk, session: Session) -> None:
    """B-04: the action of a class is edited on its page."""
    page = "/console/models/nasld/sleep"
    desk.get(page)
    changed = desk.send(f"{page}/action", title="想念你", advice="送一張小券", paid_push="1")
    assert changed.status_code == 303
    action = get_action(session, "nasld", "sleep")
    assert (action.title["zh-TW"], action.template_code, action.paid_push) == ("想念你", None, True)
    refused = desk.send(f"{page}/action", title="", advice="送一張小券")
    assert refused.status_code == 409
    assert "送一張小券" in words(refused)


def cells_of(answer: TestResponse) -> dict[str, int]:
    """Return the members of each cell of the grid by its code."""
    codes = re.findall(r'name="cell" value="([\d-]+)"', answer.text)
    numbers = re.findall(r"</span><b>(\d+)</b>", answer.text)
    return dict(zip(codes, map(int, numbers), strict=True))


@pytest.mark.usefixtures("night")
def test_the_grid_parts_all_buyers_and_marked_cells_are_sized_and_sent_to(
    desk: Desk, session: Session
) -> None:
    """B-06: cells of recency by frequency, switched by money; several are marked at once."""
    cells = cells_of(desk.get("/console/models/rfm"))
    buyers = session.scalar(
        select(func.count()).select_from(MemberClass).where(MemberClass.rfm_group.is_not(None))
    )
    assert sum(cells.values()) == buyers
    by_money = sum(
        sum(
            map(
                int, re.findall(r"</span><b>(\d+)</b>", desk.get(f"/console/models/rfm?m={m}").text)
            )
        )
        for m in range(1, 6)
    )
    assert by_money == buyers
    marked = [code for code, members in cells.items() if members][:3]

    told = words(desk.send(SIZE, script=True, cell=marked))
    assert "存成分群" in told
    assert f"{sum(cells[code] for code in marked)} 人" in told
    desk.get("/console/models/rfm")
    begun = desk.send("/console/segments/send", cell=marked).headers["Location"]
    assert json.loads(parse_qs(urlsplit(begun).query)["rule"][0]) == cells_rule(marked)
    assert "在這裡設條件" in desk.get(begun).text


@pytest.mark.usefixtures("night")
@pytest.mark.parametrize(("a", "b"), [("nasld", "napl_article"), ("rfm", "nasld"), ("rfm", "rfm")])
def test_each_cell_of_a_cross_table_opens_its_people(
    desk: Desk, session: Session, a: str, b: str
) -> None:
    """X12: both dialects, NASLD and RFM against each other."""
    numbers = opened(session, desk.get(f"/console/models/cross?a={a}&b={b}"))
    assert sum(told for told, _ in numbers) == len(DAYS) * 3 + 1
    assert all(told == there for told, there in numbers)


@pytest.mark.usefixtures("night")
def test_moves_are_prepared_and_each_opens_its_people(desk: Desk, session: Session) -> None:
    """A-17: who slid from one class to another within 30 days, as streams and as a table."""
    page = "/console/models/moves"
    assert "還沒有算過這段期間" in words(desk.get(page))
    prepare(session, {})

    answer = desk.get(page)

    numbers = opened(session, answer)
    assert len(numbers) > 5
    assert all(told == there for told, there in numbers)
    assert '"kind"' not in answer.text
    assert 'data-chart="sankey"' in answer.text
    assert 'data-chart="trend"' in answer.text
    assert "期間加入" in words(answer)
    assert "還沒有算過這段期間" in words(desk.get(f"{page}?period=d90"))


def prepare(session: Session, asked: dict[str, Any]) -> None:
    """Do what the worker does with a figure that is wanted."""
    want(session, CLASS_MOVES, asked, NOON)
    session.flush()
    wanted = claim_wanted(session, NOON)
    assert wanted is not None
    body = count_spans(session, NOON, wanted.asked, lambda done, of: None)
    keep_prepared(session, wanted, body, as_of=NOON, now=NOON, took_ms=1)


def test_a_shop_younger_than_the_days_is_told_from_its_first(session: Session) -> None:
    assert count_spans(session, NOON, {}, lambda done, of: None)["moves"] == {}
    shop = ClassShop(session)
    shop.sell(shop.join(10), 3)
    told = count_spans(session, NOON, {}, lambda done, of: None)
    assert told["from_day"] == str(local_day(NOON) - timedelta(days=10))
    assert count_spans(session, NOON, {"days": 11}, lambda done, of: None)["moves"] == {}


@pytest.mark.usefixtures("shop")
def test_the_months_that_were_noted_are_shown(desk: Desk, session: Session) -> None:
    """A-17: month to month, of RFM too, whose past groups are only counted."""
    note_moves(session, NOON)
    for model in ("nasld", "rfm"):
        answer = desk.get(f"/console/models/moves?model={model}&period=2026-10")
        assert 'data-chart="sankey"' in answer.text
        numbers = opened(session, answer)
        assert bool(numbers) == (model == "nasld")
        assert all(told == there for told, there in numbers)


def test_an_alert_is_seen_once_and_its_threshold_is_the_shops(
    desk: Desk, session: Session, manager: Staff
) -> None:
    """A-17: which class moved by how much against when, and who has seen it."""
    today = local_day(NOON)
    alert = ClassAlert(
        day=today,
        model="rfm",
        class_code="maintaining",
        kind="growth",
        compare_days=7,
        before_on=today - timedelta(days=7),
        before_members=10,
        before_total=100,
        members=18,
        total=100,
        threshold_points=3,
        rules_changed=False,
        raised_at=NOON,
    )
    session.add(alert)
    session.flush()
    page = "/console/models/alerts"
    told = words(desk.get(page))
    assert "10.0% → 18.0%，變動 +8.0 個百分點" in told
    assert "請調查商品" in told

    desk.send(f"{page}/{alert.id}/seen")
    session.refresh(alert)
    assert alert.acknowledged_by == manager.username
    assert "目前沒有需要注意的變動" in words(desk.get(page))
    assert "看過" in words(desk.get(f"{page}?seen=1"))
    desk.send(f"{page}/rules", shift="15", growth="5")
    assert get_alert_rules(session).shift_points == 15
    assert desk.send(f"{page}/rules", shift="0", growth="5").status_code == 409
