"""What the programme's pages know of the shop while they draw: its tiers, stores, coupons, …"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from flask import g
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.texts import Texts
from handlers.console.door import console_texts
from handlers.console.programme.fields import Option
from models.activity import Lottery
from models.badge import list_badges
from models.base import in_language
from models.catalogue import CatalogueItem
from models.coupon import list_templates
from models.offering.results import RESULTS
from models.prepared import PreparedFigure, find_prepared
from models.programme import Programme, get_programme
from models.segment import parse_rule
from models.segment.rule import SCHEMA
from models.segment.sizing import Size, size_of
from models.shop import list_stores

TILL, WEB = "till", "web"
MOST_CATEGORIES = 60


@dataclass(frozen=True)
class Desk:
    """One request's view of the shop; each list is read when it is first asked for."""

    session: Session
    t: Texts
    now: datetime

    @cached_property
    def programme(self) -> Programme:
        """The rules in force."""
        return get_programme(self.session)

    @cached_property
    def tiers(self) -> list[Option]:
        """The tiers by code, the lowest first."""
        return [(tier.code, self.name(tier.name)) for tier in self.programme.tiers]

    @cached_property
    def tier_ids(self) -> list[Option]:
        """The tiers by id, for what begins at one of them."""
        return [(str(tier.id), self.name(tier.name)) for tier in self.programme.tiers]

    @cached_property
    def tier_ranks(self) -> list[Option]:
        """The tiers by rank."""
        return [(str(tier.rank), self.name(tier.name)) for tier in self.programme.tiers]

    @cached_property
    def stores(self) -> list[Option]:
        """The stores."""
        return [(store.code, self.name(store.name)) for store in list_stores(self.session)]

    @cached_property
    def channels(self) -> list[Option]:
        """Where a sale comes from."""
        return [(TILL, self.t("門市櫃台")), (WEB, self.t("網路訂單"))]

    @cached_property
    def coupons(self) -> list[Option]:
        """The coupons by code."""
        return [(each.code, self.name(each.name)) for each in list_templates(self.session)]

    @cached_property
    def coupon_ids(self) -> list[Option]:
        """The coupons by id."""
        return [(str(each.id), self.name(each.name)) for each in list_templates(self.session)]

    @cached_property
    def lotteries(self) -> list[Option]:
        """The lotteries."""
        found = self.session.execute(select(Lottery.code, Lottery.name).order_by(Lottery.id.desc()))
        return [(code, self.name(name)) for code, name in found]

    @cached_property
    def badges(self) -> list[Option]:
        """The badges."""
        return [
            (each.code, f"{each.sign} {self.name(each.name)}") for each in list_badges(self.session)
        ]

    @cached_property
    def categories(self) -> list[str]:
        """The categories of the catalogue, in order of their names."""
        found = self.session.scalars(
            select(CatalogueItem.category)
            .where(CatalogueItem.category.is_not(None), CatalogueItem.archived_at.is_(None))
            .distinct()
            .order_by(CatalogueItem.category)
            .limit(MOST_CATEGORIES)
        )
        return sorted(category for category in found if category)

    @cached_property
    def results(self) -> PreparedFigure | None:
        """How everything did, as the last night counted it."""
        return find_prepared(self.session, RESULTS)

    def figures(self, noun: str, code: str) -> Mapping[str, Any]:
        """Return how one thing did; empty where nothing happened, or nobody has counted yet."""
        body = (self.results.body if self.results is not None else None) or {}
        found: Mapping[str, Any] = body.get(noun, {}).get(code, {})
        return found

    def name(self, texts: Mapping[str, str]) -> str:
        """Return a text of the shop's in this person's language."""
        return in_language(dict(texts), self.t.language)

    def brings(self) -> dict[str, list[Option]]:
        """Return what a reward's parts are chosen from."""
        return {"coupon": self.coupons, "lottery": self.lotteries, "badge": self.badges}

    def size(self, where: Mapping[str, Any]) -> Size:
        """Return how many members a rule's question holds for; an estimate in a large shop."""
        rule = parse_rule({"schema": SCHEMA, "where": dict(where)})
        return size_of(self.session, rule, self.now)


def this_desk() -> Desk:
    """Return the view of the shop for this request."""
    return Desk(g.session, console_texts(), g.now)
