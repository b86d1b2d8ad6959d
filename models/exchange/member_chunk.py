"""The write side of an import of members: some people of a file, against who is there."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import insert, text, update
from sqlalchemy.orm import Session

from models.channel import keep_imported
from models.consent import Consent
from models.exchange.batch import (
    EMAIL,
    NOTE_EFFECTS,
    Effect,
    tier_before,
)
from models.exchange.copying import columns_of, driver
from models.exchange.ledger import Earning, Ledger, Wallet, keep_balances
from models.exchange.problems import Findings
from models.exchange.reading import Sheet
from models.exchange.summary import Summary
from models.member import (
    Member,
    draw_number,
    is_member_number,
)
from models.member_code import new_card_ref
from models.programme import Programme
from models.tier import Tier, TierChange, kept_until

NUMBER_DRAWS = 5
JOIN_SOURCE, LANGUAGE = "import", "zh-TW"


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


class MemberRun(Protocol):
    """What a chunk asks of the run of which it is a part."""

    batch_id: int
    options: MemberOptions
    sheet: Sheet
    findings: Findings
    programme: Programme
    notice_version: str
    summary: Summary
    today: date
    now: datetime


@dataclass(slots=True)
class _Known:
    """A member who was there before."""

    id: int
    number: str


class MemberChunk:
    """Some people of a file, against who is there."""

    def __init__(self, session: Session, run: MemberRun, people: list[Person]) -> None:
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
