"""The owner's own data for people: three CSV files that any spreadsheet opens.

Nothing is masked, for it is the shop's own; the files are readable by their owner only. The
members' file can be imported as it is.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from models.base import in_language
from models.exchange.archive import LONGEST_STATEMENT, PRIVATE_FILE, make_folder
from models.local_day import TAIPEI

ROWS_AT_ONCE = 5_000
BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel takes UTF-8 for Big5."""
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")

Cells = list[str | int]

MEMBERS = """
    SELECT m.number, m.name, m.phone, m.birthday, m.joined_at, m.join_source, t.name AS tier,
        m.tier_kept_until, m.points, m.points_pending, m.spend_twd, m.lifetime_twd,
        m.purchase_count, m.last_purchase_on, m.marketing_allowed, m.line_user_id IS NOT NULL
    FROM member AS m JOIN tier AS t ON t.id = m.tier_id
    WHERE m.erased_at IS NULL AND m.merged_into_id IS NULL ORDER BY m.id
"""
PURCHASES = """
    SELECT coalesce(p.source_ref, p.id::text), p.purchased_at, m.number, m.phone, s.code, s.name,
        p.channel, p.amount_twd, p.discount_twd, p.points_twd, p.paid_twd, p.refunded_twd,
        p.points_earned
    FROM purchase AS p JOIN member AS m ON m.id = p.member_id JOIN store AS s ON s.id = p.store_id
    ORDER BY p.id
"""
POINTS = """
    SELECT m.number, e.seq, e.posted_at, e.reason, e.points, e.pending, e.balance_after,
        lot.expires_on
    FROM points_entry AS e JOIN member AS m ON m.id = e.member_id
    LEFT JOIN points_lot AS lot ON lot.entry_id = e.id
    ORDER BY e.id
"""
HEADINGS = {
    "members.csv": (
        "會員編號",
        "姓名",
        "手機號碼",
        "生日",
        "入會日期",
        "加入來源",
        "會員等級",
        "等級到期日",
        "點數",
        "待生效點數",
        "近一年消費",
        "累積消費",
        "消費次數",
        "最近消費日",
        "行銷同意",
        "已綁定 LINE",
    ),
    "purchases.csv": (
        "訂單編號",
        "消費時間",
        "會員編號",
        "手機號碼",
        "門市代碼",
        "門市名稱",
        "通路",
        "金額",
        "折扣",
        "點數折抵",
        "實付金額",
        "退款金額",
        "獲得點數",
    ),
    "points.csv": ("會員編號", "序號", "時間", "原因", "點數", "待生效點數", "餘額", "到期日"),
}
REASONS = {
    "purchase": "消費",
    "welcome": "入會禮",
    "birthday": "生日禮",
    "adjustment": "調整",
    "expiry": "到期",
    "refund": "退款",
    "redemption": "折抵",
    "reward": "兌換",
    "activation": "生效",
    "referral": "推薦",
    "mission": "任務",
    "review": "評論",
    "lottery": "抽獎",
    "merge": "合併",
    "import": "匯入",
    "reversal": "沖銷",
    "survey": "問卷",
}


def export_readable(
    engine: Engine, folder: Path, *, tell: Callable[[str, int], None]
) -> dict[str, int]:
    """Write members, purchases and points for people; return the rows of each file.

    Raises ExportRefused where the folder holds anything.
    """
    make_folder(folder)
    rows = {}
    with engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        connection.execute(text(f"SET LOCAL statement_timeout = '{LONGEST_STATEMENT}'"))
        for name, statement, cells in (
            ("members.csv", MEMBERS, _member),
            ("purchases.csv", PURCHASES, _purchase),
            ("points.csv", POINTS, _points),
        ):
            rows[name] = _write(folder / name, _read(connection, statement), cells)
            tell(name, rows[name])
    return rows


def _read(connection: Connection, statement: str) -> Iterator[Sequence[Any]]:
    """Yield rows from a cursor on the server's side, so that memory stays flat."""
    streamed = connection.execution_options(stream_results=True, yield_per=ROWS_AT_ONCE)
    yield from streamed.execute(text(statement))


def _write(path: Path, rows: Iterator[Sequence[Any]], cells: Callable[..., Cells]) -> int:
    path.touch(mode=PRIVATE_FILE)
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(BYTE_ORDER_MARK)
        writer = csv.writer(file)
        writer.writerow(HEADINGS[path.name])
        for row in rows:
            writer.writerow([safe_cell(cell) for cell in cells(*row)])
            count += 1
    return count


def safe_cell(cell: str | int) -> str | int:
    """Keep a spreadsheet from taking somebody's name for a formula."""
    if isinstance(cell, str) and cell.startswith(FORMULA_SIGNS):
        return "'" + cell
    return cell


def _member(
    number: str,
    name: str | None,
    phone: str | None,
    birthday: date | None,
    joined_at: datetime,
    source: str,
    tier: dict[str, str],
    kept_until: date | None,
    *rest: Any,
) -> Cells:
    *figures, last_on, allows_marketing, has_line = rest
    return [
        number,
        name or "",
        _phone(phone),
        _day(birthday),
        _moment(joined_at),
        source,
        in_language(tier, "zh-TW"),
        _last_day(kept_until),
        *figures,
        _day(last_on),
        _yes(allows_marketing),
        _yes(has_line),
    ]


def _purchase(
    ref: str,
    at: datetime,
    number: str,
    phone: str | None,
    store_code: str,
    store_name: dict[str, str],
    *rest: Any,
) -> Cells:
    return [
        ref,
        _moment(at),
        number,
        _phone(phone),
        store_code,
        in_language(store_name, "zh-TW"),
        *rest,
    ]


def _points(
    number: str,
    seq: int,
    at: datetime,
    reason: str,
    points: int,
    pending: int,
    balance: int,
    expires_on: date | None,
) -> Cells:
    words = REASONS.get(reason, reason)
    return [number, seq, _moment(at), words, points, pending, balance, _last_day(expires_on)]


def _phone(phone: str | None) -> str:
    """Return a number with dashes, so that no spreadsheet eats its zero."""
    if phone is None:
        return ""
    local = "0" + phone.removeprefix("+886")
    return f"{local[:4]}-{local[4:7]}-{local[7:]}"


def _moment(moment: datetime) -> str:
    return moment.astimezone(TAIPEI).strftime("%Y/%m/%d %H:%M:%S")


def _day(day: date | None) -> str:
    return day.strftime("%Y/%m/%d") if day else ""


def _last_day(first_day_outside: date | None) -> str:
    return _day(first_day_outside - timedelta(days=1)) if first_day_outside else ""


def _yes(is_so: bool) -> str:
    return "是" if is_so else "否"
