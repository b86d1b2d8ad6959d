"""The demo's campaigns: one of each kind, from a draft to one that comes every week.

None of these was sent yet; those that are scheduled go out by themselves once the shop runs.
"""

from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import said
from models.campaign import Campaign, add_campaign
from models.campaign.steering import approve_campaign, submit_campaign
from models.local_day import TAIPEI, local_day

MARKETER, OWNER = "marketer", "owner"
FIRST_AT, SECOND_AT = time(11, 0), time(15, 30)
BUDGET_TWD = 20_000


def add_campaigns(session: Session, now: datetime) -> None:
    """Add the campaigns as the shop's marketer wrote them, and submit those that are ready."""
    told = _campaigns(now)
    if session.scalar(select(Campaign.id).where(Campaign.code.in_(told)).limit(1)) is not None:
        return
    for code, each in told.items():
        add_campaign(session, code, each, by=MARKETER, now=now)
    for code in ("milk-tea-week", "winter-cup-test", "likely-tuesday"):
        preview = submit_campaign(session, code, by=MARKETER, now=now)
        if preview.needs_approval:
            approve_campaign(session, code, by=OWNER, now=now)


def _campaigns(now: datetime) -> dict[str, dict[str, Any]]:
    """Return what each campaign says, by its code."""
    return {
        "milk-tea-week": {
            "name": said("鮮奶茶週", "Fresh milk tea week", "ミルクティー週間"),
            "segment": "bought-milk-tea",
            "content": _content(_milk_tea()),
            "schedule": _once(now, 1, FIRST_AT),
            "budget_twd": BUDGET_TWD,
            "metric": "conversion",
        },
        "winter-cup-test": {
            "name": said("冬季新品 A/B", "Winter cup, A/B", "冬の新作 A/B"),
            "segment": "one-order",
            "variants": [
                {"code": "A", "share": 50, "content": _content(_winter("說明口味"))},
                {"code": "B", "share": 50, "content": _content(_winter("限時優惠"))},
            ],
            "stop_rule": {"size": 20, "wait_hours": 48},
            "schedule": _once(now, 3, SECOND_AT),
        },
        "likely-tuesday": {
            "name": said("週二回訪提醒", "Tuesday reminder", "火曜のお知らせ"),
            "segment": "likely-14-days",
            "content": _content(_reminder()),
            "schedule": {
                "when": "recurring",
                "every": "weekly",
                "on": ["tue", "fri"],
                "time": "14:30",
            },
            "attribution_days": 3,
        },
        "seed-members-thanks": {
            "name": said("種子會員感謝", "Thanks to seed members", "シード会員へのお礼"),
            "segment": "seed-members",
            "content": _content(_thanks()),
            "schedule": _once(now, 10, FIRST_AT),
        },
    }


def _once(now: datetime, days: int, at: time) -> dict[str, Any]:
    day = local_day(now) + timedelta(days=days)
    return {"when": "once", "at": datetime.combine(day, at, TAIPEI).isoformat()}


def _content(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"schema": 1, "messages": list(messages)}


def _milk_tea() -> dict[str, Any]:
    return {
        "type": "card",
        "template": "coupon",
        "fields": {
            "title": said("鮮奶茶週", "Fresh milk tea week", "ミルクティー週間"),
            "body": said(
                "{name|朋友}，本週鮮奶茶 85 折，券已放進您的錢包，出示就能用。",
                "{name|Friend}, 15% off fresh milk teas this week: your coupon is in your wallet.",
                "{name|お客様}、今週はミルクティーが 15% 引き。クーポンはウォレットにあります。",
            ),
            "coupon": "warm_season",
        },
    }


def _winter(angle: str) -> dict[str, Any]:
    """Return one of the two texts that are tried against each other, with the same button."""
    body = {
        "說明口味": said(
            "桂圓紅棗奶茶上市：台東桂圓慢熬四小時，暖胃不甜膩。",
            "New: longan and red date milk tea, simmered for four hours.",
            "新登場：龍眼となつめのミルクティー。4 時間かけて煮込みました。",
        ),
        "限時優惠": said(
            "桂圓紅棗奶茶上市，這三天會員限定第二杯半價。",
            "New: longan and red date milk tea. Second cup half price for three days.",
            "龍眼となつめのミルクティー新登場。3 日間、会員は 2 杯目半額です。",
        ),
    }[angle]
    return {
        "type": "card",
        "template": "announcement",
        "fields": {
            "title": said("冬季新品", "New this winter", "冬の新作"),
            "body": body,
            "button": {
                "label": said("看看菜單", "See the menu", "メニューを見る"),
                "url": "https://tea-days.example/menu/winter",
            },
        },
    }


def _reminder() -> dict[str, Any]:
    return {
        "type": "text",
        "text": said(
            "{name|朋友}，今天想喝什麼？您有 {points} 點，門市可直接折抵。",
            "{name|Friend}, what will it be today? You have {points} points to pay with.",
            "{name|お客様}、今日は何にしますか？{points} ポイントがお支払いに使えます。",
        ),
    }


def _thanks() -> dict[str, Any]:
    return {
        "type": "text",
        "text": said(
            "謝謝您把茶日子介紹給朋友。新品試飲會，留了一個位子給您。",
            "Thank you for bringing friends to Tea Days. A seat at our tasting is yours.",
            "茶日子をお友だちに紹介してくださりありがとうございます。試飲会にお席を用意しました。",
        ),
    }
