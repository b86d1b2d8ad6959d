"""Tiers: thresholds to the dollar, up at once, down only when the year is over."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.checkout import Sale, record_purchase
from models.local_day import day_start, local_day
from models.member import Member
from models.nudge import evaluate_member, list_to_evaluate
from models.outbox import Owed
from models.points import PointsEntry, PointsLot, expire_member_points, post_points
from models.programme import get_programme
from models.purchase import Purchase, standing_of
from models.shop import Store, get_shop
from models.stamp_card import count_stamps
from models.tier import (
    Tier,
    TierChange,
    kept_until,
    list_tiers,
    stand,
    tier_for_spend,
    window_start,
)
from tests.conftest import NOON

MakeMember = Callable[..., Member]
TODAY = date(2026, 11, 22)
A_YEAR_ON = date(2027, 11, 22)


def at_night(day: date) -> datetime:
    """When the night's jobs run."""
    return day_start(day) + timedelta(minutes=10)


def tier_code(session: Session, member: Member) -> str:
    return session.get_one(Tier, member.tier_id).code


@pytest.mark.parametrize(
    ("spend_twd", "tier"),
    [
        (0, "basic"),
        (4_999, "basic"),
        (5_000, "silver"),
        (14_999, "silver"),
        (15_000, "gold"),
        (29_999, "gold"),
        (30_000, "black"),
        (1_000_000, "black"),
    ],
)
def test_the_ladder_to_the_dollar(session: Session, spend_twd: int, tier: str) -> None:
    """A-10: 4,999/5,000, 14,999/15,000, 29,999/30,000."""
    assert tier_for_spend(list_tiers(session), spend_twd).code == tier


@pytest.mark.parametrize(
    ("spend_twd", "tier", "gap_twd"),
    [(8_000, "silver", 7_000), (500, "basic", 4_500), (2_000, "basic", 3_000)],
    ids=["小美", "小強", "小婷"],
)
def test_the_articles_people_stand_where_it_says(
    session: Session, make_member: MakeMember, spend_twd: int, tier: str, gap_twd: int
) -> None:
    """A-13: tiers 銀/一般/一般, gaps to the next tier 7,000/4,500/3,000."""
    member = make_member(spend_twd=spend_twd)
    standing = standing_of(session, member, get_programme(session), TODAY)
    assert (standing.tier.code, standing.gap_twd) == (tier, gap_twd)


def test_a_standing_tells_bar_gap_deadline_and_what_is_kept(session: Session) -> None:
    """E-06: bar, gap, deadline, what is kept until when."""
    tiers = list_tiers(session)
    standing = stand(
        tiers,
        tiers[1].id,
        9_999,
        first_counted_on=date(2026, 1, 1),
        kept_until=date(2027, 3, 1),
    )
    assert standing.words("zh-TW") == {
        "tier_name": "銀卡會員",
        "tier_colour": "#8D9AA5",
        "spend_twd": 9_999,
        "next_name": "金卡會員",
        "next_threshold_twd": 15_000,
        "gap_twd": 5_001,
        "percent": 66,
        "deadline": "2026-12-31",
        "keep_until": "2027-02-28",
    }


def test_the_highest_tier_has_no_way_to_go(session: Session) -> None:
    tiers = list_tiers(session)
    words = stand(tiers, tiers[-1].id, 31_000, first_counted_on=TODAY, kept_until=A_YEAR_ON).words(
        "en"
    )
    assert words["tier_name"] == "Black"
    assert (words["next_name"], words["gap_twd"], words["deadline"]) == (None, None, None)
    assert words["percent"] == 100


def test_a_kept_tier_above_the_spend_shows_the_honest_gap(session: Session) -> None:
    tiers = list_tiers(session)
    standing = stand(tiers, tiers[2].id, 0, first_counted_on=None, kept_until=A_YEAR_ON)
    assert (standing.gap_twd, standing.percent, standing.gap_holds_through) == (30_000, 0, None)


def test_a_step_of_the_ladder_tells_what_it_brings(session: Session) -> None:
    """A-11, E-23: the benefits of each tier, in the reader's language."""
    silver = list_tiers(session)[1]
    words = silver.words("ja", at_rank=2)
    assert words["name"] == "シルバー会員"
    assert (words["reached"], words["current"]) == (True, False)
    assert words["benefits"][0].startswith("ポイント 1.2 倍")


def test_a_language_the_shop_has_no_words_in_reads_chinese(session: Session) -> None:
    words = list_tiers(session)[0].words("ko", at_rank=0)
    assert words["name"] == "一般會員"
    assert words["benefits"][1] == "入會禮折價券 NT$30"


def test_the_window_is_365_days_with_today(session: Session) -> None:
    """T7: rolling 365 days."""
    assert window_start(TODAY) == date(2025, 11, 23)
    assert (TODAY - window_start(TODAY)).days + 1 == 365


def test_a_tier_reached_on_29_february_is_kept_for_365_days() -> None:
    assert kept_until(date(2028, 2, 29)) == date(2029, 2, 28)


# --- the night's evaluation ---


def test_a_tier_is_kept_through_its_year_though_the_window_fell_below(
    session: Session, make_member: MakeMember
) -> None:
    """A-12: the year is the grace."""
    member = make_member(tier="gold", tier_kept_until=A_YEAR_ON)
    assert not evaluate_member(session, member.id, at_night(A_YEAR_ON - timedelta(days=1)))
    assert tier_code(session, member) == "gold"


def test_when_the_year_is_over_a_tier_falls_to_what_the_window_gives(
    session: Session, make_member: MakeMember
) -> None:
    """A-12: downgrade fully automatic, with its reason."""
    member = make_member(spend_twd=6_000, spent_on=TODAY, tier="black", tier_kept_until=A_YEAR_ON)
    on = A_YEAR_ON - timedelta(days=1)
    member.tier_kept_until = on
    session.flush()
    assert evaluate_member(session, member.id, at_night(on))
    assert (tier_code(session, member), member.tier_kept_until) == ("silver", kept_until(on))
    change = session.scalars(select(TierChange)).one()
    assert change.reason == {"rule": "rolling_365", "spend_twd": 6_000, "threshold_twd": 5_000}


def test_on_the_lowest_tier_nothing_is_left_to_keep(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member(tier="silver", tier_kept_until=TODAY)
    assert evaluate_member(session, member.id, NOON)
    assert (tier_code(session, member), member.tier_kept_until) == ("basic", None)


def test_when_the_year_is_over_enough_spend_keeps_the_tier_another_year(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member(spend_twd=5_000, tier_kept_until=TODAY)
    assert not evaluate_member(session, member.id, NOON)
    assert (tier_code(session, member), member.tier_kept_until) == ("silver", A_YEAR_ON)
    assert session.scalar(select(func.count()).select_from(TierChange)) == 0


def test_the_night_lifts_where_the_shop_lowered_a_threshold(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member(spend_twd=4_000)
    silver = session.scalars(select(Tier).where(Tier.code == "silver")).one()
    silver.threshold_twd = 4_000
    get_shop(session).programme_version += 1
    session.flush()
    assert evaluate_member(session, member.id, NOON)
    assert tier_code(session, member) == "silver"


def test_evaluating_twice_in_a_night_does_once(session: Session, make_member: MakeMember) -> None:
    member = make_member(tier="silver", tier_kept_until=TODAY)
    assert evaluate_member(session, member.id, NOON)
    assert not evaluate_member(session, member.id, NOON)
    assert session.scalar(select(func.count()).select_from(Owed)) == 1


@pytest.mark.parametrize(
    ("spend_twd", "held", "kind", "now_called"),
    [
        (0, "gold", "tier_down_notice", "一般會員"),
        (16_000, "silver", "tier_up_notice", "金卡會員"),
    ],
)
def test_a_change_in_the_night_is_told_once_and_is_no_marketing(
    session: Session,
    make_member: MakeMember,
    spend_twd: int,
    held: str,
    kind: str,
    now_called: str,
) -> None:
    """A-12: up and down, each told."""
    member = make_member(spend_twd=spend_twd, tier=held, tier_kept_until=TODAY, marketing=False)
    evaluate_member(session, member.id, NOON)
    owed = session.scalars(select(Owed)).one()
    assert (owed.kind, owed.is_marketing) == (kind, False)
    assert owed.words["standing"]["tier_name"] == now_called
    assert owed.words["step"]["current"]
    assert owed.words["previous"] in ("金卡會員", "銀卡會員")


def test_a_change_of_a_member_without_line_is_told_nobody(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member(tier="silver", tier_kept_until=TODAY, line=False)
    assert evaluate_member(session, member.id, NOON)
    assert session.scalar(select(func.count()).select_from(Owed)) == 0


def test_the_night_looks_at_windows_to_move_and_years_that_are_over(
    session: Session, make_member: MakeMember
) -> None:
    tomorrow = TODAY + timedelta(days=1)
    behind, over, fresh = make_member(), make_member(tier="gold"), make_member()
    over.tier_kept_until = tomorrow
    over.spend_on = fresh.spend_on = tomorrow
    session.flush()
    assert list_to_evaluate(session, tomorrow, after_id=0, limit=9) == [behind.id, over.id]
    assert list_to_evaluate(session, tomorrow, after_id=behind.id, limit=9) == [over.id]
    assert list_to_evaluate(session, tomorrow, after_id=0, limit=1) == [behind.id]


def test_the_night_brings_the_window_to_today(session: Session, make_member: MakeMember) -> None:
    member = make_member(spend_twd=4_000, spent_on=TODAY)
    evaluate_member(session, member.id, at_night(A_YEAR_ON))
    assert (member.spend_twd, member.spend_on) == (0, A_YEAR_ON)
    assert list_to_evaluate(session, A_YEAR_ON, after_id=0, limit=9) == []


def test_a_night_played_ahead_of_time_leaves_todays_figures_right(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """`job run evaluate_tiers --at` next year, and then a sale today: nothing is forgotten."""
    today = local_day(NOON)
    member = make_member(spend_twd=600, spent_on=today - timedelta(days=300))
    evaluate_member(session, member.id, NOON + timedelta(days=200))
    session.flush()
    assert member.spend_twd == 0
    programme = get_programme(session)
    assert standing_of(session, member, programme, today).spend_twd == 600
    record_purchase(session, Sale(member.id, store, None, 100, "till:ahead"), NOON)
    assert (member.spend_twd, member.spend_on) == (700, today)


# --- any history ---

THRESHOLDS_TWD = (0, 5_000, 15_000, 30_000)
PERCENTS = (100, 120, 150, 200)


@dataclass
class FromScratch:
    """The rules once more, in the plainest way: every figure anew from the list of all sales."""

    sales: list[tuple[date, int]] = field(default_factory=list)
    lots: list[list[Any]] = field(default_factory=list)
    rank: int = 0
    kept_until: date | None = None

    def window(self, day: date) -> int:
        return sum(paid for sold_on, paid in self.sales if 0 <= (day - sold_on).days < 365)

    def reached(self, day: date) -> int:
        return sum(self.window(day) >= threshold for threshold in THRESHOLDS_TWD) - 1

    def expire(self, day: date) -> None:
        self.lots = [lot for lot in self.lots if lot[0] > day]

    @property
    def points(self) -> int:
        return sum(left for _, left in self.lots)

    def sell(self, day: date, paid_twd: int) -> None:
        points = paid_twd // 100 * PERCENTS[self.rank] // 100
        month = day.year * 12 + day.month + 12
        self.lots.append([date(month // 12, month % 12 + 1, 1), points])
        self.sales.append((day, paid_twd))
        if self.reached(day) > self.rank:
            self.rank, self.kept_until = self.reached(day), day + timedelta(days=365)

    def spend(self, points: int) -> None:
        for lot in sorted(self.lots, key=lambda lot: lot[0]):
            taken = min(points, lot[1])
            lot[1] -= taken
            points -= taken

    def night(self, day: date) -> None:
        self.expire(day)
        if self.kept_until is not None and self.kept_until <= day:
            self.rank = self.reached(day)
            self.kept_until = day + timedelta(days=365) if self.rank else None


HAPPENINGS = st.lists(
    st.tuples(
        st.integers(0, 260),  # Days since the happening before.
        st.sampled_from(["sale", "sale", "sale", "spend", "night"]),
        st.sampled_from([35, 99, 120, 450, 2_600, 5_000, 14_999, 30_000]),
    ),
    max_size=12,
)


@given(happenings=HAPPENINGS)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_history_equals_its_recomputation_from_scratch(
    session: Session,
    make_member: MakeMember,
    store: Store,
    happenings: list[tuple[int, str, int]],
) -> None:
    """X11, X6: sales, spendings, expiries and nights on any days; state = recomputed."""
    savepoint = session.begin_nested()
    member, plain, now = make_member(), FromScratch(), NOON
    for place, (days, what, amount_twd) in enumerate(happenings):
        now += timedelta(days=days, minutes=1)
        day = local_day(now)
        if what == "sale":
            plain.sell(day, amount_twd)
            record_purchase(session, Sale(member.id, store, None, amount_twd, f"any:{place}"), now)
        elif what == "night":
            plain.night(day)
            run_the_night(session, member, now)
        else:
            plain.expire(day)
            spend(session, member, plain.points // 3, f"any:{place}", now)
            plain.spend(plain.points // 3)
        assert_promises_kept(session, member)
    plain.night(local_day(now))
    run_the_night(session, member, now)
    assert_promises_kept(session, member)
    assert figures(session, member) == (
        plain.points,
        plain.window(local_day(now)),
        plain.rank,
        plain.kept_until,
        len(plain.sales),
        plain.sales[-1][0] if plain.sales else None,
        sum(paid >= 50 for _, paid in plain.sales),
    )
    savepoint.rollback()
    session.expire_all()


def run_the_night(session: Session, member: Member, now: datetime) -> None:
    evaluate_member(session, member.id, now)
    expire_member_points(session, member.id, local_day(now), now)
    session.flush()


def spend(session: Session, member: Member, points: int, key: str, now: datetime) -> None:
    if points:
        post_points(session, member, -points, reason="redemption", idempotency_key=key, now=now)


def figures(session: Session, member: Member) -> tuple[object, ...]:
    programme = get_programme(session)
    return (
        member.points,
        member.spend_twd,
        programme.tier(member.tier_id).rank,
        member.tier_kept_until,
        member.purchase_count,
        member.last_purchase_on,
        count_stamps(session, member.id, programme.stamp_programme),
    )


def assert_promises_kept(session: Session, member: Member) -> None:
    """What the models say is true at any moment."""
    session.flush()
    entries = session.scalars(
        select(PointsEntry).where(PointsEntry.member_id == member.id).order_by(PointsEntry.id)
    ).all()
    balances = list(accumulate(entry.points for entry in entries))
    assert [entry.balance_after for entry in entries] == balances
    remaining = session.scalar(
        select(func.sum(PointsLot.remaining)).where(PointsLot.member_id == member.id)
    )
    assert (remaining or 0) == member.points == (balances[-1] if balances else 0)
    in_window = session.scalar(
        select(func.sum(Purchase.paid_twd)).where(
            Purchase.member_id == member.id,
            Purchase.purchased_on.between(window_start(member.spend_on), member.spend_on),
        )
    )
    assert (in_window or 0) == member.spend_twd
