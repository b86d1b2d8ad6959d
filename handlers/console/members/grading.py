"""A tier by hand: seen before, given with a reason, and taken back within a month."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import structlog
from flask import g, request
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.loyalty.words import benefit_words
from handlers.console.members.links import member_url
from handlers.console.members.who import facts_of, get_shown
from handlers.console.refusals import explain
from models.base import BusinessError, in_language
from models.benefit import Held, templates_of
from models.leaving import refuse_gone
from models.local_day import local_day
from models.points.adjustment import LONGEST_REASON
from models.programme import get_programme
from models.tier_grant import (
    MOST_KEPT_DAYS,
    UNDO_DAYS,
    foresee_grant,
    give_tier,
    undo_grant,
)

LONGEST_CODE = 60
ONE_DAY = timedelta(days=1)

log = structlog.get_logger()


def show_grading(number: str) -> ResponseReturnValue:
    """Show the form that gives a member a tier."""
    return _show(number)


def preview_grading(number: str) -> ResponseReturnValue:
    """Tell what another tier would bring and take, and until when, before it is given."""
    member = get_shown(number)
    try:
        code, kept_until = form.needed("tier", LONGEST_CODE), _kept_until()
        form.needed("reason", LONGEST_REASON)
        foreseen = foresee_grant(g.session, member, code, kept_until, g.now)
    except BusinessError as refused:
        return _show(number, 409, notice=explain(console_texts(), refused))
    return _show(
        number,
        foreseen=foreseen,
        gained=_benefit_lines(foreseen.gained),
        lost=_benefit_lines(foreseen.lost),
    )


def grade(number: str) -> ResponseReturnValue:
    """Give the tier as it was previewed."""
    member, staff, t = get_shown(number), current_staff(), console_texts()
    try:
        change = give_tier(
            g.session,
            member,
            form.needed("tier", LONGEST_CODE),
            _kept_until(),
            staff=staff,
            reason=form.text("reason", LONGEST_REASON) or "",
            idempotency_key=f"console:{form.page_key()}",
            now=g.now,
            was=form.needed("was", LONGEST_CODE),
            tells=form.flag("tells"),
        )
    except BusinessError as refused:
        return _show(number, 409, notice=explain(t, refused))
    log.info("tier_given", member_id=member.id, change_id=change.id, staff_id=staff.id)
    told = t("等級已調整；{days} 天內可以取消。", days=UNDO_DAYS)
    return views.go(member_url(member.number), told)


def undo_grading(number: str, change_id: int) -> ResponseReturnValue:
    """Take a tier given by hand back."""
    t = console_texts()
    member, staff = get_shown(number), current_staff()
    change = undo_grant(g.session, member, change_id, staff=staff, now=g.now)
    log.info("tier_taken_back", member_id=member.id, change_id=change.id, staff_id=staff.id)
    return views.go(member_url(member.number), t("已取消人工調整，等級回到消費應有的。"))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add what gives a tier by hand."""
    path, correct = "/members/<number>/tier", "members.correct"
    blueprint.get(path, right=correct)(show_grading)
    blueprint.post(f"{path}/preview", right=correct)(preview_grading)
    blueprint.post(path, right=correct)(grade)
    blueprint.post(f"{path}/<int:change_id>/undo", right=correct)(undo_grading)


def _kept_until() -> date | None:
    """Return the day on which the tier is looked at again, from its last day as typed."""
    last = form.day("last_day")
    return last + ONE_DAY if last is not None and last < date.max else None


def _show(number: str, status: int = 200, **context: Any) -> ResponseReturnValue:
    member, today = get_shown(number), local_day(g.now)
    refuse_gone(member)
    programme = get_programme(g.session)
    return views.show(
        "members/tier",
        status,
        member=member,
        who=facts_of(member),
        tier=programme.tier(member.tier_id),
        tiers=programme.ladder.on(today).tiers,
        typed=request.form,
        one_day=ONE_DAY,
        latest=today + timedelta(days=MOST_KEPT_DAYS - 1),
        longest=LONGEST_REASON,
        undo_days=UNDO_DAYS,
        **({"foreseen": None} | context),
    )


def _benefit_lines(benefits: Sequence[Held]) -> list[str]:
    t = console_texts()
    coupons = {
        code: in_language(template.name, t.language)
        for code, template in templates_of(g.session, benefits).items()
    }
    return [benefit_words(t, one.row.kind, one.row.parameters, coupons) for one in benefits]
