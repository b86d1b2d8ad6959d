"""A member's file: everything the shop keeps about one person, to hand out when they ask for it.

Under the Personal Data Protection Act, Article 3, a person may have a copy of what is kept of them.
The tables tell it themselves: whatever names a member is in the file, a new table too, unless it
stands in LEFT_OUT with its reason. Internal keys and digests are no data of theirs.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table, select
from sqlalchemy.orm import Session

from models.audit import note
from models.base import Base, among
from models.exchange.archive import SECRET
from models.friend import Friend
from models.member import Member
from models.outbox import Owed
from models.purchase import Purchase, PurchaseLine
from models.staff import Staff
from models.timeline.reading import list_cards

MOST_ROWS = 5_000
"""Of each table the newest so many."""
LEFT_OUT: Mapping[str, str] = {
    "import_effect": "how a file of the shop's was brought in",
    "import_row": "rows of a file under way",
    "member_merge": "the journal by which a merge is undone",
    "member_note": "what the shop's people wrote for each other",
    "outbox": "told by LINE account, with the words of each message",
    "points_lot": "the ledger's entries tell the same",
    "lottery_ticket": "its draws tell the same",
    "bonus_code": "the ledger's entries tell the same",
    "staff": "the person as the shop's own people, not as a member",
    "webhook_delivery": "what other systems were told of the same facts",
    "receipt_code_guess": "wrong codes counted for an hour",
    "fraud_alert": "what the shop looks into",
    "offline_sale": "sales on their way; the purchase tells the same",
}
"""Tables that name members and are not in their file, and why."""
_INTERNAL = ("key", "digest", "hash", "visitor", "card_ref", "device_digest")
_PLAIN = (str, int, float, bool, type(None))


def write_file(session: Session, member: Member, *, staff: Staff, now: datetime) -> dict[str, Any]:
    """Return all that is kept of a member as JSON, and note who took it.

    `{"made_at": …, "member": {…}, "tables": {"purchase": [{…}, …], …}}`, newest rows first.
    """
    cards = list_cards(session, member.id)
    tables = {table.name: _rows(session, table, columns, cards) for table, columns in told_tables()}
    tables["purchase_line"] = _lines(session, cards)
    if member.line_user_id is not None:
        tables["friend"] = _of_account(session, Friend.__table__, member.line_user_id)
        tables["outbox"] = _of_account(session, Owed.__table__, member.line_user_id)
    note(
        session,
        "member.export",
        f"member:{member.id}",
        now=now,
        staff_id=staff.id,
        member_id=member.id,
    )
    session.flush()
    own = _rows(session, Member.__table__, [Member.__table__.c.id], cards)
    return {
        "made_at": now.isoformat(),
        "member": own[-1],
        "merged_cards": own[:-1],
        "tables": {name: rows for name, rows in sorted(tables.items()) if rows},
    }


def told_tables() -> Iterator[tuple[Table, list[Column[Any]]]]:
    """Yield the tables that name members, each with the columns that do."""
    for table in Base.metadata.sorted_tables:
        columns = [
            key.parent
            for key in sorted(table.foreign_keys, key=lambda key: key.parent.name)
            if key.column.table.name == "member"
        ]
        if columns and table.name not in LEFT_OUT and table.name != "member":
            yield table, columns


def _rows(
    session: Session, table: Any, columns: Sequence[ColumnElement[Any]], cards: Sequence[int]
) -> list[dict[str, Any]]:
    shown = [column for column in table.columns if _is_told(column)]
    rows: list[dict[str, Any]] = []
    for column in columns:
        newest = [each.desc() for each in table.primary_key.columns]
        asked = select(*shown).where(column.in_(cards)).order_by(*newest).limit(MOST_ROWS)
        rows += [_plain(row) for row in session.execute(asked).mappings()]
    return rows


def _lines(session: Session, cards: Sequence[int]) -> list[dict[str, Any]]:
    bought = select(Purchase.id).where(among(Purchase.member_id, cards))
    asked = (
        select(PurchaseLine.__table__)
        .where(PurchaseLine.purchase_id.in_(bought))
        .order_by(PurchaseLine.purchase_id.desc(), PurchaseLine.line_no)
        .limit(MOST_ROWS)
    )
    return [_plain(row) for row in session.execute(asked).mappings()]


def _of_account(session: Session, table: Any, line_user_id: str) -> list[dict[str, Any]]:
    shown = [column for column in table.columns if _is_told(column)]
    theirs = select(*shown).where(table.c.line_user_id == line_user_id)
    asked = theirs.order_by(*table.primary_key.columns).limit(MOST_ROWS)
    return [_plain(row) for row in session.execute(asked).mappings()]


def _is_told(column: Column[Any]) -> bool:
    name = column.name
    is_internal = any(name == word or name.endswith(f"_{word}") for word in _INTERNAL)
    return not is_internal and not SECRET.search(name)


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a row as JSON takes it: moments and days as ISO writes them."""
    return {str(name): _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return value if isinstance(value, (*_PLAIN, dict, list)) else str(value)
