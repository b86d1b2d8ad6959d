"""What a simulation reads of prices: what coupons come to by the shop's own experience."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.analysis.basket import average_basket
from models.analysis.budget import MESSAGE_TWD
from models.analysis.scope import Scope
from models.benefit import Benefit, Held, benefits_of, birthday_template, read_terms
from models.catalogue import CatalogueItem
from models.coupon import Coupon, CouponTemplate
from models.local_day import day_start
from models.programme import Programme
from models.tier import Tier
from models.tier_proposal import Proposed
from models.tier_simulation.costing import Offer, Prices

FEW_COUPONS = 30
"""Of a template given less often, nobody knows yet how many get used: all of them are counted."""
WHOLE = Decimal(1)


def offers_now(programme: Programme, today: date) -> dict[int, Offer]:
    """Return what each tier brings today, by its id."""
    return {tier.id: _offer(programme, tier, today) for tier in programme.tiers}


def offers_proposed(
    programme: Programme, proposed: Proposed, tiers: Sequence[Tier], today: date
) -> dict[int, Offer]:
    """Return what each tier would bring: today's benefits, less those that end, with the new."""
    kept = tuple(held for held in programme.benefits if held.row.id not in proposed.ended)
    ids = {tier.code: tier.id for tier in tiers}
    new = tuple(
        _held(benefit.kind, benefit.parameters, ids[benefit.tier_code])
        for benefit in proposed.benefits
        if benefit.tier_code in ids
    )
    changed = replace(programme, benefits=(*kept, *new))
    return {tier.id: _offer(changed, tier, today) for tier in tiers}


def _held(kind: str, parameters: dict[str, object], tier_id: int) -> Held:
    row = Benefit(tier_id=tier_id, kind=kind, parameters=parameters)
    return Held(row, read_terms(kind, parameters))


def _offer(programme: Programme, tier: Tier, today: date) -> Offer:
    held = benefits_of(programme, tier.id, day=today)
    return Offer(
        points_percent=tier.points_percent,
        terms=tuple(each.terms for each in held),
        birthday=birthday_template(programme, tier.id, None, today),
    )


def read_prices(
    session: Session, programme: Programme, offers: Iterable[Offer], now_day: date
) -> Prices:
    """Return what points, coupons and messages cost; coupons with the share of them that is used.

    A message is counted at the dearest: what the plan has left free is for the shop to spend.
    """
    codes = {offer.birthday for offer in offers}
    for offer in offers:
        codes |= {code for terms in offer.terms if (code := getattr(terms, "template", None))}
    return Prices(
        policy=programme.earn_policy,
        point_twd=programme.shop.point_value_twd,
        message_twd=MESSAGE_TWD,
        coupons_twd=_expected(session, sorted(codes), now_day),
    )


def _expected(session: Session, codes: Sequence[str], today: date) -> Mapping[str, Decimal]:
    templates = session.scalars(select(CouponTemplate).where(CouponTemplate.code.in_(codes))).all()
    basket_twd = _basket(session, today)
    items_twd = _items(session, [each.item_sku for each in templates if each.item_sku])
    shares = _used_shares(session, [each.id for each in templates])
    return {
        each.code: _worth(each, basket_twd, items_twd) * shares.get(each.id, WHOLE)
        for each in templates
    }


def _basket(session: Session, today: date) -> int:
    orders, net_twd = average_basket(session, Scope(today), day_start(today))
    return net_twd // orders if orders else 0


def _items(session: Session, skus: Sequence[str]) -> Mapping[str, int]:
    """Return what items cost the shop, or their price where their cost is not known."""
    rows = session.execute(
        select(
            CatalogueItem.sku, func.coalesce(CatalogueItem.cost_twd, CatalogueItem.price_twd)
        ).where(CatalogueItem.sku.in_(skus))
    )
    return {sku: twd or 0 for sku, twd in rows}


def _worth(template: CouponTemplate, basket_twd: int, items_twd: Mapping[str, int]) -> Decimal:
    if template.item_sku is not None:
        return Decimal(items_twd.get(template.item_sku, 0))
    if template.kind == "amount":
        return Decimal(template.value)
    return Decimal(template.discount_on(basket_twd))


def _used_shares(session: Session, template_ids: Sequence[int]) -> Mapping[int, Decimal]:
    rows = session.execute(
        select(
            Coupon.template_id,
            func.count(),
            func.count().filter(Coupon.state == "redeemed"),
        )
        .where(Coupon.template_id.in_(template_ids))
        .group_by(Coupon.template_id)
    )
    return {
        template_id: Decimal(used) / given
        for template_id, given, used in rows
        if given >= FEW_COUPONS
    }
