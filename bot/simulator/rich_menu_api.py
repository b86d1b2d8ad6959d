"""LINE's calls about rich menus: menus, pictures, the default, links, batches, aliases."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.limits import check_rich_menu, is_alias_id, is_user_id

from .answers import NOT_FOUND, LineError, answer, invalid_body, read_body, read_json
from .gate import call_of
from .messages import refuse_bad_batch
from .people import Person
from .rich_menu import MAX_ALIASES
from .world import World, world_of

MAX_OPERATIONS = 1_000
_MENU = frozenset({"size", "selected", "name", "chatBarText", "areas"})
_MENU_ID = re.compile(r"richmenu-[0-9a-f]{32}")
_RESUME_KEY = re.compile(r"[0-9a-zA-Z\-_]{1,100}")
_OPERATIONS = {"link": {"type", "from", "to"}, "unlink": {"type", "from"}, "unlinkAll": {"type"}}


async def create(request: web.Request) -> web.Response:
    """POST /v2/bot/richmenu: make a menu, without its picture."""
    menu = world_of(request).menus.create(await _checked_menu(request))
    return answer({"richMenuId": menu.id})


async def validate(request: web.Request) -> web.Response:
    """POST /v2/bot/richmenu/validate: check a menu, make nothing."""
    await _checked_menu(request)
    return answer({})


async def _checked_menu(request: web.Request) -> dict[str, Any]:
    body = await read_json(request, allowed=_MENU)
    violations = check_rich_menu(body)
    if violations:
        raise invalid_body(violations)
    return body


async def list_all(request: web.Request) -> web.Response:
    """GET /v2/bot/richmenu/list."""
    return answer({"richmenus": [menu.listed() for menu in world_of(request).menus]})


async def get(request: web.Request) -> web.Response:
    """GET /v2/bot/richmenu/{richMenuId}."""
    return answer(world_of(request).menus.get(request.match_info["richMenuId"]).listed())


async def delete(request: web.Request) -> web.Response:
    """DELETE /v2/bot/richmenu/{richMenuId}."""
    world = world_of(request)
    world.menus.delete(request.match_info["richMenuId"])
    world.show_menus()
    return answer({})


async def upload_image(request: web.Request) -> web.Response:
    """POST /v2/bot/richmenu/{richMenuId}/content: give a menu its picture."""
    menus = world_of(request).menus
    menus.get(request.match_info["richMenuId"])
    image = await read_body(request)
    menus.upload(request.match_info["richMenuId"], image, request.content_type)
    return answer({})


async def download_image(request: web.Request) -> web.Response:
    """GET /v2/bot/richmenu/{richMenuId}/content, and the phone page's picture."""
    menu = world_of(request).menus.get(request.match_info["richMenuId"])
    if menu.image is None:
        raise LineError(404, NOT_FOUND)
    return web.Response(body=menu.image, content_type=menu.image_type)


async def set_default(request: web.Request) -> web.Response:
    """POST /v2/bot/user/all/richmenu/{richMenuId}."""
    world = world_of(request)
    world.menus.set_default(world.menus.applicable(request.match_info["richMenuId"]).id)
    world.show_menus()
    return answer({})


async def get_default(request: web.Request) -> web.Response:
    """GET /v2/bot/user/all/richmenu."""
    default = world_of(request).menus.default
    if default is None:
        raise LineError(404, "no default richmenu", details=[])
    return answer({"richMenuId": default})


async def clear_default(request: web.Request) -> web.Response:
    """DELETE /v2/bot/user/all/richmenu."""
    world = world_of(request)
    world.menus.set_default(None)
    world.show_menus()
    return answer({})


async def link(request: web.Request) -> web.Response:
    """POST /v2/bot/user/{userId}/richmenu/{richMenuId}: link a friend; for others do nothing."""
    world, user_id = world_of(request), _user_id(request)
    menu = world.menus.applicable(request.match_info["richMenuId"])
    _link(world, [user_id], menu.id)
    return answer({})


async def unlink(request: web.Request) -> web.Response:
    """DELETE /v2/bot/user/{userId}/richmenu."""
    world, user_id = world_of(request), _user_id(request)
    _link(world, [user_id], None)
    return answer({})


async def get_link(request: web.Request) -> web.Response:
    """GET /v2/bot/user/{userId}/richmenu."""
    linked = world_of(request).menus.link_of(_user_id(request))
    if linked is None:
        raise LineError(404, "the user has no richmenu", details=[])
    return answer({"richMenuId": linked})


async def bulk_link(request: web.Request) -> web.Response:
    """POST /v2/bot/richmenu/bulk/link: up to 500 people at once."""
    world = world_of(request)
    names = ("richMenuId", "userIds")
    body = await read_json(request, allowed=frozenset(names), required=names)
    refuse_bad_batch(body["userIds"], "userIds")
    _refuse_bad_menu_id(body["richMenuId"], "richMenuId")
    if world.menus.find(body["richMenuId"]) is None:
        raise LineError(404, "richmenu not found", details=[])
    menu = world.menus.applicable(body["richMenuId"])
    _link(world, body["userIds"], menu.id)
    return answer({}, status=202)


async def bulk_unlink(request: web.Request) -> web.Response:
    """POST /v2/bot/richmenu/bulk/unlink."""
    world = world_of(request)
    body = await read_json(request, allowed=frozenset({"userIds"}), required=("userIds",))
    refuse_bad_batch(body["userIds"], "userIds")
    _link(world, body["userIds"], None)
    return answer({}, status=202)


def _link(world: World, user_ids: list[str], menu_id: str | None) -> None:
    known = (world.people.find(user_id) for user_id in user_ids)
    people: list[Person] = [person for person in known if person is not None]
    world.menus.link(people, menu_id)
    for person in people:
        world.show_menu(person.id)


async def batch(request: web.Request) -> web.Response:
    """POST /v2/bot/richmenu/batch: replace or unlink menus for all who have them."""
    world = world_of(request)
    body = await _checked_batch(request)
    world.menus.replace(body["operations"])
    at = datetime.fromtimestamp(world.now() / 1000, UTC).isoformat(timespec="milliseconds")
    moment = at.replace("+00:00", "Z")
    world.batches[call_of(request).request_id] = {
        "phase": "succeeded",
        "acceptedTime": moment,
        "completedTime": moment,
    }
    world.show_menus()
    return answer({}, status=202)


async def validate_batch(request: web.Request) -> web.Response:
    """POST /v2/bot/richmenu/validate/batch."""
    await _checked_batch(request)
    return answer({})


async def batch_progress(request: web.Request) -> web.Response:
    """GET /v2/bot/richmenu/progress/batch."""
    progress = world_of(request).batches.get(request.query.get("requestId", ""))
    if progress is None:
        raise LineError(404, NOT_FOUND)
    return answer(progress)


async def _checked_batch(request: web.Request) -> dict[str, Any]:
    allowed = frozenset({"operations", "resumeRequestKey"})
    body = await read_json(request, allowed=allowed, required=("operations",))
    operations = body["operations"]
    if not isinstance(operations, list) or not 1 <= len(operations) <= MAX_OPERATIONS:
        raise _bad("operations", f"Size must be between 1 and {MAX_OPERATIONS}")
    key = body.get("resumeRequestKey")
    if key is not None and not (isinstance(key, str) and _RESUME_KEY.fullmatch(key)):
        raise _bad("resumeRequestKey", "invalid resumeRequestKey")
    for index, operation in enumerate(operations):
        _check_operation(world_of(request), operation, f"operations[{index}]")
    kinds = {operation["type"] for operation in operations}
    if "unlinkAll" in kinds and len(operations) > 1:
        raise _bad("operations[].type", "'unlinkAll' type can't be combined with other type")
    sources = [operation.get("from") for operation in operations]
    if len(set(sources)) != len(sources):
        raise _bad("operations[].from", "from richmenu is duplicated")
    return body


def _check_operation(world: World, operation: Any, path: str) -> None:
    kind = operation.get("type") if isinstance(operation, dict) else None
    if kind not in _OPERATIONS:
        raise _bad(f"{path}.type", f"Must be one of the following values: {list(_OPERATIONS)}")
    if set(operation) != _OPERATIONS[kind]:
        raise _bad(path, f"must have exactly {sorted(_OPERATIONS[kind])}")
    for name in ("from", "to"):
        if name not in operation:
            continue
        _refuse_bad_menu_id(operation[name], f"{path}.{name}")
        menu = world.menus.find(operation[name])
        if menu is None:
            raise _bad(f"{path}.{name}", "Richmenu is not found", status=404)
        if name == "to" and menu.image is None:
            raise _bad(f"{path}.to", "'to' richmenu must have image but it doesn't")


async def create_alias(request: web.Request) -> web.Response:
    """POST /v2/bot/richmenu/alias."""
    world = world_of(request)
    names = ("richMenuAliasId", "richMenuId")
    body = await read_json(request, allowed=frozenset(names), required=names)
    if not is_alias_id(body["richMenuAliasId"]):
        raise _bad("richMenuAliasId", "invalid richMenuAliasId")
    _refuse_unfit_for_alias(world, body["richMenuId"])
    if body["richMenuAliasId"] in world.menus.aliases:
        raise LineError(400, "conflict richmenu alias id", details=[])
    if len(world.menus.aliases) >= MAX_ALIASES:
        raise LineError(400, "The maximum number of rich menu aliases has been reached")
    world.menus.set_alias(body["richMenuAliasId"], body["richMenuId"])
    return answer({})


async def update_alias(request: web.Request) -> web.Response:
    """POST /v2/bot/richmenu/alias/{aliasId}: point it at another menu."""
    world = world_of(request)
    body = await read_json(request, allowed=frozenset({"richMenuId"}), required=("richMenuId",))
    alias_id = _known_alias(request)
    _refuse_unfit_for_alias(world, body["richMenuId"])
    world.menus.set_alias(alias_id, body["richMenuId"])
    return answer({})


async def get_alias(request: web.Request) -> web.Response:
    """GET /v2/bot/richmenu/alias/{aliasId}."""
    alias_id = _known_alias(request)
    return answer(
        {"richMenuAliasId": alias_id, "richMenuId": world_of(request).menus.aliases[alias_id]}
    )


async def delete_alias(request: web.Request) -> web.Response:
    """DELETE /v2/bot/richmenu/alias/{aliasId}."""
    world_of(request).menus.set_alias(_known_alias(request), None)
    return answer({})


async def list_aliases(request: web.Request) -> web.Response:
    """GET /v2/bot/richmenu/alias/list."""
    aliases = world_of(request).menus.aliases
    return answer(
        {
            "aliases": [
                {"richMenuAliasId": alias_id, "richMenuId": menu_id}
                for alias_id, menu_id in aliases.items()
            ]
        }
    )


def _known_alias(request: web.Request) -> str:
    alias_id = request.match_info["aliasId"]
    if not is_alias_id(alias_id):
        raise _bad("richMenuAliasId", "invalid richMenuAliasId")
    if alias_id not in world_of(request).menus.aliases:
        raise LineError(404, "richmenu alias not found", details=[])
    return alias_id


def _refuse_unfit_for_alias(world: World, menu_id: Any) -> None:
    _refuse_bad_menu_id(menu_id, "richMenuId")
    menu = world.menus.find(menu_id)
    if menu is None or menu.image is None:
        raise LineError(400, "richmenu not found", details=[])


def _refuse_bad_menu_id(menu_id: Any, path: str) -> None:
    if not isinstance(menu_id, str) or not _MENU_ID.fullmatch(menu_id):
        raise _bad(path, "invalid richMenuId")


def _bad(path: str, message: str, *, status: int = 400) -> LineError:
    error = invalid_body([{"property": path, "message": message}])
    error.status = status
    return error


def _user_id(request: web.Request) -> str:
    user_id = request.match_info["userId"]
    if not is_user_id(user_id):
        raise LineError(400, "The value for the 'userId' parameter is invalid")
    call_of(request).user = user_id
    return user_id
