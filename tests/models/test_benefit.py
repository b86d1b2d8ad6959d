"""Benefits: kinds with checked terms, kept by the program; gifts, seats, early sales, pages."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.base import Sessions
from models.benefit import (
    Benefit,
    BenefitRefused,
    NoSuchBenefit,
    add_benefit,
    benefits_of,
    birthday_template,
    claim_monthly,
    multipliers,
    opens_at,
    order_discount,
    read_terms,
    service_level,
    ships_free,
)
from models.checkout import Sale, record_purchase
from models.checkout.refunding import Return, refund_purchase
from models.coupon import Coupon
from models.gathering import (
    Gathering,
    NotInvited,
    SaleEvent,
    SaleNotOpen,
    add_gathering,
    ask_for_seat,
    enter_sale,
    leave_seat,
    note_attendance,
    waiting_ahead,
)
from models.member import Member
from models.outbox import Owed
from models.programme import Programme, get_programme
from models.shop import Store
from models.tier import Tier, Upgrade
from models.tier_evaluation import (
    GiftGone,
    NothingToClaim,
    claim_gift,
    funnel,
    list_stuck,
    note_opened,
    raise_version,
    settle_stages,
)
from tests.conftest import NOON, Committed

MakeMember = Callable[..., Member]
TODAY = date(2026, 11, 22)
"""A Sunday."""


@pytest.fixture(autouse=True)
def _bare_tiers(session: Session) -> None:
    """Take away what set-up gives the tiers, so that each test gives what it is about."""
    session.execute(delete(Benefit))
    raise_version(session)


def give(
    session: Session, tier: str | None, kind: str, plan: str | None = None, **parameters: object
) -> Benefit:
    tier_id = step(session, tier).id if tier else None
    stock = parameters.pop("stock", None)
    benefit = add_benefit(session, kind, parameters, tier_id=tier_id, plan_code=plan, stock=stock)  # type: ignore[arg-type]
    raise_version(session)
    return benefit


def step(session: Session, code: str) -> Tier:
    return session.scalars(select(Tier).where(Tier.code == code)).one()


def rules(session: Session) -> Programme:
    return get_programme(session)


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("points_multiplier", {"percent": 100}),
        ("points_multiplier", {"percent": 200, "weekdays": [8]}),
        ("points_multiplier", {"percent": True}),
        ("early_access", {"hours": 0}),
        ("early_access", {"hours": "24"}),
        ("order_discount", {"percent": 100}),
        ("birthday_gift", {}),
        ("birthday_gift", {"template": ""}),
        ("free_shipping", {"times": 1}),
        ("mystery", {}),
    ],
)
def test_terms_that_make_no_sense_are_refused(kind: str, parameters: dict[str, object]) -> None:
    """A-11: each benefit is an object with a type."""
    with pytest.raises(BenefitRefused):
        read_terms(kind, parameters)


def test_a_gift_must_name_a_coupon_there_is(session: Session) -> None:
    with pytest.raises(BenefitRefused):
        add_benefit(session, "upgrade_gift", {"template": "nothing"}, tier_id=1)


def test_member_day_doubles_points_on_its_days_only(session: Session) -> None:
    """A-11: double points on member day, by a date rule."""
    give(session, "gold", "points_multiplier", percent=200, month_days=[22])
    gold, silver = step(session, "gold").id, step(session, "silver").id
    assert multipliers(rules(session), gold, None, TODAY) == (200,)
    assert multipliers(rules(session), gold, None, TODAY + timedelta(days=1)) == ()
    assert multipliers(rules(session), silver, None, TODAY) == ()


def test_tier_and_plan_together_count_the_same_promise_once(session: Session) -> None:
    """A-11: union without double counting."""
    give(session, "gold", "points_multiplier", percent=200)
    give(session, None, "points_multiplier", plan="gold_card", percent=200)
    give(session, None, "order_discount", plan="gold_card", percent=10)
    give(session, "gold", "order_discount", percent=5)
    gold = step(session, "gold").id
    programme = rules(session)
    assert multipliers(programme, gold, "gold_card", TODAY) == (200,)
    assert order_discount(programme, gold, "gold_card", TODAY, 999) == 99
    assert order_discount(programme, gold, None, TODAY, 999) == 49
    assert len(benefits_of(programme, gold, "gold_card")) == 3


def test_what_has_ended_is_left_out(session: Session) -> None:
    gold = step(session, "gold").id
    add_benefit(session, "service_queue", {}, tier_id=gold, ends_on=TODAY)
    raise_version(session)
    assert service_level(rules(session), gold, None, TODAY - timedelta(days=1)) == 1
    assert service_level(rules(session), gold, None, TODAY) == 0


def test_birthday_gifts_and_shipping_go_by_tier(session: Session) -> None:
    """A-11, D-02, E-23."""
    give(session, "silver", "birthday_gift", template="win_back")
    give(session, "silver", "free_shipping", times_a_month=2, from_twd=300)
    silver, basic = step(session, "silver").id, step(session, "basic").id
    programme = rules(session)
    assert birthday_template(programme, silver, None, TODAY) == "win_back"
    assert birthday_template(programme, basic, None, TODAY) == "birthday"
    free = [
        ships_free(programme, silver, None, TODAY, amount_twd=twd, used_this_month=used)
        for twd, used in ((300, 0), (299, 0), (300, 2))
    ]
    assert free == [True, False, False]


def test_a_sale_opens_a_day_earlier_for_silver_and_not_a_second_before(session: Session) -> None:
    """A-11: one-day-early access, enforced."""
    give(session, "silver", "early_access")
    public = datetime(2026, 12, 1, 2, tzinfo=UTC)
    sale = SaleEvent(
        code="new", name={"zh-TW": "新品"}, public_at=public, ends_at=public + timedelta(days=3)
    )
    session.add(sale)
    session.flush()
    own = opens_at(rules(session), sale, step(session, "silver").id)
    assert own == public - timedelta(hours=24)
    assert opens_at(rules(session), sale, step(session, "basic").id) == public
    with pytest.raises(SaleNotOpen):
        enter_sale(session, sale.id, own, own - timedelta(seconds=1))
    assert enter_sale(session, sale.id, own, own) is sale


def test_a_monthly_coupon_comes_once_a_month(session: Session, make_member: MakeMember) -> None:
    """C-11, E-23: exclusive coupons."""
    give(session, "silver", "monthly_coupon", template="win_back")
    member = make_member(tier="silver")

    def claim(now: datetime) -> list[Coupon]:
        return claim_monthly(session, rules(session), member.id, member.tier_id, None, now)

    assert len(claim(NOON)) == 1
    with pytest.raises(NoSuchBenefit):
        claim(NOON + timedelta(days=1))
    assert len(claim(NOON + timedelta(days=10))) == 1


# --- upgrades and their gifts ---


def lifted(
    session: Session, make_member: MakeMember, store: Store, *, twd: int = 5_000
) -> tuple[Member, int]:
    member = make_member()
    sale = Sale(member.id, store, None, twd, f"lift:{member.id}")
    return member, record_purchase(session, sale, NOON).purchase.id


def test_a_gift_is_claimed_with_one_tap_and_once(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """C-12, E-09: at most two taps; once a member, tier and version."""
    give(session, "silver", "upgrade_gift", template="win_back", stock=5)
    member, _ = lifted(session, make_member, store)
    coupon = claim_gift(session, member, rules(session), NOON)
    assert claim_gift(session, member, rules(session), NOON) is coupon
    assert session.scalars(select(Benefit.stock_left)).one() == 4


def test_without_an_upgrade_there_is_nothing_to_claim(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    with pytest.raises(NothingToClaim):
        claim_gift(session, make_member(), rules(session), NOON)
    member, _ = lifted(session, make_member, store)  # The tier has no gift.
    with pytest.raises(NothingToClaim):
        claim_gift(session, member, rules(session), NOON)


def test_the_last_gift_goes_to_one(session: Session, make_member: MakeMember, store: Store) -> None:
    """C-12: stock count."""
    give(session, "silver", "upgrade_gift", template="win_back", stock=1)
    first, _ = lifted(session, make_member, store)
    second, _ = lifted(session, make_member, store)
    claim_gift(session, first, rules(session), NOON)
    with pytest.raises(GiftGone):
        claim_gift(session, second, rules(session), NOON)


def test_a_refund_takes_back_a_gift_not_used(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """X11, C-12: the gift is void and in stock again; reaching the tier again brings it anew."""
    give(session, "silver", "upgrade_gift", template="win_back", stock=1)
    member, purchase_id = lifted(session, make_member, store)
    coupon = claim_gift(session, member, rules(session), NOON)
    refund_purchase(session, Return(purchase_id, store, None, "退貨", "back"), NOON)
    session.refresh(coupon)
    assert coupon.state == "void"
    assert session.scalars(select(Benefit.stock_left)).one() == 1
    record_purchase(session, Sale(member.id, store, None, 5_000, "again"), NOON)
    session.refresh(member)
    assert claim_gift(session, member, rules(session), NOON).id != coupon.id


def test_a_used_gift_is_not_given_twice(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """C-12: a re-upgrade does not pay twice."""
    give(session, "silver", "upgrade_gift", template="win_back")
    member, purchase_id = lifted(session, make_member, store)
    coupon = claim_gift(session, member, rules(session), NOON)
    coupon.state, coupon.redeemed_at = "redeemed", NOON
    session.flush()
    refund_purchase(session, Return(purchase_id, store, None, "退貨", "back"), NOON)
    record_purchase(session, Sale(member.id, store, None, 5_000, "again"), NOON)
    session.refresh(member)
    assert claim_gift(session, member, rules(session), NOON) is coupon


def test_the_funnel_counts_each_stage_and_what_was_lost(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """T10, E-17: qualified → notified → opened → claimed → first benefit used."""
    give(session, "silver", "upgrade_gift", template="win_back")
    people = [lifted(session, make_member, store)[0] for _ in range(4)]
    told = session.scalars(select(Owed).where(Owed.member_id == people[0].id)).one()
    told.state, told.settled_at = "accepted", NOON
    note_opened(session, people[1], NOON)
    claim_gift(session, people[2], rules(session), NOON)
    used = claim_gift(session, people[3], rules(session), NOON)
    used.state, used.redeemed_at = "redeemed", NOON
    session.flush()
    settle_stages(session)
    session.expire_all()
    stages = [(stage.name, stage.reached, stage.lost) for stage in funnel(session)]
    assert stages == [
        ("qualified", 4, 0),
        ("notified", 4, 0),
        ("opened", 3, 1),
        ("claimed", 2, 1),
        ("first_used", 1, 1),
    ]
    assert [member.id for member in list_stuck(session, "opened")] == [people[1].id]
    assert str(session.scalars(select(Upgrade.told_by)).first()).startswith("receipt:")


# --- events with seats ---


def tasting(session: Session, capacity: int = 1, tier: str = "black") -> Gathering:
    return add_gathering(
        session,
        code="tasting",
        name={"zh-TW": "新品品茶會"},
        place={"zh-TW": "信義店"},
        starts_at=NOON + timedelta(days=7),
        capacity=capacity,
        min_tier=step(session, tier),
    )


def test_an_event_is_for_its_tier_and_those_above(
    session: Session, make_member: MakeMember
) -> None:
    """A-11: invitation events."""
    event, member = tasting(session), make_member(tier="gold")
    with pytest.raises(NotInvited):
        ask_for_seat(session, event.id, member, rank=2, now=NOON)
    assert ask_for_seat(session, event.id, member, rank=3, now=NOON).state == "going"


def test_whoever_leaves_lets_the_first_in_line_move_up(
    session: Session, make_member: MakeMember
) -> None:
    """C-13: capacity, RSVP and waiting list."""
    event = tasting(session)
    people = [make_member(tier="black") for _ in range(3)]
    seats = [
        ask_for_seat(session, event.id, member, rank=3, now=NOON + timedelta(minutes=place))
        for place, member in enumerate(people)
    ]
    assert [seat.state for seat in seats] == ["going", "waiting", "waiting"]
    assert waiting_ahead(session, seats[2]) == 1
    assert leave_seat(session, event.id, people[0], now=NOON)
    assert [seat.state for seat in seats] == ["left", "going", "waiting"]
    assert session.scalars(select(Owed.kind)).all() == ["gathering_moved_up"]
    leave_seat(session, event.id, people[2], now=NOON)
    leave_seat(session, event.id, people[1], now=NOON)
    session.refresh(event)
    assert event.seats_left == 1
    assert not leave_seat(session, event.id, people[1], now=NOON)


def test_attendance_is_noted_once_and_for_those_with_a_seat(
    session: Session, make_member: MakeMember
) -> None:
    event, member = tasting(session), make_member(tier="black")
    assert not note_attendance(session, event.id, member.id)
    ask_for_seat(session, event.id, member, rank=3, now=NOON)
    assert note_attendance(session, event.id, member.id)
    assert not note_attendance(session, event.id, member.id)


def test_of_many_who_want_the_last_seat_one_gets_it(committed: Committed) -> None:
    """C-13: the last seat, raced for by real threads."""
    with committed.sessions.begin() as session:
        event_id = tasting(session, capacity=3).id
        ids = [committed.maker.member(session, tier="black").id for _ in range(10)]
    states: list[str] = []
    start = threading.Barrier(len(ids))

    def ask(sessions: Sessions, member_id: int) -> None:
        start.wait()
        with sessions.begin() as session:
            member = session.get_one(Member, member_id)
            states.append(ask_for_seat(session, event_id, member, rank=3, now=NOON).state)

    threads = [threading.Thread(target=ask, args=(committed.sessions, one)) for one in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(states) == ["going"] * 3 + ["waiting"] * 7
    with committed.sessions() as session:
        assert session.get_one(Gathering, event_id).seats_left == 0


def test_pure_questions_ask_no_database() -> None:
    nothing = SimpleNamespace(benefits=())
    assert multipliers(nothing, 1, None, TODAY) == ()
    assert birthday_template(nothing, 1, None, TODAY) == "birthday"
