"""The job that rewards invitations once their return window is over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from jobs import settle_referrals as job
from jobs.settle_referrals import settle_referrals
from jobs.timetable import get_entry
from models.base import Sessions
from models.referral import QUALIFIED, REWARDED
from tests.conftest import NOON, Maker
from tests.models.shopping import buy
from tests.models.test_referral import invite, set_rule


@pytest.mark.parametrize("part", [1, 100])
def test_all_that_is_due_is_settled_once(
    session: Session, sessions: Sessions, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    """B-20: rewards come without anybody issuing them; a second run changes nothing."""
    monkeypatch.setattr(job, "PART", part)
    set_rule(session)
    maker = Maker()
    referrer = maker.member(session)
    referrals = []
    for days in (0, 0, 1):
        friend = maker.member(session, joined_at=NOON)
        referrals.append(invite(session, referrer, friend))
        buy(session, friend, now=NOON + timedelta(days=days))
    session.commit()
    due = NOON + timedelta(days=7)

    assert settle_referrals(sessions, now=due) == 2
    assert settle_referrals(sessions, now=due) == 0

    session.expire_all()
    assert [referral.state for referral in referrals] == [REWARDED, REWARDED, QUALIFIED]
    assert referrer.points == 60


def test_the_timetable_runs_it_by_day_so_that_nobody_is_woken() -> None:
    entry = get_entry("settle_referrals")

    assert entry.job is settle_referrals
    assert 9 <= entry.at.hour <= 20
