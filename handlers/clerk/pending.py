"""What waits for a manager: people to call, sales and adjustments to allow, alerts to look at."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from flask import g, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from handlers.clerk import door, second_person, views
from handlers.notice import Notice
from models import contact, fraud, offline_sale, points, webhook
from models.base import BusinessError
from models.fraud import FraudAlert
from models.fraud.not_me import confirm_fraud, release_member
from models.member import Member, get_member, masked_name, shown_number
from models.programme import get_programme
from models.staff import Staff

YES = "yes"

log = structlog.get_logger()


class ManagersOnly(BusinessError):
    """The page is for managers and the owner."""

    code = "managers_only"


class AlertSettled(BusinessError):
    """Somebody has looked at the alert already, or there is none."""

    code = "alert_settled"


@dataclass(frozen=True)
class Waiting:
    """One thing that waits for a decision, with who it is about and who asked."""

    what: Any
    """The approval, the adjustment or the alert."""
    name: str | None
    """Masked; None where it is about no member."""
    number: str | None
    asked_by: str | None
    at: datetime
    is_own: bool
    """Whether the one who looks asked for it, and so may not decide."""


def show_pending() -> ResponseReturnValue:
    """Show all that waits, oldest first."""
    return _show(get_manager())


def decide_approval(code: str) -> ResponseReturnValue:
    """Allow a sale beyond the limits of pace, or not."""
    manager = get_manager()
    decide = fraud.approve if _says_yes() else fraud.refuse
    decided = decide(g.session, code, manager, g.now)
    log.info("approval_decided", approval_id=decided.id, state=decided.state, by=manager.id)
    return _show(manager, done=decided.state)


def decide_adjustment(adjustment_id: int) -> ResponseReturnValue:
    """Post an adjustment somebody asked for, or not."""
    manager = get_manager()
    decide = points.approve_adjustment if _says_yes() else points.refuse_adjustment
    decided = decide(g.session, adjustment_id, decided_by=manager, now=g.now)
    log.info("adjustment_decided", adjustment_id=decided.id, state=decided.state, by=manager.id)
    return _show(manager, done="approved" if decided.state == "posted" else "refused")


def settle_alert(alert_id: int) -> ResponseReturnValue:
    """Note whether an alert was fraud; a member's card is released, or stays frozen."""
    manager = get_manager()
    alert = g.session.get(FraudAlert, alert_id, with_for_update=True)
    if alert is None or alert.state != "open":
        raise AlertSettled
    if alert.staff_id == manager.id:
        raise fraud.SecondPersonNeeded
    _settle(alert, manager)
    log.info("alert_settled", alert_id=alert_id, state=alert.state, by=manager.id)
    return _show(manager, done=alert.state)


def settle_contact(request_id: int) -> ResponseReturnValue:
    """Note that a member who asked to be called has been answered."""
    manager = get_manager()
    contact.settle_contact(g.session, request_id, manager, now=g.now)
    log.info("contact_settled", request_id=request_id, by=manager.id)
    return _show(manager, done="called")


def add_routes(blueprint: door.Door) -> None:
    """Add the manager's addresses."""
    blueprint.get("/pending")(show_pending)
    decisions: dict[str, Callable[..., ResponseReturnValue]] = {
        "/pending/approvals/<code>": decide_approval,
        "/pending/adjustments/<int:adjustment_id>": decide_adjustment,
        "/pending/alerts/<int:alert_id>": settle_alert,
        "/pending/contacts/<int:request_id>": settle_contact,
    }
    for path, view in decisions.items():
        blueprint.post(path)(view)
        blueprint.get(path)(views.back_to_scan)


def get_manager() -> Staff:
    """Return who is working this counter, where they manage. Raises ManagersOnly."""
    staff = door.current_staff()
    if not second_person.manages(staff):
        raise ManagersOnly
    return staff


def _says_yes() -> bool:
    return request.form.get("answer") == YES


def _settle(alert: FraudAlert, manager: Staff) -> None:
    if alert.member_id is None:
        fraud.settle_alert(alert, is_fraud=_says_yes(), staff_id=manager.id, now=g.now)
        g.session.flush()
        return
    decide = confirm_fraud if _says_yes() else release_member
    member = get_member(g.session, alert.member_id)
    decide(g.session, member, staff=manager, note_text=None, now=g.now)


def _show(manager: Staff, status: int = 200, **context: Any) -> ResponseReturnValue:
    session = g.session
    approvals = fraud.list_asked(session, g.now)
    adjustments = points.list_asked(session)
    alerts = fraud.list_open_alerts(session)
    members = _members(
        session,
        {approval.subject.get("member_id") for approval in approvals}
        | {wish.member_id for wish in adjustments}
        | {alert.member_id for alert in alerts},
    )
    asking = [approval.asked_by for approval in approvals]
    asking += [wish.asked_by for wish in adjustments]
    people = _staff(session, {*asking, *(alert.staff_id for alert in alerts)})

    def waiting(what: Any, member_id: int | None, asked_by: int | None, at: datetime) -> Waiting:
        member = members.get(member_id)
        return Waiting(
            what=what,
            name=masked_name(member.name) if member else None,
            number=shown_number(member.number) if member else None,
            asked_by=people.get(asked_by),
            at=at,
            is_own=asked_by == manager.id,
        )

    fresh = {
        "approvals": [
            waiting(row, row.subject.get("member_id"), row.asked_by, row.asked_at)
            for row in approvals
        ],
        "adjustments": [
            waiting(row, row.member_id, row.asked_by, row.asked_at) for row in adjustments
        ],
        "alerts": [waiting(row, row.member_id, row.staff_id, row.opened_at) for row in alerts],
        "contacts": contact.list_open(session, g.now),
        "broken": webhook.list_broken(session),
        "offline_open": offline_sale.count_open(session),
        "programme": get_programme(session),
        "masked_name": masked_name,
        "shown_number": shown_number,
        "done": None,
    }
    return views.show("pending", status, **(fresh | context))


def _members(session: Session, ids: set[Any]) -> dict[int | None, Member]:
    found = session.scalars(select(Member).where(Member.id.in_(ids - {None})))
    return {member.id: member for member in found}


def _staff(session: Session, ids: set[int | None]) -> dict[int | None, str]:
    rows = session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(ids - {None})))
    return dict(rows.all())


@views.shows_again(
    "clerk.decide_approval",
    "clerk.decide_adjustment",
    "clerk.settle_alert",
    "clerk.settle_contact",
)
def _show_again(notice: Notice, status: int) -> ResponseReturnValue:
    return _show(get_manager(), status, notice=notice)
