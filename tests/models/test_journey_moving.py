"""Versions of journeys, and members in flight: moved, given up, merged, erased."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.audit import list_audit
from models.base import Sessions
from models.identity.merging import merge_members
from models.identity.unmerging import undo_merge
from models.journey import (
    JourneyMove,
    JourneyPresence,
    JourneyTask,
    JourneyVersion,
    activate_journey,
    add_journey,
    archive_journey,
    change_journey,
    get_journey,
    get_version,
    list_journeys,
    list_versions,
    parse_definition,
    pause_journey,
    rename_journey,
)
from models.journey.crossing import begin_crossing, cross_part, list_crossings
from models.journey.moving import give_up_visit, move_visits
from models.journey.refusals import (
    JourneyChanged,
    JourneyExists,
    JourneyRefused,
    NoSuchJourney,
    NoSuchVisit,
    StepsMissing,
    WrongState,
)
from models.journey.table import JourneyVisit
from models.member import Member
from models.membership import erase_member
from models.staff import Staff
from tests.conftest import NOON
from tests.models.journey_shop import DAY, MINUTE, begin, buy, go, owed, send, visits, wait, written

MakeMember = Callable[..., Member]
WEEK = [wait("week", "care", **{"for": {"days": 7}}), send("care")]
MONTH = [wait("month", "care", **{"for": {"days": 30}}), send("care", words="好久不見")]
NAME = {"zh-TW": "關懷"}


@pytest.fixture
def member(sessions: Sessions, session: Session, make_member: MakeMember) -> Member:
    """Return a member who waits for a week on the journey `care`, at whose end something waits."""
    found = make_member()
    task = {"id": "card", "do": "task", "what": {"zh-TW": "卡片"}, "next": "week"}
    begin(session, "care", [task, *WEEK])
    buy(session, found, NOON + MINUTE)
    go(sessions, session, NOON + 2 * MINUTE)
    return found


def change(session: Session, steps: list[Any], made_from: int = 1, **also: Any) -> int:
    told = parse_definition(written(steps, **also))
    return change_journey(
        session, "care", told, made_from=made_from, by="阿德", now=NOON, note="改"
    ).version


def test_who_is_under_way_finishes_on_their_version_unless_moved(
    sessions: Sessions, session: Session, make_member: MakeMember, member: Member
) -> None:
    assert change(session, MONTH) == 2
    assert change(session, MONTH, 2) == 2
    newcomer = make_member()
    buy(session, newcomer, NOON + 3 * MINUTE)
    go(sessions, session, NOON + 4 * MINUTE)
    go(sessions, session, NOON + 8 * DAY)
    assert [(each.member_id, each.version, each.state) for each in visits(session)] == [
        (member.id, 1, "done"),
        (newcomer.id, 2, "under_way"),
    ]


def test_moving_takes_a_map_of_steps_and_refuses_what_leads_nowhere(
    sessions: Sessions, session: Session, member: Member
) -> None:
    change(session, MONTH)
    with pytest.raises(StepsMissing) as refused:
        move_visits(session, "care", from_version=1, to_version=2, now=NOON)
    assert (refused.value.facts["steps"], refused.value.facts["possible"]) == (
        ["week"],
        ["month", "care"],
    )
    for moved in (1, 0):
        found = move_visits(
            session,
            "care",
            from_version=1,
            to_version=2,
            steps={"week": "month"},
            now=NOON + DAY,
        )
        assert found == moved
    go(sessions, session, NOON + DAY)
    (visit,) = visits(session)
    assert (visit.version, visit.step, visit.due_at) == (2, "month", NOON + 31 * DAY)
    assert list_audit(session, limit=1)[0].what == "journey.move"
    with pytest.raises(NoSuchJourney):
        move_visits(session, "care", from_version=1, to_version=9, now=NOON)


def test_a_version_is_never_changed_and_two_do_not_overwrite_each_other(
    session: Session, member: Member
) -> None:
    change(session, MONTH)
    with pytest.raises(JourneyChanged):
        change(session, WEEK)
    assert [each.version for each in list_versions(session, "care")] == [2, 1]
    for statement in (update(JourneyVersion).values(note="x"), delete(JourneyVersion)):
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(statement)
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(update(JourneyMove).values(why="x"))


def test_another_trigger_begins_anew(session: Session, member: Member) -> None:
    change(session, WEEK, on="joined")
    assert get_journey(session, "care").active_since == NOON
    with pytest.raises(NoSuchJourney):
        get_version(session, "care", 3)


def test_codes_names_and_states_are_kept_in_order(session: Session) -> None:
    definition = parse_definition(written(WEEK))
    add = {"by": "阿德", "now": NOON}
    for code, name in (("Care!", NAME), ("care", {"en": "Care"}), ("care", {"zh-TW": " "})):
        with pytest.raises(JourneyRefused):
            add_journey(session, code, name, definition, **add)  # type: ignore[arg-type]
    made = add_journey(session, "care", NAME, definition, by="阿德", now=NOON)
    with pytest.raises(JourneyExists):
        add_journey(session, "care", NAME, definition, by="阿德", now=NOON)
    with pytest.raises(JourneyRefused):
        change_journey(
            session,
            "care",
            parse_definition(written(MONTH)),
            made_from=1,
            by="阿德",
            now=NOON,
            note="改" * 501,
        )
    with pytest.raises(WrongState):
        pause_journey(session, "care", now=NOON)
    assert activate_journey(session, "care", now=NOON).state == "active"
    assert pause_journey(session, "care", now=NOON).state == "paused"
    assert rename_journey(session, "care", {"zh-TW": "新名"}, now=NOON).name == {"zh-TW": "新名"}
    archive_journey(session, "care", now=NOON)
    for verb in (activate_journey, pause_journey):
        with pytest.raises(WrongState):
            verb(session, "care", now=NOON)
    with pytest.raises(WrongState):
        change(session, MONTH)
    codes = [each.code for each in list_journeys(session)]
    assert made.code not in codes
    assert made.code in [each.code for each in list_journeys(session, with_archived=True)]
    with pytest.raises(NoSuchJourney):
        archive_journey(session, "nowhere", now=NOON)


def test_one_member_can_be_taken_off(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    begin(session, "care", [send("hi", "rest"), wait("rest", None)], hold_minutes=60)
    buy(session, member, NOON + MINUTE)
    go(sessions, session, NOON + 2 * MINUTE)
    (visit,) = visits(session)
    with pytest.raises(NoSuchVisit):
        give_up_visit(session, "care", visit.id + 1, now=NOON)
    ended = give_up_visit(session, "care", visit.id, now=NOON + 3 * MINUTE)
    assert (ended.state, ended.exit_reason) == ("exited", "given_up")
    (message,) = owed(session)
    session.refresh(message)
    assert (message.state, message.reason) == ("skipped", "given_up")


def test_who_leaves_is_on_no_journey_and_nothing_is_known(
    sessions: Sessions, session: Session, member: Member
) -> None:
    session.add(JourneyPresence(journey_code="care", member_id=member.id, entered_at=NOON))
    erase_member(session, member, evidence="test", now=NOON + 3 * MINUTE)
    (visit,) = visits(session)
    assert (visit.state, visit.exit_reason, visit.facts) == ("exited", "erased", {})
    assert session.scalars(select(JourneyTask)).all() == []
    assert session.scalars(select(JourneyPresence)).all() == []
    go(sessions, session, NOON + 8 * DAY)
    assert owed(session) == []


@pytest.mark.parametrize("both", [False, True])
def test_a_merge_takes_visits_along_and_undoing_it_gives_them_back(
    sessions: Sessions,
    session: Session,
    make_member: MakeMember,
    make_staff: Callable[..., Staff],
    member: Member,
    both: bool,
) -> None:
    """Where both are under way one of them ends: nobody is told twice."""
    keep, staff = make_member(line=False), make_staff("manager")
    if both:
        buy(session, keep, NOON + 2 * MINUTE)
        go(sessions, session, NOON + 3 * MINUTE)
    merge = merge_members(
        session, keep, member, staff=staff, reason="同一個人", key="m", now=NOON + 4 * MINUTE
    )
    moved = visits(session)[0]
    assert (moved.member_id, moved.state) == (keep.id, "exited" if both else "under_way")
    undo_merge(session, merge, staff=staff, now=NOON + DAY)
    session.refresh(moved)
    assert (moved.member_id, moved.state, moved.step) == (member.id, "under_way", "week")
    go(sessions, session, NOON + 8 * DAY)
    assert member.id in {message.member_id for message in owed(session)}
    owners = session.scalars(select(JourneyTask.member_id).order_by(JourneyTask.id)).all()
    assert owners == [member.id, keep.id][: 1 + both]


def test_a_crossing_moves_all_in_parts_and_is_ordered_once(
    sessions: Sessions, session: Session, member: Member, make_member: Any, make_staff: Any
) -> None:
    """B-16: any number by one order; who stands where nothing leads ends it with its reason."""
    for _ in range(2):
        buy(session, make_member(), NOON)
    go(sessions, session, NOON + MINUTE)
    change(session, MONTH)
    order: dict[str, Any] = {"from_version": 1, "to_version": 2, "steps": {"week": "month"}}
    for _ in "ab":
        begin_crossing(session, "care", **order, staff=make_staff("manager"), now=NOON)
    (crossing,) = list_crossings(session, "care")
    assert crossing.expected == 3
    assert [cross_part(session, crossing.id, NOON, part=2) for _ in "abc"] == [2, 1, 0]
    assert (crossing.moved, crossing.ended_at, crossing.problem) == (3, NOON, None)
    order = {"from_version": 2, "to_version": 1, "steps": {"month": "week"}}
    begin_crossing(session, "care", **order, staff=make_staff("owner"), now=NOON)
    session.execute(update(JourneyVisit).values(step="nowhere"))
    back, _ = list_crossings(session, "care")
    assert cross_part(session, back.id, NOON) == 0
    assert back.problem == StepsMissing.code
