"""Whatever a person types or sends: an answer to our question, a word we know, or a kind reply."""

from bot import Message
from bot.cards import fallback
from handlers.line import Turn, handler_for, on
from handlers.line.email import CHANGE_EMAIL, take_email
from handlers.line.help import CONTACT, take_about
from handlers.line.identity import CODE, REBIND, take_identity_answer
from handlers.line.joining import (
    JOIN,
    ask_again,
    begin_joining,
    problem,
    take_answer,
    take_birthday,
)
from handlers.line.points import answer_code
from handlers.line.profile import CHANGE_NAME, CHANGE_PHONE, take_change
from handlers.line.receipt_code import find_receipt_code, take_receipt_code
from handlers.line.referral import find_code, source_of_invitation, take_code
from handlers.line.reviews import REVIEW, take_words
from handlers.line.surveys import SURVEY, take_survey_words
from handlers.line.words import find_action, find_join_source
from models.friend import Conversation, get_conversation
from models.referral import SOURCE
from models.shop import find_store

QUESTIONS = ("notice", "name", "phone", "birthday", "code", "email")


@on("message", "text")
def answer_text(turn: Turn) -> list[Message]:
    """A person types: a command first, else the answer to our question, else a kind reply."""
    said = turn.event.get("message", {}).get("text")
    text = said if isinstance(said, str) else ""
    source = find_join_source(text)
    if source is not None:
        return _join_from(turn, source)
    code = find_code(text)
    if code is not None:
        return _take_code(turn, code)
    action = find_action(text)
    if action is not None:
        handler = handler_for("postback", action)
        assert handler is not None, f"no handler for {action}"
        return handler(turn)
    receipt_code = find_receipt_code(text)
    if receipt_code is not None:
        return take_receipt_code(turn, receipt_code)
    redeemed = answer_code(turn, text)
    if redeemed is not None:
        return redeemed
    talk = get_conversation(turn.session, turn.user_id)
    if talk is not None and _is_awaited(turn, talk, REVIEW):
        return take_words(turn, talk, text)
    if talk is not None and _is_awaited(turn, talk, SURVEY):
        return take_survey_words(turn, talk, text)
    if talk is not None and talk.topic == CONTACT and turn.member and not talk.is_stale(turn.now):
        return take_about(turn, turn.member, text)
    if talk is not None and talk.step in QUESTIONS:
        return _answer_question(turn, talk, text)
    return fallback(turn.texts, is_member=turn.member is not None)


@on("message")
def answer_other(turn: Turn) -> list[Message]:
    """A sticker, picture, place, sound or something LINE invents tomorrow."""
    talk = get_conversation(turn.session, turn.user_id)
    if talk is not None and talk.step in QUESTIONS:
        return [*problem(turn, "not_a_text"), *ask_again(turn, talk)]
    return fallback(turn.texts, is_member=turn.member is not None)


def _join_from(turn: Turn, source: str) -> list[Message]:
    """A poster's link typed this text: remember where the person came from."""
    if turn.member is None:
        store = find_store(turn.session, source)
        other = source_of_invitation(source) or f"link:{source}"
        turn.friend.source = f"store:{store.code}" if store else other
    return begin_joining(turn)


def _take_code(turn: Turn, code: str) -> list[Message]:
    """A friend's code: kept until a guest has joined; claimed at once by who just has."""
    if turn.member is not None:
        return take_code(turn, turn.member, code)
    turn.friend.source = f"{SOURCE}{code}"
    return begin_joining(turn)


def _is_awaited(turn: Turn, talk: Conversation, topic: str) -> bool:
    """Tell whether a member's sentence on a topic is awaited, and not after a day's silence."""
    return talk.topic == topic and turn.member is not None and not talk.is_stale(turn.now)


def _answer_question(turn: Turn, talk: Conversation, text: str) -> list[Message]:
    if talk.is_stale(turn.now):
        talk.updated_at = turn.now
        return [*problem(turn, "session_resumed"), *ask_again(turn, talk)]
    if talk.topic == REBIND or talk.step == CODE:
        return take_identity_answer(turn, talk, text)
    if talk.topic == JOIN:
        return take_answer(turn, talk, text)
    if turn.member is None:
        return fallback(turn.texts, is_member=False)
    if talk.topic == CHANGE_EMAIL:
        return take_email(turn, turn.member, text)
    if talk.topic in (CHANGE_NAME, CHANGE_PHONE):
        return take_change(turn, turn.member, talk, text)
    return take_birthday(turn, talk, text)
