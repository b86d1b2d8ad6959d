"""Postback data: what a tap on a card or a menu brings back to us, as a query string.

Anything here can be replayed from an old message at any time, so a field is a question
("may I see coupon 12?"), never a right: the handler checks it against the person.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, urlencode

MAX_DATA_LENGTH: Final = 300
"""LINE, Messaging API reference, postback action: `data` has at most 300 characters."""

_MAX_FIELDS: Final = 10


class Action(StrEnum):
    """Every tap a card or a menu may offer; handlers are registered under these words."""

    JOIN = "join"
    AGREE_NOTICE = "agree_notice"
    SHOW_NOTICE = "show_notice"
    PICK_BIRTHDAY = "pick_birthday"
    ALLOW_MARKETING = "allow_marketing"
    STOP_MARKETING = "stop_marketing"
    SHOW_CARD = "show_card"
    SHOW_POINTS = "show_points"
    SHOW_POINTS_PAGE = "show_points_page"
    SHOW_STAMPS = "show_stamps"
    SHOW_COUPONS = "show_coupons"
    SHOW_COUPON = "show_coupon"
    SHOW_REWARDS = "show_rewards"
    SHOW_REWARD = "show_reward"
    EXCHANGE_REWARD = "exchange_reward"
    CANCEL_EXCHANGE = "cancel_exchange"
    SHOW_TIER = "show_tier"
    SHOW_PROFILE = "show_profile"
    CHANGE_NAME = "change_name"
    CHANGE_PHONE = "change_phone"
    CHANGE_BIRTHDAY = "change_birthday"
    CHANGE_EMAIL = "change_email"
    DROP_EMAIL = "drop_email"
    CHOOSE_CHANNEL = "choose_channel"
    CHANGE_CHANNEL = "change_channel"
    CHANGE_LANGUAGE = "change_language"
    CHOOSE_LANGUAGE = "choose_language"
    DELETE_ME = "delete_me"
    CONFIRM_DELETE = "confirm_delete"
    SHOW_HELP = "show_help"
    CONTACT_STAFF = "contact_staff"
    REQUEST_CONTACT = "request_contact"
    SKIP_ABOUT = "skip_about"
    CANCEL = "cancel"
    WAS_MEMBER = "was_member"
    SEND_CODE = "send_code"
    SHOW_BINDING_CODE = "show_binding_code"
    SHOW_REFERRAL = "show_referral"
    SHOW_MISSIONS = "show_missions"
    SHOW_BADGES = "show_badges"
    CHECK_IN = "check_in"
    SHOW_LOTTERY = "show_lottery"
    DRAW_LOTTERY = "draw_lottery"
    BUY_TICKET = "buy_ticket"
    SHOW_PLANS = "show_plans"
    REQUEST_PLAN = "request_plan"
    CANCEL_PLAN = "cancel_plan"
    CONFIRM_CANCEL_PLAN = "confirm_cancel_plan"
    REAPPLY_PLAN = "reapply_plan"
    SHOW_PURCHASES = "show_purchases"
    SHOW_PURCHASE = "show_purchase"
    RATE_PURCHASE = "rate_purchase"
    SHOW_REVIEWS = "show_reviews"
    SHOW_COMMUNITY = "show_community"
    NOT_ME = "not_me"
    SHOW_BENEFITS = "show_benefits"
    CLAIM_UPGRADE = "claim_upgrade"
    CLAIM_MONTHLY = "claim_monthly"
    SHOW_EVENTS = "show_events"
    JOIN_EVENT = "join_event"
    LEAVE_EVENT = "leave_event"
    SHOW_SALES = "show_sales"
    ENTER_SALE = "enter_sale"
    SHOW_PAGES = "show_pages"
    READ_PAGE = "read_page"
    CLAIM_RECEIPT = "claim_receipt"
    ANSWER_SURVEY = "answer_survey"
    GIVE_REASON = "give_reason"


class PostbackTooLong(ValueError):
    """The data would be refused by LINE."""


@dataclass(frozen=True)
class Postback:
    """One tap: its action ("" where there was none) and its fields, all as text."""

    action: str
    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def postback_data(action: Action | str, **fields: object) -> str:
    """Return the `data` of a postback: `action=show_coupon&coupon=12`.

    Raises ValueError for an action nobody listens to, PostbackTooLong above LINE's limit.
    """
    data = urlencode({"action": str(Action(action)), **fields})
    if len(data) > MAX_DATA_LENGTH:
        raise PostbackTooLong(f"{action}: {len(data)} characters, LINE takes {MAX_DATA_LENGTH}")
    return data


def parse_postback(data: str) -> Postback:
    """Read the `data` of a postback event; the first of two equal names counts.

    Never raises: data we did not write (an old menu, another tool) has the action "".
    """
    try:
        pairs = parse_qsl(data, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return Postback("")
    fields = dict(reversed(pairs))
    action = fields.pop("action", "")
    return Postback(action if action in set(Action) else "", MappingProxyType(fields))
