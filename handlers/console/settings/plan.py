"""LINE's message plan: what messages cost, the shop's own limit; in versions (U1 to U3)."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import structlog
from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from models.quota import (
    PLAN_NAMES,
    STARTING_PLANS,
    Step,
    change_plan,
    get_plan,
    list_leftovers,
    list_plan_versions,
    month_after,
    month_of,
    remaining,
)
from models.quota.plan import bill_of, read_steps

STARTS = ("now", "next")
MOST_STEPS = 6
LONGEST_NOTE = 200
LONGEST_NUMBER = 12
EXAMPLES = (1_000, 10_000, 50_000)
"""What so many messages cost is shown, to hold the prices against LINE's own page."""
MOST_FIGURE = 1_000_000_000

log = structlog.get_logger()


def show_plan() -> ResponseReturnValue:
    """Show the plan in force, what is left of the month, what messages cost, and the versions."""
    month = month_of(g.now)
    held, coming = get_plan(g.session, month), get_plan(g.session, month_after(g.now))
    return views.show(
        "settings/plan",
        held=held,
        coming=coming if coming != held else None,
        coming_on=month_after(g.now),
        left=remaining(g.session, g.now),
        leftovers=list_leftovers(g.session, g.now),
        plans=STARTING_PLANS,
        plan_names=PLAN_NAMES,
        examples=[(count, bill_of(held, count)) for count in EXAMPLES],
        versions=[(row, read_steps(row.steps)) for row in list_plan_versions(g.session)],
        blank_steps=max(MOST_STEPS - len(held.steps), 0),
        longest_note=LONGEST_NOTE,
    )


def change() -> ResponseReturnValue:
    """Keep a new version, from this month on or from the next."""
    t = console_texts()
    starts, staff = form.needed_choice("starts", STARTS), current_staff()
    code = form.needed_choice("code", (*STARTING_PLANS, get_plan(g.session, month_of(g.now)).code))
    month = month_of(g.now) if starts == STARTS[0] else month_after(g.now)
    plan = change_plan(
        g.session,
        code,
        _changes(),
        from_month=month,
        note=form.needed("note", LONGEST_NOTE),
        by=staff.username,
        now=g.now,
    )
    log.info("message_plan_changed", code=plan.code, by=staff.id)
    return views.go(url_for("console.settings_plan_show_plan"), t("方案已儲存"))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of the message plan."""
    blueprint.get("/settings/plan", right="settings.see")(show_plan)
    blueprint.post("/settings/plan", right="settings.change")(change)


def _changes() -> dict[str, Any]:
    """Return the fields of a plan that were told; an empty one stays as the plan has it."""
    changes: dict[str, Any] = {
        "hard_cap": form.whole("hard_cap", least=0, most=MOST_FIGURE),
        "service_reserve": form.needed_whole("service_reserve", least=0, most=MOST_FIGURE),
        "is_price_checked": form.flag("is_price_checked"),
        "margin_percent": _decimal("margin_percent"),
        "block_percent": _decimal("block_percent"),
    }
    if form.flag("has_prices"):
        changes |= {
            "monthly_fee_twd": form.needed_whole("monthly_fee_twd", least=0, most=MOST_FIGURE),
            "free_messages": form.needed_whole("free_messages", least=0, most=MOST_FIGURE),
            "steps": tuple(_steps()),
        }
    return changes


def _steps() -> Sequence[Step]:
    """Return the steps of price that were typed; the last of them has no end."""
    ends, prices = request.form.getlist("up_to"), request.form.getlist("each_twd")
    typed = [
        (end.replace(",", "").strip(), price.strip())
        for end, price in zip(ends[:MOST_STEPS], prices[:MOST_STEPS], strict=False)
        if price.strip()
    ]
    return [Step(_count(end), _number("each_twd", price)) for end, price in typed]


def _count(typed: str) -> int | None:
    if not typed:
        return None
    if not typed.isdecimal() or len(typed) > LONGEST_NUMBER:
        raise form.FieldRefused(field="up_to", why="whole")
    return int(typed)


def _decimal(name: str) -> Decimal:
    return _number(name, form.needed(name, LONGEST_NUMBER))


def _number(name: str, typed: str) -> Decimal:
    try:
        number = Decimal(typed)
    except InvalidOperation as error:
        raise form.FieldRefused(field=name, why="number") from error
    if not number.is_finite():
        raise form.FieldRefused(field=name, why="number")
    return number
