"""The form of a campaign: what it holds for a kept one, and what was typed into it.

`typed` is a mapping of the form's fields, as a draft keeps them too: a text, or a list of them
where a field stands several times. Variants are four such fields, in the order of the page.
"""

import json
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from flask import request

from handlers.address import read_whole
from handlers.console import form
from handlers.console.campaigns.content import EMPTY, read_content
from handlers.console.segments.typed import EMPTY as EMPTY_RULE
from handlers.console.segments.typed import typed_rule
from models.campaign import Campaign, schedule_of
from models.campaign.schedule import MONTHLY, NOW, ONCE, RECURRING, WEEKLY, slot_name
from models.campaign.table import (
    CHANNELS,
    KINDS,
    LONGEST_CODE,
    LONGEST_NAME,
    METRICS,
    USUAL_ATTRIBUTION_DAYS,
    USUAL_GRACE_MINUTES,
    USUAL_HOLDOUT_PERCENT,
    USUAL_PRIORITY,
)
from models.content import LANGUAGES
from models.local_day import local_day
from models.segment import Rule
from models.segment.table import LONGEST_CODE as LONGEST_SEGMENT

Typed = Mapping[str, Any]

KEPT, OWN = AUDIENCES = ("kept", "own")
"""To whom: a segment of the list, or whom the conditions in this form mean."""
USUAL_TIME = time(10)
USUAL_SIZE, USUAL_WAIT_HOURS, ALL_PERCENT = 200, 24, 100
OF_VARIANT = ("variant_code", "variant_share", "variant_segment", "variant_content")
VARIANT_CODES = "ABCDEFGH"
WHOLES = ("holdout_percent", "grace_minutes", "attribution_days", "priority")


def blank(
    now: datetime, *, segment: str = "", rule: str = "", coupon: str = "", name: str = ""
) -> dict[str, Any]:
    """Return the form of a new campaign, with what the page that led here told."""
    at = datetime.combine(local_day(now) + timedelta(days=1), USUAL_TIME)
    content: dict[str, Any] = EMPTY
    if coupon:
        content = {"schema": 1, "messages": [{"type": "coupon", "template": coupon}]}
    return {
        "name_zh-TW": name,
        "audience": OWN if rule else KEPT,
        "segment": segment,
        "rule": rule or EMPTY_RULE,
        "variant_code": VARIANT_CODES[0],
        "variant_share": str(ALL_PERCENT),
        "variant_segment": "",
        "variant_content": json.dumps(content, ensure_ascii=False),
        "holdout_percent": str(USUAL_HOLDOUT_PERCENT),
        "when": ONCE,
        "at": f"{at:%Y-%m-%dT%H:%M}",
        "time": f"{USUAL_TIME:%H:%M}",
        "metric": METRICS[0],
        "size": str(USUAL_SIZE),
        "wait_hours": str(USUAL_WAIT_HOURS),
        "test_percent": str(ALL_PERCENT),
        "grace_minutes": str(USUAL_GRACE_MINUTES),
        "attribution_days": str(USUAL_ATTRIBUTION_DAYS),
        "priority": str(USUAL_PRIORITY),
        "channel": CHANNELS[0],
        "kind": KINDS[0],
    }


def typed_of(campaign: Campaign, own_rule: Rule | None, now: datetime) -> dict[str, Any]:
    """Return the form of a kept campaign, with the rule that was made for it alone, if any."""
    names = {f"name_{each}": campaign.name.get(each, "") for each in LANGUAGES}
    own = {name: str(getattr(campaign, name)) for name in WHOLES}
    rule = campaign.stop_rule
    judged = {} if rule is None else {"judged": "1"} | {key: str(rule[key]) for key in rule}
    variants = {
        "variant_code": [each["code"] for each in campaign.variants],
        "variant_share": [str(each["share"]) for each in campaign.variants],
        "variant_segment": [each.get("segment", "") for each in campaign.variants],
        "variant_content": [
            json.dumps(each["content"], ensure_ascii=False) for each in campaign.variants
        ],
    }
    if own_rule is None:
        whom = {"segment": campaign.segment_code}
    else:
        whom = {"audience": OWN, "rule": json.dumps(own_rule.as_json(), ensure_ascii=False)}
    return (
        blank(now)
        | names
        | {"code": campaign.code}
        | whom
        | {name: getattr(campaign, name) for name in ("metric", "channel", "kind")}
        | own
        | {"budget_twd": str(campaign.budget_twd or "")}
        | judged
        | variants
        | _typed_schedule(campaign)
    )


def _typed_schedule(campaign: Campaign) -> dict[str, Any]:
    schedule = schedule_of(campaign)
    if not schedule.recurs:
        told = {"at": slot_name(schedule.at)} if schedule.at is not None else {}
        return {"when": schedule.when} | told
    days = [str(day) for day in schedule.on]
    return {
        "when": RECURRING,
        "every": schedule.every,
        "on_week": days if schedule.every == WEEKLY else [],
        "on_month": ", ".join(days) if schedule.every == MONTHLY else "",
        "time": f"{schedule.at_time:%H:%M}",
        "from": schedule.starts_on.isoformat() if schedule.starts_on else "",
        "until": schedule.ends_on.isoformat() if schedule.ends_on else "",
    }


def sent_form() -> dict[str, Any]:
    """Return what was sent, to fill the form again; also what somebody typed and did not save."""
    return {name: values if len(values) > 1 else values[0] for name, values in request.form.lists()}


def several(typed: Typed, name: str) -> list[str]:
    """Return all values of a field that may stand several times."""
    value = typed.get(name, [])
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def variants_in(typed: Typed) -> list[dict[str, str]]:
    """Return the variants of a form, one at the least, for the page to draw."""
    columns = [several(typed, name) for name in OF_VARIANT]
    count = max((len(column) for column in columns), default=0)
    padded = [column + [""] * (count - len(column)) for column in columns]
    names = ("code", "share", "segment", "content")
    return [dict(zip(names, row, strict=True)) for row in zip(*padded, strict=True)]


def read_told() -> dict[str, Any]:
    """Return the campaign that was sent, as `models/campaign/detail.py` reads it.

    Raises FieldRefused, or a refusal of the rule or the content with its place.
    """
    names = {each: form.text(f"name_{each}", LONGEST_NAME) for each in LANGUAGES}
    told: dict[str, Any] = {
        "name": {language: name for language, name in names.items() if name},
        "variants": _read_variants(),
        "schedule": _read_schedule(),
        "kind": form.needed_choice("kind", KINDS),
        "channel": form.needed_choice("channel", CHANNELS),
        "metric": form.needed_choice("metric", METRICS),
        "stop_rule": _read_rule(),
        "budget_twd": form.whole("budget_twd"),
    }
    form.needed(f"name_{LANGUAGES[0]}", LONGEST_NAME)
    return told | _read_whom() | {name: form.needed_whole(name) for name in WHOLES}


def _read_whom() -> dict[str, Any]:
    if form.needed_choice("audience", AUDIENCES) == OWN:
        return {"rule": typed_rule().as_json()}
    return {"segment": form.needed("segment", LONGEST_SEGMENT)}


def read_code() -> str | None:
    """Return the code that was chosen for a new campaign, where one was."""
    return form.text("code", LONGEST_CODE)


def _read_variants() -> list[dict[str, Any]]:
    read = []
    for place, each in enumerate(variants_in(sent_form())):
        share = read_whole(each["share"])
        if share is None:
            raise form.FieldRefused(field=f"variants[{place}].share", why="whole")
        variant: dict[str, Any] = {
            "code": each["code"],
            "share": share,
            "content": read_content(each["content"], f"variants[{place}].content"),
        }
        read.append(variant | ({"segment": each["segment"]} if each["segment"] else {}))
    return read


def _read_schedule() -> dict[str, Any]:
    when = form.needed_choice("when", (NOW, ONCE, RECURRING))
    if when == NOW:
        return {"when": NOW}
    if when == ONCE:
        at = form.moment("at")
        if at is None:
            raise form.FieldRefused(field="at", why="missing")
        return {"when": ONCE, "at": at.isoformat()}
    told: dict[str, Any] = {
        "when": RECURRING,
        "every": form.text("every"),
        "time": form.text("time"),
    }
    if told["every"] == WEEKLY:
        told["on"] = request.form.getlist("on_week")
    elif told["every"] == MONTHLY:
        told["on"] = _read_days(form.text("on_month") or "")
    days = {"from": form.day("from"), "until": form.day("until")}
    return told | {key: day.isoformat() for key, day in days.items() if day is not None}


def _read_days(typed: str) -> list[int]:
    """Read days of the month, such as `1, 15`."""
    days = [read_whole(part) for part in form.parts_of(typed, also=" ")]
    if None in days:
        raise form.FieldRefused(field="on_month", why="whole")
    return [day for day in days if day is not None]


def _read_rule() -> dict[str, int] | None:
    if not form.flag("judged"):
        return None
    return {name: form.needed_whole(name) for name in ("size", "wait_hours", "test_percent")}
