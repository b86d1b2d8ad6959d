"""A member's points in the chat: what is there, every movement of them, and bonus codes."""

import re
import unicodedata
from collections.abc import Sequence

from bot import Message
from bot.cards import (
    bonus_code_card,
    bonus_code_refused,
    not_a_member,
    points_card,
    points_page,
)
from bot.cards.points import MAX_LINES, MAX_PAGE_LINES
from bot.postback import Action
from bot.views import PointsLine, PointsPageView, PointsView
from handlers.line import Turn, on_member
from models.base import in_language
from models.local_day import day_start, last_day
from models.member import Member
from models.points import (
    BonusCodeNotUsable,
    Line,
    find_code_in,
    is_bonus_code,
    list_expiring,
    list_lines,
    list_pending,
    redeem_bonus_code,
)

HIGHEST_SEQ = 2**31 - 1
LONGEST_TYPED = 60
NAMED_CODE = re.compile(
    r"(?:兌換碼|兑换码|序號|code|コード|ボーナスコード)\s*[:#]?\s*(.+)", re.IGNORECASE
)


@on_member("postback", Action.SHOW_POINTS)
def show_points(turn: Turn, member: Member) -> list[Message]:
    """A member taps 點數: balance, last movements, what waits, and what is gone when."""
    programme = turn.programme
    lines = list_lines(turn.session, member.id, limit=MAX_LINES + 1)
    pending = list_pending(turn.session, member.id) if member.points_pending else []
    view = PointsView(
        balance=member.points,
        lines=_shown(lines[:MAX_LINES], member.language),
        expiring=tuple(
            (last_day(day_start(end.expires_on)), end.points)
            for end in list_expiring(turn.session, member.id)
        ),
        earn_per_twd=programme.shop.earn_twd,
        multiplier_percent=programme.tier(member.tier_id).points_percent,
        pending=member.points_pending,
        activating=tuple((waiting.active_on, waiting.points) for waiting in pending),
        older_than=_older_than(lines, MAX_LINES),
    )
    return points_card(turn.texts, view)


@on_member("postback", Action.SHOW_POINTS_PAGE)
def show_points_page(turn: Turn, member: Member) -> list[Message]:
    """A member taps 更多紀錄: the next page of movements, older than the last they saw."""
    before = min(turn.number("before") or HIGHEST_SEQ, HIGHEST_SEQ)
    lines = list_lines(turn.session, member.id, limit=MAX_PAGE_LINES + 1, before_seq=before)
    view = PointsPageView(
        balance=member.points,
        lines=_shown(lines[:MAX_PAGE_LINES], member.language),
        older_than=_older_than(lines, MAX_PAGE_LINES),
    )
    return points_page(turn.texts, view)


def answer_code(turn: Turn, text: str) -> list[Message] | None:
    """A person types a bonus code, with 兌換碼 before it or without; None where it is no code.

    Without the word, a code nobody made may be another topic's.
    """
    named = NAMED_CODE.fullmatch(unicodedata.normalize("NFKC", text[:LONGEST_TYPED]).strip())
    code = find_code_in(named.group(1) if named else text[:LONGEST_TYPED])
    if code is None or (named is None and not is_bonus_code(turn.session, code)):
        return None
    if turn.member is None:
        return not_a_member(turn.texts)
    try:
        entry = redeem_bonus_code(turn.session, turn.member, code, now=turn.now)
    except BonusCodeNotUsable:
        return bonus_code_refused(turn.texts)
    return bonus_code_card(turn.texts, entry.points, turn.member.points, entry.note)


def _shown(lines: Sequence[Line], language: str) -> tuple[PointsLine, ...]:
    return tuple(
        PointsLine.from_words(
            {
                "at": line.entry.posted_at,
                "reason": line.entry.reason,
                "points": line.entry.points or line.entry.pending,
                "store_name": in_language(line.store.name, language) if line.store else None,
                "note": line.entry.note,
                "is_pending": not line.entry.points and bool(line.entry.pending),
                "forgiven": line.entry.forgiven,
                "tier_points": line.entry.tier_points,
            }
        )
        for line in lines
    )


def _older_than(lines: Sequence[Line], shown: int) -> int | None:
    """Return the number of the last one shown, where one more was found."""
    return lines[shown - 1].entry.seq if len(lines) > shown else None
