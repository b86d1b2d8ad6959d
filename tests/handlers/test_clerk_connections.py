"""The connections' page: who listens, what became of each delivery, sending it again."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from models.api_key import READ_MEMBERS, add_api_key
from models.member import Member
from models.staff import Staff
from models.webhook import (
    Attempt,
    Search,
    WebhookEndpoint,
    add_endpoint,
    claim_delivery,
    conclude,
    count_by_state,
    disable_endpoint,
    feed,
    get_delivery,
    list_deliveries,
    list_endpoints,
    secret_of,
    send_test,
)
from tests.conftest import NOON, Maker
from tests.handlers.clerk_driver import Counter, words
from tests.models.shopping import buy

SECRET_KEY = "a secret of the tests"
FORM = {"url": "https://pos.example/hooks", "event": "points.changed", "description": "會計系統"}
MakeStaff = Callable[..., Staff]


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def manager(request: pytest.FixtureRequest, client: FlaskClient, make_staff: MakeStaff) -> Counter:
    """Return a manager's page, with our script and without any."""
    counter = Counter(client, script=request.param)
    counter.log_in(make_staff("manager"))
    return counter


@pytest.fixture
def endpoint(session: Session) -> WebhookEndpoint:
    """Return an endpoint that listens to points."""
    return add_endpoint(
        session, FORM["url"], now=NOON, events=["points.changed"], description="會計系統"
    )


def fail_one(session: Session, endpoint: WebhookEndpoint, member: Member | None = None) -> int:
    """Let a delivery fail for good; return its id."""
    buy(session, member or Maker().member(session), 100)
    feed(session, NOON)
    claim = claim_delivery(session, endpoint.id, SECRET_KEY, NOON)
    assert claim is not None
    conclude(session, claim, Attempt(500, "http_500", 9), NOON + timedelta(days=3))
    return claim.delivery_id


def test_a_manager_adds_an_endpoint_and_is_shown_its_secret(
    manager: Counter, session: Session
) -> None:
    """U7: add by page; the secret is shown, and the page lists the new endpoint."""
    added = manager.send("/clerk/connections", **FORM)

    (made,) = list_endpoints(session)
    assert (made.url, made.events, made.description) == (
        FORM["url"],
        ["points.changed"],
        "會計系統",
    )
    assert made.created_by is not None
    assert secret_of(SECRET_KEY, made) in html.unescape(added.text)
    listed = words(manager.client.get("/clerk/connections"))
    assert "會計系統 運作中" in listed
    assert "還沒有送達過" in listed
    assert "whsec_" not in listed


@pytest.mark.parametrize(
    ("changed", "advice"),
    [
        ({"url": "http://pos.example/"}, "https://"),
        ({"url": "https://192.168.1.5/"}, "內部網路"),
        ({"url": "nonsense"}, "https://"),
        ({"event": ""}, "請至少勾選"),
        ({"description": "長" * 101}, "最多 100 個字"),
    ],
)
def test_what_will_not_do_is_said_and_what_was_typed_stays(
    manager: Counter, session: Session, changed: dict[str, str], advice: str
) -> None:
    refused = manager.send("/clerk/connections", **(FORM | changed))
    assert refused.status_code == 409
    assert advice in words(refused)
    if not manager.script:
        assert html.escape((FORM | changed)["url"]) in refused.text
    assert list_endpoints(session) == []


def test_keys_are_shown_by_prefix_store_scopes_and_last_use(
    manager: Counter, session: Session
) -> None:
    """U7: API keys with prefix, store, scopes, last use and state; never the secret."""
    store = Maker().store(session)
    key, secret = add_api_key(session, "收銀機 A", [READ_MEMBERS], NOON, store_id=store.id)
    page = manager.client.get("/clerk/connections")
    assert f"{key.prefix}…" in page.text
    assert secret not in page.text
    assert "收銀機 A 有效" in words(page)
    assert "還沒有用過" in words(page)
    assert READ_MEMBERS in page.text


def test_deliveries_are_shown_with_state_answer_and_body(
    manager: Counter, session: Session, endpoint: WebhookEndpoint
) -> None:
    """U7: every delivery with its state, tries, answer, next try and body."""
    delivery = get_delivery(session, fail_one(session, endpoint))
    page = manager.client.get(f"/clerk/connections/{endpoint.id}")
    shown = words(page)
    assert "點數變動 失敗" in shown
    assert "嘗試 1 次 · HTTP 500 · 9 ms" in shown
    assert delivery.event.body in html.unescape(page.text)
    buy(session, Maker().member(session), 100)
    feed(session, NOON)
    assert "等待傳送" in words(manager.client.get(f"/clerk/connections/{endpoint.id}"))
    delivered = manager.client.get(f"/clerk/connections/{endpoint.id}?state=delivered")
    assert "這裡還沒有紀錄" in words(delivered)


def test_older_deliveries_are_on_the_next_page(
    manager: Counter, session: Session, endpoint: WebhookEndpoint
) -> None:
    for _ in range(21):
        send_test(session, endpoint.id, NOON)
    page = manager.client.get(f"/clerk/connections/{endpoint.id}?state=waiting")
    assert page.text.count("delivery-body") == 20
    (before,) = set(re.findall(r'href="[^"]*before=(\d+)', page.text))
    path = f"/clerk/connections/{endpoint.id}?state=waiting&before={before}"
    older = manager.client.get(path)
    assert older.text.count("delivery-body") == 1
    assert "更早的紀錄" not in older.text


def test_the_replay_button_sends_one_or_all_again(
    manager: Counter, session: Session, endpoint: WebhookEndpoint
) -> None:
    """U7: the replay button."""
    one, other = fail_one(session, endpoint), fail_one(session, endpoint)

    again = manager.send(f"/clerk/connections/deliveries/{one}/replay")
    assert "已排入補送：1 筆" in words(again)
    assert get_delivery(session, one).state == "waiting"
    refused = manager.send(f"/clerk/connections/deliveries/{one}/replay")
    assert (refused.status_code, "這筆還在傳送" in words(refused)) == (409, True)

    all_ = manager.send(f"/clerk/connections/{endpoint.id}/replay")
    assert "已排入補送：1 筆" in words(all_)
    assert get_delivery(session, other).state == "waiting"
    assert manager.send("/clerk/connections/deliveries/0/replay").status_code == 409


def test_a_test_event_a_rotation_and_the_end(
    manager: Counter, session: Session, endpoint: WebhookEndpoint
) -> None:
    path = f"/clerk/connections/{endpoint.id}"
    assert "測試通知已排入" in words(manager.send(f"{path}/test"))
    assert count_by_state(session) == {(endpoint.id, "waiting"): 1}
    old = secret_of(SECRET_KEY, endpoint)
    assert old in html.unescape(manager.send(f"{path}/secret").text)
    rotated = manager.send(f"{path}/rotate")
    assert "24 小時內新舊都有效" in words(rotated)
    assert "新舊密鑰並用至" in words(rotated)
    assert old not in html.unescape(rotated.text)
    assert "已停用，不再通知" in words(manager.send(f"{path}/disable"))
    refused = manager.send(f"{path}/test")
    assert (refused.status_code, "請先啟用" in words(refused)) == (409, True)
    assert "已啟用" in words(manager.send(f"{path}/enable"))
    assert "已刪除" in words(manager.send(f"{path}/delete"))
    assert list_endpoints(session) == []
    assert manager.send(f"{path}/test").status_code == 409


def test_a_broken_connection_waits_for_a_manager(
    manager: Counter, session: Session, endpoint: WebhookEndpoint
) -> None:
    """A manager is told: among what waits, until somebody has seen to it."""
    fail_one(session, endpoint)
    buy(session, Maker().member(session), 100)
    feed(session, NOON)
    claim = claim_delivery(session, endpoint.id, SECRET_KEY, NOON + timedelta(hours=1))
    assert claim is not None
    conclude(session, claim, Attempt(410, "http_410", 9), NOON)
    session.flush()
    waiting = words(manager.client.get("/clerk/pending"))
    assert "連線中斷" in waiting
    assert "會計系統 已停用：對方回覆不再使用" in waiting
    disable_endpoint(session, endpoint.id, NOON)
    session.flush()
    assert "連線中斷" not in words(manager.client.get("/clerk/pending"))


def test_clerks_do_not_see_it(client: FlaskClient, make_staff: MakeStaff) -> None:
    counter = Counter(client)
    counter.log_in(make_staff("clerk"))
    for path in ("/clerk/connections", "/clerk/connections/1"):
        assert client.get(path).status_code == 403
    for path in ("", "/1/test", "/deliveries/1/replay"):
        assert counter.send(f"/clerk/connections{path}").status_code == 403


@pytest.mark.parametrize("path", ["/1/rotate", "/deliveries/1/replay"])
def test_an_answers_address_brings_back_to_the_start(manager: Counter, path: str) -> None:
    assert manager.client.get(f"/clerk/connections{path}").status_code == 302


# --- commands


def test_the_commands_do_all_of_it(app: Flask, session: Session) -> None:
    """U7: `flask webhook …`: add, list, deliveries, replay, test, rotate, disable, enable."""
    runner = app.test_cli_runner()

    def run(*words: str) -> str:
        done = runner.invoke(args=["webhook", *words])
        assert done.exit_code == 0, done.output
        return str(done.output)

    added = run("add", FORM["url"], "--event", "points.changed", "--description", "會計系統")
    (made,) = list_endpoints(session)
    assert added == f"{made.id}  {secret_of(SECRET_KEY, made)}\n"
    assert run("secret", str(made.id)) == f"{secret_of(SECRET_KEY, made)}\n"
    one = str(made.id)
    failed = fail_one(session, made)
    session.flush()
    assert "0 waiting, 1 failed  points.changed  https://pos.example/hooks  會計系統" in run("list")
    assert "failed  1 tries  http_500" in run("deliveries", "--state", "failed", "--body")
    assert run("replay", str(failed)) == "1 sent again.\n"
    assert run("replay", "--endpoint", one, "--since", "2026-11-22") == "0 sent again.\n"
    assert "next 2026-11-22 12:00:00" in run("deliveries", "--endpoint", one)
    assert "On its way" in run("test", one)
    assert len(list_deliveries(session, Search())) == 2
    old = secret_of(SECRET_KEY, made)
    assert run("rotate", one).strip() not in ("", old)
    run("disable", one)
    assert "disabled (by_hand)" in run("list")
    run("enable", one)
    run("remove", one)
    assert run("list") == ""
    for wrong in (["replay"], ["disable", one], ["add", "http://pos.example/"]):
        assert runner.invoke(args=["webhook", *wrong]).exit_code != 0
