"""What a member carries: card with its living code, points, stamps, coupons, tier."""

from bot import Message
from bot.cards import (
    coupon_card,
    coupon_carousel,
    member_card,
    notice_text,
    points_card,
    stamp_card,
    standard_replies,
    tier_card,
)
from bot.postback import Action
from bot.views import (
    CardView,
    CouponView,
    PointsLine,
    PointsView,
    StampView,
    StandingView,
    TierStep,
    TierView,
)
from handlers.line import Turn, on_member
from models.base import in_language
from models.coupon import (
    CouponNotUsable,
    count_usable_coupons,
    get_own_coupon,
    list_usable_coupons,
)
from models.local_day import day_start, last_day
from models.member import Member, shown_number
from models.member_code import issue_code
from models.points import PointsEntry, list_expiring, list_recent_entries
from models.programme import get_programme
from models.purchase import standing_of, stores_of
from models.stamp_card import count_stamps, shown_stamps

HIGHEST_ID = 2**63 - 1


def card_view(turn: Turn, member: Member) -> CardView:
    """Gather a member's card, with a fresh code."""
    language = member.language
    programme = get_programme(turn.session)
    standing = standing_of(turn.session, member, programme, turn.today)
    code = issue_code(turn.room.signing_key, member.card_ref, turn.now)
    return CardView(
        shop_name=in_language(programme.shop.name, language),
        member_name=member.name or "",
        member_number=shown_number(member.number),
        standing=StandingView.from_words(standing.words(language)),
        points=member.points,
        usable_coupons=count_usable_coupons(turn.session, member.id, turn.now),
        qr_url=f"{turn.room.public_base_url}/qr/{code.text}.png",
        qr_until=code.good_until,
    )


@on_member("postback", Action.SHOW_CARD)
def show_card(turn: Turn, member: Member) -> list[Message]:
    """A member taps 會員卡 or 更新條碼: their card with a fresh code."""
    return member_card(turn.texts, card_view(turn, member))


@on_member("postback", Action.SHOW_POINTS)
def show_points(turn: Turn, member: Member) -> list[Message]:
    """A member taps 點數: balance, last movements, and what is gone when."""
    programme = get_programme(turn.session)
    entries = list_recent_entries(turn.session, member.id)
    stores = stores_of(turn.session, [e.purchase_id for e in entries if e.purchase_id])

    def line(entry: PointsEntry) -> PointsLine:
        store = stores.get(entry.purchase_id or 0)
        name = in_language(store.name, member.language) if store else None
        return PointsLine.from_words(
            {
                "at": entry.posted_at,
                "reason": entry.reason,
                "points": entry.points,
                "store_name": name,
            }
        )

    view = PointsView(
        balance=member.points,
        lines=tuple(line(entry) for entry in entries),
        expiring=tuple(
            (last_day(day_start(end.expires_on)), end.points)
            for end in list_expiring(turn.session, member.id)
        ),
        earn_per_twd=programme.shop.earn_twd,
        multiplier_percent=programme.tier(member.tier_id).points_percent,
    )
    return points_card(turn.texts, view)


@on_member("postback", Action.SHOW_STAMPS)
def show_stamps(turn: Turn, member: Member) -> list[Message]:
    """A member taps 集點卡: the card drawn with its stamps."""
    programme = get_programme(turn.session)
    card = programme.stamp_programme
    stamps = count_stamps(turn.session, member.id, card)
    view = StampView(
        programme_name=in_language(card.name, member.language),
        size=card.size,
        stamps=shown_stamps(stamps, card.size),
        reward_name=in_language(programme.stamp_reward.name, member.language),
        filled_cards=stamps // card.size,
    )
    return stamp_card(turn.texts, view)


@on_member("postback", Action.SHOW_COUPONS)
def show_coupons(turn: Turn, member: Member) -> list[Message]:
    """A member taps 優惠券: those they can use now, the first to expire first."""
    coupons = list_usable_coupons(turn.session, member.id, turn.now)
    views = [CouponView.from_words(c.words(member.language, turn.now)) for c in coupons]
    return coupon_carousel(turn.texts, views)


@on_member("postback", Action.SHOW_COUPON)
def show_coupon(turn: Turn, member: Member) -> list[Message]:
    """A member taps one coupon: the coupon large, as it is now; another's is not theirs to see."""
    asked = turn.postback.fields.get("coupon", "")
    try:
        coupon_id = int(asked) if asked.isascii() and asked.isdigit() else 0
        coupon = get_own_coupon(turn.session, member.id, min(coupon_id, HIGHEST_ID))
    except CouponNotUsable:
        t = turn.texts
        words = t("找不到這張優惠券。")
        return notice_text(t, words, standard_replies(t, is_member=True))
    return coupon_card(turn.texts, CouponView.from_words(coupon.words(member.language, turn.now)))


@on_member("postback", Action.SHOW_TIER)
def show_tier(turn: Turn, member: Member) -> list[Message]:
    """A member taps 等級: progress, the ladder, and what the next tier brings."""
    programme = get_programme(turn.session)
    standing = standing_of(turn.session, member, programme, turn.today)
    steps = tuple(
        TierStep.from_words(tier.words(member.language, at_rank=standing.tier.rank))
        for tier in programme.tiers
    )
    return tier_card(
        turn.texts, TierView(StandingView.from_words(standing.words(member.language)), steps)
    )
