"""What this store sold to members today, so that a clerk can look something up for a customer."""

from dataclasses import dataclass
from datetime import date, datetime

from flask import g, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from handlers.clerk import door, views, void
from handlers.clerk.day import day_context
from models.checkout import find_voidable
from models.local_day import local_day
from models.member import masked_name, shown_number
from models.purchase import list_of_day
from models.shop import Store
from models.staff import Staff

SHOWN = 50


@dataclass(frozen=True)
class Line:
    """One purchase of today as the list shows it."""

    id: int
    at: datetime
    member: str
    number: str
    amount_twd: int
    discount_twd: int
    paid_twd: int
    refunded_twd: int
    points: int
    staff_name: str | None
    is_own: bool


def show_today() -> ResponseReturnValue:
    """Show the newest purchases of this store's day, below the day's figures."""
    staff, store, today = door.current_staff(), door.current_store(), local_day(g.now)
    voidable = find_voidable(g.session, staff, store, g.now)
    return render_template(
        "clerk/today.html",
        today=today,
        lines=list_lines(g.session, store, staff, today),
        shown=SHOWN,
        void=void.offer_of(voidable.id) if voidable else None,
        **day_context(store, today),
        **views.words(),
    )


def list_lines(session: Session, store: Store, staff: Staff, today: date) -> list[Line]:
    """Return the newest purchases of `today` in a store, newest first; `staff` looks at them."""
    found = list_of_day(session, store.id, today, limit=SHOWN)
    return [
        Line(
            id=purchase.id,
            at=purchase.purchased_at,
            member=masked_name(name),
            number=shown_number(number),
            amount_twd=purchase.amount_twd,
            discount_twd=purchase.discount_twd + purchase.points_twd,
            paid_twd=purchase.paid_twd,
            refunded_twd=purchase.refunded_twd,
            points=purchase.points_earned,
            staff_name=staff_name,
            is_own=purchase.staff_id == staff.id,
        )
        for purchase, name, number, staff_name in found
    ]


def add_routes(blueprint: door.Door) -> None:
    """Add the day's list."""
    blueprint.get("/today")(show_today)
