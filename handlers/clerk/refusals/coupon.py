"""Coupons that do not count, or do not come back."""

from collections.abc import Mapping

from bot.texts import Texts
from handlers.notice import Facts, Notice, NoticeFor
from models.base import BusinessError


def coupon_words(t: Texts, error: BusinessError) -> str:
    """Return in few words why a ticked coupon does not count."""
    facts = error.facts
    if error.code == "coupon_needs_more":
        return t("未滿 {least}", least=t.money(facts["min_spend_twd"]))
    known = {
        "coupon_not_here": t("這裡不適用"),
        "coupons_do_not_combine": t("不能和別張一起用"),
    }
    return known.get(error.code, t("不能使用"))


def _coupon_not_usable(t: Texts, facts: Facts) -> Notice:
    titles = {
        "redeemed": t("這張優惠券剛剛用掉了"),
        "expired": t("這張優惠券已過期"),
        "void": t("這張優惠券已作廢"),
    }
    return Notice(
        titles.get(facts.get("state", ""), t("這張優惠券不能使用")),
        t("沒有記錄消費。請取消勾選這張，再按一次確認。"),
    )


def _coupon_needs_more(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("金額未達優惠券門檻"),
        t(
            "這張優惠券須消費滿 {least}。請修改金額，或取消勾選這張。",
            least=t.money(facts["min_spend_twd"]),
        ),
    )


def _coupons_do_not_combine(t: Texts, facts: Facts) -> Notice:
    if facts.get("alone"):
        return Notice(
            t("其中有優惠券不能和別張一起用"),
            t("請只留下那一張，或取消勾選它，再按一次確認。"),
        )
    return Notice(t("這些優惠券不能一起用"), t("同一組一次只能用一張，請取消勾選其中一張。"))


def _coupon_not_here(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這張優惠券在這裡不能用"),
        t("它只限指定的分店、通路或會員等級。請取消勾選，或改用其他優惠券。"),
    )


def _coupon_needs_sale(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這張優惠券要在結帳時用"),
        t("它折抵的是消費金額。請先掃描會員，輸入金額，再勾選這張優惠券。"),
    )


def _redemption_not_cancellable(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這次兌換不能取消"),
        t("單獨兌換在十分鐘內可以取消；在結帳中用掉的，請到那筆消費辦理退款。"),
    )


def _coupon_of_another(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("這張優惠券不是這位會員的"),
        t("它不屬於 {name}，沒有勾選。請客人出示自己的優惠券。", name=facts.get("name", "")),
    )


def _not_voidable(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這筆不能直接作廢"),
        t("只能作廢自己十分鐘內的最後一筆。其他請從消費明細辦理退款。"),
    )


NOTICES: Mapping[str, NoticeFor] = {
    "coupon_not_usable": _coupon_not_usable,
    "coupon_needs_more": _coupon_needs_more,
    "coupons_do_not_combine": _coupons_do_not_combine,
    "coupon_not_here": _coupon_not_here,
    "coupon_needs_sale": _coupon_needs_sale,
    "redemption_not_cancellable": _redemption_not_cancellable,
    "coupon_of_another": _coupon_of_another,
    "not_voidable": _not_voidable,
}
