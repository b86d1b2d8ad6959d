"""What a member carries: card with its living code, points, stamps, coupons, tier."""

from bot import Message
from bot.cards import (
    coupon_card,
    coupon_carousel,
    member_card,
    notice_text,
    stamp_carousel,
    standard_replies,
)
from bot.cards.security import frozen_notice
from bot.postback import Action
from bot.views import (
    CardView,
    CouponView,
    StampView,
    StandingView,
)
from handlers.line import Turn, on_member
from models.base import in_language
from models.coupon import (
    Coupon,
    CouponNotUsable,
    count_usable_coupons,
    list_wallet,
    open_coupon,
    qr_text,
)
from models.member import Member, shown_number
from models.member_code import issue_code
from models.purchase import standing_of
from models.shop import list_stores
from models.stamp_card import list_held_cards


def card_view(turn: Turn, member: Member) -> CardView:
    """Gather a member's card, with a fresh code."""
    language = member.language
    programme = turn.programme
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
    frozen = frozen_notice(turn.texts) if member.frozen_at is not None else []
    return [*frozen, *member_card(turn.texts, card_view(turn, member))]


@on_member("postback", Action.SHOW_STAMPS)
def show_stamps(turn: Turn, member: Member) -> list[Message]:
    """A member taps 集點卡: all their cards, each drawn with its stamps and its rule."""
    programmes = turn.programme.stamp_programmes
    held = list_held_cards(turn.session, member.id, programmes, turn.today)
    views = [StampView.from_words(card.words(member.language)) for card in held]
    return stamp_carousel(turn.texts, views)


@on_member("postback", Action.SHOW_COUPONS)
def show_coupons(turn: Turn, member: Member) -> list[Message]:
    """A member taps 優惠券: those they can use now, the first to expire first; then the rest."""
    coupons = list_wallet(turn.session, member.id, turn.now)
    views = [CouponView.from_words(c.words(member.language, turn.now)) for c in coupons]
    return coupon_carousel(turn.texts, views)


@on_member("postback", Action.SHOW_COUPON)
def show_coupon(turn: Turn, member: Member) -> list[Message]:
    """A member opens one coupon, which may start its days; another's is not theirs to see."""
    try:
        coupon = open_coupon(turn.session, member.id, turn.number("coupon"), turn.now)
    except CouponNotUsable:
        t = turn.texts
        words = t("找不到這張優惠券。")
        return notice_text(t, words, standard_replies(t, is_member=True))
    return coupon_card(turn.texts, coupon_view(turn, member, coupon))


def coupon_view(turn: Turn, member: Member, coupon: Coupon) -> CouponView:
    """Gather one coupon large, with the QR a till scans and the stores that take it."""
    words = coupon.words(member.language, turn.now)
    codes = coupon.template.store_codes
    stores = [store for store in list_stores(turn.session) if store.code in codes] if codes else []
    return CouponView.from_words(
        words
        | {
            "qr_url": f"{turn.room.public_base_url}/qr/{qr_text(coupon.code)}.png",
            "stores": [in_language(store.name, member.language) for store in stores],
        }
    )
