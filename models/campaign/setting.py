"""Who may do what with campaigns, and above how many messages a second person must approve."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.campaign.refusals import CampaignRefused, NotTheirCampaign
from models.campaign.table import USUAL_APPROVE_ABOVE, CampaignSetting
from models.staff import MANAGING_ROLES, NoSuchStaff, Staff, get_staff_by_username

ROLES = ("owner", "manager", "marketer")
APPROVING_ROLES = MANAGING_ROLES
MOST_UNAPPROVED = 10_000_000
MACHINE = ":"
"""A colon marks what is no login: `api:<key>`, `system:<job>`; staff never have one."""


def approve_above(session: Session) -> int:
    """Return up to how many messages one person may send alone."""
    newest = select(CampaignSetting.approve_above).order_by(CampaignSetting.id.desc()).limit(1)
    found = session.scalar(newest)
    return USUAL_APPROVE_ABOVE if found is None else found


def set_approve_above(session: Session, messages: int, *, by: str, now: datetime) -> None:
    """Let one person send so many messages alone. Raises CampaignRefused, NotTheirCampaign."""
    if not 0 <= messages <= MOST_UNAPPROVED:
        raise CampaignRefused("approve_above", messages, (f"0 – {MOST_UNAPPROVED}",))
    person = check_person(session, by, APPROVING_ROLES)
    session.add(CampaignSetting(approve_above=messages, set_by=person, set_at=now))
    session.flush()


def check_person(session: Session, by: str, roles: tuple[str, ...] = ROLES) -> str:
    """Return a person's login as campaigns keep it. A machine may do what every role may.

    Raises NotTheirCampaign where nobody has this login, or their role does not include it.
    """
    login = by.strip().lower()
    if MACHINE in login and set(roles) >= set(ROLES):
        return login
    try:
        staff: Staff | None = get_staff_by_username(session, login)
    except NoSuchStaff:
        staff = None
    if staff is None or not staff.is_active or staff.role not in roles:
        raise NotTheirCampaign(by=by, why="role", roles=list(roles))
    return login
