"""Contact: members who ask to be called by a person, with what that person should know.

A member has one open wish at most. Whoever's tier or plan brings the service queue comes first;
the level is that of the moment of asking. What they wrote goes with their data.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, Select, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from models.audit import note
from models.base import Base, BusinessError, Identifier, Moment
from models.benefit import paid_plan, service_level
from models.coupon import Coupon
from models.local_day import local_day
from models.member import Member, kept_member
from models.outbox import MENU_KIND, REPLY_KIND, Owed
from models.programme import Programme
from models.purchase import Purchase
from models.staff import Staff

LONGEST_ABOUT = 200
MOST_LISTED = 30
SHOWN_EACH = 3
"""So many purchases, coupons and messages are told of whoever waits."""
MESSAGES_SINCE = timedelta(days=30)
PURCHASES_SINCE = timedelta(days=365)
USUAL_HOURS = 24
"""What is told where too few wishes were settled to know better."""
MEASURED_SINCE = timedelta(days=90)
FEWEST_MEASURED = 5
_HOUR_SECONDS = 3600
_UNFIT = ("Cc", "Cs", "Co", "Cn")


class ContactRequest(Base):
    """One wish to be called: open, then settled by a person, or by its owner's leaving."""

    __tablename__ = "contact_request"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'settled')", name="state_known"),
        CheckConstraint(
            "(state = 'settled') = (settled_at IS NOT NULL)"
            " AND (settled_by IS NULL OR settled_at IS NOT NULL)",
            name="settled_when",
        ),
        CheckConstraint("level >= 0", name="level_not_negative"),
        CheckConstraint(f"length(about) BETWEEN 1 AND {LONGEST_ABOUT}", name="about_fits"),
        Index("ix_contact_request_member_id", "member_id"),
        Index(
            "uq_contact_request_open",
            "member_id",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_contact_request_settled_at", "settled_at"),
    )

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    asked_at: Mapped[Moment]
    level: Mapped[int]
    """How much before others they are served; 0 is as everybody."""
    about: Mapped[str | None]
    state: Mapped[str] = mapped_column(default="open")
    settled_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    settled_at: Mapped[datetime | None]


_OfMember = TypeVar("_OfMember", Purchase, Coupon)


class AboutTooLong(BusinessError):
    """What it is about has more than `longest` characters."""

    code = "about_too_long"


class ContactSettled(BusinessError):
    """Somebody has settled the wish before, or there is none."""

    code = "contact_settled"


@dataclass(frozen=True)
class Waiting:
    """One wish with what whoever calls should know, on one screen."""

    request: ContactRequest
    member: Member
    purchases: Sequence[Purchase] = field(default=())
    """The newest, newest first."""
    coupons: Sequence[Coupon] = field(default=())
    """Those that can be used, the first to end first."""
    messages: Sequence[tuple[str, datetime]] = field(default=())
    """The kinds of the messages we last sent, newest first, never their words."""


def ask_for_contact(
    session: Session, member: Member, programme: Programme, now: datetime
) -> ContactRequest:
    """Note that a member wants to be called, and return the wish; one open already is that one."""
    level = service_level(programme, member.tier_id, paid_plan(member, now), local_day(now))
    session.execute(
        insert(ContactRequest)
        .values(member_id=member.id, asked_at=now, level=level, state="open")
        .on_conflict_do_nothing()
    )
    return _get_open(session, member.id)


def say_about(session: Session, member_id: int, typed: str) -> ContactRequest:
    """Add to a member's open wish what it is about; a later word replaces the first.

    Raises ContactSettled or AboutTooLong. Words that show nothing are taken as none.
    """
    request = _get_open(session, member_id)
    about = _clean(typed)
    if len(about) > LONGEST_ABOUT:
        raise AboutTooLong(longest=LONGEST_ABOUT)
    request.about = about if any(sign.isprintable() for sign in about) else None
    session.flush()
    return request


def settle_contact(
    session: Session, request_id: int, staff: Staff, *, now: datetime
) -> ContactRequest:
    """Note that `staff` has answered a member. Raises ContactSettled."""
    request = session.get(ContactRequest, request_id, with_for_update=True)
    if request is None or request.state != "open":
        raise ContactSettled
    request.state, request.settled_by, request.settled_at = "settled", staff.id, now
    note(
        session,
        "contact.settle",
        f"contact:{request.id}",
        now=now,
        staff_id=staff.id,
        member_id=request.member_id,
        store_id=staff.store_id,
        after={"level": request.level},
    )
    session.flush()
    return request


def list_open(session: Session, now: datetime, *, limit: int = MOST_LISTED) -> list[Waiting]:
    """Return who waits to be called, with context: the highest level first, then the oldest.

    A handful of queries, however many wait.
    """
    rows = session.execute(
        _open(select(ContactRequest, Member))
        .order_by(ContactRequest.level.desc(), ContactRequest.asked_at, ContactRequest.id)
        .limit(limit)
    ).all()
    people = [(request, kept_member(session, member)) for request, member in rows]
    ids = [member.id for _, member in people]
    if not ids:
        return []
    purchases = _grouped(session.scalars(_last_purchases(ids, local_day(now))))
    coupons = _grouped(session.scalars(_usable_coupons(ids, now)))
    messages = _last_messages(session, ids, now)
    return [
        Waiting(
            request,
            member,
            purchases.get(member.id, ()),
            coupons.get(member.id, ()),
            messages.get(member.id, ()),
        )
        for request, member in people
    ]


def count_open(session: Session) -> int:
    """Return how many wait to be called."""
    waiting: int = session.scalars(_open(select(func.count()).select_from(ContactRequest))).one()
    return waiting


def usual_hours(session: Session, now: datetime) -> int:
    """Return within how many hours half of those who asked lately were answered, rounded up."""
    waited = func.extract("epoch", ContactRequest.settled_at - ContactRequest.asked_at)
    count, seconds = session.execute(
        select(func.count(), func.percentile_cont(0.5).within_group(waited)).where(
            ContactRequest.settled_at > now - MEASURED_SINCE,
            ContactRequest.settled_by.is_not(None),
        )
    ).one()
    if count < FEWEST_MEASURED:
        return USUAL_HOURS
    return max(-(-int(seconds) // _HOUR_SECONDS), 1)


def _open(asked: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Restrict a question to requests that wait, of members who are here."""
    return asked.join(Member, Member.id == ContactRequest.member_id).where(
        ContactRequest.state == "open", Member.erased_at.is_(None)
    )


def _get_open(session: Session, member_id: int) -> ContactRequest:
    request = session.scalars(
        select(ContactRequest)
        .where(ContactRequest.member_id == member_id, ContactRequest.state == "open")
        .with_for_update()
    ).one_or_none()
    if request is None:
        raise ContactSettled
    return request


def _clean(typed: str) -> str:
    """Return the text as one paragraph without control characters."""
    normal = unicodedata.normalize("NFC", typed).replace("\n", " ")
    return " ".join("".join(c for c in normal if unicodedata.category(c) not in _UNFIT).split())


def _grouped(rows: Iterable[_OfMember]) -> dict[int, list[_OfMember]]:
    found: dict[int, list[_OfMember]] = {}
    for row in rows:
        found.setdefault(row.member_id, []).append(row)
    return found


def _last_purchases(ids: Sequence[int], today: date) -> Select[Any]:
    place = func.row_number().over(
        partition_by=Purchase.member_id,
        order_by=(Purchase.purchased_on.desc(), Purchase.id.desc()),
    )
    ranked = (
        select(Purchase, place.label("place"))
        .where(Purchase.member_id.in_(ids), Purchase.purchased_on > today - PURCHASES_SINCE)
        .subquery()
    )
    newest = aliased(Purchase, ranked)
    return (
        select(newest)
        .where(ranked.c.place <= SHOWN_EACH)
        .order_by(newest.member_id, ranked.c.place)
    )


def _usable_coupons(ids: Sequence[int], now: datetime) -> Select[Any]:
    place = func.row_number().over(
        partition_by=Coupon.member_id, order_by=(Coupon.expires_at, Coupon.id)
    )
    ranked = (
        select(Coupon.id, place.label("place"))
        .where(
            Coupon.member_id.in_(ids),
            Coupon.state == "issued",
            Coupon.usable_from <= now,
            Coupon.expires_at > now,
        )
        .subquery()
    )
    return (
        select(Coupon)
        .join(ranked, ranked.c.id == Coupon.id)
        .where(ranked.c.place <= SHOWN_EACH)
        .order_by(Coupon.member_id, ranked.c.place)
    )


def _last_messages(
    session: Session, ids: Sequence[int], now: datetime
) -> dict[int, list[tuple[str, datetime]]]:
    place = func.row_number().over(partition_by=Owed.line_user_id, order_by=Owed.seq.desc())
    ranked = (
        select(Member.id, Owed.kind, Owed.created_at, place.label("place"))
        .join(Owed, Owed.line_user_id == Member.line_user_id)
        .where(
            Member.id.in_(ids),
            Owed.kind.not_in((REPLY_KIND, MENU_KIND)),
            Owed.created_at > now - MESSAGES_SINCE,
        )
        .subquery()
    )
    rows = session.execute(
        select(ranked.c.id, ranked.c.kind, ranked.c.created_at)
        .where(ranked.c.place <= SHOWN_EACH)
        .order_by(ranked.c.id, ranked.c.place)
    )
    found: dict[int, list[tuple[str, datetime]]] = {}
    for member_id, kind, at in rows:
        found.setdefault(member_id, []).append((kind, at))
    return found
