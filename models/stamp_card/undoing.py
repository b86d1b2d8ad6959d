"""Taking stamps back: which are still there is replayed from the entries, which are rare to ask.

A member's stamps stand in one row, oldest first; each `size` of them are a card. A lapsed card
takes the newest, a refund takes its own purchase's, and what came later moves up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.coupon import Coupon
from models.local_day import local_day
from models.stamp_card.posting import list_entries
from models.stamp_card.rules import Line, card_ends_on, stamps_by_rule
from models.stamp_card.table import StampCard, StampEntry, StampProgramme, StampsRefused, reward_key

if TYPE_CHECKING:
    from models.purchase.facts import Undone


@dataclass
class Lot:
    """What is left of one stamping."""

    purchase_id: int | None
    stamped_on: date
    left: int
    is_first: bool


def replay(entries: Iterable[StampEntry]) -> list[Lot]:
    """Return what is left of each stamping, oldest first. `entries` are oldest first."""
    lots: list[Lot] = []
    for entry in entries:
        if entry.delta > 0:
            day = local_day(entry.posted_at)
            lots.append(Lot(entry.purchase_id, day, entry.delta, entry.is_first))
        else:
            own = [lot for lot in lots if lot.purchase_id == entry.purchase_id]
            take_newest(own if entry.reason == "refund" else lots, -entry.delta)
    return lots


def take_newest(lots: Sequence[Lot], stamps: int) -> int:
    """Take up to `stamps` from the newest of `lots`; return how many that were."""
    wanted = stamps
    for lot in reversed(lots):
        taken = min(lot.left, wanted)
        lot.left -= taken
        wanted -= taken
    return stamps - wanted


def after_refund(session: Session, undone: "Undone") -> None:
    """Take back the stamps that the rest of a purchase no longer earns, by the rules in force.

    Costs nothing where the purchase was not stamped. Lapsed stamps are not taken twice. Rewards
    of cards that are no longer full are voided; one already used stays, and the card that fills
    in its place brings no second.
    """
    if not undone.purchase.stamps_added:
        return
    touched = session.scalars(
        select(StampEntry.programme_id)
        .where(StampEntry.purchase_id == undone.purchase.id, StampEntry.delta > 0)
        .order_by(StampEntry.programme_id)
    ).all()
    programmes = {card.id: card for card in undone.programme.stamp_programmes}
    for programme_id in touched:
        _take_back(session, undone, programmes[programme_id])


def _take_back(session: Session, undone: "Undone", programme: StampProgramme) -> None:
    lots = replay(list_entries(session, undone.member.id, programme.id))
    before = sum(lot.left for lot in lots)
    own = [lot for lot in lots if lot.purchase_id == undone.purchase.id]
    kept = 0
    if not undone.refund.is_full:
        kept = stamps_by_rule(
            programme,
            undone.net_after_twd,
            _lines_left(session, undone, programme),
            undone.purchase.purchased_on,
            is_first=any(lot.is_first for lot in own),
        )
    taken = take_newest(own, max(0, sum(lot.left for lot in own) - kept))
    if taken:
        entry = StampEntry(
            member_id=undone.member.id,
            programme_id=programme.id,
            delta=-taken,
            reason="refund",
            purchase_id=undone.purchase.id,
            refund_id=undone.refund.id,
            idempotency_key=f"refund:{undone.refund.id}:{programme.id}",
            posted_at=undone.now,
        )
        session.add(entry)
        session.flush()
        _settle(session, entry, programme, lots, before, undone.now)


def _lines_left(session: Session, undone: "Undone", programme: StampProgramme) -> Sequence[Line]:
    """Return the purchase's items that were not given back, where a bonus asks for them."""
    if all(bonus["kind"] != "category" for bonus in programme.bonuses):
        return ()
    from models.purchase.table import PurchaseLine  # It knows the programme, which knows us.

    rows = session.execute(
        select(PurchaseLine.category, PurchaseLine.amount_twd).where(
            PurchaseLine.purchase_id == undone.purchase.id,
            PurchaseLine.refunded_quantity < PurchaseLine.quantity,
        )
    )
    return [(category, amount_twd) for category, amount_twd in rows]


def take_stamps(
    session: Session,
    member_id: int,
    programme: StampProgramme,
    stamps: int,
    *,
    reason: str,
    idempotency_key: str,
    now: datetime,
    staff_id: int | None = None,
    note: str | None = None,
) -> None:
    """Take a member's newest `stamps` (above zero). The caller holds the member's lock.

    Raises StampsRefused where the member holds fewer.
    """
    lots = replay(list_entries(session, member_id, programme.id))
    before = sum(lot.left for lot in lots)
    if take_newest(lots, stamps) < stamps:
        raise StampsRefused(held=before)
    entry = StampEntry(
        member_id=member_id,
        programme_id=programme.id,
        delta=-stamps,
        reason=reason,
        staff_id=staff_id,
        note=note,
        idempotency_key=f"{idempotency_key}:{programme.id}",
        posted_at=now,
    )
    session.add(entry)
    session.flush()
    _settle(session, entry, programme, lots, before, now)


def _settle(
    session: Session,
    entry: StampEntry,
    programme: StampProgramme,
    lots: Sequence[Lot],
    before: int,
    now: datetime,
) -> None:
    """Write the card as `lots` leave it after `entry`: its sum, its end, its rewards."""
    left = sum(lot.left for lot in lots)
    full, size = left // programme.size, programme.size
    begun_on = _stamped_on(lots, full * size) if left % size else None
    expires_on = card_ends_on(programme, begun_on) if begun_on else None
    if expires_on is not None and expires_on <= local_day(now):
        # The card a refund opened again had its time: without the purchase it would be gone.
        session.add(
            StampEntry(
                member_id=entry.member_id,
                programme_id=programme.id,
                delta=-(left % size),
                reason="expiry",
                idempotency_key=f"lapse:{entry.idempotency_key}",
                posted_at=now,
            )
        )
        left, expires_on = full * size, None
    session.execute(
        update(StampCard)
        .where(StampCard.member_id == entry.member_id, StampCard.programme_id == programme.id)
        .values(stamps=left, expires_on=expires_on)
    )
    _void_rewards(session, entry.member_id, programme, range(full + 1, before // size + 1), now)
    session.flush()


def _stamped_on(lots: Sequence[Lot], place: int) -> date:
    """Return the day of the stamp at `place` (0 is the oldest)."""
    for lot in lots:
        if place < lot.left:
            return lot.stamped_on
        place -= lot.left
    raise AssertionError("the place lies within the stamps left")


def _void_rewards(
    session: Session,
    member_id: int,
    programme: StampProgramme,
    numbers: Iterable[int],
    now: datetime,
) -> None:
    keys = [reward_key(member_id, programme.id, number) for number in numbers]
    if not keys:
        return
    unused = session.scalars(
        select(Coupon)
        .where(Coupon.issue_key.in_(keys), Coupon.state == "issued", Coupon.expires_at > now)
        .execution_options(populate_existing=True)
    )
    for coupon in unused:
        # A limited template's stock keeps the piece: the card may fill again.
        coupon.move("void", "stamps", now, ref=coupon.issue_key)
