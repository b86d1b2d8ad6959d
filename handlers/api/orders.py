"""Orders of web shops: each counted once, with the sales of tills and files (B-23)."""

from contextlib import suppress

from flask import g
from flask_openapi.blueprint import APIBlueprint

from handlers.api.answering import Answer
from handlers.api.declaring import declare
from handlers.api.door import caller
from handlers.api.members import identify
from handlers.api.purchases import PRICE_REFUSALS, brief_of, lines_of
from handlers.api.schemas.orders import (
    CartAsked,
    OrderAsked,
    OrderChange,
    OrderPath,
    OrderPreviewAsked,
    OrderPreviewTold,
    OrderTold,
)
from handlers.api.schemas.purchases import PurchaseBrief
from handlers.api.tags import ORDERS
from models.api_key import READ_PURCHASES, WRITE_PURCHASES
from models.checkout import (
    Change,
    NoSuchOrder,
    Order,
    OrderCancelled,
    Ordered,
    PaymentRefused,
    RefundRefused,
    change_order,
    get_order,
    preview_order,
    record_order,
)
from models.member import get_member
from models.purchase import stores_of
from models.purchase.table import OrderKnown

URL = "/api/v1/orders"
UNTOLD_REASON = "網路商店"
"""Why an order went back, where its shop does not say."""


def preview_cart(body: OrderPreviewAsked) -> OrderPreviewTold:
    """Preview an order: what is to be paid, what it earns, and whether it is sent free."""
    outlook = preview_order(g.session, _order(body, source="", ref=""), g.now)
    preview = outlook.preview
    sold = preview.sold
    return OrderPreviewTold(
        ships_free=outlook.is_shipped_free,
        amount_twd=sold.amount_twd,
        discount_twd=sold.discount_twd,
        member_discount_twd=preview.member_discount_twd,
        points_used=sold.points_used,
        points_twd=sold.points_twd,
        paid_twd=sold.paid_twd,
        points_earned=sold.points_earned,
        most_points=preview.most_points,
    )


def record_web_order(body: OrderAsked) -> Answer:
    """Tell of an order that was paid.

    It counts once by `source` and `reference`, whether till, web shop or file told it first: known
    with the same content it is answered 200 as it stands, with other content 409.
    """
    asked = _order(
        body,
        source=body.source,
        ref=body.reference,
        paid_twd=body.paid_twd,
        is_shipped_free=body.shipping_waived,
        ordered_at=body.ordered_at,
    )
    ordered = record_order(g.session, asked, g.now)
    status = 200 if ordered.recorded is None else 201
    location = f"{URL}/{body.source}/{body.reference}"
    return Answer(_tell(ordered, body.source, body.reference), status, location)


def get_web_order(path: OrderPath) -> OrderTold:
    """Read an order as it stands."""
    return _tell(_own(path), path.source, path.reference)


def change_web_order(path: OrderPath, body: OrderChange) -> OrderTold:
    """Tell what became of an order: cancelled, or given back in whole or part.

    Points, stamps, tier and coupons follow. It is a state, not a step: telling it again changes
    nothing. An order that is cancelled before anybody told of it never counts.
    """
    with suppress(NoSuchOrder):  # It may be called off before it is told.
        _own(path)
    told = Change(
        source=path.source,
        ref=path.reference,
        status=body.status,
        reason=body.reason or UNTOLD_REASON,
        refunded_twd=body.refunded_twd,
    )
    return _tell(change_order(g.session, told, g.now), path.source, path.reference)


def _order(body: CartAsked, *, source: str, ref: str, **more: object) -> Order:
    member, _ = identify(body.member)
    return Order(
        source=source,
        ref=ref,
        member_id=member.id,
        store=caller().store,
        amount_twd=body.amount_twd,
        shipping_twd=body.shipping_twd,
        lines=lines_of(body.lines, body.amount_twd - body.shipping_twd),
        coupon_ids=tuple(sorted(set(body.coupons))),
        points_to_use=body.points_to_use,
        **more,  # type: ignore[arg-type]  # By name, from the body's own types.
    )


def _own(path: OrderPath) -> Ordered:
    """Return an order of the key's store. Raises NoSuchOrder, OtherStore."""
    ordered = get_order(g.session, path.source, path.reference)
    if ordered.purchase is not None:
        caller().check_store(ordered.purchase.store_id)
    return ordered


def _tell(ordered: Ordered, source: str, reference: str) -> OrderTold:
    purchase, order = ordered.purchase, ordered.order
    brief = None
    if purchase is not None:
        number = get_member(g.session, purchase.member_id).number
        store = stores_of(g.session, [purchase.id])[purchase.id].code
        brief = PurchaseBrief(**brief_of(purchase, number, store))
    return OrderTold(
        source=source,
        reference=reference,
        status=ordered.status,  # type: ignore[arg-type]  # One of the three.
        shipping_twd=order.shipping_twd if order is not None else None,
        shipping_waived=order is not None and order.is_shipped_free,
        purchase=brief,
    )


def add_routes(blueprint: APIBlueprint) -> None:
    """Add the orders' addresses."""
    declare(
        blueprint,
        "POST",
        "/orders/preview",
        preview_cart,
        tag=ORDERS,
        scope=WRITE_PURCHASES,
        answers={200: OrderPreviewTold},
        refusals=PRICE_REFUSALS,
        once=False,
    )
    declare(
        blueprint,
        "POST",
        "/orders",
        record_web_order,
        tag=ORDERS,
        scope=WRITE_PURCHASES,
        answers={201: OrderTold, 200: OrderTold},
        refusals=(*PRICE_REFUSALS, PaymentRefused, OrderKnown, OrderCancelled),
    )
    one = "/orders/<source>/<reference>"
    declare(
        blueprint,
        "GET",
        one,
        get_web_order,
        tag=ORDERS,
        scope=(READ_PURCHASES, WRITE_PURCHASES),
        answers={200: OrderTold},
        refusals=(NoSuchOrder, "other_store"),
    )
    declare(
        blueprint,
        "PUT",
        one,
        change_web_order,
        tag=ORDERS,
        scope=WRITE_PURCHASES,
        answers={200: OrderTold},
        refusals=(NoSuchOrder, OrderCancelled, RefundRefused, "other_store"),
    )
