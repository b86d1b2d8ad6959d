"""The cards and sentences of the account, one module per topic.

Each takes the person's `Texts` first and plain values after, and returns the messages to send
(`list[Message]`, one to two), with quick replies on the last.
"""

from bot.cards.coupons import coupon_card, coupon_carousel
from bot.cards.help import contact_staff, fallback, help_card, notice_text, standard_replies
from bot.cards.joining import (
    NoticeTooLong,
    ask_birthday,
    ask_name,
    ask_phone,
    greeting,
    marketing_question,
    not_a_member,
    notice,
    registered,
)
from bot.cards.marketing import birthday_gift, coupon_expiry_reminder, win_back
from bot.cards.member_card import member_card
from bot.cards.points import points_card
from bot.cards.problems import Problem, registration_problem
from bot.cards.profile import (
    delete_confirm,
    deleted,
    language_choice,
    marketing_changed,
    profile_card,
)
from bot.cards.receipt import receipt_card
from bot.cards.stamps import stamp_card
from bot.cards.tiers import tier_card, tier_down_notice, upgrade_card

__all__ = [
    "NoticeTooLong",
    "Problem",
    "ask_birthday",
    "ask_name",
    "ask_phone",
    "birthday_gift",
    "contact_staff",
    "coupon_card",
    "coupon_carousel",
    "coupon_expiry_reminder",
    "delete_confirm",
    "deleted",
    "fallback",
    "greeting",
    "help_card",
    "language_choice",
    "marketing_changed",
    "marketing_question",
    "member_card",
    "not_a_member",
    "notice",
    "notice_text",
    "points_card",
    "profile_card",
    "receipt_card",
    "registered",
    "registration_problem",
    "stamp_card",
    "standard_replies",
    "tier_card",
    "tier_down_notice",
    "upgrade_card",
    "win_back",
]
