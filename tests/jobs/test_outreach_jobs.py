"""Marketing in the outbox: pushed when it may be, put off while it is useful, else told why not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from jobs import clearing
from models import journey, line_pace
from models.engagement import MarketingSent, find_engagement
from models.local_day import TAIPEI
from models.member import Member
from models.outbox import Owed
from models.outreach import change_rules
from models.quota import QuotaEntry, QuotaHold, change_plan, month_of
from models.sending.table import CampaignRecipient
from tests.jobs.conftest import (
    NO_ANSWER,
    NO_QUOTA,
    RATE_LIMITED,
    REFUSED,
    UNREACHABLE,
    Worker,
)
from tests.models.test_outreach import batch_of, run_of

NIGHT = datetime(2026, 11, 22, 23, 0, tzinfo=TAIPEI)
MORNING = datetime(2026, 11, 23, 10, 0, tzinfo=TAIPEI)
HOUR = timedelta(hours=1)


@pytest.fixture
def member(worker: Worker) -> Member:
    return worker.member()


def owe(worker: Worker, member: Member, **told: Any) -> UUID:
    """Owe a member marketing."""
    told = {"is_marketing": True} | told
    return worker.owe(str(member.line_user_id), member_id=member.id, **told)


def end(worker: Worker, owed_id: UUID) -> tuple[str, str | None]:
    row = worker.row(owed_id)
    return row.state, row.reason


# --- quiet hours


def test_marketing_owed_at_night_is_pushed_in_the_morning(worker: Worker, member: Member) -> None:
    """X9: owed at 23:00 it waits until 10:00; a service message goes at once."""
    worker.clock.now = NIGHT
    owed, service = owe(worker, member), owe(worker, member, is_marketing=False)
    worker.deliver_outbox()

    assert end(worker, service) == ("accepted", None)
    assert end(worker, owed) == ("waiting", "quiet_hours")
    assert worker.row(owed).next_try_at == MORNING
    worker.clock.now = MORNING
    worker.deliver_outbox()
    assert end(worker, owed) == ("accepted", None)


def test_what_the_morning_has_no_use_for_ends_at_night(worker: Worker, member: Member) -> None:
    worker.clock.now = NIGHT
    owed = owe(worker, member, useful_until=MORNING)
    worker.deliver_outbox()

    assert end(worker, owed) == ("skipped", "quiet_hours")
    assert worker.line.said == []


# --- the cap


def test_what_the_cap_holds_back_waits_for_tomorrow_while_it_is_useful(
    worker: Worker, member: Member
) -> None:
    """X9, T6: one a day; a message of two days' use goes the next morning, others end at once."""
    first = owe(worker, member)
    worker.deliver_outbox()
    lasting = owe(worker, member, useful_until=worker.clock.now + 48 * HOUR)
    brief = owe(worker, member, useful_until=worker.clock.now + 12 * HOUR)
    timeless = owe(worker, member)
    worker.deliver_outbox()

    assert end(worker, first) == ("accepted", None)
    assert end(worker, lasting) == ("waiting", "frequency_cap")
    assert [end(worker, row) for row in (brief, timeless)] == [("skipped", "frequency_cap")] * 2
    worker.clock.now = MORNING
    worker.deliver_outbox()
    assert end(worker, lasting) == ("accepted", None)


def test_what_waited_in_vain_tells_for_what(worker: Worker, member: Member) -> None:
    """X9: a skip says what held the message back, not that the clock went on meanwhile."""
    owe(worker, member)
    worker.deliver_outbox()
    owed = owe(worker, member, useful_until=worker.clock.now + 30 * HOUR)
    worker.deliver_outbox()
    worker.clock.now = MORNING + 24 * HOUR
    worker.deliver_outbox()

    assert end(worker, owed) == ("skipped", "frequency_cap")


def test_of_one_claim_the_most_important_goes(worker: Worker, member: Member) -> None:
    """X9: two sources, one member, one place: the higher priority goes first."""
    low, high = owe(worker, member, priority=10), owe(worker, member, priority=90)
    worker.deliver_outbox()

    assert end(worker, high) == ("accepted", None)
    assert end(worker, low) == ("skipped", "frequency_cap")


def test_the_lower_waits_for_a_higher_that_is_due_today(worker: Worker, member: Member) -> None:
    """X9: the higher is due this afternoon; the lower asks again, and ends with its reason."""
    high, low = owe(worker, member, priority=90), owe(worker, member, priority=10)
    afternoon = worker.clock.now + 3 * HOUR
    worker.change(Owed, high, next_try_at=afternoon)
    worker.deliver_outbox()

    assert end(worker, low) == ("waiting", "waiting_for_higher")
    assert worker.row(low).next_try_at == worker.clock.now + clearing.PAUSE_FOR_HIGHER
    worker.clock.now = afternoon
    worker.deliver_outbox()
    assert end(worker, high) == ("accepted", None)
    assert end(worker, low) == ("skipped", "frequency_cap")


def test_nobody_waits_for_ever_for_what_goes_first(worker: Worker, member: Member) -> None:
    low = owe(worker, member, priority=10)
    high = owe(worker, member, priority=90)
    worker.clock.advance(days=3)
    worker.change(Owed, high, next_try_at=worker.clock.now + HOUR)
    worker.deliver_outbox()

    assert end(worker, low) == ("skipped", "waiting_for_higher")


def test_a_try_without_an_answer_fills_its_own_place_once(worker: Worker, member: Member) -> None:
    """X9: the retry of a message is the same message, and holds back every other one."""
    owed = owe(worker, member)
    worker.line.script = [NO_ANSWER]
    worker.deliver_outbox()
    other = owe(worker, member)
    worker.deliver_outbox()
    worker.clock.advance(seconds=30)
    worker.deliver_outbox()

    assert end(worker, other) == ("skipped", "frequency_cap")
    assert worker.row(owed).state == "accepted"


def test_what_has_ended_fills_nobodys_place(worker: Worker, member: Member) -> None:
    late = owe(worker, member, useful_until=worker.clock.now, priority=90)
    owed = owe(worker, member)
    worker.deliver_outbox()

    assert end(worker, late) == ("skipped", "too_late")
    assert end(worker, owed) == ("accepted", None)


def test_four_dormancy_journeys_bring_one_message(worker: Worker, member: Member) -> None:
    """X9: one win-back at a time, though the cap would allow more."""
    worker.run(
        lambda s: change_rules(
            s, {"day_cap": 9, "window_cap": 9}, note="多", by="店長", now=worker.clock.now
        )
    )
    owed = [
        owe(worker, member, purpose="win_back", source=f"journey:dormant-{n}:1:say", visit_id=None)
        for n in range(4)
    ]
    other = owe(worker, member)
    worker.deliver_outbox()

    ends = [end(worker, row) for row in owed]
    assert ends == [("accepted", None)] + [("skipped", "win_back_lock")] * 3
    assert end(worker, other) == ("accepted", None)


def test_a_journeys_message_whose_reason_is_gone_is_not_pushed(
    worker: Worker, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """U16: asked just before the push; a purchase on day 89 cancels day 90."""
    asked: list[list[int]] = []

    def reasons_gone(_session: object, visit_ids: list[int], _now: object) -> dict[int, str]:
        asked.append(visit_ids)
        return {7: "purchase"}

    monkeypatch.setattr(journey, "reasons_gone", reasons_gone, raising=False)
    gone, still = owe(worker, member, visit_id=7), owe(worker, member, visit_id=8)
    worker.deliver_outbox()

    assert asked == [[7, 8]]
    assert end(worker, gone) == ("skipped", "reason_gone")
    assert end(worker, still) == ("accepted", None)


def test_mail_is_left_to_its_own_job(worker: Worker, member: Member) -> None:
    owed = owe(worker, member, channel="email")
    assert worker.deliver_outbox() == 0
    assert end(worker, owed) == ("waiting", None)


# --- quota and pace


def limit_to(worker: Worker, messages: int, *, kept_for_service: int = 0) -> None:
    worker.run(
        lambda s: change_plan(
            s,
            None,
            {"hard_cap": messages, "service_reserve": kept_for_service},
            from_month=month_of(worker.clock.now),
            note="試",
            by="店長",
            now=worker.clock.now,
        )
    )


def ledger(worker: Worker) -> list[tuple[str, int]]:
    entries = worker.run(lambda s: s.scalars(select(QuotaEntry).order_by(QuotaEntry.id)).all())
    return [(entry.kind, entry.messages) for entry in entries]


def test_each_push_reserves_its_message_and_notes_its_use(worker: Worker, member: Member) -> None:
    """U2: reserved before the call, used or released with its end; a reply takes nothing."""
    owe(worker, member, is_marketing=False)
    worker.deliver_outbox()
    assert ledger(worker) == [("reserve", 1), ("use", 1)]
    owe(worker, member, is_marketing=False)
    worker.line.script = [REFUSED]
    worker.deliver_outbox()
    assert ledger(worker)[2:] == [("reserve", 1), ("release", 1)]
    worker.owe_reply(str(member.line_user_id))
    worker.clock.advance(seconds=30)
    worker.deliver_outbox()
    assert len(ledger(worker)) == 4


def test_a_push_is_never_made_above_the_cap(worker: Worker, member: Member) -> None:
    """U2: what is kept for service is not touched by marketing; without quota a push waits."""
    limit_to(worker, 1, kept_for_service=1)
    marketing = owe(worker, member, useful_until=worker.clock.now + 2 * HOUR)
    worker.deliver_outbox()
    assert end(worker, marketing) == ("waiting", "quota")
    service = [owe(worker, member, is_marketing=False) for _ in range(2)]
    worker.deliver_outbox()
    assert [end(worker, row) for row in service] == [("accepted", None), ("waiting", "quota")]
    assert len(worker.line.said) == 1
    worker.clock.advance(hours=2)
    worker.deliver_outbox()
    assert end(worker, marketing) == ("skipped", "quota")


def test_a_retry_keeps_what_it_reserved(worker: Worker, member: Member) -> None:
    owed = owe(worker, member, is_marketing=False)
    worker.line.script = [RATE_LIMITED, UNREACHABLE]
    for _ in range(3):
        worker.deliver_outbox()
        worker.clock.advance(minutes=1)

    assert end(worker, owed) == ("accepted", None)
    assert ledger(worker) == [("reserve", 1), ("use", 1)]


def test_what_ends_after_a_try_gives_its_message_back(worker: Worker, member: Member) -> None:
    owed = owe(worker, member, useful_until=worker.clock.now + HOUR)
    worker.line.script = [RATE_LIMITED]
    worker.deliver_outbox()
    worker.clock.advance(hours=1)
    worker.deliver_outbox()

    assert end(worker, owed) == ("skipped", "too_late")
    assert ledger(worker) == [("reserve", 1), ("release", 1)]
    assert worker.run(lambda s: s.scalars(select(QuotaHold)).all()) == []


def test_lines_monthly_limit_is_noted_and_its_figure_asked_for(
    worker: Worker, member: Member
) -> None:
    """U3: from then on campaigns get nothing until LINE's figure shows room."""
    owe(worker, member, is_marketing=False)
    worker.line.script = [NO_QUOTA]
    worker.deliver_outbox()

    assert "reconcile_quota" in worker.rung


def test_turns_too_far_away_are_given_back(worker: Worker, member: Member) -> None:
    """Never above LINE's rate: who must wait longer than their claim holds comes round again."""
    worker.run(lambda s: line_pace.take(s, line_pace.PUSH, 59 * 1_950))
    owed = owe(worker, member)
    assert worker.deliver_outbox() == 0

    row = worker.row(owed)
    assert (row.state, row.in_doubt, worker.line.said) == ("waiting", False, [])
    assert row.next_try_at > worker.clock.now + timedelta(seconds=20)


# --- engagement


def test_a_campaigns_recipients_were_sent_a_marketing_message(worker: Worker) -> None:
    """B-07: campaigns count like the outbox's messages, each once, whichever round sees them."""
    from jobs.note_engagement import note_engagement

    people = [worker.member() for _ in range(3)]
    now = worker.clock.now

    def send(session: Any) -> None:
        run = run_of(session, now)
        batch_of(session, run, people[:2], now)
        batch_of(session, run, people[2:], now, state="refused")
        row = session.get_one(CampaignRecipient, (run.id, people[1].id))
        row.state, row.reason, row.settled_at = "skipped", "no_coupon", now
        batch_of(session, run_of(session, now, kind="service"), people, now)

    worker.run(send)
    for _ in range(2):
        note_engagement(worker.sessions, now=now)
    worker.clock.advance(hours=1)
    note_engagement(worker.sessions, now=worker.clock.now)

    sent = worker.run(lambda s: s.scalars(select(MarketingSent)).all())
    assert [(row.member_id, row.kind, row.sent_at) for row in sent] == [
        (people[0].id, "campaign", now)
    ]
    found = worker.run(lambda s: find_engagement(s, people[0].id))
    assert (found.unanswered, found.sent_at) == (1, now)
