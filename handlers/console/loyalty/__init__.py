"""Tiers as their owner designs them: ladder, proposals of new rules, thresholds, simulator."""

from handlers.console.door import ConsoleDoor
from handlers.console.loyalty import (
    budget,
    designer,
    overview,
    proposal_benefits,
    proposals,
    publishing,
    simulation,
    tiers,
)
from handlers.console.loyalty import refusals as refusals  # Their words are registered.


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add all addresses of tiers."""
    for topic in (
        overview,
        tiers,
        proposals,
        proposal_benefits,
        simulation,
        publishing,
        designer,
        budget,
    ):
        topic.add_routes(blueprint)
