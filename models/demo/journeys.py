"""The demo's journeys: every template switched on, and the shop's own days in the calendar."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.festival import ANNIVERSARY, OWN_NAMES, THANKS_MONTH, keep_festival
from models.journey.templates import TEMPLATES, install_template

BY = "demo"
OWN_DAYS = {ANNIVERSARY: (3, 20, 3), THANKS_MONTH: (11, 1, 30)}
"""Month, day and how many days."""


def add_journeys(session: Session, now: datetime) -> None:
    """Install every template as an active journey: causes from now on start members."""
    for code, (month, day, days) in OWN_DAYS.items():
        names = OWN_NAMES[code]
        keep_festival(session, code, names, month=month, day=day, days=days, by=BY, now=now)
    for code in TEMPLATES:
        install_template(session, code, by=BY, now=now)
