"""The health of the ladder (row E-04)."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from models.member import Member
from models.tier_evaluation import tier_health
from tests.conftest import NOON

MakeMember = Callable[..., Member]


def test_each_step_says_its_share_who_is_close_and_how_far_it_is(
    session: Session, make_member: MakeMember
) -> None:
    """E-04: share per tier, share within 20% of the next tier, expected months to reach it."""
    for spend_twd in (0, 2_500, 3_999, 4_000, 4_999, 6_000, 12_000, 40_000):
        make_member(spend_twd=spend_twd)
    basic, silver, gold, black = tier_health(session, NOON)
    assert [step.members for step in (basic, silver, gold, black)] == [5, 2, 0, 1]
    assert (basic.share_percent, black.share_percent) == (62.5, 12.5)
    assert (basic.close, silver.close) == (2, 1)
    # Of those who buy, gaps of 2,500, 1,001, 1,000 and 1 at their own pace: the middle is 3 months.
    assert basic.months_to_next is not None
    assert round(basic.months_to_next, 2) == 3.0
    assert black.months_to_next is None


def test_a_step_nobody_climbs_and_one_everybody_climbed_are_told(
    session: Session, make_member: MakeMember
) -> None:
    """E-04: a threshold too high kills motivation, one too low separates nobody."""
    for _ in range(30):
        make_member(spend_twd=100)
    assert tier_health(session, NOON)[0].advice == ("few_above", "far")
    for _ in range(40):
        make_member(spend_twd=9_000)
    assert tier_health(session, NOON)[0].advice == ("many_above", "far")
