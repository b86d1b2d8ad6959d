"""Today: how the membership stands, what runs, and what waits for a decision (E-22, A-26)."""

from collections.abc import Mapping
from typing import Any

from flask import current_app, g, redirect, url_for
from flask.typing import ResponseReturnValue

from bot.texts import Texts
from handlers.console import chart, views
from handlers.console.door import ConsoleDoor, console_texts, is_fragment
from handlers.console.members.links import members_url
from models.base import in_language
from models.outreach.calendar import FIGURE as PLAN
from models.overview import (
    FIGURE,
    STAGES,
    Decision,
    Overview,
    forecast_month,
    list_decisions,
    list_running,
    read_overview,
)
from models.overview.stage import stage_rule
from models.prepared import find_prepared, want
from models.quota import remaining

HEALTH = ("reachable", "active_30", "active_90", "asleep", "never", "unanswering", "blocked")
"""The lines of the list's health that the first page shows, of those that are of all members."""


def show_today() -> ResponseReturnValue:
    """Show how the membership stands, what runs, and what waits for a decision."""
    found = find_prepared(g.session, FIGURE)
    if found is None:
        want(g.session, FIGURE, None, g.now)
        found = find_prepared(g.session, FIGURE)
    body = found.body if found is not None else None
    left = remaining(g.session, g.now)
    context: dict[str, Any] = {
        "found": found,
        "figure": FIGURE,
        "left": left,
        "forecast": forecast_month(left, find_prepared(g.session, PLAN), g.now),
        **_standing(),
    }
    if body is not None:
        context |= _figures(read_overview(body), console_texts())
    return views.show("today/today", **context)


def show_standing() -> ResponseReturnValue:
    """Show anew what runs and what waits; the open page asks for it now and then."""
    if not is_fragment():
        return redirect(url_for("console.today_show_today"))
    return views.show("today/_standing", **_standing())


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the first page."""
    blueprint.get("/", right="see")(show_today)
    blueprint.get("/standing", right="see")(show_standing)


def _standing() -> dict[str, Any]:
    t = console_texts()
    return {
        "running": list_running(g.session, g.now),
        "decisions": [_told(t, decision) for decision in list_decisions(g.session, g.now)],
    }


def _figures(overview: Overview, t: Texts) -> dict[str, Any]:
    total = sum(stage.members for stage in overview.stages)
    stages = [
        {
            "stage": stage,
            "name": in_language(STAGES[stage.code][0], t.language),
            "who": in_language(STAGES[stage.code][1], t.language),
            "lately": in_language(STAGES[stage.code][2], t.language),
            "share": stage.members / total if total else None,
            "url": members_url(stage_rule(g.session, stage.code)),
        }
        for stage in overview.stages
    ]
    net, before = overview.net_twd(), overview.net_twd(before=True)
    return {
        "stages": stages,
        "revenue": _revenue(overview, t),
        "net_twd": net,
        "net_change": net / before - 1 if before else None,
        "orders": sum(day.orders for day in overview.lately),
        "health": overview.health,
        "health_chart": _health(overview, t),
    }


def _revenue(overview: Overview, t: Texts) -> chart.Chart:
    days = overview.lately
    return chart.bars(
        t("會員每日淨營收"),
        [f"{day.on:%m/%d}" for day in days],
        [
            (t("回購"), [day.again_twd for day in days]),
            (t("首購"), [day.first_twd for day in days]),
        ],
        unit="money",
        stacked=True,
    )


def _health(overview: Overview, t: Texts) -> chart.Chart:
    health = overview.health
    named = [
        (name, count)
        for (name, count), key in zip(health.lines(t.language), vars(health), strict=True)
        if key in HEALTH
    ]
    shares = [count / health.members if health.members else None for _, count in named]
    return chart.bars(
        t("名單健康度（占全體會員）"),
        [_without_brackets(name) for name, _ in named],
        [(t("占全體"), shares)],
        unit="percent",
        lying=True,
    )


def _without_brackets(name: str) -> str:
    """Return a line's name without what it is explained by; the page says that below the chart."""
    return name.partition("（")[0].partition(" (")[0]


def _told(t: Texts, decision: Decision) -> dict[str, Any]:
    """Return what a kind of decision is called, how pressing it looks, and where it is made."""
    words: Mapping[str, tuple[str, str, str]] = {
        "campaign_approval": (t("活動等待核准"), "warning", "console.campaigns_show_list"),
        "campaign_paused": (t("活動已暫停"), "warning", "console.campaigns_show_list"),
        "fraud": (t("會員通報「不是我」"), "danger", "clerk.show_pending"),
        "points": (t("點數調整等待第二人"), "warning", "clerk.show_pending"),
        "counter": (t("櫃台等待店長核准"), "warning", "clerk.show_pending"),
        "contact": (t("會員請求聯絡"), "warning", "clerk.show_pending"),
        "care": (t("關懷任務"), "primary", "clerk.show_care_tasks"),
        "journey_task": (t("旅程的人工任務"), "primary", "console.journeys_tasks_show_tasks"),
        "birthday_card": (t("兩週內要寫的生日卡"), "primary", "clerk.show_birthday_cards"),
        "review": (t("評論等待審核"), "primary", "console.programme_reviews_show_reviews"),
        "class_alert": (t("分群有明顯變化"), "warning", "console.segments_alerts_show_alerts"),
    }
    name, tone, endpoint = words[decision.kind]
    url = url_for(endpoint) if endpoint in current_app.view_functions else None
    return {"name": name, "tone": tone, "url": url, "decision": decision}
