"""The loop of docs/channels.md (A-22): bound to LINE → what they do → a push → they come back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.postback import Action, parse_postback, postback_data
from jobs.note_engagement import note_engagement
from jobs.run_journeys import run_journeys
from models.browse_event import Look, keep_looks
from models.checkout import Sale, record_purchase
from models.consent import get_notice
from models.engagement import find_engagement
from models.friend import meet
from models.journey import JourneyVisit, activate_journey, add_journey, parse_definition
from models.journey.templates import TEMPLATES
from models.link import clicks_of
from models.local_day import local_day
from models.member import Member
from models.membership import Application, register_member, set_marketing
from tests.jobs.conftest import Said, Worker, a_person

JOURNEY = "browsed-not-bought"


def bind(worker: Worker) -> Member:
    """Let somebody join in LINE and allow marketing."""
    person = a_person()

    def join(session: Session) -> Member:
        now = worker.clock.now
        meet(session, person)
        asked = Application(
            line_user_id=person,
            name="林小晴",
            phone="0912345678",
            birthday=local_day(now) - timedelta(days=9_000),
            language="zh-TW",
            source="line",
            notice_version=get_notice(session).version,
            evidence="e",
        )
        member = register_member(session, asked, now).member
        set_marketing(session, member, allowed=True, evidence="e", now=now)
        return member

    member: Member = worker.run(join)
    return member


def switch_on(worker: Worker) -> None:
    """Run the template's journey for everybody: nobody is held out."""
    definition = TEMPLATES[JOURNEY].definition | {"holdout_percent": 0}

    def add(session: Session) -> None:
        now = worker.clock.now
        add_journey(
            session, "loop", {"zh-TW": "迴圈"}, parse_definition(definition), by="阿德", now=now
        )
        activate_journey(session, "loop", now=now)

    worker.run(add)


def buttons_of(said: Said) -> list[dict[str, Any]]:
    """Return the actions of a message's buttons."""
    found: list[dict[str, Any]] = []

    def look(node: Any) -> None:
        if isinstance(node, dict):
            if node.get("type") == "postback":
                found.append(node)
            for part in node.values():
                look(part)
        elif isinstance(node, list):
            for part in node:
                look(part)

    look(list(said.messages))
    return found


def test_who_is_bound_is_heard_written_to_and_comes_back(worker: Worker) -> None:
    """A-22: binding → behaviour → push → incentive → return, with nobody's hand in between."""
    member = bind(worker)
    switch_on(worker)
    worker.deliver_outbox()
    worker.line.said.clear()

    worker.clock.advance(minutes=5)
    look = Look("look-1", member.number, "view", worker.clock.now, sku="milk-tea", category="奶茶")
    worker.run(lambda s: keep_looks(s, "shop", [look], worker.clock.now))
    note_engagement(worker.sessions, now=worker.clock.now)
    heard = worker.run(lambda s: find_engagement(s, member.id))
    assert heard is not None
    assert heard.clicked_at == worker.clock.now

    for _ in range(4):
        run_journeys(worker.sessions, now=worker.clock.now)
        worker.deliver_outbox()
        worker.clock.advance(hours=2)
    (pushed,) = (said for said in worker.line.said if said.via == "push")
    assert pushed.to == member.line_user_id
    taps = [parse_postback(each["data"]) for each in buttons_of(pushed)]
    (coupons,) = (tap for tap in taps if tap.action == Action.SHOW_COUPONS and "via" in tap.fields)

    worker.receive(
        member.line_user_id,
        "postback",
        postback={"data": postback_data(coupons.action, **coupons.fields)},
    )
    worker.work_inbox()
    reply = worker.line.said[-1]
    assert reply.via == "reply"
    told = worker.run(lambda s: clicks_of(s, "journey:loop"))
    assert [(tap.is_tap, tap.clicks, tap.members) for tap in told] == [(True, 1, 1)]

    def buy(session: Session) -> None:
        store = worker.maker.store(session)
        record_purchase(session, Sale(member.id, store, None, 120, str(uuid4())), worker.clock.now)

    worker.run(buy)
    run_journeys(worker.sessions, now=worker.clock.now)
    (visit,) = worker.run(
        lambda s: s.scalars(select(JourneyVisit).where(JourneyVisit.journey_code == "loop")).all()
    )
    assert visit.state != "under_way"
    again = worker.run(lambda s: s.get_one(Member, member.id))
    assert again.purchase_count == 1
