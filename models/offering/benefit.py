"""Giving tiers and plans a benefit, and ending one: rules are read anew, and it is noted."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.activity import note_rule_change
from models.audit import note
from models.base import find_made
from models.benefit import Benefit, add_benefit
from models.local_day import local_day
from models.offering.table import NoSuchOffering, OfferingRefused
from models.staff import Staff

MOST_LISTED = 500
SUBJECT = "benefit"


def list_benefits(session: Session) -> list[Benefit]:
    """Return all benefits that are not over, those to come too, in the order they were made."""
    return list(session.scalars(select(Benefit).order_by(Benefit.id).limit(MOST_LISTED)))


def give_benefit(
    session: Session,
    kind: str,
    parameters: dict[str, Any],
    *,
    tier_id: int | None,
    plan_code: str | None,
    starts_on: date | None,
    ends_on: date | None,
    stock: int | None,
    idempotency_key: str,
    staff: Staff,
    now: datetime,
) -> Benefit:
    """Give a tier or a plan a benefit; a key seen before gives it once. Raises BenefitRefused."""
    known = find_made(session, Benefit, idempotency_key)
    if known is not None:
        return known
    benefit = add_benefit(
        session,
        kind,
        parameters,
        tier_id=tier_id,
        plan_code=plan_code,
        starts_on=starts_on,
        ends_on=ends_on,
        stock=stock,
        idempotency_key=idempotency_key,
    )
    note_rule_change(session)
    after = {"kind": kind, "parameters": parameters, "tier_id": tier_id, "plan": plan_code}
    _note(session, "add", benefit, staff, now, after=after)
    return benefit


def end_benefit(
    session: Session, benefit_id: int, ends_on: date, *, staff: Staff, now: datetime
) -> Benefit:
    """End a benefit: `ends_on` is the first day without it. Raises NoSuchOffering."""
    benefit = _lock(session, benefit_id)
    if ends_on < local_day(now) or (benefit.starts_on and ends_on <= benefit.starts_on):
        raise OfferingRefused(kind=SUBJECT, rule="ends_too_early")
    was = benefit.ends_on
    if was == ends_on:
        return benefit
    benefit.ends_on = ends_on
    note_rule_change(session)
    _note(session, "end", benefit, staff, now, before={"ends_on": was}, after={"ends_on": ends_on})
    return benefit


def get_benefit(session: Session, benefit_id: int) -> Benefit:
    """Return a benefit. Raises NoSuchOffering."""
    found = session.get(Benefit, benefit_id)
    if found is None:
        raise NoSuchOffering(kind=SUBJECT, code=str(benefit_id))
    return found


def _lock(session: Session, benefit_id: int) -> Benefit:
    found = session.get(Benefit, benefit_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NoSuchOffering(kind=SUBJECT, code=str(benefit_id))
    return found


def _note(
    session: Session,
    deed: str,
    benefit: Benefit,
    staff: Staff,
    now: datetime,
    *,
    after: dict[str, Any],
    before: dict[str, Any] | None = None,
) -> None:
    note(
        session,
        f"{SUBJECT}.{deed}",
        f"{SUBJECT}:{benefit.id}",
        now=now,
        staff_id=staff.id,
        before=before,
        after=after,
    )
