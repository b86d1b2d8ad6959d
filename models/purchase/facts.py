"""What other nouns are told of a sale and of a refund, so that each can do its own part.

Both are handed to hooks inside the one transaction, under the member's row lock; see
`models/checkout/`. A hook costs no statement where its mechanic is not in use.
"""

from dataclasses import dataclass
from datetime import date, datetime

from models.member import Member
from models.programme import Programme
from models.purchase.table import Purchase, Refund
from models.tier import Tier


@dataclass(frozen=True)
class Made:
    """A sale just recorded."""

    member: Member
    purchase: Purchase
    programme: Programme
    now: datetime
    today: date
    """The Taipei day of the sale, which may be some days before that of `now`."""
    is_first: bool
    """Whether it is the member's first sale of all."""
    tier_before: Tier


@dataclass(frozen=True)
class Undone:
    """A refund just noted on its purchase."""

    member: Member
    purchase: Purchase
    refund: Refund
    net_before_twd: int
    """What the purchase counted for before this refund, in NT$."""
    net_after_twd: int
    programme: Programme
    now: datetime
    today: date

    @property
    def is_full(self) -> bool:
        """Tell whether nothing of the purchase is left."""
        return self.net_after_twd == 0
