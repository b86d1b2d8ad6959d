"""Alerts: classes whose share moved more than the shop wants to overlook."""

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.console import form
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.segments.links import class_url
from handlers.console.segments.words import class_name, model_name
from handlers.console.views import go, show
from models.classification import (
    acknowledge_alert,
    change_alert_rules,
    get_alert_rules,
    list_alerts,
)

MOST_POINTS = 100


def show_alerts() -> ResponseReturnValue:
    """Show the alerts that nobody has seen, or all of them, and from when on there is one."""
    even_seen = request.args.get("seen") == "1"
    return show(
        "segments/alerts",
        alerts=[
            {
                "alert": alert,
                "name": class_name(alert.model, alert.class_code),
                "model": model_name(alert.model),
                "url": class_url(alert.model, alert.class_code),
            }
            for alert in list_alerts(g.session, even_seen=even_seen)
        ],
        even_seen=even_seen,
        rules=get_alert_rules(g.session),
        points=lambda value: console_texts().signed(value, 1),
    )


def acknowledge(alert_id: int) -> ResponseReturnValue:
    """Note that an alert was seen, and by whom."""
    t = console_texts()
    acknowledge_alert(g.session, alert_id, by=current_staff().username, now=g.now)
    return go(_home(), t("已標記為看過"))


def change_rules() -> ResponseReturnValue:
    """Set from how many percentage points on somebody is told."""
    t = console_texts()
    change_alert_rules(
        g.session,
        shift_points=form.needed_whole("shift", least=1, most=MOST_POINTS),
        growth_points=form.needed_whole("growth", least=1, most=MOST_POINTS),
        by=current_staff().username,
        now=g.now,
    )
    return go(_home(), t("已更新提醒門檻"))


def _home() -> str:
    return url_for("console.segments_alerts_show_alerts")


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the alerts' addresses."""
    blueprint.get("/models/alerts", right="see")(show_alerts)
    blueprint.post("/models/alerts/<int:alert_id>/seen", right="segments.change")(acknowledge)
    blueprint.post("/models/alerts/rules", right="segments.change")(change_rules)
