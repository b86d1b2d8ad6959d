"""A card in doubt: what a member may say was not them, and what a frozen card means."""

from collections.abc import Sequence
from datetime import datetime

from bot import Message
from bot.cards.colour import QUIET, WARM
from bot.cards.parts import (
    NAME_LENGTH,
    Part,
    bubble,
    bullet,
    button,
    column,
    flex_message,
    footer,
    link_button,
    member_replies,
    panel,
    paragraph,
    postback,
    row,
    text,
    text_message,
    titled,
    with_quick_replies,
)
from bot.postback import Action
from bot.texts import Texts
from bot.views import DoubtView


def ask_what_was_not_me(t: Texts, doubts: Sequence[DoubtView]) -> list[Message]:
    """List what happened on the card lately, each with a way to say that it was not them."""
    title = t("哪一筆不是您？")
    if not doubts:
        words = t("最近 14 天沒有消費或兌換紀錄。有疑問請聯絡門市。")
        return with_quick_replies([text_message(words)], member_replies(t))
    note = t("點選之後，我們會先凍結點數與優惠券，再由店長查明。")
    body = titled(title, *(_doubt(t, doubt) for doubt in doubts), note=note)
    return with_quick_replies([flex_message(title, bubble(body))], member_replies(t))


def card_frozen_now(t: Texts, *, store_name: str | None, at: datetime) -> list[Message]:
    """Confirm that the card is frozen, and say what happens next."""
    title = t("已凍結您的會員卡")
    what = t.moment(at) if store_name is None else f"{t.moment(at)} {store_name}"
    body = titled(
        title,
        paragraph(t("謝謝您告訴我們。這筆紀錄已交給店長查明：")),
        panel(paragraph(what, NAME_LENGTH, weight="bold")),
        bullet("🔒", t("點數與優惠券暫時不能使用，別人也用不了")),
        bullet("🧋", t("照常消費仍會累積點數")),
        bullet("📞", t("查明後會在這裡通知您，遺失的會補回")),
    )
    contact = link_button(postback(t("聯絡門市"), Action.CONTACT_STAFF))
    return with_quick_replies(
        [flex_message(title, bubble(body, footer=footer(contact)))], member_replies(t)
    )


def frozen_notice(t: Texts) -> list[Message]:
    """Explain to the owner of a frozen card what it can and cannot do."""
    title = t("會員卡暫時凍結中")
    body = titled(
        title,
        paragraph(t("為了保護您的點數，這張卡暫時不能折抵或兌換；照常消費仍會累積點數。")),
        panel(paragraph(t("店長查明後就會恢復。有疑問請聯絡門市。"), size="xs", color=QUIET)),
    )
    contact = button(postback(t("聯絡門市"), Action.CONTACT_STAFF))
    return with_quick_replies(
        [flex_message(title, bubble(body, footer=footer(contact)))], member_replies(t)
    )


def card_unfrozen(t: Texts) -> list[Message]:
    """Tell a member that their card works again."""
    words = t("您的會員卡已恢復正常，點數與優惠券都可以使用了。謝謝您的耐心！")
    return with_quick_replies([text_message(words)], member_replies(t))


def not_me_refused(t: Texts, *, is_late: bool) -> list[Message]:
    """Say why a tap on 不是我 froze nothing."""
    words = (
        t("這筆紀錄已超過 14 天，請聯絡門市，由店長為您查明。")
        if is_late
        else t("這筆紀錄不在您的會員卡上。有疑問請聯絡門市。")
    )
    return with_quick_replies([text_message(words)], member_replies(t))


def _doubt(t: Texts, doubt: DoubtView) -> Part:
    what = t("消費 {amount}", amount=t.money(doubt.amount_twd)) if doubt.amount_twd else doubt.name
    where = (
        t.moment(doubt.at) if not doubt.store_name else f"{t.moment(doubt.at)} {doubt.store_name}"
    )
    tap = postback(t("不是我"), Action.NOT_ME, **{doubt.kind: doubt.id})
    return row(
        column(
            paragraph(what or t("兌換"), NAME_LENGTH, weight="bold"),
            paragraph(where, NAME_LENGTH, size="xs", color=QUIET),
            flex=7,
        ),
        text(
            t("不是我"),
            color=WARM,
            weight="bold",
            align="end",
            gravity="center",
            flex=3,
            wrap=True,
            action=tap,
        ),
        spacing="sm",
    )
