"""Referrals: one level, both sides, after the return window, and all of it undone by a refund."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.activity import ReferralRule, note_rule_change
from models.base import Sessions
from models.coupon import Coupon
from models.local_day import local_day
from models.member import FormerMember, Member, digest_of
from models.outbox import Owed
from models.points import PointsEntry, post_points
from models.programme import get_programme
from models.purchase import Made, Purchase, Undone
from models.referral import (
    CLAIMED,
    CLAWED_BACK,
    CODE_LENGTH,
    QUALIFIED,
    REFUSED,
    REWARDED,
    Claim,
    Referral,
    ReferralMonth,
    ReferralRefused,
    after_purchase,
    after_refund,
    claim_referral,
    claimed_code,
    count_invited,
    count_month,
    find_invitation,
    list_due,
    list_invited,
    list_referrals,
    normal_code,
    referral_code_of,
    settle_referral,
)
from models.referral.claiming import why_not
from tests.conftest import NOON, Committed
from tests.handlers.statements import count_statements
from tests.models.coupon_maker import redeem_coupon
from tests.models.shopping import buy, take_back

MakeMember = Callable[..., Member]
WAIT_DAYS = 7
AFTER_WINDOW = NOON + timedelta(days=WAIT_DAYS)
NEXT_DAY = NOON + timedelta(days=1)


def set_rule(session: Session, **changed: Any) -> ReferralRule:
    """Open the shop's referral programme: 30 points for the one, 20 and a coupon for the other."""
    row: dict[str, Any] = {
        "min_spend_twd": 100,
        "wait_days": WAIT_DAYS,
        "monthly_cap": 5,
        "claim_days": 7,
        "referrer_reward": {"points": 30, "tier_points": 5},
        "friend_reward": {"points": 20, "coupon": "welcome"},
    }
    rule = session.merge(ReferralRule(id=1, **row | changed))
    note_rule_change(session)
    return rule


@pytest.fixture
def make_friend(make_member: MakeMember) -> MakeMember:
    """Return a maker of members who have just joined."""
    return lambda **told: make_member(**{"joined_at": NOON} | told)


def invite(session: Session, referrer: Member, friend: Member, now: datetime = NOON) -> Referral:
    """Let a friend claim the referrer's code."""
    return claim_referral(session, friend, Claim(referral_code_of(session, referrer), now))


def settle_all(session: Session, now: datetime = AFTER_WINDOW) -> list[str | None]:
    """Settle what is due, as the night's job does."""
    due = list_due(session, local_day(now), limit=100)
    return [settle_referral(session, referral_id, now) for referral_id in due]


def rewarded(session: Session, referrer: Member, friend: Member) -> Referral:
    """Bring an invitation to its reward."""
    referral = invite(session, referrer, friend)
    buy(session, friend)
    settle_all(session)
    assert referral.state == REWARDED
    return referral


def points_for(session: Session, member: Member) -> int:
    """Return what a member's ledger got and lost by referrals."""
    entries = session.scalars(select(PointsEntry).where(PointsEntry.member_id == member.id))
    return sum(e.points for e in entries if e.idempotency_key.startswith("referral:"))


# --- the code


def test_a_member_has_one_code_drawn_at_first_use(
    session: Session, make_member: MakeMember
) -> None:
    """B-20: a code to type."""
    member, other = make_member(), make_member()
    assert member.referral_code is None

    code = referral_code_of(session, member)

    assert len(code) == CODE_LENGTH
    assert referral_code_of(session, member) == code == member.referral_code
    assert referral_code_of(session, other) != code


def test_a_code_taken_at_the_same_moment_is_drawn_anew(
    session: Session, make_member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = referral_code_of(session, make_member())
    letters = iter(first + "A" * CODE_LENGTH)
    monkeypatch.setattr("models.referral.claiming.secrets.choice", lambda _: next(letters))

    assert referral_code_of(session, make_member()) == "A" * CODE_LENGTH


def test_a_code_is_read_however_it_is_typed() -> None:
    assert normal_code("abcd-2345") == "ABCD2345"
    assert normal_code(" ＡＢＣＤ　2345 ") == "ABCD2345"
    assert normal_code("ABCD234") is None
    assert normal_code("ABCD2340") is None  # No zero, no O: they are mistaken for each other.
    assert claimed_code("ref:ABCD2345") == "ABCD2345"
    assert claimed_code("store:TP01") is None


# --- who may claim


def test_a_friend_claims_once_and_the_same_again_is_the_same(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    set_rule(session)
    referrer, friend = make_member(), make_friend()

    claimed = invite(session, referrer, friend)

    assert claimed.state == CLAIMED == friend.referral_step
    assert invite(session, referrer, friend) is claimed
    with pytest.raises(ReferralRefused) as refused:
        invite(session, make_member(), friend)
    assert refused.value.facts == {"reason": "already_invited"}


def reason_of(session: Session, referrer: Member, friend: Member, **claim: Any) -> str:
    code = referral_code_of(session, referrer)
    with pytest.raises(ReferralRefused) as refused:
        claim_referral(session, friend, Claim(code, **{"now": NOON} | claim))
    assert find_invitation(session, friend.id) is None
    assert friend.referral_step is None
    return str(refused.value.facts["reason"])


def test_nobody_invites_themselves_or_who_is_known_already(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    """B-20: self, same phone, same LINE account, existing or former member are refused."""
    set_rule(session)
    referrer, member = make_member(), make_friend()
    buyer, late = make_friend(), make_member(joined_at=NOON - timedelta(days=8))
    elder = make_member(joined_at=referrer.joined_at - timedelta(days=1))
    returned = make_friend()
    assert returned.line_user_id is not None
    session.add(FormerMember(digest=digest_of(returned.line_user_id), left_at=NOON))
    buy(session, buyer)

    assert reason_of(session, member, member) == "self"
    assert reason_of(session, referrer, buyer) == "existing_member"
    assert reason_of(session, referrer, elder) == "existing_member"
    assert reason_of(session, referrer, late) == "too_late"
    assert reason_of(session, referrer, returned) == "former_member"


def test_the_last_day_to_claim_is_a_whole_taipei_day(
    session: Session, make_member: MakeMember
) -> None:
    set_rule(session, claim_days=7)
    joined_at = datetime.fromisoformat("2026-11-15T00:10:00+08:00")
    friend = make_member(joined_at=joined_at)
    code = referral_code_of(session, make_member())
    last = datetime.fromisoformat("2026-11-22T23:59:59+08:00")

    with pytest.raises(ReferralRefused):
        claim_referral(session, friend, Claim(code, last + timedelta(seconds=1)))
    assert claim_referral(session, friend, Claim(code, last)).state == CLAIMED


def test_a_phone_shared_by_two_cards_invites_nobody(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    """B-20: live members cannot share a phone; should data ever say so, it is refused."""
    set_rule(session)
    referrer, friend = make_member(), make_friend()
    code = referral_code_of(session, referrer)
    with session.no_autoflush:
        friend.phone = referrer.phone
        rule = session.get_one(ReferralRule, 1)
        assert why_not(session, referrer, friend, rule, NOON) == "same_phone"
        session.expire(friend, ["phone"])
    assert claim_referral(session, friend, Claim(code, NOON)).state == CLAIMED


def test_one_device_is_one_friend(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    """B-20: the same device, where the asker knows it, is refused for anybody's second card."""
    set_rule(session)
    referrer, other = make_member(), make_member()
    code = referral_code_of(session, referrer)
    claim_referral(session, make_friend(), Claim(code, NOON, device="phone-1"))

    assert reason_of(session, referrer, make_friend(), device="phone-1") == "same_device"
    assert reason_of(session, other, make_friend(), device="phone-1") == "same_device"
    assert claim_referral(session, make_friend(), Claim(code, NOON, device="phone-2")).id


def test_a_ring_of_friends_is_refused(session: Session, make_member: MakeMember) -> None:
    set_rule(session, claim_days=90)
    one, two, three = (make_member(joined_at=NOON) for _ in range(3))
    invite(session, one, two)
    invite(session, two, three)

    assert reason_of(session, three, one) == "cycle"


def test_a_card_that_is_frozen_erased_or_unknown_invites_nobody(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    set_rule(session)
    referrer = make_member()
    referral_code_of(session, referrer)
    referrer.frozen_at, referrer.frozen_reason = NOON, "lost"
    session.flush()

    assert reason_of(session, referrer, make_friend()) == "referrer_gone"
    with pytest.raises(ReferralRefused, match="unknown_code"):
        claim_referral(session, make_friend(), Claim("ABCD2345", NOON))
    with pytest.raises(ReferralRefused, match="unknown_code"):
        claim_referral(session, make_friend(), Claim("nonsense", NOON))


def test_without_an_open_programme_no_code_counts(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    assert reason_of(session, make_member(), make_friend()) == "closed"
    set_rule(session, is_open=False)
    assert reason_of(session, make_member(), make_friend()) == "closed"


# --- from the order to the reward


def test_both_are_rewarded_and_told_after_the_return_window(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    """B-20, A-15: both sides get something, without anybody reconciling by hand."""
    set_rule(session)
    referrer, friend = make_member(name="王小明"), make_friend(name="林小晴")
    referral = invite(session, referrer, friend)
    buy(session, friend, 120)
    assert referral.state == QUALIFIED == friend.referral_step
    assert referral.due_on == local_day(AFTER_WINDOW)
    assert settle_all(session, AFTER_WINDOW - timedelta(days=1)) == []

    assert settle_all(session) == [REWARDED]

    assert (points_for(session, referrer), points_for(session, friend)) == (30, 20)
    assert referrer.tier_points == 5
    keys = session.scalars(select(Coupon.issue_key).where(Coupon.member_id == friend.id)).all()
    assert f"referral:{referral.id}:friend:coupon" in keys
    told = {o.member_id: o.words for o in session.scalars(select(Owed)) if "referral" in o.kind}
    assert told[referrer.id]["other"] == "林○晴"
    assert told[friend.id]["role"] == "friend"
    assert settle_all(session) == []
    assert settle_referral(session, referral.id, AFTER_WINDOW) is None


def test_an_order_below_the_least_spend_or_without_money_does_not_count(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    set_rule(session, min_spend_twd=100)
    friend = make_friend()
    referral = invite(session, make_member(), friend)

    buy(session, friend, 99)
    assert referral.state == CLAIMED
    buy(session, friend, 100)
    assert referral.state == QUALIFIED


def test_a_shop_may_pay_on_the_second_order(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    """B-20: paying on the second order is said to bring far less abuse."""
    set_rule(session, on_order=2)
    friend = make_friend()
    referral = invite(session, make_member(), friend)

    buy(session, friend)
    assert referral.state == CLAIMED
    second = buy(session, friend, now=NEXT_DAY)
    assert (referral.state, referral.purchase_id) == (QUALIFIED, second.id)


def test_who_was_not_invited_costs_no_statement(session: Session, make_friend: MakeMember) -> None:
    set_rule(session)
    friend = make_friend()
    purchase = buy(session, friend)
    programme, today = get_programme(session), local_day(NOON)
    tier = programme.tier(friend.tier_id)
    refund = take_back(session, friend, purchase)

    with count_statements(session) as found:
        after_purchase(session, Made(friend, purchase, programme, NOON, today, True, tier))
        after_refund(session, Undone(friend, purchase, refund, 100, 0, programme, NOON, today))

    assert found == []


def test_one_level_only(session: Session, make_member: MakeMember, make_friend: MakeMember) -> None:
    """T13: A invites B, B invites C; what C brings is B's alone, and A gets nothing of it."""
    set_rule(session, claim_days=90)
    a, b = make_member(), make_friend()
    rewarded(session, a, b)
    got_by_b = points_for(session, a)
    c = make_friend(joined_at=NOON + timedelta(days=8))
    invite(session, b, c, NOON + timedelta(days=8))
    buy(session, c, now=NOON + timedelta(days=8))

    settle_all(session, NOON + timedelta(days=30))

    assert points_for(session, a) == got_by_b == 30
    assert points_for(session, b) == 20 + 30
    assert points_for(session, c) == 20
    to_a = [e for e in session.scalars(select(PointsEntry)) if e.member_id == a.id]
    assert len(to_a) == 1


@pytest.mark.parametrize("gone", ["referrer", "friend"])
def test_nobody_is_rewarded_where_a_card_is_gone_by_then(
    session: Session, make_member: MakeMember, make_friend: MakeMember, gone: str
) -> None:
    set_rule(session)
    people = {"referrer": make_member(), "friend": make_friend()}
    referral = invite(session, people["referrer"], people["friend"])
    buy(session, people["friend"])
    people[gone].frozen_at, people[gone].frozen_reason = NOON, "fraud"
    session.flush()

    assert settle_all(session) == [REFUSED]

    assert referral.refused_reason == f"{gone}_gone"
    assert points_for(session, people["referrer"]) == points_for(session, people["friend"]) == 0


def test_a_member_without_line_is_rewarded_silently(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    set_rule(session)
    referrer, friend = make_member(line=False), make_friend()

    rewarded(session, referrer, friend)

    assert points_for(session, referrer) == 30
    assert session.scalars(select(Owed).where(Owed.member_id == referrer.id)).all() == []


# --- the monthly cap


def test_the_cap_counts_by_taipei_month(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    set_rule(session, monthly_cap=1, claim_days=90)
    referrer = make_member()
    late = datetime.fromisoformat("2026-11-30T23:59:00+08:00")
    moments = [late, late, late + timedelta(minutes=2)]
    referrals = []
    for moment in moments:
        friend = make_friend(joined_at=late)
        referrals.append(invite(session, referrer, friend, late))
        buy(session, friend, now=moment)

    assert [r.state for r in referrals] == [QUALIFIED, REFUSED, QUALIFIED]
    assert referrals[1].refused_reason == "monthly_cap"
    assert count_month(session, referrer.id, local_day(late).replace(day=1)) == 1


def test_a_refund_gives_the_place_in_the_month_back(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    set_rule(session, monthly_cap=1)
    referrer, one, two = make_member(), make_friend(), make_friend()
    first, second = invite(session, referrer, one), invite(session, referrer, two)
    purchase = buy(session, one)
    take_back(session, one, purchase)

    buy(session, two)

    assert (first.state, second.state) == (CLAIMED, QUALIFIED)


def test_of_twenty_friends_at_once_the_cap_lets_five_through(committed: Committed) -> None:
    """B-20: the monthly cap is guarded by the database, against friends who pay at once."""
    with committed.sessions.begin() as session:
        set_rule(session, monthly_cap=5)
        referrer = committed.maker.member(session)
        friends = [committed.maker.member(session, joined_at=NOON) for _ in range(20)]
        for friend in friends:
            invite(session, referrer, friend)
        ids, referrer_id = [friend.id for friend in friends], referrer.id

    def pay(friend_id: int) -> None:
        with committed.sessions.begin() as session:
            buy(session, session.get_one(Member, friend_id))

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(pay, ids))
    _settle_twice_at_once(committed.sessions)

    with committed.sessions() as session:
        assert count_invited(session, referrer_id) == {REWARDED: 5, REFUSED: 15}
        assert points_for(session, session.get_one(Member, referrer_id)) == 5 * 30
        month = session.scalars(select(ReferralMonth)).one()
        assert month.friends == 5


def _settle_twice_at_once(sessions: Sessions) -> None:
    def settle(_: int) -> None:
        with sessions() as session:
            due = list_due(session, local_day(AFTER_WINDOW), limit=100)
        for referral_id in due:
            with sessions.begin() as session:
                settle_referral(session, referral_id, AFTER_WINDOW)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(settle, range(2)))


# --- refunds


def test_a_refund_in_the_return_window_leads_back_to_the_claim(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    """B-20, U8: an order taken back earns nothing, and the next one may."""
    set_rule(session)
    referrer, friend = make_member(), make_friend()
    referral = invite(session, referrer, friend)
    purchase = buy(session, friend)
    take_back(session, friend, purchase)
    assert referral.state == CLAIMED == friend.referral_step
    assert settle_all(session) == []

    buy(session, friend, now=NEXT_DAY)

    assert (referral.state, referral.due_on) == (
        QUALIFIED,
        local_day(AFTER_WINDOW + (NEXT_DAY - NOON)),
    )


def test_a_part_taken_back_counts_as_long_as_the_rest_is_enough(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    set_rule(session, min_spend_twd=100)
    friend = make_friend()
    referral = invite(session, make_member(), friend)
    purchase = buy(session, friend, 150)

    take_back(session, friend, purchase, 50)
    assert referral.state == QUALIFIED
    take_back(session, friend, purchase, 1)
    assert referral.state == CLAIMED


def test_another_order_takes_the_place_of_the_one_taken_back(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    set_rule(session)
    friend = make_friend()
    referral = invite(session, make_member(), friend)
    first = buy(session, friend)
    second = buy(session, friend, now=NEXT_DAY)
    take_back(session, friend, first, now=NEXT_DAY)

    assert (referral.state, referral.purchase_id) == (QUALIFIED, second.id)
    assert referral.due_on == local_day(NEXT_DAY) + timedelta(days=WAIT_DAYS)


def test_a_refund_after_the_reward_takes_both_back(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    """X11, U8: one refund reverses both rewards, in the same transaction."""
    set_rule(session)
    referrer, friend = make_member(), make_friend()
    referral = rewarded(session, referrer, friend)

    take_back(session, friend, _purchase_of(session, referral), now=AFTER_WINDOW)

    assert referral.state == CLAWED_BACK == friend.referral_step
    assert not referral.owes_claw_back
    assert points_for(session, referrer) == points_for(session, friend) == 0
    assert (referrer.points, referrer.tier_points) == (0, 0)
    coupon = _coupon_of(session, referral)
    assert coupon.state == "void"
    assert (referral.kept_by_friend, referral.kept_by_referrer) == (None, None)


def test_what_was_spent_of_a_reward_is_noted(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    set_rule(session)
    referrer, friend = make_member(), make_friend()
    referral = rewarded(session, referrer, friend)
    post_points(
        session,
        referrer,
        -25,
        reason="redemption",
        idempotency_key="spent",
        now=AFTER_WINDOW,
    )
    redeem_coupon(session, friend.id, _coupon_of(session, referral).id, 90, AFTER_WINDOW)

    take_back(session, friend, _purchase_of(session, referral), now=AFTER_WINDOW)

    assert referral.kept_by_referrer == "25 points"
    assert referral.kept_by_friend == "coupon"
    assert referrer.points == 0


def test_another_order_keeps_a_reward_that_was_given(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    set_rule(session)
    referrer, friend = make_member(), make_friend()
    referral = rewarded(session, referrer, friend)
    buy(session, friend, now=AFTER_WINDOW)

    take_back(session, friend, _purchase_of(session, referral), now=AFTER_WINDOW)

    assert referral.state == REWARDED
    assert points_for(session, referrer) == 30


def test_a_referrer_at_another_till_is_clawed_back_by_the_job(committed: Committed) -> None:
    """U8: the refund never waits for the referrer's card, so two tills cannot block each other."""
    with committed.sessions.begin() as session:
        set_rule(session, wait_days=0)
        referrer = committed.maker.member(session)
        friend = committed.maker.member(session, joined_at=NOON)
        referral = invite(session, referrer, friend)
        buy(session, friend)
        settle_all(session, NOON)
        ids = referrer.id, friend.id, referral.id
        purchase_id = referral.purchase_id
    with committed.sessions.begin() as busy:
        busy.get_one(Member, ids[0], with_for_update=True)
        with committed.sessions.begin() as session:
            friend = session.get_one(Member, ids[1])
            take_back(session, friend, session.get_one(Purchase, purchase_id))
            waiting = session.get_one(Referral, ids[2])
            assert (waiting.state, waiting.owes_claw_back) == (CLAWED_BACK, True)
    with committed.sessions.begin() as session:
        assert settle_all(session, NOON) == [CLAWED_BACK]
        assert points_for(session, session.get_one(Member, ids[0])) == 0
        assert settle_all(session, NOON) == []


# --- what may be asked


def test_a_member_sees_who_came_masked_and_what_is_pending(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    """B-20: the referrer sees who joined, but not who they are."""
    set_rule(session)
    referrer = make_member()
    one, two = make_friend(name="林小晴"), make_friend(name="Amy")
    invite(session, referrer, one)
    invite(session, referrer, two)
    buy(session, one)

    shown = [(f.name, f.state, f.due_on) for f in list_invited(session, referrer.id)]

    assert shown == [("A○y", CLAIMED, None), ("林○晴", QUALIFIED, local_day(AFTER_WINDOW))]
    assert count_month(session, referrer.id, local_day(NOON).replace(day=1)) == 1
    assert [row[1] for row in list_referrals(session, limit=5)] == [referrer.number] * 2


def test_the_database_keeps_a_friend_from_being_invited_twice(
    session: Session, make_member: MakeMember, make_friend: MakeMember
) -> None:
    set_rule(session)
    friend = make_friend()
    invite(session, make_member(), friend)
    twice = Referral(referrer_id=make_member().id, friend_id=friend.id, claimed_at=NOON)

    session.add(twice)
    with pytest.raises(IntegrityError, match="uq_referral_friend_id"):
        session.flush()


def _purchase_of(session: Session, referral: Referral) -> Purchase:
    return session.get_one(Purchase, referral.purchase_id)


def _coupon_of(session: Session, referral: Referral) -> Coupon:
    key = f"referral:{referral.id}:friend:coupon"
    return session.scalars(
        select(Coupon).where(Coupon.issue_key == key).execution_options(populate_existing=True)
    ).one()
