"""Who would be skipped if a campaign went now: said before it is confirmed, not after it is sent.

The one question of every message is asked of who would be written to, for the moment of sending:
of all of them, or in a large audience of a sample.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from models.base import most_first
from models.campaign.keeping import get_campaign
from models.campaign.previewing import Preview, sample_reached
from models.outreach import reasons_not_to_write

MOST_ASKED = 5_000


@dataclass(frozen=True)
class HeldBack:
    """How many would be skipped for one reason; in a large audience an estimate of a sample."""

    reason: str
    members: int
    is_estimate: bool


def foresee_held_back(
    session: Session, code: str, preview: Preview, now: datetime
) -> list[HeldBack]:
    """Return who would be skipped at the moment of sending, as things stand, most first.

    What is sent until then may bring more of them to their cap. Raises NoSuchCampaign.
    """
    campaign = get_campaign(session, code)
    at = preview.window.send_at if preview.window is not None else now
    share = min(MOST_ASKED / preview.reachable, 1.0) if preview.reachable else 1.0
    by_channel: dict[str, list[int]] = defaultdict(list)
    for member_id, channel in sample_reached(session, campaign, share, now):
        by_channel[channel].append(member_id)
    reasons: Counter[str] = Counter()
    for channel, member_ids in by_channel.items():
        held = reasons_not_to_write(
            session,
            member_ids,
            kind=campaign.kind,
            source=None,
            priority=campaign.priority,
            now=max(at, now),
            channel=channel,
            is_last_word=False,
        )
        reasons.update(held.values())
    return [
        HeldBack(reason, round(count / share), share < 1) for reason, count in most_first(reasons)
    ]
