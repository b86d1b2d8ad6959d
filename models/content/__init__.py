"""Content: what a campaign or a journey says, checked before anybody gets it.

Texts in up to three languages, pictures, cards of the gallery, coupons and surveys; variables with
fallbacks. Stored as JSON; drawn by `bot/content.py`.
"""

from models.content.checking import check_content
from models.content.content import Content
from models.content.facts import NO_FACTS, Facts, facts_for
from models.content.gallery import GALLERY, TAPS, CardKind, Slot
from models.content.parsing import LANGUAGES, MOST_MESSAGES, parse_content
from models.content.refusals import ContentRefused
from models.content.variable import VARIABLES, Blank, Variable, read_text

__all__ = [
    "GALLERY",
    "LANGUAGES",
    "MOST_MESSAGES",
    "NO_FACTS",
    "TAPS",
    "VARIABLES",
    "Blank",
    "CardKind",
    "Content",
    "ContentRefused",
    "Facts",
    "Slot",
    "Variable",
    "check_content",
    "facts_for",
    "parse_content",
    "read_text",
]
