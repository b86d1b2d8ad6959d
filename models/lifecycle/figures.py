"""What every model looks at: one row a member with their purchases in figures, on any day.

Today's come from the running figures that every sale keeps; those of an earlier day are worked
out from the purchases as they stood at its end. Both relations have the same columns, so whoever
can read one can travel in time. Members who have left or became another card are in neither.
"""

from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    SQLColumnExpression,
    Subquery,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    null,
    or_,
    select,
)
from sqlalchemy.orm import Session

from models.catalogue import CatalogueItem
from models.favourite import MemberFavourite
from models.lifecycle.basket import shares_of, usual_categories
from models.lifecycle.refusals import (
    BeforeTheShopOpened,
    DayNotYet,
    NotAMemberThen,
    UnknownCategory,
)
from models.local_day import day_of, day_start, local_day
from models.member import Member
from models.purchase.table import Purchase, PurchaseLine, Refund

MOST_NAMED = 20


@dataclass(frozen=True)
class FigureColumns:
    """The columns of a relation of figures. Days are Taipei's; a purchase stands unless undone."""

    member_id: SQLColumnExpression[int]
    joined_on: SQLColumnExpression[date]
    orders: SQLColumnExpression[int]
    """How many purchases stand."""
    days: SQLColumnExpression[int]
    """On how many different days they were."""
    first_on: SQLColumnExpression[date | None]
    previous_on: SQLColumnExpression[date | None]
    """The day of the last but one; that of the last where both were on one day."""
    last_on: SQLColumnExpression[date | None]
    net_twd: SQLColumnExpression[int]
    """What was paid and not given back, of all time, in NT$."""
    promo_orders: SQLColumnExpression[int]
    """How many of the purchases had a coupon or a discount."""
    category: SQLColumnExpression[str | None]
    """What they usually buy; read only where somebody asks for it, for it is another table's."""


@dataclass(frozen=True)
class MemberFigures:
    """One member's figures on a day; see `FigureColumns` for what each is."""

    orders: int
    days: int
    first_on: date | None
    previous_on: date | None
    last_on: date | None
    category: str | None = None


_NAMES = tuple(field.name for field in fields(FigureColumns))


def columns_of(relation: FromClause) -> FigureColumns:
    """Return the columns of what `figures_now` or `figures_as_of` made."""
    return FigureColumns(**{name: relation.c[name] for name in _NAMES})


def member_columns() -> FigureColumns:
    """Return the same figures as columns of `Member`, for conditions on the table itself."""
    return FigureColumns(
        member_id=Member.id,
        joined_on=day_of(Member.joined_at),
        orders=Member.purchase_count,
        days=Member.purchase_days,
        first_on=Member.first_purchase_on,
        previous_on=Member.previous_purchase_on,
        last_on=Member.last_purchase_on,
        net_twd=Member.lifetime_twd,
        promo_orders=Member.promo_count,
        category=_USUAL_CATEGORY,
    )


_USUAL_CATEGORY = (
    select(MemberFavourite.category)
    .where(MemberFavourite.member_id == Member.id)
    .correlate(Member)
    .scalar_subquery()
)


def is_here() -> ColumnElement[bool]:
    """Return the condition that a member has neither left nor become another card."""
    return and_(Member.erased_at.is_(None), Member.merged_into_id.is_(None))


def figures_now() -> Subquery:
    """Return everybody's figures as they stand, from the members' own rows."""
    columns = replace(member_columns(), category=MemberFavourite.category)
    # PostgreSQL leaves the join out of a statement that does not ask for the category.
    return (
        select(*(getattr(columns, name).label(name) for name in _NAMES))
        .select_from(Member)
        .join(MemberFavourite, MemberFavourite.member_id == Member.id, isouter=True)
        .where(is_here())
        .subquery("figures")
    )


def figures_as_of(
    day: date, category: str | None = None, *, is_usual_asked: bool = True
) -> Subquery:
    """Return the figures at the end of `day`, from purchases and refunds up to it.

    Who joined later is not there; what was taken back later still stands. With a `category` only
    purchases that had it count, with its share of what they came to, rounded down. Whoever looks
    members up one by one and does not ask for their usual category says so: for one member
    PostgreSQL works it out even where nobody reads it.
    """
    sold = _sold_by(day, category).subquery("sold")
    bought = _by_member(sold).subquery("bought")
    if not is_usual_asked:
        return _everybody(day, bought, cast(null(), Text)).subquery("figures")
    usual = usual_categories(day, stood_on(day)).subquery("usual")
    told = _everybody(day, bought, usual.c.category)
    return told.join(usual, usual.c.member_id == Member.id, isouter=True).subquery("figures")


def _everybody(day: date, bought: FromClause, usual: ColumnElement[str]) -> Select[Any]:
    """Select who was a member at the end of a day, with what they had bought."""
    return (
        select(
            Member.id.label("member_id"),
            day_of(Member.joined_at).label("joined_on"),
            func.coalesce(bought.c.orders, 0).label("orders"),
            func.coalesce(bought.c.days, 0).label("days"),
            bought.c.first_on,
            bought.c.previous_on,
            bought.c.last_on,
            func.coalesce(bought.c.net_twd, 0).label("net_twd"),
            func.coalesce(bought.c.promo_orders, 0).label("promo_orders"),
            usual.label("category"),
        )
        .select_from(Member)
        .join(bought, bought.c.member_id == Member.id, isouter=True)
        .where(is_here(), Member.joined_at < day_start(day + timedelta(days=1)))
    )


def _sold_by(day: date, category: str | None) -> Select[Any]:
    """Select the purchases that stood at the end of a day, each with the day of the one before."""
    before_on = func.lag(Purchase.purchased_on).over(
        partition_by=Purchase.member_id, order_by=Purchase.purchased_on
    )
    share = None if category is None else shares_of(category, day).subquery("share")
    net_twd = net_by(day)
    if share is not None:
        net_twd = func.coalesce(net_twd * share.c.part // func.nullif(share.c.whole, 0), 0)
    sold = select(
        Purchase.member_id,
        Purchase.purchased_on.label("on"),
        before_on.label("before_on"),
        (Purchase.discount_twd > 0).label("is_promo"),
        net_twd.label("net_twd"),
    ).where(stood_on(day))
    return sold if share is None else sold.join(share, share.c.purchase_id == Purchase.id)


def stood_on(day: date) -> ColumnElement[bool]:
    """Return the condition that a purchase was made by the end of `day` and not undone by then."""
    return and_(
        Purchase.purchased_on <= day,
        or_(
            Purchase.undone_at.is_(None),
            Purchase.undone_at >= day_start(day + timedelta(days=1)),
        ),
    )


def net_by(day: date) -> ColumnElement[int]:
    """Return what a purchase counted for at the end of `day`: refunds made later are added back."""
    given_later = (
        select(func.coalesce(func.sum(Refund.amount_twd), 0))
        .where(Refund.purchase_id == Purchase.id, Refund.refunded_on > day)
        .correlate(Purchase)
        .scalar_subquery()
    )
    later = case((Purchase.refunded_twd > 0, given_later), else_=0)
    return Purchase.paid_twd - Purchase.refunded_twd + later


def _by_member(sold: FromClause) -> Select[Any]:
    """Sum purchases up by member; the days grow, so the newest `before_on` is the last but one."""
    is_new_day = sold.c.before_on.is_distinct_from(sold.c.on)
    return select(
        sold.c.member_id,
        cast(func.count(), Integer).label("orders"),
        cast(func.count().filter(is_new_day), Integer).label("days"),
        func.min(sold.c.on).label("first_on"),
        func.max(sold.c.before_on).label("previous_on"),
        func.max(sold.c.on).label("last_on"),
        cast(func.sum(sold.c.net_twd), BigInteger).label("net_twd"),
        cast(func.count().filter(sold.c.is_promo), Integer).label("promo_orders"),
    ).group_by(sold.c.member_id)


_OPENED_AT = select(func.min(Member.joined_at))


def opened_on(session: Session) -> date | None:
    """Return the day on which the first member joined, or None where nobody has; one query."""
    first_at = session.scalar(_OPENED_AT)
    return local_day(first_at) if first_at is not None else None


def check_day(session: Session, on: date, now: datetime) -> None:
    """Make sure that a day can be told about. Raises DayNotYet or BeforeTheShopOpened."""
    today = local_day(now)
    if on > today:
        raise DayNotYet(on=on, today=today)
    if on == today:
        return
    opened = opened_on(session)
    if opened is None or on < opened:
        raise BeforeTheShopOpened(on=on, opened_on=opened)


def check_category(session: Session, category: str) -> None:
    """Make sure that something of the category was ever sold. Raises UnknownCategory."""
    if session.scalar(select(exists().where(PurchaseLine.category == category))):
        return
    known = session.scalars(
        select(CatalogueItem.category)
        .distinct()
        .where(CatalogueItem.category.is_not(None))
        .order_by(CatalogueItem.category)
        .limit(MOST_NAMED)
    )
    raise UnknownCategory(found=category, known=list(known))


def figures_on(
    session: Session, on: date, now: datetime, *, category: str | None = None
) -> Subquery:
    """Return the figures of a day, from the members' rows where that is enough, else from sales.

    Raises DayNotYet, BeforeTheShopOpened or UnknownCategory.
    """
    check_day(session, on, now)
    if category is not None:
        check_category(session, category)
    is_now = on == local_day(now) and category is None
    return figures_now() if is_now else figures_as_of(on, category)


def get_figures(session: Session, member_id: int, on: date, now: datetime) -> MemberFigures:
    """Return one member's figures on a day; one query.

    Raises DayNotYet, BeforeTheShopOpened, or NotAMemberThen.
    """
    columns = columns_of(figures_on(session, on, now))
    row = session.execute(
        select(*(getattr(columns, field.name) for field in fields(MemberFigures))).where(
            columns.member_id == member_id
        )
    ).one_or_none()
    if row is None:
        raise NotAMemberThen(on=on)
    return MemberFigures(*row)
