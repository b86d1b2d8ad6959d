"""Paid membership in the chat: choose, pay, renew, say no, ask to be let in again."""

from datetime import date

from bot import Message
from bot.cards import (
    notice_text,
    plan_cancel_question,
    plan_cancelled,
    plan_reapplied,
    plan_request_card,
    plans_page,
)
from bot.plan_views import PlanNewsView, PlanOffer, PlanRequestView, PlansView
from bot.postback import Action
from handlers.line import Turn, on_member
from models.base import BusinessError
from models.local_day import last_day
from models.member import Member
from models.plan import (
    NoSubscription,
    Plan,
    RenewalRequest,
    Subscription,
    cancel_plan,
    end_of,
    find_latest,
    get_plan,
    list_plans,
    plan_words,
    plans_words,
    reapply,
    request_plan,
    request_text,
)

SAID_IN_CHAT = "said so in the chat"


@on_member("postback", Action.SHOW_PLANS)
def show_plans(turn: Turn, member: Member) -> list[Message]:
    """A member taps or types 付費會員: their plan, or the plans to choose."""
    return _plans(turn, member)


@on_member("postback", Action.REQUEST_PLAN)
def ask_for_plan(turn: Turn, member: Member) -> list[Message]:
    """A member taps 加入 or 續約: the code with which it is paid, at the counter or by transfer."""
    try:
        plan = get_plan(turn.session, turn.postback.fields.get("plan", ""))
        request = request_plan(turn.session, member.id, plan, turn.now)
    except BusinessError as error:
        return notice_text(turn.texts, _refusal(turn, error))
    running = find_latest(turn.session, member.id)
    held = running if running is not None and running.is_good(turn.now) else None
    return plan_request_card(turn.texts, _request_view(turn, request, held))


@on_member("postback", Action.CANCEL_PLAN)
def ask_before_cancelling(turn: Turn, member: Member) -> list[Message]:
    """A member taps 不再續約: say what that means, and ask."""
    held = find_latest(turn.session, member.id)
    if held is None or not held.is_good(turn.now):
        return _plans(turn, member)
    return plan_cancel_question(turn.texts, _news(turn, held))


@on_member("postback", Action.CONFIRM_CANCEL_PLAN)
def cancel(turn: Turn, member: Member) -> list[Message]:
    """A member confirms: no reminder any more, and good until its end."""
    try:
        held = cancel_plan(turn.session, member.id, reason=SAID_IN_CHAT, now=turn.now)
    except NoSubscription:
        return _plans(turn, member)
    return plan_cancelled(turn.texts, _news(turn, held))


@on_member("postback", Action.REAPPLY_PLAN)
def apply_again(turn: Turn, member: Member) -> list[Message]:
    """Somebody whose paid membership was withdrawn asks to be let in again."""
    try:
        reapply(turn.session, member.id, reason=SAID_IN_CHAT, now=turn.now)
    except NoSubscription:
        return _plans(turn, member)
    return plan_reapplied(turn.texts)


def _plans(turn: Turn, member: Member) -> list[Message]:
    """Show what is true now; also the answer to a tap on an old card."""
    latest = find_latest(turn.session, member.id)
    held = latest if latest is not None and latest.is_good(turn.now) else None
    offers = list_plans(turn.session, active_only=True)
    view = PlansView.from_words(
        {
            "state": latest.state if latest else "none",
            "offers": plans_words(turn.session, offers, member.language),
            "held": plan_words(turn.session, held.plan, member.language) if held else None,
            "last_on": held.last_on if held else None,
            "is_cancelled": held is not None and held.cancelled_at is not None,
        }
    )
    return plans_page(turn.texts, view)


def _offer(turn: Turn, plan: Plan) -> PlanOffer:
    return PlanOffer.from_words(plan_words(turn.session, plan, turn.texts.language))


def _news(turn: Turn, held: Subscription) -> PlanNewsView:
    return PlanNewsView(_offer(turn, held.plan), held.last_on)


def _request_view(
    turn: Turn, request: RenewalRequest, held: Subscription | None
) -> PlanRequestView:
    plan = request.plan
    anchor: date = held.anchor_on if held else turn.today
    months = (held.months if held else 0) + plan.months
    return PlanRequestView(
        plan=_offer(turn, plan),
        code=request.code,
        qr_url=f"{turn.room.public_base_url}/qr/{request_text(request.code)}.png",
        good_through=last_day(request.good_until),
        is_renewal=held is not None,
        lasts_through=last_day(end_of(anchor, months)),
    )


def _refusal(turn: Turn, error: BusinessError) -> str:
    t = turn.texts
    words = {
        "plan_not_sold": t("這個方案目前沒有販售，請看看其他方案。"),
        "no_such_plan": t("這個方案目前沒有販售，請看看其他方案。"),
        "plan_barred": t("您的付費會員資格已停止，請先重新申請。"),
    }
    if error.code == "plan_held":
        return t(
            "您目前的方案用到 {date}，到期後就能改選其他方案。", date=t.date(error.facts["until"])
        )
    return words[error.code]
