"""The shop itself: one installation serves one brand with many stores."""

from sqlalchemy import CheckConstraint, ForeignKey, Integer, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Identifier, Translated

THE_SHOP = 1
LOCK_MINUTES = (1, 120)
"""What a shop may choose between."""


class Shop(Base):
    """The brand and its earn rule. Exactly one row, made at set-up."""

    __tablename__ = "shop"
    __table_args__ = (
        CheckConstraint("id = 1", name="only_one"),
        CheckConstraint("earn_twd > 0", name="earn_rule_is_positive"),
        CheckConstraint("points_valid_months > 0", name="points_live"),
        CheckConstraint("earn_stacking IN ('max', 'add', 'multiply')", name="earn_stacking_known"),
        CheckConstraint(
            "earn_cap_percent >= 100 AND earn_daily_cap > 0", name="earn_caps_are_positive"
        ),
        CheckConstraint("return_days >= 0", name="return_days_not_negative"),
        CheckConstraint("negative_points IN ('floor', 'debt')", name="negative_points_known"),
        CheckConstraint(
            "adjust_limit_points >= 0 AND point_value_twd > 0", name="points_worth_something"
        ),
        CheckConstraint(
            "offline_redeem_twd >= 0 AND offline_redeem_count >= 0",
            name="offline_redeem_not_negative",
        ),
        CheckConstraint(
            f"lock_minutes BETWEEN {LOCK_MINUTES[0]} AND {LOCK_MINUTES[1]}",
            name="lock_minutes_in_range",
        ),
        CheckConstraint(
            "receipt_code_days BETWEEN 1 AND 7 AND receipt_codes_per_day >= 0",
            name="receipt_codes_end",
        ),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[Translated]
    legal_name: Mapped[str]
    phone: Mapped[str]
    hours: Mapped[Translated]
    basic_id: Mapped[str]
    """The Official Account's id, such as `@teadays`, for links that open the chat."""
    earn_twd: Mapped[int] = mapped_column(default=100)
    """So many whole NT$ paid earn one point, before the tier's multiplier."""
    earn_stacking: Mapped[str] = mapped_column(default="max", server_default="max")
    """How multipliers join: the highest (`max`), extras added (`add`), or all (`multiply`)."""
    earn_cap_percent: Mapped[int | None]
    """No joined multiplier goes above this."""
    earn_daily_cap: Mapped[int | None]
    """So many points may one member earn with purchases on one Taipei day."""
    points_valid_months: Mapped[int] = mapped_column(default=12)
    """Points stay good through the end of the month this many months after they were earned."""
    return_days: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Points earned with a purchase can be spent after so many days; 0: at once."""
    negative_points: Mapped[str] = mapped_column(default="floor", server_default="floor")
    """Points to take back that are spent: forgiven (`floor`), or a balance below zero (`debt`)."""
    adjust_limit_points: Mapped[int] = mapped_column(default=500, server_default=text("500"))
    """So many points one person may adjust by hand in a day; above it a second one decides."""
    point_value_twd: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    """What one point is worth in NT$, for the liability."""
    receipt_code_days: Mapped[int] = mapped_column(default=7, server_default=text("7"))
    """So many days a receipt code may be claimed; no sale is told of later than that."""
    receipt_codes_per_day: Mapped[int] = mapped_column(default=20, server_default=text("20"))
    """So many receipt codes a clerk issues alone on one day; a manager allows more."""
    lock_minutes: Mapped[int] = mapped_column(default=5, server_default=text("5"))
    """A counter nobody touches for so long asks for the PIN again."""
    offline_redeem_twd: Mapped[int] = mapped_column(default=100, server_default=text("100"))
    """So much (NT$) may points and a coupon take off a sale without a network."""
    offline_redeem_count: Mapped[int] = mapped_column(default=5, server_default=text("5"))
    """So many sales that redeem may a device make until it has sent them."""
    programme_version: Mapped[int] = mapped_column(default=1)
    """Raised whenever the shop, its tiers or its stamp programme change, so that caches notice."""


class Store(Base):
    """One of the brand's places. Its code stands in posters (`/join/<code>`) and in reports."""

    __tablename__ = "store"

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[Translated]
    shop_id: Mapped[int] = mapped_column(ForeignKey("shop.id"), default=THE_SHOP)


def get_shop(session: Session) -> Shop:
    """Return the one shop. Raises NoResultFound before set-up has made it."""
    return session.scalars(select(Shop).where(Shop.id == THE_SHOP)).one()


def find_store(session: Session, code: str) -> Store | None:
    """Return the store with this poster code, in any letter case, or None."""
    return session.scalars(select(Store).where(Store.code == code.upper())).one_or_none()


def list_stores(session: Session) -> list[Store]:
    """Return all stores in the order of their codes."""
    return list(session.scalars(select(Store).order_by(Store.code)))
