"""What may be asked of missions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.activity import Mission
from models.activity.giving import reward_words
from models.base import in_language
from models.local_day import local_day
from models.member import Member
from models.mission.counting import period_of
from models.mission.table import MissionAward, MissionProgress
from models.programme import get_programme


@dataclass(frozen=True)
class Standing:
    """One mission as one member sees it."""

    mission: Mission
    done: int
    rounds_done: int
    things: tuple[str, ...] = ()

    @property
    def is_finished(self) -> bool:
        """Tell whether nothing is left to do in it."""
        return self.rounds_done >= self.mission.rounds

    def words(self, session: Session, language: str) -> dict[str, Any]:
        """Return it as plain facts for a card; days are ISO."""
        mission = self.mission
        return {
            "code": mission.code,
            "name": in_language(mission.name, language),
            "kind": mission.kind,
            "event": mission.event,
            "period": mission.period,
            "goal": mission.goal,
            "done": mission.goal if self.is_finished else self.done,
            "rounds": mission.rounds,
            "rounds_done": self.rounds_done,
            "things": self.things,
            "ends_at": mission.ends_at.isoformat() if mission.ends_at else None,
            "reward": reward_words(session, mission.brings, language),
        }


def list_missions(session: Session, member: Member, now: datetime) -> list[Standing]:
    """Return the missions the member may work on at `now`, with how far they are."""
    programme = get_programme(session)
    rank = programme.tier(member.tier_id).rank
    held = {
        row.mission_id: row
        for row in session.scalars(
            select(MissionProgress).where(MissionProgress.member_id == member.id)
        )
    }
    return [
        _standing(mission, held.get(mission.id), now)
        for mission in programme.activity.missions
        if mission.is_on(now) and mission.min_rank <= rank
    ]


def _standing(mission: Mission, held: MissionProgress | None, now: datetime) -> Standing:
    if held is None:
        return Standing(mission, 0, 0)
    is_broken = _is_broken(mission, held, now)
    return Standing(
        mission, 0 if is_broken else held.done, held.round - 1, tuple(sorted(held.things))
    )


def _is_broken(mission: Mission, held: MissionProgress, now: datetime) -> bool:
    """Tell whether a streak can no longer go on: a day or week has passed without anything."""
    period = period_of(mission, local_day(now))
    return period is not None and held.period is not None and held.period < period - 1


def count_awards(session: Session) -> dict[str, tuple[int, int]]:
    """Return by mission code how many rounds were completed, and how many of them taken back."""
    rows = session.execute(
        select(Mission.code, func.count(MissionAward.id), func.count(MissionAward.taken_back_at))
        .join(MissionAward, MissionAward.mission_id == Mission.id, isouter=True)
        .group_by(Mission.id)
        .order_by(Mission.place, Mission.id)
    )
    return {code: (completed, taken) for code, completed, taken in rows}
