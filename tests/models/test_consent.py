"""Consent: what was told in which words, and every yes and no, in order."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from models.consent import Notice, consent_facts, get_notice, note_consent, notice_items
from models.member import Member
from tests.conftest import NOON

MakeMember = Callable[..., Member]
LANGUAGES = ("zh-TW", "en", "ja")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_notice_has_the_six_items_of_article_8(session: Session, language: str) -> None:
    items = notice_items(get_notice(session), language)
    assert len(items) == 6
    assert all(title and text for title, text in items)


@pytest.mark.parametrize(
    ("language", "rights"),
    [
        ("zh-TW", ["查詢", "閱覽", "複製", "補充", "更正", "停止", "刪除"]),
        ("en", ["inquire", "view", "copy", "supplement", "correct", "stop", "delete"]),
        ("ja", ["照会", "閲覧", "複製", "補足", "訂正", "停止", "削除"]),
    ],
)
def test_the_notice_names_every_right_and_the_way_to_it(
    session: Session, language: str, rights: list[str]
) -> None:
    _, text = notice_items(get_notice(session), language)[4]
    assert [right for right in rights if right not in text] == []
    assert "02-2345-6789" in text
    assert "15" in text
    assert "30" in text


def test_the_notice_names_who_collects(session: Session) -> None:
    assert "茶日子有限公司" in notice_items(get_notice(session), "zh-TW")[0][1]


def test_a_language_without_a_notice_reads_chinese(session: Session) -> None:
    notice = get_notice(session)
    assert notice_items(notice, "ko") == notice_items(notice, "zh-TW")


def test_the_newest_notice_is_in_force(session: Session) -> None:
    items = get_notice(session).items
    session.add(Notice(version="2", items=items, published_at=NOON - timedelta(days=1)))
    session.add(Notice(version="0", items=items, published_at=NOON - timedelta(days=900)))
    session.flush()
    assert get_notice(session).version == "2"


def test_what_a_person_said_is_handed_out_in_order(
    session: Session, make_member: MakeMember
) -> None:
    member, version = make_member(), get_notice(session).version
    for place, is_given in enumerate((True, False)):
        note_consent(
            session,
            member.id,
            "marketing",
            is_given=is_given,
            notice_version=version,
            channel="line",
            evidence=f"event {place}",
            now=NOON + timedelta(minutes=place),
        )
    session.flush()
    facts = consent_facts(session, member.id)
    assert [(fact["purpose"], fact["is_given"]) for fact in facts] == [
        ("marketing", True),
        ("marketing", False),
    ]
    assert facts[0]["notice_version"] == version
    assert facts[0]["said_at"] == NOON.isoformat()
