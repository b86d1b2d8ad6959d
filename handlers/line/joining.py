"""Joining: the notice, name, phone, birthday; then the card and the welcome coupon in one reply.

Three taps (join, agree, pick the birthday) and two things typed. Where a person is stands in
their conversation, so a day's silence, a sticker or another question in between does no harm.
"""

import re
from collections.abc import Callable
from datetime import date

from bot import Message
from bot.cards import (
    ask_birthday,
    ask_name,
    ask_phone,
    marketing_question,
    member_card,
    notice,
    registered,
    registration_problem,
    welcome_pack,
)
from bot.cards.email import ask_email
from bot.cards.problems import Problem
from bot.postback import Action
from bot.views import CouponView, NoticeView
from handlers.line import Turn, on
from handlers.line.referral import claim_on_joining
from handlers.line.wallet import card_view
from models.consent import get_notice, notice_items
from models.friend import Conversation, converse, end_conversation, get_conversation
from models.member import (
    LONGEST_NAME,
    OLDEST_AGE_YEARS,
    BirthdayRefused,
    NameRefused,
    check_birthday,
    is_phone_taken,
    normal_name,
)
from models.membership import (
    AlreadyMember,
    Application,
    PhoneTaken,
    change_birthday,
    register_member,
)
from models.phone import NotAMobileNumber, normal_phone
from models.shop import get_shop

JOIN = "join"
CHANGE_BIRTHDAY = "change_birthday"
TYPED_DATE = re.compile(r"(\d{4})\s*[-/.年]?\s*(\d{1,2})\s*[-/.月]?\s*(\d{1,2})\s*日?")
LIKELY_AGE_YEARS = 25
"""Where the date picker opens: nearer to most people's year than today is."""


@on("postback", Action.JOIN)
def begin_joining(turn: Turn) -> list[Message]:
    """A person taps 加入會員: show the Article 8 notice, which comes before any question."""
    if turn.member is not None:
        return _already(turn)
    converse(turn.session, turn.user_id, JOIN, "notice", turn.now)
    return show_notice(turn)


@on("postback", Action.SHOW_NOTICE)
def show_notice(turn: Turn) -> list[Message]:
    """Show the notice in force, to read again or to agree to."""
    found = get_notice(turn.session)
    items = tuple(notice_items(found, turn.texts.language))
    view = NoticeView(found.version, get_shop(turn.session).legal_name, items)
    return notice(turn.texts, view, to_agree=turn.member is None)


@on("postback", Action.AGREE_NOTICE)
def agree(turn: Turn) -> list[Message]:
    """A person agrees: keep which version and which event proves it, and ask for the name."""
    if turn.member is not None:
        return _already(turn)
    version = turn.postback.fields.get("version")
    if version != get_notice(turn.session).version:
        return begin_joining(turn)
    converse(
        turn.session,
        turn.user_id,
        JOIN,
        "name",
        turn.now,
        notice_version=version,
        evidence=turn.event_id,
    )
    return ask_name(turn.texts, line_name=turn.profile.display_name)


@on("postback", Action.PICK_BIRTHDAY)
def pick_birthday(turn: Turn) -> list[Message]:
    """A person picks a day in LINE's date picker: for joining, or to correct their birthday."""
    params = turn.event.get("postback", {}).get("params")
    picked = params.get("date") if isinstance(params, dict) else None
    talk = get_conversation(turn.session, turn.user_id)
    if talk is not None and talk.step == "birthday" and isinstance(picked, str):
        return take_birthday(turn, talk, picked)
    if turn.member is not None:
        return _already(turn)
    is_joining = talk is not None and talk.topic == JOIN
    return ask_again(turn, talk) if talk is not None and is_joining else begin_joining(turn)


def ask_again(turn: Turn, talk: Conversation) -> list[Message]:
    """Ask the question the person has not answered yet."""
    from handlers.line.identity import ask_code_again  # It stands on joining.

    questions: dict[str, Callable[[], list[Message]]] = {
        "notice": lambda: show_notice(turn),
        "name": lambda: ask_name(turn.texts),
        "phone": lambda: ask_phone(turn.texts),
        "birthday": lambda: birthday_question(turn),
        "code": lambda: ask_code_again(turn, talk),
        "email": lambda: ask_email(turn.texts, has_one=False),
    }
    return questions[talk.step]()


def birthday_question(turn: Turn) -> list[Message]:
    """Ask for the birthday with bounds that leave out impossible days."""
    year = turn.today.year
    return ask_birthday(
        turn.texts,
        initial=date(year - LIKELY_AGE_YEARS, 1, 1),
        earliest=date(year - OLDEST_AGE_YEARS, 1, 1),
        latest=turn.today,
    )


def take_answer(turn: Turn, talk: Conversation, typed: str) -> list[Message]:
    """Take a typed text as the answer to the question asked."""
    if talk.step == "name":
        return _take_name(turn, typed)
    if talk.step == "phone":
        return _take_phone(turn, typed)
    if talk.step == "birthday":
        return take_birthday(turn, talk, typed)
    return show_notice(turn)


def _take_name(turn: Turn, typed: str) -> list[Message]:
    try:
        name = normal_name(typed)
    except NameRefused:
        return problem(turn, name_problem(typed))
    converse(turn.session, turn.user_id, JOIN, "phone", turn.now, name=name)
    return ask_phone(turn.texts)


def name_problem(typed: str) -> Problem:
    """Say which of the two ways a refused name is wrong: a beginning of it would do, or none."""
    try:
        normal_name(typed.strip()[:LONGEST_NAME])
    except NameRefused:
        return "name_empty"
    return "name_too_long"


def _take_phone(turn: Turn, typed: str) -> list[Message]:
    from handlers.line import identity  # It stands on joining.

    try:
        phone = normal_phone(typed)
    except NotAMobileNumber:
        return problem(turn, "phone_not_mobile")
    if turn.room.otp != "none":
        return identity.prove_phone(turn, JOIN, phone)
    if is_phone_taken(turn.session, phone):
        return [*problem(turn, "phone_taken"), *identity.show_binding_code(turn)]
    converse(turn.session, turn.user_id, JOIN, "birthday", turn.now, phone=phone)
    return birthday_question(turn)


def take_birthday(turn: Turn, talk: Conversation, given: str) -> list[Message]:
    """Take a picked or typed day as the birthday, and finish what it was asked for."""
    birthday = read_date(given)
    if birthday is None:
        return [*problem(turn, "birthday_impossible"), *birthday_question(turn)]
    try:
        check_birthday(birthday, turn.today)
    except BirthdayRefused:
        kind: Problem = "birthday_in_future" if birthday > turn.today else "birthday_impossible"
        return [*problem(turn, kind), *birthday_question(turn)]
    if turn.member is not None and talk.topic == CHANGE_BIRTHDAY:
        return _correct_birthday(turn, birthday)
    return _finish(turn, talk, birthday)


def _correct_birthday(turn: Turn, birthday: date) -> list[Message]:
    from handlers.line.profile import show_profile

    assert turn.member is not None
    change_birthday(turn.session, turn.member, birthday, turn.now)
    end_conversation(turn.session, turn.user_id)
    return show_profile(turn, turn.member)


def _finish(turn: Turn, talk: Conversation, birthday: date) -> list[Message]:
    told = talk.draft
    if not {"name", "phone", "notice_version", "evidence"} <= told.keys():
        return begin_joining(turn)
    try:
        joined = register_member(
            turn.session,
            Application(
                line_user_id=turn.user_id,
                name=told["name"],
                phone=told["phone"],
                birthday=birthday,
                language=turn.texts.language,
                source=turn.friend.source,
                notice_version=told["notice_version"],
                evidence=told["evidence"],
                is_phone_proved=told.get("proved") == told["phone"],
            ),
            turn.now,
        )
    except PhoneTaken:
        converse(turn.session, turn.user_id, JOIN, "phone", turn.now)
        return problem(turn, "phone_taken")
    except AlreadyMember:
        return problem(turn, "already_member")
    turn.member, turn.push_if_late = joined.member, True
    t = turn.texts
    views = [CouponView.from_words(c.words(t.language, turn.now)) for c in joined.welcome]
    welcome = t("這是您的會員卡，還有見面禮，第一張現在就能用！") if views else ""
    welcome += claim_on_joining(turn, joined.member)
    gift = welcome_pack(t, views) if views else []
    return [
        *registered(t, told["name"], welcome),
        *member_card(t, card_view(turn, joined.member)),
        *gift,
        *marketing_question(t),
    ]


def read_date(text: str) -> date | None:
    """Read a day as people type it (1990-05-20, 1990/5/20, 19900520, 1990年5月20日), or None."""
    found = TYPED_DATE.fullmatch(text.strip())
    if found is None:
        return None
    try:
        return date(*(int(part) for part in found.groups()))
    except ValueError:
        return None


def problem(turn: Turn, kind: Problem) -> list[Message]:
    """Say what is wrong with what was told, and how to go on."""
    return registration_problem(turn.texts, kind, is_member=turn.member is not None)


def _already(turn: Turn) -> list[Message]:
    assert turn.member is not None
    return [
        *problem(turn, "already_member"),
        *member_card(turn.texts, card_view(turn, turn.member)),
    ]
