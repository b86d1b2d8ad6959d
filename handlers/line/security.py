"""「不是我」: a member says that something on their card was not them."""

from bot import Message
from bot.cards.security import ask_what_was_not_me, card_frozen_now, not_me_refused
from bot.postback import Action
from bot.views import DoubtView
from handlers.line import Turn, on_member
from models.base import in_language
from models.fraud.not_me import KINDS, NotTheirs, ToldTooLate, list_doubts, say_not_me
from models.member import Member
from models.shop import Store


@on_member("postback", Action.NOT_ME)
def not_me(turn: Turn, member: Member) -> list[Message]:
    """A member taps 不是我 under a notice: freeze the card at once; without one, ask which."""
    named = [kind for kind in KINDS if turn.postback.fields.get(kind)]
    if not named:
        return _ask_which(turn, member)
    try:
        told = say_not_me(turn.session, member, named[0], turn.number(named[0]), turn.now)
    except NotTheirs:
        return not_me_refused(turn.texts, is_late=False)
    except ToldTooLate:
        return not_me_refused(turn.texts, is_late=True)
    turn.push_if_late = True
    return card_frozen_now(
        turn.texts, store_name=_store_name(turn, told.store_id), at=told.happened_at
    )


def _ask_which(turn: Turn, member: Member) -> list[Message]:
    doubts = [
        DoubtView(
            kind=doubt.kind,
            id=doubt.id,
            at=doubt.at,
            amount_twd=doubt.amount_twd,
            name=in_language(doubt.name, turn.texts.language) if doubt.name else None,
            store_name=_store_name(turn, doubt.store_id),
        )
        for doubt in list_doubts(turn.session, member, turn.now)
    ]
    return ask_what_was_not_me(turn.texts, doubts)


def _store_name(turn: Turn, store_id: int | None) -> str | None:
    store = turn.session.get(Store, store_id) if store_id is not None else None
    return in_language(store.name, turn.texts.language) if store is not None else None
