"""How each thing the shop offers did: prepared by night, for the tables behind it are large.

The body is `{"coupon": {code: {…}}, …}`; whole numbers only, NT$ and points. A code that nothing
happened to has no entry.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import TextClause, select, text
from sqlalchemy.orm import Session

from models.base import squeezed
from models.coupon import CouponTemplate
from models.coupon.reports import pack_report
from models.local_day import local_day
from models.prepared import NoteProgress, prepared

RESULTS = "programme_results"
RECENT_DAYS = 30

Figures = dict[str, dict[str, int]]


@prepared(RESULTS, nightly=True)
def programme_results(
    session: Session, now: datetime, asked: Mapping[str, Any], tell: NoteProgress
) -> dict[str, Any]:
    """Count what came of coupons, rewards, cards, missions, plans, lotteries and invitations."""
    del asked  # There is one question.
    body: dict[str, Any] = {}
    for place, (noun, statement) in enumerate(_QUESTIONS.items()):
        tell(place, len(_QUESTIONS) + 1)
        body[noun] = _ask(session, statement, now)
    body["pack"] = _packs(session)
    return body


def _ask(session: Session, statement: TextClause, now: datetime) -> Figures:
    asked = {"now": now, "since_on": local_day(now) - timedelta(days=RECENT_DAYS)}
    return {
        row["code"]: {name: int(value or 0) for name, value in row.items() if name != "code"}
        for row in session.execute(statement, asked).mappings()
    }


def _packs(session: Session) -> dict[str, Any]:
    codes = session.scalars(
        select(CouponTemplate.pack_code).where(CouponTemplate.pack_code.is_not(None)).distinct()
    )
    found = {code: pack_report(session, code) for code in codes if code is not None}
    return {
        code: {
            "given": report.given,
            "used": list(report.used),
            "reached": list(report.reached),
            "repeated": report.repeated,
        }
        for code, report in found.items()
    }


def _asking(statement: str) -> TextClause:
    """Return a question of ours; each may name the moment and the first of the recent days."""
    return text(squeezed(f"{_AT} {statement}"))


_AT = "WITH at AS (SELECT CAST(:now AS timestamptz) AS now, CAST(:since_on AS date) AS since_on)"
_QUESTIONS: Mapping[str, TextClause] = {
    "coupon": _asking("""
        , given AS (
            SELECT template_id, count(*) FILTER (WHERE state <> 'void') AS given,
                count(*) FILTER (WHERE state = 'redeemed') AS used,
                count(*) FILTER (WHERE state = 'void') AS void,
                count(*) FILTER (WHERE state IN ('issued', 'locked') AND expires_at > at.now)
                    AS held,
                count(*) FILTER (WHERE state IN ('issued', 'locked') AND expires_at <= at.now)
                    AS expired
            FROM coupon CROSS JOIN at GROUP BY template_id
        ), uses AS (
            SELECT coupon.template_id, sum(redemption.discount_twd) AS discount_twd,
                sum(purchase.paid_twd - purchase.refunded_twd) AS sales_twd
            FROM redemption JOIN coupon ON coupon.id = redemption.coupon_id
            LEFT JOIN purchase ON purchase.id = redemption.purchase_id
            WHERE redemption.reversed_at IS NULL GROUP BY coupon.template_id
        )
        SELECT template.code, given.given, given.used, given.void, given.held, given.expired,
            uses.discount_twd, uses.sales_twd
        FROM given JOIN coupon_template AS template ON template.id = given.template_id
        LEFT JOIN uses ON uses.template_id = given.template_id
    """),
    "earn_rule": _asking("""
        SELECT rule AS code, count(*) AS sales, sum(purchase.points_earned) AS points,
            sum(purchase.paid_twd - purchase.refunded_twd) AS sales_twd
        FROM at CROSS JOIN store JOIN purchase ON purchase.store_id = store.id
            AND purchase.purchased_on >= at.since_on AND purchase.undone_at IS NULL
        CROSS JOIN LATERAL json_array_elements_text(purchase.earned->'rules') AS rule
        WHERE purchase.earned IS NOT NULL GROUP BY rule
    """),
    "stamp_card": _asking("""
        SELECT programme.code, count(*) FILTER (WHERE card.stamps > 0) AS members,
            sum(card.stamps) AS stamps, sum(card.stamps / programme.size) AS full_cards,
            count(*) FILTER (WHERE card.stamps > 0 AND card.stamps % programme.size
                = programme.size - 1) AS one_short
        FROM at CROSS JOIN stamp_card AS card
        JOIN stamp_programme AS programme ON programme.id = card.programme_id
        GROUP BY programme.code
    """),
    "reward": _asking("""
        SELECT reward.code, count(*) FILTER (WHERE cancelled_at IS NULL) AS exchanged,
            count(cancelled_at) AS cancelled,
            sum(exchange.cost_points) FILTER (WHERE cancelled_at IS NULL) AS points,
            count(*) FILTER (WHERE coupon.state = 'redeemed') AS used
        FROM at CROSS JOIN reward_exchange AS exchange
        JOIN reward ON reward.id = exchange.reward_id
        JOIN coupon ON coupon.id = exchange.coupon_id GROUP BY reward.code
    """),
    "mission": _asking("""
        , working AS (
            SELECT mission_id, count(*) AS working FROM mission_progress
            WHERE done > 0 GROUP BY mission_id
        ), done AS (
            SELECT mission_id, count(*) AS done, count(taken_back_at) AS taken_back
            FROM mission_award GROUP BY mission_id
        )
        SELECT mission.code, working.working, done.done, done.taken_back
        FROM mission LEFT JOIN working ON working.mission_id = mission.id
        LEFT JOIN done ON done.mission_id = mission.id
    """),
    "badge": _asking("""
        SELECT badge_code AS code, count(*) AS members FROM at CROSS JOIN member_badge
        GROUP BY badge_code
    """),
    "plan": _asking("""
        , held AS (
            SELECT plan_id, count(*) AS held,
                count(*) FILTER (WHERE cancelled_at IS NOT NULL) AS leaving,
                count(*) FILTER (WHERE ends_at < at.now + interval '30 days') AS ending
            FROM subscription CROSS JOIN at WHERE state = 'active' GROUP BY plan_id
        ), paid AS (
            SELECT subscription.plan_id, sum(amount_twd) AS paid_twd,
                sum(amount_twd) FILTER (WHERE paid_at >= at.since_on) AS recent_twd
            FROM at CROSS JOIN plan_payment
            JOIN subscription ON subscription.id = plan_payment.subscription_id
            GROUP BY subscription.plan_id
        )
        SELECT plan.code, held.held, held.leaving, held.ending, paid.paid_twd, paid.recent_twd
        FROM plan LEFT JOIN held ON held.plan_id = plan.id LEFT JOIN paid ON paid.plan_id = plan.id
    """),
    "lottery": _asking("""
        SELECT lottery.code, count(*) FILTER (WHERE ticket.void_at IS NULL) AS tickets,
            count(DISTINCT ticket.member_id) AS members, count(draw.id) AS draws,
            count(*) FILTER (WHERE draw.outcome = 'prize') AS won,
            count(*) FILTER (WHERE draw.outcome = 'consolation') AS consoled,
            count(*) FILTER (WHERE ticket.key LIKE 'bought:%') AS bought
        FROM at CROSS JOIN lottery_ticket AS ticket
        JOIN lottery ON lottery.id = ticket.lottery_id
        LEFT JOIN draw ON draw.ticket_id = ticket.id GROUP BY lottery.code
    """),
    "referral_rule": _asking("""
        SELECT state AS code, count(*) AS friends,
            count(*) FILTER (WHERE claimed_at >= at.since_on) AS recent
        FROM at CROSS JOIN referral GROUP BY state
    """),
    "review": _asking("""
        SELECT review.state AS code, count(*) AS reviews, sum(stars) AS stars,
            count(*) FILTER (WHERE written_at >= at.since_on) AS recent
        FROM at CROSS JOIN review GROUP BY review.state
    """),
    "activity_rule": _asking("""
        SELECT what AS code, count(*) AS times, sum(points) AS points,
            count(DISTINCT member_id) AS members
        FROM at CROSS JOIN activity_event WHERE day_on >= at.since_on GROUP BY what
    """),
    "benefit": _asking("""
        SELECT tier.code || ':' || upgrade.variant AS code, count(*) AS upgrades,
            count(claimed_at) AS claimed, count(first_used_at) AS used
        FROM at CROSS JOIN upgrade JOIN tier ON tier.id = upgrade.tier_id
        WHERE voided_at IS NULL GROUP BY tier.code, upgrade.variant
    """),
}
