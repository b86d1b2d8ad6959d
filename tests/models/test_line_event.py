"""The inbox: every event kept once, one person's in order, given up after three tries."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.line_event import (
    KEEP_EVENTS,
    LineEvent,
    as_columns,
    count_waiting,
    forget_old_events,
    list_workable,
    note_failure,
    shape_event,
    take_event,
)
from tests.conftest import NOON, Committed

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def event(event_id: str, user_id: str | None = "U1", **more: Any) -> dict[str, Any]:
    source = {"source": {"type": "user", "userId": user_id}} if user_id else {}
    return {"type": "message", "webhookEventId": event_id, **source, **more}


def keep(session: Session, *events: Any) -> None:
    session.connection().exec_driver_sql(KEEP_EVENTS, as_columns(map(shape_event, events)))


def ids(rows: Sequence[LineEvent]) -> list[str]:
    return [row.webhook_event_id for row in rows]


def workable(session: Session, limit: int = 10, now: datetime = NOON) -> list[str]:
    return ids(list_workable(session, limit=limit, now=now))


def kept(session: Session, event_id: str) -> LineEvent:
    return session.scalars(select(LineEvent).where(LineEvent.webhook_event_id == event_id)).one()


def test_an_event_sent_again_is_kept_once(session: Session) -> None:
    """U21: the same event arrives again; dedupe on webhookEventId."""
    keep(session, event("e1"), event("e1"))
    keep(session, event("e1", deliveryContext={"isRedelivery": True}))
    assert workable(session) == ["e1"]
    assert "deliveryContext" not in kept(session, "e1").raw


def test_an_event_is_kept_whole_with_fields_line_adds_tomorrow(session: Session) -> None:
    sent = event("e1", tomorrow={"new": ["field", None, "\u0000", "\ud83d"]})
    keep(session, sent)
    assert kept(session, "e1").raw == sent


@pytest.mark.parametrize(
    ("source", "person"),
    [
        ({"type": "user", "userId": "U1"}, "U1"),
        ({"type": "group", "groupId": "C1"}, "C1"),
        ({"type": "group", "groupId": "C1", "userId": "U1"}, "U1"),
        ({"type": "room", "roomId": "R1"}, "R1"),
        ({"userId": 7}, None),
        ({"userId": ""}, None),
        ({"userId": "x" * 65}, None),
        ("U1", None),
        (None, None),
    ],
)
def test_whose_turn_it_is_comes_from_the_source(source: Any, person: str | None) -> None:
    assert shape_event({"webhookEventId": "e", "type": "x", "source": source}).person == person


def test_an_event_without_an_id_is_known_by_its_content() -> None:
    first, again = shape_event({"type": "follow"}), shape_event({"type": "follow"})
    other = shape_event({"type": "unfollow"})
    assert first.webhook_event_id == again.webhook_event_id != other.webhook_event_id
    assert first.webhook_event_id.startswith("sha256:")


@given(JSON_VALUES)
def test_any_json_value_can_be_shaped(value: Any) -> None:
    shaped = shape_event(value)
    assert 0 < len(shaped.webhook_event_id) <= 64
    assert json.loads(shaped.raw) == value
    for text in (shaped.webhook_event_id, shaped.event_type, shaped.person or ""):
        text.encode()
        assert "\x00" not in text


@pytest.mark.parametrize(
    "strange",
    [
        None,
        [],
        "event",
        {"type": "\x00\ud800", "webhookEventId": "a\x00b", "source": {"userId": "U\ud800"}},
        {"type": {"not": "text"}, "webhookEventId": 5},
    ],
)
def test_the_strangest_event_can_be_kept(session: Session, strange: Any) -> None:
    keep(session, strange)
    assert count_waiting(session) == 1


def test_one_persons_events_are_worked_in_their_order(session: Session) -> None:
    keep(session, event("a1", "A"), event("a2", "A"), event("b1", "B"), event("n1", None))
    keep(session, event("n2", None))
    assert workable(session) == ["a1", "b1", "n1", "n2"]
    kept(session, "a1").state = "done"
    session.flush()
    assert workable(session) == ["a2", "b1", "n1", "n2"]
    assert workable(session, limit=1) == ["a2"]


def test_a_taken_event_is_waiting_no_more_once_done(session: Session) -> None:
    keep(session, event("e1"))
    taken = take_event(session, kept(session, "e1").id)
    assert taken is not None
    taken.state = "done"
    session.flush()
    assert take_event(session, taken.id) is None
    assert take_event(session, 0) is None
    assert (workable(session), count_waiting(session)) == ([], 0)


def test_a_failed_event_waits_longer_each_time_and_is_given_up_after_three(
    session: Session,
) -> None:
    keep(session, event("e1"), event("e2"))
    row = kept(session, "e1")
    for tries in (1, 2):
        failed = note_failure(session, row.id, "KeyError", NOON)
        assert failed is not None
        session.flush()
        assert (failed.state, failed.tries) == ("waiting", tries)
        assert failed.not_before == NOON + timedelta(seconds=2 * tries)
        assert workable(session) == []
        assert workable(session, now=failed.not_before) == ["e1"]
    failed = note_failure(session, row.id, "ValueError", NOON)
    assert failed is not None
    session.flush()
    assert (failed.state, failed.error) == ("failed", "ValueError")
    assert workable(session) == ["e2"]
    assert note_failure(session, row.id, "KeyError", NOON) is None


def test_old_events_are_forgotten_in_parts_unless_they_wait(session: Session) -> None:
    keep(session, *(event(f"e{place}", f"U{place}") for place in range(5)))
    session.execute(update(LineEvent).values(received_at=datetime(2026, 1, 1, tzinfo=UTC)))
    session.execute(
        update(LineEvent).where(LineEvent.webhook_event_id != "e0").values(state="done")
    )
    kept(session, "e4").received_at = NOON
    session.flush()
    before = NOON - timedelta(days=30)
    assert forget_old_events(session, before, limit=2) == 2
    assert forget_old_events(session, before, limit=2) == 1
    assert ids(session.scalars(select(LineEvent).order_by(LineEvent.id)).all()) == ["e0", "e4"]


def test_an_event_one_worker_holds_is_not_taken_by_another(committed: Committed) -> None:
    """A worker that dies gives its event back at once: the claim is the row's lock."""
    with committed.sessions.begin() as session:
        keep(session, event("e1"))
        event_id = kept(session, "e1").id
    with committed.sessions() as dying:
        assert take_event(dying, event_id) is not None
        with committed.sessions.begin() as other:
            assert take_event(other, event_id) is None
        dying.rollback()
    with committed.sessions.begin() as other:
        assert take_event(other, event_id) is not None
