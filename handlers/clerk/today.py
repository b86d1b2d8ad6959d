"""What this store sold to members today, so that a clerk can look something up for a customer."""

from dataclasses import dataclass
from datetime import date, datetime

from flask import g, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from handlers.clerk import door, views
from models.local_day import local_day
from models.member import masked_name, shown_number
from models.purchase import list_of_day, total_of_day
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


@dataclass(frozen=True)
class Total:
    """How many purchases a store's day has, and what was paid in them."""

    count: int
    paid_twd: int


def show_today() -> ResponseReturnValue:
    """Show the newest purchases of this store's day, with the day's total."""
    staff, today = door.current_staff(), local_day(g.now)
    return render_template(
        "clerk/today.html",
        today=today,
        lines=list_lines(g.session, staff, today),
        total=Total(*total_of_day(g.session, staff.store_id, today)),
        shown=SHOWN,
        **views.words(),
    )


def list_lines(session: Session, staff: Staff, today: date) -> list[Line]:
    """Return the newest purchases of `today` in the store of `staff`, newest first."""
    found = list_of_day(session, staff.store_id, today, limit=SHOWN)
    return [
        Line(
            id=purchase.id,
            at=purchase.purchased_at,
            member=masked_name(name),
            number=shown_number(number),
            amount_twd=purchase.amount_twd,
            discount_twd=purchase.discount_twd,
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
