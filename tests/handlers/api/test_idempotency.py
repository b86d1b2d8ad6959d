"""Once and only once: the Idempotency-Key, raced by threads and cut by crashes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app import Installation, Settings, create_app
from handlers.limiting import limiter
from jobs.nightly import forget_old
from models.api_call import KEPT, ApiCall
from models.api_key import SCOPES, add_api_key
from models.base import Sessions
from models.member import Member
from models.points import PointsEntry
from models.purchase import Purchase
from tests.conftest import NOON, Clock, Committed, FakeBell
from tests.handlers.api.conftest import MakeKey, Till

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MakeMember = Callable[..., Member]


@pytest.fixture
def asked(session: Session, make_member: MakeMember) -> dict[str, object]:
    """Return a sale of NT$165 to a member."""
    member = make_member()
    session.commit()
    return {"member": {"number": member.number}, "amount_twd": 165}


def count(session: Session, table: type[Purchase | ApiCall]) -> int:
    """Return how many rows a table has."""
    session.expire_all()
    return session.scalar(select(func.count()).select_from(table)) or 0


def code_of(answer: object) -> str:
    """Return a problem's code."""
    told = getattr(answer, "json", None)
    assert told is not None
    code: str = told["code"]
    return code


def test_the_same_call_is_answered_the_same(
    session: Session, till: Till, asked: dict[str, object]
) -> None:
    first = till.post("/purchases", asked, key="sale-1")
    again = till.post("/purchases", asked, key="sale-1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.data == again.data
    assert first.headers["Location"] == again.headers["Location"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert count(session, Purchase) == 1


def test_the_spelling_of_the_content_does_not_matter(till: Till, asked: dict[str, object]) -> None:
    first = till.post("/purchases", asked, key="sale-1")
    turned = dict(reversed(list(asked.items())))
    again = till.post("/purchases", turned, key="sale-1")

    assert again.data == first.data


def test_other_content_under_a_key_is_refused(
    session: Session, till: Till, asked: dict[str, object]
) -> None:
    made = till.post("/purchases", asked, key="sale-1")
    assert made.json is not None

    other = till.post("/purchases", asked | {"amount_twd": 166}, key="sale-1")
    elsewhere = till.post(f"/purchases/{made.json['id']}/refunds", {"reason": "x"}, key="sale-1")

    for answer in (other, elsewhere):
        assert (answer.status_code, code_of(answer)) == (422, "idempotency_key_reused")
    assert count(session, Purchase) == 1


def test_keys_of_two_tills_never_meet(
    session: Session,
    client: FlaskClient,
    till: Till,
    asked: dict[str, object],
    make_key: MakeKey,
) -> None:
    other = Till(client, make_key())

    assert till.post("/purchases", asked, key="1").status_code == 201
    assert other.post("/purchases", asked, key="1").status_code == 201
    assert count(session, Purchase) == 2


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "idempotency_key_missing"),
        ("", "idempotency_key_missing"),
        ("a b", "idempotency_key_malformed"),
        ("ü", "idempotency_key_malformed"),
        ("k" * 256, "idempotency_key_malformed"),
    ],
)
def test_a_key_is_needed_and_looks_like_one(
    session: Session, till: Till, asked: dict[str, object], key: str | None, code: str
) -> None:
    headers = {} if key is None else {"Idempotency_Key": key}

    answer = till.send("POST", "/purchases", asked, **headers)

    assert (answer.status_code, code_of(answer)) == (400, code)
    assert count(session, Purchase) == 0


def test_the_longest_key_is_good(till: Till, asked: dict[str, object]) -> None:
    assert till.post("/purchases", asked, key="k" * 255).status_code == 201


def test_a_refused_call_is_not_kept(session: Session, till: Till, asked: dict[str, object]) -> None:
    refused = till.post("/purchases", asked | {"points_to_use": 5}, key="sale-1")
    corrected = till.post("/purchases", asked, key="sale-1")

    assert (refused.status_code, corrected.status_code) == (409, 201)
    assert count(session, ApiCall) == 1


def test_answers_are_kept_for_seven_days(
    session: Session,
    sessions: Sessions,
    till: Till,
    asked: dict[str, object],
    clock: Clock,
) -> None:
    """Section 4: kept for at least seven days; the purchase's own key holds for ever."""
    first = till.post("/purchases", asked, key="sale-1")
    clock.now = NOON + KEPT
    forget_old(sessions, now=clock.now)
    assert till.post("/purchases", asked, key="sale-1").data == first.data

    clock.advance(seconds=1)
    forget_old(sessions, now=clock.now)
    assert count(session, ApiCall) == 0
    late = till.post("/purchases", asked, key="sale-1")

    assert first.json is not None
    assert late.json is not None
    assert (late.status_code, late.json["id"]) == (200, first.json["id"])
    assert count(session, Purchase) == 1


def test_a_repeated_call_needs_a_good_key_still(
    session: Session, till: Till, client: FlaskClient, asked: dict[str, object], make_key: MakeKey
) -> None:
    till.post("/purchases", asked, key="sale-1")

    answer = Till(client, "rk_live_guess").post("/purchases", asked, key="sale-1")

    assert answer.status_code == 401


# --- with real commits


@pytest.fixture
def shop(committed: Committed) -> Flask:
    """Return an application on a database of its own, with real commits."""
    made = Installation(
        Settings(
            _env_file=None,  # type: ignore[call-arg]  # Pydantic's own argument.
            secret_key="a secret of the tests",
            line_channel_secret="channel secret of the tests",
            line_channel_access_token="channel token of the tests",
            public_base_url="http://localhost",
            database_url=committed.url.render_as_string(hide_password=False),
        ),
        clock=Clock(),
    )
    made.sessions = committed.sessions
    made.bell = FakeBell()  # type: ignore[assignment]  # It rings the same.
    app = create_app(made)
    limiter.reset()
    return app


@pytest.fixture
def secret_and_sale(committed: Committed) -> tuple[str, dict[str, object]]:
    """Return a committed key, and a sale to a committed member."""
    with committed.sessions.begin() as session:
        store = committed.maker.store(session)
        _, secret = add_api_key(session, "till", SCOPES, NOON, store_id=store.id)
        member = committed.maker.member(session, points=10)
        return secret, {"member": {"number": member.number}, "amount_twd": 165}


def test_twenty_equal_calls_at_once_make_one_purchase(
    committed: Committed, shop: Flask, secret_and_sale: tuple[str, dict[str, object]]
) -> None:
    """U9 and section 4: concurrent duplicates, only one runs; the others wait or get its answer."""
    secret, asked = secret_and_sale
    together = threading.Barrier(20)

    def ask(_number: int) -> tuple[int, bytes, str]:
        till = Till(shop.test_client(), secret)
        together.wait()
        answer = till.post("/purchases", asked, key="sale-1")
        return answer.status_code, answer.data, (answer.json or {}).get("code", "")

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(ask, range(20)))

    statuses = Counter(status for status, _, _ in answers)
    assert set(statuses) <= {201, 409}
    assert statuses[201] >= 1
    assert {code for status, _, code in answers if status == 409} <= {"idempotency_key_in_use"}
    assert len({body for status, body, _ in answers if status == 201}) == 1
    with committed.sessions() as session:
        assert count(session, Purchase) == 1
        assert count(session, ApiCall) == 1
    repeated = Till(shop.test_client(), secret).post("/purchases", asked, key="sale-1")
    assert repeated.headers["Idempotency-Replayed"] == "true"


def test_while_a_call_is_worked_on_its_twin_is_told_to_wait(
    committed: Committed, shop: Flask, secret_and_sale: tuple[str, dict[str, object]]
) -> None:
    """Section 4: 409 while running, with the time to wait."""
    secret, asked = secret_and_sale
    with committed.engine.connect() as holder:
        key_id = holder.scalar(text("SELECT id FROM api_key"))
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
        holder.execute(lock, {"key": f"{key_id}:sale-1"})

        waiting = Till(shop.test_client(), secret).post("/purchases", asked, key="sale-1")

    assert (waiting.status_code, code_of(waiting)) == (409, "idempotency_key_in_use")
    assert waiting.headers["Retry-After"] == "1"
    assert (
        Till(shop.test_client(), secret).post("/purchases", asked, key="sale-1").status_code == 201
    )


@pytest.mark.parametrize(
    "at", ["handlers.api.answering.keep_answer", "sqlalchemy.orm.Session.commit"]
)
def test_a_crash_leaves_nothing_half_done(
    committed: Committed, shop: Flask, secret_and_sale: tuple[str, dict[str, object]], at: str
) -> None:
    """The deed and its answer commit together: after a crash neither is there."""
    secret, asked = secret_and_sale
    shop.config["PROPAGATE_EXCEPTIONS"] = False
    till = Till(shop.test_client(), secret)

    with patch(at, side_effect=RuntimeError("the process dies here")):
        broken = till.post("/purchases", asked, key="sale-1")

    assert (broken.status_code, code_of(broken)) == (500, "internal_error")
    with committed.sessions() as session:
        assert count(session, Purchase) == 0
        assert count(session, ApiCall) == 0
        assert session.scalar(select(func.sum(PointsEntry.points))) == 10
    assert till.post("/purchases", asked, key="sale-1").status_code == 201


def test_after_a_lost_answer_the_next_try_gets_it(
    committed: Committed, shop: Flask, secret_and_sale: tuple[str, dict[str, object]]
) -> None:
    """A connection lost after the commit: the till asks again and nothing happens twice."""
    secret, asked = secret_and_sale
    till, answer = Till(shop.test_client(), secret), shop.wsgi_app

    def cut(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer(environ, start_response)
        raise ConnectionResetError

    with patch.object(shop, "wsgi_app", cut), pytest.raises(ConnectionResetError):
        till.post("/purchases", asked, key="sale-1")
    again = till.post("/purchases", asked, key="sale-1")

    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    with committed.sessions() as session:
        assert count(session, Purchase) == 1
