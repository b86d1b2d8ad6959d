"""Purchases read from a file and understood, put where the database can sort and compare them.

A file may be larger than memory and put an order's items far apart. So each row is understood,
matched to its member and kept in `import_row`; then the rows of each order are folded into one,
and what is left is a list of orders that nobody has counted yet.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import bindparam, delete, func, select, text, tuple_, update
from sqlalchemy.orm import Session

from models.exchange.batch import EMAIL, ImportRow, MemberAlias, purchase_key
from models.exchange.columns import SOURCE_NAME, plain
from models.exchange.copying import copy_rows
from models.exchange.problems import Findings
from models.exchange.reading import Sheet
from models.exchange.rows import Row
from models.exchange.summary import Summary
from models.exchange.values import (
    Cell,
    Unreadable,
    as_text,
    read_amount,
    read_email,
    read_moment,
    read_phone,
)
from models.local_day import local_day
from models.member import Member, is_member_number
from models.purchase import LARGEST_AMOUNT_TWD, Purchase
from models.shop import Store

Value = TypeVar("Value")

READ_ROWS = 5_000
FOLDED_AT_ONCE = 1_000
LONGEST_ORDER = 128
ROW_COLUMNS = (
    "batch_id",
    "row_no",
    "member_id",
    "order_ref",
    "bought_at",
    "bought_on",
    "amount_twd",
    "refunded_twd",
    "store_id",
    "channel",
)


@dataclass(slots=True)
class Order:
    """One row, understood; who it belongs to is still the file's word for them."""

    row: int
    ref: str
    bought_at: datetime
    amount_twd: int
    refunded_twd: int
    store_id: int
    channel: str
    phone: str | None
    member: str | None
    email: str | None


class _NoOrder(Exception):
    """The row is no order that counts, and why."""

    def __init__(
        self, column: str, code: str, *, outcome: str = "refused", **facts: object
    ) -> None:
        super().__init__(code)
        self.column = column
        self.code = code
        self.outcome = outcome
        self.facts = facts


class Stage:
    """Reads a sheet's rows into `import_row`."""

    def __init__(
        self,
        sheet: Sheet,
        batch_id: int,
        *,
        stores: Sequence[Store],
        store_id: int | None,
        channel: str | None,
        findings: Findings,
        summary: Summary,
        now: datetime,
    ) -> None:
        """Begin; rows that name no store are `store_id`'s."""
        self.sheet = sheet
        self.batch_id = batch_id
        self.findings = findings
        self.summary = summary
        self.now = now
        self.today = local_day(now)
        self.store_id = store_id
        self.channel = channel or sheet.layout.channel
        self.stores = {
            plain(name): store.id for store in stores for name in (store.code, *store.name.values())
        }
        self.last_ref = ""
        self.rows = 0
        self._places = sheet.columns.places

    # --- a chunk ---

    def take(self, session: Session, rows: Sequence[Row]) -> None:
        """Understand rows, find their members, and keep those that are new orders."""
        self.rows += len(rows)
        self.summary.add("rows", len(rows))
        orders = [order for row in rows if (order := self.understand(row)) is not None]
        owned = self._owned(session, orders)
        self._name_nameless(owned)
        fresh = self._unknown(session, owned)
        copy_rows(session, "import_row", ROW_COLUMNS, (self._values(*pair) for pair in fresh))

    def _values(self, order: Order, member_id: int) -> tuple[object, ...]:
        return (
            self.batch_id,
            order.row,
            member_id,
            order.ref,
            order.bought_at,
            local_day(order.bought_at),
            order.amount_twd,
            order.refunded_twd,
            order.store_id,
            order.channel,
        )

    # --- a row ---

    def understand(self, row: Row) -> Order | None:
        """Return the row as an order; None where it is none, said why unless that is plain."""
        ref = as_text(self._cell(row, "order"))[:LONGEST_ORDER]
        is_next_item = bool(ref) and ref == self.last_ref
        self.last_ref = ref
        if is_next_item and self._cell(row, "amount") is None:
            self.summary.add("items")
            return None
        try:
            return self._order(row, ref)
        except _NoOrder as found:
            named = self.sheet.columns.named(found.column)
            self.findings.add(row.number, named, found.code, **found.facts)
            self.summary.add(found.outcome)
            return None

    def _order(self, row: Row, ref: str) -> Order:
        if not ref and "order" in self.sheet.columns.places:
            raise _NoOrder("order", "order_missing")
        self._check_state(row)
        amount_twd = self._amount(row)
        phone = self._try(row, "phone", read_phone)
        member = as_text(self._cell(row, "member")) or None
        email = self._try(row, "email", read_email)
        if phone is None and member is None and email is None:
            cell = self._cell(row, "phone")
            if cell is not None:
                raise _NoOrder("phone", "phone_unreadable", value=as_text(cell))
            raise _NoOrder("phone", "member_missing")
        channel = as_text(self._cell(row, "channel")).lower() or self.channel
        return Order(
            row=row.number,
            ref=ref,
            bought_at=self._moment(row),
            amount_twd=amount_twd,
            refunded_twd=self._refunded(row, amount_twd),
            store_id=self._store(row),
            channel=channel if SOURCE_NAME.fullmatch(channel) else self.channel,
            phone=phone,
            member=member,
            email=email,
        )

    def _cell(self, row: Row, name: str) -> Cell:
        if name not in self._places:  # Most files have half the columns; asked often.
            return None
        return self.sheet.columns.cell(row.cells, name)

    def _try(self, row: Row, name: str, reader: Callable[[Cell], Value]) -> Value | None:
        cell = self._cell(row, name)
        if cell is None:
            return None
        try:
            return reader(cell)
        except Unreadable:
            return None

    def _check_state(self, row: Row) -> None:
        """Pass over what was never a sale, or is none any more."""
        layout = self.sheet.layout
        for name in ("status", "payment"):
            if name not in self._places:
                continue
            typed = as_text(self._cell(row, name))
            state = plain(typed)
            if state in layout.cancelled or (name == "payment" and state in layout.unpaid):
                raise _NoOrder(name, "order_cancelled", outcome="passed_over", value=typed)
            if state in layout.refunded and (self._try(row, "amount", read_amount) or 0) >= 0:
                raise _NoOrder(name, "order_refunded", outcome="passed_over")

    def _amount(self, row: Row) -> int:
        cell = self._cell(row, "amount")
        if cell is None:
            raise _NoOrder("amount", "amount_missing")
        amount_twd = self._try(row, "amount", read_amount)
        if amount_twd is None:
            raise _NoOrder("amount", "amount_unreadable", value=as_text(cell))
        if amount_twd == 0 and self.sheet.layout.lines == "repeat":
            raise _NoOrder("amount", "amount_zero", outcome="passed_over")
        if abs(amount_twd) > LARGEST_AMOUNT_TWD:
            raise _NoOrder("amount", "amount_too_large", **_too_large(amount_twd))
        return amount_twd

    def _moment(self, row: Row) -> datetime:
        cell = self._cell(row, "moment")
        if cell is None:
            raise _NoOrder("moment", "moment_missing")
        bought_at = self._try(row, "moment", read_moment)
        if bought_at is None:
            raise _NoOrder("moment", "moment_unreadable", value=as_text(cell))
        if local_day(bought_at) > self.today:
            raise _NoOrder("moment", "moment_ahead", value=as_text(cell))
        return min(bought_at, self.now)  # Today's sale of which only the day is known.

    def _store(self, row: Row) -> int:
        typed = as_text(self._cell(row, "store"))
        found = self.stores.get(plain(typed)) if typed else self.store_id
        found = found or self.store_id
        if found is None:
            raise _NoOrder("store", "store_unknown", value=typed)
        return found

    def _refunded(self, row: Row, amount_twd: int) -> int:
        refunded_twd = abs(self._try(row, "refunded", read_amount) or 0)
        if amount_twd > 0 and refunded_twd == amount_twd:
            raise _NoOrder("refunded", "order_refunded", outcome="passed_over")
        if refunded_twd > amount_twd > 0:
            raise _NoOrder("refunded", "refund_too_large", value=f"{refunded_twd:,}")
        return refunded_twd

    # --- whose it is ---

    def _owned(self, session: Session, orders: list[Order]) -> list[tuple[Order, int]]:
        """Return the orders with their members' ids; note those of nobody we know."""
        by_phone = _by_phone(session, {order.phone for order in orders if order.phone})
        by_name = self._by_name(session, orders)
        by_number = _by_number(session, {o.member for o in orders if o.member})
        owned = []
        for order in orders:
            member_id = (
                (by_phone.get(order.phone) if order.phone else None)
                or (
                    by_name.get((self.summary.source, order.member)) or by_number.get(order.member)
                    if order.member
                    else None
                )
                or (by_name.get((EMAIL, order.email)) if order.email else None)
            )
            if member_id is None:
                name = "phone" if order.phone else "member" if order.member else "email"
                self.findings.add(order.row, self.sheet.columns.named(name), "member_unknown")
                self.summary.add("refused")
            else:
                owned.append((order, member_id))
        return owned

    def _by_name(self, session: Session, orders: list[Order]) -> dict[tuple[str, str], int]:
        names = {(self.summary.source, order.member) for order in orders if order.member}
        names |= {(EMAIL, order.email) for order in orders if order.email}
        if not names:
            return {}
        found = session.execute(
            select(
                MemberAlias.source,
                MemberAlias.value,
                func.coalesce(Member.merged_into_id, Member.id),
            )
            .join(Member, Member.id == MemberAlias.member_id)
            .where(tuple_(MemberAlias.source, MemberAlias.value).in_(names))
        )
        return {(source, value): member_id for source, value, member_id in found}

    def _name_nameless(self, owned: list[tuple[Order, int]]) -> None:
        """Give orders without a number one made of what they say: the same sale, the same name."""
        for order, member_id in owned:
            if not order.ref:
                said = f"{member_id}|{order.bought_at.isoformat()}|{order.amount_twd}"
                order.ref = "row:" + hashlib.sha256(said.encode()).hexdigest()[:24]

    # --- what is counted already ---

    def _unknown(self, session: Session, owned: list[tuple[Order, int]]) -> list[tuple[Order, int]]:
        known = known_orders(session, self.summary.source, {order.ref for order, _ in owned})
        fresh = []
        for order, member_id in owned:
            if order.ref not in known:
                fresh.append((order, member_id))
            else:
                self._note_known(order, *known[order.ref])
        return fresh

    def _note_known(self, order: Order, key: str, known_refunded_twd: int) -> None:
        refunded_twd = max(order.refunded_twd, -order.amount_twd)
        if key.startswith(purchase_key(self.batch_id, "")):
            self.summary.add("made_before")
            return
        self.summary.add("known")
        named = self.sheet.columns.named("order")
        if refunded_twd > known_refunded_twd:
            facts = {"value": f"{refunded_twd:,}", "known": f"{known_refunded_twd:,}"}
            self.findings.add(order.row, named, "order_known_refund", **facts)
        else:
            self.findings.add(order.row, named, "order_known")


def _by_phone(session: Session, phones: set[str]) -> dict[str | None, int]:
    found = session.execute(
        select(Member.phone, func.coalesce(Member.merged_into_id, Member.id)).where(
            Member.phone == func.any(bindparam("phones"))
        ),
        {"phones": list(phones)},
    )
    return dict(found.all())


def _by_number(session: Session, typed: set[str]) -> dict[str | None, int]:
    numbers = [number for number in typed if is_member_number(number)]
    if not numbers:
        return {}
    found = session.execute(
        select(Member.number, func.coalesce(Member.merged_into_id, Member.id)).where(
            Member.number.in_(numbers), Member.erased_at.is_(None)
        )
    )
    return dict(found.all())


def known_orders(session: Session, source: str, refs: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Return the purchases of these orders: key and what is refunded, by order number."""
    found = session.execute(
        select(Purchase.source_ref, Purchase.idempotency_key, Purchase.refunded_twd).where(
            Purchase.source == source, Purchase.source_ref == func.any(bindparam("refs"))
        ),
        {"refs": list(refs)},
    )
    return {ref: (key, refunded_twd) for ref, key, refunded_twd in found if ref is not None}


# --- folding an order's rows into one ---

_MANY = text("""
    SELECT order_ref FROM import_row
    WHERE batch_id = :batch_id AND order_ref > :after
    GROUP BY order_ref
    HAVING count(*) > 1 OR min(amount_twd) <= 0
    ORDER BY order_ref LIMIT :most
""")


def fold_orders(session: Session, stage: Stage) -> None:
    """Leave one row an order: items summed up or repeats dropped, refunds taken off."""
    after = ""
    while True:
        asked = {"batch_id": stage.batch_id, "after": after, "most": FOLDED_AT_ONCE}
        refs = session.scalars(_MANY, asked).all()
        if not refs:
            return
        after = refs[-1]
        rows = session.execute(
            select(ImportRow.__table__)
            .where(ImportRow.batch_id == stage.batch_id, ImportRow.order_ref.in_(refs))
            .order_by(ImportRow.order_ref, ImportRow.row_no)
        ).all()
        groups: dict[str, list[Any]] = {}
        for row in rows:
            groups.setdefault(row.order_ref, []).append(row)
        for group in groups.values():
            _fold(session, stage, group)


def _fold(session: Session, stage: Stage, group: list[Any]) -> None:
    sums = stage.sheet.layout.lines == "sum"
    first = next((row for row in group if row.amount_twd > 0), None)
    amount_twd = refunded_twd = 0
    if first is None:
        _note(stage, group[0], "refund_unknown", value=group[0].order_ref)
    else:
        amount_twd, refunded_twd = first.amount_twd, first.refunded_twd
        for row in group:
            if row is first:
                continue
            if sums and row.member_id == first.member_id:
                amount_twd += row.amount_twd
                refunded_twd += row.refunded_twd
                stage.summary.add("items")
            elif row.amount_twd < 0 and row.member_id == first.member_id:
                refunded_twd -= row.amount_twd
            else:
                _note_repeat(stage, first, row)
    is_kept = first is not None and _is_sale(stage, first, amount_twd, refunded_twd)
    gone = [row.row_no for row in group if not (is_kept and row is first)]
    if gone:
        session.execute(
            delete(ImportRow).where(
                ImportRow.batch_id == stage.batch_id, ImportRow.row_no.in_(gone)
            )
        )
    if is_kept and first is not None:
        session.execute(
            update(ImportRow)
            .where(ImportRow.batch_id == stage.batch_id, ImportRow.row_no == first.row_no)
            .values(amount_twd=amount_twd, refunded_twd=refunded_twd)
        )


def _is_sale(stage: Stage, first: Any, amount_twd: int, refunded_twd: int) -> bool:
    """Tell whether something is left to count; say why where not."""
    if amount_twd > LARGEST_AMOUNT_TWD:
        _note(stage, first, "amount_too_large", **_too_large(amount_twd))
    elif refunded_twd > amount_twd:
        _note(stage, first, "refund_too_large", value=f"{refunded_twd:,}")
    elif amount_twd == refunded_twd:
        _note(stage, first, "order_refunded", outcome="passed_over")
    else:
        return amount_twd > 0
    return False


def _too_large(amount_twd: int) -> dict[str, str]:
    return {"value": f"{amount_twd:,}", "largest": f"{LARGEST_AMOUNT_TWD:,}"}


def _note(stage: Stage, row: Any, code: str, *, outcome: str = "refused", **facts: object) -> None:
    stage.findings.add(row.row_no, stage.sheet.columns.named("order"), code, **facts)
    stage.summary.add(outcome)


def _note_repeat(stage: Stage, first: Any, row: Any) -> None:
    same = ("member_id", "bought_on", "amount_twd", "refunded_twd")
    if all(getattr(row, name) == getattr(first, name) for name in same):
        _note(stage, row, "order_twice", outcome="double", first=first.row_no)
    else:
        _note(stage, row, "order_differs", first=first.row_no)
