"""The set-up wizard (D-06): goal, value, tiers, platform, promote, improve; each step is kept."""

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers import settings
from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from models.announcement import announcement, draft_announcement
from models.api_key import list_api_keys
from models.channel_check import find_newest_check
from models.consent import get_notice
from models.device import list_devices
from models.exchange import count_batches
from models.prepared import find_prepared
from models.quota import get_plan, month_of
from models.setup_choice import (
    GOAL,
    GOALS,
    IMPROVE,
    LONGEST_ANSWER,
    PLATFORM,
    PLATFORM_POINTS,
    PROMOTE,
    STEPS,
    TIERS,
    VALUE,
    SetupRefused,
    choose_setup,
    list_choices,
)
from models.shop import LANGUAGES, list_stores
from models.staff import list_staff
from models.tier import list_tiers, list_versions

FIGURE = "tier_readiness"
LONGEST_TEXT = 5_000
MOST_TWD = 10_000_000
MOST_VISITS = 1_000
WAYS = ("preset", "own", "later")
LOOKS = ("kpi", "health", "alerts", "survey", "renewal")
"""What is looked at once it runs."""

log = structlog.get_logger()


def show_wizard() -> ResponseReturnValue:
    """Show the first step that nobody decided, or the overview where all are."""
    choices = list_choices(g.session)
    left = next((step for step in STEPS if step not in choices), STEPS[-1])
    return _show(request.args.get("step", left))


def choose(step: str) -> ResponseReturnValue:
    """Keep what was decided at a step, and go on to the next."""
    t = console_texts()
    if step not in STEPS:
        raise SetupRefused(step=step)
    choose_setup(g.session, step, _READ[step](), by=current_staff(), now=g.now)
    log.info("setup_chosen", step=step, by=current_staff().id)
    place = STEPS.index(step) + 1
    if place == len(STEPS):
        told = t("設定精靈完成了，之後隨時可以回來修改")
        return views.go(url_for("console.settings_show_index"), told)
    return views.go(url_for("console.settings_wizard_show_wizard", step=STEPS[place]))


def announce() -> ResponseReturnValue:
    """Keep the announcement as a campaign's draft, and lead there."""
    t = console_texts()
    texts = {language: form.needed(f"text.{language}", LONGEST_TEXT) for language in LANGUAGES}
    campaign = draft_announcement(g.session, texts, by=current_staff(), now=g.now)
    log.info("announcement_drafted", campaign=campaign.code, by=current_staff().id)
    told = t("公告已存成活動草稿，請選時間後送出")
    return views.go(url_for("console.campaigns_editing_show_edit", code=campaign.code), told)


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of the wizard."""
    blueprint.get("/settings/setup", right="settings.see")(show_wizard)
    blueprint.post("/settings/setup/announce", right="settings.change")(announce)
    blueprint.post("/settings/setup/<step>", right="settings.change")(choose)


def _show(step: str) -> ResponseReturnValue:
    if step not in STEPS:
        raise SetupRefused(step=step[:20])
    choices = list_choices(g.session)
    told: Mapping[str, Any] = choices[step].told if step in choices else {}
    return views.show(
        "settings/wizard",
        step=step,
        steps=STEPS,
        choices=choices,
        values=told,
        longest=LONGEST_ANSWER,
        **_CONTEXT.get(step, dict)(),
    )


def _tiers_context() -> dict[str, Any]:
    return {
        "ready": find_prepared(g.session, FIGURE),
        "figure": FIGURE,
        "ladder": list_tiers(g.session),
        "versions": len(list_versions(g.session)),
        "ways": WAYS,
    }


def _platform_context() -> dict[str, Any]:
    """Return what there is of what a membership runs on, each with whether it is there."""
    check = find_newest_check(g.session)
    states = [each["state"] for each in (check.findings or [])] if check else []
    return {
        "points": PLATFORM_POINTS,
        "plan": get_plan(g.session, month_of(g.now)),
        "is_channel_good": bool(states) and "bad" not in states,
        "stores": len(list_stores(g.session)),
        "people": sum(one.is_active for one in list_staff(g.session)),
        "devices": sum(device.revoked_at is None for device, _ in list_devices(g.session)),
        "keys": sum(key.state(g.now) == "active" for key in list_api_keys(g.session)),
        "batches": count_batches(g.session),
        "article": get_notice(g.session),
    }


def _promote_context() -> dict[str, Any]:
    return {
        "texts": announcement(g.session, g.now),
        "languages": LANGUAGES,
        "stores": list_stores(g.session),
        "base_url": settings().public_base_url,
        "longest_text": LONGEST_TEXT,
    }


_CONTEXT: Mapping[str, Callable[[], dict[str, Any]]] = {
    GOAL: lambda: {"goals": GOALS},
    TIERS: _tiers_context,
    PLATFORM: _platform_context,
    PROMOTE: _promote_context,
    IMPROVE: lambda: {"looks": LOOKS},
}


def _read_goal() -> dict[str, Any]:
    until = form.day("until")
    return {
        "first": form.needed_choice("first", GOALS),
        "target": form.text("target", LONGEST_ANSWER) or "",
        "until": until.isoformat() if until else "",
    }


def _read_value() -> dict[str, Any]:
    return {
        "basket_twd": form.needed_whole("basket_twd", least=1, most=MOST_TWD),
        "visits": form.needed_whole("visits", least=1, most=MOST_VISITS),
        "margin_percent": form.needed_whole("margin_percent", least=0, most=100),
        "why": form.text("why", LONGEST_ANSWER) or "",
    }


def _read_tiers() -> dict[str, Any]:
    return {"way": form.needed_choice("way", WAYS)}


def _read_platform() -> dict[str, Any]:
    return {point: form.text(point, LONGEST_ANSWER) or "" for point in PLATFORM_POINTS}


def _read_promote() -> dict[str, Any]:
    return {"where": form.text("where", LONGEST_ANSWER) or ""}


def _read_improve() -> dict[str, Any]:
    return {look: form.flag(look) for look in LOOKS}


_READ: Mapping[str, Callable[[], dict[str, Any]]] = {
    GOAL: _read_goal,
    VALUE: _read_value,
    TIERS: _read_tiers,
    PLATFORM: _read_platform,
    PROMOTE: _read_promote,
    IMPROVE: _read_improve,
}
