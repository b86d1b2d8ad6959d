"""Links in messages: where each leads, who clicked, and the tokens that name both."""

from models.link.clicking import (
    LinkReport,
    clicks_of,
    find_target,
    forget_clicks,
    forget_old_clicks,
    move_clicks,
    note_click,
    return_clicks,
)
from models.link.making import is_trackable, make_links
from models.link.table import TAP, LinkClick, TrackedLink
from models.link.token import LinkMaker, Named, derive_link_key, link_token, read_link_token

__all__ = [
    "TAP",
    "LinkClick",
    "LinkMaker",
    "LinkReport",
    "Named",
    "TrackedLink",
    "clicks_of",
    "derive_link_key",
    "find_target",
    "forget_clicks",
    "forget_old_clicks",
    "is_trackable",
    "link_token",
    "make_links",
    "move_clicks",
    "note_click",
    "read_link_token",
    "return_clicks",
]
