"""Presets: each makes a shop that works, and what they promise is what the program keeps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.texts import LANGUAGES
from models.announcement import SEGMENT, announcement, draft_announcement
from models.audit import list_audit
from models.benefit import benefits_of
from models.campaign import get_campaign
from models.checkout import Sale, record_purchase
from models.coupon import Coupon, get_template
from models.journey.table import Journey
from models.local_day import local_day
from models.member import Member
from models.preset import PRESETS, PresetRefused, apply_preset, shown_tiers
from models.programme import get_programme
from models.shop import Store
from models.staff import Staff
from models.stamp_card import count_stamps, get_stamp_programme, list_stamp_programmes
from models.tier import list_tiers, list_versions
from models.tier_proposal import NotTheOwner
from tests.conftest import NOON

TODAY = local_day(NOON)


@pytest.fixture
def owner(make_staff: Callable[..., Staff]) -> Staff:
    return make_staff("owner")


@pytest.mark.parametrize("code", PRESETS)
def test_each_preset_runs_from_the_first_purchase_to_the_reward(
    session: Session, owner: Staff, make_member: Callable[..., Member], store: Store, code: str
) -> None:
    """A-09: tiers, stamp card and journeys are there, and a demo script walks through them."""
    preset = PRESETS[code]
    apply_preset(session, code, TODAY, by=owner, key=f"apply:{code}", now=NOON)
    member = make_member()

    # A customer buys for so much that their first step up is due, and a stamp.
    step = preset.tiers[1]
    sale = Sale(member.id, store, None, step.threshold_twd, f"till:{code}")
    recorded = record_purchase(session, sale, NOON)
    programme = get_programme(session)
    assert programme.tier(member.tier_id).code == step.code
    assert recorded.purchase.points_earned > 0
    assert count_stamps(session, member.id, get_stamp_programme(session, preset.stamp.code)) > 0

    # Their new tier brings what its card says.
    held = benefits_of(programme, member.tier_id, None, day=TODAY)
    assert {each.row.kind for each in held} == {kind for kind, _ in step.benefits}

    # They go on until the card is full: its reward is theirs.
    each_visit = max(preset.stamp.min_spend_twd, preset.stamp.per_twd or 0)
    for visit in range(preset.stamp.size):
        at = NOON + timedelta(days=visit + 1)
        sale = Sale(member.id, store, None, each_visit, f"till:{code}:{visit}")
        record_purchase(session, sale, at)
    reward = get_template(session, preset.stamp.reward_code)
    given = select(Coupon).where(Coupon.member_id == member.id, Coupon.template_id == reward.id)
    assert session.scalars(given).first() is not None

    # The journeys wait for their causes.
    for journey in preset.journeys:
        assert session.get_one(Journey, journey).state == "active"


def test_what_is_shown_before_is_what_it_becomes(session: Session, owner: Staff) -> None:
    preset = PRESETS["beauty"]
    shown = shown_tiers(session, preset)
    assert [tier.before["zh-TW"] for tier in shown][3] == "黑卡會員"

    apply_preset(session, "beauty", TODAY, by=owner, key="apply", now=NOON)

    known = {tier.code: tier for tier in list_tiers(session)}
    for tier in shown:
        became = known[tier.shape.code]
        assert (became.name, became.benefits) == (tier.shape.name, tier.benefits)
        assert set(tier.benefits) == set(LANGUAGES)


def test_the_tiers_rules_and_benefits_begin_on_the_day(session: Session, owner: Staff) -> None:
    """Nobody's card loses a benefit before the day; the old stamp card rests."""
    begins = TODAY + timedelta(days=30)
    apply_preset(session, "restaurant", begins, by=owner, key="apply", now=NOON)

    programme = get_programme(session)
    silver = next(tier for tier in programme.tiers if tier.code == "silver")
    before = {each.row.kind for each in benefits_of(programme, silver.id, None, day=TODAY)}
    after = {each.row.kind for each in benefits_of(programme, silver.id, None, day=begins)}
    assert (before - after, after) == ({"early_access"}, {"birthday_gift", "monthly_coupon"})
    thresholds = [
        {tier.code: amount for tier, amount in programme.ladder.on(day).steps}
        for day in (TODAY, begins)
    ]
    assert (thresholds[0]["silver"], thresholds[1]["silver"]) == (5_000, 3_000)
    cards = {card.code: card.is_active for card in list_stamp_programmes(session)}
    assert cards == {"main": False, "restaurant": True}
    assert list_audit(session, what="preset.apply")[0].subject == "preset:restaurant"


def test_the_same_page_sent_twice_applies_once(session: Session, owner: Staff) -> None:
    for _ in range(2):
        apply_preset(session, "business", TODAY, by=owner, key="page", now=NOON)

    assert len(list_versions(session)) == 2
    with pytest.raises(PresetRefused):
        apply_preset(session, "beauty", TODAY, by=owner, key="other", now=NOON)


def test_what_cannot_be_applied_is_refused(
    session: Session, owner: Staff, make_staff: Callable[..., Staff]
) -> None:
    with pytest.raises(PresetRefused):
        apply_preset(session, "casino", TODAY, by=owner, key="a", now=NOON)
    with pytest.raises(PresetRefused):
        apply_preset(session, "beauty", TODAY - timedelta(days=1), by=owner, key="b", now=NOON)
    with pytest.raises(NotTheOwner):
        apply_preset(session, "beauty", TODAY, by=make_staff("manager"), key="c", now=NOON)


def test_the_announcement_tells_of_the_tiers_in_force(session: Session, owner: Staff) -> None:
    """D-06: generated from the rules, in three languages, kept as a campaign's draft."""
    texts = announcement(session, NOON)
    assert set(texts) == set(LANGUAGES)
    assert "茶日子 會員制度上路了" in texts["zh-TW"]
    assert "【銀卡會員】一年內消費滿 NT$5,000" in texts["zh-TW"]
    assert "【Gold】NT$15,000 within a year" in texts["en"]

    made = [draft_announcement(session, texts, by=owner, now=NOON) for _ in range(2)]

    campaign = get_campaign(session, made[0].code)
    assert (campaign.state, campaign.segment_code) == ("draft", SEGMENT)
    assert campaign.variants[0]["content"]["messages"][0]["text"] == texts
    assert made[1].code != made[0].code
