"""Values of the programme as a person reads them: in a list of facts, or before and after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from handlers.console.programme import fields
from handlers.console.programme.desk import Desk
from handlers.console.programme.fields import Field
from handlers.console.programme.topic import brings_words, weekday_words
from models.offering import Kind, OfferingChange, Values

NOTHING = "–"


@dataclass(frozen=True)
class Difference:
    """One field of a change: how it was, and how it is to be."""

    label: str
    before: str
    after: str


def shown(desk: Desk, asked: Field, value: Any) -> str:
    """Write a value; what is not set is a dash."""
    t = desk.t
    if asked.shape == fields.FLAG:
        return t("是") if value else t("否")
    if value is None or value in ("", [], {}):
        return NOTHING
    if asked.shape == fields.BRINGS:
        return brings_words(desk, value)
    if asked.shape == fields.BONUSES:
        return t("；").join(_bonus(desk, asked, each) for each in value)
    return _plain(desk, asked, value)


def _plain(desk: Desk, asked: Field, value: Any) -> str:
    t = desk.t
    if isinstance(value, datetime):
        return t.moment(value)
    if isinstance(value, date):
        return t.date(value)
    if isinstance(value, dict):
        return desk.name(value)
    known = dict(asked.options)
    if isinstance(value, list):
        return t("、").join(known.get(str(each), str(each)) for each in value)
    if asked.shape == fields.CHOICE:
        return known.get(str(value), str(value))
    return _number(desk, asked, value) if isinstance(value, int) else str(value)


def _number(desk: Desk, asked: Field, value: int) -> str:
    t = desk.t
    if asked.unit == "NT$":
        return t.money(value)
    unit = asked.unit if asked.unit in ("", "%") else f" {asked.unit}"
    return f"{t.number(value)}{unit}"


def _bonus(desk: Desk, asked: Field, words: Mapping[str, Any]) -> str:
    t = desk.t
    about = {
        "weekday": weekday_words(t, words.get("weekdays") or ()),
        "category": words.get("category") or "",
    }.get(words["kind"], "")
    name = dict(asked.more.get("kind", ())).get(words["kind"], words["kind"])
    return t("{name}{about} 加 {stamps} 格", name=name, about=about, stamps=words["stamps"])


def differences(
    desk: Desk, asked: Sequence[Field], before: Values | None, after: Values
) -> list[Difference]:
    """Return what a change changes, field by field; of something new all that is set."""
    found = []
    for each in asked:
        if each.name not in after:
            continue
        was = shown(desk, each, before.get(each.name)) if before is not None else NOTHING
        becomes = shown(desk, each, after[each.name])
        texts = (before or {}).get(each.name) != after[each.name]
        if was != becomes or (before is not None and texts):
            found.append(Difference(each.label, was, becomes))
    return found


def changed_by(
    desk: Desk, kind: Kind, asked: Sequence[Field], change: OfferingChange
) -> list[Difference]:
    """Return what a change that was asked for, or made, changes, field by field."""
    before = kind.from_json(change.before) if change.before is not None else None
    return differences(desk, asked, before, kind.from_json(change.after))


def facts_of(desk: Desk, asked: Sequence[Field], values: Values) -> list[tuple[str, str]]:
    """Return what is set of one thing, for its page."""
    told = [(each.label, shown(desk, each, values.get(each.name))) for each in asked]
    return [(label, value) for label, value in told if value != NOTHING]
