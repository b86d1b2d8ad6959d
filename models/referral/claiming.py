"""A member's code, and how a friend claims to be invited by it."""

import hashlib
import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from models.activity import ReferralRule
from models.coupon import CODE_ALPHABET
from models.local_day import local_day
from models.member import Member, was_member_before
from models.programme import get_programme
from models.referral.table import CLAIMED, Referral, ReferralRefused

CODE_LENGTH = 8
"""31 to the eighth: eight letters that can be typed, and 850,000,000,000 of them."""
CODE_DRAWS = 5
SOURCE = "ref:"
_CODE = re.compile(f"[{CODE_ALPHABET}]{{{CODE_LENGTH}}}")


@dataclass(frozen=True)
class Claim:
    """What a friend brings: the code as typed, when, and what is known of their device."""

    code: str
    now: datetime
    device: str | None = None


def normal_code(typed: str) -> str | None:
    """Return a typed code in its one form, or None where it cannot be a code."""
    folded = unicodedata.normalize("NFKC", typed[: CODE_LENGTH * 4]).upper()
    code = "".join(c for c in folded if c.isalnum())
    return code if _CODE.fullmatch(code) else None


def referral_code_of(session: Session, member: Member) -> str:
    """Return the member's own code, drawn when it is first asked for."""
    for _ in range(CODE_DRAWS):
        if member.referral_code is not None:
            return member.referral_code
        # Two taps at once draw twice: the second waits here and finds the first one's code.
        session.refresh(member, ["referral_code"], with_for_update=True)
        if member.referral_code is None:
            _try_code(session, member)
    raise AssertionError("eight letters ran out")


def _try_code(session: Session, member: Member) -> None:
    code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
    try:
        with session.begin_nested():
            member.referral_code = code
    except IntegrityError:
        session.refresh(member, ["referral_code"])


def find_referrer(session: Session, code: str) -> Member | None:
    """Return the member whose code it is, or None."""
    known = normal_code(code)
    if known is None:
        return None
    return session.scalars(select(Member).where(Member.referral_code == known)).one_or_none()


def claimed_code(source: str) -> str | None:
    """Return the code in a friend's `source`, such as `ref:ABCD2345`, or None."""
    return normal_code(source.removeprefix(SOURCE)) if source.startswith(SOURCE) else None


def claim_referral(session: Session, friend: Member, claim: Claim) -> Referral:
    """Note that `friend` was invited by the owner of a code, and return the invitation.

    The same code again returns the first claim. Raises ReferralRefused.
    """
    rule = get_programme(session).activity.referral_rule
    if rule is None or not rule.is_open:
        raise ReferralRefused(reason="closed")
    referrer = find_referrer(session, claim.code)
    if referrer is None:
        raise ReferralRefused(reason="unknown_code")
    # A first purchase at this very moment waits, and then finds the claim; or we find it.
    session.refresh(friend, with_for_update=True)
    known = find_invitation(session, friend.id)
    if known is not None:
        if known.referrer_id == referrer.id:
            return known
        raise ReferralRefused(reason="already_invited")
    device = _digest(claim.device)
    reason = why_not(session, referrer, friend, rule, claim.now)
    if reason is None and device is not None and _is_device_known(session, device):
        reason = "same_device"
    if reason is not None:
        raise ReferralRefused(reason=reason)
    referral = Referral(
        referrer_id=referrer.id, friend_id=friend.id, claimed_at=claim.now, device_digest=device
    )
    friend.referral_step = CLAIMED
    session.add(referral)
    session.flush()
    return referral


def find_invitation(session: Session, friend_id: int) -> Referral | None:
    """Return by what invitation this member came, or None."""
    return session.scalars(select(Referral).where(Referral.friend_id == friend_id)).one_or_none()


def is_gone(member: Member) -> bool:
    """Tell whether nothing may be given to this card: erased, merged into another, or frozen."""
    return (member.erased_at or member.merged_into_id or member.frozen_at) is not None


def why_not(
    session: Session, referrer: Member, friend: Member, rule: ReferralRule, now: datetime
) -> str | None:
    """Return why this friend of this referrer is not one we reward, or None."""
    last = local_day(friend.joined_at) + timedelta(days=rule.claim_days)
    checks = {
        "self": referrer.id == friend.id,
        "referrer_gone": is_gone(referrer),
        "same_phone": _are_same(referrer.phone, friend.phone),
        "same_line": _are_same(referrer.line_user_id, friend.line_user_id),
        "existing_member": friend.purchase_count > 0 or friend.joined_at < referrer.joined_at,
        "too_late": local_day(now) > last,
    }
    found = next((reason for reason, holds in checks.items() if holds), None)
    if found is not None:
        return found
    if friend.line_user_id is not None and was_member_before(session, friend.line_user_id):
        return "former_member"
    return "cycle" if _leads_up_to(session, referrer.id, friend.id) else None


def _are_same(one: str | None, other: str | None) -> bool:
    return one is not None and one == other


def _leads_up_to(session: Session, start_id: int, sought_id: int) -> bool:
    """Tell whether `sought_id` stands above `start_id`: invited them, or who invited them, …"""
    above = (
        select(Referral.referrer_id.label("id"))
        .where(Referral.friend_id == start_id)
        .cte("above", recursive=True)
    )
    step = aliased(Referral)
    above = above.union(select(step.referrer_id).join(above, step.friend_id == above.c.id))
    found = session.scalar(select(above.c.id).where(above.c.id == sought_id).limit(1))
    return found is not None


def _is_device_known(session: Session, device: str) -> bool:
    found = session.scalar(select(Referral.id).where(Referral.device_digest == device))
    return found is not None


def _digest(device: str | None) -> str | None:
    return hashlib.sha256(f"regulars:device:{device}".encode()).hexdigest() if device else None
