"""Writing a campaign: one form for a new one and for a draft, with its reach and cost beside it."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from bot.texts import Texts
from handlers.console import views
from handlers.console.campaigns.part import show_part
from handlers.console.campaigns.refusals import explain_refusal
from handlers.console.campaigns.typed import (
    VARIANT_CODES,
    blank,
    read_code,
    read_told,
    sent_form,
    several,
    typed_of,
    variants_in,
)
from handlers.console.campaigns.words import (
    channel_names,
    detail_names,
    kind_names,
    metric_names,
    said_detail,
    weekday_names,
)
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.members.links import LIST
from handlers.console.segments.links import builder_url, segment_url
from handlers.headers import allow_pictures
from models.base import BusinessError
from models.campaign import (
    Campaign,
    CampaignChange,
    CampaignChangedMeanwhile,
    add_campaign,
    change_campaign,
    estimate_campaign,
    free_code,
    get_campaign,
    last_change,
    list_changes,
)
from models.campaign.schedule import DAILY, MONTHLY, NOW, ONCE, RECURRING, WEEKLY
from models.campaign.table import CHANNELS, LINE, LONGEST_NAME, MOST_HOLDOUT_PERCENT
from models.draft import drop_draft
from models.segment.keeping import list_segments

NEW = "campaign:new"
EMPTY_RULE: dict[str, Any] = {"schema": 1, "where": {"all": []}}


def show_new() -> ResponseReturnValue:
    """Show the form of a new campaign: what was typed before, or what the page before told."""
    asked = {name: request.args.get(name, "") for name in ("segment", "coupon", "name")}
    begun = blank(g.now, **asked | {"name": asked["name"][:LONGEST_NAME]})
    draft = None if any(asked.values()) else views.draft_values(NEW)
    return _show(NEW, begun | (draft or {}), has_draft=draft is not None)


def show_edit(code: str) -> ResponseReturnValue:
    """Show a draft's form, with what this person typed and did not save."""
    campaign = get_campaign(g.session, code)
    if campaign.state != "draft":
        return views.go(url_for("console.campaigns_standing_show_campaign", code=code))
    what = f"campaign:{code}"
    draft = views.draft_values(what)
    typed = typed_of(campaign, g.now) | (draft or {})
    return _show(what, typed, campaign=campaign, has_draft=draft is not None)


def save_new() -> ResponseReturnValue:
    """Keep a new campaign as a draft."""
    t, staff = console_texts(), current_staff()
    try:
        told = read_told()
        code = read_code() or free_code(g.session, told["name"].get("en", ""), g.now)
        add_campaign(g.session, code, told, by=staff.username, now=g.now)
    except BusinessError as refusal:
        return _show_again(NEW, refusal)
    drop_draft(g.session, staff, NEW)
    return views.go(url_for("console.campaigns_standing_show_campaign", code=code), t("草稿已儲存"))


def save_edit(code: str) -> ResponseReturnValue:
    """Change a draft, unless somebody else did so since the form was opened."""
    t, staff, what = console_texts(), current_staff(), f"campaign:{code}"
    campaign = get_campaign(g.session, code)
    typed = request.form.get("draft_base", "")
    base = int(typed) if typed.isdecimal() else last_change(g.session, campaign).id
    try:
        told = read_told()
        if told["segment"] != campaign.segment_code:
            told["segment_version"] = None
        change_campaign(g.session, code, told, by=staff.username, now=g.now, base=base)
    except CampaignChangedMeanwhile as refusal:
        theirs = [each for each in list_changes(g.session, code) if each.id > base]
        return _show_again(what, refusal, campaign=campaign, theirs=theirs)
    except BusinessError as refusal:
        return _show_again(what, refusal, campaign=campaign, base=base)
    drop_draft(g.session, staff, what)
    return views.go(url_for("console.campaigns_standing_show_campaign", code=code), t("已儲存"))


def show_estimate() -> ResponseReturnValue:
    """Tell about how many a campaign reaches and what it costs, while its form is filled in."""
    segment = request.args.get("segment", "")
    holdout = request.args.get("holdout_percent", None, int)
    percent = min(max(holdout or 0, 0), MOST_HOLDOUT_PERCENT)
    channel = request.args.get("channel", LINE)
    estimate = (
        estimate_campaign(
            g.session,
            segment,
            holdout_percent=percent,
            channel=channel if channel in CHANNELS else LINE,
            now=g.now,
        )
        if segment
        else None
    )
    return show_part(
        "estimate", estimate=estimate, people_url=f"{LIST}?{urlencode({'segment': segment})}"
    )


def show_variant() -> ResponseReturnValue:
    """Bring the fields of one more variant into an open form."""
    place = min(max(request.args.get("place", 1, int) or 1, 1), len(VARIANT_CODES) - 1)
    begun = variants_in(blank(g.now))[0]
    return show_part(
        "variant",
        variant=begun | {"code": VARIANT_CODES[place]},
        place=place,
        segments=_segments(console_texts()),
        is_removable=True,
    )


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the form and what it asks for while it is filled in."""
    blueprint.get("/campaigns/new", right="campaigns.change")(show_new)
    blueprint.post("/campaigns/new", right="campaigns.change")(save_new)
    blueprint.get("/campaigns/estimate", right="campaigns.change")(show_estimate)
    blueprint.get("/campaigns/variant", right="campaigns.change")(show_variant)
    blueprint.get("/campaigns/<code>/edit", right="campaigns.change")(show_edit)
    blueprint.post("/campaigns/<code>/edit", right="campaigns.change")(save_edit)


def _show_again(what: str, refusal: BusinessError, **context: Any) -> ResponseReturnValue:
    """Show the form with what was sent, and why it was not kept."""
    t = console_texts()
    return _show(what, sent_form(), 409, notice=explain_refusal(t, refusal), **context)


def _show(
    what: str,
    typed: dict[str, Any],
    status: int = 200,
    *,
    campaign: Campaign | None = None,
    theirs: Sequence[CampaignChange] = (),
    base: int | None = None,
    **context: Any,
) -> ResponseReturnValue:
    t = console_texts()
    if campaign is not None and base is None:
        base = last_change(g.session, campaign).id
    page = views.show(
        "campaigns/edit",
        status,
        what=what,
        typed=typed,
        campaign=campaign,
        base=base,
        theirs=_compared(t, theirs),
        variants=variants_in(typed),
        most_variants=len(VARIANT_CODES),
        segments=_segments(t),
        segment_url=segment_url,
        builder_url=builder_url(EMPTY_RULE),
        others=views.edited_by_others(what),
        several=lambda name: several(typed, name),
        **_choices(t),
        **context,
    )
    return allow_pictures(page)


def _choices(t: Texts) -> dict[str, Any]:
    return {
        "channels": list(channel_names(t).items()),
        "metrics": list(metric_names(t).items()),
        "kinds": list(kind_names(t).items()),
        "weekdays": list(weekday_names(t).items()),
        "whens": [(ONCE, t("指定時間")), (NOW, t("核准後立即")), (RECURRING, t("定期重複"))],
        "everies": [(DAILY, t("每天")), (WEEKLY, t("每週")), (MONTHLY, t("每月"))],
    }


def _segments(t: Texts) -> list[tuple[str, str]]:
    named = [
        (segment.code, segment.name.get(t.language) or segment.name["zh-TW"])
        for segment, _ in list_segments(g.session)
    ]
    return sorted(named, key=lambda each: each[1])


def _compared(t: Texts, changes: Sequence[CampaignChange]) -> list[dict[str, Any]]:
    """Return what others changed meanwhile: whose, when, and each detail before and after."""
    names = detail_names(t)
    return [
        {
            "by": change.by,
            "at": change.at,
            "details": [
                (
                    names.get(name, name),
                    said_detail(t, name, (change.before or {}).get(name)),
                    said_detail(t, name, value),
                )
                for name, value in (change.after or {}).items()
                if name in names
            ],
        }
        for change in changes
    ]
