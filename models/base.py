"""What every table shares: base, names of constraints, and how a rule says no."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, TypeVar

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    ColumnElement,
    Date,
    DateTime,
    Identity,
    MetaData,
    Text,
    any_,
    literal,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import (
    DeclarativeBase,
    InstrumentedAttribute,
    Session,
    mapped_column,
    sessionmaker,
)

T = TypeVar("T")
Sessions = sessionmaker[Session]
"""Makes sessions; jobs open their own transactions with `sessions.begin()`."""

Identifier = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
Moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Day = Annotated[date, mapped_column(Date)]
Translated = Annotated[dict[str, str], mapped_column(JSONB)]
"""One text a language, `{"zh-TW": …, "en": …, "ja": …}`: what a shop may edit."""
Words = Annotated[dict[str, Any], mapped_column(JSON)]
"""JSON kept as it came: never searched, so the cheaper type, which also keeps a NUL escape."""


class Base(DeclarativeBase):
    """The base of all tables; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        datetime: DateTime(timezone=True),  # Also where it may be missing: never a naive one.
    }


class BusinessError(Exception):
    """A rule of the shop said no. `code` is stable; each asker shows it in its own words.

    The keyword arguments are the facts of the refusal (numbers, days), for that text.
    """

    code: ClassVar[str] = "refused"

    def __init__(self, **facts: Any) -> None:
        super().__init__(self.code, facts)
        self.facts = facts


def constraint_of(error: IntegrityError) -> str:
    """Return the name of the constraint that the database saw broken, or "" where it names none."""
    return getattr(getattr(error.orig, "diag", None), "constraint_name", None) or ""


def among(column: InstrumentedAttribute[T], values: Iterable[T]) -> ColumnElement[bool]:
    """Return the condition that a column is one of many values, told as one array.

    A list of so many parameters costs more than the question; an array is one statement for any
    number.
    """
    return column == any_(literal(list(values), ARRAY(column.type)))


def admits(allowed: Sequence[object], value: object) -> bool:
    """Tell whether a rule's list lets a value in; an empty list lets everything in."""
    return not allowed or value in allowed


def squeezed(statement: str) -> str:
    """Return SQL without the blanks that only make it readable; it holds none in its constants."""
    return re.sub(r" ?(\|\||[=,()<>]) ?", r"\1", " ".join(statement.split()))


def in_language(texts: dict[str, str], language: str) -> str:
    """Return the text in `language`, or in Traditional Chinese where that one is missing."""
    return texts.get(language) or texts["zh-TW"]


def wake(session: Session, task: str) -> None:
    """Have a task of the queue woken once this transaction is committed."""
    session.info.setdefault("wakes", set()).add(task)
