"""Adding to what is counted down, and taking from it, beside all who draw on it right now."""

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from models.coupon import CouponTemplate
from models.offering.table import OfferingRefused
from models.reward import Reward


def move_stock(
    session: Session, model: type[CouponTemplate] | type[Reward], row_id: int, by: int
) -> int:
    """Add `by` pieces (below zero: take them away) and return how many are left.

    Of what had no limit it sets one. Raises OfferingRefused below none.
    """
    left = session.scalar(
        update(model)
        .where(model.id == row_id, func.coalesce(model.stock_left, 0) + by >= 0)
        .values(stock_left=func.coalesce(model.stock_left, 0) + by)
        .returning(model.stock_left)
        .execution_options(synchronize_session=False)
    )
    if left is None:
        raise OfferingRefused(kind=model.__tablename__, rule="stock_below_none")
    return int(left)
