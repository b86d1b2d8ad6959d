"""Moving a campaign to another day: what that changes, and then doing it."""

from datetime import date

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.calendar.words import entry_words
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from models.campaign import get_campaign, preview_campaign
from models.campaign.moving import expect_movable, moment_on, move_to_day
from models.campaign.table import DRAFT, WAITING
from models.local_day import local_day
from models.outreach import get_rules
from models.outreach.calendar import FIGURE, calendar_of
from models.prepared import want


def show_move(code: str) -> ResponseReturnValue:
    """Show what moving a campaign to a day would change; nothing is moved."""
    campaign = get_campaign(g.session, code)
    at = expect_movable(campaign)
    day = _asked_day() or local_day(at)
    day_after = date.fromordinal(day.toordinal() + 1)
    calendar = calendar_of(g.session, day, day_after, g.now)
    return views.show(
        "calendar/move",
        campaign=campaign,
        at=at,
        day=day,
        today=local_day(g.now),
        moment=moment_on(campaign, day),
        is_past=moment_on(campaign, day) <= g.now,
        preview=preview_campaign(g.session, code, g.now),
        beside=[entry for entry in calendar.on(day) if entry.code != code],
        calendar=calendar,
        rules=get_rules(g.session),
        figure_name=FIGURE,
        was_confirmed=campaign.state != DRAFT,
        **entry_words(console_texts()),
    )


def _asked_day() -> date | None:
    try:
        return form.read_day(request.args.get("day", ""))
    except ValueError:
        return None


def move(code: str) -> ResponseReturnValue:
    """Have a campaign sent on another day."""
    day = form.day("day")
    if day is None:
        raise form.FieldRefused(field="day", why="missing")
    campaign = move_to_day(g.session, code, day, by=current_staff().username, now=g.now)
    want(g.session, FIGURE, None, g.now)
    t = console_texts()
    notice = t("已移到 {day}。", day=t.day(day))
    if campaign.state == WAITING:
        notice = t("已移到 {day}，等待另一位同事核准。", day=t.day(day))
    return views.go(url_for("console.calendar_days_show_day", day=day.isoformat()), notice)


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add moving a campaign."""
    right = "campaigns.change"
    blueprint.get("/calendar/campaigns/<code>/move", right=right)(show_move)
    blueprint.post("/calendar/campaigns/<code>/move", right=right)(move)
