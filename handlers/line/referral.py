"""Inviting friends: one's own code, and the code of the friend who invited one."""

import re
import unicodedata

from bot import Message
from bot.activity_views import GiftView, InvitedView, ReferralView
from bot.cards.referral import (
    claimed_words,
    referral_card,
    referral_claimed,
    referral_closed,
    referral_refused,
    refused_words,
)
from bot.postback import Action
from handlers.line import Turn, on_member
from models.activity import ReferralRule, Reward
from models.activity.giving import reward_words
from models.base import in_language
from models.local_day import local_day
from models.member import Member
from models.referral import (
    SOURCE,
    Claim,
    Invited,
    ReferralRefused,
    claim_referral,
    claimed_code,
    count_month,
    list_invited,
    normal_code,
    referral_code_of,
)

_SAID = re.compile(
    r"(?:推薦碼|推荐码|邀請碼|referral(?:code)?|紹介コード)\s*[:：#]?\s*(\S.*)", re.I
)
_JOINING = re.compile(r"REF-([A-Z0-9]+)")
"""What the invitation's door types after `加入會員 #`."""


@on_member("postback", Action.SHOW_REFERRAL)
def show_referral(turn: Turn, member: Member) -> list[Message]:
    """A member taps 推薦好友: their code to share, and who came by it."""
    programme = turn.programme
    rule = programme.activity.referral_rule
    if rule is None or not rule.is_open:
        return referral_closed(turn.texts)
    code = referral_code_of(turn.session, member)
    link = f"{turn.room.public_base_url}/i/{code}"
    view = ReferralView(
        shop_name=in_language(programme.shop.name, member.language),
        code=code,
        link=link,
        qr_url=f"{link}/qr.png",
        mine=gift_view(turn, rule.referrer_reward),
        friends=gift_view(turn, rule.friend_reward),
        min_spend_twd=rule.min_spend_twd,
        on_order=rule.on_order,
        wait_days=rule.wait_days,
        monthly_cap=rule.monthly_cap,
        counted=count_month(turn.session, member.id, turn.today.replace(day=1)),
        invited=tuple(_invited(friend) for friend in list_invited(turn.session, member.id)),
    )
    return referral_card(turn.texts, view)


def find_code(text: str) -> str | None:
    """Return the code in a text such as `推薦碼 ABCD2345`, or None where it names none."""
    said = _SAID.fullmatch(unicodedata.normalize("NFKC", text.strip()))
    return normal_code(said.group(1)) if said else None


def source_of_invitation(source: str) -> str | None:
    """Return a friend's source for what the door typed (`REF-ABCD2345`), or None."""
    said = _JOINING.fullmatch(source)
    code = normal_code(said.group(1)) if said else None
    return f"{SOURCE}{code}" if code else None


def take_code(turn: Turn, member: Member, code: str) -> list[Message]:
    """A new member types the code of the friend who invited them."""
    try:
        claim_referral(turn.session, member, Claim(code, turn.now))
    except ReferralRefused as refused:
        return referral_refused(turn.texts, refused.facts["reason"])
    rule = _rule(turn)
    gift = gift_view(turn, rule.friend_reward)
    return referral_claimed(turn.texts, gift, min_spend_twd=rule.min_spend_twd)


def claim_on_joining(turn: Turn, member: Member) -> str:
    """Claim the code somebody joined with; return what to say of it, "" where there was none."""
    code = claimed_code(turn.friend.source)
    if code is None:
        return ""
    try:
        claim_referral(turn.session, member, Claim(code, turn.now))
    except ReferralRefused as refused:
        return refused_words(turn.texts, refused.facts["reason"])
    rule = _rule(turn)
    gift = gift_view(turn, rule.friend_reward)
    return claimed_words(turn.texts, gift, min_spend_twd=rule.min_spend_twd)


def gift_view(turn: Turn, reward: dict[str, object]) -> GiftView:
    """Return a configured reward as a card shows it."""
    words = reward_words(turn.session, Reward.from_words(reward), turn.texts.language)
    return GiftView.from_words(words)


def _rule(turn: Turn) -> ReferralRule:
    rule = turn.programme.activity.referral_rule
    assert rule is not None, "a claim was just taken under it"
    return rule


def _invited(friend: Invited) -> InvitedView:
    return InvitedView.from_words(
        {
            "name": friend.name,
            "state": friend.state,
            "claimed_on": local_day(friend.claimed_at),
            "due_on": friend.due_on,
            "is_over_cap": friend.reason == "monthly_cap",
        }
    )
