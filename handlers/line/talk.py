"""Whatever a person types or sends: an answer to our question, a word we know, or a kind reply."""

from bot import Message
from bot.cards import fallback
from handlers.line import Turn, handler_for, on
from handlers.line.joining import (
    JOIN,
    ask_again,
    begin_joining,
    problem,
    take_answer,
    take_birthday,
)
from handlers.line.profile import CHANGE_NAME, CHANGE_PHONE, take_change
from handlers.line.words import find_action, find_join_source
from models.friend import Conversation, get_conversation
from models.shop import find_store

QUESTIONS = ("notice", "name", "phone", "birthday")


@on("message", "text")
def answer_text(turn: Turn) -> list[Message]:
    """A person types: a command first, else the answer to our question, else a kind reply."""
    said = turn.event.get("message", {}).get("text")
    text = said if isinstance(said, str) else ""
    source = find_join_source(text)
    if source is not None:
        return _join_from(turn, source)
    action = find_action(text)
    if action is not None:
        handler = handler_for("postback", action)
        assert handler is not None, f"no handler for {action}"
        return handler(turn)
    talk = get_conversation(turn.session, turn.user_id)
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
        turn.friend.source = f"store:{store.code}" if store else f"link:{source}"
    return begin_joining(turn)


def _answer_question(turn: Turn, talk: Conversation, text: str) -> list[Message]:
    if talk.is_stale(turn.now):
        talk.updated_at = turn.now
        return [*problem(turn, "session_resumed"), *ask_again(turn, talk)]
    if talk.topic == JOIN:
        return take_answer(turn, talk, text)
    if turn.member is None:
        return fallback(turn.texts, is_member=False)
    if talk.topic in (CHANGE_NAME, CHANGE_PHONE):
        return take_change(turn, turn.member, talk, text)
    return take_birthday(turn, talk, text)
