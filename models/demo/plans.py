"""The demo's paid membership: two plans, and members at each step of their life."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.benefit import add_benefit
from models.coupon import CouponTemplate
from models.member import Member
from models.outbox import Owed
from models.plan import (
    add_plan,
    cancel_plan,
    end_plan,
    get_plan,
    list_plans,
    revoke_plan,
    sell_plan,
)
from models.staff import Staff

MONTHLY, YEARLY = "tea-month", "tea-year"
BOX = "surprise_box"
MONTHLY_FEE_TWD, YEARLY_FEE_TWD = 99, 990
SUBSCRIBERS = 18
BOX_WORDS = {
    "name": {"zh-TW": "每月驚喜盒", "en": "Monthly surprise box", "ja": "今月のサプライズボックス"},
    "headline": {"zh-TW": "驚喜盒", "en": "Surprise box", "ja": "サプライズ"},
    "description": {
        "zh-TW": "憑券到門市領取當月驚喜盒一份，內容由門市準備。",
        "en": "Pick up this month's surprise box in the store.",
        "ja": "店舗で今月のサプライズボックスをお受け取りください。",
    },
}


@dataclass(frozen=True)
class Story:
    """One subscriber: the plan, how many days ago each fee was paid, and what came of it."""

    plan: str
    paid_days_ago: tuple[int, ...]
    then: str = ""


STORIES: tuple[Story, ...] = (
    Story(MONTHLY, (92, 62, 32, 4)),
    Story(MONTHLY, (90, 60, 29)),
    Story(MONTHLY, (28,)),
    Story(MONTHLY, (18,)),
    Story(MONTHLY, (65, 33, 3)),
    Story(MONTHLY, (95, 64)),
    Story(MONTHLY, (10,), "cancel"),
    Story(MONTHLY, (70,)),
    Story(MONTHLY, (61, 30, 1)),
    Story(YEARLY, (352,)),
    Story(YEARLY, (400, 36)),
    Story(YEARLY, (420,)),
    Story(YEARLY, (120,)),
    Story(YEARLY, (60,)),
    Story(YEARLY, (377, 20)),
    Story(YEARLY, (30,), "revoke"),
    Story(YEARLY, (9,)),
    Story(MONTHLY, (2,)),
)


def add_plans(session: Session, now: datetime) -> None:
    """Make the shop sell two plans, once, with members who pay, end, say no, or were revoked.

    Like the rest of the demo's past it owes nobody a message.
    """
    if any(plan.code == MONTHLY for plan in list_plans(session)):
        return
    _add_rules(session)
    members = session.scalars(
        select(Member)
        .where(Member.line_user_id.is_not(None), Member.joined_at < now - timedelta(days=430))
        .order_by(Member.id)
        .limit(SUBSCRIBERS)
    ).all()
    manager = session.scalars(select(Staff).where(Staff.role == "manager").limit(1)).one_or_none()
    for member, story in zip(members, STORIES, strict=False):
        _live(session, member, story, manager, now)
    session.flush()
    session.execute(
        delete(Owed).where(Owed.kind.in_(("plan_started", "plan_renewed", "plan_ended")))
    )


def _add_rules(session: Session) -> None:
    add_plan(
        session,
        code=MONTHLY,
        name={"zh-TW": "月月茶會員", "en": "Monthly Tea Club", "ja": "月々ティークラブ"},
        period="monthly",
        fee_twd=MONTHLY_FEE_TWD,
        points_percent=150,
        colour="#2E7D8C",
    )
    add_plan(
        session,
        code=YEARLY,
        name={"zh-TW": "年年茶會員", "en": "Yearly Tea Club", "ja": "年間ティークラブ"},
        period="yearly",
        fee_twd=YEARLY_FEE_TWD,
        points_percent=200,
        colour="#7A4B9A",
    )
    session.add(CouponTemplate(code=BOX, kind="item", value=0, valid_days=31, **BOX_WORDS))
    session.flush()
    for code in (MONTHLY, YEARLY):
        add_benefit(
            session,
            "points_multiplier",
            {"percent": 300, "month_days": [8, 18, 28]},
            plan_code=code,
        )
        add_benefit(session, "free_shipping", {"from_twd": 300}, plan_code=code)
    add_benefit(session, "monthly_coupon", {"template": BOX}, plan_code=YEARLY)
    add_benefit(session, "gated_content", {}, plan_code=YEARLY)


def _live(
    session: Session, member: Member, story: Story, manager: Staff | None, now: datetime
) -> None:
    """Play one subscriber's past through the verbs of the shop."""
    plan = get_plan(session, story.plan)
    for number, moment in enumerate(now - timedelta(days=days) for days in story.paid_days_ago):
        end_plan(session, member.id, moment)
        sell_plan(
            session,
            member.id,
            plan,
            method="counter" if number % 2 else "linepay",
            reference=f"DEMO-{member.id}-{number}",
            staff=manager,
            idempotency_key=f"demo:plan:{member.id}:{number}",
            now=moment,
        )
    end_plan(session, member.id, now)
    if story.then == "cancel":
        cancel_plan(session, member.id, reason="demo", now=now - timedelta(days=1))
    if story.then == "revoke" and manager is not None:
        reason = "demo: resold drinks"
        revoke_plan(session, member.id, staff=manager, reason=reason, now=now - timedelta(days=1))
