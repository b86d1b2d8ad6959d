"""Why a member is in their tier, what keeps it and what lifts them: the deciding facts."""

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import in_language
from models.local_day import day_text, local_day
from models.member import Member
from models.programme import Programme, get_programme
from models.purchase import standing_of
from models.score import ScorePart, list_parts
from models.tier import Standing, TierChange, reason_text
from models.tier_evaluation.warning import Keeping, keeping_of

CHANGES_SHOWN = 5


@dataclass(frozen=True)
class Explanation:
    """The facts behind a member's tier as of a day, by one version of the rules."""

    as_of: date
    version: int
    effective_on: date
    standing: Standing
    threshold: int
    """What the present tier asks for; 0 on the lowest."""
    keeping: Keeping | None
    parts: tuple[ScorePart, ...]
    changes: tuple[TierChange, ...]
    """The newest moves, newest first."""
    because: str | None
    """What gave the present tier, where its member's figures alone do not: grant, import, merge."""

    def words(self, language: str) -> dict[str, Any]:
        """Return the explanation as plain facts for a card."""
        return self.standing.words(language) | {
            "basis": self.standing.basis,
            "value": self.standing.value,
            "threshold": self.threshold,
            "is_lowest": self.standing.tier.rank == 0,
            "keep_gap": self.keeping.gap if self.keeping else None,
            "keep_by": self._last_day() if self.keeping else None,
            "parts": [
                {"label": part.label, "counted": part.counted, "points": part.points}
                for part in self.parts
            ],
        }

    def _last_day(self) -> str:
        assert self.keeping is not None
        return (self.keeping.falls_on - timedelta(days=1)).isoformat()

    def as_json(self) -> dict[str, Any]:
        """Return the explanation as an API tells it; days are ISO, and the last good ones."""
        standing, next_tier = self.standing, self.standing.next_tier
        return {
            "tier": standing.tier.code,
            "tier_name": in_language(standing.tier.name, "zh-TW"),
            "rule": {
                "basis": standing.basis,
                "version": self.version,
                "effective_on": self.effective_on.isoformat(),
            },
            "as_of": self.as_of.isoformat(),
            "figures": {
                "spend_twd": standing.figures.spend_twd,
                "year_twd": standing.figures.year_twd,
                "lifetime_twd": standing.figures.lifetime_twd,
                "tier_points": standing.figures.tier_points,
                "measured": standing.figures.measured,
            },
            "value": standing.value,
            "threshold": self.threshold,
            "given_by": self.because,
            "kept_until": _through(standing.kept_until),
            "to_keep": {"gap": self.keeping.gap, "by": self._last_day()} if self.keeping else None,
            "next": {
                "tier": next_tier.code,
                "threshold": standing.goal,
                "gap": standing.gap,
                "percent": standing.percent,
                "holds_through": day_text(standing.gap_holds_through),
            }
            if next_tier
            else None,
            "parts": [asdict(part) for part in self.parts],
            "changes": [
                {"at": change.changed_at.isoformat(), "reason": reason_text(change.reason)}
                for change in self.changes
            ],
        }


def explain_member(session: Session, member: Member, now: datetime) -> Explanation:
    """Gather why the member is in their tier, what keeps it and what lifts them."""
    programme, today = get_programme(session), local_day(now)
    rules = programme.ladder.on(today)
    standing = standing_of(session, member, programme, today)
    changes = session.scalars(
        select(TierChange)
        .where(TierChange.member_id == member.id)
        .order_by(TierChange.id.desc())
        .limit(CHANGES_SHOWN)
    ).all()
    given = str(changes[0].reason.get("rule")) if changes else None
    return Explanation(
        as_of=today,
        version=rules.version_id,
        effective_on=rules.effective_on,
        standing=standing,
        threshold=rules.threshold(standing.tier),
        keeping=keeping_of(session, member, programme, today),
        parts=tuple(list_parts(session, member.id, rules.factors, today)),
        changes=tuple(changes),
        because=given if given in ("grant", "import", "merge") else None,
    )


def explain_lines(explanation: Explanation, programme: Programme) -> list[str]:
    """Return the explanation in at most two lines of Chinese, for staff; `bot/` has the card's."""
    standing = explanation.standing
    unit = "NT$" if standing.is_money else ""
    name = in_language(standing.tier.name, "zh-TW")
    rules = programme.ladder.on(explanation.as_of)
    counted = _COUNTED[rules.basis]
    first = f"{name}：{counted} {unit}{standing.value:,}"
    if standing.tier.rank:
        sign = "≥" if standing.value >= explanation.threshold else "<"
        first += f" {sign} {unit}{explanation.threshold:,}"
        if standing.kept_until:
            first += f"，資格保留至 {_through(standing.kept_until)}"
    if standing.next_tier is None:
        return [first]
    lines = [
        first,
        f"再 {unit}{standing.gap:,} 升級{in_language(standing.next_tier.name, 'zh-TW')}"
        f"（門檻 {unit}{standing.goal:,}）",
    ]
    if explanation.keeping and explanation.keeping.gap:
        by = (explanation.keeping.falls_on - timedelta(days=1)).isoformat()
        lines[1] += f"；{by} 前再 {unit}{explanation.keeping.gap:,} 可續等"
    return lines


_COUNTED = {
    "rolling_365": "近 365 天淨消費",
    "calendar_year": "今年淨消費",
    "lifetime": "累積淨消費",
    "tier_points": "等級點數",
    "metric": "指標",
    "score": "綜合分數",
}


def _through(first_day_outside: date | None) -> str | None:
    return day_text(first_day_outside - timedelta(days=1)) if first_day_outside else None
