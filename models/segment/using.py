"""What uses a segment: campaigns and journeys, tags that follow it, coupons and letters.

Whoever archives or changes a segment sees first what it means for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.base import Translated
from models.campaign.table import ENDED, Campaign
from models.coupon import CouponTemplate
from models.coupon_handout import CouponHandout
from models.journey.table import ARCHIVED, Journey, JourneyVersion
from models.report import get_report
from models.report.letter import ReportLetter
from models.report.named import SEGMENTS
from models.segment.table import SegmentVersion
from models.tag.table import Tag

CAMPAIGN, JOURNEY, TAG, HANDOUT, LETTER = "campaign", "journey", "tag", "handout", "letter"
MOST_SHOWN = 50
"""So many campaigns and hand-outs are told, the newest."""


@dataclass(frozen=True)
class Use:
    """One thing that names a segment, or was done with a rule of its."""

    kind: str
    code: str
    """Of a hand-out or a letter its number."""
    name: Translated
    state: str | None = None
    """Of a campaign, a journey or a hand-out."""
    at: datetime | None = None
    """When a hand-out was asked for."""

    @property
    def stops(self) -> bool:
        """Tell whether it cannot go on once the segment is archived: no campaign goes to it."""
        return self.kind == CAMPAIGN and not self.is_over

    @property
    def is_over(self) -> bool:
        """Tell whether it needs the segment no more: a hand-out keeps the rule it began with."""
        return self.kind == HANDOUT or (self.kind == CAMPAIGN and self.state in ENDED)


def uses_of(session: Session, code: str) -> list[Use]:
    """Return what uses a segment, what is over among it: campaigns first, the newest first."""
    found = (_campaigns, _journeys, _tags, _handouts, _letters)
    return [use for uses in found for use in uses(session, code)]


def _campaigns(session: Session, code: str) -> Iterator[Use]:
    names_it = or_(Campaign.segment_code == code, Campaign.variants.contains([{"segment": code}]))
    campaigns = select(Campaign).where(names_it)
    newest = campaigns.order_by(Campaign.state.in_(ENDED), Campaign.id.desc()).limit(MOST_SHOWN)
    for each in session.scalars(newest):
        yield Use(CAMPAIGN, each.code, each.name, each.state)


def _journeys(session: Session, code: str) -> Iterator[Use]:
    """Yield journeys whose newest version begins or ends by the segment."""
    says = JourneyVersion.definition
    found = session.scalars(
        select(Journey)
        .join(JourneyVersion, JourneyVersion.journey_code == Journey.code)
        .where(
            JourneyVersion.version == Journey.version,
            Journey.state != ARCHIVED,
            or_(
                says.contains({"trigger": {"segment": code}}),
                says.contains({"exit_when": [{"segment": code}]}),
            ),
        )
        .order_by(Journey.code)
    )
    for each in found:
        yield Use(JOURNEY, each.code, each.name, each.state)


def _tags(session: Session, code: str) -> Iterator[Use]:
    tags = select(Tag).where(Tag.segment_code == code, Tag.archived_at.is_(None))
    for each in session.scalars(tags.order_by(Tag.code)):
        yield Use(TAG, each.code, each.name)


def _handouts(session: Session, code: str) -> Iterator[Use]:
    """Yield coupons that were handed out by one of the segment's rules; each run keeps its own."""
    rules = select(SegmentVersion.rule).where(SegmentVersion.segment_code == code)
    found = session.execute(
        select(CouponHandout, CouponTemplate.name)
        .join(CouponTemplate, CouponTemplate.id == CouponHandout.template_id)
        .where(CouponHandout.rule.in_(rules))
        .order_by(CouponHandout.id.desc())
        .limit(MOST_SHOWN)
    )
    for run, name in found:
        yield Use(HANDOUT, str(run.id), name, run.state, run.asked_at)


def _letters(session: Session, code: str) -> Iterator[Use]:
    asks = or_(*(ReportLetter.asked[each].as_string() == code for each in SEGMENTS))
    letters = select(ReportLetter).where(ReportLetter.ended_at.is_(None), asks)
    for each in session.scalars(letters.order_by(ReportLetter.id)):
        yield Use(LETTER, str(each.id), dict(get_report(each.report).title))
