"""Devices: the phones and tablets at the counters, for all stores."""

from typing import Any

import structlog
from flask import g, url_for
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from models.device import CODE_LIFE, list_devices, make_enrolment_code, revoke_device
from models.shift import end_shifts_on
from models.shop import list_stores

MINUTE_SECONDS = 60

log = structlog.get_logger()


def show_devices() -> ResponseReturnValue:
    """Show the devices, those in use first."""
    return _show()


def make_code() -> ResponseReturnValue:
    """Make a code that lets one device in, and show it, this once."""
    stores = {store.code: store for store in list_stores(g.session)}
    store = stores[form.needed_choice("store", stores)]
    _, typed = make_enrolment_code(g.session, store, by=current_staff(), now=g.now)
    log.info("device_code_made", store=store.code, by=current_staff().id)
    return _show(code=typed, store=store)


def revoke(device_id: int) -> ResponseReturnValue:
    """Let a device do nothing any more; what goes on there ends at once."""
    t = console_texts()
    device = revoke_device(g.session, device_id, by=current_staff(), now=g.now)
    end_shifts_on(g.session, device.id, g.now)
    log.info("device_revoked", device_id=device_id, by=current_staff().id)
    told = t("已停用 {device}", device=device.name)
    return views.go(url_for("console.settings_devices_show_devices"), told)


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of devices."""
    blueprint.get("/settings/devices", right="settings.see")(show_devices)
    blueprint.post("/settings/devices", right="settings.change")(make_code)
    blueprint.post("/settings/devices/<int:device_id>/revoke", right="settings.change")(revoke)


def _show(**context: Any) -> ResponseReturnValue:
    fresh: dict[str, Any] = {
        "devices": list_devices(g.session),
        "stores": list_stores(g.session),
        "minutes": int(CODE_LIFE.total_seconds()) // MINUTE_SECONDS,
        "code": None,
        "store": None,
    }
    return views.show("settings/devices", **(fresh | context))
