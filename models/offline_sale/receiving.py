"""Receiving what a device sold without a network: judged as of its own time, each once.

Whatever comes is kept. What cannot be recorded waits for a manager with its reason, and what was
redeemed without being covered is recorded without it, with the loss told.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.audit import note
from models.base import BusinessError, find_made, one_at_a_time
from models.checkout import Line, PointsNotUsable, Recorded, Sale, record_purchase
from models.coupon import (
    CouponNeedsMore,
    CouponNotHere,
    CouponNotUsable,
    CouponsDoNotCombine,
    find_coupon,
)
from models.device import Device
from models.fraud import CardFrozen
from models.member import get_member_by_card, get_member_by_typed
from models.member_code import MemberCodeExpired, ReadCode, read_code
from models.offline_sale.table import (
    OfflineDeviceRevoked,
    OfflineInFuture,
    OfflinePassOver,
    OfflineSale,
    OfflineStaffGone,
    OfflineTooOld,
)
from models.points import IdempotencyKeyReused, InsufficientPoints
from models.shop import Store
from models.staff import Staff

PASS_LIFE = timedelta(days=3)
"""So long a clerk may go on without a network, and so old may a sale be that needs no manager."""
CLOCK_NOISE = timedelta(minutes=2)
"""A measured clock is right within this: so far ahead a sale counts as made now."""
WORST_SKEW_MS = 10 * 60 * 1000
"""A clock that is further off says nothing about a code's minute: the code's own does."""
UNCOVERED = "redeem_uncovered"
KEY_PARTS = 3
_REDEEM_REFUSALS = (
    CouponNotUsable,
    CouponNotHere,
    CouponNeedsMore,
    CouponsDoNotCombine,
    PointsNotUsable,
    InsufficientPoints,
    CardFrozen,
)


@dataclass(frozen=True)
class Scanned:
    """Who it was, by the text of their member code."""

    text: str


@dataclass(frozen=True)
class Typed:
    """Who it was, by the member or phone number a clerk typed."""

    number: str


@dataclass(frozen=True)
class Seen:
    """Who it was, by a page that had shown them before the network went."""

    member_id: int
    code_id: str | None


@dataclass(frozen=True)
class Told:
    """One sale as a device tells it, under the pass of who made it."""

    key: str
    """The purchase's whole key, `till:<store>:<uuid>`."""
    device: Device
    staff: Staff
    store: Store
    pass_issued_at: datetime
    told_at: datetime
    skew_ms: int | None
    who: Scanned | Typed | Seen
    shown: str
    amount_twd: int
    points: int = 0
    points_twd: int = 0
    coupon_text: str | None = None
    """A coupon's code, scanned or typed."""
    coupon_ids: tuple[int, ...] = ()
    coupon_twd: int = 0
    lines: tuple[Line, ...] = ()

    @property
    def sold_at(self) -> datetime:
        """Return when it happened by our clock, as far as the device's is known."""
        return self.told_at - timedelta(milliseconds=self.skew_ms or 0)

    @property
    def is_clock_doubtful(self) -> bool:
        """Tell whether the device's clock is too far off, or was never measured."""
        return self.skew_ms is None or abs(self.skew_ms) > WORST_SKEW_MS

    @property
    def content(self) -> str:
        """Return a digest of what was sold, to whom and when; never the text itself is kept."""
        told: list[Any] = [repr(self.who), self.told_at.isoformat(), self.amount_twd, self.points]
        told += [self.coupon_text, self.coupon_ids, self.coupon_twd, self.staff.id]
        told += [asdict(line) for line in self.lines]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


@dataclass(frozen=True)
class Received:
    """What became of an item. One that came before brings its first answer with `is_repeat`."""

    sale: OfflineSale
    recorded: Recorded | None
    """What recording it brought, this time."""
    is_repeat: bool


@dataclass(frozen=True)
class Redeeming:
    """What a sale takes off by points and coupons."""

    points: int = 0
    points_twd: int = 0
    coupon_ids: tuple[int, ...] = ()
    coupon_twd: int = 0

    def steps_down(self) -> Iterator["Redeeming"]:
        """Yield what is to be tried: all of it, without the coupons, without the points, none."""
        yield self
        if self.coupon_ids and self.points:
            yield replace(self, coupon_ids=(), coupon_twd=0)
            yield replace(self, points=0, points_twd=0)
        if self.coupon_ids or self.points:
            yield Redeeming()


def receive_sale(
    session: Session, told: Told, public_key: Ed25519PublicKey, now: datetime
) -> Received:
    """Record a sale that was made without a network, or keep it for a manager with the reason.

    The caller's transaction keeps it. Of two uploads at once the second waits and repeats. Raises
    IdempotencyKeyReused where the key came before with another sale.
    """
    one_at_a_time(session, told.key)
    known = find_made(session, OfflineSale, told.key)
    if known is not None:
        if known.content != told.content:
            raise IdempotencyKeyReused
        return Received(known, None, is_repeat=True)
    sale = _row(told, now)
    recorded = None
    try:
        code_id = _identify(session, told, sale, public_key)
        _check(told, sale, now)
        recorded = _record(session, told, sale, code_id, now)
    except BusinessError as error:
        sale.problem, sale.facts = error.code, plain_facts(error)
        sale.loss_twd = sale.redeem_twd
    session.add(sale)
    session.flush()
    if sale.problem is not None:
        _note_problem(session, sale, now)
    return Received(sale, recorded, is_repeat=False)


def list_received(session: Session, device_id: int, keys: set[str]) -> dict[str, OfflineSale]:
    """Return what a device has told of before, by the last part of its key."""
    found = session.scalars(
        select(OfflineSale).where(
            OfflineSale.device_id == device_id,
            func.split_part(OfflineSale.idempotency_key, ":", KEY_PARTS).in_(keys),
        )
    )
    return {sale.idempotency_key.rpartition(":")[2]: sale for sale in found}


def record_redeeming(
    session: Session, sale: Sale, redeeming: Redeeming, now: datetime
) -> tuple[Recorded, int, BusinessError | None]:
    """Record a sale with as much of what it redeems as is covered.

    Return it with the NT$ that nothing covers, and why. Raises what `record_purchase` raises for
    anything else.
    """
    why: BusinessError | None = None
    for step in redeeming.steps_down():
        asked = replace(sale, coupon_ids=step.coupon_ids, points_to_use=step.points)
        try:
            with session.begin_nested():
                recorded = record_purchase(session, asked, now)
        except _REDEEM_REFUSALS as error:
            why = why or error
            continue
        if recorded.is_repeat:
            return recorded, 0, None
        return recorded, _uncovered(redeeming, step, recorded), why
    assert why is not None, "a sale that redeems nothing is not refused for redeeming"
    raise why


def plain_facts(error: BusinessError) -> dict[str, Any]:
    """Return the facts of a refusal that its words may need: numbers, texts, and lists of them."""
    return {
        name: value
        for name, value in error.facts.items()
        if isinstance(value, (int, str, list, tuple))
    }


def _row(told: Told, now: datetime) -> OfflineSale:
    digest = None
    if isinstance(told.who, Scanned):
        digest = hashlib.sha256("".join(told.who.text.split()).upper().encode()).hexdigest()
    return OfflineSale(
        idempotency_key=told.key,
        content=told.content,
        device_id=told.device.id,
        staff_id=told.staff.id,
        store_id=told.store.id,
        code_digest=digest,
        shown=told.shown,
        told_at=told.told_at,
        skew_ms=told.skew_ms,
        sold_at=told.sold_at,
        received_at=now,
        amount_twd=told.amount_twd,
        points=told.points,
        points_twd=told.points_twd,
        coupon_ids=list(told.coupon_ids),
        coupon_twd=told.coupon_twd,
        lines=[asdict(line) for line in told.lines] or None,
        facts={},
        loss_twd=0,
    )


def _identify(
    session: Session, told: Told, sale: OfflineSale, public_key: Ed25519PublicKey
) -> str | None:
    """Find whose sale it is; return the code that counts as used.

    Raises NoSuchMember, NotAMemberCode, MemberCodeForged or MemberCodeExpired.
    """
    if isinstance(told.who, Seen):
        sale.member_id = told.who.member_id
        return told.who.code_id
    if isinstance(told.who, Typed):
        sale.member_id = get_member_by_typed(session, told.who.number).id
        return None
    code = _read(told, sale, told.who.text, public_key)
    sale.member_id = get_member_by_card(session, code.card_ref).id
    return code.code_id


def _check(told: Told, sale: OfflineSale, now: datetime) -> None:
    """See that it may be recorded without a manager. Raises what stands in the way."""
    if now < sale.sold_at <= now + CLOCK_NOISE:
        sale.sold_at = now
    if told.device.revoked_at is not None:
        raise OfflineDeviceRevoked
    if not told.staff.may_work_counter:
        raise OfflineStaffGone
    if sale.sold_at > now:
        raise OfflineInFuture
    if now - sale.sold_at > PASS_LIFE:
        raise OfflineTooOld(most_days=PASS_LIFE.days)
    if not -CLOCK_NOISE <= sale.sold_at - told.pass_issued_at <= PASS_LIFE + CLOCK_NOISE:
        raise OfflinePassOver(most_days=PASS_LIFE.days)


def _read(told: Told, sale: OfflineSale, text: str, public_key: Ed25519PublicKey) -> ReadCode:
    """Check the code as of the sale; where the clock is in doubt, the code's minute is the time.

    Raises NotAMemberCode, MemberCodeForged or MemberCodeExpired.
    """
    try:
        return read_code(public_key, text, sale.sold_at)
    except MemberCodeExpired as error:
        if not told.is_clock_doubtful:
            raise
        sale.sold_at = error.facts["issued_at"]
    return read_code(public_key, text, sale.sold_at)


def _record(
    session: Session, told: Told, sale: OfflineSale, code_id: str | None, now: datetime
) -> Recorded:
    if told.coupon_text:
        coupon = find_coupon(session, told.coupon_text)
        # An unknown one has id 0, which is nobody's: it is refused as any other.
        sale.coupon_ids = [*told.coupon_ids, coupon.id if coupon is not None else 0]
    redeeming = Redeeming(told.points, told.points_twd, tuple(sale.coupon_ids), told.coupon_twd)
    recorded, loss_twd, why = record_redeeming(
        session, sale_of(sale, told.store, told.staff, code_id), redeeming, now
    )
    sale.purchase_id = recorded.purchase_id
    if why is not None:
        sale.problem, sale.loss_twd = UNCOVERED, loss_twd
        sale.facts = plain_facts(why) | {"why": why.code, "loss_twd": loss_twd}
    return recorded


def sale_of(
    sale: OfflineSale,
    store: Store,
    staff: Staff,
    code_id: str | None,
    *,
    sold_at: datetime | None = None,
    approval_code: str | None = None,
) -> Sale:
    """Return what is to be recorded, but for what it redeems."""
    assert sale.member_id is not None
    return Sale(
        member_id=sale.member_id,
        store=store,
        staff=staff,
        amount_twd=sale.amount_twd,
        idempotency_key=sale.idempotency_key,
        code_id=code_id,
        lines=tuple(Line(**line) for line in sale.lines or ()),
        device=sale.device_id,
        approval_code=approval_code,
        sold_at=sold_at or sale.sold_at,
    )


def _uncovered(asked: Redeeming, done: Redeeming, recorded: Recorded) -> int:
    """Return the NT$ that were taken off at the counter and the sale does not take off."""
    receipt = recorded.receipt
    by_coupon: int = receipt["discount_twd"] - receipt["member_discount_twd"]
    coupon_loss = max(asked.coupon_twd - by_coupon, 0)
    return coupon_loss + max(asked.points_twd - done.points_twd, 0)


def _note_problem(session: Session, sale: OfflineSale, now: datetime) -> None:
    note(
        session,
        "offline_sale.open",
        f"offline_sale:{sale.id}",
        now=now,
        staff_id=sale.staff_id,
        store_id=sale.store_id,
        after={
            "problem": sale.problem,
            "amount_twd": sale.amount_twd,
            "loss_twd": sale.loss_twd,
            "purchase_id": sale.purchase_id,
        },
    )
