"""The manager's lens: each clerk's figures among their peers, the cases, who looked (X13)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import structlog
from flask import g, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from bot.texts import Texts
from handlers.clerk import door, pending, views
from handlers.clerk.chart import Share, Strip, draw_strip
from handlers.lens_words import percent, titles, why
from handlers.notice import Notice
from models.base import BusinessError
from models.fraud.figures import (
    FIGURES,
    BuyReturn,
    ClerkFigures,
    Figure,
    clerk_figures,
    list_buy_returns,
)
from models.fraud.looking import (
    Case,
    Look,
    last_looks,
    list_cases,
    list_purchase_cases,
    note_look,
)
from models.local_day import day_start, last_days
from models.member import Member, masked_name, shown_number
from models.staff import Staff

PERIODS = (7, 30, 90)
USUAL_PERIOD = 30
LONGEST_FOUND = 200
MOST_RETURNS = 20

log = structlog.get_logger()


class NoSuchFigure(BusinessError):
    """No clerk with sales in these days has this number, or there is no such figure."""

    code = "no_such_figure"


@dataclass(frozen=True)
class Row:
    """One clerk in one figure's list."""

    staff_id: int
    name: str
    figure: Figure
    look: Look | None
    """The newest one within the days shown."""


@dataclass(frozen=True)
class Panel:
    """One figure: what it is, its chart, and its clerks, who stands out first."""

    name: str
    title: str
    counts: str
    strip: Strip
    rows: tuple[Row, ...]

    @property
    def alarms(self) -> int:
        """Return how many stand out."""
        return sum(row.figure.is_alarm for row in self.rows)


@dataclass(frozen=True)
class Returner:
    """A member who buys and gives back, with the purchases."""

    name: str
    number: str
    again: BuyReturn
    clerks: tuple[str, ...]
    cases: Sequence[Case]


def show_lens() -> ResponseReturnValue:
    """Show every figure with all clerks, and who buys and gives back."""
    pending.get_manager()
    t, days = door.clerk_texts(), _days()
    first, after = last_days(days, g.now)
    clerks = clerk_figures(g.session, first, after)
    looks = last_looks(g.session, day_start(first))
    return views.show(
        "lens",
        panels=[_panel(t, name, clerks, looks) for name in FIGURES],
        returners=_returners(first, after),
        clerks=len(clerks),
        **_shared(t, days),
    )


def show_figure(staff_id: int, name: str) -> ResponseReturnValue:
    """Show the cases behind one clerk's figure, and the form to note a look."""
    pending.get_manager()
    return _show_figure(staff_id, name)


def look(staff_id: int, name: str) -> ResponseReturnValue:
    """Note in the audit that the manager looked, and what they found."""
    manager = pending.get_manager()
    _, figure = _find(staff_id, name)
    found = request.form.get("found", "")[:LONGEST_FOUND]
    note_look(g.session, manager, staff_id, figure, found=found, days=_days(), now=g.now)
    log.info("lens_looked", staff_id=staff_id, figure=name, by=manager.id)
    return _show_figure(staff_id, name, done=True)


def add_routes(blueprint: door.Door) -> None:
    """Add the lens's addresses."""
    blueprint.get("/lens")(show_lens)
    blueprint.get("/lens/<int:staff_id>/<name>")(show_figure)
    blueprint.post("/lens/<int:staff_id>/<name>/looks")(look)
    blueprint.get("/lens/<int:staff_id>/<name>/looks")(views.back_to_scan)


def _days() -> int:
    """Return the period asked for, or the usual one."""
    asked = request.values.get("days", "")
    return int(asked) if asked in map(str, PERIODS) else USUAL_PERIOD


def _shared(t: Texts, days: int) -> dict[str, Any]:
    return {
        "days": days,
        "periods": PERIODS,
        "percent": percent,
        "why": lambda figure: why(t, figure),
        "masked_name": masked_name,
        "shown_number": shown_number,
    }


def _panel(
    t: Texts,
    name: str,
    clerks: Sequence[ClerkFigures],
    looks: Mapping[tuple[int, str], Sequence[Look]],
) -> Panel:
    title, counts = titles(t)[name]
    rows = [
        Row(
            clerk.staff_id,
            clerk.name,
            clerk.figure(name),
            next(iter(looks.get((clerk.staff_id, name), ())), None),
        )
        for clerk in clerks
    ]
    rows.sort(key=lambda row: (not row.figure.is_alarm, -row.figure.share, row.name))
    return Panel(name, title, counts, _strip(clerks, name), tuple(rows))


def _strip(clerks: Sequence[ClerkFigures], name: str, shown: int | None = None) -> Strip:
    """Draw a figure's clerks; with `shown` that one stands out, else all with an alarm."""
    figures = [(clerk, clerk.figure(name)) for clerk in clerks]
    return draw_strip(
        [
            Share(
                clerk.staff_id,
                clerk.name,
                figure.share,
                "shown"
                if clerk.staff_id == shown
                else "alarm"
                if figure.is_alarm and shown is None
                else "usual",
            )
            for clerk, figure in figures
        ]
    )


def _find(staff_id: int, name: str) -> tuple[list[ClerkFigures], Figure]:
    """Return all clerks of the period and one figure of one. Raises NoSuchFigure."""
    clerks = clerk_figures(g.session, *last_days(_days(), g.now))
    clerk = next((clerk for clerk in clerks if clerk.staff_id == staff_id), None)
    if clerk is None or name not in FIGURES:
        raise NoSuchFigure
    return clerks, clerk.figure(name)


def _show_figure(
    staff_id: int, name: str, status: int = 200, **context: Any
) -> ResponseReturnValue:
    t, days = door.clerk_texts(), _days()
    clerks, figure = _find(staff_id, name)
    first, _ = last_days(days, g.now)
    title, counts = titles(t)[name]
    fresh = {
        "title": title,
        "counts": counts,
        "clerk": next(clerk for clerk in clerks if clerk.staff_id == staff_id),
        "figure": figure,
        "strip": _strip(clerks, name, staff_id),
        "cases": list_cases(g.session, figure),
        "looks": last_looks(g.session, day_start(first)).get((staff_id, name), ()),
        "is_own": staff_id == door.current_staff().id,
        "longest_found": LONGEST_FOUND,
        "typed": {},
        "done": False,
    }
    return views.show("lens_figure", status, **_shared(t, days), **(fresh | context))


def _returners(first: date, after: date) -> list[Returner]:
    found = list_buy_returns(g.session, first, after)[:MOST_RETURNS]
    members = {
        member.id: member
        for member in g.session.scalars(
            select(Member).where(Member.id.in_([one.member_id for one in found]))
        )
    }
    clerks = dict(
        g.session.execute(
            select(Staff.id, Staff.name).where(
                Staff.id.in_({staff_id for one in found for staff_id in one.staff_ids})
            )
        ).all()
    )
    cases = list_purchase_cases(
        g.session, [purchase_id for one in found for purchase_id in one.purchase_ids]
    )
    return [
        Returner(
            name=masked_name(members[one.member_id].name),
            number=shown_number(members[one.member_id].number),
            again=one,
            clerks=tuple(clerks[staff_id] for staff_id in one.staff_ids),
            cases=[case for case in cases if case.purchase_id in one.purchase_ids],
        )
        for one in found
    ]


@views.shows_again("clerk.look")
def _show_again(notice: Notice, status: int) -> ResponseReturnValue:
    where = request.view_args or {}
    return _show_figure(where["staff_id"], where["name"], status, notice=notice, typed=request.form)
