"""What a campaign that is being written would come to, at once: for somebody who is still typing.

The confirmation counts (`previewing`); here the size of a large audience is an estimate, so that
each change of a field is answered in a fraction of a second, also with a million members.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from models.campaign.setting import approve_above
from models.campaign.table import EMAIL
from models.quota import Cost, Remaining, cost_of, remaining
from models.segment.sizing import Size

WHOLE_PERCENT = 100


@dataclass(frozen=True)
class Estimate:
    """About how many get it, and what that costs at the most: mails cost no message of LINE's."""

    size: Size
    holdout: int
    reached: int
    cost: Cost
    remaining: Remaining
    approve_above: int

    @property
    def needs_approval(self) -> bool:
        """Tell whether a second person will have to approve it."""
        return self.reached > self.approve_above


def estimate_campaign(
    session: Session, size: Size, *, holdout_percent: int, channel: str, now: datetime
) -> Estimate:
    """Return what a campaign to an audience of this size would come to now."""
    reached = size.reachable * (WHOLE_PERCENT - holdout_percent) // WHOLE_PERCENT
    return Estimate(
        size=size,
        holdout=size.members * holdout_percent // WHOLE_PERCENT,
        reached=reached,
        cost=cost_of(session, 0 if channel == EMAIL else reached, now),
        remaining=remaining(session, now),
        approve_above=approve_above(session),
    )
