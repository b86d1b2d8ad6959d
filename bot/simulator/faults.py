"""Faults: rules that make chosen requests fail in chosen ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

BEFORE = (
    "500_before",
    "drop_before",
    "hang",
    "429_rate",
    "429_monthly",
    "409",
    "401",
    "slow",
)
AFTER = ("500_after", "drop_after")
DEFAULT_SLOW_MS = 3_000
DEFAULT_HANG_MS = 10 * 60 * 1000
MAX_MS = 60 * 60 * 1000
MAX_RULES = 100


class InvalidFaults(ValueError):
    """The faults asked for are not ones we know."""


@dataclass(slots=True)
class FaultRule:
    """One kind of request, and what happens to it: always, `times` times, or to every nth."""

    fault: str
    method: str | None = None
    path: str = ""
    times: int | None = None
    every: int = 1
    ms: int | None = None
    seen: int = field(default=0)

    def strikes(self, method: str, path: str) -> bool:
        """Tell whether this request is hit, and count it."""
        if self.times == 0 or not path.startswith(self.path):
            return False
        if self.method is not None and self.method != method:
            return False
        self.seen += 1
        if self.seen % self.every:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def shown(self) -> dict[str, Any]:
        """Return the rule as it was given, with the times that are left."""
        match = {"path": self.path} | ({"method": self.method} if self.method else {})
        return {
            "match": match,
            "fault": self.fault,
            "times": self.times,
            "every": self.every,
            "ms": self.ms,
        }


class Faults:
    """All rules, the latency of every API call, and the switches."""

    def __init__(self, *, rate_limits: bool) -> None:
        self.rules: list[FaultRule] = []
        self.latency_ms = 0
        self.webhook = True
        self.rate_limits = rate_limits

    def pick(self, method: str, path: str) -> FaultRule | None:
        """Return the first rule that hits this request."""
        for rule in self.rules:
            if rule.strikes(method, path):
                return rule
        return None

    def shown(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {
            "rules": [rule.shown() for rule in self.rules],
            "latency_ms": self.latency_ms,
            "webhook": "on" if self.webhook else "off",
            "rate_limits": "on" if self.rate_limits else "off",
        }

    def change(self, given: dict[str, Any]) -> None:
        """Take over what `given` holds; what it does not name stays. Raises InvalidFaults."""
        unknown = set(given) - {"rules", "latency_ms", "webhook", "rate_limits"}
        if unknown:
            raise InvalidFaults(f"unknown: {', '.join(sorted(unknown))}")
        if "rules" in given:
            self.rules = _rules(given["rules"])
        if "latency_ms" in given:
            self.latency_ms = _whole(given["latency_ms"], 0, MAX_MS)
        self.webhook = _switch(given.get("webhook"), self.webhook)
        self.rate_limits = _switch(given.get("rate_limits"), self.rate_limits)


def _rules(given: Any) -> list[FaultRule]:
    if not isinstance(given, list) or len(given) > MAX_RULES:
        raise InvalidFaults(f"rules must be an array of at most {MAX_RULES}")
    return [_rule(rule) for rule in given]


def _rule(given: Any) -> FaultRule:
    match = given.get("match", {}) if isinstance(given, dict) else None
    if not isinstance(match, dict):
        raise InvalidFaults("a rule must be an object, and so must its match")
    if given.get("fault") not in (*BEFORE, *AFTER):
        raise InvalidFaults(f"fault must be one of {', '.join((*BEFORE, *AFTER))}")
    times, every, ms = given.get("times"), given.get("every"), given.get("ms")
    return FaultRule(
        fault=given["fault"],
        method=match["method"].upper() if match.get("method") else None,
        path=match.get("path") or "",
        times=None if times is None else _whole(times, 0, 10**9),
        every=1 if every is None else _whole(every, 1, 10**9),
        ms=None if ms is None else _whole(ms, 0, MAX_MS),
    )


def _whole(value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidFaults(f"must be a whole number from {least} to {most}")
    return value


def _switch(value: Any, current: bool) -> bool:
    if value is None:
        return current
    if value not in ("on", "off"):
        raise InvalidFaults('a switch must be "on" or "off"')
    return bool(value == "on")
