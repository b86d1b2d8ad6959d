"""Whether somebody can be reached: friendship on LINE, and their consent to marketing."""

from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, or_, select

from models.base import said
from models.friend import Friend
from models.member import Member
from models.segment.field import LOOKUP, Context, Field, Leaf, has_any
from models.segment.fields.asking import fixed

FRIEND, BLOCKED, NOT_CONNECTED = "friend", "blocked", "not_connected"
_FRIENDSHIPS = fixed(
    {
        FRIEND: said("好友", "friend", "友だち"),
        BLOCKED: said("已封鎖", "has blocked us", "ブロック中"),
        NOT_CONNECTED: said("未連結 LINE", "not connected to LINE", "LINE 未連携"),
    }
)


def is_friend() -> ColumnElement[bool]:
    """Return the condition that a member's LINE account is our friend."""
    return _friend_row(is_following=True)


def is_reachable() -> ColumnElement[bool]:
    """Return the condition that marketing reaches a member: a friend, who allowed it."""
    return and_(Member.marketing_allowed, is_friend())


def _friend_row(*, is_following: bool) -> ColumnElement[bool]:
    followed = Friend.is_following if is_following else ~Friend.is_following
    return exists().where(Friend.line_user_id == Member.line_user_id, followed).correlate(Member)


_CONDITIONS: dict[str, ColumnElement[bool]] = {
    FRIEND: _friend_row(is_following=True),
    BLOCKED: _friend_row(is_following=False),
    NOT_CONNECTED: ~exists().where(Friend.line_user_id == Member.line_user_id).correlate(Member),
}


def _friendship(_leaf: Leaf, _context: Context) -> ColumnElement[Any]:
    follows = (
        select(Friend.is_following)
        .where(Friend.line_user_id == Member.line_user_id)
        .correlate(Member)
        .scalar_subquery()
    )
    return case((follows, FRIEND), (~follows, BLOCKED), else_=NOT_CONNECTED)


def _has_friendship(leaf: Leaf, _context: Context) -> ColumnElement[bool]:
    return has_any(leaf, lambda codes: or_(*(_CONDITIONS[code] for code in codes)))


REACH: tuple[Field, ...] = (
    Field(
        "friendship",
        "code",
        "reach",
        said("LINE 好友狀態", "Friendship on LINE", "LINE の友だち状態"),
        _friendship,
        _has_friendship,
        choices=_FRIENDSHIPS,
        cost=LOOKUP,
    ),
    Field(
        "has_line",
        "boolean",
        "reach",
        said("已綁定 LINE", "Has a LINE account", "LINE 連携済み"),
        lambda _leaf, _context: Member.line_user_id.is_not(None),
    ),
    Field(
        "allows_marketing",
        "boolean",
        "reach",
        said("同意行銷訊息", "Allows marketing", "マーケティング配信に同意"),
        lambda _leaf, _context: Member.marketing_allowed,
    ),
    Field(
        "reachable",
        "boolean",
        "reach",
        said(
            "可推播（好友且同意行銷）", "Reachable (friend and consent)", "配信可能（友だち・同意）"
        ),
        lambda _leaf, _context: is_reachable(),
        cost=LOOKUP,
    ),
)
