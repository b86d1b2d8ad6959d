"""Purchases: what a basket would come to, recording it, reading it, taking it back."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Any

from flask import g
from flask_openapi.blueprint import APIBlueprint

from handlers import settings
from handlers.api.answering import Answer
from handlers.api.calls import language
from handlers.api.cursors import read_cursor, write_cursor
from handlers.api.declaring import declare
from handlers.api.door import caller
from handlers.api.members import CODE_REFUSALS, identify
from handlers.api.problems import Refused
from handlers.api.schemas.base import Code
from handlers.api.schemas.members import Who
from handlers.api.schemas.purchases import (
    BasketAsked,
    CouponEffect,
    LineAsked,
    LineReturned,
    LineTold,
    PreviewAsked,
    PreviewTold,
    PurchaseAsked,
    PurchaseBrief,
    PurchaseMade,
    PurchasePath,
    PurchasesAsked,
    PurchasesTold,
    PurchaseTold,
    RefundAsked,
    RefundsTold,
    RefundTold,
    StampTold,
)
from handlers.api.tags import PURCHASES
from models.api_key import READ_PURCHASES, WRITE_PURCHASES
from models.base import in_language
from models.checkout import (
    ApprovalNeeded,
    Line,
    NoSuchPurchase,
    NothingLeft,
    PointsNotUsable,
    Preview,
    ReasonMissing,
    Recorded,
    RefundRefused,
    Return,
    Sale,
    SoldTooLongAgo,
    preview_purchase,
    record_purchase,
    refund_purchase,
)
from models.checkout.opening import Named
from models.checkout.sheet import Sheet, get_sheet
from models.coupon import (
    Coupon,
    CouponNeedsMore,
    CouponNotHere,
    CouponNotUsable,
    CouponsDoNotCombine,
    list_usable_coupons,
    pricing,
)
from models.fraud import ApprovalNotUsable, CardFrozen, OwnCard, check_own_card
from models.fraud.checking import Level
from models.member import Member, NoSuchMember, get_member, get_member_by_number
from models.member_code import read_code
from models.points import IdempotencyKeyReused, InsufficientPoints
from models.programme import Programme, get_programme
from models.purchase import (
    AmountRefused,
    Purchase,
    Refund,
    find_order_purchase,
    list_of_store,
)
from models.purchase.table import OrderKnown
from models.staff import NoSuchStaff, Staff, get_counter_staff
from models.stamp_card import Stamped

URL = "/api/v1/purchases"
NOT_ASKED = 0
"""The id of a member whom the sale's own question finds."""
LIST = "purchases"
PRICE_REFUSALS = (
    NoSuchMember,
    *CODE_REFUSALS,
    NoSuchStaff,
    AmountRefused,
    SoldTooLongAgo,
    PointsNotUsable,
    InsufficientPoints,
    CouponNotUsable,
    CouponNeedsMore,
    CouponNotHere,
    CouponsDoNotCombine,
    CardFrozen,
    "lines_differ",
    "other_store",
)


def preview(body: PreviewAsked) -> PreviewTold:
    """Preview a basket: what it would come to, earn and stamp; nothing is written.

    `offers` tells what each coupon of the member would take off by itself; name the ones to use in
    `coupons`, and their effect together is told there. `most_points` is what points can pay.
    """
    member, code_id = identify(body.member)
    sale = _sale(body, member.id, code_id)
    outlook = preview_purchase(g.session, sale, g.now, lenient=True)
    programme = get_programme(g.session)
    return PreviewTold(
        amount_twd=sale.amount_twd,
        discount_twd=outlook.sold.discount_twd,
        member_discount_twd=outlook.member_discount_twd,
        points_used=outlook.sold.points_used,
        points_twd=outlook.sold.points_twd,
        paid_twd=outlook.sold.paid_twd,
        points_earned=outlook.sold.points_earned,
        stamps=[_tell_stamp(each, member.language) for each in outlook.stamped],
        tier=_tell_tier(outlook),
        upgraded=outlook.lifted_to is not None,
        warnings=[reason.code for reason in outlook.verdict.reasons],
        most_points=outlook.most_points,
        needs_approval=outlook.verdict.level is Level.NEEDS_APPROVAL,
        coupons=_effects_together(outlook),
        offers=_offers(sale, member, programme),
    )


def record(body: PurchaseAsked) -> Answer:
    """Record a sale, with the coupons and points that pay for it.

    Points, stamps, tier and the member's receipt follow in the same moment. A scanned code is good
    for one sale. An order told again with the same `source` and `source_ref` is answered 200 with
    what was recorded first.
    """
    recorded = _record(body)
    made = _tell_made(recorded)
    status = 200 if recorded.is_repeat else 201
    return Answer(made, status, f"{URL}/{made.id}")


def get_purchase(path: PurchasePath) -> PurchaseTold:
    """Read a purchase with its items and refunds."""
    return _tell_sheet(_own_sheet(path.purchase_id))


def list_purchases(query: PurchasesAsked) -> PurchasesTold:
    """List the purchases of the key's store, the newest first."""
    member = get_member_by_number(g.session, query.member) if query.member else None
    last = read_cursor(LIST, query.cursor)
    rows = list_of_store(
        g.session,
        caller().store.id,
        member_id=member.id if member else None,
        since=query.since,
        before=(date.fromisoformat(last[0]), last[1]) if last else None,
        limit=query.limit + 1,
    )
    shown, store = rows[: query.limit], caller().store.code
    following = None
    if len(rows) > query.limit:
        newest_left = shown[-1][0]
        following = write_cursor(LIST, newest_left.purchased_on.isoformat(), newest_left.id)
    return PurchasesTold(
        items=[PurchaseBrief(**brief_of(purchase, number, store)) for purchase, number in shown],
        next=following,
    )


def refund(path: PurchasePath, body: RefundAsked) -> Answer:
    """Take a purchase back: an amount, some items, or all that is left.

    Points, stamps, tier and coupons follow, and the member is told.
    """
    purchase = _own_purchase(path.purchase_id)
    clerk = clerk_of(body.clerk)
    if clerk is not None:
        check_own_card(clerk, get_member(g.session, purchase.member_id))
    asked = Return(
        purchase_id=purchase.id,
        store=caller().store,
        staff_id=clerk.id if clerk else None,
        reason=body.reason,
        idempotency_key=caller().row_key(),
        amount_twd=body.amount_twd,
        lines=tuple((line.line_no, line.quantity) for line in body.lines),
    )
    done = refund_purchase(g.session, asked, g.now)
    told = _tell_refund(done.refund, left_twd=done.purchase.net_twd)
    return Answer(told, 200 if done.is_repeat else 201, f"{URL}/{purchase.id}/refunds")


def list_refunds(path: PurchasePath) -> RefundsTold:
    """List what of a purchase was taken back, the oldest first."""
    return RefundsTold(items=_tell_sheet(_own_sheet(path.purchase_id)).refunds)


def add_routes(blueprint: APIBlueprint) -> None:
    """Add the purchases' addresses."""
    one = "/purchases/<int:purchase_id>"
    declare(
        blueprint,
        "POST",
        "/purchases/preview",
        preview,
        tag=PURCHASES,
        scope=WRITE_PURCHASES,
        answers={200: PreviewTold},
        refusals=PRICE_REFUSALS,
        once=False,
    )
    declare(
        blueprint,
        "POST",
        "/purchases",
        record,
        tag=PURCHASES,
        scope=WRITE_PURCHASES,
        answers={201: PurchaseMade, 200: PurchaseMade},
        refusals=(*PRICE_REFUSALS, OrderKnown, OwnCard, ApprovalNeeded, ApprovalNotUsable),
    )
    declare(
        blueprint,
        "GET",
        "/purchases",
        list_purchases,
        tag=PURCHASES,
        scope=READ_PURCHASES,
        answers={200: PurchasesTold},
        refusals=(NoSuchMember, "bad_cursor"),
    )
    declare(
        blueprint,
        "GET",
        one,
        get_purchase,
        tag=PURCHASES,
        scope=READ_PURCHASES,
        answers={200: PurchaseTold},
        refusals=(NoSuchPurchase, "other_store"),
    )
    declare(
        blueprint,
        "POST",
        f"{one}/refunds",
        refund,
        tag=PURCHASES,
        scope=WRITE_PURCHASES,
        answers={201: RefundTold, 200: RefundTold},
        refusals=(
            NoSuchPurchase,
            NothingLeft,
            RefundRefused,
            ReasonMissing,
            NoSuchStaff,
            OwnCard,
            "other_store",
        ),
    )
    declare(
        blueprint,
        "GET",
        f"{one}/refunds",
        list_refunds,
        tag=PURCHASES,
        scope=READ_PURCHASES,
        answers={200: RefundsTold},
        refusals=(NoSuchPurchase, "other_store"),
    )


# --- what was asked


def _name(who: Who) -> tuple[Named | None, str | None]:
    """Return the member as the sale's own question finds them, and the id of a scanned code.

    None for who is told by phone. Raises what a code that is none of ours is refused with.
    """
    if who.number is not None:
        return Named("number", who.number), None
    if who.code is None:
        return None, None
    read = read_code(settings().public_key, who.code, g.now)
    return Named("card_ref", read.card_ref), read.code_id


def _sale(body: BasketAsked, member_id: int, code_id: str | None) -> Sale:
    """Return what is asked as a sale. Raises Refused, or NoSuchStaff."""
    who = caller()
    if body.store is not None and body.store.upper() != who.store.code:
        raise Refused("other_store")
    sale = Sale(
        member_id=member_id,
        store=who.store,
        staff=clerk_of(body.clerk),
        amount_twd=body.amount_twd,
        idempotency_key=who.row_key(),
        coupon_ids=tuple(sorted(set(body.coupons))),
        points_to_use=body.points_to_use,
        code_id=code_id,
        lines=lines_of(body.lines, body.amount_twd),
        sold_at=body.sold_at,
    )
    if not isinstance(body, PurchaseAsked):
        return sale
    return replace(
        sale,
        source=body.source,
        source_ref=body.source_ref,
        approval_code=body.approval_code,
    )


def lines_of(asked: Sequence[LineAsked], amount_twd: int) -> tuple[Line, ...]:
    """Return the items, where any are told. Raises Refused where they do not come to the amount."""
    total_twd = sum(line.amount_twd for line in asked)
    if asked and total_twd != amount_twd:
        raise Refused("lines_differ", lines_twd=total_twd)
    return tuple(
        Line(line.name, line.amount_twd, line.quantity, line.sku, line.category, line.cost_twd)
        for line in asked
    )


def clerk_of(username: str | None) -> Staff | None:
    """Return the person at the till, where they are told. Raises NoSuchStaff."""
    return get_counter_staff(g.session, username) if username is not None else None


def _record(body: PurchaseAsked) -> Recorded:
    """Record the sale; who is meant is asked for by itself only where that is not plain."""
    named, code_id = _name(body.member)
    if named is not None:
        with suppress(NoSuchMember):  # Nobody, or a card that was merged into another.
            return _record_once(_sale(body, NOT_ASKED, code_id), named)
    member, code_id = identify(body.member)
    return _record_once(_sale(body, member.id, code_id), None)


def _record_once(sale: Sale, named: Named | None) -> Recorded:
    """Record the sale, or tell again what the same order brought when it was told first.

    Raises OrderKnown where its content was another.
    """
    if sale.source is None or sale.source_ref is None:
        return record_purchase(g.session, sale, g.now, named=named)
    first = find_order_purchase(g.session, sale.source, sale.source_ref)
    if first is None:
        try:
            with g.session.begin_nested():
                return record_purchase(g.session, sale, g.now, named=named)
        except OrderKnown:  # A twin under another key was quicker; ours waited for the member.
            first = find_order_purchase(g.session, sale.source, sale.source_ref)
            if first is None:
                raise
    again = replace(sale, idempotency_key=first.idempotency_key)
    try:
        return record_purchase(g.session, again, g.now, named=named)
    except IdempotencyKeyReused as error:
        raise OrderKnown(purchase_id=first.id) from error


def _own_purchase(purchase_id: int) -> Purchase:
    """Return a purchase of the key's store. Raises NoSuchPurchase, OtherStore."""
    purchase: Purchase | None = g.session.get(Purchase, purchase_id)
    if purchase is None:
        raise NoSuchPurchase
    caller().check_store(purchase.store_id)
    return purchase


def _own_sheet(purchase_id: int) -> Sheet:
    """Return a purchase of the key's store with all of it. Raises NoSuchPurchase, OtherStore."""
    sheet = get_sheet(g.session, purchase_id)
    caller().check_store(sheet.purchase.store_id)
    return sheet


# --- what is told


def _tell_made(recorded: Recorded) -> PurchaseMade:
    receipt, tier = recorded.receipt, recorded.standing.tier
    return PurchaseMade(
        id=recorded.purchase_id,
        member_number=recorded.member_number,
        sold_at=receipt["at"],
        amount_twd=receipt["amount_twd"],
        discount_twd=receipt["discount_twd"],
        member_discount_twd=receipt["member_discount_twd"],
        points_used=receipt["points_used"],
        points_twd=receipt["points_twd"],
        paid_twd=receipt["paid_twd"],
        points_earned=receipt["points_earned"],
        points_balance=receipt["points_balance"],
        points_usable_on=receipt["points_usable_on"],
        stamps=[
            StampTold(
                name=card["name"],
                added=card["added"],
                stamps=card["stamps"],
                size=card["size"],
                reward=card["reward_name"],
            )
            for card in receipt["stamp_cards"]
        ],
        tier=Code(code=tier.code, name=in_language(tier.name, language())),
        upgraded=receipt["upgraded_to"] is not None,
        warnings=[reason.code for reason in recorded.verdict.reasons],
    )


def _tell_stamp(stamped: Stamped, spoken: str) -> StampTold:
    card = stamped.programme
    return StampTold(
        name=in_language(card.name, spoken),
        added=stamped.added,
        stamps=stamped.shown,
        size=card.size,
        reward=in_language(card.reward.name, spoken) if stamped.filled else None,
    )


def _tell_tier(outlook: Preview) -> Code:
    tier = outlook.standing.tier
    return Code(code=tier.code, name=in_language(tier.name, language()))


def _effects_together(outlook: Preview) -> list[CouponEffect]:
    """Return what the coupons asked for do together, and why some do nothing."""
    used = [_tell_effect(pricing.Weighed(coupon, twd)) for coupon, twd in outlook.priced]
    refused = [_tell_effect(pricing.Weighed(coupon, 0, why)) for coupon, why in outlook.refused]
    return used + refused


def _offers(sale: Sale, member: Member, programme: Programme) -> list[CouponEffect]:
    """Return what each coupon of the member would do by itself."""
    tier = programme.tier(member.tier_id).code
    basket = pricing.Basket(sale.amount_twd, sale.store.code, tier, sale.channel, sale.lines)
    at = sale.happened_at(g.now)
    usable: Sequence[Coupon] = list_usable_coupons(g.session, member.id, at)
    return [_tell_effect(*pricing.weigh([coupon], basket, at)) for coupon in usable]


def _tell_effect(weighed: pricing.Weighed) -> CouponEffect:
    coupon, refusal = weighed.coupon, weighed.refusal
    return CouponEffect(
        id=coupon.id,
        name=in_language(coupon.template.name, language()),
        discount_twd=weighed.discount_twd,
        refusal=refusal.code if refusal else None,
        facts=refusal.facts if refusal else None,
    )


def brief_of(purchase: Purchase, number: str, store: str) -> dict[str, Any]:
    """Return what every answer tells of a purchase, as `PurchaseBrief` takes it."""
    return {
        "id": purchase.id,
        "member_number": number,
        "store": store,
        "channel": purchase.channel,
        "sold_at": purchase.purchased_at,
        "amount_twd": purchase.amount_twd,
        "discount_twd": purchase.discount_twd,
        "points_used": purchase.points_used,
        "paid_twd": purchase.paid_twd,
        "refunded_twd": purchase.refunded_twd,
        "net_twd": purchase.net_twd,
        "points_earned": purchase.points_earned,
        "source": purchase.source,
        "source_ref": purchase.source_ref,
        "is_undone": purchase.undone_at is not None,
    }


def _tell_sheet(sheet: Sheet) -> PurchaseTold:
    number = sheet.number.replace(" ", "")
    return PurchaseTold(
        **brief_of(sheet.purchase, number, sheet.store.code),
        member_name=sheet.name,
        clerk=sheet.staff_name,
        coupons=[in_language(name, language()) for name in sheet.coupon_names],
        lines=[LineTold.model_validate(line, from_attributes=True) for line in sheet.lines],
        refunds=[_tell_refund(each.refund) for each in sheet.refunds],
    )


def _tell_refund(made: Refund, *, left_twd: int | None = None) -> RefundTold:
    return RefundTold(
        id=made.id,
        purchase_id=made.purchase_id,
        amount_twd=made.amount_twd,
        is_full=made.is_full,
        lines=[LineReturned(**line) for line in made.lines] if made.lines else None,
        reason=made.reason,
        points_taken=made.points_taken,
        points_given_back=made.points_given_back,
        left_twd=left_twd,
        refunded_at=made.refunded_at,
    )
