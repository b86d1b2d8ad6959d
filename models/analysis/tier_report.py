"""What each tier brings and what it costs (C-09).

Everything is net of refunds. The margin is what is left of the goods' full price after their cost,
before any benefit; benefits are what was taken off (coupons, discounts), what points paid, and
gifts at their cost; so the net is what was paid less what goods and gifts cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.analysis.scope import EVERYBODY
from models.analysis.told import Note, Told
from models.local_day import local_day

WINDOW_DAYS = 365


@dataclass(frozen=True)
class TierSums:
    """What was counted of one tier's members in the window."""

    code: str
    name: dict[str, str]
    members: int
    """Who hold it and have bought, ever."""
    prospects: int
    """Who hold it and have not."""
    revenue_twd: int
    """What was paid and not given back."""
    discount_twd: int
    """Benefits within the sales: discounts, and what points paid."""
    gift_twd: int
    costed_twd: int
    """Revenue and discounts of the sales whose goods' costs are all known."""
    cost_twd: int
    """What those goods cost."""


@dataclass(frozen=True)
class TierLine(Told):
    """One tier, or all of them together."""

    tier_code: str | None
    name: dict[str, str]
    members: int
    prospects: int
    revenue_twd: int
    per_member_twd: float | None
    """`revenue_twd` ÷ `members`."""
    margin_twd: int | None
    """Before benefits; None where no costs of goods are known."""
    benefit_twd: int
    net_twd: int | None
    """`margin_twd` less `benefit_twd`."""


@dataclass(frozen=True)
class TierReport(Told):
    """The tiers, highest first, and all of them together."""

    tiers: tuple[TierLine, ...]
    total: TierLine
    margin_percent: float | None
    """The shop's margin before benefits, of the sales whose costs are known."""
    known_percent: int
    """So much of the sales, in percent rounded down, have costs."""
    notes: tuple[Note, ...] = ()


def tier_report(rows: Sequence[TierSums]) -> TierReport:
    """Work out margin, benefits and net of each tier; unknown costs by the rate of the known."""
    costed_twd = sum(row.costed_twd for row in rows)
    cost_twd = sum(row.cost_twd for row in rows)
    full_twd = sum(row.revenue_twd + row.discount_twd for row in rows)
    lines = [_line(row, costed_twd, cost_twd) for row in rows]
    known_percent = costed_twd * 100 // full_twd if full_twd else 0
    notes = []
    if not costed_twd:
        notes.append(Note("margin_unknown"))
    elif costed_twd < full_twd:
        notes.append(Note("margin_partly_known", {"percent": known_percent}))
    margin_percent = (costed_twd - cost_twd) * 100 / costed_twd if costed_twd else None
    return TierReport(tuple(lines), _total(lines), margin_percent, known_percent, tuple(notes))


def _line(row: TierSums, costed_twd: int, cost_twd: int) -> TierLine:
    full_twd = row.revenue_twd + row.discount_twd
    benefit_twd = row.discount_twd + row.gift_twd
    margin_twd = None
    if costed_twd:
        guessed_twd = -(-(full_twd - row.costed_twd) * cost_twd // costed_twd)
        margin_twd = full_twd - row.cost_twd - guessed_twd
    return TierLine(
        row.code,
        row.name,
        row.members,
        row.prospects,
        row.revenue_twd,
        row.revenue_twd / row.members if row.members else None,
        margin_twd,
        benefit_twd,
        None if margin_twd is None else margin_twd - benefit_twd,
    )


def _total(lines: Sequence[TierLine]) -> TierLine:
    members = sum(line.members for line in lines)
    revenue_twd = sum(line.revenue_twd for line in lines)
    is_known = all(line.margin_twd is not None for line in lines)
    return TierLine(
        None,
        EVERYBODY,
        members,
        sum(line.prospects for line in lines),
        revenue_twd,
        revenue_twd / members if members else None,
        sum(line.margin_twd or 0 for line in lines) if is_known else None,
        sum(line.benefit_twd for line in lines),
        sum(line.net_twd or 0 for line in lines) if is_known else None,
    )


_SUMS = text("""
WITH sold AS (
    SELECT p.id, p.member_id, p.paid_twd - p.refunded_twd AS revenue_twd,
        CASE WHEN p.paid_twd = 0 THEN p.discount_twd + p.points_twd ELSE
            CAST(p.discount_twd + p.points_twd AS bigint) * (p.paid_twd - p.refunded_twd)
            / p.paid_twd END AS discount_twd
    FROM purchase AS p
    WHERE p.undone_at IS NULL AND p.purchased_on > :since AND p.purchased_on <= :today
), cost AS (
    SELECT sold.id, bool_and(l.cost_twd IS NOT NULL) AS is_known,
        sum(CAST(l.cost_twd AS bigint) * (l.quantity - l.refunded_quantity) / l.quantity)
            AS cost_twd
    FROM sold JOIN purchase_line AS l ON l.purchase_id = sold.id GROUP BY sold.id
), bought AS (
    SELECT sold.member_id, sum(sold.revenue_twd) AS revenue_twd,
        sum(sold.discount_twd) AS discount_twd,
        sum(sold.revenue_twd + sold.discount_twd) FILTER (WHERE cost.is_known) AS costed_twd,
        sum(cost.cost_twd) FILTER (WHERE cost.is_known) AS cost_twd
    FROM sold LEFT JOIN cost ON cost.id = sold.id GROUP BY sold.member_id
), gift AS (
    SELECT r.member_id, sum(i.cost_twd) AS gift_twd
    FROM redemption AS r JOIN coupon AS c ON c.id = r.coupon_id
    JOIN coupon_template AS t ON t.id = c.template_id
    JOIN catalogue_item AS i ON i.sku = t.item_sku
    WHERE r.reversed_at IS NULL AND r.discount_twd = 0
        AND CAST(r.redeemed_at AT TIME ZONE 'Asia/Taipei' AS date) > :since
    GROUP BY r.member_id
)
SELECT t.code, t.name, count(m.id) FILTER (WHERE m.purchase_count > 0),
    count(m.id) FILTER (WHERE m.purchase_count = 0),
    CAST(coalesce(sum(bought.revenue_twd), 0) AS bigint),
    CAST(coalesce(sum(bought.discount_twd), 0) AS bigint),
    CAST(coalesce(sum(gift.gift_twd), 0) AS bigint),
    CAST(coalesce(sum(bought.costed_twd), 0) AS bigint),
    CAST(coalesce(sum(bought.cost_twd), 0) AS bigint)
FROM tier AS t
LEFT JOIN member AS m ON m.tier_id = t.id AND m.erased_at IS NULL AND m.merged_into_id IS NULL
LEFT JOIN bought ON bought.member_id = m.id
LEFT JOIN gift ON gift.member_id = m.id
GROUP BY t.id ORDER BY t.rank DESC
""")
"""A gift is a redemption that took nothing off a price, at what the catalogue says its item costs.
What a discount was worth shrinks with what was given back of its sale."""


def read_tier_report(session: Session, now: datetime, window_days: int = WINDOW_DAYS) -> TierReport:
    """Report on the tiers as members hold them now, over the last days; one statement."""
    today = local_day(now)
    asked = {"today": today, "since": today - timedelta(days=window_days)}
    return tier_report([TierSums(*row) for row in session.execute(_SUMS, asked)])
