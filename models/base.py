"""What every table shares: base, names of constraints, and how a rule says no."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Protocol, TypeVar

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
    func,
    literal,
    select,
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
Texts = dict[str, str]
"""One text a language, `{"zh-TW": …, "en": …, "ja": …}`."""
Translated = Annotated[Texts, mapped_column(JSONB)]
"""The same, which a shop may edit."""
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


def one_of(column: str, words: Iterable[str]) -> str:
    """Return the condition of a CHECK that a column holds one of some words of ours."""
    return f"{column} IN ('" + "', '".join(words) + "')"


def admits(allowed: Sequence[object], value: object) -> bool:
    """Tell whether a rule's list lets a value in; an empty list lets everything in."""
    return not allowed or value in allowed


def squeezed(statement: str) -> str:
    """Return SQL without the blanks that only make it readable; it holds none in its constants."""
    return re.sub(r" ?(\|\||[=,()<>]) ?", r"\1", " ".join(statement.split()))


def most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return what was counted, the most frequent first, and of equals by name."""
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


def said(zh: str, en: str, ja: str) -> Texts:
    """Return one text in the three languages."""
    return {"zh-TW": zh, "en": en, "ja": ja}


def in_language(texts: Texts, language: str) -> str:
    """Return the text in `language`, or in Traditional Chinese where that one is missing."""
    return texts.get(language) or texts["zh-TW"]


DELIVERY = "deliver_outbox"
"""The task that delivers what is owed: messages to people, events to other systems."""


def wake(session: Session, task: str) -> None:
    """Have a task of the queue woken once this transaction is committed."""
    session.info.setdefault("woken", set()).add(task)


def take_woken(session: Session) -> Collection[str]:
    """Return the tasks to wake now that the transaction is committed, each only this once."""
    woken: set[str] = session.info.pop("woken", set())
    return woken


def one_at_a_time(session: Session, key: str) -> None:
    """Wait until nobody else is at work under a key, and keep it to the transaction's end.

    Whoever asks the same twice at once is told the second time what the first one did.
    """
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))


class Keyed(Protocol):
    """A table whose rows are made under a key that the asker drew."""

    idempotency_key: Any


K = TypeVar("K", bound=Keyed)
Row = TypeVar("Row", bound=Base)


def find_made(session: Session, kind: type[K], key: str | None) -> K | None:
    """Return the row that was made under a key, so that it is not made again; None without one."""
    if key is None:
        return None
    return session.scalars(select(kind).where(kind.idempotency_key == key)).one_or_none()


def hold(session: Session, kind: type[Row], code: str) -> Row | None:
    """Return a row as it is kept, or None; nobody else holds it in this transaction's time.

    Unlike a lock of the row it also keeps a second one of the code from being made meanwhile.
    """
    one_at_a_time(session, f"{kind.__tablename__}:{code}")
    return session.get(kind, code, populate_existing=True)


def rehearse(session: Session, act: Callable[[], T]) -> T:
    """Return what `act` answers, a plain value, and leave database and session as they were."""
    woken = take_woken(session)
    trial = session.begin_nested()
    try:
        return act()
    finally:
        trial.rollback()
        session.expire_all()  # Statements past the mapper left values that were never so.
        session.info["woken"] = woken
