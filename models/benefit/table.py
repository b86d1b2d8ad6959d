"""Benefits as rows: each of one tier or one plan, within a time, with what is left of it."""

from datetime import date
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Identifier, one_of
from models.benefit.terms import (
    KINDS,
    BenefitRefused,
    Terms,
    read_terms,
)
from models.coupon import CouponTemplate


class Benefit(Base):
    """One benefit of a tier or of a plan. `stock_left` is what the database guards."""

    __tablename__ = "benefit"
    __table_args__ = (
        CheckConstraint(one_of("kind", KINDS), name="kind_known"),
        CheckConstraint("(tier_id IS NULL) <> (plan_code IS NULL)", name="belongs_to_one"),
        CheckConstraint("starts_on < ends_on", name="lives"),
        CheckConstraint("stock_left >= 0", name="stock_not_negative"),
    )

    id: Mapped[Identifier]
    tier_id: Mapped[int | None] = mapped_column(ForeignKey("tier.id"), index=True)
    plan_code: Mapped[str | None] = mapped_column(index=True)
    kind: Mapped[str]
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    """The first day on which it no longer holds."""
    stock_left: Mapped[int | None]
    """How many may still be given; None without a limit."""
    idempotency_key: Mapped[str | None] = mapped_column(unique=True)
    """Of the page that gave it, where one did."""

    @property
    def terms(self) -> Terms:
        """Return what it promises, read from its parameters."""
        return read_terms(self.kind, self.parameters)

    def holds_on(self, day: date) -> bool:
        """Tell whether `day` lies within its time."""
        return (self.starts_on is None or self.starts_on <= day) and (
            self.ends_on is None or day < self.ends_on
        )


class NoSuchBenefit(BusinessError):
    """The member has no such benefit today, or has had it for this month."""

    code = "no_such_benefit"


def add_benefit(
    session: Session,
    kind: str,
    parameters: dict[str, Any],
    *,
    tier_id: int | None = None,
    plan_code: str | None = None,
    starts_on: date | None = None,
    ends_on: date | None = None,
    stock: int | None = None,
    idempotency_key: str | None = None,
) -> Benefit:
    """Keep a benefit of a tier or a plan; the caller raises the programme's version.

    Raises BenefitRefused where the parameters are not those of the kind, or name no template.
    """
    terms = read_terms(kind, parameters)
    template = getattr(terms, "template", None)
    if template is not None and _find_template(session, template) is None:
        raise BenefitRefused(kind=kind, why=f"no coupon template {template}")
    benefit = Benefit(
        tier_id=tier_id,
        plan_code=plan_code,
        kind=kind,
        parameters=parameters,
        starts_on=starts_on,
        ends_on=ends_on,
        stock_left=stock,
        idempotency_key=idempotency_key,
    )
    session.add(benefit)
    session.flush()
    return benefit


def _find_template(session: Session, code: str) -> CouponTemplate | None:
    return session.scalars(select(CouponTemplate).where(CouponTemplate.code == code)).one_or_none()
