"""To whom a campaign goes: a rule of its own is a segment to itself, on no list."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from models.campaign import CampaignRefused, change_campaign, clone_campaign, list_changes
from models.campaign.audience import own_rule
from models.campaign.previewing import preview_campaign
from models.member import Member
from models.segment.keeping import get_segment, list_segments, list_versions
from tests.conftest import NOON
from tests.models.campaign_shop import EVERYBODY, MARKETER, make, open_office
from tests.models.sending_shop import fill


def rule(points: int) -> dict[str, Any]:
    asked = {"field": "points", "is": "at_least", "value": points}
    return {"schema": 1, "where": {"all": [asked]}}


@pytest.fixture(autouse=True)
def office(session: Session) -> None:
    open_office(session)


def test_a_rule_of_its_own_is_sent_to_and_listed_nowhere(session: Session) -> None:
    rich, *_ = fill(session, 4)
    session.get_one(Member, rich).points = 90
    session.flush()
    campaign = make(session, segment=..., rule=rule(90))
    segment = get_segment(session, campaign.segment_code)
    assert segment.is_one_off
    assert segment.name == campaign.name
    assert segment.code not in {each.code for each, _ in list_segments(session)}
    assert preview_campaign(session, "winter", NOON).audience == 1
    assert own_rule(session, make(session, "other")) is None


def test_a_draft_changes_its_rule_in_versions(session: Session) -> None:
    campaign = make(session, segment=..., rule=rule(90))
    code = campaign.segment_code
    change_campaign(session, "winter", {"rule": rule(10)}, by=MARKETER, now=NOON)
    assert (campaign.segment_code, campaign.segment_version) == (code, 2)
    assert [each.rule for each in list_versions(session, code)] == [rule(10), rule(90)]
    assert list_changes(session, "winter")[-1].after == {"segment_version": 2}
    change_campaign(session, "winter", {"rule": rule(10)}, by=MARKETER, now=NOON)
    assert campaign.segment_version == 2


def test_it_goes_to_a_kept_segment_and_back(session: Session) -> None:
    campaign = make(session, segment=..., rule=rule(90))
    first = campaign.segment_code
    kept = {"segment": EVERYBODY, "segment_version": None}
    change_campaign(session, "winter", kept, by=MARKETER, now=NOON)
    assert own_rule(session, campaign) is None
    change_campaign(session, "winter", {"rule": rule(5)}, by=MARKETER, now=NOON)
    assert campaign.segment_code not in {first, EVERYBODY}


def test_a_clone_has_its_own(session: Session) -> None:
    campaign = make(session, segment=..., rule=rule(90))
    clone = clone_campaign(session, "winter", "again", by=MARKETER, now=NOON)
    assert clone.segment_code != campaign.segment_code
    change_campaign(session, "again", {"rule": rule(1)}, by=MARKETER, now=NOON)
    asked = own_rule(session, campaign)
    assert asked is not None
    assert asked.as_json() == rule(90)


def test_a_rule_beside_a_segment_is_refused(session: Session) -> None:
    with pytest.raises(CampaignRefused) as refused:
        make(session, rule=rule(1))
    assert refused.value.facts["path"] == "rule"
