"""The shop itself: one installation serves one brand with many stores."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Integer, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.audit import note
from models.base import Base, BusinessError, Identifier, Translated

THE_SHOP = 1
LOCK_MINUTES = (1, 120)
"""What a shop may choose between."""
LONGEST_WORDS = 80
LANGUAGES = ("zh-TW", "en", "ja")
TRANSLATED = ("name", "hours")
WORDS = ("legal_name", "phone", "basic_id")
NUMBERS = {
    "lock_minutes": LOCK_MINUTES,
    "offline_redeem_twd": (0, 100_000),
    "offline_redeem_count": (0, 1_000),
    "receipt_code_days": (1, 7),
    "receipt_codes_per_day": (0, 10_000),
}
"""What the shop says of its counters, each between two numbers."""
_BASIC_ID = re.compile(r"@[a-z0-9._-]{2,30}")
_STORE_CODE = re.compile(r"[A-Z0-9]{2,12}")


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


class ShopRefused(BusinessError):
    """What was told of the shop cannot be; `what` names the field."""

    code = "shop_refused"


class ShopChanged(BusinessError):
    """Somebody changed the rules since the page was drawn; `version` is the one in force."""

    code = "shop_changed"


class StoreCodeRefused(BusinessError):
    """A store's code has 2 to 12 capital letters or digits, and is no other store's."""

    code = "store_code_refused"


def change_shop(
    session: Session,
    changes: Mapping[str, Any],
    *,
    seen_version: int,
    staff_id: int,
    now: datetime,
) -> list[str]:
    """Change what the shop says of itself and of its counters; return the fields that changed.

    `changes` are fields of TRANSLATED, WORDS and NUMBERS; what it does not name stays.
    `seen_version` is the programme's version that the asker saw. Raises ShopRefused, ShopChanged.
    """
    shop = session.scalars(
        select(Shop)
        .where(Shop.id == THE_SHOP)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    _check_shop(changes)
    before = {name: getattr(shop, name) for name in changes}
    changed = [name for name, value in changes.items() if value != before[name]]
    if not changed:
        return []
    if shop.programme_version != seen_version:
        raise ShopChanged(version=shop.programme_version)
    for name in changed:
        setattr(shop, name, changes[name])
    shop.programme_version += 1
    note(
        session,
        "shop.change",
        f"shop:{shop.id}",
        now=now,
        staff_id=staff_id,
        before={name: before[name] for name in changed},
        after={name: changes[name] for name in changed},
    )
    session.flush()
    return changed


def _check_shop(changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if name in TRANSLATED:
            _check_translated(name, value)
        elif name in NUMBERS:
            least, most = NUMBERS[name]
            if not isinstance(value, int) or not least <= value <= most:
                raise ShopRefused(what=name, least=least, most=most)
        elif name not in WORDS or not 0 < len(value.strip()) <= LONGEST_WORDS:
            raise ShopRefused(what=name, longest=LONGEST_WORDS)
    basic_id = changes.get("basic_id")
    if basic_id is not None and not _BASIC_ID.fullmatch(basic_id):
        raise ShopRefused(what="basic_id")


def _check_translated(name: str, words: Mapping[str, str]) -> None:
    has_chinese = bool(words.get("zh-TW", "").strip())
    is_short = all(0 < len(text.strip()) <= LONGEST_WORDS for text in words.values())
    if not has_chinese or not is_short or set(words) - set(LANGUAGES):
        raise ShopRefused(what=name, longest=LONGEST_WORDS)


def add_store(
    session: Session, code: str, name: dict[str, str], *, staff_id: int, now: datetime
) -> Store:
    """Open a store. Raises StoreCodeRefused or ShopRefused."""
    known = code.strip().upper()
    _check_translated("name", name)
    if not _STORE_CODE.fullmatch(known):
        raise StoreCodeRefused(why="form")
    if find_store(session, known) is not None:
        raise StoreCodeRefused(why="taken")
    store = Store(code=known, name=name)
    session.add(store)
    session.flush()
    what = f"store:{store.id}"
    note(session, "store.add", what, now=now, staff_id=staff_id, after={"code": known})
    return store


def rename_store(
    session: Session, store_id: int, name: dict[str, str], *, staff_id: int, now: datetime
) -> Store:
    """Call a store something else; its code, which stands in posters, stays. Raises ShopRefused."""
    _check_translated("name", name)
    store = session.get(Store, store_id, with_for_update=True)
    if store is None:
        raise ShopRefused(what="store")
    store.name = name
    note(session, "store.rename", f"store:{store.id}", now=now, staff_id=staff_id)
    session.flush()
    return store
