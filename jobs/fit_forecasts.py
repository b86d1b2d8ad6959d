"""By night: fit the predictions anew, write everybody's forecasts, list whom to call."""

from datetime import datetime

from models.base import Sessions
from models.care_task import make_care_tasks


def fit_forecasts(sessions: Sessions, *, now: datetime) -> int:
    """Foretell what members will buy, and make the care tasks that follow; return how many.

    Readers see the last forecasts until all new ones are there. Safe to run twice: a day has one
    fit, and who has a task, or was drawn to get none, is not drawn again for a while.
    """
    from models.prediction import fitting  # The numerics, which no other job needs.

    fit = fitting.fit_forecasts(sessions, now=now)
    if fit.refused is not None:
        return 0
    with sessions.begin() as session:
        return make_care_tasks(session, now)
