"""The cases behind one clerk's figure, and the note that a manager looked (X13)."""

import structlog
from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.lens_words import titles, why
from models.fraud.figures import FIGURES, ClerkFigures, Figure, clerk_figures
from models.fraud.looking import last_looks, list_cases, note_look
from models.local_day import day_start, last_days
from models.report import NoSuchReport
from models.report.period import SPANS, USUAL_DAYS

LONGEST_FOUND = 200

log = structlog.get_logger()


def show_case(staff_id: int, figure: str) -> ResponseReturnValue:
    """Show the cases behind a figure of a clerk, and who looked at it."""
    t, days = console_texts(), _days()
    clerk, found = _find(staff_id, figure, days)
    first, _ = last_days(days, g.now)
    title, counts = titles(t)[figure]
    return views.show(
        "reports/lens",
        clerk=clerk,
        figure=found,
        title=title,
        counts=counts,
        days=days,
        why=why(t, found),
        cases=list_cases(g.session, found),
        looks=last_looks(g.session, day_start(first)).get((staff_id, figure), ()),
        is_own=staff_id == current_staff().id,
        longest_found=LONGEST_FOUND,
    )


def note_looked(staff_id: int, figure: str) -> ResponseReturnValue:
    """Note in the audit that a manager looked, and what they found."""
    t, days = console_texts(), _days()
    _, found = _find(staff_id, figure, days)
    words = form.needed("found", LONGEST_FOUND)
    note_look(g.session, current_staff(), staff_id, found, found=words, days=days, now=g.now)
    log.info("lens_looked", staff_id=staff_id, figure=figure, by=current_staff().id)
    here = url_for("console.reports_show_case", staff_id=staff_id, figure=figure, days=days)
    return views.go(here, t("已記錄您看過了"))


def _days() -> int:
    asked = request.values.get("days", "")
    return int(asked) if asked in SPANS else USUAL_DAYS


def _find(staff_id: int, name: str, days: int) -> tuple[ClerkFigures, Figure]:
    """Return a clerk and one of their figures. Raises NoSuchReport."""
    clerks = clerk_figures(g.session, *last_days(days, g.now))
    clerk = next((each for each in clerks if each.staff_id == staff_id), None)
    if clerk is None or name not in FIGURES:
        raise NoSuchReport(report=f"lens:{name[:40]}")
    return clerk, next(each for each in clerk.figures if each.name == name)


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the cases' page and its form."""
    path = "/reports/lens/<int:staff_id>/<figure>"
    blueprint.get(path, right="audit.see", endpoint="reports_show_case")(show_case)
    blueprint.post(path, right="members.correct", endpoint="reports_note_looked")(note_looked)
