"""Bringing purchases in from a file: read, matched and folded first, then written set by set.

Each sale counts by the rules as of its own day. A chunk is some members with all their orders:
they are locked in id order, their past is worked out again, and one COPY a table writes it, so a
till waits for milliseconds and the ledger is as right as if each sale had been rung up.
"""

import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Lock
from typing import Any

from sqlalchemy import Engine, delete, func, select, text
from sqlalchemy.orm import Session

from models.base import Sessions, said
from models.exchange.batch import (
    ImportRow,
    begin_batch,
    find_done,
    hold_batch,
    purchase_key,
)
from models.exchange.columns import Layout
from models.exchange.headings import PURCHASES
from models.exchange.problems import FileRefused, Findings
from models.exchange.purchase_chunk import PurchaseChunk, PurchaseOptions
from models.exchange.reading import Sheet, Tell, tell_nobody
from models.exchange.rows import Source
from models.exchange.staging import READ_ROWS, Stage, fold_orders
from models.exchange.summary import Summary
from models.purchase import Purchase
from models.shop import Store, list_stores

CHUNK_ROWS = 2_500
WRITERS = 2
CHUNK_MEMBERS = 1_000


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
                chunk = PurchaseChunk(session, self._run, member_ids)
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
