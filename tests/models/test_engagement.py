"""Engagement: who last tapped, clicked, bought; what was unanswered, in whatever order seen."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from models.browse_event import Look, keep_looks
from models.engagement import (
    CLICKS,
    FACTS,
    LINE_EVENTS,
    LOOKS,
    MESSAGES,
    PURCHASES,
    Engagement,
    EngagementMark,
    MarketingSent,
    find_engagement,
    forget_answered,
    forget_engagement,
    merge_engagement,
    note_facts,
    note_messages,
    recount,
    unmerge_engagement,
)
from models.line_event import LineEvent
from models.member import Member
from models.outbox import Owed
from models.purchase import Purchase
from models.segment import Context, explain_rule, members_of, parse_rule
from tests.conftest import NOON, Committed, Maker

MakeMember = Callable[..., Member]
ALL = 2**62
Deed = Callable[[Session, Member, datetime], object]
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ANYBODY_WAITS = text("""
    SELECT EXISTS (SELECT FROM pg_locks
        WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))
""")
"""For what this session holds."""
_numbers = count(1)


@pytest.fixture(autouse=True)
def begun(session: Session) -> dict[str, int]:
    """Begin each table where this test does: its ids go on from those of all tests before."""
    newest = text("SELECT nextval(pg_get_serial_sequence(:fact, 'id'))")
    begun = {fact: session.execute(newest, {"fact": fact}).scalar_one() for fact in FACTS}
    session.add_all(EngagementMark(fact=fact, last_id=last_id) for fact, last_id in begun.items())
    session.flush()
    return begun


def tap(session: Session, member: Member, at: datetime, kind: str = "postback") -> None:
    """Keep a webhook event as it stands once it was worked: emptied, with who and when."""
    session.add(
        LineEvent(
            webhook_event_id=str(uuid4()),
            person=member.line_user_id,
            event_type=kind,
            raw={},
            received_at=at,
            state="done",
        )
    )
    session.flush()


def click(session: Session, member: Member, at: datetime) -> None:
    seen = Look(f"engagement:{next(_numbers)}", member.number, "view", at)
    assert keep_looks(session, "web", [seen], max(at, NOON)).kept == 1


def buy(session: Session, member: Member, at: datetime) -> Purchase:
    sale = Maker().spend(session, member, 100, at.date())
    sale.purchased_at = at
    session.flush()
    return sale


def send(
    session: Session, member: Member, at: datetime, *, state: str = "accepted", **told: object
) -> Owed:
    """Keep an outbox row that was settled `at`."""
    columns: dict[str, object] = {"is_marketing": True, "kind": "win_back"} | told
    row = Owed(
        line_user_id=member.line_user_id or "U0",
        member_id=member.id,
        words={},
        language="zh-TW",
        idempotency_key=str(uuid4()),
        state=state,
        created_at=at,
        next_try_at=at,
        settled_at=None if state == "waiting" else at,
        **columns,
    )
    session.add(row)
    session.flush()
    return row


def note_all(
    session: Session, now: datetime = NOON, *, limit: int = 2_000, is_settled: bool = True
) -> None:
    session.flush()
    for fact in FACTS:
        newest = session.scalar(text(f"SELECT coalesce(max(id), 0) FROM {fact}"))  # noqa: S608
        assert isinstance(newest, int)
        is_last = False
        while not is_last:
            is_last = note_facts(session, fact, newest, limit=limit).is_last
    is_last = False
    while not is_last:
        _, is_last = note_messages(session, now, is_settled=is_settled, limit=limit)


def known(session: Session, member: Member) -> Engagement:
    found = find_engagement(session, member.id)
    assert found is not None
    return found


def test_taps_clicks_and_sales_are_the_last_of_each(
    session: Session, make_member: MakeMember
) -> None:
    """A-26: interaction record; contents of what was said are neither read nor kept."""
    member = make_member()
    for hours in (3, 1, 2):
        tap(session, member, NOON - hours * HOUR, "message")
        click(session, member, NOON - hours * HOUR - HOUR)
        buy(session, member, NOON - hours * HOUR - 2 * HOUR)
    tap(session, member, NOON, "unfollow")
    note_all(session)
    found = known(session, member)
    assert found.tapped_at == NOON - HOUR
    assert found.clicked_at == NOON - 2 * HOUR
    assert found.bought_at == NOON - 3 * HOUR
    assert (found.sent_at, found.unanswered) == (None, 0)


@pytest.mark.parametrize("answer", [tap, click, buy])
def test_any_answer_ends_what_was_unanswered_before_it(
    session: Session, make_member: MakeMember, answer: Deed
) -> None:
    """B-07: answered is a tap, a click, or a purchase after the message."""
    member = make_member()
    for hours in (9, 6, 3):
        send(session, member, NOON - hours * HOUR)
    note_all(session)
    assert known(session, member).unanswered == 3
    answer(session, member, NOON - 5 * HOUR)
    note_all(session)
    found = known(session, member)
    assert (found.unanswered, found.sent_at) == (1, NOON - 3 * HOUR)


def test_only_marketing_that_line_accepted_counts(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    send(session, member, NOON, is_marketing=False, kind="receipt")
    for state in ("refused", "skipped", "unknown", "waiting"):
        send(session, member, NOON, state=state)
    note_all(session)
    assert find_engagement(session, member.id) is None
    send(session, member, NOON)
    note_all(session)
    assert known(session, member).unanswered == 1


@pytest.mark.parametrize("seed", range(6))
def test_in_whatever_order_and_how_often_things_are_seen_the_end_is_the_same(
    session: Session, make_member: MakeMember, begun: dict[str, int], seed: int
) -> None:
    """Twice, out of order, late: each end equals a count from scratch."""
    chance = random.Random(seed)
    member = make_member()
    moments = [NOON - chance.randrange(1, 500) * HOUR for _ in range(12)]
    sent = [NOON - chance.randrange(1, 500) * HOUR for _ in range(8)]
    deeds: list[tuple[Deed, datetime]] = [(chance.choice((tap, click, buy)), at) for at in moments]
    deeds += [(send, at) for at in sent]
    chance.shuffle(deeds)
    for deed, at in deeds:
        deed(session, member, at)
        if chance.random() < 0.5:
            # Who sends is still at work, so that the mark stays where it is.
            note_all(session, limit=chance.randrange(1, 4), is_settled=False)
        if chance.random() < 0.2:
            for fact, last_id in begun.items():
                session.get_one(EngagementMark, fact).last_id = last_id
    note_all(session)
    assert known(session, member).unanswered == sum(at > max(moments) for at in sent)
    assert known(session, member).sent_at == max(sent)


def test_an_answer_and_a_message_noted_at_once_know_of_each_other(committed: Committed) -> None:
    """B-07: who counts waits for an answer that is being noted, and then knows of it."""
    with committed.sessions.begin() as session:
        member = committed.maker.member(session)
        note_all(session, NOON - DAY)
        session.add(Engagement(member_id=member.id))
        newest = buy(session, member, NOON).id

    def take_a_message() -> None:
        sent = {"owed_id": uuid4(), "kind": "win_back", "sent_at": NOON - HOUR}
        with committed.sessions.begin() as session:
            session.add(MarketingSent(member_id=member.id, **sent))
            session.flush()
            recount(session, [member.id])

    with ThreadPoolExecutor(1) as others, committed.sessions.begin() as session:
        note_facts(session, PURCHASES, newest)
        taking = others.submit(take_a_message)
        while not session.scalar(ANYBODY_WAITS):
            assert not taking.done(), "it did not wait for the answer"
        session.commit()
        taking.result()
    with committed.sessions() as session:
        assert known(session, member).unanswered == 0


def test_a_message_that_is_settled_by_a_slow_clock_is_not_missed(
    session: Session, make_member: MakeMember
) -> None:
    """Its moment lies before the mark; the overlap finds it, and counts it once."""
    member = make_member()
    note_all(session, NOON)
    send(session, member, NOON - timedelta(minutes=9))
    note_all(session, NOON)
    note_all(session, NOON)
    assert known(session, member).unanswered == 1


def test_marks_follow_and_never_go_back(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    tap(session, member, NOON)
    note_all(session)
    marks = {mark.fact: (mark.last_id, mark.last_at) for mark in _marks(session)}
    assert marks[MESSAGES][1] == NOON
    assert marks[LINE_EVENTS][0] > 0
    assert note_facts(session, LINE_EVENTS, 0).is_last
    note_messages(session, NOON - DAY, is_settled=True)
    note_messages(session, NOON + DAY, is_settled=False)
    assert {mark.fact: (mark.last_id, mark.last_at) for mark in _marks(session)} == marks


def _marks(session: Session) -> list[EngagementMark]:
    session.expire_all()
    return list(session.scalars(select(EngagementMark)))


def test_old_answered_messages_are_forgotten_and_never_counted_again(
    session: Session, make_member: MakeMember
) -> None:
    member, silent = make_member(), make_member()
    for each in (member, silent):
        send(session, each, NOON - 40 * DAY)
    tap(session, member, NOON - 39 * DAY)
    note_all(session)
    session.execute(delete(Owed))  # As `forget_settled` does after 30 days.
    assert forget_answered(session, NOON, limit=9) == 1
    assert forget_answered(session, NOON, limit=9) == 0
    note_all(session)
    assert (known(session, member).unanswered, known(session, silent).unanswered) == (0, 1)
    assert session.scalars(select(MarketingSent.member_id)).all() == [silent.id]


def test_nothing_is_noted_of_strangers_or_of_who_left(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    buy(session, member, NOON)
    send(session, member, NOON)
    session.execute(
        text(
            "UPDATE member SET marketing_allowed = false, line_user_id = NULL, name = NULL,"
            " phone = NULL, birthday = NULL, erased_at = now() WHERE id = :id"
        ),
        {"id": member.id},
    )
    session.add(
        LineEvent(webhook_event_id="stranger", person="U" + "9" * 32, event_type="message", raw={})
    )
    note_all(session)
    assert session.scalars(select(Engagement.member_id)).all() == []


def test_who_leaves_is_forgotten(session: Session, make_member: MakeMember) -> None:
    member, other = make_member(), make_member()
    for each in (member, other):
        send(session, each, NOON)
    note_all(session)
    forget_engagement(session, member.id)
    assert session.scalars(select(Engagement.member_id)).all() == [other.id]
    assert session.scalars(select(MarketingSent.member_id)).all() == [other.id]


def test_merged_cards_are_one_person_and_apart_again_two(
    session: Session, make_member: MakeMember
) -> None:
    keep, drop = make_member(), make_member()
    tap(session, keep, NOON - 9 * HOUR)
    click(session, drop, NOON - 5 * HOUR)
    send(session, drop, NOON - 7 * HOUR)
    send(session, drop, NOON - 3 * HOUR)
    send(session, keep, NOON - 8 * HOUR)
    note_all(session)
    before = [(known(session, m).unanswered, known(session, m).clicked_at) for m in (keep, drop)]
    journal = merge_engagement(session, keep.id, drop.id)
    assert find_engagement(session, drop.id) is None
    merged = known(session, keep)
    assert (merged.unanswered, merged.clicked_at) == (1, NOON - 5 * HOUR)
    unmerge_engagement(session, keep.id, drop.id, journal)
    after = [(known(session, m).unanswered, known(session, m).clicked_at) for m in (keep, drop)]
    assert after == before == [(1, None), (1, NOON - 5 * HOUR)]


def test_a_tap_after_the_merge_stays_with_the_kept_card(
    session: Session, make_member: MakeMember
) -> None:
    keep, drop = make_member(), make_member()
    tap(session, drop, NOON - 5 * HOUR)
    note_all(session)
    journal = merge_engagement(session, keep.id, drop.id)
    tap(session, keep, NOON)
    note_all(session)
    unmerge_engagement(session, keep.id, drop.id, journal)
    assert known(session, keep).tapped_at == NOON
    assert known(session, drop).tapped_at == NOON - 5 * HOUR


def test_a_card_of_which_nothing_is_known_merges_too(
    session: Session, make_member: MakeMember
) -> None:
    keep, drop = make_member(), make_member()
    journal = merge_engagement(session, keep.id, drop.id)
    unmerge_engagement(session, keep.id, drop.id, journal)
    unmerge_engagement(session, keep.id, drop.id, {})
    assert session.scalars(select(Engagement.member_id)).all() == []


# --- what rules ask


def found_by(session: Session, **leaf: Any) -> set[int]:
    rule = parse_rule({"schema": 1, "where": leaf})
    inside = set(session.scalars(members_of(rule, Context(session, NOON))))
    denied = parse_rule({"schema": 1, "where": {"not": leaf}})
    outside = set(session.scalars(members_of(denied, Context(session, NOON))))
    everybody = set(session.scalars(select(Member.id)))
    assert inside | outside == everybody
    assert not inside & outside
    return inside


def test_clicked_and_tapped_within_days(session: Session, make_member: MakeMember) -> None:
    """Segment fields: ages are whole Taipei days, and one of n days is within n."""
    clicker, tapper, nobody = make_member(), make_member(), make_member()
    click(session, clicker, NOON - 7 * DAY)
    tap(session, tapper, NOON - 7 * DAY)
    note_all(session)
    for name, member in (("clicked", clicker), ("tapped", tapper)):
        asked = {"field": name, "is": "is", "value": True}
        assert found_by(session, **asked) == {member.id}
        assert found_by(session, **asked, within_days=7) == {member.id}
        assert found_by(session, **asked, within_days=6) == set()
        others = {clicker.id, tapper.id, nobody.id} - {member.id}
        assert found_by(session, field=name, **{"is": "is"}, value=False) == others


@pytest.mark.parametrize(
    ("operator", "value", "is_in"),
    [
        ("at_least", 10, True),
        ("at_least", 11, False),
        ("is", 10, True),
        ("less_than", 11, True),
        ("between", [9, 10], True),
        ("more_than", 10, False),
    ],
)
@pytest.mark.parametrize("last", [tap, click, buy, None])
def test_silent_days_count_from_the_last_tap_click_or_purchase(
    session: Session,
    make_member: MakeMember,
    last: Callable[[Session, Member, datetime], None] | None,
    operator: str,
    value: object,
    *,
    is_in: bool,
) -> None:
    """Whoever has done nothing since joining is silent since then."""
    joined_at = NOON - (10 if last is None else 300) * DAY
    member = make_member(joined_at=joined_at)
    if last is not None:
        last(session, member, NOON - 200 * DAY) if last is not click else None
        last(session, member, NOON - 10 * DAY)
    note_all(session)
    asked = {"field": "silent_days", "is": operator, "value": value}
    assert (member.id in found_by(session, **asked)) is is_in


def test_unanswered_and_never_messaged(session: Session, make_member: MakeMember) -> None:
    twice, never = make_member(), make_member()
    for hours in (2, 1):
        send(session, twice, NOON - hours * HOUR)
    note_all(session)
    asked = {"field": "unanswered", "is": "at_least"}
    assert found_by(session, **asked, value=2) == {twice.id}
    assert found_by(session, **asked, value=3) == set()
    assert found_by(session, **asked, value=0) == {twice.id, never.id}
    assert found_by(session, field="unanswered", **{"is": "is"}, value=0) == {never.id}
    assert found_by(session, field="messaged", **{"is": "is"}, value=False) == {never.id}


def test_why_shows_the_day_and_the_count(session: Session, make_member: MakeMember) -> None:
    """X5: the deciding facts."""
    member = make_member()
    tap(session, member, NOON - 3 * DAY)
    send(session, member, NOON - 2 * DAY)
    note_all(session)
    leaves = [
        {"field": "tapped", "is": "is", "value": True, "within_days": 2},
        {"field": "silent_days", "is": "at_least", "value": 2},
        {"field": "unanswered", "is": "at_least", "value": 1},
        {"field": "messaged", "is": "is", "value": True},
    ]
    told = explain_rule(
        session, parse_rule({"schema": 1, "where": {"all": leaves}}), member.id, NOON
    )
    day = (NOON - 3 * DAY).date(), (NOON - 2 * DAY).date()
    assert [answer.found for answer in told.answers] == [day[0], 3, 1, day[1]]
    assert [answer.holds for answer in told.answers] == [False, True, True, True]


def test_purchases_and_looks_have_marks_of_their_own(session: Session) -> None:
    assert set(FACTS) == {LINE_EVENTS, LOOKS, CLICKS, PURCHASES}
