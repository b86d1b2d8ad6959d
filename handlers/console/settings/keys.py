"""API keys: made, renewed and ended by the owner; a secret is shown once."""

from datetime import timedelta
from typing import Any

import structlog
from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.noting import note_deed
from handlers.console.settings.words import scope_words
from models.api_key import (
    SCOPES,
    ApiKey,
    add_api_key,
    list_api_keys,
    revoke_api_key,
    rotate_api_key,
)
from models.shop import list_stores

LONGEST_NAME = 60
LONGEST_DAYS = 3_650
OVERLAP = timedelta(hours=24)
"""So long the secret of before stays good, for a till to be changed."""

log = structlog.get_logger()


def show_keys() -> ResponseReturnValue:
    """Show the keys, those that open nothing any more last."""
    return _show()


def add() -> ResponseReturnValue:
    """Make a key and show its secret, this once."""
    stores = {store.code: store for store in list_stores(g.session)}
    store = stores[form.needed_choice("store", stores)]
    days = form.whole("days", least=1, most=LONGEST_DAYS)
    key, secret = add_api_key(
        g.session,
        form.needed("name", LONGEST_NAME),
        [scope for scope in request.form.getlist("scope") if scope in SCOPES],
        g.now,
        store_id=store.id,
        expires_at=g.now + timedelta(days=days) if days else None,
        idempotency_key=form.page_key(),
    )
    _note("api_key.add", key)
    return _show(secret=secret, about=key.id)


def rotate(key_id: int) -> ResponseReturnValue:
    """Give a key a new secret and show it; the one before is good for a day."""
    key, secret = rotate_api_key(
        g.session, key_id, g.now, overlap=OVERLAP, idempotency_key=form.page_key()
    )
    _note("api_key.rotate", key)
    return _show(secret=secret, about=key.id)


def revoke(key_id: int) -> ResponseReturnValue:
    """Let a key open nothing any more."""
    t = console_texts()
    if revoke_api_key(g.session, key_id, g.now):
        _note("api_key.revoke", g.session.get_one(ApiKey, key_id))
    return views.go(url_for("console.settings_keys_show_keys"), t("金鑰已停用"))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of API keys."""
    blueprint.get("/settings/keys", right="settings.see")(show_keys)
    blueprint.post("/settings/keys", right="settings.change")(add)
    blueprint.post("/settings/keys/<int:key_id>/rotate", right="settings.change")(rotate)
    blueprint.post("/settings/keys/<int:key_id>/revoke", right="settings.change")(revoke)


def _show(**context: Any) -> ResponseReturnValue:
    keys = list_api_keys(g.session)
    fresh: dict[str, Any] = {
        "keys": sorted(keys, key=lambda key: key.state(g.now) in ("revoked", "expired")),
        "stores": list_stores(g.session),
        "scopes": scope_words(console_texts()),
        "longest": LONGEST_NAME,
        "secret": None,
        "about": None,
    }
    return views.show("settings/keys", **(fresh | context))


def _note(what: str, key: ApiKey) -> None:
    told = {"key": key.prefix, "scopes": key.scopes}
    note_deed(what, f"api_key:{key.id}", after=told, store_id=key.store_id)
    log.info("api_key_changed", what=what, key_id=key.id, by=current_staff().id)
