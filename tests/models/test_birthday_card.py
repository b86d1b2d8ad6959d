"""Birthday cards by hand: whose, for which day, once a year, and ticked off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.audit import list_audit
from models.benefit import Benefit, add_benefit
from models.birthday_card import (
    BirthdayCard,
    NoSuchBirthdayCard,
    list_birthday_cards,
    make_birthday_cards,
    tick_birthday_card,
)
from models.checkout import Line, Sale, record_purchase
from models.member import Member
from models.membership import erase_member
from models.programme import get_programme
from models.shop import Store
from models.staff import Staff
from models.tier_evaluation import raise_version
from tests.conftest import NOON

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
DECEMBER = date(2026, 12, 1)


def make_all(session: Session, now: datetime = NOON, limit: int = 100) -> int:
    """Do a whole night; return how many cards are new."""
    made, after_id = 0, 0
    while True:
        programme = get_programme(session)
        seen, new, after_id = make_birthday_cards(
            session, programme, now, after_id=after_id, limit=limit
        )
        made += new
        if not seen:
            return made


def listed(session: Session, month: date = DECEMBER) -> list[tuple[int, date]]:
    return [(one.member.id, one.card.birthday_on) for one in list_birthday_cards(session, month)]


def test_next_months_birthdays_of_the_top_tier_are_listed_once(
    session: Session, make_member: MakeMember
) -> None:
    """C-13: a task list of next month's VVIP birthdays, made night after night."""
    late, early = (make_member(tier="black", birthday=date(1980, 12, day)) for day in (30, 2))
    make_member(tier="gold", birthday=date(1980, 12, 5))
    make_member(tier="black", birthday=date(1980, 1, 5))
    make_member(tier="black", birthday=None)
    assert make_all(session, limit=1) == 2
    assert make_all(session) == 0
    assert make_all(session, NOON + timedelta(days=1)) == 0
    assert listed(session) == [(early.id, date(2026, 12, 2)), (late.id, date(2026, 12, 30))]


def test_who_rises_in_their_own_month_still_gets_a_card(
    session: Session, make_member: MakeMember
) -> None:
    """C-13: the rest of this month counts, today and what is past do not."""
    member = make_member(tier="black", birthday=date(1980, 11, 25))
    for day in (21, 22):
        make_member(tier="black", birthday=date(1980, 11, day))
    assert make_all(session) == 1
    assert listed(session, date(2026, 11, 30)) == [(member.id, date(2026, 11, 25))]


@pytest.mark.parametrize(("year", "kept"), [(2027, 28), (2028, 29)])
def test_29_february_is_kept_in_february(
    session: Session, make_member: MakeMember, year: int, kept: int
) -> None:
    """C-13, T7: as the birthday gift does."""
    member = make_member(tier="black", birthday=date(1992, 2, 29))
    make_all(session, datetime(year, 1, 10, 4, tzinfo=UTC))
    assert listed(session, date(year, 2, 1)) == [(member.id, date(year, 2, kept))]


def test_the_turn_of_the_year_belongs_to_the_birthdays_year(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member(tier="black", birthday=date(1980, 1, 9))
    make_all(session, datetime(2026, 12, 3, 4, tzinfo=UTC))
    card = session.scalars(select(BirthdayCard)).one()
    assert (card.member_id, card.year, card.birthday_on) == (member.id, 2027, date(2027, 1, 9))
    assert make_all(session, datetime(2027, 12, 3, 4, tzinfo=UTC)) == 1


def test_without_a_benefit_it_is_the_highest_tier_and_with_one_who_has_it(
    session: Session, make_member: MakeMember
) -> None:
    """A-11, C-13: customised care is a row that the shop may give to others."""
    session.execute(delete(Benefit).where(Benefit.kind == "birthday_card"))
    raise_version(session)
    black = make_member(tier="black", birthday=date(1980, 12, 5))
    gold = make_member(tier="gold", birthday=date(1980, 12, 6))
    make_all(session)
    assert [member_id for member_id, _ in listed(session)] == [black.id]
    session.execute(delete(BirthdayCard))
    add_benefit(session, "birthday_card", {}, tier_id=gold.tier_id)
    raise_version(session)
    make_all(session)
    assert [member_id for member_id, _ in listed(session)] == [gold.id]


def test_the_list_tells_the_favourite(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """C-13: what they order most, taken back cups left aside."""
    member = make_member(tier="black", birthday=date(1980, 12, 5))
    lines = (Line("珍珠奶茶", 65, quantity=1), Line("四季春", 90, quantity=3))
    record_purchase(session, Sale(member.id, store, None, 155, "fav", lines=lines), NOON)
    make_all(session)
    assert list_birthday_cards(session, DECEMBER)[0].favourite == "四季春"


def test_a_card_is_ticked_off_once_and_can_be_reopened(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """C-13: ticked off, in somebody's name."""
    make_member(tier="black", birthday=date(1980, 12, 5))
    make_all(session)
    staff = make_staff("manager")
    card = session.scalars(select(BirthdayCard)).one()
    for _ in range(2):
        tick_birthday_card(session, card.id, staff, is_done=True, now=NOON)
    assert (card.done_by, card.done_at) == (staff.id, NOON)
    tick_birthday_card(session, card.id, staff, is_done=False, now=NOON)
    assert card.done_at is None
    told = [entry.what for entry in list_audit(session, subject=f"birthday_card:{card.id}")]
    assert told == ["birthday_card.reopen", "birthday_card.done"]
    with pytest.raises(NoSuchBirthdayCard):
        tick_birthday_card(session, 2**62, staff, is_done=True, now=NOON)


def test_nobody_writes_to_who_has_left(session: Session, make_member: MakeMember) -> None:
    """X14: erasing takes the open card along."""
    member = make_member(tier="black", birthday=date(1980, 12, 5))
    make_all(session)
    erase_member(session, member, evidence="test", now=NOON)
    assert session.scalars(select(BirthdayCard)).all() == []
    assert make_all(session) == 0
