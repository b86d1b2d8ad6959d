"""The programme's rules in force: shop, tiers and stamp programme, read once a version.

Rules are asked for on every purchase and change a few times a year. A reader brings the version
it just saw (it comes with the member's row), so a process never works with rules gone stale.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.activity import Activity, read_activity
from models.benefit import Held, read_benefits
from models.earn_rule import EarnRule, Policy, list_earn_rules
from models.local_day import first_of_month_after
from models.plan.table import Plan
from models.shop import THE_SHOP, Shop, get_shop
from models.stamp_card import StampProgramme, list_stamp_programmes
from models.tier import (
    Figures,
    Ladder,
    Standing,
    Tier,
    list_tiers,
    list_versions,
    make_ladder,
    stand,
)
from models.velocity_rule import VelocityRule, list_velocity_rules


@dataclass(frozen=True)
class Programme:
    """One version of the rules; its rows are detached and only read."""

    shop: Shop
    tiers: tuple[Tier, ...]
    ladder: Ladder
    """The rules of the tiers in all their versions; the day decides which holds."""
    benefits: tuple[Held, ...]
    """What tiers and plans bring, for `models/benefit/` to ask."""
    stamp_programmes: tuple[StampProgramme, ...]
    """All of them, each with its reward; those that have ended stamp nothing."""
    plans: tuple[Plan, ...]
    earn_policy: Policy
    earn_rules: tuple[EarnRule, ...]
    velocity_rules: tuple[VelocityRule, ...]
    activity: Activity

    def tier(self, tier_id: int) -> Tier:
        """Return the tier with this id."""
        return next(tier for tier in self.tiers if tier.id == tier_id)

    def points_for(self, paid_twd: int, tier: Tier) -> int:
        """Return what a payment earns: whole steps, times the tier's rate, rounded down."""
        return paid_twd // self.shop.earn_twd * tier.points_percent // 100

    def points_expire_on(self, today: date) -> date:
        """Return the first day on which points earned `today` are gone."""
        return first_of_month_after(today, self.shop.points_valid_months + 1)

    def standing(
        self,
        tier_id: int,
        figures: Figures,
        *,
        first_counted_on: date | None,
        kept_until: date | None,
    ) -> Standing:
        """Work out a member's standing by the rules in force on the day of their figures."""
        return stand(
            self.ladder.on(figures.on),
            self.tier(tier_id),
            figures,
            first_counted_on=first_counted_on,
            kept_until=kept_until,
        )


_VERSION = select(Shop.programme_version).where(Shop.id == THE_SHOP)


def get_programme(session: Session, version: int | None = None) -> Programme:
    """Return the rules in force: one query for their version, none with the `version` just read.

    What was read is kept in `session.info`, which all sessions of one maker share a part of.
    """
    kept: dict[int | None, Programme] = session.info.setdefault("programmes", {})
    if version is None:
        version = session.scalar(_VERSION)
    if version in kept:
        return kept[version]
    programme = _read(session)
    kept[programme.shop.programme_version] = programme
    return programme


def _read(session: Session) -> Programme:
    shop = get_shop(session)
    stamp_programmes = tuple(list_stamp_programmes(session))
    plans = tuple(session.scalars(select(Plan).order_by(Plan.id)))
    tiers = tuple(list_tiers(session))
    benefits = read_benefits(session)
    earn_rules = tuple(list_earn_rules(session))
    rewards = {card.reward for card in stamp_programmes}
    for row in (shop, *stamp_programmes, *rewards, *plans, *tiers, *earn_rules):
        session.expunge(row)
    policy = Policy(shop.earn_twd, shop.earn_stacking, shop.earn_cap_percent, shop.earn_daily_cap)
    velocity_rules = tuple(list_velocity_rules(session, active_only=True))
    for rule in velocity_rules:
        session.expunge(rule)
    return Programme(
        shop,
        tiers,
        make_ladder(list_versions(session), tiers),
        benefits,
        stamp_programmes,
        plans,
        policy,
        earn_rules,
        velocity_rules=velocity_rules,
        activity=read_activity(session),
    )
