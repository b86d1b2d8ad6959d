"""Forecasts of a shop: written whole, tested back, refused where there is too little."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from sqlalchemy import BigInteger, cast, func, select, text, update
from sqlalchemy.orm import Session

from models.base import Sessions
from models.browse_event import BrowseEvent
from models.engagement import Engagement
from models.friend import Friend
from models.list_health import list_health
from models.member import Member, get_member
from models.membership import erase_member
from models.prediction import (
    MemberForecast,
    ModelFit,
    NoForecastYet,
    NotEnoughToPredict,
    find_fit,
    find_forecast,
    get_fit,
    list_likeliest,
    list_tier_values,
)
from models.prediction.back_test import compare
from models.prediction.churn import REASONS, reasons_of
from models.prediction.columns import read_columns
from models.prediction.fitting import fit_forecasts
from models.prediction.inputs import read_buyers
from models.prediction.orders import OrderModel, fit_orders
from models.prediction.scoring import top_percents
from models.purchase import Purchase
from models.tier import list_tiers
from tests.conftest import NOON, Committed
from tests.models.prediction_shop import TODAY, add_members, add_sales, make_buyers, moment, sale


def days_ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def count_forecasts(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(MemberForecast)) or 0


def test_a_night_foretells_everybody_who_ever_bought(sessions: Sessions, session: Session) -> None:
    """B-18, A-26: chance, orders, value and next day of each buyer; none of who never bought."""
    ids = make_buyers(session, 600)
    (stranger,) = add_members(session, [days_ago(30)])
    session.commit()
    fit = fit_forecasts(sessions, now=NOON)
    again = fit_forecasts(sessions, now=NOON)
    session.expire_all()
    assert (again.id, again.as_of, again.buyers) == (fit.id, TODAY, 600)
    assert count_forecasts(session) == len(ids)
    assert find_forecast(session, stranger) is None
    told = [find_forecast(session, member_id) for member_id in ids]
    for forecast in told:
        assert forecast is not None
        assert forecast.orders_90 < forecast.orders_365
        assert forecast.likely <= 1 - forecast.risk + 1e-6  # Two weeks are among the 90 days.
        assert forecast.next_on is None or forecast.next_on > TODAY
    likeliest = list_likeliest(session, limit=5)
    assert likeliest[0][1].likely_top == 1
    assert likeliest[0][1].likely == max(one.likely for one in told if one is not None)


def test_the_back_test_says_how_good_it_would_have_been(
    sessions: Sessions, session: Session
) -> None:
    """B-18: hit rate in the top 10% against the average, deciles, orders foretold and come."""
    make_buyers(session, 900)
    test = fit_forecasts(sessions, now=NOON).back_test
    assert test is not None
    assert test["fitted_on"] == days_ago(90).isoformat()
    assert test["lift"] == test["top_percent"] / test["average_percent"] > 2
    assert test["orders_expected"] == pytest.approx(test["orders_actual"], rel=0.15)
    deciles = test["deciles"]
    assert sum(decile["members"] for decile in deciles) == test["members"]
    expected, actual = (
        np.array([decile[name] for decile in deciles])
        for name in ("expected_percent", "actual_percent")
    )
    assert list(expected) == sorted(expected, reverse=True)
    assert np.abs(expected - actual).mean() < 6


def test_what_is_held_out_is_unknown_to_the_fit(sessions: Sessions, session: Session) -> None:
    """B-18: purchases of the held out days change nothing of the fit before them."""
    ids = make_buyers(session, 300)
    cut = days_ago(60)
    model, _ = fit_orders(read_buyers(session, cut, is_past=True).histories())
    add_sales(session, [sale(member_id, days_ago(10)) for member_id in ids])
    again, _ = fit_orders(read_buyers(session, cut, is_past=True).histories())
    assert again == model


def test_today_from_running_figures_and_from_history_are_one(session: Session) -> None:
    """B-18: what feeds the models is the same either way."""
    make_buyers(session, 60)
    now, past = read_buyers(session, TODAY), read_buyers(session, TODAY, is_past=True)
    for name, column in vars(now).items():
        assert np.array_equal(column, vars(past)[name]), name


@pytest.mark.parametrize(
    ("count", "days", "missing"), [(60, 400, "repeaters"), (400, 60, "history_days")]
)
def test_too_little_is_refused_and_nothing_is_pretended(
    sessions: Sessions, session: Session, count: int, days: int, missing: str
) -> None:
    """B-18: under 100 who came back, or under 90 days: what is missing, and no forecast remains."""
    ids = make_buyers(session, count, days=days)
    with pytest.raises(NoForecastYet):
        get_fit(session)
    old = ModelFit(
        as_of=days_ago(1), fitted_at=NOON, seconds=1, buyers=1, repeaters=1, parameters={"r": 1}
    )
    session.add(old)
    session.flush()
    values = dict.fromkeys(("likely", "alive", "risk", "orders_90", "orders_365"), 0.5)
    worth = {"likely_top": 1, "value_90_twd": 1, "value_365_twd": 1}
    session.add(MemberForecast(member_id=ids[0], fit_id=old.id, **values, **worth))
    session.commit()
    fit = fit_forecasts(sessions, now=NOON)
    assert fit.refused is not None
    assert fit.refused[missing] < fit.refused[f"{missing}_needed"]
    assert count_forecasts(session) == 0
    with pytest.raises(NotEnoughToPredict) as refused:
        get_fit(session)
    assert refused.value.facts == fit.refused


def test_an_empty_shop_is_refused(sessions: Sessions, session: Session) -> None:
    """B-18: nobody ever bought: an answer, no division by zero."""
    fit = fit_forecasts(sessions, now=NOON)
    assert fit.refused is not None
    assert (fit.buyers, fit.repeaters) == (0, 0)
    assert find_fit(session) is not None


def test_readers_never_see_half_of_a_night(committed: Committed) -> None:
    """B-18: until all are written the last night's forecasts are there, each and every one."""
    with committed.sessions() as session:
        ids = make_buyers(session, 300)
    fit_forecasts(committed.sessions, now=NOON)
    seen = []
    with committed.sessions() as reader, committed.sessions.begin() as writer:
        writer.execute(text("DELETE FROM member_forecast"))
        seen.append(count_forecasts(reader))
        writer.rollback()
    fit_forecasts(committed.sessions, now=NOON + timedelta(days=1))
    with committed.sessions() as session:
        fits = session.execute(select(MemberForecast.fit_id, func.count()).group_by("fit_id")).all()
        assert [count for _, count in fits] == [len(ids)]
    assert seen == [len(ids)]


def test_who_leaves_takes_the_forecast_along(sessions: Sessions, session: Session) -> None:
    """B-18: erased or merged away, nobody is foretold, tonight or tomorrow."""
    ids = make_buyers(session, 300)
    fit_forecasts(sessions, now=NOON)
    erase_member(session, get_member(session, ids[0]), evidence="test", now=NOON)
    session.execute(update(Member).where(Member.id == ids[1]).values(merged_into_id=ids[2]))
    session.commit()
    assert count_forecasts(session) == 298
    fit_forecasts(sessions, now=NOON + timedelta(days=1))
    assert count_forecasts(session) == 298


def test_everything_taken_back_is_no_purchase(session: Session) -> None:
    """B-18: a member without a standing purchase is no buyer; a net of nothing is no price."""
    one, two = add_members(session, [days_ago(50)] * 2)
    add_sales(session, [sale(one, days_ago(20)), sale(two, days_ago(20)), sale(two, days_ago(5))])
    taken_back = {"refunded_twd": Purchase.paid_twd, "undone_at": NOON}
    session.execute(update(Purchase).where(Purchase.member_id == one).values(taken_back))
    session.execute(
        update(Purchase)
        .where(Purchase.member_id == two)
        .values(refunded_twd=Purchase.paid_twd)
        .execution_options(synchronize_session=False)
    )
    gone = {"purchase_count": 0, "purchase_days": 0, "lifetime_twd": 0}
    session.execute(update(Member).where(Member.id == one).values(gone))
    session.execute(update(Member).where(Member.id == two).values(lifetime_twd=0))
    buyers = read_buyers(session, TODAY)
    assert buyers.ids.tolist() == [two]
    assert buyers.net_twd.tolist() == [0]


def test_looks_in_the_web_shop_are_learnt_from_what_came(session: Session) -> None:
    """E-10: who looks comes more often than the model alone says; so risk sinks for who looks."""
    ids = make_buyers(session, 400)
    cut = days_ago(60)
    came = set(
        session.scalars(
            select(Purchase.member_id).where(Purchase.purchased_on > cut).distinct()
        ).all()
    )
    lookers = [member_id for member_id in ids if member_id in came]
    session.add_all(look(member_id, days_ago(65)) for member_id in lookers)
    session.commit()
    buyers = read_buyers(session, cut, is_past=True)
    test = compare(session, buyers, OrderModel(0.8, 20, 0.7, 2.5), 60)
    assert test.lookers >= 100
    assert test.looked_shift < -1
    assert (
        compare(session, buyers.part(slice(0, 90)), OrderModel(0.8, 20, 0.7, 2.5), 60).looked_shift
        == 0
    )


def look(member_id: int, day: date) -> BrowseEvent:
    return BrowseEvent(
        source="web",
        event_id=f"{member_id}:{day}",
        member_id=member_id,
        kind="view",
        occurred_at=moment(day),
    )


def test_reasons_are_facts_in_three_languages(session: Session) -> None:
    """E-10: own rhythm, last purchase, pages seen, taps, answers: each with its figures."""
    regular, once, awake = add_members(session, [days_ago(300)] * 3)
    add_sales(
        session,
        [sale(regular, days_ago(ago)) for ago in (200, 190, 180, 170, 120)]
        + [sale(once, days_ago(80))]
        + [sale(awake, days_ago(ago)) for ago in (23, 16, 9, 2)],
    )
    session.add_all([look(regular, days_ago(70)), look(awake, days_ago(3))])
    session.add(Engagement(member_id=regular, tapped_at=NOON - timedelta(days=75), unanswered=4))
    name = get_member(session, once).line_user_id
    session.execute(update(Friend).where(Friend.line_user_id == name).values(is_following=False))
    told = reasons_of(session, [regular, once, awake], NOON)
    figures = {reason.code: dict(reason.figures) for reason in told[regular]}
    assert figures == {
        "silent": {"silent_days": 120, "usual_days": 20},
        "slowing": {"gap_days": 50, "usual_days": 20},
        "stopped_looking": {"looks": 1, "look_days": 30},
        "stopped_tapping": {"tap_days": 75},
        "unanswered": {"messages": 4},
    }
    assert [reason.code for reason in told[once]] == ["once", "blocked"]
    assert [reason.code for reason in told[awake]] == ["looked"]
    assert told[regular][0].text("zh-TW") == "120 天沒有來，平常約 20 天來一次"
    assert all({"zh-TW", "en", "ja"} == set(words) for words in REASONS.values())
    assert "20 days" in told[regular][0].text("en")


def test_each_tier_tells_what_it_brought_and_will_bring(
    sessions: Sessions, session: Session
) -> None:
    """A-26: lifetime value, historic and foretold, per member and tier."""
    ids = make_buyers(session, 300)
    gold = list_tiers(session)[2]
    session.execute(update(Member).where(Member.id.in_(ids[:100])).values(tier_id=gold.id))
    session.commit()
    fit_forecasts(sessions, now=NOON)
    worth = {value.tier.code: value for value in list_tier_values(session)}
    held = worth[gold.code]
    historic = session.scalar(select(func.sum(Member.lifetime_twd)).where(Member.id.in_(ids[:100])))
    expected = session.scalar(
        select(func.sum(MemberForecast.value_365_twd)).where(
            MemberForecast.member_id.in_(ids[:100])
        )
    )
    assert (held.members, held.historic_twd, held.expected_twd) == (100, historic, expected)
    assert held.lifetime_value_twd == (held.historic_twd + held.expected_twd) // 100
    assert sum(value.members for value in worth.values()) == 300


def test_the_list_tells_how_alive_it_is(session: Session) -> None:
    """A-26: reachable, active in 30 and 90 days, asleep, blocked, never bought; one statement."""
    ids = add_members(session, [days_ago(200)] * 5)
    fresh, late, asleep, never, tapping = ids
    add_sales(
        session,
        [
            *(sale(fresh, days_ago(ago)) for ago in (29, 60)),
            *(sale(late, days_ago(89)), sale(asleep, days_ago(90)), sale(tapping, days_ago(150))),
        ],
    )
    session.add(Engagement(member_id=tapping, tapped_at=NOON, unanswered=0))
    session.add(Engagement(member_id=never, unanswered=5))
    name = get_member(session, asleep).line_user_id
    session.execute(update(Friend).where(Friend.line_user_id == name).values(is_following=False))
    get_member(session, late).marketing_allowed = False
    session.flush()
    health = list_health(session, NOON)
    assert vars(health) == {
        "members": 5,
        "friends": 4,
        "reachable": 3,
        "blocked": 1,
        "bought_30": 1,
        "active_30": 2,
        "active_90": 3,
        "repeat": 1,
        "asleep": 1,
        "never": 1,
        "unanswering": 1,
    }
    assert health.share_text(health.friends) == "80.0%"


def test_equals_stand_in_the_same_top() -> None:
    """B-18: the top n percent is a number of its own, ties never split."""
    assert top_percents(np.array([0.9, 0.5, 0.5, 0.1])).tolist() == [1, 26, 26, 76]
    assert set(top_percents(np.zeros(7)).tolist()) == {1}
    assert top_percents(np.arange(100)[::-1].astype(float)).tolist() == list(range(1, 101))


def test_columns_come_as_they_are_however_many(session: Session) -> None:
    """B-18: COPY in pieces: numbers below zero, large ones, none at all."""
    value = func.generate_series(-150_000, 150_000).column_valued("value")
    large = (cast(value, BigInteger) * 2**40).label("large")
    read = read_columns(session, select(value, large))
    assert read["value"].tolist() == list(range(-150_000, 150_001))
    assert np.array_equal(read["large"], read["value"] * 2**40)
    none = read_columns(session, select(value).where(value > 2**20))
    assert none["value"].tolist() == []
