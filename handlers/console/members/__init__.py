"""Members: found, listed, and each with everything the shop knows of them."""

from handlers.console.door import ConsoleDoor
from handlers.console.members import (
    binding,
    correcting,
    grading,
    handing_out,
    leaving,
    listing,
    merging,
    notes,
    page,
    reasons,
    story,
    tags,
)
from handlers.console.members import refusals as refusals  # Their words are registered.


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add all addresses of members."""
    for topic in (
        listing,
        page,
        story,
        reasons,
        notes,
        tags,
        correcting,
        grading,
        merging,
        binding,
        leaving,
        handing_out,
    ):
        topic.add_routes(blueprint)
