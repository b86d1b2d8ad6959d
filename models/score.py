"""Scores and metrics: what rules that count more than money look at, part by part.

A score adds up its factors; each stands alone with its source, its cap and its window, so that a
member sees every part, and the parts are the total.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.tier import METRIC, SCORE, Factor, Rules

SOURCES: dict[str, str] = {
    "spend_twd": (
        "(SELECT coalesce(sum(p.paid_twd - p.refunded_twd), 0) FROM purchase AS p"
        " WHERE p.member_id = m.id AND p.purchased_on > :on - :window AND p.purchased_on <= :on)"
    ),
    "purchases": (
        "(SELECT count(*) FROM purchase AS p WHERE p.member_id = m.id"
        " AND p.refunded_twd < p.paid_twd"
        " AND p.purchased_on > :on - :window AND p.purchased_on <= :on)"
    ),
    "basket_twd": (
        "(SELECT coalesce(avg(p.paid_twd - p.refunded_twd), 0)::bigint FROM purchase AS p"
        " WHERE p.member_id = m.id AND p.refunded_twd < p.paid_twd"
        " AND p.purchased_on > :on - :window AND p.purchased_on <= :on)"
    ),
    "attendances": (
        "(SELECT count(*) FROM gathering_seat AS s JOIN gathering AS g ON g.id = s.gathering_id"
        " WHERE s.member_id = m.id AND s.state = 'attended'"
        " AND g.starts_at > CAST(:on AS date) - CAST(:window AS integer))"
    ),
    "tenure_days": (
        "greatest(CAST(:on AS date) - (m.joined_at AT TIME ZONE 'Asia/Taipei')::date, 0)"
    ),
    "tier_points": "m.tier_points",
}
"""What a factor may weigh, as SQL over the member `m`; `metric:<name>` stands beside these."""
METRIC_PREFIX = "metric:"
_METRIC = (
    "coalesce((SELECT k.value FROM member_metric AS k"
    " WHERE k.member_id = m.id AND k.name = :metric), 0)"
)
_NO_CAP = 2**31 - 1


@dataclass(frozen=True)
class ScorePart:
    """One factor of a member's score: what was counted, and the points it brings."""

    label: str
    source: str
    counted: int
    points: int
    cap: int | None


def is_measured(rules: Rules) -> bool:
    """Tell whether the rules look at something the member's row does not hold."""
    return rules.basis in (METRIC, SCORE)


def is_source(source: str) -> bool:
    """Tell whether a factor may weigh this."""
    return source in SOURCES or (
        source.startswith(METRIC_PREFIX) and len(source) > len(METRIC_PREFIX)
    )


def counted_sql(factor: Factor, number: int) -> tuple[str, dict[str, Any]]:
    """Return what a factor counts as SQL over the member `m`, with the values it binds."""
    if factor.source.startswith(METRIC_PREFIX):
        return _METRIC.replace(":metric", f":metric_{number}"), {
            f"metric_{number}": factor.source.removeprefix(METRIC_PREFIX)
        }
    sql = SOURCES[factor.source]
    if ":window" not in sql:
        return sql, {}
    return sql.replace(":window", f":window_{number}"), {f"window_{number}": factor.window_days}


def value_sql(rules: Rules) -> tuple[str, dict[str, Any]]:
    """Return what measured rules count as SQL over the member `m`: the metric or the whole score.

    It binds `on` beside the values returned.
    """
    if rules.basis == METRIC:
        return _METRIC, {"metric": rules.metric}
    assert rules.basis == SCORE
    parts, bound = [], dict[str, Any]()
    for number, factor in enumerate(rules.factors):
        sql, values = counted_sql(factor, number)
        parts.append(_points_sql(sql, number))
        bound |= values | _weights(factor, number)
    return f"({' + '.join(parts)})", bound


def _points_sql(counted: str, number: int) -> str:
    return (
        f"least(greatest({counted}, 0) / CAST(:unit_{number} AS bigint)"
        f" * CAST(:weight_{number} AS bigint), CAST(:cap_{number} AS bigint))"
    )


def _weights(factor: Factor, number: int) -> dict[str, Any]:
    return {
        f"unit_{number}": factor.unit,
        f"weight_{number}": factor.weight,
        f"cap_{number}": _NO_CAP if factor.cap is None else factor.cap,
    }


def measure(session: Session, member_id: int, rules: Rules, on: date) -> int:
    """Return what measured rules count of one member as of `on`, in one query."""
    sql, bound = value_sql(rules)
    statement = text(f"SELECT {sql} FROM member AS m WHERE m.id = :id")  # noqa: S608 - constants
    asked = bound | {"id": member_id}
    if ":on" in sql:
        asked["on"] = on
    return int(session.execute(statement, asked).scalar_one())


def list_parts(
    session: Session, member_id: int, factors: Sequence[Factor], on: date
) -> list[ScorePart]:
    """Return each part of a member's score; their points add up to it."""
    if not factors:
        return []
    columns, bound = [], dict[str, Any]()
    for number, factor in enumerate(factors):
        sql, values = counted_sql(factor, number)
        columns += [sql, _points_sql(sql, number)]
        bound |= values | _weights(factor, number)
    sql = f"SELECT {', '.join(columns)} FROM member AS m WHERE m.id = :id"  # noqa: S608 - as above
    asked = bound | {"id": member_id} | ({"on": on} if ":on" in sql else {})
    row = session.execute(text(sql), asked).one()
    return [
        ScorePart(
            label=factor.label or factor.source,
            source=factor.source,
            counted=int(row[2 * number]),
            points=int(row[2 * number + 1]),
            cap=factor.cap,
        )
        for number, factor in enumerate(factors)
    ]
