"""Birthday cards that staff write by hand: whose, for which birthday, and whether it is written.

A benefit of the kind `birthday_card` says which tiers and plans get one; a shop that has given it
to nobody writes to its highest tier. The nightly job makes the rows, once a member and year.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    UniqueConstraint,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.audit import note
from models.base import Base, BusinessError, Day, Identifier, Moment
from models.benefit import BirthdayCardByHand
from models.local_day import birthdays_kept_on, first_of_month_after, local_day
from models.member import Member
from models.programme import Programme
from models.purchase import Purchase, PurchaseLine
from models.staff import Staff

MONTHS_AHEAD = 1
"""Cards are made for the rest of this month and so many whole months more."""
FAVOURITE_DAYS = 365
MOST_LISTED = 500


class BirthdayCard(Base):
    """One card to write. Its birthday is the day on which it is kept in that year."""

    __tablename__ = "birthday_card"
    __table_args__ = (
        UniqueConstraint("member_id", "year"),
        CheckConstraint("(done_at IS NULL) = (done_by IS NULL)", name="done_by_somebody"),
        CheckConstraint("year = extract(year FROM birthday_on)", name="of_its_year"),
    )

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    year: Mapped[int]
    birthday_on: Mapped[Day] = mapped_column(index=True)
    made_at: Mapped[Moment]
    done_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    done_at: Mapped[datetime | None]


class NoSuchBirthdayCard(BusinessError):
    """No card has this id."""

    code = "no_such_birthday_card"


@dataclass(frozen=True)
class CardToWrite:
    """One card with what its writer likes to know."""

    card: BirthdayCard
    member: Member
    favourite: str | None
    """What they ordered most in the last 365 days, where the tills told items."""


def make_birthday_cards(
    session: Session, programme: Programme, now: datetime, *, after_id: int, limit: int
) -> tuple[int, int, int]:
    """Make the cards of the next members in the order of their ids, each once a member and year.

    Return how many members were looked at, how many cards are new, and the last member's id.
    """
    today = local_day(now)
    days = _days_ahead(today)
    rows = session.execute(
        select(Member.id, Member.birthday_mmdd)
        .where(
            Member.id > after_id,
            Member.birthday_mmdd.in_(list(days)),
            Member.erased_at.is_(None),
            Member.merged_into_id.is_(None),
            _is_entitled(programme, now),
        )
        .order_by(Member.id)
        .limit(limit)
    ).all()
    if not rows:
        return 0, 0, after_id
    cards = [
        {"member_id": member_id, "year": day.year, "birthday_on": day, "made_at": now}
        for member_id, mmdd in rows
        if (day := days.get(mmdd or 0)) is not None
    ]
    made = session.scalars(
        insert(BirthdayCard).values(cards).on_conflict_do_nothing().returning(BirthdayCard.id)
    ).all()
    return len(rows), len(made), rows[-1][0]


def _days_ahead(today: date) -> dict[int, date]:
    """Return each coming birthday as month * 100 + day, with the day on which it is kept."""
    end = first_of_month_after(today, MONTHS_AHEAD + 1)
    days = (today + timedelta(days=ahead) for ahead in range(1, (end - today).days))
    return {mmdd: day for day in days for mmdd in birthdays_kept_on(day)}


def _is_entitled(programme: Programme, now: datetime) -> ColumnElement[bool]:
    today = local_day(now)
    rows = [held.row for held in programme.benefits if isinstance(held.terms, BirthdayCardByHand)]
    if not rows:
        return Member.tier_id == programme.tiers[-1].id
    in_force = [row for row in rows if row.holds_on(today)]
    plans = [row.plan_code for row in in_force if row.plan_code is not None]
    return or_(
        Member.tier_id.in_([row.tier_id for row in in_force if row.tier_id is not None]),
        Member.plan_code.in_(plans) & (Member.plan_until > now),
    )


def list_birthday_cards(session: Session, month: date) -> list[CardToWrite]:
    """Return the cards of the month of `month`, by birthday."""
    first = first_of_month_after(month, 0)
    rows = session.execute(
        select(BirthdayCard, Member)
        .join(Member, Member.id == BirthdayCard.member_id)
        .where(
            BirthdayCard.birthday_on >= first,
            BirthdayCard.birthday_on < first_of_month_after(month, 1),
            Member.erased_at.is_(None),
            Member.merged_into_id.is_(None),
        )
        .order_by(BirthdayCard.birthday_on, BirthdayCard.id)
        .limit(MOST_LISTED)
    ).all()
    favourites = _favourites(session, [member.id for _, member in rows], first)
    return [CardToWrite(card, member, favourites.get(member.id)) for card, member in rows]


def _favourites(session: Session, member_ids: Sequence[int], until: date) -> dict[int, str]:
    """Return by member what they ordered most in the year before `until`."""
    ordered = func.sum(PurchaseLine.quantity - PurchaseLine.refunded_quantity)
    rows = session.execute(
        select(Purchase.member_id, PurchaseLine.name)
        .join(PurchaseLine, PurchaseLine.purchase_id == Purchase.id)
        .where(
            Purchase.member_id.in_(member_ids),
            Purchase.purchased_on >= until - timedelta(days=FAVOURITE_DAYS),
        )
        .group_by(Purchase.member_id, PurchaseLine.name)
        .having(ordered > 0)
        .order_by(Purchase.member_id, ordered.desc(), PurchaseLine.name)
        .ext(distinct_on(Purchase.member_id))
    )
    return dict(rows.all())


def tick_birthday_card(
    session: Session, card_id: int, staff: Staff, *, is_done: bool, now: datetime
) -> BirthdayCard:
    """Note that a card is written, or that it is not after all; ticking twice is once.

    Raises NoSuchBirthdayCard.
    """
    card = session.get(BirthdayCard, card_id, with_for_update=True)
    if card is None:
        raise NoSuchBirthdayCard
    if (card.done_at is not None) == is_done:
        return card
    card.done_at, card.done_by = (now, staff.id) if is_done else (None, None)
    note(
        session,
        "birthday_card.done" if is_done else "birthday_card.reopen",
        f"birthday_card:{card.id}",
        now=now,
        staff_id=staff.id,
        member_id=card.member_id,
        store_id=staff.store_id,
    )
    session.flush()
    return card
