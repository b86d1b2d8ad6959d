"""A member's e-mail address in the chat: given, taken back; and the channel they choose."""

from bot import Message
from bot.cards.email import (
    AUTOMATIC,
    CHOICES,
    ask_email,
    channel_choice,
    email_asked,
    email_dropped,
    email_too_often,
    email_wrong,
)
from bot.postback import Action
from handlers.line import Turn, on_member
from models.channel import (
    BY_MEMBER,
    CONFIRMED,
    AskedTooOften,
    NotAnEmail,
    choose_channel,
    drop_email,
    find_channel,
    give_email,
    masked_email,
)
from models.friend import converse, end_conversation
from models.member import Member

CHANGE_EMAIL = "change_email"


@on_member("postback", Action.CHANGE_EMAIL)
def ask_new_email(turn: Turn, member: Member) -> list[Message]:
    """A member wants to give or change an address: ask for it."""
    from handlers.line.profile import show_profile  # It stands on this.

    if not turn.room.has_mail:
        return show_profile(turn, member)
    converse(turn.session, turn.user_id, CHANGE_EMAIL, "email", turn.now)
    known = find_channel(turn.session, member.id)
    return ask_email(turn.texts, has_one=known is not None and known.email is not None)


def take_email(turn: Turn, member: Member, typed: str) -> list[Message]:
    """Take a typed text as the address; a mail asks its owner to confirm it."""
    from handlers.line.profile import show_profile

    try:
        address = give_email(turn.session, member, typed, key=turn.event_id, now=turn.now)
    except NotAnEmail:
        return email_wrong(turn.texts)
    except AskedTooOften:
        end_conversation(turn.session, turn.user_id)
        return email_too_often(turn.texts)
    end_conversation(turn.session, turn.user_id)
    known = find_channel(turn.session, member.id)
    if known is not None and known.email_state == CONFIRMED:
        return show_profile(turn, member)
    return email_asked(turn.texts, masked_email(address))


@on_member("postback", Action.DROP_EMAIL)
def forget_email(turn: Turn, member: Member) -> list[Message]:
    """A member takes their address back."""
    drop_email(turn.session, member.id)
    end_conversation(turn.session, turn.user_id)
    return email_dropped(turn.texts)


@on_member("postback", Action.CHOOSE_CHANNEL)
def ask_channel(turn: Turn, member: Member) -> list[Message]:
    """A member asks how they are told: offer the ways."""
    known = find_channel(turn.session, member.id)
    return channel_choice(turn.texts, known.chosen if known is not None else None)


@on_member("postback", Action.CHANGE_CHANNEL)
def take_channel(turn: Turn, member: Member) -> list[Message]:
    """Take over the chosen way; it holds for every message not yet on its way."""
    from handlers.line.profile import show_profile

    told = turn.postback.fields.get("to", "")
    if told not in CHOICES:
        return ask_channel(turn, member)
    chosen = None if told == AUTOMATIC else told
    choose_channel(turn.session, member.id, chosen, by=BY_MEMBER, now=turn.now)
    return show_profile(turn, member)
