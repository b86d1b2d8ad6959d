"""Sales and refunds as the counter makes them, for tests of what follows from them."""

from __future__ import annotations

from datetime import datetime
from itertools import count

from sqlalchemy.orm import Session

from models.checkout import Line, Return, Sale, record_purchase, refund_purchase
from models.member import Member
from models.purchase import Purchase, Refund
from models.shop import find_store
from tests.conftest import NOON

_numbers = count(1)


def buy(
    session: Session,
    member: Member,
    amount_twd: int = 100,
    *,
    store: str = "TP01",
    categories: tuple[str, ...] = (),
    now: datetime = NOON,
) -> Purchase:
    """Record a sale, with one line a category."""
    place = find_store(session, store)
    assert place is not None
    lines = tuple(Line(name, amount_twd // len(categories), category=name) for name in categories)
    sale = Sale(member.id, place, None, amount_twd, f"shopping:{next(_numbers)}", lines=lines)
    purchase = record_purchase(session, sale, now).purchase
    session.refresh(member)
    return purchase


def take_back(
    session: Session,
    member: Member,
    purchase: Purchase,
    amount_twd: int | None = None,
    *,
    now: datetime = NOON,
) -> Refund:
    """Refund a sale of the member, or a part of it."""
    assert purchase.member_id == member.id
    place = find_store(session, "TP01")
    assert place is not None
    key = f"shopping:{next(_numbers)}"
    asked = Return(purchase.id, place, None, "不好喝", key, amount_twd=amount_twd)
    return refund_purchase(session, asked, now).refund
