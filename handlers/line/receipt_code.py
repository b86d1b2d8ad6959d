"""Receipt codes in the chat: somebody who forgot to scan sends the code and has the purchase."""

import re
import unicodedata

from bot import Message
from bot.cards.receipt_code import (
    ReceiptCodeProblem,
    receipt_claimed,
    receipt_code_for_guest,
    receipt_code_help,
    receipt_code_refused,
)
from bot.postback import Action
from bot.views import ReceiptView
from handlers.line import Turn, on_member
from models.base import BusinessError
from models.checkout import ApprovalNeeded
from models.fraud import OwnCard
from models.member import Member
from models.outbox import withdraw
from models.receipt_code import (
    LONGEST_TYPED,
    ReceiptCodeCancelled,
    ReceiptCodeClaimed,
    ReceiptCodeGuesses,
    ReceiptCodeOver,
    ReceiptCodeUnknown,
    claim_receipt_code,
    normal_receipt_code,
)
from models.shop import get_shop

_NAMED = re.compile(
    r"(?:補登|补登|收據碼|收据码|receipt(?:\s*code)?|レシート(?:コード)?)\s*[:#]?\s*(.+)",
    re.IGNORECASE,
)
_PROBLEMS: dict[type[BusinessError], ReceiptCodeProblem] = {
    ReceiptCodeUnknown: "unknown",
    ReceiptCodeClaimed: "claimed",
    ReceiptCodeCancelled: "cancelled",
    ReceiptCodeOver: "over",
    ReceiptCodeGuesses: "guesses",
    OwnCard: "own_card",
    ApprovalNeeded: "too_often",
}


@on_member("postback", Action.CLAIM_RECEIPT)
def explain_claiming(turn: Turn, _member: Member) -> list[Message]:
    """A member types 補登: say how it goes."""
    return receipt_code_help(turn.texts, get_shop(turn.session).receipt_code_days)


def find_receipt_code(text: str) -> str | None:
    """Return what a text gives as a receipt code, with 補登 before it or alone, or None."""
    typed = unicodedata.normalize("NFKC", text[:LONGEST_TYPED]).strip()
    named = _NAMED.fullmatch(typed)
    if named is not None:
        return named.group(1)
    return typed if normal_receipt_code(typed) is not None else None


def take_receipt_code(turn: Turn, typed: str) -> list[Message]:
    """Record the purchase behind a code, and answer with its receipt or with why not."""
    t, member = turn.texts, turn.member
    if normal_receipt_code(typed) is None:
        return receipt_code_refused(t, "unreadable")
    if member is None:
        return receipt_code_for_guest(t)
    try:
        recorded = claim_receipt_code(turn.session, member, typed, turn.now)
    except tuple(_PROBLEMS) as refused:
        until = refused.facts.get("until")
        return receipt_code_refused(t, _PROBLEMS[type(refused)], until=until)
    words = recorded.receipt | {"purchase_id": recorded.purchase_id}
    # The reply is the receipt: it costs nothing, unlike the push the sale left in the outbox.
    withdraw(turn.session, f"receipt:{recorded.purchase_id}", turn.now)
    turn.push_if_late = True
    return receipt_claimed(t, ReceiptView.from_words(words), is_repeat=recorded.is_repeat)
