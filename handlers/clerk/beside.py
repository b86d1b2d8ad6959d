"""What is scanned while a customer is on the screen, judged by its kind so that none is mixed.

An invoice carrier is shown for the invoice machine; this customer's coupon is ticked, somebody
else's is not; a thing for sale becomes an item; this customer's own code proves who they are. A
code that leads elsewhere, such as the next customer's, opens only if nothing typed is lost.
"""

import json
from dataclasses import replace
from typing import Any

from flask import Response, g, make_response, render_template, request
from flask.typing import ResponseReturnValue

from handlers import settings
from handlers.clerk import counter, door, form, items, views
from handlers.clerk.carrier import Carrier, carrier_on_page, find_carrier
from handlers.clerk.items import Row, typed_rows
from handlers.clerk.visit import Visit, VisitNotOurs, VisitOver, sign_visit
from handlers.limiting import limiter
from models.base import BusinessError
from models.coupon import (
    Coupon,
    CouponNotUsable,
    find_code_in_scan,
    find_coupon,
    list_usable_coupons,
)
from models.fraud import refuse_if_frozen
from models.member import get_member
from models.plan import is_request_scan


class CouponOfAnother(BusinessError):
    """The coupon scanned is not this customer's."""

    code = "coupon_of_another"


class ItemUnknown(BusinessError):
    """A barcode of goods that the catalogue does not have."""

    code = "item_unknown"


@limiter.limit(door.LOOKUPS_PER_STAFF, key_func=door.session_staff)
def scan_beside() -> ResponseReturnValue:
    """Take in what was scanned beside a customer, or beside the result of their sale."""
    typed = counter.read_code_typed()
    carrier = find_carrier(typed)
    if carrier is not None:
        return _show_carrier(carrier)
    visit = _visit()
    if visit is None:
        return counter.open_code(typed)
    coupon_code = find_code_in_scan(typed)
    if coupon_code is not None:
        return _tick(visit, coupon_code)
    if is_request_scan(typed):
        return _go_on_to(typed, None)
    row = items.find_row(typed)
    if row is not None:
        return _add_item(row)
    if items.is_barcode(typed):
        raise ItemUnknown
    met = counter.identify(typed)
    if met.member.id == visit.member_id:
        return _prove(visit, met.code_id)
    return _go_on_to(typed, met)


def add_routes(blueprint: door.Door) -> None:
    """Add the address of a second scan."""
    blueprint.post("/beside")(scan_beside)
    blueprint.get("/beside")(views.back_to_scan)


def _visit() -> Visit | None:
    """Return whose page it is; None where their sale is made, or the page is too old to go on."""
    if request.form.get("is_served"):
        return None
    try:
        return form.visit()
    except (VisitOver, VisitNotOurs):
        return None  # A scan is what such a page asks for; the script keeps the amount.


def _show_carrier(carrier: Carrier) -> Response:
    form_name = None if request.form.get("is_served") else "sale"
    return _into("#carrier", "carrier", carrier=carrier, carrier_forms=[form_name])


def _tick(visit: Visit, code: str) -> Response:
    """Tick the customer's coupon on the page. Raises CouponOfAnother, CouponNotUsable."""
    coupon = find_coupon(g.session, code)
    if coupon is None:
        raise CouponNotUsable(state="unknown")
    if coupon.member_id != visit.member_id:
        raise CouponOfAnother(name=visit.name)
    refuse_if_frozen(get_member(g.session, visit.member_id))
    if not coupon.is_usable(g.now):
        raise CouponNotUsable(state=coupon.state if coupon.state != "issued" else "expired")
    if _is_listed(visit, coupon):
        return _tell("tick-coupon", {"id": str(coupon.id)})
    language = door.clerk_texts().language
    facts = coupon.words(language, g.now) | {"is_for_here": True}
    answer = _into("#coupon-list", "coupon_pick", coupon=facts, ticked=[facts["id"]])
    answer.headers["HX-Reswap"] = "beforeend"
    return answer


def _is_listed(visit: Visit, coupon: Coupon) -> bool:
    shown = list_usable_coupons(g.session, visit.member_id, g.now)
    return any(one.id == coupon.id for one in shown)


def _add_item(row: Row) -> Response:
    answer = _into("#item-rows", "item_row", row=row, form_name="sale")
    answer.headers["HX-Reswap"] = "beforeend"
    answer.headers["HX-Trigger-After-Swap"] = "items-changed"
    return answer


def _prove(visit: Visit, code_id: str | None) -> Response:
    """Note that the customer on the screen showed their code; what is typed stays."""
    proved = visit if code_id is None else replace(visit, code_id=code_id)
    token = sign_visit(settings().secret_key, proved)
    return _tell("visit-proved", {"visit": token})


def _go_on_to(typed: str, met: counter.Met | None) -> ResponseReturnValue:
    """Open what the code leads to, or ask first where that would lose what was typed."""
    if not _is_anything_typed():
        return counter.open_code(typed)
    name = counter.new_visit(met).name if met is not None else None
    return _into("#notice", "go_on", code=typed, next_name=name)


def _is_anything_typed() -> bool:
    asked = request.form
    typed = (asked.get(name, "").strip() for name in ("amount", "points"))
    is_chosen = any(asked.getlist("coupon")) or bool(typed_rows())
    return any(typed) or is_chosen or carrier_on_page() is not None


def _into(place: str, view: str, **context: Any) -> Response:
    """Send a fragment into a place of the open page."""
    answer = make_response(render_template(f"clerk/_{view}.html", **views.words(), **context))
    answer.headers["HX-Retarget"] = place
    answer.headers["HX-Reswap"] = "innerHTML"
    return answer


def _tell(event: str, facts: dict[str, str]) -> Response:
    """Tell the open page's script what to do; nothing is swapped."""
    answer = make_response("")
    answer.headers["HX-Reswap"] = "none"
    answer.headers["HX-Trigger"] = json.dumps({event: facts})
    return answer
