"""What a tier lets people take part in: events with seats, early sales, pages kept for a tier.

An event has so many seats. Who comes when they are taken waits in line; whoever leaves gives the
seat to the first who waits, in the same transaction, and a message tells them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    func,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Identifier, Moment, Translated, in_language, one_of
from models.member import Member
from models.outbox import owe
from models.tier import Tier

MOST_SHOWN = 10
STATES = ("going", "waiting", "left", "attended")


class Gathering(Base):
    """An event members are invited to. `seats_left` is what the database guards."""

    __tablename__ = "gathering"
    __table_args__ = (
        CheckConstraint("seats_left >= 0 AND seats_left <= capacity", name="seats_within_capacity"),
        CheckConstraint("capacity > 0", name="has_room"),
    )

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[Translated]
    place: Mapped[Translated]
    starts_at: Mapped[Moment]
    capacity: Mapped[int]
    seats_left: Mapped[int]
    min_tier_id: Mapped[int] = mapped_column(ForeignKey("tier.id"))
    """The lowest tier that is invited; those above it are too."""

    def words(self, language: str) -> dict[str, Any]:
        """Return the event as plain facts for a card; the moment is ISO."""
        return {
            "id": str(self.id),
            "name": in_language(self.name, language),
            "place": in_language(self.place, language),
            "starts_at": self.starts_at.isoformat(),
            "seats_left": self.seats_left,
        }


class GatheringSeat(Base):
    """One member's place: going, waiting, left, or attended once the event was."""

    __tablename__ = "gathering_seat"
    __table_args__ = (
        CheckConstraint(one_of("state", STATES), name="state_known"),
        Index("ix_gathering_seat_waiting", "gathering_id", "asked_at"),
    )

    gathering_id: Mapped[int] = mapped_column(ForeignKey("gathering.id"), primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, index=True)
    state: Mapped[str]
    asked_at: Mapped[Moment]
    """When the place in the line was taken; leaving and coming back takes a new one."""
    moved_up_at: Mapped[datetime | None]


class SaleEvent(Base):
    """A sale with a public opening moment, which a tier may open earlier."""

    __tablename__ = "sale_event"
    __table_args__ = (CheckConstraint("public_at < ends_at", name="lives"),)

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[Translated]
    public_at: Mapped[Moment]
    ends_at: Mapped[Moment]


class ContentPage(Base):
    """Words kept for a tier and those above it."""

    __tablename__ = "content_page"

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    title: Mapped[Translated]
    body: Mapped[Translated]
    min_tier_id: Mapped[int] = mapped_column(ForeignKey("tier.id"))


class NotInvited(BusinessError):
    """The event, sale or page is for higher tiers; `needs_tier_id` says from which on."""

    code = "not_invited"


class GatheringOver(BusinessError):
    """The event has begun."""

    code = "gathering_over"


class NoSuchEvent(BusinessError):
    """There is no event, sale or page of this name."""

    code = "no_such_event"


class SaleNotOpen(BusinessError):
    """The sale opens later for this member; `opens_at` says when."""

    code = "sale_not_open"


def list_gatherings(session: Session, now: datetime) -> Sequence[Gathering]:
    """Return the coming events, the next first."""
    return session.scalars(
        select(Gathering)
        .where(Gathering.starts_at > now)
        .order_by(Gathering.starts_at, Gathering.id)
        .limit(MOST_SHOWN)
    ).all()


def get_gathering(session: Session, gathering_id: int) -> Gathering:
    """Return the event with this id. Raises NoSuchEvent."""
    found = session.get(Gathering, gathering_id)
    if found is None:
        raise NoSuchEvent
    return found


def find_seat(session: Session, gathering_id: int, member_id: int) -> GatheringSeat | None:
    """Return the member's place at an event, or None where they never asked."""
    return session.get(GatheringSeat, (gathering_id, member_id), populate_existing=True)


def add_gathering(
    session: Session,
    *,
    code: str,
    name: dict[str, str],
    place: dict[str, str],
    starts_at: datetime,
    capacity: int,
    min_tier: Tier,
) -> Gathering:
    """Make an event for a tier and those above it."""
    gathering = Gathering(
        code=code,
        name=name,
        place=place,
        starts_at=starts_at,
        capacity=capacity,
        seats_left=capacity,
        min_tier_id=min_tier.id,
    )
    session.add(gathering)
    session.flush()
    return gathering


def ask_for_seat(
    session: Session, gathering_id: int, member: Member, *, rank: int, now: datetime
) -> GatheringSeat:
    """Give the member a seat, or a place in the line; asking again changes nothing.

    `rank` is that of the member's tier. One UPDATE gives a seat away, so of two who want the last
    one gets it. Raises NoSuchEvent, GatheringOver or NotInvited.
    """
    gathering = get_gathering(session, gathering_id)
    _check_invited(session, gathering.min_tier_id, rank)
    if gathering.starts_at <= now:
        raise GatheringOver
    # The event's row is the line's lock: who asks, leaves or moves up does so one at a time.
    session.refresh(gathering, with_for_update=True)
    seat = find_seat(session, gathering_id, member.id)
    if seat is not None and seat.state != "left":
        return seat
    state = "going" if _take_seat(session, gathering_id) else "waiting"
    if seat is None:
        seat = GatheringSeat(gathering_id=gathering_id, member_id=member.id)
        session.add(seat)
    seat.state, seat.asked_at, seat.moved_up_at = state, now, None
    session.flush()
    return seat


def _take_seat(session: Session, gathering_id: int) -> bool:
    taken = session.scalars(
        update(Gathering)
        .where(Gathering.id == gathering_id, Gathering.seats_left > 0)
        .values(seats_left=Gathering.seats_left - 1)
        .returning(Gathering.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return taken is not None


def leave_seat(session: Session, gathering_id: int, member: Member, *, now: datetime) -> bool:
    """Give a seat or a place in the line back; tell whether there was one.

    The first who waits takes the seat at once and is told. Raises NoSuchEvent or GatheringOver.
    """
    gathering = get_gathering(session, gathering_id)
    if gathering.starts_at <= now:
        raise GatheringOver
    session.refresh(gathering, with_for_update=True)
    seat = find_seat(session, gathering_id, member.id)
    if seat is None or seat.state not in ("going", "waiting"):
        return False
    had_seat = seat.state == "going"
    seat.state = "left"
    session.flush()
    if had_seat and not _move_up(session, gathering, now):
        gathering.seats_left += 1
    session.flush()
    return True


def _move_up(session: Session, gathering: Gathering, now: datetime) -> bool:
    found = session.execute(
        select(GatheringSeat, Member)
        .join(Member, Member.id == GatheringSeat.member_id)
        .where(
            GatheringSeat.gathering_id == gathering.id,
            GatheringSeat.state == "waiting",
            Member.erased_at.is_(None),
        )
        .order_by(GatheringSeat.asked_at, GatheringSeat.member_id)
        .limit(1)
    ).one_or_none()
    if found is None:
        return False
    seat, member = found
    seat.state, seat.moved_up_at = "going", now
    if member.line_user_id is not None:
        owe(
            session,
            member.line_user_id,
            "gathering_moved_up",
            gathering.words(member.language) | {"state": "going"},
            language=member.language,
            idempotency_key=f"moved_up:{gathering.id}:{member.id}:{seat.asked_at.isoformat()}",
            now=now,
            member_id=member.id,
            useful_until=gathering.starts_at,
        )
    return True


def waiting_ahead(session: Session, seat: GatheringSeat) -> int:
    """Return how many wait before this one."""
    ahead = select(func.count()).where(
        GatheringSeat.gathering_id == seat.gathering_id,
        GatheringSeat.state == "waiting",
        tuple_(GatheringSeat.asked_at, GatheringSeat.member_id)
        < tuple_(literal(seat.asked_at), literal(seat.member_id)),
    )
    return session.scalar(ahead) or 0


def note_attendance(session: Session, gathering_id: int, member_id: int) -> bool:
    """Note that a member with a seat came; tell whether it is news."""
    noted = session.scalars(
        update(GatheringSeat)
        .where(
            GatheringSeat.gathering_id == gathering_id,
            GatheringSeat.member_id == member_id,
            GatheringSeat.state == "going",
        )
        .values(state="attended")
        .returning(GatheringSeat.member_id)
    ).one_or_none()
    return noted is not None


def list_seats(session: Session, gathering_id: int) -> Sequence[tuple[GatheringSeat, Member]]:
    """Return who comes and who waits, in the order in which they asked."""
    rows = session.execute(
        select(GatheringSeat, Member)
        .join(Member, Member.id == GatheringSeat.member_id)
        .where(GatheringSeat.gathering_id == gathering_id, GatheringSeat.state != "left")
        .order_by(GatheringSeat.state, GatheringSeat.asked_at, GatheringSeat.member_id)
    )
    return [(seat, member) for seat, member in rows]


def list_sale_events(session: Session, now: datetime) -> Sequence[SaleEvent]:
    """Return the sales that are not over, the next to open first."""
    return session.scalars(
        select(SaleEvent)
        .where(SaleEvent.ends_at > now)
        .order_by(SaleEvent.public_at, SaleEvent.id)
        .limit(MOST_SHOWN)
    ).all()


def enter_sale(session: Session, sale_id: int, opens_at: datetime, now: datetime) -> SaleEvent:
    """Return the sale, once it is open for this member. Raises NoSuchEvent or SaleNotOpen."""
    sale = session.get(SaleEvent, sale_id)
    if sale is None or sale.ends_at <= now:
        raise NoSuchEvent
    if now < opens_at:
        raise SaleNotOpen(opens_at=opens_at)
    return sale


def find_sale(session: Session, sale_id: int) -> SaleEvent | None:
    """Return the sale with this id, or None."""
    return session.get(SaleEvent, sale_id)


def list_pages(session: Session) -> Sequence[ContentPage]:
    """Return the pages kept for tiers, by code."""
    return session.scalars(select(ContentPage).order_by(ContentPage.code).limit(MOST_SHOWN)).all()


def read_page(session: Session, page_id: int, *, rank: int) -> ContentPage:
    """Return a page, where the member's tier may read it. Raises NoSuchEvent or NotInvited."""
    page = session.get(ContentPage, page_id)
    if page is None:
        raise NoSuchEvent
    _check_invited(session, page.min_tier_id, rank)
    return page


def _check_invited(session: Session, min_tier_id: int, rank: int) -> None:
    needed = session.get_one(Tier, min_tier_id)
    if rank < needed.rank:
        raise NotInvited(needs_tier_id=needed.id)
