"""Surveys: asked once for a cause, answered once, kept on the profile, told with its interval."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models.activity import ActivityRule
from models.base import BusinessError
from models.identity import merge_members, undo_merge
from models.local_day import local_day
from models.member import Member
from models.membership import erase_member
from models.review import set_activity_rule
from models.segment import parse_rule
from models.segment.sizing import size_of
from models.staff import Staff
from models.survey import (
    NotAsked,
    Survey,
    SurveyAnswer,
    SurveyAnswered,
    SurveyClosed,
    SurveyRefused,
    answer_survey,
    archive_survey,
    ask_survey,
    get_survey,
    give_reason,
    keep_survey,
    latest_scores,
    list_words,
    report_survey,
    write_answer,
)
from tests.conftest import NOON

MakeMember = Callable[..., Member]
REASONS = {"taste": {"zh-TW": "口味"}, "service": {"zh-TW": "服務"}}


def make(session: Session, kind: str, code: str | None = None) -> Survey:
    name = {"zh-TW": f"問卷 {kind}"}
    return keep_survey(
        session, code or kind, kind, name=name, question=name, reasons=REASONS, by="owner", now=NOON
    )


def asked(session: Session, survey: Survey, member: Member, cause: str = "test") -> int:
    key = f"{cause}:{survey.code}:{member.id}"
    return ask_survey(session, survey, {member.id: key}, NOON)[member.id]


def members_where(session: Session, **question: object) -> int:
    rule = parse_rule({"schema": 1, "where": question})
    return size_of(session, rule, NOON).members


def test_an_asking_is_made_once_a_cause_and_answered_once(
    session: Session, make_member: MakeMember
) -> None:
    """B-17: CSAT by a tap; a second tap changes nothing; points where the shop's rules say so."""
    set_activity_rule(session, ActivityRule(code="feedback", points=5, tier_points=0, day_cap=1))
    member, stranger, survey = make_member(), make_member(), make(session, "csat")
    answer_id = asked(session, survey, member)
    assert asked(session, survey, member) == answer_id
    assert ask_survey(session, survey, {}, NOON) == {}

    with pytest.raises(NotAsked):
        answer_survey(session, stranger, answer_id, 5, NOON)
    for score in (0, 6, -1):
        with pytest.raises(NotAsked):
            answer_survey(session, member, answer_id, score, NOON)
    with pytest.raises(NotAsked):
        give_reason(session, member, answer_id, "taste", NOON)
    with pytest.raises(NotAsked):
        write_answer(session, member, answer_id, "先說再點", NOON)

    assert answer_survey(session, member, answer_id, 4, NOON).points == 5
    with pytest.raises(SurveyAnswered) as refused:
        answer_survey(session, member, answer_id, 1, NOON)
    assert refused.value.facts["score"] == 4
    assert give_reason(session, member, answer_id, "taste", NOON).points == 0
    with pytest.raises(SurveyAnswered):
        give_reason(session, member, answer_id, "service", NOON)
    write_answer(session, member, answer_id, "  很好喝\n再來 ", NOON)
    kept = session.get_one(SurveyAnswer, answer_id)
    assert (kept.score, kept.reason, kept.words) == (4, "taste", "很好喝 再來")


def test_an_old_asking_is_closed(session: Session, make_member: MakeMember) -> None:
    member, survey = make_member(), make(session, "nps")
    answer_id = asked(session, survey, member)
    with pytest.raises(SurveyClosed):
        answer_survey(session, member, answer_id, 9, NOON + timedelta(days=30, seconds=1))


def test_the_profile_and_segments_know_the_latest_score(
    session: Session, make_member: MakeMember
) -> None:
    """B-17: the result is stored on the profile and can be asked for by a rule."""
    happy, changed, silent = make_member(), make_member(), make_member()
    csat, nps = make(session, "csat"), make(session, "nps")
    asked(session, csat, silent)
    answer_survey(session, happy, asked(session, csat, happy), 5, NOON)
    answer_survey(session, happy, asked(session, nps, happy), 10, NOON)
    then = NOON - timedelta(days=20)
    for cause, score, when in (("old", 5, then), ("new", 1, NOON)):
        answer_survey(session, changed, asked(session, csat, changed, cause), score, when)

    assert latest_scores(session, happy.id) == {"csat": 5, "nps": 10}
    assert latest_scores(session, changed.id) == {"csat": 1}
    assert members_where(session, field="csat", **{"is": "at_least"}, value=4) == 1
    assert members_where(session, field="csat", **{"is": "at_most"}, value=2) == 1
    assert members_where(session, field="nps", **{"is": "is"}, value=10) == 1
    assert members_where(session, field="csat", **{"is": "is"}, value=5, within_days=10) == 1


def test_an_exit_survey_asks_for_a_reason_alone_and_reports_them(
    session: Session, make_member: MakeMember
) -> None:
    """E-11: why members leave, by tap and by words, with a report of the reasons."""
    survey = make(session, "exit")
    people = [make_member() for _ in range(3)]
    for member, reason in zip(people, ("service", "taste", "service"), strict=True):
        answer_id = asked(session, survey, member)
        with pytest.raises(NotAsked):
            answer_survey(session, member, answer_id, 5, NOON)
        give_reason(session, member, answer_id, reason, NOON)
    write_answer(session, people[0], answer_id - 2, "店員很兇", NOON)

    found = report_survey(session, survey)
    assert found.reasons == [("service", 2, None), ("taste", 1, None)]
    assert (found.asked, found.answered, found.mean, found.nps) == (3, 3, None, None)
    assert found.mean_interval is None
    assert found.nps_interval is None
    assert not found.is_enough
    assert [answer.words for answer in list_words(session, survey, limit=5)] == ["店員很兇"]


def test_an_nps_is_told_with_its_interval(session: Session, make_member: MakeMember) -> None:
    """B-17: 20 promoters, 6 passives and 4 detractors of 30: NPS 53, between 28 and 79."""
    survey = make(session, "nps")
    for score in [10] * 20 + [8] * 6 + [3] * 4:
        member = make_member(line=False)
        answer_survey(session, member, asked(session, survey, member), score, NOON)
    asked(session, survey, make_member())

    found = report_survey(session, survey, since=NOON - timedelta(days=1))
    assert (found.asked, found.answered, found.is_enough) == (31, 30, True)
    assert found.nps == pytest.approx(53.33, abs=0.01)
    assert found.nps_interval == pytest.approx((27.6, 79.1), abs=0.1)
    assert found.mean == pytest.approx(8.67, abs=0.01)
    assert found.mean_interval == pytest.approx((7.77, 9.56), abs=0.05)
    assert report_survey(session, survey, since=NOON + timedelta(days=1)).asked == 0


def test_what_was_written_goes_with_the_person_and_scores_go_with_the_card(
    session: Session, make_member: MakeMember, make_staff: Callable[..., Staff]
) -> None:
    keep, drop, survey = make_member(), make_member(line=False), make(session, "csat")
    answer_id = asked(session, survey, drop)
    answer_survey(session, drop, answer_id, 2, NOON)
    write_answer(session, drop, answer_id, "等太久", NOON)
    manager = make_staff("manager")

    merge = merge_members(session, keep, drop, staff=manager, reason="同一人", key="m-1", now=NOON)
    assert latest_scores(session, keep.id) == {"csat": 2}
    undo_merge(session, merge, staff=manager, now=NOON)
    assert latest_scores(session, keep.id) == {}
    assert latest_scores(session, drop.id) == {"csat": 2}

    erase_member(session, drop, evidence="test", now=NOON)
    session.expire_all()
    kept = session.get_one(SurveyAnswer, answer_id)
    assert (kept.score, kept.words) == (2, None)


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ({"code": "Two Words"}, "code"),
        ({"kind": "guess"}, "kind"),
        ({"name": {"en": "No Chinese"}}, "name"),
        ({"question": {"zh-TW": "問" * 201}}, "question"),
        ({"kind": "exit", "reasons": {}}, "reasons"),
        ({"reasons": {"long": {"zh-TW": "長" * 21}}}, "reasons"),
    ],
)
def test_a_misshapen_survey_is_refused(
    session: Session, told: dict[str, object], what: str
) -> None:
    terms: dict[str, object] = {"code": "ask", "kind": "csat", "name": {"zh-TW": "名"}}
    terms |= {"question": {"zh-TW": "問"}, "reasons": REASONS} | told
    with pytest.raises(SurveyRefused) as refused:
        keep_survey(session, terms.pop("code"), terms.pop("kind"), by="owner", now=NOON, **terms)  # type: ignore[arg-type]  # As told.
    assert refused.value.facts["what"] == what


def test_a_survey_keeps_its_kind_and_can_be_archived(session: Session) -> None:
    survey = make(session, "csat")
    with pytest.raises(SurveyRefused):
        make(session, "nps", "csat")
    archive_survey(session, survey, NOON)
    with pytest.raises(BusinessError):
        get_survey(session, "csat")
    assert make(session, "csat").archived_at is None
    assert survey.reason_name("gone", "zh-TW") == "gone"
    assert local_day(survey.created_at) == local_day(NOON)


def test_the_operator_adds_reads_and_reports(
    app: Flask, session: Session, make_member: MakeMember
) -> None:
    """E-11, B-17: `survey add|list|show|report|member`."""
    cli = app.test_cli_runner()
    cli.invoke(
        args=[
            *("survey", "add", "after", "nps", "--name", "購後", "--question", "會推薦嗎？"),
            *("--en", "Would you?", "--reason", "taste=口味"),
        ]
    )
    session.expire_all()
    member = make_member()
    answer_id = asked(session, get_survey(session, "after"), member)
    answer_survey(session, member, answer_id, 9, NOON)
    give_reason(session, member, answer_id, "taste", NOON)
    write_answer(session, member, answer_id, "茶香", NOON)
    session.commit()

    assert "購後" in cli.invoke(args=["survey", "list"]).output
    assert "taste" in cli.invoke(args=["survey", "show", "after"]).output
    told = cli.invoke(args=["survey", "report", "after", "--days", "7"]).output
    for words in ("詢問 1，回答 1（100%）", "資料不足", "NPS +100", "口味", "9.0", "「茶香」"):
        assert words in told
    assert "推薦度" in cli.invoke(args=["survey", "member", member.number]).output
    assert cli.invoke(args=["survey", "archive", "after"]).exit_code == 0
    assert cli.invoke(args=["survey", "show", "after"]).exit_code == 1
