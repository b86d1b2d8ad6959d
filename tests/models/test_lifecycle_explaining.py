"""Why a member is in their class: the deciding facts, the rule in words, its version (X5, T4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from models.lifecycle import (
    MODELS,
    NAPL_91APP,
    NAPL_ARTICLE,
    NASLD,
    Cycle,
    LifecycleSettings,
    change_settings,
    cycle_text,
    estimate_cycles,
    explain_class,
    order_text,
    rule_text,
)
from models.lifecycle.cycle import ASSUMED, CATEGORY, ESTIMATED, FIXED, MEMBER, SET
from models.lifecycle.refusals import DayNotYet, NotAMemberThen, UnknownModel
from models.local_day import local_day
from models.member import Member
from tests.conftest import NOON
from tests.handlers.statements import count_statements
from tests.models.shopping import buy, take_back

MakeMember = Callable[..., Member]
TODAY = local_day(NOON)
LANGUAGES = ("zh-TW", "en", "ja")


def test_a_class_says_its_facts_its_rule_and_its_version(
    session: Session, make_member: MakeMember
) -> None:
    """X5, T4: the facts with ages, the numbers they are held against, cycle, version, as-of day."""
    version = change_settings(session, {"window_days": 60}, note="試", by="owner", now=NOON)
    member = make_member()
    for days_ago in (100, 20):
        buy(session, member, 100, now=NOON - timedelta(days=days_ago))
    estimate_cycles(session, NOON)
    explained = explain_class(session, member, NASLD, now=NOON)
    assert explained.key == "nasld:new"
    assert explained.lines() == [
        "新鮮客（nasld:new），2026-11-22 的狀態",
        "有效購買 2 次；最近一次購買 2026-11-02（20 天前）；再前一次 2026-08-14（100 天前）",
        "規則：近 90 天（3 個回購週期）內買過 1 次",
        "回購週期 30 天：暫定值，回購過的會員只有 1 位（需要 30 位以上才能估算）；"
        f"設定第 {version.id} 版",
    ]
    article = explain_class(session, member, NAPL_ARTICLE, now=NOON)
    assert article.key == "napl_article:active"
    assert article.lines()[2:] == [
        "規則：近 60 天內買過，累計購買未滿 3 次",
        f"設定第 {version.id} 版",
    ]
    told = explained.as_json()
    assert told["facts"]["last_age_days"] == 20
    assert told["facts"]["previous_age_days"] == 100
    assert told["thresholds"] == {"near_days": 90, "far_days": 180}
    assert told["settings_version"] == version.id
    assert told["cycle"]["source"] == ASSUMED
    assert article.as_json()["thresholds"] == {"window_days": 60, "loyal_orders": 3}
    assert article.as_json()["cycle"] is None


def test_a_past_day_is_explained_as_it_was(session: Session, make_member: MakeMember) -> None:
    """X5, B-05: the same member, before a refund and after it, by the settings of the day."""
    member = make_member()
    purchase = buy(session, member, 100, now=NOON - timedelta(days=10))
    take_back(session, member, purchase, now=NOON - timedelta(days=2))
    change_settings(session, {"window_days": 5}, note="試", by="owner", now=NOON)
    asked = TODAY - timedelta(days=3)
    past = explain_class(session, member, NAPL_91APP, now=NOON, on=asked)
    assert (past.key, past.settings.version, past.as_of) == ("napl_91app:new", None, asked)
    assert past.lines("en")[-1] == "starting settings"
    now = explain_class(session, member, NAPL_91APP, now=NOON)
    assert now.key == "napl_91app:prospect"
    assert now.lines()[1] == "有效購買 0 次"
    assert now.as_json()["facts"]["last_age_days"] is None


def test_a_members_own_cycle_is_named_in_their_rule(
    session: Session, make_member: MakeMember
) -> None:
    """B-03: at member level the rule of one member has that member's days."""
    change_settings(session, {"cycle_level": MEMBER}, note="各自", by="owner", now=NOON)
    member = make_member()
    for days_ago in (50, 40, 30, 20):
        buy(session, member, 100, now=NOON - timedelta(days=days_ago))
    explained = explain_class(session, member, NASLD, now=NOON)
    assert (explained.key, explained.cycle_days) == ("nasld:active", 10)
    assert explained.rule() == "近 30 天（3 個回購週期）內買過 2 次以上"
    assert rule_text(NASLD, "active", explained.settings) == (
        "近 3 個回購週期（各依自己的週期）內買過 2 次以上"
    )


def test_explanations_and_rules_read_in_three_languages(
    session: Session, make_member: MakeMember
) -> None:
    """T1: the class with its model everywhere, no gap left unfilled."""
    member = make_member()
    buy(session, member, 100, now=NOON - timedelta(days=20))
    for model in MODELS:
        explained = explain_class(session, member, model, now=NOON)
        for language in LANGUAGES:
            lines = explained.lines(language)
            assert explained.key in lines[0]
            assert not any("{" in line or "None" in line for line in lines)
    settings = LifecycleSettings(cycle=Cycle(days=14, source=ESTIMATED))
    assert rule_text(NASLD, "lost", settings, "en") == (
        "none within the last 42 days (3 repurchase cycles), "
        "but 1 purchase back to 84 days (6 repurchase cycles)"
    )
    assert rule_text(NASLD, "deep", settings, "ja") == (
        "購入歴はあるが、直近84日（購入サイクル6回分）以内の購入がない"
    )


@pytest.mark.parametrize(
    ("cycle", "words"),
    [
        (Cycle(45, FIXED, SET), "回購週期 45 天：店家自訂"),
        (
            Cycle(14, "shop", ESTIMATED, 1_234, 5_678, TODAY),
            "回購週期 14 天：1,234 位回購會員、5,678 次間隔的中位數（2026/11/22 估算）",
        ),
        (
            Cycle(14, CATEGORY, ESTIMATED, 50, 90, TODAY, {"原茶": 7, "茶葉": 60}),
            "回購週期 14 天：50 位回購會員、90 次間隔的中位數（2026/11/22 估算）"
            "；常買品類另有週期時用品類的（2 類）",
        ),
    ],
)
def test_a_cycle_says_where_it_came_from(cycle: Cycle, words: str) -> None:
    """B-03: set, estimated or assumed, and from how many."""
    assert cycle_text(cycle) == words
    for language in LANGUAGES:
        assert "{" not in cycle_text(cycle, language)


def test_how_rules_are_read_is_said_of_each_model() -> None:
    """T4: NASLD's rules hold from the top."""
    assert order_text(NASLD).startswith("由上往下判斷")
    assert order_text(NAPL_ARTICLE, "en") == order_text(NAPL_91APP, "en")


def test_what_cannot_be_explained_is_refused(session: Session, make_member: MakeMember) -> None:
    """Bad input: a bare letter, tomorrow, a day before the member joined."""
    member = make_member(joined_at=NOON - timedelta(days=5))
    make_member()
    with pytest.raises(UnknownModel):
        explain_class(session, member, "L", now=NOON)
    with pytest.raises(DayNotYet):
        explain_class(session, member, NASLD, now=NOON, on=TODAY + timedelta(days=1))
    with pytest.raises(NotAMemberThen):
        explain_class(session, member, NASLD, now=NOON, on=TODAY - timedelta(days=6))


def test_explaining_takes_two_statements(session: Session, make_member: MakeMember) -> None:
    """One member's explanation reads one member, not the shop."""
    member = make_member()
    buy(session, member, 100)
    estimate_cycles(session, NOON)
    session.flush()
    with count_statements(session) as statements:
        explain_class(session, member, NASLD, now=NOON)
    assert len(statements) == 2
