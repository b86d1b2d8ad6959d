"""The cards and sentences of the account, one module per topic.

Each takes the person's `Texts` first and plain values after, and returns the messages to send
(`list[Message]`, one to two), with quick replies on the last.
"""

from bot.cards.benefits import gathering_moved_up
from bot.cards.coupons import coupon_card, coupon_carousel, coupon_redeemed, welcome_pack
from bot.cards.help import (
    about_too_long,
    contact_noted,
    contact_over,
    contact_requested,
    contact_staff,
    fallback,
    help_card,
    notice_text,
    standard_replies,
)
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
from bot.cards.plans import (
    plan_cancel_question,
    plan_cancelled,
    plan_ended,
    plan_ending,
    plan_reapplied,
    plan_renewed,
    plan_request_card,
    plan_started,
    plans_page,
)
from bot.cards.points import (
    bonus_code_card,
    bonus_code_refused,
    points_adjusted_card,
    points_card,
    points_page,
    points_reversed_card,
)
from bot.cards.problems import Problem, registration_problem
from bot.cards.profile import (
    delete_confirm,
    deleted,
    language_choice,
    marketing_changed,
    profile_card,
)
from bot.cards.receipt import receipt_card
from bot.cards.refund import refund_card
from bot.cards.rewards import (
    exchange_cancelled,
    reward_carousel,
    reward_confirm,
    reward_exchanged,
)
from bot.cards.stamps import stamp_card, stamp_carousel, stamps_ending
from bot.cards.tiers import tier_card, tier_down_notice, tier_warning_card, upgrade_card

__all__ = [
    "NoticeTooLong",
    "Problem",
    "about_too_long",
    "ask_birthday",
    "ask_name",
    "ask_phone",
    "birthday_gift",
    "bonus_code_card",
    "bonus_code_refused",
    "contact_noted",
    "contact_over",
    "contact_requested",
    "contact_staff",
    "coupon_card",
    "coupon_carousel",
    "coupon_expiry_reminder",
    "coupon_redeemed",
    "delete_confirm",
    "deleted",
    "exchange_cancelled",
    "fallback",
    "gathering_moved_up",
    "greeting",
    "help_card",
    "language_choice",
    "marketing_changed",
    "marketing_question",
    "member_card",
    "not_a_member",
    "notice",
    "notice_text",
    "plan_cancel_question",
    "plan_cancelled",
    "plan_ended",
    "plan_ending",
    "plan_reapplied",
    "plan_renewed",
    "plan_request_card",
    "plan_started",
    "plans_page",
    "points_adjusted_card",
    "points_card",
    "points_page",
    "points_reversed_card",
    "profile_card",
    "receipt_card",
    "refund_card",
    "registered",
    "registration_problem",
    "reward_carousel",
    "reward_confirm",
    "reward_exchanged",
    "stamp_card",
    "stamp_carousel",
    "stamps_ending",
    "standard_replies",
    "tier_card",
    "tier_down_notice",
    "tier_warning_card",
    "upgrade_card",
    "welcome_pack",
    "win_back",
]
