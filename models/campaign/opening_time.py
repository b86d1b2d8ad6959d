"""From when until when a slot is sent: after the quiet hours, within its grace, not into the next.

Quiet hours are marketing's; what a shop owes as service goes when it is due.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from models.campaign.table import MARKETING, Campaign
from models.local_day import TAIPEI
from models.outreach import OutreachRules, get_rules, next_allowed


@dataclass(frozen=True)
class Window:
    """Nothing goes before `send_at`, and nothing for the first time from `until` on."""

    slot: datetime
    send_at: datetime
    until: datetime


def window_of(session: Session, campaign: Campaign, slot: datetime) -> Window:
    """Return when the campaign's sending of a slot begins and ends."""
    grace = timedelta(minutes=campaign.grace_minutes)
    if campaign.kind != MARKETING:
        return Window(slot, slot, slot + grace)
    return _outside_quiet(slot, grace, get_rules(session))


def _outside_quiet(slot: datetime, grace: timedelta, rules: OutreachRules) -> Window:
    send_at = next_allowed(slot, rules)
    until = send_at + grace
    quiet = _next_quiet(send_at, rules)
    return Window(slot, send_at, until if quiet is None else min(until, quiet))


def _next_quiet(moment: datetime, rules: OutreachRules) -> datetime | None:
    """Return when the next quiet hours begin; None where there are none."""
    if rules.quiet_from == rules.quiet_until:
        return None
    local = moment.astimezone(TAIPEI)
    begins = datetime.combine(local.date(), rules.quiet_from, TAIPEI)
    if begins <= local:
        begins += timedelta(days=1)
    return begins.astimezone(moment.tzinfo)
