"""What starts a journey and what ends one early: two registries, each entry a few lines of SQL.

A **trigger** tells of causes as one SELECT of four columns, `member_id, key, at, facts`:

- `key` (text) names the cause, and a journey starts once for each: `purchase:812`,
  `birthday:44:2026`. It must be the same whenever the same cause is looked at again.
- `at` (timestamptz) is when it happened. The engine drops causes before `span.since`, which is
  the journey's switching on, or now less its grace, whichever is later.
- `facts` (jsonb) is what the steps and exits need: ids, amounts, ISO days; no personal data.

The engine wraps the SELECT: it leaves out causes that have started, who left, who must not come
again, puts the holdout aside, takes a bounded part, and writes the visits in one statement. So a
trigger is a pure question, set-based, and never needs to remember what it told.
It must be cheap each time it is asked (`every`): read an index (`span.after_id("purchase")` is
the id up to which a table in `reads` was looked through for good), or few rows of a day.

    add_trigger(Trigger("purchase", said("消費", …), causes=_causes, reads=("purchase",)))

An **exit** is a condition over `JourneyVisit` under which its reason is gone. It is judged for
many visits in one statement: before each step, in the round, and just before a push.

    add_exit(Exit("coupon_used", said("券已使用", …), gone=_is_used))

Examples: `triggers/joined.py`, `triggers/purchase.py`, `triggers/segment.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import Session

from models.base import Texts
from models.local_day import TAIPEI, local_day

Params = Mapping[str, Any]
"""What a definition says beside `on`, checked and with the defaults filled in."""
USUAL_DAY_TIME = time(10, 0)
"""When in Taipei a cause that is a day counts, unless the definition says `from_time`."""


@dataclass(frozen=True)
class Param:
    """One word a definition may say to a trigger or an exit.

    Kinds: integer, boolean, text (1–60 characters), code (same, one of `choices` where the shop
    has such), codes (a list of them), segment (the code of one).
    """

    name: str
    kind: Literal["integer", "boolean", "text", "code", "codes", "segment"]
    labels: Texts
    required: bool = False
    usual: Any = None
    minimum: int = 0
    maximum: int = 2_000_000_000
    choices: Callable[[Session], Mapping[str, Texts]] | tuple[str, ...] | None = None


@dataclass(frozen=True)
class Span:
    """Where to look for causes: of which journey, from when on, until now."""

    journey_code: str
    since: datetime
    now: datetime
    from_time: time = USUAL_DAY_TIME
    marks: Mapping[str, int] = field(default_factory=dict)

    @property
    def today(self) -> date:
        """Return the Taipei day of now."""
        return local_day(self.now)

    def after_id(self, table: str) -> int:
        """Return the id up to which a table was looked through for good; 0 where it was not."""
        return self.marks.get(table, 0)

    def days(self) -> list[date]:
        """Return the days whose moment (`from_time` in Taipei) lies in the span, in order."""
        day, found = local_day(self.since), []
        while day <= self.today:
            if self.since <= self.moment_of(day) <= self.now:
                found.append(day)
            day += timedelta(days=1)
        return found

    def moment_of(self, day: date) -> datetime:
        """Return when a cause that is a day counts as happened."""
        return datetime.combine(day, self.from_time, TAIPEI)


Causes = Callable[[Session, Params, Span], Select[Any] | None]
"""Returns `SELECT member_id, key, at, facts`, or None where there can be none now."""
Prepare = Callable[[Session, Params, Span], None]
"""Takes down what the causes are read from (the segment trigger: who is in it)."""
Gone = Callable[[Session, Params, datetime], ColumnElement[bool]]
"""Returns the condition over `JourneyVisit` under which the reason is gone; NULL counts as no."""


@dataclass(frozen=True)
class Trigger:
    """What starts a journey; see the module's words."""

    code: str
    names: Texts
    causes: Causes
    params: tuple[Param, ...] = ()
    reads: tuple[str, ...] = ()
    """Tables whose ids the causes go by; their marks follow once nobody writes below any more.

    Only of a trigger that is asked each round.
    """
    every: timedelta = timedelta(0)
    """How often it is asked at most; zero is each round (a minute)."""
    facts: tuple[str, ...] = ()
    """Names of the facts it tells: what waits, conditions and contents may name."""
    prepare: Prepare | None = None
    """Run before the causes are asked, and once when the journey is switched on."""


@dataclass(frozen=True)
class Exit:
    """Why a visit ends before its end."""

    code: str
    names: Texts
    gone: Gone
    params: tuple[Param, ...] = ()


TRIGGERS: dict[str, Trigger] = {}
EXITS: dict[str, Exit] = {}


def add_trigger(trigger: Trigger) -> Trigger:
    """Put a trigger into the registry, at import; each code is there once."""
    assert trigger.code not in TRIGGERS, trigger.code
    assert not (trigger.reads and trigger.every), "marks go on with each round"
    TRIGGERS[trigger.code] = trigger
    return trigger


def add_exit(leaving: Exit) -> Exit:
    """Put an exit into the registry, at import; each code is there once."""
    assert leaving.code not in EXITS, leaving.code
    EXITS[leaving.code] = leaving
    return leaving


def usual_params(params: Sequence[Param]) -> dict[str, Any]:
    """Return what holds where a definition says nothing."""
    return {each.name: each.usual for each in params if not each.required}
