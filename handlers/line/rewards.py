"""Rewards: look, be asked, exchange; and give an unused one back."""

import re

from bot import Message
from bot.cards import (
    exchange_cancelled,
    notice_text,
    reward_carousel,
    reward_confirm,
    reward_exchanged,
    standard_replies,
)
from bot.postback import Action
from bot.views import CouponView, RewardView
from handlers.line import Turn, on_member
from handlers.line.wallet import coupon_view
from models.base import BusinessError
from models.member import Member
from models.reward import (
    RewardExchange,
    cancel_exchange,
    exchange_reward,
    get_offer,
    list_offers,
)

KEY = re.compile(r"[0-9A-Za-z-]{1,64}")


@on_member("postback", Action.SHOW_REWARDS)
def show_rewards(turn: Turn, member: Member) -> list[Message]:
    """A member taps 兌換好禮: what there is, what it costs, and what is missing."""
    offers = list_offers(turn.session, member, turn.now)
    views = [RewardView.from_words(offer.words(member.language)) for offer in offers]
    return reward_carousel(turn.texts, views, member.points)


@on_member("postback", Action.SHOW_REWARD)
def ask_to_exchange(turn: Turn, member: Member) -> list[Message]:
    """A member wants a reward: ask once more. The event's id is the key of what they confirm."""
    try:
        offer = get_offer(turn.session, member, turn.number("reward"), turn.now)
    except BusinessError as error:
        return _refused(turn, error)
    if not offer.is_open:
        return show_rewards(turn, member)
    view = RewardView.from_words(offer.words(member.language))
    return reward_confirm(turn.texts, view, member.points, turn.event_id)


@on_member("postback", Action.EXCHANGE_REWARD)
def exchange(turn: Turn, member: Member) -> list[Message]:
    """A member confirms: exchange once, however often this card is tapped."""
    key = turn.postback.fields.get("key", "")
    if not KEY.fullmatch(key):
        return show_rewards(turn, member)
    try:
        done = exchange_reward(
            turn.session,
            member,
            turn.number("reward"),
            idempotency_key=f"line:{member.id}:{key}",
            now=turn.now,
        )
    except BusinessError as error:
        return _refused(turn, error)
    if done.cancelled_at is not None:
        t = turn.texts
        return _say(turn, t("這次兌換已經取消了。想再兌換，請重新選一次。"))
    return _exchanged(turn, member, done)


@on_member("postback", Action.CANCEL_EXCHANGE)
def cancel(turn: Turn, member: Member) -> list[Message]:
    """A member gives an unused reward back: the points are theirs again."""
    try:
        done = cancel_exchange(turn.session, member, turn.number("exchange"), now=turn.now)
    except BusinessError as error:
        return _refused(turn, error)
    name = CouponView.from_words(done.coupon.words(member.language, turn.now)).name
    return exchange_cancelled(turn.texts, name, points=done.cost_points, balance=member.points)


def _exchanged(turn: Turn, member: Member, done: RewardExchange) -> list[Message]:
    return reward_exchanged(
        turn.texts,
        coupon_view(turn, member, done.coupon),
        cost_points=done.cost_points,
        balance=member.points,
        exchange_id=done.id if done.is_cancellable(turn.now) else None,
    )


def _refused(turn: Turn, error: BusinessError) -> list[Message]:
    """Say in the member's language why there was no exchange."""
    t = turn.texts
    words = {
        "reward_not_offered": t("這份好禮目前不能兌換。"),
        "reward_sold_out": t("不好意思，這份好禮剛剛換完了，您的點數沒有扣除。"),
        "coupon_sold_out": t("不好意思，這份好禮剛剛換完了，您的點數沒有扣除。"),
        "reward_limit_reached": t("這份好禮您已達兌換上限。"),
        "coupon_limit_reached": t("這份好禮您已達兌換上限。"),
        "insufficient_points": t("您的點數不夠兌換這份好禮。"),
        "card_frozen": t("您的會員卡目前凍結中，暫時不能使用點數和優惠券，請聯絡我們。"),
        "exchange_not_cancellable": t("這次兌換不能取消：優惠券已經使用，或已超過期限。"),
    }
    return _say(turn, words.get(error.code, t("這份好禮目前不能兌換。")))


def _say(turn: Turn, words: str) -> list[Message]:
    return notice_text(turn.texts, words, standard_replies(turn.texts, is_member=True))
