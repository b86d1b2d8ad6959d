"""The made-up shop of the articles: asked by SQL, it answers with their five figures."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from models.analysis.design import Wishes, read_design
from models.analysis.frequency import read_frequency
from models.analysis.recency import read_recency
from models.analysis.scope import REPEAT, Scope
from models.analysis.stall import read_stall
from models.demo.article_shop import load_article_shop, make_shadow
from models.lifecycle import figures_as_of, figures_now
from models.local_day import local_day
from models.member import Member
from tests.conftest import NOON

TODAY = local_day(NOON)


@pytest.fixture(scope="module")
def article_shop(shop_engine: Engine) -> Iterator[Session]:
    """Yield a session in which the shop is loaded, for all who only look at it; it is undone."""
    with Session(shop_engine, info={"programmes": {}}) as session:
        load_article_shop(session, NOON)
        yield session
        session.rollback()


def test_one_made_up_shop_gives_all_five_figures(article_shop: Session) -> None:
    """T11, C-04, C-06, C-07: 3,600, 11,350, 31.72%, 48.28% and the 4th month, by SQL alone."""
    stall = read_stall(article_shop, Scope(TODAY), NOON)
    assert stall.marked is not None
    assert (stall.marked.over_twd, stall.marked.up_to_twd) == (1_000, 2_000)
    assert (stall.marked.members, stall.marked.and_above) == (3_600, 11_350)
    assert f"{stall.marked.ratio:.2%}" == "31.72%"
    assert stall.first_over_twd == 2_000
    assert [(each.over_twd, each.is_clear) for each in stall.candidates] == [
        (4_000, True),
        (15_000, True),
    ]
    recency = read_recency(article_shop, Scope(TODAY), NOON)
    assert (recency.rises_in_month, recency.remind_on_day) == (4, 83)
    for horizon_days in (None, 30, 90, 180):  # However recent is too recent.
        frequency = read_frequency(article_shop, Scope(TODAY), NOON, horizon_days)
        assert (frequency.stable_from, f"{frequency.rate:.2%}") == (3, "48.28%")
        assert (frequency.steps[2].judged, frequency.steps[2].too_recent) == (2_668, 150)


def test_its_figures_are_those_of_its_purchases(article_shop: Session) -> None:
    """T11: the running figures it is loaded with equal what its sales and refunds come to."""
    now, then = figures_now(), figures_as_of(TODAY)
    columns = [column.name for column in now.c if column.name != "category"]
    left = select(*(now.c[name] for name in columns))
    right = select(*(then.c[name] for name in columns))
    unequal = left.except_(right).subquery()
    assert article_shop.scalar(select(func.count()).select_from(unequal)) == 0
    windowed = read_stall(article_shop, Scope(TODAY, window_days=36_500), NOON)
    assert windowed == read_stall(article_shop, Scope(TODAY), NOON)


def test_the_designer_draws_its_page_from_them(article_shop: Session) -> None:
    """X4, C-02, C-03: one page: 1,600 and 4,500 from its basket of 1,500, and the curves."""
    found = read_design(article_shop, Scope(TODAY), NOON, Wishes())
    assert found.thresholds is not None
    proposed = found.thresholds
    assert (proposed.basket_twd, proposed.first_twd, proposed.gap_twd) == (1_500, 1_600, 100)
    assert (proposed.orders, proposed.second_twd, proposed.tiers) == (3, 4_500, 3)
    assert found.stall.first_over_twd == 2_000
    assert (found.frequency.stable_from, found.recency.rises_in_month) == (3, 4)
    assert found.budget is None
    assert [note.code for note in found.notes] == ["margin_unknown"]


def test_only_who_came_again_may_be_looked_at(article_shop: Session) -> None:
    """T8: the population is a switch; repeat buyers are fewer; their first step says nothing."""
    everybody = read_stall(article_shop, Scope(TODAY), NOON)
    repeat = read_stall(article_shop, Scope(TODAY, REPEAT), NOON)
    assert (everybody.bands[0].and_above, repeat.bands[0].and_above) == (16_350, 6_560)
    assert read_frequency(article_shop, Scope(TODAY, REPEAT), NOON).steps[0].orders == 2
    months = read_recency(article_shop, Scope(TODAY, REPEAT), NOON).months
    assert months[0].silent < read_recency(article_shop, Scope(TODAY), NOON).months[0].silent


def test_an_earlier_day_is_told_as_it_was(article_shop: Session) -> None:
    """C-04, C-06: time travel; fewer had bought by then, and what was later is not seen."""
    before = Scope(TODAY - timedelta(days=400))
    assert read_stall(article_shop, before, NOON).bands[0].and_above < 16_350
    assert read_frequency(article_shop, before, NOON, 90).steps[2].judged < 2_668


def test_a_shadow_leaves_the_shop_alone(session: Session) -> None:
    """T11: it is loaded beside the real shop and gone with the transaction, never in it."""
    with session.begin_nested() as inner:
        make_shadow(session)
        load_article_shop(session, NOON)
        assert read_stall(session, Scope(TODAY), NOON).first_over_twd == 2_000
        inner.rollback()
    assert session.scalar(select(func.count()).select_from(Member)) == 0
