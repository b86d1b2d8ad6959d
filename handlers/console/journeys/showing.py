"""One journey: its way with who came, waits and left at each step, and what can be done with it."""

from collections.abc import Callable
from typing import Any

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.address import read_whole
from handlers.console import views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.journeys.drafting import draft_name
from handlers.console.journeys.words import (
    ICONS,
    TONES,
    branch_name,
    kind_names,
    names_in_shop,
    state_name,
    step_line,
)
from models.base import most_first
from models.journey import (
    activate_journey,
    archive_journey,
    definition_of,
    get_journey,
    get_version,
    list_versions,
    pause_journey,
)
from models.journey.counted import FIGURE, find_numbers
from models.journey.definition import EACH, ONCE, Definition
from models.journey.editing import Json, flow_of
from models.journey.wording import cause_text, reason_text

MOST_VERSIONS = 50


def show_journey(code: str) -> ResponseReturnValue:
    """Show a journey, of all its versions or of one."""
    journey = get_journey(g.session, code)
    asked = read_whole(request.args.get("version"))
    version = get_version(g.session, code, asked)
    definition = definition_of(version)
    counted = find_numbers(g.session, code, asked, g.now)
    told = definition.as_json()
    return views.show(
        "journeys/journey",
        journey=journey,
        version=version,
        asked_version=asked,
        versions=list_versions(g.session, code)[:MOST_VERSIONS],
        definition=definition,
        terms=terms_of(definition),
        counted=counted,
        figure_name=FIGURE,
        others=views.edited_by_others(draft_name(code)),
        has_draft=views.draft_values(draft_name(code)) is not None,
        **flow_words(told, definition),
    )


def flow_words(told: Json, definition: Definition | None = None) -> dict[str, Any]:
    """Return what a template needs to draw a way: its steps, and how each is called."""
    t = console_texts()
    way, loose = flow_of(told)
    names = names_in_shop(g.session, t.language)
    lines = {step["id"]: step_line(told, step, t, names) for step in told["steps"]}
    return {
        "way": way,
        "loose": loose,
        "lines": lines,
        "icons": ICONS,
        "tones": TONES,
        "kinds": kind_names(t),
        "branch_name": lambda branch: branch_name(t, branch),
        "state_name": lambda state: state_name(t, state),
        "most_first": most_first,
        "why_name": lambda why: reason_text(why, t.language, definition),
    }


def terms_of(definition: Definition) -> list[tuple[str, str]]:
    """Return what holds of a whole journey, as label and value."""
    t = console_texts()
    names = names_in_shop(g.session, t.language)
    again = {ONCE: t("每人只走一次"), EACH: t("每次觸發都走一次")}
    hold = definition.hold_minutes
    return [
        (t("觸發"), cause_text(definition.cause, t.language, names)),
        (
            t("再次進入"),
            again.get(str(definition.reentry)) or t("隔 {days} 天可再走", days=definition.reentry),
        ),
        (
            t("提前離開"),
            t("；").join(cause_text(each, t.language, names) for each in definition.exits)
            or t("無"),
        ),
        (t("類型"), t("行銷訊息") if definition.is_marketing else t("服務訊息")),
        (t("對照組"), f"{definition.holdout_percent}%"),
        (t("等待回覆順便帶出"), t("{minutes} 分鐘", minutes=hold) if hold else t("不等")),
    ]


def activate(code: str) -> ResponseReturnValue:
    """Switch a journey on."""
    activate_journey(g.session, code, now=g.now, staff_id=current_staff().id)
    return _back(code, lambda t: t("已啟用：從現在起發生的事才會開始旅程。"))


def pause(code: str) -> ResponseReturnValue:
    """Stop a journey where it stands."""
    pause_journey(g.session, code, now=g.now, staff_id=current_staff().id)
    return _back(code, lambda t: t("已暫停：沒有人會再往下走，也不會發出訊息。"))


def archive(code: str) -> ResponseReturnValue:
    """End a journey for good."""
    archive_journey(g.session, code, now=g.now, staff_id=current_staff().id)
    return _back(code, lambda t: t("已封存：在路上的會員幾分鐘內會離開。"))


def _back(code: str, words: Callable[[Any], str]) -> ResponseReturnValue:
    url = url_for("console.journeys_showing_show_journey", code=code)
    return views.go(url, words(console_texts()))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add one journey's page and its switches."""
    blueprint.get("/journeys/<code>", right="see")(show_journey)
    blueprint.post("/journeys/<code>/activate", right="campaigns.change")(activate)
    blueprint.post("/journeys/<code>/pause", right="campaigns.change")(pause)
    blueprint.post("/journeys/<code>/archive", right="campaigns.change")(archive)
