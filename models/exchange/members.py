"""Bringing members in from a file: new ones are made, known ones are left as they are.

The mobile number says who somebody is. A row whose number is a member already only adds what was
never there: the other system's number for them, an opening balance and a higher tier, each once.
Nobody is taken to have agreed to marketing unless a column says so; then the row is the proof.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.base import BusinessError, Sessions, said
from models.consent import get_notice
from models.exchange.batch import (
    ImportEffect,
    begin_batch,
    find_done,
    hold_batch,
)
from models.exchange.columns import Layout, plain
from models.exchange.headings import MEMBERS
from models.exchange.member_chunk import MemberChunk, MemberOptions, Person
from models.exchange.problems import FileRefused, Findings
from models.exchange.reading import Sheet, Tell, tell_nobody
from models.exchange.rows import Row, Source
from models.exchange.summary import Summary
from models.exchange.values import (
    Cell,
    Unreadable,
    as_text,
    read_amount,
    read_day,
    read_email,
    read_moment,
    read_phone,
    read_yes,
)
from models.local_day import local_day
from models.member import (
    check_birthday,
    normal_name,
)
from models.programme import Programme, get_programme
from models.tier import Tier

CHUNK_ROWS = 1_000
MOST_ROWS = 500_000
"""Numbers seen in the file are remembered to find doubles; so many stay below 100 MB."""
LONGEST_NUMBER = 64
LARGEST_OPENING_POINTS = 10_000_000


def import_members(
    sessions: Sessions,
    source: Source,
    layout: Layout,
    options: MemberOptions,
    *,
    findings: Findings,
    now: datetime,
    tell: Tell = tell_nobody,
) -> Summary:
    """Bring a file's members in, a chunk a transaction; return what came of it.

    Safe to stop anywhere and to run again: the same file goes on where it was, and a third time
    adds nothing. Raises FileRefused where the file is no list of members.
    """
    sheet = Sheet(source, layout, MEMBERS)
    summary = Summary(MEMBERS, layout.source, options.is_dry_run, columns=sheet.columns.names)
    with sessions.begin() as session:
        run = _Run(session, sheet, options, findings, now, summary)
        run.begin(session)
    for rows in sheet.chunks(findings, CHUNK_ROWS):
        with sessions.begin() as session:
            run.work(session, rows)
        tell("write", run.rows, rows[-1].share)
        if run.rows > MOST_ROWS:
            raise FileRefused(
                said(
                    f"一個檔案最多 {MOST_ROWS:,} 位會員；請分成幾個檔案",
                    f"A file may hold {MOST_ROWS:,} members; split it into several.",
                    f"1 つのファイルは {MOST_ROWS:,} 人までです。"
                    "いくつかのファイルに分けてください。",
                )
            )
    with sessions.begin() as session:
        run.finish(session)
    return summary


class _Run:
    """One pass over a file, from the first row to the last."""

    def __init__(
        self,
        session: Session,
        sheet: Sheet,
        options: MemberOptions,
        findings: Findings,
        now: datetime,
        summary: Summary,
    ) -> None:
        self.sheet = sheet
        self.options = options
        self.findings = findings
        self.now = now
        self.today = local_day(now)
        self.summary = summary
        self.programme: Programme = get_programme(session)
        self.notice_version = get_notice(session).version
        self.tiers = _tiers_by_name(self.programme.tiers)
        self.seen: dict[str, int] = {}
        self.rows = 0
        self.batch_id = 0
        self.run_token = ""

    # --- the batch ---

    def begin(self, session: Session) -> None:
        source = self.sheet.source
        known = {"kind": MEMBERS, "source": self.summary.source, "file_digest": source.digest}
        done = find_done(session, **known)
        self.summary.same_as_batch = done.id if done else None
        if self.options.is_dry_run:
            return
        batch = begin_batch(
            session,
            **known,
            file_name=source.path.name,
            options=self.options.words(),
            now=self.now,
        )
        self.batch_id, self.run_token = batch.id, batch.run_token
        self.summary.batch_id = batch.id

    def finish(self, session: Session) -> None:
        if self.options.is_dry_run:
            return
        batch = hold_batch(session, self.batch_id, self.run_token)
        batch.state, batch.finished_at = "done", self.now
        batch.counts = self.summary.counts | {
            "made": session.scalar(
                select(func.count())
                .select_from(ImportEffect)
                .where(ImportEffect.batch_id == self.batch_id, ImportEffect.is_new)
            )
        }

    # --- a chunk ---

    def work(self, session: Session, rows: Sequence[Row]) -> None:
        self.rows += len(rows)
        self.summary.add("rows", len(rows))
        people = list(filter(None, map(self.understand, rows)))
        chunk = MemberChunk(session, self, people)
        chunk.look()
        if self.options.is_dry_run:
            return
        hold_batch(session, self.batch_id, self.run_token)
        chunk.write()

    # --- a row ---

    def understand(self, row: Row) -> Person | None:
        """Return the row as a person, or None where it is no use; note what is wrong with it."""
        phone = self._phone(row)
        if phone is None:
            self.summary.add("refused")
            return None
        if phone in self.seen:
            named = self.sheet.columns.named("phone")
            self.findings.add(row.number, named, "phone_twice", first=self.seen[phone])
            self.summary.add("double")
            return None
        self.seen[phone] = row.number
        birthday = self._read(row, "birthday", self._birthday, "birthday_unreadable")
        joined_at = self._read(row, "joined", self._joined, "joined_unreadable")
        return Person(
            row=row.number,
            phone=phone,
            name=self._name(row),
            email=self._read(row, "email", read_email, "email_unreadable"),
            number=as_text(self._cell(row, "number"))[:LONGEST_NUMBER] or None,
            birthday=birthday,
            joined_at=joined_at or self.now,
            allows_marketing=self._read(row, "marketing", read_yes, "marketing_unclear") or False,
            points=self._read(row, "points", _opening_points, "points_unreadable") or 0,
            points_expire_on=self._day_after(row, "points_expire_on"),
            tier=self._tier(row),
            tier_until=self._day_after(row, "tier_until"),
        )

    def _cell(self, row: Row, name: str) -> Cell:
        return self.sheet.columns.cell(row.cells, name)

    def _read(self, row: Row, name: str, reader: Any, code: str) -> Any:
        """Return what a reader makes of a cell; None where it is empty or, noted, unreadable."""
        cell = self._cell(row, name)
        if cell is None:
            return None
        try:
            return reader(cell)
        except Unreadable:
            self.findings.add(row.number, self.sheet.columns.named(name), code, value=as_text(cell))
            return None

    def _phone(self, row: Row) -> str | None:
        cell = self._cell(row, "phone")
        if cell is None:
            self.findings.add(row.number, self.sheet.columns.named("phone"), "phone_missing")
            return None
        phone: str | None = self._read(row, "phone", read_phone, "phone_unreadable")
        return phone

    def _name(self, row: Row) -> str | None:
        """Return the name; from two columns the family name stands first, as in Chinese."""
        typed = as_text(self._cell(row, "name"))
        if not typed:
            last, first = (as_text(self._cell(row, part)) for part in ("last_name", "first_name"))
            typed = f"{first} {last}".strip() if (first + last).isascii() else last + first
        if not typed:
            return None
        try:
            return normal_name(typed)
        except BusinessError:
            self.findings.add(row.number, self.sheet.columns.named("name"), "name_unreadable")
            return None

    def _birthday(self, cell: Cell) -> date:
        try:
            return check_birthday(read_day(cell), self.today)
        except BusinessError as error:
            raise Unreadable from error

    def _joined(self, cell: Cell) -> datetime:
        joined_at = read_moment(cell)
        if joined_at > self.now:
            raise Unreadable
        return joined_at

    def _day_after(self, row: Row, name: str) -> date | None:
        """Return the first day after a last good day, as the product keeps ends."""
        day: date | None = self._read(row, name, read_day, "day_unreadable")
        return day + timedelta(days=1) if day else None

    def _tier(self, row: Row) -> Tier | None:
        typed = as_text(self._cell(row, "tier"))
        if not typed:
            return None
        tier = self.tiers.get(plain(typed))
        if tier is None:
            named = self.sheet.columns.named("tier")
            self.findings.add(row.number, named, "tier_unknown", value=typed)
        return tier


def _tiers_by_name(tiers: Iterable[Tier]) -> dict[str, Tier]:
    return {plain(name): tier for tier in tiers for name in (tier.code, *tier.name.values())}


def _opening_points(cell: Cell) -> int:
    points = read_amount(cell)
    if not 0 <= points <= LARGEST_OPENING_POINTS:
        raise Unreadable
    return points
