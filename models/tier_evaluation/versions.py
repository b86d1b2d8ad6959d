"""New rules for the tiers: looked at before, published from a day on, never changed after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.local_day import local_day, read_day
from models.score import is_source, value_sql
from models.shop import THE_SHOP, Shop
from models.tier import (
    BASES,
    METRIC,
    ROLLING,
    SCORE,
    TIER_POINTS,
    Factor,
    Rules,
    Tier,
    TierVersion,
    list_tiers,
    list_versions,
    read_rules,
    window_start,
    year_start,
)


class TierRulesRefused(BusinessError):
    """The rules contradict themselves or the past; `why` says where."""

    code = "tier_rules_refused"


class OwnerMustConfirm(BusinessError):
    """A new tier costs money every year: the owner confirms it, having seen the budget."""

    code = "owner_must_confirm"


@dataclass(frozen=True)
class NewTier:
    """A step that is not there yet."""

    code: str
    name: dict[str, str]
    colour: str
    points_percent: int
    benefits: dict[str, list[str]] = field(default_factory=lambda: {"zh-TW": []})


@dataclass(frozen=True)
class Draft:
    """Rules as somebody proposes them."""

    effective_on: date
    basis: str
    thresholds: dict[str, int]
    """What to reach for each step but the lowest, by code."""
    note: str
    grace_days: int = 0
    warn_days: int = 30
    rights_kept_until: date | None = None
    metric: str | None = None
    factors: tuple[Factor, ...] = ()
    new_tiers: tuple[NewTier, ...] = ()

    @property
    def parameters(self) -> dict[str, Any]:
        """Return what the version keeps as JSON."""
        kept: dict[str, Any] = {"thresholds": self.thresholds}
        if self.basis == METRIC:
            kept["metric"] = self.metric
        if self.basis == SCORE:
            kept["factors"] = [
                {name: value for name, value in vars(factor).items() if value is not None}
                for factor in self.factors
            ]
        return kept

    def as_json(self) -> dict[str, Any]:
        """Return the draft as plain JSON, which `parse` reads again."""
        kept = self.rights_kept_until
        return {
            "effective_on": self.effective_on.isoformat(),
            "basis": self.basis,
            "note": self.note,
            "grace_days": self.grace_days,
            "warn_days": self.warn_days,
            "rights_kept_until": kept.isoformat() if kept else None,
            "new_tiers": [vars(tier) for tier in self.new_tiers],
            **self.parameters,
        }

    @classmethod
    def of(cls, version: TierVersion, **changed: Any) -> "Draft":
        """Return a kept version as a draft, with what is told otherwise: where a new one begins."""
        kept = version.parameters
        told = {
            "effective_on": version.effective_on,
            "basis": version.basis,
            "thresholds": kept["thresholds"],
            "note": version.note,
            "grace_days": version.grace_days,
            "warn_days": version.warn_days,
            "rights_kept_until": version.rights_kept_until,
            "metric": kept.get("metric"),
            "factors": tuple(Factor.parse(factor) for factor in kept.get("factors", ())),
        }
        return cls(**(told | changed))

    @classmethod
    def parse(cls, words: Mapping[str, Any]) -> "Draft":
        """Read a draft from JSON: what `as_json` wrote, or an operator's file.

        Raises KeyError, TypeError, ValueError or AttributeError where it is none.
        """
        return cls(
            **{
                **words,
                "basis": words.get("basis", ROLLING),
                "effective_on": date.fromisoformat(words["effective_on"]),
                "rights_kept_until": read_day(words.get("rights_kept_until")),
                "factors": tuple(Factor.parse(factor) for factor in words.get("factors", ())),
                "new_tiers": tuple(NewTier(**tier) for tier in words.get("new_tiers", ())),
            }
        )


@dataclass(frozen=True)
class Hit:
    """How many members would stand in another tier by a draft, were it in force today."""

    from_code: str
    to_code: str
    members: int
    is_protected: bool
    """Whether they would fall, but keep their rights until the stated day or their own."""


@dataclass(frozen=True)
class NewStep:
    """A new tier of a draft, the one below it, and who would stand there today."""

    tier: Tier
    below: Tier
    members: int
    spend_twd: int
    """Of those members in a year."""


def check(draft: Draft, known: Sequence[Tier], today: date) -> None:
    """Raise TierRulesRefused where a draft cannot be rules."""
    wrong = find_problems(draft, known, today)
    if wrong:
        raise TierRulesRefused(why=", ".join(wrong))


def find_problems(draft: Draft, known: Sequence[Tier], today: date) -> list[str]:
    """Return what keeps a draft from being rules, by name; none where it may be published."""
    ranked = ranked_with(draft, known)
    asked = [draft.thresholds[tier.code] for tier in ranked if tier.code in draft.thresholds]
    unknown = set(draft.thresholds) - {tier.code for tier in ranked if tier.rank}
    problems = {
        "basis": draft.basis not in BASES,
        "thresholds": not asked or asked != sorted(set(asked)) or asked[0] <= 0,
        "unknown_tier": bool(unknown),
        "in_the_past": draft.effective_on < today,
        "rights_before_start": draft.rights_kept_until is not None
        and draft.rights_kept_until < draft.effective_on,
        "metric": (draft.basis == METRIC) != bool(draft.metric),
        "factors": (draft.basis == SCORE) != bool(draft.factors),
        "factor": not all(_is_sound(factor) for factor in draft.factors),
        "days": draft.grace_days < 0 or draft.warn_days < 0,
        "note": not draft.note.strip(),
    }
    return [name for name, is_wrong in problems.items() if is_wrong]


def _is_sound(factor: Factor) -> bool:
    return (
        is_source(factor.source)
        and factor.weight > 0
        and factor.unit > 0
        and (factor.cap is None or factor.cap > 0)
        and factor.window_days > 0
    )


def ranked_with(draft: Draft, known: Sequence[Tier]) -> list[Tier]:
    """Return the known steps and the draft's new ones above them, lowest first."""
    top = max(tier.rank for tier in known)
    new = [
        Tier(
            id=-place,
            code=tier.code,
            rank=top + place,
            name=tier.name,
            colour=tier.colour,
            points_percent=tier.points_percent,
            benefits=tier.benefits,
        )
        for place, tier in enumerate(draft.new_tiers, start=1)
    ]
    return [*sorted(known, key=lambda tier: tier.rank), *new]


def draft_rules(draft: Draft, tiers: Sequence[Tier]) -> Rules:
    """Return a draft as rules over the steps there would be; see `ranked_with`."""
    version = TierVersion(
        id=0,
        effective_on=draft.effective_on,
        basis=draft.basis,
        parameters=draft.parameters,
        grace_days=draft.grace_days,
        warn_days=draft.warn_days,
        rights_kept_until=draft.rights_kept_until,
        note=draft.note,
    )
    return read_rules(version, tiers)


_PREVIEW = """
SELECT m.tier_id, {rank} AS rank, count(*) AS members, sum(m.spend_twd) AS spend_twd,
    count(*) FILTER (WHERE coalesce(m.tier_kept_until, CAST(:effective_on AS date))
        > CAST(:effective_on AS date) OR CAST(:rights AS date) > CAST(:effective_on AS date))
        AS kept
FROM member AS m CROSS JOIN LATERAL (SELECT {value} AS value) AS counted
WHERE m.erased_at IS NULL GROUP BY 1, 2
"""
_CURRENT = {
    "rolling_365": (
        "CASE WHEN m.spend_on >= :on THEN m.spend_twd ELSE m.spend_twd - ("
        "SELECT coalesce(sum(p.paid_twd - p.refunded_twd), 0) FROM purchase AS p"
        " WHERE p.member_id = m.id AND p.purchased_on >= m.spend_on - 364"
        " AND p.purchased_on < :counted_from) END"
    ),
    "calendar_year": "CASE WHEN m.spend_on >= :year_start THEN m.year_twd ELSE 0 END",
    "lifetime": "m.lifetime_twd",
    TIER_POINTS: "m.tier_points",
}


def preview(session: Session, draft: Draft, now: datetime) -> list[Hit]:
    """Count whom a draft would move, by tier from and to, in one query; nobody is moved.

    Raises TierRulesRefused.
    """
    today, tiers = local_day(now), list_tiers(session)
    check(draft, tiers, today)
    ranked = ranked_with(draft, tiers)
    by_id = {tier.id: tier for tier in tiers}
    by_rank = {tier.rank: tier for tier in ranked}
    hits = []
    for tier_id, rank, members, _spend, kept in _counts(session, draft, ranked, today):
        held, reached = by_id[tier_id], by_rank[rank]
        if reached.rank < held.rank:
            for count, is_protected in ((kept, True), (members - kept, False)):
                if count:
                    hits.append(Hit(held.code, reached.code, count, is_protected))
        else:
            hits.append(Hit(held.code, reached.code, members, is_protected=False))
    return sorted(hits, key=lambda hit: (hit.from_code, hit.to_code, hit.is_protected))


def current_value(rules: Rules, today: date) -> tuple[str, dict[str, Any]]:
    """Return what the rules look at of member `m` today, as SQL with its parameters."""
    if rules.basis not in _CURRENT:
        value, bound = value_sql(rules)
        return value, dict(bound)
    value = _CURRENT[rules.basis]
    days = {
        "on": today,
        "counted_from": window_start(today),
        "year_start": year_start(today),
    }
    return value, {name: day for name, day in days.items() if f":{name}" in value}


def _counts(
    session: Session, draft: Draft, ranked: Sequence[Tier], today: date
) -> list[tuple[int, int, int, int, int]]:
    rules = draft_rules(draft, ranked)
    value, bound = current_value(rules, today)
    places = range(len(rules.steps) - 1, 0, -1)
    whens = " ".join(
        f"WHEN counted.value >= CAST(:step_{place} AS bigint) THEN CAST(:rank_{place} AS integer)"
        for place in places
    )
    sql = _PREVIEW.format(rank=f"CASE {whens} ELSE 0 END", value=value)
    asked: dict[str, Any] = dict(bound)
    for place in places:
        tier, threshold = rules.steps[place]
        asked |= {f"step_{place}": threshold, f"rank_{place}": tier.rank}
    days = {"effective_on": draft.effective_on, "rights": draft.rights_kept_until}
    asked |= {name: day for name, day in days.items() if f":{name}" in sql}
    return [tuple(row) for row in session.execute(text(sql), asked)]


def count_new_steps(session: Session, draft: Draft, now: datetime) -> list[NewStep]:
    """Count who would stand on each new tier of a draft, were it in force today; one query."""
    if not draft.new_tiers:
        return []
    tiers = list_tiers(session)
    ranked = ranked_with(draft, tiers)
    counts = _counts(session, draft, ranked, local_day(now))
    steps = []
    for tier in ranked[len(tiers) :]:
        reached = [(members, spend) for _, rank, members, spend, _ in counts if rank == tier.rank]
        members = sum(members for members, _ in reached)
        spend_twd = sum(int(spend) for _, spend in reached)
        steps.append(NewStep(tier, ranked[tier.rank - 1], members, spend_twd))
    return steps


def publish(
    session: Session, draft: Draft, *, by: str, confirmed_by_owner: bool, now: datetime
) -> TierVersion:
    """Keep a draft as the version in force from its day on; new steps are made with it.

    What was published is never changed: a mistake is mended by the next version. Members keep
    what they hold until their own day, or the stated one where that is later. Raises
    TierRulesRefused, or OwnerMustConfirm where it adds a tier.
    """
    tiers = list_tiers(session)
    check(draft, tiers, local_day(now))
    if draft.new_tiers and not confirmed_by_owner:
        raise OwnerMustConfirm(tiers=[tier.code for tier in draft.new_tiers])
    if any(known.effective_on == draft.effective_on for known in list_versions(session)):
        raise TierRulesRefused(why="effective_on")
    for place, tier in enumerate(draft.new_tiers, start=1):
        session.add(
            Tier(
                code=tier.code,
                rank=max(known.rank for known in tiers) + place,
                name=tier.name,
                colour=tier.colour,
                points_percent=tier.points_percent,
                benefits=tier.benefits,
            )
        )
    version = TierVersion(
        effective_on=draft.effective_on,
        basis=draft.basis,
        parameters=draft.parameters,
        grace_days=draft.grace_days,
        warn_days=draft.warn_days,
        rights_kept_until=draft.rights_kept_until,
        note=draft.note,
        created_at=now,
        created_by=by,
    )
    session.add(version)
    raise_version(session)
    session.flush()
    return version


def raise_version(session: Session) -> None:
    """Let every process notice that the rules have changed."""
    session.execute(
        update(Shop)
        .where(Shop.id == THE_SHOP)
        .values(programme_version=Shop.programme_version + 1)
        .execution_options(synchronize_session="evaluate")
    )
