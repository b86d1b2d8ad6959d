"""Presets: a membership to begin with by trade; shown beside one's own, then applied (A-09)."""

from datetime import timedelta

import structlog
from flask import g, url_for
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from models.base import in_language
from models.journey.table import Journey
from models.journey.templates import TEMPLATES
from models.local_day import local_day
from models.preset import PRESETS, PresetRefused, apply_preset, get_preset, shown_tiers
from models.stamp_card import list_stamp_programmes

log = structlog.get_logger()


def show_presets() -> ResponseReturnValue:
    """Show the trades to choose from."""
    return views.show("settings/presets", presets=list(PRESETS.values()))


def show_preset(code: str) -> ResponseReturnValue:
    """Show what a preset would make of the shop, beside what it has; nothing is changed."""
    preset = get_preset(code)
    return views.show(
        "settings/preset",
        preset=preset,
        tiers=shown_tiers(g.session, preset),
        resting=[
            programme
            for programme in list_stamp_programmes(g.session)
            if programme.is_active and programme.code != preset.stamp.code
        ],
        journeys=[(TEMPLATES[each], g.session.get(Journey, each)) for each in preset.journeys],
        tomorrow=local_day(g.now) + timedelta(days=1),
    )


def apply(code: str) -> ResponseReturnValue:
    """Make the shop's membership that of the preset."""
    effective_on, key = form.day("effective_on"), form.page_key()
    if effective_on is None:
        raise PresetRefused(why="day")
    staff = current_staff()
    preset = apply_preset(g.session, code, effective_on, by=staff, key=key, now=g.now)
    log.info("preset_applied", preset=code, by=staff.id)
    t = console_texts()
    told = t(
        "已套用「{name}」，等級規則 {day} 起生效",
        name=in_language(preset.names, t.language),
        day=t.date(effective_on),
    )
    return views.go(url_for("console.settings_show_index"), told)


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of presets."""
    blueprint.get("/settings/presets", right="settings.see")(show_presets)
    blueprint.get("/settings/presets/<code>", right="settings.see")(show_preset)
    blueprint.post("/settings/presets/<code>", right="settings.change")(apply)
