"""The topics of the programme, in the order in which a shop thinks of them."""

from collections.abc import Mapping

from handlers.console.programme.topic import Topic
from handlers.console.programme.topics.card import REWARDS, STAMP_CARDS
from handlers.console.programme.topics.coupon import COUPONS
from handlers.console.programme.topics.meeting import (
    COMMUNITY_TOPIC,
    ENGAGEMENTS,
    EVENTS,
    PAGES,
    SALES,
)
from handlers.console.programme.topics.mission import BADGES, MISSIONS
from handlers.console.programme.topics.plan import PLANS
from handlers.console.programme.topics.play import LOTTERIES, REFERRALS
from handlers.console.programme.topics.points import EARN_RULES, POINTS_RULE

TOPICS: Mapping[str, Topic] = {
    topic.slug: topic
    for topic in (
        *(POINTS_RULE, EARN_RULES, COUPONS, STAMP_CARDS, REWARDS, MISSIONS, BADGES, PLANS),
        *(LOTTERIES, REFERRALS, EVENTS, SALES, PAGES, COMMUNITY_TOPIC, ENGAGEMENTS),
    )
}
BY_NOUN: Mapping[str, Topic] = {topic.kind.noun: topic for topic in TOPICS.values()}
