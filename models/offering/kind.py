"""A kind of thing the shop offers: what of it a person may set, and what stays once in use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, Table, inspect, select
from sqlalchemy.orm import Session

from models.base import Base
from models.fingerprint import fingerprint
from models.offering.table import NoSuchOffering

Values = dict[str, Any]
"""What a person sets, by column."""
Row = Any
"""A mapped row of any kind's table."""
Check = Callable[[Session, Values], None]
IsUsed = Callable[[Session, Row], bool]
Write = Callable[[Session, Row, Values], None]


def _nothing(_session: Session, _values: Values) -> None:
    """Find nothing wrong beyond what the database refuses."""


def _never(_session: Session, _row: Row) -> bool:
    """Say that nothing is fixed."""
    return False


def write(_session: Session, row: Row, values: Values) -> None:
    """Set the columns as they are told."""
    for name, value in values.items():
        setattr(row, name, value)


@dataclass(frozen=True)
class Kind:
    """What may be asked of all rows of one table in the same way."""

    noun: str
    """As the audit and drafts name it: `coupon`, `earn_rule`."""
    model: type[Base]
    columns: tuple[str, ...]
    """What a person sets."""
    fixed: frozenset[str] = frozenset()
    """What stays as it is once `is_used` says so."""
    at_first: frozenset[str] = frozenset()
    """What is set when it is made, and then counted by the business."""
    is_used: IsUsed = _never
    check: Check = _nothing
    write: Write = write
    switch: str | None = None
    """The column that says whether it is in force."""
    key: str = "code"
    ONLY: ClassVar[str] = "only"
    """The code of a kind of which the shop has one."""

    @property
    def is_single(self) -> bool:
        """Tell whether the shop has one of it at most."""
        return self.key == "id"

    def find(self, session: Session, code: str, *, locked: bool = False) -> Row | None:
        """Return the row of this code as it is now, or None."""
        asked = select(self.model).where(self._is(code)).execution_options(populate_existing=True)
        if locked:
            asked = asked.with_for_update(of=self.model)
        return session.scalars(asked).one_or_none()

    def get(self, session: Session, code: str) -> Row:
        """Return the row of this code. Raises NoSuchOffering."""
        row = self.find(session, code)
        if row is None:
            raise NoSuchOffering(kind=self.noun, code=code[:80])
        return row

    def list_all(self, session: Session, limit: int) -> list[Row]:
        """Return the newest rows, the newest first."""
        order = inspect(self.model).primary_key[0].desc()
        return list(session.scalars(select(self.model).order_by(order).limit(limit)))

    def new(self, code: str) -> Row:
        """Return a row that is not kept yet."""
        return self.model(**({"id": 1} if self.is_single else {self.key: code}))

    def values_of(self, row: Row) -> Values:
        """Return what a person set."""
        return {name: getattr(row, name) for name in self.columns}

    def as_json(self, values: Values) -> dict[str, Any]:
        """Write values as they are kept; days and moments in ISO, those in UTC."""
        return {name: _plain(value) for name, value in values.items()}

    def from_json(self, body: Mapping[str, Any]) -> Values:
        """Read what `as_json` wrote; what is no column any more is left out."""
        return {name: self._read(name, body[name]) for name in self.columns if name in body}

    def fingerprint(self, row: Row) -> str:
        """Return what differs once anything of it that a person sets has changed."""
        return self.fingerprint_of(self.values_of(row))

    def fingerprint_of(self, values: Values) -> str:
        """Return the same of values in hand; what the business counts has no part in it."""
        kept = {name: _plain(values[name]) for name in values if name not in self.at_first}
        return fingerprint(kept)

    def _is(self, code: str) -> ColumnElement[bool]:
        column = inspect(self.model).columns[self.key]
        is_it: ColumnElement[bool] = column == (1 if self.is_single else code)
        return is_it

    def _read(self, name: str, value: Any) -> Any:
        table = self.model.__table__
        assert isinstance(table, Table)
        shape = table.columns[name].type.python_type
        if isinstance(value, str) and issubclass(shape, date):
            return shape.fromisoformat(value)
        return value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value
