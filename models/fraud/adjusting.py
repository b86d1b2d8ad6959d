"""Adjusting points within the limits of pace: beyond them another person allows it on the spot."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.base import BusinessError
from models.fraud.approval import MAY_APPROVE
from models.fraud.checking import check_adjustment
from models.fraud.own_card import check_own_card
from models.member import Member
from models.points import PointsAdjustment, ask_adjustment
from models.staff import Staff


class PaceExceeded(BusinessError):
    """Somebody has adjusted too often today; `reasons` names the rules. A manager may allow it."""

    code = "approval_needed"


def ask_within_pace(
    session: Session,
    member: Member,
    points: int,
    *,
    reason: str,
    asked_by: Staff,
    allowed_by: Staff | None,
    idempotency_key: str,
    now: datetime,
) -> PointsAdjustment:
    """Adjust a member's points as `ask_adjustment` does, held to the limits of pace.

    `allowed_by` is the manager who says yes to more. Raises PaceExceeded, OwnCard, and what
    `ask_adjustment` raises.
    """
    check_own_card(asked_by, member)
    verdict = check_adjustment(session, asked_by, member, now)
    if not verdict.may_go_on and allowed_by is None and asked_by.role not in MAY_APPROVE:
        raise PaceExceeded(reasons=[why.code for why in verdict.reasons])
    return ask_adjustment(
        session,
        member,
        points,
        reason=reason,
        asked_by=asked_by,
        idempotency_key=idempotency_key,
        now=now,
    )
