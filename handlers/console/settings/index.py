"""The settings' first page: what may be set, and how each stands."""

from flask import g
from flask.typing import ResponseReturnValue

from handlers.console import views
from handlers.console.door import ConsoleDoor
from models.channel_check import find_newest_check
from models.quota import PLAN_NAMES, get_plan, month_of
from models.setup_choice import STEPS, list_choices
from models.shop import get_shop, list_stores
from models.staff import list_staff


def show_index() -> ResponseReturnValue:
    """Show all settings, each with a word on how it stands."""
    check = find_newest_check(g.session)
    states = [each["state"] for each in check.findings] if check and check.findings else []
    plan = get_plan(g.session, month_of(g.now))
    return views.show(
        "settings/index",
        shop=get_shop(g.session),
        stores=len(list_stores(g.session)),
        people=sum(one.is_active for one in list_staff(g.session)),
        channel=check,
        is_channel_bad="bad" in states,
        plan_name=PLAN_NAMES.get(plan.code),
        setup_done=len(list_choices(g.session)),
        setup_steps=len(STEPS),
    )


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the first page."""
    blueprint.get("/settings", right="settings.see", endpoint="settings_show_index")(show_index)
