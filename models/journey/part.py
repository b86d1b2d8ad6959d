"""What one bounded part of the engine's work shares: session, journey, version, moment."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy.orm import Session

from models.journey.definition import Definition
from models.outreach import OutreachRules, get_rules


@dataclass(frozen=True)
class Part:
    """The visits of one version of a journey that are moved on in one transaction."""

    session: Session
    code: str
    version: int
    definition: Definition
    now: datetime

    @cached_property
    def rules(self) -> OutreachRules:
        """Return when members may be written to."""
        return get_rules(self.session)

    def source_of(self, step_id: str) -> str:
        """Return what a message of a step says it comes from."""
        return f"journey:{self.code}:{self.version}:{step_id}"
