"""Missions and badges: achievement instead of discount (A-14)."""

from collections.abc import Mapping
from typing import Any

from bot.texts import Texts
from handlers.console.programme import fields
from handlers.console.programme.desk import Desk
from handlers.console.programme.fields import Field
from handlers.console.programme.topic import (
    Fact,
    Title,
    Topic,
    WhereToBegin,
    brings_twd,
    brings_words,
    reach_fact,
    tier_question,
)
from models.offering import Row, Values
from models.offering.kinds import BADGE, MISSION

YEAR_DAYS = 365


def _words(t: Texts) -> Title:
    return Title(
        t("任務"),
        t("用成就代替折扣：達成就給獎。有會員開始做之後，條件與獎勵不再改變。"),
        t("任務"),
        t("先做一個容易達成的任務，例如這個月來三次。"),
    )


def event_names(t: Texts) -> list[tuple[str, str]]:
    """Name what a mission counts."""
    return [
        ("purchase", t("消費一次")),
        ("visit_store", t("到店消費")),
        ("category", t("買某品類")),
        ("review", t("寫評論")),
        ("profile_complete", t("填完資料")),
        ("referral", t("推薦好友")),
        ("survey", t("回答問卷")),
        ("rsvp", t("報名活動")),
        ("checkin", t("聊天室簽到")),
    ]


def _fields(desk: Desk, row: Row | None) -> list[Field]:
    t = desk.t
    what, how, gift = t("任務"), t("怎麼算"), t("獎勵與期間")
    fixed = MISSION.fixed if row is not None and MISSION.is_used(desk.session, row) else frozenset()
    kinds = [("count", t("累計次數")), ("streak", t("連續")), ("set", t("收集一組"))]
    periods = [("", t("不適用")), ("day", t("每天")), ("week", t("每週"))]
    found = [
        Field("name", t("名稱"), fields.TEXTS, group=what, is_needed=True),
        Field("kind", t("種類"), fields.CHOICE, group=how, options=kinds, is_needed=True),
        Field(
            "event", t("做什麼"), fields.CHOICE, group=how, options=event_names(t), is_needed=True
        ),
        Field("goal", t("幾次達成"), fields.WHOLE, group=how, least=1, most=1000, is_needed=True),
        Field(
            "things",
            t("限這些門市代碼或品類"),
            fields.WORDS,
            group=how,
            hint=t("用逗號分開；「收集一組」時就是要集齊的門市或品類。"),
        ),
        Field(
            "period",
            t("連續的單位"),
            fields.CHOICE,
            group=how,
            options=periods,
            hint=t("只用於「連續」。"),
        ),
        Field(
            "day_cap",
            t("一天最多算幾次"),
            fields.WHOLE,
            group=how,
            least=1,
            most=100,
            is_needed=True,
        ),
        Field(
            "min_spend_twd",
            t("最低消費"),
            fields.WHOLE,
            group=how,
            least=0,
            unit="NT$",
            is_needed=True,
        ),
        Field(
            "min_rank",
            t("從哪個等級起"),
            fields.CHOICE,
            group=how,
            options=desk.tier_ranks,
            is_needed=True,
        ),
        Field(
            "rounds", t("可以做幾輪"), fields.WHOLE, group=how, least=1, most=1000, is_needed=True
        ),
        Field("reward", t("每輪獎勵"), fields.BRINGS, group=gift, more=desk.brings()),
        Field("starts_at", t("開始"), fields.MOMENT, group=gift, is_needed=True),
        Field("ends_at", t("結束"), fields.MOMENT, group=gift),
        Field("place", t("排第幾個"), fields.WHOLE, group=what, least=0, most=999, is_needed=True),
        Field("is_open", t("開放"), fields.FLAG, group=gift),
    ]
    return [
        Field(**{**vars(each), "is_fixed": True}) if each.name in fixed else each for each in found
    ]


def _settle(values: Values) -> Values:
    return values | {
        "min_rank": int(values["min_rank"]),
        "things": values["things"] or None,
        "period": values["period"] or None,
    }


def _told(desk: Desk, row: Row) -> str:
    t = desk.t
    event = dict(event_names(t)).get(row.event, row.event)
    does = {
        "streak": t("連續 {goal} 個單位：{event}", goal=row.goal, event=event),
        "set": t("集齊 {goal} 種：{event}", goal=row.goal, event=event),
    }.get(row.kind, t("{event} {goal} 次", event=event, goal=row.goal))
    return t("{does} → {reward}", does=does, reward=brings_words(desk, row.reward))


def _stats(desk: Desk, row: Row, figures: Mapping[str, Any]) -> list[Fact]:
    t, done = desk.t, figures.get("done", 0)
    cost = t.money(done * brings_twd(desk, row.reward))
    return [
        Fact(t("進行中的會員"), t.number(figures.get("working", 0))),
        Fact(t("完成"), t("{count} 輪", count=t.number(done))),
        Fact(t("退貨收回"), t("{count} 輪", count=t.number(figures.get("taken_back", 0)))),
        Fact(t("點數成本"), cost),
    ]


def _effect(desk: Desk, values: Values, row: Row | None) -> list[Fact]:
    t = desk.t
    least = values["min_rank"]
    above = [tier.code for tier in desk.programme.tiers if tier.rank >= least]
    codes = above if least else []
    facts = [reach_fact(desk, tier_question(codes), t("可以參加的會員"))]
    if values["event"] in ("purchase", "visit_store") and values["kind"] == "count":
        able = {
            "field": "purchases",
            "is": "at_least",
            "value": values["goal"],
            "within_days": YEAR_DAYS,
        }
        label = t("照過去一年的消費，做得到的會員")
        facts.append(reach_fact(desk, able, label, t("一年消費滿 {goal} 次", goal=values["goal"])))
    each = brings_twd(desk, values["reward"])
    told = brings_words(desk, values["reward"])
    facts.append(Fact(t("每輪獎勵"), told, t("點數成本 {amount}", amount=t.money(each))))
    if row is not None and not values["is_open"] and row.is_open:
        working = desk.figures("mission", row.code).get("working", 0)
        facts.append(
            Fact(t("做到一半的會員"), t.number(working), t("關閉後不再累計"), tone="warning")
        )
    return facts


def _presets(desk: Desk) -> list[WhereToBegin]:
    t = desk.t
    usual: Values = {
        "kind": "count",
        "event": "purchase",
        "goal": 3,
        "day_cap": 1,
        "min_spend_twd": 0,
        "min_rank": 0,
        "rounds": 1,
        "place": 0,
        "is_open": True,
        "starts_at": desk.now,
        "reward": {"points": 10},
    }
    stores = [code for code, _ in desk.stores]
    return [
        ("three_visits", t("這個月來三次"), usual | {"name": {"zh-TW": t("這個月來三次")}}),
        (
            "all_stores",
            t("走遍每一家店"),
            usual
            | {
                "name": {"zh-TW": t("走遍每一家店")},
                "kind": "set",
                "event": "visit_store",
                "goal": len(stores),
                "things": stores,
                "reward": {"points": 30},
            },
        ),
        (
            "streak",
            t("連續四週都來"),
            usual
            | {
                "name": {"zh-TW": t("連續四週都來")},
                "kind": "streak",
                "period": "week",
                "goal": 4,
                "reward": {"points": 30},
            },
        ),
        (
            "invite",
            t("推薦好友任務"),
            usual
            | {"name": {"zh-TW": t("推薦三位好友")}, "event": "referral", "reward": {"points": 50}},
        ),
    ]


def _badge_words(t: Texts) -> Title:
    return Title(
        t("徽章"),
        t("任務達成時頒給會員，會員在聊天室看得到。"),
        t("徽章"),
        t("先做一枚徽章，再到任務的獎勵選它。"),
    )


def _badge_fields(desk: Desk, _row: Row | None) -> list[Field]:
    t = desk.t
    return [
        Field("name", t("名稱"), fields.TEXTS, is_needed=True),
        Field("sign", t("圖樣"), fields.TEXT, is_needed=True, longest=4, hint=t("一個表情符號。")),
    ]


def _badge_stats(desk: Desk, _row: Row, figures: Mapping[str, Any]) -> list[Fact]:
    t = desk.t
    return [Fact(t("得到的會員"), t.number(figures.get("members", 0)))]


MISSIONS = Topic(
    "missions",
    MISSION,
    "flag",
    _words,
    _fields,
    _told,
    effect=_effect,
    stats=_stats,
    presets=_presets,
    settle=_settle,
)
BADGES = Topic(
    "badges",
    BADGE,
    "trophy",
    _badge_words,
    _badge_fields,
    lambda desk, row: f"{row.sign} {desk.name(row.name)}",
    stats=_badge_stats,
)
