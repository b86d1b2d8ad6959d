"""Plans as facts to show, each with what it brings, kind by kind."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import in_language
from models.benefit import Benefit
from models.coupon import CouponTemplate
from models.plan.table import Plan


def plan_words(session: Session, plan: Plan, language: str) -> dict[str, Any]:
    """Return a plan as plain facts for a card, with its benefits."""
    return plans_words(session, [plan], language)[0]


def plans_words(session: Session, plans: Sequence[Plan], language: str) -> list[dict[str, Any]]:
    """Return plans as plain facts for a card, each with its benefits; two queries for all."""
    rows = session.scalars(
        select(Benefit)
        .where(Benefit.plan_code.in_([plan.code for plan in plans]))
        .order_by(Benefit.id)
    ).all()
    templates = {row.parameters["template"] for row in rows if "template" in row.parameters}
    names = {
        template.code: in_language(template.name, language)
        for template in session.scalars(
            select(CouponTemplate).where(CouponTemplate.code.in_(templates))
        )
    }
    return [
        plan.words(language)
        | {"benefits": [_benefit(row, names) for row in rows if row.plan_code == plan.code]}
        for plan in plans
    ]


def _benefit(row: Benefit, names: dict[str, str]) -> dict[str, Any]:
    coupon_name = names.get(row.parameters.get("template", ""))
    return row.parameters | {"kind": row.kind, "coupon_name": coupon_name}
