"""All doors of the simulator, on one page."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from . import account_api, control, messages, phone, rich_menu_api

_HERE = Path(__file__).resolve().parent
PAGE = _HERE / "page" / "index.html"
ASSETS = _HERE / "assets"


async def show_page(_: web.Request) -> web.FileResponse:
    """GET /: the phone."""
    return web.FileResponse(PAGE, headers={"Cache-Control": "no-cache"})


async def show_asset(request: web.Request) -> web.FileResponse:
    """GET /assets/{name}: a built file of the page, also one built while we run."""
    path = (ASSETS / request.match_info["name"]).resolve()
    if not path.is_relative_to(ASSETS) or not path.is_file():
        raise web.HTTPNotFound
    return web.FileResponse(path, headers={"Cache-Control": "no-cache"})


def line_routes() -> list[web.RouteDef]:
    """Return LINE's own endpoints."""
    return [
        web.post("/v2/bot/message/reply", messages.reply),
        web.post("/v2/bot/message/push", messages.push),
        web.post("/v2/bot/message/multicast", messages.multicast),
        web.post("/v2/bot/message/narrowcast", messages.narrowcast),
        web.post("/v2/bot/message/broadcast", messages.broadcast),
        web.get("/v2/bot/message/progress/narrowcast", messages.narrowcast_progress),
        *(
            web.post(f"/v2/bot/message/validate/{via}", messages.validate)
            for via in ("reply", "push", "multicast", "narrowcast", "broadcast")
        ),
        web.post("/v2/bot/chat/loading/start", messages.start_loading),
        web.post("/v2/bot/chat/markAsRead", account_api.mark_as_read),
        web.get("/v2/bot/message/quota", account_api.quota),
        web.get("/v2/bot/message/quota/consumption", account_api.consumption),
        web.get(
            "/v2/bot/message/delivery/{via:reply|push|multicast|broadcast}", account_api.delivered
        ),
        web.get("/v2/bot/message/aggregation/info", account_api.aggregation_count),
        web.get("/v2/bot/message/aggregation/list", account_api.aggregation_names),
        web.get("/v2/bot/message/{messageId}/content", account_api.message_content),
        web.get("/v2/bot/message/{messageId}/content/preview", account_api.message_content),
        web.get("/v2/bot/profile/{userId}", account_api.profile),
        web.get("/v2/bot/followers/ids", account_api.followers),
        web.get("/v2/bot/info", account_api.bot_info),
        web.post("/v2/bot/user/{userId}/linkToken", account_api.issue_link_token),
        web.get("/v2/bot/insight/followers", account_api.insight_followers),
        web.get("/v2/bot/insight/demographic", account_api.insight_demographic),
        web.get("/v2/bot/insight/message/delivery", account_api.insight_delivery),
        web.get("/v2/bot/insight/message/event", account_api.insight_message),
        web.get("/v2/bot/insight/message/event/aggregation", account_api.insight_unit),
        web.get("/v2/bot/channel/webhook/endpoint", account_api.get_webhook),
        web.put("/v2/bot/channel/webhook/endpoint", account_api.set_webhook),
        web.post("/v2/bot/channel/webhook/test", account_api.test_webhook),
        web.post("/oauth2/v3/token", account_api.issue_stateless_token),
        web.post("/v2/oauth/verify", account_api.verify_token),
        *_rich_menu_routes(),
    ]


def _rich_menu_routes() -> list[web.RouteDef]:
    # The fixed paths stand before those with a parameter: the first match wins.
    return [
        web.post("/v2/bot/richmenu", rich_menu_api.create),
        web.post("/v2/bot/richmenu/validate", rich_menu_api.validate),
        web.get("/v2/bot/richmenu/list", rich_menu_api.list_all),
        web.post("/v2/bot/richmenu/bulk/link", rich_menu_api.bulk_link),
        web.post("/v2/bot/richmenu/bulk/unlink", rich_menu_api.bulk_unlink),
        web.post("/v2/bot/richmenu/batch", rich_menu_api.batch),
        web.post("/v2/bot/richmenu/validate/batch", rich_menu_api.validate_batch),
        web.get("/v2/bot/richmenu/progress/batch", rich_menu_api.batch_progress),
        web.post("/v2/bot/richmenu/alias", rich_menu_api.create_alias),
        web.get("/v2/bot/richmenu/alias/list", rich_menu_api.list_aliases),
        web.get("/v2/bot/richmenu/alias/{aliasId}", rich_menu_api.get_alias),
        web.post("/v2/bot/richmenu/alias/{aliasId}", rich_menu_api.update_alias),
        web.delete("/v2/bot/richmenu/alias/{aliasId}", rich_menu_api.delete_alias),
        web.get("/v2/bot/richmenu/{richMenuId}", rich_menu_api.get),
        web.delete("/v2/bot/richmenu/{richMenuId}", rich_menu_api.delete),
        web.post("/v2/bot/richmenu/{richMenuId}/content", rich_menu_api.upload_image),
        web.get("/v2/bot/richmenu/{richMenuId}/content", rich_menu_api.download_image),
        web.get("/v2/bot/user/all/richmenu", rich_menu_api.get_default),
        web.delete("/v2/bot/user/all/richmenu", rich_menu_api.clear_default),
        web.post("/v2/bot/user/all/richmenu/{richMenuId}", rich_menu_api.set_default),
        web.get("/v2/bot/user/{userId}/richmenu", rich_menu_api.get_link),
        web.delete("/v2/bot/user/{userId}/richmenu", rich_menu_api.unlink),
        web.post("/v2/bot/user/{userId}/richmenu/{richMenuId}", rich_menu_api.link),
    ]


def phone_routes() -> list[web.RouteDef]:
    """Return the phone page's endpoints, and those of tests and developers."""
    return [
        web.get("/", show_page),
        web.get("/assets/{name:.+}", show_asset),
        web.get("/_sim/people", phone.list_people),
        web.post("/_sim/people", phone.create_person),
        web.get("/_sim/chat", phone.show_chat),
        web.get("/_sim/live", phone.watch),
        web.post("/_sim/act", phone.act),
        web.post("/_sim/raw", control.send_raw),
        web.post("/_sim/redeliver", control.redeliver),
        web.get("/_sim/requests", control.list_requests),
        web.delete("/_sim/requests", control.forget_requests),
        web.get("/_sim/faults", control.get_faults),
        web.put("/_sim/faults", control.change_faults),
        web.delete("/_sim/faults", control.clear_faults),
        web.put("/_sim/quota", control.change_quota),
        web.post("/_sim/seed", control.plant),
        web.get("/_sim/richmenu/{richMenuId}/image", control.menu_image),
        web.get("/_sim/content/{contentId}", control.content),
        web.get("/_sim/icon.svg", control.icon),
    ]
