"""Confirming a campaign: who gets it, what it costs, what quota is left; then it is submitted."""

from typing import Any

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.address import read_id
from handlers.console import views
from handlers.console.campaigns.part import show_part
from handlers.console.campaigns.words import arm_name
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.members.links import members_url
from models.base import in_language
from models.campaign import (
    Campaign,
    check_unchanged,
    foresee_held_back,
    get_campaign,
    last_change,
    preview_campaign,
    submit_campaign,
)
from models.insight.reason import reason_name
from models.segment.freshness import FRESHNESS, freshness_of
from models.segment.keeping import get_version, rule_of


def show_confirm(code: str) -> ResponseReturnValue:
    """Show what would be sent; the figures, which are counted, come a moment after the page."""
    campaign = get_campaign(g.session, code)
    return views.show("campaigns/confirm", campaign=campaign)


def show_preview(code: str) -> ResponseReturnValue:
    """Count who would get the campaign now and what that costs; with it comes the next step.

    It is submitted, or approved, as it was when it was counted.
    """
    campaign = get_campaign(g.session, code)
    return show_part("preview", **_preview(campaign))


def submit(code: str) -> ResponseReturnValue:
    """Confirm a draft as it was shown: it is scheduled, or waits for a second person."""
    t, campaign = console_texts(), get_campaign(g.session, code)
    base = read_id(request.form.get("draft_base"))
    check_unchanged(g.session, campaign, base or 0)
    preview = submit_campaign(g.session, code, by=current_staff().username, now=g.now)
    told = t("已送出，等另一位老闆或店長核准") if preview.needs_approval else t("已排程")
    return views.go(url_for("console.campaigns_standing_show_campaign", code=code), told)


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the confirmation."""
    blueprint.get("/campaigns/<code>/confirm", right="campaigns.change")(show_confirm)
    blueprint.post("/campaigns/<code>/confirm", right="campaigns.change")(submit)
    blueprint.get("/campaigns/<code>/preview", right="see")(show_preview)


def _preview(campaign: Campaign) -> dict[str, Any]:
    t = console_texts()
    version = get_version(g.session, campaign.segment_code, campaign.segment_version)
    preview = preview_campaign(g.session, campaign.code, g.now)
    return {
        "campaign": campaign,
        "base": last_change(g.session, campaign).id,
        "preview": preview,
        "held_back": foresee_held_back(g.session, campaign.code, preview, g.now),
        "reason_words": lambda reason: in_language(reason_name(reason), t.language),
        "people_url": members_url(version.rule),
        "freshness": in_language(FRESHNESS[freshness_of(rule_of(version))], t.language),
        "arm_name": lambda variant: arm_name(t, variant),
    }
