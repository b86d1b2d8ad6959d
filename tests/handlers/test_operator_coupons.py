"""Coupons and rewards by command."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.coupon import (
    Coupon,
    CouponTemplate,
    draw_code,
    get_template,
    issue_pack,
    qr_text,
    redeem_alone,
)
from models.member import Member
from models.points import post_points
from models.reward import Reward, exchange_reward
from tests.conftest import NOON
from tests.models.coupon_maker import make_sale, the_store

MakeMember = Callable[..., Member]
GIFT = ["--kind", "gift", "--name", "小卡", "--headline", "送小卡", "--days", "30"]


@pytest.fixture
def run(app: Flask) -> Callable[..., str]:
    """Return what runs a command that must succeed, and gives back what it printed."""
    runner: FlaskCliRunner = app.test_cli_runner()

    def work(*arguments: str, fails: bool = False) -> str:
        done = runner.invoke(args=list(arguments))
        assert (done.exit_code != 0) is fails, done.output
        return done.output

    return work


def test_a_template_is_added_with_its_rules(run: Callable[..., str], session: Session) -> None:
    run(
        *("coupon", "add-template", "summer", "--kind", "percent", "--value", "20"),
        *("--cap", "100", "--name", "夏日券", "--headline", "8 折", "--clock", "window"),
        *("--from", "2026-07-01", "--until", "2026-09-01T12:00", "--stock", "500"),
        *("--store", "TP01", "--tier", "gold", "--combines", "summer", "--on-refund", "keep"),
    )
    template = get_template(session, "summer")
    assert (template.value, template.cap_twd, template.stock_left) == (20, 100, 500)
    assert template.ends_at is not None
    assert template.ends_at.isoformat() == "2026-09-01T04:00:00+00:00"
    assert (template.store_codes, template.tier_codes) == (["TP01"], ["gold"])
    assert (template.combines, template.on_refund) == ("summer", "keep")
    assert "summer" in run("coupon", "list")


def test_a_template_against_the_rules_is_refused(run: Callable[..., str]) -> None:
    told = run("coupon", "add-template", "odd", *GIFT, "--clock", "opening", fails=True)
    assert "opening_has_last_day" in told
    assert "pk" not in run("coupon", "add-template", "welcome", *GIFT, fails=True)


def test_a_coupon_is_given_traced_and_taken_back(
    run: Callable[..., str], make_member: MakeMember
) -> None:
    member = make_member()
    run("coupon", "add-template", "card", *GIFT, "--stock", "1")
    code = run("coupon", "issue", "card", member.number, "--key", "sorry-1").strip()
    assert "had its coupon" in run("coupon", "issue", "card", member.number, "--key", "sorry-1")
    assert "coupon_sold_out" in run("coupon", "issue", "card", member.number, fails=True)
    assert "is void" in run("coupon", "void", code.lower(), "--why", "發錯")
    assert "coupon_not_usable" in run("coupon", "void", code, "--why", "x", fails=True)
    traced = run("coupon", "trace", code)
    assert "- → issued  issue" in traced
    assert "issued → void  staff" in traced
    assert "發錯" in traced
    assert "left=1" in run("coupon", "stock", "card")


def test_unknown_codes_are_said_to_be_unknown(
    run: Callable[..., str], make_member: MakeMember
) -> None:
    assert "No coupon" in run("coupon", "trace", "NOTHING", fails=True)
    assert "No template" in run("coupon", "stock", "nothing", fails=True)
    assert "no_such_member" in run("coupon", "issue", "welcome", "1", fails=True)
    assert "no redemption" in run("coupon", "cancel-redemption", "0", fails=True)
    assert "reward_not_offered" in run("reward", "stock", "nothing", fails=True)
    told = run("reward", "cancel", make_member().number, "0", fails=True)
    assert "exchange_not_cancellable" in told


def test_stock_is_changed_and_a_template_switched_off(
    run: Callable[..., str], session: Session
) -> None:
    assert "left=9 " in run("coupon", "stock", "birthday", "--left", "9")
    told = run("coupon", "stock", "birthday", "--unlimited", "--inactive")
    assert "left=∞" in told
    assert "(inactive)" in told
    session.expire_all()
    assert not session.scalars(
        select(CouponTemplate.is_active).where(CouponTemplate.code == "birthday")
    ).one()


def test_a_use_that_was_a_mistake_is_undone(
    run: Callable[..., str], session: Session, make_member: MakeMember
) -> None:
    run("coupon", "add-template", "card", *GIFT)
    code = run("coupon", "issue", "card", make_member().number).strip()
    use = redeem_alone(
        session, code, store=the_store(session), staff=None, idempotency_key="scan", now=NOON
    )
    session.commit()
    assert "used again" in run("coupon", "cancel-redemption", str(use.id))
    session.expire_all()
    assert session.scalars(select(Coupon.state).where(Coupon.code == code)).one() == "issued"
    use.purchase_id = make_sale(session, make_member()).id
    session.commit()
    assert "not_cancellable" in run("coupon", "cancel-redemption", str(use.id), fails=True)


def test_the_pack_is_reported_on(
    run: Callable[..., str], session: Session, make_member: MakeMember
) -> None:
    """C-01."""
    for place, orders in enumerate((0, 1, 3, 4)):
        member = make_member()
        issue_pack(session, member.id, "welcome", issue_key=f"w{place}", now=NOON)
        for _ in range(orders):
            make_sale(session, member)
    session.commit()
    told = run("coupon", "pack-report")
    assert "given to 4 members" in told
    assert "order 1: 3, order 2: 2, order 3: 2" in told
    assert "ordered again after order 3: 1 (50.00%)" in told
    assert "(-)" in run("coupon", "pack-report", "nothing")


def test_a_reward_is_added_counted_and_given_back(
    run: Callable[..., str], session: Session, make_member: MakeMember
) -> None:
    run("coupon", "add-template", "card", *GIFT)
    run("reward", "add", "card", "card", "--name", "小卡", "--points", "30", "--stock", "2")
    assert "ck_reward" not in run("reward", "list")
    member = make_member()
    post_points(session, member, 30, reason="welcome", idempotency_key="w", now=NOON)
    reward = session.scalars(select(Reward).where(Reward.code == "card")).one()
    done = exchange_reward(session, member, reward.id, idempotency_key="k", now=NOON)
    session.commit()
    assert "left=1 " in run("reward", "list")
    assert "30 points are given back" in run("reward", "cancel", member.number, str(done.id))
    assert "left=7 " in run("reward", "stock", "card", "--left", "7")
    told = run("reward", "stock", "card", "--unlimited", "--inactive")
    assert "left=∞" in told
    assert "(inactive)" in told
    again = run("reward", "add", "card", "card", "--name", "x", "--points", "1", fails=True)
    assert "uq_reward_code" in again


# --- the QR of a coupon ---


def test_a_coupons_code_is_drawn_and_kept_for_a_day(client: FlaskClient) -> None:
    answer = client.get(f"/qr/{qr_text(draw_code())}.png")
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    assert answer.cache_control.max_age == 86_400


@pytest.mark.parametrize("code", ["C:", "C:ABC", "C:" + "0" * 12, "C:" + "A" * 13, "D:" + "A" * 12])
def test_what_is_no_coupons_code_is_not_drawn(client: FlaskClient, code: str) -> None:
    assert client.get(f"/qr/{code}.png").status_code == 404
