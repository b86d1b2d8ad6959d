"""A made-up shop whose figures are the ones that survive of the articles (T11), all five at once.

3,600 of the 11,350 members who came as far as the band 1,001–2,000 stopped there, 31.72%; of
those with three purchases 48.28% bought again; churn rises in the fourth month. It is made by
counting, not by chance, so it is the same each time; it is nobody's shop, and is never shown as
one. Beside the buyers it has members who never bought and some who gave all back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import accumulate, repeat

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.exchange.copying import copy_rows, next_ids
from models.local_day import TAIPEI, local_day
from models.member import check_digit
from models.programme import Programme, get_programme
from models.shop import list_stores
from models.tier import kept_until, window_start

BAND_TWD = 1_000
BAND_MEMBERS = (
    *(5_000, 3_600, 2_209, 1_751, 1_061, 753, 537, 386, 278, 202, 103),
    *(80, 64, 52, 85, 30, 24, 19, 15, 12, 89),
)
"""Members by what they spent in all, a band for each NT$1,000; the last has no end."""
LAST_BAND_TWD = 20_000
BASKET_TWD = 1_500
"""So much is an average order: what all of them spent is worked out from it."""
AT_LEAST = (
    *(16_350, 6_560, 2_818, 1_288, 683, 393, 244, 161, 113, 82, 62, 47),
    *(36, 28, 22, 17, 13, 10, 8, 6, 5, 4, 3, 2),
)
"""Members with at least one purchase, two, three, …"""
REST = 1_000_000
SILENCES: dict[int, tuple[tuple[int, int, int], ...]] = {
    1: ((300, 1, 3), (1_800, 4, 9), (REST, 13, 18)),
    2: ((100, 1, 3), (900, 7, 6), (REST, 13, 18)),
    3: ((150, 1, 1), (REST, 7, 24)),
    4: ((REST, 7, 24),),
    5: ((REST, 7, 24),),
    6: ((REST, 1, 30),),
}
"""By purchases (6: so many or more): so many members, silent since this month, or over so many
months from it on. Who bought three times is silent for less than one month or for more than six,
so that the rate after the third does not hang on how recent is too recent, up to 180 days."""
GAP_MONTHS = (38, 35, 32, 9, 6, 5, 3, 2, 2, 2, 1, 1)
"""Of 136 members who came again, in which month of their silence they did, the last time."""
MIX = 37
"""Has no divisor in common with 136, so that every kind of gap meets every kind of member."""
MONTH_DAYS = 30
SPACING_DAYS = 40
"""Earlier purchases lie so far apart."""
FAITHFUL_ORDERS, FAITHFUL_GAP_DAYS = 6, 120
"""Who bought often and lately had a silence of four months before."""
PROMO_EVERY, DISCOUNT_PART = 4, 9
"""Each fourth purchase has a discount, of a tenth of its price."""
PROSPECTS = 900
RETURNERS = 120
RETURNED_DAYS = 200
FIRST_NUMBER = 70_000_000
JOINED_DAYS_BEFORE = 3

MEMBER = (
    *("id", "number", "card_ref", "language", "joined_at", "join_source", "marketing_allowed"),
    *("tier_id", "tier_kept_until", "points", "spend_twd", "spend_on", "year_twd", "lifetime_twd"),
    *("purchase_count", "purchase_days", "first_purchase_on", "previous_purchase_on"),
    *("last_purchase_on", "promo_count"),
)
PURCHASE = (
    *("id", "member_id", "store_id", "channel", "amount_twd", "discount_twd", "paid_twd"),
    *("refunded_twd", "undone_at", "points_earned", "stamps_added", "purchased_at"),
    *("purchased_on", "idempotency_key"),
)
REFUND = (
    *("id", "purchase_id", "member_id", "store_id", "amount_twd", "reason", "is_full"),
    *("points_taken", "points_given_back", "refunded_at", "refunded_on", "idempotency_key"),
)
_SHADOWED = ("member", "purchase", "refund")


@dataclass(frozen=True)
class Sale:
    """One purchase of the made-up shop."""

    on: date
    paid_twd: int
    discount_twd: int = 0
    is_returned: bool = False

    @property
    def at(self) -> datetime:
        """Return its moment: noon in Taipei."""
        return datetime.combine(self.on, time(12), TAIPEI)


def make_shadow(session: Session) -> None:
    """Lay empty tables of the session's own over members, purchases and refunds.

    Until the transaction ends, whatever the session asks is asked of these; the shop's own rows
    are neither seen nor touched.
    """
    for table in _SHADOWED:
        session.execute(
            text(f"CREATE TEMPORARY TABLE {table} (LIKE {table} INCLUDING ALL) ON COMMIT DROP")
        )


def load_article_shop(session: Session, now: datetime) -> None:
    """Fill empty tables with the made-up shop as of `now`, by COPY; the caller's transaction.

    The shop must be set up: its ladder and first store are used.
    """
    today = local_day(now)
    lives = [*_buyers(today), *_returners(today), *([()] * PROSPECTS)]
    programme, store_id = get_programme(session), list_stores(session)[0].id
    member_ids = next_ids(session, "member", len(lives))
    sold = [
        (member_id, sale)
        for member_id, life in zip(member_ids, lives, strict=True)
        for sale in life
    ]
    purchase_ids = next_ids(session, "purchase", len(sold))
    sales = [(purchase_id, *each) for purchase_id, each in zip(purchase_ids, sold, strict=True)]
    members = zip(member_ids, lives, strict=True)
    copy_rows(session, "member", MEMBER, (_member(programme, today, *each) for each in members))
    copy_rows(session, "purchase", PURCHASE, (_purchase(store_id, *sale) for sale in sales))
    returned = [sale for sale in sales if sale[2].is_returned]
    refund_ids = next_ids(session, "refund", len(returned))
    refunds = zip(refund_ids, returned, strict=True)
    copy_rows(session, "refund", REFUND, (_refund(store_id, id_, *sale) for id_, sale in refunds))
    session.execute(text("ANALYZE member"))
    session.execute(text("ANALYZE purchase"))


# --- lives ---


def _buyers(today: date) -> Iterator[tuple[Sale, ...]]:
    """Yield what each buyer bought: who spent more bought more often."""
    places: dict[int, int] = {}
    for number, (spent_twd, orders) in enumerate(zip(_spent(), _orders(), strict=True)):
        kind = min(orders, FAITHFUL_ORDERS)
        place = places.setdefault(kind, 0)
        places[kind] += 1
        days = _days_ago(orders, _silent_days(kind, place), number)
        yield tuple(_sales(today, days, spent_twd, number))


def _spent() -> Iterator[int]:
    """Yield what each member spent in all, the least first, spread evenly in part of a band.

    How large a part follows from the average order.
    """
    widths = (*repeat(BAND_TWD, len(BAND_MEMBERS) - 1), LAST_BAND_TWD)
    lows = [max(place * BAND_TWD, 200) + 1 for place in range(len(BAND_MEMBERS))]
    least = sum(low * members for low, members in zip(lows, BAND_MEMBERS, strict=True))
    spread = sum(width * members for width, members in zip(widths, BAND_MEMBERS, strict=True))
    over = BASKET_TWD * sum(AT_LEAST) - least
    for low, width, members in zip(lows, widths, BAND_MEMBERS, strict=True):
        for place in range(members):
            yield low + width * (2 * place + 1) * over // (members * spread)


def _orders() -> Iterator[int]:
    """Yield how often each member bought, the fewest first."""
    more = (*AT_LEAST[1:], 0)
    for orders, (members, others) in enumerate(zip(AT_LEAST, more, strict=True), 1):
        yield from repeat(orders, members - others)


def _silent_days(kind: int, place: int) -> int:
    """Return for how many days the member of this place, among those like them, is silent."""
    ends = accumulate(members for members, _, _ in SILENCES[kind])
    _, first, months = SILENCES[kind][next(at for at, end in enumerate(ends) if place < end)]
    month = first + place % months
    return (month - 1) * MONTH_DAYS + place * 7 % MONTH_DAYS


_GAPS = tuple(month for month, members in enumerate(GAP_MONTHS) for _ in range(members))


def _days_ago(orders: int, silent_days: int, number: int) -> list[int]:
    """Return how many days ago each purchase was, the last one first."""
    gap_days = max(_GAPS[number * MIX % len(_GAPS)] * MONTH_DAYS + number * 11 % MONTH_DAYS, 1)
    if orders >= FAITHFUL_ORDERS and silent_days < 6 * MONTH_DAYS:
        gap_days = max(gap_days, FAITHFUL_GAP_DAYS)
    steps = [silent_days, gap_days, *repeat(SPACING_DAYS, max(orders - 2, 0))]
    return list(accumulate(steps[:orders]))


def _sales(today: date, days: Sequence[int], spent_twd: int, number: int) -> Iterator[Sale]:
    """Yield the sales, the first one first; what does not divide evenly is paid with the last."""
    each, rest = divmod(spent_twd, len(days))
    for place, ago in enumerate(reversed(days), 1):
        paid_twd = each + (rest if place == len(days) else 0)
        is_promo = (number + place) % PROMO_EVERY == 0
        yield Sale(
            today - timedelta(days=ago), paid_twd, paid_twd // DISCOUNT_PART if is_promo else 0
        )


def _returners(today: date) -> Iterator[tuple[Sale, ...]]:
    """Yield the lives of those who gave back all they bought: no buyers, net of refunds."""
    for number in range(RETURNERS):
        on = today - timedelta(days=RETURNED_DAYS + number)
        yield (Sale(on, BASKET_TWD + number, is_returned=True),)


# --- rows ---


def _member(
    programme: Programme, today: date, member_id: int, life: Sequence[Sale]
) -> tuple[object, ...]:
    standing = [sale for sale in life if not sale.is_returned]
    days = [sale.on for sale in standing]
    spend_twd = sum(sale.paid_twd for sale in standing if sale.on >= window_start(today))
    tier = programme.ladder.on(today).tier_at(spend_twd)
    first_on = life[0].on if life else today
    digits = str(FIRST_NUMBER + member_id)
    return (
        member_id,
        digits + check_digit(digits),
        f"article-{member_id}",
        "zh-TW",
        datetime.combine(first_on - timedelta(days=JOINED_DAYS_BEFORE), time(), TAIPEI),
        "import",
        False,
        tier.id,
        kept_until(today) if tier.rank else None,
        0,
        spend_twd,
        today,
        sum(sale.paid_twd for sale in standing if sale.on.year == today.year),
        sum(sale.paid_twd for sale in standing),
        len(days),
        len(set(days)),
        days[0] if days else None,
        days[-2] if len(days) > 1 else None,
        days[-1] if days else None,
        sum(sale.discount_twd > 0 for sale in standing),
    )


def _purchase(store_id: int, purchase_id: int, member_id: int, sale: Sale) -> tuple[object, ...]:
    return (
        purchase_id,
        member_id,
        store_id,
        "till",
        sale.paid_twd + sale.discount_twd,
        sale.discount_twd,
        sale.paid_twd,
        sale.paid_twd if sale.is_returned else 0,
        _returned_at(sale) if sale.is_returned else None,
        0,
        0,
        sale.at,
        sale.on,
        f"article:{purchase_id}",
    )


def _refund(
    store_id: int, refund_id: int, purchase_id: int, member_id: int, sale: Sale
) -> tuple[object, ...]:
    at = _returned_at(sale)
    return (
        *(refund_id, purchase_id, member_id, store_id, sale.paid_twd, "退貨", True),
        *(0, 0, at, local_day(at), f"article-refund:{refund_id}"),
    )


def _returned_at(sale: Sale) -> datetime:
    return sale.at + timedelta(days=1)
