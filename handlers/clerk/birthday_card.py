"""Birthday cards to write by hand: a month's list to print, ticked off when they are written."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import structlog
from flask import g, request
from flask.typing import ResponseReturnValue

from handlers.clerk import door, pending, views
from handlers.notice import Notice
from models.birthday_card import list_birthday_cards, tick_birthday_card
from models.local_day import first_of_month_after, local_day
from models.programme import get_programme
from models.tier import Tier

YES = "yes"
MONTH_FORMAT = "%Y-%m"
YEARS_SHOWN = 5
"""Whoever asks for a month further away is shown the next one."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Row:
    """One card as the list shows it."""

    id: int
    birthday_on: date
    name: str
    """Unmasked: it is written on the card."""
    tier: Tier
    favourite: str | None
    is_done: bool


def show_birthday_cards() -> ResponseReturnValue:
    """Show a month's cards, next month's where none is named."""
    pending.get_manager()
    return _show(_month())


def tick_card(card_id: int) -> ResponseReturnValue:
    """Note that a card is written, or not after all."""
    manager = pending.get_manager()
    is_done = request.form.get("answer") == YES
    card = tick_birthday_card(g.session, card_id, manager, is_done=is_done, now=g.now)
    log.info("birthday_card_ticked", card_id=card.id, is_done=is_done, by=manager.id)
    return _show(first_of_month_after(card.birthday_on, 0))


def add_routes(blueprint: door.Door) -> None:
    """Add the list's addresses."""
    blueprint.get("/birthday-cards")(show_birthday_cards)
    blueprint.post("/birthday-cards/<int:card_id>")(tick_card)
    blueprint.get("/birthday-cards/<int:card_id>")(views.back_to_scan)


def _month() -> date:
    """Return the first day of the month asked for; of the next where none is, or a wrong one."""
    today = local_day(g.now)
    try:
        asked = date.fromisoformat(f"{request.args.get('month', '')}-01")
    except ValueError:
        asked = date.max
    is_near = abs(asked.year - today.year) <= YEARS_SHOWN
    return asked if is_near else first_of_month_after(today, 1)


def _show(month: date, status: int = 200, **context: Any) -> ResponseReturnValue:
    programme = get_programme(g.session)
    rows = [
        Row(
            id=one.card.id,
            birthday_on=one.card.birthday_on,
            name=one.member.name or "",
            tier=programme.tier(one.member.tier_id),
            favourite=one.favourite,
            is_done=one.card.done_at is not None,
        )
        for one in list_birthday_cards(g.session, month)
    ]
    fresh = {
        "month": month,
        "rows": rows,
        "left": sum(not row.is_done for row in rows),
        "months": [first_of_month_after(month, step) for step in (-1, 1)],
        "month_format": MONTH_FORMAT,
    }
    return views.show("birthday_cards", status, **(fresh | context))


@views.shows_again("clerk.tick_card")
def _show_again(notice: Notice, status: int) -> ResponseReturnValue:
    pending.get_manager()
    return _show(_month(), status, notice=notice)
