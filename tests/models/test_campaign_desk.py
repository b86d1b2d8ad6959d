"""What pages ask of campaigns: estimates, versions, lists, progress, content of nobody."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from bot.content import draw_content
from models.campaign import (
    CampaignChangedMeanwhile,
    CampaignExists,
    Estimate,
    change_campaign,
    check_unchanged,
    count_campaigns,
    estimate_campaign,
    free_code,
    keeping,
    last_change,
    list_campaigns,
    set_approve_above,
)
from models.content import GALLERY, parse_content
from models.content.gallery import WAY
from models.content.sampling import EXAMPLE_WAY_PERCENT, sample_facts
from models.insight import find_open_runs
from models.insight.recipients import list_recipients
from models.segment.keeping import count_segment
from models.sending import CampaignBatch, CampaignRun, progress_of
from models.survey import CSAT, archive_survey, keep_survey
from tests.bot.gallery_samples import card, content, said
from tests.conftest import NOON
from tests.models.campaign_shop import EVERYBODY, MARKETER, NOBODY, OWNER, make, open_office
from tests.models.sending_shop import fill, frozen
from tests.models.test_insight import sent


@pytest.fixture(autouse=True)
def office(session: Session) -> None:
    open_office(session)


def estimated(session: Session, segment: str = EVERYBODY, channel: str = "line") -> Estimate:
    size = count_segment(session, segment, NOON)
    return estimate_campaign(session, size, holdout_percent=10, channel=channel, now=NOON)


def test_an_estimate_tells_reach_cost_and_approval(session: Session) -> None:
    """U1: what it would cost stands there while it is still being written."""
    fill(session, 30)
    set_approve_above(session, 20, by=OWNER, now=NOON)
    told = estimated(session)
    assert (told.size.members, told.reached, told.holdout) == (30, 27, 3)
    assert told.cost.messages == 27
    assert told.needs_approval
    assert not estimated(session, NOBODY).needs_approval
    assert estimated(session, channel="email").cost.messages == 0


def test_a_campaign_changed_meanwhile_is_not_changed_again(session: Session) -> None:
    campaign = make(session)
    base = last_change(session, campaign).id
    check_unchanged(session, campaign, base)
    change_campaign(session, "winter", {"priority": 60}, by=OWNER, now=NOON, base=base)
    with pytest.raises(CampaignChangedMeanwhile) as refused:
        change_campaign(session, "winter", {"priority": 70}, by=MARKETER, now=NOON, base=base)
    assert refused.value.facts["by"] == OWNER
    assert refused.value.facts["base"] == last_change(session, campaign).id
    assert campaign.priority == 60


def test_a_free_code_is_the_name_or_the_day(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert free_code(session, "Winter Cup!", NOON) == "winter-cup"
    assert free_code(session, "冬日", NOON) == "c20261122"
    make(session, "winter")
    assert free_code(session, "winter", NOON) == "winter-2"
    monkeypatch.setattr(keeping, "MOST_TRIED", 2)
    with pytest.raises(CampaignExists):
        free_code(session, "winter", NOON)


def test_the_list_goes_on_behind_one_and_finds_by_name(session: Session) -> None:
    first, second = make(session, "spring", name=said("春茶_")), make(session, "summer")
    newest, *_ = list_campaigns(session)
    assert newest.id == second.id
    assert [each.id for each in list_campaigns(session, before_id=second.id)] == [first.id]
    assert [each.code for each in list_campaigns(session, named="茶_")] == ["spring"]
    assert [each.code for each in list_campaigns(session, named="SUMM")] == ["summer"]
    assert list_campaigns(session, named="%") == []
    assert count_campaigns(session) == {"draft": 2}


def test_progress_is_what_no_longer_waits(session: Session) -> None:
    fill(session, 60)
    run_id = frozen(session, holdout=50)
    run = session.get_one(CampaignRun, run_id)
    session.refresh(run)
    told = progress_of(session, [run_id])[run_id]
    assert told.planned == 60
    assert told.done == told.planned - told.waiting > 0
    assert find_open_runs(session, [run.campaign_id]) == {run.campaign_id: run_id}
    run.state, run.finished_at = "finished", NOON
    session.flush()
    assert find_open_runs(session, [run.campaign_id]) == {}


def test_states_few_are_in_are_listed_in_order_whoever_says_them(session: Session) -> None:
    """Those with an outcome of their own and those of a whole batch stand in one list."""
    ids = fill(session, 8)
    run_id = sent(session, ids[:4], skipped={ids[6]: "quota", ids[4]: "quota"})
    sent(session, [ids[5], ids[7]], variant="B", run_id=run_id)
    session.execute(
        update(CampaignBatch).where(CampaignBatch.variant == "B").values(state="skipped")
    )
    listed = partial(list_recipients, session, run_id)
    assert [each.member_id for each in listed(limit=9, state="accepted")] == ids[:4]
    assert [each.member_id for each in listed(limit=9, state="skipped")] == ids[4:]
    assert [each.member_id for each in listed(limit=2, state="skipped")] == ids[4:6]
    (last,) = listed(limit=9, state="skipped", after_id=ids[6])
    assert (last.member_id, last.variant, last.request_id) == (ids[7], "B", "line-1")
    assert listed(limit=9, state="refused") == []


@pytest.mark.parametrize("template", sorted(GALLERY))
def test_every_card_is_drawn_of_nobody(session: Session, template: str) -> None:
    told = content(card(template))
    facts = sample_facts(session, parse_content(told), "zh-TW", NOON)
    assert draw_content({"content": told, "facts": facts.as_json()}, "zh-TW")
    shows_way = WAY in GALLERY[template].variables
    assert facts.values.get(WAY) == (EXAMPLE_WAY_PERCENT if shows_way else None)


def test_coupons_surveys_and_facts_of_a_journey_are_drawn_of_nobody(session: Session) -> None:
    names: dict[str, Any] = {"name": said("這杯"), "question": said("這杯好喝嗎？")}
    survey = keep_survey(session, "cup", CSAT, **names, reasons={}, by="owner", now=NOON)
    archive_survey(session, survey, NOON)  # What was kept before can still be looked at.
    told = content(
        {"type": "text", "text": said("{topic}：{coupon_code}")},
        {"type": "coupon", "template": "given"},
        {"type": "survey", "survey": "cup"},
    )
    parsed = parse_content(told, {"topic", "given"})
    facts = sample_facts(session, parsed, "zh-TW", NOON)
    first, *_, last = draw_content({"content": told, "facts": facts.as_json()}, "zh-TW")
    assert first["text"] == "topic：TEST TEST TEST"
    assert "這杯好喝嗎" in str(last)
