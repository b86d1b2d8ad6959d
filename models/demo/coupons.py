"""The demo's coupons and rewards: what a tea shop gives, who has what, and what was used where."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from models.base import said
from models.coupon import (
    Coupon,
    CouponTemplate,
    draw_code,
    expiry_of,
    get_template,
    issue_coupon,
    list_pack,
)
from models.demo.people import FIRST_NUMBER
from models.local_day import day_start, local_day
from models.member import Member
from models.reward import Reward

PACK_SINCE_DAYS = 60
"""The shop gives newcomers three coupons since then; before, it was one."""
WINDOW_DAYS = 40


def add_coupons(session: Session, now: datetime) -> None:
    """Add templates and rewards, packs of the newest members, and a use for each used coupon."""
    if session.scalar(select(Reward.id).limit(1)) is not None:
        return
    templates = _add_templates(session, now)
    _add_rewards(session, templates)
    _add_uses(session)
    _add_packs(session, now)
    _give_first_member(session, templates, now)


def _add_templates(session: Session, now: datetime) -> dict[str, CouponTemplate]:
    opens = day_start(local_day(now) - timedelta(days=5))
    rows: tuple[dict[str, Any], ...] = (
        {
            "code": "warm_season",
            "kind": "percent",
            "value": 15,
            "cap_twd": 60,
            "name": said("暖飲季 85 折券", "Warm drinks: 15% off", "ホットドリンク 15% 引き"),
            "headline": said("85 折", "15% off", "15% 引き"),
            "description": said(
                "熱飲與鮮奶茶 85 折，可與其他優惠券一起使用。",
                "15% off your order; goes with other coupons.",
                "お会計から 15% 引き。ほかのクーポンと併用できます。",
            ),
            "min_spend_twd": 100,
            "clock": "window",
            "starts_at": opens,
            "ends_at": opens + timedelta(days=WINDOW_DAYS),
            "combines": "with_others",
            "stock_left": 500,
            "per_member_limit": 1,
        },
        {
            "code": "surprise",
            "kind": "amount",
            "value": 25,
            "name": said("打開有驚喜券", "Open-me coupon", "ひらいてうれしいクーポン"),
            "headline": said("折 NT$25", "NT$25 off", "NT$25 引き"),
            "description": said(
                "打開那天起三天內有效，想喝的時候再打開。",
                "Good for three days once you open it.",
                "開いた日から 3 日間有効です。",
            ),
            "clock": "opening",
            "valid_days": 3,
            "open_within_days": 30,
        },
        {
            "code": "topping",
            "kind": "item",
            "name": said("免費加料券", "Free topping", "トッピング無料券"),
            "headline": said("加料免費", "Free topping", "トッピング無料"),
            "description": said(
                "珍珠、椰果、仙草任選一份。",
                "Pearls, coconut jelly or grass jelly: one of them.",
                "タピオカ・ナタデココ・仙草ゼリーからひとつ。",
            ),
            "valid_days": 60,
        },
        {
            "code": "classic_tea",
            "kind": "gift",
            "item_sku": "TEA-CLASSIC-M",
            "name": said("招牌紅茶一杯", "A classic black tea", "看板紅茶 1 杯"),
            "headline": said("免費一杯", "Free drink", "1 杯無料"),
            "description": said(
                "中杯招牌紅茶，甜度冰塊任選。",
                "A medium classic black tea, as sweet and cold as you like.",
                "M サイズの看板紅茶。甘さと氷はお好みで。",
            ),
            "valid_days": 60,
        },
        {
            "code": "tote_bag",
            "kind": "gift",
            "name": said("茶日子帆布袋", "Tea Days tote bag", "茶日子トートバッグ"),
            "headline": said("帆布袋", "Tote bag", "トートバッグ"),
            "description": said(
                "限量飲料提袋，信義店領取。",
                "A limited drinks tote, at the Xinyi store.",
                "数量限定のドリンクトート。信義店でお渡しします。",
            ),
            "valid_days": 90,
            "store_codes": ["TP01"],
        },
    )
    templates = {row["code"]: CouponTemplate(**({"value": 0} | row)) for row in rows}
    session.add_all(templates.values())
    session.flush()
    return templates


def _add_rewards(session: Session, templates: dict[str, CouponTemplate]) -> None:
    offers: tuple[tuple[str, int, dict[str, Any]], ...] = (
        ("topping", 10, {}),
        ("classic_tea", 35, {}),
        ("tote_bag", 90, {"stock_left": 12, "per_member_limit": 1}),
    )
    for code, cost_points, rules in offers:
        template = templates[code]
        session.add(
            Reward(
                code=code,
                name=template.name,
                description=template.description,
                cost_points=cost_points,
                template_id=template.id,
                **rules,
            )
        )
    session.flush()


def _add_uses(session: Session) -> None:
    """Write the use of every coupon that the made-up sales used."""
    session.execute(
        text("""
            INSERT INTO redemption (coupon_id, purchase_id, member_id, store_id, staff_id,
                                    discount_twd, redeemed_at, idempotency_key)
            SELECT coupon_id, id, member_id, store_id, staff_id, discount_twd, purchased_at,
                   'purchase:' || id || ':' || coupon_id
            FROM purchase WHERE coupon_id IS NOT NULL ORDER BY id
            ON CONFLICT DO NOTHING
        """)
    )


def _add_packs(session: Session, now: datetime) -> None:
    """Make packs of the newest members' welcome coupons: the second is open where one was used."""
    welcome, *behind = list_pack(session, "welcome")
    since = now - timedelta(days=PACK_SINCE_DAYS)
    first = session.scalars(
        select(Coupon).where(
            Coupon.template_id == welcome.id,
            Coupon.issued_at >= since,
            Coupon.pack_key.is_(None),
        )
    ).all()
    rows = [
        _behind(coupon, template, place)
        for coupon in first
        for place, template in enumerate(behind, 2)
    ]
    session.execute(
        update(Coupon)
        .where(Coupon.id.in_([coupon.id for coupon in first]))
        .values(pack_key=Coupon.issue_key, pack_place=1)
        .execution_options(synchronize_session=False)
    )
    if rows:
        session.execute(insert(Coupon), rows)
    session.expire_all()


def _behind(first: Coupon, template: CouponTemplate, place: int) -> dict[str, Any]:
    """Return the coupon of a pack at `place` behind its `first`."""
    opened_at = first.redeemed_at
    return {
        "code": draw_code(),
        "member_id": first.member_id,
        "template_id": template.id,
        "state": "issued" if place == 2 and opened_at else "locked",
        "issue_key": f"{first.issue_key}:{place}",
        "issued_at": first.issued_at,
        "usable_from": opened_at or first.issued_at,
        "expires_at": expiry_of(template, opened_at) if opened_at else first.expires_at,
        "pack_key": first.issue_key,
        "pack_place": place,
    }


def _give_first_member(
    session: Session, templates: dict[str, CouponTemplate], now: datetime
) -> None:
    """Give the member a presenter knows one coupon of each clock, and a gift to be scanned."""
    member = session.scalars(select(Member).where(Member.number == FIRST_NUMBER)).one_or_none()
    if member is None:
        return
    given = (templates["warm_season"], templates["surprise"], get_template(session, "stamp_reward"))
    for template in given:
        issue_coupon(
            session, member.id, template, issue_key=f"demo:{member.id}:{template.code}", now=now
        )
