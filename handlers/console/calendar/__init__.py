"""The calendar: what is sent to whom on which day, festivals, and moving what is planned (X9)."""

from handlers.console.calendar import days, festivals, moving, theirs
from handlers.console.door import ConsoleDoor


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the calendar's addresses."""
    for topic in (days, moving, theirs, festivals):
        topic.add_routes(blueprint)
