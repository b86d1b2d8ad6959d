"""What tiers let people take part in: events with seats, early sales, pages, the community."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.texts import Texts
from handlers.console.programme import fields
from handlers.console.programme.desk import Desk
from handlers.console.programme.fields import Field
from handlers.console.programme.topic import (
    MARKET,
    Fact,
    Title,
    Topic,
    WhereToBegin,
    reach_fact,
    tier_question,
)
from models.benefit import early_hours
from models.local_day import local_day
from models.offering import Row, Values
from models.offering.kinds import COMMUNITY, ENGAGEMENT, EVENT, PAGE, SALE

LONGEST_PAGE = 2_000
LONGEST_URL = 500
USUAL_SEATS = 20
USUAL_SALE_DAYS = 7


def _tiers_from(desk: Desk, rank: int) -> Mapping[str, Any] | None:
    codes = [tier.code for tier in desk.programme.tiers if tier.rank >= rank]
    return tier_question(codes) if rank else None


def _invited(desk: Desk, values: Values) -> Fact:
    tier = desk.programme.tier(values["min_tier_id"])
    return reach_fact(desk, _tiers_from(desk, tier.rank), desk.t("受邀的會員"))


def _tier_settled(values: Values) -> Values:
    return values | {"min_tier_id": int(values["min_tier_id"])}


def _tier_field(desk: Desk, label: str) -> Field:
    return Field("min_tier_id", label, fields.CHOICE, options=desk.tier_ids, is_needed=True)


def _event_words(t: Texts) -> Title:
    return Title(
        t("會員聚會"),
        t("新品發表、年度感謝會；名額滿了排候補，有人退出就自動遞補並通知。"),
        t("聚會"),
        t("辦一場聚會，只邀請某個等級以上的會員。"),
    )


def _event_fields(desk: Desk, _row: Row | None) -> list[Field]:
    t = desk.t
    return [
        Field("name", t("名稱"), fields.TEXTS, is_needed=True),
        Field("place", t("地點"), fields.TEXTS, is_needed=True),
        Field("starts_at", t("開始"), fields.MOMENT, is_needed=True),
        Field("capacity", t("名額"), fields.WHOLE, least=1, most=100_000, is_needed=True),
        _tier_field(desk, t("從哪個等級起受邀")),
    ]


def _event_told(desk: Desk, row: Row) -> str:
    t = desk.t
    tier = desk.programme.tier(row.min_tier_id)
    return t(
        "{moment} · {place} · {tier}以上 · 剩 {left}/{all} 位",
        moment=t.moment(row.starts_at),
        place=desk.name(row.place),
        tier=desk.name(tier.name),
        left=row.seats_left,
        all=row.capacity,
    )


def _event_effect(desk: Desk, values: Values, row: Row | None) -> list[Fact]:
    t = desk.t
    facts = [_invited(desk, values), Fact(t("名額"), t.number(values["capacity"]))]
    if row is not None:
        taken = row.capacity - row.seats_left
        facts.append(Fact(t("已報名"), t.number(taken), t("改時間或地點後，請另外通知他們")))
    return facts


def _event_presets(desk: Desk) -> list[WhereToBegin]:
    t = desk.t
    highest = desk.programme.tiers[-1].id
    soon = desk.now + timedelta(days=30)
    usual: Values = {"starts_at": soon, "capacity": USUAL_SEATS, "min_tier_id": highest}
    return [
        ("new_product", t("新品品嚐會"), usual | {"name": {"zh-TW": t("新品品嚐會")}}),
        ("thank_you", t("年度感謝會"), usual | {"name": {"zh-TW": t("年度感謝會")}}),
    ]


def _sale_words(t: Texts) -> Title:
    return Title(
        t("優先購"),
        t("公開前先讓高等級會員買；提早幾小時由等級與方案的權益決定。"),
        t("優先購"),
        t("排一檔限量商品，高等級的會員先買。"),
    )


def _sale_fields(desk: Desk, _row: Row | None) -> list[Field]:
    t = desk.t
    return [
        Field("name", t("名稱"), fields.TEXTS, is_needed=True),
        Field("public_at", t("公開時間"), fields.MOMENT, is_needed=True),
        Field("ends_at", t("結束"), fields.MOMENT, is_needed=True),
    ]


def _sale_told(desk: Desk, row: Row) -> str:
    t = desk.t
    return t("{start} 公開，到 {end}", start=t.moment(row.public_at), end=t.moment(row.ends_at))


def _sale_effect(desk: Desk, values: Values, _row: Row | None) -> list[Fact]:
    t, day = desk.t, local_day(values["public_at"])
    facts = []
    for tier in reversed(desk.programme.tiers):
        hours = early_hours(desk.programme, tier.id, day=day)
        opens = values["public_at"] - timedelta(hours=hours)
        hint = t("早 {hours} 小時", hours=hours) if hours else t("與大家同時")
        facts.append(Fact(desk.name(tier.name), t.moment(opens), hint))
    return facts


def _sale_presets(desk: Desk) -> list[WhereToBegin]:
    t = desk.t
    soon = desk.now + timedelta(days=7)
    values: Values = {
        "name": {"zh-TW": t("新品優先購")},
        "public_at": soon,
        "ends_at": soon + timedelta(days=USUAL_SALE_DAYS),
    }
    return [("new_product", t("新品優先購"), values)]


def _page_words(t: Texts) -> Title:
    return Title(
        t("專屬內容"),
        t("只給某個等級以上的會員看的內容。"),
        t("專屬內容"),
        t("寫一篇只給高等級會員的內容，例如沖泡祕訣。"),
    )


def _page_fields(desk: Desk, _row: Row | None) -> list[Field]:
    t = desk.t
    return [
        Field("title", t("標題"), fields.TEXTS, is_needed=True),
        Field("body", t("內文"), fields.TEXTS, is_needed=True, longest=LONGEST_PAGE),
        _tier_field(desk, t("從哪個等級起可看")),
    ]


def _page_told(desk: Desk, row: Row) -> str:
    tier = desk.programme.tier(row.min_tier_id)
    return desk.t("{tier}以上", tier=desk.name(tier.name))


def _community_words(t: Texts) -> Title:
    return Title(
        t("會員社群"),
        t("會員互相分享的地方，例如 LINE 社群；可限等級以上才看得到連結。"),
        t("會員社群"),
        "",
    )


def _community_fields(desk: Desk, _row: Row | None) -> list[Field]:
    t = desk.t
    return [
        Field("name", t("名稱"), fields.TEXTS, is_needed=True),
        Field(
            "url",
            t("連結"),
            fields.TEXT,
            is_needed=True,
            longest=LONGEST_URL,
            hint=t("https:// 開頭，例如 LINE 社群的邀請連結。"),
        ),
        Field(
            "min_rank", t("從哪個等級起"), fields.CHOICE, options=desk.tier_ranks, is_needed=True
        ),
    ]


def _community_effect(desk: Desk, values: Values, _row: Row | None) -> list[Fact]:
    return [reach_fact(desk, _tiers_from(desk, values["min_rank"]), desk.t("看得到連結的會員"))]


def activity_names(t: Texts) -> dict[str, str]:
    """Name the kinds of engagement beside buying."""
    return {
        "review": t("寫評論"),
        "event": t("參加活動"),
        "feedback": t("回饋意見"),
    }


def _activity_words(t: Texts) -> Title:
    return Title(
        t("互動獎勵"),
        t("寫評論、參加活動、回饋意見各給幾點，一天最多幾次。"),
        t("互動獎勵"),
        "",
    )


def _activity_fields(desk: Desk, _row: Row | None) -> list[Field]:
    t = desk.t
    return [
        Field("points", t("點數"), fields.WHOLE, least=0, most=10_000, is_needed=True),
        Field("tier_points", t("等級點數"), fields.WHOLE, least=0, most=10_000, is_needed=True),
        Field("day_cap", t("一天最多給幾次"), fields.WHOLE, least=1, most=100, is_needed=True),
    ]


def _activity_told(desk: Desk, row: Row) -> str:
    t = desk.t
    return t("{points} 點，一天最多 {cap} 次", points=row.points, cap=row.day_cap)


def _activity_stats(desk: Desk, _row: Row, figures: Mapping[str, Any]) -> list[Fact]:
    t = desk.t
    return [
        Fact(t("近 30 天"), t("{count} 次", count=t.number(figures.get("times", 0)))),
        Fact(t("會員人數"), t.number(figures.get("members", 0))),
        Fact(t("給了"), t("{points} 點", points=t.number(figures.get("points", 0)))),
    ]


def _url_settled(values: Values) -> Values:
    return values | {"min_rank": int(values["min_rank"])}


EVENTS = Topic(
    "events",
    EVENT,
    "calendar-event",
    _event_words,
    _event_fields,
    _event_told,
    right=MARKET,
    effect=_event_effect,
    presets=_event_presets,
    settle=_tier_settled,
    extra="event",
)
SALES = Topic(
    "sales",
    SALE,
    "lightning",
    _sale_words,
    _sale_fields,
    _sale_told,
    right=MARKET,
    effect=_sale_effect,
    presets=_sale_presets,
)
PAGES = Topic(
    "pages",
    PAGE,
    "book",
    _page_words,
    _page_fields,
    _page_told,
    right=MARKET,
    effect=lambda desk, values, _row: [_invited(desk, values)],
    settle=_tier_settled,
)
COMMUNITY_TOPIC = Topic(
    "community",
    COMMUNITY,
    "chat-dots",
    _community_words,
    _community_fields,
    lambda _desk, row: row.url,
    effect=_community_effect,
    settle=_url_settled,
    is_closed=True,
)
ENGAGEMENTS = Topic(
    "engagement",
    ENGAGEMENT,
    "heart",
    _activity_words,
    _activity_fields,
    _activity_told,
    known=activity_names,
    stats=_activity_stats,
    is_closed=True,
)
