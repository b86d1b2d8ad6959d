"""Journeys: the list, the gallery, the editor, who is on the way, reports, tasks and surveys."""

from handlers.console.door import ConsoleDoor
from handlers.console.journeys import (
    editing,
    listing,
    people,
    publishing,
    report,
    showing,
    starting,
    surveys,
    tasks,
)
from handlers.console.journeys import refusals as refusals  # Their words are registered.


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses about journeys and surveys."""
    for topic in (listing, starting, tasks, surveys, showing, editing, publishing, people, report):
        topic.add_routes(blueprint)
