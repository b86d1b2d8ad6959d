"""A festival is so many days ahead: for everybody, once a festival and year (A-20)."""

import json
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    Date,
    Select,
    Text,
    cast,
    func,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from models.base import said
from models.festival import Occasion, find_festival_names, occasions_beginning
from models.journey.trigger import Param, Params, Span, Trigger, add_trigger
from models.journey.triggers.due_days import MOMENT, cause, due_rows, in_their_language
from models.member import Member

MOST_DAYS_BEFORE = 60


def _festivals(session: Session, params: Params, span: Span) -> Select[Any] | None:
    """Tell everybody of the chosen festivals that begin in so many days."""
    rows = [
        (
            occasion.code,
            str(occasion.begins_on.year),
            json.dumps(occasion.names),
            occasion.begins_on,
            span.moment_of(day),
        )
        for day in span.days()
        for occasion in _beginning(session, params, day, day)
    ]
    if not rows:
        return None
    due = due_rows(rows, code=Text(), year=Text(), names=Text(), begins_on=Date(), at=MOMENT)
    return cause(
        Member.id,
        func.concat("festival:", due.c.code, ":", due.c.year, ":", Member.id),
        due.c.at,
        festival=due.c.code,
        festival_name=in_their_language(cast(due.c.names, JSONB), Member.language),
        begins_on=due.c.begins_on,
    ).join(due, true())


def _beginning(session: Session, params: Params, first: date, last: date) -> list[Occasion]:
    """Return the chosen festivals of which one is told from `first` through `last`."""
    ahead = timedelta(days=params["days_before"])
    found = occasions_beginning(session, first + ahead, last + ahead)
    return [occasion for occasion in found if occasion.code in params["festivals"]]


add_trigger(
    Trigger(
        "festival",
        said("節慶", "Festival", "季節の行事"),
        _festivals,
        params=(
            Param(
                "festivals",
                "codes",
                said("節日", "Festivals", "行事"),
                required=True,
                choices=find_festival_names,
            ),
            Param(
                "days_before",
                "integer",
                said("提前天數", "Days before", "何日前"),
                usual=3,
                maximum=MOST_DAYS_BEFORE,
            ),
        ),
        facts=("festival", "festival_name", "begins_on"),
    )
)
