"""The health of the list (A-26): a list in which nothing moves is worth nothing.

Who can be reached at all, who bought or answered lately, who sleeps, who has blocked us. A member
may be counted in several lines; each is of all members who are here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from models.base import in_language
from models.engagement import Engagement
from models.friend import Friend
from models.lifecycle.figures import is_here
from models.local_day import day_start, local_day
from models.member import Member

ACTIVE_DAYS = 30
AWAKE_DAYS = 90
MANY_UNANSWERED = 3

LINES: Mapping[str, dict[str, str]] = {
    "members": {"zh-TW": "全體會員", "en": "All members", "ja": "全会員"},
    "friends": {"zh-TW": "LINE 好友", "en": "Friends on LINE", "ja": "LINE の友だち"},
    "reachable": {
        "zh-TW": "可推播（好友且同意行銷）",
        "en": "Reachable (friends who allow marketing)",
        "ja": "配信可能（友だち・同意あり）",
    },
    "blocked": {"zh-TW": "已封鎖", "en": "Have blocked us", "ja": "ブロック中"},
    "bought_30": {
        "zh-TW": "30 天內購買過",
        "en": "Bought in the last 30 days",
        "ja": "30 日以内に購入",
    },
    "active_30": {
        "zh-TW": "30 天內活躍（購買、點選或瀏覽）",
        "en": "Active in 30 days (bought, tapped or looked)",
        "ja": "30 日以内にアクティブ（購入・反応・閲覧）",
    },
    "active_90": {
        "zh-TW": "90 天內活躍（購買、點選或瀏覽）",
        "en": "Active in 90 days (bought, tapped or looked)",
        "ja": "90 日以内にアクティブ（購入・反応・閲覧）",
    },
    "repeat": {
        "zh-TW": "在兩天以上買過",
        "en": "Bought on more than one day",
        "ja": "2 日以上購入",
    },
    "asleep": {
        "zh-TW": "沉睡（買過，90 天沒有任何動靜）",
        "en": "Asleep (bought once, nothing for 90 days)",
        "ja": "休眠（購入歴あり、90 日動きなし）",
    },
    "never": {"zh-TW": "還沒買過", "en": "Never bought", "ja": "未購入"},
    "unanswering": {
        "zh-TW": "最近 3 則以上訊息都沒有回應",
        "en": "Did not respond to the last 3 messages or more",
        "ja": "直近 3 件以上の配信に反応なし",
    },
}


@dataclass(frozen=True)
class ListHealth:
    """How many members are what; see LINES."""

    members: int
    friends: int
    reachable: int
    blocked: int
    bought_30: int
    active_30: int
    active_90: int
    repeat: int
    asleep: int
    never: int
    unanswering: int

    def lines(self, language: str) -> list[tuple[str, int]]:
        """Return each count with its name, in the order in which they are told."""
        return [(in_language(name, language), getattr(self, key)) for key, name in LINES.items()]

    def share_text(self, count: int) -> str | None:
        """Return a count's share of all members, or None where there are none."""
        return f"{count * 100 / self.members:.1f}%" if self.members else None


def list_health(session: Session, now: datetime) -> ListHealth:
    """Count all members who are here by what they do; one statement."""
    today = local_day(now)
    days = {days: today - timedelta(days=days) for days in (ACTIVE_DAYS, AWAKE_DAYS)}
    moved = {
        days: or_(
            Member.last_purchase_on > since,
            Engagement.tapped_at >= day_start(since + timedelta(days=1)),
            Engagement.clicked_at >= day_start(since + timedelta(days=1)),
        )
        for days, since in days.items()
    }
    bought = Member.purchase_count > 0
    conditions = {
        "friends": Friend.is_following,
        "reachable": and_(Friend.is_following, Member.marketing_allowed),
        "blocked": Friend.is_following.is_(False),
        "bought_30": Member.last_purchase_on > days[ACTIVE_DAYS],
        "active_30": moved[ACTIVE_DAYS],
        "active_90": moved[AWAKE_DAYS],
        "repeat": Member.purchase_days > 1,
        "asleep": and_(bought, moved[AWAKE_DAYS].is_not(True)),
        "never": ~bought,
        "unanswering": Engagement.unanswered >= MANY_UNANSWERED,
    }
    row = session.execute(
        select(
            func.count().label("members"),
            *(func.count().filter(asked).label(name) for name, asked in conditions.items()),
        )
        .select_from(Member)
        .join(Friend, Friend.line_user_id == Member.line_user_id, isouter=True)
        .join(Engagement, Engagement.member_id == Member.id, isouter=True)
        .where(is_here())
    ).one()
    return ListHealth(**{field.name: row._mapping[field.name] for field in fields(ListHealth)})
