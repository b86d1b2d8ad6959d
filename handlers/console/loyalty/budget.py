"""The benefit budget (C-08): what is left of a profit once benefits are paid."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue

from handlers.console import views
from handlers.console.door import ConsoleDoor, console_texts
from handlers.console.loyalty.words import budget_names
from models.analysis import Benefit, Sheet, work_out
from models.analysis.budget import KINDS, MESSAGE_TWD, rebate_of
from models.analysis.figures import PER_TIER
from models.analysis.refusals import AnalysisRefused
from models.base import in_language
from models.prepared import PreparedFigure, find_prepared
from models.programme import get_programme
from models.tier import Tier

WHOLE_PERCENT = "100"
LONGEST_NUMBER = 15


def show_budget() -> ResponseReturnValue:
    """Show a sheet and what it comes to; what is not told is the shop's own of one member."""
    t, programme = console_texts(), get_programme(g.session)
    sums = find_prepared(g.session, PER_TIER)
    tier = _tier(programme.tiers)
    typed = _defaults(tier, sums) | _typed()
    try:
        found, refused = work_out(_sheet(typed)), None
    except (AnalysisRefused, InvalidOperation, ValueError) as error:
        advice = error.facts["advice"] if isinstance(error, AnalysisRefused) else None
        found, refused = None, in_language(advice, t.language) if advice else t("請填數字。")
    return views.show(
        "loyalty/budget",
        fragment="loyalty/_budget",
        tiers=[(each.code, in_language(each.name, t.language)) for each in programme.tiers[::-1]],
        tier=tier,
        typed=typed,
        kinds=KINDS,
        names=budget_names(t),
        found=found,
        refused=refused,
        notes=[note.text(t.language) for note in found.notes] if found else [],
        sums=sums,
        is_ready=bool(typed["revenue_twd"] and typed["margin_percent"]),
    )


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the budget's calculator."""
    blueprint.get("/loyalty/budget", right="see")(show_budget)


def _tier(tiers: tuple[Tier, ...]) -> Tier:
    asked = request.args.get("tier")
    return next((tier for tier in tiers if tier.code == asked), tiers[-1])


def _names() -> list[str]:
    parts = ("times", "twd", "redeemed_percent")
    own = ["revenue_twd", "margin_percent", "rebate_percent", "rebate_redeemed_percent"]
    return [*own, *(f"{kind}_{part}" for kind in KINDS for part in parts)]


def _typed() -> dict[str, str]:
    told = {name: request.args.get(name, "").strip()[:LONGEST_NUMBER] for name in _names()}
    return {name: text.replace(",", "") for name, text in told.items() if text}


def _defaults(tier: Tier, sums: PreparedFigure | None) -> dict[str, str]:
    """Return what the shop itself knows: a member's year, the margin, the rebate of the tier."""
    shop, body = get_programme(g.session).shop, sums.body if sums and sums.body else None
    known = dict.fromkeys(_names(), "")
    known |= {f"{kind}_times": "0" for kind in KINDS} | {f"{kind}_twd": "0" for kind in KINDS}
    known |= {f"{kind}_redeemed_percent": WHOLE_PERCENT for kind in KINDS}
    known |= {
        "message_twd": str(MESSAGE_TWD),
        "rebate_redeemed_percent": WHOLE_PERCENT,
        "rebate_percent": f"{rebate_of(shop, tier):g}",
    }
    return known if body is None else known | _of_the_shop(body, tier)


def _of_the_shop(body: Mapping[str, Any], tier: Tier) -> dict[str, str]:
    line = next((line for line in body["tiers"] if line["tier_code"] == tier.code), None)
    each, margin = line and line["per_member_twd"], body["margin_percent"]
    return {
        "revenue_twd": f"{each:.0f}" if each else "",
        "margin_percent": f"{margin:.2f}" if margin is not None else "",
    }


def _sheet(typed: Mapping[str, str]) -> Sheet:
    """Return the sheet that was typed. Raises InvalidOperation or ValueError."""
    return Sheet(
        revenue_twd=int(typed["revenue_twd"] or 0),
        margin_percent=_number(typed["margin_percent"]),
        rebate_percent=_number(typed["rebate_percent"]),
        rebate_redeemed_percent=_number(typed["rebate_redeemed_percent"]),
        benefits=tuple(
            Benefit(
                kind,
                int(typed[f"{kind}_times"]),
                _number(typed[f"{kind}_twd"]),
                _number(typed[f"{kind}_redeemed_percent"]),
            )
            for kind in KINDS
        ),
    )


def _number(told: str) -> Decimal:
    number = Decimal(told or 0)
    if not number.is_finite():
        raise ValueError(told)
    return number
