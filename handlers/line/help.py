"""Help, a way to a person, and a way out of any question."""

from bot import Message
from bot.cards import (
    about_too_long,
    contact_noted,
    contact_over,
    contact_requested,
    contact_staff,
    fallback,
    help_card,
    registration_problem,
)
from bot.postback import Action
from handlers.line import Turn, on, on_member
from models.base import in_language
from models.contact import (
    AboutTooLong,
    ContactSettled,
    ask_for_contact,
    say_about,
    usual_hours,
)
from models.friend import converse, end_conversation, get_conversation
from models.member import Member
from models.phone import masked_phone
from models.shop import get_shop

CONTACT = "contact"


@on("postback", Action.SHOW_HELP)
def show_help(turn: Turn) -> list[Message]:
    """Say what the account can do."""
    return help_card(turn.texts, is_member=turn.member is not None)


@on("postback", Action.CONTACT_STAFF)
def show_contact(turn: Turn) -> list[Message]:
    """Say how to reach a person."""
    shop, t = get_shop(turn.session), turn.texts
    return contact_staff(
        t,
        in_language(shop.name, t.language),
        phone=shop.phone,
        hours=in_language(shop.hours, t.language),
        is_member=turn.member is not None,
    )


@on_member("postback", Action.REQUEST_CONTACT)
def request_contact(turn: Turn, member: Member) -> list[Message]:
    """A member taps 請門市聯絡我: noted at once, so that it is not lost if they say no more."""
    request = ask_for_contact(turn.session, member, turn.programme, turn.now)
    converse(turn.session, turn.user_id, CONTACT, CONTACT, turn.now)
    return contact_requested(
        turn.texts,
        hours=usual_hours(turn.session, turn.now),
        is_first_served=request.level > 0,
        phone=masked_phone(member.phone) if member.phone else None,
    )


@on_member("postback", Action.SKIP_ABOUT)
def skip_about(turn: Turn, _member: Member) -> list[Message]:
    """A member does not want to say what it is about."""
    talk = get_conversation(turn.session, turn.user_id)
    if talk is not None and talk.topic == CONTACT:  # An old button ends nothing else.
        end_conversation(turn.session, turn.user_id)
    return contact_noted(turn.texts, hours=usual_hours(turn.session, turn.now), has_about=False)


def take_about(turn: Turn, member: Member, typed: str) -> list[Message]:
    """Take what a member types after asking to be called as what it is about."""
    try:
        request = say_about(turn.session, member.id, typed)
    except AboutTooLong as refused:
        return about_too_long(turn.texts, refused.facts["longest"])
    except ContactSettled:
        end_conversation(turn.session, turn.user_id)
        return contact_over(turn.texts)
    end_conversation(turn.session, turn.user_id)
    hours = usual_hours(turn.session, turn.now)
    return contact_noted(turn.texts, hours=hours, has_about=request.about is not None)


@on("postback", Action.CANCEL)
def cancel(turn: Turn) -> list[Message]:
    """Leave whatever the person was in the middle of."""
    end_conversation(turn.session, turn.user_id)
    return registration_problem(turn.texts, "cancelled", is_member=turn.member is not None)


@on("postback")
def answer_unknown_tap(turn: Turn) -> list[Message]:
    """A tap on a button nobody here drew, or no longer draws."""
    return fallback(turn.texts, is_member=turn.member is not None)
