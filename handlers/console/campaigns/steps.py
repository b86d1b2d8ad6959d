"""What is done with a campaign from its page: try, approve, pause, resume, cancel, clone."""

from collections.abc import Callable
from typing import Any

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.address import read_id
from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from models.campaign import (
    CampaignExists,
    approve_campaign,
    cancel_campaign,
    check_unchanged,
    clone_campaign,
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
    t = console_texts()
    _check_seen(code)
    return _take(approve_campaign, code, t("已核准"))


def return_draft(code: str) -> ResponseReturnValue:
    """Make a submitted campaign a draft again, with a word about why."""
    t = console_texts()
    note = form.text("note", LONGEST_REASON) or ""
    return _take(send_back, code, t("已退回草稿"), note=note)


def pause(code: str) -> ResponseReturnValue:
    """Begin nothing more until it is resumed."""
    t = console_texts()
    return _take(pause_campaign, code, t("已暫停；已經送出的收不回來"))


def resume(code: str) -> ResponseReturnValue:
    """Go on where it was paused."""
    t = console_texts()
    return _take(resume_campaign, code, t("繼續發送"))


def cancel(code: str) -> ResponseReturnValue:
    """End a campaign for good."""
    t = console_texts()
    return _take(cancel_campaign, code, t("已取消；已經送出的收不回來"))


def clone(code: str) -> ResponseReturnValue:
    """Begin a new draft that says the same; sent twice there is one."""
    t, staff, new_code = console_texts(), current_staff(), form.page_code("c")
    try:
        clone_campaign(g.session, code, new_code, by=staff.username, now=g.now)
    except CampaignExists:  # The same page, sent again: its clone is there.
        g.session.rollback()
    return views.go(
        url_for("console.campaigns_editing_show_edit", code=new_code), t("已複製成新的草稿")
    )


def test(code: str) -> ResponseReturnValue:
    """Send it to some members of the shop's own, so that somebody saw it on a phone."""
    t = console_texts()
    typed = form.parts_of(form.needed("members", LONGEST_TESTERS), also="\n")
    members = [get_member_by_typed(g.session, each).id for each in typed]
    variant = form.text("variant", LONGEST_CODE)
    rows = send_test(
        g.session,
        code,
        members,
        by=current_staff().username,
        now=g.now,
        variant=variant,
        key=form.page_key(),
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
    base = read_id(request.form.get("draft_base"))
    check_unchanged(g.session, get_campaign(g.session, code), base or 0)


def _take(step: Callable[..., Any], code: str, told: str, **more: Any) -> ResponseReturnValue:
    step(g.session, code, by=current_staff().username, now=g.now, **more)
    return views.go(url_for("console.campaigns_standing_show_campaign", code=code), told)
