"""Campaigns: the list, the editor with its phone, confirmation, approval, progress, results."""

from handlers.console.campaigns import (
    confirming,
    content,
    editing,
    listing,
    proof,
    results,
    standing,
    steps,
)
from handlers.console.door import ConsoleDoor


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the campaigns' pages."""
    for topic in (listing, content, editing, confirming, standing, steps, results, proof):
        topic.add_routes(blueprint)
