"""Giving coupons: once for a cause, within stock and limits, alone or as a pack."""

import secrets
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import case, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.coupon.refusals import CouponLimitReached, CouponNotOffered, CouponSoldOut
from models.coupon.table import Coupon, CouponTemplate
from models.local_day import day_start, local_day

CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_LENGTH = 12
_DRAWN_BITS = 128


def draw_code() -> str:
    """Draw a coupon code nobody can guess (59 bits), in letters that cannot be mistaken.

    One number is drawn for all letters, so much larger than there are codes that none is likelier.
    """
    drawn, letters = secrets.randbits(_DRAWN_BITS), []
    for _ in range(CODE_LENGTH):
        drawn, place = divmod(drawn, len(CODE_ALPHABET))
        letters.append(CODE_ALPHABET[place])
    return "".join(letters)


def get_template(session: Session, code: str) -> CouponTemplate:
    """Return the template with this code. Raises NoResultFound: set-up makes them all."""
    return session.scalars(select(CouponTemplate).where(CouponTemplate.code == code)).one()


def expiry_of(template: CouponTemplate, now: datetime) -> datetime:
    """Return the first moment at which a coupon received at `now` is over, while unopened."""
    if template.clock == "window":
        assert template.ends_at is not None, "the database keeps it so"
        return template.ends_at
    return _after_days(template.open_within_days or template.valid_days, now)


def expiry_once_opened(template: CouponTemplate, now: datetime) -> datetime:
    """Return the first moment at which a coupon opened at `now` is over."""
    return _after_days(template.valid_days, now)


def _after_days(days: int | None, now: datetime) -> datetime:
    assert days is not None, "the database keeps it so"
    return day_start(local_day(now) + timedelta(days=days + 1))


def usable_from(template: CouponTemplate, now: datetime) -> datetime:
    """Return the moment from which a coupon received at `now` can be used."""
    return max(now, template.starts_at or now)


def issue_coupon(
    session: Session, member_id: int, template: CouponTemplate, *, issue_key: str, now: datetime
) -> Coupon | None:
    """Give the member a coupon for one cause and return it; None where the cause had its coupon.

    One statement, two or three where the template is limited. Raises CouponNotOffered,
    CouponSoldOut or CouponLimitReached, and then has changed nothing.
    """
    _check_offered(template, now)
    if template.is_limited and not _take_piece(session, member_id, template, issue_key, now):
        return None
    given = _insert(session, [_row(member_id, template, issue_key, now)])
    if not given and template.is_limited:
        return_piece(session, template.id, local_day(now))
    return given[0] if given else None


def issue_pack(
    session: Session, member_id: int, pack_code: str, *, issue_key: str, now: datetime
) -> list[Coupon]:
    """Give the member a pack (C-01) and return its coupons, the usable one first, others locked.

    Empty where the cause had its pack. Raises as issue_coupon does.
    """
    rows = []
    for template in list_pack(session, pack_code):
        place = template.pack_place or 1
        key = issue_key if place == 1 else f"{issue_key}:{place}"
        _check_offered(template, now)
        if template.is_limited and not _take_piece(session, member_id, template, key, now):
            return []
        state = "issued" if place == 1 else "locked"
        in_pack = {"pack_key": issue_key, "pack_place": place, "state": state}
        rows.append(_row(member_id, template, key, now) | in_pack)
    assert rows, "set-up makes the packs"
    given = _insert(session, rows)
    return sorted(given, key=lambda coupon: coupon.pack_place or 0)


def list_pack(session: Session, pack_code: str) -> Sequence[CouponTemplate]:
    """Return the templates of a pack in their order."""
    return session.scalars(
        select(CouponTemplate)
        .where(CouponTemplate.pack_code == pack_code)
        .order_by(CouponTemplate.pack_place)
    ).all()


def is_offered(template: CouponTemplate, now: datetime) -> bool:
    """Tell whether the template is still given."""
    return template.is_active and (template.ends_at is None or now < template.ends_at)


def _check_offered(template: CouponTemplate, now: datetime) -> None:
    if not is_offered(template, now):
        raise CouponNotOffered(template=template.code)


def _row(member_id: int, template: CouponTemplate, key: str, now: datetime) -> dict[str, Any]:
    return {
        "code": draw_code(),
        "member_id": member_id,
        "template_id": template.id,
        "issue_key": key,
        "issued_at": now,
        "usable_from": usable_from(template, now),
        "expires_at": expiry_of(template, now),
    }


def _insert(session: Session, rows: list[dict[str, Any]]) -> Sequence[Coupon]:
    return session.scalars(
        insert(Coupon)
        .values(rows)
        .on_conflict_do_nothing(index_elements=[Coupon.issue_key])
        .returning(Coupon)
    ).all()


def _take_piece(
    session: Session, member_id: int, template: CouponTemplate, issue_key: str, now: datetime
) -> bool:
    """Take one of the stock and of the day; False where the cause had its coupon.

    The one UPDATE also orders all askers, so that what a member has is counted after it.
    Raises CouponSoldOut or CouponLimitReached.
    """
    today = local_day(now)
    if not _count_down(session, template.id, today):
        if _is_given(session, issue_key):
            return False
        raise _sold_out(session, template.id, today)
    if _has_enough(session, member_id, template):
        return_piece(session, template.id, today)
        if _is_given(session, issue_key):
            return False
        raise CouponLimitReached(limit=template.per_member_limit)
    return True


def _count_down(session: Session, template_id: int, today: date) -> bool:
    table, is_new_day = CouponTemplate, CouponTemplate.day_on.is_distinct_from(today)
    taken = session.execute(
        update(table)
        .where(
            table.id == template_id,
            table.stock_left.is_(None) | (table.stock_left > 0),
            table.per_day_limit.is_(None) | is_new_day | (table.day_issued < table.per_day_limit),
        )
        .values(
            stock_left=table.stock_left - 1,
            day_on=today,
            day_issued=case((is_new_day, 1), else_=table.day_issued + 1),
        )
        .returning(table.id)
        .execution_options(synchronize_session=False)
    )
    return taken.one_or_none() is not None


def return_piece(session: Session, template_id: int, given_on: date) -> None:
    """Put one back into a template's stock, and into the day's where `given_on` still runs."""
    table = CouponTemplate
    session.execute(
        update(table)
        .where(table.id == template_id)
        .values(
            stock_left=table.stock_left + 1,
            day_issued=table.day_issued
            - case(((table.day_on == given_on) & (table.day_issued > 0), 1), else_=0),
        )
        .execution_options(synchronize_session=False)
    )


def _is_given(session: Session, issue_key: str) -> bool:
    return session.scalar(select(Coupon.id).where(Coupon.issue_key == issue_key)) is not None


def _sold_out(session: Session, template_id: int, today: date) -> CouponSoldOut:
    left = session.scalar(select(CouponTemplate.stock_left).where(CouponTemplate.id == template_id))
    return CouponSoldOut(until=None if left == 0 else today + timedelta(days=1))


def _has_enough(session: Session, member_id: int, template: CouponTemplate) -> bool:
    if template.per_member_limit is None:
        return False
    had = session.scalar(
        select(func.count()).where(
            Coupon.member_id == member_id,
            Coupon.template_id == template.id,
            Coupon.state != "void",
        )
    )
    return (had or 0) >= template.per_member_limit
