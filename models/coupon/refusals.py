"""How the rules of coupons say no."""

from models.base import BusinessError


class CouponNotUsable(BusinessError):
    """Not this member's, used before, locked, not yet good, or over."""

    code = "coupon_not_usable"


class CouponNeedsMore(BusinessError):
    """The basket is below the coupon's minimum spend."""

    code = "coupon_needs_more"


class CouponNotHere(BusinessError):
    """The coupon is for other stores, channels or tiers; `what` says which."""

    code = "coupon_not_here"


class CouponsDoNotCombine(BusinessError):
    """Two of the coupons may not be used in one sale."""

    code = "coupons_do_not_combine"


class CouponNeedsSale(BusinessError):
    """The coupon lowers an amount, so it cannot be used without one."""

    code = "coupon_needs_sale"


class CouponNotOffered(BusinessError):
    """The template is switched off, or its time is over."""

    code = "coupon_not_offered"


class CouponSoldOut(BusinessError):
    """None is left; `until` is the day on which there are new ones, or None."""

    code = "coupon_sold_out"


class CouponLimitReached(BusinessError):
    """The member has had as many of this coupon as one may have."""

    code = "coupon_limit_reached"


class NoSuchRedemption(BusinessError):
    """There is no use of a coupon with this id."""

    code = "no_such_redemption"


class RedemptionNotCancellable(BusinessError):
    """The coupon was used in a purchase: only a refund gives it back."""

    code = "redemption_not_cancellable"
