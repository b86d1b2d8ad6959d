"""Somebody joined."""

from typing import Any

from sqlalchemy import Select, Text, cast, func, literal, select
from sqlalchemy.orm import Session

from models.base import said
from models.journey.trigger import Param, Params, Span, Trigger, add_trigger
from models.member import Member


def _causes(session: Session, params: Params, span: Span) -> Select[Any]:
    joined = select(
        Member.id.label("member_id"),
        func.concat("joined:", Member.id).label("key"),
        Member.joined_at.label("at"),
        func.jsonb_build_object("source", Member.join_source).label("facts"),
    ).where(Member.joined_at >= span.since, Member.join_source != "import")
    if params["source"] is not None:
        joined = joined.where(Member.join_source == cast(literal(params["source"]), Text))
    return joined


JOINED = add_trigger(
    Trigger(
        "joined",
        said("入會", "Joined", "入会"),
        _causes,
        params=(Param("source", "text", said("入會來源", "Joined from", "入会経路")),),
        facts=("source",),
    )
)
