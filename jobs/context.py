"""What every job is handed by the process that runs it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from bot.client import LineClient, Profile
from bot.mail import Channel
from bot.text_sender import OtpSender
from jobs.campaign_crew import Crew
from jobs.couriers import Couriers
from models.base import Sessions
from models.line_event import LineEvent
from models.link import LinkMaker
from models.outbox import Owed


class WorkEvent(Protocol):
    """The handlers' entrance: do what an event asks, and return the reply owed for it, if any."""

    def __call__(
        self, session: Session, event: LineEvent, profile: Profile, now: datetime
    ) -> Owed | None: ...


@dataclass
class Drain:
    """Whether this process is working the inbox, and whether it was asked to look once more.

    Rings come faster than a run ends; one run a process keeps them from getting in each other's
    way. Touched only by the process's event loop, between two awaits, so it needs no lock.
    """

    is_running: bool = False
    is_asked_again: bool = False


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
    text_sender: OtpSender | None = None
    """Who brings codes to phones; None where only a clerk can bind anew."""
    mailer: Channel | None = None
    """Who brings mails to mailboxes; None where the shop sends none."""
    links: LinkMaker = field(default_factory=lambda: LinkMaker(b"", ""))
    """What writes the links in messages, whose clicks are counted."""
    inbox: Drain = field(default_factory=Drain)
    slots: set[tuple[str, str]] = field(default_factory=set)
    """The timetable's slots this process is running: the clock finds a long one unfinished and
    asks for it again. Touched only by the process's event loop."""
    webhook_secret: str = ""
    """What the secrets of webhook endpoints are derived from."""
    allow_private_webhooks: bool = False
    """Whether events may go to private addresses: in the demo, whose receivers run beside it."""
    couriers: Couriers = field(default_factory=Couriers)
    crew: Crew = field(default_factory=Crew)
