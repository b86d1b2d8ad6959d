"""LINE's door: who may speak, what is kept, and that each event is kept once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app import Installation, create_app
from bot.signature import is_signed
from handlers.line import keeper, webhook
from handlers.line.keeper import ANSWER_WITHIN_SECONDS, CannotKeep, EventKeeper
from models.database import make_engine
from models.line_event import LONGEST_EVENT_ID, LineEvent, shape_event
from tests.conftest import Committed, FakeBell

SECRET = "channel secret of the tests"
OFFICIAL_BODY = b'{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}'
OFFICIAL_SECRET = "8c570fa6dd201bb328f1c1eac23a96d8"
OFFICIAL_SIGNATURE = "GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs="
PERSON = "U" + "a" * 32
LINES_PATIENCE_SECONDS = 2


def signature_of(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def post(client: FlaskClient, body: bytes, signature: str | None = None) -> int:
    headers = {"X-Line-Signature": signature_of(body) if signature is None else signature}
    return client.post("/callback", data=body, headers=headers).status_code


def post_events(client: FlaskClient, *events: Any) -> int:
    return post(client, json.dumps({"destination": PERSON, "events": events}).encode())


def an_event(event_id: str = "01H810YECXQQZ37VAXPF6H9E6T", **fields: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "webhookEventId": event_id,
        "source": {"type": "user", "userId": PERSON},
        "message": {"id": "1", "type": "text", "text": "你好"},
        **fields,
    }


@pytest.fixture(autouse=True)
def patient_keeper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the database as long as it takes, where no test is about how long."""
    monkeypatch.setattr(keeper, "ANSWER_WITHIN_SECONDS", 60)


@pytest.fixture
def kept(session: Session) -> Any:
    """Return a reader of what is kept now, oldest first."""

    def read() -> list[LineEvent]:
        session.expire_all()
        return list(session.scalars(select(LineEvent).order_by(LineEvent.id)))

    return read


# --- who may speak


def test_lines_own_example_is_signed() -> None:
    assert is_signed(OFFICIAL_BODY, OFFICIAL_SIGNATURE, [OFFICIAL_SECRET])
    assert is_signed(OFFICIAL_BODY, OFFICIAL_SIGNATURE, ["a newer secret", OFFICIAL_SECRET])


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        " ",
        "x",
        OFFICIAL_SIGNATURE.lower(),
        OFFICIAL_SIGNATURE + "=",
        OFFICIAL_SIGNATURE[:-2],
        "é" * 44,
        "\u0000",
        "A" * 100_000,
    ],
)
def test_another_signature_is_not_lines(signature: str | None) -> None:
    assert not is_signed(OFFICIAL_BODY, signature, [OFFICIAL_SECRET])


@pytest.mark.parametrize(
    "body", [OFFICIAL_BODY + b" ", OFFICIAL_BODY[:-1], b"", b"\xff\xfe", OFFICIAL_BODY.upper()]
)
def test_a_changed_body_is_not_lines(body: bytes) -> None:
    assert not is_signed(body, OFFICIAL_SIGNATURE, [OFFICIAL_SECRET])


def test_bytes_that_are_no_text_are_not_lines_even_when_signed() -> None:
    assert not is_signed(b"\xff\xfe", signature_of(b"\xff\xfe"), [SECRET])


def test_an_unsigned_request_is_refused_and_nothing_kept(client: FlaskClient, kept: Any) -> None:
    body = json.dumps({"events": [an_event()]}).encode()

    assert client.post("/callback", data=body).status_code == 401
    assert post(client, body, signature_of(body, "another secret")) == 401
    assert kept() == []


def test_while_a_secret_is_exchanged_both_are_good(installation: Installation, kept: Any) -> None:
    installation.settings.line_channel_secret = f"new secret, {SECRET}"
    client = create_app(installation).test_client()
    first = json.dumps({"events": [an_event("01A")]}).encode()
    second = json.dumps({"events": [an_event("01B")]}).encode()

    assert post(client, first, signature_of(first, "new secret")) == 200
    assert post(client, second) == 200
    assert [event.webhook_event_id for event in kept()] == ["01A", "01B"]


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_only_posts_come_in(client: FlaskClient, method: str) -> None:
    assert getattr(client, method)("/callback").status_code == 405


# --- what is said


def test_the_verify_button_is_answered(client: FlaskClient, kept: Any) -> None:
    assert post(client, b'{"destination":"U1","events":[]}') == 200
    assert post(client, b'{"destination":"U1"}') == 200
    assert kept() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"events",
        b'{"events":',
        b"[]",
        b"null",
        b"7",
        b'"events"',
        b'{"events":null}',
        b'{"events":{}}',
        b'{"events":"all"}',
        b'{"events":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"events":[' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"]}",
        b'{"events":[' + b"9" * 5_000 + b"]}",
    ],
    ids=lambda body: body[:16].decode(),
)
def test_a_misshapen_body_is_refused(client: FlaskClient, kept: Any, body: bytes) -> None:
    assert post(client, body) == 400
    assert kept() == []


@pytest.mark.parametrize("depth", [500, 900, 940, 960, 980])
def test_a_deep_body_is_kept_or_refused_but_never_an_error(client: FlaskClient, depth: int) -> None:
    event = b'{"type":"deep","x":' + b"[" * depth + b"]" * depth + b"}"

    assert post(client, b'{"events":[' + event + b"]}") in (200, 400)


def test_a_huge_body_is_refused_unread(client: FlaskClient) -> None:
    body = json.dumps({"events": [an_event(text="珍" * webhook.LARGEST_BODY_BYTES)]}).encode()

    assert post(client, body) == 413


def test_a_large_body_is_kept(client: FlaskClient, kept: Any) -> None:
    events = [an_event(f"01{number:05}", filling="x" * 900) for number in range(900)]

    assert post_events(client, *events) == 200
    assert len(kept()) == 900


def test_events_are_kept_whole_in_their_order_and_the_workers_woken(
    client: FlaskClient, installation: Installation, kept: Any
) -> None:
    first, second = an_event("01A"), an_event("01B", type="follow", future={"is": [1, 2.5, None]})

    assert post_events(client, first, second) == 200
    assert [(e.webhook_event_id, e.event_type, e.raw, e.person, e.state) for e in kept()] == [
        ("01A", "message", first, PERSON, "waiting"),
        ("01B", "follow", second, PERSON, "waiting"),
    ]
    bell = installation.bell
    assert isinstance(bell, FakeBell)
    assert bell.rung == ["work_inbox"]


@pytest.mark.parametrize(
    "broken",
    [
        None,
        7,
        "follow",
        [],
        {},
        {"type": None},
        {"type": ["message"], "source": [], "webhookEventId": {}},
        {"type": "x" * 500, "webhookEventId": "y" * 500},
        an_event("01\x00BAD", text="\x00"),
        an_event("\x00"),
        an_event("01\ud83dBAD", text="\udc00\ud83d"),
        an_event("01C", source={"type": "user", "userId": "\ud83d\x00"}),
        an_event("01C", source={"type": "user", "userId": "\x00"}),
        an_event("01C", number=10**400),
    ],
    ids=str,
)
def test_one_broken_event_does_not_lose_its_neighbours(
    client: FlaskClient, kept: Any, broken: Any
) -> None:
    assert post_events(client, an_event("01A"), broken, an_event("01B")) == 200

    ids = [event.webhook_event_id for event in kept()]
    assert len(ids) == 3
    assert (ids[0], ids[2]) == ("01A", "01B")
    assert 0 < len(ids[1]) <= LONGEST_EVENT_ID


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_a_number_json_has_no_word_for_does_not_lose_its_neighbours(
    client: FlaskClient, kept: Any, number: str
) -> None:
    body = json.dumps({"events": [an_event("01A"), an_event("01B", odd="?")]})

    assert post(client, body.replace('"?"', number).encode()) == 200
    assert [event.raw.get("odd") for event in kept()] == [None, number]


# --- each once


def test_an_event_that_comes_again_is_kept_once(client: FlaskClient, kept: Any) -> None:
    again = an_event(deliveryContext={"isRedelivery": True})

    assert post_events(client, an_event(), an_event()) == 200
    for _ in range(4):
        assert post_events(client, again) == 200
    assert [event.raw for event in kept()] == [an_event()]


def test_an_event_without_an_id_is_known_by_its_content(client: FlaskClient, kept: Any) -> None:
    first = {"type": "follow", "timestamp": 1, "deliveryContext": {"isRedelivery": False}}
    again = first | {"deliveryContext": {"isRedelivery": True}}

    assert post_events(client, first, again, first | {"timestamp": 2}) == 200
    assert [event.raw["timestamp"] for event in kept()] == [1, 2]
    assert all(event.webhook_event_id.startswith("sha256:") for event in kept())


# --- shapes


@pytest.mark.parametrize(
    ("source", "person"),
    [
        ({"type": "user", "userId": PERSON}, PERSON),
        ({"type": "group", "groupId": "C1", "userId": PERSON}, PERSON),
        ({"type": "group", "groupId": "C1"}, "C1"),
        ({"type": "room", "roomId": "R1"}, "R1"),
        ({"type": "user", "userId": "x" * 65}, None),
        ({"type": "user", "userId": ""}, None),
        ({"type": "user", "userId": 7}, None),
        ("user", None),
        (None, None),
    ],
)
def test_an_event_waits_in_the_turn_of_its_person(source: Any, person: str | None) -> None:
    assert shape_event(an_event(source=source)).person == person


def test_an_event_is_shaped_into_four_plain_texts() -> None:
    shaped = shape_event(an_event())

    assert (shaped.webhook_event_id, shaped.event_type) == (
        "01H810YECXQQZ37VAXPF6H9E6T",
        "message",
    )
    assert json.loads(shaped.raw) == an_event()
    assert shape_event({}).event_type == "unknown"


# --- the keeper


def a_keeper(engine: Any) -> tuple[EventKeeper, list[int]]:
    rings: list[int] = []
    return EventKeeper(engine, lambda: rings.append(1)), rings


def test_many_threads_at_once_keep_every_event_in_fewer_commits(committed: Committed) -> None:
    made, rings = a_keeper(committed.engine)

    def keep(number: int) -> None:
        made.keep([shape_event(an_event(f"{number}-{part}")) for part in range(3)])

    with ThreadPoolExecutor(40) as threads:
        list(threads.map(keep, range(200)))

    with committed.sessions() as session:
        assert session.scalar(select(func.count()).select_from(LineEvent)) == 600
    assert 0 < len(rings) < 200


def test_a_lost_connection_is_made_anew_without_an_error(committed: Committed) -> None:
    made, _ = a_keeper(committed.engine)
    made.keep([shape_event(an_event("01A"))])
    with committed.engine.begin() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    made.keep([shape_event(an_event("01B"))])

    with committed.sessions() as session:
        kept = select(LineEvent.webhook_event_id).order_by(LineEvent.id)
        assert session.scalars(kept).all() == ["01A", "01B"]


@pytest.fixture
def dead_engine() -> Iterator[Any]:
    engine = make_engine("postgresql://nobody@127.0.0.1:9/none", connect_timeout_seconds=1)
    yield engine
    engine.dispose()


def test_a_database_that_is_away_is_told_as_503(dead_engine: Any) -> None:
    made, rings = a_keeper(dead_engine)
    app = Flask("door")
    receive = webhook.make_receiver([SECRET], made.keep)
    app.register_blueprint(webhook.make_blueprint(receive))

    assert post_events(app.test_client(), an_event()) == 503
    assert post_events(app.test_client(), an_event()) == 503
    assert rings == []


def test_a_database_that_hangs_is_told_in_time_and_keeps_the_event_when_it_is_back(
    committed: Committed, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ANSWER_WITHIN_SECONDS < LINES_PATIENCE_SECONDS
    monkeypatch.setattr(keeper, "ANSWER_WITHIN_SECONDS", 0.2)
    made, rings = a_keeper(committed.engine)
    with committed.engine.begin() as other:
        other.exec_driver_sql("LOCK TABLE line_event IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(CannotKeep):
            made.keep([shape_event(an_event("01A"))])

    monkeypatch.setattr(keeper, "ANSWER_WITHIN_SECONDS", 60)
    made.keep([shape_event(an_event("01A")), shape_event(an_event("01B"))])

    with committed.sessions() as session:
        kept = select(LineEvent.webhook_event_id).order_by(LineEvent.id)
        assert session.scalars(kept).all() == ["01A", "01B"]
        session.execute(delete(LineEvent))
    assert rings


def test_a_failure_of_one_batch_does_not_end_the_keeper(committed: Committed) -> None:
    silent = threading.Event()

    def ring() -> None:
        if not silent.is_set():
            silent.set()
            raise RuntimeError("no bell")

    made = EventKeeper(committed.engine, ring)
    with pytest.raises(RuntimeError, match="no bell"):
        made.keep([shape_event(an_event("01A"))])

    made.keep([shape_event(an_event("01B"))])
