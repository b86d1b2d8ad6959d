"""What a manager does about a sale that could not be recorded, or only without what it redeemed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from models.audit import note
from models.base import BusinessError
from models.checkout import Recorded, approval_subject
from models.checkout.reckoning import LATEST_REPORT
from models.fraud import SecondPersonNeeded, approve, ask_approval
from models.fraud.approval import MAY_APPROVE
from models.member import Member, kept_member
from models.offline_sale.receiving import Redeeming, plain_facts, record_redeeming, sale_of
from models.offline_sale.table import (
    ACCEPTED,
    DISMISSED,
    RECORDED,
    OfflineSale,
    OfflineSettled,
)
from models.staff import Staff

MOST_LISTED = 100
LONGEST_REASON = 200


class SettlingReasonMissing(BusinessError):
    """Dismissing an item needs a reason, in a few words."""

    code = "reason_missing"


class MemberMissing(BusinessError):
    """Nobody can be told from the item: whose sale it was has to be said."""

    code = "offline_member_missing"


def list_open(session: Session) -> Sequence[OfflineSale]:
    """Return what waits for a manager, oldest first, with device, store, staff and member."""
    return session.scalars(
        select(OfflineSale)
        .where(OfflineSale.problem.is_not(None), OfflineSale.settled_at.is_(None))
        .options(
            joinedload(OfflineSale.device),
            joinedload(OfflineSale.store),
            joinedload(OfflineSale.staff),
            joinedload(OfflineSale.member),
        )
        .order_by(OfflineSale.id)
        .limit(MOST_LISTED)
    ).all()


def count_open(session: Session) -> int:
    """Return how many items wait for a manager."""
    counted = select(func.count()).where(
        OfflineSale.problem.is_not(None), OfflineSale.settled_at.is_(None)
    )
    return session.scalar(counted) or 0


def record_after_all(
    session: Session, sale_id: int, manager: Staff, member: Member | None, now: datetime
) -> Recorded:
    """Record an item for its member, or for the one the manager names, in the clerk's name.

    The scanned code is left out of it: it may be another sale's. Limits of pace are the manager's
    to allow. What is older than sales may be told of is recorded as of now. Raises OfflineSettled,
    SecondPersonNeeded, MemberMissing, and what recording refuses.
    """
    sale = _lock_open(session, sale_id, manager)
    if sale.purchase_id is not None:
        raise OfflineSettled
    buyer = member if member is not None else sale.member
    if buyer is None:
        raise MemberMissing
    buyer = kept_member(session, buyer)
    sale.member_id = buyer.id
    subject = approval_subject(buyer.id, sale.amount_twd, sale.coupon_ids)
    asked = ask_approval(session, sale.staff, subject, reason="offline", now=now)
    approval = approve(session, asked.code, manager, now)
    told = sale_of(
        sale,
        sale.store,
        sale.staff,
        None,
        sold_at=min(sale.sold_at, now) if now - sale.sold_at <= LATEST_REPORT else now,
        approval_code=approval.code,
    )
    redeeming = Redeeming(sale.points, sale.points_twd, tuple(sale.coupon_ids), sale.coupon_twd)
    recorded, loss_twd, why = record_redeeming(session, told, redeeming, now)
    sale.purchase_id, sale.loss_twd = recorded.purchase_id, loss_twd
    if why is not None:
        sale.facts = sale.facts | plain_facts(why) | {"why": why.code, "loss_twd": loss_twd}
    _settle(session, sale, manager, RECORDED, None, now)
    return recorded


def accept_loss(session: Session, sale_id: int, manager: Staff, now: datetime) -> OfflineSale:
    """Take note of a loss: the sale stands as it was recorded.

    Raises OfflineSettled or SecondPersonNeeded.
    """
    sale = _lock_open(session, sale_id, manager)
    if sale.purchase_id is None:
        raise OfflineSettled
    _settle(session, sale, manager, ACCEPTED, None, now)
    return sale


def dismiss(
    session: Session, sale_id: int, manager: Staff, reason: str, now: datetime
) -> OfflineSale:
    """Record nothing for an item, for a reason.

    Raises OfflineSettled, SecondPersonNeeded or SettlingReasonMissing.
    """
    sale = _lock_open(session, sale_id, manager)
    why = " ".join(reason.split())
    if not 0 < len(why) <= LONGEST_REASON:
        raise SettlingReasonMissing(longest=LONGEST_REASON)
    _settle(session, sale, manager, DISMISSED, why, now)
    return sale


def _lock_open(session: Session, sale_id: int, manager: Staff) -> OfflineSale:
    """Lock an item that waits. Raises OfflineSettled or SecondPersonNeeded."""
    sale = session.scalars(
        select(OfflineSale)
        .where(OfflineSale.id == sale_id)
        .options(
            joinedload(OfflineSale.store),
            joinedload(OfflineSale.staff),
            joinedload(OfflineSale.member),
        )
        .with_for_update(of=OfflineSale)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if sale is None or not sale.is_open:
        raise OfflineSettled
    if manager.role not in MAY_APPROVE or manager.id == sale.staff_id:
        raise SecondPersonNeeded
    return sale


def _settle(
    session: Session,
    sale: OfflineSale,
    manager: Staff,
    settlement: str,
    reason: str | None,
    now: datetime,
) -> None:
    sale.settlement, sale.settled_reason = settlement, reason
    sale.settled_by, sale.settled_at = manager.id, now
    session.flush()
    note(
        session,
        f"offline_sale.{settlement}",
        f"offline_sale:{sale.id}",
        now=now,
        staff_id=manager.id,
        store_id=sale.store_id,
        before={"problem": sale.problem},
        after={"purchase_id": sale.purchase_id, "loss_twd": sale.loss_twd},
        reason=reason,
    )
