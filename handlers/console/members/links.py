"""Where members are listed and each has their page, for whoever shows them or a number of them."""

import json
from typing import Any
from urllib.parse import urlencode

from flask import url_for

LIST = "/console/members"


def members_url(rule: dict[str, Any]) -> str:
    """Return the list of the members a segment's rule has."""
    return f"{LIST}?{urlencode({'rule': json.dumps(rule, ensure_ascii=False)})}"


def segment_people_url(code: str) -> str:
    """Return the list of the members a kept segment has."""
    return f"{LIST}?{urlencode({'segment': code})}"


def member_url(number: str) -> str:
    """Return the page of the member with this number."""
    return url_for("console.members_page_show_member", number=number)
