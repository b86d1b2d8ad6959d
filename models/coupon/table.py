"""The tables of coupons: what they promise, each one given, each use, and each step of a life."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Text,
    UniqueConstraint,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Identifier, Moment, Translated, admits, in_language, one_of
from models.local_day import last_day, local_day

KINDS = ("amount", "percent", "item", "free_shipping", "gift")
CLOCKS = ("window", "receipt", "opening")
STATES = ("locked", "issued", "redeemed", "void")
REFUND_POLICIES = ("restore", "keep")
ALONE = "alone"
WITH_OTHERS = "with_others"
USUAL_PRIORITY = 100
TILL = "till"

_ANY = text("'{}'")


class CouponTemplate(Base):
    """What a coupon promises, where and how long. Coupons keep pointing at it.

    `clock` says what a coupon's life is counted from: a fixed `window`, its `receipt`, or its
    `opening` in the chat, for which there is a last day. An empty list of tiers, stores or
    channels admits all of them. `combines` is `alone`, `with_others`, or the name of a group of
    which one sale takes one.
    """

    __tablename__ = "coupon_template"
    __table_args__ = (
        CheckConstraint(one_of("kind", KINDS), name="kind_known"),
        CheckConstraint("kind <> 'percent' OR value BETWEEN 1 AND 100", name="percent_in_range"),
        CheckConstraint(
            "(kind IN ('amount', 'percent')) = (value <> 0)", name="only_discounts_have_a_value"
        ),
        CheckConstraint("valid_days > 0", name="lives"),
        CheckConstraint("min_spend_twd >= 0", name="min_spend_not_negative"),
        CheckConstraint(
            "cap_twd > 0 AND kind = 'percent' OR cap_twd IS NULL", name="cap_is_of_a_percent"
        ),
        CheckConstraint(one_of("clock", CLOCKS), name="clock_known"),
        CheckConstraint("(clock = 'window') = (ends_at IS NOT NULL)", name="window_has_end"),
        CheckConstraint(
            "clock = 'window' OR (valid_days IS NOT NULL AND starts_at IS NULL)",
            name="days_are_told",
        ),
        CheckConstraint("starts_at < ends_at", name="window_opens_first"),
        CheckConstraint(
            "(clock = 'opening') = (open_within_days IS NOT NULL)", name="opening_has_last_day"
        ),
        CheckConstraint("open_within_days > 0", name="open_within_days_positive"),
        CheckConstraint("stock_left >= 0", name="stock_not_negative"),
        CheckConstraint("per_member_limit > 0 AND per_day_limit > 0", name="limits_positive"),
        CheckConstraint("day_issued >= 0 AND day_issued <= per_day_limit", name="day_within_limit"),
        CheckConstraint("combines <> ''", name="combines_named"),
        CheckConstraint(one_of("on_refund", REFUND_POLICIES), name="on_refund_known"),
        CheckConstraint("(pack_code IS NULL) = (pack_place IS NULL)", name="pack_has_places"),
        CheckConstraint("pack_place > 0", name="pack_place_positive"),
        UniqueConstraint("pack_code", "pack_place"),
    )

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    value: Mapped[int]
    """NT$ for `amount`, percent off for `percent`, 0 for the others."""
    cap_twd: Mapped[int | None]
    """A percent takes off so much at most."""
    item_sku: Mapped[str | None]
    """What an `item` or `gift` is at the till: where a basket's lines have it, one is free."""
    name: Mapped[Translated]
    headline: Mapped[Translated]
    """The benefit in two or three big characters: `NT$50`, `8 折`, `買一送一`."""
    description: Mapped[Translated]
    min_spend_twd: Mapped[int] = mapped_column(default=0)
    clock: Mapped[str] = mapped_column(default="receipt", server_default="receipt")
    valid_days: Mapped[int | None]
    """Good through the end of the Taipei day this many days after its receipt or opening."""
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    open_within_days: Mapped[int | None]
    """An unopened coupon is good through the Taipei day this many days after its receipt."""
    stock_left: Mapped[int | None]
    per_member_limit: Mapped[int | None]
    per_day_limit: Mapped[int | None]
    """So many are given on one Taipei day, to all members together."""
    day_on: Mapped[date | None]
    day_issued: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """How many were given on `day_on`; counted only where the day has a limit."""
    tier_codes: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default=_ANY)
    store_codes: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default=_ANY)
    channels: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default=_ANY)
    combines: Mapped[str] = mapped_column(default=ALONE, server_default=ALONE)
    on_refund: Mapped[str] = mapped_column(default="restore", server_default="restore")
    """What a full refund does: give the coupon back, or keep it used."""
    priority: Mapped[int] = mapped_column(
        default=USUAL_PRIORITY, server_default=text(str(USUAL_PRIORITY))
    )
    """Of several in one sale the lowest is taken off first; equals in order of their ids."""
    is_active: Mapped[bool] = mapped_column(default=True, server_default=true())
    """Whether it is still given; coupons given before stay good."""
    pack_code: Mapped[str | None]
    pack_place: Mapped[int | None]
    """Which of the pack's coupons this is, from 1; each unlocks when the one before is used."""

    @property
    def is_limited(self) -> bool:
        """Tell whether giving one must be counted."""
        return (self.stock_left, self.per_member_limit, self.per_day_limit) != (None, None, None)

    @property
    def is_for_sale(self) -> bool:
        """Tell whether it needs a sale's amount; others may be scanned alone."""
        return self.kind not in ("item", "gift") or self.min_spend_twd > 0

    def discount_on(self, amount_twd: int) -> int:
        """Return the NT$ taken off a basket of `amount_twd`; percents round down."""
        if self.kind == "amount":
            return min(self.value, amount_twd)
        if self.kind == "percent":
            discount_twd = amount_twd * self.value // 100
            return discount_twd if self.cap_twd is None else min(discount_twd, self.cap_twd)
        return 0

    def admits(self, *, tier_code: str, store_code: str | None, channel: str) -> bool:
        """Tell whether it may be used by this tier, in this store, in this channel."""
        return (
            admits(self.tier_codes, tier_code)
            and admits(self.store_codes, store_code)
            and admits(self.channels, channel)
        )


class Coupon(Base):
    """One member's coupon. `issue_key` says for what it was given, so that it is given once.

    Its life: locked (in a pack, until the one before is used) → issued → redeemed, or void;
    a full refund may bring it back. That it is over is a moment, not a state. Whoever changes
    `state` says why in the `moved_` columns; the database writes the step to `coupon_event`.
    """

    __tablename__ = "coupon"
    __table_args__ = (
        CheckConstraint(one_of("state", STATES), name="state_known"),
        CheckConstraint("(state = 'redeemed') = (redeemed_at IS NOT NULL)", name="redeemed_when"),
        CheckConstraint("usable_from < expires_at", name="lives"),
        CheckConstraint("(pack_key IS NULL) = (pack_place IS NULL)", name="pack_has_places"),
        CheckConstraint("state <> 'locked' OR pack_key IS NOT NULL", name="only_packs_lock"),
        Index("ix_coupon_usable", "member_id", "expires_at", postgresql_where="state = 'issued'"),
        Index(
            "ix_coupon_to_remind",
            "expires_at",
            postgresql_where="state = 'issued' AND reminded_at IS NULL",
        ),
        Index(
            "ix_coupon_pack",
            "pack_key",
            "pack_place",
            unique=True,
            postgresql_where="pack_key IS NOT NULL",
        ),
    )

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    template_id: Mapped[int] = mapped_column(ForeignKey("coupon_template.id"), index=True)
    state: Mapped[str] = mapped_column(default="issued")
    issue_key: Mapped[str] = mapped_column(unique=True)
    issued_at: Mapped[Moment]
    usable_from: Mapped[Moment]
    expires_at: Mapped[Moment]
    redeemed_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    """When its owner opened it; kept where that starts its clock."""
    pack_key: Mapped[str | None]
    """The issue key of the pack it came in; of a pack one coupon is used a sale."""
    pack_place: Mapped[int | None]
    moved_at: Mapped[datetime | None]
    moved_cause: Mapped[str | None]
    moved_staff_id: Mapped[int | None] = mapped_column(BigInteger)
    moved_store_id: Mapped[int | None] = mapped_column(BigInteger)
    moved_ref: Mapped[str | None]

    template: Mapped[CouponTemplate] = relationship(lazy="joined", innerjoin=True)

    def move(
        self,
        state: str,
        cause: str,
        now: datetime,
        *,
        staff_id: int | None = None,
        store_id: int | None = None,
        ref: str | None = None,
    ) -> None:
        """Change the state and say why; the flush writes it, and with it the event."""
        self.state = state
        self.redeemed_at = now if state == "redeemed" else None
        self.moved_at, self.moved_cause, self.moved_ref = now, cause, ref
        self.moved_staff_id, self.moved_store_id = staff_id, store_id

    def is_usable(self, now: datetime) -> bool:
        """Tell whether it can be redeemed at `now`."""
        return self.state == "issued" and self.usable_from <= now < self.expires_at

    def waits_for_opening(self) -> bool:
        """Tell whether its days begin only when its owner opens it."""
        return (
            self.template.clock == "opening" and self.opened_at is None and self.state == "issued"
        )

    def shown_state(self, now: datetime) -> str:
        """Return its state as its owner sees it: usable, later, locked, used, expired or void."""
        if self.state not in ("issued", "locked"):
            return {"redeemed": "used"}.get(self.state, self.state)
        if now >= self.expires_at:
            return "expired"
        if self.state == "locked":
            return "locked"
        return "usable" if now >= self.usable_from else "later"

    def words(self, language: str, now: datetime) -> dict[str, Any]:
        """Return the coupon as plain facts for a card; days are ISO, the last good ones."""
        template = self.template
        starts_on = local_day(self.usable_from)
        return {
            "id": str(self.id),
            "name": in_language(template.name, language),
            "description": in_language(template.description, language),
            "kind": template.kind,
            "value_text": in_language(template.headline, language),
            "code": self.code,
            "valid_until": last_day(self.expires_at).isoformat(),
            "valid_from": starts_on.isoformat() if starts_on > local_day(now) else None,
            "min_spend_twd": template.min_spend_twd or None,
            "state": self.shown_state(now),
            "cap_twd": template.cap_twd,
            "days_after_opening": template.valid_days if self.waits_for_opening() else None,
            "combines": template.combines != ALONE,
            "pack_place": self.pack_place,
        }


class Redemption(Base):
    """One use of a coupon, in a purchase or scanned alone. Undoing it sets `reversed_at`.

    A coupon has one standing redemption at most: the database refuses a second.
    """

    __tablename__ = "redemption"
    __table_args__ = (
        CheckConstraint("discount_twd >= 0", name="discount_not_negative"),
        Index(
            "ix_redemption_standing",
            "coupon_id",
            unique=True,
            postgresql_where="reversed_at IS NULL",
        ),
        Index(None, "member_id", "redeemed_at"),
        Index("ix_redemption_store_id", "store_id", "redeemed_at"),
        Index("ix_redemption_staff_id", "staff_id", "redeemed_at"),
    )

    id: Mapped[Identifier]
    coupon_id: Mapped[int] = mapped_column(ForeignKey("coupon.id"))
    purchase_id: Mapped[int | None] = mapped_column(ForeignKey("purchase.id"), index=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    store_id: Mapped[int | None] = mapped_column(ForeignKey("store.id"))
    """None where it was not in a store."""
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    discount_twd: Mapped[int]
    redeemed_at: Mapped[Moment]
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    reversed_at: Mapped[datetime | None]

    coupon: Mapped[Coupon] = relationship()


class CouponEvent(Base):
    """One step of a coupon's life, written by a trigger on `coupon`. Never changed.

    `cause` is why: issue, sale, alone, unlock, relock, refund, cancel, staff, leave, import, or
    untold where a hand changed the state in the database.
    """

    __tablename__ = "coupon_event"
    __table_args__ = (Index(None, "coupon_id", "id"),)

    id: Mapped[Identifier]
    coupon_id: Mapped[int] = mapped_column(ForeignKey("coupon.id"))
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    cause: Mapped[str]
    at: Mapped[Moment]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    store_id: Mapped[int | None] = mapped_column(ForeignKey("store.id"))
    ref: Mapped[str | None]
