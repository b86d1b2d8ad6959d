"""What became of the upgrades of made-up members: told, seen, the gift claimed, used at a till.

Dice of a member's own decide, so that upgrades leave the rest of the demo's history as it is.
"""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from models.base import said
from models.coupon import CouponTemplate
from models.demo.people import Person, Visit
from models.demo.shopfront import Row, Shopfront
from models.tier import Tier

GIFTS: Mapping[str, str] = {"silver": "silver_gift", "gold": "gold_gift", "black": "gold_gift"}
"""What reaching a tier is rewarded with, by the tier's code."""
GIFT_DAYS = 60
SEEN_SHARE, CLAIMED_SHARE, USED_SHARE = 0.8, 0.85, 0.75
"""How many of those told look at their tier, then claim the gift, then think of it at a till."""
LONGEST_LOOK = timedelta(days=6)
LONGEST_CLAIM = timedelta(minutes=20)


class Upgrades:
    """One member's upgrades, each followed from qualifying to the first use of its gift."""

    def __init__(self, person: Person, member_id: int, shop: Shopfront) -> None:
        """Begin before the first one."""
        self.person = person
        self.member_id = member_id
        self.shop = shop
        self.chance = random.Random(person.number)  # noqa: S311 - made-up luck is no secret.
        self.waiting: list[tuple[Row, Row, CouponTemplate]] = []
        self.begun: set[tuple[int, int | None]] = set()

    def qualify(self, tier: Tier, version_id: int | None, at: datetime) -> None:
        """Begin an upgrade, once a tier and version, as the evaluation would have done."""
        if (tier.id, version_id) in self.begun:
            return
        self.begun.add((tier.id, version_id))
        is_told = self.person.is_friend
        opened_at = self._later(at if is_told else None, LONGEST_LOOK, SEEN_SHARE)
        claimed_at = self._later(opened_at, LONGEST_CLAIM, CLAIMED_SHARE)
        upgrade = {
            "member_id": self.member_id,
            "tier_id": tier.id,
            "version_id": version_id,
            "variant": "",
            "qualified_at": at,
            "notified_at": at if is_told else None,
            "opened_at": opened_at,
            "claimed_at": claimed_at,
            "first_used_at": None,
            "gift_coupon_id": None,
            "claims": 0,
        }
        self.shop.rows.upgrades.append(upgrade)
        if claimed_at is not None:
            self._claim(upgrade, self.shop.templates[GIFTS[tier.code]], claimed_at)

    def use(self, visit: Visit) -> tuple[int | None, int]:
        """Use a gift for a basket worth more than it; return the coupon and the NT$ taken off."""
        for waiting in self.waiting:
            upgrade, coupon, template = waiting
            is_good = coupon["usable_from"] <= visit.at < coupon["expires_at"]
            if is_good and template.value < visit.amount_twd:
                self.waiting.remove(waiting)
                coupon |= {"state": "redeemed", "redeemed_at": visit.at}
                upgrade["first_used_at"] = visit.at
                return coupon["id"], template.discount_on(visit.amount_twd)
        return None, 0

    def _later(self, since: datetime | None, longest: timedelta, share: float) -> datetime | None:
        """Return when a thing was done after `since`; None where it was not, or is yet to be."""
        does, after = self.chance.random() < share, longest * self.chance.random()
        if since is None or not does or since + after > self.shop.now:
            return None
        return since + after

    def _claim(self, upgrade: Row, template: CouponTemplate, at: datetime) -> None:
        key = f"upgrade_gift:{self.member_id}:{upgrade['tier_id']}:{upgrade['version_id']}:1"
        coupon = self.shop.issue(template, self.member_id, key, at, self.chance)
        upgrade |= {"gift_coupon_id": coupon["id"], "claims": 1}
        if self.chance.random() < USED_SHARE:
            self.waiting.append((upgrade, coupon, template))


def add_gifts(session: Session) -> None:
    """Add the coupons that members are given when they rise."""
    silver = said("銀卡升級禮", "Silver welcome gift", "シルバー昇格ギフト")
    gold = said("金卡升級禮", "Gold welcome gift", "ゴールド昇格ギフト")
    session.add_all(
        CouponTemplate(
            code=code,
            kind="amount",
            value=value,
            name=name,
            headline=said(f"折 NT${value}", f"NT${value} off", f"NT${value} 引き"),
            description=said(
                "會員專屬，任何消費都能使用。",
                "For members; any order.",
                "会員限定。すべてのお会計に。",
            ),
            valid_days=GIFT_DAYS,
        )
        for code, value, name in (("silver_gift", 60, silver), ("gold_gift", 150, gold))
    )
    session.flush()
