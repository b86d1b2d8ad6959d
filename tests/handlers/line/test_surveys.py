"""Surveys as a member meets them in the chat."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.cards.surveys import SurveyView, survey_question
from bot.limits import check_messages
from bot.postback import Action, Postback, parse_postback
from bot.texts import LANGUAGES, texts_for
from models.survey import Survey, SurveyAnswer, ask_survey
from tests.conftest import Clock
from tests.handlers.line.conftest import Chat, MakeChat
from tests.models.test_survey import make

Ask = Callable[[str], tuple[Survey, list[Postback]]]


@pytest.fixture
def chat(make_chat: MakeChat) -> Chat:
    found = make_chat()
    found.join()
    return found


@pytest.fixture
def ask(chat: Chat, session: Session) -> Ask:
    """Return a function that asks the person and returns the taps of the card."""

    def asking(kind: str) -> tuple[Survey, list[Postback]]:
        survey = make(session, kind)
        member_id = chat.a_member().id
        key = {member_id: f"test:{kind}:{member_id}"}
        answer_id = ask_survey(session, survey, key, chat.clock.now)[member_id]
        session.commit()
        view = SurveyView.from_words(survey.words(answer_id, "zh-TW"))
        message = survey_question(texts_for("zh-TW"), view)[0]
        items = message["quickReply"]["items"]
        return survey, [parse_postback(item["action"]["data"]) for item in items]

    return asking


def answer_of(session: Session) -> SurveyAnswer:
    session.expire_all()
    return session.scalars(select(SurveyAnswer)).one()


def test_a_score_a_reason_and_a_sentence_are_taken_each_once(
    chat: Chat, ask: Ask, session: Session
) -> None:
    """B-17: CSAT by quick reply, then a reason by tap and by words; again says so."""
    _, taps = ask("csat")
    assert [tap.fields["score"] for tap in taps] == ["1", "2", "3", "4", "5"]

    scored = chat.tap_again(taps[1])
    assert "原因" in scored.words
    assert scored.quick_replies == ["口味", "服務", "先不用"]
    assert "已經回答過了（2 分）" in chat.tap_again(taps[4]).words
    reason = next(tap for tap in scored.taps if tap.fields.get("reason") == "service")
    assert "想多說一句" in chat.tap_again(reason).words
    assert "已經回答過" in chat.tap_again(reason).words
    assert "縮短到 300" in chat.say("茶" * 301).words
    assert "謝謝您告訴我們" in chat.say("等了二十分鐘").words
    assert chat.talk() is None

    kept = answer_of(session)
    assert (kept.score, kept.reason, kept.words) == (2, "service", "等了二十分鐘")


def test_an_exit_survey_is_answered_by_its_reason(chat: Chat, ask: Ask, session: Session) -> None:
    """E-11: one tap says why."""
    _, taps = ask("exit")
    assert [tap.fields["reason"] for tap in taps] == ["taste", "service"]
    thanked = chat.tap_again(taps[0])
    assert "收到" in thanked.words
    assert answer_of(session).reason == "taste"


def test_what_was_not_asked_or_is_over_is_refused_kindly(
    chat: Chat, ask: Ask, make_chat: MakeChat, clock: Clock, session: Session
) -> None:
    _, taps = ask("nps")
    other = make_chat()
    assert "不能回答" not in other.tap_again(taps[0]).words  # A guest is asked to join.
    other.join()
    assert "不能回答" in other.tap_again(taps[0]).words
    for score in ("11", "x", "", "9" * 30, "-1"):
        fields = {"answer": taps[0].fields["answer"], "score": score}
        assert "不能回答" in chat.tap(Action.ANSWER_SURVEY, **fields).words
    chat.tap_again(taps[10])
    clock.advance(days=31)
    assert "已經結束" in chat.tap_again(taps[0]).words
    assert answer_of(session).score == 10


def test_a_sentence_after_the_end_is_no_answer(chat: Chat, ask: Ask, clock: Clock) -> None:
    _, taps = ask("csat")
    clock.advance(days=29, hours=20)
    chat.tap_again(taps[4])
    clock.advance(hours=10)
    assert "已經結束" in chat.say("晚了一點").words
    assert chat.talk() is None


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["csat", "nps", "exit"])
def test_every_question_keeps_lines_limits(kind: str, language: str) -> None:
    reasons = tuple((f"r{n}", "理由" * 20) for n in range(8))
    view = SurveyView(2**62, kind, "好不好喝？" * 200, reasons)  # type: ignore[arg-type]  # One of the three.
    assert check_messages(survey_question(texts_for(language), view)) == []
