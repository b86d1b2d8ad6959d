"""What a message is expected to bring (X1, U4): whom to write to first where the quota is short.

Where LINE picks at random, we send from the top: the gross margin a member is expected to leave in
the next two weeks, less what their blocking us would cost. Who the forecasts know is told by them,
everybody else by a rough rule over the days of their purchases.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Date, Float, case, cast, func, literal, select
from sqlalchemy.orm import Session, aliased

from models.analysis.tier_report import read_tier_report
from models.friend import Friend
from models.lifecycle.figures import is_here
from models.local_day import day_of, local_day
from models.member import Member
from models.prediction import FAR_DAYS, LIKELY_DAYS, MemberForecast
from models.quota.plan import get_plan, month_of

MEASURED_DAYS = 30
"""The margin is that of goods sold so lately: enough of them, and quickly summed."""
SHORTEST_HISTORY_DAYS = 30
"""Of who first bought later than that no rhythm is read: they are taken to have come once in it."""
PATIENCE_GAPS = 3
"""So many times their usual gap without a purchase leave a third of the hope (1 ÷ e)."""
NEWCOMER_LIKELY = 0.05
NEWCOMER_DAYS = 60
"""Who joined and never bought is so likely to begin, and each such span leaves a third of it."""


def margin_percent_of(session: Session, now: datetime) -> Decimal:
    """Return the gross margin to reckon with: that of the goods where their costs are known."""
    measured = read_tier_report(session, now, MEASURED_DAYS).margin_percent
    if measured is None:
        return get_plan(session, month_of(now)).margin_percent
    return Decimal(str(max(measured, 0.0))).quantize(Decimal("0.01"))


def expected_margin(session: Session, now: datetime) -> ColumnElement[float]:
    """Return what one message to a member is expected to bring, in NT$, as a question on `Member`.

    It needs no join, is never NULL, and is below zero where a block would cost more than the
    message brings. A fit of last night goes before the rough rule.
    """
    block = float(get_plan(session, month_of(now)).block_percent) / 100
    margin = float(margin_percent_of(session, now)) / 100
    return margin * func.coalesce(_foretold(block), _rough(local_day(now), block))


def _foretold(block: float) -> ColumnElement[float]:
    """Return sales less lost sales by the newest forecast; NULL where there is none."""
    orders = func.nullif(cast(MemberForecast.orders_365, Float), 0)
    worth = MemberForecast.likely * MemberForecast.value_365_twd / orders
    lost = block * MemberForecast.value_365_twd
    return (
        select(func.coalesce(worth, 0) - lost)
        .where(MemberForecast.member_id == Member.id)
        .correlate(Member)
        .scalar_subquery()
    )


def _rough(today: date, block: float) -> ColumnElement[float]:
    """Return the same by the days of their purchases, or of their joining where there are none."""
    on = literal(today, Date)
    span = cast(func.greatest(on - Member.first_purchase_on, SHORTEST_HISTORY_DAYS), Float)
    gap = span / Member.purchase_days
    alive = func.exp((Member.last_purchase_on - on) / (PATIENCE_GAPS * gap))
    basket = cast(Member.lifetime_twd, Float) / Member.purchase_days
    buyer = basket * alive * ((1 - func.exp(-LIKELY_DAYS / gap)) - block * FAR_DAYS / gap)
    joined = day_of(Member.joined_at)
    hope = NEWCOMER_LIKELY * func.exp(cast(joined - on, Float) / NEWCOMER_DAYS)
    newcomer = _usual_basket() * hope * (1 - block * FAR_DAYS / LIKELY_DAYS)
    return case((Member.purchase_days > 0, buyer), else_=newcomer)


def _usual_basket() -> ColumnElement[float]:
    """Return what all members spend a day with a purchase, on average; asked once a statement."""
    everybody = aliased(Member)
    days = func.nullif(func.sum(everybody.purchase_days), 0)
    mean = cast(func.sum(everybody.lifetime_twd), Float) / days
    return select(func.coalesce(mean, 0)).scalar_subquery()


@dataclass(frozen=True)
class Ranking:
    """What so many messages are expected to bring, sent from the top or to anybody, in NT$."""

    members: int
    """Who may be written to."""
    messages: int
    from_the_top_twd: int
    at_random_twd: int
    last_twd: float | None
    """What the last of those chosen is expected to bring; None where nobody is."""

    @property
    def times(self) -> float | None:
        """Return how many times random's worth the top's is; None where random brings nothing."""
        return self.from_the_top_twd / self.at_random_twd if self.at_random_twd > 0 else None


def rank_worth(session: Session, messages: int, now: datetime) -> Ranking:
    """Return what choosing is worth when only so many messages are left; one statement."""
    worth = expected_margin(session, now)
    ranked = (
        select(
            worth.label("worth"),
            func.row_number().over(order_by=(worth.desc(), Member.id)).label("place"),
        )
        .join(Friend, Friend.line_user_id == Member.line_user_id)
        .where(is_here(), Friend.is_following, Member.marketing_allowed)
        .subquery()
    )
    is_chosen = ranked.c.place <= messages
    members, top, mean, last = session.execute(
        select(
            func.count(),
            func.sum(ranked.c.worth).filter(is_chosen),
            func.avg(ranked.c.worth),
            func.min(ranked.c.worth).filter(is_chosen),
        )
    ).one()
    sent = min(messages, members)
    return Ranking(members, sent, round(top or 0), round((mean or 0) * sent), last)
