"""A paid plan's own part: how many renew, beside what the articles name, and what it brings."""

from typing import Any

from handlers.console import chart
from handlers.console.loyalty.words import kind_names
from handlers.console.programme import pages
from handlers.console.programme.desk import Desk
from models.offering import Row
from models.plan import (
    REFERENCE_PERCENT,
    RETAIL_PERCENTS,
    months_before,
    plan_words,
    renewal_rates,
)

MONTHS = 12
WHOLE = 100


def _extra(desk: Desk, row: Row) -> dict[str, Any]:
    """Return the renewals of all plans month by month, and this plan's benefits."""
    t = desk.t
    rates = renewal_rates(desk.session, months_before(desk.now, MONTHS))
    low, high = RETAIL_PERCENTS
    renewals = chart.bars(
        t("續約率（所有方案）"),
        [f"{rate.month:%Y/%m}" for rate in rates],
        [(t("續約率"), [rate.renewed / rate.due if rate.due else None for rate in rates])],
        unit="percent",
        lines=(
            (t("台灣量販會員 {percent}%", percent=REFERENCE_PERCENT), REFERENCE_PERCENT / WHOLE),
            (t("零售業低標 {percent}%", percent=low), low / WHOLE),
            (t("零售業高標 {percent}%", percent=high), high / WHOLE),
        ),
        note=t("到期後 30 天內再付就算續約"),
    )
    return {
        "renewals": renewals,
        "due": sum(rate.due for rate in rates),
        "benefit_kinds": kind_names(t),
        "benefits": plan_words(desk.session, row, t.language)["benefits"],
    }


pages.adds("plan", _extra)
