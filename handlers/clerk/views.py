"""What the counter shows: one page with a place for the view of the moment, or that view alone."""

import uuid
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

from flask import Response, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf

from bot.texts import LANGUAGE_NAMES
from handlers import is_refusal_kept, listening, settings
from handlers.clerk.carrier import carrier_on_page
from handlers.clerk.door import (
    clerk_texts,
    current_staff,
    current_store,
    is_fragment,
    locked_staff,
    this_device,
    work_or_none,
)
from handlers.clerk.hints import hints
from handlers.clerk.items import BLANK_ROWS, typed_rows
from handlers.clerk.second_person import list_managers, manages
from handlers.clerk.visit import Visit, read_visit, sign_visit
from handlers.notice import Notice
from models.base import BusinessError, in_language
from models.coupon import TILL, list_usable_coupons
from models.fraud import Approval
from models.local_day import local_day
from models.member import Member, get_member
from models.plan import held_plan
from models.programme import Programme, get_programme
from models.staff import list_counter_staff
from models.stamp_card import list_held_cards
from models.tier import Tier

FRESH_TOKEN_HEADER = "X-Fresh-CSRF-Token"  # noqa: S105  # A header's name.
SHOWN_TYPED = 80

ShowAgain = Callable[[Notice, int], ResponseReturnValue]
_SHOWN_AGAIN: dict[str, ShowAgain] = {}


def words() -> dict[str, Any]:
    """Return what every template of the counter may use."""
    t, work = clerk_texts(), work_or_none()
    return {
        "t": t,
        "language": t.language,
        "language_names": LANGUAGE_NAMES,
        "in_language": in_language,
        "day_of": date.fromisoformat,
        "local_day": local_day,
        "listening": listening,
        "staff": work.staff if work else None,
        "store": work.store if work else None,
        "device": work.device if work else None,
        "lock_minutes": work.shop.lock_minutes if work else None,
        "managers": partial(list_managers, work.staff) if work else tuple,
        "is_managing": work is not None and manages(work.staff),
        "notice": None,
    }


def show(view: str, status: int = 200, **context: Any) -> ResponseReturnValue:
    """Show a view: alone to our script, else within the whole page."""
    if is_fragment():
        return render_template(f"clerk/_{view}.html", **words(), **context), status
    page = words() | {"view": f"clerk/_{view}.html"} | context
    return render_template("clerk/page.html", **page), status


def show_scan(status: int = 200, **context: Any) -> ResponseReturnValue:
    """Show the screen that waits for the next customer, with a carrier that was scanned early."""
    return show("scan", status, **({"carrier": carrier_on_page()} | context))


def back_to_scan(**_where: object) -> ResponseReturnValue:
    """Bring whoever reloads an answer's address back to the start."""
    return redirect(url_for("clerk.scan"))


def show_member(
    visit: Visit, member: Member, programme: Programme, status: int = 200, **context: Any
) -> ResponseReturnValue:
    """Show the member of a visit, their coupons and points, and the keys for the amount."""
    t, staff, today = clerk_texts(), current_staff(), local_day(g.now)
    tier = programme.tier(member.tier_id)
    fresh = {
        "visit": visit,
        "token": sign_visit(settings().secret_key, visit),
        "key": str(uuid.uuid4()),
        "member": member,
        "tier": tier,
        "plan": held_plan(programme.plans, member.plan_code, member.plan_until, g.now),
        "hints": hints(t, visit, member, staff, today),
        "coupons": _coupons(member, tier, current_store().code),
        "stamp_cards": _stamp_cards(member, programme, today),
        "typed": {},
        "ticked": request.form.getlist("coupon"),
        "rows": [],
        "blank_rows": BLANK_ROWS,
        "carrier": carrier_on_page(),
    }
    return show("member", status, **(fresh | context))


def _coupons(member: Member, tier: Tier, store_code: str) -> list[dict[str, Any]]:
    """Return what the member could use now, with whether it is for this store and tier."""
    language = clerk_texts().language
    return [
        coupon.words(language, g.now)
        | {
            "is_for_here": coupon.template.admits(
                tier_code=tier.code, store_code=store_code, channel=TILL
            )
        }
        for coupon in list_usable_coupons(g.session, member.id, g.now)
    ]


def _stamp_cards(member: Member, programme: Programme, today: date) -> list[dict[str, Any]]:
    language = clerk_texts().language
    held = list_held_cards(g.session, member.id, programme.stamp_programmes, today)
    return [card.words(language) for card in held]


def show_asked(visit: Visit, approval: Approval) -> ResponseReturnValue:
    """Tell that a manager was asked to allow the sale on the screen, which stays as it is."""
    if is_fragment():
        html = render_template("clerk/_asked.html", **words() | {"approval": approval})
        return _into_notice(html, 200)
    member = get_member(g.session, visit.member_id)
    programme = get_programme(g.session, visit.programme_version)
    return show_member(visit, member, programme, approval=approval, **_typed_sale())


def refuse(notice: Notice, status: int) -> ResponseReturnValue:
    """Tell why not: into the open page's notice, or on a whole page that keeps what was typed."""
    if is_fragment():
        return _into_notice(
            render_template("clerk/_notice.html", **words() | {"notice": notice}), status
        )
    again = _SHOWN_AGAIN.get(request.endpoint or "")
    if again is not None and "session" in g:  # None is open where a limit was reached.
        if not is_refusal_kept():
            g.session.rollback()  # What was refused may have failed in the database.
        try:
            return again(notice, status)
        except BusinessError:
            pass  # What the page stood for was itself refused: begin again with a scan.
    return show_scan(status, notice=notice, code=request.form.get("code", "")[:SHOWN_TYPED])


def shows_again(*endpoints: str) -> Callable[[ShowAgain], ShowAgain]:
    """Have a refused form of these endpoints shown again, with its notice and what was typed.

    Only a browser without our script needs it: with it the page stays open.
    """

    def register(again: ShowAgain) -> ShowAgain:
        _SHOWN_AGAIN.update(dict.fromkeys(endpoints, again))
        return again

    return register


def ask_to_log_in(notice: Notice, status: int) -> ResponseReturnValue:
    """Ask for a login: in the open page, which keeps what was typed, or on a page of its own."""
    if is_fragment():
        again = render_template("clerk/_log_in_again.html", **(words() | _at_the_door(notice)))
        return _into_notice(again, status)
    return show_door(notice, status)


def show_door(notice: Notice | None = None, status: int = 200) -> ResponseReturnValue:
    """Show the page that asks who is there, or, on an unknown device, how it is to be let in."""
    return show_page("login", status, **_at_the_door(notice))


def show_page(name: str, status: int = 200, **context: Any) -> ResponseReturnValue:
    """Show a page of its own, outside the counter's."""
    return render_template(f"clerk/{name}.html", **(words() | context)), status


def _at_the_door(notice: Notice | None) -> dict[str, Any]:
    """Return what a door shows: the device, who may come in here, and who was picked."""
    device = this_device()
    people = list_counter_staff(g.session) if device else ()
    picked = next((one for one in people if str(one.id) == _picked_id()), None)
    return {
        "notice": notice,
        "at": device,
        "here": [one for one in people if device and one.store_id == device.store_id],
        "elsewhere": [one for one in people if device and one.store_id != device.store_id],
        "picked": picked,
        "username": request.form.get("username", ""),
        "typed": request.form,
    }


def _picked_id() -> str:
    """Return whose name was tapped, or whose session waits for their PIN."""
    told = request.values.get("person")
    if told is not None:
        return told
    locked = locked_staff()
    return str(locked.id) if locked else ""


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


def _typed_sale() -> dict[str, Any]:
    """Return what was typed into a sale's form, to show it again."""
    form = request.form
    return {
        "key": form.get("key", ""),
        "typed": form,
        "ticked": form.getlist("coupon"),
        "rows": typed_rows(),
    }


@shows_again("clerk.record", "clerk.ask_for_approval")
def _show_member_again(notice: Notice, status: int) -> ResponseReturnValue:
    form, staff_id = request.form, current_staff().id
    visit = read_visit(settings().secret_key, form.get("visit", ""), staff_id=staff_id, now=g.now)
    member = get_member(g.session, visit.member_id)
    programme = get_programme(g.session, visit.programme_version)
    return show_member(visit, member, programme, status, notice=notice, **_typed_sale())
