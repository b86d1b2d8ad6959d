"""New rules for tiers, explanations, metrics: looked at before, told with their reasons."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.analysis import budget_of_draft
from models.benefit import benefits_of
from models.checkout import Sale, record_purchase
from models.demo.tiers import add_tiers
from models.gathering import Gathering
from models.local_day import day_start
from models.member import Member
from models.metric import (
    MetricRefused,
    define_metric,
    list_definitions,
    list_history,
    list_metrics,
    measure_value_factors,
    set_metric,
)
from models.programme import get_programme
from models.shop import Store
from models.tier import LIFETIME, METRIC, ROLLING, SCORE, Factor, TierChange, list_tiers
from models.tier_evaluation import (
    Draft,
    Hit,
    NewTier,
    OwnerMustConfirm,
    TierRulesRefused,
    explain_lines,
    explain_member,
    grant_tier,
    lift_measured,
    lint,
    preview,
    publish,
)
from tests.conftest import NOON

MakeMember = Callable[..., Member]
TODAY = date(2026, 11, 22)
TOMORROW = TODAY + timedelta(days=1)
GOLDEN = {"silver": 5_000, "gold": 15_000, "black": 30_000}


def draft(**told: object) -> Draft:
    words: dict[str, object] = {
        "effective_on": TOMORROW,
        "basis": ROLLING,
        "thresholds": GOLDEN,
        "note": "測試",
    }
    return Draft(**(words | told))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "told",
    [
        {"thresholds": {"silver": 5_000, "gold": 5_000, "black": 9_000}},
        {"thresholds": {"silver": 0}},
        {"thresholds": {}},
        {"thresholds": GOLDEN | {"basic": 1}},
        {"thresholds": GOLDEN | {"jade": 60_000}},
        {"basis": "whim"},
        {"basis": METRIC},
        {"basis": SCORE},
        {"basis": SCORE, "factors": (Factor("moon", weight=1),)},
        {"effective_on": TODAY - timedelta(days=1)},
        {"rights_kept_until": TODAY},
        {"grace_days": -1},
        {"note": " "},
    ],
)
def test_rules_that_contradict_themselves_are_refused(
    session: Session, told: dict[str, object]
) -> None:
    with pytest.raises(TierRulesRefused):
        publish(session, draft(**told), by="owner", confirmed_by_owner=True, now=NOON)


def test_the_preview_counts_whom_new_rules_hit_and_moves_nobody(
    session: Session, make_member: MakeMember
) -> None:
    """E-20, U17: preview of who is hit."""
    make_member(spend_twd=6_000)
    make_member(spend_twd=12_000, tier_kept_until=TOMORROW)
    make_member(spend_twd=9_000)
    make_member()
    stricter = draft(thresholds={"silver": 8_000, "gold": 10_000, "black": 30_000})
    assert preview(session, stricter, NOON) == [
        Hit("basic", "basic", 1, is_protected=False),
        Hit("silver", "basic", 1, is_protected=True),
        Hit("silver", "gold", 1, is_protected=False),
        Hit("silver", "silver", 1, is_protected=False),
    ]
    assert session.scalars(select(TierChange)).all() == []


def test_published_rules_hold_from_their_day_and_are_never_changed(session: Session) -> None:
    """E-20: versions with effective date and note."""
    before = get_programme(session)
    version = publish(session, draft(basis=LIFETIME), by="owner", confirmed_by_owner=True, now=NOON)
    session.expire_all()
    ladder = get_programme(session).ladder
    assert get_programme(session) is not before
    assert (ladder.on(TODAY).basis, ladder.on(TOMORROW).basis) == (ROLLING, LIFETIME)
    assert ladder.on(TOMORROW).version_id == version.id
    with pytest.raises(TierRulesRefused):
        publish(session, draft(), by="owner", confirmed_by_owner=True, now=NOON)


def test_a_new_tier_needs_the_owner_and_shows_what_it_costs(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """C-05: the budget line, and the owner's confirmation."""
    make_member(spend_twd=70_000)
    jade = NewTier("jade", {"zh-TW": "翡翠會員"}, "#0A7A5A", points_percent=300)
    asked = draft(thresholds=GOLDEN | {"jade": 60_000}, new_tiers=(jade,))
    line = budget_of_draft(session, asked, NOON)[0]
    assert (line.members, line.spend_twd, line.extra_points) == (1, 70_000, 700)
    with pytest.raises(OwnerMustConfirm):
        publish(session, asked, by="marketer", confirmed_by_owner=False, now=NOON)
    publish(session, asked, by="owner", confirmed_by_owner=True, now=NOON)
    session.expire_all()
    assert [tier.code for tier in list_tiers(session)][-1] == "jade"
    buyer = make_member()
    sale = Sale(buyer.id, store, None, 60_000, "till:jade")
    assert record_purchase(session, sale, NOON).standing.tier.code == "black"
    late = Sale(buyer.id, store, None, 1, "till:jade2")
    lifted = record_purchase(session, late, day_start(TOMORROW))
    assert lifted.standing.tier.code == "jade"


def test_the_designer_warns_of_many_tiers_and_factors_and_stops_nobody(session: Session) -> None:
    """T5, E-03: above three tiers, above four factors."""
    factors = tuple(Factor("purchases", weight=place) for place in range(1, 6))
    advice = lint(draft(basis=SCORE, factors=factors), list_tiers(session))
    assert any("4 個等級" in line for line in advice)
    assert any("5 個評分項目" in line for line in advice)
    calm = draft(
        thresholds={"silver": 1, "gold": 2}, grace_days=7, rights_kept_until=date(2027, 1, 1)
    )
    assert lint(calm, list_tiers(session)[:3]) == []


def test_a_member_is_told_in_two_lines_why_and_what_keeps_and_lifts(
    session: Session, make_member: MakeMember
) -> None:
    """X5, E-03, E-06, A-13: 小美, 8,000 a year."""
    member = make_member(spend_twd=8_000, tier_kept_until=date(2027, 6, 1))
    explanation = explain_member(session, member, NOON)
    assert explain_lines(explanation, get_programme(session)) == [
        "銀卡會員：近 365 天淨消費 NT$8,000 ≥ NT$5,000，資格保留至 2027-05-31",
        "再 NT$7,000 升級金卡會員（門檻 NT$15,000）",
    ]
    assert explanation.words("zh-TW")["keep_gap"] == 0


def test_the_api_gets_the_deciding_facts(session: Session, make_member: MakeMember) -> None:
    """X5: rule, version, as-of date, figures, threshold, gap, deadlines, parts, reasons."""
    member = make_member(spend_twd=2_000, spent_on=TODAY - timedelta(days=300), tier="silver")
    told = explain_member(session, member, NOON).as_json()
    assert told["tier"] == "silver"
    assert told["rule"]["basis"] == ROLLING
    assert told["as_of"] == "2026-11-22"
    assert told["to_keep"] == {"gap": 5_000, "by": "2027-11-21"}
    assert told["next"]["gap"] == 13_000
    assert told["figures"]["lifetime_twd"] == 2_000


def test_the_parts_of_a_score_are_the_whole(session: Session, make_member: MakeMember) -> None:
    """E-01: each part seen, with its cap; their sum is the total."""
    member = make_member(spend_twd=6_250, tier="basic", joined_at=NOON - timedelta(days=100))
    set_metric(session, member.id, "posts", 9, source="test", now=NOON)
    factors = (
        Factor("spend_twd", weight=1, unit=100, cap=50, label="消費"),
        Factor("purchases", weight=5),
        Factor("basket_twd", weight=1, unit=1_000),
        Factor("tenure_days", weight=2, unit=30),
        Factor("attendances", weight=10),
        Factor("metric:posts", weight=3, cap=20),
    )
    asked = draft(effective_on=TODAY, basis=SCORE, factors=factors, thresholds={"silver": 80})
    publish(session, asked, by="owner", confirmed_by_owner=True, now=NOON)
    session.expire_all()
    explanation = explain_member(session, member, NOON)
    points = [part.points for part in explanation.parts]
    assert points == [50, 5, 6, 6, 0, 20]
    assert explanation.standing.value == sum(points)
    assert lift_measured(session, member, get_programme(session), NOON)
    assert get_programme(session).tier(member.tier_id).code == "silver"
    assert not lift_measured(session, member, get_programme(session), NOON)


def test_a_tier_given_by_hand_says_so(session: Session, make_member: MakeMember) -> None:
    member, programme = make_member(), get_programme(session)
    gold = programme.tiers[2]
    until = TODAY + timedelta(days=90)
    told = {"rule": "grant", "programme": programme, "now": NOON}
    assert grant_tier(session, member, gold, until, **told) is not None  # type: ignore[arg-type]
    assert grant_tier(session, member, gold, until, **told) is None  # type: ignore[arg-type]
    assert explain_member(session, member, NOON).because == "grant"


# --- metrics ---


def test_a_metric_keeps_its_newest_value_and_all_its_history(
    session: Session, make_member: MakeMember
) -> None:
    """D-03: value, moment, history."""
    member = make_member()
    assert set_metric(session, member.id, "lessons", 3, source="a", now=NOON)
    assert not set_metric(
        session, member.id, "lessons", 1, source="b", now=NOON - timedelta(days=1)
    )
    assert [metric.value for metric in list_metrics(session, member.id)] == [3]
    history = list_history(session, member.id, "lessons", limit=5)
    assert [entry.value for entry in history] == [1, 3]
    with pytest.raises(MetricRefused):
        set_metric(session, member.id, " ", 1, source="c", now=NOON)


def test_the_five_value_factors_are_figures_with_a_definition(
    session: Session, make_member: MakeMember
) -> None:
    """D-01: spend, frequency, activity, expected lifetime value, contribution."""
    member = make_member(spend_twd=4_000, joined_at=NOON - timedelta(days=400))
    define_metric(session, "value_spend", "近 365 天淨消費")
    assert measure_value_factors(session, member.id, member.id, NOON) == 5
    assert measure_value_factors(session, member.id, member.id, NOON) == 0
    values = {metric.name: metric.value for metric in list_metrics(session, member.id)}
    assert values == {
        "value_activity": 0,
        "value_cltv": 7_300,
        "value_contribution": 0,
        "value_frequency": 1,
        "value_spend": 4_000,
    }
    assert list_definitions(session)["value_spend"] == "近 365 天淨消費"


# --- the demo ---


def test_the_demo_shows_benefits_events_and_gifts(
    session: Session, make_member: MakeMember
) -> None:
    for _ in range(7):
        make_member(spend_twd=16_000)
    add_tiers(session, NOON)
    add_tiers(session, NOON)
    session.expire_all()
    programme = get_programme(session)
    gold = programme.tiers[2]
    assert {held.row.kind for held in benefits_of(programme, gold.id)} >= {
        "points_multiplier",
        "upgrade_gift",
    }
    assert session.scalars(select(Gathering.seats_left)).one() == 1
