"""Help, a way to a person, and a way out of any question."""

from bot import Message
from bot.cards import contact_staff, fallback, help_card, registration_problem
from bot.postback import Action
from handlers.line import Turn, on
from models.base import in_language
from models.friend import end_conversation
from models.shop import get_shop


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


@on("postback", Action.CANCEL)
def cancel(turn: Turn) -> list[Message]:
    """Leave whatever the person was in the middle of."""
    end_conversation(turn.session, turn.user_id)
    return registration_problem(turn.texts, "cancelled", is_member=turn.member is not None)


@on("postback")
def answer_unknown_tap(turn: Turn) -> list[Message]:
    """A tap on a button nobody here drew, or no longer draws."""
    return fallback(turn.texts, is_member=turn.member is not None)
