"""What a report says of a campaign, a run or a journey, and when it knows too little to say it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from models.base import Translated
from models.insight.unit import UnitFigure
from models.interval import newcombe, wilson
from models.quota import roas_of

BLOCK_WINDOW = timedelta(hours=48)
"""Who blocks us so soon after a message did it because of the last one (U5)."""
LEAST_ARM = 30
"""With fewer people than this on either side no difference is spoken of, whatever it is."""

HIGHER, LOWER, NOT_ENOUGH = VERDICTS = ("higher", "lower", "not_enough")
VERDICT_NAMES: Mapping[str, dict[str, str]] = {
    HIGHER: {
        "zh-TW": "有收到的人買得比較多",
        "en": "Those who got it bought more",
        "ja": "受け取った人の購入率が高い",
    },
    LOWER: {
        "zh-TW": "有收到的人買得比較少",
        "en": "Those who got it bought less",
        "ja": "受け取った人の購入率が低い",
    },
    NOT_ENOUGH: {"zh-TW": "資料不足", "en": "Not enough data", "ja": "データ不足"},
}


@dataclass(frozen=True)
class Outcomes:
    """What became of everybody who was planned: each is counted exactly once.

    Who is held out is among the skipped, by the reason `holdout`. `waiting` is 0 once it ended.
    """

    planned: int
    accepted: int
    skipped: Mapping[str, int]
    refused: Mapping[str, int]
    unknown: int
    waiting: int

    @property
    def adds_up(self) -> bool:
        """Tell whether planned = accepted + skipped + refused + unknown (+ waiting)."""
        ended = self.accepted + sum(self.skipped.values()) + sum(self.refused.values())
        return self.planned == ended + self.unknown + self.waiting


@dataclass(frozen=True)
class Clicks:
    """What was clicked (links) and tapped (buttons answered in the chat).

    `anonymous` clicks came by links that were the same for all; whose they are is not known.
    """

    clicks: int = 0
    clickers: int = 0
    anonymous: int = 0
    taps: int = 0
    tappers: int = 0
    reacting: int = 0
    """Members who clicked or tapped."""


@dataclass(frozen=True)
class Sales:
    """Sales after the message and within the days of attribution, where it was the last touch.

    `net_twd` is what was paid less what was given back. A sale taken back in full is no sale.
    """

    buyers: int = 0
    purchases: int = 0
    paid_twd: int = 0
    refunded_twd: int = 0

    @property
    def net_twd(self) -> int:
        """Return what is left of the sales."""
        return self.paid_twd - self.refunded_twd


@dataclass(frozen=True)
class Lift:
    """Shares of buyers among all who were to get it, and among those held out, over the same days.

    Everybody the message was meant for counts, reached or not: chance alone chose the sides.
    """

    treated: int
    treated_buyers: int
    held_out: int
    held_out_buyers: int

    @property
    def difference(self) -> float | None:
        """Return treated less held out, -1 to 1; None where one side is empty."""
        if not self.treated or not self.held_out:
            return None
        return self.treated_buyers / self.treated - self.held_out_buyers / self.held_out

    @property
    def interval(self) -> tuple[float, float]:
        """Return where the difference really lies, at 95% (Newcombe)."""
        return newcombe(self.treated_buyers, self.treated, self.held_out_buyers, self.held_out)

    @property
    def verdict(self) -> str:
        """Return `higher`, `lower`, or `not_enough`: too few, or zero lies within the interval."""
        low, high = self.interval
        if min(self.treated, self.held_out) < LEAST_ARM or low <= 0 <= high:
            return NOT_ENOUGH
        return HIGHER if low > 0 else LOWER

    @property
    def more_buyers(self) -> float | None:
        """Return how many bought who otherwise would not have; None where it is not known."""
        difference = self.difference
        if difference is None or self.verdict == NOT_ENOUGH:
            return None
        return difference * self.treated


@dataclass(frozen=True)
class VariantLine:
    """One variant: how many got it and how many of them reacted and bought."""

    code: str
    accepted: int
    reacting: int
    buyers: int

    def hits(self, metric: str) -> int:
        """Return how many did what the campaign is judged by: `click` or `conversion`."""
        return self.reacting if metric == "click" else self.buyers

    def interval(self, metric: str) -> tuple[float, float]:
        """Return where the share really lies, at 95% (Wilson)."""
        return wilson(self.hits(metric), self.accepted)


@dataclass(frozen=True)
class Decision:
    """How the variants were judged, once, by the rule set before: see `CampaignDecision`."""

    at: datetime
    verdict: str
    chosen: str
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Money:
    """What it cost and brought; `roas` as T9 defines it: net sales by all it cost, a multiple."""

    message_twd: Decimal
    benefit_twd: int
    net_twd: int

    @property
    def cost_twd(self) -> Decimal:
        """Return messages and benefits together."""
        return self.message_twd + self.benefit_twd

    @property
    def roas(self) -> Decimal | None:
        """Return the multiple; None where it cost nothing, for then there is none."""
        return roas_of(self.net_twd, self.message_twd, self.benefit_twd)


@dataclass(frozen=True)
class Report:
    """All that is known of one campaign (or one of its runs) or journey, as of a moment."""

    subject: str
    """`campaign` or `journey`."""
    code: str
    name: Translated
    as_of: datetime
    since: datetime | None
    """When the first of it was sent; None where nothing was yet."""
    until: datetime | None
    """When the last day of attribution ends; before, figures still grow."""
    attribution_days: int
    outcomes: Outcomes
    channels: Sequence[tuple[str, int]]
    """How many messages each channel took."""
    free: int
    """Of those accepted, how many cost nothing, for a reply carried them."""
    clicks: Clicks
    sales: Sales
    money: Money
    blocks: int
    """Members who blocked us within 48 hours of it, as the last message they got."""
    lift: Lift
    metric: str
    variants: Sequence[VariantLine]
    decision: Decision | None
    line: Sequence[UnitFigure]

    @property
    def is_final(self) -> bool:
        """Tell whether the days of attribution are over, and nothing waits to be sent."""
        return self.until is not None and self.until <= self.as_of and not self.outcomes.waiting

    def share_of_accepted(self, people: int) -> float | None:
        """Return a share of those whom it reached; None where it reached nobody."""
        return people / self.outcomes.accepted if self.outcomes.accepted else None
