"""Tiers: thresholds to the dollar, up at once, down only when the year is over."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.checkout import Sale, record_purchase
from models.checkout.refunding import Return, refund_purchase
from models.local_day import day_start, local_day
from models.member import Member
from models.outbox import Owed
from models.points import PointsEntry, PointsLot, expire_member_points, post_points
from models.programme import get_programme
from models.purchase import Purchase, standing_of
from models.shop import Store
from models.stamp_card import count_stamps
from models.tier import (
    CALENDAR,
    LIFETIME,
    ROLLING,
    Figures,
    Held,
    Ladder,
    Rules,
    Standing,
    Tier,
    TierChange,
    kept_until,
    list_tiers,
    reason_text,
    replay,
    walk,
    window_start,
)
from models.tier_evaluation import Draft, evaluate_member, publish
from tests.conftest import NOON

MakeMember = Callable[..., Member]
TODAY = date(2026, 11, 22)
A_YEAR_ON = date(2027, 11, 22)


def at_night(day: date) -> datetime:
    """When the night's jobs run."""
    return day_start(day) + timedelta(minutes=10)


def publish_rules(
    session: Session, day: date, *, basis: str = ROLLING, grace_days: int = 0, **thresholds: int
) -> None:
    """Publish rules in force from `day` on."""
    draft = Draft(day, basis, thresholds, note="測試", grace_days=grace_days)
    publish(session, draft, by="owner", confirmed_by_owner=True, now=day_start(day))
    session.expire_all()


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
    ladder = get_programme(session).ladder
    assert ladder.reached(Figures(on=TODAY, spend_twd=spend_twd)).code == tier


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


def standing_at(
    session: Session, rank: int, spend_twd: int, first: date | None, kept_until: date | None
) -> Standing:
    programme = get_programme(session)
    return programme.standing(
        programme.tiers[rank].id,
        Figures(on=TODAY, spend_twd=spend_twd),
        first_counted_on=first,
        kept_until=kept_until,
    )


def test_a_standing_tells_bar_gap_deadline_and_what_is_kept(session: Session) -> None:
    """E-06: bar, gap, deadline, what is kept until when."""
    standing = standing_at(session, 1, 9_999, date(2026, 1, 1), date(2027, 3, 1))
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
    words = standing_at(session, 3, 31_000, TODAY, A_YEAR_ON).words("en")
    assert words["tier_name"] == "Black"
    assert (words["next_name"], words["gap_twd"], words["deadline"]) == (None, None, None)
    assert words["percent"] == 100


def test_a_kept_tier_above_the_spend_shows_the_honest_gap(session: Session) -> None:
    standing = standing_at(session, 2, 0, None, A_YEAR_ON)
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
    assert reason_text(change.reason) == "近 365 天消費 6,000 < 30,000"
    assert change.reason == {
        "rule": "rolling_365",
        "spend_twd": 6_000,
        "threshold_twd": 5_000,
        "missed_twd": 30_000,
        "version": get_programme(session).ladder.on(on).version_id,
    }


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
    """E-20: new rules hold from their day on."""
    member = make_member(spend_twd=4_000)
    publish_rules(session, TODAY + timedelta(days=1), silver=4_000, gold=15_000, black=30_000)
    assert not evaluate_member(session, member.id, NOON)
    assert evaluate_member(session, member.id, NOON + timedelta(days=1))
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


def test_the_night_brings_the_window_to_today(session: Session, make_member: MakeMember) -> None:
    member = make_member(spend_twd=4_000, spent_on=TODAY)
    evaluate_member(session, member.id, at_night(A_YEAR_ON))
    assert (member.spend_twd, member.spend_on) == (0, A_YEAR_ON)


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
MEMBER_DAYS, MEMBER_DAY_PERCENTS = (8, 18, 28), (100, 120, 200, 300)


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
        percents = MEMBER_DAY_PERCENTS if day.day in MEMBER_DAYS else PERCENTS
        points = paid_twd // 100 * percents[self.rank] // 100
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
        """Do the night of `day`, and before it those that nobody did."""
        self.expire(day)
        while self.kept_until is not None and self.kept_until <= day:
            due = self.kept_until
            self.rank = self.reached(due)
            self.kept_until = due + timedelta(days=365) if self.rank else None


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
    with session.begin_nested() as trial:
        member, plain, now = make_member(), FromScratch(), NOON
        for place, (days, what, amount_twd) in enumerate(happenings):
            now += timedelta(days=days, minutes=1)
            day = local_day(now)
            if what == "sale":
                plain.night(day)  # The clock works: no sale comes before its day's night.
                run_the_night(session, member, now)
                plain.sell(day, amount_twd)
                record_purchase(
                    session, Sale(member.id, store, None, amount_twd, f"any:{place}"), now
                )
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
        trial.rollback()
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
        count_stamps(session, member.id, programme.stamp_programmes[0]),
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


# --- the replay ---


def make_rules(
    session: Session, basis: str = ROLLING, *, grace_days: int = 0, rights: date | None = None
) -> Rules:
    """Return the golden thresholds under another basis."""
    rules = get_programme(session).ladder.on(TODAY)
    return replace(rules, basis=basis, grace_days=grace_days, rights_kept_until=rights)


@dataclass
class DayByDay:
    """The rules of one version in the plainest way: every day has its night, then its sales."""

    basis: str
    grace_days: int
    sales: list[tuple[date, int]]
    rank: int = 0
    kept_until: date | None = None
    counted: list[tuple[date, int]] = field(default_factory=list)

    def rank_of(self, twd: int) -> int:
        return sum(twd >= threshold for threshold in THRESHOLDS_TWD) - 1

    def spent(self, day: date, year: int) -> int:
        if self.basis == ROLLING:
            return sum(twd for on, twd in self.counted if (day - on).days < 365)
        if self.basis == CALENDAR:
            return sum(twd for on, twd in self.counted if on.year == year)
        return sum(twd for _, twd in self.counted)

    def keep(self, day: date) -> date | None:
        if self.rank == 0 or self.basis == LIFETIME:
            return None
        return date(day.year + 2, 1, 1) if self.basis == CALENDAR else day + timedelta(days=365)

    def night(self, day: date) -> None:
        if self.kept_until is None or day < self.kept_until:
            return
        now, then = self.rank_of(self.spent(day, day.year)), 0
        if self.basis == CALENDAR:
            then = self.rank_of(self.spent(day, day.year - 1))
        falls = day >= self.kept_until + timedelta(days=self.grace_days)
        if max(now, then) >= self.rank or falls:
            self.rank = max(now, then)
            self.kept_until = self.keep(day)
            if then > now:
                self.kept_until = date(day.year + 1, 1, 1)

    def sell(self, day: date, twd: int) -> None:
        self.counted.append((day, twd))
        reached = self.rank_of(self.spent(day, day.year))
        is_due = self.kept_until is not None and self.kept_until <= day
        again = reached == self.rank > 0 and (is_due or self.basis == CALENDAR)
        if reached > self.rank or again:
            self.rank = reached
            self.kept_until = self.keep(day)

    def run(self, today: date) -> tuple[int, date | None]:
        day = self.sales[0][0] if self.sales else today
        while day <= today:
            self.night(day)
            for on, twd in self.sales:
                if on == day:
                    self.sell(day, twd)
            day += timedelta(days=1)
        return self.rank, self.kept_until


SALES = st.lists(
    st.tuples(
        st.integers(0, 300),
        st.sampled_from([1, 450, 2_600, 4_999, 5_000, 10_000, 14_999, 15_001, 30_000]),
    ),
    max_size=9,
)


def dated(gaps: list[tuple[int, int]], first: date = date(2023, 3, 1)) -> list[tuple[date, int]]:
    """Return sales on days so many apart."""
    days = accumulate((gap for gap, _ in gaps), initial=0)
    return [(first + timedelta(days=day), twd) for day, (_, twd) in zip(days, gaps, strict=False)]


@given(
    gaps=SALES,
    basis=st.sampled_from([ROLLING, CALENDAR, LIFETIME]),
    grace_days=st.sampled_from([0, 1, 30]),
    later=st.integers(0, 1_200),
)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_replay_equals_every_night_and_sale_day_by_day(
    session: Session, gaps: list[tuple[int, int]], basis: str, grace_days: int, later: int
) -> None:
    """T7, A-12, X11: three bases, grace, calendar years; from scratch, whatever came between."""
    sales = dated(gaps)
    today = (sales[-1][0] if sales else TODAY) + timedelta(days=later)
    ladder = Ladder((make_rules(session, basis, grace_days=grace_days),))
    held, _ = replay(ladder, sales, today)
    assert (held.tier.rank, held.kept_until) == DayByDay(basis, grace_days, sales).run(today)


@given(gaps=SALES, basis=st.sampled_from([ROLLING, CALENDAR]), cut=st.integers(0, 2_000))
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_walk_may_stop_and_go_on_anywhere(
    session: Session, gaps: list[tuple[int, int]], basis: str, cut: int
) -> None:
    """A-12: a state kept on a row and brought forward is the state from scratch."""
    sales = dated([(1, 5_000), *gaps])
    today, first = sales[-1][0] + timedelta(days=800), sales[0][0]
    ladder = Ladder((make_rules(session, basis, grace_days=7),))
    stop = min(first + timedelta(days=cut), today)
    before = [sale for sale in sales if sale[0] <= stop]
    half, _ = walk(ladder, before, lowest(ladder), first=first, today=stop)
    whole, _ = walk(ladder, sales, half, first=stop + timedelta(days=1), today=today)
    assert whole == replay(ladder, sales, today)[0]


def lowest(ladder: Ladder) -> Held:
    return Held(ladder.versions[0].tiers[0], None)


def test_a_calendar_tier_holds_for_the_rest_of_this_year_and_the_next(session: Session) -> None:
    """T7: Yotpo's rule."""
    ladder = Ladder((make_rules(session, CALENDAR),))
    sales = [(date(2024, 3, 5), 5_000)]
    assert replay(ladder, sales, date(2025, 12, 31))[0].tier.code == "silver"
    held, steps = replay(ladder, sales, date(2026, 1, 1))
    assert (held.tier.code, steps[-1].on) == ("basic", date(2026, 1, 1))


def test_a_lifetime_tier_never_falls_by_time(session: Session) -> None:
    """T7: lifetime spend, as shops on SHOPLINE may choose."""
    ladder = Ladder((make_rules(session, LIFETIME),))
    sales = [(date(2020, 1, 1), 10_000), (date(2026, 1, 1), 5_000)]
    held, _ = replay(ladder, sales, date(2036, 1, 1))
    assert (held.tier.code, held.kept_until) == ("gold", None)


def test_in_the_days_of_grace_a_tier_stands_and_a_sale_can_keep_it(session: Session) -> None:
    """A-12: grace."""
    ladder = Ladder((make_rules(session, grace_days=30),))
    first, due = date(2025, 1, 10), date(2026, 1, 10)
    sales = [(first, 5_000)]
    assert replay(ladder, sales, due + timedelta(days=29))[0] == Held(
        ladder.versions[0].tiers[1], due
    )
    assert replay(ladder, sales, due + timedelta(days=30))[0].tier.code == "basic"
    saved, steps = replay(
        ladder, [*sales, (due + timedelta(days=29), 5_000)], due + timedelta(days=30)
    )
    assert (saved.tier.code, len(steps)) == ("silver", 1)


def test_nobody_falls_before_the_stated_day(session: Session) -> None:
    """E-20: old members keep rights until the stated date."""
    stated = date(2026, 6, 1)
    old = make_rules(session)
    strict = replace(
        old,
        effective_on=date(2025, 12, 1),
        steps=((old.steps[0]), *((tier, asked * 3) for tier, asked in old.steps[1:])),
        rights_kept_until=stated,
    )
    ladder, sales = Ladder((old, strict)), [(date(2025, 1, 10), 5_000), (date(2025, 8, 1), 5_000)]
    assert replay(ladder, sales, stated - timedelta(days=1))[0].tier.code == "silver"
    assert replay(ladder, sales, stated)[0].tier.code == "basic"


# --- purchases, refunds and nights ---

DEALINGS = st.lists(
    st.tuples(
        st.integers(0, 200),
        st.sampled_from(["sale", "sale", "refund", "part", "night"]),
        st.sampled_from([450, 2_600, 5_000, 14_999, 30_000]),
    ),
    max_size=10,
)


@given(dealings=DEALINGS)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_sales_refunds_and_nights_in_any_order_equal_the_recomputation_from_scratch(
    session: Session,
    make_member: MakeMember,
    store: Store,
    dealings: list[tuple[int, str, int]],
) -> None:
    """X11, E-06: nights may be missed; tier, kept day and net figures are those of net sales."""
    with session.begin_nested() as trial:
        member, now, made = make_member(), NOON, list[int]()
        for place, (days, what, twd) in enumerate(dealings):
            now += timedelta(days=days, minutes=1)
            if what == "sale":
                sale = Sale(member.id, store, None, twd, f"deal:{place}")
                made.append(record_purchase(session, sale, now).purchase.id)
            elif what == "night":
                evaluate_member(session, member.id, now)
            elif made:
                give_back(session, store, made[twd % len(made)], what, place, now)
            session.flush()
        evaluate_member(session, member.id, now)
        session.flush()
        today = local_day(now)
        sales = session.scalars(
            select(Purchase).where(Purchase.member_id == member.id).order_by(Purchase.id)
        ).all()
        net = [(sale.purchased_on, sale.net_twd) for sale in sales if sale.net_twd]
        rank = get_programme(session).tier(member.tier_id).rank
        assert (rank, member.tier_kept_until) == DayByDay(ROLLING, 0, net).run(today)
        assert member.lifetime_twd == sum(twd for _, twd in net)
        assert member.year_twd == sum(twd for day, twd in net if day.year == today.year)
        assert member.spend_twd == sum(twd for day, twd in net if day >= window_start(today))
        trial.rollback()
    session.expire_all()


def give_back(
    session: Session, store: Store, purchase_id: int, what: str, place: int, now: datetime
) -> None:
    amount_twd = 100 if what == "part" else None
    asked = Return(purchase_id, store, None, "測試", f"back:{place}", amount_twd=amount_twd)
    with suppress(BusinessError):  # Nothing may be left of it.
        refund_purchase(session, asked, now)


def test_a_refund_takes_the_tier_back_with_its_reason(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """X11, E-06: correct after refund, at once."""
    member = make_member()
    first = record_purchase(session, Sale(member.id, store, None, 6_000, "till:1"), NOON)
    bought = record_purchase(session, Sale(member.id, store, None, 9_200, "till:2"), NOON)
    assert first.receipt["upgraded_to"]["name"] == "銀卡會員"
    assert tier_code(session, member) == "gold"
    refund_purchase(session, Return(bought.purchase.id, store, None, "退貨", "back:1"), NOON)
    assert tier_code(session, member) == "silver"
    changes = session.scalars(select(TierChange).order_by(TierChange.id)).all()
    assert [reason_text(change.reason) for change in changes] == [
        "近 365 天消費 6,000 ≥ 5,000",
        "近 365 天消費 15,200 ≥ 15,000",
        "退款後近 365 天消費 6,000 < 15,000",
    ]


def test_a_sale_leaves_and_enters_the_window_at_midnight_in_taipei(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """A-10, T7: the window's edges."""
    late = datetime(2026, 11, 22, 15, 59, tzinfo=UTC)  # 23:59 on the 22nd in Taipei.
    member = make_member()
    record_purchase(session, Sale(member.id, store, None, 4_999, "till:1"), late)
    last = datetime(2027, 11, 21, 15, 59, tzinfo=UTC)  # 23:59 on the 365th day.
    kept = standing_of(session, member, get_programme(session), local_day(last))
    gone = standing_of(
        session, member, get_programme(session), local_day(last + timedelta(minutes=1))
    )
    assert (kept.spend_twd, gone.spend_twd) == (4_999, 0)
    lifted = record_purchase(session, Sale(member.id, store, None, 1, "till:2"), last)
    assert lifted.standing.tier.code == "silver"
