"""Stamps of before the ledger: the migration explains every one of them."""

from sqlalchemy import func, select, text

import migrations
from models.stamp_card import StampCard, StampEntry, get_stamp_programme
from tests.conftest import NOON, Committed


def test_old_stamps_get_an_entry_a_sale_and_one_for_the_rest(committed: Committed) -> None:
    """A-01, X11: sum of entries = card, and a refund finds its sale."""
    with committed.sessions.begin() as session:
        member = committed.maker.member(session)
        sales = [committed.maker.spend(session, member, 100, NOON.date()) for _ in range(3)]
        for sale in sales[:2]:
            sale.stamps_added = 1
        card = get_stamp_programme(session, "main")
        session.add(StampCard(member_id=member.id, programme_id=card.id, stamps=5))
        member_id, sale_ids = member.id, [sale.id for sale in sales]
    migrations.downgrade(committed.engine, "0006")
    with committed.engine.connect() as connection:
        assert connection.scalar(text("SELECT stamps FROM stamp_card")) == 5
    migrations.upgrade(committed.engine)
    with committed.sessions() as session:
        entries = session.scalars(select(StampEntry).order_by(StampEntry.id)).all()
        assert [(entry.reason, entry.delta, entry.purchase_id) for entry in entries] == [
            ("purchase", 1, sale_ids[0]),
            ("purchase", 1, sale_ids[1]),
            ("opening", 3, None),
        ]
        total = select(func.sum(StampEntry.delta)).where(StampEntry.member_id == member_id)
        assert session.scalar(total) == 5
