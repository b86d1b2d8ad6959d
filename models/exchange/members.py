"""Bringing members in from a file: new ones are made, known ones are left as they are.

The mobile number says who somebody is. A row whose number is a member already only adds what was
never there: the other system's number for them, an opening balance and a higher tier, each once.
Nobody is taken to have agreed to marketing unless a column says so; then the row is the proof.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from models.base import BusinessError, Sessions, said
from models.channel import keep_imported
from models.consent import Consent, get_notice
from models.exchange.batch import (
    EMAIL,
    NOTE_EFFECTS,
    Effect,
    ImportEffect,
    begin_batch,
    find_done,
    hold_batch,
    tier_before,
)
from models.exchange.columns import MEMBERS, Layout, plain
from models.exchange.copying import columns_of, driver
from models.exchange.ledger import Earning, Ledger, Wallet, keep_balances
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
    Member,
    check_birthday,
    draw_number,
    is_member_number,
    normal_name,
)
from models.member_code import new_card_ref
from models.programme import Programme, get_programme
from models.tier import Tier, TierChange, kept_until

CHUNK_ROWS = 1_000
MOST_ROWS = 500_000
"""Numbers seen in the file are remembered to find doubles; so many stay below 100 MB."""
NUMBER_DRAWS = 5
JOIN_SOURCE, LANGUAGE = "import", "zh-TW"
LONGEST_NUMBER = 64
LARGEST_OPENING_POINTS = 10_000_000


@dataclass(frozen=True)
class MemberOptions:
    """What an import of members may be told."""

    points_expire_on: date | None = None
    """The first day without opening points whose row names no day; None: the shop's rule."""
    tier_until: date | None = None
    """The first day on which an imported tier is evaluated; None: in a year."""
    is_dry_run: bool = False

    def words(self) -> dict[str, Any]:
        """Return what the journal keeps."""
        return {
            "points_expire_on": self.points_expire_on and self.points_expire_on.isoformat(),
            "tier_until": self.tier_until and self.tier_until.isoformat(),
        }


@dataclass(slots=True)
class Person:
    """One row, understood."""

    row: int
    phone: str
    name: str | None
    email: str | None
    number: str | None
    birthday: date | None
    joined_at: datetime
    allows_marketing: bool
    points: int
    points_expire_on: date | None
    tier: Tier | None
    tier_until: date | None


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
        chunk = _Chunk(session, self, people)
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


@dataclass(slots=True)
class _Known:
    """A member who was there before."""

    id: int
    number: str


class _Chunk:
    """Some people of a file, against who is there."""

    def __init__(self, session: Session, run: _Run, people: list[Person]) -> None:
        self.session = session
        self.run = run
        self.people = people
        self.known: dict[str, _Known] = {}
        self.made: dict[str, int] = {}
        self.aliases: dict[tuple[str, str], int] = {}
        self.numbers: dict[str, str | None] = {}
        self.ours: set[int] = set()
        """Members whom this batch made in an earlier run."""

    # --- looking ---

    def look(self) -> None:
        """Find who is a member already, and say so."""
        self._find_known(person.phone for person in self.people)
        self._find_aliases()
        self._find_ours()
        for person in self.people:
            self._check(person)

    def _find_known(self, phones: Iterable[str]) -> None:
        found = self.session.execute(_KNOWN, {"phones": list(phones)})
        self.known.update((phone, _Known(id_, number)) for phone, id_, number in found)

    def _find_aliases(self) -> None:
        wanted = [name for person in self.people for name in self._names(person)]
        asked = {"sources": [name[0] for name in wanted], "values": [name[1] for name in wanted]}
        found = self.session.execute(_ALIASES, asked)
        self.aliases = {(source, value): member_id for source, value, member_id in found}
        numbers = [p.number for p in self.people if p.number and is_member_number(p.number)]
        self.numbers = dict(self.session.execute(_NUMBERS, {"numbers": numbers}).all())

    def _find_ours(self) -> None:
        ids = [known.id for known in self.known.values()]
        if ids and self.run.batch_id:
            asked = {"batch_id": self.run.batch_id, "ids": ids}
            self.ours = set(self.session.scalars(_OURS, asked))

    def _names(self, person: Person) -> list[tuple[str, str]]:
        names = []
        if person.email:
            names.append((EMAIL, person.email))
        if person.number:
            names.append((self.run.summary.source, person.number))
        return names

    def _check(self, person: Person) -> None:
        known = self.known.get(person.phone)
        columns, findings = self.run.sheet.columns, self.run.findings
        if known is None:
            self.run.summary.add("new")
        elif known.id in self.ours:
            self.run.summary.add("made_before")
        else:
            self.run.summary.add("known")
            named = columns.named("phone")
            findings.add(person.row, named, "member_known", number=known.number)
        owner = known.id if known else 0
        if person.email and self.aliases.get((EMAIL, person.email), owner) != owner:
            findings.add(person.row, columns.named("email"), "email_taken")
            person.email = None
        if person.number and not self._may_have(person, owner):
            named = columns.named("number")
            findings.add(person.row, named, "number_taken", value=person.number)
            person.number = None

    def _may_have(self, person: Person, owner: int) -> bool:
        assert person.number is not None
        alias = (self.run.summary.source, person.number)
        is_free = self.aliases.get(alias, owner) == owner
        return is_free and self.numbers.get(person.number, person.phone) == person.phone

    # --- writing ---

    def write(self) -> None:
        """Make the new members and give everybody what their row brings."""
        self._make([person for person in self.people if person.phone not in self.known])
        fresh = [person for person in self.people if person.phone in self.made]
        others = [
            person
            for person in self.people
            if person.phone in self.known and self.known[person.phone].id not in self.ours
        ]
        locked = self._lock([self.known[person.phone].id for person in others])
        self._note_effects(fresh, others, locked)
        self._note_names([*fresh, *others])
        self._keep_emails([*fresh, *others])
        self._note_consents(fresh)

    def _make(self, people: list[Person]) -> None:
        """Insert under the unique keys: whoever joins at this moment is found, not doubled."""
        for _ in range(NUMBER_DRAWS):
            if not people:
                return
            rows = [self._member_row(person) for person in people]
            made = driver(self.session).execute(_MAKE, columns_of(rows))
            self.made.update((str(phone), int(str(id_))) for phone, id_ in made)
            people = [person for person in people if person.phone not in self.made]
            self._find_known(person.phone for person in people)
            people = [person for person in people if person.phone not in self.known]
        assert not people, "nine digits ran out"

    def _member_row(self, person: Person) -> tuple[object, ...]:
        tier = person.tier or self.run.programme.tiers[0]
        is_ours = person.number is not None and is_member_number(person.number)
        is_free = is_ours and person.number not in self.numbers
        return (
            person.number if is_free else draw_number(),
            new_card_ref(),
            person.name,
            person.phone,
            person.birthday,
            person.joined_at,
            person.allows_marketing,
            tier.id,
            self._kept_until(person, tier),
            self.run.today,
        )

    def _kept_until(self, person: Person, tier: Tier) -> date | None:
        if not tier.rank:
            return None
        return person.tier_until or self.run.options.tier_until or kept_until(self.run.today)

    def _lock(self, ids: list[int]) -> dict[int, Any]:
        """Lock known members in id order and return their figures."""
        rows = self.session.execute(_LOCK, {"ids": ids})
        return {row.id: row for row in rows}

    def _note_effects(
        self, fresh: list[Person], others: list[Person], locked: dict[int, Any]
    ) -> None:
        """Give opening balances and tiers, and keep in the journal what that changed."""
        lowest = self.run.programme.tiers[0]
        ledger = Ledger(self.run.today, self.run.now)
        effects: dict[int, Effect] = {}
        changes: list[dict[str, Any]] = []
        wallets: list[Wallet] = []
        for person in fresh:
            wallet = Wallet(self.made[person.phone], 0, 0, 0)
            effects[wallet.member_id] = self._effect(wallet.member_id, person, is_new=True)
            self._open(ledger, wallets, wallet, person, effects)
            if person.tier is not None and person.tier.rank:
                changes.append(self._change(wallet.member_id, lowest.id, person, person.tier))
        given = self._given_before(list(locked))
        for person in others:
            row = locked.get(self.known[person.phone].id)
            if row is None:
                continue
            effects[row.id] = self._effect(row.id, person, is_new=False)
            if person.points and row.id in given:
                named = self.run.sheet.columns.named("points")
                self.run.findings.add(person.row, named, "points_given")
            else:
                wallet = Wallet(row.id, row.points, row.points_pending, row.tier_points)
                self._open(ledger, wallets, wallet, person, effects)
            before = self.run.programme.tier(row.tier_id)
            if person.tier is not None and person.tier.rank > before.rank:
                self._lift(person, person.tier, row, effects[row.id])
                changes.append(self._change(row.id, before.id, person, person.tier))
        ledger.write(self.session)
        keep_balances(self.session, wallets)
        if changes:
            self.session.execute(insert(TierChange), changes)
        rows = [effect.values() for effect in effects.values() if effect.is_worth_noting]
        if rows:
            driver(self.session).execute(NOTE_EFFECTS, columns_of(rows))

    def _effect(self, member_id: int, person: Person, *, is_new: bool) -> Effect:
        return Effect(self.run.batch_id, member_id, person.row, is_new)

    def _open(
        self,
        ledger: Ledger,
        wallets: list[Wallet],
        wallet: Wallet,
        person: Person,
        effects: dict[int, Effect],
    ) -> None:
        """Give the opening balance, unless its day is over."""
        if not person.points:
            return
        ends_on = (
            person.points_expire_on
            or self.run.options.points_expire_on
            or self.run.programme.points_expire_on(self.run.today)
        )
        if ends_on <= self.run.today:
            named = self.run.sheet.columns.named("points")
            last_on = ends_on - timedelta(days=1)
            self.run.findings.add(person.row, named, "points_expired", value=last_on)
            return
        wallets.append(wallet)
        effects[wallet.member_id].points = person.points
        ledger.earnings.append(
            Earning(
                wallet,
                person.points,
                "import",
                f"import:{self.run.batch_id}:{wallet.member_id}",
                self.run.now,
                ends_on,
            )
        )
        self.run.summary.add("points", person.points)

    def _given_before(self, ids: list[int]) -> set[int]:
        """Return whom of these an import of this source gave an opening balance that stands."""
        asked = {"ids": ids, "source": self.run.summary.source}
        return set(self.session.scalars(_GIVEN, asked))

    def _lift(self, person: Person, tier: Tier, row: Any, effect: Effect) -> None:
        effect.before = tier_before(row.tier_id, row.tier_kept_until)
        effect.after_tier_id = tier.id
        self.session.execute(
            update(Member)
            .where(Member.id == row.id)
            .values(tier_id=tier.id, tier_kept_until=self._kept_until(person, tier))
            .execution_options(synchronize_session=False)
        )

    def _change(
        self, member_id: int, from_tier_id: int, person: Person, tier: Tier
    ) -> dict[str, Any]:
        """Give the reason as a tier granted by hand has it, so that a refund knows it stands."""
        until = self._kept_until(person, tier)
        return {
            "member_id": member_id,
            "from_tier_id": from_tier_id,
            "to_tier_id": tier.id,
            "reason": {
                "rule": "import",
                "kept_until": until.isoformat() if until else None,
                "batch_id": self.run.batch_id,
            },
            "changed_at": self.run.now,
        }

    def _note_names(self, people: list[Person]) -> None:
        """Keep what the other system calls them; a name that is taken stays whose it is."""
        rows = [
            (source, value, self.made.get(person.phone) or self.known[person.phone].id)
            for person in people
            for source, value in self._names(person)
        ]
        if rows:
            driver(self.session).execute(_NOTE_NAMES, [self.run.batch_id, *columns_of(rows)])

    def _keep_emails(self, people: list[Person]) -> None:
        """Keep where to write to: confirmed where the row says that they want to be written to."""
        told = [
            (
                self.made.get(person.phone) or self.known[person.phone].id,
                person.email,
                person.allows_marketing,
            )
            for person in people
            if person.email
        ]
        keep_imported(self.session, told, self.run.now)

    def _note_consents(self, fresh: list[Person]) -> None:
        """Keep the proof of each yes to marketing: the file's digest and the row."""
        digest = self.run.sheet.source.digest
        rows = [
            {
                "member_id": self.made[person.phone],
                "purpose": "marketing",
                "is_given": True,
                "notice_version": self.run.notice_version,
                "channel": JOIN_SOURCE,
                "evidence": f"sha256:{digest}:row:{person.row}",
                "said_at": self.run.now,
            }
            for person in fresh
            if person.allows_marketing
        ]
        if rows:
            self.session.execute(insert(Consent), rows)
            self.run.summary.add("marketing", len(rows))


_KNOWN = text("SELECT phone, id, number FROM member WHERE phone = ANY(:phones)")
_NUMBERS = text("SELECT number, phone FROM member WHERE number = ANY(:numbers)")
_ALIASES = text("""
    SELECT alias.source, alias.value, alias.member_id
    FROM member_alias AS alias
    JOIN unnest(CAST(:sources AS text[]), CAST(:values AS text[])) AS asked (source, value)
        ON asked.source = alias.source AND asked.value = alias.value
""")
_OURS = text("""
    SELECT member_id FROM import_effect
    WHERE batch_id = :batch_id AND is_new AND member_id = ANY(:ids)
""")
_GIVEN = text("""
    SELECT effect.member_id FROM import_effect AS effect
    JOIN import_batch AS batch ON batch.id = effect.batch_id
    WHERE effect.member_id = ANY(:ids) AND effect.points > 0
      AND batch.source = :source AND batch.state <> 'undone'
""")
_LOCK = text("""
    SELECT id, points, points_pending, tier_points, tier_id, tier_kept_until FROM member
    WHERE id = ANY(:ids) AND erased_at IS NULL AND merged_into_id IS NULL
    ORDER BY id FOR NO KEY UPDATE
""")
_MAKE = f"""
    INSERT INTO member (number, card_ref, name, phone, birthday, joined_at, marketing_allowed,
        tier_id, tier_kept_until, spend_on, join_source, language, points, spend_twd,
        purchase_count)
    SELECT made.*, '{JOIN_SOURCE}', '{LANGUAGE}', 0, 0, 0
    FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::date[], %s::timestamptz[],
        %s::boolean[], %s::bigint[], %s::date[], %s::date[]) AS made
    ON CONFLICT DO NOTHING RETURNING phone, id
"""  # noqa: S608 - put together from the constants above
_NOTE_NAMES = """
    INSERT INTO member_alias (batch_id, source, value, member_id)
    SELECT %s, name.* FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS name
    ON CONFLICT DO NOTHING
"""
