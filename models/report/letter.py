"""Letters: a report that comes by e-mail every day, week or month, to somebody of the shop.

A letter's life: kept until somebody ends it, or whoever ordered it works here no more. Each of its
days is one sending, made once; a sending that was begun and never heard of again is `unknown` and
not repeated, for SMTP knows no retry key. A letter tells totals only and names no member.
"""

import base64
import hmac
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import sha256

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.audit import note
from models.base import Base, Day, Identifier, Moment, one_of
from models.local_day import TAIPEI, first_of_month_after, local_day
from models.report.catalogue import get_report
from models.report.refusals import LetterRefused, NoSuchLetter, TooManyLetters
from models.report.report import Report
from models.staff import Staff

DAILY, WEEKLY, MONTHLY = RHYTHMS = ("day", "week", "month")
HOURS = range(6, 22)
MOST_LETTERS = 50
LONGEST_EMAIL = 200
LATE = timedelta(hours=20)
"""A letter that could not be sent for so long after its hour is of no use any more."""
STATES = ("waiting", "accepted", "refused", "unknown", "late")
PUBLIC_RIGHT = "see"
"""Reports that need more than this right do not go by mail, which anybody may pass on."""
_EMAIL = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;\"]+")
_ID_BYTES, _PROOF_BYTES = 8, 16


class ReportLetter(Base):
    """A report that somebody has sent to an address; `weekday` is 1 (Monday) to 7."""

    __tablename__ = "report_letter"
    __table_args__ = (
        CheckConstraint(one_of("every", RHYTHMS), name="every_known"),
        CheckConstraint("(every = 'week') = (weekday IS NOT NULL)", name="week_has_a_day"),
        CheckConstraint("weekday BETWEEN 1 AND 7", name="weekday_of_a_week"),
        CheckConstraint("hour BETWEEN 0 AND 23", name="hour_of_a_day"),
        Index("ix_report_letter_open", "id", postgresql_where="ended_at IS NULL"),
    )

    id: Mapped[Identifier]
    report: Mapped[str]
    asked: Mapped[dict[str, str]] = mapped_column(JSONB)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    email: Mapped[str]
    language: Mapped[str]
    every: Mapped[str]
    weekday: Mapped[int | None]
    hour: Mapped[int]
    created_at: Mapped[Moment]
    ended_at: Mapped[datetime | None]

    staff: Mapped[Staff] = relationship(lazy="joined", innerjoin=True)

    def slot_before(self, now: datetime) -> date:
        """Return the newest day on which it is due, its hour being over."""
        local = now.astimezone(TAIPEI)
        day = local.date() if local.time() >= time(self.hour) else local.date() - timedelta(days=1)
        if self.every == MONTHLY:
            return day.replace(day=1)
        if self.every == WEEKLY:
            return day - timedelta(days=(day.isoweekday() - (self.weekday or 1)) % 7)
        return day

    def next_on(self, now: datetime) -> date:
        """Return the next day on which it will come."""
        slot = self.slot_before(now)
        if self.every == MONTHLY:
            return first_of_month_after(slot, 1)
        return slot + timedelta(days=7 if self.every == WEEKLY else 1)


class ReportSending(Base):
    """One day of a letter, and what became of its mail. Its id is the mail's own."""

    __tablename__ = "report_sending"
    __table_args__ = (
        CheckConstraint(one_of("state", STATES), name="state_known"),
        CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name="settled_when"),
        UniqueConstraint("letter_id", "slot_on"),
        Index("ix_report_sending_due", "next_try_at", postgresql_where="state = 'waiting'"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    letter_id: Mapped[int] = mapped_column(ForeignKey("report_letter.id"))
    slot_on: Mapped[Day]
    state: Mapped[str] = mapped_column(default="waiting")
    begun_at: Mapped[datetime | None]
    """When its one try was begun; a sending found so is in doubt."""
    next_try_at: Mapped[Moment]
    settled_at: Mapped[datetime | None]
    reason: Mapped[str | None]

    letter: Mapped[ReportLetter] = relationship(lazy="joined", innerjoin=True)


@dataclass(frozen=True)
class Order:
    """What somebody wants to be sent."""

    report: str
    asked: Mapping[str, str]
    email: str
    language: str
    every: str
    hour: int
    weekday: int | None = None


def order_letter(session: Session, staff: Staff, order: Order, now: datetime) -> ReportLetter:
    """Have a report come by mail. The first one comes on its next day; what comes already stays.

    Raises NoSuchReport, ParameterRefused, LetterRefused or TooManyLetters.
    """
    report = get_report(order.report)
    asked = report.check(order.asked)
    _check(report, order)
    wanted = {
        "report": report.code,
        "asked": asked,
        "staff_id": staff.id,
        "email": order.email.strip(),
        "language": order.language,
        "every": order.every,
        "weekday": order.weekday if order.every == WEEKLY else None,
        "hour": order.hour,
    }
    known = select(ReportLetter).where(ReportLetter.ended_at.is_(None)).filter_by(**wanted)
    found = session.scalars(known.limit(1)).one_or_none()
    if found is not None:
        return found
    if (session.scalar(select(func.count()).where(ReportLetter.ended_at.is_(None))) or 0) >= (
        MOST_LETTERS
    ):
        raise TooManyLetters(most=MOST_LETTERS)
    letter = ReportLetter(**wanted, created_at=now)
    session.add(letter)
    session.flush()
    _note(session, letter, "report.letter", now, staff_id=staff.id)
    return letter


def _check(report: Report, order: Order) -> None:
    if report.right != PUBLIC_RIGHT:
        raise LetterRefused(what="report")
    if len(order.email) > LONGEST_EMAIL or not _EMAIL.fullmatch(order.email.strip()):
        raise LetterRefused(what="email")
    if order.every not in RHYTHMS or order.hour not in HOURS:
        raise LetterRefused(what="every")
    if order.every == WEEKLY and order.weekday not in range(1, 8):
        raise LetterRefused(what="weekday")


def _note(
    session: Session, letter: ReportLetter, what: str, now: datetime, *, staff_id: int | None
) -> None:
    after = {"report": letter.report, "every": letter.every, "hour": letter.hour}
    subject = f"report_letter:{letter.id}"
    note(session, what, subject, now=now, staff_id=staff_id, after=after)
    session.flush()


def list_letters(session: Session) -> Sequence[ReportLetter]:
    """Return the letters that come, the oldest first."""
    asked = select(ReportLetter).where(ReportLetter.ended_at.is_(None)).order_by(ReportLetter.id)
    return session.scalars(asked.limit(MOST_LETTERS)).all()


def last_sendings(session: Session, letters: Sequence[ReportLetter]) -> dict[int, ReportSending]:
    """Return each letter's newest sending by its id."""
    newest = (
        select(ReportSending.letter_id, func.max(ReportSending.slot_on).label("slot_on"))
        .where(ReportSending.letter_id.in_([letter.id for letter in letters]))
        .group_by(ReportSending.letter_id)
        .subquery("newest")
    )
    rows = session.scalars(
        select(ReportSending).join(
            newest,
            (newest.c.letter_id == ReportSending.letter_id)
            & (newest.c.slot_on == ReportSending.slot_on),
        )
    )
    return {row.letter_id: row for row in rows}


def get_letter(session: Session, letter_id: int) -> ReportLetter:
    """Return a letter that comes. Raises NoSuchLetter."""
    letter = session.get(ReportLetter, letter_id)
    if letter is None or letter.ended_at is not None:
        raise NoSuchLetter
    return letter


def end_letter(
    session: Session, letter: ReportLetter, now: datetime, *, by: Staff | None = None
) -> None:
    """Let a letter come no more; `by` is None where its reader said so by the link in it."""
    letter.ended_at = now
    session.execute(
        update(ReportSending)
        .where(ReportSending.letter_id == letter.id, ReportSending.state == "waiting")
        .values(state="late", settled_at=now)
    )
    _note(session, letter, "report.letter_end", now, staff_id=by.id if by is not None else None)


# --- the link by which a reader ends it ---


def letter_token(key: bytes, letter_id: int) -> str:
    """Return what lets the reader of a letter end it."""
    told = letter_id.to_bytes(_ID_BYTES, "big")
    return base64.urlsafe_b64encode(told + _proof(key, told)).decode()


def find_letter_by_token(session: Session, key: bytes, token: str) -> ReportLetter:
    """Return the letter whose reader holds this token. Raises NoSuchLetter."""
    try:
        raw = base64.urlsafe_b64decode(token)
    except ValueError as error:
        raise NoSuchLetter from error
    told, proof = raw[:_ID_BYTES], raw[_ID_BYTES:]
    if len(told) != _ID_BYTES or not hmac.compare_digest(_proof(key, told), proof):
        raise NoSuchLetter
    return get_letter(session, int.from_bytes(told, "big"))


def _proof(key: bytes, told: bytes) -> bytes:
    return hmac.digest(key, b"report-letter:" + told, sha256)[:_PROOF_BYTES]


# --- what is due ---


def plan_sendings(session: Session, now: datetime) -> int:
    """Note each letter's newest day that is due; end those whose owner left. Return how many."""
    planned = 0
    for letter in list_letters(session):
        if not letter.staff.may_work_office:
            end_letter(session, letter, now)
            continue
        slot = letter.slot_before(now)
        if slot <= local_day(letter.created_at) or now - _hour_of(letter, slot) > LATE:
            continue
        kept = session.scalars(
            insert(ReportSending)
            .values(id=uuid.uuid4(), letter_id=letter.id, slot_on=slot, next_try_at=now)
            .on_conflict_do_nothing(index_elements=["letter_id", "slot_on"])
            .returning(ReportSending.id)
        ).all()
        planned += len(kept)
    return planned


def _hour_of(letter: ReportLetter, slot: date) -> datetime:
    return datetime.combine(slot, time(letter.hour), TAIPEI)


def list_due_sendings(session: Session, now: datetime, *, limit: int) -> list[ReportSending]:
    """Return sendings that are due, locked; whoever else asks meanwhile gets others."""
    asked = (
        select(ReportSending)
        .where(ReportSending.state == "waiting", ReportSending.next_try_at <= now)
        .order_by(ReportSending.next_try_at)
        .limit(limit)
        .with_for_update(of=ReportSending, skip_locked=True)
    )
    return list(session.scalars(asked))


def is_late(sending: ReportSending, now: datetime) -> bool:
    """Tell whether a sending is of no use any more."""
    return now - _hour_of(sending.letter, sending.slot_on) > LATE


def settle_sending(
    session: Session, sending_id: uuid.UUID, state: str, now: datetime, *, reason: str | None = None
) -> None:
    """Write down what became of a sending."""
    session.execute(
        update(ReportSending)
        .where(ReportSending.id == sending_id, ReportSending.state == "waiting")
        .values(state=state, settled_at=now, reason=reason)
    )


def put_sending_off(session: Session, sending_id: uuid.UUID, until: datetime) -> None:
    """Try a sending again later: nothing of it went out."""
    session.execute(
        update(ReportSending)
        .where(ReportSending.id == sending_id, ReportSending.state == "waiting")
        .values(next_try_at=until, begun_at=None)
    )
