"""Writing a campaign: one form for a new one and for a draft, with its reach and cost beside it."""

from collections.abc import Sequence
from typing import Any

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from bot.texts import Texts
from handlers.address import read_id, read_whole
from handlers.console import form, views
from handlers.console.campaigns.part import show_part
from handlers.console.campaigns.refusals import explain_refusal
from handlers.console.campaigns.typed import (
    KEPT,
    OWN,
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
from handlers.console.members.links import members_url, segment_people_url
from handlers.console.segments.sizing import advice_on, counted_of
from handlers.console.segments.typed import typed_rule
from handlers.headers import allow_pictures
from models.base import BusinessError
from models.campaign import (
    Campaign,
    CampaignChange,
    CampaignChangedMeanwhile,
    CampaignExists,
    add_campaign,
    change_campaign,
    estimate_campaign,
    get_campaign,
    last_change,
    list_changes,
    own_rule,
    says,
)
from models.campaign.schedule import DAILY, MONTHLY, NOW, ONCE, RECURRING, WEEKLY
from models.campaign.table import CHANNELS, LINE, LONGEST_NAME, MOST_HOLDOUT_PERCENT
from models.draft import drop_draft
from models.segment import Rule, Size, size_of
from models.segment.codes import check_codes
from models.segment.keeping import count_version, get_version, list_segments, rule_of
from models.segment.refusals import EmptyList, RuleRefused

NEW = "campaign:new"


def show_new() -> ResponseReturnValue:
    """Show the form of a new campaign: what was typed before, or what the page before told."""
    asked = {name: request.args.get(name, "") for name in ("segment", "rule", "coupon", "name")}
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
    typed = typed_of(campaign, own_rule(g.session, campaign), g.now) | (draft or {})
    return _show(what, typed, campaign=campaign, has_draft=draft is not None)


def save_new() -> ResponseReturnValue:
    """Keep a new campaign as a draft; sent twice it is kept once."""
    t, staff = console_texts(), current_staff()
    try:
        told, code = read_told(), read_code() or form.page_code("c")
        add_campaign(g.session, code, told, by=staff.username, now=g.now)
    except CampaignExists as refusal:
        g.session.rollback()
        if not says(g.session, get_campaign(g.session, code), told):
            return _show_again(NEW, refusal)
    except BusinessError as refusal:
        return _show_again(NEW, refusal)
    drop_draft(g.session, staff, NEW)
    return views.go(url_for("console.campaigns_standing_show_campaign", code=code), t("草稿已儲存"))


def save_edit(code: str) -> ResponseReturnValue:
    """Change a draft, unless somebody else did so since the form was opened."""
    t, staff, what = console_texts(), current_staff(), f"campaign:{code}"
    campaign = get_campaign(g.session, code)
    base = read_id(request.form.get("draft_base")) or last_change(g.session, campaign).id
    try:
        told = read_told()
        change_campaign(g.session, code, told, by=staff.username, now=g.now, base=base)
    except CampaignChangedMeanwhile as refusal:
        if not says(g.session, campaign, told):  # Else it was this very page, sent before.
            theirs = [each for each in list_changes(g.session, code) if each.id > base]
            return _show_again(what, refusal, campaign=campaign, theirs=theirs)
    except BusinessError as refusal:
        return _show_again(what, refusal, campaign=campaign, base=base)
    drop_draft(g.session, staff, what)
    return views.go(url_for("console.campaigns_standing_show_campaign", code=code), t("已儲存"))


def show_estimate() -> ResponseReturnValue:
    """Tell about how many a campaign reaches and what it costs, while its form is filled in."""
    asked = request.values
    try:
        whom = _asked_whom()
    except EmptyList:
        whom = None
    except RuleRefused as refused:
        return show_part("estimate", unfinished=advice_on(refused), path=refused.facts["path"])
    if whom is None:
        return show_part("estimate", estimate=None, is_own=asked.get("audience") == OWN)
    size, rule, people = whom
    holdout = read_whole(asked.get("holdout_percent"))
    channel = asked.get("channel", LINE)
    estimate = estimate_campaign(
        g.session,
        size,
        holdout_percent=min(max(holdout or 0, 0), MOST_HOLDOUT_PERCENT),
        channel=channel if channel in CHANNELS else LINE,
        now=g.now,
    )
    return show_part(
        "estimate",
        estimate=estimate,
        people_url=people,
        rule=rule.as_json() if size.sampled else None,
        counted=counted_of(rule, size),
    )


def _asked_whom() -> tuple[Size, Rule, str] | None:
    """Return how many the form means, by which rule, and where they are listed; None for nobody."""
    if request.values.get("audience") == OWN:
        rule = typed_rule()
        check_codes(g.session, rule)
        return size_of(g.session, rule, g.now), rule, members_url(rule.as_json())
    segment = request.values.get("segment", "")
    if not segment:
        return None
    version = get_version(g.session, segment)
    size = count_version(g.session, version, g.now)
    return size, rule_of(version), segment_people_url(segment)


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
    blueprint.post(
        "/campaigns/estimate",
        right="campaigns.change",
        endpoint="campaigns_editing_size_typed",
    )(show_estimate)
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
        others=views.edited_by_others(what),
        several=lambda name: several(typed, name),
        **_choices(t),
        **context,
    )
    return allow_pictures(page)


def _choices(t: Texts) -> dict[str, Any]:
    return {
        "audiences": [(KEPT, t("已存的分群")), (OWN, t("在這裡設條件"))],
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
