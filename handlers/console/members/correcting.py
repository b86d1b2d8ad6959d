"""Correcting: points by hand with a reason, the second person's word on it, and frozen cards."""

from typing import Any

import structlog
from flask import g
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.members.links import member_url
from handlers.console.members.who import facts_of, get_shown
from models.fraud import check_own_card, freeze_member
from models.fraud.adjusting import ask_within_pace
from models.fraud.freezing import BY_STAFF
from models.fraud.not_me import release_member
from models.identity import ReasonMissing
from models.leaving import refuse_gone
from models.member import get_member
from models.points import approve_adjustment, refuse_adjustment
from models.points.adjustment import LARGEST_ADJUSTMENT, LONGEST_REASON
from models.programme import get_programme
from models.shop import get_shop

log = structlog.get_logger()


def show_adjusting(number: str) -> ResponseReturnValue:
    """Show the form that moves a member's points by hand."""
    return _show_adjusting(number)


def preview_adjusting(number: str) -> ResponseReturnValue:
    """Tell what an adjustment would bring, before it is made."""
    member = get_shown(number)
    points = form.needed_whole("points", least=-LARGEST_ADJUSTMENT, most=LARGEST_ADJUSTMENT)
    return _show_adjusting(
        number,
        points=points,
        reason=form.needed("reason", LONGEST_REASON),
        after=member.points + points,
        worth_twd=points * get_programme(g.session).shop.point_value_twd,
    )


def adjust(number: str) -> ResponseReturnValue:
    """Move a member's points; above the limit it waits for a second person."""
    member, staff, t = get_shown(number), current_staff(), console_texts()
    refuse_gone(member)
    wish = ask_within_pace(
        g.session,
        member,
        form.needed_whole("points", least=-LARGEST_ADJUSTMENT, most=LARGEST_ADJUSTMENT),
        reason=form.needed("reason", LONGEST_REASON),
        asked_by=staff,
        allowed_by=None,
        idempotency_key=f"console:{form.page_key()}",
        now=g.now,
    )
    log.info("points_adjusted", adjustment_id=wish.id, state=wish.state, staff_id=staff.id)
    told = (
        t("已調整點數，會員會收到通知。")
        if wish.state == "posted"
        else t("超過一個人可以調整的上限：已送出，等另一位店長或老闆核准。")
    )
    return views.go(member_url(member.number), told)


def approve(adjustment_id: int) -> ResponseReturnValue:
    """Let what a colleague asked for be posted."""
    t = console_texts()
    staff = current_staff()
    wish = approve_adjustment(g.session, adjustment_id, decided_by=staff, now=g.now)
    log.info("adjustment_approved", adjustment_id=wish.id, staff_id=staff.id)
    return views.go(_page_of(wish.member_id), t("已核准，點數已經調整。"))


def refuse(adjustment_id: int) -> ResponseReturnValue:
    """End what a colleague asked for without moving anything."""
    t = console_texts()
    staff = current_staff()
    wish = refuse_adjustment(g.session, adjustment_id, decided_by=staff, now=g.now)
    log.info("adjustment_refused", adjustment_id=wish.id, staff_id=staff.id)
    return views.go(_page_of(wish.member_id), t("已退回，點數沒有變動。"))


def freeze(number: str) -> ResponseReturnValue:
    """Freeze a card: nothing can be spent or redeemed until somebody releases it."""
    t = console_texts()
    member, staff = get_shown(number), current_staff()
    refuse_gone(member)
    check_own_card(staff, member)
    why = _reason()
    freeze_member(g.session, member, BY_STAFF, now=g.now, staff_id=staff.id, note_text=why)
    log.info("card_frozen", member_id=member.id, staff_id=staff.id)
    return views.go(member_url(member.number), t("已凍結：不能折抵、兌換，仍可累積。"))


def release(number: str) -> ResponseReturnValue:
    """Release a frozen card, and settle what it was frozen for."""
    t = console_texts()
    member, staff = get_shown(number), current_staff()
    check_own_card(staff, member)
    release_member(g.session, member, staff=staff, note_text=_reason(), now=g.now)
    log.info("card_released", member_id=member.id, staff_id=staff.id)
    return views.go(member_url(member.number), t("已解除凍結，會員會收到通知。"))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add what corrects a card."""
    correct = "members.correct"
    blueprint.get("/members/<number>/points", right=correct)(show_adjusting)
    blueprint.post("/members/<number>/points/preview", right=correct)(preview_adjusting)
    blueprint.post("/members/<number>/points", right=correct)(adjust)
    blueprint.post("/members/adjustments/<int:adjustment_id>/approve", right=correct)(approve)
    blueprint.post("/members/adjustments/<int:adjustment_id>/refuse", right=correct)(refuse)
    blueprint.post("/members/<number>/freeze", right=correct)(freeze)
    blueprint.post("/members/<number>/release", right=correct)(release)


def _show_adjusting(number: str, **context: Any) -> ResponseReturnValue:
    member = get_shown(number)
    refuse_gone(member)
    fresh = {"points": None, "reason": None, "after": None, "worth_twd": 0}
    return views.show(
        "members/points",
        member=member,
        who=facts_of(member),
        limit=get_shop(g.session).adjust_limit_points,
        **(fresh | context),
    )


def _reason() -> str:
    """Return why, in words a colleague can read later. Raises ReasonMissing."""
    why = form.text("reason", LONGEST_REASON)
    if why is None:
        raise ReasonMissing
    return why


def _page_of(member_id: int) -> str:
    return member_url(get_member(g.session, member_id).number)
