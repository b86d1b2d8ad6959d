"""「不是我」: a member says that a sale or a redemption was not them, and their card freezes.

The tap comes from an old message, so it is a question, not a right: only the owner's counts, for
14 days, and a second one changes nothing. A manager looks at the alert and decides.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.coupon import Redemption
from models.fraud.alert import FraudAlert, list_open_alerts, raise_alert, settle_alert
from models.fraud.freezing import (
    CONFIRMED_FRAUD,
    NOT_ME,
    freeze_member,
    unfreeze_member,
)
from models.local_day import local_day
from models.member import Member, kept_member
from models.outbox import owe
from models.purchase import Purchase
from models.staff import Staff

TOLD_WITHIN = timedelta(days=14)
KINDS = ("purchase", "redemption")
MOST_DOUBTS = 6
UNFROZEN_KIND = "card_unfrozen"


class NotTheirs(BusinessError):
    """There is no such thing on this member's card."""

    code = "not_theirs"


class ToldTooLate(BusinessError):
    """It lies more than 14 days back: a person has to look into it."""

    code = "told_too_late"


@dataclass(frozen=True)
class Told:
    """What came of it: when it happened, in which store, and whether it was told before."""

    happened_at: datetime
    store_id: int | None
    is_repeat: bool


@dataclass(frozen=True)
class Doubt:
    """Something on a card that its owner may say was not them."""

    kind: Literal["purchase", "redemption"]
    id: int
    at: datetime
    store_id: int | None
    amount_twd: int | None = None
    """What a purchase cost; None for a redemption."""
    name: dict[str, str] | None = None
    """What was redeemed, a text a language."""


@dataclass(frozen=True)
class _Case:
    owner_id: int
    happened_at: datetime
    store_id: int | None
    staff_id: int | None


def say_not_me(session: Session, member: Member, kind: str, identifier: int, now: datetime) -> Told:
    """Freeze the member's card over one of their KINDS and leave an alert for a manager.

    Raises NotTheirs or ToldTooLate.
    """
    case = _find(session, kind, identifier)
    if case is None or not _is_owner(session, member, case.owner_id):
        raise NotTheirs
    if now >= case.happened_at + TOLD_WITHIN:
        raise ToldTooLate
    alert = raise_alert(
        session,
        NOT_ME,
        evidence={kind: [identifier]},
        key=f"{NOT_ME}:{kind}:{identifier}",
        now=now,
        member_id=member.id,
        staff_id=case.staff_id,
    )
    if alert is not None:
        freeze_member(session, member, NOT_ME, now=now)
    return Told(case.happened_at, case.store_id, is_repeat=alert is None)


def list_doubts(session: Session, member: Member, now: datetime) -> list[Doubt]:
    """Return what lately happened on the card, the newest first."""
    since = now - TOLD_WITHIN
    sales = session.scalars(
        select(Purchase)
        .where(
            Purchase.member_id == member.id,
            Purchase.purchased_on >= local_day(since),
            Purchase.purchased_at > since,
        )
        .order_by(Purchase.purchased_on.desc(), Purchase.id.desc())
        .limit(MOST_DOUBTS)
    )
    used = session.scalars(
        select(Redemption)
        .where(
            Redemption.member_id == member.id,
            Redemption.redeemed_at > since,
            Redemption.purchase_id.is_(None),
        )
        .order_by(Redemption.redeemed_at.desc(), Redemption.id.desc())
        .limit(MOST_DOUBTS)
    )
    doubts = [
        Doubt("purchase", sale.id, sale.purchased_at, sale.store_id, sale.amount_twd)
        for sale in sales
    ]
    doubts += [
        Doubt("redemption", one.id, one.redeemed_at, one.store_id, name=one.coupon.template.name)
        for one in used
    ]
    return sorted(doubts, key=lambda doubt: doubt.at, reverse=True)[:MOST_DOUBTS]


def release_member(
    session: Session, member: Member, *, staff: Staff, note_text: str | None, now: datetime
) -> list[FraudAlert]:
    """Find that all was well: settle the member's alerts, release the card and tell its owner."""
    alerts = _settle_all(session, member, staff, is_fraud=False, now=now)
    if unfreeze_member(session, member, staff_id=staff.id, now=now, note_text=note_text):
        _tell(session, member, now)
    return alerts


def confirm_fraud(
    session: Session, member: Member, *, staff: Staff, note_text: str | None, now: datetime
) -> list[FraudAlert]:
    """Find that it was fraud: settle the member's alerts; the card stays frozen until released."""
    alerts = _settle_all(session, member, staff, is_fraud=True, now=now)
    freeze_member(session, member, CONFIRMED_FRAUD, now=now, staff_id=staff.id, note_text=note_text)
    return alerts


def _settle_all(
    session: Session, member: Member, staff: Staff, *, is_fraud: bool, now: datetime
) -> list[FraudAlert]:
    alerts = list(list_open_alerts(session, member_id=member.id))
    for alert in alerts:
        settle_alert(alert, is_fraud=is_fraud, staff_id=staff.id, now=now)
    session.flush()
    return alerts


def _tell(session: Session, member: Member, now: datetime) -> None:
    if member.line_user_id is not None:
        owe(
            session,
            member.line_user_id,
            UNFROZEN_KIND,
            {},
            language=member.language,
            idempotency_key=f"{UNFROZEN_KIND}:{member.id}:{now.isoformat()}",
            now=now,
            member_id=member.id,
        )


def _find(session: Session, kind: str, identifier: int) -> _Case | None:
    if kind == "purchase":
        sale = session.get(Purchase, identifier)
        return (
            _Case(sale.member_id, sale.purchased_at, sale.store_id, sale.staff_id) if sale else None
        )
    used = session.get(Redemption, identifier)
    return _Case(used.member_id, used.redeemed_at, used.store_id, used.staff_id) if used else None


def _is_owner(session: Session, member: Member, owner_id: int) -> bool:
    """Tell whether it was on this card, or on one that was merged into it."""
    return kept_member(session, session.get_one(Member, owner_id)).id == member.id
