"""The rule language as a JSON Schema and as a catalogue for builders, both made of the fields."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from models.base import Texts, in_language, said
from models.segment.field import OPERATORS, Choices, Field, Option
from models.segment.fields import FIELDS
from models.segment.rule import MOST_LEAVES, SCHEMA
from models.segment.value import LONGEST_TEXT, MOST_VALUES

TOPICS: dict[str, Texts] = {
    "purchase": said("購買", "Purchases", "購入"),
    "lifecycle": said("顧客分級", "Lifecycle", "ライフサイクル"),
    "tier": said("會員等級", "Tier", "会員ランク"),
    "points": said("點數", "Points", "ポイント"),
    "coupon": said("優惠券", "Coupons", "クーポン"),
    "person": said("會員資料", "Profile", "会員情報"),
    "reach": said("聯繫", "Reach", "配信"),
    "activity": said("互動活動", "Activities", "アクティビティ"),
    "browsing": said("網店瀏覽", "Browsing", "閲覧"),
    "tag": said("標籤", "Tags", "タグ"),
    "engagement": said("訊息互動", "Engagement", "メッセージ反応"),
    "metric": said("自訂指標", "Custom metrics", "カスタム指標"),
    "prediction": said("預測", "Prediction", "予測"),
}
"""Where a builder lists the fields, in this order."""


def rule_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a whole rule.

    It knows no shop: whether a tier or coupon of a code is there, only `check_codes` can say, and
    how deep groups may stand in groups only `parse_rule`.
    """
    node = {"$ref": "#/$defs/node"}
    nodes = {"type": "array", "minItems": 1, "maxItems": MOST_LEAVES, "items": node}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"schema": {"const": SCHEMA}, "where": node},
        "required": ["schema", "where"],
        "additionalProperties": False,
        "$defs": {
            "node": {
                "anyOf": [
                    _object({"all": nodes}),
                    _object({"any": nodes}),
                    _object({"not": node}),
                    *({"$ref": f"#/$defs/{name}"} for name in FIELDS),
                ]
            }
        }
        | {name: _leaf(field) for name, field in FIELDS.items()},
    }


def _object(properties: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties | (optional or {}),
        "required": list(properties),
        "additionalProperties": False,
    }


def _leaf(field: Field) -> dict[str, Any]:
    """Return the schema of one field's questions: a form for each way an operator takes values."""
    needed = {option.name: _one_or_many(option) for option in field.options if option.required}
    optional = {
        option.name: _one_or_many(option) for option in field.options if not option.required
    }
    forms = []
    for takes, least, most in (("one", 1, 1), ("pair", 2, 2), ("many", 1, MOST_VALUES)):
        names = [name for name in field.allowed if OPERATORS[name].takes == takes]
        if not names:
            continue
        value = _scalar(field) if takes == "one" else _list(field, least, most)
        asked = {"field": {"const": field.name}, "is": {"enum": names}, "value": value}
        forms.append(_object(asked | needed, optional))
    return {"title": field.labels["zh-TW"], "anyOf": forms}


def _one_or_many(option: Option) -> dict[str, Any]:
    one = _scalar(option)
    return {"anyOf": [one, _list(option, 1, MOST_VALUES)]} if option.many else one


def _list(asked: Field | Option, least: int, most: int) -> dict[str, Any]:
    return {"type": "array", "minItems": least, "maxItems": most, "items": _scalar(asked)}


def _scalar(asked: Field | Option) -> dict[str, Any]:
    if asked.kind == "integer":
        return {"type": "integer", "minimum": asked.minimum, "maximum": asked.maximum}
    if asked.kind == "boolean":
        return {"type": "boolean"}
    if asked.kind == "day":
        return {"type": "string", "format": "date"}
    return {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT}


def field_catalogue(session: Session) -> list[dict[str, Any]]:
    """Return all fields as a builder shows them, with what may be chosen in this shop."""
    known: dict[Choices, list[dict[str, Any]]] = {}

    def choices(asked: Field | Option) -> list[dict[str, Any]] | None:
        if asked.choices is None:
            return None
        if asked.choices not in known:
            found = asked.choices(session)
            known[asked.choices] = [{"code": code, "name": name} for code, name in found.items()]
        return known[asked.choices]

    order = list(TOPICS)
    return [
        {
            "field": field.name,
            "topic": field.topic,
            "topic_name": TOPICS[field.topic],
            "name": field.labels,
            "kind": field.kind,
            "operators": list(field.allowed),
            "unit": field.unit,
            "freshness": field.freshness,
            "reads": field.cost,
            "choices": choices(field),
            "options": [
                {
                    "name": option.name,
                    "label": option.labels,
                    "kind": option.kind,
                    "many": option.many,
                    "required": option.required,
                    "choices": choices(option),
                }
                for option in field.options
            ],
        }
        for field in sorted(FIELDS.values(), key=lambda field: order.index(field.topic))
    ]


def told_in(part: Any, language: str, *, blank: str) -> Any:
    """Return a part of the catalogue in one language, with `blank` where a value stands."""
    if isinstance(part, list):
        return [told_in(each, language, blank=blank) for each in part]
    if not isinstance(part, Mapping):
        return part
    if "zh-TW" in part:
        return in_language(dict(part), language).replace("{}", blank).strip()
    return {name: told_in(value, language, blank=blank) for name, value in part.items()}
