"""Opening a run: one sending of a campaign at its moment, at most one a slot."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.sending.table import LONGEST_UNIT, CampaignRun

TASK = "send_campaigns"
_UNFIT = re.compile(r"[^A-Za-z0-9_]+")


def open_run(
    session: Session,
    campaign_id: int,
    spec: Mapping[str, Any],
    send_at: datetime,
    until: datetime,
    slot: str,
    now: datetime,
) -> int | None:
    """Plan one sending and return its id; None where this slot has a run already.

    `spec` is as `models/sending/spec.py` has it. Nobody is written to before `send_at`, and nobody
    for the first time from `until` on.
    """
    return session.scalar(
        insert(CampaignRun)
        .values(
            campaign_id=campaign_id,
            slot=slot,
            state="planned",
            spec=dict(spec),
            unit_name=unit_name(spec["code"], campaign_id),
            send_at=send_at,
            until=max(send_at, until),
            planned=0,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["campaign_id", "slot"])
        .returning(CampaignRun.id)
    )


def unit_name(code: str, campaign_id: int) -> str:
    """Return the name LINE counts a campaign's messages under: one a campaign, of 1,000 a month."""
    end = f"_{campaign_id}"
    return _UNFIT.sub("_", code)[: LONGEST_UNIT - len(end)] + end
