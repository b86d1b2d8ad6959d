"""What other nouns do about a sale or a refund, in the order in which they do it.

Each runs inside the transaction, under the member's row lock. Whom a sale concerns is told from
what was read anyway, so that a mechanic costs nothing where it is not in use.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from models import lottery, mission, stamp_card, tier_evaluation
from models.checkout.opening import Opened
from models.coupon import refunding as coupon_refunding
from models.programme import Programme
from models.purchase.facts import Made, Undone
from models.referral import qualifying
from models.score import is_measured


@dataclass(frozen=True)
class Consequence:
    """What a noun does after a sale, and whom it concerns."""

    concerns: Callable[[Opened, Programme], bool]
    do: Callable[[Session, Made], object]


def _lift_measured(session: Session, made: Made) -> None:
    tier_evaluation.lift_measured(session, made.member, made.programme, made.now)


AFTER_PURCHASE: Sequence[Consequence] = (
    Consequence(
        lambda opened, programme: is_measured(programme.ladder.on(opened.spend_on)),
        _lift_measured,
    ),
    Consequence(
        lambda opened, programme: opened.referral_step is not None, qualifying.after_purchase
    ),
    Consequence(
        lambda opened, programme: programme.activity.has_purchase_missions, mission.after_purchase
    ),
    Consequence(
        lambda opened, programme: programme.activity.has_purchase_lotteries,
        lottery.after_purchase,
    ),
)
AFTER_REFUND: Sequence[Callable[[Session, Undone], object]] = (
    stamp_card.after_refund,
    tier_evaluation.after_refund,
    coupon_refunding.after_refund,
    qualifying.after_refund,
    mission.after_refund,
    lottery.after_refund,
)
