"""The LINE channel: what LINE said of it when it was last looked at, and what to do (U19)."""

import structlog
from flask import g, url_for
from flask.typing import ResponseReturnValue

from bot.channel_check import BAD, OK, UNKNOWN, WARN, Finding
from handlers import settings
from handlers.console import views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.settings.channel_words import advise
from models.channel_check import ask_check, find_newest_check

CALLBACK = "/callback"
WORST_FIRST = (BAD, WARN, UNKNOWN, OK)

log = structlog.get_logger()


def show_channel() -> ResponseReturnValue:
    """Show the findings of the last look; while a worker looks, the page asks now and then."""
    check, t = find_newest_check(g.session), console_texts()
    findings = [
        (found, advise(t, found))
        for found in (Finding(**each) for each in (check.findings or [] if check else []))
    ]
    states = [found.state for found, _ in findings]
    return views.show(
        "settings/channel",
        fragment="settings/_findings",
        check=check,
        findings=findings,
        worst=next((state for state in WORST_FIRST if state in states), None),
        is_waiting=check is not None and check.is_waiting(g.now),
        webhook_url=settings().public_base_url + CALLBACK,
    )


def look() -> ResponseReturnValue:
    """Have the channel looked at."""
    check = ask_check(g.session, current_staff(), g.now)
    log.info("channel_check_asked", check=check.id, by=current_staff().id)
    return views.go(url_for("console.settings_channel_show_channel"))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of the channel's check."""
    blueprint.get("/settings/channel", right="settings.see")(show_channel)
    blueprint.post("/settings/channel", right="settings.see")(look)
