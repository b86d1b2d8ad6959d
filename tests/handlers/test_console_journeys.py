"""Journeys in the console: gallery, editor, versions, people at each step, reports, surveys."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from jobs.cross_journeys import cross_journeys
from jobs.prepare_figures import prepare_figures
from models.base import Sessions
from models.draft import Draft
from models.journey import (
    Journey,
    change_journey,
    definition_of,
    get_journey,
    get_version,
    parse_definition,
)
from models.journey.counted import find_numbers, find_states
from models.journey.tasks import list_tasks
from models.member import Member
from models.prepared import want
from models.staff import Staff
from models.survey import answer_survey, ask_survey, get_survey, give_reason
from models.survey.reported import find_reports
from tests.conftest import NOON
from tests.handlers.clerk_driver import words
from tests.handlers.console_driver import Desk
from tests.models.journey_shop import DAY, MINUTE, begin, buy, go, send, text, visits, wait, written

Json = dict[str, Any]
MakeMember = Callable[..., Member]
EDIT = "/console/journeys/care/edit"
FILLED: Json = {"what_zh-TW": "打電話歡迎", "days": "3"}
CARE = [wait("week", "care"), send("care", words="{name}，好嗎？")]


@pytest.fixture
def desk(client: FlaskClient, make_staff: Callable[..., Staff]) -> Desk:
    """Return a marketer's desk."""
    desk = Desk(client)
    desk.log_in(make_staff("marketer"))
    return desk


@pytest.fixture
def desks(app: object, client: FlaskClient, make_staff: Callable[..., Staff]) -> tuple[Desk, Desk]:
    """Return the desks of two people."""
    first, second = Desk(client), Desk(client.application.test_client())
    first.log_in(make_staff("marketer"))
    second.log_in(make_staff("manager"))
    return first, second


def newest(session: Session, code: str = "care") -> Json:
    """Return what the newest version says."""
    session.expire_all()
    return definition_of(get_version(session, code)).as_json()


def test_from_a_template_over_the_editor_to_an_active_journey(desk: Desk, session: Session) -> None:
    """B-16, A-07: from the gallery; steps put in, filled, moved; published and switched on."""
    gallery = desk.get("/console/journey-templates").text
    assert gallery.count("加入為草稿") >= 8
    added = desk.send("/console/journey-templates/first-purchase")
    editor = "/console/journeys/first-purchase/edit"
    assert added.location == editor
    assert "範本已加入為草稿" in desk.get(editor).text
    steps = [step["id"] for step in newest(session, "first-purchase")["steps"]]
    shown = desk.send(f"{editor}/insert", script=True, do="coupon", at=steps[0], branch="next").text
    assert "請選擇" in shown
    assert "還有 2 個地方要補" in shown or "還有 1 個地方要補" in shown
    assert "is-wrong" in shown
    desk.send(f"{editor}/step", id="coupon_1", template="repurchase")
    desk.send(f"{editor}/shift", id="coupon_1", way="up")
    assert "沒有「repurchase」" in desk.get(f"{editor}?step=coupon_1").text
    desk.send(f"{editor}/remove", id="coupon_1")
    desk.send(f"{editor}/undo")
    desk.send(f"{editor}/remove", id="coupon_1")
    desk.send(f"{editor}/insert", do="task", branch="next")
    desk.send(f"{editor}/step", id="task_1", **FILLED)
    preview = desk.get("/console/journeys/first-purchase/publish").text
    assert "店員待辦：打電話歡迎" in preview
    assert "沒有人在路上" in preview
    assert newest(session, "first-purchase")["steps"][0]["id"] != "task_1"
    done = desk.send("/console/journeys/first-purchase/publish", note="歡迎電話", activate="1")
    assert "已存成第 2 版" in desk.get(done.location).text
    assert newest(session, "first-purchase")["steps"][0]["id"] == "task_1"
    assert get_journey(session, "first-purchase").state == "active"
    for switch, state in (("pause", "paused"), ("activate", "active"), ("archive", "archived")):
        desk.send(f"/console/journeys/first-purchase/{switch}")
        session.expire_all()
        assert get_journey(session, "first-purchase").state == state


def test_each_kind_of_step_has_a_form_that_gives_back_what_it_shows(
    desk: Desk, session: Session
) -> None:
    """B-16: the form of each kind, filled and shown again."""
    begin(session, "care", CARE)
    for kind in ("coupon", "survey", "condition", "split", "tag", "task", "exit"):
        at = {"exit": "care"}.get(kind, "week")
        desk.send(f"{EDIT}/insert", do=kind, at=at, branch="next")
    content = json.dumps(text("{favourite|老樣子}"))
    typed: dict[str, Json] = {
        "week": {"how": "fact", "fact": "repurchase_on", "fact_days": "-2", "time": "11:00"},
        "care": {"content": content, "is_win_back": "1", "useful_hours": "24"},
        "coupon_1": {"template": "welcome", "has_otherwise": "1", "same_key": "1"},
        "survey_1": {"survey": "after_purchase"},
        "condition_1": {"how": "fact", "fact": "net_twd", "operator": "at_least", "value": "300"},
        "split_1": {"share_0": "30", "share_1": "70"},
        "tag_1": {"word": "give", "tag": "vip", "days": "30"},
        "exit_1": {"reason": "done_here"},
    }
    for step, fields in typed.items():
        assert desk.send(f"{EDIT}/step", id=step, **fields).status_code == 303
        assert desk.fragment(f"{EDIT}?step={step}").status_code == 200
    shown = desk.fragment(f"{EDIT}?step=week").text
    assert 'value="-2"' in shown
    assert "等到 預測回購日 -2 11:00" in shown
    told = {step["id"]: step for step in drafted(session)}
    assert told["condition_1"]["if"] == {"fact": "net_twd", "is": "at_least", "value": 300}
    assert told["coupon_1"]["key"] == "cause"
    assert "otherwise" in told["coupon_1"]
    assert told["care"]["useful_hours"] == 24
    desk.send(f"{EDIT}/step", id="condition_1", how="may_write")
    desk.send(f"{EDIT}/step", id="week", how="time", time="18:00", weekday="5")
    assert "等到星期五 18:00" in desk.get(f"{EDIT}?step=week").text
    refused = desk.send(f"{EDIT}/step", script=True, id="care", content="{")
    assert refused.status_code == 409
    terms = desk.get(f"{EDIT}?open=terms&on=festival").text
    assert "端午節" in terms


def drafted(session: Session) -> list[Json]:
    """Return the steps of the only draft there is."""
    session.expire_all()
    kept = session.scalars(select(Draft)).one()
    steps: list[Json] = kept.body["definition"]["steps"]
    return steps


def test_the_terms_of_a_journey_are_a_form(desk: Desk, session: Session) -> None:
    begin(session, "care", CARE)
    usual: Json = {
        "holdout_percent": "20",
        "hold_minutes": "0",
        "grace_minutes": "60",
        "kind": "marketing",
        "name": "關懷",
    }
    chosen: Json = {
        "on": "silent",
        "trigger.days": "45",
        "exit.purchase": "1",
        "from_time": "12:00",
    }
    again: Json = {"reentry": "after_days", "reentry_days": "90", "needs_consent": "1"}
    kept = desk.send(f"{EDIT}/terms", name_en="Care", **usual, **chosen, **again)
    assert kept.status_code == 303
    assert "多日未消費（天數 45）" in desk.get(EDIT).text
    desk.send("/console/journeys/care/publish")
    told = newest(session)
    assert told["trigger"] == {"on": "silent", "days": 45, "from_time": "12:00"}
    assert told["exit_when"] == [{"on": "purchase"}]
    assert (told["reentry"], told["holdout_percent"]) == ({"after_days": 90}, 20)
    assert get_journey(session, "care").name == {"zh-TW": "關懷", "en": "Care"}
    refused = desk.send(f"{EDIT}/terms", on="segment", **usual, **again)
    assert refused.status_code == 409


def test_one_of_ones_own_begins_with_a_cause(desk: Desk, session: Session) -> None:
    desk.get("/console/journey-templates")
    code = f"tier-up-{desk.key.replace('-', '')[:10]}"
    for _ in range(2):  # A second press of the same page begins no other.
        begun = desk.send("/console/journey-templates", name="等級好禮", on="tier_up")
        assert begun.location == f"/console/journeys/{code}/edit"
    assert [step["do"] for step in newest(session, code)["steps"]] == ["wait", "send"]
    taken = desk.send("/console/journey-templates", name="另一個", on="joined", code=code)
    assert "這個代碼已有旅程" in taken.text


def test_people_in_and_out_at_each_step(
    desk: Desk, session: Session, sessions: Sessions, make_member: MakeMember
) -> None:
    """B-16: each step shows people in and out, and each number opens to who they are."""
    begin(session, "care", CARE)
    members = [make_member() for _ in range(3)]
    for member in members:
        buy(session, member, NOON)
    go(sessions, session, NOON + MINUTE)
    go(sessions, session, NOON + 3 * DAY + MINUTE)
    buy(session, members[0], NOON + 3 * DAY)
    page = desk.get("/console/journeys/care").text
    for query in ("came=week", "left=week&amp;why=waited", "left=care&amp;why=owed"):
        assert f'href="/console/journeys/care/people?{query}">3</a>' in page
    came = desk.get("/console/journeys/care/people?came=care").text
    left = desk.get("/console/journeys/care/people?left=care&why=owed").text
    done = desk.get("/console/journeys/care/people?state=done").text
    for listed in (came, left, done):
        assert all(member.number in listed for member in members)
    first = visits(session, "care")[0]
    way = desk.get(f"/console/journeys/care/visits/{first.id}").text
    assert "等到了" in way
    assert "已交付發送" in way
    assert desk.get("/console/journeys/care/visits/0").status_code == 409
    listed = desk.get("/console/journeys").text
    assert 'href="/console/journeys/care/people?state=done">3</a>' in listed
    assert "care" not in desk.get("/console/journeys?state=paused").text.split("<tbody>")[1]


def test_a_trial_shows_the_phone_and_does_nothing(
    desk: Desk, session: Session, make_member: MakeMember
) -> None:
    begin(session, "care", CARE)
    member = make_member(name="小明")
    assert "什麼都不會真的發生" in desk.get("/console/journeys/care/try").text
    page = desk.send("/console/journeys/care/try", member=member.number).text
    assert "沒有觸發事件" in page
    assert json.dumps("小明，好嗎？")[1:-1] in page
    assert visits(session, "care") == []


def test_who_saves_later_sees_both_versions_first(
    desks: tuple[Desk, Desk], session: Session
) -> None:
    """U17: two people editing one journey are told, and neither overwrites the other."""
    begin(session, "care", CARE)
    first, second = desks
    first.send(f"{EDIT}/insert", do="tag", at="week", branch="next")
    first.send(f"{EDIT}/step", id="tag_1", word="give", tag="x")
    assert "也在編輯這一份" in second.get(EDIT).text
    second.send(f"{EDIT}/shift", id="week", way="down")
    assert second.send("/console/journeys/care/publish").status_code == 303
    first.send(f"{EDIT}/remove", id="tag_1")
    first.send(f"{EDIT}/insert", do="exit", at="care", branch="next")
    assert "存了第 2 版" in first.get(EDIT).text
    stale = first.send("/console/journeys/care/publish")
    assert stale.status_code == 409
    assert "有人剛改過這個旅程" in stale.text
    assert "我的草稿" in stale.text
    first.send(f"{EDIT}/overrule")
    assert first.send("/console/journeys/care/publish").status_code == 303
    assert get_version(session, "care").version == 3
    second.send(f"{EDIT}/insert", do="wait", branch="next")
    second.send(f"{EDIT}/drop")
    assert "還沒有改動" in second.get(EDIT).text


def test_who_is_on_the_way_is_previewed_and_moved(
    desk: Desk, session: Session, sessions: Sessions, make_member: MakeMember
) -> None:
    """B-16, U17: publishing tells who is in flight; moving asks where to go on."""
    begin(session, "care", CARE)
    buy(session, make_member(), NOON)
    go(sessions, session, NOON + MINUTE)
    desk.send(f"{EDIT}/remove", id="week")
    preview = desk.get("/console/journeys/care/publish").text
    assert "新版沒有這一步" in preview
    desk.send("/console/journeys/care/publish")
    session.expire_all()
    assert visits(session, "care")[0].version == 1
    lost = desk.send("/console/journeys/care/move", from_version="1")
    assert "有人停在新版沒有的步驟" in lost.text
    aims: Json = {"from_version": "1", "to.week": "care"}
    for _ in "ab":
        desk.send("/console/journeys/care/move", **aims)
    under_way = desk.fragment("/console/journeys/care/move")
    assert "已搬移 0 / 1" in words(under_way)
    assert cross_journeys(sessions, now=NOON) == 1
    session.expire_all()
    assert "第 1 版的 1 人已改走第 2 版" in words(desk.fragment("/console/journeys/care/move"))
    visit = visits(session, "care")[0]
    assert (visit.version, visit.step) == (2, "care")
    desk.send(f"/console/journeys/care/visits/{visit.id}/end")
    session.expire_all()
    assert visits(session, "care")[0].exit_reason == "given_up"


def test_many_visits_are_counted_by_a_worker_and_told_with_their_moment(
    session: Session, sessions: Sessions, make_member: MakeMember
) -> None:
    begin(session, "care", CARE)
    for _ in range(2):
        buy(session, make_member(), NOON)
    go(sessions, session, NOON + MINUTE)
    assert find_numbers(session, "care", None, NOON).numbers.step("week").came == 2
    missing = find_numbers(session, "care", None, NOON, live=1)
    assert missing.as_of is None
    assert find_states(session, NOON, live=1).counts == {}
    session.commit()
    prepare_figures(sessions, lambda: NOON)
    session.expire_all()
    found = find_numbers(session, "care", None, NOON, live=1)
    assert found.numbers == find_numbers(session, "care", None, NOON).numbers
    assert found.as_of == NOON
    states = find_states(session, NOON, live=1)
    assert (states.counts["care"]["under_way"], states.as_of) == (2, NOON)


def test_a_report_is_prepared_and_its_messages_can_be_taken_home(
    desk: Desk, session: Session, sessions: Sessions, make_member: MakeMember
) -> None:
    begin(session, "care", [send("hello")], holdout_percent=30)
    for _ in range(12):
        buy(session, make_member(), NOON)
    go(sessions, session, NOON + MINUTE)
    assert "成效正在計算" in desk.get("/console/journeys/care/report").text
    want(session, "journey_results", None, NOON)
    session.commit()
    prepare_figures(sessions, lambda: NOON + MINUTE)
    page = desk.get("/console/journeys/care/report").text
    assert "和對照組比" in page
    assert "資料不足" in page
    saved = desk.get("/console/journeys/care/report.csv")
    assert saved.mimetype == "text/csv"
    assert "資料不足" in desk.get("/console/journeys").text


def test_tasks_are_listed_and_ticked_off(
    desk: Desk, session: Session, sessions: Sessions, make_member: MakeMember
) -> None:
    task = {"id": "call", "do": "task", "what": {"zh-TW": "打電話"}, "days": 3, "next": None}
    begin(session, "care", [task])
    for _ in range(2):
        buy(session, make_member(), NOON)
    go(sessions, session, NOON + MINUTE)
    assert desk.get("/console/journey-tasks").text.count("打電話") >= 2
    one, _ = list_tasks(session, NOON)
    assert desk.send(f"/console/journey-tasks/{one.task.id}").status_code == 303
    assert "這件待辦已經完成或取消" in desk.send(f"/console/journey-tasks/{one.task.id}").text
    done = desk.get("/console/journey-tasks?done=1").text
    assert one.number in done
    rest = desk.get(f"/console/journey-tasks?after={one.task.due_on}~{one.task.id}").text
    assert one.number not in rest.split("<tbody>")[1]


def test_a_survey_is_made_answered_and_opened_to_the_people(
    desk: Desk, session: Session, sessions: Sessions, make_member: MakeMember
) -> None:
    """E-11, B-17: why people leave, as a chart that opens to who said so; scores likewise."""
    words: Json = {"name_zh-TW": "離開原因", "question_zh-TW": "最近少來了，為什麼？"}
    reasons: Json = {"reason_0_zh-TW": "太遠", "reason_1_zh-TW": "太貴", "reason_1_en": "Price"}
    kept = desk.send("/console/surveys", code="why", kind="exit", **words, **reasons)
    assert kept.location == "/console/surveys/why"
    survey = get_survey(session, "why")
    assert [reason["code"] for reason in survey.reasons] == ["reason-1", "reason-2"]
    members = [make_member() for _ in range(3)]
    asked = ask_survey(session, survey, {each.id: f"t:{each.id}" for each in members}, NOON)
    for member, reason in zip(members[:2], ("reason-1", "reason-2"), strict=True):
        give_reason(session, member, asked[member.id], reason, NOON)
    session.commit()
    page = desk.get("/console/surveys/why").text
    assert "離開的原因" in page
    assert members[0].number in desk.get("/console/surveys/why?reason=reason-1").text
    assert members[1].number not in desk.get("/console/surveys/why?reason=reason-1").text
    change = desk.get("/console/surveys/why/change").text
    assert "太貴" in change
    base = re.search(r'name="draft_base" value="(\w+)"', change)
    assert base is not None
    newer: Json = words | {"question_zh-TW": "怎麼少來了？"}
    known: Json = {"code": "why", "kind": "exit", "draft_base": base[1]} | reasons
    for _ in "ab":
        assert desk.send("/console/surveys", **known | newer).status_code == 303
    late = desk.send("/console/surveys", **known | words)
    assert late.status_code == 409
    assert "怎麼少來了？" in late.text
    assert "小安 在 2026/11/22 12:00 設定" in late.text
    session.expire_all()
    assert get_survey(session, "why").question["zh-TW"] == "怎麼少來了？"
    assert desk.send("/console/surveys", **known | words | {"draft_base": ""}).status_code == 409
    refused = desk.send("/console/surveys", code="none", kind="exit", **words)
    assert "離開原因問卷至少要一個" in refused.text
    (missing,) = find_reports(session, [survey], NOON, live=1)
    assert missing.report is None
    session.commit()
    prepare_figures(sessions, lambda: NOON)
    session.expire_all()
    (found,) = find_reports(session, [get_survey(session, "why")], NOON, live=1)
    assert found.report is not None
    assert (found.report.asked, found.report.answered, found.as_of) == (3, 2, NOON)
    desk.send("/console/surveys/why/archive")
    assert "離開原因" not in desk.get("/console/surveys").text.split("<h1")[1]
    assert "離開原因" in desk.get("/console/surveys?archived=1").text


def test_scores_open_to_who_gave_them(
    desk: Desk, session: Session, make_member: MakeMember
) -> None:
    """B-17: CSAT with its interval; a score opens to its people."""
    words: Json = {"name_zh-TW": "滿意度", "question_zh-TW": "滿意嗎？"}
    desk.send("/console/surveys", code="fine", kind="csat", **words)
    member = make_member()
    survey = get_survey(session, "fine")
    asked = ask_survey(session, survey, {member.id: "s"}, NOON)
    answer_survey(session, member, asked[member.id], 4, NOON)
    session.commit()
    assert member.number in desk.get("/console/surveys/fine?score=4").text
    assert member.number not in desk.get("/console/surveys/fine?score=1").text
    assert "數字僅供參考" in desk.get("/console/surveys/fine").text


def test_a_journey_somebody_else_published_is_not_overwritten_by_an_old_page(
    desk: Desk, session: Session
) -> None:
    begin(session, "care", CARE)
    desk.send(f"{EDIT}/insert", do="exit", at="care", branch="next")
    other = parse_definition(written([send("only")]))
    change_journey(session, "care", other, made_from=1, by="阿德", now=NOON)
    session.execute(update(Journey).values(state="paused"))
    session.commit()
    assert "有人剛改過這個旅程" in desk.get("/console/journeys/care/publish").text
    assert newest(session)["steps"][0]["id"] == "only"
