"""What each tier and each paid plan brings (C-11, E-23): a matrix, and one benefit at a time.

Upgrade gifts (C-12) are given once a member, tier and edition of the rules; their stock and what
became of them stand beside them.
"""

from collections.abc import Sequence
from typing import Any

import structlog
from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, current_staff
from handlers.console.loyalty.words import benefit_words, kind_names
from handlers.console.members.links import members_url
from handlers.console.programme import fields
from handlers.console.programme.desk import Desk, this_desk
from handlers.console.programme.fields import Field
from handlers.console.programme.pages import opened
from handlers.console.programme.stock import sent_stock
from handlers.console.programme.topic import Fact, reach_fact, tier_question
from models.benefit import KINDS, Benefit, read_terms
from models.local_day import local_day
from models.offering.benefit import (
    end_benefit,
    get_benefit,
    give_benefit,
    list_benefits,
)
from models.segment.rule import SCHEMA

TIER, PLAN = "tier", "plan"
LARGEST_TWD = 10_000_000

log = structlog.get_logger()


def show_matrix() -> ResponseReturnValue:
    """Show the benefits of all tiers and plans, kind by kind."""
    desk = this_desk()
    benefits, owners = list_benefits(g.session), _owners(desk)
    names = kind_names(desk.t)
    rows = [
        (kind, name, [_cell(desk, benefits, kind, owner) for owner, _ in owners])
        for kind, name in names.items()
    ]
    return views.show(
        "programme/benefits",
        owners=[(owner, name, _people(owner)) for owner, name in owners],
        rows=rows,
        gifts=_gifts(desk),
        results=desk.results,
    )


def show_new() -> ResponseReturnValue:
    """Ask for the terms of a new benefit, once its kind and owner are chosen."""
    desk = this_desk()
    kind = request.args.get("kind", "")
    return _show_form(desk, kind if kind in KINDS else "", request.args.get("owner", ""))


def preview() -> ResponseReturnValue:
    """Show whom a new benefit concerns before it is given."""
    desk = this_desk()
    kind = form.needed_choice("kind", KINDS)
    owner = form.needed_choice("owner", dict(_owners(desk)))
    parameters = _parameters(desk, kind)
    read_terms(kind, parameters)  # Says no in its words before anything is shown.
    what, _, code = owner.partition(":")
    if what == TIER:
        facts = [reach_fact(desk, tier_question([code]), desk.t("這個等級的會員"))]
    else:
        held = desk.figures("plan", code).get("held", 0)
        facts = [Fact(desk.t("付費會員"), desk.t.number(held))]
    return views.show(
        "programme/benefit_preview",
        kind=kind,
        owner=dict(_owners(desk))[owner],
        terms=benefit_words(desk.t, kind, parameters, dict(desk.coupons)),
        effect=opened(facts),
        typed=[
            (name, each)
            for name, value in fields.typed_form().items()
            for each in (value if isinstance(value, list) else [value])
        ],
    )


def give() -> ResponseReturnValue:
    """Give the benefit."""
    desk = this_desk()
    kind = form.needed_choice("kind", KINDS)
    what, _, code = form.needed_choice("owner", dict(_owners(desk))).partition(":")
    tiers = {tier.code: tier.id for tier in desk.programme.tiers}
    benefit = give_benefit(
        g.session,
        kind,
        _parameters(desk, kind),
        tier_id=tiers[code] if what == TIER else None,
        plan_code=code if what == PLAN else None,
        starts_on=form.day("starts_on"),
        ends_on=form.day("ends_on"),
        stock=form.whole("stock", least=0, most=LARGEST_TWD),
        idempotency_key=form.page_key(),
        staff=current_staff(),
        now=g.now,
    )
    log.info("benefit_given", benefit_id=benefit.id)
    return _back(desk.t("已加上權益"))


def show_one(benefit_id: int) -> ResponseReturnValue:
    """Show one benefit: its terms, stock and end."""
    desk, benefit = this_desk(), get_benefit(g.session, benefit_id)
    owner = _owner_of(desk, benefit)
    code = owner.partition(":")[2]
    effect = []
    if benefit.tier_id is not None:
        where = tier_question([code])
        effect = opened([reach_fact(desk, where, desk.t("結束後會少了它的會員"))])
    return views.show(
        "programme/benefit",
        benefit=benefit,
        terms=_told(desk, benefit),
        kind=kind_names(desk.t)[benefit.kind],
        owner=dict(_owners(desk)).get(owner, owner),
        effect=effect,
        tomorrow=local_day(g.now),
    )


def end(benefit_id: int) -> ResponseReturnValue:
    """End a benefit on a day."""
    ends_on = form.day("ends_on") or local_day(g.now)
    end_benefit(g.session, benefit_id, ends_on, staff=current_staff(), now=g.now)
    log.info("benefit_ended", benefit_id=benefit_id)
    return _back(this_desk().t("已訂下結束日"))


def restock(benefit_id: int) -> ResponseReturnValue:
    """Add pieces to what a benefit gives away, take some away, or take the limit off."""
    benefit = get_benefit(g.session, benefit_id)
    return _back(sent_stock(this_desk(), benefit, str(benefit_id)))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of benefits."""
    place = "/loyalty/benefits"
    blueprint.get(place, right="see")(show_matrix)
    blueprint.get(f"{place}/new", right="loyalty.publish")(show_new)
    blueprint.post(f"{place}/preview", right="loyalty.publish")(preview)
    blueprint.post(place, right="loyalty.publish")(give)
    one = f"{place}/<int:benefit_id>"
    blueprint.get(one, right="see")(show_one)
    blueprint.post(f"{one}/end", right="loyalty.publish")(end)
    blueprint.post(f"{one}/stock", right="loyalty.publish")(restock)


def _owners(desk: Desk) -> list[tuple[str, str]]:
    """Return tiers and plans as a form names them, the lowest tier first."""
    programme = desk.programme
    plans = [(f"{PLAN}:{plan.code}", desk.name(plan.name)) for plan in programme.plans]
    return [(f"{TIER}:{tier.code}", desk.name(tier.name)) for tier in programme.tiers] + plans


def _owner_of(desk: Desk, benefit: Benefit) -> str:
    if benefit.tier_id is None:
        return f"{PLAN}:{benefit.plan_code}"
    return f"{TIER}:{desk.programme.tier(benefit.tier_id).code}"


def _people(owner: str) -> str | None:
    what, _, code = owner.partition(":")
    where = tier_question([code]) if what == TIER else None
    return members_url({"schema": SCHEMA, "where": where}) if where else None


def _cell(desk: Desk, benefits: Sequence[Benefit], kind: str, owner: str) -> list[dict[str, Any]]:
    """Return the benefits of one kind that one owner has, or will have."""
    today = local_day(g.now)
    return [
        {
            "told": _told(desk, each),
            "stock": each.stock_left,
            "starts_on": each.starts_on if each.starts_on and each.starts_on > today else None,
            "ends_on": each.ends_on,
            "url": url_for("console.programme_benefits_show_one", benefit_id=each.id),
        }
        for each in benefits
        if each.kind == kind
        and _owner_of(desk, each) == owner
        and (each.ends_on is None or each.ends_on > today)
    ]


def _told(desk: Desk, benefit: Benefit) -> str:
    return benefit_words(desk.t, benefit.kind, benefit.parameters, dict(desk.coupons))


def _gifts(desk: Desk) -> list[dict[str, Any]]:
    """Return what became of the upgrades of each tier and variant (C-12)."""
    body = (desk.results.body if desk.results is not None else None) or {}
    names = dict(desk.tiers)
    return [
        {"tier": names.get(code.partition(":")[0], code), "variant": code.partition(":")[2]}
        | figures
        for code, figures in sorted(body.get("benefit", {}).items())
    ]


def _show_form(desk: Desk, kind: str, owner: str) -> ResponseReturnValue:
    return views.show(
        "programme/benefit_form",
        kinds=[("", desk.t("請選擇")), *kind_names(desk.t).items()],
        owners=[("", desk.t("請選擇")), *_owners(desk)],
        kind=kind,
        owner=owner,
        asked=_terms(desk, kind) if kind else [],
        shapes=fields,
        typed={},
    )


def _terms(desk: Desk, kind: str) -> list[Field]:
    """Return the fields of the terms of a kind."""
    t = desk.t
    known = {
        "points_multiplier": [
            Field(
                "percent",
                t("點數倍率"),
                fields.WHOLE,
                least=101,
                most=1000,
                unit="%",
                is_needed=True,
            ),
            Field("weekdays", t("只在星期幾"), fields.NUMBERS, least=1, most=7),
            Field("month_days", t("只在每月幾日"), fields.NUMBERS, least=1, most=31),
        ],
        "early_access": [
            Field("hours", t("提早幾小時"), fields.WHOLE, least=1, most=720, is_needed=True)
        ],
        "free_shipping": [
            Field("times_a_month", t("每月幾次"), fields.WHOLE, least=1, most=1000),
            Field("from_twd", t("滿多少元"), fields.WHOLE, least=0, most=LARGEST_TWD),
        ],
        "service_queue": [
            Field("level", t("優先順位"), fields.WHOLE, least=1, most=9, is_needed=True)
        ],
        "order_discount": [
            Field(
                "percent",
                t("折扣"),
                fields.WHOLE,
                least=1,
                most=99,
                unit="%",
                is_needed=True,
                hint=t("填減少的百分比，95 折填 5。"),
            ),
            Field("most_twd", t("最多折"), fields.WHOLE, least=1, most=LARGEST_TWD, unit="NT$"),
        ],
        "upgrade_gift": [
            _template(desk),
            Field(
                "variant",
                t("版本名稱"),
                fields.CODE,
                hint=t("同一等級有兩種禮時，各取一個英文名稱。"),
            ),
            Field(
                "from_lifetime_twd",
                t("累積消費滿多少才給這一種"),
                fields.WHOLE,
                least=0,
                most=LARGEST_TWD,
                unit="NT$",
            ),
        ],
    }
    return known.get(kind, [_template(desk)] if kind in ("birthday_gift", "monthly_coupon") else [])


def _template(desk: Desk) -> Field:
    return Field(
        "template", desk.t("送哪張券"), fields.CHOICE, options=desk.coupons, is_needed=True
    )


def _parameters(desk: Desk, kind: str) -> dict[str, Any]:
    told = {each.name: fields.read(each) for each in _terms(desk, kind)}
    return {name: value for name, value in told.items() if value not in (None, "", [])}


def _back(notice: str) -> ResponseReturnValue:
    return views.go(url_for("console.programme_benefits_show_matrix"), notice)
