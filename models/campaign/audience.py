"""To whom a campaign goes: a kept segment, or a rule of its own that stands on no list.

A rule is kept as a segment all the same, with versions: what a campaign is sent by is always a
version of a segment, and each campaign that has a rule has a segment to itself.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.campaign.table import Campaign
from models.segment.keeping import (
    add_one_off,
    change_segment,
    get_segment,
    get_version,
    rename_segment,
    rule_of,
)
from models.segment.rule import Rule
from models.segment.table import SegmentArchived

RULE = "rule"


def with_segment(
    session: Session,
    columns: Mapping[str, Any],
    campaign: Campaign | None,
    *,
    by: str,
    now: datetime,
) -> dict[str, Any]:
    """Return what a campaign says of itself, with a segment in place of a rule of its own.

    `campaign` is the one that is changed, None for a new one. Its version is named too: the rule
    is what the campaign's trail says, whatever happens to the segment. A version is one of its
    segment: another segment is meant in its newest, if none is told. Raises UnknownCode.
    """
    told = dict(columns)
    rule: Rule | None = told.pop(RULE, None)
    if rule is None:
        held = campaign.segment_code if campaign is not None else None
        if held is not None and told.get("segment_code", held) != held:
            told.setdefault("segment_version", None)
        return told
    name = told["name"] if campaign is None else told.get("name", campaign.name)
    segment = get_segment(session, campaign.segment_code) if campaign is not None else None
    if segment is None or not segment.is_one_off:
        segment = add_one_off(session, name, rule, by=by, now=now)
    else:
        rename_segment(session, segment.code, name, now=now)
        segment = change_segment(
            session, segment.code, rule, made_from=segment.version, by=by, now=now
        )
    return told | {"segment_code": segment.code, "segment_version": segment.version}


def own_rule(session: Session, campaign: Campaign) -> Rule | None:
    """Return the rule that was made for a campaign alone, or None where it goes to a segment."""
    if not get_segment(session, campaign.segment_code).is_one_off:
        return None
    return rule_of(get_version(session, campaign.segment_code, campaign.segment_version))


def check_audience(session: Session, code: str, version: int | None) -> None:
    """Raise NoSuchSegment or SegmentArchived where a segment cannot be written to."""
    if get_segment(session, code).archived_at is not None:
        raise SegmentArchived(segment=code)
    get_version(session, code, version)
