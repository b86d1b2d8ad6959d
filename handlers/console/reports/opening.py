"""Where the numbers of a report lead: to members, a campaign, people stuck, a clerk's cases."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import url_for

from handlers.console.door import may
from handlers.console.members.links import member_url, members_url
from handlers.console.segments.links import segment_url


def url_of(opens: Mapping[str, Any] | None) -> str | None:
    """Return where a number leads, or None where it leads nowhere for who asks."""
    if not opens:
        return None
    kind, told = next(iter(opens.items()))
    right, lead = _LEADS[kind]
    return lead(told) if may(right) else None


_LEADS: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "rule": ("members.see", members_url),
    "segment": ("see", segment_url),
    "member": ("members.see", member_url),
    "campaign": ("see", lambda code: f"/console/campaigns/{code}"),
    "stuck": ("members.see", lambda stage: url_for("console.reports_show_stuck", stage=stage)),
    "lens": (
        "audit.see",
        lambda told: url_for("console.reports_show_case", staff_id=told[0], figure=told[1]),
    ),
}
