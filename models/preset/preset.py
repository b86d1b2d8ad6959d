"""What a preset is: plain data, of which `applying` makes rules."""

from dataclasses import dataclass
from typing import Any

from models.base import Texts

Row = dict[str, Any]


@dataclass(frozen=True)
class TierShape:
    """One step: what it is called and asks for, and what it brings beside its points."""

    code: str
    name: Texts
    colour: str
    threshold_twd: int
    """Of the last 365 days; 0 for the lowest."""
    points_percent: int = 100
    benefits: tuple[tuple[str, Row], ...] = ()
    """Kind and terms, as `models.starting_rules.BENEFITS` writes them."""


@dataclass(frozen=True)
class StampShape:
    """The stamp card: how it fills, and the coupon that a full one brings."""

    code: str
    name: Texts
    size: int
    reward_code: str
    min_spend_twd: int = 0
    per_twd: int | None = None
    """One stamp for each so many NT$; None: one a visit."""
    card_days: int | None = None


@dataclass(frozen=True)
class Preset:
    """A membership for a trade."""

    code: str
    names: Texts
    idea: Texts
    """Why this trade is served so."""
    tiers: tuple[TierShape, ...]
    """Lowest first, by codes that every shop has."""
    stamp: StampShape
    coupons: tuple[Row, ...]
    """Coupon templates it needs beside those every shop has."""
    journeys: tuple[str, ...]
    """Codes of journey templates that are switched on."""
