"""Velocity rules: how many of a thing one member, clerk, device or store may do in a while.

The rules are read with the programme, so a purchase asks for them without a statement.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import CheckConstraint, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Identifier, one_of
from models.shop import THE_SHOP, Shop

SCOPES = ("member", "staff", "device", "store")
KINDS = ("purchase", "redemption", "points", "adjustment", "coupon_twd")
ONE_SALE = 0
"""The window of a rule that looks at one sale alone."""


def _rule(
    code: str,
    scope: str,
    what: str,
    limits: tuple[int, int],
    *,
    minutes: int | None = None,
    is_active: bool = True,
) -> dict[str, Any]:
    """Return one row; `minutes` None counts the Taipei day, 0 the sale alone."""
    return {
        "code": code,
        "scope": scope,
        "what": what,
        "window_minutes": minutes,
        "warn_at": limits[0],
        "block_at": limits[1],
        "is_active": is_active,
    }


STARTING_RULES: tuple[dict[str, Any], ...] = (
    # A loyalty card used more than five times a day is worth a look (so does Square).
    _rule("member_day", "member", "purchase", (5, 10)),
    _rule("member_points_day", "member", "points", (500, 2_000)),
    _rule("member_redemptions_day", "member", "redemption", (3, 6)),
    _rule("staff_10_minutes", "staff", "purchase", (30, 60), minutes=10),
    _rule("staff_adjustments_day", "staff", "adjustment", (10, 30)),
    # What one clerk gives away alone. A cup of tea is NT$60: a hundred points are an order for a
    # whole office, and a coupon of NT$300 pays for five cups.
    _rule("staff_points_sale", "staff", "points", (100, 200), minutes=ONE_SALE),
    _rule("staff_points_day", "staff", "points", (2_000, 5_000)),
    _rule("staff_coupon_sale", "staff", "coupon_twd", (300, 600), minutes=ONE_SALE),
    # Off until a shop knows what is usual there.
    _rule("device_hour", "device", "purchase", (150, 400), minutes=60, is_active=False),
    _rule("store_hour", "store", "purchase", (400, 1_000), minutes=60, is_active=False),
)


class VelocityRule(Base):
    """One limit: from `warn_at` on the clerk is warned, from `block_at` on a manager is asked.

    `window_minutes` None means the Taipei day, 0 one sale. A change raises the programme's version.
    """

    __tablename__ = "velocity_rule"
    __table_args__ = (
        CheckConstraint(one_of("scope", SCOPES), name="scope_known"),
        CheckConstraint(one_of("what", KINDS), name="what_known"),
        CheckConstraint("warn_at > 0 AND block_at >= warn_at", name="limits_rise"),
        CheckConstraint("window_minutes BETWEEN 0 AND 1440", name="window_in_range"),
    )

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    scope: Mapped[str]
    what: Mapped[str]
    window_minutes: Mapped[int | None]
    warn_at: Mapped[int]
    block_at: Mapped[int]
    is_active: Mapped[bool] = mapped_column(default=True)


class NoSuchRule(BusinessError):
    """No velocity rule has this code."""

    code = "no_such_rule"


class LimitsRefused(BusinessError):
    """The limit for blocking lies below the one for warning, or one is not above zero."""

    code = "limits_refused"


def list_velocity_rules(session: Session, *, active_only: bool = False) -> Sequence[VelocityRule]:
    """Return the rules in the order of their codes."""
    found = select(VelocityRule).order_by(VelocityRule.code)
    return session.scalars(found.where(VelocityRule.is_active) if active_only else found).all()


def change_velocity_rule(
    session: Session, code: str, *, warn_at: int, block_at: int, is_active: bool
) -> VelocityRule:
    """Set a rule's limits; every process works with them from its next purchase on.

    Raises NoSuchRule or LimitsRefused.
    """
    if not 0 < warn_at <= block_at:
        raise LimitsRefused(warn_at=warn_at, block_at=block_at)
    rule = session.scalars(
        select(VelocityRule).where(VelocityRule.code == code).with_for_update()
    ).one_or_none()
    if rule is None:
        raise NoSuchRule(code=code)
    rule.warn_at, rule.block_at, rule.is_active = warn_at, block_at, is_active
    session.execute(
        update(Shop)
        .where(Shop.id == THE_SHOP)
        .values(programme_version=Shop.programme_version + 1)
        .execution_options(synchronize_session=False)
    )
    session.flush()
    return rule
