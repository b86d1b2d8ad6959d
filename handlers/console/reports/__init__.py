"""Reports: what membership earns, each figure with its formula, its period and how sure it is."""

from handlers.console.door import ConsoleDoor
from handlers.console.reports import kpis, lens, letters, pages, stuck, words

__all__ = ["add_routes", "words"]


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of all reports."""
    for module in (letters, kpis, lens, stuck, pages):
        module.add_routes(blueprint)
