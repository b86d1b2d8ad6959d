"""What all made-up histories share: the shop's rules, fresh ids, and the rows they come to."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models.coupon import CODE_ALPHABET, CODE_LENGTH, CouponTemplate, expiry_of
from models.programme import Programme

Row = dict[str, Any]


@dataclass
class Rows:
    """What is to be written, a list of rows a table."""

    purchases: list[Row] = field(default_factory=list)
    entries: list[Row] = field(default_factory=list)
    lots: list[Row] = field(default_factory=list)
    takes: list[Row] = field(default_factory=list)
    stamps: list[Row] = field(default_factory=list)
    coupons: list[Row] = field(default_factory=list)
    tier_changes: list[Row] = field(default_factory=list)
    upgrades: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Shopfront:
    """What all histories share: rules, templates by code, stores, clerks, and fresh ids."""

    programme: Programme
    templates: dict[str, CouponTemplate]
    store_ids: dict[str, int]
    clerk_ids: dict[str, int]
    purchase_ids: Iterator[int]
    entry_ids: Iterator[int]
    coupon_ids: Iterator[int]
    rows: Rows
    chance: random.Random
    now: datetime

    def issue(
        self,
        template: CouponTemplate,
        member_id: int,
        key: str,
        at: datetime,
        chance: random.Random,
    ) -> Row:
        """Give a member a coupon, whose code `chance` draws, and return its row."""
        coupon = {
            "id": next(self.coupon_ids),
            "code": "".join(chance.choices(CODE_ALPHABET, k=CODE_LENGTH)),
            "member_id": member_id,
            "template_id": template.id,
            "state": "issued",
            "issue_key": key,
            "issued_at": at,
            "usable_from": at,
            "expires_at": expiry_of(template, at),
            "redeemed_at": None,
        }
        self.rows.coupons.append(coupon)
        return coupon
