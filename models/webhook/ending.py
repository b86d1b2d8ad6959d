"""Disabling: an endpoint hears no more, what waits for it ends, and its managers learn of it."""

from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.audit import note
from models.member import Member
from models.outbox import owe
from models.staff import Staff
from models.webhook.table import WebhookDelivery, WebhookEndpoint

BY_HAND = "by_hand"
TOLD_ROLES = ("owner", "manager")
TOLD_KIND = "webhook_disabled"
ENDED_BECAUSE = "endpoint_disabled"


def disable(
    session: Session,
    endpoint: WebhookEndpoint,
    because: str,
    now: datetime,
    *,
    staff_id: int | None = None,
) -> None:
    """Send an active endpoint nothing more; what waits fails, and can be sent again later.

    Where no person did it, managers who have their own card in LINE get a message.
    """
    endpoint.state = "disabled"
    endpoint.disabled_at, endpoint.disabled_because = now, because
    session.flush()
    session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.endpoint_id == endpoint.id, WebhookDelivery.state == "waiting")
        .values(state="failed", settled_at=now, claimed_at=None, reason=ENDED_BECAUSE)
    )
    note(
        session,
        "webhook.disable",
        f"webhook:{endpoint.id}",
        now=now,
        staff_id=staff_id,
        before={"state": "active"},
        after={"state": "disabled", "because": because},
    )
    if because != BY_HAND:
        _tell_managers(session, endpoint, because, now)


def _tell_managers(
    session: Session, endpoint: WebhookEndpoint, because: str, now: datetime
) -> None:
    told = session.execute(
        select(Staff.id, Member.id, Member.line_user_id, Member.language)
        .join(Member, Member.id == Staff.member_id)
        .where(Staff.role.in_(TOLD_ROLES), Staff.is_active, Member.line_user_id.is_not(None))
        .order_by(Staff.id)
    )
    for staff_id, member_id, line_user_id, language in told.all():
        owe(
            session,
            str(line_user_id),
            TOLD_KIND,
            {"host": urlsplit(endpoint.url).hostname or "", "because": because},
            language=language,
            member_id=member_id,
            idempotency_key=f"webhook:{endpoint.id}:{now.isoformat()}:{staff_id}",
            now=now,
        )
