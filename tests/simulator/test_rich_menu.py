"""Rich menus: made, given a picture, linked, switched, replaced."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from tests.simulator.conftest import Answer, BotServer, Line, MakePerson

MakeMenu = Callable[..., str]

SIZE = (800, 500)


def picture(size: tuple[int, int] = SIZE, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "#06C755").save(buffer, kind)
    return buffer.getvalue()


def menu_object(**changes: Any) -> dict[str, Any]:
    bounds = {"x": 0, "y": 0, "width": SIZE[0], "height": SIZE[1]}
    return {
        "size": {"width": SIZE[0], "height": SIZE[1]},
        "selected": True,
        "name": "members",
        "chatBarText": "選單",
        "areas": [{"bounds": bounds, "action": {"type": "postback", "data": "a=1"}}],
        **changes,
    }


def upload(line: Line, menu_id: str, content: bytes, kind: str = "image/png") -> Answer:
    path = f"/v2/bot/richmenu/{menu_id}/content"
    return line.call("POST", path, content=content, headers={"Content-Type": kind})


@pytest.fixture
def make_menu(line: Line) -> MakeMenu:
    def make(*, drawn: bool = True) -> str:
        created = line.call("POST", "/v2/bot/richmenu", menu_object())
        menu_id = str(created.json["richMenuId"])
        if drawn:
            assert upload(line, menu_id, picture()).status == 200
        return menu_id

    return make


def test_a_menu_is_kept_as_it_was_given(line: Line, make_menu: MakeMenu) -> None:
    menu_id = make_menu()
    assert line.call("GET", f"/v2/bot/richmenu/{menu_id}").json == {
        "richMenuId": menu_id,
        **menu_object(),
    }
    assert len(line.call("GET", "/v2/bot/richmenu/list").json["richmenus"]) == 1
    fetched = line.call("GET", f"/v2/bot/richmenu/{menu_id}/content")
    assert fetched.body == picture()


def test_a_menu_with_a_missing_name_is_refused_in_lines_words(line: Line) -> None:
    body = menu_object()
    del body["name"]
    for path in ("/v2/bot/richmenu", "/v2/bot/richmenu/validate"):
        assert line.call("POST", path, body).json == {
            "message": "The request body has 1 error(s)",
            "details": [{"property": "name", "message": "must be specified"}],
        }


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (picture((800, 400)), "image/png", 400),
        (picture(), "image/jpeg", 415),
        (picture(), "image/gif", 415),
        (b"\x89PNG broken", "image/png", 400),
        (picture() + bytes(1024 * 1024), "image/png", 400),
        (picture(kind="JPEG"), "image/jpeg", 200),
    ],
)
def test_a_picture_fits_its_menu(
    line: Line, make_menu: MakeMenu, content: bytes, kind: str, status: int
) -> None:
    assert upload(line, make_menu(drawn=False), content, kind).status == status


def test_a_picture_is_never_replaced(line: Line, make_menu: MakeMenu) -> None:
    refused = upload(line, make_menu(), picture())
    assert refused.json == {"message": "An image has already been uploaded to the richmenu"}


def test_a_persons_own_menu_goes_before_the_default(
    line: Line, make_menu: MakeMenu, make_person: MakePerson
) -> None:
    default, own, user = make_menu(), make_menu(), make_person()
    assert line.chat(user)["menu"] is None
    line.call("POST", f"/v2/bot/user/all/richmenu/{default}")
    assert line.chat(user)["menu"]["richMenuId"] == default
    line.call("POST", f"/v2/bot/user/{user}/richmenu/{own}")
    assert line.chat(user)["menu"]["richMenuId"] == own
    assert line.call("GET", f"/v2/bot/user/{user}/richmenu").json == {"richMenuId": own}
    line.call("DELETE", f"/v2/bot/user/{user}/richmenu")
    assert line.chat(user)["menu"]["richMenuId"] == default
    line.call("DELETE", "/v2/bot/user/all/richmenu")
    assert line.call("GET", "/v2/bot/user/all/richmenu").status == 404


def test_the_page_gets_the_picture_without_a_token(
    line: Line, make_menu: MakeMenu, make_person: MakePerson
) -> None:
    line.call("POST", f"/v2/bot/user/all/richmenu/{make_menu()}")
    shown = line.chat(make_person())["menu"]
    fetched = line.call("GET", shown["imageUrl"], headers={"Authorization": ""})
    assert fetched.headers["Content-Type"] == "image/png"


def test_a_menu_without_a_picture_is_shown_to_nobody(
    line: Line, make_menu: MakeMenu, make_person: MakePerson
) -> None:
    bare, user = make_menu(drawn=False), make_person()
    for path in (f"/v2/bot/user/all/richmenu/{bare}", f"/v2/bot/user/{user}/richmenu/{bare}"):
        refused = line.call("POST", path)
        assert (refused.status, refused.json["message"]) == (
            400,
            "must upload richmenu image before applying it to user",
        )


def test_linking_a_stranger_or_a_blocker_is_accepted_and_does_nothing(
    line: Line, make_menu: MakeMenu, make_person: MakePerson
) -> None:
    menu_id, blocker = make_menu(), make_person()
    line.act(blocker, "unfollow")
    for user in (blocker, "U" + "f" * 32):
        assert line.call("POST", f"/v2/bot/user/{user}/richmenu/{menu_id}").status == 200
        assert line.call("GET", f"/v2/bot/user/{user}/richmenu").status == 404


def test_blocking_drops_the_persons_own_menu(
    line: Line, make_menu: MakeMenu, make_person: MakePerson
) -> None:
    menu_id, user = make_menu(), make_person()
    line.call("POST", f"/v2/bot/user/{user}/richmenu/{menu_id}")
    line.act(user, "unfollow")
    line.act(user, "follow")
    assert line.chat(user)["menu"] is None


def test_many_are_linked_and_unlinked_at_once(
    line: Line, make_menu: MakeMenu, make_person: MakePerson
) -> None:
    menu_id, users = make_menu(), [make_person(), make_person()]
    body = {"richMenuId": menu_id, "userIds": users}
    assert line.call("POST", "/v2/bot/richmenu/bulk/link", body).status == 202
    assert {line.chat(user)["menu"]["richMenuId"] for user in users} == {menu_id}
    refused = line.call("POST", "/v2/bot/richmenu/bulk/link", {**body, "userIds": ["me"]})
    assert "userIds[0]" in refused.json["message"]
    assert line.call("POST", "/v2/bot/richmenu/bulk/unlink", {"userIds": users}).status == 202
    assert line.chat(users[0])["menu"] is None


def test_a_batch_replaces_menus_as_they_were_before_it(
    line: Line, make_menu: MakeMenu, make_person: MakePerson
) -> None:
    a, b, c = make_menu(), make_menu(), make_menu()
    with_a, with_b = make_person(), make_person()
    line.call("POST", f"/v2/bot/user/{with_a}/richmenu/{a}")
    line.call("POST", f"/v2/bot/user/{with_b}/richmenu/{b}")
    operations = [{"type": "link", "from": a, "to": b}, {"type": "link", "from": b, "to": c}]
    done = line.call("POST", "/v2/bot/richmenu/batch", {"operations": operations})
    assert done.status == 202
    assert line.chat(with_a)["menu"]["richMenuId"] == b
    assert line.chat(with_b)["menu"]["richMenuId"] == c
    path = f"/v2/bot/richmenu/progress/batch?requestId={done.headers['x-line-request-id']}"
    assert line.call("GET", path).json["phase"] == "succeeded"


def test_a_batch_that_contradicts_itself_is_refused(line: Line, make_menu: MakeMenu) -> None:
    a, bare = make_menu(), make_menu(drawn=False)
    path = "/v2/bot/richmenu/validate/batch"
    unlink = {"type": "unlink", "from": a}
    for operations in (
        [],
        [unlink, unlink],
        [unlink, {"type": "unlinkAll"}],
        [{"type": "link", "from": a, "to": bare}],
        [{"type": "link", "from": a}],
        [{"type": "unlink", "from": "a"}],
    ):
        assert line.call("POST", path, {"operations": operations}).status == 400
    gone = {"type": "unlink", "from": "richmenu-" + "0" * 32}
    assert line.call("POST", path, {"operations": [gone]}).status == 404
    assert line.call("POST", path, {"operations": [unlink]}).status == 200


def test_an_alias_is_made_pointed_elsewhere_and_removed(line: Line, make_menu: MakeMenu) -> None:
    first, second = make_menu(), make_menu()
    path = "/v2/bot/richmenu/alias"
    body = {"richMenuAliasId": "gold", "richMenuId": first}
    assert line.call("POST", path, body).json == {}
    assert line.call("POST", path, body).json["message"] == "conflict richmenu alias id"
    assert line.call("POST", f"{path}/gold", {"richMenuId": second}).status == 200
    assert line.call("GET", f"{path}/gold").json["richMenuId"] == second
    assert len(line.call("GET", f"{path}/list").json["aliases"]) == 1
    assert line.call("DELETE", f"{path}/gold").status == 200
    assert line.call("GET", f"{path}/gold").json["message"] == "richmenu alias not found"
    assert line.call("POST", path, {**body, "richMenuAliasId": "GOLD"}).status == 400


def test_a_switch_changes_the_menu_and_tells_the_bot(
    line: Line, make_menu: MakeMenu, make_person: MakePerson, bot_server: BotServer
) -> None:
    gold, user = make_menu(), make_person()
    body = {"richMenuAliasId": "gold", "richMenuId": gold}
    line.call("POST", "/v2/bot/richmenu/alias", body)
    action = {"type": "richmenuswitch", "richMenuAliasId": "gold", "data": "to=gold"}
    line.tap(user, action)
    line.tap(user, {**action, "richMenuAliasId": "lost"})
    done, lost = (webhook.event["postback"] for webhook in bot_server.wait_for(2))
    assert done == {
        "data": "to=gold",
        "params": {"newRichMenuAliasId": "gold", "status": "SUCCESS"},
    }
    assert lost["params"]["status"] == "RICHMENU_ALIAS_ID_NOTFOUND"
    assert line.call("GET", f"/v2/bot/user/{user}/richmenu").json == {"richMenuId": gold}


def test_a_deleted_menu_disappears_from_every_phone(
    line: Line, make_menu: MakeMenu, make_person: MakePerson
) -> None:
    menu_id, user = make_menu(), make_person()
    line.call("POST", f"/v2/bot/user/{user}/richmenu/{menu_id}")
    line.call("POST", f"/v2/bot/user/all/richmenu/{menu_id}")
    assert line.call("DELETE", f"/v2/bot/richmenu/{menu_id}").status == 200
    assert line.chat(user)["menu"] is None
    assert line.call("GET", "/v2/bot/user/all/richmenu").status == 404
    assert line.call("DELETE", f"/v2/bot/richmenu/{menu_id}").json == {"message": "Not found"}


def test_a_hundred_menus_an_hour_and_no_more(line: Line) -> None:
    statuses = [line.call("POST", "/v2/bot/richmenu", menu_object()).status for _ in range(101)]
    assert statuses == [200] * 100 + [429]
