"""The demo's coupons: what was used has its use, newcomers have their pack, and it is made once."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.coupon import Coupon, Redemption, get_template, issue_coupon, list_wallet
from models.demo.coupons import add_coupons
from models.demo.people import FIRST_NUMBER
from models.member import Member
from models.reward import list_offers
from tests.conftest import NOON
from tests.models.coupon_maker import make_sale

MakeMember = Callable[..., Member]


def test_the_demo_shop_uses_every_part_of_coupons_once(
    session: Session, make_member: MakeMember
) -> None:
    first, newcomer, regular = make_member(points=200), make_member(), make_member()
    first.number = FIRST_NUMBER
    joined = NOON - timedelta(days=9)
    for member, at in ((newcomer, joined), (regular, joined - timedelta(days=300))):
        welcome = get_template(session, "welcome")
        coupon = issue_coupon(session, member.id, welcome, issue_key=f"w:{member.id}", now=at)
        assert coupon is not None
        coupon.move("redeemed", "sale", at + timedelta(days=1))
        make_sale(session, member, 100, 30, coupon.id, at + timedelta(days=1))
    for _ in range(2):
        add_coupons(session, NOON)
    uses = session.scalars(select(Redemption).order_by(Redemption.id)).all()
    assert [(use.member_id, use.discount_twd) for use in uses] == [
        (newcomer.id, 30),
        (regular.id, 30),
    ]
    pack = session.scalars(
        select(Coupon).where(Coupon.member_id == newcomer.id).order_by(Coupon.pack_place)
    ).all()
    assert [coupon.state for coupon in pack] == ["redeemed", "issued", "locked"]
    alone = select(func.count()).where(Coupon.member_id == regular.id)
    assert session.scalar(alone) == 1
    assert len(list_wallet(session, first.id, NOON)) == 3
    assert [offer.is_open for offer in list_offers(session, first, NOON)] == [True] * 3


def test_a_shop_without_the_demos_people_gets_its_rewards(session: Session) -> None:
    add_coupons(session, NOON)
    assert session.scalar(select(func.count()).select_from(Coupon)) == 0
