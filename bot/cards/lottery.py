"""Lotteries: odds and stock told before anybody draws, the tap to draw, and what it brought."""

from collections.abc import Sequence
from typing import Final

from bot import Message
from bot.activity_views import DrawnView, LotteryView, PrizeView
from bot.cards.activity import activity_replies, reward_line
from bot.cards.colour import INK, LEAF, PAPER, QUIET, SUN, TEA, WARM
from bot.cards.parts import (
    NAME_LENGTH,
    Part,
    bubble,
    button,
    carousel,
    clip,
    column,
    flex_message,
    footer,
    link_button,
    panel,
    paragraph,
    postback,
    row,
    rule,
    text,
    text_message,
    titled,
    with_quick_replies,
)
from bot.postback import Action
from bot.texts import Texts

MAX_LOTTERIES: Final = 5
MAX_PRIZES: Final = 12
_ALL_PPM: Final = 1_000_000
_PPM_A_PERCENT: Final = 10_000
_NUMBER_DIGITS: Final = 6


def lottery_cards(t: Texts, lotteries: Sequence[LotteryView]) -> list[Message]:
    """Draw the lotteries in force; without any, say that there is none now."""
    if not lotteries:
        words = t("目前沒有抽獎活動，有新活動會在這裡看到。")
        return with_quick_replies([text_message(words)], activity_replies(t))
    bubbles = [_lottery(t, view) for view in lotteries[:MAX_LOTTERIES]]
    contents = bubbles[0] if len(bubbles) == 1 else carousel(bubbles)
    alt_text = t("抽獎：{name}", name=clip(lotteries[0].name, NAME_LENGTH))
    return with_quick_replies([flex_message(alt_text, contents)], activity_replies(t))


def drawn_card(t: Texts, view: DrawnView) -> list[Message]:
    """Say what a ticket brought, with the number that was drawn."""
    title, sign, words = _result(t, view)
    ground, ink = (TEA, PAPER) if view.outcome == "prize" else (LEAF, INK)
    body = column(
        column(
            text(sign, size="5xl", align="center"),
            text(title, size="xl", weight="bold", color=ink, align="center", wrap=True),
            backgroundColor=ground,
            paddingAll="24px",
            spacing="sm",
        ),
        column(
            paragraph(words, align="center"),
            _gift(t, view),
            rule(),
            paragraph(_proof(t, view), size="xxs", color=QUIET, align="center"),
            paddingAll="20px",
            spacing="md",
        ),
        paddingAll="0px",
    )
    again = (
        button(
            postback(
                t("再抽一次（還有 {count} 張）", count=view.tickets_left),
                Action.DRAW_LOTTERY,
                ticket=view.next_ticket_id,
            )
        )
        if view.next_ticket_id is not None
        else link_button(postback(t("回到抽獎"), Action.SHOW_LOTTERY))
    )
    return with_quick_replies(
        [flex_message(f"{sign} {title}", bubble(body, footer=footer(again)))], activity_replies(t)
    )


def lottery_refused(t: Texts, code: str, *, day_cap: int = 0) -> list[Message]:
    """Say why there was no draw or no ticket."""
    words = {
        "lottery_closed": t("這個抽獎活動已經結束了。"),
        "no_ticket": t("這張抽獎券不能使用了。"),
        "insufficient_points": t("點數不夠換抽獎券，再集一些就可以囉！"),
        "ticket_not_sold": (
            t("今天最多換 {count} 張抽獎券，明天再來！", count=day_cap)
            if day_cap
            else t("這個抽獎活動不能用點數換抽獎券。")
        ),
    }.get(code, t("現在無法抽獎，請稍後再試。"))
    return with_quick_replies([text_message(words)], activity_replies(t))


def percent(odds_ppm: int) -> str:
    """Write parts per million as a percentage, exactly: 125,000 → 12.5%."""
    return f"{odds_ppm / _PPM_A_PERCENT:.4f}".rstrip("0").rstrip(".") + "%"


def _lottery(t: Texts, view: LotteryView) -> Part:
    body = titled(
        view.name,
        _tickets(t, view),
        column(*_odds(t, view), spacing="sm"),
        rule(),
        *(paragraph(line, size="xxs", color=QUIET) for line in _terms(t, view)),
        note=t("活動到 {moment} 為止", moment=t.moment(view.ends_at)),
    )
    draw = (
        button(postback(t("抽一次"), Action.DRAW_LOTTERY, ticket=view.ticket_id))
        if view.ticket_id is not None
        else None
    )
    buy = (
        link_button(
            postback(
                t("用 {points} 點換一張抽獎券", points=t.number(view.ticket_points)),
                Action.BUY_TICKET,
                lottery=view.code,
                key=view.buy_key,
            )
        )
        if view.ticket_points is not None
        else None
    )
    buttons = [part for part in (draw, buy) if part is not None]
    return bubble(body, footer=footer(*buttons) if buttons else None)


def _tickets(t: Texts, view: LotteryView) -> Part:
    return panel(
        row(
            text(t("我的抽獎券"), gravity="center"),
            text(
                t("{count} 張", count=t.number(view.tickets)),
                size="xl",
                weight="bold",
                color=WARM,
                align="end",
            ),
        ),
        backgroundColor=SUN,
    )


def _odds(t: Texts, view: LotteryView) -> list[Part]:
    header = _line(t("獎項"), t("中獎率"), t("剩餘／總數"), color=QUIET, size="xxs")
    prizes = view.prizes[:MAX_PRIZES]
    lines = [_prize(t, prize) for prize in prizes]
    rest = _ALL_PPM - sum(prize.odds_ppm for prize in view.prizes)
    if rest:
        lines.append(_line(t("未中獎"), percent(rest), "－", color=QUIET, size="xs"))
    return [header, *lines]


def _prize(t: Texts, prize: PrizeView) -> Part:
    left = f"{t.number(prize.left)}／{t.number(prize.stock)}"
    is_gone = prize.left == 0
    return _line(
        clip(prize.name, NAME_LENGTH),
        percent(prize.odds_ppm),
        t("已送完") if is_gone else left,
        color=QUIET if is_gone else INK,
        size="sm",
    )


def _line(name: str, odds: str, left: str, *, color: str, size: str) -> Part:
    return row(
        text(name, flex=5, wrap=True, color=color, size=size),
        text(odds, flex=3, align="end", color=color, size=size),
        text(left, flex=4, align="end", color=color, size=size),
        spacing="sm",
    )


def _terms(t: Texts, view: LotteryView) -> list[str]:
    gone = (
        t("・抽中已送完的獎項，改送{gift}", gift=reward_line(t, view.consolation))
        if view.consolation is not None
        else t("・抽中已送完的獎項，視同未中獎")
    )
    lines = [t("・每張抽獎券抽一次，每次中獎率相同"), gone]
    if view.purchase_twd is not None:
        lines.append(t("・單筆消費滿 {money} 送一張抽獎券", money=t.money(view.purchase_twd)))
    if view.ticket_points is not None:
        lines.append(t("・每天最多用點數換 {count} 張", count=view.day_cap))
    return lines


def _result(t: Texts, view: DrawnView) -> tuple[str, str, str]:
    name = clip(view.lottery_name, NAME_LENGTH)
    if view.outcome == "prize":
        prize = clip(view.prize_name or "", NAME_LENGTH)
        return t("恭喜抽中{prize}！", prize=prize), "🎉", t("「{name}」抽獎結果", name=name)
    if view.outcome == "consolation":
        words = t("您抽中的獎項已經送完，改送您一份安慰獎。")
        return t("抽中安慰獎"), "🎁", words
    if view.was_out_of_stock:
        return t("差一點！"), "🍃", t("您抽中的獎項已經送完了，謝謝您的參與。")
    return t("這次沒抽中"), "🍃", t("謝謝參與「{name}」，下次好運！", name=name)


def _gift(t: Texts, view: DrawnView) -> Part | None:
    if view.outcome == "none":
        return None
    words = t("{reward}，已經放進您的帳戶。", reward=reward_line(t, view.reward))
    return panel(paragraph(words, weight="bold", align="center"), backgroundColor=SUN)


def _proof(t: Texts, view: DrawnView) -> str:
    return t(
        "抽出號碼 {number}（000000–999999）・{moment}",
        number=f"{view.number:0{_NUMBER_DIGITS}d}",
        moment=t.moment(view.drawn_at),
    )
