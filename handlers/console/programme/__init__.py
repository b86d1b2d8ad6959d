"""The programme: how points are earned and spent, and everything else a shop gives its members."""

from handlers.console.door import ConsoleDoor
from handlers.console.programme import (
    benefits,
    catalogue,
    draws,
    handing,
    overview,
    pages,
    reviews,
    seats,
)
from handlers.console.programme import refusals as refusals  # Registers its words.
from handlers.console.programme import renewals as renewals  # Adds to the pages of plans.


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of the programme, the ones with names of their own first."""
    for module in (overview, handing, draws, seats, reviews, catalogue, benefits, pages):
        module.add_routes(blueprint)
