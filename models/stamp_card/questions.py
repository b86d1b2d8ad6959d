"""Questions about stamp cards, and the staff's verbs on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.base import in_language
from models.coupon import get_template
from models.member import Member, NoSuchMember
from models.shop import Shop
from models.stamp_card.posting import post_stamps
from models.stamp_card.rules import EarnedStamps, StampBonus, shown_stamps
from models.stamp_card.table import (
    NoSuchStampProgramme,
    StampCard,
    StampEntry,
    StampProgramme,
    StampRuleRefused,
    StampsRefused,
)
from models.stamp_card.undoing import take_stamps

MOST_BY_HAND = 20
"""So many stamps a person may give or take at once."""


@dataclass(frozen=True)
class HeldCard:
    """A member's card in one programme as it is on a day."""

    programme: StampProgramme
    stamps: int
    """All of them, without those whose day has come."""
    expires_on: date | None

    @property
    def shown(self) -> int:
        """Return how many stamps the current card shows."""
        return shown_stamps(self.stamps, self.programme.size)

    def words(self, language: str) -> dict[str, Any]:
        """Return the card as plain facts to draw; days are ISO, and the last good ones."""
        programme = self.programme
        return {
            "programme_name": in_language(programme.name, language),
            "size": programme.size,
            "stamps": self.shown,
            "reward_name": in_language(programme.reward.name, language),
            "filled_cards": self.stamps // programme.size,
            "expires_on": _last(self.expires_on),
            "ends_on": _last(programme.ends_on),
            "min_spend_twd": programme.min_spend_twd,
            "per_twd": programme.per_twd,
            "card_days": programme.card_days,
            "bonuses": [
                words | {"ends_on": _last(StampBonus.from_words(words).ends_on)}
                for words in programme.bonuses
            ],
        }


def _last(end: date | None) -> str | None:
    return (end - timedelta(days=1)).isoformat() if end else None


def list_held_cards(
    session: Session, member_id: int, programmes: Sequence[StampProgramme], today: date
) -> list[HeldCard]:
    """Return the member's cards to be shown: of all that run, and of others with stamps on them."""
    kept = {
        card.programme_id: card
        for card in session.scalars(
            select(StampCard)
            .where(StampCard.member_id == member_id)
            .execution_options(populate_existing=True)
        )
    }
    held = (_held(programme, kept.get(programme.id), today) for programme in programmes)
    return [
        card
        for card in held
        if card.programme.is_running(today) or card.stamps % card.programme.size
    ]


def _held(programme: StampProgramme, card: StampCard | None, today: date) -> HeldCard:
    if card is None:
        return HeldCard(programme, 0, None)
    if card.expires_on is not None and card.expires_on <= today:
        return HeldCard(programme, card.stamps - card.stamps % programme.size, None)
    return HeldCard(programme, card.stamps, card.expires_on)


def list_stamp_programmes(session: Session) -> list[StampProgramme]:
    """Return all stamp programmes, the oldest first."""
    return list(session.scalars(select(StampProgramme).order_by(StampProgramme.id)))


def get_stamp_programme(session: Session, code: str) -> StampProgramme:
    """Return the programme with this code. Raises NoSuchStampProgramme."""
    found = session.scalars(select(StampProgramme).where(StampProgramme.code == code)).one_or_none()
    if found is None:
        raise NoSuchStampProgramme(code=code)
    return found


def count_stamps(session: Session, member_id: int, programme: StampProgramme) -> int:
    """Return all the member's stamps in the programme, as their entries add up."""
    stamps = session.scalars(
        select(StampCard.stamps).where(
            StampCard.member_id == member_id, StampCard.programme_id == programme.id
        )
    ).one_or_none()
    return stamps or 0


def add_stamp_programme(
    session: Session,
    *,
    code: str,
    name: dict[str, str],
    size: int,
    reward_code: str,
    min_spend_twd: int = 0,
    per_twd: int | None = None,
    bonuses: Sequence[StampBonus] = (),
    channel: str | None = None,
    card_days: int | None = None,
    starts_on: date | None = None,
    ends_on: date | None = None,
) -> StampProgramme:
    """Add a kind of stamp card to the shop's rules; it stamps from the next purchase on.

    Raises StampRuleRefused for numbers that make no sense, and NoResultFound where no coupon
    template has the code.
    """
    if not 2 <= size <= 50 or min_spend_twd < 0 or (per_twd is not None and per_twd < 1):
        raise StampRuleRefused(what="numbers")
    if (starts_on and ends_on and starts_on >= ends_on) or (
        card_days is not None and card_days < 1
    ):
        raise StampRuleRefused(what="days")
    programme = StampProgramme(
        code=code,
        name=name,
        size=size,
        min_spend_twd=min_spend_twd,
        per_twd=per_twd,
        bonuses=[bonus.to_words() for bonus in bonuses],
        channel=channel,
        card_days=card_days,
        starts_on=starts_on,
        ends_on=ends_on,
        reward_template_id=get_template(session, reward_code).id,
    )
    session.add(programme)
    session.flush()
    raise_version(session)
    return programme


def set_active(session: Session, code: str, *, is_active: bool) -> StampProgramme:
    """Stop or resume a programme; cards keep what is on them. Raises NoSuchStampProgramme."""
    programme = get_stamp_programme(session, code)
    programme.is_active = is_active
    session.flush()
    raise_version(session)
    return programme


def raise_version(session: Session) -> None:
    """Let every process read the rules anew."""
    session.execute(update(Shop).values(programme_version=Shop.programme_version + 1))


def give_stamps(
    session: Session,
    member_id: int,
    programme: StampProgramme,
    stamps: int,
    *,
    staff_id: int | None,
    note: str,
    idempotency_key: str,
    now: datetime,
) -> int:
    """Give stamps by hand, or take them (below zero), and say why; return the card's stamps.

    A key seen before moves nothing. Raises NoSuchMember, and StampsRefused for none, for more
    than MOST_BY_HAND, without a reason, or for more than the member holds.
    """
    if not 0 < abs(stamps) <= MOST_BY_HAND or not note.strip():
        raise StampsRefused(largest=MOST_BY_HAND)
    _lock(session, member_id)
    seen = session.scalars(
        select(StampEntry).where(StampEntry.idempotency_key == f"{idempotency_key}:{programme.id}")
    ).one_or_none()
    if seen is None and stamps > 0:
        post_stamps(
            session,
            member_id,
            (EarnedStamps(programme, stamps),),
            reason="manual",
            idempotency_key=idempotency_key,
            now=now,
            staff_id=staff_id,
            note=note.strip(),
        )
    elif seen is None:
        take_stamps(
            session,
            member_id,
            programme,
            -stamps,
            reason="manual",
            idempotency_key=idempotency_key,
            now=now,
            staff_id=staff_id,
            note=note.strip(),
        )
    elif (seen.member_id, seen.delta) != (member_id, stamps):
        raise StampsRefused(reused=True)
    return count_stamps(session, member_id, programme)


def _lock(session: Session, member_id: int) -> None:
    found = session.execute(
        select(Member.id)
        .where(Member.id == member_id, Member.erased_at.is_(None))
        .with_for_update()
    ).one_or_none()
    if found is None:
        raise NoSuchMember
