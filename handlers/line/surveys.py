"""Surveys: a member taps a score or a reason, and may add a sentence."""

from bot import Message
from bot.cards.surveys import (
    SurveyView,
    survey_heard,
    survey_refused,
    survey_thanks,
)
from bot.postback import Action
from handlers.line import Turn, on_member
from models.base import BusinessError
from models.friend import Conversation, converse, end_conversation
from models.member import Member
from models.survey import (
    NotAsked,
    SurveyAnswered,
    SurveyClosed,
    Taken,
    WordsTooLong,
    answer_survey,
    give_reason,
    write_answer,
)

SURVEY = "survey"


@on_member("postback", Action.ANSWER_SURVEY)
def take_score(turn: Turn, member: Member) -> list[Message]:
    """A member taps a score: keep the first, then ask for the reason."""
    told = turn.postback.fields.get("score", "")
    score = int(told) if told.isascii() and told.isdecimal() and len(told) <= 2 else -1
    try:
        taken = answer_survey(turn.session, member, turn.number("answer"), score, turn.now)
    except (NotAsked, SurveyAnswered, SurveyClosed) as refused:
        return _refused(turn, refused)
    return _thank(turn, taken)


@on_member("postback", Action.GIVE_REASON)
def take_reason(turn: Turn, member: Member) -> list[Message]:
    """A member taps why: keep the first, then ask for a sentence."""
    reason = turn.postback.fields.get("reason", "")
    try:
        taken = give_reason(turn.session, member, turn.number("answer"), reason, turn.now)
    except (NotAsked, SurveyAnswered, SurveyClosed) as refused:
        return _refused(turn, refused)
    return _thank(turn, taken)


def take_survey_words(turn: Turn, talk: Conversation, typed: str) -> list[Message]:
    """Take what a member types after their taps as the answer's sentence."""
    member = turn.member
    assert member is not None, "only a member is asked"
    try:
        write_answer(turn.session, member, talk.draft["answer"], typed, turn.now)
    except WordsTooLong as refused:
        return _refused(turn, refused)
    except (NotAsked, SurveyClosed) as refused:
        end_conversation(turn.session, turn.user_id)
        return _refused(turn, refused)
    end_conversation(turn.session, turn.user_id)
    return survey_heard(turn.texts)


def _thank(turn: Turn, taken: Taken) -> list[Message]:
    answer, survey = taken.answer, taken.survey
    asks_reason = bool(survey.reasons) and answer.reason is None
    if asks_reason or survey.asks_words:
        converse(turn.session, turn.user_id, SURVEY, SURVEY, turn.now, answer=answer.id)
    view = SurveyView.from_words(survey.words(answer.id, turn.texts.language))
    return survey_thanks(
        turn.texts,
        view,
        points=taken.points,
        asks_reason=asks_reason,
        asks_words=survey.asks_words,
    )


def _refused(turn: Turn, refused: BusinessError) -> list[Message]:
    facts = refused.facts
    return survey_refused(
        turn.texts,
        refused.code,
        score=facts.get("score"),
        longest=facts.get("longest", 0),
    )
