"""What every job is handed by the process that runs it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from bot.client import LineClient, Profile
from models.base import Sessions
from models.line_event import LineEvent
from models.outbox import Owed


class WorkEvent(Protocol):
    """The handlers' entrance: do what an event asks, and return the reply owed for it, if any."""

    def __call__(
        self, session: Session, event: LineEvent, profile: Profile, now: datetime
    ) -> Owed | None: ...


@dataclass(frozen=True)
class JobContext:
    """The process's database, LINE client and clock, and the handlers `app.py` passes in."""

    sessions: Sessions
    line: LineClient
    clock: Callable[[], datetime]
    ring: Callable[[str], None]
    """Wakes a task of the queue by its name."""
    wants_profile: Callable[[LineEvent], bool]
    work_event: WorkEvent
    apologise: Callable[[Session, LineEvent, datetime], Owed | None]
