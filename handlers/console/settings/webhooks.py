"""Webhooks: addresses of other systems that hear of events from us, and what reached them."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import structlog
from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from bot.texts import Texts
from handlers import listening, settings
from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.paging import after_id, next_url
from handlers.listening import DELIVERY_STATES, listener_of
from models import webhook
from models.outbox import KEPT_DAYS
from models.webhook import EVENT_TYPES, Search

SHOWN = 30
LONGEST_URL = 2_000
LONGEST_DESCRIPTION = 200

log = structlog.get_logger()


def show_webhooks() -> ResponseReturnValue:
    """Show who hears of events."""
    counts = webhook.count_by_state(g.session)
    return views.show(
        "settings/webhooks",
        listeners=[listener_of(each, counts, g.now) for each in webhook.list_endpoints(g.session)],
        event_types=EVENT_TYPES,
        listening=listening,
        longest_url=LONGEST_URL,
        longest=LONGEST_DESCRIPTION,
    )


def add() -> ResponseReturnValue:
    """Let an address hear of events, and show it with its secret."""
    staff = current_staff()
    endpoint = webhook.add_endpoint(
        g.session,
        form.needed("url", LONGEST_URL),
        now=g.now,
        events=request.form.getlist("event"),
        description=form.text("description", LONGEST_DESCRIPTION) or "",
        staff_id=staff.id,
        allow_private=settings().demo,
        idempotency_key=form.page_key(),
    )
    log.info("webhook_added", endpoint=endpoint.id, by=staff.id)
    return _show_one(endpoint.id, is_secret_shown=True)


def show_webhook(endpoint_id: int) -> ResponseReturnValue:
    """Show an address and what was brought to it, the newest first."""
    return _show_one(endpoint_id)


def do(endpoint_id: int, deed: str) -> ResponseReturnValue:
    """Do one thing about an address; its secret is shown where that was asked."""
    told = _DEEDS[deed](endpoint_id, console_texts())
    log.info("webhook_changed", endpoint=endpoint_id, deed=deed, by=current_staff().id)
    if deed in ("rotate", "secret"):
        return _show_one(endpoint_id, is_secret_shown=True)
    if deed == "delete":
        return views.go(url_for("console.settings_webhooks_show_webhooks"), told)
    where = url_for("console.settings_webhooks_show_webhook", endpoint_id=endpoint_id)
    return views.go(where, told)


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of webhooks."""
    one = "/settings/webhooks/<int:endpoint_id>"
    deeds = ", ".join(_DEEDS)
    blueprint.get("/settings/webhooks", right="settings.see")(show_webhooks)
    blueprint.post("/settings/webhooks", right="settings.change")(add)
    blueprint.get(one, right="settings.see")(show_webhook)
    blueprint.post(f"{one}/<any({deeds}):deed>", right="settings.change")(do)


def _test(endpoint_id: int, t: Texts) -> str:
    webhook.send_test(g.session, endpoint_id, g.now, idempotency_key=form.page_key())
    return t("已送出測試通知，結果會出現在下面")


def _secret(_endpoint_id: int, _t: Texts) -> str:
    return ""


def _rotate(endpoint_id: int, _t: Texts) -> str:
    webhook.rotate_secret(
        g.session,
        endpoint_id,
        g.now,
        staff_id=current_staff().id,
        idempotency_key=form.page_key(),
    )
    return ""


def _disable(endpoint_id: int, t: Texts) -> str:
    webhook.disable_endpoint(g.session, endpoint_id, g.now, staff_id=current_staff().id)
    return t("已停用")


def _enable(endpoint_id: int, t: Texts) -> str:
    webhook.enable_endpoint(g.session, endpoint_id, g.now, staff_id=current_staff().id)
    return t("已重新啟用")


def _delete(endpoint_id: int, t: Texts) -> str:
    webhook.delete_endpoint(g.session, endpoint_id, g.now, staff_id=current_staff().id)
    return t("已刪除")


def _replay(endpoint_id: int, t: Texts) -> str:
    since = g.now - timedelta(days=KEPT_DAYS)
    count = webhook.replay_failed(g.session, endpoint_id, since, g.now)
    return t("{count} 則重新排入傳送", count=count)


_DEEDS: Mapping[str, Callable[[int, Texts], str]] = {
    "test": _test,
    "secret": _secret,
    "rotate": _rotate,
    "disable": _disable,
    "enable": _enable,
    "delete": _delete,
    "replay": _replay,
}


def _show_one(endpoint_id: int, *, is_secret_shown: bool = False) -> ResponseReturnValue:
    endpoint = webhook.get_endpoint(g.session, endpoint_id)
    state = request.args.get("state")
    search = Search(
        endpoint.id,
        state if state in DELIVERY_STATES else None,
        after_id(),
    )
    found = webhook.list_deliveries(g.session, search, limit=SHOWN + 1)
    shown = found[:SHOWN]
    return views.show(
        "settings/webhook",
        one=listener_of(endpoint, webhook.count_by_state(g.session), g.now),
        secret=webhook.secret_of(settings().secret_key, endpoint) if is_secret_shown else None,
        deliveries=shown,
        next_url=next_url(after=shown[-1].id) if len(found) > SHOWN else None,
        state=search.state,
        states=DELIVERY_STATES,
        listening=listening,
    )
