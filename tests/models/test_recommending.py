"""What to do next for a member: from class, rhythm and the way to the next tier (A-13)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from models.base import in_language
from models.classification import rebuild_classes
from models.favourite import work_out
from models.lifecycle.refusals import NotAMemberThen
from models.member import Member, NoSuchMember
from models.membership import erase_member
from models.rfm.recommending import Recommendation, Situation, choose, recommend
from tests.conftest import NOON
from tests.models.shopping import buy

MakeMember = Callable[..., Member]
REGULAR = Situation("active", 5, 10, 30, is_valued=False, is_near_tier=False)
ARTICLE = (
    ("小美", [(days_ago, 1_000) for days_ago in range(213, 0, -30)], "香氛"),
    ("小強", [(90, 500)], "蠟燭"),
    ("小婷", [(164, 500), (114, 500), (64, 500), (14, 500)], "擴香"),
)
"""Who bought how many days ago for how much, and of what."""


def customer(
    session: Session, member: Member, sales: Sequence[tuple[int, int]], category: str
) -> Member:
    """Sell to a member so many days ago, oldest first, and let the night see what they like."""
    for days_ago, amount_twd in sales:
        now = NOON - timedelta(days=days_ago)
        buy(session, member, amount_twd, categories=(category,), now=now)
    work_out(session, [member.id], NOON)
    return member


@pytest.fixture
def three(session: Session, make_member: MakeMember) -> dict[str, Recommendation]:
    """Return what is recommended for the three people of the article."""
    return {
        name: recommend(session, customer(session, make_member(name=name), sales, of).id, NOON)
        for name, sales, of in ARTICLE
    }


def test_the_three_of_the_article_stand_where_it_says(three: dict[str, Recommendation]) -> None:
    """A-13: 小美 R ≤ 3 days, NT$8,000; 小強 90 days, 1 order, NT$500; 小婷 14 days, 4 orders."""
    assert {
        name: (
            in_language(each.standing.tier.name, "zh-TW"),
            each.standing.gap_twd,
            each.standing.spend_twd,
            each.situation.age_days,
            each.situation.orders,
        )
        for name, each in three.items()
    } == {
        "小美": ("銀卡會員", 7_000, 8_000, 3, 8),
        "小強": ("一般會員", 4_500, 500, 90, 1),
        "小婷": ("一般會員", 3_000, 2_000, 14, 4),
    }


def test_the_three_of_the_article_get_what_it_says(three: dict[str, Recommendation]) -> None:
    """A-13: VIP sample and gold reminder; repurchase reminder and limited candle bundle; add-on
    and an invitation to the referral programme."""
    assert {name: each.actions for name, each in three.items()} == {
        "小美": ("vip_sample", "tier_reminder"),
        "小強": ("repurchase_reminder", "limited_bundle"),
        "小婷": ("add_on", "invite_referral"),
    }
    assert {name: each.lines() for name, each in three.items()} == {
        "小美": ["VIP 新品試用", "升等提醒：再 NT$7,000 升金卡會員"],
        "小強": ["回購提醒：已 90 天，平常約 30 天一次", "蠟燭限量組合"],
        "小婷": ["加購推薦：搭配擴香", "邀請加入推薦計畫，帶朋友一起來"],
    }
    assert three["小強"].lines("en")[1] == "A limited bundle: 蠟燭"
    assert three["小美"].lines("ja")[1] == "ランクアップのご案内：あとNT$7,000でゴールド会員"


@pytest.mark.parametrize(
    ("situation", "actions"),
    [
        (replace(REGULAR, nasld="prospect", orders=0), ("first_offer", "popular_items")),
        (replace(REGULAR, nasld="deep", age_days=400), ("care_letter",)),
        (replace(REGULAR, nasld="sleep", age_days=120), ("lead_back", "limited_bundle")),
        (
            replace(REGULAR, nasld="lost", age_days=120, is_near_tier=True),
            ("lead_back", "tier_reminder"),
        ),
        (replace(REGULAR, nasld="new", orders=1), ("ask_satisfaction", "popular_items")),
        (replace(REGULAR, age_days=29), ("add_on", "invite_referral")),
        (replace(REGULAR, age_days=30), ("repurchase_reminder", "limited_bundle")),
        (replace(REGULAR, is_valued=True), ("vip_sample", "invite_referral")),
        (replace(REGULAR, is_near_tier=True), ("add_on", "tier_reminder")),
    ],
)
def test_the_rules_are_general(situation: Situation, actions: tuple[str, ...]) -> None:
    """A-13: nothing in them knows the three by name; each situation has its two steps."""
    assert choose(situation) == actions


def test_who_never_bought_is_shown_what_is_popular(
    session: Session, make_member: MakeMember
) -> None:
    found = recommend(session, make_member().id, NOON)

    assert (found.situation.age_days, found.favourite, found.rfm_group) == (None, None, None)
    assert found.lines() == ["首購優惠：邀請完成第一次消費", "附上人氣商品指南"]


def test_the_group_of_last_night_makes_a_vip_of_who_holds_no_tier(
    session: Session, make_member: MakeMember
) -> None:
    member = customer(session, make_member(), [(40, 100), (2, 100)], "茶")
    rebuild_classes(session, NOON)

    found = recommend(session, member.id, NOON)

    assert (found.rfm_group, found.actions) == ("vip", ("vip_sample", "invite_referral"))


def test_nobody_is_recommended_anything_for_who_has_left(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    erase_member(session, member, evidence="test", now=NOON)

    with pytest.raises(NotAMemberThen):
        recommend(session, member.id, NOON)
    with pytest.raises(NoSuchMember):
        recommend(session, 0, NOON)
