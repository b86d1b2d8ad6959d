"""What to recommend to a member, each with its reason (D-05): 因為你買過…, and what sells best.

First what goes with what they usually buy: bestsellers of their category that they have not had.
Then what everybody likes. What is out of stock or off the shelf is recommended to nobody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalogue import CatalogueItem, get_items, list_bestsellers
from models.favourite import WINDOW_DAYS, favourite_of
from models.local_day import local_day
from models.prepared import NoteProgress, find_prepared, prepared
from models.purchase.table import Purchase, PurchaseLine

BESTSELLERS = "bestsellers"
MOST_KEPT = 60
MOST_RECOMMENDED = 5
AGAIN, SAME_CATEGORY, POPULAR = "again", "same_category", "popular"


@dataclass(frozen=True)
class Recommended:
    """One item, and why: `again` (they usually buy it), `same_category`, or `popular`.

    `because` names the item or category the reason speaks of; `times` how often they bought it.
    """

    item: CatalogueItem
    reason: str
    because: str = ""
    times: int = 0


@prepared(BESTSELLERS, nightly=True)
def find_bestsellers(
    session: Session, now: datetime, _asked: Mapping[str, Any], _tell: NoteProgress
) -> dict[str, Any]:
    """Rank what sold best in the last days: `{"items": [{"sku", "name", "category", "sold"}]}`."""
    found = list_bestsellers(session, now, limit=MOST_KEPT)
    return {
        "items": [
            {
                "sku": each.item.sku,
                "name": each.item.name,
                "category": each.item.category,
                "sold": each.sold,
            }
            for each in found
        ]
    }


def recommend(session: Session, member_id: int, now: datetime) -> list[Recommended]:
    """Return up to MOST_RECOMMENDED items for a member, the best reason first."""
    found = find_prepared(session, BESTSELLERS)
    ranked: Sequence[Mapping[str, Any]] = ((found.body if found else None) or {}).get("items", [])
    favourite = favourite_of(session, member_id)
    had = _bought(session, member_id, now)
    own = favourite.sku if favourite is not None else None
    category = favourite.category if favourite is not None else None
    items = get_items(session, [each["sku"] for each in ranked] + ([own] if own else []))
    chosen: list[Recommended] = []
    if own in items and favourite is not None:
        item = items[own]
        chosen.append(Recommended(item, AGAIN, favourite.item_name, favourite.orders))
    fresh = [items[each["sku"]] for each in ranked if each["sku"] in items]
    unknown = [item for item in fresh if item.sku not in had]
    if category is not None:
        alike = [item for item in unknown if item.category == category]
        chosen += [Recommended(item, SAME_CATEGORY, category) for item in alike]
    chosen += [Recommended(item, POPULAR) for item in unknown]
    return _each_once(chosen)[:MOST_RECOMMENDED]


def _each_once(chosen: Sequence[Recommended]) -> list[Recommended]:
    """Keep the first reason of each item that can be had."""
    seen: dict[str, Recommended] = {}
    for each in chosen:
        if each.item.is_available and each.item.archived_at is None:
            seen.setdefault(each.item.sku, each)
    return list(seen.values())


def _bought(session: Session, member_id: int, now: datetime) -> set[str | None]:
    since = local_day(now) - timedelta(days=WINDOW_DAYS)
    return set(
        session.scalars(
            select(PurchaseLine.sku)
            .join(Purchase, Purchase.id == PurchaseLine.purchase_id)
            .where(
                Purchase.member_id == member_id,
                Purchase.purchased_on >= since,
                Purchase.undone_at.is_(None),
                PurchaseLine.sku.is_not(None),
            )
            .distinct()
        )
    )
