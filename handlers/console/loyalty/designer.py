"""The threshold designer (X4): basket, repeat purchases, stalls, silence and budget on one page."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from bot.texts import Texts
from handlers.console import chart, form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.members.links import members_url
from models.analysis import gap_text, get_analysis
from models.analysis.figures import DESIGN
from models.analysis.parameter import read_all
from models.analysis.recency import MONTH_DAYS
from models.base import in_language
from models.journey.templates import install_template
from models.journey.templates.returning_home import BEFORE_MONTH_4
from models.prepared import find_prepared, want
from models.segment.rule import SCHEMA
from models.tier import list_tiers

LONGEST_TOLD = 200
LONGEST_SILENCE_DAYS = 360
AS_OF = "as_of"
UNASKED = (AS_OF,)
"""Parameters that the page leaves at their default: it is about today."""


def show_designer() -> ResponseReturnValue:
    """Show the designer as it was last worked out for what the address asks."""
    t, asked = console_texts(), _asked(request.args)
    found = find_prepared(g.session, DESIGN, asked)
    body = found.body if found else None
    told: dict[str, Any] = {} if body is None else _told(t, body, found.as_of if found else None)
    return views.show(
        "loyalty/designer",
        found=found,
        name=DESIGN,
        asked_json=json.dumps(asked),
        typed=request.args,
        parameters=[
            (each, in_language(each.title, t.language))
            for each in get_analysis("design").parameters
            if each.name not in UNASKED
        ],
        populations=[("all", t("全部買過的人")), ("repeat", t("買過兩次以上的人"))],
        remind_day=BEFORE_MONTH_4.definition["trigger"]["days"],
        exact=lambda share: f"{share:.2%}",
        **told,
    )


def work_out() -> ResponseReturnValue:
    """Have the designer worked out for what was typed. Raises ParameterRefused."""
    asked = _asked(request.form)
    read_all(get_analysis("design").parameters, asked)
    want(g.session, DESIGN, asked, g.now)
    there = url_for("console.loyalty_designer_show_designer")
    return views.go(f"{there}?{urlencode(asked)}" if asked else there)


def remind() -> ResponseReturnValue:
    """Make the journey that calls members back before they are lost, as a draft (C-07)."""
    days = form.needed_whole("days", least=1, most=LONGEST_SILENCE_DAYS)
    by, t = current_staff(), console_texts()
    journey = install_template(
        g.session, BEFORE_MONTH_4.code, by=by.username, now=g.now, activate=False, days=days
    )
    return views.go(
        url_for("console.journeys_editing_show_editor", code=journey.code),
        t("旅程已經在這裡。看過內容後再啟用。"),
    )


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the threshold designer."""
    blueprint.get("/loyalty/designer", right="see")(show_designer)
    blueprint.post("/loyalty/designer", right="see")(work_out)
    blueprint.post("/loyalty/designer/remind", right="campaigns.change")(remind)


def _asked(told: Mapping[str, str]) -> dict[str, str]:
    names = [each.name for each in get_analysis("design").parameters if each.name not in UNASKED]
    typed = {name: told.get(name, "").strip()[:LONGEST_TOLD] for name in names}
    return {name: text for name, text in typed.items() if text}


def _told(t: Texts, body: Mapping[str, Any], as_of: Any) -> dict[str, Any]:
    """Return what the page shows of a design that was made."""
    thresholds = body["thresholds"]
    return {
        "body": body,
        "thresholds": thresholds,
        "gap_words": gap_text(thresholds["gap_twd"], t.language) if thresholds else None,
        "draft_url": _draft_url(thresholds),
        "stall": _stall(t, body["stall"], as_of),
        "candidates": {each["over_twd"]: each for each in body["stall"]["candidates"]},
        "bands": [
            (band_name(t, band), band, _band_people(band)) for band in body["stall"]["bands"]
        ],
        "marked_name": band_name(t, marked) if (marked := body["stall"]["marked"]) else None,
        "frequency": _frequency(t, body["frequency"], as_of),
        "step_people": [_step_people(step) for step in body["frequency"]["steps"]],
        "recency": _recency(t, body["recency"], as_of),
        "month_people": [_month_people(month) for month in body["recency"]["months"]],
        "notes": {
            part: [note["text"][t.language] for note in body[part]["notes"]]
            for part in ("stall", "frequency", "recency")
        }
        | {
            "thresholds": [
                note["text"][t.language] for note in (thresholds or {}).get("notes", ())
            ],
            "page": [note["text"][t.language] for note in body["notes"]],
            "budget": [
                note["text"][t.language] for note in (body["budget"] or {}).get("notes", ())
            ],
        },
    }


def _draft_url(thresholds: Mapping[str, Any] | None) -> str | None:
    """Return where a proposal with these thresholds is begun, tier by tier from below."""
    if thresholds is None:
        return None
    asked = [thresholds["first_twd"], thresholds["second_twd"], *thresholds["further_twd"]]
    steps = [tier for tier in list_tiers(g.session) if tier.rank]
    told = {f"threshold_{tier.code}": amount for tier, amount in zip(steps, asked, strict=False)}
    return f"{url_for('console.loyalty_proposals_show_new')}?{urlencode(told)}"


# --- charts, and the people behind them ---


def band_name(t: Texts, band: Mapping[str, Any]) -> str:
    """Return a band of spending as people say it."""
    if band["up_to_twd"] is None:
        return t("超過 {money}", money=t.money(band["over_twd"]))
    if not band["over_twd"]:
        return t("{money} 以下", money=t.money(band["up_to_twd"]))
    low, high = t.money(band["over_twd"] + 1), t.number(band["up_to_twd"])
    return t("{low}–{high}", low=low, high=high)


def _stall(t: Texts, stall: Mapping[str, Any], as_of: Any) -> chart.Chart:
    """Describe how many stop in each band, up to the last that can be judged."""
    judged = [at for at, band in enumerate(stall["bands"]) if band["is_judged"]]
    bands = stall["bands"][: max(judged, default=-1) + 1]
    return chart.bars(
        t("停在這級的比例＝這級人數 ÷ 這級以上人數"),
        [band_name(t, band) for band in bands],
        [(t("停在這級"), [band["ratio"] if band["is_judged"] else None for band in bands])],
        unit="percent",
        urls=[_band_people(band) for band in bands],
        as_of=as_of,
    )


def _frequency(t: Texts, curve: Mapping[str, Any], as_of: Any) -> chart.Chart:
    steps = [step for step in curve["steps"] if step["judged"]]
    return chart.trend(
        t("買過 n 次的人，又再買的比例"),
        [t("{orders} 次", orders=step["orders"]) for step in steps],
        [(t("回購率"), [step["rate"] for step in steps])],
        unit="percent",
        bands=[_interval(t, steps)],
        as_of=as_of,
    )


def _recency(t: Texts, curve: Mapping[str, Any], as_of: Any) -> chart.Chart:
    months = [month for month in curve["months"] if month["silent"]]
    return chart.trend(
        t("離上次消費第幾個月，沒有回來的比例"),
        [t("第 {month} 個月", month=month["month"]) for month in months],
        [(t("流失率"), [month["churn"] for month in months])],
        unit="percent",
        bands=[_interval(t, months)],
        as_of=as_of,
    )


def _interval(t: Texts, rows: Sequence[Mapping[str, Any]]) -> tuple[str, list[float], list[float]]:
    return t("95% 區間"), [row["low"] for row in rows], [row["high"] for row in rows]


def _between(field: str, low: int, high: int | None) -> str:
    """Return the list of members whose figure lies within, both ends included."""
    wanted: list[dict[str, Any]] = [{"field": field, "is": "at_least", "value": low}]
    if high is not None:
        wanted.append({"field": field, "is": "at_most", "value": high})
    return members_url({"schema": SCHEMA, "where": {"all": wanted}})


def _band_people(band: Mapping[str, Any]) -> str:
    low = band["over_twd"] + 1 if band["over_twd"] else 0
    return _between("purchased_twd", low, band["up_to_twd"])


def _step_people(step: Mapping[str, Any]) -> str:
    return _between("purchases", step["orders"], step["orders"])


def _month_people(month: Mapping[str, Any]) -> str:
    first = (month["month"] - 1) * MONTH_DAYS
    return _between("days_since_purchase", first, first + MONTH_DAYS - 1)
