"""KPIs of the shop's own (E-14, D-03): saved questions, measured into metrics and daily totals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.browse_event import Look, keep_looks
from models.checkout import Line, Return, Sale, record_purchase, refund_purchase
from models.gathering import Gathering, GatheringSeat
from models.kpi import (
    DayNotOver,
    Kpi,
    KpiRefused,
    NoSuchKpi,
    TooManyKpis,
    days_to_measure,
    end_kpi,
    get_kpi,
    keep_kpi,
    list_kpis,
    list_values,
    measure_kpi,
    parse_query,
)
from models.kpi import keeping as kpi_keeping
from models.local_day import local_day
from models.member import Member
from models.metric import MemberMetric, list_definitions, set_metric
from models.points import post_points
from models.programme import get_programme
from models.purchase import Purchase
from models.referral.table import Referral
from models.review.table import Review
from models.segment import Context, members_of, parse_rule
from tests.conftest import NOON, Maker

MakeMember = Callable[..., Member]
DAY = timedelta(days=1)
TODAY = local_day(NOON)
NAME = {"zh-TW": "指標"}
_numbers = count(1)


def kpi(session: Session, code: str = "mine", **query: Any) -> Kpi:
    return keep_kpi(session, code, NAME, {"schema": 1, **query}, by="店長", now=NOON)


def sell(
    session: Session, member: Member, *lines: Line, at: datetime = NOON, store: str = "TP01"
) -> Purchase:
    total = sum(line.amount_twd for line in lines) or 100
    place = Maker().store(session, store)
    sale = Sale(member.id, place, None, total, f"kpi:{next(_numbers)}", lines=lines)
    return record_purchase(session, sale, at).purchase


def tea(quantity: int = 1, sku: str = "TEA-01", category: str = "茶") -> Line:
    return Line("烏龍", 50 * quantity, quantity=quantity, sku=sku, category=category)


def parts(session: Session, code: str = "mine") -> dict[int, int]:
    rows = session.execute(
        select(MemberMetric.member_id, MemberMetric.value).where(MemberMetric.name == code)
    )
    return dict(rows.all())


def test_sales_of_one_product(session: Session, make_member: MakeMember) -> None:
    """E-14 golden: sales of one product, 7 sold, 2 taken back: 5, by two members, in 30 days."""
    a, b, c = make_member(), make_member(), make_member()
    first = sell(session, a, tea(4), tea(1, sku="TEA-02"))
    sell(session, b, tea(3), at=NOON - 29 * DAY)
    sell(session, c, tea(9), at=NOON - 30 * DAY)
    back = Return(first.id, Maker().store(session), None, "灑了", "kpi:back", lines=((1, 2),))
    refund_purchase(session, back, NOON)
    made = kpi(session, count="quantity", sku="TEA-01", window_days=30)
    value = measure_kpi(session, made, TODAY, NOON)
    assert (value.total, value.members) == (5, 2)
    assert parts(session) == {a.id: 2, b.id: 3}
    amount = kpi(session, "amount", count="amount_twd", sku="TEA-01", window_days=30)
    assert measure_kpi(session, amount, TODAY, NOON).total == 250
    orders = kpi(session, "orders", count="orders", category="茶", window_days=30)
    assert measure_kpi(session, orders, TODAY, NOON).total == 2


def test_number_of_participants(session: Session, make_member: MakeMember) -> None:
    """E-14 golden: 3 places were taken, 2 people came to the event: 2 participants."""
    people = [make_member() for _ in range(3)]
    held = {
        code: Gathering(
            code=code,
            name=NAME,
            place=NAME,
            starts_at=NOON - DAY,
            capacity=9,
            seats_left=6,
            min_tier_id=get_programme(session).tiers[0].id,
        )
        for code in ("tasting", "other")
    }
    session.add_all(held.values())
    session.flush()
    for person, state in zip(people, ("attended", "attended", "going"), strict=True):
        session.add(
            GatheringSeat(
                gathering_id=held["tasting"].id, member_id=person.id, state=state, asked_at=NOON
            )
        )
    session.add(
        GatheringSeat(
            gathering_id=held["other"].id, member_id=people[0].id, state="attended", asked_at=NOON
        )
    )
    session.flush()
    made = kpi(session, count="participants", gathering="tasting", window_days=7)
    value = measure_kpi(session, made, TODAY, NOON)
    assert (value.total, value.members) == (2, 2)
    assert parts(session) == {people[0].id: 1, people[1].id: 1}
    both = kpi(session, "both", count="participants")
    assert measure_kpi(session, both, TODAY, NOON).total == 3


def test_whole_sales_count_net_and_by_store(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    sell(session, member)
    gone = sell(session, member)
    sell(session, member, store="TP02")
    refund_purchase(
        session, Return(gone.id, Maker().store(session), None, "不要了", "kpi:all"), NOON
    )
    amount = kpi(session, "amount", count="amount_twd")
    assert measure_kpi(session, amount, TODAY, NOON).total == 200
    orders = kpi(session, "orders", count="orders", store="TP02")
    assert measure_kpi(session, orders, TODAY, NOON).total == 1


def test_reviews_referrals_looks_points_and_entries(
    session: Session, make_member: MakeMember
) -> None:
    """E-14: any event the shop has."""
    a, b = make_member(points=100), make_member()
    bought = [sell(session, a), sell(session, b)]
    for purchase, stars in zip(bought, (5, 2), strict=True):
        session.add(
            Review(
                purchase_id=purchase.id,
                member_id=purchase.member_id,
                store_id=purchase.store_id,
                stars=stars,
                written_at=NOON,
                changed_at=NOON,
            )
        )
    session.add(
        Referral(
            referrer_id=a.id,
            friend_id=b.id,
            state="qualified",
            claimed_at=NOON,
            qualified_at=NOON,
            purchase_id=bought[1].id,
            due_on=TODAY,
            month_on=TODAY.replace(day=1),
        )
    )
    looks = [Look(f"k{n}", a.number, kind, NOON) for n, kind in enumerate(("view", "cart"))]
    keep_looks(session, "web", looks, NOON)

    post_points(session, a, -30, reason="reward", idempotency_key="kpi:spent", now=NOON)
    set_metric(session, a.id, "lessons", 7, source="test", now=NOON)
    for code, expected, query in (
        ("good", 1, {"count": "reviews", "stars_at_least": 4}),
        ("all_of", 2, {"count": "reviews"}),
        ("friends", 1, {"count": "referrals", "window_days": 1}),
        ("carts", 1, {"count": "browse_events", "kind": "cart"}),
        ("seen", 2, {"count": "browse_events"}),
        ("spent", 30, {"count": "points_redeemed"}),
        ("told", 1, {"count": "metric_entries", "metric": "lessons"}),
        ("sum_of", 7, {"count": "metric_entries", "metric": "lessons", "take": "sum"}),
        ("done", 0, {"count": "missions", "mission": "none"}),
    ):
        made = kpi(session, code, **query)
        assert measure_kpi(session, made, TODAY, NOON).total == expected, code


def test_measured_twice_it_is_the_same_and_who_no_longer_counts_gets_nothing(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    sell(session, member, tea(2), at=NOON - 6 * DAY)
    made = kpi(session, count="quantity", sku="TEA-01", window_days=7)
    for _ in range(2):
        assert measure_kpi(session, made, TODAY, NOON).total == 2
    assert parts(session) == {member.id: 2}
    later = NOON + DAY
    assert measure_kpi(session, made, TODAY + DAY, later).total == 0
    assert parts(session) == {member.id: 0}
    days = [value.day for value in list_values(session, "mine", since=TODAY, limit=9)]
    assert days == [TODAY + DAY, TODAY]


def test_a_sale_that_comes_late_is_in_the_next_nights_total(
    session: Session, make_member: MakeMember
) -> None:
    """Out of order: yesterday is measured once more; members keep what the newest day says."""
    member = make_member()
    made = kpi(session, count="quantity", sku="TEA-01", window_days=1)
    assert days_to_measure(NOON) == [TODAY - 3 * DAY, TODAY - 2 * DAY, TODAY - DAY]
    sell(session, member, tea(1), at=NOON - DAY)
    for day in days_to_measure(NOON):
        measure_kpi(session, made, day, NOON)
    sell(session, member, tea(5), at=NOON - 2 * DAY)
    for day in days_to_measure(NOON):
        measure_kpi(session, made, day, NOON)
    values = list_values(session, "mine", since=date(2026, 1, 1), limit=9)
    assert [value.total for value in values] == [1, 5, 0]
    measure_kpi(session, made, TODAY - 2 * DAY, NOON)
    assert parts(session) == {member.id: 1}


def test_a_day_ends_at_midnight_in_taipei(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    look = [Look("m1", member.number, "view", datetime.fromisoformat("2026-11-22T00:00:00+08:00"))]
    keep_looks(session, "web", look, NOON)
    made = kpi(session, count="browse_events", window_days=1)
    assert measure_kpi(session, made, TODAY - DAY, NOON).total == 0
    assert measure_kpi(session, made, TODAY, NOON).total == 1
    with pytest.raises(DayNotOver):
        measure_kpi(session, made, TODAY + DAY, NOON)


def test_tiers_rules_and_scores_can_go_by_it(session: Session, make_member: MakeMember) -> None:
    """D-03: a metric that tiers can run on; E-14: a rule can ask for it, and says what it means."""
    buyer, other = make_member(), make_member()
    sell(session, buyer, tea(3))
    measure_kpi(session, kpi(session, count="quantity", sku="TEA-01"), TODAY, NOON)
    assert list_definitions(session)["mine"] == "指標（售出數量）"
    for operator, value, expected in (
        ("at_least", 3, {buyer.id}),
        ("is_not", 3, {other.id}),
        ("less_than", 3, set()),
        ("between", [1, 3], {buyer.id}),
    ):
        leaf = {"field": "metric", "is": operator, "value": value, "metric": "mine"}
        for where, ids in (
            (leaf, expected),
            ({"not": leaf}, {buyer.id, other.id} - expected),
        ):
            rule = parse_rule({"schema": 1, "where": where})
            assert set(session.scalars(members_of(rule, Context(session, NOON)))) == ids


def test_another_query_is_another_version(session: Session) -> None:
    first = kpi(session, count="orders")
    assert kpi(session, count="orders") is first
    second = kpi(session, count="orders", window_days=7)
    assert (first.version, second.version) == (1, 2)
    assert get_kpi(session, "mine") is second
    assert [each.version for each in list_kpis(session)] == [2]
    end_kpi(session, "mine", NOON)
    assert list_kpis(session) == []
    for ask in (get_kpi, lambda s, c: end_kpi(s, c, NOON)):
        with pytest.raises(NoSuchKpi):
            ask(session, "mine")
    assert kpi(session, count="orders").version == 3


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ([], "query"),
        (None, "query"),
        ({"count": "orders"}, "query.schema"),
        ({"schema": True, "count": "orders"}, "query.schema"),
        ({"schema": 2, "count": "orders"}, "query.schema"),
        ({"schema": 1}, "query.count"),
        ({"schema": 1, "count": "DROP TABLE member"}, "query.count"),
        ({"schema": 1, "count": ["orders"]}, "query.count"),
        ({"schema": 1, "count": "orders", "skuu": "A"}, "query.skuu"),
        ({"schema": 1, "count": "referrals", "sku": "A"}, "query.sku"),
        ({"schema": 1, "count": "orders", "sku": 7}, "query.sku"),
        ({"schema": 1, "count": "orders", "sku": ""}, "query.sku"),
        ({"schema": 1, "count": "orders", "sku": "a\x00"}, "query.sku"),
        ({"schema": 1, "count": "orders", "sku": "a" * 201}, "query.sku"),
        ({"schema": 1, "count": "orders", "sku": "a", "category": "b"}, "query.category"),
        ({"schema": 1, "count": "browse_events", "kind": "dance"}, "query.kind"),
        ({"schema": 1, "count": "reviews", "stars_at_least": 6}, "query.stars_at_least"),
        ({"schema": 1, "count": "reviews", "stars_at_least": True}, "query.stars_at_least"),
        ({"schema": 1, "count": "orders", "window_days": 0}, "query.window_days"),
        ({"schema": 1, "count": "orders", "window_days": 1.5}, "query.window_days"),
        ({"schema": 1, "count": "orders", "window_days": None}, "query.window_days"),
        ({"schema": 1, "count": "orders", "window_days": 10**9}, "query.window_days"),
    ],
)
def test_a_silly_query_is_refused_with_where(query: object, path: str) -> None:
    """Bad input: each has one clear answer, none a wrong figure."""
    with pytest.raises(KpiRefused) as refused:
        parse_query(query)
    assert refused.value.facts["path"] == path
    assert refused.value.facts["why"]


def test_a_query_comes_back_as_it_was_said() -> None:
    words = {"schema": 1, "count": "orders", "sku": "A", "window_days": 30}
    assert parse_query(words).as_json() == words
    assert parse_query({"schema": 1, "count": "orders"}).as_json() == {
        "schema": 1,
        "count": "orders",
    }


@pytest.mark.parametrize("code", ["", "Größe", "a b", "value_spend", "9lives", "a" * 41])
def test_a_code_that_is_none_or_taken_is_refused(session: Session, code: str) -> None:
    with pytest.raises(KpiRefused, match="code"):
        kpi(session, code, count="orders")


def test_a_metric_that_somebody_tells_is_not_taken_over(
    session: Session, make_member: MakeMember
) -> None:
    set_metric(session, make_member().id, "lessons", 7, source="test", now=NOON)
    with pytest.raises(KpiRefused, match="code"):
        kpi(session, "lessons", count="orders")


@pytest.mark.parametrize("name", [{"en": "x"}, {"zh-TW": "好", "fr": "x"}, {"zh-TW": "\x00"}])
def test_a_name_that_is_none_is_refused(session: Session, name: dict[str, str]) -> None:
    with pytest.raises(KpiRefused, match="name"):
        keep_kpi(session, "mine", name, {"schema": 1, "count": "orders"}, by="x", now=NOON)


def test_a_shop_has_so_many_kpis_at_most(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kpi_keeping, "MOST_KPIS", 1)
    kpi(session, count="orders")
    with pytest.raises(TooManyKpis):
        kpi(session, "another", count="orders")
