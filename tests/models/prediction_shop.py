"""A shop whose customers live as the models say, for tests of what is foretold of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count as counting

import numpy as np
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from models.friend import Friend
from models.member import Member, check_digit
from models.programme import get_programme
from models.purchase import Purchase
from models.purchase.figures import refigure
from tests.conftest import NOON, Maker

TODAY = date(2026, 11, 22)
_numbers = counting(1)
_MONEY = text("""
    UPDATE member SET lifetime_twd = sums.ever, spend_twd = sums.year, spend_on = :today
    FROM (
        SELECT member_id, sum(paid_twd - refunded_twd) AS ever,
            coalesce(sum(paid_twd - refunded_twd) FILTER (WHERE purchased_on > :year_ago), 0)
                AS year
        FROM purchase WHERE member_id = ANY(:ids) GROUP BY member_id
    ) AS sums WHERE member.id = sums.member_id
""")


def make_buyers(session: Session, count: int, *, days: int = 400, seed: int = 11) -> list[int]:
    """Make members who began on any of the last `days` days, with all their sales; return ids."""
    rng = np.random.default_rng(seed)
    began = [TODAY - timedelta(days=int(age)) for age in rng.integers(1, days, count)]
    ids = add_members(session, began)
    rows = []
    for member_id, first in zip(ids, began, strict=True):
        usual_twd = rng.gamma(4, 40)
        rows += [
            sale(member_id, day, int(rng.gamma(6, usual_twd / 6)) + 20)
            for day in bought_on(rng, first)
        ]
    add_sales(session, rows)
    return ids


def add_members(session: Session, joined: Sequence[date]) -> list[int]:
    """Add members with a LINE account, friends who allow marketing; return their ids in order."""
    basic = get_programme(session).tiers[0]
    # Drawn numbers would meet once in a thousand shops; those of `Maker` begin with 1 or more.
    names = [f"Ub{next(_numbers):031d}" for _ in joined]
    session.execute(
        insert(Friend),
        [{"line_user_id": name, "is_following": True, "changed_at": NOON} for name in names],
    )
    rows = [
        {
            "number": name[-8:] + check_digit(name[-8:]),
            "line_user_id": name,
            "name": "王小明",
            "joined_at": moment(day),
            "join_source": "line",
            "marketing_allowed": True,
            "tier_id": basic.id,
            "spend_on": TODAY,
        }
        for name, day in zip(names, joined, strict=True)
    ]
    made = session.scalars(insert(Member).returning(Member.id, sort_by_parameter_order=True), rows)
    return list(made)


def bought_on(rng: np.random.Generator, began: date) -> list[date]:
    """Return the days on which one customer bought, as BG/NBD has it."""
    rate, leaves = rng.gamma(1.2, 1 / 25), rng.beta(1, 6)
    found, clock = [began], 0.0
    while rng.random() >= leaves:
        clock += rng.exponential(1 / rate)
        if clock > (TODAY - began).days:
            break
        found.append(began + timedelta(days=int(clock)))
    return found


def moment(day: date) -> datetime:
    """Return noon of a day."""
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


def sale(member_id: int, day: date, paid_twd: int = 100) -> dict[str, object]:
    """Return the row of one sale."""
    return {
        "member_id": member_id,
        "amount_twd": paid_twd,
        "paid_twd": paid_twd,
        "points_earned": 0,
        "purchased_at": moment(day),
        "purchased_on": day,
        "idempotency_key": f"simulated:{next(_numbers)}",
    }


def add_sales(session: Session, rows: Sequence[dict[str, object]]) -> None:
    """Keep sales and the running figures that follow."""
    store_id = Maker(NOON).store(session).id
    session.execute(insert(Purchase), [row | {"store_id": store_id} for row in rows])
    ids = sorted({int(str(row["member_id"])) for row in rows})
    refigure(session, ids)
    year_ago = TODAY - timedelta(days=365)
    session.execute(_MONEY, {"today": TODAY, "year_ago": year_ago, "ids": ids})
    session.commit()
