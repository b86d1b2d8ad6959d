"""A report as JSON, so that it can be prepared by a worker and shown at once."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from models.insight.report import (
    Clicks,
    Decision,
    Lift,
    Money,
    Outcomes,
    Report,
    Sales,
    VariantLine,
)
from models.insight.unit import UnitFigure

_MOMENTS = ("as_of", "since", "until")
_OF_LINE = ("unit_name", "unique_impressions", "unique_clicks", "unique_plays", "urls")


def write_report(report: Report) -> dict[str, Any]:
    """Return a report as JSON; `read_report` makes the same one of it."""
    told = {name: _plain(value) for name, value in vars(report).items() if name != "line"}
    line = [
        {name: getattr(figure, name) for name in _OF_LINE}
        | {"from_on": figure.from_on.isoformat(), "to_on": figure.to_on.isoformat()}
        | {"read_at": figure.read_at.isoformat()}
        for figure in report.line
    ]
    return told | {"line": line}


def read_report(body: Mapping[str, Any]) -> Report:
    """Return the report that was written."""
    decision = body["decision"]
    money = body["money"]
    told: dict[str, Any] = dict(body) | {name: _moment(body[name]) for name in _MOMENTS}
    told |= {
        "outcomes": Outcomes(**body["outcomes"]),
        "channels": [(channel, messages) for channel, messages in body["channels"]],
        "clicks": Clicks(**body["clicks"]),
        "sales": Sales(**body["sales"]),
        "money": Money(**money | {"message_twd": Decimal(money["message_twd"])}),
        "lift": Lift(**body["lift"]),
        "variants": [VariantLine(**variant) for variant in body["variants"]],
        "decision": decision and Decision(**decision | {"at": _moment(decision["at"])}),
        "line": [_figure(each) for each in body["line"]],
    }
    return Report(**told)


def _figure(told: Mapping[str, Any]) -> UnitFigure:
    days = {name: date.fromisoformat(told[name]) for name in ("from_on", "to_on")}
    return UnitFigure(**dict(told) | days | {"read_at": _moment(told["read_at"])})


def _moment(told: str | None) -> datetime | None:
    return datetime.fromisoformat(told) if told is not None else None


def _plain(value: Any) -> Any:
    """Return a value of a report as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (Outcomes, Clicks, Sales, Lift, Money, VariantLine, Decision)):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value
