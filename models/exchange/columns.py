"""Which column holds what: by a file's own headings, a platform's preset, or a mapping file.

A preset lists headings as a platform's exports are known to use them and falls back to the
common ones, so that a renamed column still finds its place. docs/import.md says where each
preset's headings were seen.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.base import said
from models.exchange.problems import FileRefused
from models.exchange.values import Cell, as_text

MEMBERS, PURCHASES, CATALOGUE = "members", "purchases", "catalogue"
HEADING_ROWS = 12
"""Titles, totals and notes may stand above the heading; so far down it is looked for."""
SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
LARGEST_MAPPING_BYTES = 1 << 20

Headings = Mapping[str, tuple[str, ...]]

COMMON: dict[str, Headings] = {
    MEMBERS: {
        "phone": (
            "手機",
            "手機號碼",
            "行動電話",
            "會員手機",
            "聯絡手機",
            "電話",
            "電話號碼",
            "聯絡電話",
            "phone",
            "mobile",
            "mobile phone",
            "mobile number",
            "phone number",
            "cellphone",
        ),
        "name": (
            "姓名",
            "會員姓名",
            "顧客姓名",
            "客戶姓名",
            "全名",
            "名稱",
            "顧客名稱",
            "name",
            "full name",
            "customer name",
            "member name",
        ),
        "first_name": ("名", "名字", "first name", "given name"),
        "last_name": ("姓", "姓氏", "last name", "family name", "surname"),
        "email": (
            "電子郵件",
            "電子信箱",
            "信箱",
            "電郵",
            "email",
            "e-mail",
            "mail",
            "email address",
        ),
        "number": (
            "會員編號",
            "會員卡號",
            "卡號",
            "顧客編號",
            "顧客id",
            "會員id",
            "客戶編號",
            "member number",
            "member id",
            "customer id",
            "card number",
        ),
        "birthday": (
            "生日",
            "出生日期",
            "出生年月日",
            "會員生日",
            "birthday",
            "birthdate",
            "date of birth",
        ),
        "joined": (
            "入會日",
            "入會日期",
            "註冊日期",
            "註冊時間",
            "加入日期",
            "會員註冊日期",
            "建立日期",
            "建立時間",
            "joined",
            "join date",
            "registered at",
            "created at",
            "date added",
        ),
        "marketing": (
            "行銷同意",
            "同意行銷",
            "接受行銷",
            "接受優惠宣傳",
            "訂閱電子報",
            "是否訂閱",
            "電子報",
            "accepts marketing",
            "accept marketing",
            "marketing consent",
            "subscribed",
        ),
        "points": (
            "點數",
            "剩餘點數",
            "目前點數",
            "可用點數",
            "點數餘額",
            "紅利點數",
            "紅利",
            "會員點數",
            "points",
            "point balance",
            "points balance",
            "balance",
        ),
        "points_expire_on": (
            "點數到期日",
            "點數有效期限",
            "點數效期",
            "points expiration date",
            "points expire on",
        ),
        "tier": (
            "會員等級",
            "等級",
            "會員級別",
            "會員身分",
            "vip等級",
            "tier",
            "level",
            "membership tier",
            "membership level",
            "vip tier name",
            "member level",
        ),
        "tier_until": (
            "等級到期日",
            "會員等級到期日",
            "等級有效期限",
            "會員到期日",
            "tier until",
            "tier expiration date",
            "membership expiry date",
        ),
    },
    PURCHASES: {
        "order": (
            "訂單編號",
            "訂單號碼",
            "訂單號",
            "單號",
            "交易序號",
            "交易編號",
            "銷售單號",
            "order",
            "order id",
            "order number",
            "order no",
            "transaction id",
            "receipt number",
        ),
        "moment": (
            "訂單日期",
            "訂單時間",
            "訂購日期",
            "訂購時間",
            "消費日期",
            "消費時間",
            "交易日期",
            "交易時間",
            "結帳時間",
            "成立時間",
            "訂單成立時間",
            "建立時間",
            "日期",
            "order date",
            "ordered at",
            "created at",
            "date",
            "paid at",
            "purchased at",
        ),
        "amount": (
            "實付金額",
            "實收金額",
            "付款金額",
            "付款總金額",
            "訂單總金額",
            "訂單金額",
            "訂單總額",
            "總金額",
            "消費金額",
            "結帳金額",
            "合計",
            "總計",
            "金額",
            "paid",
            "total",
            "order total",
            "grand total",
            "total paid",
            "amount",
            "net amount",
        ),
        "refunded": (
            "退款金額",
            "已退款金額",
            "退款總額",
            "refunded",
            "refund",
            "refunded amount",
            "total refunded",
        ),
        "phone": (
            "手機",
            "手機號碼",
            "會員手機",
            "顧客手機",
            "顧客電話",
            "訂購人電話",
            "訂購人手機",
            "購買人電話",
            "購買人手機",
            "電話",
            "電話號碼",
            "聯絡電話",
            "phone",
            "mobile",
            "customer phone",
            "customer mobile",
            "phone number",
            "billing phone",
        ),
        "email": (
            "電子郵件",
            "電子信箱",
            "顧客電子郵件",
            "顧客信箱",
            "信箱",
            "email",
            "e-mail",
            "customer email",
        ),
        "member": (
            "會員編號",
            "會員卡號",
            "卡號",
            "顧客編號",
            "顧客id",
            "會員id",
            "member number",
            "member id",
            "customer id",
            "card number",
        ),
        "status": ("訂單狀態", "狀態", "交易狀態", "status", "order status"),
        "payment": ("付款狀態", "金流狀態", "payment status", "financial status"),
        "store": ("門市", "門市代碼", "門市名稱", "分店", "店別", "store", "branch", "location"),
        "channel": ("通路", "銷售通路", "訂單來源", "channel", "sales channel"),
    },
    CATALOGUE: {
        "sku": ("商品編號", "商品代碼", "商品貨號", "貨號", "料號", "品號", "sku", "item code"),
        "name": ("品名", "商品名稱", "商品", "名稱", "name", "item name", "product name", "title"),
        "barcode": ("條碼", "國際條碼", "商品條碼", "barcode", "ean", "gtin"),
        "category": ("分類", "商品分類", "類別", "大類", "category", "product type"),
        "price_twd": ("售價", "定價", "單價", "價格", "price", "price_twd", "unit price"),
        "cost_twd": ("成本", "單位成本", "進價", "cost", "cost_twd", "unit cost"),
        "is_available": ("供應", "供應中", "上架", "有貨", "在庫", "available", "is_available"),
        "link": ("商品連結", "連結", "網址", "link", "url", "product url"),
        "image_url": ("圖片", "圖片網址", "商品圖片", "image", "image_url", "image url"),
    },
}
"""The headings people use, by what stands below them; spaces, case and marks do not matter."""

REQUIRED = {
    MEMBERS: (("phone",),),
    PURCHASES: (("moment",), ("amount",), ("phone", "email", "member")),
    CATALOGUE: (("sku",), ("name",)),
}
"""Of each group one must be there."""

CANCELLED = (
    "已取消",
    "取消",
    "訂單取消",
    "作廢",
    "不成立",
    "cancelled",
    "canceled",
    "voided",
    "void",
)
UNPAID = (
    "未付款",
    "待付款",
    "付款失敗",
    "逾期未付款",
    "已逾期",
    "unpaid",
    "pending",
    "failed",
    "expired",
    "voided",
)
REFUNDED = ("已退款", "全額退款", "已退貨", "退貨完成", "退貨", "refunded", "returned")


@dataclass(frozen=True)
class Preset:
    """A platform's headings, before the common ones, and how its files put several items."""

    source: str
    members: Headings = field(default_factory=dict)
    purchases: Headings = field(default_factory=dict)
    lines: str = "repeat"
    """Rows with one order number: `repeat` its total, or are items whose amounts `sum` up."""
    channel: str = "web"


PRESETS: dict[str, Preset] = {
    "generic": Preset("file", channel="file"),
    "shopline": Preset(
        "shopline",
        members={
            "phone": ("Phone", "手機號碼", "Mobile Phone", "電話號碼"),
            "points": ("Points", "點數"),
            "points_expire_on": ("Points Expiration Date",),
            "tier": ("VIP Tier Name", "會員級別", "會員等級"),
            "number": ("顧客 ID", "Customer ID"),
        },
        purchases={
            "order": ("訂單號碼", "Order Number"),
            "moment": ("訂單日期", "Order Date"),
            "amount": ("付款總金額", "訂單合計", "Order Total"),
            "member": ("顧客 ID", "Customer ID"),
            "phone": ("顧客電話", "電話號碼"),
        },
    ),
    "cyberbiz": Preset(
        "cyberbiz",
        members={
            "phone": ("手機", "手機號碼"),
            "number": ("顧客編號", "會員編號"),
            "points": ("紅利", "紅利點數"),
            "tier": ("VIP 等級", "會員等級"),
        },
        purchases={
            "order": ("訂單編號",),
            "moment": ("建立時間", "訂單日期", "訂單成立時間"),
            "amount": ("訂單總金額", "總金額"),
            "phone": ("訂購人手機", "顧客手機", "訂購人電話"),
        },
    ),
    "91app": Preset(
        "91app",
        members={
            "number": ("會員編號", "實體會員編號"),
            "tier": ("會員等級", "購買人會員等級"),
        },
        purchases={
            "order": ("主單編號", "購物車編號"),
            "moment": ("轉單日期時間", "訂單轉單日", "訂單日期"),
            "amount": ("銷售金額(折扣後)",),
            "member": ("會員編號",),
        },
        lines="sum",
    ),
    "easystore": Preset(
        "easystore",
        members={
            "phone": ("Phone",),
            "first_name": ("First_Name",),
            "last_name": ("Last_Name",),
            "birthday": ("Birthdate",),
            "marketing": ("Accepts_Marketing",),
            "points": ("Point_Balance",),
            "tier": ("Membership Tier",),
        },
        purchases={
            "order": ("Order Number", "Order"),
            "moment": ("Created At", "Date"),
            "amount": ("Total",),
            "phone": ("Customer Phone", "Phone"),
            "payment": ("Financial Status",),
        },
    ),
}


@dataclass(frozen=True)
class Layout:
    """A preset or mapping file, ready to find the columns of one kind of file."""

    source: str
    headings: tuple[Headings, ...]
    """In order of trust."""
    lines: str
    channel: str
    cancelled: frozenset[str]
    """States of an order that was never a sale, compared as headings are."""
    unpaid: frozenset[str]
    refunded: frozenset[str]
    is_exact: bool = False
    """A mapping file's columns must all be there."""


@dataclass(frozen=True)
class Columns:
    """Where each field stands in this file."""

    places: dict[str, int]
    names: dict[str, str]
    """The file's own heading of each field."""
    heading_row: int

    def cell(self, cells: Sequence[Cell], name: str) -> Cell:
        """Return a field's cell; None where the column or the cell is missing or empty."""
        place = self.places.get(name)
        if place is None or place >= len(cells):
            return None
        cell = cells[place]
        return None if isinstance(cell, str) and not cell.strip() else cell

    def named(self, name: str) -> str:
        """Return a field's heading for a report."""
        return self.names.get(name, "")


def plain(heading: Cell) -> str:
    """Return a heading without case, spaces and marks, for comparing."""
    text = unicodedata.normalize("NFKC", as_text(heading)).casefold()
    return "".join(c for c in text if unicodedata.category(c)[0] in "LN")


def get_layout(kind: str, chosen: str | None) -> Layout:
    """Return a preset by name, or the mapping in a JSON file. Raises FileRefused.

    A mapping file: `{"source": "mypos", "columns": {"phone": "客人電話", "amount": "實收"},
    "lines": "sum", "channel": "till", "cancelled": ["作廢"], "refunded": ["退貨"]}`; all but
    `columns` may be left out.
    """
    name = (chosen or "generic").lower()
    if name in PRESETS:
        preset = PRESETS[name]
        own = preset.members if kind == MEMBERS else preset.purchases
        return Layout(
            preset.source,
            (own, COMMON[kind]),
            preset.lines,
            preset.channel,
            _words(CANCELLED),
            _words(UNPAID),
            _words(REFUNDED),
        )
    return _from_file(kind, Path(chosen or ""))


def _words(words: Sequence[str]) -> frozenset[str]:
    return frozenset(plain(word) for word in words)


def _from_file(kind: str, path: Path) -> Layout:
    try:
        if path.stat().st_size > LARGEST_MAPPING_BYTES:
            raise FileRefused(
                said(
                    "對應檔太大",
                    "The mapping file is too large.",
                    "対応ファイルが大きすぎます。",
                )
            )
        told: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        names = ", ".join(PRESETS)
        raise FileRefused(
            said(
                f"「{path}」不是預設對應（{names}），也不是讀得懂的 JSON 對應檔",
                f"“{path}” is no preset ({names}), nor a JSON mapping file that can be read.",
                f"「{path}」はプリセット（{names}）でも、読み取れる JSON の対応ファイルでも"
                "ありません。",
            )
        ) from error
    return make_layout(kind, told)


def make_layout(kind: str, told: Any) -> Layout:
    """Return a mapping as `get_layout` describes one, read from JSON. Raises FileRefused."""
    columns = told.get("columns") if isinstance(told, dict) else None
    known = COMMON[kind]
    if not isinstance(columns, dict) or not all(isinstance(name, str) for name in columns.values()):
        raise FileRefused(
            said(
                "對應檔要有 columns：欄位對到檔案的標題",
                "The mapping file needs columns: which heading holds which field.",
                "対応ファイルには columns（項目とファイルの見出しの対応）が必要です。",
            )
        )
    if unknown := sorted(set(columns) - set(known)):
        unknowns, usable = ", ".join(unknown), ", ".join(known)
        raise FileRefused(
            said(
                f"對應檔有不認識的欄位：{unknowns}；可用：{usable}",
                f"The mapping file names unknown fields: {unknowns}. These can be used: {usable}.",
                f"対応ファイルに知らない項目があります：{unknowns}。使えるもの：{usable}。",
            )
        )
    source, lines = told.get("source", "file"), told.get("lines", "repeat")
    if not isinstance(source, str) or not SOURCE_NAME.fullmatch(source):
        raise FileRefused(
            said(
                "對應檔的 source 只能用小寫英數字、底線與減號",
                "The source of a mapping file may hold a–z, 0–9, _ and - only.",
                "対応ファイルの source に使えるのは英小文字、数字、_ と - だけです。",
            )
        )
    if lines not in ("repeat", "sum"):
        raise FileRefused(
            said(
                "對應檔的 lines 只能是 repeat 或 sum",
                "The lines of a mapping file must be repeat or sum.",
                "対応ファイルの lines は repeat か sum だけです。",
            )
        )
    return Layout(
        source,
        ({name: (heading,) for name, heading in columns.items()},),
        lines,
        str(told.get("channel", "file")),
        _words(told.get("cancelled", CANCELLED)),
        _words(told.get("unpaid", UNPAID)),
        _words(told.get("refunded", REFUNDED)),
        is_exact=True,
    )


def find_columns(layout: Layout, kind: str, cells: Sequence[Cell], row: int) -> Columns | None:
    """Return where the fields stand if this row is the heading; None where it is not."""
    places: dict[str, int] = {}
    own = [plain(cell) for cell in cells]
    for headings in layout.headings:
        for name, candidates in headings.items():
            if name in places:
                continue
            place = next(
                (
                    own.index(p)
                    for p in map(plain, candidates)
                    if p in own and own.index(p) not in places.values()
                ),
                None,
            )
            if place is not None:
                places[name] = place
    if not all(any(name in places for name in group) for group in REQUIRED[kind]):
        return None
    if layout.is_exact and len(places) < len(layout.headings[0]):
        return None
    return Columns(places, {name: as_text(cells[place]) for name, place in places.items()}, row)


def no_columns(layout: Layout, kind: str, first: Sequence[Cell]) -> FileRefused:
    """Return the refusal of a file in which no heading was found."""
    seen = "、".join(filter(None, (as_text(cell) for cell in first)))[:200]
    chinese, others = _wanted(layout, kind)
    return FileRefused(
        said(
            f"找不到需要的欄位（{chinese}）。檔案的標題是：{seen or '（空白）'}",
            f"The columns needed are not there ({others}). The file's headings: {seen or 'none'}",
            f"必要な列が見つかりません（{others}）。ファイルの見出し：{seen or 'なし'}",
        )
    )


def _wanted(layout: Layout, kind: str) -> tuple[str, str]:
    """Return the headings a file needs, as Chinese files have them and as others do."""
    if layout.is_exact:
        own = ", ".join(names[0] for names in layout.headings[0].values())
        return own, own
    groups = [[COMMON[kind][name] for name in group] for group in REQUIRED[kind]]
    chinese = "；".join(" 或 ".join(known[0] for known in group) for group in groups)
    others = "; ".join(
        " / ".join(next(filter(str.isascii, known)) for known in group) for group in groups
    )
    return chinese, others
