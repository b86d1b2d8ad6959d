"""The gallery: the cards a shop may fill in, each with what it asks for.

How they look is drawn in `bot/gallery/`; here stands what one must and may say in each.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from models.base import Texts, said

TEXT, IMAGE, BUTTON, COUPON, ITEMS, COLOUR = (
    "text",
    "image",
    "button",
    "coupon",
    "items",
    "colour",
)
LONGEST_TITLE, LONGEST_LINE, LONGEST_BODY, LONGEST_LABEL = 60, 40, 400, 20
WAY = "way_percent"
"""The fact a points card draws its bar from: the way to the next tier, 0 to 100."""
MOST_ITEMS = 11
"""LINE shows twelve bubbles in a row; the last says how to stop."""


@dataclass(frozen=True)
class Slot:
    """One thing a card asks for."""

    name: str
    kind: str
    labels: Texts
    is_required: bool = False
    longest: int = LONGEST_TITLE
    slots: tuple["Slot", ...] = ()
    """What each of the `items` asks for."""


@dataclass(frozen=True)
class CardKind:
    """One card of the gallery."""

    code: str
    names: Texts
    slots: tuple[Slot, ...]
    variables: frozenset[str] = frozenset()
    """Facts of the member that it shows whatever its texts say."""

    def slot(self, name: str) -> Slot | None:
        """Return the slot of this name, if it has one."""
        return next((slot for slot in self.slots if slot.name == name), None)


_TITLE = Slot("title", TEXT, said("標題", "Title", "見出し"), is_required=True)
_BODY = Slot("body", TEXT, said("內文", "Text", "本文"), longest=LONGEST_BODY)
_IMAGE = Slot("image", IMAGE, said("圖片", "Picture", "画像"))
_BUTTON = Slot("button", BUTTON, said("按鈕", "Button", "ボタン"), longest=LONGEST_LABEL)
_COUPON = Slot("coupon", COUPON, said("優惠券", "Coupon", "クーポン"))
_COLOUR = Slot("colour", COLOUR, said("主色", "Colour", "色"))


def _line(name: str, labels: Texts, *, is_required: bool = False) -> Slot:
    return Slot(name, TEXT, labels, is_required=is_required, longest=LONGEST_LINE)


def _needed(slot: Slot) -> Slot:
    return Slot(slot.name, slot.kind, slot.labels, True, slot.longest, slot.slots)


_LABEL = _line("label", said("小標", "Eyebrow", "ラベル"))
_PRICE = _line("price", said("價格", "Price", "価格"))

GALLERY: Mapping[str, CardKind] = {
    kind.code: kind
    for kind in (
        CardKind(
            "announcement",
            said("公告（附圖）", "Announcement with a picture", "お知らせ（画像つき）"),
            (_TITLE, _needed(_BODY), _IMAGE, _LABEL, _BUTTON, _COLOUR),
        ),
        CardKind(
            "new_product",
            said("新品上市", "New product", "新商品"),
            (_TITLE, _needed(_IMAGE), _BODY, _PRICE, _LABEL, _BUTTON),
        ),
        CardKind(
            "coupon",
            said("優惠券卡", "Coupon", "クーポン"),
            (_needed(_COUPON), Slot("title", TEXT, _TITLE.labels), _BODY, _IMAGE),
        ),
        CardKind(
            "points",
            said("點數進度卡", "Points with the way to the next tier", "ポイントと進み具合"),
            (_TITLE, _BODY, _BUTTON),
            frozenset({"points", "tier", "next_tier", "gap", WAY}),
        ),
        CardKind(
            "birthday",
            said("生日祝福", "Birthday", "お誕生日"),
            (_TITLE, _needed(_BODY), _IMAGE, _COUPON, _BUTTON),
        ),
        CardKind(
            "festival",
            said("節慶問候", "Festival greeting", "季節のごあいさつ"),
            (
                _TITLE,
                _needed(_BODY),
                _line("symbol", said("圖示（一個表情符號）", "Symbol (one emoji)", "絵文字 1 つ")),
                _IMAGE,
                _COLOUR,
                _COUPON,
                _BUTTON,
            ),
        ),
        CardKind(
            "event",
            said("活動邀請", "Event invitation", "イベントのご案内"),
            (
                _TITLE,
                _line("when", said("時間", "When", "日時"), is_required=True),
                _line("where", said("地點", "Where", "場所"), is_required=True),
                _line("seats", said("名額", "Seats", "定員")),
                _BODY,
                _IMAGE,
                _BUTTON,
            ),
        ),
        CardKind(
            "win_back",
            said("好久不見", "We miss you", "お久しぶりです"),
            (_TITLE, _needed(_BODY), _IMAGE, _COUPON, _BUTTON),
        ),
        CardKind(
            "products",
            said("商品輪播", "Products to swipe", "商品カルーセル"),
            (
                _TITLE,
                Slot(
                    "items",
                    ITEMS,
                    said("商品", "Products", "商品"),
                    is_required=True,
                    slots=(
                        _needed(_IMAGE),
                        _line("name", said("品名", "Name", "商品名"), is_required=True),
                        _PRICE,
                        _line("note", said("說明", "Note", "説明")),
                        _BUTTON,
                    ),
                ),
            ),
        ),
        CardKind(
            "story",
            said("圖文故事（滿版圖片）", "Story over a full picture", "全面画像のストーリー"),
            (_TITLE, _needed(_IMAGE), _BODY, _LABEL, _BUTTON),
        ),
    )
}

TAPS = (
    "show_card",
    "show_points",
    "show_coupons",
    "show_rewards",
    "show_tier",
    "show_benefits",
    "show_stamps",
    "show_missions",
    "show_lottery",
    "show_plans",
    "show_referral",
    "show_purchases",
    "show_events",
    "show_sales",
    "show_pages",
)
"""What a button may answer in the chat instead of opening an address."""
