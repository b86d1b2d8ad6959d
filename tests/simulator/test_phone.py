"""The phone's side: whom one may be, what the page is told live, what survives a restart."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.limits import is_user_id
from tests.simulator.conftest import PATIENCE_SECONDS, BotServer, Line, MakePerson, StartLine, text

USER = "U" + "a" * 32


def watch(line: Line, user: str, deed: Callable[[], object], *wanted: str) -> list[Any]:
    """Open the person's page, do `deed`, and return frames until all `wanted` kinds are there."""

    async def run() -> list[Any]:
        url = f"{line.server.url}/_sim/live?user={user}"
        frames: list[Any] = []
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await asyncio.to_thread(deed)
            while Counter(wanted) - Counter(frame["type"] for frame in frames):
                frames.append(await socket.receive_json(timeout=PATIENCE_SECONDS))
        return frames

    return asyncio.run(run())


def test_a_new_person_has_a_name_and_is_no_friend_yet(line: Line) -> None:
    created = line.call("POST", "/_sim/people", {"language": "ja"})
    assert created.status == 201
    assert is_user_id(created.json["id"])
    assert created.json["name"]
    assert (created.json["language"], created.json["friend"]) == ("ja", False)
    assert line.call("POST", "/_sim/people").status == 201
    assert line.call("POST", "/_sim/people", {"language": "xx"}).status == 400


def test_people_are_found_by_name(line: Line) -> None:
    for name in ("林小晴", "Emma Clark"):
        line.call("POST", "/_sim/people", {"name": name})
    found = line.call("GET", "/_sim/people?q=emma").json["people"]
    assert [person["name"] for person in found] == ["Emma Clark"]
    assert len(line.call("GET", "/_sim/people?limit=1").json["people"]) == 1


def test_a_chat_of_nobody_is_404(line: Line) -> None:
    assert line.call("GET", f"/_sim/chat?user={USER}").status == 404
    assert line.call("POST", "/_sim/act", {"user": USER, "act": {"kind": "follow"}}).status == 404


@pytest.mark.parametrize(
    "act",
    [
        None,
        {},
        {"kind": "dance"},
        {"kind": "text"},
        {"kind": "text", "text": ""},
        {"kind": "sticker", "packageId": "x", "stickerId": "1"},
        {"kind": "image", "base64": "%%%"},
        {"kind": "image", "base64": "aGVsbG8="},
        {"kind": "location", "latitude": 91, "longitude": 0},
        {"kind": "action"},
        {"kind": "action", "action": {"type": "teleport"}},
    ],
)
def test_what_no_phone_can_do_is_refused(line: Line, make_person: MakePerson, act: Any) -> None:
    assert line.call("POST", "/_sim/act", {"user": make_person(), "act": act}).status == 400


def test_the_page_sees_what_was_written_and_answered(
    line: Line, make_person: MakePerson, bot_server: BotServer
) -> None:
    user = make_person()

    def talk() -> None:
        line.act(user, "text", text="points?")
        line.reply(bot_server.wait_for(1)[0].event["replyToken"], text("120"))

    frames = watch(line, user, talk, "entry", "entry", "webhook")
    entries = [frame["entry"] for frame in frames if frame["type"] == "entry"]
    assert entries[0]["from"] == "person"
    assert entries[0]["message"] == {"type": "text", "text": "points?"}
    assert (entries[1]["via"], entries[1]["message"]["text"]) == ("reply", "120")
    webhook = next(frame for frame in frames if frame["type"] == "webhook")
    assert (webhook["status"], webhook["eventType"]) == (200, "message")


def test_the_page_sees_who_one_is_and_the_menu_change(line: Line, make_person: MakePerson) -> None:
    user = make_person()
    frames = watch(line, user, lambda: line.act(user, "unfollow"), "person", "menu", "entry")
    person = next(frame["person"] for frame in frames if frame["type"] == "person")
    assert (person["friend"], person["blocked"]) == (False, True)
    assert next(frame for frame in frames if frame["type"] == "menu")["menu"] is None


def test_the_page_sees_the_quota_and_the_loading_dots(line: Line, make_person: MakePerson) -> None:
    user = make_person()

    def send() -> None:
        line.call("POST", "/v2/bot/chat/loading/start", {"chatId": user})
        line.push(user)

    frames = watch(line, user, send, "quota", "loading", "entry")
    by_kind = {frame["type"]: frame for frame in frames}
    assert by_kind["quota"]["quota"]["used"] == 1
    assert by_kind["loading"]["seconds"] == 20
    assert by_kind["entry"]["entry"]["via"] == "push"


def test_a_page_of_nobody_is_refused(line: Line) -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
    assert line.call("GET", f"/_sim/live?user={USER}", headers=headers).status == 404


def test_a_chat_shows_its_last_hundred_entries(line: Line, make_person: MakePerson) -> None:
    user = make_person()
    for number in range(101):
        line.push(user, text(str(number)))
    entries = line.chat(user)["entries"]
    assert [entries[0]["message"]["text"], entries[-1]["message"]["text"]] == ["1", "100"]
    assert len(entries) == 100


def test_a_seed_is_planted_once_and_again_changes_nobody(start_line: StartLine) -> None:
    person = {"id": USER, "name": "林小晴", "language": "zh-TW", "friend": True}
    seed = {
        "account": {"name": "茶日子", "basicId": "@tea"},
        "people": [person],
        "quota": {"value": 9},
    }
    line = start_line(seed=seed)
    shown = line.call("GET", "/_sim/people").json
    assert shown["people"] == [person]
    assert (shown["account"]["name"], shown["account"]["basicId"]) == ("茶日子", "@tea")
    assert line.chat(USER)["quota"] == {"type": "limited", "value": 9, "used": 0}
    again = {"people": [{**person, "name": "somebody else"}]}
    assert line.call("POST", "/_sim/seed", again).json == {"planted": 0, "people": 1}
    assert line.chat(USER)["person"]["name"] == "林小晴"
    assert line.call("POST", "/_sim/seed", {"people": [{"id": "me"}]}).status == 400


def test_people_chats_menus_and_quota_survive_a_restart(
    start_line: StartLine, tmp_path: Path
) -> None:
    path = tmp_path / "state" / "simulator.sqlite3"
    seed = {"people": [{"id": USER, "name": "林小晴", "language": "ja", "friend": True}]}
    first = start_line(state_path=path, seed=seed)
    first.push(USER, text("before"))
    first.act(USER, "text", text="and me")
    destination = first.call("GET", "/v2/bot/info").json["userId"]
    chat = first.chat(USER)
    first.server.stop()
    second = start_line(state_path=path, seed={"people": []})
    assert second.chat(USER) == chat
    assert second.call("GET", "/v2/bot/info").json["userId"] == destination
    second.push(USER, text("after"))
    assert [message["text"] for message in second.said(USER)] == ["before", "after"]


def test_a_menu_and_its_links_survive_a_restart(start_line: StartLine, tmp_path: Path) -> None:
    from tests.simulator.test_rich_menu import menu_object, picture, upload

    path = tmp_path / "simulator.sqlite3"
    first = start_line(state_path=path, seed={"people": [{"id": USER, "name": "a"}]})
    menu_id = first.call("POST", "/v2/bot/richmenu", menu_object()).json["richMenuId"]
    upload(first, menu_id, picture())
    first.call("POST", f"/v2/bot/user/{USER}/richmenu/{menu_id}")
    first.server.stop()
    second = start_line(state_path=path)
    assert second.chat(USER)["menu"]["richMenuId"] == menu_id
    assert second.call("GET", f"/v2/bot/richmenu/{menu_id}/content").body == picture()


def test_a_chat_keeps_its_last_200_entries_over_a_restart(
    start_line: StartLine, tmp_path: Path
) -> None:
    path = tmp_path / "simulator.sqlite3"
    first = start_line(state_path=path, seed={"people": [{"id": USER, "name": "a"}]})
    for number in range(0, 250, 5):
        first.push(USER, *[text(str(number + part)) for part in range(5)])
    first.server.stop()
    second = start_line(state_path=path)
    kept = second.server.world.chats.last(USER, 1_000)
    assert [entry["message"]["text"] for entry in kept] == [str(n) for n in range(50, 250)]


def test_what_is_written_in_batches_is_in_the_file_soon(
    start_line: StartLine, tmp_path: Path
) -> None:
    path = tmp_path / "simulator.sqlite3"
    line = start_line(state_path=path, seed={"people": [{"id": USER, "name": "a"}]})
    line.push(USER, text("soon"))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while b"soon" not in b"".join(file.read_bytes() for file in tmp_path.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_asset_is_never_taken_from_outside_its_folder(line: Line) -> None:
    for path in ("/assets/../server.py", "/assets/%2e%2e/server.py", "/assets/none.js"):
        assert line.call("GET", path).status == 404


def test_the_page_is_at_the_root(line: Line) -> None:
    page = line.call("GET", "/")
    assert page.status == 200
    assert re.search(rb"<html", page.body)


def test_the_account_has_an_icon(line: Line) -> None:
    icon_url = line.call("GET", "/_sim/people").json["account"]["iconUrl"]
    assert line.call("GET", icon_url).headers["Content-Type"].startswith("image/svg+xml")


def test_a_frame_is_plain_json(line: Line, make_person: MakePerson) -> None:
    user = make_person()
    frames = watch(line, user, lambda: line.push(user), "entry")
    assert json.loads(json.dumps(frames)) == frames
