"""A form of the programme as it was sent: read field by field, each with what is wrong with it."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import g, request

from handlers.console import form
from handlers.console.door import current_staff
from handlers.console.programme import fields
from handlers.console.programme.desk import Desk
from handlers.console.programme.fields import Field
from handlers.console.programme.topic import Topic
from handlers.console.refusals import explain
from models.base import BusinessError
from models.local_day import local_day
from models.offering import LONGEST_NOTE, Row, Values, Wish

FARTHEST_DAYS = 366
_CODE = re.compile(fields.CODE_PATTERN)


@dataclass(frozen=True)
class Sent:
    """A form that was sent: what it is about, what stands in it, and what is wrong with it."""

    topic: Topic
    row: Row | None
    wish: Wish
    asked: list[Field]
    errors: dict[str, str]


def read_sent(desk: Desk, topic: Topic) -> Sent:
    """Read the form of the request; what is wrong stands beside its field, and nothing is kept."""
    code = topic.kind.ONLY if topic.kind.is_single else (form.text("code", 60) or "").lower()
    row = topic.kind.find(desk.session, code) if code else None
    is_new = not request.form.get("base")
    about = row if not is_new or topic.is_closed else None
    asked = list(topic.fields(desk, about))
    errors: dict[str, str] = {}
    values: Values = {}
    for each in asked:
        try:
            values[each.name] = _read_field(each, about)
        except BusinessError as error:
            errors[each.name] = explain(desk.t, error).advice
    if not topic.kind.is_single and not _CODE.fullmatch(code):
        errors["code"] = desk.t("代碼請用小寫英文、數字、- 或 _，最多 60 個字。")
    effective_on = _effective_on(desk, errors)
    wish = Wish(
        topic.kind,
        code,
        topic.settle(values) if not errors else values,
        request.form.get("base", ""),
        (form.text("note", LONGEST_NOTE) or "") if not errors else "",
        effective_on,
        f"programme:{current_staff().id}:{form.page_key()}",
    )
    return Sent(topic, about, wish, asked, errors)


def _read_field(each: Field, row: Row | None) -> Any:
    """Return what the form brings; what only looks different, for a form has no seconds, is as it
    was, and so is what is fixed."""
    if row is None:
        return fields.read(each)
    was = getattr(row, each.name)
    if each.is_fixed:
        return was
    value = fields.read(each)
    return was if fields.write(each, value) == fields.write(each, was) else value


def _effective_on(desk: Desk, errors: dict[str, str]) -> date | None:
    try:
        day = form.day("effective_on")
    except BusinessError as error:
        errors["effective_on"] = explain(desk.t, error).advice
        return None
    today = local_day(g.now)
    if day is not None and not today <= day <= today + timedelta(days=FARTHEST_DAYS):
        errors["effective_on"] = desk.t("請填今天到一年內的日期。")
    return day
