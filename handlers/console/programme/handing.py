"""A coupon's own part: where it stands behind something else, its pack, and handing it out."""

from collections.abc import Mapping
from typing import Any

import structlog
from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, current_staff
from handlers.console.members.links import members_url
from handlers.console.programme import pages
from handlers.console.programme.desk import Desk, this_desk
from handlers.console.programme.topic import size_words
from handlers.console.programme.topics import BY_NOUN
from models.coupon import CouponTemplate, get_template, list_pack, list_templates
from models.coupon_handout import (
    RUNNING,
    begin_handout,
    get_handout,
    list_handouts,
    preview_handout,
    stop_handout,
)
from models.offering import Row
from models.offering.kinds import COUPON
from models.offering.use import Use, uses_of_coupon
from models.segment.keeping import get_version, list_segments, rule_of

log = structlog.get_logger()


def choose(code: str) -> ResponseReturnValue:
    """Ask to which segment a coupon is handed out."""
    desk, template = this_desk(), _template(code)
    return views.show(
        "programme/hand_out",
        coupon=template,
        name=desk.name(template.name),
        segments=[
            (segment.code, desk.name(segment.name)) for segment, _ in list_segments(g.session)
        ],
        chosen=request.args.get("segment", ""),
    )


def preview(code: str) -> ResponseReturnValue:
    """Show how many would get the coupon and what it may cost, before anything is given."""
    desk, template = this_desk(), _template(code)
    segment = form.needed("segment", 60)
    rule = rule_of(get_version(g.session, segment))
    size, reached = preview_handout(g.session, template, rule, g.now)
    worth = template.value if template.kind == "amount" else None
    return views.show(
        "programme/hand_out_preview",
        coupon=template,
        name=desk.name(template.name),
        segment=segment,
        size=size,
        told_size=size_words(desk.t, size),
        reached=reached,
        most_twd=worth * reached if worth is not None else None,
        people=members_url(rule.as_json()),
    )


def begin(code: str) -> ResponseReturnValue:
    """Begin to hand the coupon out; a worker goes on with it in parts."""
    template = _template(code)
    rule = rule_of(get_version(g.session, form.needed("segment", 60)))
    staff = current_staff()
    key = f"console:{staff.id}:{form.page_key()}"
    run = begin_handout(g.session, template, rule, staff=staff, key=key, now=g.now)
    log.info("coupon_handout_begun", handout_id=run.id, staff_id=staff.id)
    return views.go(url_for("console.programme_handing_show_run", handout_id=run.id))


def show_run(handout_id: int) -> ResponseReturnValue:
    """Show how far a run is; the open page asks again while it goes on."""
    desk, run = this_desk(), get_handout(g.session, handout_id)
    return views.show(
        "programme/handout",
        fragment="programme/_handout",
        run=run,
        name=desk.name(run.template.name),
        is_running=run.state == RUNNING,
    )


def stop(handout_id: int) -> ResponseReturnValue:
    """End a run where it is."""
    run = stop_handout(g.session, handout_id, staff=current_staff(), now=g.now)
    log.info("coupon_handout_stopped", handout_id=run.id)
    told = this_desk().t("已停止；發出的券仍然有效")
    return views.go(url_for("console.programme_handing_show_run", handout_id=run.id), told)


def show_packs() -> ResponseReturnValue:
    """Show every pack: its coupons, and how far members came with it (C-01)."""
    desk = this_desk()
    codes = sorted(
        {each.pack_code for each in list_templates(g.session) if each.pack_code is not None}
    )
    return views.show(
        "programme/packs", packs=[_pack(desk, code) for code in codes], results=desk.results
    )


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of packs and of handing out."""
    place = "/loyalty/coupons/<code>/hand-out"
    blueprint.get(place, right="campaigns.change")(choose)
    blueprint.post(f"{place}/preview", right="campaigns.change")(preview)
    blueprint.post(place, right="campaigns.change")(begin)
    blueprint.get("/loyalty/handouts/<int:handout_id>", right="see")(show_run)
    blueprint.post("/loyalty/handouts/<int:handout_id>/stop", right="campaigns.change")(stop)
    blueprint.get("/loyalty/packs", right="see")(show_packs)


def _template(code: str) -> CouponTemplate:
    COUPON.get(g.session, code)  # Says no in its words, where there is none.
    return get_template(g.session, code)


def _pack(desk: Desk, code: str) -> dict[str, Any]:
    figures: Mapping[str, Any] = desk.figures("pack", code)
    reached = figures.get("reached", [])
    third = reached[-1] if reached else 0
    return {
        "code": code,
        "coupons": [(each.pack_place, desk.name(each.name)) for each in list_pack(g.session, code)],
        "given": figures.get("given", 0),
        "used": figures.get("used", []),
        "reached": reached,
        "repeated": figures.get("repeated", 0),
        "rate": f"{figures.get('repeated', 0) / third:.2%}" if third else None,
    }


def _extra(desk: Desk, row: Row) -> dict[str, Any]:
    return {
        "uses": [_use(desk, use) for use in uses_of_coupon(desk.session, row)],
        "runs": list_handouts(desk.session, row.id),
    }


def _use(desk: Desk, use: Use) -> dict[str, Any]:
    """Return what gives the coupon, with its name and where it is."""
    t, topic = desk.t, BY_NOUN.get(use.kind)
    kinds = {"campaign": t("行銷活動"), "journey": t("旅程"), "benefit": t("等級權益")}
    kind = topic.words(t).title if topic is not None else kinds[use.kind]
    url = None
    if topic is not None:
        url = url_for("console.programme_pages_show_one", slug=topic.slug, code=use.code)
    return {"kind": kind, "name": desk.name(use.name) if use.name else kind, "url": url}


pages.adds("coupon", _extra)
