"""The rules of what members do beside buying, read together once a version of the programme."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.activity.reward import Reward, RewardRefused
from models.activity.table import (
    ACTIVITIES,
    EVENTS,
    KINDS,
    ODDS_PPM,
    PERIODS,
    PURCHASE_EVENTS,
    ActivityRule,
    Badge,
    Community,
    Lottery,
    LotteryPrize,
    Mission,
    ReferralRule,
)
from models.shop import Shop, Store

__all__ = [
    "ACTIVITIES",
    "EVENTS",
    "KINDS",
    "ODDS_PPM",
    "PERIODS",
    "PURCHASE_EVENTS",
    "Activity",
    "ActivityRule",
    "Badge",
    "Community",
    "Lottery",
    "LotteryPrize",
    "Mission",
    "ReferralRule",
    "Reward",
    "RewardRefused",
    "note_rule_change",
    "read_activity",
]

Rule = TypeVar("Rule", Mission, Lottery, ReferralRule)


@dataclass(frozen=True)
class Activity:
    """One version of these rules; its rows belong to no session and are only read."""

    missions: tuple[Mission, ...] = ()
    lotteries: tuple[Lottery, ...] = ()
    referral_rule: ReferralRule | None = None
    store_codes: Mapping[int, str] = field(default_factory=dict)

    @property
    def has_purchase_missions(self) -> bool:
        """Tell whether any mission, even one that is over, counts purchases."""
        return any(mission.event in PURCHASE_EVENTS for mission in self.missions)

    @property
    def has_purchase_lotteries(self) -> bool:
        """Tell whether any lottery, even one that is over, gives a ticket for a purchase."""
        return any(lottery.purchase_twd is not None for lottery in self.lotteries)

    def missions_on(self, events: Sequence[str], now: datetime) -> list[Mission]:
        """Return the missions in force at `now` that one of these events counts towards."""
        return [m for m in self.missions if m.event in events and m.is_on(now)]

    def store_code(self, store_id: int) -> str:
        """Return a store's code, or its id for one opened since the rules were read."""
        return self.store_codes.get(store_id, str(store_id))


def read_activity(session: Session) -> Activity:
    """Read the rules as copies that belong to no session; the programme keeps them."""
    rules = _copies(session, ReferralRule, ReferralRule.id)
    return Activity(
        missions=_copies(session, Mission, Mission.place, Mission.id),
        lotteries=_copies(session, Lottery, Lottery.id),
        referral_rule=rules[0] if rules else None,
        store_codes=dict(session.execute(select(Store.id, Store.code)).all()),
    )


def _copies(session: Session, model: type[Rule], *order: Any) -> tuple[Rule, ...]:
    """Return the rows of a table as objects nobody else holds: a rule in hand is not taken away."""
    rows = session.execute(select(model.__table__).order_by(*order)).mappings()
    return tuple(model(**row) for row in rows)


def note_rule_change(session: Session) -> None:
    """Raise the programme's version, so that every process reads the rules anew."""
    session.flush()
    session.execute(update(Shop).values(programme_version=Shop.programme_version + 1))
