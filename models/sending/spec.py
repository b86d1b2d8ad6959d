"""The snapshot a run is sent by: what the campaign said when the run was opened.

`{"code": "autumn", "kind": "marketing", "priority": 50, "channel": "line", "holdout_percent": 10,
"audience": {"code": "win-back", "version": 3, "rule": {…}} | null, "is_personal": false,
"variants": [{"code": "A", "share": 50, "content": {…}, "links": {url: link id}}],
"arms": [{"variant": "A" | null, "from": 0, "to": 1000, "rule": {…} | null}, …]}`.

No audience is every member. Where `arms` is absent, the holdout has the first positions and the
variants share the rest by their shares. Other keys are for others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

from models.campaign.arm import PARTS
from models.content import Content, parse_content

DEFAULT_PRIORITY = 50
DEFAULT_HOLDOUT_PERCENT = 10
SERVICE = "service"


@dataclass(frozen=True)
class Variant:
    """One of the contents a run is split over, by shares that need not sum up to anything."""

    code: str
    share: int
    content: dict[str, Any]
    links: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def parsed(self) -> Content:
        """Return the content, read."""
        return parse_content(self.content)


@dataclass(frozen=True)
class Arm:
    """Members from one position up to another, for whom the rule holds; no variant: the holdout."""

    variant: str | None
    start: int
    end: int
    rule: dict[str, Any] | None = None


@dataclass(frozen=True)
class Spec:
    """A run's snapshot, read. `rule` is a segment's rule as JSON, None for every member."""

    code: str
    variants: Sequence[Variant]
    arms: Sequence[Arm]
    kind: str
    priority: int
    channel: str
    rule: dict[str, Any] | None
    is_personal: bool
    """Whether each is drawn and pushed alone, also where the words are the same for all."""

    @property
    def is_service(self) -> bool:
        """Tell whether the run may use what is kept back for service messages."""
        return self.kind == SERVICE

    def variant(self, code: str) -> Variant:
        """Return the variant with this code. Raises KeyError."""
        return {each.code: each for each in self.variants}[code]

    def draws_each(self, variant: Variant) -> bool:
        """Tell whether a variant says something else to each member."""
        return self.is_personal or variant.parsed.is_personal


def read_spec(kept: Mapping[str, Any]) -> Spec:
    """Return a run's snapshot as it was kept. Raises KeyError where it is none."""
    audience = kept.get("audience")
    variants = [
        Variant(each["code"], each["share"], each["content"], each.get("links") or {})
        for each in kept["variants"]
    ]
    arms = [
        Arm(each["variant"], each["from"], each["to"], each.get("rule"))
        for each in kept.get("arms") or ()
    ]
    return Spec(
        code=kept["code"],
        variants=variants,
        arms=arms or _split(variants, kept.get("holdout_percent", DEFAULT_HOLDOUT_PERCENT)),
        kind=kept.get("kind", "marketing"),
        priority=kept.get("priority", DEFAULT_PRIORITY),
        channel=kept.get("channel", "line"),
        rule=None if audience is None else audience["rule"],
        is_personal=kept.get("is_personal", False),
    )


def _split(variants: Sequence[Variant], holdout_percent: int) -> list[Arm]:
    """Give the holdout the first positions, and each variant its share of the rest."""
    first = PARTS * holdout_percent // 100
    whole = sum(each.share for each in variants)
    ends = accumulate((each.share for each in variants), initial=0)
    places = pairwise(first + (PARTS - first) * end // whole for end in ends)
    arms = [Arm(each.code, *place) for each, place in zip(variants, places, strict=True)]
    return [Arm(None, 0, first), *arms]
