"""Setting missions up, and closing them. A mission's rules never change once members work on it."""

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.activity import Badge, Mission, note_rule_change
from models.activity.giving import check_reward
from models.base import BusinessError


class MissionRefused(BusinessError):
    """The mission contradicts itself, or its code is taken; `problem` names the rule."""

    code = "mission_refused"


def add_mission(session: Session, mission: Mission) -> Mission:
    """Add a mission and make every process know it. Raises MissionRefused or RewardRefused."""
    check_reward(session, mission.brings)
    try:
        with session.begin_nested():
            session.add(mission)
    except IntegrityError as error:
        diagnosis = getattr(error.orig, "diag", None)
        raise MissionRefused(problem=getattr(diagnosis, "constraint_name", None)) from error
    note_rule_change(session)
    return mission


def close_mission(session: Session, code: str) -> Mission:
    """Close a mission; what was won stays won. Raises NoResultFound for an unknown code."""
    mission = session.scalars(select(Mission).where(Mission.code == code)).one()
    mission.is_open = False
    note_rule_change(session)
    return mission


def add_badge(session: Session, badge: Badge) -> Badge:
    """Add a badge, or give the known one of this code another name and sign."""
    return session.merge(badge)
