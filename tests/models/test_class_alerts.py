"""Alerts about classes whose share has moved, and about 維持型 that grows (A-17, B-07)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from models.classification import (
    AlertRules,
    AlertSettingRefused,
    ClassAlert,
    ClassCount,
    ClassNight,
    NoSuchAlert,
    acknowledge_alert,
    change_alert_rules,
    get_alert_rules,
    list_alerts,
    rebuild_classes,
)
from models.classification.alerting import raise_alerts
from tests.conftest import NOON
from tests.models.class_shop import TODAY, ClassShop

WEEK = TODAY - timedelta(days=7)
MONTH = TODAY - timedelta(days=30)


def snapshot(
    session: Session, day: date, model: str = "nasld", rules: str = "", **members: int
) -> None:
    """Keep a night's counts of one model."""
    if session.get(ClassNight, day) is None:
        session.add(ClassNight(day=day, members=0, changed=0, rules=rules, ended_at=NOON))
    for code, count in members.items():
        session.add(ClassCount(day=day, model=model, class_code=code, members=count, net_twd=count))
    session.flush()


def told(session: Session) -> list[tuple[str, str, str, int]]:
    return sorted(
        (alert.model, alert.class_code, alert.kind, alert.compare_days)
        for alert in list_alerts(session)
    )


@pytest.mark.parametrize("model", ["nasld", "napl_article", "napl_91app", "rfm"])
def test_a_shift_above_the_limit_is_told_of_every_model(session: Session, model: str) -> None:
    """A-17: more than 10 percentage points, up or down; exactly 10 are not above it."""
    snapshot(session, WEEK, model, new=40, lost=30, deep=30)
    snapshot(session, TODAY, model, new=51, lost=20, deep=29)

    assert raise_alerts(session, TODAY, NOON) == 1

    (alert,) = list_alerts(session)
    assert (alert.model, alert.class_code, alert.kind) == (model, "new", "shift")
    assert (alert.before_members, alert.before_total, alert.members, alert.total) == (
        40,
        100,
        51,
        100,
    )
    assert alert.shift_points == pytest.approx(11)
    assert (alert.before_on, alert.threshold_points, alert.rules_changed) == (WEEK, 10, False)


def test_a_class_that_is_gone_or_new_is_a_shift_too(session: Session) -> None:
    """A-17: a class without a row had, or has, nobody."""
    snapshot(session, MONTH, active=80, new=20)
    snapshot(session, TODAY, active=80, lost=20)

    assert raise_alerts(session, TODAY, NOON) == 2
    assert told(session) == [("nasld", "lost", "shift", 30), ("nasld", "new", "shift", 30)]


@pytest.mark.parametrize(("members", "is_told"), [(8, True), (7, False)])
def test_a_growth_of_members_to_maintain_is_told_earlier(
    session: Session, members: int, is_told: bool
) -> None:
    """B-07: 維持型 that grows by more than 3 percentage points wants looking into."""
    for day in (WEEK, MONTH):
        snapshot(session, day, "rfm", vip=96, maintaining=4)
    snapshot(session, TODAY, "rfm", vip=100 - members, maintaining=members)

    raise_alerts(session, TODAY, NOON)

    expected = [("rfm", "maintaining", "growth", days) for days in (7, 30)]
    assert told(session) == (expected if is_told else [])


def test_members_to_maintain_that_become_fewer_are_no_alarm(session: Session) -> None:
    snapshot(session, WEEK, "rfm", vip=92, maintaining=8)
    snapshot(session, TODAY, "rfm", vip=100)

    assert raise_alerts(session, TODAY, NOON) == 0


def test_who_never_bought_is_no_part_of_the_share(session: Session) -> None:
    """T2: a wave of registrations moves no class of NASLD."""
    snapshot(session, WEEK, active=50, lost=50)
    snapshot(session, TODAY, active=50, lost=50, prospect=900)

    assert raise_alerts(session, TODAY, NOON) == 0


def test_of_few_members_nothing_is_told(session: Session) -> None:
    snapshot(session, WEEK, active=20, lost=9)
    snapshot(session, TODAY, active=0, lost=60)

    assert raise_alerts(session, TODAY, NOON) == 0


@pytest.mark.parametrize(("nights_missed", "is_told"), [(3, True), (4, False)])
def test_a_night_that_was_missed_is_made_up_for_by_one_before(
    session: Session, nights_missed: int, is_told: bool
) -> None:
    snapshot(session, WEEK - timedelta(days=nights_missed), active=100)
    snapshot(session, TODAY, active=50, lost=50)

    assert raise_alerts(session, TODAY, NOON) == (2 if is_told else 0)


def test_an_alert_stands_until_somebody_has_seen_it_and_is_not_said_again_at_once(
    session: Session,
) -> None:
    """A-17: one alert a class and span; seen by whom and when."""
    snapshot(session, WEEK, active=100)
    snapshot(session, TODAY, active=85, lost=15)
    raise_alerts(session, TODAY, NOON)
    assert raise_alerts(session, TODAY, NOON) == 0
    first, second = list_alerts(session)

    later = NOON + timedelta(days=1)
    seen = acknowledge_alert(session, first.id, by="marketer", now=later)
    acknowledge_alert(session, first.id, by="owner", now=later + timedelta(days=1))

    assert (seen.acknowledged_by, seen.acknowledged_at) == ("marketer", later)
    assert list_alerts(session) == [second]
    assert len(list_alerts(session, even_seen=True)) == 2
    acknowledge_alert(session, second.id, by="marketer", now=later)
    for ahead, expected in ((6, 0), (8, 2)):
        day = TODAY + timedelta(days=ahead)
        snapshot(session, day - timedelta(days=7), active=100)
        snapshot(session, day, active=85, lost=15)
        assert raise_alerts(session, day, NOON) == expected
    with pytest.raises(NoSuchAlert):
        acknowledge_alert(session, 0, by="owner", now=NOON)


def test_a_shift_that_new_settings_may_have_made_says_so(session: Session) -> None:
    """A-17: the definition moved, not the members."""
    snapshot(session, WEEK, rules="lifecycle:1 rfm:0", active=100)
    snapshot(session, TODAY, rules="lifecycle:2 rfm:0", active=50, lost=50)

    raise_alerts(session, TODAY, NOON)

    assert [alert.rules_changed for alert in list_alerts(session)] == [True, True]


def test_the_limits_are_the_shops(session: Session) -> None:
    """A-17: x% is chosen; what is not told stays."""
    assert get_alert_rules(session) == AlertRules(10, 3)
    change_alert_rules(session, shift_points=2, by="owner", now=NOON)
    change_alert_rules(session, growth_points=7, by="owner", now=NOON)
    assert get_alert_rules(session) == AlertRules(2, 7)
    snapshot(session, WEEK, "rfm", vip=96, maintaining=4)
    snapshot(session, TODAY, "rfm", vip=93, maintaining=7)

    raise_alerts(session, TODAY, NOON)

    assert told(session) == [("rfm", "maintaining", "shift", 7), ("rfm", "vip", "shift", 7)]
    for refused in ({"shift_points": 0}, {"growth_points": 101}):
        with pytest.raises(AlertSettingRefused):
            change_alert_rules(session, **refused, by="owner", now=NOON)


def test_the_night_raises_them(session: Session) -> None:
    """A-17: a month in which many have come to sleep, as the nights count it."""
    shop = ClassShop(session)
    for number in range(40):
        person = shop.join()
        shop.sell(person, 20 if number < 20 else 70)
    rebuild_classes(session, NOON)
    assert list_alerts(session) == []

    rebuild_classes(session, NOON + timedelta(days=30))

    assert [alert for alert in told(session) if alert[0] == "nasld"] == [
        ("nasld", "lost", "shift", 30),
        ("nasld", "new", "shift", 30),
    ]
    assert all(isinstance(alert, ClassAlert) for alert in list_alerts(session))
