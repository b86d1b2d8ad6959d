"""What is wrong with a file's rows, in words a shop owner can act on.

A problem names the row and column as a spreadsheet shows them, says what is wrong and what to do.
An `error` keeps its row out; a `warning` takes the row without the doubtful part; a `note` only
tells that nothing was to be done.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from models.base import BusinessError

ERROR, WARNING, NOTE = "error", "warning", "note"

WORDS: dict[str, tuple[str, str, str]] = {
    "phone_missing": (ERROR, "沒有手機號碼", "請補上手機號碼；會員以手機號碼辨識"),
    "phone_unreadable": (
        ERROR,
        "「{value}」不是台灣手機號碼",
        "請改成 0912345678 的格式；市話無法當作會員手機",
    ),
    "phone_twice": (NOTE, "手機號碼與第 {first} 列相同", "只匯入第一列；若是兩個人，請更正手機"),
    "member_known": (NOTE, "這支手機已是會員（{number}）", "不必處理；原有資料不會被覆蓋"),
    "number_taken": (
        WARNING,
        "會員編號「{value}」已屬於另一支手機",
        "以手機為準匯入，編號不採用；請確認是否為同一人",
    ),
    "email_taken": (
        WARNING,
        "電子郵件已屬於另一位會員",
        "以手機為準匯入，電子郵件不採用；請確認是否為同一人",
    ),
    "email_unreadable": (WARNING, "「{value}」不是電子郵件", "其餘資料照常匯入；需要時請更正"),
    "name_unreadable": (WARNING, "姓名空白、過長或含無法顯示的字", "照常匯入但不填姓名"),
    "birthday_unreadable": (
        WARNING,
        "生日「{value}」看不懂或不可能",
        "照常匯入但不填生日；請改成 1990/5/20 或 79/5/20（民國）",
    ),
    "joined_unreadable": (WARNING, "入會日「{value}」看不懂", "照常匯入，入會日記為今天"),
    "marketing_unclear": (
        WARNING,
        "行銷同意「{value}」看不出是或否",
        "視為不同意；請改成「是」或「否」",
    ),
    "points_unreadable": (WARNING, "點數「{value}」不是零以上的整數", "照常匯入但點數不計；請更正"),
    "points_given": (
        NOTE,
        "這位會員的期初點數先前已匯入",
        "不再重複給點；要調整請用點數調整功能",
    ),
    "points_expired": (NOTE, "點數到期日 {value} 已過", "這些點數不匯入"),
    "day_unreadable": (WARNING, "日期「{value}」看不懂", "照常匯入，改用預設的日期"),
    "tier_unknown": (
        WARNING,
        "會員等級「{value}」不在等級表上",
        "照常匯入為最低等級；請改成等級名稱或代碼",
    ),
    "characters_lost": (
        WARNING,
        "這一列有編碼認不得的字",
        "請在原系統或 Excel 另存為「CSV UTF-8」再匯入",
    ),
    "order_missing": (ERROR, "沒有訂單編號", "請補上訂單編號；同一編號只會計算一次"),
    "member_missing": (ERROR, "沒有手機、電子郵件或會員編號", "請補上其中一項，才知道是誰的消費"),
    "member_unknown": (ERROR, "找不到這位會員", "請先匯入會員名單，或確認手機與編號"),
    "moment_missing": (ERROR, "沒有消費日期", "請補上日期"),
    "moment_unreadable": (
        ERROR,
        "日期「{value}」看不懂",
        "請改成 2026/5/20 10:30 或 115/5/20（民國）",
    ),
    "moment_ahead": (ERROR, "日期 {value} 在未來", "請更正日期"),
    "amount_missing": (ERROR, "沒有金額", "請補上金額"),
    "amount_unreadable": (ERROR, "金額「{value}」不是整數元", "請改成像 1,234 的整數"),
    "amount_too_large": (ERROR, "金額 {value} 超過單筆上限 {largest} 元", "請確認是否多打了零"),
    "amount_zero": (NOTE, "金額為零", "不必處理；零元訂單不計入消費"),
    "store_unknown": (ERROR, "門市「{value}」不在門市表上", "請改成門市代碼或名稱，或用 --store"),
    "order_cancelled": (NOTE, "訂單狀態為「{value}」", "不必處理；取消或未付款的訂單不計入"),
    "order_refunded": (NOTE, "訂單已全額退款", "不必處理；全額退款的訂單不計入"),
    "order_twice": (NOTE, "訂單編號與第 {first} 列相同", "同一訂單只計一次"),
    "order_differs": (
        ERROR,
        "訂單編號與第 {first} 列相同，但會員、日期或金額不同",
        "請確認哪一列正確，刪去另一列；若一列是一項商品，請在對應檔設定 lines 為 sum",
    ),
    "order_known": (NOTE, "這筆訂單已經在系統裡", "不必處理；同一訂單只計一次"),
    "order_known_refund": (
        WARNING,
        "這筆訂單已經在系統裡，檔案說已退款 {value} 元，系統記的是 {known} 元",
        "請在櫃檯或以 API 為這筆消費辦理退款，點數與等級才會跟著調整",
    ),
    "refund_unknown": (ERROR, "退款找不到原訂單「{value}」", "請把原訂單一起匯入，或在櫃檯退款"),
    "refund_too_large": (ERROR, "退款 {value} 元超過訂單金額", "請更正退款金額"),
    "item_nameless": (ERROR, "沒有商品編號或品名", "請補上；同一編號就是同一項商品"),
    "item_twice": (ERROR, "商品編號與第 {first} 列相同", "請確認哪一列正確，刪去另一列"),
    "item_unreadable": (ERROR, "「{value}」看不懂或不可能", "請更正這一格；金額為整數元"),
    "barcode_taken": (ERROR, "條碼「{value}」已屬於另一項商品", "請更正；一個條碼只能是一項商品"),
    "file_broken": (ERROR, "從這一列起檔案讀不下去", "請在 Excel 開啟並另存新檔後再匯入"),
}
"""A code's severity, what is wrong, and what to do; `{…}` stand for a problem's facts."""

SHOWN_VALUE = 40
KEPT_PROBLEMS = 20


@dataclass(frozen=True)
class Problem:
    """One thing about one row. `column` is the file's own heading, or "" for the whole row."""

    row: int
    column: str
    code: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def severity(self) -> str:
        """Return `error`, `warning` or `note`."""
        return WORDS[self.code][0]

    @property
    def what(self) -> str:
        """Say what is wrong."""
        return WORDS[self.code][1].format(**self.facts)

    @property
    def remedy(self) -> str:
        """Say what to do."""
        return WORDS[self.code][2]


class FileRefused(BusinessError):
    """The file as a whole cannot be imported; the facts carry `reason`, in words."""

    code = "file_refused"


class Findings:
    """Counts problems and keeps the first few; all of them go to `told` as they come."""

    def __init__(self, told: Callable[[Problem], None] | None = None) -> None:
        """Begin with nothing found."""
        self._told = told
        self.by_code: Counter[str] = Counter()
        self.first: list[Problem] = []

    def add(self, row: int, column: str, code: str, **facts: object) -> None:
        """Note a problem; a `value` from the file is cut to what one can read."""
        if "value" in facts:
            facts["value"] = str(facts["value"])[:SHOWN_VALUE]
        problem = Problem(row, column, code, facts)
        self.by_code[code] += 1
        if len(self.first) < KEPT_PROBLEMS:
            self.first.append(problem)
        if self._told is not None:
            self._told(problem)

    def count(self, severity: str) -> int:
        """Return how many problems of this severity were found."""
        return sum(n for code, n in self.by_code.items() if WORDS[code][0] == severity)
