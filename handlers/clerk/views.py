"""What the counter shows: one page with a place for the view of the moment, or that view alone."""

import uuid
from datetime import date
from typing import Any

from flask import Response, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf

from bot.texts import LANGUAGE_NAMES
from handlers import settings
from handlers.clerk.door import clerk_texts, current_staff, is_fragment, staff_or_none
from handlers.clerk.refusals import Notice
from handlers.clerk.visit import Visit, read_visit, sign_visit
from models.base import BusinessError, in_language
from models.coupon import list_usable_coupons
from models.member import Member, get_member
from models.programme import Programme, get_programme

FRESH_TOKEN_HEADER = "X-Fresh-CSRF-Token"  # noqa: S105  # A header's name.
SHOWN_TYPED = 80


def words() -> dict[str, Any]:
    """Return what every template of the counter may use."""
    t = clerk_texts()
    return {
        "t": t,
        "language": t.language,
        "language_names": LANGUAGE_NAMES,
        "in_language": in_language,
        "day_of": date.fromisoformat,
        "staff": staff_or_none(),
        "notice": None,
    }


def show(view: str, status: int = 200, **context: Any) -> ResponseReturnValue:
    """Show a view: alone to our script, else within the whole page."""
    if is_fragment():
        return render_template(f"clerk/_{view}.html", **words(), **context), status
    page = words() | {"view": f"clerk/_{view}.html"} | context
    return render_template("clerk/page.html", **page), status


def show_scan(status: int = 200, **context: Any) -> ResponseReturnValue:
    """Show the screen that waits for the next customer."""
    return show("scan", status, **context)


def show_member(
    visit: Visit, member: Member, programme: Programme, status: int = 200, **context: Any
) -> ResponseReturnValue:
    """Show the member of a visit, their coupons, and the keys for the amount."""
    language = clerk_texts().language
    coupons = list_usable_coupons(g.session, member.id, g.now)
    fresh = {
        "visit": visit,
        "token": sign_visit(settings().secret_key, visit),
        "key": str(uuid.uuid4()),
        "member": member,
        "tier": programme.tier(member.tier_id),
        "coupons": [coupon.words(language, g.now) for coupon in coupons],
        "typed": {},
    }
    return show("member", status, **(fresh | context))


def refuse(notice: Notice, status: int) -> ResponseReturnValue:
    """Tell why not: into the open page's notice, or on a whole page that keeps what was typed."""
    if is_fragment():
        return _into_notice(
            render_template("clerk/_notice.html", **words() | {"notice": notice}), status
        )
    if request.endpoint == "clerk.record":
        try:
            return _show_member_again(notice, status)
        except BusinessError:
            pass  # The visit itself is what was refused: begin again with a scan.
    return show_scan(status, notice=notice, code=request.form.get("code", "")[:SHOWN_TYPED])


def ask_to_log_in(notice: Notice, status: int) -> ResponseReturnValue:
    """Ask for a login: in the open page, which keeps what was typed, or on a page of its own."""
    context = words() | {"notice": notice, "username": request.form.get("username", "")}
    if is_fragment():
        return _into_notice(render_template("clerk/_log_in_again.html", **context), status)
    return render_template("clerk/login.html", **context), status


def logged_in_again() -> ResponseReturnValue:
    """Say in the open page that the work can go on."""
    return _into_notice(render_template("clerk/_logged_in_again.html", **words()), 200)


def _into_notice(html: str, status: int) -> Response:
    """Send a fragment for the open page's notice, with a CSRF token for the next try.

    A preview, which nobody asked for, keeps quiet: the purchase itself will say it.
    """
    response = make_response(html, status)
    response.headers[FRESH_TOKEN_HEADER] = generate_csrf()
    if request.endpoint == "clerk.preview":
        response.headers["HX-Reswap"] = "none"
    else:
        response.headers["HX-Retarget"] = "#notice"
        response.headers["HX-Reswap"] = "innerHTML"
    return response


def _show_member_again(notice: Notice, status: int) -> ResponseReturnValue:
    form, staff_id = request.form, current_staff().id
    g.session.rollback()  # What was refused may have failed in the database.
    visit = read_visit(settings().secret_key, form.get("visit", ""), staff_id=staff_id, now=g.now)
    member = get_member(g.session, visit.member_id)
    programme = get_programme(g.session, visit.programme_version)
    return show_member(
        visit, member, programme, status, key=form.get("key", ""), typed=form, notice=notice
    )
