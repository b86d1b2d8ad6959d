"""The demo's made-up past: what the real verbs would have made of the same visits."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from models.checkout import Sale, record_purchase
from models.coupon import Coupon
from models.database import create_database, drop_database, make_engine, make_sessions
from models.demo import load, load_demo
from models.local_day import day_start, local_day
from models.member import Member
from models.points import PointsEntry, PointsLot, expire_member_points
from models.purchase import Purchase
from models.shop import Store
from models.stamp_card import StampCard
from models.tier import TierChange
from models.tier_evaluation import evaluate_member
from tests.conftest import NOON

REPLAYED = 12


@pytest.fixture(scope="module")
def shop_engine(server_url: str, pristine: str) -> Iterator[Engine]:
    """Yield the engine of a demo with its past alone: no mechanic has changed a rule since."""
    name = f"regulars_demo_{uuid4().hex[:12]}"
    engine = make_engine(create_database(server_url, name, pristine))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "MECHANICS", ())
        for told_later in ("add_forecasts", "add_nights", "count_segments"):
            patch.setattr(load, told_later, lambda *_: None)  # Nobody here asks what they found.
        load_demo(make_sessions(engine), NOON)
    yield engine
    engine.dispose()
    drop_database(server_url, name)


def test_a_demo_history_is_what_the_real_verbs_would_have_made(
    session: Session, make_member: Callable[..., Member]
) -> None:
    """X3: identical rules reproduce the same figures: sales replayed by record_purchase."""
    chosen = session.scalars(
        select(Member).where(Member.purchase_count.between(20, 60)).order_by(Member.id)
    ).all()[::5][:REPLAYED]
    assert len(chosen) == REPLAYED
    stores = {store.id: store for store in session.scalars(select(Store))}
    for member in chosen:
        twin = make_member(joined_at=member.joined_at, birthday=member.birthday, marketing=False)
        twin.spend_on = local_day(member.joined_at)
        session.flush()
        replay(session, member, twin, stores)
        assert figures(session, twin) == figures(session, member)


def replay(session: Session, member: Member, twin: Member, stores: dict[int, Store]) -> None:
    """Do to the twin what was done to the member, night by night and sale by sale."""
    sales = session.scalars(
        select(Purchase).where(Purchase.member_id == member.id).order_by(Purchase.id)
    ).all()
    for sale in sales:
        live_until(session, twin, sale.purchased_at)
        coupon_id = twin_coupon(session, sale, twin) if sale.coupon_id else None
        asked = Sale(twin.id, stores[sale.store_id], None, sale.amount_twd, f"replay:{sale.id}")
        if coupon_id:
            asked = replace(asked, coupon_ids=(coupon_id,))
        record_purchase(session, asked, sale.purchased_at)
    live_until(session, twin, NOON)
    evaluate_member(session, twin.id, NOON)


def live_until(session: Session, twin: Member, moment: datetime) -> None:
    """Run the nights on which something was due for the twin, up to `moment`."""
    while True:
        lot_ends = session.scalar(
            select(func.min(PointsLot.expires_on)).where(
                PointsLot.member_id == twin.id, PointsLot.remaining > 0
            )
        )
        days = [day for day in (lot_ends, twin.tier_kept_until) if day is not None]
        if not days or day_start(min(days)) + timedelta(minutes=40) > moment:
            return
        night = day_start(min(days)) + timedelta(minutes=10)
        evaluate_member(session, twin.id, night)
        expire_member_points(session, twin.id, min(days), night)
        session.flush()


def twin_coupon(session: Session, sale: Purchase, twin: Member) -> int:
    """Give the twin the coupon that the member used in this sale."""
    used = session.get_one(Coupon, sale.coupon_id)
    coupon = Coupon(
        code=f"twin{used.id}",
        member_id=twin.id,
        template_id=used.template_id,
        issue_key=f"twin:{used.id}",
        issued_at=used.issued_at,
        usable_from=used.usable_from,
        expires_at=used.expires_at,
    )
    session.add(coupon)
    session.flush()
    return coupon.id


def figures(session: Session, member: Member) -> dict[str, object]:
    """All that a member's history comes to, without ids and keys."""
    session.flush()
    session.refresh(member)
    entries = session.execute(
        select(PointsEntry.points, PointsEntry.balance_after, PointsEntry.reason)
        .where(PointsEntry.member_id == member.id)
        .order_by(PointsEntry.id)
    ).all()
    lots = session.execute(
        select(PointsLot.granted, PointsLot.remaining, PointsLot.expires_on)
        .where(PointsLot.member_id == member.id)
        .order_by(PointsLot.entry_id)
    ).all()
    changes = session.execute(
        select(TierChange.from_tier_id, TierChange.to_tier_id)
        .where(TierChange.member_id == member.id)
        .order_by(TierChange.id)
    ).all()
    sales = session.execute(
        select(Purchase.paid_twd, Purchase.points_earned, Purchase.stamps_added)
        .where(Purchase.member_id == member.id)
        .order_by(Purchase.id)
    ).all()
    rewards = session.scalar(
        select(func.count()).where(
            Coupon.member_id == member.id, Coupon.issue_key.startswith("stamps:")
        )
    )
    return {
        "entries": [tuple(row) for row in entries],
        "lots": [tuple(row) for row in lots],
        "changes": [tuple(row) for row in changes],
        "sales": [tuple(row) for row in sales],
        "rewards": rewards,
        "stamps": session.scalar(select(StampCard.stamps).where(StampCard.member_id == member.id)),
        "points": member.points,
        "window": (member.spend_twd, member.spend_on),
        "net": (member.year_twd, member.lifetime_twd),
        "purchases": (member.purchase_count, member.last_purchase_on),
        "tier": (member.tier_id, member.tier_kept_until),
    }
