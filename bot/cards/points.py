"""A member's points: the balance, what waits, what lapses soon, what moved and why, how to earn."""

from collections.abc import Sequence
from typing import Final

from bot import Message
from bot.cards.colour import QUIET, SUN, TEA, WARM
from bot.cards.parts import (
    SENTENCE_LENGTH,
    Part,
    bubble,
    clip,
    column,
    fact,
    flex_message,
    footer,
    link_button,
    member_replies,
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
from bot.views import (
    PointsAdjustedView,
    PointsLine,
    PointsPageView,
    PointsReason,
    PointsReversedView,
    PointsView,
)

MAX_LINES: Final = 6
MAX_PAGE_LINES: Final = 20
MAX_DAYS: Final = 3
_NOTE_LENGTH: Final = 60
_STORE_LENGTH: Final = 40
"""Twenty lines must fit into the 30 KB of a bubble, in whatever script."""


def points_card(t: Texts, view: PointsView) -> list[Message]:
    """Draw what can be spent, what waits, what lapses soonest and the newest movements."""
    body = titled(
        t("我的點數"),
        _balance(t, view.balance),
        _debt(t, view.balance) if view.balance < 0 else None,
        _activating(t, view) if view.pending else None,
        _expiring(t, view) if view.expiring else None,
        paragraph(earn_words(t, view), size="xs", color=QUIET),
        rule(),
        *_movements(t, view.lines[:MAX_LINES]),
    )
    more = footer(
        link_button(postback(t("兌換好禮"), Action.SHOW_REWARDS)),
        _older(t, view.older_than),
        link_button(postback(t("看我的優惠券"), Action.SHOW_COUPONS)),
    )
    alt_text = t("您目前有 {points} 點", points=t.number(view.balance))
    card = bubble(body, footer=more)
    return with_quick_replies([flex_message(alt_text, card)], member_replies(t))


def points_page(t: Texts, view: PointsPageView) -> list[Message]:
    """Draw one page of older movements, each with its store and its reason."""
    body = titled(t("點數紀錄"), *_movements(t, view.lines[:MAX_PAGE_LINES]))
    more = footer(
        _older(t, view.older_than), link_button(postback(t("回到點數"), Action.SHOW_POINTS))
    )
    alt_text = t("您目前有 {points} 點", points=t.number(view.balance))
    return with_quick_replies(
        [flex_message(alt_text, bubble(body, footer=more))], member_replies(t)
    )


def points_adjusted_card(t: Texts, view: PointsAdjustedView) -> list[Message]:
    """Tell that the shop moved points by hand: how many, why, and what is there now."""
    return _news(
        t,
        t("點數調整通知"),
        view.points,
        fact(t("原因"), view.reason, wrap=True),
        balance=view.balance,
        pending=view.pending,
    )


def points_reversed_card(t: Texts, view: PointsReversedView) -> list[Message]:
    """Explain an undoing: which movement, why, what was left to the member, what is there now."""
    undone = t(
        "{date} 的「{what}」{points} 點",
        date=t.date(view.undone_at),
        what=reason_words(t, view.undone_reason),
        points=signed(t, view.undone_points),
    )
    return _news(
        t,
        t("點數更正通知"),
        view.points,
        fact(t("更正的紀錄"), undone),
        fact(t("原因"), view.reason, wrap=True),
        _forgiven(t, view.forgiven) if view.forgiven else None,
        balance=view.balance,
        pending=view.pending,
    )


def bonus_code_card(t: Texts, points: int, balance: int, note: str | None) -> list[Message]:
    """Tell that a bonus code was good, what it gave, and what is there now."""
    facts = [fact(t("活動"), note)] if note else []
    return _news(t, t("兌換成功！🎉"), points, *facts, balance=balance, pending=0)


def bonus_code_refused(t: Texts) -> list[Message]:
    """Tell that a code cannot be used, without telling why not."""
    words = t("這組兌換碼無法使用：可能打錯、已經用過、已過期，或只限本人使用。")
    return with_quick_replies([text_message(words)], member_replies(t))


def earn_words(t: Texts, view: PointsView) -> str:
    """Say how points are earned, with the tier's rate where it is not one for one."""
    base = t("每消費 {money} 累積 1 點", money=t.money(view.earn_per_twd))
    if view.multiplier_percent == 100:
        return base
    rate = f"{view.multiplier_percent / 100:g}"
    return t("{base}，您的等級享 {rate} 倍", base=base, rate=rate)


def reason_words(t: Texts, reason: PointsReason) -> str:
    """Name the reason of a movement."""
    return {
        "purchase": t("消費累點"),
        "welcome": t("入會禮"),
        "birthday": t("生日禮"),
        "adjustment": t("點數調整"),
        "expiry": t("點數到期"),
        "refund": t("退貨收回"),
        "redemption": t("點數折抵"),
        "reward": t("活動贈點"),
        "activation": t("點數生效"),
        "referral": t("推薦好友"),
        "mission": t("任務獎勵"),
        "review": t("評論回饋"),
        "lottery": t("抽獎獲得"),
        "merge": t("合併會員卡"),
        "import": t("舊點數轉入"),
        "reversal": t("點數更正"),
        "survey": t("問卷回饋"),
    }[reason]


def signed(t: Texts, points: int) -> str:
    """Write a movement with its sign: +1,200, −30."""
    return f"{'+' if points > 0 else ''}{t.number(points)}"


def _balance(t: Texts, points: int) -> Part:
    colour = TEA if points >= 0 else WARM
    return row(
        text(t.number(points), size="4xl", weight="bold", color=colour, flex=0),
        text(t("點"), color=QUIET, gravity="bottom", margin="sm", offsetBottom="8px"),
    )


def _debt(t: Texts, balance: int) -> Part:
    words = t(
        "退貨或更正要收回的點數已經用掉了，所以目前是負的。"
        "接下來獲得的 {points} 點會先補上，補滿後就能繼續累積。",
        points=t.number(-balance),
    )
    return panel(paragraph(words, size="xs", color=WARM), backgroundColor=SUN)


def _activating(t: Texts, view: PointsView) -> Part:
    title = t("還有 {points} 點等待生效", points=t.number(view.pending))
    note = t("退貨期過後就能使用。")
    lines = [
        _day_line(t, t("{date} 起可用", date=t.date(day)), points, TEA)
        for day, points in view.activating[:MAX_DAYS]
    ]
    return panel(
        text(title, size="xs", weight="bold", color=TEA, wrap=True),
        *lines,
        paragraph(note, size="xxs", color=QUIET),
        spacing="xs",
    )


def _expiring(t: Texts, view: PointsView) -> Part:
    lines = [
        _day_line(t, t("{date} 到期", date=t.date(day)), points, WARM)
        for day, points in view.expiring[:MAX_DAYS]
    ]
    title = text(t("即將到期，記得先使用"), size="xs", weight="bold", color=WARM)
    return panel(title, *lines, backgroundColor=SUN, spacing="xs")


def _day_line(t: Texts, words: str, points: int, colour: str) -> Part:
    return row(
        text(words, size="xs", flex=6),
        text(
            t("{points} 點", points=t.number(points)),
            size="xs",
            weight="bold",
            color=colour,
            align="end",
            flex=4,
        ),
    )


def _older(t: Texts, older_than: int | None) -> Part | None:
    if older_than is None:
        return None
    return link_button(postback(t("更多紀錄"), Action.SHOW_POINTS_PAGE, before=older_than))


def _movements(t: Texts, lines: Sequence[PointsLine]) -> list[Part]:
    if not lines:
        return [paragraph(t("還沒有點數紀錄，下次消費就會開始累積。"), color=QUIET)]
    return [_movement(t, line) for line in lines]


def _movement(t: Texts, line: PointsLine) -> Part:
    where = clip(line.store_name, _STORE_LENGTH) if line.store_name else ""
    remarks = _remarks(t, line)
    return row(
        column(
            paragraph(reason_words(t, line.reason)),
            paragraph(
                f"{t.date(line.at)}　{where}" if where else t.date(line.at),
                size="xxs",
                color=QUIET,
            ),
            paragraph("\n".join(remarks), size="xxs", color=QUIET) if remarks else None,
            flex=7,
        ),
        text(
            signed(t, line.points) if line.points or not line.tier_points else "",
            weight="bold",
            color=_colour(line),
            align="end",
            gravity="center",
            flex=3,
        ),
        alignItems="center",
    )


def _remarks(t: Texts, line: PointsLine) -> list[str]:
    """Return what else is to be said of a movement, at most one line each."""
    remarks = [clip(line.note, _NOTE_LENGTH)] if line.note else []
    if line.is_pending:
        remarks.append(t("等待生效") if line.points > 0 else t("從等待生效的點數收回"))
    if line.forgiven:
        remarks.append(t("其中 {points} 點已不在，不再收回", points=t.number(line.forgiven)))
    if line.tier_points:
        remarks.append(t("升等積分 {points}", points=signed(t, line.tier_points)))
    return remarks


def _colour(line: PointsLine) -> str:
    if line.is_pending or not line.points:
        return QUIET
    return TEA if line.points > 0 else WARM


def _forgiven(t: Texts, points: int) -> Part:
    words = t("其中 {points} 點已不在，不再收回", points=t.number(points))
    return paragraph(words, size="xs", color=QUIET)


def _news(
    t: Texts, title: str, points: int, *facts: Part | None, balance: int, pending: int
) -> list[Message]:
    """Draw a movement somebody is told of, with the balance after it."""
    moved = t("{points} 點", points=signed(t, points))
    body = titled(
        title,
        text(moved, size="3xl", weight="bold", color=TEA if points >= 0 else WARM),
        *facts,
        rule(),
        fact(t("目前點數"), t("{points} 點", points=t.number(balance)), weight="bold"),
        fact(t("等待生效"), t("{points} 點", points=t.number(pending))) if pending else None,
        _debt(t, balance) if balance < 0 else None,
    )
    more = footer(
        link_button(postback(t("看點數明細"), Action.SHOW_POINTS)),
        link_button(postback(t("聯絡客服"), Action.CONTACT_STAFF)),
    )
    alt_text = clip(f"{title} {moved}", SENTENCE_LENGTH)
    return with_quick_replies(
        [flex_message(alt_text, bubble(body, footer=more))], member_replies(t)
    )
