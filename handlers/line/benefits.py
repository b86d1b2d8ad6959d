"""A member's tier and what it brings: why, gifts, events, early sales, kept pages."""

from bot import Message
from bot.cards import tier_card
from bot.cards.benefits import (
    benefits_card,
    gap_sentence,
    gathering_cards,
    gift_claimed,
    gift_gone,
    monthly_claimed,
    nothing_monthly,
    page_card,
    page_refused,
    pages_card,
    sale_entered,
    sale_refused,
    sales_card,
)
from bot.postback import Action
from bot.views import (
    BenefitLine,
    BenefitsView,
    GatheringView,
    PageLine,
    SaleEventView,
    StandingView,
    TierStep,
    TierView,
    WhyView,
)
from handlers.line import Turn, on_member
from models.base import in_language
from models.benefit import (
    Held,
    MonthlyCoupon,
    NoSuchBenefit,
    benefits_of,
    claim_monthly,
    opens_at,
    paid_plan,
    templates_of,
)
from models.coupon import CouponTemplate
from models.gathering import (
    Gathering,
    GatheringOver,
    NoSuchEvent,
    NotInvited,
    SaleEvent,
    SaleNotOpen,
    ask_for_seat,
    enter_sale,
    find_sale,
    find_seat,
    leave_seat,
    list_gatherings,
    list_pages,
    list_sale_events,
    read_page,
    waiting_ahead,
)
from models.member import Member
from models.programme import Programme
from models.purchase import standing_of
from models.tier_evaluation import (
    GiftGone,
    NothingToClaim,
    claim_gift,
    explain_member,
    find_upgrade,
    note_first_use,
    note_opened,
)


@on_member("postback", Action.SHOW_TIER)
def show_tier(turn: Turn, member: Member) -> list[Message]:
    """A member taps 等級: why they are there, progress, the ladder, the next tier's benefits."""
    explanation = explain_member(turn.session, member, turn.now)
    rules = turn.programme.ladder.on(turn.today)
    standing = explanation.standing
    steps = tuple(
        TierStep.from_words(
            tier.words(member.language, at_rank=standing.tier.rank, threshold=threshold)
            | {"basis": rules.basis}
        )
        for tier, threshold in rules.steps
    )
    words = explanation.words(member.language)
    view = TierView(
        StandingView.from_words(standing.words(member.language)),
        steps,
        why=WhyView.from_words(words),
        has_gift=note_opened(turn.session, member, turn.now) is not None,
    )
    return tier_card(turn.texts, view)


@on_member("postback", Action.SHOW_BENEFITS)
def show_benefits(turn: Turn, member: Member) -> list[Message]:
    """A member taps 我的權益: what tier and plan bring, with the taps to use it."""
    programme = turn.programme
    tier = programme.tier(member.tier_id)
    held = _held(turn, member, programme)
    templates = templates_of(turn.session, held)
    upgrade = find_upgrade(turn.session, member)
    view = BenefitsView(
        tier_name=in_language(tier.name, member.language),
        tier_colour=tier.colour,
        lines=tuple(_line(each, templates, member.language) for each in held),
        has_gift=upgrade is not None and upgrade.claimed_at is None,
        has_monthly=any(isinstance(each.terms, MonthlyCoupon) for each in held),
        has_events=bool(list_gatherings(turn.session, turn.now)),
        has_sales=bool(list_sale_events(turn.session, turn.now)),
        has_pages=bool(list_pages(turn.session)),
    )
    return benefits_card(turn.texts, view)


def _held(turn: Turn, member: Member, programme: Programme) -> list[Held]:
    return benefits_of(programme, member.tier_id, paid_plan(member, turn.now), day=turn.today)


def _template(held: Held) -> str:
    return str(getattr(held.terms, "template", ""))


def _line(held: Held, templates: dict[str, CouponTemplate], language: str) -> BenefitLine:
    template = templates.get(_template(held))
    name = in_language(template.name, language) if template else ""
    return BenefitLine.from_words({**vars(held.terms), "kind": held.row.kind, "name": name})


@on_member("postback", Action.CLAIM_UPGRADE)
def claim_upgrade(turn: Turn, member: Member) -> list[Message]:
    """A member taps 領取升級禮: one tap; without a gift they see what the tier brings."""
    programme = turn.programme
    try:
        coupon = claim_gift(turn.session, member, programme, turn.now)
    except NothingToClaim:
        note_opened(turn.session, member, turn.now)
        return show_benefits(turn, member)
    except GiftGone:
        return gift_gone(turn.texts)
    return gift_claimed(turn.texts, in_language(coupon.template.name, member.language))


@on_member("postback", Action.CLAIM_MONTHLY)
def claim_this_month(turn: Turn, member: Member) -> list[Message]:
    """A member taps 領取本月優惠券: each coupon of tier and plan once a month."""
    programme = turn.programme
    plan_code = paid_plan(member, turn.now)
    try:
        given = claim_monthly(
            turn.session, programme, member.id, member.tier_id, plan_code, turn.now
        )
    except NoSuchBenefit:
        return nothing_monthly(turn.texts)
    note_first_use(turn.session, member, turn.now)
    names = [in_language(coupon.template.name, member.language) for coupon in given]
    return monthly_claimed(turn.texts, names)


@on_member("postback", Action.SHOW_EVENTS)
def show_events(turn: Turn, member: Member) -> list[Message]:
    """A member taps 會員活動: the coming events, with their own place at each."""
    programme = turn.programme
    views = [
        _event_view(turn, member, gathering, programme)
        for gathering in list_gatherings(turn.session, turn.now)
    ]
    return gathering_cards(turn.texts, views)


def _event_view(
    turn: Turn, member: Member, gathering: Gathering, programme: Programme
) -> GatheringView:
    seat = find_seat(turn.session, gathering.id, member.id)
    needed = programme.tier(gathering.min_tier_id)
    is_low = programme.tier(member.tier_id).rank < needed.rank
    place = {} if seat is None or seat.state == "left" else {"state": seat.state}
    if seat is not None and seat.state == "waiting":
        place["ahead"] = str(waiting_ahead(turn.session, seat))
    needs = {"needs": in_language(needed.name, member.language)} if is_low else {}
    return GatheringView.from_words(gathering.words(member.language) | place | needs)


@on_member("postback", Action.JOIN_EVENT)
def join_event(turn: Turn, member: Member) -> list[Message]:
    """A member taps 我要報名: a seat, or a place in the line."""
    rank = turn.programme.tier(member.tier_id).rank
    try:
        seat = ask_for_seat(turn.session, turn.number("event"), member, rank=rank, now=turn.now)
    except (NoSuchEvent, GatheringOver, NotInvited):
        return show_events(turn, member)
    if seat.state == "going":
        note_first_use(turn.session, member, turn.now)
    return show_events(turn, member)


@on_member("postback", Action.LEAVE_EVENT)
def leave_event(turn: Turn, member: Member) -> list[Message]:
    """A member taps 取消報名: the seat goes to the first who waits."""
    try:
        leave_seat(turn.session, turn.number("event"), member, now=turn.now)
    except (NoSuchEvent, GatheringOver):
        return show_events(turn, member)
    return show_events(turn, member)


@on_member("postback", Action.SHOW_SALES)
def show_sales(turn: Turn, member: Member) -> list[Message]:
    """A member taps 優先購: each sale with their own opening moment."""
    programme = turn.programme
    views = [
        _sale_view(turn, member, sale, programme)
        for sale in list_sale_events(turn.session, turn.now)
    ]
    return sales_card(turn.texts, views)


def _sale_view(turn: Turn, member: Member, sale: SaleEvent, programme: Programme) -> SaleEventView:
    opens = opens_at(programme, sale, member.tier_id, paid_plan(member, turn.now))
    return SaleEventView(
        id=str(sale.id),
        name=in_language(sale.name, member.language),
        opens_at=opens,
        public_at=sale.public_at,
        is_open=opens <= turn.now,
    )


@on_member("postback", Action.ENTER_SALE)
def enter(turn: Turn, member: Member) -> list[Message]:
    """A member taps 進入特賣: in from their own moment on, not one second before."""
    programme = turn.programme
    sale = find_sale(turn.session, turn.number("sale"))
    if sale is None:
        return show_sales(turn, member)
    opens = opens_at(programme, sale, member.tier_id, paid_plan(member, turn.now))
    try:
        enter_sale(turn.session, sale.id, opens, turn.now)
    except SaleNotOpen:
        return sale_refused(turn.texts, opens)
    except NoSuchEvent:
        return show_sales(turn, member)
    if turn.now < sale.public_at:
        note_first_use(turn.session, member, turn.now)
    shop = in_language(programme.shop.name, member.language)
    return sale_entered(turn.texts, in_language(sale.name, member.language), shop)


@on_member("postback", Action.SHOW_PAGES)
def show_pages(turn: Turn, member: Member) -> list[Message]:
    """A member taps 會員專屬內容: all pages, with the tier the locked ones need."""
    programme = turn.programme
    rank = programme.tier(member.tier_id).rank
    lines = []
    for page in list_pages(turn.session):
        needed = programme.tier(page.min_tier_id)
        needs = in_language(needed.name, member.language) if needed.rank > rank else ""
        lines.append(PageLine(str(page.id), in_language(page.title, member.language), needs))
    return pages_card(turn.texts, lines)


@on_member("postback", Action.READ_PAGE)
def read(turn: Turn, member: Member) -> list[Message]:
    """A member opens a page; below its tier they learn what is missing."""
    programme = turn.programme
    rank = programme.tier(member.tier_id).rank
    try:
        page = read_page(turn.session, turn.number("page"), rank=rank)
    except NoSuchEvent:
        return show_pages(turn, member)
    except NotInvited as error:
        needed = programme.tier(error.facts["needs_tier_id"])
        gap = _gap_sentence(turn, member, programme)
        return page_refused(turn.texts, in_language(needed.name, member.language), gap)
    note_first_use(turn.session, member, turn.now)
    language = member.language
    return page_card(
        turn.texts, in_language(page.title, language), in_language(page.body, language)
    )


def _gap_sentence(turn: Turn, member: Member, programme: Programme) -> str:
    standing = standing_of(turn.session, member, programme, turn.today)
    if standing.next_tier is None or not standing.is_money:
        return ""
    name = in_language(standing.next_tier.name, member.language)
    return gap_sentence(turn.texts, standing.gap, name)
