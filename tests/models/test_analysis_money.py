"""What benefits cost, what tiers bring, who brings the sales, who buys on promotion."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from models.analysis import (
    ANALYSES,
    Benefit,
    Sheet,
    TierSums,
    budget_of_draft,
    compare_baskets,
    contribution,
    dependency,
    get_analysis,
    pareto,
    tier_report,
    work_out,
)
from models.analysis.basket import MARKS, read_baskets
from models.analysis.pareto import read_pareto
from models.analysis.promotion import read_promotions
from models.analysis.refusals import (
    MarginUnknown,
    NoSuchAnalysis,
    NoSuchTier,
    ParameterRefused,
)
from models.analysis.scope import ALL, REPEAT, Scope
from models.catalogue import Item, keep_items
from models.checkout import Line, Sale, record_purchase
from models.coupon import CouponTemplate, Redemption, issue_coupon
from models.local_day import local_day
from models.member import Member
from models.purchase import Purchase, refigure
from models.shop import Store
from models.tier_evaluation import Draft, NewTier
from tests.conftest import NOON, Maker
from tests.models.shopping import buy, take_back

MakeMember = Callable[..., Member]
TODAY = local_day(NOON)
TEN, FIVE = Decimal(10), Decimal(5)
GOLD, BASIC = {"zh-TW": "金卡"}, {"zh-TW": "一般"}


# --- the budget ---


def test_a_rebate_of_half_the_profit_leaves_the_other_half() -> None:
    """C-08: 50,000 at 10% profit and 5% rebate: 2,500 given back, 2,500 left."""
    found = work_out(Sheet(50_000, TEN, FIVE))
    assert (found.profit_twd, found.costs[0].cost_twd, found.left_twd) == (5_000, 2_500, 2_500)
    assert (found.is_red, found.most_rebate_percent) == (False, TEN)


def test_a_rebate_of_all_the_profit_is_red() -> None:
    """C-08: at 10% nothing is left; above it is a loss."""
    even = work_out(Sheet(50_000, TEN, TEN))
    assert (even.left_twd, even.is_red) == (0, True)
    assert [note.code for note in even.notes] == ["nothing_left"]
    loss = work_out(Sheet(50_000, TEN, Decimal(12)))
    assert (loss.left_twd, loss.is_red) == (-1_000, True)
    assert loss.notes[0].text("zh-TW") == "優惠比利潤多 NT$1,000：這樣會虧錢。"


def test_gifts_events_coupons_and_messages_count_as_they_are_used() -> None:
    """C-08: not the rebate only; what nobody uses costs nothing, and part of a NT$ is one."""
    sheet = Sheet(
        50_000,
        TEN,
        FIVE,
        rebate_redeemed_percent=Decimal(80),
        benefits=(
            Benefit("coupon", 12, Decimal(100), redeemed_percent=Decimal(50)),
            Benefit("gift", 1, Decimal(300)),
            Benefit("event", 2, Decimal(250)),
            Benefit("message", 48, Decimal("0.2")),
        ),
    )
    found = work_out(sheet)
    costs = {cost.kind: cost.cost_twd for cost in found.costs}
    assert costs == {"rebate": 2_000, "coupon": 600, "gift": 300, "event": 500, "message": 10}
    assert (found.cost_twd, found.left_twd) == (3_410, 1_590)
    assert found.most_rebate_percent == Decimal("8.97")


@pytest.mark.parametrize("margin_percent", [Decimal(0), Decimal(-5)])
def test_without_a_profit_every_benefit_is_a_loss(margin_percent: Decimal) -> None:
    """C-08, bad input: no profit, or less; one clear answer, no division by nothing."""
    found = work_out(Sheet(50_000, margin_percent, Decimal(1)))
    assert (found.is_red, found.most_rebate_percent) == (True, Decimal(0))
    assert [note.code for note in found.notes] == ["no_profit", "a_loss"]
    nothing = work_out(Sheet(0, TEN, FIVE))
    assert (nothing.profit_twd, nothing.left_twd, nothing.is_red) == (0, 0, True)


@pytest.mark.parametrize(
    "sheet",
    [
        Sheet(-1, TEN, FIVE),
        Sheet(1, Decimal(101), FIVE),
        Sheet(1, TEN, Decimal(-1)),
        Sheet(1, TEN, FIVE, benefits=(Benefit("gift", -1, TEN),)),
        Sheet(1, TEN, FIVE, benefits=(Benefit("gift", 1, TEN, Decimal(101)),)),
    ],
)
def test_numbers_that_cannot_be_are_refused(sheet: Sheet) -> None:
    """C-08, bad input: such as more given back than bought."""
    with pytest.raises(ParameterRefused):
        work_out(sheet)


def test_a_new_tier_opens_its_budget(session: Session, make_member: MakeMember) -> None:
    """C-05, C-08: what a tier above would give back, against the shop's margin or one told."""
    make_member(spend_twd=70_000)
    jade = NewTier("jade", {"zh-TW": "翡翠會員"}, "#0A7A5A", points_percent=300)
    draft = Draft(
        effective_on=TODAY + timedelta(days=1),
        basis="rolling_365",
        thresholds={"silver": 5_000, "gold": 15_000, "black": 30_000, "jade": 60_000},
        note="加一級",
        new_tiers=(jade,),
    )
    unknown = budget_of_draft(session, draft, NOON)[0]
    assert (unknown.members, unknown.extra_points, unknown.budget) == (1, 700, None)
    told = budget_of_draft(session, draft, NOON, margin_percent=Decimal(2))[0].budget
    assert told is not None
    assert (told.profit_twd, told.cost_twd, told.is_red) == (1_400, 2_100, True)


def test_a_budget_takes_what_is_not_told_from_the_shop(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """C-08: revenue and margin of a tier's member, and the rebate its points are."""
    with pytest.raises(MarginUnknown):
        get_analysis("budget").run(session, NOON, {})
    with pytest.raises(NoSuchTier):
        get_analysis("budget").run(session, NOON, {"tier": "jade"})
    member = make_member()
    lines = (Line("金萱烏龍", 1_000, cost_twd=400),)
    record_purchase(session, Sale(member.id, store, None, 1_000, "till:1", lines=lines), NOON)
    found = get_analysis("budget").run(session, NOON, {"tier": "basic"}).as_json()
    assert (found["revenue_twd"], found["profit_twd"], found["left_twd"]) == (1_000, 600, 590)
    assert [note["code"] for note in found["notes"]] == ["margin_of_goods"]


# --- tiers ---


def test_a_tier_is_told_with_what_it_brings_and_costs() -> None:
    """C-09: members, revenue, revenue per member, margin, benefit cost, net."""
    rows = [
        TierSums("gold", GOLD, 10, 0, 90_000, 10_000, 500, 100_000, 40_000),
        TierSums("basic", BASIC, 40, 50, 60_000, 0, 0, 20_000, 8_000),
    ]
    found = tier_report(rows)
    gold, basic = found.tiers
    assert (gold.revenue_twd, gold.per_member_twd) == (90_000, 9_000)
    assert (gold.margin_twd, gold.benefit_twd, gold.net_twd) == (60_000, 10_500, 49_500)
    # Costs of a third are known: 40%, and so of the rest.
    assert (basic.prospects, basic.margin_twd, basic.net_twd) == (50, 36_000, 36_000)
    assert (found.total.members, found.total.net_twd) == (50, 85_500)
    assert (found.margin_percent, found.known_percent) == (60.0, 75)
    assert [note.code for note in found.notes] == ["margin_partly_known"]


def test_without_costs_there_is_no_margin_and_without_members_no_average() -> None:
    """C-09, bad input: what is not known is not told."""
    found = tier_report([TierSums("gold", GOLD, 0, 3, 0, 0, 0, 0, 0)])
    assert (found.tiers[0].per_member_twd, found.tiers[0].net_twd) == (None, None)
    assert [note.code for note in found.notes] == ["margin_unknown"]


def test_the_shops_tiers_are_reported_net_of_refunds(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """C-09: by SQL; a refund takes revenue, goods and its part of the discount with it."""
    member = make_member()
    make_member(name="還沒買")
    lines = (Line("烏龍", 600, quantity=2, cost_twd=200), Line("奶茶", 400, cost_twd=100))
    sale = Sale(member.id, store, None, 1_000, "till:1", lines=lines)
    purchase = record_purchase(session, sale, NOON).purchase
    session.refresh(purchase)
    purchase.discount_twd, purchase.paid_twd = 100, 900
    take_back(session, member, purchase, 300)
    take_back(session, member, buy(session, member, 70))
    keep_items(session, [Item("CUP", "環保杯", cost_twd=80)], NOON)
    give_gift(session, member, store, "CUP")
    basic = next(
        line
        for line in get_analysis("tiers").run(session, NOON, {}).as_json()["tiers"]
        if line["tier_code"] == "basic"
    )
    assert (basic["members"], basic["prospects"], basic["revenue_twd"]) == (1, 1, 600)
    # NT$666 of goods at full price, NT$300 of costs: nothing says which item came back.
    assert (basic["margin_twd"], basic["benefit_twd"], basic["net_twd"]) == (366, 146, 220)


def give_gift(session: Session, member: Member, store: Store, sku: str) -> None:
    """Let the member have redeemed a gift of this item, alone."""
    texts = {"zh-TW": "贈品"}
    template = CouponTemplate(
        code="cup",
        kind="gift",
        value=0,
        item_sku=sku,
        name=texts,
        headline=texts,
        description=texts,
        valid_days=30,
    )
    session.add(template)
    session.flush()
    coupon = issue_coupon(session, member.id, template, issue_key="gift:1", now=NOON)
    assert coupon is not None
    session.add(
        Redemption(
            coupon_id=coupon.id,
            member_id=member.id,
            store_id=store.id,
            discount_twd=0,
            redeemed_at=NOON,
            idempotency_key="gift:1",
        )
    )
    session.flush()


def test_members_against_sales_tier_by_tier(session: Session, make_member: MakeMember) -> None:
    """C-10: gold is 20% of members and 40% of revenue."""
    found = contribution([("gold", GOLD, 20, 4_000), ("basic", BASIC, 80, 6_000)])
    gold = found.parts[0]
    assert (gold.share_of_members, gold.share_of_sales, gold.index) == (0.2, 0.4, 2.0)
    nobody = contribution([("gold", GOLD, 0, 0)])
    assert (nobody.parts[0].share_of_members, nobody.parts[0].index) == (None, None)
    for spend_twd in (15_000, 1_000, 4_000):
        make_member(spend_twd=spend_twd)
    make_member(name="還沒買")
    told = get_analysis("contribution").run(session, NOON, {}).as_json()
    shares = {
        part["tier_code"]: (part["members"], part["share_of_sales"]) for part in told["parts"]
    }
    assert shares == {"black": (0, 0.0), "gold": (1, 0.75), "silver": (0, 0.0), "basic": (2, 0.25)}


# --- who brings the sales ---


def test_one_fifth_brings_four_fifths() -> None:
    """B-10, C-10: what the top 20% bring, and how few bring 80%."""
    found = pareto([(4_000, 20), (250, 80)])
    assert found.top is not None
    assert (found.top.members, found.top.net_twd, found.top.share) == (20, 80_000, 0.8)
    assert (found.members_for_most, found.share_for_most) == (20, 0.2)
    assert (found.curve[-1].percent, found.curve[-1].share) == (100, 1.0)
    other = pareto([(4_000, 20), (250, 80)], top_percent=25, most_percent=90)
    assert other.top is not None
    assert (other.top.members, other.top.net_twd, other.members_for_most) == (25, 81_250, 60)


def test_a_shop_with_one_customer_or_none_has_one_answer() -> None:
    """B-10, bad input: one brings all; nobody brings nothing, and nothing is divided by it."""
    one = pareto([(500, 1)])
    assert one.top is not None
    assert (one.top.members, one.top.share, one.share_for_most) == (1, 1.0, 1.0)
    for groups in ([], [(0, 3)], [(-5, 1)]):
        nobody = pareto(groups)
        assert (nobody.top, nobody.share_for_most) == (None, None)
        assert [note.code for note in nobody.notes] == ["no_buyers"]


def test_the_shops_own_share_of_old_customers(session: Session, make_member: MakeMember) -> None:
    """B-10, T8: old customers are those who came again; what they bring of all is told."""
    maker = Maker()
    for spends in ((900, 100), (300, 100), (400,)):
        member = make_member()
        for spend_twd in spends:
            maker.spend(session, member, spend_twd, TODAY)
    make_member(name="還沒買")
    old = read_pareto(session, Scope(TODAY, REPEAT), NOON)
    assert (old.members, old.net_twd, old.top and old.top.net_twd) == (2, 1_400, 1_000)
    assert old.share_of_all == pytest.approx(1_400 / 1_800)
    assert read_pareto(session, Scope(TODAY, ALL), NOON).members == 3


# --- promotions ---


def test_who_buys_only_on_promotion_depends_on_it_wholly(
    session: Session, make_member: MakeMember
) -> None:
    """A-05: the share of orders with a coupon or discount, per member and per tier."""
    assert (dependency(1, 4), dependency(2, 2), dependency(0, 0)) == (0.25, 1.0, None)
    maker = Maker()
    for tier, discounts in (("gold", (0, 0, 0, 10)), ("basic", (10, 10)), ("basic", (0,))):
        member = make_member(tier=tier)
        for discount_twd in discounts:
            promote(maker.spend(session, member, 100, TODAY), discount_twd)
        session.flush()
        refigure(session, [member.id])
    make_member(name="還沒買")
    found = read_promotions(session, Scope(TODAY), NOON)
    told = {line.tier_code: (line.dependency, line.only_on_promotion) for line in found.tiers}
    assert told == {"gold": (0.25, 0), "basic": (2 / 3, 1)}
    assert (found.total.orders, found.total.promo_orders, found.total.only_share) == (7, 3, 1 / 3)
    windowed = read_promotions(session, Scope(TODAY, window_days=30), NOON)
    assert windowed == found
    assert read_promotions(session, Scope(TODAY, REPEAT), NOON).total.members == 2


def promote(purchase: Purchase, discount_twd: int) -> None:
    purchase.amount_twd += discount_twd
    purchase.discount_twd = discount_twd


def test_nobody_depends_on_promotions_where_nobody_bought(session: Session) -> None:
    """A-05, bad input: no orders, no dependency."""
    found = read_promotions(session, Scope(TODAY), NOON)
    assert (found.tiers, found.total.dependency, found.total.only_share) == ((), None, None)
    assert [note.code for note in found.notes] == ["no_buyers"]


# --- baskets ---


def test_a_channels_basket_is_told_against_the_others() -> None:
    """A-14: users of a wallet spend 1.4 times what others do."""
    found = compare_baskets("channel", [("till", 200, 100_000), ("wallet", 50, 35_000)])
    wallet = found.marks[0]
    assert (wallet.mark, wallet.basket_twd, wallet.others_twd) == ("wallet", 700.0, 500.0)
    assert wallet.as_json()["ratio"] == 1.4
    alone = compare_baskets("channel", [("till", 2, 100)])
    assert (alone.marks[0].ratio, [note.code for note in alone.notes]) == (None, ["one_value"])
    none = compare_baskets("channel", [])
    assert (none.basket_twd, [note.code for note in none.notes]) == (None, ["no_buyers"])
    free = compare_baskets("channel", [("till", 2, 0), ("wallet", 1, 90)])
    assert [each.ratio for each in free.marks] == [None, 0.0]


@pytest.mark.parametrize("by", MARKS)
def test_the_shops_orders_are_compared_by_any_mark(
    session: Session, make_member: MakeMember, by: str
) -> None:
    """A-14: channel, source, store, coupon, points, LINE; net of refunds, in a window, by SQL."""
    maker, member, other = Maker(), make_member(), make_member(line=False)
    odd = maker.spend(session, member, 140, TODAY)
    odd.channel, odd.source, odd.source_ref = "wallet", "shopline", "1"
    odd.points_used = odd.points_twd = 10
    odd.amount_twd += 15
    odd.discount_twd = 5
    odd.store_id = maker.store(session, "TP02").id if by == "store" else odd.store_id
    maker.spend(session, other, 100, TODAY)
    maker.spend(session, other, 9_999, TODAY - timedelta(days=400))
    session.flush()
    found = read_baskets(session, Scope(TODAY, window_days=365), NOON, by)
    assert [(each.basket_twd, each.ratio) for each in found.marks] == [
        (140.0, 1.4),
        (100.0, pytest.approx(100 / 140)),
    ]
    refigure(session, [member.id, other.id])
    repeat = read_baskets(session, Scope(TODAY, REPEAT), NOON, by)
    assert (repeat.orders, repeat.net_twd) == (2, 10_099)


# --- all of them ---


@pytest.mark.parametrize("name", [name for name in ANALYSES if name != "budget"])
def test_every_analysis_answers_an_empty_shop(session: Session, name: str) -> None:
    """Bad input: a shop without members gets an answer that can be told as JSON."""
    told = ANALYSES[name].run(session, NOON, {}).as_json()
    assert isinstance(told, dict)


@pytest.mark.parametrize("name", [name for name in ANALYSES if name != "budget"])
def test_every_analysis_answers_one_purchase(
    session: Session, make_member: MakeMember, name: str
) -> None:
    """Bad input: one member, one purchase."""
    buy(session, make_member(), 100)
    assert ANALYSES[name].run(session, NOON, {}).as_json()


def test_the_ladders_health_is_one_of_them(session: Session, make_member: MakeMember) -> None:
    """E-04: share per tier, close to the next, months to it; from here too."""
    for spend_twd in (0, 4_500, 6_000):
        make_member(spend_twd=spend_twd)
    basic = get_analysis("health").run(session, NOON, {}).as_json()["steps"][0]
    assert (basic["tier_code"], basic["members"], basic["close"]) == ("basic", 2, 1)
    assert basic["share"] == 0.6667


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("stall", {"population": "some"}),
        ("stall", {"population_": "all"}),
        ("stall", {"window_days": "0"}),
        ("stall", {"window_days": "ten"}),
        ("stall", {"as_of": "2026-02-30"}),
        ("stall", {"edges": "1,x"}),
        ("frequency", {"horizon_days": "-1"}),
        ("budget", {"rebate_percent": "NaN"}),
        ("budget", {"margin_percent": "Infinity"}),
        ("budget", {"tier": "x" * 65}),
        ("pareto", {"top_percent": "101"}),
        ("design", {"further_twd": ",".join("1" * 61)}),
    ],
)
def test_what_an_analysis_does_not_take_is_refused(
    session: Session, name: str, asked: dict[str, str]
) -> None:
    """Bad input: an unknown parameter, a wrong type, a value out of range: each told by name."""
    with pytest.raises(ParameterRefused) as refused:
        get_analysis(name).run(session, NOON, asked)
    assert refused.value.facts["name"] in asked
    assert set(refused.value.facts["advice"]) == {"zh-TW", "en", "ja"}


def test_an_analysis_that_is_not_there_is_refused() -> None:
    with pytest.raises(NoSuchAnalysis):
        get_analysis("horoscope")


def test_days_and_empty_texts_are_read(session: Session, make_member: MakeMember) -> None:
    """What is left empty holds as usual; a day is read as one."""
    buy(session, make_member(joined_at=NOON - timedelta(days=9)), 100)
    asked = {"as_of": str(date(2026, 11, 21)), "window_days": " ", "edges": "100, 200"}
    told = get_analysis("stall").run(session, NOON, asked).as_json()
    assert [band["members"] for band in told["bands"]] == [0, 0, 0]
