"""A simulator of LINE: its HTTP API, a phone in the browser, and the sender of webhooks.

`python -m bot.simulator` runs it as a process of its own; tests use `SimulatorServer`.
"""

from __future__ import annotations

from .server import SimulatorServer
from .world import Channel

__all__ = ["Channel", "SimulatorServer"]
