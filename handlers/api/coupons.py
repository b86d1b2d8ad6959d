"""Coupons of members: what they have, and using one up without a sale (U12)."""

import structlog
from flask import g
from flask_openapi.blueprint import APIBlueprint

from handlers.api.answering import Answer
from handlers.api.calls import language
from handlers.api.cursors import read_cursor, write_cursor
from handlers.api.declaring import declare
from handlers.api.door import LOOKUPS, caller
from handlers.api.purchases import clerk_of
from handlers.api.schemas.coupons import (
    CouponAsked,
    CouponsPage,
    CouponsQuery,
    MemberCouponTold,
    RedemptionAsked,
    RedemptionPath,
    RedemptionTold,
)
from handlers.api.schemas.members import MemberPath
from handlers.api.tags import COUPONS
from models.api_key import READ_MEMBERS, WRITE_COUPONS
from models.base import in_language
from models.coupon import (
    Coupon,
    CouponNeedsSale,
    CouponNotHere,
    CouponNotUsable,
    IdempotencyKeyOfAnother,
    NoSuchRedemption,
    Redemption,
    RedemptionNotCancellable,
    cancel_redemption,
    find_coupon,
    get_redemption,
    list_coupons,
    redeem_alone,
)
from models.fraud import CardFrozen, OwnCard
from models.member import NoSuchMember, get_member, get_member_by_number
from models.staff import NoSuchStaff

log = structlog.get_logger()


def list_member_coupons(path: MemberPath, query: CouponsQuery) -> CouponsPage:
    """List all of a member's coupons, the newest first, whatever became of them."""
    member = get_member_by_number(g.session, path.number)
    cursor = f"coupons:{member.id}"
    last = read_cursor(cursor, query.cursor)
    before = last[0] if last else None
    found = list_coupons(g.session, member.id, limit=query.limit + 1, before_id=before)
    shown = found[: query.limit]
    return CouponsPage(
        items=[tell_coupon(coupon) for coupon in shown],
        next=write_cursor(cursor, shown[-1].id) if len(found) > len(shown) else None,
    )


def redeem_coupon(body: RedemptionAsked) -> Answer:
    """Use a coupon up without a sale: a free item or a gift; its owner is told at once.

    A coupon that lowers an amount is used with the purchase it lowers.
    """
    who = caller()
    redemption = redeem_alone(
        g.session,
        _code(body.coupon),
        store=who.store,
        staff=clerk_of(body.clerk),
        idempotency_key=who.row_key(),
        now=g.now,
    )
    log.info(
        "coupon_redeemed",
        redemption_id=redemption.id,
        store_id=who.store.id,
        key_id=who.key_id,
    )
    return Answer(_tell(redemption), location=f"/api/v1/redemptions/{redemption.id}")


def get_redeemed(path: RedemptionPath) -> RedemptionTold:
    """Read a use of a coupon in the key's store."""
    return _tell(_own(path.redemption_id))


def cancel_redeemed(path: RedemptionPath) -> RedemptionTold:
    """Cancel a use: the coupon is the member's again, for seven days at least.

    Only one that was redeemed alone; what was used in a purchase comes back with its refund.
    """
    redemption = _own(path.redemption_id)
    cancel_redemption(g.session, redemption.id, staff_id=None, now=g.now)
    log.info("redemption_cancelled", redemption_id=redemption.id, key_id=caller().key_id)
    return _tell(redemption)


def tell_coupon(coupon: Coupon) -> MemberCouponTold:
    """Return a coupon as it is told."""
    template, spoken = coupon.template, language()
    return MemberCouponTold(
        id=coupon.id,
        name=in_language(template.name, spoken),
        value=in_language(template.headline, spoken),
        description=in_language(template.description, spoken),
        kind=template.kind,
        state=coupon.shown_state(g.now),  # type: ignore[arg-type]  # One of those it names.
        min_spend_twd=template.min_spend_twd,
        needs_sale=template.is_for_sale,
        usable_from=coupon.usable_from,
        expires_at=coupon.expires_at,
    )


def _code(asked: CouponAsked) -> str:
    """Return the code of the coupon that is meant. Raises CouponNotUsable where there is none."""
    coupon: Coupon | None = (
        find_coupon(g.session, asked.code or "")
        if asked.id is None
        else g.session.get(Coupon, asked.id)
    )
    if coupon is None:
        raise CouponNotUsable(state="unknown")
    return coupon.code


def _own(redemption_id: int) -> Redemption:
    """Return a use in the key's store. Raises NoSuchRedemption, OtherStore."""
    redemption = get_redemption(g.session, redemption_id)
    if redemption.store_id is None:
        raise NoSuchRedemption
    caller().check_store(redemption.store_id)
    return redemption


def _tell(redemption: Redemption) -> RedemptionTold:
    return RedemptionTold(
        id=redemption.id,
        member_number=get_member(g.session, redemption.member_id).number,
        coupon=tell_coupon(redemption.coupon),
        redeemed_at=redemption.redeemed_at,
        cancelled_at=redemption.reversed_at,
    )


def add_routes(blueprint: APIBlueprint) -> None:
    """Add the addresses of coupons."""
    declare(
        blueprint,
        "GET",
        "/members/<number>/coupons",
        list_member_coupons,
        tag=COUPONS,
        scope=(READ_MEMBERS, WRITE_COUPONS),
        answers={200: CouponsPage},
        refusals=(NoSuchMember, "bad_cursor"),
        limit=LOOKUPS,
    )
    declare(
        blueprint,
        "POST",
        "/redemptions",
        redeem_coupon,
        tag=COUPONS,
        scope=WRITE_COUPONS,
        answers={201: RedemptionTold},
        refusals=(
            CouponNotUsable,
            CouponNeedsSale,
            CouponNotHere,
            CardFrozen,
            OwnCard,
            NoSuchStaff,
            IdempotencyKeyOfAnother,
        ),
    )
    declare(
        blueprint,
        "GET",
        "/redemptions/<int:redemption_id>",
        get_redeemed,
        tag=COUPONS,
        scope=WRITE_COUPONS,
        answers={200: RedemptionTold},
        refusals=(NoSuchRedemption, "other_store"),
    )
    declare(
        blueprint,
        "DELETE",
        "/redemptions/<int:redemption_id>",
        cancel_redeemed,
        tag=COUPONS,
        scope=WRITE_COUPONS,
        answers={200: RedemptionTold},
        refusals=(NoSuchRedemption, RedemptionNotCancellable, "other_store"),
    )
