"""Where a member stands, and the reasons a change of tier keeps."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from models.base import in_language
from models.tier.ladder import WINDOW_DAYS, Figures, Rules
from models.tier.table import ROLLING, Tier, TierChange


@dataclass(frozen=True)
class Standing:
    """Where a member stands: their tier, the way to the next, and until when both hold."""

    tier: Tier
    next_tier: Tier | None
    basis: str
    figures: Figures
    value: int
    """What the rules in force count: NT$ where `is_money`, else points of a score or metric."""
    goal: int | None
    gap: int
    """What is missing to the next tier; 0 on the highest."""
    percent: int
    """The way from nothing to the next threshold, 0 to 100, rounded down."""
    is_money: bool
    gap_holds_through: date | None
    """The last day on which all that is counted now still counts; None with nothing counted."""
    kept_until: date | None
    """The first day on which the tier is evaluated again; None on the lowest."""

    @property
    def spend_twd(self) -> int:
        """Return what the rules count in NT$; where they count no money, the last 365 days."""
        return self.value if self.is_money else self.figures.spend_twd

    @property
    def gap_twd(self) -> int:
        """Return the NT$ still missing to the next tier; 0 where money does not lead there."""
        return self.gap if self.is_money else 0

    def words(self, language: str) -> dict[str, Any]:
        """Return the standing as plain facts for a card; days are ISO, and the last good ones."""
        holds = self.gap_holds_through
        kept_through = self.kept_until - timedelta(days=1) if self.kept_until else None
        name = in_language(self.next_tier.name, language) if self.next_tier else None
        facts: dict[str, Any] = {
            "tier_name": in_language(self.tier.name, language),
            "tier_colour": self.tier.colour,
            "spend_twd": self.spend_twd,
            "next_name": name,
            "next_threshold_twd": self.goal if self.is_money else None,
            "gap_twd": self.gap if self.is_money and self.next_tier else None,
            "percent": self.percent,
            "deadline": holds.isoformat() if self.next_tier and holds else None,
            "keep_until": kept_through.isoformat() if kept_through else None,
        }
        if self.basis == ROLLING:
            return facts
        in_points = {"value": self.value, "goal": self.goal, "gap": self.gap}
        return facts | {"basis": self.basis} | ({} if self.is_money else in_points)


def stand(
    rules: Rules,
    tier: Tier,
    figures: Figures,
    *,
    first_counted_on: date | None,
    kept_until: date | None,
) -> Standing:
    """Work out a standing from a member's figures, by the rules in force."""
    step = rules.next_step(tier)
    goal, value = step[1] if step else None, rules.value(figures)
    return Standing(
        tier=tier,
        next_tier=step[0] if step else None,
        basis=rules.basis,
        figures=figures,
        value=value,
        goal=goal,
        gap=max(goal - value, 0) if goal is not None else 0,
        percent=max(min(value * 100 // goal, 100), 0) if goal else 100,
        is_money=rules.is_money,
        gap_holds_through=_holds_through(rules, figures, first_counted_on),
        kept_until=kept_until,
    )


def _holds_through(rules: Rules, figures: Figures, first_counted_on: date | None) -> date | None:
    if rules.basis == ROLLING:
        return first_counted_on and first_counted_on + timedelta(days=WINDOW_DAYS - 1)
    if rules.basis == "calendar_year":
        return date(figures.on.year, 12, 31)
    return None


def explain(
    rules: Rules, before: Tier, after: Tier, value: int, *, rule: str | None = None
) -> dict[str, Any]:
    """Return the facts behind a change of tier, as the change keeps them.

    `rule` is what made it look, such as `refund`, where that is not the basis itself.
    """
    unit = "_twd" if rules.is_money else ""
    facts: dict[str, Any] = {
        "rule": rule or rules.basis,
        f"{'spend' if unit else 'value'}{unit}": value,
        f"threshold{unit}": rules.threshold(after),
        "version": rules.version_id,
    }
    if rule is not None:
        facts["basis"] = rules.basis
    if after.rank < before.rank:
        facts[f"missed{unit}"] = rules.threshold(before)
    return facts


def note_change(
    member_id: int, before: Tier, after: Tier, reason: dict[str, Any], now: datetime
) -> TierChange:
    """Make the row that remembers a step from `before` to `after`; the caller adds it."""
    return TierChange(
        member_id=member_id,
        from_tier_id=before.id,
        to_tier_id=after.id,
        reason=reason,
        changed_at=now,
    )


_COUNTED = {
    "rolling_365": "近 365 天消費",
    "calendar_year": "今年消費",
    "lifetime": "累積消費",
    "tier_points": "等級點數",
    "metric": "指標",
    "score": "綜合分數",
}
_BECAUSE = {
    "refund": "退款後",
    "grant": "人工調整",
    "grant_undone": "取消人工調整",
    "import": "匯入",
    "merge": "合併後",
}


def reason_text(reason: dict[str, Any]) -> str:
    """Return a change's reason in a line of Chinese: 近 365 天消費 15,200 ≥ 15,000."""
    rule = str(reason.get("rule", ""))
    basis = str(reason.get("basis", rule))
    value = reason.get("spend_twd", reason.get("value"))
    because = _BECAUSE.get(rule, "")
    if value is None:
        return because or rule
    missed = reason.get("missed_twd", reason.get("missed"))
    threshold = reason.get("threshold_twd", reason.get("threshold", 0))
    sign, line = ("≥", threshold) if missed is None else ("<", missed)
    return f"{because}{_COUNTED.get(basis, basis)} {value:,} {sign} {line:,}"
