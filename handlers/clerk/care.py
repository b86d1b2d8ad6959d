"""Members to care for: whom to call before they are lost, why, and what came of the calls."""

from dataclasses import dataclass
from typing import Any

import structlog
from flask import g, request
from flask.typing import ResponseReturnValue

from handlers.clerk import door, pending, views
from handlers.notice import Notice
from models.care_task import (
    LONGEST_NOTE,
    OUTCOMES,
    CareTask,
    care_report,
    list_care_tasks,
    tick_care_task,
)
from models.member import Member, shown_number
from models.programme import get_programme
from models.tier import Tier

REOPEN = "reopen"

log = structlog.get_logger()


@dataclass(frozen=True)
class Row:
    """One task as the list shows it; the name unmasked, for the member is called by it."""

    task: CareTask
    member: Member
    tier: Tier
    reasons: tuple[str, ...]


def show_care_tasks() -> ResponseReturnValue:
    """Show whom to call, and who was called in the last 30 days."""
    pending.get_manager()
    return _show()


def tick_care(task_id: int) -> ResponseReturnValue:
    """Note what came of a call, or that there was none after all."""
    manager = pending.get_manager()
    asked = request.form.get("outcome", "")
    outcome = None if asked == REOPEN else asked
    note = request.form.get("note", "")
    task = tick_care_task(g.session, task_id, manager, outcome, note_text=note, now=g.now)
    log.info("care_task_ticked", task_id=task.id, outcome=outcome, by=manager.id)
    return _show(done=outcome or REOPEN)


def add_routes(blueprint: door.Door) -> None:
    """Add the list's addresses."""
    blueprint.get("/care")(show_care_tasks)
    blueprint.post("/care/<int:task_id>")(tick_care)
    blueprint.get("/care/<int:task_id>")(views.back_to_scan)


def _show(status: int = 200, **context: Any) -> ResponseReturnValue:
    programme, language = get_programme(g.session), door.clerk_texts().language
    rows = [
        Row(
            task,
            member,
            programme.tier(member.tier_id),
            tuple(reason.text(language) for reason in task.told_reasons()),
        )
        for task, member in list_care_tasks(g.session, g.now)
    ]
    fresh = {
        "open_rows": [row for row in rows if row.task.done_at is None],
        "done_rows": [row for row in rows if row.task.done_at is not None],
        "report": care_report(g.session, g.now),
        "outcomes": OUTCOMES,
        "longest_note": LONGEST_NOTE,
        "reopen": REOPEN,
        "shown_number": shown_number,
        "done": None,
    }
    return views.show("care", status, **(fresh | context))


@views.shows_again("clerk.tick_care")
def _show_again(notice: Notice, status: int) -> ResponseReturnValue:
    pending.get_manager()
    return _show(status, notice=notice)
