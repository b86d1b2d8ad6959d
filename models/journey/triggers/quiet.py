"""Somebody has not come: never bought since joining, or not for so many days, or fell asleep.

The last has three faces beside the days: the class of a model, the lowest recency, and the months
of the curve, which are days too (the fourth begins on day 90). All of them may be true of one
member; that they get one message is the win-back lock's (`models/outreach`).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal
from sqlalchemy.orm import Session

from models.base import said
from models.classification.table import MemberClass
from models.journey.trigger import Param, Params, Span, Trigger, add_trigger
from models.journey.triggers.due_days import cause, days_ahead
from models.lifecycle.names import MODELS, PROSPECT, class_key
from models.local_day import day_of, day_start
from models.member import Member
from models.suppression import COLUMNS

LOOK_EVERY = timedelta(minutes=30)
"""Members are read by the day of their last purchase, which no index has."""
LOWEST_SCORE = 1
WIN_BACK = "win_back"
"""What keys of a silence begin with, whichever way it was noticed."""
SILENT = frozenset(
    {
        "nasld:sleep",
        "nasld:lost",
        "nasld:deep",
        "napl_article:passout",
        "napl_91app:potential",
        "napl_91app:lost",
        "rfm:sleeping",
    }
)
"""Classes of those who stopped coming."""
MOST_DAYS = 3_650


def _days(usual: int) -> Param:
    labels = said("天數", "Days", "日数")
    return Param("days", "integer", labels, usual=usual, minimum=1, maximum=MOST_DAYS)


def _never_bought(session: Session, params: Params, span: Span) -> Select[Any] | None:
    """Tell of those who joined so many days ago and never bought (B-02)."""
    due = days_ahead(span, -params["days"])
    if due is None:
        return None
    joined_on = day_of(Member.joined_at)
    told = cause(
        Member.id,
        func.concat("no_order:", Member.id, ":", literal(params["days"])),
        due.c.at,
        joined_on=joined_on,
        days=params["days"],
    )
    first = min(span.days()) - timedelta(days=params["days"])
    return told.join(due, due.c.on == joined_on).where(
        Member.joined_at >= day_start(first), Member.purchase_count == 0
    )


add_trigger(
    Trigger(
        "no_order",
        said("入會後未購買", "Joined, has not bought", "入会後の購入なし"),
        _never_bought,
        params=(_days(7),),
        every=timedelta(minutes=10),
        facts=("joined_on", "days"),
    )
)


def _silent(session: Session, params: Params, span: Span) -> Select[Any] | None:
    """Tell of those whose last purchase was so many days ago, once a silence (A-18, C-07)."""
    due = days_ahead(span, -params["days"])
    if due is None:
        return None
    return (
        _of_silence(due.c.at, days=params["days"])
        .join(due, due.c.on == Member.last_purchase_on)
        .where(Member.won_back_for.is_distinct_from(Member.last_purchase_on))
    )


def _of_silence(at: Any, **facts: Any) -> Select[Any]:
    """Return the cause that a member is silent since their last purchase.

    Its key is the same in every journey, and that under which silent members were written to
    before there were journeys.
    """
    key = func.concat(WIN_BACK, ":", Member.id, ":", Member.last_purchase_on)
    return cause(Member.id, key, at, last_purchase_on=Member.last_purchase_on, **facts)


add_trigger(
    Trigger(
        "silent",
        said("多日未消費", "Silent for so many days", "一定期間の購入なし"),
        _silent,
        params=(_days(90),),
        every=LOOK_EVERY,
        facts=("last_purchase_on", "days"),
    )
)


def _class_keys(session: Session) -> Mapping[str, dict[str, str]]:
    return {
        class_key(code, each.code): each.name
        for code, model in MODELS.items()
        for each in model.classes
        if each.code != PROSPECT
    }


def _in_class(session: Session, params: Params, span: Span) -> Select[Any] | None:
    """Tell of those whom a night put into a class; once a class and last purchase."""
    model, _, code = params["class"].partition(":")
    in_it = getattr(MemberClass, COLUMNS[model]) == code
    what = WIN_BACK if params["class"] in SILENT else params["class"]
    return _of_the_night(span, in_it, what, params["class"])


def _lowest_recency(session: Session, params: Params, span: Span) -> Select[Any] | None:
    """Tell of those whose recency a night scored lowest; once a silence (A-19)."""
    return _of_the_night(span, MemberClass.r_score == LOWEST_SCORE, WIN_BACK, "lowest_recency")


def _of_the_night(
    span: Span, is_so: ColumnElement[bool], what: str, name: str
) -> Select[Any] | None:
    """Return the cause that a night's row became as it is on one of the days of the span."""
    due = days_ahead(span, 0)
    if due is None:
        return None
    key = func.concat(literal(what), ":", Member.id, ":", Member.last_purchase_on)
    told = cause(
        Member.id, key, due.c.at, **{"class": name}, last_purchase_on=Member.last_purchase_on
    )
    return (
        told.join(MemberClass, MemberClass.member_id == Member.id)
        .join(due, due.c.on == MemberClass.as_of)
        .where(
            is_so,
            # Who bought since that night is in another class by now.
            func.coalesce(Member.last_purchase_on < MemberClass.as_of, True),
        )
    )


add_trigger(
    Trigger(
        "class_entered",
        said("進入某一類", "Came into a class", "分類に入った"),
        _in_class,
        params=(
            Param(
                "class",
                "code",
                said("類別", "Class", "分類"),
                required=True,
                choices=_class_keys,
            ),
        ),
        every=LOOK_EVERY,
        facts=("class", "last_purchase_on"),
    )
)
add_trigger(
    Trigger(
        "lowest_recency",
        said("R 分數最低", "Lowest recency", "R スコア最低"),
        _lowest_recency,
        every=LOOK_EVERY,
        facts=("class", "last_purchase_on"),
    )
)
