"""What the staff is to do for members on journeys: the list, and ticking off."""

from datetime import date, datetime

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.address import read_id
from handlers.console import paging, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from models.journey.tasks import OpenTask, finish_task, list_done_tasks, list_tasks

A_PAGE = 50


def show_tasks() -> ResponseReturnValue:
    """Show what is to be done, or what was."""
    is_done = request.args.get("done") == "1"
    found = _done() if is_done else _open()
    shown = found[:A_PAGE]
    more = paging.next_url(after=_place(shown[-1])) if len(found) > A_PAGE else None
    return views.show(
        "journeys/tasks", fragment="journeys/_tasks", tasks=shown, more=more, is_done=is_done
    )


def _open() -> list[OpenTask]:
    place = _asked_place()
    after = None if place is None else (date.fromisoformat(place[0]), place[1])
    return list_tasks(g.session, g.now, after=after, limit=A_PAGE + 1)


def _done() -> list[OpenTask]:
    place = _asked_place()
    before = None if place is None else (datetime.fromisoformat(place[0]), place[1])
    return list_done_tasks(g.session, before=before, limit=A_PAGE + 1)


def _place(last: OpenTask) -> str:
    """Write where a page ends: the day or moment by which the list is sorted, and the id."""
    task = last.task
    at = task.due_on if task.done_at is None else task.done_at
    return f"{at.isoformat()}~{task.id}"


def _asked_place() -> tuple[str, int] | None:
    """Return where the page before ended; None for the first page, or where it says nothing."""
    at, _, typed = (paging.after() or "").partition("~")
    task_id = read_id(typed)
    try:
        datetime.fromisoformat(at)
    except ValueError:
        return None
    return None if task_id is None else (at, task_id)


def finish(task_id: int) -> ResponseReturnValue:
    """Tick a task off."""
    t = console_texts()
    finish_task(g.session, task_id, current_staff(), g.now)
    url = url_for("console.journeys_tasks_show_tasks")
    return views.go(url, t("已完成這件待辦。"))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the list of tasks."""
    blueprint.get("/journey-tasks", right="members.see")(show_tasks)
    blueprint.post("/journey-tasks/<int:task_id>", right="members.change")(finish)
