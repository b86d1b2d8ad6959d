"""Runs: opened once a slot, frozen as rows, steered while they last, proved at their end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.campaign.arm import position_of
from models.friend import Friend
from models.line_pace import MULTICAST, take
from models.member import Member
from models.quota import change_plan, month_of
from models.sending import (
    CampaignBatch,
    CampaignRecipient,
    CampaignRun,
    NoSuchRun,
    RunEnded,
    cancel_run,
    find_recipient,
    get_run,
    open_run,
    pause_run,
    proof_of,
    resume_run,
    stop_run,
)
from models.sending.claiming import claim_chunk, list_sending, seconds_until_due
from models.sending.ending import end_batches, finish_runs, list_planned, miss_runs
from models.sending.freezing import begin_run, freeze_run
from models.sending.moving import merge_recipients, unmerge_recipients
from models.sending.opening import unit_name
from models.sending.settling import BatchResult, settle_batches
from models.sending.table import BATCH_SIZE, LEASE
from tests.conftest import NOON
from tests.models.sending_shop import (
    GRACE,
    OWN,
    SAME,
    batches_of,
    fill,
    frozen,
    plan,
    recipients_of,
)

ONE_MINUTE = timedelta(minutes=1)


def variants(*codes: str) -> list[dict[str, Any]]:
    """Return variants of equal shares."""
    return [{"code": code, "share": 1, "content": SAME} for code in codes]


def settle_all(session: Session, run_id: int, state: str = "accepted") -> None:
    """Claim and settle whatever is due."""
    while (chunk := claim_chunk(session, run_id, NOON)) is not None:
        results = [BatchResult(each.id, each.tries, state, 200, "r-1") for each in chunk.claims]
        settle_batches(session, results, NOON)
    finish_runs(session, NOON)


# --- opening


def test_a_slot_has_one_run(session: Session) -> None:
    run_id = plan(session, slot="2026-11-22T12:00")
    run = get_run(session, run_id)
    again = open_run(session, run.campaign_id, run.spec, NOON, NOON + GRACE, run.slot, NOON)

    assert again is None
    assert (run.state, run.finished_at) == ("planned", None)


@pytest.mark.parametrize(
    ("code", "unit"),
    [
        ("autumn", "autumn_7"),
        ("mid-autumn.2026", "mid_autumn_2026_7"),
        ("x" * 60, "x" * 28 + "_7"),
    ],
)
def test_lines_statistics_have_a_name_that_line_takes(code: str, unit: str) -> None:
    assert unit_name(code, 7) == unit


def test_no_run_no_verbs(session: Session) -> None:
    with pytest.raises(NoSuchRun):
        proof_of(session, 999_999)
    with pytest.raises(NoSuchRun):
        pause_run(session, 999_999, "…", NOON)


# --- freezing


def test_recipients_are_rows_in_batches_of_what_one_multicast_reaches(session: Session) -> None:
    members = fill(session, BATCH_SIZE + 2)
    fill(session, 3, first=5_001, language="ja")
    run_id = frozen(session)

    batches = batches_of(session, run_id)
    sizes = sorted((batch.language, batch.members) for batch in batches)
    assert sizes == [("ja", 3), ("zh-TW", 2), ("zh-TW", BATCH_SIZE)]
    assert {batch.state for batch in batches} == {"waiting"}
    assert get_run(session, run_id).planned == len(members) + 3
    counted = Counter(row.batch_id for row in recipients_of(session, run_id).values())
    assert counted == {batch.id: batch.members for batch in batches}


def test_freezing_twice_changes_nothing(session: Session) -> None:
    fill(session, 3)
    run_id = frozen(session)
    fill(session, 2, first=100)

    assert freeze_run(session, run_id, NOON) == 0
    assert not begin_run(session, run_id, NOON)
    assert len(recipients_of(session, run_id)) == 3


def test_keys_of_two_runs_are_never_the_same(session: Session) -> None:
    fill(session, 1)
    first, second = frozen(session), frozen(session)

    assert batches_of(session, first)[0].id != batches_of(session, second)[0].id


def test_the_holdout_is_frozen_and_never_written_to(session: Session) -> None:
    """X2: a tenth is left out by default, the same people each time."""
    members = fill(session, 1_000)
    run_id = frozen(session, holdout=10)

    rows = recipients_of(session, run_id)
    held = {member_id for member_id, row in rows.items() if row.reason == "holdout"}
    code = get_run(session, run_id).spec["code"]
    expected = session.scalars(
        select(Member.id).where(Member.id.in_(members), position_of(code) < 1_000)
    )
    assert held == set(expected)
    assert 25 < len(held) < 200
    assert {(rows[n].state, rows[n].variant, rows[n].batch_id) for n in held} == {
        ("skipped", None, None)
    }
    assert proof_of(session, run_id).skipped == {"holdout": len(held)}


def test_variants_share_the_rest_and_a_member_stays_in_theirs(session: Session) -> None:
    """E-15: who is in which variant follows from campaign and member alone."""
    fill(session, 1_000)
    run_id = frozen(session, variants=variants("A", "B"), holdout_percent=0, code="same")
    again = frozen(session, variants=variants("A", "B"), holdout_percent=0, code="same")

    first = {n: row.variant for n, row in recipients_of(session, run_id).items()}
    assert {n: row.variant for n, row in recipients_of(session, again).items()} == first
    counts = Counter(first.values())
    assert set(counts) == {"A", "B"}
    assert abs(counts["A"] - counts["B"]) < 250


def test_arms_say_who_gets_what_by_position_and_rule(session: Session) -> None:
    """The first arm that holds; who is in none is no recipient."""
    fill(session, 60)
    fill(session, 40, first=300, points=500)
    rich = {"schema": 1, "where": {"field": "points", "is": "at_least", "value": 100}}
    arms = [
        {"variant": "B", "from": 0, "to": 10_000, "rule": rich},
        {"variant": "A", "from": 0, "to": 5_000, "rule": None},
    ]
    run_id = frozen(session, variants=variants("A", "B"), arms=arms)

    counts = Counter(row.variant for row in recipients_of(session, run_id).values())
    code = get_run(session, run_id).spec["code"]
    first = select(func.count()).where(Member.points == 0, position_of(code) < 5_000)
    assert counts == {"A": session.scalar(first), "B": 40}


def test_the_audience_is_a_rule_over_members(session: Session) -> None:
    fill(session, 3)
    rich = fill(session, 2, first=300, points=500)
    rule = {"schema": 1, "where": {"field": "points", "is": "at_least", "value": 100}}
    run_id = frozen(session, audience={"code": "rich", "version": 1, "rule": rule})

    assert sorted(recipients_of(session, run_id)) == rich


def test_whom_no_channel_reaches_is_skipped_at_once(session: Session) -> None:
    fill(session, 1)
    (gone,) = fill(session, 1, first=300)
    line = select(Member.line_user_id).where(Member.id == gone).scalar_subquery()
    session.execute(update(Friend).where(Friend.line_user_id == line).values(is_following=False))
    run_id = frozen(session)

    row = recipients_of(session, run_id)[gone]
    assert (row.state, row.reason, row.batch_id) == ("skipped", "unreachable", None)


def test_personal_words_make_personal_batches(session: Session) -> None:
    fill(session, 2)
    assert [batch.is_personal for batch in batches_of(session, frozen(session))] == [False]
    run_id = frozen(session, content=OWN)
    assert [batch.is_personal for batch in batches_of(session, run_id)] == [True]
    forced = frozen(session, is_personal=True)
    assert [batch.is_personal for batch in batches_of(session, forced)] == [True]


def test_where_quota_is_short_who_brings_most_goes_first(
    session: Session, make_member: Callable[..., Member]
) -> None:
    """U4: the first batch holds those with the highest expected margin."""
    fill(session, BATCH_SIZE)
    best = make_member(spend_twd=9_000, spent_on=NOON.date())
    limit = {"hard_cap": 100, "service_reserve": 0}
    change_plan(session, None, limit, from_month=month_of(NOON), note="…", by="o", now=NOON)
    run_id = frozen(session)

    first = batches_of(session, run_id)[0]
    assert recipients_of(session, run_id)[best.id].batch_id == first.id
    assert first.members == BATCH_SIZE


# --- time


def test_a_run_begins_at_its_moment_and_not_after_its_end(session: Session) -> None:
    run_id = plan(session, now=NOON)

    assert not begin_run(session, run_id, NOON - ONE_MINUTE)
    assert not begin_run(session, run_id, NOON + GRACE)
    assert list_planned(session, NOON - ONE_MINUTE) == []
    assert list_planned(session, NOON) == [run_id]
    assert list(miss_runs(session, NOON + GRACE)) == [run_id]
    assert get_run(session, run_id).state == "missed"


def test_a_claim_is_a_lease(session: Session) -> None:
    fill(session, 1)
    run_id = frozen(session)

    assert claim_chunk(session, run_id, NOON) is not None
    assert claim_chunk(session, run_id, NOON + LEASE - ONE_MINUTE / 60) is None
    assert seconds_until_due(session, [run_id], NOON) == LEASE.total_seconds()
    again = claim_chunk(session, run_id, NOON + LEASE)
    assert again is not None
    assert [claim.is_repeat for claim in again.claims] == [True]


def test_a_late_result_of_an_old_claim_ends_a_batch_but_does_not_put_it_off(
    session: Session,
) -> None:
    fill(session, 1)
    run_id = frozen(session)
    old = claim_chunk(session, run_id, NOON)
    new = claim_chunk(session, run_id, NOON + LEASE)
    assert old is not None
    assert new is not None
    batch_id = old.claims[0].id
    late = BatchResult(batch_id, old.claims[0].tries, "waiting", 429, next_try_at=NOON)
    settle_batches(session, [late], NOON)
    (batch,) = batches_of(session, run_id)
    assert (batch.in_doubt, batch.next_try_at) == (True, NOON + 2 * LEASE)
    settle_batches(session, [BatchResult(batch_id, old.claims[0].tries, "accepted")], NOON)
    assert batches_of(session, run_id)[0].state == "accepted"


# --- steering


def test_pause_and_resume_keep_where_the_run_was(session: Session) -> None:
    early, late = plan(session), frozen(session)
    for run_id, state in ((early, "planned"), (late, "sending")):
        pause_run(session, run_id, "看一下", NOON)
        assert (get_run(session, run_id).state, list_sending(session)) != (state, [run_id])
        resume_run(session, run_id, "好了", NOON)
        assert get_run(session, run_id).state == state
        assert get_run(session, run_id).stop_reason is None


def test_a_stop_by_the_guard_is_no_pause_that_anybody_overwrites(session: Session) -> None:
    run_id = frozen(session)
    stop_run(session, run_id, "budget", NOON)
    pause_run(session, run_id, "…", NOON)

    assert (get_run(session, run_id).state, get_run(session, run_id).stop_reason) == (
        "stopped",
        "budget",
    )


def test_an_ended_run_is_not_steered(session: Session) -> None:
    run_id = frozen(session)
    settle_all(session, run_id)

    for steer in (pause_run, resume_run, cancel_run, stop_run):
        with pytest.raises(RunEnded):
            steer(session, run_id, "…", NOON)


def test_a_cancelled_plan_ends_at_once_and_a_begun_run_proves_who_was_skipped(
    session: Session,
) -> None:
    fill(session, 2)
    run_id = plan(session)
    cancel_run(session, run_id, "…", NOON)
    assert get_run(session, run_id).finished_at == NOON

    begun = plan(session)
    begin_run(session, begun, NOON)
    cancel_run(session, begun, "…", NOON)
    cancel_run(session, begun, "…", NOON)
    freeze_run(session, begun, NOON)
    assert end_batches(session, NOON) == 1
    finish_runs(session, NOON)
    proof = proof_of(session, begun)
    assert (proof.state, proof.skipped, proof.is_complete) == ("cancelled", {"cancelled": 2}, True)


# --- proof


def test_planned_is_accepted_and_skipped_and_refused_and_unknown(session: Session) -> None:
    """The proof: every recipient counts once, while a run goes on and at its end."""
    fill(session, 30)
    fill(session, 12, first=300, marketing_allowed=False)
    run_id = frozen(session, holdout=10)
    before = proof_of(session, run_id)
    assert (before.planned, before.accepted, before.is_complete) == (42, 0, False)
    settle_all(session, run_id)

    proof = proof_of(session, run_id)
    stopped = proof.skipped["marketing_stopped"]
    assert proof.is_complete
    assert proof.accepted + stopped + proof.skipped.get("holdout", 0) == 42
    assert proof.state == "finished"


def test_a_member_s_campaigns_can_be_looked_up(session: Session) -> None:
    first, _ = fill(session, 2)
    run_id = frozen(session)
    settle_all(session, run_id)

    (got,) = find_recipient(session, first)
    assert (got.run_id, got.state, got.request_id, got.variant) == (run_id, "accepted", "r-1", "A")
    assert (got.channel, got.at) == ("line", NOON)


def test_the_database_knows_no_other_states(session: Session) -> None:
    fill(session, 1)
    run_id = frozen(session)
    for table, state in (
        (CampaignRun, "over"),
        (CampaignBatch, "gone"),
        (CampaignRecipient, "lost"),
    ):
        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(update(table).values(state=state))
    assert get_run(session, run_id).state == "sending"


# --- cards become one


def test_what_two_cards_were_sent_is_one_cards_and_can_be_parted_again(session: Session) -> None:
    keep, drop = fill(session, 2)
    both = frozen(session)
    settle_all(session, both)
    alone = frozen(session)
    session.execute(
        delete(CampaignRecipient).where(
            CampaignRecipient.run_id == alone, CampaignRecipient.member_id == keep
        )
    )
    session.execute(update(CampaignBatch).where(CampaignBatch.run_id == alone).values(members=1))
    waiting = frozen(session)
    settle_all(session, alone)

    moved = merge_recipients(session, keep, drop)
    assert moved == [alone]
    assert sorted(recipients_of(session, both)) == [keep, drop]
    assert sorted(recipients_of(session, waiting)) == [keep, drop]
    assert {got.run_id for got in find_recipient(session, keep)} == {both, alone, waiting}
    unmerge_recipients(session, keep, drop, moved)
    assert list(recipients_of(session, alone)) == [drop]


# --- LINE's pace


def test_places_follow_one_another_at_lines_pace(session: Session) -> None:
    first = take(session, MULTICAST, 10, rate=100)
    second = take(session, MULTICAST, 10, rate=100)
    third = take(session, MULTICAST, 1, rate=100)

    assert first.wait_seconds < 0.001
    assert first.spacing_seconds == 0.01
    assert 0.05 < second.wait_seconds <= 0.1
    assert 0.1 < third.wait_seconds - second.wait_seconds + 0.05 <= 0.2


def test_a_pace_from_before_the_clock_was_set_holds_nobody_up(session: Session) -> None:
    take(session, MULTICAST, 100_000, rate=1)

    assert take(session, MULTICAST, 1).wait_seconds < 0.001


def test_pace_is_kept_apart_by_endpoint(session: Session) -> None:
    take(session, MULTICAST, 10, rate=1)

    assert take(session, "push", 1).wait_seconds < 0.001
    assert session.scalar(select(func.count()).select_from(CampaignRun)) == 0
