"""What a KPI counts: a typed question about events, read from JSON or refused with where and why.

    {"schema": 1, "count": "quantity", "sku": "TEA-01", "window_days": 30}

Nothing of a query is written into SQL: its parts choose among the statements below, and values
are bound. Each gives rows of `member_id, value`, net of refunds, of the days from `:since` to
`:until` (moments `:begin` to `:end`), ends included for days and excluded for moments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from models.base import BusinessError
from models.browse_event import KINDS
from models.catalogue import LONGEST_NAME as LONGEST_WORD
from models.local_day import day_start

SCHEMA = 1
LONGEST_WINDOW_DAYS = 3_650
MOST_STARS = 5
FIRST_DAY = date(2000, 1, 1)
"""Where a query without a window begins."""


class KpiRefused(BusinessError):
    """A query makes no KPI; `path` says where, `why` in words, `possible` what would do."""

    code = "kpi_refused"


@dataclass(frozen=True)
class Narrowing:
    """What narrows a query: a text, a whole number within bounds, or one of some words."""

    name: str
    choices: Sequence[str] = ()
    minimum: int = 0
    maximum: int = 0

    def read(self, told: Any) -> Any:
        """Return the value. Raises KpiRefused."""
        path = f"query.{self.name}"
        if self.maximum:
            return whole_number(told, path, self.minimum, self.maximum)
        if not isinstance(told, str):
            raise KpiRefused(path=path, why="a text is needed")
        if self.choices and told not in self.choices:
            raise KpiRefused(path=path, why="not known here", possible=list(self.choices))
        if not 0 < len(told.strip()) <= LONGEST_WORD or not told.isprintable():
            raise KpiRefused(path=path, why=f"1 to {LONGEST_WORD} printable characters are needed")
        return told


@dataclass(frozen=True)
class Counted:
    """One thing that can be counted: what narrows it, its rows, and what it is of."""

    labels: dict[str, str]
    narrowings: Sequence[Narrowing]
    rows: str
    excludes: tuple[str, ...] = ()
    """Of these a query has one at most."""


@dataclass(frozen=True)
class Query:
    """A whole query, checked."""

    count: str
    narrowed: Mapping[str, Any]
    window_days: int | None

    def as_json(self) -> dict[str, Any]:
        """Return the query in its one canonical form, as it is stored."""
        told = {"schema": SCHEMA, "count": self.count, **self.narrowed}
        return told | ({} if self.window_days is None else {"window_days": self.window_days})

    def since(self, on: date) -> date:
        """Return the first day that counts on a day."""
        if self.window_days is None:
            return FIRST_DAY
        return on - timedelta(days=self.window_days - 1)

    def rows(self) -> str:
        """Return the statement that gives `member_id, value`."""
        return COUNTED[self.count].rows

    def bound(self, on: date) -> dict[str, Any]:
        """Return the values of that statement for a day, None for what does not narrow it."""
        since = self.since(on)
        names = (narrowing.name for narrowing in COUNTED[self.count].narrowings)
        return {
            **{name: self.narrowed.get(name) for name in names},
            "since": since,
            "until": on,
            "begin": day_start(since),
            "end": day_start(on + timedelta(days=1)),
        }


def parse_query(words: object) -> Query:
    """Read a query from decoded JSON. Raises KpiRefused."""
    if not isinstance(words, dict):
        raise KpiRefused(path="query", why="an object is needed", possible=['{"count": …}'])
    if type(words.get("schema")) is not int or words["schema"] != SCHEMA:
        raise KpiRefused(path="query.schema", why="not known", possible=[SCHEMA])
    count = words.get("count")
    if not isinstance(count, str) or count not in COUNTED:
        raise KpiRefused(path="query.count", why="not known", possible=list(COUNTED))
    counted = COUNTED[count]
    known = {narrowing.name: narrowing for narrowing in counted.narrowings}
    for name in words:
        if name not in known and name not in ("schema", "count", "window_days"):
            possible = [*known, "window_days"]
            raise KpiRefused(path=f"query.{name}", why=f"{count} has none", possible=possible)
    narrowed = {name: known[name].read(words[name]) for name in known if name in words}
    both = [name for name in counted.excludes if name in narrowed]
    if len(both) > 1:
        raise KpiRefused(path=f"query.{both[1]}", why=f"cannot stand beside {both[0]}")
    window = words.get("window_days")
    if "window_days" in words:
        window = whole_number(window, "query.window_days", 1, LONGEST_WINDOW_DAYS)
    return Query(count, narrowed, window)


def whole_number(told: Any, path: str, minimum: int, maximum: int) -> int:
    """Return a whole number within bounds; true is none, nor is 3.0. Raises KpiRefused."""
    if type(told) is not int or not minimum <= told <= maximum:
        raise KpiRefused(path=path, why=f"a whole number from {minimum} to {maximum} is needed")
    return told


_SKU, _CATEGORY, _STORE = Narrowing("sku"), Narrowing("category"), Narrowing("store")
_LINES = """
    FROM purchase AS sale JOIN purchase_line AS line ON line.purchase_id = sale.id
    JOIN store ON store.id = sale.store_id
    WHERE sale.purchased_on BETWEEN :since AND :until AND sale.undone_at IS NULL
        AND line.refunded_quantity < line.quantity
        AND (CAST(:sku AS text) IS NULL OR line.sku = :sku)
        AND (CAST(:category AS text) IS NULL OR line.category = :category)
        AND (CAST(:store AS text) IS NULL OR store.code = :store)
"""
_SALES = """
    FROM purchase AS sale JOIN store ON store.id = sale.store_id
    WHERE sale.purchased_on BETWEEN :since AND :until AND sale.undone_at IS NULL
        AND CAST(:sku AS text) IS NULL AND CAST(:category AS text) IS NULL
        AND (CAST(:store AS text) IS NULL OR store.code = :store)
"""
_OF_LINES = "(CAST(:sku AS text) IS NOT NULL OR CAST(:category AS text) IS NOT NULL)"

COUNTED: Mapping[str, Counted] = {
    "quantity": Counted(
        {"zh-TW": "售出數量", "en": "items sold", "ja": "販売数量"},
        (_SKU, _CATEGORY, _STORE),
        f"SELECT sale.member_id, line.quantity - line.refunded_quantity AS value {_LINES}",
        excludes=("sku", "category"),
    ),
    "amount_twd": Counted(
        {"zh-TW": "銷售金額（NT$）", "en": "sales in NT$", "ja": "売上（NT$）"},
        (_SKU, _CATEGORY, _STORE),
        f"""SELECT sale.member_id, CAST(line.amount_twd AS bigint)
                * (line.quantity - line.refunded_quantity) / line.quantity AS value
            {_LINES} AND {_OF_LINES}
            UNION ALL SELECT sale.member_id, sale.paid_twd - sale.refunded_twd {_SALES}""",
        excludes=("sku", "category"),
    ),
    "orders": Counted(
        {"zh-TW": "訂單數", "en": "orders", "ja": "注文数"},
        (_SKU, _CATEGORY, _STORE),
        f"""SELECT DISTINCT sale.member_id, 1 AS value, sale.id {_LINES} AND {_OF_LINES}
            UNION ALL SELECT sale.member_id, 1, sale.id {_SALES}""",
        excludes=("sku", "category"),
    ),
    "participants": Counted(
        {"zh-TW": "活動參加人次", "en": "event participants", "ja": "イベント参加者数"},
        (Narrowing("gathering"),),
        """SELECT seat.member_id, 1 AS value FROM gathering_seat AS seat
            JOIN gathering ON gathering.id = seat.gathering_id
            WHERE seat.state = 'attended' AND gathering.starts_at >= :begin
                AND gathering.starts_at < :end
                AND (CAST(:gathering AS text) IS NULL OR gathering.code = :gathering)""",
    ),
    "missions": Counted(
        {"zh-TW": "完成任務次數", "en": "missions done", "ja": "ミッション達成数"},
        (Narrowing("mission"),),
        """SELECT award.member_id, 1 AS value FROM mission_award AS award
            JOIN mission ON mission.id = award.mission_id
            WHERE award.taken_back_at IS NULL AND award.completed_at >= :begin
                AND award.completed_at < :end
                AND (CAST(:mission AS text) IS NULL OR mission.code = :mission)""",
    ),
    "reviews": Counted(
        {"zh-TW": "評論數", "en": "reviews", "ja": "レビュー数"},
        (Narrowing("stars_at_least", minimum=1, maximum=MOST_STARS),),
        """SELECT review.member_id, 1 AS value FROM review
            WHERE review.state <> 'hidden' AND review.written_at >= :begin
                AND review.written_at < :end
                AND review.stars >= coalesce(CAST(:stars_at_least AS integer), 1)""",
    ),
    "referrals": Counted(
        {"zh-TW": "推薦成功人數", "en": "friends referred", "ja": "紹介成立数"},
        (),
        """SELECT referral.referrer_id AS member_id, 1 AS value FROM referral
            WHERE referral.state IN ('qualified', 'rewarded') AND referral.qualified_at >= :begin
                AND referral.qualified_at < :end""",
    ),
    "browse_events": Counted(
        {"zh-TW": "瀏覽次數", "en": "looks at the web shop", "ja": "閲覧数"},
        (Narrowing("kind", choices=KINDS), _SKU, _CATEGORY),
        """SELECT look.member_id, 1 AS value FROM browse_event AS look
            WHERE look.occurred_at >= :begin AND look.occurred_at < :end
                AND (CAST(:kind AS text) IS NULL OR look.kind = :kind)
                AND (CAST(:sku AS text) IS NULL OR look.sku = :sku)
                AND (CAST(:category AS text) IS NULL OR look.category = :category)""",
        excludes=("sku", "category"),
    ),
    "points_redeemed": Counted(
        {"zh-TW": "兌換點數", "en": "points redeemed", "ja": "利用ポイント"},
        (),
        """SELECT entry.member_id, -entry.points - coalesce((SELECT sum(back.points)
                FROM points_entry AS back
                WHERE back.answers_id = entry.id AND back.points > 0), 0) AS value
            FROM points_entry AS entry
            WHERE entry.reason IN ('redemption', 'reward', 'lottery') AND entry.points < 0
                AND entry.posted_at >= :begin AND entry.posted_at < :end""",
    ),
    "metric_entries": Counted(
        {"zh-TW": "指標記錄", "en": "metric entries", "ja": "指標の記録"},
        (Narrowing("metric"), Narrowing("take", choices=("times", "sum"))),
        """SELECT told.member_id,
                CASE WHEN CAST(:take AS text) = 'sum' THEN told.value ELSE 1 END AS value
            FROM metric_entry AS told
            WHERE told.at >= :begin AND told.at < :end
                AND (CAST(:metric AS text) IS NULL OR told.name = :metric)""",
    ),
}
"""What can be counted. A participant is who came; a mission, review or referral stands."""
