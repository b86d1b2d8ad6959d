"""What is done with a campaign from its page: try, approve, pause, resume, cancel, clone."""

from collections.abc import Callable
from typing import Any

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from models.campaign import (
    approve_campaign,
    cancel_campaign,
    check_unchanged,
    clone_campaign,
    free_code,
    get_campaign,
    pause_campaign,
    resume_campaign,
    send_back,
    send_test,
)
from models.campaign.steering import LONGEST_REASON
from models.campaign.table import LONGEST_CODE
from models.member import get_member_by_typed

LONGEST_TESTERS = 400


def approve(code: str) -> ResponseReturnValue:
    """Let what another person submitted be sent, as it was when this page was opened."""
    _check_seen(code)
    return _take(approve_campaign, code, console_texts()("已核准"))


def return_draft(code: str) -> ResponseReturnValue:
    """Make a submitted campaign a draft again, with a word about why."""
    note = form.text("note", LONGEST_REASON) or ""
    return _take(send_back, code, console_texts()("已退回草稿"), note=note)


def pause(code: str) -> ResponseReturnValue:
    """Begin nothing more until it is resumed."""
    return _take(pause_campaign, code, console_texts()("已暫停；已經送出的收不回來"))


def resume(code: str) -> ResponseReturnValue:
    """Go on where it was paused."""
    return _take(resume_campaign, code, console_texts()("繼續發送"))


def cancel(code: str) -> ResponseReturnValue:
    """End a campaign for good."""
    return _take(cancel_campaign, code, console_texts()("已取消；已經送出的收不回來"))


def clone(code: str) -> ResponseReturnValue:
    """Begin a new draft that says the same."""
    t, staff = console_texts(), current_staff()
    source = get_campaign(g.session, code)
    new_code = free_code(g.session, f"{source.code}"[: LONGEST_CODE - 5], g.now)
    clone_campaign(g.session, code, new_code, by=staff.username, now=g.now)
    return views.go(
        url_for("console.campaigns_editing_show_edit", code=new_code), t("已複製成新的草稿")
    )


def test(code: str) -> ResponseReturnValue:
    """Send it to some members of the shop's own, so that somebody saw it on a phone."""
    t = console_texts()
    typed = form.needed("members", LONGEST_TESTERS)
    words = typed.replace("、", ",").replace("，", ",").replace("\n", ",").split(",")
    members = [get_member_by_typed(g.session, each).id for each in words if each.strip()]
    variant = form.text("variant", LONGEST_CODE)
    rows = send_test(
        g.session, code, members, by=current_staff().username, now=g.now, variant=variant
    )
    told = t("已試發 {count} 則，幾秒內會到手機上。", count=t.number(len(rows)))
    return views.go(url_for("console.campaigns_standing_show_campaign", code=code), told)


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the steps."""
    blueprint.post("/campaigns/<code>/approve", right="campaigns.approve")(approve)
    for name, view in (
        ("return", return_draft),
        ("pause", pause),
        ("resume", resume),
        ("cancel", cancel),
        ("clone", clone),
        ("test", test),
    ):
        blueprint.post(f"/campaigns/<code>/{name}", right="campaigns.change")(view)


def _check_seen(code: str) -> None:
    base = request.form.get("draft_base", None, int)
    check_unchanged(g.session, get_campaign(g.session, code), base or 0)


def _take(step: Callable[..., Any], code: str, told: str, **more: Any) -> ResponseReturnValue:
    step(g.session, code, by=current_staff().username, now=g.now, **more)
    return views.go(url_for("console.campaigns_standing_show_campaign", code=code), told)
