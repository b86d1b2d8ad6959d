"""Bonus codes: points for whoever types one first, or for one member only; each good once.

A code that leaks is worth one gift, never a line of them; an unknown, used, foreign and ended code
all meet the same answer, so that nothing is learnt by trying.
"""

import secrets
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Identifier, Moment
from models.member import Member
from models.points.entry import lock
from models.points.posting import post_points
from models.points.table import PointsEntry

CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without what is taken for something else when read aloud or off a card."""
CODE_LENGTH = 12
GROUP = 4
MOST_CODES = 10_000
LARGEST_BONUS = 100_000
_DIGITS = frozenset("23456789")


class BonusCode(Base):
    """One code: waiting, then redeemed once by one member."""

    __tablename__ = "bonus_code"
    __table_args__ = (
        CheckConstraint("points > 0", name="gives_points"),
        CheckConstraint("(redeemed_by IS NULL) = (redeemed_at IS NULL)", name="redeemed_when"),
        CheckConstraint("redeemed_by = member_id", name="redeemed_by_its_member"),
        CheckConstraint("made_at < expires_at", name="lives"),
    )

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(Text, unique=True)
    points: Mapped[int]
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    """Whose it is; None: whoever types it first."""
    note: Mapped[str | None]
    """What it was given for; the member reads it."""
    made_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    redeemed_by: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    redeemed_at: Mapped[datetime | None]

    @property
    def shown(self) -> str:
        """Return the code in groups, as it is printed: `7KQM-2XWB-94TD`."""
        return "-".join(self.code[at : at + GROUP] for at in range(0, CODE_LENGTH, GROUP))


class BonusCodeNotUsable(BusinessError):
    """No such code, or it is used, ended, or another's."""

    code = "bonus_code_not_usable"


class BonusCodesRefused(BusinessError):
    """So many codes, or so many points, are never made at once."""

    code = "bonus_codes_refused"


def make_bonus_codes(
    session: Session,
    count: int,
    points: int,
    *,
    expires_at: datetime,
    now: datetime,
    member_id: int | None = None,
    note: str | None = None,
) -> Sequence[BonusCode]:
    """Make `count` codes of `points` each. Raises BonusCodesRefused."""
    if not (0 < count <= MOST_CODES and 0 < points <= LARGEST_BONUS and now < expires_at):
        raise BonusCodesRefused(most=MOST_CODES, largest=LARGEST_BONUS)
    codes = [
        BonusCode(
            code=_draw(),
            points=points,
            member_id=member_id,
            note=note,
            made_at=now,
            expires_at=expires_at,
        )
        for _ in range(count)
    ]
    session.add_all(codes)
    session.flush()
    return codes


def _draw() -> str:
    """Draw a code of 59 random bits, with a digit in it: no word of any language."""
    while True:
        code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
        if _DIGITS & set(code):
            return code


def find_code_in(typed: str) -> str | None:
    """Return the code a person typed, however it is grouped and in any letter case, or None."""
    code = "".join(c for c in typed.upper() if c not in "- \u2010\u2013\u3000")
    is_code = len(code) == CODE_LENGTH and set(code) <= set(CODE_ALPHABET)
    return code if is_code and _DIGITS & set(code) else None


def is_bonus_code(session: Session, code: str) -> bool:
    """Tell whether this is a code we made, usable or not."""
    return session.scalar(select(BonusCode.id).where(BonusCode.code == code)) is not None


def redeem_bonus_code(
    session: Session,
    member: Member,
    code: str,
    *,
    now: datetime,
    expires_on: date | None = None,
) -> PointsEntry:
    """Give the member the code's points, once for all. Raises BonusCodeNotUsable.

    The one who redeemed it before gets their first entry again.
    """
    lock(session, member)
    found = session.scalars(
        select(BonusCode)
        .where(BonusCode.code == code)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None or found.redeemed_by not in (None, member.id):
        raise BonusCodeNotUsable
    if found.redeemed_by is None:
        if found.member_id not in (None, member.id) or found.expires_at <= now:
            raise BonusCodeNotUsable
        found.redeemed_by, found.redeemed_at = member.id, now
    return post_points(
        session,
        member,
        found.points,
        reason="reward",
        idempotency_key=f"bonus_code:{found.id}",
        now=now,
        expires_on=expires_on,
        note=found.note,
    )
