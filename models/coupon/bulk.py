"""Giving one template's coupons to many members at once, each for a cause of their own.

The same as `issue_coupon` one by one, in a few statements for all of them: within stock and
limits, once a cause. Who gets none is absent, and a cause that had its coupon tells it again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from models.base import squeezed
from models.coupon.issuing import draw_code, expiry_of, is_offered, usable_from
from models.coupon.table import Coupon, CouponTemplate
from models.local_day import local_day
from models.member import Member

SPECIMEN_CODE = "TESTTESTTEST"
"""What stands on a coupon in a message that is only tried out; no code has a letter O, I or E."""


def issue_many(
    session: Session, template: CouponTemplate, issue_keys: Mapping[int, str], now: datetime
) -> dict[int, dict[str, Any]]:
    """Give members a coupon each, under the key of its cause; return the coupons' words by member.

    In the order of `issue_keys` as long as there is stock. A key seen before gives nothing and
    returns its first coupon, unless that is void or another member's by now. One statement, three
    more where the template is limited: it is locked until the transaction ends.
    """
    wanted = dict(issue_keys)
    if not is_offered(template, now):
        return _given_before(session, wanted, now)
    if template.is_limited:
        wanted = _within_limits(session, template, wanted, local_day(now))
    words = _insert(session, template, wanted, now)
    before = {member_id: key for member_id, key in issue_keys.items() if member_id not in words}
    return words | _given_before(session, before, now)


def specimen_of(template: CouponTemplate, language: str, now: datetime) -> dict[str, Any]:
    """Return the words of a coupon nobody has: what a test message shows."""
    return _unwritten(template, now).words(language, now)


def _unwritten(template: CouponTemplate, now: datetime) -> Coupon:
    """Return a coupon as one given now would be, of no member and in no session."""
    return Coupon(
        id=0,
        code=SPECIMEN_CODE,
        template=template,
        state="issued",
        issued_at=now,
        usable_from=usable_from(template, now),
        expires_at=expiry_of(template, now),
    )


_INSERT = text(
    squeezed("""
        WITH made AS (
            INSERT INTO coupon (code, member_id, template_id, state, issue_key, issued_at,
                usable_from, expires_at)
            SELECT asked.code, asked.member_id, :template, 'issued', asked.key, :now,
                :usable_from, :expires_at
            FROM unnest(CAST(:codes AS text[]), CAST(:members AS bigint[]), CAST(:keys AS text[]))
                AS asked (code, member_id, key)
            ON CONFLICT (issue_key) DO NOTHING
            RETURNING id, code, member_id
        )
        SELECT made.id, made.code, made.member_id, member.language
        FROM made JOIN member ON member.id = made.member_id
    """)
)


def _insert(
    session: Session, template: CouponTemplate, keys: Mapping[int, str], now: datetime
) -> dict[int, dict[str, Any]]:
    if not keys:
        return {}
    asked = {
        "codes": [draw_code() for _ in keys],
        "members": list(keys),
        "keys": list(keys.values()),
        "template": template.id,
        "now": now,
        "usable_from": usable_from(template, now),
        "expires_at": expiry_of(template, now),
    }
    like, told = _unwritten(template, now), {}
    bases: dict[str, dict[str, Any]] = {}
    for coupon_id, code, member_id, language in session.execute(_INSERT, asked):
        base = bases.get(language)
        if base is None:
            base = bases[language] = like.words(language, now)
        told[member_id] = base | {"id": str(coupon_id), "code": code}
    return told


def _given_before(
    session: Session, keys: Mapping[int, str], now: datetime
) -> dict[int, dict[str, Any]]:
    if not keys:
        return {}
    found = session.execute(
        select(Coupon, Member.language)
        .join(Member, Member.id == Coupon.member_id)
        .where(Coupon.issue_key.in_(keys.values()), Coupon.state != "void")
        .execution_options(populate_existing=True)
    )
    return {
        coupon.member_id: coupon.words(language, now)
        for coupon, language in found
        if keys.get(coupon.member_id) == coupon.issue_key
    }


def _within_limits(
    session: Session, template: CouponTemplate, keys: Mapping[int, str], today: date
) -> dict[int, str]:
    """Return whose cause has no coupon yet and who may have one, and take theirs off the stock.

    The template's row is locked first, which orders all askers, so that what a member has is
    counted after it.
    """
    table = CouponTemplate
    columns = (table.stock_left, table.per_day_limit, table.day_on, table.day_issued)
    stock_left, per_day, day_on, day_issued = session.execute(
        select(*columns).where(table.id == template.id).with_for_update()
    ).one()
    issued_today = day_issued if day_on == today else 0
    rooms = [stock_left] if stock_left is not None else []
    rooms += [per_day - issued_today] if per_day is not None else []
    allowed = _still_allowed(session, template, keys)
    chosen = dict(list(allowed.items())[: max(min(rooms), 0)] if rooms else allowed)
    if chosen:
        session.execute(
            update(table)
            .where(table.id == template.id)
            .values(
                stock_left=table.stock_left - len(chosen),
                day_on=today,
                day_issued=issued_today + len(chosen),
            )
            .execution_options(synchronize_session=False)
        )
    return chosen


def _still_allowed(
    session: Session, template: CouponTemplate, keys: Mapping[int, str]
) -> dict[int, str]:
    had_keys = set(
        session.scalars(select(Coupon.issue_key).where(Coupon.issue_key.in_(keys.values())))
    )
    had = _count_had(session, template, keys) if template.per_member_limit is not None else {}
    most = template.per_member_limit or 1
    return {
        member_id: key
        for member_id, key in keys.items()
        if key not in had_keys and had.get(member_id, 0) < most
    }


def _count_had(
    session: Session, template: CouponTemplate, member_ids: Iterable[int]
) -> Counter[int]:
    """Count how many of the template's coupons each member has, void ones left aside."""
    counted = session.execute(
        select(Coupon.member_id, func.count())
        .where(
            Coupon.member_id.in_(member_ids),
            Coupon.template_id == template.id,
            Coupon.state != "void",
        )
        .group_by(Coupon.member_id)
    )
    return Counter(dict(counted.all()))
