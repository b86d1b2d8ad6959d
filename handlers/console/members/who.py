"""A member as each role may see them: phone and birthday whole only for who corrects them."""

from dataclasses import dataclass

from flask import g

from bot.texts import Texts
from handlers.console.door import console_texts, may
from models.member import Member, get_card, kept_member, shown_number
from models.phone import masked_phone

FULL = "members.correct"
"""Who has this right sees phones and birthdays whole."""
_GROUPS = (4, 7)


@dataclass(frozen=True)
class MemberFacts:
    """A member in the words of a page."""

    name: str
    number: str
    phone: str | None
    birthday: str | None


def facts_of(member: Member) -> MemberFacts:
    """Return what the page may say of a member, with what it hides masked."""
    t = console_texts()
    return MemberFacts(
        name=name_of(t, member),
        number=shown_number(member.number),
        phone=_phone(member.phone),
        birthday=_birthday(t, member),
    )


def name_of(t: Texts, member: Member) -> str:
    """Return what a member is called; one without a name, or who left, is said to be that."""
    if member.erased_at is not None:
        return t("已退出的會員")
    return member.name or t("未填姓名")


def get_shown(number: str) -> Member:
    """Return the member a page is about: of a merged card whoever it became.

    Raises NoSuchMember.
    """
    return kept_member(g.session, get_card(g.session, number))


def _phone(phone: str | None) -> str | None:
    if phone is None:
        return None
    if not may(FULL):
        return masked_phone(phone)
    local = "0" + phone.removeprefix("+886")
    first, second = _GROUPS
    return f"{local[:first]}-{local[first:second]}-{local[second:]}"


def _birthday(t: Texts, member: Member) -> str | None:
    if member.birthday is None:
        return None
    if may(FULL):
        return t.date(member.birthday)
    return t("{month} 月", month=member.birthday.month)
