"""The ladder's health as an analysis (E-04): the steps of `tier_evaluation.health`, to be told."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from models.analysis.told import Told
from models.tier_evaluation import tier_health


@dataclass(frozen=True)
class Rung(Told):
    """One tier: who holds it, and how the way to the next looks from there."""

    tier_code: str
    name: dict[str, str]
    members: int
    share: float
    close: int
    """How many hold at least 80% of the next threshold."""
    months_to_next: float | None
    advice: tuple[str, ...]


@dataclass(frozen=True)
class LadderHealth(Told):
    """The steps in force, lowest first."""

    steps: tuple[Rung, ...]


def read_health(session: Session, now: datetime) -> LadderHealth:
    """Return the health of the ladder in force; one statement beside the rules' own."""
    return LadderHealth(
        tuple(
            Rung(
                tier_code=step.tier.code,
                name=step.tier.name,
                members=step.members,
                share=step.share_percent / 100,
                close=step.close,
                months_to_next=step.months_to_next,
                advice=step.advice,
            )
            for step in tier_health(session, now)
        )
    )
