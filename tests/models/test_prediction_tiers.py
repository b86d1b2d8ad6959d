"""The tiers in a quarter (E-19): simulated, tested back, and under other rules."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.base import Sessions
from models.member import Member
from models.prediction import NoForecastYet, TierNotForecastable
from models.prediction.fitting import fit_forecasts
from models.prediction.tiers import forecast_tiers
from models.programme import get_programme
from models.tier import TIER_POINTS, list_tiers
from models.tier_evaluation import Draft, NewTier, preview, publish
from tests.conftest import NOON
from tests.models.prediction_shop import TODAY, make_buyers

NEXT = TODAY + timedelta(days=1)


@pytest.fixture
def ids(sessions: Sessions, session: Session) -> list[int]:
    """Return the members of a fitted shop, each with the tier their year's spend gives."""
    found = make_buyers(session, 500, days=800)
    rules = get_programme(session).ladder.on(TODAY)
    held = session.execute(select(Member.id, Member.spend_twd)).all()
    for member_id, spend_twd in held:
        tier = rules.tier_at(spend_twd)
        kept = TODAY + timedelta(days=1 + member_id % 365) if tier.rank else None
        session.execute(
            update(Member)
            .where(Member.id == member_id)
            .values(tier_id=tier.id, tier_kept_until=kept)
        )
    session.commit()
    fit_forecasts(sessions, now=NOON)
    return found


def draft(**told: object) -> Draft:
    rules: dict[str, object] = {
        "effective_on": NEXT,
        "basis": "rolling_365",
        "thresholds": {"silver": 5_000, "gold": 15_000, "black": 40_000},
        "note": "as they are",
    }
    return Draft(**rules | told)  # type: ignore[arg-type]  # Told by name, as there.


def test_each_tier_is_foretold_with_a_range_and_a_back_test(
    session: Session, ids: list[int]
) -> None:
    """E-19: members per tier next quarter, and what would have been said a quarter ago."""
    told = forecast_tiers(session, NOON)
    again = forecast_tiers(session, NOON)
    assert told == again  # One day gives one answer.
    assert told.until == TODAY + timedelta(days=91)
    assert sum(line.now for line in told.lines) == told.members == len(ids)
    assert sum(line.expected for line in told.lines) == pytest.approx(len(ids), abs=3)
    assert all(line.low <= line.expected <= line.high for line in told.lines)
    assert [line.tier.rank for line in told.lines] == [0, 1, 2, 3]
    back = [(line.back_expected, line.back_actual) for line in told.lines]
    for expected, actual in back:
        assert expected is not None
        assert actual is not None
        assert abs(expected - actual) <= max(0.25 * actual, 12)


def test_other_rules_are_told_for_today_and_for_then(session: Session, ids: list[int]) -> None:
    """E-19: the effect of other rules: the preview's count today, the simulated one then."""
    easy = draft(thresholds={"silver": 1_000, "gold": 15_000, "black": 40_000})
    told = forecast_tiers(session, NOON, draft=easy)
    silver = next(line for line in told.lines if line.tier.code == "silver")
    hits = preview(session, easy, NOON)
    shown = sum(
        hit.members
        for hit in hits
        if (hit.from_code if hit.is_protected else hit.to_code) == "silver"
    )
    assert silver.draft_now == shown > silver.now
    assert silver.draft_expected is not None
    assert silver.draft_expected > silver.expected
    assert sum(line.draft_now or 0 for line in told.lines) == len(ids)


def test_a_tier_that_is_not_there_yet_is_foretold_too(session: Session, ids: list[int]) -> None:
    """E-19: a step above all others, with nobody in it now."""
    top = NewTier("diamond", {"zh-TW": "鑽石會員"}, "#112233", 200)
    asked = {"silver": 500, "gold": 1_000, "black": 1_500, "diamond": 2_500}
    told = forecast_tiers(session, NOON, draft=draft(thresholds=asked, new_tiers=(top,)))
    line = told.lines[-1]
    assert (line.tier.code, line.now, line.expected) == ("diamond", 0, 0)
    assert line.draft_expected


def test_nobody_falls_before_their_day(session: Session, ids: list[int]) -> None:
    """E-19: a tier kept for longer than the quarter stays, whatever is spent."""
    gold = list_tiers(session)[2]
    kept = {"tier_id": gold.id, "tier_kept_until": TODAY + timedelta(days=92)}
    session.execute(update(Member).where(Member.id.in_(ids[:100])).values(kept))
    line = forecast_tiers(session, NOON).lines[2]
    assert line.now >= 100
    assert line.expected >= 100
    session.execute(update(Member).where(Member.id.in_(ids[:100])).values(tier_kept_until=NEXT))
    assert forecast_tiers(session, NOON).lines[2].expected < line.expected


@pytest.mark.parametrize("basis", ["calendar_year", "lifetime"])
def test_other_money_is_foretold_as_well(session: Session, ids: list[int], basis: str) -> None:
    """E-19: a calendar year's and a lifetime's spend."""
    told = forecast_tiers(session, NOON, draft=draft(basis=basis))
    assert sum(line.draft_expected or 0 for line in told.lines) == pytest.approx(len(ids), abs=3)


def test_tiers_that_go_by_no_money_are_not_foretold(session: Session, ids: list[int]) -> None:
    """E-19: points and metrics are not what these models know."""
    asked = draft(basis=TIER_POINTS)
    with pytest.raises(TierNotForecastable):
        forecast_tiers(session, NOON, draft=asked)
    publish(session, asked, by="test", confirmed_by_owner=False, now=NOON)
    with pytest.raises(TierNotForecastable):
        forecast_tiers(session, NOON)


def test_without_a_fit_nothing_is_foretold(session: Session) -> None:
    """E-19: no forecast before the first night."""
    with pytest.raises(NoForecastYet):
        forecast_tiers(session, NOON)
