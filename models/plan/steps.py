"""The steps of a subscription's life that take no money: no, revoked, asked again, over."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.member import Member, NoSuchMember
from models.outbox import owe
from models.plan.offers import plan_words
from models.plan.table import (
    NeedsManager,
    NoSubscription,
    NoSuchPlan,
    Plan,
    PlanRuleRefused,
    Subscription,
    SubscriptionEvent,
)
from models.shop import THE_SHOP, Shop
from models.staff import Staff

DECIDERS = ("owner", "manager")
"""A member is told when the last good day is so far away."""
TOLD_DAYS = 3
"""So long it is worth telling that a plan began, was renewed or ended."""
LARGEST_FEE_TWD = 100_000


def may_decide(staff: Staff) -> None:
    """Let only a manager or the owner go on. Raises NeedsManager."""
    if staff.role not in DECIDERS or not staff.is_active:
        raise NeedsManager


def lock_owner(session: Session, member_id: int) -> Member:
    """Return the member under their row lock. Raises NoSuchMember."""
    member = session.scalars(
        select(Member)
        .where(Member.id == member_id, Member.erased_at.is_(None), Member.merged_into_id.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if member is None:
        raise NoSuchMember
    return member


def list_plans(session: Session, *, active_only: bool = False) -> list[Plan]:
    """Return the plans, the cheapest first."""
    asked = select(Plan).order_by(Plan.fee_twd, Plan.id)
    return list(session.scalars(asked.where(Plan.is_active) if active_only else asked))


def get_plan(session: Session, code: str) -> Plan:
    """Return the plan with this code. Raises NoSuchPlan."""
    plan = session.scalars(select(Plan).where(Plan.code == code)).one_or_none()
    if plan is None:
        raise NoSuchPlan(code=code)
    return plan


def add_plan(
    session: Session,
    *,
    code: str,
    name: dict[str, str],
    period: str,
    fee_twd: int,
    points_percent: int = 100,
    colour: str = "#7A4B9A",
) -> Plan:
    """Add a plan to the shop's rules. Raises PlanRuleRefused for numbers that make no sense."""
    if not 0 < fee_twd <= LARGEST_FEE_TWD or not 100 <= points_percent <= 1000:
        raise PlanRuleRefused(what="numbers")
    plan = Plan(
        code=code,
        name=name,
        colour=colour,
        period=period,
        fee_twd=fee_twd,
        points_percent=points_percent,
    )
    session.add(plan)
    session.get_one(Shop, THE_SHOP, with_for_update=True).programme_version += 1
    session.flush()
    return plan


def find_latest(session: Session, member_id: int) -> Subscription | None:
    """Return the member's newest subscription, in whatever state, or None."""
    return session.scalars(
        select(Subscription)
        .where(Subscription.member_id == member_id)
        .order_by(Subscription.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    ).one_or_none()


def list_events(session: Session, subscription_id: int) -> Sequence[SubscriptionEvent]:
    """Return the steps of a subscription, oldest first."""
    return session.scalars(
        select(SubscriptionEvent)
        .where(SubscriptionEvent.subscription_id == subscription_id)
        .order_by(SubscriptionEvent.id)
    ).all()


def note_event(
    session: Session,
    subscription: Subscription,
    to_state: str,
    *,
    actor: str,
    reason: str,
    now: datetime,
    from_state: str | None,
    staff_id: int | None = None,
) -> None:
    """Write down a step, who took it and why."""
    session.flush()
    session.add(
        SubscriptionEvent(
            subscription_id=subscription.id,
            from_state=from_state,
            to_state=to_state,
            actor=actor,
            staff_id=staff_id,
            reason=reason,
            at=now,
        )
    )


def hold(member: Member, subscription: Subscription) -> None:
    """Bring the plan on the member's row in line with the subscription."""
    is_held = subscription.state == "active"
    member.plan_code = subscription.plan.code if is_held else None
    member.plan_until = subscription.ends_at if is_held else None


def tell(
    session: Session,
    member: Member,
    kind: str,
    subscription: Subscription,
    *,
    key: str,
    now: datetime,
    days: int | None = None,
) -> None:
    """Owe the member news of their plan, where they have a LINE account."""
    if member.line_user_id is None:
        return
    owe(
        session,
        member.line_user_id,
        kind,
        {
            "plan": plan_words(session, subscription.plan, member.language),
            "last_on": subscription.last_on.isoformat(),
            "days": days,
            "state": subscription.state,
        },
        language=member.language,
        idempotency_key=f"{kind}:{key}",
        now=now,
        member_id=member.id,
        useful_until=now + timedelta(days=TOLD_DAYS),
    )


def close_ended(
    session: Session, member: Member, subscription: Subscription, now: datetime
) -> bool:
    """Note that a subscription's time is over; tell whether it was. The member is locked."""
    if subscription.state != "active" or now < subscription.ends_at:
        return False
    subscription.state = "cancelled" if subscription.cancelled_at else "expired"
    note_event(
        session,
        subscription,
        subscription.state,
        actor="clock",
        reason="its time is over",
        now=now,
        from_state="active",
    )
    hold(member, subscription)
    session.flush()
    return True


def cancel_plan(session: Session, member_id: int, *, reason: str, now: datetime) -> Subscription:
    """Say that the member's plan shall not go on; it stays good until its end, without reminders.

    Saying it twice changes nothing. Raises NoSubscription.
    """
    lock_owner(session, member_id)
    subscription = find_latest(session, member_id)
    if subscription is None or not subscription.is_good(now):
        raise NoSubscription
    if subscription.cancelled_at is None:
        subscription.cancelled_at = now
        note_event(
            session,
            subscription,
            "active",
            actor="member",
            reason=reason,
            now=now,
            from_state="active",
        )
        session.flush()
    return subscription


def revoke_plan(
    session: Session, member_id: int, *, staff: Staff, reason: str, now: datetime
) -> Subscription:
    """End a paid membership at once; its benefits are refused from `now` on, also to buy anew.

    Raises NeedsManager, NoSubscription.
    """
    may_decide(staff)
    member = lock_owner(session, member_id)
    subscription = find_latest(session, member_id)
    if subscription is None or not subscription.is_good(now):
        raise NoSubscription
    subscription.ends_at = now
    _move(session, subscription, "revoked", "staff", reason, now, staff)
    hold(member, subscription)
    tell(session, member, "plan_ended", subscription, key=str(subscription.id), now=now)
    session.flush()
    return subscription


def reapply(session: Session, member_id: int, *, reason: str, now: datetime) -> Subscription:
    """Ask to be let in again after a revocation; a manager decides. Asking twice changes nothing.

    Raises NoSubscription where nothing was revoked.
    """
    lock_owner(session, member_id)
    subscription = find_latest(session, member_id)
    if subscription is None or subscription.state not in ("revoked", "reapplied"):
        raise NoSubscription
    if subscription.state == "revoked":
        _move(session, subscription, "reapplied", "member", reason, now)
    return subscription


def decide_reapplication(
    session: Session, member_id: int, *, is_admitted: bool, staff: Staff, reason: str, now: datetime
) -> Subscription:
    """Let a person who asked again pay anew, or not. Raises NeedsManager, NoSubscription."""
    may_decide(staff)
    lock_owner(session, member_id)
    subscription = find_latest(session, member_id)
    if subscription is None or subscription.state != "reapplied":
        raise NoSubscription
    state = "readmitted" if is_admitted else "revoked"
    _move(session, subscription, state, "staff", reason, now, staff)
    return subscription


def _move(
    session: Session,
    subscription: Subscription,
    state: str,
    actor: str,
    reason: str,
    now: datetime,
    staff: Staff | None = None,
) -> None:
    before, subscription.state = subscription.state, state
    note_event(
        session,
        subscription,
        state,
        actor=actor,
        staff_id=staff.id if staff else None,
        reason=reason,
        now=now,
        from_state=before,
    )
    session.flush()


def list_to_end(session: Session, now: datetime, limit: int) -> Sequence[int]:
    """Return ids of up to `limit` members whose plan is over and not yet closed, lowest first."""
    return session.scalars(
        select(Subscription.member_id)
        .where(Subscription.state == "active", Subscription.ends_at <= now)
        .order_by(Subscription.member_id)
        .limit(limit)
    ).all()


def end_plan(session: Session, member_id: int, now: datetime) -> bool:
    """Close a member's plan where its time is over, and tell them; tell whether it was."""
    member = session.get_one(Member, member_id, with_for_update=True, populate_existing=True)
    subscription = find_latest(session, member_id)
    if subscription is None or not close_ended(session, member, subscription, now):
        return False
    tell(session, member, "plan_ended", subscription, key=str(subscription.id), now=now)
    return True


def leave_plan(session: Session, member: Member, now: datetime) -> None:
    """End what a leaving member paid for; the caller holds their lock."""
    subscription = find_latest(session, member.id) if member.plan_code else None
    if subscription is not None and subscription.state == "active":
        subscription.ends_at = max(subscription.starts_at, min(subscription.ends_at, now))
        _move(session, subscription, "cancelled", "member", "left the programme", now)
        hold(member, subscription)
