"""The words an editor of content shows, told to its script in the reader's language."""

from bot.texts import Texts
from models.content import TAPS
from models.content.content import SHOW_COUPON
from models.link import TAP


def editor_words(t: Texts) -> dict[str, str]:
    """Return every word of the editor, by its place."""
    return {
        "messages": t("訊息"),
        "text": t("文字"),
        "image": t("圖片"),
        "card": t("卡片"),
        "coupon": t("優惠券"),
        "survey": t("問卷"),
        "add": t("新增訊息"),
        "add_card": t("選一張卡片"),
        "most": t("一次最多 5 則訊息，已經滿了。"),
        "up": t("上移"),
        "down": t("下移"),
        "copy": t("複製"),
        "remove": t("刪除"),
        "variable": t("插入變數"),
        "fallback": t("沒有資料時改說"),
        "insert": t("插入"),
        "characters": t("字"),
        "language": t("語言"),
        "translated_later": t("這個語言留空，就顯示繁體中文。"),
        "image_url": t("圖片網址（https://）"),
        "choose": t("請選擇"),
        "none": t("不放"),
        "label": t("按鈕文字"),
        "leads_to": t("按下去"),
        "opens": t("打開網址"),
        "answers": t("在聊天室回覆"),
        "url": t("網址（https://）"),
        "item": t("商品"),
        "add_item": t("新增商品"),
        "colour_own": t("用自己的顏色"),
        "required": t("必填"),
        "preview": t("手機預覽"),
        "preview_of": t("看這位會員收到的（會員編號或電話）"),
        "example": t("目前用範例資料"),
        "drawing": t("正在更新預覽"),
        "not_drawn": t("填好下面標示的地方，就看得到預覽。"),
        "offline": t("預覽暫時無法更新，已輸入的內容都還在。"),
        "raw": t("原始內容（JSON）"),
        "message": t("第 {number} 則", number="{number}"),
        "quick": t("快速回覆"),
    }


def tap_name(t: Texts, tap: str) -> str:
    """Return what a button does that answers in the chat."""
    return {
        "show_card": t("出示會員卡"),
        "show_points": t("查詢點數"),
        "show_coupons": t("我的優惠券"),
        "show_rewards": t("兌換禮"),
        "show_tier": t("我的等級"),
        "show_benefits": t("會員權益"),
        "show_stamps": t("集點卡"),
        "show_missions": t("任務"),
        "show_lottery": t("抽獎"),
        "show_plans": t("付費方案"),
        "show_referral": t("邀請朋友"),
        "show_purchases": t("消費紀錄"),
        "show_events": t("活動報名"),
        "show_sales": t("會員優先購"),
        "show_pages": t("品牌頁"),
    }[tap]


def link_name(t: Texts, url: str) -> str:
    """Return what a counted link is called: its address, or what its button does in the chat."""
    if url == SHOW_COUPON:
        return t("查看優惠券")
    tap = url.removeprefix(TAP)
    return tap_name(t, tap) if tap in TAPS else url
