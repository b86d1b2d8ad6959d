"""Coupons: made from templates, given once for one cause, redeemed once.

A coupon's life: issued → redeemed, or void where its owner left. Expiry is a moment, not a state.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, and_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import Base, BusinessError, Identifier, Moment, Translated, in_language
from models.local_day import day_start, last_day, local_day

CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_LENGTH = 12
MOST_SHOWN = 12
KINDS = ("amount", "percent", "item")
STATES = ("issued", "redeemed", "void")


class CouponTemplate(Base):
    """What a coupon promises: NT$ off, percent off, or an item. Coupons keep pointing at it."""

    __tablename__ = "coupon_template"
    __table_args__ = (
        CheckConstraint("kind IN ('" + "', '".join(KINDS) + "')", name="kind_known"),
        CheckConstraint("kind <> 'percent' OR value BETWEEN 1 AND 100", name="percent_in_range"),
        CheckConstraint("(kind = 'item') = (value = 0)", name="item_has_no_value"),
        CheckConstraint("valid_days > 0", name="lives"),
        CheckConstraint("min_spend_twd >= 0", name="min_spend_not_negative"),
    )

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    value: Mapped[int]
    """NT$ for `amount`, percent off for `percent`, 0 for `item`."""
    name: Mapped[Translated]
    headline: Mapped[Translated]
    """The benefit in two or three big characters: `NT$50`, `8 折`, `買一送一`."""
    description: Mapped[Translated]
    min_spend_twd: Mapped[int] = mapped_column(default=0)
    valid_days: Mapped[int]
    """A coupon is good through the end of the Taipei day this many days after its issue."""

    def discount_on(self, amount_twd: int) -> int:
        """Return the NT$ taken off a basket of `amount_twd`; percents round down."""
        if self.kind == "amount":
            return min(self.value, amount_twd)
        return amount_twd * self.value // 100


class Coupon(Base):
    """One member's coupon. `issue_key` says for what it was given, so that it is given once."""

    __tablename__ = "coupon"
    __table_args__ = (
        CheckConstraint("state IN ('" + "', '".join(STATES) + "')", name="state_known"),
        CheckConstraint("(state = 'redeemed') = (redeemed_at IS NOT NULL)", name="redeemed_when"),
        CheckConstraint("usable_from < expires_at", name="lives"),
        Index("ix_coupon_usable", "member_id", "expires_at", postgresql_where="state = 'issued'"),
        Index(
            "ix_coupon_to_remind",
            "expires_at",
            postgresql_where="state = 'issued' AND reminded_at IS NULL",
        ),
    )

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    template_id: Mapped[int] = mapped_column(ForeignKey("coupon_template.id"))
    state: Mapped[str] = mapped_column(default="issued")
    issue_key: Mapped[str] = mapped_column(unique=True)
    issued_at: Mapped[Moment]
    usable_from: Mapped[Moment]
    expires_at: Mapped[Moment]
    redeemed_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]

    template: Mapped[CouponTemplate] = relationship(lazy="joined", innerjoin=True)

    def is_usable(self, now: datetime) -> bool:
        """Tell whether it can be redeemed at `now`."""
        return self.state == "issued" and self.usable_from <= now < self.expires_at

    def shown_state(self, now: datetime) -> str:
        """Return its state as its owner sees it: usable, later, used, expired or void."""
        if self.state != "issued":
            return {"redeemed": "used"}.get(self.state, self.state)
        if now >= self.expires_at:
            return "expired"
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
        }


class CouponNotUsable(BusinessError):
    """Not this member's, used before, not yet good, or over."""

    code = "coupon_not_usable"


class CouponNeedsMore(BusinessError):
    """The basket is below the coupon's minimum spend."""

    code = "coupon_needs_more"


def draw_code() -> str:
    """Draw a coupon code nobody can guess (59 bits), in letters that cannot be mistaken."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))


def get_template(session: Session, code: str) -> CouponTemplate:
    """Return the template with this code. Raises NoResultFound: set-up makes them all."""
    return session.scalars(select(CouponTemplate).where(CouponTemplate.code == code)).one()


def expiry_of(template: CouponTemplate, now: datetime) -> datetime:
    """Return the first moment at which a coupon issued at `now` is over."""
    return day_start(local_day(now) + timedelta(days=template.valid_days + 1))


def issue_coupon(
    session: Session, member_id: int, template: CouponTemplate, *, issue_key: str, now: datetime
) -> Coupon | None:
    """Give the member a coupon for one cause and return it; None where the cause had its coupon."""
    return session.scalars(
        insert(Coupon)
        .values(
            code=draw_code(),
            member_id=member_id,
            template_id=template.id,
            issue_key=issue_key,
            issued_at=now,
            usable_from=now,
            expires_at=expiry_of(template, now),
        )
        .on_conflict_do_nothing(index_elements=[Coupon.issue_key])
        .returning(Coupon)
    ).one_or_none()


_IS_USABLE = and_(
    Coupon.member_id == bindparam("member_id"),
    Coupon.state == "issued",
    Coupon.usable_from <= bindparam("now"),
    Coupon.expires_at > bindparam("now"),
)
_USABLE = select(Coupon).where(_IS_USABLE).order_by(Coupon.expires_at, Coupon.id).limit(MOST_SHOWN)
_COUNT_USABLE = select(func.count()).select_from(Coupon).where(_IS_USABLE)


def list_usable_coupons(session: Session, member_id: int, now: datetime) -> Sequence[Coupon]:
    """Return what the member can redeem at `now`, the first to expire first."""
    return session.scalars(_USABLE, {"member_id": member_id, "now": now}).all()


def count_usable_coupons(session: Session, member_id: int, now: datetime) -> int:
    """Return how many coupons the member can redeem at `now`."""
    return session.scalars(_COUNT_USABLE, {"member_id": member_id, "now": now}).one()


def get_own_coupon(session: Session, member_id: int, coupon_id: int) -> Coupon:
    """Return the member's coupon with this id. Raises CouponNotUsable for another's."""
    coupon = session.scalars(
        select(Coupon).where(Coupon.id == coupon_id, Coupon.member_id == member_id)
    ).one_or_none()
    if coupon is None:
        raise CouponNotUsable(state="unknown")
    return coupon


def redeem_coupon(
    session: Session, member_id: int, coupon_id: int, amount_twd: int, now: datetime
) -> tuple[CouponTemplate, int]:
    """Use up the coupon on a basket; return its template and the NT$ it takes off.

    One UPDATE decides, so of many at once one wins. The refusal is CouponNotUsable, with the
    state that stands in the way, or CouponNeedsMore.
    """
    template = session.scalars(
        update(Coupon)
        .where(
            Coupon.id == coupon_id,
            Coupon.member_id == member_id,
            Coupon.template_id == CouponTemplate.id,
            Coupon.state == "issued",
            Coupon.usable_from <= now,
            Coupon.expires_at > now,
            CouponTemplate.min_spend_twd <= amount_twd,
        )
        .values(state="redeemed", redeemed_at=now)
        .returning(CouponTemplate)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if template is None:
        raise _refusal(get_own_coupon(session, member_id, coupon_id), now)
    return template, template.discount_on(amount_twd)


def _refusal(coupon: Coupon, now: datetime) -> BusinessError:
    if coupon.is_usable(now):
        return CouponNeedsMore(min_spend_twd=coupon.template.min_spend_twd)
    state = "expired" if coupon.state == "issued" else coupon.state
    return CouponNotUsable(state=state)


def void_coupons(session: Session, member_id: int) -> None:
    """Take back all that a leaving member has not used."""
    session.execute(
        update(Coupon)
        .where(Coupon.member_id == member_id, Coupon.state == "issued")
        .values(state="void")
    )
