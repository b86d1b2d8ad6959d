"""The health of the ladder (E-04): who stands where, who is close to the next step, how far it is.

A threshold too high kills motivation, one too low separates nobody. The figures are those of the
rules in force; nothing is changed.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.local_day import local_day
from models.programme import get_programme
from models.tier import Rules, Tier
from models.tier_evaluation.versions import current_value

CLOSE_PERCENT = 80
"""Who has so much of the next threshold is close to it."""
FEW_ABOVE_PERCENT = 5
MANY_ABOVE_PERCENT = 50
FAR_MONTHS = 12
MONTHS_OF_FIGURE = 12


@dataclass(frozen=True)
class StepHealth:
    """One tier: how many hold it, and how the way to the next looks from there."""

    tier: Tier
    members: int
    share_percent: float
    """Of all members."""
    close: int
    """How many hold at least CLOSE_PERCENT of the next threshold."""
    months_to_next: float | None
    """How long the middle one of those who buy needs at their own pace of the last year; None at
    the top, where nobody buys, and where no money decides."""
    advice: tuple[str, ...]
    """Codes: `few_above`, `many_above`, `far`."""


_HEALTH = """
SELECT t.rank, count(*) AS members,
    count(*) FILTER (WHERE counted.value * 100 >= next.threshold * :close
        AND counted.value < next.threshold) AS close,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY
        CASE WHEN m.spend_twd > 0
            THEN greatest(next.threshold - counted.value, 0) * :months / m.spend_twd::float END
    ) AS months_to_next
FROM member AS m
JOIN tier AS t ON t.id = m.tier_id
CROSS JOIN LATERAL (SELECT {value} AS value) AS counted
LEFT JOIN LATERAL (
    SELECT step.threshold
    FROM unnest(CAST(:ranks AS int[]), CAST(:thresholds AS bigint[])) AS step (rank, threshold)
    WHERE step.rank > t.rank ORDER BY step.rank LIMIT 1
) AS next ON true
WHERE m.erased_at IS NULL AND m.merged_into_id IS NULL
GROUP BY t.rank
"""


def tier_health(session: Session, now: datetime) -> list[StepHealth]:
    """Return the health of each step of the ladder in force, lowest first; one query."""
    programme, today = get_programme(session), local_day(now)
    rules = programme.ladder.on(today)
    found = {row.rank: row for row in session.execute(*_statement(rules, today))}
    total = sum(row.members for row in found.values())
    above = 0
    health = []
    for tier in reversed(rules.tiers):
        row = found.get(tier.rank)
        members = row.members if row else 0
        has_next = rules.next_step(tier) is not None
        months = row.months_to_next if row and has_next and rules.is_money else None
        health.append(
            StepHealth(
                tier=tier,
                members=members,
                share_percent=members * 100 / total if total else 0.0,
                close=row.close if row else 0,
                months_to_next=months,
                advice=_advice(members, above, months) if has_next else (),
            )
        )
        above += members
    return health[::-1]


def _statement(rules: Rules, today: date) -> tuple[Any, dict[str, Any]]:
    value, asked = current_value(rules, today)
    told = {
        "close": CLOSE_PERCENT,
        "months": MONTHS_OF_FIGURE,
        "ranks": [tier.rank for tier, _ in rules.steps],
        "thresholds": [threshold for _, threshold in rules.steps],
    }
    return text(_HEALTH.format(value=value)), asked | told


def _advice(members: int, above: int, months: float | None) -> tuple[str, ...]:
    """Say what is odd about the step above a tier."""
    reach = members + above
    if not reach:
        return ()
    advice = []
    if above * 100 < FEW_ABOVE_PERCENT * reach:
        advice.append("few_above")
    if above * 100 > MANY_ABOVE_PERCENT * reach:
        advice.append("many_above")
    if months is not None and months > FAR_MONTHS:
        advice.append("far")
    return tuple(advice)
