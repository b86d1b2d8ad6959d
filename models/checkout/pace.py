"""The limits of pace at the counter: what warns, what needs a second person, what is refused."""

from collections.abc import Sequence
from typing import Any

from models.base import BusinessError
from models.checkout.reckoning import Reckoning
from models.fraud import ApprovalNotUsable, CardFrozen, OwnCard, use_approval
from models.fraud.checking import Level, Verdict, check_sale
from models.velocity_rule import VelocityRule


class ApprovalNeeded(BusinessError):
    """The sale is beyond a limit of pace: a manager has to say yes. `reasons` names the rules."""

    code = "approval_needed"


def judge_pace(made: Reckoning, points: int) -> Verdict:
    """Hold a sale that earns `points` against own cards and the limits of pace."""
    sale = made.sale
    return check_sale(
        made.session,
        made.opened,
        staff=sale.staff,
        store_id=sale.store.id,
        now=made.at,
        points=points,
        redeems=bool(sale.coupon_ids or sale.points_to_use),
        coupon_twd=made.picked.discount_twd,
        device=sale.device,
        rules=_rules_for(made),
    )


def _rules_for(made: Reckoning) -> Sequence[VelocityRule]:
    """Return the limits that hold: for a claimed receipt code, whose clerk is gone, the buyer's."""
    rules = made.programme.velocity_rules
    if made.sale.is_claimed:
        return [rule for rule in rules if rule.scope == "member"]
    return rules


def check_pace(made: Reckoning, points: int) -> Verdict:
    """Judge a sale and return what the clerk is told; orders without a clerk are only warned of.

    Raises OwnCard, CardFrozen, ApprovalNeeded, or ApprovalNotUsable for a code that does not fit.
    """
    sale = made.sale
    verdict = judge_pace(made, points)
    if verdict.level is Level.BLOCKED:
        raise OwnCard if verdict.reasons[0].code == "own_card" else CardFrozen
    if verdict.level is Level.NEEDS_APPROVAL and sale.staff is not None:
        if sale.approval_code is None:
            raise ApprovalNeeded(reasons=[reason.code for reason in verdict.reasons])
        subject = approval_subject(sale.member_id, sale.amount_twd)
        used = use_approval(made.session, sale.approval_code, sale.staff, subject, made.now)
        if not set(sale.coupon_ids) <= set(used.subject.get("coupon_ids", ())):
            raise ApprovalNotUsable  # It was asked for without them, or for others.
    return verdict


def approval_subject(
    member_id: int, amount_twd: int, coupon_ids: Sequence[int] = ()
) -> dict[str, Any]:
    """Return what a manager's yes to a sale is for; it covers these coupons, or fewer of them."""
    subject = {"what": "sale", "member_id": member_id, "amount_twd": amount_twd}
    return subject | ({"coupon_ids": list(coupon_ids)} if coupon_ids else {})
