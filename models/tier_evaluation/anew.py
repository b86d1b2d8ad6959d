"""A member's tier worked out anew: from all their sales, on from the last tier given by hand."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session, aliased

from models.local_day import local_day
from models.programme import Programme
from models.tier import Held, Sale, Step, TierChange, walk

GRANT = "grant"
GRANT_RULES = (GRANT, "import", "merge")
"""What may give a tier without the sales that would; a replay begins from the last."""
GRANT_UNDONE = "grant_undone"
"""What takes a tier given by hand back: `undoes` names the change, and no replay sees either."""


def replay_member(
    session: Session,
    programme: Programme,
    member_id: int,
    sales: Sequence[Sale],
    today: date,
    *,
    leaving_out: int | None = None,
) -> tuple[Held, Sequence[Step]] | None:
    """Go through sales and nights anew, from the last grant; None where not money alone decides.

    `leaving_out` is the id of a grant that is being taken back.
    """
    began = sales[0][0] if sales else today
    granted = _last_grant(session, programme, member_id, leaving_out)
    first = max(began, granted[1]) if granted else began
    if not programme.ladder.on(today).is_money or not _all_money(programme, first, today):
        return None
    if granted is not None:
        state, first = granted
    else:
        state = Held(programme.tiers[0], None)
    return walk(programme.ladder, sales, state, first=first, today=today)


def _all_money(programme: Programme, first: date, today: date) -> bool:
    in_force = [
        rules for rules in programme.ladder.versions if first <= rules.effective_on <= today
    ]
    return all(rules.is_money for rules in [programme.ladder.on(first), *in_force])


def _last_grant(
    session: Session, programme: Programme, member_id: int, leaving_out: int | None
) -> tuple[Held, date] | None:
    """Return the last tier given by hand, and the day after which sales go on from it."""
    change = session.scalars(
        select(TierChange)
        .where(TierChange.member_id == member_id, is_grant(), TierChange.id != (leaving_out or 0))
        .order_by(TierChange.id.desc())
        .limit(1)
    ).one_or_none()
    if change is None:
        return None
    return held_by(programme, change), local_day(change.changed_at)


def is_grant() -> ColumnElement[bool]:
    """Tell of a change of tier, in SQL, whether it gave one without sales and still stands."""
    undoing = aliased(TierChange)
    is_undone = (
        select(undoing.id)
        .where(
            undoing.member_id == TierChange.member_id,
            undoing.reason["rule"].as_string() == GRANT_UNDONE,
            undoing.reason["undoes"].as_integer() == TierChange.id,
        )
        .exists()
    )
    return and_(TierChange.reason["rule"].as_string().in_(GRANT_RULES), ~is_undone)


def held_by(programme: Programme, grant: TierChange) -> Held:
    """Return the tier that a grant gave, and until when."""
    tier, kept = programme.tier(grant.to_tier_id), grant.reason.get("kept_until")
    if kept:
        return Held(tier, date.fromisoformat(kept))
    day = local_day(grant.changed_at)
    return Held(tier, programme.ladder.on(day).kept_until(tier, day))
