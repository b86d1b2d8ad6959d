"""The form of a proposal: its fields from what is proposed, and the other way round."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.texts import LANGUAGES
from handlers.console import form
from handlers.console.form import FieldRefused
from models.score import METRIC_PREFIX
from models.tier import BASES, METRIC, ROLLING, SCORE, WINDOW_DAYS, Factor, Tier
from models.tier_evaluation import Draft, NewTier
from models.tier_proposal import LONGEST_NAME, NewBenefit, Proposed

MOST_NEW_TIERS = 2
MOST_FACTORS = 6
"""Rows for factors; above four members find it hard to follow, and are not stopped."""
LONGEST_CODE = 24
LONGEST_TIER_NAME = 20
LONGEST_LABEL = 20
LONGEST_NOTE = 300
LARGEST_THRESHOLD = 1_000_000_000
LARGEST_DAYS = 3_650
LARGEST_PERCENT = 1_000
USUAL_COLOUR = "#5B6770"
_CODE = re.compile(r"[a-z][a-z0-9_]*")
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")

Fields = dict[str, str]


def fields_of(name: str, proposed: Proposed) -> Fields:
    """Return the form's fields, by name, as what is proposed fills them in."""
    draft = proposed.draft
    fields = {
        "name": name,
        "effective_on": draft.effective_on.isoformat(),
        "basis": draft.basis,
        "grace_days": str(draft.grace_days),
        "warn_days": str(draft.warn_days),
        "rights_kept_until": _text(draft.rights_kept_until),
        "metric": draft.metric or "",
        "note": draft.note,
    }
    new = {tier.code for tier in draft.new_tiers}
    fields |= {
        f"threshold_{code}": str(asked)
        for code, asked in draft.thresholds.items()
        if code not in new
    }
    for place, tier in enumerate(draft.new_tiers, start=1):
        fields |= _new_tier_fields(f"new_{place}_", tier, draft.thresholds.get(tier.code))
    for place, factor in enumerate(draft.factors, start=1):
        told = vars(factor)
        fields |= {f"factor_{place}_{part}": _text(value) for part, value in told.items()}
    return fields


def _new_tier_fields(prefix: str, tier: NewTier, threshold: int | None) -> Fields:
    told = {
        "code": tier.code,
        "colour": tier.colour,
        "points_percent": tier.points_percent,
        "threshold": threshold,
    } | {f"name_{language}": tier.name.get(language) for language in LANGUAGES}
    return {f"{prefix}{part}": _text(value) for part, value in told.items()}


def _text(value: object) -> str:
    return "" if value is None else str(value)


def read_name() -> str:
    """Return the proposal's own name. Raises FieldRefused."""
    return form.needed("name", LONGEST_NAME)


def read_proposed(
    tiers: Sequence[Tier], *, benefits: tuple[NewBenefit, ...] = (), ended: tuple[int, ...] = ()
) -> Proposed:
    """Return what the form proposes, beside benefits kept elsewhere. Raises FieldRefused."""
    basis = form.choice("basis", BASES) or ROLLING
    effective_on = form.day("effective_on")
    if effective_on is None:
        raise FieldRefused(field="effective_on", why="missing")
    thresholds = _read_thresholds(tiers)
    new_tiers = _read_new_tiers(thresholds, {tier.code for tier in tiers})
    draft = Draft(
        effective_on=effective_on,
        basis=basis,
        thresholds=thresholds,
        note=form.text("note", LONGEST_NOTE) or "",
        grace_days=form.whole("grace_days", least=0, most=LARGEST_DAYS) or 0,
        warn_days=form.whole("warn_days", least=0, most=LARGEST_DAYS) or 0,
        rights_kept_until=form.day("rights_kept_until"),
        metric=form.text("metric", LONGEST_CODE) if basis == METRIC else None,
        factors=_read_factors() if basis == SCORE else (),
        new_tiers=new_tiers,
    )
    return Proposed(draft, benefits, ended)


def _read_thresholds(tiers: Sequence[Tier]) -> dict[str, int]:
    """Return what each known tier asks for; one left empty is dropped."""
    asked = {
        tier.code: form.whole(f"threshold_{tier.code}", least=1, most=LARGEST_THRESHOLD)
        for tier in tiers
        if tier.rank
    }
    return {code: threshold for code, threshold in asked.items() if threshold is not None}


def _read_new_tiers(thresholds: dict[str, int], known: set[str]) -> tuple[NewTier, ...]:
    """Return the new tiers, lowest first, and note their thresholds."""
    found = list[tuple[int, NewTier]]()
    for place in range(1, MOST_NEW_TIERS + 1):
        prefix = f"new_{place}_"
        name = form.text(f"{prefix}name_zh-TW", LONGEST_TIER_NAME)
        if name is None:
            continue
        tier = _read_new_tier(prefix, name, known)
        threshold = form.needed_whole(f"{prefix}threshold", least=1, most=LARGEST_THRESHOLD)
        found.append((threshold, tier))
        known = known | {tier.code}
    found.sort(key=lambda pair: pair[0])
    thresholds |= {tier.code: threshold for threshold, tier in found}
    return tuple(tier for _, tier in found)


def _read_new_tier(prefix: str, name: str, known: set[str]) -> NewTier:
    code = form.needed(f"{prefix}code", LONGEST_CODE)
    colour = form.text(f"{prefix}colour", len(USUAL_COLOUR)) or USUAL_COLOUR
    if not _CODE.fullmatch(code) or code in known:
        raise FieldRefused(field=f"{prefix}code", why="choice")
    if not _COLOUR.fullmatch(colour):
        raise FieldRefused(field=f"{prefix}colour", why="choice")
    names = {
        language: form.text(f"{prefix}name_{language}", LONGEST_TIER_NAME) for language in LANGUAGES
    }
    return NewTier(
        code=code,
        name={language: told or name for language, told in names.items()},
        colour=colour.upper(),
        points_percent=form.whole(f"{prefix}points_percent", least=100, most=LARGEST_PERCENT)
        or 100,
        benefits={language: [] for language in LANGUAGES},
    )


def _read_factors() -> tuple[Factor, ...]:
    """Return the rows of factors that name what they weigh. Raises FieldRefused."""
    found = []
    for place in range(1, MOST_FACTORS + 1):
        prefix = f"factor_{place}_"
        source = form.text(f"{prefix}source", LONGEST_CODE + len(METRIC_PREFIX))
        if source is not None:
            found.append(_read_factor(prefix, source))
    return tuple(found)


def _read_factor(prefix: str, source: str) -> Factor:
    return Factor(
        source=source,
        weight=form.needed_whole(f"{prefix}weight", least=1, most=LARGEST_THRESHOLD),
        unit=form.whole(f"{prefix}unit", least=1, most=LARGEST_THRESHOLD) or 1,
        cap=form.whole(f"{prefix}cap", least=1, most=LARGEST_THRESHOLD),
        window_days=form.whole(f"{prefix}window_days", least=1, most=LARGEST_DAYS) or WINDOW_DAYS,
        label=form.text(f"{prefix}label", LONGEST_LABEL) or "",
    )


def most_points(factors: Sequence[Factor]) -> int | None:
    """Return the highest score there can be; None where a factor has no cap."""
    caps = [factor.cap for factor in factors]
    return None if not caps or None in caps else sum(cap or 0 for cap in caps)


def typed_over(fields: Mapping[str, Any], typed: Mapping[str, Any] | None) -> Fields:
    """Return the fields with what somebody typed and did not save over them."""
    if typed is None:
        return dict(fields)
    return {
        **dict.fromkeys(fields, ""),
        **{name: _text(value) for name, value in typed.items()},
    }
