"""Recipients: what a user id looks like, and how many may stand in one request.

Source: LINE, "Send multicast message" and "Link rich menu to multiple users", read 2026-11.
"""

from __future__ import annotations

import re
from typing import Any

from .checking import Found, add, matching

MAX_RECIPIENTS = 500
_USER_ID = re.compile(r"U[0-9a-f]{32}")

user_id = matching(r"U[0-9a-f]{32}", "invalid userId")
aggregation_unit = matching(r"[a-zA-Z0-9_]{1,30}", "invalid customAggregationUnits")


def is_user_id(value: object) -> bool:
    """Tell whether `value` has the form of a LINE user id."""
    return isinstance(value, str) and _USER_ID.fullmatch(value) is not None


def recipients_node(value: Any, path: str, found: Found) -> None:
    """Check a batch: 1 to 500 user ids, each well-formed, none twice."""
    if not isinstance(value, list):
        add(found, path, "must be an array")
        return
    if not 1 <= len(value) <= MAX_RECIPIENTS:
        add(found, path, f"Size must be between 1 and {MAX_RECIPIENTS}")
        return
    for index, item in enumerate(value):
        if not is_user_id(item):
            add(found, f"{path}[{index}]", "invalid userId")
    if not found and len(set(value)) != len(value):
        add(found, path, "may not contain the same userId twice")
