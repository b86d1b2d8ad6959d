"""Content, checked: up to five messages, and what they name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.link import TAP

SCHEMA = 1
GIVEN = "given"
"""The template of a coupon part that shows what the sender gave the member before."""
SHOW_COUPON = f"{TAP}show_coupon"
"""What a tap on a coupon's button is counted under."""


@dataclass(frozen=True)
class Content:
    """What is said, in its one canonical form, with all that it needs to be drawn."""

    messages: tuple[dict[str, Any], ...]
    variables: frozenset[str]
    """The facts of a member that its texts and cards say."""
    urls: tuple[str, ...]
    """Addresses whose clicks can be counted, and `tap:<word>` for buttons that answer in the chat,
    each once, in the order of the messages."""
    coupons: tuple[str, ...]
    """The codes of the coupon templates of which each recipient gets one."""
    surveys: tuple[str, ...]
    places: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """Where each coupon, and `survey:<code>`, stands first."""

    @property
    def is_personal(self) -> bool:
        """Tell whether it differs from one recipient to the next."""
        return bool(self.variables or self.coupons or self.surveys)

    def as_json(self) -> dict[str, Any]:
        """Return the content as it is stored."""
        return {"schema": SCHEMA, "messages": list(self.messages)}
