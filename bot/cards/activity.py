"""What rewards are called on cards, and the quick replies of what one can do beside buying."""

from bot.activity_views import GiftView
from bot.cards.parts import NAME_LENGTH, Part, clip, postback, quick_reply
from bot.postback import Action
from bot.texts import Texts


def reward_line(t: Texts, reward: GiftView) -> str:
    """Say in one line what a reward brings: 20 點＋優惠券「…」."""
    parts = []
    if reward.points:
        parts.append(t("{points} 點", points=t.number(reward.points)))
    if reward.tier_points:
        parts.append(t("{points} 升等積分", points=t.number(reward.tier_points)))
    if reward.coupon:
        parts.append(t("優惠券「{name}」", name=clip(reward.coupon, NAME_LENGTH)))
    if reward.lottery:
        lottery = clip(reward.lottery, NAME_LENGTH)
        parts.append(t("「{name}」抽獎券 {count} 張", name=lottery, count=reward.tickets))
    if reward.badge:
        parts.append(t("徽章「{name}」", name=clip(reward.badge, NAME_LENGTH)))
    return "＋".join(parts) or t("一份心意")


def activity_replies(t: Texts) -> list[Part]:
    """Return the quick replies that lead from one of these cards to the others."""
    return [
        quick_reply(postback(t("任務"), Action.SHOW_MISSIONS)),
        quick_reply(postback(t("徽章"), Action.SHOW_BADGES)),
        quick_reply(postback(t("抽獎"), Action.SHOW_LOTTERY)),
        quick_reply(postback(t("推薦好友"), Action.SHOW_REFERRAL)),
        quick_reply(postback(t("最近消費"), Action.SHOW_PURCHASES)),
        quick_reply(postback(t("大家的評論"), Action.SHOW_REVIEWS)),
        quick_reply(postback(t("會員卡"), Action.SHOW_CARD)),
    ]
