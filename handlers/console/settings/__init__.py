"""Settings: the shop, its people and doors, LINE, rules of writing, files, and what happened."""

from handlers.console.door import ConsoleDoor
from handlers.console.settings import (
    account,
    audit,
    channel,
    devices,
    health,
    index,
    keys,
    notices,
    outreach,
    people,
    plan,
    presets,
    shop,
    transfers,
    webhooks,
    wizard,
)
from handlers.console.settings import refusals as refusals  # Registers the words.

PARTS = (
    index,
    shop,
    people,
    account,
    keys,
    webhooks,
    devices,
    channel,
    plan,
    outreach,
    notices,
    audit,
    transfers,
    presets,
    wizard,
    health,
)


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of all settings."""
    for part in PARTS:
        part.add_routes(blueprint)
