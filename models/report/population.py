"""Of whom a figure is told: all members, or those of a segment."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy import (
    ColumnElement,
    and_,
)
from sqlalchemy.orm import Session

from models.lifecycle.figures import is_here
from models.segment.compiling import condition_of
from models.segment.field import Context
from models.segment.rule import Rule


@dataclass(frozen=True)
class Population:
    """Whom figures are of: everybody, or whoever a rule holds for at `now`."""

    session: Session
    now: datetime
    rule: Rule | None = None

    @cached_property
    def condition(self) -> ColumnElement[bool]:
        """Return the condition over `Member`."""
        if self.rule is None:
            return is_here()
        return and_(is_here(), condition_of(self.rule, Context(self.session, self.now)))

    @property
    def is_everybody(self) -> bool:
        """Tell whether nobody is left out."""
        return self.rule is None
