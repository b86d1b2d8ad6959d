"""Beginning a journey: from a template, or from a cause with nothing behind it yet."""

from flask import g, url_for
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.journeys.words import ICONS
from models.base import in_language
from models.journey import TRIGGERS, add_journey, list_journeys, parse_definition
from models.journey.editing import Json, Place, insert_step
from models.journey.refusals import JourneyExists
from models.journey.table import LONGEST_CODE, LONGEST_NAME
from models.journey.templates import TEMPLATES, install_template
from models.journey.trigger import Trigger


def show_templates() -> ResponseReturnValue:
    """Show the journeys that are ready, and a form for one of one's own."""
    t = console_texts()
    installed = {journey.code for journey in list_journeys(g.session, with_archived=True)}
    return views.show(
        "journeys/templates",
        templates=TEMPLATES.values(),
        installed=installed,
        icons=ICONS,
        triggers=[(code, in_language(dict(each.names), t.language)) for code, each in _plain()],
        longest_name=LONGEST_NAME,
        steps_of=lambda definition: definition["steps"],
    )


def install(template: str) -> ResponseReturnValue:
    """Install a template as a draft, with the coupons and surveys it needs."""
    t = console_texts()
    by = current_staff()
    journey = install_template(g.session, template, by=by.username, now=g.now, activate=False)
    return views.go(
        url_for("console.journeys_editing_show_editor", code=journey.code),
        t("範本已加入為草稿。看過內容後再啟用。"),
    )


def begin() -> ResponseReturnValue:
    """Begin a journey of one's own: its name, what starts it, and one step to change."""
    by, t = current_staff(), console_texts()
    name = form.needed("name", LONGEST_NAME)
    on = form.needed_choice("on", dict(_plain()))
    told: Json = {"schema": 1, "trigger": {"on": on}, "steps": []}
    told, _ = insert_step(told, "send", Place())
    told, _ = insert_step(told, "wait", Place())
    typed = form.text("code", LONGEST_CODE)
    code = typed or form.page_code(on.replace("_", "-"))
    try:
        add_journey(
            g.session,
            code,
            {"zh-TW": name},
            parse_definition(told),
            by=by.username,
            now=g.now,
            staff_id=by.id,
        )
    except JourneyExists:
        if typed:
            raise
        g.session.rollback()  # The same page, sent again: its journey is there.
    return views.go(
        url_for("console.journeys_editing_show_editor", code=code),
        t("旅程已建立為草稿。把步驟改成您要的，再啟用。"),
    )


def _plain() -> list[tuple[str, Trigger]]:
    """Return the triggers that can do without being told anything; the others are chosen later."""
    return [
        (code, trigger)
        for code, trigger in TRIGGERS.items()
        if not any(param.required for param in trigger.params)
    ]


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the gallery of templates."""
    blueprint.get("/journey-templates", right="see")(show_templates)
    blueprint.post("/journey-templates", right="campaigns.change")(begin)
    blueprint.post("/journey-templates/<template>", right="campaigns.change")(install)
