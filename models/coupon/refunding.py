"""What a refund does to the coupons of its purchase. Checkout calls this; see `Undone`."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.coupon.redeeming import give_back
from models.coupon.table import Coupon, Redemption
from models.purchase.facts import Undone


def after_refund(session: Session, undone: Undone) -> list[Coupon]:
    """Give the coupons of a wholly refunded purchase back (U13); return those given back.

    A template may say that its coupons stay used. After a refund of a part they stay used too:
    the rest of the sale keeps its discount. Costs nothing where the purchase had no coupon.
    """
    purchase, refund = undone.purchase, undone.refund
    if purchase.coupon_id is None or not refund.is_full:
        return []
    uses = session.execute(
        select(Redemption, Coupon)
        .join(Coupon, Coupon.id == Redemption.coupon_id)
        .where(Redemption.purchase_id == purchase.id, Redemption.reversed_at.is_(None))
        .order_by(Coupon.id)
        .with_for_update(of=(Redemption, Coupon))
    ).all()
    given_back = []
    for redemption, coupon in uses:
        if coupon.template.on_refund == "restore":
            give_back(
                session,
                redemption,
                coupon,
                "refund",
                undone.now,
                staff_id=refund.staff_id,
                store_id=refund.store_id,
                ref=f"refund:{refund.id}",
            )
            given_back.append(coupon)
    return given_back
