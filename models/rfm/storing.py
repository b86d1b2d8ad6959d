"""The cut-offs of each day, kept as they were, so that a score of then can be explained."""

from datetime import date

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from models.rfm.measuring import Cut, Cuts
from models.rfm.setting import RfmSettings
from models.rfm.table import RfmCut


def keep_cuts(session: Session, day: date, settings: RfmSettings, cuts: Cuts, buyers: int) -> None:
    """Keep a day's cut-offs in the place of those kept for it before; without buyers, none."""
    session.execute(delete(RfmCut).where(RfmCut.day == day))
    if not cuts:
        return
    session.execute(
        insert(RfmCut),
        [
            {
                "day": day,
                "dimension": name,
                "method": settings.cuts[name].method,
                "high": cut.high,
                "buyers": buyers,
                "setting_id": settings.version,
            }
            | {f"step_{place}": step for place, step in enumerate(cut.steps, start=1)}
            for name, cut in cuts.items()
        ],
    )


def cuts_of(session: Session, day: date) -> Cuts:
    """Return the cut-offs kept of the newest day up to `day`; empty where there is none."""
    rows = session.scalars(
        select(RfmCut).where(
            RfmCut.day
            == select(RfmCut.day)
            .where(RfmCut.day <= day)
            .order_by(RfmCut.day.desc())
            .limit(1)
            .scalar_subquery()
        )
    )
    return {
        row.dimension: Cut((row.step_1, row.step_2, row.step_3, row.step_4), row.high)
        for row in rows
    }
