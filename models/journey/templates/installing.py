"""Installing a template: its coupons, its surveys, its journey, each only where missing."""

from datetime import datetime
from typing import cast

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.coupon import CouponTemplate
from models.journey.definition import parse_definition
from models.journey.keeping import activate_journey, add_journey
from models.journey.table import Journey
from models.journey.templates.shelf import BASIC, TEMPLATES, NoSuchTemplate
from models.journey.templates.template import Template
from models.survey.keeping import keep_survey
from models.survey.table import Survey


def install_template(
    session: Session,
    code: str,
    *,
    by: str,
    now: datetime,
    activate: bool = True,
    days: int | None = None,
    is_noted: bool = True,
) -> Journey:
    """Install the template of this code as a journey of the same code, switched on unless told.

    `days` goes before those its trigger waits for, such as the day that a shop's own curve names.
    A journey of that code, whatever became of it, is returned as it is. Raises NoSuchTemplate, or
    what `parse_definition` and `add_journey` raise.
    """
    template = TEMPLATES.get(code)
    if template is None:
        raise NoSuchTemplate(template=code, known=list(TEMPLATES))
    installed = session.get(Journey, code)
    if installed is not None:
        return installed
    _bring(session, template, by, now)
    told = template.definition
    if days is not None:
        told = told | {"trigger": {**told["trigger"], "days": days}}
    definition = parse_definition(told)
    made = add_journey(session, code, template.names, definition, by=by, now=now, is_noted=is_noted)
    return activate_journey(session, code, now=now, is_noted=is_noted) if activate else made


def _bring(session: Session, template: Template, by: str, now: datetime) -> None:
    """Make the coupon templates and surveys that the shop does not have."""
    if template.coupons:
        table = cast(Table, CouponTemplate.__table__)
        rows = [dict(row) for row in template.coupons]
        session.execute(insert(table).values(rows).on_conflict_do_nothing())
    for code, survey in template.surveys.items():
        if session.get(Survey, code) is None:
            keep_survey(
                session,
                code,
                survey.kind,
                name=survey.name,
                question=survey.question,
                reasons=survey.reasons,
                by=by,
                now=now,
            )


def install_basic(session: Session, *, by: str, now: datetime) -> None:
    """Install what every shop has from its first day on, where it was never there."""
    for code in BASIC:
        install_template(session, code, by=by, now=now, is_noted=False)
