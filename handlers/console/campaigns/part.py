"""Parts of a campaign's pages that our script asks for by themselves."""

from typing import Any

from flask.typing import ResponseReturnValue

from handlers.console import views


def show_part(name: str, **context: Any) -> ResponseReturnValue:
    """Show `campaigns/_<name>.html`: alone to our script, else on a page of its own."""
    part = f"campaigns/_{name}"
    return views.show("campaigns/part", fragment=part, part=f"console/{part}.html", **context)
