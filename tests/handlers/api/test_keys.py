"""API keys: of one store, with scopes, hashed, rotated, revoked, expiring; their last use."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from handlers.api.door import GUESSES
from models.api_key import (
    READ_MEMBERS,
    SCOPES,
    ApiKey,
    NoSuchKey,
    OverlapRefused,
    ScopeUnknown,
    add_api_key,
    list_api_keys,
    revoke_api_key,
    rotate_api_key,
)
from models.shop import Store
from tests.conftest import NOON, Clock
from tests.handlers.api.conftest import MakeKey, Till

NOBODY = "/members/820104417"


def asks(client: FlaskClient, secret: str) -> tuple[int, str]:
    """Return what a key is answered about nobody: 404 where it opens the door."""
    answer = Till(client, secret).get(NOBODY)
    assert answer.json is not None
    return answer.status_code, answer.json["code"]


OPEN = (404, "no_such_member")
SHUT = (401, "api_key_refused")


@pytest.fixture
def key(session: Session, store: Store) -> tuple[ApiKey, str]:
    """Return a key with its secret."""
    made = add_api_key(session, "till", [READ_MEMBERS], NOON, store_id=store.id)
    session.commit()
    return made


@pytest.mark.parametrize(
    "authorization",
    [None, "Basic abc", "Bearer", "Bearer ", "Bearer rk_live_wrong", "Bearer ünïcode", "rk_live_x"],
)
def test_without_a_good_key_nothing_is_told(client: FlaskClient, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization is not None else {}

    answer = client.get(f"/api/v1{NOBODY}", headers=headers)

    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == SHUT
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_only_a_digest_is_kept(session: Session, key: tuple[ApiKey, str]) -> None:
    made, secret = key

    kept = {str(value) for value in vars(session.get_one(ApiKey, made.id)).values()}

    assert not any(secret in value for value in kept)
    assert secret.startswith(made.prefix)
    assert (made.prefix[:8], len(made.prefix)) == ("rk_live_", 12)


def test_a_revoked_key_is_shut_at_once(
    session: Session, client: FlaskClient, key: tuple[ApiKey, str]
) -> None:
    made, secret = key
    assert asks(client, secret) == OPEN

    assert revoke_api_key(session, made.id, NOON)
    session.commit()

    assert asks(client, secret) == SHUT
    assert not revoke_api_key(session, made.id, NOON)


def test_a_key_ends_at_its_time(
    session: Session, client: FlaskClient, store: Store, clock: Clock
) -> None:
    ends = NOON + timedelta(hours=1)
    made, secret = add_api_key(session, "fair", SCOPES, NOON, store_id=store.id, expires_at=ends)
    session.commit()
    assert asks(client, secret) == OPEN

    clock.now = ends

    assert asks(client, secret) == SHUT
    assert made.state(ends) == "expired"


def test_both_secrets_are_good_while_a_till_is_moved(
    session: Session, client: FlaskClient, key: tuple[ApiKey, str], clock: Clock
) -> None:
    made, old = key
    _, new = rotate_api_key(session, made.id, NOON, overlap=timedelta(hours=24))
    session.commit()
    assert (asks(client, old), asks(client, new)) == (OPEN, OPEN)
    assert made.state(NOON) == "rotating"

    clock.advance(hours=24)

    assert (asks(client, old), asks(client, new)) == (SHUT, OPEN)
    assert made.state(clock.now) == "active"


def test_rotating_twice_leaves_the_newest_two(
    session: Session, client: FlaskClient, key: tuple[ApiKey, str]
) -> None:
    made, first = key
    _, second = rotate_api_key(session, made.id, NOON, overlap=timedelta(hours=24))
    _, third = rotate_api_key(session, made.id, NOON, overlap=timedelta(hours=24))
    session.commit()

    assert [asks(client, each) for each in (first, second, third)] == [SHUT, OPEN, OPEN]


def test_without_an_overlap_the_old_secret_ends_at_once(
    session: Session, client: FlaskClient, key: tuple[ApiKey, str]
) -> None:
    made, old = key
    _, new = rotate_api_key(session, made.id, NOON, overlap=timedelta())
    session.commit()

    assert (asks(client, old), asks(client, new)) == (SHUT, OPEN)


def test_what_cannot_be_is_refused(session: Session, key: tuple[ApiKey, str], store: Store) -> None:
    made, _ = key
    with pytest.raises(OverlapRefused):
        rotate_api_key(session, made.id, NOON, overlap=timedelta(days=31))
    with pytest.raises(ScopeUnknown):
        add_api_key(session, "till", ["everything"], NOON, store_id=store.id)
    with pytest.raises(ScopeUnknown):
        add_api_key(session, "till", [], NOON, store_id=store.id)
    revoke_api_key(session, made.id, NOON)
    with pytest.raises(NoSuchKey):
        rotate_api_key(session, made.id, NOON, overlap=timedelta())


def test_the_last_use_is_noted_once_a_minute(
    session: Session, client: FlaskClient, till: Till, clock: Clock
) -> None:
    made = list_api_keys(session)[0]

    def used() -> object:
        assert till.get("/purchases").status_code == 200
        session.refresh(made)
        return made.last_used_at

    assert used() == NOON
    clock.advance(seconds=59)
    assert used() == NOON
    clock.advance(seconds=1)
    assert used() == NOON + timedelta(minutes=1)


def test_a_key_has_its_scopes_only(client: FlaskClient, make_key: MakeKey) -> None:
    answer = Till(client, make_key("events:write")).post("/purchases", {})

    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (403, "scope_missing")
    assert answer.json["facts"] == {"any_of": ["purchases:write"]}


def test_who_guesses_keys_is_slowed(client: FlaskClient, make_key: MakeKey) -> None:
    """Section 4: by address, and good keys from there wait as well."""
    good = make_key()
    answers = [asks(client, f"rk_live_{number}") for number in range(GUESSES.amount)]

    assert set(answers) == {SHUT}
    assert asks(client, good) == (429, "too_many_requests")


def test_commands_make_list_rotate_and_revoke(app: Flask, session: Session) -> None:
    def run(*arguments: str) -> str:
        done = app.test_cli_runner().invoke(args=["api-key", *arguments])
        assert done.exit_code == 0, done.output
        return str(done.output)

    secret = run(
        "add", "收銀機 1", "--store", "TP01", "--scope", "all", "--expires-in", "90d"
    ).strip()
    key_id, prefix, *shown = run("list").split()
    rotated = run("rotate", key_id, "--overlap", "24h").strip()

    assert secret.startswith(prefix.rstrip("…"))
    assert ("TP01" in shown, ",".join(SCOPES[:0]) in shown) == (True, False)
    assert secret not in run("list")
    assert rotated != secret
    assert "rotating until 2026-11-23 12:00" in run("list")
    assert "Revoked" in run("revoke", key_id)
    assert "revoked" in run("list")


def test_commands_say_what_is_wrong(app: Flask) -> None:
    runner = app.test_cli_runner()
    for arguments, words in (
        (["add", "x", "--store", "XX", "--scope", "all"], "no store XX"),
        (["rotate", "999"], "no_such_api_key"),
        (["rotate", "1", "--overlap", "soon"], "no span"),
        (["revoke", "999"], "No such key"),
    ):
        done = runner.invoke(args=["api-key", *arguments])
        assert done.exit_code != 0
        assert words in done.output
