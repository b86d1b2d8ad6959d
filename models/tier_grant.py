"""A tier by hand: foreseen, given with a reason, and taken back within a month.

It stands as one that was earned: sales lift from it, and on the day it is kept until the night
keeps it for another time where the figures reach it, else it falls to what they give. A replay of
the member's sales after a refund begins from it. Nobody is put below what their figures give: the
next night would only lift them again.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import benefit
from models.audit import note
from models.base import BusinessError
from models.fraud import check_own_card
from models.identity import ReasonMissing
from models.leaving import refuse_gone
from models.local_day import local_day
from models.member import Member
from models.programme import Programme, get_programme
from models.purchase import standing_of
from models.staff import Staff
from models.tier import CALENDAR, Held, Rules, Tier, TierChange, note_change
from models.tier_evaluation import grant_tier
from models.tier_evaluation.anew import GRANT, GRANT_UNDONE, replay_member
from models.tier_evaluation.figures import list_sales
from models.tier_evaluation.moving import Occasion, hold, tell
from models.tier_evaluation.upgrade import name_message, void_upgrades

MOST_KEPT_DAYS = 1825
"""So long at most is a tier given by hand kept before it is looked at again."""
UNDO_DAYS = 30


class GrantRefused(BusinessError):
    """A tier cannot be given so; `why`: unknown, not_in_force, earned, until, same, moved."""

    code = "tier_grant_refused"


class GrantOver(BusinessError):
    """There is no tier given by hand that could still be taken back."""

    code = "tier_grant_over"


@dataclass(frozen=True)
class Grant:
    """What would come of a tier given by hand."""

    before: Tier
    was_kept_until: date | None
    tier: Tier
    kept_until: date | None
    """The first day on which it is looked at again; None for ever, or on the lowest."""
    earned: Tier
    """What the figures of today give: where the member falls to when it is over, as things are."""
    gained: tuple[benefit.Held, ...]
    lost: tuple[benefit.Held, ...]


def foresee_grant(
    session: Session, member: Member, tier_code: str, kept_until: date | None, now: datetime
) -> Grant:
    """Work out what giving a tier would bring; without a day it is kept as long as an earned one.

    Raises GrantRefused.
    """
    programme, today = get_programme(session), local_day(now)
    rules, before = programme.ladder.on(today), programme.tier(member.tier_id)
    tier = _find_tier(programme, rules, tier_code)
    if tier.rank == 0:
        kept_until = None
    elif kept_until is None:
        kept_until = rules.kept_until(tier, today)
    elif not today < kept_until <= today + timedelta(days=MOST_KEPT_DAYS):
        raise GrantRefused(why="until", most_days=MOST_KEPT_DAYS)
    earned = _earned(session, member, programme, rules, today)
    if tier.rank < earned.rank:
        raise GrantRefused(why="earned", tier=earned.name)
    if (tier.id, kept_until) == (before.id, member.tier_kept_until):
        raise GrantRefused(why="same")
    plan = benefit.paid_plan(member, now)
    had = benefit.benefits_of(programme, before.id, plan, day=today)
    has = benefit.benefits_of(programme, tier.id, plan, day=today)
    return Grant(
        before,
        member.tier_kept_until,
        tier,
        kept_until,
        earned,
        gained=_without(has, had),
        lost=_without(had, has),
    )


def _find_tier(programme: Programme, rules: Rules, code: str) -> Tier:
    found = next((tier for tier in programme.tiers if tier.code == code), None)
    if found is None:
        raise GrantRefused(why="unknown")
    if found.id not in {tier.id for tier in rules.tiers}:
        raise GrantRefused(why="not_in_force")
    return found


def _earned(
    session: Session, member: Member, programme: Programme, rules: Rules, today: date
) -> Tier:
    """Return the step that a night of today would give; by calendar years last year's counts too"""
    reached = rules.tier_at(standing_of(session, member, programme, today).value)
    if rules.basis != CALENDAR:
        return reached
    last_year = today.year - 1
    spent = sum(net for day, net in list_sales(session, member.id) if day.year == last_year)
    return max(reached, rules.tier_at(spent), key=lambda tier: tier.rank)


def _without(these: list[benefit.Held], those: list[benefit.Held]) -> tuple[benefit.Held, ...]:
    known = {(held.row.kind, held.terms) for held in those}
    return tuple(held for held in these if (held.row.kind, held.terms) not in known)


def give_tier(
    session: Session,
    member: Member,
    tier_code: str,
    kept_until: date | None,
    *,
    staff: Staff,
    reason: str,
    idempotency_key: str,
    now: datetime,
    was: str | None = None,
    tells: bool = False,
) -> TierChange:
    """Give a tier by hand and return the change; a key seen before returns its change.

    `was` is the code of the tier that the asker saw: another by now is refused. `tells` owes the
    member the message of an earned step. Raises GrantRefused, ReasonMissing, OwnCard, AlreadyLeft.
    """
    session.refresh(member, with_for_update=True)
    made = _find_given(session, member.id, idempotency_key)
    if made is not None:
        return made
    refuse_gone(member)
    check_own_card(staff, member)
    if not reason.strip():
        raise ReasonMissing
    programme = get_programme(session)
    if was is not None and programme.tier(member.tier_id).code != was:
        raise GrantRefused(why="moved")
    foreseen = foresee_grant(session, member, tier_code, kept_until, now)
    change = grant_tier(
        session,
        member,
        foreseen.tier,
        foreseen.kept_until,
        rule=GRANT,
        programme=programme,
        now=now,
        idempotency_key=idempotency_key,
    )
    assert change is not None, "the same tier until the same day is refused above"
    _note(session, "tier.grant", member, foreseen.before, change, staff, reason.strip(), now)
    if tells and foreseen.tier.id != foreseen.before.id:
        _tell(Occasion(session, programme, now), member, foreseen.before, change)
    return change


def _find_given(session: Session, member_id: int, idempotency_key: str) -> TierChange | None:
    return session.scalars(
        select(TierChange).where(
            TierChange.member_id == member_id,
            TierChange.reason["key"].as_string() == idempotency_key,
        )
    ).one_or_none()


def find_undoable_grant(session: Session, member: Member, now: datetime) -> TierChange | None:
    """Return the tier given by hand that can still be taken back: the newest move, a month long."""
    newest = session.scalars(
        select(TierChange)
        .where(TierChange.member_id == member.id)
        .order_by(TierChange.id.desc())
        .limit(1)
    ).one_or_none()
    if newest is None or newest.reason.get("rule") != GRANT:
        return None
    return newest if newest.changed_at > now - timedelta(days=UNDO_DAYS) else None


def undo_grant(
    session: Session, member: Member, change_id: int, *, staff: Staff, now: datetime
) -> TierChange:
    """Take back a tier given by hand, as if it had never been; return the change that does.

    The member gets what their sales give; where not money alone decides, what was held before, or
    more where the figures reach it. Gifts not yet used go. Raises GrantOver, OwnCard, AlreadyLeft.
    """
    session.refresh(member, with_for_update=True)
    refuse_gone(member)
    check_own_card(staff, member)
    given = find_undoable_grant(session, member, now)
    if given is None or given.id != change_id:
        raise GrantOver
    at = Occasion(session, get_programme(session), now)
    held, state = at.programme.tier(member.tier_id), _without_grant(at, member, given)
    hold(member, state)
    change = note_change(
        member.id,
        held,
        state.tier,
        {"rule": GRANT_UNDONE, "undoes": given.id, "kept_until": _iso(state.kept_until)},
        now,
    )
    session.add(change)
    session.flush()
    void_upgrades(session, member.id, above=state.tier, programme=at.programme, now=now)
    _note(session, "tier.grant_undo", member, held, change, staff, None, now)
    return change


def _without_grant(at: Occasion, member: Member, given: TierChange) -> Held:
    sales = list_sales(at.session, member.id)
    replayed = replay_member(
        at.session, at.programme, member.id, sales, at.today, leaving_out=given.id
    )
    if replayed is not None:
        return replayed[0]
    rules = at.programme.ladder.on(at.today)
    until, before = given.reason.get("was_kept_until"), at.programme.tier(given.from_tier_id)
    earned = _earned(at.session, member, at.programme, rules, at.today)
    if earned.rank > before.rank:
        return Held(earned, rules.kept_until(earned, at.today))
    return Held(before, date.fromisoformat(until) if until else None)


def _tell(at: Occasion, member: Member, before: Tier, change: TierChange) -> None:
    if member.line_user_id is not None:
        rules, tier = at.programme.ladder.on(at.today), at.programme.tier(change.to_tier_id)
        name_message(at.session, member.id, tier, rules, f"tier_change:{change.id}")
    tell(at, member, before, change)


def _note(
    session: Session,
    what: str,
    member: Member,
    before: Tier,
    change: TierChange,
    staff: Staff,
    reason: str | None,
    now: datetime,
) -> None:
    after = get_programme(session).tier(change.to_tier_id)
    note(
        session,
        what,
        f"member:{member.id}",
        now=now,
        staff_id=staff.id,
        before={"tier": before.code},
        after={"tier": after.code, "kept_until": change.reason.get("kept_until")},
        reason=reason,
    )


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
