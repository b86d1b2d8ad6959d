"""When members may be written to at all: caps, quiet hours, who goes first; in versions.

Days are Taipei's. A version is never changed; the newest holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Identifier, Moment
from models.local_day import TAIPEI, day_start, local_day
from models.outbox import HIGHEST_PRIORITY, KEPT_DAYS

MOST_MESSAGES = 50
LONGEST_NOTE = 200
MOST_PRIORITIES = 200
LONGEST_NAME = 100
MOST_LISTED = 20
CAPS = ("day_cap", "window_cap")
LIMITS = {
    "day_cap": (1, MOST_MESSAGES),
    "window_cap": (1, MOST_MESSAGES),
    "window_days": (1, KEPT_DAYS),
    "win_back_days": (0, KEPT_DAYS),
}
"""Between what each number may be chosen: no longer than the outbox remembers."""
CHOSEN = (*LIMITS, "quiet_from", "quiet_until", "priorities")
"""What a shop chooses."""
USUAL_PRIORITY = 50
STARTING_PRIORITIES: Mapping[str, int] = {
    "birthday_gift": 80,
    "coupon_expiry": 70,
    "journey": 60,
    "win_back": 55,
    "campaign": USUAL_PRIORITY,
}
"""Higher goes first. Named by an intent (`birthday_gift`), or by a source or its beginning:
`journey:birthday` goes before `journey`."""


class OutreachSetting(Base):
    """One version of the rules of outreach, who set it, when and why. Never changed."""

    __tablename__ = "outreach_setting"
    __table_args__ = (
        CheckConstraint(f"day_cap BETWEEN 1 AND {MOST_MESSAGES}", name="day_cap_in_range"),
        CheckConstraint(f"window_cap BETWEEN 1 AND {MOST_MESSAGES}", name="window_cap_in_range"),
        CheckConstraint(f"window_days BETWEEN 1 AND {KEPT_DAYS}", name="window_in_range"),
        CheckConstraint(f"win_back_days BETWEEN 0 AND {KEPT_DAYS}", name="lock_in_range"),
    )

    id: Mapped[Identifier]
    day_cap: Mapped[int | None]
    """The most marketing messages a member is sent in a day; None: any number."""
    window_cap: Mapped[int | None]
    """The most in `window_days` days, the day itself counted; None: any number."""
    window_days: Mapped[int]
    quiet_from: Mapped[time]
    quiet_until: Mapped[time]
    """Nothing is pushed from one to the other; where both are the same, there is no such time."""
    win_back_days: Mapped[int]
    """For so many days after one win-back a member is sent no other."""
    priorities: Mapped[dict[str, int]] = mapped_column(JSONB)
    note: Mapped[str]
    set_by: Mapped[str]
    set_at: Mapped[Moment]


class OutreachRefused(BusinessError):
    """A number is out of its range, a name is unknown, or the note is missing."""

    code = "outreach_refused"


@dataclass(frozen=True)
class OutreachRules:
    """The rules in force; without a version, those every shop starts with."""

    day_cap: int | None = 1
    window_cap: int | None = 3
    window_days: int = 7
    quiet_from: time = time(21, 0)
    quiet_until: time = time(10, 0)
    win_back_days: int = 30
    priorities: Mapping[str, int] = field(default_factory=lambda: STARTING_PRIORITIES)
    version: int | None = None
    """The id of the version; None where nobody has set anything."""

    def priority_of(self, intent: str, source: str | None) -> int:
        """Return who goes first of what says nothing itself: by its source, else by its intent."""
        parts = source.split(":") if source else []
        named = [":".join(parts[:length]) for length in range(len(parts), 0, -1)]
        found = (self.priorities[name] for name in (*named, intent) if name in self.priorities)
        return next(found, USUAL_PRIORITY)

    def is_quiet(self, moment: datetime) -> bool:
        """Tell whether nothing is pushed at this moment."""
        at = moment.astimezone(TAIPEI).time()
        if self.quiet_from <= self.quiet_until:
            return self.quiet_from <= at < self.quiet_until
        return at >= self.quiet_from or at < self.quiet_until

    def window_start(self, moment: datetime) -> datetime:
        """Return when the days began that count for the cap at this moment."""
        return day_start(local_day(moment) - timedelta(days=self.window_days - 1))


def next_allowed(moment: datetime, rules: OutreachRules) -> datetime:
    """Return the first moment from this one on that is not quiet."""
    if not rules.is_quiet(moment):
        return moment
    local = moment.astimezone(TAIPEI)
    ends = datetime.combine(local.date(), rules.quiet_until, TAIPEI)
    return (ends if ends > local else ends + timedelta(days=1)).astimezone(moment.tzinfo)


def get_rules(session: Session) -> OutreachRules:
    """Return the rules in force; one small query."""
    row = _newest(session)
    if row is None:
        return OutreachRules()
    return OutreachRules(**{name: getattr(row, name) for name in CHOSEN}, version=row.id)


def _newest(session: Session) -> OutreachSetting | None:
    newest = select(OutreachSetting).order_by(OutreachSetting.id.desc()).limit(1)
    return session.scalars(newest).one_or_none()


def change_rules(
    session: Session, changes: Mapping[str, Any], *, note: str, by: str, now: datetime
) -> OutreachSetting:
    """Keep a new version: what `changes` does not name stays as it is. The names are CHOSEN.

    A cap of None is none. Priorities are added to those there are; None takes one away. Raises
    OutreachRefused.
    """
    rules = get_rules(session)
    chosen = {name: getattr(rules, name) for name in CHOSEN}
    added = changes.get("priorities", {})
    merged = {**chosen["priorities"], **added} if isinstance(added, Mapping) else added
    chosen |= {**changes, "priorities": merged}
    if isinstance(merged, Mapping):
        chosen["priorities"] = {name: told for name, told in merged.items() if told is not None}
    wrong = _wrong(chosen)
    if not 0 < len(note.strip()) <= LONGEST_NOTE:
        wrong["note"] = f"1–{LONGEST_NOTE}"
    if wrong:
        raise OutreachRefused(why=wrong)
    row = OutreachSetting(**chosen, note=note.strip(), set_by=by, set_at=now)
    session.add(row)
    session.flush()
    return row


def _wrong(chosen: Mapping[str, Any]) -> dict[str, str]:
    """Return what makes no sense, by name, each with what it may be."""
    wrong = {name: " | ".join(CHOSEN) for name in chosen if name not in CHOSEN}
    for name, (low, high) in LIMITS.items():
        value = chosen[name]
        if not (_is_within(value, low, high) or (value is None and name in CAPS)):
            wrong[name] = f"{low}–{high}"
    wrong |= {
        name: "00:00–23:59"
        for name in ("quiet_from", "quiet_until")
        if not isinstance(chosen[name], time) or chosen[name].tzinfo is not None
    }
    if not _is_sound(chosen["priorities"]):
        wrong["priorities"] = f"0–{HIGHEST_PRIORITY}"
    return wrong


def _is_sound(priorities: object) -> bool:
    return (
        isinstance(priorities, Mapping)
        and len(priorities) <= MOST_PRIORITIES
        and all(isinstance(name, str) and 0 < len(name) <= LONGEST_NAME for name in priorities)
        and all(_is_within(told, 0, HIGHEST_PRIORITY) for told in priorities.values())
    )


def _is_within(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def list_rules(session: Session, *, limit: int = MOST_LISTED) -> Sequence[OutreachSetting]:
    """Return the versions there were, newest first."""
    newest = select(OutreachSetting).order_by(OutreachSetting.id.desc()).limit(limit)
    return session.scalars(newest).all()
