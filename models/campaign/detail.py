"""What a campaign says of itself: read from JSON, and refused with the place where it will not do.

`{"name": {lang: …}, "segment": code, "variants": [{"code": "A", "share": 50, "content": {…},
"segment"?: code}], "schedule": {…}}`, and where the usual will not do: `segment_version`, `kind`,
`priority`, `metric`, `stop_rule`, `holdout_percent`, `grace_minutes`, `budget_twd`, `channel`,
`attribution_days`. `"content": {…}` is short for one variant; `"rule": {…}` stands in place of a
segment where the audience was made for this campaign alone.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from models.campaign.audience import RULE
from models.campaign.refusals import CampaignRefused
from models.campaign.schedule import parse_schedule
from models.campaign.stop_rule import parse_stop_rule
from models.campaign.table import (
    CHANNELS,
    KINDS,
    LONGEST_NAME,
    METRICS,
    MOST_ATTRIBUTION_DAYS,
    MOST_GRACE_MINUTES,
    MOST_HOLDOUT_PERCENT,
    SERVICE,
)
from models.content import LANGUAGES, parse_content
from models.segment.rule import parse_rule
from models.segment.table import LONGEST_CODE

NEEDED = ("name", "segment", "variants", "schedule")
CONTENT = "content"
INSTEAD = {"segment": RULE, "variants": CONTENT}
"""What may be told in place of what is needed."""
MOST_VARIANTS = 8
LARGEST_BUDGET_TWD = 100_000_000
ALL_PERCENT = 100
_VARIANT_CODE = re.compile(r"[A-Z][A-Z0-9]{0,9}")
_VARIANT_KEYS = ("code", "share", "content", "segment")


def read_details(told: object) -> dict[str, Any]:
    """Return the columns of a campaign, all that were told. Raises a refusal with the place.

    Whether the segments, coupons and surveys it names exist is for the caller to ask.
    """
    if not isinstance(told, dict):
        raise CampaignRefused("", type(told).__name__, NEEDED)
    words = dict(told)
    if CONTENT in words and "variants" not in words:
        words["variants"] = [{"code": "A", "share": ALL_PERCENT, CONTENT: words.pop(CONTENT)}]
    for key in words:
        if key not in _READERS:
            raise CampaignRefused(key, key, tuple(_READERS))
    if RULE in words and "segment" in words:
        raise CampaignRefused(RULE, RULE, ("segment",))
    columns = {_COLUMNS.get(key, key): _READERS[key](words[key], key) for key in words}
    if columns.get("kind") == SERVICE:
        columns.setdefault("holdout_percent", 0)
    return columns


def check_together(columns: Mapping[str, Any]) -> None:
    """Raise CampaignRefused where parts that are sound alone contradict each other."""
    rule, variants = columns.get("stop_rule"), columns["variants"]
    if rule is None:
        return
    if len(variants) < 2 or any("segment" in each for each in variants):
        raise CampaignRefused("stop_rule", len(variants), ("A + B",))
    if (
        rule.get("test_percent", ALL_PERCENT) < ALL_PERCENT
        and parse_schedule(columns["schedule"]).recurs
    ):
        raise CampaignRefused("stop_rule.test_percent", rule["test_percent"], (ALL_PERCENT,))


def _read_name(told: object, path: str) -> dict[str, str]:
    if not isinstance(told, dict) or "zh-TW" not in told or set(told) - set(LANGUAGES):
        raise CampaignRefused(path, told, LANGUAGES)
    for language, text in told.items():
        is_fit = isinstance(text, str) and 0 < len(text.strip()) <= LONGEST_NAME
        if not is_fit or not text.isprintable():
            raise CampaignRefused(f"{path}.{language}", text, (f"1 – {LONGEST_NAME}",))
    return told


def _read_variants(told: object, path: str) -> list[dict[str, Any]]:
    if not isinstance(told, list) or not 1 <= len(told) <= MOST_VARIANTS:
        raise CampaignRefused(path, told, (f"1 – {MOST_VARIANTS}",))
    variants = [_read_variant(each, f"{path}[{place}]") for place, each in enumerate(told)]
    codes = [each["code"] for each in variants]
    for place, code in enumerate(codes):
        if code in codes[:place]:
            raise CampaignRefused(f"{path}[{place}].code", code, ("A", "B", "C"))
    _check_shares(variants)
    return variants


def _check_shares(variants: Sequence[Mapping[str, Any]]) -> None:
    """Refuse shares that do not sum up to 100 among the variants for the same members."""
    for segment in {each.get("segment") for each in variants}:
        total = sum(each["share"] for each in variants if each.get("segment") == segment)
        if total != ALL_PERCENT:
            raise CampaignRefused("variants.share", total, (ALL_PERCENT,))


def _read_variant(told: object, path: str) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise CampaignRefused(path, type(told).__name__, _VARIANT_KEYS)
    for key in [*told, *_VARIANT_KEYS[:3]]:
        if key not in _VARIANT_KEYS or key not in told:
            raise CampaignRefused(f"{path}.{key}", key, _VARIANT_KEYS)
    if not isinstance(told["code"], str) or not _VARIANT_CODE.fullmatch(told["code"]):
        raise CampaignRefused(f"{path}.code", told["code"], ("A", "B", "C"))
    share = _whole(1, ALL_PERCENT)(told["share"], f"{path}.share")
    content = parse_content(told[CONTENT], path=f"{path}.{CONTENT}").as_json()
    variant = {"code": told["code"], "share": share, CONTENT: content}
    if told.get("segment") is not None:
        variant["segment"] = _read_code(told["segment"], f"{path}.segment")
    return variant


def _read_code(told: object, path: str) -> str:
    if not isinstance(told, str) or not 0 < len(told) <= LONGEST_CODE:
        raise CampaignRefused(path, told, ("code",))
    return told


def _whole(low: int, high: int) -> Callable[[object, str], int]:
    def read(told: object, path: str) -> int:
        if type(told) is not int or not low <= told <= high:
            raise CampaignRefused(path, told, (f"{low} – {high}",))
        return told

    return read


def _one_of(words: tuple[str, ...]) -> Callable[[object, str], str]:
    def read(told: object, path: str) -> str:
        if told not in words:
            raise CampaignRefused(path, told, words)
        return str(told)

    return read


def _maybe(read: Callable[[object, str], Any]) -> Callable[[object, str], Any]:
    return lambda told, path: None if told is None else read(told, path)


_COLUMNS = {"segment": "segment_code"}
_READERS: Mapping[str, Callable[[object, str], Any]] = {
    "name": _read_name,
    "segment": _read_code,
    RULE: lambda told, _path: parse_rule(told),
    "segment_version": _maybe(_whole(1, 1_000_000)),
    "variants": _read_variants,
    "schedule": lambda told, _path: parse_schedule(told).as_json(),
    "kind": _one_of(KINDS),
    "priority": _whole(0, 100),
    "metric": _one_of(METRICS),
    "stop_rule": _maybe(parse_stop_rule),
    "holdout_percent": _whole(0, MOST_HOLDOUT_PERCENT),
    "grace_minutes": _whole(1, MOST_GRACE_MINUTES),
    "budget_twd": _maybe(_whole(1, LARGEST_BUDGET_TWD)),
    "channel": _one_of(CHANNELS),
    "attribution_days": _whole(1, MOST_ATTRIBUTION_DAYS),
}
