"""Reviews: stars for a recent purchase, a sentence if one likes, and what others said."""

from bot import Message
from bot.activity_views import PostedView, RateableView, WallView
from bot.cards.reviews import (
    community_card,
    community_closed,
    purchases_card,
    rated,
    review_refused,
    review_wall,
    reviewed,
)
from bot.postback import Action
from handlers.line import Turn, on, on_member
from models.base import in_language
from models.friend import Conversation, converse, end_conversation
from models.local_day import local_day
from models.member import Member
from models.review import (
    NotReviewable,
    Rateable,
    ReviewClosed,
    ReviewTooLong,
    find_community,
    find_purchase_to_rate,
    list_recent_purchases,
    list_wall,
    rate_purchase,
    rating,
    write_words,
)
from models.shop import get_shop

REVIEW = "review"


@on_member("postback", Action.SHOW_PURCHASES)
def show_purchases(turn: Turn, member: Member) -> list[Message]:
    """A member taps 最近消費: their newest purchases, each with five stars."""
    found = list_recent_purchases(turn.session, member.id, turn.now)
    return purchases_card(turn.texts, [_view(one, member.language) for one in found])


@on_member("postback", Action.SHOW_PURCHASE)
def show_purchase(turn: Turn, member: Member) -> list[Message]:
    """A member taps 為這次評分 on a receipt: that purchase with its stars."""
    purchase_id = turn.number("purchase")
    found = find_purchase_to_rate(turn.session, member.id, purchase_id, turn.now)
    if found is None:
        return show_purchases(turn, member)
    return purchases_card(turn.texts, [_view(found, member.language)])


def _view(found: Rateable, language: str) -> RateableView:
    return RateableView(
        purchase=str(found.purchase.id),
        store_name=in_language(found.store.name, language),
        at=found.purchase.purchased_at,
        paid_twd=found.purchase.net_twd,
        stars=found.review.stars if found.review else 0,
        words=found.review.words if found.review else "",
        is_open=found.is_open,
    )


@on_member("postback", Action.RATE_PURCHASE)
def take_stars(turn: Turn, member: Member) -> list[Message]:
    """A member taps a star: keep it, and ask for a sentence."""
    purchase_id, stars = turn.number("purchase"), turn.number("stars")
    try:
        review, points = rate_purchase(turn.session, member, purchase_id, stars, turn.now)
    except (NotReviewable, ReviewClosed) as refused:
        return review_refused(turn.texts, refused.code)
    converse(turn.session, turn.user_id, REVIEW, REVIEW, turn.now, purchase=purchase_id)
    return rated(turn.texts, stars=review.stars, points=points)


def take_words(turn: Turn, talk: Conversation, typed: str) -> list[Message]:
    """Take what a member types after their stars as the review's sentence."""
    member = turn.member
    assert member is not None, "only a member is asked for a review"
    try:
        write_words(turn.session, member.id, talk.draft["purchase"], typed, turn.now)
    except ReviewTooLong as refused:
        return review_refused(turn.texts, refused.code, longest=refused.facts["longest"])
    except (NotReviewable, ReviewClosed) as refused:
        end_conversation(turn.session, turn.user_id)
        return review_refused(turn.texts, refused.code)
    end_conversation(turn.session, turn.user_id)
    return reviewed(turn.texts)


@on("postback", Action.SHOW_REVIEWS)
def show_reviews(turn: Turn) -> list[Message]:
    """Anybody taps 大家的評論: the average and the newest approved ones."""
    count, hundredths = rating(turn.session)
    language = turn.texts.language
    view = WallView(
        shop_name=in_language(get_shop(turn.session).name, language),
        reviews=count,
        hundredths=hundredths,
        posted=tuple(
            PostedView(
                review.name,
                review.stars,
                review.words,
                in_language(review.store.name, language),
                local_day(review.written_at),
            )
            for review in list_wall(turn.session)
        ),
    )
    return review_wall(turn.texts, view)


@on_member("postback", Action.SHOW_COMMUNITY)
def show_community(turn: Turn, member: Member) -> list[Message]:
    """A member taps 會員社群: the way in, from the tier on that the shop chose."""
    community = find_community(turn.session)
    if community is None:
        return community_closed(turn.texts, None)
    tiers = turn.programme.tiers
    rank = next(tier.rank for tier in tiers if tier.id == member.tier_id)
    if rank < community.min_rank:
        needed = next(tier for tier in tiers if tier.rank >= community.min_rank)
        return community_closed(turn.texts, in_language(needed.name, member.language))
    return community_card(turn.texts, in_language(community.name, member.language), community.url)
