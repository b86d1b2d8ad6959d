"""Segments: rules over members, built, sized, kept and sent to; and the models that class them."""

from handlers.console.door import ConsoleDoor
from handlers.console.segments import (
    alerts,
    catalogue,
    classes,
    cross,
    editing,
    grid,
    looking,
    moves,
    sending,
    settings,
    sizing,
)
from handlers.console.segments import refusals as refusals  # Their words are registered.


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add all addresses of segments and models."""
    for topic in (
        looking,
        editing,
        catalogue,
        sizing,
        sending,
        classes,
        grid,
        moves,
        cross,
        alerts,
        settings,
    ):
        topic.add_routes(blueprint)
