"""Triggers and exits by topic; importing this fills the registries."""

from models.journey.triggers import (
    birthday,
    ending,
    festival,
    interest,
    joined,
    purchase,
    quiet,
    segment,
    tier,
)

__all__ = [
    "birthday",
    "ending",
    "festival",
    "interest",
    "joined",
    "purchase",
    "quiet",
    "segment",
    "tier",
]
