"""What a template is, and the few shapes of which its steps are written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.base import Texts, said
from models.content.content import GIVEN

Json = dict[str, Any]
WIN_BACK = "win_back"
"""The purpose of messages to who stopped coming: one at a time, whichever journey it is of."""
SHOW_COUPONS = {
    "label": said("看我的優惠券", "My coupons", "クーポンを見る"),
    "tap": "show_coupons",
}


@dataclass(frozen=True)
class Survey:
    """A survey that a template asks, made with it where the shop has none of its code."""

    kind: str
    name: Texts
    question: Texts
    reasons: Mapping[str, Texts]


@dataclass(frozen=True)
class Template:
    """A journey ready to be installed, with what it needs beside it."""

    code: str
    names: Texts
    about: Texts
    """What it does, for whoever chooses."""
    definition: Json
    coupons: tuple[Json, ...] = ()
    """Coupon templates made with it where the shop has none of their code."""
    surveys: Mapping[str, Survey] = field(default_factory=dict)


def journey(trigger: Json, *steps: Json, **options: Any) -> Json:
    """Return a definition: what it waits for, its steps in order, and its options.

    A step that does not say where it leads goes on to the one after it, the last to the end.
    """
    following = [step["id"] for step in steps[1:]] + [None]
    linked = [
        step if {"next", "yes"} & set(step) else {**step, "next": onwards}
        for step, onwards in zip(steps, following, strict=True)
    ]
    return {"schema": 1, "trigger": trigger, **options, "steps": linked}


def wait(step_id: str, days: int, at: str) -> Json:
    """Wait so many days, until a time of day in Taipei."""
    return {"id": step_id, "do": "wait", "for": {"days": days}, "time": at}


def wait_hours(step_id: str, hours: int) -> Json:
    """Wait so many hours."""
    return {"id": step_id, "do": "wait", "for": {"hours": hours}}


def wait_until(step_id: str, fact: str, days: int, at: str, *, when_past: str = "exit") -> Json:
    """Wait until so many days after a fact's day; who comes too late leaves, unless told."""
    until = {"fact": fact, "days": days, "time": at}
    return {"id": step_id, "do": "wait", "until": until, "when_past": when_past}


def asks(step_id: str, question: Json, *, yes: str | None, no: str | None) -> Json:
    """Go one way or the other by a question of a segment's rule."""
    rule = {"schema": 1, "where": question}
    return {"id": step_id, "do": "condition", "if": {"rule": rule}, "yes": yes, "no": no}


def may_write(step_id: str, purpose: str, *, yes: str) -> Json:
    """Go on where the member may be written to now; else it is over, and nothing is given."""
    asked = {"may_write": True, "purpose": purpose}
    return {"id": step_id, "do": "condition", "if": asked, "yes": yes, "no": None}


def send(step_id: str, *parts: Json, **options: Any) -> Json:
    """Send a content of these parts."""
    content = {"schema": 1, "messages": list(parts)}
    return {"id": step_id, "do": "send", "content": content, **options}


def coupon(step_id: str, template: str | Json, **options: Any) -> Json:
    """Give a coupon; the key of the cause, where told, keeps it one for that cause."""
    return {"id": step_id, "do": "coupon", "template": template, **options}


def text(zh: str, en: str, ja: str) -> Json:
    """Return a plain text in three languages."""
    return {"type": "text", "text": said(zh, en, ja)}


def card(template: str, **fields: Any) -> Json:
    """Return a card of the gallery; an empty field is left out."""
    return {"type": "card", "template": template, "fields": fields}


def given(template: str, **fields: Any) -> Json:
    """Return a card with the coupon that a step before, or the cause, brought."""
    return card(template, coupon=GIVEN, **fields)


def button(tap: str, zh: str, en: str, ja: str) -> Json:
    """Return a button that answers in the chat."""
    return {"label": said(zh, en, ja), "tap": tap}
