"""Somebody came into a segment; and the exit of having left it."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, exists, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.base import said
from models.journey.table import JourneyPresence, JourneyVisit
from models.journey.trigger import Exit, Param, Params, Span, Trigger, add_exit, add_trigger
from models.lifecycle.figures import is_here
from models.local_day import day_of
from models.member import Member
from models.segment import Context, condition_of, members_of
from models.segment.keeping import get_version, rule_of

SEGMENT = Param("segment", "segment", said("分眾", "Segment", "セグメント"), required=True)
LOOK_EVERY = timedelta(minutes=15)
"""A segment may have to be read from all members."""


def _take_down(session: Session, params: Params, span: Span) -> None:
    """Note who is in the segment now: who came since the last look, and who left.

    Two at once would write the same rows; the engine holds the journey's lock.
    """
    rule = rule_of(get_version(session, params["segment"]))
    context = Context(session, span.now)
    here = members_of(rule, context).subquery()
    mine = JourneyPresence.journey_code == span.journey_code
    session.execute(
        delete(JourneyPresence)
        .where(mine, JourneyPresence.member_id.not_in(select(here.c.id)))
        .execution_options(synchronize_session=False)
    )
    known = exists().where(mine, JourneyPresence.member_id == Member.id)
    columns = (literal(span.journey_code), Member.id, literal(span.now))
    new = members_of(rule, context, *columns).where(~known)
    session.execute(
        insert(JourneyPresence)
        .from_select(["journey_code", "member_id", "entered_at"], new)
        .on_conflict_do_nothing()
    )


def _causes(session: Session, params: Params, span: Span) -> Select[Any]:
    entered_on = day_of(JourneyPresence.entered_at)
    return select(
        JourneyPresence.member_id,
        func.concat(
            "segment:", params["segment"], ":", JourneyPresence.member_id, ":", entered_on
        ).label("key"),
        JourneyPresence.entered_at.label("at"),
        func.jsonb_build_object("segment", params["segment"]).label("facts"),
    ).where(
        JourneyPresence.journey_code == span.journey_code,
        JourneyPresence.entered_at > span.since,
    )


add_trigger(
    Trigger(
        "segment",
        said("進入分眾", "Entered a segment", "セグメントに入った"),
        _causes,
        params=(SEGMENT,),
        every=LOOK_EVERY,
        facts=("segment",),
        prepare=_take_down,
    )
)


def _has_left(session: Session, params: Params, now: datetime) -> ColumnElement[bool]:
    """Tell whether the member is not in the segment any more."""
    rule = rule_of(get_version(session, params["segment"]))
    holds = condition_of(rule, Context(session, now))
    inside = select(Member.id).where(Member.id == JourneyVisit.member_id, is_here(), holds)
    return ~inside.correlate(JourneyVisit).exists()


add_exit(
    Exit(
        "left_segment",
        said("已離開分眾", "Left the segment", "セグメントを離れた"),
        _has_left,
        params=(SEGMENT,),
    )
)
