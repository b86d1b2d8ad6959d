"""Bringing purchases in from a file: read, matched and folded first, then written set by set.

Each sale counts by the rules as of its own day. A chunk is some members with all their orders:
they are locked in id order, their past is worked out again, and one COPY a table writes it, so a
till waits for milliseconds and the ledger is as right as if each sale had been rung up.
"""

import json
import secrets
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from sqlalchemy import Engine, delete, func, insert, select, text
from sqlalchemy.orm import Session

from models.base import Sessions, said
from models.exchange.batch import (
    NOTE_EFFECTS,
    Effect,
    ImportRow,
    begin_batch,
    find_done,
    hold_batch,
    purchase_key,
    tier_before,
)
from models.exchange.columns import PURCHASES, Layout
from models.exchange.copying import columns_of, copy_rows, driver, next_ids
from models.exchange.ledger import Earning, Ledger, Wallet
from models.exchange.problems import FileRefused, Findings
from models.exchange.reading import Sheet, Tell, tell_nobody
from models.exchange.replay import Past, Sale
from models.exchange.rows import Source
from models.exchange.staging import READ_ROWS, Stage, fold_orders, known_orders
from models.exchange.summary import Summary
from models.local_day import local_day
from models.plan import Plan
from models.points import pending_until
from models.programme import Programme, get_programme
from models.purchase import Purchase, refigure
from models.shop import Store, list_stores
from models.stamp_card import earned_stamps, post_stamps
from models.tier import Tier, TierChange, explain

CHUNK_ROWS = 2_500
WRITERS = 2
CHUNK_MEMBERS = 1_000
REFUND_REASON = "import"

PURCHASE_COLUMNS = (
    "id",
    "member_id",
    "store_id",
    "channel",
    "amount_twd",
    "discount_twd",
    "paid_twd",
    "refunded_twd",
    "points_earned",
    "earn_twd",
    "earn_percent",
    "stamps_added",
    "purchased_at",
    "purchased_on",
    "idempotency_key",
    "source",
    "source_ref",
    "earned",
)
REFUND_COLUMNS = (
    "purchase_id",
    "member_id",
    "store_id",
    "amount_twd",
    "reason",
    "is_full",
    "points_taken",
    "points_given_back",
    "refunded_at",
    "refunded_on",
    "idempotency_key",
)


@dataclass(frozen=True)
class PurchaseOptions:
    """What an import of purchases may be told."""

    store_id: int | None = None
    """Where sales belong whose row names no store."""
    is_earning: bool = False
    """Give points for the sales. Off by default: opening balances come with the members."""
    is_stamping: bool = False
    channel: str | None = None
    is_dry_run: bool = False

    def words(self) -> dict[str, Any]:
        """Return what the journal keeps."""
        return {
            "store_id": self.store_id,
            "earn": "points" if self.is_earning else "none",
            "stamps": self.is_stamping,
            "channel": self.channel,
        }


def import_purchases(
    sessions: Sessions,
    source: Source,
    layout: Layout,
    options: PurchaseOptions,
    *,
    findings: Findings,
    now: datetime,
    tell: Tell = tell_nobody,
) -> Summary:
    """Bring a file's purchases in and return what came of it.

    Safe to stop anywhere and to run again: what is written counts once by its order number.
    A dry run does all but the writing, in a transaction that is taken back.
    Raises FileRefused where the file is no list of purchases.
    """
    sheet = Sheet(source, layout, PURCHASES)
    summary = Summary(PURCHASES, layout.source, options.is_dry_run, columns=sheet.columns.names)
    run = _Run(sessions, sheet, options, findings, now, summary, tell)
    if options.is_dry_run:
        run.rehearse()
    else:
        run.go()
    return summary


class _Run:
    """One pass: the file into the staging table, then the staging table into the books."""

    def __init__(
        self,
        sessions: Sessions,
        sheet: Sheet,
        options: PurchaseOptions,
        findings: Findings,
        now: datetime,
        summary: Summary,
        tell: Tell,
    ) -> None:
        self.sessions = sessions
        self.sheet = sheet
        self.options = options
        self.findings = findings
        self.now = now
        self.summary = summary
        self.tell = tell
        self.run_token = ""
        self.batch_id = -secrets.randbits(60)  # A dry run's rows are never anybody else's.

    def rehearse(self) -> None:
        with self.sessions() as session:
            self._stage_with(session)
            for rows in self.sheet.chunks(self.findings, READ_ROWS):
                self._take(session, rows)
            fold_orders(session, self.stage)
            self.summary.add("new", self._left(session))
            session.rollback()

    def go(self) -> None:
        with self.sessions.begin() as session:
            self._stage_with(session)
            self._begin(session)
        for rows in self.sheet.chunks(self.findings, READ_ROWS):
            with self.sessions.begin() as session:
                self._hold(session)
                self._take(session, rows)
        with self.sessions.begin() as session:
            self._hold(session)
            fold_orders(session, self.stage)
            total = self._left(session)
        # Without figures the planner takes the fresh table for a tiny one.
        with self.sessions.begin() as session:
            session.execute(text("ANALYZE import_row"))
        self.summary.add("new", total)
        self._write(total)
        with self.sessions.begin() as session:
            self._finish(session)

    def _stage_with(self, session: Session) -> None:
        stores = list_stores(session)
        self.store_codes = {store.id: store.code for store in stores}
        known = {"kind": PURCHASES, "source": self.summary.source}
        done = find_done(session, **known, file_digest=self.sheet.source.digest)
        self.summary.same_as_batch = done.id if done else None
        self._check_store(stores)
        self.stage = Stage(
            self.sheet,
            self.batch_id,
            stores=stores,
            store_id=self.options.store_id,
            channel=self.options.channel,
            findings=self.findings,
            summary=self.summary,
            now=self.now,
        )

    def _check_store(self, stores: Sequence[Store]) -> None:
        if "store" not in self.sheet.columns.places and self.options.store_id is None:
            codes = ", ".join(store.code for store in stores)
            raise FileRefused(
                said(
                    f"檔案沒有門市欄位；請選這些消費屬於哪一家門市（{codes}；指令用 --store）",
                    "The file has no column of stores; choose the store these purchases belong to "
                    f"({codes}; --store in the command).",
                    "ファイルに店舗の列がありません。どの店舗の購入か選んでください"
                    f"（{codes}。コマンドでは --store）。",
                )
            )

    def _begin(self, session: Session) -> None:
        source = self.sheet.source
        batch = begin_batch(
            session,
            kind=PURCHASES,
            source=self.summary.source,
            file_name=source.path.name,
            file_digest=source.digest,
            options=self.options.words(),
            now=self.now,
        )
        self.batch_id, self.run_token = batch.id, batch.run_token
        self.stage.batch_id = self.summary.batch_id = batch.id
        # What a killed run had read is read again: the server may have lost a part of it.
        session.execute(delete(ImportRow).where(ImportRow.batch_id == batch.id))

    def _hold(self, session: Session) -> None:
        hold_batch(session, self.batch_id, self.run_token)

    def _take(self, session: Session, rows: list[Any]) -> None:
        self.stage.take(session, rows)
        self.tell("read", self.stage.rows, rows[-1].share)

    def _left(self, session: Session) -> int:
        return (
            session.scalar(
                select(func.count())
                .select_from(ImportRow)
                .where(ImportRow.batch_id == self.batch_id)
            )
            or 0
        )

    def _write(self, total: int) -> None:
        """Write all chunks; the database works on one while the next is worked out."""
        writers = _Writers(self, total)
        if not isinstance(self.sessions.kw["bind"], Engine):
            writers.work()  # All on one connection, which can do one thing at a time.
            return
        with ThreadPoolExecutor(WRITERS) as pool:
            at_work = [pool.submit(writers.work) for _ in range(WRITERS)]
            try:
                for writer in at_work:
                    writer.result()
            finally:
                writers.is_stopped = True

    def _finish(self, session: Session) -> None:
        batch = hold_batch(session, self.batch_id, self.run_token)
        made = select(func.count()).where(
            Purchase.source == self.summary.source,
            Purchase.idempotency_key.like(purchase_key(self.batch_id, "%")),
        )
        batch.state, batch.finished_at = "done", self.now
        batch.counts = self.summary.counts | {"made": session.scalar(made)}


class _Writers:
    """Take chunks in the order of the members' ids and write each in a transaction of its own."""

    def __init__(self, run: _Run, total: int) -> None:
        self.is_stopped = False
        self._run = run
        self._total = total
        self._after = 0
        self._done = 0
        self._lock = Lock()

    def work(self) -> None:
        """Write chunks until there are no more."""
        while not self.is_stopped:
            with self._run.sessions.begin() as session:
                hold_batch(session, self._run.batch_id, self._run.run_token, is_shared=True)
                member_ids = self._take(session)
                if not member_ids:
                    return
                chunk = _Chunk(session, self._run, member_ids)
                chunk.write()
            self._tell(chunk.rows)

    def _take(self, session: Session) -> list[int]:
        with self._lock:
            member_ids = _next_members(session, self._run.batch_id, self._after)
            if member_ids:
                self._after = member_ids[-1]
            return member_ids

    def _tell(self, rows: int) -> None:
        with self._lock:
            self._done += rows
            self._run.tell("write", self._done, self._done / self._total if self._total else 1.0)


_NEXT_MEMBERS = text("""
    SELECT member_id, count(*) FROM import_row
    WHERE batch_id = :batch_id AND member_id > :after
    GROUP BY member_id ORDER BY member_id LIMIT :most
""")


def _next_members(session: Session, batch_id: int, after: int) -> list[int]:
    """Return the next members with rows, so many as make a chunk, at least one."""
    asked = {"batch_id": batch_id, "after": after, "most": CHUNK_MEMBERS}
    ids: list[int] = []
    rows = 0
    for member_id, count in session.execute(_NEXT_MEMBERS, asked):
        rows += count
        if ids and rows > CHUNK_ROWS:
            break
        ids.append(member_id)
    return ids


@dataclass(slots=True)
class _Buyer:
    """A locked member and what this chunk makes of them."""

    row: Any
    past: Past
    wallet: Wallet
    fresh: list[Sale]
    """Those that are imported."""


class _Chunk:
    """Some members with all their orders, written in one transaction."""

    def __init__(self, session: Session, run: _Run, member_ids: list[int]) -> None:
        self.session = session
        self.run = run
        self.member_ids = member_ids
        self.today = local_day(run.now)
        self.rows = 0

    def write(self) -> None:
        """Lock, work out, write; then forget the staged rows."""
        self.programme: Programme = get_programme(self.session)
        locked = self._lock()
        orders = self._orders(locked)
        self._look_back(sorted(orders))
        buyers = [self._buyer(locked[id_], orders[id_]) for id_ in sorted(orders)]
        sold = [(buyer, sale) for buyer in buyers for sale in buyer.fresh]
        ids = next_ids(self.session, "purchase", len(sold))
        self._copy_purchases(sold, ids)
        self._post(sold, ids)
        if self.run.options.is_stamping:
            self._stamp(sold, ids)
        self._keep(buyers)
        self._note(buyers)
        self._forget()

    # --- reading ---

    def _lock(self) -> dict[int, Any]:
        """Lock the members in id order, as everybody who locks several does."""
        rows = self.session.execute(_LOCK, {"ids": self.member_ids})
        return {row.id: row for row in rows}

    def _orders(self, locked: dict[int, Any]) -> dict[int, list[Any]]:
        """Return the staged rows that are still to be counted, by member."""
        rows = self.session.execute(
            _ORDERS,
            {
                "batch_id": self.run.batch_id,
                "first": self.member_ids[0],
                "last": self.member_ids[-1],
            },
        ).all()
        self.rows = len(rows)
        known = known_orders(self.session, self.run.summary.source, {r.order_ref for r in rows})
        orders: dict[int, list[Any]] = {}
        for row in rows:
            if row.member_id in locked and row.order_ref not in known:
                orders.setdefault(row.member_id, []).append(row)
            else:
                self.run.summary.add("overtaken")
        return orders

    def _look_back(self, ids: list[int]) -> None:
        """Read what the members bought before, and the tiers and plans they held, by member."""
        asked = {"ids": ids}
        tiers = {tier.id: tier for tier in self.programme.tiers}
        plans = {plan.id: plan for plan in self.programme.plans}
        self.sales: dict[int, list[Sale]] = {}
        self.tiers: dict[int, list[tuple[datetime, Tier]]] = {}
        self.plans: dict[int, list[tuple[datetime, datetime, Plan]]] = {}
        for member_id, at, on, net_twd, points in self.session.execute(_BEFORE, asked):
            self.sales.setdefault(member_id, []).append(Sale(at, on, net_twd, points=points))
        for member_id, at, tier_id in self.session.execute(_CHANGES, asked):
            self.tiers.setdefault(member_id, []).append((at, tiers[tier_id]))
        for member_id, start, end, plan_id in self.session.execute(_PLANS, asked):
            self.plans.setdefault(member_id, []).append((start, end, plans[plan_id]))

    def _buyer(self, row: Any, orders: list[Any]) -> _Buyer:
        fresh = [
            Sale(order.bought_at, order.bought_on, order.amount_twd - order.refunded_twd, order)
            for order in orders
        ]
        sales = self.sales.get(row.id, []) + fresh
        sales.sort(key=_moment)
        past = Past(
            self.programme,
            sales,
            self.today,
            store_codes=self.run.store_codes,
            is_earning=self.run.options.is_earning,
            recorded=self.tiers.get(row.id, ()),
            plans=self.plans.get(row.id, ()),
        )
        past.run()
        wallet = Wallet(row.id, row.points, row.points_pending, row.tier_points)
        return _Buyer(row, past, wallet, fresh)

    def _kept(self, sale: Sale) -> int:
        """Return the points that what was not refunded keeps, as a refund would have left them."""
        order = sale.order
        if not order.refunded_twd:
            return sale.points
        sold = Purchase(
            paid_twd=order.amount_twd,
            points_earned=sale.points,
            earn_twd=self.programme.earn_policy.earn_twd if sale.percent else None,
            earn_percent=sale.percent,
            earned=sale.earned,
        )
        return sold.points_kept(sale.net_twd)

    # --- writing ---

    def _copy_purchases(self, sold: list[tuple[_Buyer, Sale]], ids: list[int]) -> None:
        batch_id, source = self.run.batch_id, self.run.summary.source
        earn_twd = self.programme.earn_policy.earn_twd
        copy_rows(
            self.session,
            "purchase",
            PURCHASE_COLUMNS,
            (
                (
                    id_,
                    buyer.row.id,
                    sale.order.store_id,
                    sale.order.channel,
                    sale.order.amount_twd,
                    0,
                    sale.order.amount_twd,
                    sale.order.refunded_twd,
                    sale.points,
                    earn_twd if sale.percent else None,
                    sale.percent,
                    0,
                    sale.bought_at,
                    sale.bought_on,
                    purchase_key(batch_id, sale.order.row_no),
                    source,
                    sale.order.order_ref,
                    json.dumps(sale.earned) if sale.earned else None,
                )
                for id_, (buyer, sale) in zip(ids, sold, strict=True)
            ),
        )
        self._copy_refunds(sold, ids)

    def _copy_refunds(self, sold: list[tuple[_Buyer, Sale]], ids: list[int]) -> None:
        rows = [
            (
                id_,
                buyer.row.id,
                sale.order.store_id,
                sale.order.refunded_twd,
                REFUND_REASON,
                False,
                sale.points - self._kept(sale),
                0,
                sale.bought_at,
                sale.bought_on,
                purchase_key(self.run.batch_id, sale.order.row_no),
            )
            for id_, (buyer, sale) in zip(ids, sold, strict=True)
            if sale.order.refunded_twd
        ]
        copy_rows(self.session, "refund", REFUND_COLUMNS, rows)

    def _post(self, sold: list[tuple[_Buyer, Sale]], ids: list[int]) -> None:
        """Post the points to the ledger, a member's in the order of their days."""
        ledger = Ledger(self.today, self.run.now)
        shop = self.programme.shop
        for id_, (buyer, sale) in zip(ids, sold, strict=True):
            points = self._kept(sale)
            if not points:
                continue
            held_until = pending_until(shop, sale.bought_on)
            ledger.earnings.append(
                Earning(
                    buyer.wallet,
                    points,
                    "purchase",
                    f"purchase:{id_}",
                    sale.bought_at,
                    self.programme.points_expire_on(sale.bought_on),
                    held_until if held_until and held_until > self.today else None,
                    purchase_id=id_,
                    store_id=sale.order.store_id,
                )
            )
            self.run.summary.add("points", points)
        ledger.write(self.session)

    def _stamp(self, sold: list[tuple[_Buyer, Sale]], ids: list[int]) -> None:
        """Stamp the cards sale by sale: a card may end between two of them."""
        for id_, (buyer, sale) in zip(ids, sold, strict=True):
            order = sale.order
            is_first = sale is buyer.past.sales[0]
            earned = earned_stamps(
                self.programme.stamp_programmes,
                sale.net_twd,
                (),
                order.channel,
                sale.bought_on,
                is_first=is_first,
            )
            if not earned:
                continue
            stamped = post_stamps(
                self.session,
                buyer.row.id,
                earned,
                reason="purchase",
                idempotency_key=purchase_key(self.run.batch_id, order.row_no),
                now=sale.bought_at,
                purchase_id=id_,
                is_first=is_first,
            )
            added = sum(each.added for each in stamped)
            self.session.execute(_STAMPED, {"id": id_, "added": added})
            self.run.summary.add("stamps", added)

    def _keep(self, buyers: list[_Buyer]) -> None:
        """Write the members' figures."""
        rows = [self._figures(buyer) for buyer in buyers]
        if rows:
            driver(self.session).execute(_KEEP, columns_of(rows))
            refigure(self.session, [buyer.row.id for buyer in buyers])

    def _figures(self, buyer: _Buyer) -> tuple[object, ...]:
        row, past = buyer.row, buyer.past
        is_lifted = past.held.tier.rank > self.programme.tier(row.tier_id).rank
        today = [sale for sale in buyer.fresh if sale.bought_on == self.today]
        is_same_day = row.day_on == self.today
        return (
            row.id,
            buyer.wallet.points,
            buyer.wallet.pending,
            past.spend_twd,
            self.today,
            past.year_twd,
            row.lifetime_twd + sum(sale.net_twd for sale in buyer.fresh),
            self.today if today else row.day_on,
            sum(sale.points for sale in today)
            + (row.day_points if is_same_day or not today else 0),
            len(today) + (row.day_purchases if is_same_day or not today else 0),
            past.held.tier.id if is_lifted else row.tier_id,
            past.held.kept_until if is_lifted else row.tier_kept_until,
        )

    def _note(self, buyers: list[_Buyer]) -> None:
        """Keep each lift with its reason, and in the journal what it changed."""
        changes: list[dict[str, Any]] = []
        effects: list[tuple[object, ...]] = []
        for buyer in buyers:
            before = self.programme.tier(buyer.row.tier_id)
            is_lifted = buyer.past.held.tier.rank > before.rank
            if is_lifted:
                changes += self._changes(buyer)
                self.run.summary.add("lifted")
            effect = Effect(self.run.batch_id, buyer.row.id)
            if is_lifted:
                effect.before = tier_before(before.id, buyer.row.tier_kept_until)
                effect.after_tier_id = buyer.past.held.tier.id
            effects.append(effect.values())
        if changes:
            self.session.execute(insert(TierChange), changes)
        if effects:
            driver(self.session).execute(NOTE_EFFECTS, columns_of(effects))

    def _changes(self, buyer: _Buyer) -> Iterator[dict[str, Any]]:
        """Yield all steps of a member who never had a step before; of others the last one."""
        past, before = buyer.past, self.programme.tier(buyer.row.tier_id)
        steps = [(step.before, step.after, step.value, step.on, step.at) for step in past.steps]
        if before.rank or buyer.row.id in self.tiers:
            last = steps[-1]
            steps = [(before, past.held.tier, last[2], last[3], self.run.now)]
        for held, reached, value, on, at in steps:
            yield {
                "member_id": buyer.row.id,
                "from_tier_id": held.id,
                "to_tier_id": reached.id,
                "reason": explain(self.programme.ladder.on(on), held, reached, value)
                | {"batch_id": self.run.batch_id},
                "changed_at": at,
            }

    def _forget(self) -> None:
        self.session.execute(
            delete(ImportRow).where(
                ImportRow.batch_id == self.run.batch_id,
                ImportRow.member_id.between(self.member_ids[0], self.member_ids[-1]),
            )
        )


def _moment(sale: Sale) -> datetime:
    return sale.bought_at


_LOCK = text("""
    SELECT id, points, points_pending, tier_points, tier_id, tier_kept_until, lifetime_twd,
        day_on, day_points, day_purchases
    FROM member
    WHERE id = ANY(:ids) AND erased_at IS NULL AND merged_into_id IS NULL
    ORDER BY id FOR NO KEY UPDATE
""")
_ORDERS = text("""
    SELECT row_no, member_id, order_ref, bought_at, bought_on, amount_twd, refunded_twd, store_id,
        channel
    FROM import_row
    WHERE batch_id = :batch_id AND member_id BETWEEN :first AND :last
    ORDER BY member_id, bought_at, row_no
""")
_BEFORE = text("""
    SELECT member_id, purchased_at, purchased_on, paid_twd - refunded_twd, points_earned
    FROM purchase WHERE member_id = ANY(:ids) AND undone_at IS NULL
    ORDER BY member_id, purchased_at, id
""")
_CHANGES = text("""
    SELECT member_id, changed_at, to_tier_id FROM tier_change
    WHERE member_id = ANY(:ids) ORDER BY member_id, changed_at, id
""")
_PLANS = text("""
    SELECT member_id, starts_at, ends_at, plan_id FROM subscription WHERE member_id = ANY(:ids)
""")
_STAMPED = text("UPDATE purchase SET stamps_added = :added WHERE id = :id")
_KEEP = """
    UPDATE member SET points = kept.points, points_pending = kept.points_pending,
        spend_twd = kept.spend_twd, spend_on = kept.spend_on, year_twd = kept.year_twd,
        lifetime_twd = kept.lifetime_twd, day_on = kept.day_on,
        day_points = kept.day_points, day_purchases = kept.day_purchases,
        tier_id = kept.tier_id, tier_kept_until = kept.tier_kept_until
    FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::int[], %s::date[], %s::int[],
        %s::bigint[], %s::date[], %s::int[], %s::int[], %s::bigint[], %s::date[])
        AS kept (id, points, points_pending, spend_twd, spend_on, year_twd, lifetime_twd,
            day_on, day_points, day_purchases, tier_id, tier_kept_until)
    WHERE member.id = kept.id
"""
