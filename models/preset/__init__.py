"""Presets: a membership to begin with, by trade (A-09): tiers, stamp card, coupons, journeys."""

from models.preset.applying import PresetRefused, TierShown, apply_preset, get_preset, shown_tiers
from models.preset.preset import Preset, StampShape, TierShape
from models.preset.shelf import PRESETS

__all__ = [
    "PRESETS",
    "Preset",
    "PresetRefused",
    "StampShape",
    "TierShape",
    "TierShown",
    "apply_preset",
    "get_preset",
    "shown_tiers",
]
