"""The set-up, step by step (D-06): what the shop decided at each, so that it can be taken up again.

The steps follow the shop's own order of thinking: what it wants, what a member brings, which tiers
that makes, what it runs on, how members learn of it, and what is looked at afterwards.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.audit import note
from models.base import Base, BusinessError, Moment, one_of
from models.staff import Staff

GOAL, VALUE, TIERS, PLATFORM, PROMOTE, IMPROVE = STEPS = (
    "goal",
    "value",
    "tiers",
    "platform",
    "promote",
    "improve",
)
GOALS = ("return", "spend", "win_back", "recruit", "own_data")
"""What a membership may be for; one is the first."""
PLATFORM_POINTS = ("budget", "scale", "one_place", "easy")
"""What a platform is judged by: its cost, its growth, no islands of data, and easy to use."""
LONGEST_ANSWER = 500
MOST_ANSWERS = 12


class SetupChoice(Base):
    """What was decided at one step, by whom and when; deciding again replaces it."""

    __tablename__ = "setup_choice"
    __table_args__ = (CheckConstraint(one_of("step", STEPS), name="step_known"),)

    step: Mapped[str] = mapped_column(primary_key=True)
    told: Mapped[dict[str, Any]] = mapped_column(JSONB)
    set_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    set_at: Mapped[Moment]


class SetupRefused(BusinessError):
    """The step is none of the set-up, or its answers are too long."""

    code = "setup_refused"


def choose_setup(
    session: Session, step: str, told: Mapping[str, Any], *, by: Staff, now: datetime
) -> None:
    """Keep what was decided at a step. Raises SetupRefused."""
    if step not in STEPS or len(told) > MOST_ANSWERS:
        raise SetupRefused(step=step[:20])
    if any(len(str(answer)) > LONGEST_ANSWER for answer in told.values()):
        raise SetupRefused(step=step, longest=LONGEST_ANSWER)
    kept = {"told": dict(told), "set_by": by.id, "set_at": now}
    session.execute(
        insert(SetupChoice)
        .values(step=step, **kept)
        .on_conflict_do_update(index_elements=["step"], set_=kept)
    )
    note(session, "setup.choose", f"setup:{step}", now=now, staff_id=by.id)


def list_choices(session: Session) -> dict[str, SetupChoice]:
    """Return what was decided, by step; a step nobody came to is not in it."""
    return {
        row.step: row
        for row in session.scalars(select(SetupChoice).execution_options(populate_existing=True))
    }
