"""The tier simulator: the same rules give today's tiers, others tell who moves, and the cost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from models.benefit import Benefit, add_benefit
from models.checkout import Return, Sale, record_purchase, refund_purchase
from models.coupon import CouponTemplate
from models.local_day import local_day
from models.member import Member
from models.programme import get_programme
from models.shop import Store
from models.tier import (
    CALENDAR,
    LIFETIME,
    ROLLING,
    TIER_POINTS,
    TierVersion,
    list_tiers,
    list_versions,
)
from models.tier_evaluation import Draft, NewTier, evaluate_member, grant_tier, raise_version
from models.tier_proposal import (
    NewBenefit,
    NotTheOwner,
    ProposalChanged,
    ProposalClosed,
    Proposed,
    begin_proposal,
    change_proposal,
    drop_proposal,
    get_proposal,
    list_proposals,
    publish_proposal,
)
from models.tier_simulation import simulate
from tests.conftest import NOON, Maker

MakeMember = Callable[..., Member]
TODAY = date(2026, 11, 22)
GOLDEN = {"silver": 5_000, "gold": 15_000, "black": 30_000}
YEAR = timedelta(days=365)


def rules_like_now(session: Session, **told: object) -> Draft:
    """Return a draft of the rules in force, with what is told otherwise."""
    rules = get_programme(session).ladder.on(TODAY)
    words: dict[str, object] = {
        "effective_on": date(2027, 1, 1),
        "basis": rules.basis,
        "thresholds": {tier.code: asked for tier, asked in rules.steps if tier.rank},
        "grace_days": rules.grace_days,
        "note": "試算",
    }
    return Draft(**(words | told))  # type: ignore[arg-type]


def run(session: Session, draft: Draft, *, most: int = 1_000, **told: Any) -> dict[str, Any]:
    session.flush()
    return simulate(session, Proposed(draft, **told), NOON, lambda *_: None, most=most)


def moves(found: dict[str, Any]) -> dict[tuple[str, str], int]:
    return {(move["from"], move["to"]): move["members"] for move in found["moves"]}


def buy(session: Session, member: Member, store: Store, twd: int, days_ago: int) -> None:
    key = f"simulated:{member.id}:{days_ago}:{twd}"
    at = NOON - timedelta(days=days_ago)
    record_purchase(session, Sale(member.id, store, None, twd, key), at)


LIVES = st.lists(
    st.one_of(
        st.tuples(st.just("buy"), st.sampled_from([900, 4_999, 5_000, 9_900, 15_000, 31_000])),
        st.tuples(st.just("refund"), st.just(0)),
        st.tuples(st.just("grant"), st.sampled_from([1, 2, 3])),
        st.tuples(st.just("wait"), st.sampled_from([1, 40, 180, 365, 400])),
    ),
    min_size=1,
    max_size=9,
)


def set_rules(session: Session, basis: str, grace: int) -> None:
    """Have the thresholds count by another basis, from before anybody's first sale."""
    newest = list_versions(session)[-1]
    session.add(
        TierVersion(
            effective_on=newest.effective_on + timedelta(days=1),
            basis=basis,
            parameters=newest.parameters,
            grace_days=grace,
            note="換一種算法",
            created_at=NOON,
            created_by="test",
        )
    )
    raise_version(session)


def lead_life(session: Session, member: Member, store: Store, steps: list[tuple[str, int]]) -> None:
    """Have a member buy, give back, be given tiers and wait, so that the last wait ends at noon."""
    now, bought = NOON - timedelta(days=sum(told for what, told in steps if what == "wait")), []
    for place, (what, told) in enumerate(steps):
        key = f"life:{member.id}:{place}"
        if what == "buy":
            sale = Sale(member.id, store, None, told, key)
            bought.append(record_purchase(session, sale, now).purchase_id)
        elif what == "refund" and bought:
            refund_purchase(session, Return(bought.pop(), store, None, "不合", key), now)
        elif what == "grant":
            give(session, member, told, now)
        elif what == "wait":
            now += timedelta(days=told)
    session.flush()
    evaluate_member(session, member.id, NOON)
    session.flush()


def give(session: Session, member: Member, rank: int, now: datetime) -> None:
    """Give a tier after the nights; prolonging one that is held leaves no move to tell of."""
    evaluate_member(session, member.id, now)
    programme = get_programme(session)
    session.refresh(member, with_for_update=True)
    if programme.tier(member.tier_id).rank == rank:
        return
    until = local_day(now) + timedelta(days=100)
    tier = programme.tiers[rank]
    grant_tier(session, member, tier, until, rule="grant", programme=programme, now=now)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    steps=LIVES,
    basis=st.sampled_from([ROLLING, CALENDAR, LIFETIME]),
    grace=st.sampled_from([0, 30]),
)
def test_identical_rules_reproduce_todays_tiers_exactly(
    session: Session,
    make_member: MakeMember,
    store: Store,
    steps: list[tuple[str, int]],
    basis: str,
    grace: int,
) -> None:
    """X3: sales, refunds, grants and nights of any life; nobody moves under the rules there are."""
    example = session.begin_nested()
    try:
        set_rules(session, basis, grace)
        member = make_member(joined_at=NOON - 10 * YEAR)
        lead_life(session, member, store, steps)
        found = run(session, rules_like_now(session))
        held = get_programme(session).tier(member.tier_id).code
    finally:
        example.rollback()
        session.info["programmes"].clear()
    assert (found["replayed"], found["reproduced"]) == (1, 1), (steps, basis, grace, held)
    assert moves(found) == {(held, held): 1}


@pytest.fixture
def people(session: Session, make_member: MakeMember, store: Store) -> dict[str, Member]:
    """Return three members: one of 6,000, one of 16,000 and one who bought nothing."""
    found = {name: make_member(joined_at=NOON - YEAR) for name in ("six", "sixteen", "none")}
    buy(session, found["six"], store, 6_000, 100)
    buy(session, found["sixteen"], store, 16_000, 50)
    for member in found.values():
        evaluate_member(session, member.id, NOON)
    session.flush()
    return found


def test_other_thresholds_tell_who_would_stand_elsewhere(
    session: Session, people: dict[str, Member]
) -> None:
    """X3: who moves, by name; nobody is moved."""
    stricter = rules_like_now(session, thresholds=GOLDEN | {"silver": 8_000, "gold": 18_000})
    found = run(session, stricter)
    assert moves(found) == {
        ("basic", "basic"): 1,
        ("silver", "basic"): 1,
        ("gold", "silver"): 1,
    }
    fallen = next(move for move in found["moves"] if move["from"] == "silver")
    assert fallen["ids"] == [people["six"].id]
    assert found["notes"] == []
    assert found["draft"]["heads"]["gold"][-1] == 0
    assert found["now"]["heads"]["gold"][-1] == 1
    session.refresh(people["sixteen"])
    assert get_programme(session).tier(people["sixteen"].tier_id).code == "gold"


def test_the_cost_of_other_benefits_is_what_they_would_have_come_to(
    session: Session, people: dict[str, Member], store: Store
) -> None:
    """X3: points, gifts and discounts of two years, worked out by hand."""
    for benefit in session.query(Benefit):
        session.delete(benefit)
    session.add(CouponTemplate(**TEMPLATE))
    session.flush()
    tier = next(tier for tier in list_tiers(session) if tier.code == "gold")
    add_benefit(session, "order_discount", {"percent": 10, "most_twd": 50}, tier_id=tier.id)
    raise_version(session)
    buy(session, people["sixteen"], store, 1_000, 10)
    gift = NewBenefit("gold", "upgrade_gift", {"template": "gold_gift"})
    found = run(session, rules_like_now(session), benefits=(gift,))
    assert found["now"]["costs_twd"]["order_discount"] == 50
    assert (found["now"]["gifts"], found["draft"]["gifts"]) == (0, 1)
    assert found["draft"]["costs_twd"]["upgrade_gift"] == 80
    # 60 and 160 steps on the lowest tier, and 9 of the NT$950 paid at gold's rate of 150%.
    assert found["now"]["points"] == 60 + 160 + 13
    assert found["now"]["costs_twd"]["points"] == found["now"]["points"]


TEMPLATE = {
    "code": "gold_gift",
    "kind": "amount",
    "value": 80,
    "name": {"zh-TW": "升級禮"},
    "headline": {"zh-TW": "折 NT$80"},
    "description": {"zh-TW": "升級時送"},
    "valid_days": 30,
}


def test_a_new_tier_is_simulated_before_it_is_there(
    session: Session, people: dict[str, Member]
) -> None:
    jade = NewTier("jade", {"zh-TW": "翡翠會員"}, "#0A7A5A", points_percent=300)
    draft = rules_like_now(
        session, thresholds=GOLDEN | {"black": 15_500, "jade": 15_900}, new_tiers=(jade,)
    )
    assert moves(run(session, draft))["gold", "jade"] == 1
    assert "jade" not in [tier.code for tier in list_tiers(session)]


def test_what_was_measured_on_other_days_is_not_made_up(
    session: Session, people: dict[str, Member]
) -> None:
    people["none"].tier_points = 6_000
    found = run(session, rules_like_now(session, basis=TIER_POINTS))
    assert found["notes"] == ["measured_draft"]
    assert moves(found)["basic", "silver"] == 1


def test_of_many_members_a_part_is_replayed_and_told_with_an_interval(
    session: Session, people: dict[str, Member]
) -> None:
    found = run(session, rules_like_now(session), most=2)
    assert (found["members"], found["replayed"], found["notes"]) == (3, 2, ["a_part"])
    for move in found["moves"]:
        assert move["low"] <= move["members"] <= move["high"]


def test_falls_are_warned_of_and_told_and_a_rise_rides_its_receipt(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """X3: messages; two for the fall after a year, none for the rise at the till."""
    member = make_member(joined_at=NOON - 3 * YEAR)
    buy(session, member, store, 6_000, 500)
    evaluate_member(session, member.id, NOON)
    found = run(session, rules_like_now(session))
    assert (found["now"]["ups"], found["now"]["downs"], found["now"]["messages"]) == (1, 1, 2)


# --- proposals ---


def test_two_people_who_change_one_proposal_are_told(session: Session) -> None:
    """U17: the second sees whose edition stands, and nothing is lost."""
    ann, ben = (Maker().staff(session, "manager", name=name) for name in ("安", "本"))
    first = Proposed(rules_like_now(session))
    proposal = begin_proposal(session, ann, "明年", first, key="a", now=NOON)
    assert begin_proposal(session, ann, "明年", first, key="a", now=NOON) is proposal
    other = Proposed(rules_like_now(session, grace_days=30))
    change_proposal(session, proposal.id, ben, "明年", other, edition=1, now=NOON)
    change_proposal(session, proposal.id, ben, "明年", other, edition=1, now=NOON)
    with pytest.raises(ProposalChanged) as refused:
        change_proposal(session, proposal.id, ann, "明年", first, edition=1, now=NOON)
    assert (refused.value.facts["name"], refused.value.facts["edition"]) == ("本", 2)
    assert get_proposal(session, proposal.id).proposed == other


def test_the_owner_publishes_rules_with_the_benefits_that_begin_and_end(session: Session) -> None:
    """E-20, U17: in force from the day; published once; nobody else may."""
    owner, manager = (Maker().staff(session, role) for role in ("owner", "manager"))
    jade = NewTier("jade", {"zh-TW": "翡翠會員"}, "#0A7A5A", points_percent=300)
    old = next(held.row.id for held in get_programme(session).benefits)
    proposed = Proposed(
        rules_like_now(session, thresholds=GOLDEN | {"jade": 60_000}, new_tiers=(jade,)),
        benefits=(NewBenefit("jade", "service_queue", {"level": 3}),),
        ended=(old,),
    )
    proposal = begin_proposal(session, manager, "明年", proposed, key="a", now=NOON)
    with pytest.raises(NotTheOwner):
        publish_proposal(session, proposal.id, manager, edition=1, now=NOON)
    version = publish_proposal(session, proposal.id, owner, edition=1, now=NOON)
    assert publish_proposal(session, proposal.id, owner, edition=1, now=NOON) is version
    assert version.effective_on == date(2027, 1, 1)
    session.expire_all()
    made = next(tier for tier in list_tiers(session) if tier.code == "jade")
    begun = next(
        held.row for held in get_programme(session).benefits if held.row.tier_id == made.id
    )
    assert (begun.kind, begun.starts_on) == ("service_queue", date(2027, 1, 1))
    assert session.get_one(Benefit, old).ends_on == date(2027, 1, 1)
    with pytest.raises(ProposalClosed):
        change_proposal(session, proposal.id, owner, "明年", proposed, edition=1, now=NOON)
    assert list_proposals(session) == []


def test_a_dropped_proposal_is_closed(session: Session) -> None:
    owner = Maker().staff(session, "owner")
    proposed = Proposed(rules_like_now(session))
    proposal = begin_proposal(session, owner, "算了", proposed, key="a", now=NOON)
    drop_proposal(session, proposal.id, owner, NOON)
    with pytest.raises(ProposalClosed):
        publish_proposal(session, proposal.id, owner, edition=1, now=NOON)
    assert list_proposals(session, open_only=False) == [proposal]
