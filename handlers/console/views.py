"""What the console shows: whole pages, parts of open ones, and a word about what was just done."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import (
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue

from bot.texts import LANGUAGE_NAMES
from handlers import settings
from handlers.assets import asset_url
from handlers.console.chart import told_number
from handlers.console.door import (
    console_texts,
    current_staff,
    is_fragment,
    may,
    may_open,
    staff_or_none,
)
from handlers.console.makers import maker_name
from handlers.console.refusals import explain_code
from handlers.notice import Notice
from models.base import in_language
from models.demo import DEMO_STAFF
from models.draft import Draft, Drafting, find_draft, others_drafting
from models.local_day import local_day
from models.member import shown_number
from models.staff import OFFICE_ROLES

SEE_OTHER = 303
NOTICE_KEY = "office_notice"
THEME_COOKIE = "theme"
THEMES = ("auto", "light", "dark")
REDIRECT_HEADER = "HX-Redirect"
ROLE_NAMES: dict[str, Callable[[Any], str]] = {
    "owner": lambda t: t("老闆"),
    "manager": lambda t: t("店長"),
    "marketer": lambda t: t("行銷"),
    "clerk": lambda t: t("店員"),
    "auditor": lambda t: t("稽核"),
}


@dataclass(frozen=True)
class DemoLogin:
    """A login of the demo shop, offered to whoever comes to look."""

    username: str
    password: str
    name: str
    role: str


MENU = {
    "today": "console.today_show_today",
    "members": "console.members_show_list",
    "segments": "console.segments_looking_show_list",
    "campaigns": "console.campaigns_show_list",
    "journeys": "console.journeys_show_list",
    "calendar": "console.calendar_show_calendar",
    "loyalty": "console.loyalty_show_overview",
    "reports": "console.reports_show_index",
    "settings": "console.settings_show_index",
    "account": "console.settings_account_show_account",
}
"""The first page of each topic."""


def words() -> dict[str, Any]:
    """Return what every template of the console may use."""
    t = console_texts()
    staff = staff_or_none()
    return {
        "t": t,
        "language": t.language,
        "language_names": LANGUAGE_NAMES,
        "in_language": in_language,
        "maker_name": maker_name,
        "shown_number": shown_number,
        "staff": staff,
        "role_name": ROLE_NAMES[staff.role](t) if staff else None,
        "may": may,
        "may_open": may_open,
        "now": g.now,
        "local_day": local_day,
        "asset_url": asset_url,
        "is_demo": settings().demo,
        "theme": asked_theme(),
        "menu": MENU,
        "demo_logins": lambda: [
            DemoLogin(username, password, name, ROLE_NAMES[role](t))
            for username, password, role, name, *_ in DEMO_STAFF
            if role in OFFICE_ROLES
        ],
        "notice": None,
        "done_notice": session.pop(NOTICE_KEY, None) if not is_fragment() else None,
        "new_key": lambda: str(uuid.uuid4()),
        "percent": lambda share: told_number(share, "percent"),
        "explain_code": lambda code, **facts: explain_code(t, code, facts),
        "day_of": date.fromisoformat,
    }


def show(
    template: str, status: int = 200, *, fragment: str | None = None, **context: Any
) -> ResponseReturnValue:
    """Show `console/<template>.html`; to our script only the part `console/<fragment>.html`."""
    name = fragment if fragment is not None and is_fragment() else template
    return render_template(f"console/{name}.html", **(words() | context)), status


def go(url: str, notice: str | None = None) -> ResponseReturnValue:
    """Lead on after something was done; `notice` is shown once, on the next page."""
    if notice is not None:
        session[NOTICE_KEY] = notice
    if is_fragment():
        answer = make_response("", 200)
        answer.headers[REDIRECT_HEADER] = url
        return answer
    return redirect(url, SEE_OTHER)


def reload() -> ResponseReturnValue:
    """Have our script open the page anew: what it shows has changed."""
    answer = make_response("", 200)
    answer.headers["HX-Refresh"] = "true"
    return answer


def refuse(notice: Notice, status: int) -> ResponseReturnValue:
    """Say no: in the place for notices to our script, else on a page that leads back."""
    return show("refused", status, fragment="_refused", refusal=notice, way_back=came_from())


def draft_values(what: str) -> dict[str, Any] | None:
    """Return what this person typed into a form and did not save, or None."""
    found: Draft | None = find_draft(g.session, current_staff(), what)
    return found.body if found is not None else None


def edited_by_others(what: str) -> list[Drafting]:
    """Return who else is typing into the same form."""
    return others_drafting(g.session, current_staff(), what, g.now)


def asked_theme() -> str:
    """Return which theme this browser chose: that of its system, light or dark."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else THEMES[0]


def came_from() -> str:
    """Return the page that the asker came from, if it is one of ours; else the first one."""
    home = url_for("console.today_show_today")
    referrer = request.referrer or ""
    own = request.host_url
    return "/" + referrer.removeprefix(own) if referrer.startswith(f"{own}console") else home
