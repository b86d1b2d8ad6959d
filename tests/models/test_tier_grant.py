"""A tier by hand: looked at before, given once, and what nights, refunds and an undo make of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.audit import list_audit
from models.demo.tiers import add_tiers
from models.fraud import OwnCard
from models.identity import ReasonMissing
from models.local_day import local_day
from models.member import Member
from models.outbox import Owed
from models.programme import get_programme
from models.staff import Staff
from models.tier import TierChange, Upgrade
from models.tier_evaluation import evaluate_member, explain_member
from models.tier_grant import (
    MOST_KEPT_DAYS,
    UNDO_DAYS,
    GrantOver,
    GrantRefused,
    find_undoable_grant,
    foresee_grant,
    give_tier,
    undo_grant,
)
from tests.conftest import NOON
from tests.models.shopping import buy, take_back

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
TODAY = local_day(NOON)
IN_90_DAYS = TODAY + timedelta(days=90)


@pytest.fixture
def manager(make_staff: MakeStaff) -> Staff:
    return make_staff("manager")


def give(session: Session, member: Member, code: str, staff: Staff, **told: Any) -> TierChange:
    words: dict[str, Any] = {
        "staff": staff,
        "reason": "補償等待",
        "idempotency_key": "page:1",
        "now": NOON,
    }
    until = told.pop("until", IN_90_DAYS)
    return give_tier(session, member, code, until, **(words | told))


def held(session: Session, member: Member) -> str:
    return get_programme(session).tier(member.tier_id).code


def test_what_comes_and_goes_is_seen_before(session: Session, make_member: MakeMember) -> None:
    add_tiers(session, NOON)
    session.expire_all()
    member = make_member()
    foreseen = foresee_grant(session, member, "gold", None, NOON)
    assert (foreseen.before.code, foreseen.tier.code, foreseen.earned.code) == (
        "basic",
        "gold",
        "basic",
    )
    assert foreseen.kept_until == TODAY + timedelta(days=365)
    assert "upgrade_gift" in {each.row.kind for each in foreseen.gained}
    assert not foreseen.lost
    assert held(session, member) == "basic"


@pytest.mark.parametrize(
    ("code", "days", "why"),
    [
        ("jade", 90, "unknown"),
        ("gold", 0, "until"),
        ("gold", MOST_KEPT_DAYS + 1, "until"),
        ("basic", 90, "earned"),
    ],
)
def test_what_cannot_be_is_refused(
    session: Session, make_member: MakeMember, manager: Staff, code: str, days: int, why: str
) -> None:
    member = make_member(spend_twd=6_000)
    with pytest.raises(GrantRefused) as refused:
        give(session, member, code, manager, until=TODAY + timedelta(days=days))
    assert refused.value.facts["why"] == why


def test_a_page_sent_twice_gives_once_and_a_stale_one_nothing(
    session: Session, make_member: MakeMember, manager: Staff
) -> None:
    member = make_member()
    given = give(session, member, "gold", manager, was="basic", tells=True)
    assert give(session, member, "gold", manager, was="basic", tells=True) is given
    for key, code, why in (("page:2", "black", "moved"), ("page:3", "gold", "same")):
        with pytest.raises(GrantRefused) as refused:
            give(
                session,
                member,
                code,
                manager,
                idempotency_key=key,
                was="basic" if why == "moved" else "gold",
            )
        assert refused.value.facts["why"] == why
    told = session.scalars(select(Owed.kind).where(Owed.member_id == member.id)).all()
    assert told.count("tier_up_notice") == 1
    assert explain_member(session, member, NOON).because == "grant"
    assert list_audit(session, limit=1)[0].reason == "補償等待"


def test_nobody_grades_their_own_card_or_without_a_reason(
    session: Session, make_member: MakeMember, manager: Staff
) -> None:
    member = make_member()
    with pytest.raises(ReasonMissing):
        give(session, member, "gold", manager, reason=" ")
    manager.member_id = member.id
    with pytest.raises(OwnCard):
        give(session, member, "gold", manager)


def test_the_night_ends_it_on_its_day_or_keeps_what_is_earned_by_then(
    session: Session, make_member: MakeMember, manager: Staff
) -> None:
    idle, busy = make_member(), make_member()
    for number, member in enumerate((idle, busy)):
        give(session, member, "silver", manager, idempotency_key=f"page:{number}")
    buy(session, busy, 5_000, now=NOON)
    over = NOON + timedelta(days=90)
    evaluate_member(session, idle.id, over - timedelta(days=1))
    assert held(session, idle) == "silver"
    for member in (idle, busy):
        evaluate_member(session, member.id, over)
    assert held(session, idle) == "basic"
    assert held(session, busy) == "silver"
    assert busy.tier_kept_until == local_day(over) + timedelta(days=365)


def test_a_longer_time_alone_survives_a_refund(
    session: Session, make_member: MakeMember, manager: Staff
) -> None:
    member = make_member()
    sale = buy(session, member, 5_000, now=NOON)
    assert held(session, member) == "silver"
    until = TODAY + timedelta(days=700)
    change = give(session, member, "silver", manager, until=until)
    assert change.from_tier_id == change.to_tier_id
    take_back(session, member, sale)
    assert (held(session, member), member.tier_kept_until) == ("silver", until)


def test_taken_back_it_never_was(session: Session, make_member: MakeMember, manager: Staff) -> None:
    add_tiers(session, NOON)
    session.expire_all()
    member = make_member()
    sale = buy(session, member, 5_000, now=NOON)
    kept = member.tier_kept_until
    given = give(session, member, "gold", manager)
    assert find_undoable_grant(session, member, NOON) is given
    undo_grant(session, member, given.id, staff=manager, now=NOON)
    assert (held(session, member), member.tier_kept_until) == ("silver", kept)
    upgrades = session.scalars(select(Upgrade).where(Upgrade.member_id == member.id)).all()
    gold = get_programme(session).tiers[2]
    assert {one.tier_id for one in upgrades if one.voided_at is not None} == {gold.id}
    with pytest.raises(GrantOver):
        undo_grant(session, member, given.id, staff=manager, now=NOON)
    take_back(session, member, sale)
    assert held(session, member) == "basic"


def test_after_a_month_it_stands(session: Session, make_member: MakeMember, manager: Staff) -> None:
    member = make_member()
    given = give(session, member, "gold", manager)
    late = NOON + timedelta(days=UNDO_DAYS)
    with pytest.raises(GrantOver):
        undo_grant(session, member, given.id, staff=manager, now=late)
