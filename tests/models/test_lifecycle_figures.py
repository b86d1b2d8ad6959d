"""Figures of today and of any past day: the same columns, the same truth (B-05, X12)."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import FromClause, delete, func, select, update
from sqlalchemy.orm import Session

from models.checkout import Line, Return, Sale, record_purchase, refund_purchase
from models.lifecycle import (
    MODELS,
    PROSPECT,
    class_sql,
    columns_of,
    figures_as_of,
    figures_now,
    figures_on,
    get_settings,
    member_columns,
)
from models.lifecycle.figures import get_figures
from models.lifecycle.refusals import (
    BeforeTheShopOpened,
    DayNotYet,
    NotAMemberThen,
    UnknownCategory,
)
from models.local_day import local_day
from models.member import Member
from models.membership import erase_member
from models.purchase import Purchase
from models.shop import find_store
from tests.conftest import NOON, Maker
from tests.models.shopping import buy, take_back

MakeMember = Callable[..., Member]
TODAY = local_day(NOON)
NUMBERS = (
    "member_id",
    "joined_on",
    "orders",
    "days",
    "first_on",
    "previous_on",
    "last_on",
    "net_twd",
    "promo_orders",
)


def rows_of(session: Session, figures: FromClause) -> list[tuple[Any, ...]]:
    """Return all rows of a relation of figures but the usual category, by member."""
    session.flush()
    named = [figures.c[name] for name in NUMBERS]
    return [tuple(row) for row in session.execute(select(*named).order_by(named[0]))]


def figures_of(session: Session, figures: FromClause, member: Member) -> dict[str, Any]:
    """Return one member's row."""
    session.flush()
    row = session.execute(select(figures).where(figures.c.member_id == member.id)).one()
    return dict(row._mapping)


def counted(session: Session, code: Any, source: FromClause) -> dict[str, int]:
    """Return how many members of a relation are in each class."""
    rows = session.execute(select(code, func.count()).select_from(source).group_by(code))
    return dict(rows.all())


class Life:
    """A shop's weeks: people join, buy and take back by the shop's own verbs, day after day."""

    def __init__(self, session: Session, seed: int) -> None:
        self.session = session
        self.chance = random.Random(seed)
        self.members: list[Member] = []
        self.bought: list[tuple[Member, Purchase]] = []

    def live(self, now: datetime) -> None:
        """Let one day pass at the shop."""
        if self.chance.random() < 0.4:
            self.members.append(Maker(now).member(self.session, joined_at=now))
        for _ in range(self.chance.randrange(4) if self.members else 0):
            member = self.chance.choice(self.members)
            self.bought.append((member, buy(self.session, member, 200, now=now)))
        if self.bought and self.chance.random() < 0.5:
            self.give_back(*self.chance.choice(self.bought), now)

    def give_back(self, member: Member, purchase: Purchase, now: datetime) -> None:
        """Take back all that is left of a purchase, or a part of it."""
        self.session.refresh(purchase)
        left = purchase.net_twd
        if left:
            take_back(
                self.session,
                member,
                purchase,
                None if self.chance.random() < 0.5 else self.chance.randrange(1, left + 1),
                now=now,
            )


@pytest.mark.parametrize("seed", range(4))
def test_a_past_day_is_told_as_it_was_seen_on_that_day(session: Session, seed: int) -> None:
    """B-05: time travel. What today's figures said each evening, those as of that day say later.

    Refunds made later do not count yet, and members who joined later are not there.
    """
    session.execute(delete(Member))
    life = Life(session, seed)
    seen: dict[date, list[tuple[Any, ...]]] = {}
    for later in range(25):
        now = NOON + timedelta(days=later)
        life.live(now)
        seen[local_day(now)] = rows_of(session, figures_now())
    assert len(seen[local_day(now)]) > 3
    for day, rows in seen.items():
        assert rows_of(session, figures_as_of(day)) == rows
        assert rows_of(session, figures_as_of(day, is_usual_asked=False)) == rows


def test_a_refund_counts_from_its_day_on(session: Session, make_member: MakeMember) -> None:
    """B-05: net of refunds; a part leaves the purchase standing, the rest takes it away."""
    member = make_member()
    bought_at = NOON - timedelta(days=9)
    buy(session, member, 300, now=bought_at - timedelta(days=30))
    purchase = buy(session, member, 500, now=bought_at)
    take_back(session, member, purchase, 200, now=NOON - timedelta(days=5))
    take_back(session, member, purchase, 300, now=NOON - timedelta(days=2))

    def told(days_ago: int) -> tuple[int, int, date | None]:
        row = figures_of(session, figures_as_of(TODAY - timedelta(days=days_ago)), member)
        return row["orders"], row["net_twd"], row["last_on"]

    bought_on, earlier = local_day(bought_at), local_day(bought_at) - timedelta(days=30)
    assert told(6) == (2, 800, bought_on)
    assert told(5) == told(3) == (2, 600, bought_on)
    assert told(2) == told(0) == (1, 300, earlier)
    assert told(10) == (1, 300, earlier)
    assert told(40) == (0, 0, None)


def test_a_purchase_counts_on_the_day_of_taipei(session: Session, make_member: MakeMember) -> None:
    """Midnight in Taipei is 16:00 UTC: a minute decides the day, of a sale, refund and joining."""
    midnight = datetime.fromisoformat("2026-11-10T16:00:00+00:00")
    member = make_member(joined_at=midnight - timedelta(minutes=1))
    late = make_member(joined_at=midnight)
    purchase = buy(session, member, 100, now=midnight - timedelta(minutes=1))
    take_back(session, member, purchase, now=midnight)
    before = figures_as_of(date(2026, 11, 10))
    assert figures_of(session, before, member)["orders"] == 1
    assert late.id not in [row[0] for row in rows_of(session, before)]
    after = figures_as_of(date(2026, 11, 11))
    assert figures_of(session, after, member)["orders"] == 0
    assert figures_of(session, after, late)["joined_on"] == date(2026, 11, 11)


def test_who_left_or_became_another_card_is_in_neither(
    session: Session, make_member: MakeMember
) -> None:
    """X12: every class counts the members there are."""
    kept, gone, merged = make_member(), make_member(), make_member()
    erase_member(session, gone, evidence="asked", now=NOON)
    session.execute(update(Member).where(Member.id == merged.id).values(merged_into_id=kept.id))
    for figures in (figures_now(), figures_as_of(TODAY)):
        found = [row[0] for row in rows_of(session, figures)]
        assert kept.id in found
        assert not {gone.id, merged.id} & {*found}


def test_promotions_days_and_the_last_but_one_are_counted(
    session: Session, make_member: MakeMember
) -> None:
    """A-05: orders with a discount; two purchases on one day are two orders on one day."""
    member = make_member()
    for days_ago in (40, 7, 7):
        buy(session, member, 100, now=NOON - timedelta(days=days_ago))
    session.execute(
        update(Purchase)
        .where(Purchase.member_id == member.id, Purchase.purchased_on < TODAY - timedelta(days=9))
        .values(discount_twd=20, paid_twd=80)
    )
    row = figures_of(session, figures_as_of(TODAY), member)
    assert (row["orders"], row["days"], row["promo_orders"]) == (3, 2, 1)
    assert row["previous_on"] == row["last_on"] == TODAY - timedelta(days=7)
    assert row["first_on"] == TODAY - timedelta(days=40)


def test_a_day_that_cannot_be_told_about_is_refused(
    session: Session, make_member: MakeMember
) -> None:
    """Bad input: tomorrow, a day before the shop opened, a member who joined later."""
    session.execute(delete(Member))
    opened = TODAY - timedelta(days=100)
    with pytest.raises(BeforeTheShopOpened) as nobody:
        figures_on(session, opened, NOON)
    assert nobody.value.facts["opened_on"] is None

    make_member(joined_at=NOON - timedelta(days=100))
    late = make_member(joined_at=NOON - timedelta(days=5))
    assert len(rows_of(session, figures_on(session, opened, NOON))) == 1
    with pytest.raises(BeforeTheShopOpened) as before:
        figures_on(session, opened - timedelta(days=1), NOON)
    assert before.value.facts["opened_on"] == opened
    with pytest.raises(DayNotYet):
        figures_on(session, TODAY + timedelta(days=1), NOON)
    with pytest.raises(NotAMemberThen):
        get_figures(session, late.id, TODAY - timedelta(days=6), NOON)


def test_a_member_without_purchases_has_figures_all_the_same(
    session: Session, make_member: MakeMember
) -> None:
    """Bad input: nothing bought is zero and no day, and a prospect (T2)."""
    member = make_member()
    for figures in (figures_now(), figures_as_of(TODAY)):
        row = figures_of(session, figures, member)
        assert (row["orders"], row["days"], row["net_twd"], row["last_on"]) == (0, 0, 0, None)
        codes = [
            session.scalar(
                select(class_sql(model, columns_of(figures), get_settings(session, TODAY), TODAY))
                .select_from(figures)
                .where(figures.c.member_id == member.id)
            )
            for model in MODELS
        ]
        assert codes == [PROSPECT, "new", PROSPECT]


def test_the_classes_of_each_model_count_every_member_once(session: Session) -> None:
    """X12, T2: each model with its prospects is a partition, over members as over any relation."""
    life = Life(session, seed=7)
    for day in range(40):
        life.live(NOON + timedelta(days=day * 5))
    on = TODAY + timedelta(days=39 * 5)
    settings = get_settings(session, on)
    session.flush()
    for model, names in MODELS.items():
        figures = figures_now()
        counts = counted(session, class_sql(model, columns_of(figures), settings, on), figures)
        live = counted(session, class_sql(model, member_columns(), settings, on), Member.__table__)
        assert sum(counts.values()) == len(rows_of(session, figures)) == sum(live.values())
        assert {*counts} <= {each.code for each in names.classes}
        assert counts == live
        assert len(counts) > 2


# --- one category ---


def sell(
    session: Session, member: Member, lines: dict[str, int], *, days_ago: int, key: str
) -> Purchase:
    """Record a sale with a line a category, at its amount."""
    place = find_store(session, "TP01")
    assert place is not None
    basket = tuple(Line(name, amount, category=name) for name, amount in lines.items())
    sale = Sale(member.id, place, None, sum(lines.values()), key, lines=basket)
    return record_purchase(session, sale, NOON - timedelta(days=days_ago)).purchase


def test_one_category_counts_only_purchases_that_have_it(
    session: Session, make_member: MakeMember
) -> None:
    """B-03: NASLD at category level; its share of each purchase, rounded down."""
    member = make_member()
    sell(session, member, {"原茶": 70, "果茶": 30}, days_ago=50, key="a")
    sell(session, member, {"果茶": 40}, days_ago=20, key="b")
    mixed = sell(session, member, {"原茶": 100, "果茶": 100}, days_ago=10, key="c")
    place = find_store(session, "TP01")
    assert place is not None
    back = Return(mixed.id, place, None, "不好喝", "d", lines=((1, 1),))
    refund_purchase(session, back, NOON - timedelta(days=4))

    def told(category: str, days_ago: int) -> tuple[int, int, int | None]:
        on = TODAY - timedelta(days=days_ago)
        row = figures_of(session, figures_as_of(on, category), member)
        age = (TODAY - row["last_on"]).days if row["last_on"] else None
        return row["orders"], row["net_twd"], age

    assert told("原茶", 5) == (2, 170, 10)
    assert told("原茶", 4) == (1, 70, 50)
    assert told("果茶", 4) == (3, 170, 10)
    assert told("果茶", 60) == (0, 0, None)


def test_a_category_nobody_sold_is_refused_with_those_there_are(
    session: Session, make_member: MakeMember
) -> None:
    """Bad input: a misspelt category is no shop full of prospects."""
    sell(session, make_member(), {"原茶": 70}, days_ago=1, key="a")
    figures = figures_on(session, TODAY, NOON, category="原茶")
    assert sum(row[2] for row in rows_of(session, figures)) == 1
    with pytest.raises(UnknownCategory) as unknown:
        figures_on(session, TODAY, NOON, category="原 茶")
    assert unknown.value.facts["found"] == "原 茶"


def test_what_somebody_usually_buys_is_told_as_of_the_day(
    session: Session, make_member: MakeMember
) -> None:
    """B-03: the cycle of a member's usual category needs that category as it was."""
    member = make_member(joined_at=NOON - timedelta(days=500))
    sell(session, member, {"原茶": 70}, days_ago=400, key="a")
    for place, days_ago in enumerate((300, 250, 30)):
        sell(session, member, {"果茶": 40}, days_ago=days_ago, key=f"b{place}")
    for place, days_ago in enumerate((20, 10)):
        sell(session, member, {"奶茶": 40, "周邊": 280}, days_ago=days_ago, key=f"c{place}")
    usual = {
        days_ago: figures_of(session, figures_as_of(TODAY - timedelta(days=days_ago)), member)
        for days_ago in (410, 350, 100, 0)
    }
    assert [row["category"] for row in usual.values()] == [None, "原茶", "果茶", "果茶"]
