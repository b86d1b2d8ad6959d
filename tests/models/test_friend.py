"""Friends and conversations: the newest event decides, and old questions are forgotten."""

from datetime import timedelta

from sqlalchemy.orm import Session

from models.friend import (
    NEVER,
    converse,
    end_conversation,
    forget_stale_conversations,
    get_conversation,
    meet,
    note_friendship,
)
from tests.conftest import NOON


def test_who_writes_to_us_is_a_friend_though_we_missed_the_follow(session: Session) -> None:
    friend = meet(session, "U1", language="ja")
    assert (friend.is_following, friend.changed_at, friend.language) == (True, NEVER, "ja")


def test_meeting_again_changes_nothing(session: Session) -> None:
    friend = meet(session, "U1", language="ja")
    assert meet(session, "U1", language="en") is friend
    assert friend.language == "ja"


def test_an_unfollow_ends_the_friendship(session: Session) -> None:
    """A-26: unfollow events drive status."""
    friend = meet(session, "U1")
    assert note_friendship(friend, is_following=False, event_at=NOON)
    assert not friend.is_following


def test_an_older_event_that_comes_later_changes_nothing(session: Session) -> None:
    """U21: events may come out of order."""
    friend = meet(session, "U1")
    note_friendship(friend, is_following=False, event_at=NOON)
    assert not note_friendship(friend, is_following=True, event_at=NOON - timedelta(seconds=1))
    assert not friend.is_following


def test_a_conversation_keeps_what_was_told_within_its_topic(session: Session) -> None:
    converse(session, "U1", "join", "name", NOON)
    converse(session, "U1", "join", "phone", NOON, name="小魚")
    talk = converse(session, "U1", "join", "birthday", NOON, phone="+886912345678")
    assert (talk.step, talk.draft) == ("birthday", {"name": "小魚", "phone": "+886912345678"})


def test_another_topic_begins_with_nothing(session: Session) -> None:
    converse(session, "U1", "join", "phone", NOON, name="小魚")
    assert converse(session, "U1", "change_name", "name", NOON).draft == {}


def test_a_draft_survives_the_database(session: Session) -> None:
    converse(session, "U1", "join", "phone", NOON, name="小魚")
    converse(session, "U1", "join", "birthday", NOON, phone="1")
    session.flush()
    session.expire_all()
    talk = get_conversation(session, "U1")
    assert talk is not None
    assert talk.draft == {"name": "小魚", "phone": "1"}


def test_a_day_of_silence_makes_a_question_stale(session: Session) -> None:
    talk = converse(session, "U1", "join", "name", NOON)
    assert not talk.is_stale(NOON + timedelta(hours=24))
    assert talk.is_stale(NOON + timedelta(hours=24, seconds=1))


def test_an_ended_conversation_is_gone(session: Session) -> None:
    converse(session, "U1", "join", "name", NOON)
    session.flush()
    end_conversation(session, "U1")
    assert get_conversation(session, "U1") is None


def test_drafts_nobody_came_back_to_are_forgotten(session: Session) -> None:
    converse(session, "U1", "join", "name", NOON - timedelta(days=31))
    converse(session, "U2", "join", "name", NOON - timedelta(days=29))
    session.flush()
    assert forget_stale_conversations(session, NOON) == 1
    assert get_conversation(session, "U2") is not None
