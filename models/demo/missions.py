"""The demo's missions and badges, and how far a few members are."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.activity import Badge, Mission, note_rule_change
from models.demo.people import FIRST_NUMBER
from models.local_day import day_start, local_day
from models.member import Member
from models.mission import add_badge, add_mission, check_in

RUNS_DAYS = 60
STREAK_SHOWN_DAYS = 3
PLAYERS = 4

BADGES = (
    Badge(
        code="explorer",
        sign="🧭",
        name={"zh-TW": "門市踩點王", "en": "Store explorer", "ja": "店舗めぐり達人"},
    ),
    Badge(
        code="taster",
        sign="🍵",
        name={"zh-TW": "品茶達人", "en": "Tea taster", "ja": "お茶の達人"},
    ),
    Badge(code="host", sign="🤝", name={"zh-TW": "揪團主", "en": "Host", "ja": "おさそい上手"}),
    Badge(
        code="regular",
        sign="🏮",
        name={"zh-TW": "天天報到", "en": "Every day", "ja": "皆勤賞"},
    ),
)


def add_missions(session: Session, now: datetime) -> None:
    """Open the shop's missions; some members have checked in these days, as the verbs do it."""
    for badge in BADGES:
        add_badge(session, Badge(code=badge.code, sign=badge.sign, name=badge.name))
    session.flush()
    since = day_start(local_day(now) - timedelta(days=STREAK_SHOWN_DAYS))
    until = day_start(local_day(now) + timedelta(days=RUNS_DAYS))
    for place, mission in enumerate(_missions(since, until)):
        mission.place = place
        add_mission(session, mission)
    note_rule_change(session)
    players = _players(session)
    for days_ago in range(STREAK_SHOWN_DAYS, 0, -1):
        for member in players[: PLAYERS - days_ago + 1]:
            check_in(session, member, now - timedelta(days=days_ago))


def _missions(since: datetime, until: datetime) -> list[Mission]:
    return [
        Mission(
            code="daily-check-in",
            name={
                "zh-TW": "連續簽到七天",
                "en": "Seven days in a row",
                "ja": "7日連続チェックイン",
            },
            kind="streak",
            event="checkin",
            period="day",
            goal=7,
            rounds=1_000,
            starts_at=since,
            reward={"points": 5, "badge": "regular"},
        ),
        Mission(
            code="three-cups",
            name={
                "zh-TW": "本季喝五杯（單筆滿 NT$50）",
                "en": "Five visits this season (NT$50 or more each)",
                "ja": "今季5回来店（1回 NT$50 以上）",
            },
            kind="count",
            event="purchase",
            goal=5,
            min_spend_twd=50,
            rounds=4,
            starts_at=since,
            ends_at=until,
            reward={"points": 10, "lottery": "year-end", "tickets": 1},
        ),
        Mission(
            code="all-stores",
            name={"zh-TW": "三家門市走透透", "en": "Visit all three stores", "ja": "3店舗めぐり"},
            kind="set",
            event="visit_store",
            goal=3,
            starts_at=since,
            ends_at=until,
            reward={"points": 30, "badge": "explorer"},
        ),
        Mission(
            code="weekly-tea",
            name={"zh-TW": "連續四週都來喝茶", "en": "Four weeks in a row", "ja": "4週連続ご来店"},
            kind="streak",
            event="purchase",
            period="week",
            goal=4,
            rounds=12,
            starts_at=since,
            reward={"coupon": "stamp_reward", "badge": "taster"},
        ),
        Mission(
            code="tell-us",
            name={"zh-TW": "寫三則評論", "en": "Write three reviews", "ja": "レビューを3件書く"},
            kind="count",
            event="review",
            goal=3,
            starts_at=since,
            reward={"points": 15},
        ),
        Mission(
            code="bring-friends",
            name={
                "zh-TW": "成功推薦兩位好友",
                "en": "Bring two friends",
                "ja": "お友だちを2人紹介",
            },
            kind="count",
            event="referral",
            goal=2,
            day_cap=5,
            starts_at=since,
            reward={"tier_points": 100, "lottery": "year-end", "tickets": 2},
        ),
    ]


def _players(session: Session) -> list[Member]:
    """Return the member everybody knows, and a few who come often."""
    known = session.scalars(select(Member).where(Member.number == FIRST_NUMBER)).all()
    often = session.scalars(
        select(Member)
        .where(Member.number != FIRST_NUMBER, Member.erased_at.is_(None))
        .order_by(Member.purchase_count.desc(), Member.id)
        .limit(PLAYERS - 1)
    ).all()
    return [*known, *often]
