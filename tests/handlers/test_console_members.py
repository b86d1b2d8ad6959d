"""The console's members: found while typing, listed, and each with their whole story."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.texts import LANGUAGES, texts_for
from handlers.console.members.links import members_url
from handlers.console.members.story_words import in_words
from models.fraud.not_me import say_not_me
from models.identity import request_binding
from models.identity.merge import MemberMerge
from models.member import Member
from models.member_note import list_notes
from models.points import PointsAdjustment
from models.segment import parse_rule
from models.segment.keeping import add_segment
from models.staff import Staff
from models.tag import keep_tag, list_member_tags
from models.tier import TierChange
from models.timeline import list_happenings
from models.timeline.reading import SOURCES
from tests.conftest import NOON, Committed
from tests.handlers.console_driver import KEY, Desk
from tests.models.shopping import buy

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
BOUGHT = {"schema": 1, "where": {"field": "purchases", "is": "at_least", "value": 1}}


@dataclass
class Office:
    """A desk, who works at it, and a way to let another role in."""

    desk: Desk
    staff: Staff
    client: FlaskClient
    make_staff: MakeStaff

    def as_role(self, role: str) -> Desk:
        """Let somebody else work at the desk."""
        self.client.delete_cookie("session")
        made = Desk(self.client)
        made.log_in(self.make_staff(role))
        return made


@pytest.fixture
def office(client: FlaskClient, make_staff: MakeStaff) -> Office:
    """Return a desk at which a manager works."""
    desk, staff = Desk(client), make_staff("manager")
    desk.log_in(staff)
    return Office(desk, staff, client, make_staff)


@pytest.fixture
def desk(office: Office) -> Desk:
    """Return the manager's desk."""
    return office.desk


# --- finding and listing ---


def test_typing_finds_names_phones_numbers_and_tags(
    desk: Desk, session: Session, make_member: MakeMember
) -> None:
    member = make_member(name="陳怡君", phone="+886955667788")
    other = make_member(name="林大同", phone="+886911222333")
    member.number, other.number = "123456782", "987654324"
    session.flush()
    keep_tag(session, "vip-tea", {"zh-TW": "怡然自得"}, now=NOON)
    for typed in ("怡君", "陳", "陳怡", "0955", "7788", member.number[:5]):
        found = desk.fragment(f"/console/members/found?q={quote(typed)}").text
        assert "陳怡君" in found
        assert "林大同" not in found
        assert "<html" not in found
    assert "怡然自得" in desk.fragment("/console/members/found?q=怡").text
    assert "找不到" in desk.fragment("/console/members/found?q=查無此人").text
    assert "陳怡君" in desk.get("/console/members?q=怡君").text  # Without our script.


def test_a_number_is_opened_to_the_people_behind_it(
    desk: Desk, session: Session, make_member: MakeMember
) -> None:
    buyer = make_member(name="陳怡君")
    make_member(name="林大同")
    buy(session, buyer)
    session.flush()
    page = desk.get(members_url(BOUGHT)).text
    assert "陳怡君" in page
    assert "林大同" not in page
    add_segment(session, "buyers", {"zh-TW": "買過的人"}, parse_rule(BOUGHT), by="t", now=NOON)
    assert "買過的人" in desk.get("/console/members?segment=buyers").text
    size = desk.fragment("/console/members/size?segment=buyers").text
    assert "共 1 位" in size


def test_the_lists_own_questions_make_a_rule(desk: Desk, make_member: MakeMember) -> None:
    make_member(name="陳怡君", marketing=True)
    make_member(name="林大同", marketing=False)
    page = desk.get("/console/members?reachable=1&tier=&nasld=nasld:prospect&quiet=x").text
    assert "陳怡君" in page
    assert "林大同" not in page
    assert "沒有符合的會員" in desk.get("/console/members?tier=gold").text


def test_a_list_goes_on_where_the_page_ended(desk: Desk, make_member: MakeMember) -> None:
    made = [make_member(name=f"會員{place:02d}") for place in range(52)]
    first = desk.get("/console/members").text
    assert "會員51" in first
    assert "會員01" not in first
    more = desk.fragment(f"/console/members?after={made[2].id}").text
    assert "會員01" in more
    assert "<table" not in more


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("rule=%7B", 409),
        ("rule=" + quote(json.dumps({"schema": 1, "where": {"field": "nope"}})), 409),
        ("segment=nobody", 409),
        ("tier=nobody", 409),
        ("after=x", 200),
    ],
)
def test_a_rule_that_cannot_be_asked_says_why(desk: Desk, query: str, status: int) -> None:
    assert desk.get(f"/console/members?{query}").status_code == status


def test_phones_and_birthdays_are_masked_for_who_does_not_correct(
    office: Office, session: Session, make_member: MakeMember
) -> None:
    member = make_member(phone="+886955667788")
    member.number = "123456782"
    session.flush()
    page = f"/console/members/{member.number}"
    whole = office.desk.get(page).text
    assert "0955-667-788" in whole
    assert "1990/" in whole
    for role in ("marketer", "auditor"):
        masked = KEY.sub("", office.as_role(role).get(page).text)  # Its digits are drawn.
        assert "0955-***-788" in masked
        for hidden in ("955667", "955-667", "667788", "667-788"):
            assert hidden not in masked
        assert "1990/" not in masked


# --- one member ---


def test_b09_the_page_tells_everything_and_narrows_the_line_of_time(
    desk: Desk, session: Session, make_member: MakeMember
) -> None:
    """B-09: one profile with one line of time."""
    member = make_member(points=70)
    for days in range(35):
        buy(session, member, 200 + days, now=NOON - timedelta(days=days))
    session.flush()
    page = desk.get(f"/console/members/{member.number}").text
    assert "時間軸" in page
    assert "NT$200" in page
    assert "NT$234" not in page
    narrowed = desk.fragment(f"/console/members/{member.number}/story?kind=points").text
    assert "人工調整" in narrowed
    last = list_happenings(session, member.id, kind="purchases", limit=30)[-1]
    place = f"{int(last.at.timestamp() * 1_000_000)}.{last.source}.{last.id}"
    older = f"/console/members/{member.number}/story?kind=purchases&after={place}"
    assert "NT$234" in desk.fragment(older).text
    assert "時間軸" in desk.get(older).text
    for odd in ("x", "1.2", "9.purchase.9" + "9" * 30, "9" * 18 + ".purchase.1", "-.a.-"):
        assert (
            desk.fragment(f"/console/members/{member.number}/story?after={odd}").status_code == 200
        )


def test_the_story_is_a_file_too_and_everything_is_handed_out(
    desk: Desk, session: Session, make_member: MakeMember
) -> None:
    member = make_member(name="=陳怡君")
    buy(session, member, 300)
    session.flush()
    sent = desk.get(f"/console/members/{member.number}/story.csv")
    rows = list(csv.reader(io.StringIO(sent.get_data().decode("utf-8-sig"))))
    assert rows[0][0] == "時間"
    assert any(row[1] == "消費" and row[3] == "300" for row in rows)
    desk.get(f"/console/members/{member.number}")
    handed = desk.send(f"/console/members/{member.number}/file")
    assert json.loads(handed.get_data())["member"]["number"] == member.number


def test_every_happening_of_the_demo_has_words_in_every_language(
    committed_demo: Committed,
) -> None:
    seen: set[str] = set()
    with committed_demo.sessions() as session:
        members = session.scalars(select(Member.id).order_by(Member.id.desc()).limit(60)).all()
        for member_id in members:
            for happening in list_happenings(session, member_id):
                seen.add(happening.source)
                for language in LANGUAGES:
                    line = in_words(texts_for(language), happening)
                    assert line.title
                    assert "{" not in line.title
    assert {"purchase", "points", "coupon", "tier", "consent", "joined", "bound"} <= seen
    assert seen <= {source.name for source in SOURCES}


def test_segments_are_told_with_the_reason(
    desk: Desk, session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    add_segment(session, "buyers", {"zh-TW": "買過的人"}, parse_rule(BOUGHT), by="t", now=NOON)
    path = f"/console/members/{member.number}/segments"
    assert "買過的人" in desk.fragment(path).text
    assert "為什麼不在" in desk.fragment(f"{path}/buyers").text
    buy(session, member)
    session.flush()
    assert "為什麼在" in desk.get(f"{path}/buyers").text
    assert desk.get(path).status_code == 200


# --- what is done ---


def test_notes_and_tags_come_and_go(desk: Desk, session: Session, make_member: MakeMember) -> None:
    member = make_member()
    keep_tag(session, "tea", {"zh-TW": "愛茶"}, now=NOON)
    path = f"/console/members/{member.number}"
    desk.get(path)
    for _ in range(2):  # A second press of the same page writes nothing twice.
        assert desk.send(f"{path}/notes", words="不喝冰").status_code == 303
    (written,) = list_notes(session, member.id)
    assert "不喝冰" in desk.get(path).text
    assert desk.send(f"{path}/notes/{written[0].id}/remove").status_code == 303
    assert list_notes(session, member.id) == []
    assert desk.send(f"{path}/notes/{written[0].id}/remove").status_code == 409

    assert desk.send(f"{path}/tags", tag="愛茶", until="2026-12-31").status_code == 303
    (held,) = list_member_tags(session, member.id, NOON)
    assert (held.tag.code, held.row.source) == ("tea", "manual:staff")
    assert "2026/12/31" in desk.get(path).text
    assert desk.send(f"{path}/tags/remove", tag="tea").status_code == 303
    assert list_member_tags(session, member.id, NOON) == []
    assert "沒有這個標籤" in desk.send(f"{path}/tags", tag="不存在").text


def test_points_are_previewed_then_adjusted_once(
    desk: Desk, session: Session, make_member: MakeMember
) -> None:
    member = make_member(points=30)
    path = f"/console/members/{member.number}/points"
    desk.get(path)
    seen = desk.send(f"{path}/preview", points="-20", reason="補登錯誤")
    assert "10" in seen.text
    assert member.points == 30
    key = seen.text.split('name="key" value="')[1].split('"')[0]
    for _ in range(2):
        assert desk.send(path, points="-20", reason="補登錯誤", key=key).status_code == 303
    session.refresh(member)
    assert member.points == 10
    key = str(uuid4())
    assert "點數不夠" in desk.send(path, points="-20", reason="x", key=key).text
    for typed in ("", "abc", "0"):
        assert desk.send(path, points=typed, reason="x", key=key).status_code == 409


def test_above_the_limit_another_person_decides(
    office: Office, session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    path = f"/console/members/{member.number}"
    office.desk.get(f"{path}/points")
    office.desk.send(f"{path}/points", points="900", reason="客訴補償", key=str(uuid4()))
    wish = session.scalars(select(PointsAdjustment)).one()
    approve = f"/console/members/adjustments/{wish.id}/approve"
    assert "核准" in office.desk.get(path).text
    assert office.desk.send(approve).status_code == 409
    other = office.as_role("owner")
    other.get(path)
    assert other.send(approve).status_code == 303
    session.refresh(member)
    assert member.points == 900
    assert other.send(f"/console/members/adjustments/{wish.id}/refuse").status_code == 409


def test_a_card_is_frozen_with_a_reason_and_released(
    desk: Desk, session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    sale = buy(session, member)
    path = f"/console/members/{member.number}"
    desk.get(path)
    assert desk.send(f"{path}/freeze", reason="").status_code == 409
    assert desk.send(f"{path}/freeze", reason="可疑").status_code == 303
    session.refresh(member)
    assert member.frozen_reason == "by_staff"
    say_not_me(session, member, "purchase", sale.id, NOON)
    session.flush()
    assert "異常提醒" in desk.get(path).text
    assert desk.send(f"{path}/release", reason="本人確認").status_code == 303
    session.refresh(member)
    assert member.frozen_at is None


def test_a_tier_is_seen_before_it_is_given_and_taken_back(
    desk: Desk, session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    path = f"/console/members/{member.number}/tier"
    wish: dict[str, Any] = {"tier": "gold", "last_day": "", "reason": "久候補償", "tells": "1"}
    assert "看看會怎樣" in desk.get(path).text
    assert desk.send(f"{path}/preview", **(wish | {"last_day": "2020-01-01"})).status_code == 409
    assert desk.send(f"{path}/preview", **(wish | {"reason": ""})).status_code == 409
    seen = desk.send(f"{path}/preview", **wish).text
    assert "2027/11/21" in seen
    assert "久候補償" in seen
    sent = wish | {"was": "basic", "key": str(uuid4())}
    assert [desk.send(path, **sent).status_code for _ in range(2)] == [303, 303]
    session.refresh(member)
    given = session.scalars(select(TierChange).where(TierChange.member_id == member.id)).one()
    assert member.tier_id == given.to_tier_id
    assert desk.send(path, **(sent | {"key": str(uuid4())})).status_code == 409
    assert "由店家給的" in desk.get(f"/console/members/{member.number}").text
    assert desk.send(f"{path}/{given.id}/undo").status_code == 303
    assert desk.send(f"{path}/{given.id}/undo").status_code == 409
    page = desk.get(f"/console/members/{member.number}").text
    assert "取消店家調整" in page
    assert "由店家給的" not in page


def test_u13_a_merge_is_seen_before_it_is_done_and_taken_back(
    desk: Desk, session: Session, make_member: MakeMember
) -> None:
    """U13: a merge is a preview and can be undone."""
    keep = make_member(points=10, name="陳怡君", phone="+886955667788")
    drop = make_member(points=5, name="陳怡君", phone="+886955667789")
    path = f"/console/members/{keep.number}"
    assert drop.number in desk.get(f"{path}/merge").text  # One digit off: likely the same person.
    assert drop.number in desk.get(f"{path}/merge?q={drop.number}").text
    seen = desk.get(f"{path}/merge/{drop.number}")
    assert "15" in seen.text
    assert keep.points == 10
    assert desk.send(f"{path}/merge/{drop.number}", reason="").status_code == 409
    assert desk.send(f"{path}/merge/{drop.number}", reason="同一人").status_code == 303
    session.refresh(keep)
    assert keep.points == 15
    led = desk.get(f"/console/members/{drop.number}")
    assert led.status_code == 302
    assert keep.number in led.location
    merge = session.scalars(select(MemberMerge)).one()
    assert "復原" in desk.get(path).text
    assert desk.send(f"{path}/unmerge/{merge.id}").status_code == 303
    session.refresh(drop)
    assert drop.points == 5
    assert desk.send(f"{path}/unmerge/{merge.id}").status_code == 409
    assert desk.get(f"{path}/merge/{keep.number}").status_code == 409


def test_u14_a_new_phone_takes_the_card_over_by_its_code(
    desk: Desk, session: Session, make_member: MakeMember
) -> None:
    """U14: points and tier stay with the person, and both LINE accounts stand in the history."""
    member = make_member(points=40)
    old = member.line_user_id
    request = request_binding(session, "U" + "9" * 32, NOON)
    path = f"/console/members/{member.number}/line"
    assert "使用中" in desk.get(path).text or "還沒有綁定" in desk.get(path).text
    wrong = "00000000" if request.code != "00000000" else "11111111"
    assert "找不到這個綁定碼" in desk.send(path, code=wrong, reason="核對身分證").text
    assert desk.send(path, code=request.code, reason="").status_code == 409
    assert desk.send(path, code=request.code, reason="核對身分證").status_code == 303
    session.refresh(member)
    assert (member.line_user_id, member.points) == ("U" + "9" * 32, 40)
    assert str(old) not in desk.get(path).text


def test_marketing_is_stopped_and_a_person_erased_only_with_their_number(
    desk: Desk, session: Session, make_member: MakeMember
) -> None:
    member = make_member(points=88, marketing=True)
    path = f"/console/members/{member.number}"
    desk.get(path)
    assert desk.send(f"{path}/block", reason="來電要求").status_code == 303
    session.refresh(member)
    assert not member.marketing_allowed
    assert "88" in desk.get(f"{path}/erase").text
    assert desk.send(f"{path}/erase", typed_number="1", reason="來電要求").status_code == 409
    number = member.number
    assert desk.send(f"{path}/erase", typed_number=number, reason="來電要求").status_code == 303
    session.refresh(member)
    assert member.name is None
    assert "已退出" in desk.get(path).text
    for action in ("points", "merge", "line", "erase"):
        assert desk.get(f"{path}/{action}").status_code == 409
    assert desk.send(f"{path}/tags", tag="tea").status_code == 409


def test_who_may_only_look_finds_no_button_and_no_way_in(
    office: Office, make_member: MakeMember
) -> None:
    member = make_member()
    desk = office.as_role("auditor")
    path = f"/console/members/{member.number}"
    page = desk.get(path).text
    assert "調整點數" not in page
    assert "儲存備註" not in page
    for action in ("points", "merge", "erase", "line"):
        assert desk.get(f"{path}/{action}").status_code == 403
    for action in ("notes", "tags", "freeze", "block", "file"):
        assert desk.send(f"{path}/{action}").status_code == 403


def test_a_number_nobody_has_says_where_to_look(desk: Desk) -> None:
    answer = desk.get("/console/members/000000000")
    assert answer.status_code == 409
    assert "找不到這位會員" in answer.text
