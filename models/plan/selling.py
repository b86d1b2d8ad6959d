"""Paying for a plan: beginning, renewing, requests from the chat, and fees given back."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.base import find_made
from models.coupon import CODE_ALPHABET, CODE_LENGTH
from models.local_day import local_day
from models.member import Member
from models.plan.rules import end_of, fee_back
from models.plan.steps import (
    close_ended,
    find_latest,
    hold,
    lock_owner,
    may_decide,
    note_event,
    tell,
)
from models.plan.table import (
    BARRED,
    NoSuchRequest,
    NothingToRefund,
    Plan,
    PlanBarred,
    PlanHeld,
    PlanNotSold,
    PlanPayment,
    ReferenceUsed,
    RenewalRequest,
    Subscription,
)
from models.points import IdempotencyKeyReused
from models.staff import Staff

REQUEST_DAYS = 7
"""A request can be paid for so long, at the fee it showed."""
REQUEST_PREFIX = "PLAN:"
"""What a request's QR begins with, so that a counter tells it from a member's code."""


@dataclass(frozen=True)
class Paid:
    """What a payment did. A repeated key brings the first answer with `is_repeat`."""

    subscription: Subscription
    payment: PlanPayment
    is_renewal: bool
    is_repeat: bool


@dataclass(frozen=True)
class _Payment:
    """How a fee comes in."""

    amount_twd: int
    method: str
    reference: str | None
    staff_id: int | None
    key: str


def sell_plan(
    session: Session,
    member_id: int,
    plan: Plan,
    *,
    method: str,
    reference: str | None = None,
    staff: Staff | None,
    idempotency_key: str,
    now: datetime,
) -> Paid:
    """Take a plan's fee; begin the subscription, or add its months to the end of a running one.

    A key seen before changes nothing. Raises NoSuchMember, PlanNotSold, PlanHeld, PlanBarred,
    ReferenceUsed, IdempotencyKeyReused.
    """
    member = lock_owner(session, member_id)
    reference = (reference or "").strip() or None
    staff_id = staff.id if staff else None
    payment = _Payment(plan.fee_twd, method, reference, staff_id, idempotency_key)
    return _repeated(session, member, plan, payment) or _take(session, member, plan, payment, now)


def pay_request(
    session: Session,
    code: str,
    *,
    method: str,
    reference: str | None = None,
    staff: Staff,
    idempotency_key: str,
    now: datetime,
) -> Paid:
    """Take the fee of a request that a member shows, or whose transfer a manager has found.

    A transfer's reference is the bank's; a manager confirms it. Raises NoSuchRequest,
    NeedsManager, and as sell_plan does.
    """
    if method == "transfer":
        may_decide(staff)
    request = find_request(session, code)
    if request is None:
        raise NoSuchRequest(state="unknown")
    member = lock_owner(session, request.member_id)
    session.refresh(request)
    reference = (reference or "").strip() or None
    payment = _Payment(request.fee_twd, method, reference, staff.id, idempotency_key)
    repeated = _repeated(session, member, request.plan, payment)
    if repeated is not None:
        return repeated
    if request.payment_id is not None or now >= request.good_until:
        raise NoSuchRequest(state="paid" if request.payment_id else "over")
    paid = _take(session, member, request.plan, payment, now)
    request.payment_id = paid.payment.id
    session.flush()
    return paid


def _repeated(session: Session, member: Member, plan: Plan, asked: _Payment) -> Paid | None:
    found = find_made(session, PlanPayment, asked.key)
    if found is None:
        return None
    subscription = session.get_one(Subscription, found.subscription_id)
    first = (subscription.member_id, subscription.plan_id, found.method, found.reference)
    if first != (member.id, plan.id, asked.method, asked.reference):
        raise IdempotencyKeyReused
    is_renewal = found.covers_from > subscription.starts_at
    return Paid(subscription, found, is_renewal=is_renewal, is_repeat=True)


def _take(session: Session, member: Member, plan: Plan, asked: _Payment, now: datetime) -> Paid:
    if not plan.is_active:
        raise PlanNotSold(plan=plan.code)
    latest = find_latest(session, member.id)
    if latest is not None and latest.state in BARRED:
        raise PlanBarred
    if latest is not None and close_ended(session, member, latest, now):
        latest = None
    running = latest if latest is not None and latest.state == "active" else None
    if running is not None and running.plan_id != plan.id:
        raise PlanHeld(plan=running.plan.code, until=running.last_on)
    subscription = running or _begin(session, member, plan, now)
    covers_from = running.ends_at if running else now
    subscription.months += plan.months
    subscription.ends_at = end_of(subscription.anchor_on, subscription.months)
    subscription.cancelled_at = subscription.reminded_days = None
    payment = _add_payment(session, subscription, asked, plan.months, covers_from, now)
    is_renewal = running is not None
    note_event(
        session,
        subscription,
        "active",
        actor="staff" if asked.staff_id else "member",
        staff_id=asked.staff_id,
        reason="renewed" if is_renewal else "paid",
        now=now,
        from_state="active" if is_renewal else None,
    )
    hold(member, subscription)
    tell(
        session,
        member,
        "plan_renewed" if is_renewal else "plan_started",
        subscription,
        key=str(payment.id),
        now=now,
    )
    session.flush()
    return Paid(subscription, payment, is_renewal=is_renewal, is_repeat=False)


def _begin(session: Session, member: Member, plan: Plan, now: datetime) -> Subscription:
    subscription = Subscription(
        member_id=member.id,
        plan_id=plan.id,
        plan=plan,
        state="active",
        anchor_on=local_day(now),
        months=0,
        starts_at=now,
    )
    session.add(subscription)
    return subscription


def _add_payment(
    session: Session,
    subscription: Subscription,
    asked: _Payment,
    months: int,
    covers_from: datetime,
    now: datetime,
) -> PlanPayment:
    if asked.method == "transfer" and asked.reference is None:
        raise ReferenceUsed(reference=None)
    session.flush()
    payment = PlanPayment(
        subscription_id=subscription.id,
        amount_twd=asked.amount_twd,
        months=months,
        method=asked.method,
        reference=asked.reference,
        covers_from=covers_from,
        covers_until=subscription.ends_at,
        staff_id=asked.staff_id,
        paid_at=now,
        idempotency_key=asked.key,
    )
    try:
        with session.begin_nested():
            session.add(payment)
    except IntegrityError as error:
        if "uq_plan_payment_method_reference" not in str(error.orig):
            raise
        raise ReferenceUsed(reference=asked.reference) from error
    return payment


def request_plan(session: Session, member_id: int, plan: Plan, now: datetime) -> RenewalRequest:
    """Return the member's open request for a plan, made where there is none at today's fee.

    Raises NoSuchMember, PlanNotSold, PlanHeld, PlanBarred.
    """
    lock_owner(session, member_id)
    if not plan.is_active:
        raise PlanNotSold(plan=plan.code)
    latest = find_latest(session, member_id)
    if latest is not None and latest.state in BARRED:
        raise PlanBarred
    if latest is not None and latest.is_good(now) and latest.plan_id != plan.id:
        raise PlanHeld(plan=latest.plan.code, until=latest.last_on)
    known = session.scalars(
        select(RenewalRequest)
        .where(
            RenewalRequest.member_id == member_id,
            RenewalRequest.plan_id == plan.id,
            RenewalRequest.fee_twd == plan.fee_twd,
            RenewalRequest.payment_id.is_(None),
            RenewalRequest.good_until > now,
        )
        .order_by(RenewalRequest.id.desc())
        .limit(1)
    ).one_or_none()
    if known is not None:
        return known
    request = RenewalRequest(
        code="".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH)),
        member_id=member_id,
        plan_id=plan.id,
        plan=plan,
        fee_twd=plan.fee_twd,
        requested_at=now,
        good_until=now + timedelta(days=REQUEST_DAYS),
    )
    session.add(request)
    session.flush()
    return request


def request_text(code: str) -> str:
    """Return what the QR of a request says."""
    return REQUEST_PREFIX + code


def read_request_code(scanned: str) -> str | None:
    """Return the code in what a counter scanned or typed, or None where it is not a request's."""
    code = scanned.strip().upper().removeprefix(REQUEST_PREFIX).replace(" ", "")
    known = len(code) == CODE_LENGTH and set(code) <= set(CODE_ALPHABET)
    return code if known else None


def is_request_scan(scanned: str) -> bool:
    """Tell whether this is what the QR of a request says, prefix and all."""
    is_named = scanned.strip().upper().startswith(REQUEST_PREFIX)
    return is_named and read_request_code(scanned) is not None


def find_request(session: Session, code: str) -> RenewalRequest | None:
    """Return the request with this code, as scanned or typed, or None."""
    return session.scalars(
        select(RenewalRequest).where(RenewalRequest.code == (read_request_code(code) or ""))
    ).one_or_none()


def refund_payment(
    session: Session,
    payment_id: int,
    *,
    staff: Staff,
    reason: str,
    idempotency_key: str,
    now: datetime,
) -> PlanPayment:
    """Give a fee back, all of it or its unused months, and end or shorten the subscription.

    Returns the refund, a row below zero that names its payment; the newest payment goes first. A
    key seen before changes nothing. Raises NeedsManager, NothingToRefund.
    """
    may_decide(staff)
    paid = session.get(PlanPayment, payment_id)
    if paid is None or paid.refunds_id is not None:
        raise NothingToRefund
    subscription = session.get_one(Subscription, paid.subscription_id)
    member = lock_owner(session, subscription.member_id)
    session.refresh(subscription)
    made = list_payments(session, subscription.id)
    answered = next((row for row in made if row.refunds_id == paid.id), None)
    if answered is not None and answered.idempotency_key == idempotency_key:
        return answered
    taken_back = {row.refunds_id for row in made}
    newest = next(
        (row for row in reversed(made) if row.amount_twd > 0 and row.id not in taken_back), None
    )
    if newest is None or newest.id != paid.id or subscription.state != "active":
        raise NothingToRefund
    refund = _give_back(session, subscription, paid, staff, idempotency_key, now)
    _shorten(session, member, subscription, refund, reason, now)
    return refund


def list_payments(session: Session, subscription_id: int) -> list[PlanPayment]:
    """Return what was paid and given back for a subscription, oldest first."""
    return list(
        session.scalars(
            select(PlanPayment)
            .where(PlanPayment.subscription_id == subscription_id)
            .order_by(PlanPayment.id)
        )
    )


def _give_back(
    session: Session,
    subscription: Subscription,
    paid: PlanPayment,
    staff: Staff,
    key: str,
    now: datetime,
) -> PlanPayment:
    back = fee_back(
        amount_twd=paid.amount_twd,
        months=paid.months,
        paid_at=paid.paid_at,
        anchor_on=subscription.anchor_on,
        total_months=subscription.months,
        now=now,
    )
    if not back.amount_twd or now >= subscription.ends_at:
        raise NothingToRefund
    subscription.months -= back.months
    ends_at = end_of(subscription.anchor_on, subscription.months)
    is_over = subscription.months == 0 or ends_at <= now
    subscription.ends_at = now if is_over else ends_at
    refund = PlanPayment(
        subscription_id=subscription.id,
        amount_twd=-back.amount_twd,
        months=-back.months,
        method=paid.method,
        refunds_id=paid.id,
        refunds_twd=paid.amount_twd,
        covers_from=paid.covers_from,
        covers_until=subscription.ends_at,
        staff_id=staff.id,
        paid_at=now,
        idempotency_key=key,
    )
    session.add(refund)
    return refund


def _shorten(
    session: Session,
    member: Member,
    subscription: Subscription,
    refund: PlanPayment,
    reason: str,
    now: datetime,
) -> None:
    is_over = subscription.ends_at <= now
    subscription.state = "cancelled" if is_over else "active"
    subscription.reminded_days = None
    note_event(
        session,
        subscription,
        subscription.state,
        actor="staff",
        staff_id=refund.staff_id,
        reason=f"fee given back: {reason}",
        now=now,
        from_state="active",
    )
    hold(member, subscription)
    session.flush()
    if is_over:
        tell(session, member, "plan_ended", subscription, key=str(subscription.id), now=now)
