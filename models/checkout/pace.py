"""The limits of pace at the counter: what warns, what needs a second person, what is refused."""

from typing import Any

from models.base import BusinessError
from models.checkout.reckoning import Reckoning
from models.fraud import CardFrozen, OwnCard, use_approval
from models.fraud.checking import Level, Verdict, check_sale


class ApprovalNeeded(BusinessError):
    """The sale is beyond a limit of pace: a manager has to say yes. `reasons` names the rules."""

    code = "approval_needed"


def judge_pace(made: Reckoning, points: int, *, device: str | None = None) -> Verdict:
    """Hold a sale that earns `points` against own cards and the limits of pace."""
    sale = made.sale
    return check_sale(
        made.session,
        made.opened,
        staff=sale.staff,
        store_id=sale.store.id,
        now=made.now,
        points=points,
        redeems=bool(sale.coupon_ids or sale.points_to_use),
        device=device,
        rules=made.programme.velocity_rules,
    )


def check_pace(made: Reckoning, points: int) -> Verdict:
    """Judge a sale and return what the clerk is told; orders without a clerk are only warned of.

    Raises OwnCard, CardFrozen, ApprovalNeeded, or ApprovalNotUsable for a code that does not fit.
    """
    sale = made.sale
    verdict = judge_pace(made, points, device=sale.device)
    if verdict.level is Level.BLOCKED:
        raise OwnCard if verdict.reasons[0].code == "own_card" else CardFrozen
    if verdict.level is Level.NEEDS_APPROVAL and sale.staff is not None:
        if sale.approval_code is None:
            raise ApprovalNeeded(reasons=[reason.code for reason in verdict.reasons])
        subject = approval_subject(sale.member_id, sale.amount_twd)
        use_approval(made.session, sale.approval_code, sale.staff, subject, made.now)
    return verdict


def approval_subject(member_id: int, amount_twd: int) -> dict[str, Any]:
    """Return what a manager's yes to a sale is for."""
    return {"what": "sale", "member_id": member_id, "amount_twd": amount_twd}
