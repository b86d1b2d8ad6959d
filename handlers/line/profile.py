"""My data: see it, correct it, choose a language, allow or stop marketing, leave."""

import secrets

from bot import Message
from bot.cards import (
    ask_name,
    ask_phone,
    delete_confirm,
    deleted,
    language_choice,
    marketing_changed,
    profile_card,
)
from bot.postback import Action
from bot.texts import LANGUAGES
from bot.views import ProfileView
from handlers.line import Turn, on, on_member
from handlers.line.identity import prove_phone
from handlers.line.joining import CHANGE_BIRTHDAY, birthday_question, name_problem, problem
from models.channel import find_channel, masked_email
from models.consent import consent_facts
from models.coupon import count_usable_coupons
from models.friend import Conversation, converse, end_conversation, get_conversation
from models.local_day import local_day
from models.member import Member, NameRefused
from models.membership import (
    PhoneTaken,
    change_name,
    change_phone,
    erase_member,
    set_marketing,
)
from models.phone import NotAMobileNumber, masked_phone, normal_phone

CHANGE_NAME = "change_name"
CHANGE_PHONE = "change_phone"
DELETE = "delete"


@on_member("postback", Action.SHOW_PROFILE)
def show_profile(turn: Turn, member: Member) -> list[Message]:
    """A member taps 我的資料: what we keep of them, and all they may do with it."""
    assert member.phone is not None
    assert member.birthday is not None
    consents = consent_facts(turn.session, member.id)
    known = find_channel(turn.session, member.id) if turn.room.has_mail else None
    email = known.email if known is not None else None
    view = ProfileView(
        name=member.name or "",
        phone=masked_phone(member.phone),
        birthday=member.birthday,
        language=member.language,
        marketing=member.marketing_allowed,
        joined_on=local_day(member.joined_at),
        notice_version=consents[0]["notice_version"] if consents else "",
        has_mail=turn.room.has_mail,
        email=masked_email(email) if email is not None else None,
        email_state=known.email_state if known is not None else None,
        channel=known.chosen if known is not None else None,
    )
    return profile_card(turn.texts, view)


@on_member("postback", Action.CHANGE_NAME)
def ask_new_name(turn: Turn, member: Member) -> list[Message]:
    """A member wants another name: ask for it."""
    converse(turn.session, turn.user_id, CHANGE_NAME, "name", turn.now)
    return ask_name(turn.texts)


@on_member("postback", Action.CHANGE_PHONE)
def ask_new_phone(turn: Turn, member: Member) -> list[Message]:
    """A member has another number: ask for it."""
    converse(turn.session, turn.user_id, CHANGE_PHONE, "phone", turn.now)
    return ask_phone(turn.texts)


@on_member("postback", Action.CHANGE_BIRTHDAY)
def ask_new_birthday(turn: Turn, member: Member) -> list[Message]:
    """A member's birthday is wrong: ask for the right one."""
    converse(turn.session, turn.user_id, CHANGE_BIRTHDAY, "birthday", turn.now)
    return birthday_question(turn)


def take_change(turn: Turn, member: Member, talk: Conversation, typed: str) -> list[Message]:
    """Take a typed text as the corrected name or number."""
    try:
        if talk.topic == CHANGE_NAME:
            change_name(turn.session, member, typed)
        elif turn.room.otp != "none":
            return prove_phone(turn, CHANGE_PHONE, normal_phone(typed))
        else:
            change_phone(turn.session, member, typed)
    except NameRefused:
        return problem(turn, name_problem(typed))
    except NotAMobileNumber:
        return problem(turn, "phone_not_mobile")
    except PhoneTaken:
        return problem(turn, "phone_taken")
    end_conversation(turn.session, turn.user_id)
    return show_profile(turn, member)


@on("postback", Action.CHOOSE_LANGUAGE)
def choose_language(turn: Turn) -> list[Message]:
    """Anyone may choose the language we speak with them."""
    return language_choice(turn.texts)


@on("postback", Action.CHANGE_LANGUAGE)
def change_language(turn: Turn) -> list[Message]:
    """Take over the chosen language and go on in it."""
    chosen = turn.postback.fields.get("to", "")
    if chosen not in LANGUAGES:
        return language_choice(turn.texts)
    turn.friend.language = chosen
    if turn.member is None:
        from handlers.line.help import show_help

        return show_help(turn)
    turn.member.language = chosen
    return show_profile(turn, turn.member)


@on_member("postback", Action.ALLOW_MARKETING)
def allow_marketing(turn: Turn, member: Member) -> list[Message]:
    """A member says yes to marketing: a consent of its own."""
    set_marketing(turn.session, member, allowed=True, evidence=turn.event_id, now=turn.now)
    return marketing_changed(turn.texts, is_on=True)


@on_member("postback", Action.STOP_MARKETING)
def stop_marketing(turn: Turn, member: Member) -> list[Message]:
    """A member says no: it holds at once, for every message not yet on its way."""
    set_marketing(turn.session, member, allowed=False, evidence=turn.event_id, now=turn.now)
    return marketing_changed(turn.texts, is_on=False)


@on_member("postback", Action.DELETE_ME)
def ask_before_deleting(turn: Turn, member: Member) -> list[Message]:
    """A member wants to leave: say what is lost, and ask once more."""
    token = secrets.token_urlsafe(12)
    converse(turn.session, turn.user_id, DELETE, "confirm", turn.now, token=token)
    coupons = count_usable_coupons(turn.session, member.id, turn.now)
    return delete_confirm(turn.texts, token, points=member.points, usable_coupons=coupons)


@on_member("postback", Action.CONFIRM_DELETE)
def delete_me(turn: Turn, member: Member) -> list[Message]:
    """Delete a member who confirmed the question just asked; an old button only asks again."""
    talk = get_conversation(turn.session, turn.user_id)
    asked = talk.draft.get("token") if talk is not None and talk.topic == DELETE else None
    if asked is None or talk is None or talk.is_stale(turn.now):
        return ask_before_deleting(turn, member)
    if not secrets.compare_digest(asked, turn.postback.fields.get("token", "")):
        return ask_before_deleting(turn, member)
    t = turn.texts
    erase_member(turn.session, member, evidence=turn.event_id, now=turn.now)
    turn.member = None
    return deleted(t)
