"""Templates, coupons and sales for the tests of coupons and rewards."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from threading import Barrier
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from models.coupon import (
    Basket,
    Coupon,
    CouponTemplate,
    issue_coupon,
    lock_for_sale,
    redeem_for_sale,
)
from models.local_day import local_day
from models.member import Member
from models.purchase import Purchase
from models.shop import Store, find_store
from tests.conftest import NOON

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
_numbers = count(1)
WORDS = {"zh-TW": "券", "en": "Coupon", "ja": "券"}


def make_template(session: Session, **told: object) -> CouponTemplate:
    """Make a template: NT$30 off for 30 days from its receipt, unless told otherwise."""
    row: dict[str, object] = {
        "code": f"made-{next(_numbers)}",
        "kind": "amount",
        "value": 30,
        "name": WORDS,
        "headline": WORDS,
        "description": WORDS,
        "valid_days": 30,
    }
    template = CouponTemplate(**row | told)
    session.add(template)
    session.flush()
    return template


def give(
    session: Session, member: Member, template: CouponTemplate, now: datetime = NOON
) -> Coupon:
    """Give the member a coupon for a cause of its own."""
    key = f"made:{next(_numbers)}"
    coupon = issue_coupon(session, member.id, template, issue_key=key, now=now)
    assert coupon is not None
    return coupon


def basket(amount_twd: int = 200, **told: object) -> Basket:
    """Return a basket at the first store, for a basic member, at the till."""
    row: dict[str, object] = {
        "amount_twd": amount_twd,
        "store_code": "TP01",
        "tier_code": "basic",
    }
    return Basket(**row | told)  # type: ignore[arg-type]  # Told by name, as there.


def the_store(session: Session) -> Store:
    """Return the shop's first store."""
    store = find_store(session, "TP01")
    assert store is not None
    return store


def make_sale(
    session: Session,
    member: Member,
    amount_twd: int = 200,
    discount_twd: int = 0,
    coupon_id: int | None = None,
    now: datetime = NOON,
) -> Purchase:
    """Write a sale as checkout would, without what follows from it."""
    purchase = Purchase(
        member_id=member.id,
        store_id=the_store(session).id,
        amount_twd=amount_twd,
        discount_twd=discount_twd,
        paid_twd=amount_twd - discount_twd,
        coupon_id=coupon_id,
        points_earned=0,
        purchased_at=now,
        purchased_on=local_day(now),
        idempotency_key=f"made:{next(_numbers)}",
    )
    session.add(purchase)
    session.flush()
    return purchase


@dataclass(frozen=True)
class Unkept:
    """A sale without a row: nothing else in the shop hears of it."""

    store_id: int
    id: Any = None
    staff_id: int | None = None


def redeem_coupon(
    session: Session, member_id: int, coupon_id: int, amount_twd: int, now: datetime
) -> tuple[CouponTemplate, int]:
    """Use the coupon in a sale of which no row is kept; return its template and the NT$ off."""
    member = session.get_one(Member, member_id)
    picked = lock_for_sale(session, member, [coupon_id], basket(amount_twd), now)
    redeem_for_sale(session, picked, Unkept(the_store(session).id), now)
    return picked.coupons[0].template, picked.discount_twd


def at_once(asked: Sequence[Asked], work: Callable[[Asked], Answer]) -> list[Answer]:
    """Do the work for each of what is asked, a thread each, all starting at one moment."""
    start = Barrier(len(asked))

    def begin(one: Asked) -> Answer:
        start.wait(timeout=60)
        return work(one)

    with ThreadPoolExecutor(len(asked)) as threads:
        return list(threads.map(begin, asked))
