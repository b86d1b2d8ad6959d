"""Counting: how many members each class has, who they are, and how two models or days meet.

Lifecycles are told from the members' own rows as they are now. RFM needs the history of a whole
window, so "now" is what the last night found; where no night has been, it is worked out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.classification.naming import get_any_class, get_any_model
from models.classification.relation import classes_of_day, classes_of_night, last_night
from models.classification.table import ClassMove
from models.lifecycle import PROSPECT, RFM
from models.local_day import local_day


class DaysOutOfOrder(BusinessError):
    """The first day of a matrix lies after its last; the facts carry both."""

    code = "days_out_of_order"


@dataclass(frozen=True)
class CountedClass:
    """One class: its members, and their net NT$ of all time."""

    code: str
    members: int
    net_twd: int


@dataclass(frozen=True)
class ClassCounts:
    """A model's classes in their order, the empty ones too; who never bought stands beside them."""

    model: str
    on: date
    as_of: datetime | None
    """The moment of the figures; None for the end of a past day."""
    classes: tuple[CountedClass, ...]
    prospects: int | None
    """Members who never bought; None in a model that has a class for them."""

    @property
    def members(self) -> int:
        """Return how many members the classes have together."""
        return sum(each.members for each in self.classes)

    @property
    def net_twd(self) -> int:
        """Return their net NT$ together."""
        return sum(each.net_twd for each in self.classes)

    def get(self, code: str) -> CountedClass:
        """Return one class. Raises UnknownClass."""
        get_any_class(self.model, code)
        return next(each for each in self.classes if each.code == code)

    def share(self, code: str) -> float:
        """Return a class's part of the members, 0 to 1. Raises UnknownClass."""
        return _part(self.get(code).members, self.members)

    def net_share(self, code: str) -> float:
        """Return a class's part of the net NT$, 0 to 1. Raises UnknownClass."""
        return _part(self.get(code).net_twd, self.net_twd)


@dataclass(frozen=True)
class Move:
    """So many members were in one class and are in another, or in the same."""

    from_class: str | None
    """None for those who joined in between."""
    to_class: str
    members: int


@dataclass(frozen=True)
class MigrationMatrix:
    """Who went where between the ends of two days; its margins are the counts of both."""

    model: str
    from_day: date
    to_day: date
    moves: tuple[Move, ...]

    def members(self, from_class: str | None, to_class: str) -> int:
        """Return how many went from the one to the other."""
        return next(
            (
                move.members
                for move in self.moves
                if (move.from_class, move.to_class) == (from_class, to_class)
            ),
            0,
        )


@dataclass(frozen=True)
class CrossCell:
    """The members in one class of each of two models, with their net NT$ of all time."""

    a: str
    b: str
    members: int
    net_twd: int


@dataclass(frozen=True)
class CrossTable:
    """Two models over the same members on the same day; cells that are empty are left out."""

    model_a: str
    model_b: str
    on: date
    cells: tuple[CrossCell, ...]

    def members(self, a: str, b: str) -> int:
        """Return how many members are in both."""
        return next((cell.members for cell in self.cells if (cell.a, cell.b) == (a, b)), 0)


def count_classes(
    session: Session,
    model: str,
    *,
    now: datetime,
    on: date | None = None,
    category: str | None = None,
) -> ClassCounts:
    """Count a model's classes: as they are (`on` None), or at the end of any day since the start.

    With a `category` a lifecycle looks only at purchases that had it; RFM knows none. Raises
    UnknownModel, DayNotYet, BeforeTheShopOpened, UnknownCategory.
    """
    known = get_any_model(model)
    if category is None:
        rows, day, as_of = _rows(session, [model], on, now)
    else:
        assert model != RFM
        day = on or local_day(now)
        rows = classes_of_day(session, [model], day, now, category=category)
        as_of = now if day == local_day(now) else None
    classed = rows.subquery("classed")
    code = classed.c[model]
    counted = {
        row[0]: (row[1], int(row[2]))
        for row in session.execute(
            select(code, func.count(), func.coalesce(func.sum(classed.c.net_twd), 0)).group_by(code)
        )
    }
    has_prospects = model == RFM or any(each.code == PROSPECT for each in known.classes)
    return ClassCounts(
        model,
        day,
        as_of,
        tuple(
            CountedClass(each.code, *counted.get(each.code, (0, 0)))
            for each in known.classes
            if each.code != PROSPECT
        ),
        counted.get(PROSPECT, (0, 0))[0] if has_prospects else None,
    )


def _rows(
    session: Session, models: Sequence[str], on: date | None, now: datetime
) -> tuple[Select[*tuple[Any, ...]], date, datetime | None]:
    """Return the relation that tells of a day, the day, and the moment of what it tells."""
    today = local_day(now)
    night = last_night(session) if on is None and RFM in models else None
    if night is None:
        day = today if on is None else on
        return classes_of_day(session, models, day, now), day, now if day == today else None
    held = classes_of_night()
    others = [model for model in models if model != RFM]
    if others:
        held_rows, live_rows = held.subquery(), classes_of_day(session, others, today, now).cte()
        columns = [held_rows.c.rfm if model == RFM else live_rows.c[model] for model in models]
        held = select(live_rows.c.member_id, live_rows.c.net_twd, *columns).join(
            held_rows, held_rows.c.member_id == live_rows.c.member_id
        )
    return held, today, night.ended_at


def migration_matrix(
    session: Session, model: str, from_day: date, to_day: date, *, now: datetime
) -> MigrationMatrix:
    """Count who went from which class to which between the ends of two days.

    Each day is told by its own settings and cycle, so the margins are what `count_classes` says.
    Raises UnknownModel, DaysOutOfOrder, DayNotYet, BeforeTheShopOpened.
    """
    get_any_model(model)
    moves = count_moves(session, [model], from_day, to_day, now=now)
    return MigrationMatrix(model, from_day, to_day, moves[model])


def count_moves(
    session: Session, models: Sequence[str], from_day: date, to_day: date, *, now: datetime
) -> dict[str, tuple[Move, ...]]:
    """Return the moves between two days in each of these models; one reading of each day."""
    if from_day > to_day:
        raise DaysOutOfOrder(from_day=from_day, to_day=to_day)
    before = classes_of_day(session, models, from_day, now).cte()
    after = classes_of_day(session, models, to_day, now).cte()
    pairs = [column for model in models for column in (before.c[model], after.c[model])]
    rows = session.execute(
        select(*pairs, func.count())
        .select_from(after)
        .join(before, before.c.member_id == after.c.member_id, isouter=True)
        .group_by(*pairs)
    ).all()
    return {model: _moves(rows, 2 * place) for place, model in enumerate(models)}


def _moves(rows: Sequence[Any], place: int) -> tuple[Move, ...]:
    total: dict[tuple[str | None, str], int] = {}
    for row in rows:
        pair = (row[place], row[place + 1])
        total[pair] = total.get(pair, 0) + row[-1]
    return tuple(
        Move(*pair, members)
        for pair, members in sorted(total.items(), key=lambda item: (item[0][0] or "", item[0][1]))
    )


def list_moves(session: Session, model: str, month: date) -> list[Move]:
    """Return what the nights noted of a month (its first day). Raises UnknownModel."""
    get_any_model(model)
    rows = session.scalars(
        select(ClassMove)
        .where(ClassMove.month == month, ClassMove.model == model)
        .order_by(ClassMove.from_class, ClassMove.to_class)
    )
    return [Move(row.from_class or None, row.to_class, row.members) for row in rows]


def cross_table(
    session: Session, model_a: str, model_b: str, *, now: datetime, on: date | None = None
) -> CrossTable:
    """Count the members in each pair of classes of two models on one day.

    Raises UnknownModel, DayNotYet, BeforeTheShopOpened.
    """
    for model in (model_a, model_b):
        get_any_model(model)
    models = list(dict.fromkeys((model_a, model_b)))
    rows, day, _ = _rows(session, models, on, now)
    classed = rows.subquery("classed")
    a, b = classed.c[model_a].label("a"), classed.c[model_b].label("b")
    found = session.execute(
        select(a, b, func.count(), func.coalesce(func.sum(classed.c.net_twd), 0))
        .group_by(classed.c[model_a], classed.c[model_b])
        .order_by(classed.c[model_a], classed.c[model_b])
    )
    cells = tuple(CrossCell(row[0], row[1], row[2], int(row[3])) for row in found)
    return CrossTable(model_a, model_b, day, cells)


def _part(of: int, whole: int) -> float:
    return of / whole if whole else 0.0
