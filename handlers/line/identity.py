"""Coming back: a member with a new phone or LINE account proves who they are.

By a code sent to the phone they gave, where the shop has a sender of text messages; always by a
clerk who checks. Until a code was right, every phone is answered alike.
"""

from bot import Message
from bot.cards import member_card
from bot.cards.identity import (
    ask_code,
    ask_old_phone,
    binding_code_card,
    card_is_back,
    code_problem,
)
from bot.postback import Action
from handlers.line import Turn, on
from handlers.line.joining import JOIN, birthday_question, problem
from handlers.line.wallet import card_view
from models.friend import Conversation, converse, end_conversation, get_conversation
from models.identity import (
    Answer,
    SentCode,
    TooManyCodes,
    check_code,
    derive_pepper,
    find_member_by_phone,
    rebind_by_otp,
    request_binding,
    send_code,
    verify_phone,
)
from models.member import Member
from models.member_code import issue_code
from models.membership import AlreadyMember, PhoneTaken
from models.phone import NotAMobileNumber, masked_phone, normal_phone

REBIND = "rebind"
CODE = "code"
PURPOSES = {JOIN: "join", REBIND: "rebind"}
LONGEST_CODE = 12


@on("postback", Action.WAS_MEMBER)
def was_member(turn: Turn) -> list[Message]:
    """A guest had a card before: show the ways back to it."""
    if turn.member is not None:
        return _show_own_card(turn, turn.member)
    if turn.room.otp == "none":
        return show_binding_code(turn)
    converse(turn.session, turn.user_id, REBIND, "phone", turn.now)
    return ask_old_phone(turn.texts)


@on("postback", Action.SHOW_BINDING_CODE)
def show_binding_code(turn: Turn) -> list[Message]:
    """A guest asks a clerk for help: show what the clerk scans or types."""
    if turn.member is not None:
        return _show_own_card(turn, turn.member)
    request = request_binding(turn.session, turn.user_id, turn.now)
    code = issue_code(turn.room.signing_key, request.ref, turn.now)
    return binding_code_card(
        turn.texts,
        qr_url=f"{turn.room.public_base_url}/qr/{code.text}.png",
        qr_until=code.good_until,
        code=request.code,
        code_until=request.expires_at,
    )


@on("postback", Action.SEND_CODE)
def send_again(turn: Turn) -> list[Message]:
    """The text message did not come: send another code, or ask for the phone once more."""
    talk = get_conversation(turn.session, turn.user_id)
    if talk is None or talk.step != CODE or turn.room.otp == "none":
        return was_member(turn)
    return prove_phone(turn, talk.topic, talk.draft["phone"])


def prove_phone(turn: Turn, topic: str, phone: str) -> list[Message]:
    """Send a code to a phone and ask for it; what it is for stands in the conversation."""
    try:
        sent = send_code(
            turn.session,
            derive_pepper(turn.room.signing_key),
            phone,
            purpose=_purpose(topic),
            asker=turn.user_id,
            language=turn.texts.language,
            now=turn.now,
        )
    except TooManyCodes:
        return code_problem(turn.texts, "too_many")
    converse(turn.session, turn.user_id, topic, CODE, turn.now, phone=phone, proved=None)
    return _ask(turn, phone, sent)


def ask_code_again(turn: Turn, talk: Conversation) -> list[Message]:
    """Ask a person who wandered off for the code; after a while only a new one helps."""
    return code_problem(turn.texts, "over")


def take_identity_answer(turn: Turn, talk: Conversation, typed: str) -> list[Message]:
    """Take a typed text as the phone of an old card, or as the code just sent."""
    if talk.step == CODE:
        return _take_code(turn, talk, typed)
    if turn.member is not None:
        return _show_own_card(turn, turn.member)
    try:
        phone = normal_phone(typed)
    except NotAMobileNumber:
        return problem(turn, "phone_not_mobile")
    return prove_phone(turn, REBIND, phone)


def _take_code(turn: Turn, talk: Conversation, typed: str) -> list[Message]:
    phone: str = talk.draft["phone"]
    answer = check_code(
        turn.session,
        derive_pepper(turn.room.signing_key),
        phone,
        "".join(c for c in typed[:LONGEST_CODE] if c.isdecimal()),
        purpose=_purpose(talk.topic),
        asker=turn.user_id,
        now=turn.now,
    )
    if answer is not Answer.RIGHT:
        return code_problem(turn.texts, "wrong" if answer is Answer.WRONG else "over")
    if turn.member is not None:
        return _take_new_phone(turn, turn.member, phone)
    if talk.topic == JOIN and not _has_card_in_line(turn, phone):
        converse(turn.session, turn.user_id, JOIN, "birthday", turn.now, proved=phone)
        return birthday_question(turn)
    return _come_back(turn, phone)


def _has_card_in_line(turn: Turn, phone: str) -> bool:
    """Tell whether the proved phone has a card that only needs to move."""
    known = find_member_by_phone(turn.session, phone)
    return known is not None and known.line_user_id is not None


def _come_back(turn: Turn, phone: str) -> list[Message]:
    try:
        member = rebind_by_otp(
            turn.session, phone, turn.user_id, key=f"otp:{turn.event_id}", now=turn.now
        )
    except AlreadyMember:
        return code_problem(turn.texts, "second_card")
    if member is None:
        end_conversation(turn.session, turn.user_id)
        return code_problem(turn.texts, "unknown")
    turn.member, turn.push_if_late = member, True
    return [*card_is_back(turn.texts, member.name), *_show_own_card(turn, member)]


def _take_new_phone(turn: Turn, member: Member, phone: str) -> list[Message]:
    from handlers.line.profile import show_profile

    end_conversation(turn.session, turn.user_id)
    try:
        verify_phone(turn.session, member, phone, turn.now)
    except PhoneTaken:
        return code_problem(turn.texts, "phone_of_another")
    return show_profile(turn, member)


def _ask(turn: Turn, phone: str, sent: SentCode) -> list[Message]:
    shown = sent.code if turn.room.otp == "demo" else None
    return ask_code(turn.texts, masked_phone(phone), sent.expires_at, demo_code=shown)


def _purpose(topic: str) -> str:
    return PURPOSES.get(topic, "change_phone")


def _show_own_card(turn: Turn, member: Member) -> list[Message]:
    return member_card(turn.texts, card_view(turn, member))
