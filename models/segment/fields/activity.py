"""What members do beside buying: invite friends, review, complete missions, come to events, pay."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, select

from models.activity import Mission
from models.base import said
from models.gathering import Gathering, GatheringSeat
from models.local_day import day_start
from models.member import Member
from models.mission.table import MissionAward
from models.plan.table import Plan
from models.referral.table import CLAIMED, QUALIFIED, REFUSED, REWARDED, Referral
from models.review.table import HIDDEN, MOST_STARS, Review
from models.segment.field import LOOKUP, Context, Field, Leaf, Option
from models.segment.fields.asking import (
    PEOPLE,
    TIMES,
    WITHIN_DAYS,
    count_of,
    counted,
    days_back,
    named,
    values_of,
)


def _invited(leaf: Leaf, context: Context) -> Select[Any]:
    states = [QUALIFIED, REWARDED] if leaf.option("who_bought") else [CLAIMED, QUALIFIED, REWARDED]
    rows = select(Referral.id).where(Referral.referrer_id == Member.id, Referral.state.in_(states))
    if (days := leaf.option("within_days")) is not None:
        rows = rows.where(Referral.claimed_at >= day_start(days_back(context, days)))
    return rows


def _came_by_invitation(_leaf: Leaf, _context: Context) -> ColumnElement[bool]:
    return (
        exists().where(Referral.friend_id == Member.id, Referral.state != REFUSED).correlate(Member)
    )


def _reviews(leaf: Leaf, context: Context) -> Select[Any]:
    rows = select(Review.id).where(Review.member_id == Member.id, Review.state != HIDDEN)
    if (stars := leaf.option("min_stars")) is not None:
        rows = rows.where(Review.stars >= stars)
    if (days := leaf.option("within_days")) is not None:
        rows = rows.where(Review.written_at >= day_start(days_back(context, days)))
    return rows


def _missions(leaf: Leaf, context: Context) -> Select[Any]:
    rows = select(MissionAward.id).where(
        MissionAward.member_id == Member.id, MissionAward.taken_back_at.is_(None)
    )
    if (missions := leaf.option("mission")) is not None:
        ids = select(Mission.id).where(Mission.code.in_(values_of(missions)))
        rows = rows.where(MissionAward.mission_id.in_(ids))
    if (days := leaf.option("within_days")) is not None:
        rows = rows.where(MissionAward.completed_at >= day_start(days_back(context, days)))
    return rows


def _attended(leaf: Leaf, context: Context) -> Select[Any]:
    rows = (
        select(GatheringSeat.gathering_id)
        .join(Gathering, Gathering.id == GatheringSeat.gathering_id)
        .where(GatheringSeat.member_id == Member.id, GatheringSeat.state == "attended")
    )
    if (gatherings := leaf.option("gathering")) is not None:
        rows = rows.where(Gathering.code.in_(values_of(gatherings)))
    if (days := leaf.option("within_days")) is not None:
        rows = rows.where(Gathering.starts_at >= day_start(days_back(context, days)))
    return rows


def _plan(_leaf: Leaf, context: Context) -> ColumnElement[Any]:
    return case((Member.plan_until > context.now, Member.plan_code))


def _number(
    name: str,
    rows: Any,
    labels: dict[str, str],
    *options: Option,
    unit: dict[str, str] = TIMES,
) -> Field:
    """Make a field that counts rows beside a member."""
    return Field(
        name,
        "integer",
        "activity",
        labels,
        lambda leaf, context: count_of(rows(leaf, context)),
        lambda leaf, context: counted(leaf, rows(leaf, context)),
        options=options,
        unit=unit,
        cost=LOOKUP,
    )


ACTIVITY: tuple[Field, ...] = (
    _number(
        "friends_invited",
        _invited,
        said("成功邀請的好友", "Friends invited", "招待した友だち"),
        Option(
            "who_bought",
            "boolean",
            said("只算已消費的好友", "Only friends who bought", "購入した友だちのみ"),
            said("已消費的", "who bought", "購入済みの"),
        ),
        WITHIN_DAYS,
        unit=PEOPLE,
    ),
    Field(
        "came_by_invitation",
        "boolean",
        "activity",
        said("由好友邀請加入", "Came by a friend's invitation", "友だちの招待で入会"),
        _came_by_invitation,
        cost=LOOKUP,
    ),
    _number(
        "reviews",
        _reviews,
        said("評論次數", "Reviews written", "レビュー件数"),
        Option(
            "min_stars",
            "integer",
            said("至少幾星", "At least so many stars", "最低の星の数"),
            said("{} 星以上", "of {} stars or more", "星 {} 以上の"),
            minimum=1,
            maximum=MOST_STARS,
        ),
        WITHIN_DAYS,
    ),
    _number(
        "missions_completed",
        _missions,
        said("完成任務次數", "Missions completed", "達成したミッション"),
        Option(
            "mission",
            "code",
            said("任務", "Mission", "ミッション"),
            said("「{}」", "of {}", "「{}」の"),
            choices=named(Mission.code, Mission.name),
            many=True,
        ),
        WITHIN_DAYS,
    ),
    _number(
        "gatherings_attended",
        _attended,
        said("參加活動次數", "Events attended", "参加したイベント"),
        Option(
            "gathering",
            "code",
            said("活動", "Event", "イベント"),
            said("「{}」", "of {}", "「{}」の"),
            choices=named(Gathering.code, Gathering.name),
            many=True,
        ),
        WITHIN_DAYS,
    ),
    Field(
        "plan",
        "code",
        "activity",
        said("付費會員方案", "Paid plan", "有料プラン"),
        _plan,
        choices=named(Plan.code, Plan.name),
    ),
    Field(
        "has_plan",
        "boolean",
        "activity",
        said("持有付費方案", "Holds a paid plan", "有料プラン加入中"),
        lambda _leaf, context: and_(Member.plan_code.is_not(None), Member.plan_until > context.now),
    ),
)
