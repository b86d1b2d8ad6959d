"""Members: who joined, how to find them, and the running figures kept with every purchase."""

import hashlib
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import regex
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    Text,
    func,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Day, Identifier, Moment
from models.member_code import new_card_ref
from models.phone import normal_phone

NUMBER_DIGITS = 9
LONGEST_NAME = 40
OLDEST_AGE_YEARS = 120


class Member(Base):
    """A person in the programme. Erasing empties what is personal and keeps the figures.

    `points` equals the sum of their ledger; `spend_twd` equals what the 365 days up to and
    including `spend_on` count. Both change only under the member's row lock.
    """

    __tablename__ = "member"
    __table_args__ = (
        CheckConstraint("spend_twd >= 0", name="spend_not_negative"),
        CheckConstraint("year_twd >= 0 AND lifetime_twd >= 0", name="spends_not_negative"),
        CheckConstraint("points_pending >= 0", name="pending_not_negative"),
        CheckConstraint("(frozen_at IS NULL) = (frozen_reason IS NULL)", name="frozen_why"),
        CheckConstraint("merged_into_id <> id", name="merged_into_another"),
        CheckConstraint("(plan_code IS NULL) = (plan_until IS NULL)", name="plan_has_end"),
        CheckConstraint("purchase_count >= 0", name="purchases_not_negative"),
        CheckConstraint(
            "erased_at IS NULL OR (line_user_id IS NULL AND name IS NULL AND phone IS NULL"
            " AND birthday IS NULL AND NOT marketing_allowed)",
            name="erased_keeps_nothing_personal",
        ),
        Index("ix_member_tier_kept_until", "tier_kept_until"),
        Index("ix_member_joined_at", "joined_at"),
        Index(
            "ix_member_name_grams",
            func.name_grams(text("name")),
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
            postgresql_where=text("name IS NOT NULL"),
        ),
        Index(
            "ix_member_phone_end",
            func.reverse(text("phone")),
            postgresql_where=text("phone IS NOT NULL"),
        ),
    )

    id: Mapped[Identifier]
    number: Mapped[str] = mapped_column(unique=True)
    card_ref: Mapped[str] = mapped_column(unique=True, default=new_card_ref)
    line_user_id: Mapped[str | None] = mapped_column(Text, unique=True)
    name: Mapped[str | None]
    phone: Mapped[str | None] = mapped_column(Text, unique=True)
    birthday: Mapped[date | None]
    birthday_mmdd: Mapped[int | None] = mapped_column(
        Computed(
            "CAST(extract(month FROM birthday) * 100 + extract(day FROM birthday) AS integer)",
            persisted=True,
        ),
        index=True,
    )
    """Month and day as one number, 229 for 29 February: whom a day's birthday job looks for."""
    language: Mapped[str] = mapped_column(default="zh-TW")
    joined_at: Mapped[Moment]
    join_source: Mapped[str]
    """Where they joined from: `line`, `store:<code>`, `import`, …"""
    marketing_allowed: Mapped[bool] = mapped_column(default=False)
    tier_id: Mapped[int] = mapped_column(ForeignKey("tier.id"), index=True)
    tier_kept_until: Mapped[date | None]
    """The first day on which the tier is evaluated again; None on the lowest."""
    points: Mapped[int] = mapped_column(default=0)
    spend_twd: Mapped[int] = mapped_column(default=0)
    spend_on: Mapped[Day]
    purchase_count: Mapped[int] = mapped_column(default=0)
    first_purchase_on: Mapped[date | None]
    previous_purchase_on: Mapped[date | None]
    """The day of the last purchase but one; that of the last where both were on one day."""
    last_purchase_on: Mapped[date | None]
    purchase_days: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """On how many days something was bought that still stands."""
    promo_count: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """How many of `purchase_count` had a coupon or a discount."""
    won_back_for: Mapped[date | None]
    """The `last_purchase_on` for which they were written to before journeys did it (`silent`)."""
    erased_at: Mapped[datetime | None]
    points_pending: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Earned and not yet spendable, until the return window is over."""
    tier_points: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """The second wallet: what counts for the tier and is never spent."""
    year_twd: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Net spend of the calendar year of `spend_on`."""
    lifetime_twd: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    """Net spend of all time."""
    day_on: Mapped[date | None]
    """The Taipei day that `day_points` and `day_purchases` count: caps and velocity read them."""
    day_points: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    day_purchases: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    frozen_at: Mapped[datetime | None]
    """Set while nothing may leave the card: no redemption, no spending."""
    frozen_reason: Mapped[str | None]
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    """The card that took over this one; set, the member is closed."""
    referral_code: Mapped[str | None] = mapped_column(Text, unique=True)
    referral_step: Mapped[str | None]
    """Where the invitation they came by stands, so that only who was invited asks for it."""
    phone_verified_at: Mapped[datetime | None]
    plan_code: Mapped[str | None]
    """The paid plan the member holds, if any; good while now is before `plan_until`."""
    plan_until: Mapped[datetime | None]


class FormerMember(Base):
    """A minimal trace of someone who left, so that one person is not welcomed twice with a gift.

    Keeps a digest of LINE's 128-bit random user id, nothing that a person could be found by.
    """

    __tablename__ = "former_member"

    digest: Mapped[str] = mapped_column(primary_key=True)
    left_at: Mapped[Moment]


class NoSuchMember(BusinessError):
    """Nobody has this number, phone, or LINE account."""

    code = "no_such_member"


class NameRefused(BusinessError):
    """The name is empty once cleaned, or too long."""

    code = "name_refused"


class BirthdayRefused(BusinessError):
    """The birthday lies in the future or further back than people live."""

    code = "birthday_refused"


@dataclass(frozen=True)
class Masked:
    """A member as a clerk may see them before an award."""

    name: str
    number: str


def normal_name(typed: str) -> str:
    """Return a name fit to keep: NFC, one line, no control or invisible formatting characters.

    Emoji (with their joiners) are welcome. Raises NameRefused where nothing visible is left or
    it has more than 40 characters as a person counts them.
    """
    text = unicodedata.normalize("NFC", typed[: LONGEST_NAME * 40])
    shown = "".join(c for c in text if not _is_unfit(c))
    name = " ".join(shown.split())
    count = len(regex.findall(r"\X", name))
    if not any(unicodedata.category(c)[0] in "LNSP" for c in name) or count > LONGEST_NAME:
        raise NameRefused(longest=LONGEST_NAME)
    return name


def _is_unfit(character: str) -> bool:
    is_joiner = character in "\u200d\ufe0f"
    category = unicodedata.category(character)
    return not is_joiner and category in ("Cc", "Cf", "Cs", "Co", "Cn") and character != "\n"


def check_birthday(birthday: date, today: date) -> date:
    """Return the birthday where a living person can have it. Raises BirthdayRefused."""
    if birthday > today or birthday.year < today.year - OLDEST_AGE_YEARS:
        raise BirthdayRefused(birthday=birthday)
    return birthday


def draw_number() -> str:
    """Draw a member number: eight random digits, and Luhn's so that typing errors show."""
    digits = f"{secrets.randbelow(90_000_000) + 10_000_000}"
    return digits + check_digit(digits)


def check_digit(digits: str) -> str:
    """Return Luhn's check digit for `digits`."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value // 10 + value % 10
    return str(-total % 10)


def is_member_number(text: str) -> bool:
    """Tell whether nine digits carry the right check digit."""
    whole = len(text) == NUMBER_DIGITS and text.isascii() and text.isdigit()
    return whole and check_digit(text[:-1]) == text[-1]


def shown_number(number: str) -> str:
    """Return a member number in groups, as the card prints it: `8210 4417 3`."""
    return f"{number[:4]} {number[4:8]} {number[8:]}"


def masked_name(name: str | None) -> str:
    """Return a name with all but its ends hidden: 王小明 → 王○明, Amy → A○y, 小明 → 小○."""
    parts: list[str] = regex.findall(r"\X", name or "")
    if not parts:
        return "○○"
    if len(parts) <= 2:
        return parts[0] + "○"
    return parts[0] + "○" * min(len(parts) - 2, 4) + parts[-1]


def get_member(session: Session, member_id: int) -> Member:
    """Return the member with this id. Raises NoSuchMember."""
    member = session.get(Member, member_id)
    if member is None:
        raise NoSuchMember
    return member


def find_member_by_line(session: Session, line_user_id: str) -> Member | None:
    """Return the member bound to this LINE account, or None."""
    return session.scalars(select(Member).where(Member.line_user_id == line_user_id)).one_or_none()


def get_member_by_card(session: Session, card_ref: str) -> Member:
    """Return the member whose card a valid code names. Raises NoSuchMember."""
    found = session.scalars(
        select(Member).where(Member.card_ref == card_ref, Member.erased_at.is_(None))
    ).one_or_none()
    if found is None:
        raise NoSuchMember
    return kept_member(session, found)


def get_member_by_number(session: Session, number: str) -> Member:
    """Return the member with this number, digits only. Raises NoSuchMember."""
    found = session.scalars(
        select(Member).where(Member.number == number, Member.erased_at.is_(None))
    ).one_or_none()
    if found is None:
        raise NoSuchMember
    return kept_member(session, found)


def get_card(session: Session, number: str) -> Member:
    """Return the very card with this number, even one that was merged or has left.

    Raises NoSuchMember.
    """
    found = session.scalars(select(Member).where(Member.number == number)).one_or_none()
    if found is None:
        raise NoSuchMember
    return found


def get_member_by_typed(session: Session, typed: str) -> Member:
    """Return the member whose number or mobile number a clerk typed. Raises NoSuchMember."""
    digits = "".join(c for c in unicodedata.normalize("NFKC", typed) if c.isdigit() or c == "+")
    if is_member_number(digits):
        condition = Member.number == digits
    else:
        try:
            condition = Member.phone == normal_phone(typed)
        except BusinessError as error:
            raise NoSuchMember from error
    found = session.scalars(
        select(Member).where(condition, Member.erased_at.is_(None))
    ).one_or_none()
    if found is None:
        raise NoSuchMember
    return kept_member(session, found)


def kept_member(session: Session, member: Member) -> Member:
    """Return who a member became by merging: themselves, for nearly everybody."""
    while member.merged_into_id is not None:
        member = session.get_one(Member, member.merged_into_id)
    return member


def list_line_user_ids(session: Session, *, after: str, limit: int) -> list[str]:
    """Return the next LINE accounts of members, in their own order, after one of them."""
    found = session.scalars(
        select(Member.line_user_id)
        .where(Member.line_user_id > after)
        .order_by(Member.line_user_id)
        .limit(limit)
    )
    return [line_user_id for line_user_id in found if line_user_id is not None]


def list_member_ids(session: Session, *, after_id: int, limit: int) -> list[int]:
    """Return the ids of the next members who have not left, in their order."""
    found = session.scalars(
        select(Member.id)
        .where(Member.id > after_id, Member.erased_at.is_(None))
        .order_by(Member.id)
        .limit(limit)
    )
    return list(found)


def registered_without_order(
    session: Session, days: int, now: datetime, *, after_id: int = 0, limit: int
) -> list[int]:
    """Return the ids of the next members who joined `days` ago or longer and never bought (B-02).

    Whoever buys is no longer among them; whoever gave all of it back is again.
    """
    found = session.scalars(
        select(Member.id)
        .where(
            Member.id > after_id,
            Member.purchase_count == 0,
            Member.joined_at <= now - timedelta(days=days),
            Member.erased_at.is_(None),
            Member.merged_into_id.is_(None),
        )
        .order_by(Member.id)
        .limit(limit)
    )
    return list(found)


def is_phone_taken(session: Session, phone: str, *, but_for: int | None = None) -> bool:
    """Tell whether another member than `but_for` holds this number (E.164)."""
    holder = session.scalars(select(Member.id).where(Member.phone == phone)).one_or_none()
    return holder is not None and holder != but_for


def digest_of(line_user_id: str) -> str:
    """Return the digest under which a person who left is remembered."""
    return hashlib.sha256(f"regulars:{line_user_id}".encode()).hexdigest()


def was_member_before(session: Session, line_user_id: str) -> bool:
    """Tell whether this LINE account was a member, left and had its data erased."""
    return session.get(FormerMember, digest_of(line_user_id)) is not None
