"""Adding the account, blocking it, and coming back."""

from bot import Message
from bot.cards import greeting
from bot.texts import language_from_line
from handlers.line import Turn, on
from models.base import in_language
from models.friend import note_friendship
from models.membership import owe_menu
from models.shop import get_shop


@on("follow")
def greet(turn: Turn) -> list[Message]:
    """A person adds the account, or unblocks it: greet them, and give members their menu back."""
    if not note_friendship(turn.friend, is_following=True, event_at=turn.event_at):
        return []
    follow = turn.event.get("follow")
    is_back = isinstance(follow, dict) and follow.get("isUnblocked") is True
    if turn.profile.language and turn.member is None and not is_back:
        turn.friend.language = language_from_line(turn.profile.language)
    if turn.member is not None:
        owe_menu(turn.session, turn.member, "member", key=f"follow:{turn.event_id}", now=turn.now)
    name = in_language(get_shop(turn.session).name, turn.texts.language)
    return greeting(turn.texts, name, is_back=is_back, is_member=turn.member is not None)


@on("unfollow")
def note_block(turn: Turn) -> list[Message]:
    """A person blocks the account: nothing can be said, and nothing more is sent."""
    note_friendship(turn.friend, is_following=False, event_at=turn.event_at)
    return []
