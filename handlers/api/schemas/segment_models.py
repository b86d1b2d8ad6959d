"""Models of members: their classes, who moved where, and what analyses and forecasts say."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from handlers.api.schemas.base import Asked, Moment, Told
from handlers.api.schemas.members import NUMBER, MemberNumber

ModelName = Annotated[
    Literal["nasld", "napl_article", "napl_91app", "rfm"],
    Field(description="One of the models.", examples=["nasld"]),
]
Key = Annotated[str, Field(description="A class as it is always written: `nasld:lost`.")]
AnalysisName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$"),
    Field(description="As `GET /segments/analyses` lists it.", examples=["stall"]),
]
ParameterText = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]
Day = Annotated[date, Field(examples=["2026-11-22"])]
Share = Annotated[float, Field(description="A part of the whole, 0 to 1.")]
CLASS: JsonDict = {
    "key": "nasld:lost",
    "name": "流失客",
    "rule": "近 42 天（3 個回購週期）內沒有購買；再往前到 84 天（6 個回購週期），買過 1 次",
    "members": 23,
    "share": 0.0816,
    "net_twd": 3_120,
    "net_share": 0.0042,
    "action": {
        "title": "好久不見，回來有折扣",
        "advice": "只來過一次就沒再來：在大檔期送優惠券並推薦個人化商品。",
        "coupon": "win_back",
        "paid_push": True,
        "set_by": None,
    },
}


class ModelPath(Asked):
    """A model in an address."""

    model: ModelName


class ModelMemberPath(Asked):
    """A model and a member in an address."""

    model: ModelName
    number: MemberNumber


class ModelQuery(Asked):
    """At which day's end; now, if not told."""

    on: Annotated[
        Day | SkipJsonSchema[None], Field(description="As it was at this day's end; else now.")
    ] = None


class MatrixQuery(Asked):
    """Between which days' ends."""

    from_day: Annotated[Day, Field(examples=["2026-10-23"])]
    to_day: Annotated[Day, Field(examples=["2026-11-22"])]


class CrossQuery(ModelQuery):
    """Which two models."""

    a: ModelName
    b: ModelName


class ActionTold(Told):
    """What is done about a class."""

    title: str
    advice: str
    coupon: Annotated[str | None, Field(description="The coupon template it gives.")]
    paid_push: Annotated[bool, Field(description="Whether it is written to for money.")]
    set_by: Annotated[str | None, Field(description="Null where it is the one it starts with.")]


class ClassTold(Told):
    """One class of a model."""

    key: Key
    name: str
    rule: Annotated[str, Field(description="Who is in it, with the numbers that hold.")]
    members: int
    share: Share
    net_twd: Annotated[int, Field(description="Their net NT$ of all time.")]
    net_share: Share
    action: ActionTold


class ProspectsTold(Told):
    """Who never bought: beside the classes, in none of them."""

    key: Key
    name: str
    members: int


class CycleTold(Told):
    """The repurchase cycle, and where it came from."""

    days: int
    level: Annotated[str, Field(description="`shop`, `category`, `member` or `fixed`.")]
    source: Annotated[str, Field(description="`set`, `estimated` or `assumed`.")]
    members: int
    intervals: int
    measured_on: date | None
    by_category: dict[str, int]
    text: str


class ModelTold(Told):
    """A model's classes on a day."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "nasld",
                    "name": "NASLD 顧客活躍度",
                    "on": "2026-11-22",
                    "as_of": "2026-11-22T12:00:00+08:00",
                    "members": 282,
                    "net_twd": 741_200,
                    "classes": [CLASS],
                    "prospects": {"key": "nasld:prospect", "name": "未購會員", "members": 21},
                    "cycle": {
                        "days": 14,
                        "level": "shop",
                        "source": "estimated",
                        "members": 240,
                        "intervals": 9_120,
                        "measured_on": "2026-11-22",
                        "by_category": {},
                        "text": "回購週期 14 天：240 位回購會員、9,120 次間隔的中位數",
                    },
                    "settings_version": None,
                    "reading": "由上往下判斷，符合第一個就歸入該類。",
                }
            ]
        }
    )

    model: ModelName
    name: str
    on: date
    as_of: Annotated[
        Moment | None, Field(description="The moment of the figures; null for a past day's end.")
    ]
    members: int
    net_twd: int
    classes: list[ClassTold]
    prospects: ProspectsTold | None
    cycle: Annotated[CycleTold | None, Field(description="Of `nasld`.")]
    settings_version: Annotated[int | None, Field(description="Null for the starting settings.")]
    reading: Annotated[
        str | None, Field(description="How its rules are read, or where RFM's cut-offs lie.")
    ]


class MoveTold(Told):
    """So many members went from one class to another, or stayed."""

    from_key: Annotated[str | None, Field(description="Null for who joined in between.")]
    to_key: Key
    members: int


class MatrixTold(Told):
    """Who went where between the ends of two days."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "nasld",
                    "from_day": "2026-10-23",
                    "to_day": "2026-11-22",
                    "moves": [
                        {"from_key": "nasld:active", "to_key": "nasld:sleep", "members": 12},
                        {"from_key": None, "to_key": "nasld:prospect", "members": 3},
                    ],
                }
            ]
        }
    )

    model: ModelName
    from_day: date
    to_day: date
    moves: list[MoveTold]


class CellTold(Told):
    """The members in one class of each of two models."""

    a: Key
    b: Key
    members: int
    net_twd: int


class CrossTold(Told):
    """Two models over the same members; pairs without members are left out."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "a": "nasld",
                    "b": "rfm",
                    "on": "2026-11-22",
                    "cells": [
                        {"a": "nasld:active", "b": "rfm:vip", "members": 88, "net_twd": 402_000}
                    ],
                }
            ]
        }
    )

    a: ModelName
    b: ModelName
    on: date
    cells: list[CellTold]


class MemberClassTold(Told):
    """Why a member is in their class: facts, rule, version, day."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": NUMBER,
                    "key": "nasld:lost",
                    "name": "流失客",
                    "as_of": "2026-11-22",
                    "settings_version": None,
                    "facts": {"orders": 1, "last_on": "2026-09-30", "last_age_days": 53},
                    "text": ["流失客（nasld:lost），2026-11-22 的狀態", "有效購買 1 次"],
                }
            ]
        }
    )

    number: str
    key: Annotated[str | None, Field(description="Null in `rfm` for who never bought.")]
    name: str
    as_of: date
    settings_version: int | None
    facts: Annotated[dict[str, Any], Field(description="What decided, by name.")]
    text: list[str]


class AlertTold(Told):
    """A class whose share has moved more than the shop wants to overlook."""

    id: int
    day: date
    key: Key
    name: str
    kind: Annotated[str, Field(description="`shift`, or `growth` of 維持型: investigate.")]
    compared_with: date
    share_before: Share
    share: Share
    rules_changed: Annotated[bool, Field(description="Whether the settings changed in between.")]


class AlertsTold(Told):
    """What nobody has seen yet, the newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "id": 4,
                            "day": "2026-11-22",
                            "key": "rfm:maintaining",
                            "name": "維持型會員",
                            "kind": "growth",
                            "compared_with": "2026-11-15",
                            "share_before": 0.04,
                            "share": 0.09,
                            "rules_changed": False,
                        }
                    ]
                }
            ]
        }
    )

    items: list[AlertTold]


class AnalysisPath(Asked):
    """An analysis in an address."""

    name: AnalysisName


class AnalysisAsked(Asked):
    """What an analysis is asked; each value as text, as `GET /segments/analyses` describes it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"parameters": {"population": "repeat"}}]}
    )

    parameters: Annotated[
        dict[Annotated[str, StringConstraints(max_length=60)], ParameterText],
        Field(max_length=30),
    ] = Field(default_factory=dict)


class ParameterTold(Told):
    """What may be asked of an analysis."""

    name: str
    title: str
    possible: str


class AnalysisListed(Told):
    """An analysis there is."""

    name: str
    title: str
    parameters: list[ParameterTold]


class AnalysesTold(Told):
    """The analyses there are."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "name": "stall",
                            "title": "卡關金額",
                            "parameters": [
                                {
                                    "name": "population",
                                    "title": "對象：全部購買者，或回購過的人",
                                    "possible": "all|repeat",
                                }
                            ],
                        }
                    ]
                }
            ]
        }
    )

    items: list[AnalysisListed]


class AnalysisTold(Told):
    """What an analysis says; the shape of `result` is its own."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "stall",
                    "title": "卡關金額",
                    "as_of": "2026-11-22T12:00:00+08:00",
                    "result": {"ratio": 0.3172, "notes": []},
                }
            ]
        }
    )

    name: str
    title: str
    as_of: Moment
    result: dict[str, Any]


class PredictionTold(Told):
    """The newest fit: its parameters, how good it was, and who is likeliest to buy."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "as_of": "2026-11-22",
                    "fitted_at": "2026-11-22T03:00:04+08:00",
                    "buyers": 282,
                    "repeaters": 240,
                    "parameters": {"r": 0.24, "alpha": 4.41, "a": 0.79, "b": 2.43},
                    "back_test": {"average_percent": 31.0, "top_percent": 88.0, "lift": 2.84},
                    "likeliest": [
                        {
                            "number": NUMBER,
                            "likely": 0.97,
                            "top_percent": 1,
                            "risk": 0.01,
                            "expected_orders_90": 21.4,
                            "expected_net_twd_90": 2_140,
                            "next_on": "2026-11-24",
                        }
                    ],
                }
            ]
        }
    )

    as_of: date
    fitted_at: Moment
    buyers: int
    repeaters: int
    parameters: dict[str, float]
    back_test: Annotated[
        dict[str, Any] | None,
        Field(description="Fitted without the last days, and held against them."),
    ]
    likeliest: list["ForecastTold"]


class ForecastTold(Told):
    """What is expected of a member."""

    number: str
    likely: Annotated[Share, Field(description="The probability to buy in the next 14 days.")]
    top_percent: Annotated[int, Field(description="Of the likeliest so many percent.")]
    risk: Annotated[Share, Field(description="The probability to buy nothing in 90 days.")]
    expected_orders_90: float
    expected_net_twd_90: int
    next_on: date | None
