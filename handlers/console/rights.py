"""What each role may do in the console: a right a route, told where the route is added."""

from collections.abc import Mapping

OWNER, MANAGER, MARKETER, AUDITOR = "owner", "manager", "marketer", "auditor"
EVERYBODY = frozenset({OWNER, MANAGER, MARKETER, AUDITOR})
WORKING = frozenset({OWNER, MANAGER, MARKETER})
MANAGING = frozenset({OWNER, MANAGER})
LOOKING_AFTER = frozenset({OWNER, MANAGER, AUDITOR})
OWNING = frozenset({OWNER})

RIGHTS: Mapping[str, frozenset[str]] = {
    "see": EVERYBODY,
    "members.see": EVERYBODY,
    "members.change": WORKING,
    "members.correct": MANAGING,
    "members.erase": MANAGING,
    "members.export": MANAGING,
    "segments.change": WORKING,
    "campaigns.change": WORKING,
    "campaigns.approve": MANAGING,
    "loyalty.draft": WORKING,
    "loyalty.publish": OWNING,
    "reports.change": WORKING,
    "settings.see": LOOKING_AFTER,
    "settings.change": OWNING,
    "staff.change": OWNING,
    "audit.see": LOOKING_AFTER,
    "exchange": MANAGING,
}
"""Which roles have a right. A clerk has none: the counter is theirs."""


def has_right(role: str, right: str) -> bool:
    """Tell whether a role has a right. Raises KeyError for a right that nobody defined."""
    return role in RIGHTS[right]
