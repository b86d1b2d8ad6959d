"""A birthday is near, or its month begins; 29 February is kept on the 28th in a common year."""

from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    case,
    func,
    literal,
    select,
)
from sqlalchemy.orm import Session

from models.base import said
from models.benefit import birthday_template
from models.coupon import Coupon
from models.journey.trigger import Param, Params, Span, Trigger, add_trigger
from models.journey.triggers.due_days import MOMENT, cause, due_rows
from models.local_day import birthdays_kept_on
from models.member import Member
from models.programme import get_programme

MOST_DAYS_BEFORE = 60


def _gift(session: Session, span: Span) -> ColumnElement[str]:
    """Return the code of each member's birthday coupon, by their tier and paid plan."""
    programme, today = get_programme(session), span.today
    plans = [plan.code for plan in programme.plans]
    has_plan = and_(Member.plan_code.is_not(None), Member.plan_until > span.now)
    cases = []
    for tier in programme.tiers:
        for plan in plans:
            held = and_(Member.tier_id == tier.id, has_plan, Member.plan_code == plan)
            cases.append((held, literal(birthday_template(programme, tier.id, plan, today), Text)))
        gift = literal(birthday_template(programme, tier.id, None, today), Text)
        cases.append((Member.tier_id == tier.id, gift))
    return case(*cases)


def _birthdays(session: Session, params: Params, span: Span) -> Select[Any] | None:
    """Tell of the birthdays that are so many days ahead, once a year; with the coupon's code."""
    rows = []
    for day in span.days():
        on = day + timedelta(days=params["days_before"])
        rows += [(mmdd, on.isoformat(), span.moment_of(day)) for mmdd in birthdays_kept_on(on)]
    if not rows:
        return None
    due = due_rows(rows, mmdd=Integer(), on=Text(), at=MOMENT)
    key = func.concat("birthday:", Member.id, ":", func.left(due.c.on, 4))
    told = cause(Member.id, key, due.c.at, birthday_on=due.c.on, template=_gift(session, span))
    given = select(Coupon.id).where(Coupon.issue_key == key, Coupon.issued_at < due.c.at)
    return told.join(due, due.c.mmdd == Member.birthday_mmdd).where(
        # Given on the same day before there were journeys, or by the year's first birthday.
        ~given.correlate(Member, due).exists()
    )


add_trigger(
    Trigger(
        "birthday",
        said("生日", "Birthday", "お誕生日"),
        _birthdays,
        params=(
            Param(
                "days_before",
                "integer",
                said("提前天數", "Days before", "何日前"),
                usual=0,
                maximum=MOST_DAYS_BEFORE,
            ),
        ),
        facts=("birthday_on", "template"),
    )
)


def _months(session: Session, params: Params, span: Span) -> Select[Any] | None:
    """Tell of everybody whose birthday month begins, once a year."""
    rows = [
        (day.month * 100, f"{day:%Y-%m}", span.moment_of(day))
        for day in span.days()
        if day.day == 1
    ]
    if not rows:
        return None
    due = due_rows(rows, mm00=Integer(), month=Text(), at=MOMENT)
    key = func.concat("birthday_month:", Member.id, ":", due.c.month)
    told = cause(Member.id, key, due.c.at, month=due.c.month, template=_gift(session, span))
    return told.join(due, Member.birthday_mmdd.between(due.c.mm00 + 1, due.c.mm00 + 31))


add_trigger(
    Trigger(
        "birthday_month",
        said("生日月開始", "Birthday month begins", "お誕生月の始まり"),
        _months,
        facts=("month", "template"),
    )
)
