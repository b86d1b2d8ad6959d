"""Rich menus brought to LINE: once, anew where they changed, and again to a LINE that forgot."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from app import Installation
from bot import rich_menu_sync
from bot.rich_menu import MENU_NAMES
from bot.rich_menu_sync import MenuApi, SyncedMenu, issue_token
from bot.simulator import Channel, SimulatorServer
from bot.simulator.people import Person
from handlers.operator.rich_menus import sync_rich_menus
from models.base import Sessions
from models.rich_menu import find_rich_menu
from tests.conftest import NOON, Maker

SECRET, TOKEN, CHANNEL_ID = "channel secret of the tests", "channel token of the tests", "1234567"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a busy machine take its time to answer."""
    monkeypatch.setattr(rich_menu_sync, "TIMEOUT", (60, 60))


@pytest.fixture
def line() -> Iterator[SimulatorServer]:
    with SimulatorServer(Channel(SECRET, TOKEN, CHANNEL_ID)) as server:
        yield server


@pytest.fixture
def api(line: SimulatorServer) -> MenuApi:
    return MenuApi(line.url, line.url, TOKEN)


@pytest.fixture
def members(session: Session, line: SimulatorServer) -> list[str]:
    """Return three members whom LINE knows as friends."""
    made = [str(Maker().member(session).line_user_id) for _ in range(3)]
    Maker().member(session, line=False)
    session.commit()
    people = [{"id": member, "name": "小晴", "friend": True} for member in made]
    line.world.plant({"people": people})
    return sorted(made)


def sync(sessions: Sessions, api: MenuApi) -> dict[str, SyncedMenu]:
    return {menu.name: menu for menu in sync_rich_menus(sessions, api, lambda: NOON)}


def calls(line: SimulatorServer, method: str, path: str) -> int:
    return sum(call["method"] == method and call["path"] == path for call in line.world.requests)


def shown_to(line: SimulatorServer, person: str) -> str | None:
    """Return the id of the menu a person sees."""
    stranger = Person(person, "小晴", friend=True)
    shown = line.world.menus.shown_to(line.world.people.find(person) or stranger)
    return str(shown["richMenuId"]) if shown else None


def test_the_first_sync_uploads_both_menus_and_shows_them(
    line: SimulatorServer, api: MenuApi, sessions: Sessions, members: list[str]
) -> None:
    synced = sync(sessions, api)

    assert tuple(synced) == MENU_NAMES
    assert all(menu.is_new for menu in synced.values())
    with sessions() as session:
        for name, menu in synced.items():
            known = find_rich_menu(session, name)
            assert known is not None
            assert (known.line_rich_menu_id, known.version) == (
                menu.line_rich_menu_id,
                menu.version,
            )
    assert [shown_to(line, person) for person in members] == [
        synced["member"].line_rich_menu_id
    ] * 3
    assert shown_to(line, f"U{uuid4().hex}") == synced["guest"].line_rich_menu_id


def test_unchanged_menus_are_not_uploaded_again(
    line: SimulatorServer, api: MenuApi, sessions: Sessions, members: list[str]
) -> None:
    first = sync(sessions, api)
    again = sync(sessions, api)

    assert {n: m.line_rich_menu_id for n, m in again.items()} == {
        n: m.line_rich_menu_id for n, m in first.items()
    }
    assert not any(menu.is_new for menu in again.values())
    assert calls(line, "POST", "/v2/bot/richmenu") == 2


def test_changed_artwork_is_a_new_menu_and_the_old_one_is_deleted(
    line: SimulatorServer,
    api: MenuApi,
    sessions: Sessions,
    members: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = sync(sessions, api)
    monkeypatch.setattr(rich_menu_sync, "menu_version", lambda name: f"new-{name}")
    second = sync(sessions, api)

    old, new = first["member"].line_rich_menu_id, second["member"].line_rich_menu_id
    assert old != new
    assert [shown_to(line, person) for person in members] == [new] * 3
    assert calls(line, "DELETE", f"/v2/bot/richmenu/{old}") == 1
    assert shown_to(line, f"U{uuid4().hex}") == second["guest"].line_rich_menu_id


def test_a_simulator_that_forgot_its_menus_gets_them_again(
    sessions: Sessions, members: list[str], api: MenuApi
) -> None:
    first = sync(sessions, api)
    with SimulatorServer(Channel(SECRET, TOKEN, CHANNEL_ID)) as fresh:
        second = sync(sessions, MenuApi(fresh.url, fresh.url, TOKEN))

        assert all(menu.is_new for menu in second.values())
        assert shown_to(fresh, f"U{uuid4().hex}") == second["guest"].line_rich_menu_id
    assert second["member"].line_rich_menu_id != first["member"].line_rich_menu_id


def test_many_members_are_linked_in_parts(
    line: SimulatorServer,
    api: MenuApi,
    sessions: Sessions,
    members: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("handlers.operator.rich_menus.MOST_LINKED_AT_ONCE", 2)
    synced = sync(sessions, api)

    assert calls(line, "POST", "/v2/bot/richmenu/bulk/link") == 2
    assert {shown_to(line, person) for person in members} == {synced["member"].line_rich_menu_id}


def test_a_line_that_fails_leaves_what_is_done_to_the_next_run(
    line: SimulatorServer, api: MenuApi, sessions: Sessions, members: list[str]
) -> None:
    path = {"path": "/v2/bot/richmenu/bulk/link"}
    line.world.faults.change({"rules": [{"match": path, "fault": "500_before", "times": 1}]})
    with pytest.raises(Exception, match="500"):
        sync(sessions, api)

    synced = sync(sessions, api)

    assert [shown_to(line, person) for person in members] == [
        synced["member"].line_rich_menu_id
    ] * 3


def test_the_command_says_what_it_did(
    line: SimulatorServer, app: Flask, installation: Installation, members: list[str]
) -> None:
    settings = installation.settings
    settings.line_api_base = settings.line_data_api_base = line.url
    runner = app.test_cli_runner()

    first, again = (
        runner.invoke(args=["rich-menu", "sync"]),
        runner.invoke(args=["rich-menu", "sync"]),
    )

    assert first.exit_code == again.exit_code == 0
    assert first.output.count("uploaded") == 2
    assert again.output.count("unchanged") == 2


def test_without_a_long_lived_token_the_command_gets_one(
    line: SimulatorServer, app: Flask, installation: Installation
) -> None:
    settings = installation.settings
    settings.line_api_base = settings.line_data_api_base = line.url
    settings.line_channel_access_token, settings.line_channel_id = None, CHANNEL_ID

    assert app.test_cli_runner().invoke(args=["rich-menu", "sync"]).exit_code == 0
    assert issue_token(line.url, CHANNEL_ID, SECRET)
