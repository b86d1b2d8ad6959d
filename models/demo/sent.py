"""A campaign that the demo shop sent five weeks ago, for its results: who got it, who tapped.

It went the whole way of a campaign, on the days it would have: written, submitted, opened, frozen,
claimed with every rule of "may we write to them now?", settled. Only LINE is made up. Nobody bought
because of it: the made-up sales did not know of it, and its report finds so.
"""

import random
from datetime import datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import said
from models.campaign import Campaign, add_campaign
from models.campaign.opening import open_due_runs
from models.campaign.steering import approve_campaign, submit_campaign
from models.link import Named, note_click
from models.link.table import TrackedLink
from models.local_day import TAIPEI, local_day
from models.sending.claiming import claim_chunk
from models.sending.ending import finish_runs
from models.sending.freezing import begin_run, freeze_run
from models.sending.settling import ACCEPTED, BatchResult, settle_batches
from models.sending.table import CampaignRecipient

CODE = "autumn-oolong"
SENT_DAYS_AGO, SENT_TIME = 36, time(11, 0)
WRITTEN_BEFORE = timedelta(days=1)
LINE_TOOK = timedelta(seconds=2)
JOINED_DAYS = 60
"""Who joined before the campaign was sent, and some weeks earlier."""
HOLDOUT_PERCENT = 20
MENU = "https://tea-days.example/menu/autumn"
TAP_SHARE = 0.18
LONGEST_TAP_HOURS = 60
SEED = 20_261_018
KEY = b"the demo's clicks of the past"
"""Digests of who clicked are made with it; no link was ever sent under it."""


def add_sent_campaign(session: Session, now: datetime) -> None:
    """Add the campaign with its run, as if it had been sent."""
    if session.scalar(select(Campaign.id).where(Campaign.code == CODE)) is not None:
        return
    day = local_day(now) - timedelta(days=SENT_DAYS_AGO)
    sent_at = datetime.combine(day, SENT_TIME, TAIPEI)
    written_at = sent_at - WRITTEN_BEFORE
    add_campaign(session, CODE, _told(sent_at), by="marketer", now=written_at)
    if submit_campaign(session, CODE, by="marketer", now=written_at).needs_approval:
        approve_campaign(session, CODE, by="owner", now=written_at)
    for run_id in open_due_runs(session, sent_at):
        begin_run(session, run_id, sent_at)
        freeze_run(session, run_id, sent_at)
        _send(session, run_id, sent_at)
    finish_runs(session, sent_at + LINE_TOOK)
    open_due_runs(session, sent_at + LINE_TOOK)


def _send(session: Session, run_id: int, sent_at: datetime) -> None:
    """Have LINE take all that may go out, and let some tap the button."""
    while chunk := claim_chunk(session, run_id, sent_at):
        results = [
            BatchResult(claim.id, claim.tries, ACCEPTED, 200, f"demo-{run_id}-{place}")
            for place, claim in enumerate(chunk.claims)
        ]
        settle_batches(session, results, sent_at + LINE_TOOK)
    _tap(session, run_id, sent_at)


def _tap(session: Session, run_id: int, sent_at: datetime) -> None:
    source = f"campaign:{run_id}:A"
    link_id = session.scalars(select(TrackedLink.id).where(TrackedLink.source == source)).one()
    got = select(CampaignRecipient.member_id).where(
        CampaignRecipient.run_id == run_id,
        CampaignRecipient.variant.is_not(None),
        CampaignRecipient.state.is_(None),
    )
    chance = random.Random(SEED)  # noqa: S311 - made-up luck is no secret.
    for member_id in session.scalars(got.order_by(CampaignRecipient.member_id)).all():
        later = timedelta(hours=LONGEST_TAP_HOURS * chance.random() ** 3)
        if chance.random() < TAP_SHARE:
            note_click(session, KEY, Named(link_id, member_id), "", sent_at + LINE_TOOK + later)


def _told(sent_at: datetime) -> dict[str, object]:
    return {
        "name": said("秋焙烏龍上市", "Autumn roast oolong", "秋焙煎ウーロン発売"),
        "rule": {
            "schema": 1,
            "where": {"field": "joined_days_ago", "is": "at_least", "value": JOINED_DAYS},
        },
        "content": {
            "schema": 1,
            "messages": [
                {
                    "type": "card",
                    "template": "announcement",
                    "fields": {
                        "title": said("秋焙烏龍上市", "Autumn roast oolong", "秋焙煎ウーロン発売"),
                        "body": said(
                            "凍頂茶葉慢火秋焙，入口有烤栗子香，冷熱都順。",
                            "Dong Ding leaves, slowly roasted: a note of chestnuts, hot or iced.",
                            "凍頂の茶葉をじっくり焙煎。焼き栗の香りを、ホットでもアイスでも。",
                        ),
                        "button": {
                            "label": said("看看菜單", "See the menu", "メニューを見る"),
                            "url": MENU,
                        },
                    },
                }
            ],
        },
        "schedule": {"when": "once", "at": sent_at.isoformat()},
        "holdout_percent": HOLDOUT_PERCENT,
        "metric": "conversion",
    }
