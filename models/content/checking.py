"""Checking that the shop has what content names: its coupon templates and surveys."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.content.content import GIVEN, Content
from models.content.refusals import ContentCodeUnknown
from models.coupon import CouponTemplate
from models.segment.refusals import nearest
from models.survey import Survey


def check_content(session: Session, content: Content) -> None:
    """Raise ContentCodeUnknown where it names a coupon or survey that the shop does not give."""
    if content.coupons:
        given = select(CouponTemplate.code).where(CouponTemplate.is_active)
        _check(content.coupons, session.scalars(given).all(), content)
    if content.surveys:
        asked = select(Survey.code).where(Survey.archived_at.is_(None))
        _check(content.surveys, session.scalars(asked).all(), content)


def _check(named: Iterable[str], known: Sequence[str], content: Content) -> None:
    for code in named:
        if code not in known and code != GIVEN:
            raise ContentCodeUnknown(content.places[code], code, nearest(code, known))
