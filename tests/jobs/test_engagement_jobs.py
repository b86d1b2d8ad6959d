"""The round and the nights of tags, engagement and KPIs: nothing missed, nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import apply_tag_rules as tag_rules_module
from jobs import note_engagement as round_module
from jobs.timetable import get_entry, get_round
from models.browse_event import Look, keep_looks
from models.checkout import Line, Sale, record_purchase
from models.classification.table import MemberClass
from models.engagement import Engagement, MarketingSent
from models.kpi import KpiValue, keep_kpi
from models.local_day import local_day
from models.member import Member
from models.metric import MemberMetric
from models.outbox import Owed
from models.segment import parse_rule
from models.segment.keeping import add_segment, archive_segment
from models.tag import (
    BY_OPERATOR,
    MemberTag,
    Tag,
    TagEvent,
    add_trigger,
    give_tag,
    keep_tag,
    list_member_tags,
)
from models.tag.ruling import follow_segment
from tests.conftest import NOON
from tests.jobs.conftest import Worker

DAY = timedelta(days=1)
TODAY = local_day(NOON)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(round_module, "PAUSE_SECONDS", 0.01)


def go_round(worker: Worker) -> int:
    return get_round("note_engagement").job(worker.sessions, now=worker.clock.now)


def known(worker: Worker, member: Member) -> Engagement:
    found = worker.run(lambda session: session.get(Engagement, member.id))
    assert isinstance(found, Engagement)
    return found


def sell(session: Session, worker: Worker, member: Member, **told: Any) -> None:
    store = worker.maker.store(session)
    sale = Sale(member.id, store, None, 100, str(uuid4()), **told)
    record_purchase(session, sale, worker.clock.now)


def look(session: Session, member: Member, kind: str = "cart") -> None:
    keep_looks(session, "web", [Look(str(uuid4()), member.number, kind, NOON)], NOON)


def codes(worker: Worker, member: Member) -> list[str]:
    held = worker.run(lambda s: list_member_tags(s, member.id, worker.clock.now))
    return [each.tag.code for each in held]


def make_tag(worker: Worker, code: str) -> None:
    worker.run(lambda s: keep_tag(s, code, {"zh-TW": code}, now=NOON))


# --- the round


def test_a_round_takes_over_what_webhook_till_and_outbox_left(worker: Worker) -> None:
    """B-07, A-26: nothing more is written by tap, sale and delivery than before."""
    member = worker.member()
    person = str(member.line_user_id)
    worker.owe(person, is_marketing=True, member_id=member.id)
    worker.deliver_outbox()
    assert go_round(worker) == 1
    assert (known(worker, member).unanswered, known(worker, member).sent_at) == (1, NOON)
    worker.clock.advance(minutes=5)
    worker.receive(person, "postback")
    assert go_round(worker) == 1
    assert known(worker, member).unanswered == 0
    assert known(worker, member).tapped_at == worker.clock.now
    assert go_round(worker) == 0


def test_what_commits_late_is_not_missed(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids are drawn first and committed last; later ones wait, and nobody waits for the round."""
    monkeypatch.setattr(round_module, "TRIES", 2)
    slow_buyer, quick_buyer = worker.member(), worker.member()
    with worker.sessions.begin() as slow:
        sell(slow, worker, slow_buyer)
        worker.run(lambda session: sell(session, worker, quick_buyer))
        assert go_round(worker) == 0
    assert go_round(worker) == 2
    for member in (slow_buyer, quick_buyer):
        assert known(worker, member).bought_at == NOON


def test_a_message_whose_settling_commits_late_is_not_missed(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(round_module, "TRIES", 2)
    member, other = worker.member(), worker.member()
    owed = [
        worker.owe(str(each.line_user_id), is_marketing=True, member_id=each.id)
        for each in (member, other)
    ]
    with worker.sessions.begin() as slow:
        row = slow.get_one(Owed, owed[0])
        row.state, row.settled_at = "accepted", NOON
        slow.flush()
        worker.change(Owed, owed[1], state="accepted", settled_at=NOON)
        worker.clock.advance(minutes=30)
        assert go_round(worker) == 1
    assert go_round(worker) == 1
    assert known(worker, member).unanswered == 1


def test_rounds_at_once_count_each_thing_once(worker: Worker) -> None:
    members = [worker.member() for _ in range(6)]
    for member in members:
        for _ in range(3):
            owed = worker.owe(str(member.line_user_id), is_marketing=True, member_id=member.id)
            worker.change(Owed, owed, state="accepted", settled_at=NOON)
        worker.receive(str(member.line_user_id), late=60)
        worker.run(partial(look, member=member))
    make_tag(worker, "never")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: go_round(worker), range(4)))
    sent = worker.run(lambda s: s.scalars(select(MarketingSent.member_id)).all())
    assert sorted(sent) == sorted(member.id for member in members for _ in range(3))
    assert [known(worker, member).unanswered for member in members] == [0] * 6


def test_a_cart_is_tagged_within_minutes_and_untagged_by_the_sale(worker: Worker) -> None:
    """B-08: 購物車未結帳, by an event; in parts of any size, each once."""
    make_tag(worker, "cart")
    worker.run(
        lambda s: add_trigger(
            s, s.get_one(Tag, "cart"), "cart", 3, ends_with_purchase=True, now=NOON - DAY
        )
    )
    member = worker.member()
    worker.run(lambda session: look(session, member))
    go_round(worker)
    assert codes(worker, member) == ["cart"]
    worker.clock.advance(minutes=5)
    worker.run(lambda session: sell(session, worker, member))
    go_round(worker)
    assert codes(worker, member) == []
    events = worker.run(lambda s: s.scalars(select(TagEvent).order_by(TagEvent.id)).all())
    assert [(event.what, event.why) for event in events] == [
        ("added", "event"),
        ("removed", "bought"),
    ]


def test_expired_tags_are_tidied_by_the_round(worker: Worker) -> None:
    make_tag(worker, "short")
    member = worker.member()

    def give(session: Session) -> None:
        tag = session.get_one(Tag, "short")
        until = NOON + timedelta(minutes=3)
        give_tag(session, member.id, tag, source=BY_OPERATOR, expires_at=until, now=NOON)

    worker.run(give)
    worker.clock.advance(minutes=3)
    go_round(worker)
    assert worker.run(lambda s: s.scalars(select(MemberTag)).all()) == []


# --- just before a push


def sleep_through(worker: Worker, *, messages: int) -> Member:
    """Make a sleeping member who left so many messages unanswered, as the last round knows."""
    member = worker.member()

    def write(session: Session) -> None:
        for number in range(messages):
            session.add(
                MarketingSent(
                    owed_id=uuid4(),
                    member_id=member.id,
                    kind="win_back",
                    sent_at=NOON - (number + 1) * DAY,
                )
            )
        session.add(Engagement(member_id=member.id, unanswered=messages))
        session.add(
            MemberClass(
                member_id=member.id,
                as_of=TODAY,
                nasld="lost",
                napl_article="passout",
                napl_91app="lost",
                last_on=TODAY - 99 * DAY,
                frequency=1,
                monetary_twd=1,
                r_score=1,
                f_score=1,
                m_score=1,
                rfm_group="sleeping",
            )
        )

    worker.run(write)
    return member


def test_who_is_left_in_peace_gets_receipts_and_no_marketing(worker: Worker) -> None:
    """B-07: auto-suppression of 沉睡會員; transactional messages are never held back."""
    member = sleep_through(worker, messages=3)
    person = str(member.line_user_id)
    marketing = worker.owe(person, is_marketing=True, member_id=member.id)
    service = worker.owe(person, member_id=member.id)
    worker.deliver_outbox()
    row = worker.row(marketing)
    assert (row.state, row.reason, row.words) == ("skipped", "suppressed", {})
    assert worker.row(service).state == "accepted"


def test_a_tap_a_second_before_the_push_lets_it_go(worker: Worker) -> None:
    member = sleep_through(worker, messages=3)
    worker.receive(str(member.line_user_id), "postback")
    owed = worker.owe(str(member.line_user_id), is_marketing=True, member_id=member.id)
    worker.deliver_outbox()
    assert worker.row(owed).state == "accepted"


def test_the_third_message_of_one_batch_is_the_last(worker: Worker) -> None:
    """What was accepted since the last round counts, though no round has seen it."""
    member = sleep_through(worker, messages=2)
    for _ in range(2):
        worker.owe(str(member.line_user_id), is_marketing=True, member_id=member.id)
        worker.deliver_outbox()
        worker.clock.advance(seconds=30)
    assert [(row.state, row.reason) for row in worker.rows()] == [
        ("accepted", None),
        ("skipped", "suppressed"),
    ]


# --- the nights


def follow(worker: Worker, code: str, segment: str, leaf: dict[str, object]) -> None:
    def write(session: Session) -> None:
        rule = parse_rule({"schema": 1, "where": leaf})
        add_segment(session, segment, {"zh-TW": segment}, rule, by="test", now=NOON)
        tag = keep_tag(session, code, {"zh-TW": code}, now=NOON)
        follow_segment(session, tag, segment)

    worker.run(write)


def apply(worker: Worker) -> int:
    return get_entry("apply_tag_rules").job(worker.sessions, now=worker.clock.now)


def test_the_night_lets_members_join_and_leave_in_parts(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B-08: 本月新註冊 follows its segment; twice a night changes nothing twice."""
    monkeypatch.setattr(tag_rules_module, "PART", 2)
    segment = f"joined-{uuid4().hex[:8]}"
    leaf = {"field": "joined_days_ago", "is": "at_most", "value": 30}
    follow(worker, "new-this-month", segment, leaf)
    new = [worker.member(joined_at=NOON - DAY) for _ in range(5)]
    old = worker.member(joined_at=NOON - 31 * DAY)
    assert apply(worker) == 5
    assert apply(worker) == 0
    assert [codes(worker, member) for member in (*new, old)] == [["new-this-month"]] * 5 + [[]]
    tag = worker.run(lambda s: s.get_one(Tag, "new-this-month"))
    assert tag.applied_at == NOON
    worker.clock.advance(days=30)
    assert apply(worker) == 5
    worker.run(lambda s: archive_segment(s, segment, now=NOON))


def test_one_segment_that_cannot_be_asked_stops_no_other_tag(worker: Worker) -> None:
    worker.run(lambda s: keep_tag(s, "a-lost", {"zh-TW": "a"}, now=NOON))
    worker.change(Tag, "a-lost", segment_code="gone")
    leaf = {"field": "joined_days_ago", "is": "at_most", "value": 30}
    follow(worker, "b-new", f"joined-{uuid4().hex[:8]}", leaf)
    member = worker.member(joined_at=NOON)
    assert apply(worker) == 1
    assert codes(worker, member) == ["b-new"]


def test_kpis_are_measured_of_whole_days_every_night(worker: Worker) -> None:
    """E-14: saved questions become metrics and totals by night; twice is once."""
    member = worker.member()

    def write(session: Session) -> None:
        query = {"schema": 1, "count": "quantity", "sku": "TEA-01", "window_days": 1}
        keep_kpi(session, "tea_sold", {"zh-TW": "烏龍茶"}, query, by="x", now=NOON)
        line = Line("烏龍", 100, quantity=2, sku="TEA-01")
        sell(session, worker, member, lines=(line,))

    worker.run(write)
    worker.clock.advance(days=1)
    for _ in range(2):
        job = get_entry("measure_kpis").job
        assert job(worker.sessions, now=worker.clock.now) == 3
    totals = worker.run(
        lambda s: s.execute(select(KpiValue.day, KpiValue.total).order_by(KpiValue.day)).all()
    )
    assert totals == [(TODAY - 2 * DAY, 0), (TODAY - DAY, 0), (TODAY, 2)]
    values = worker.run(
        lambda s: s.scalars(select(MemberMetric.value).where(MemberMetric.name == "tea_sold")).all()
    )
    assert values == [2]


def test_the_timetable_has_them(worker: Worker) -> None:
    asked: list[Callable[[], object]] = [
        lambda: get_round("note_engagement"),
        lambda: get_entry("apply_tag_rules"),
        lambda: get_entry("measure_kpis"),
    ]
    assert all(ask() for ask in asked)
