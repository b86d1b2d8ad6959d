"""Moving a member between tiers: up with a sale, down by night, back with a refund.

Each is told the member under their row lock and leaves the reasons behind. A sale whose member is
not due costs no statement here.
"""

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from models.base import in_language
from models.local_day import day_start, local_day
from models.member import Member
from models.outbox import owe
from models.programme import Programme, get_programme
from models.purchase import Undone, lock_member, roll_window
from models.score import is_measured
from models.tier import (
    CALENDAR,
    Held,
    Sale,
    Standing,
    Step,
    Tier,
    TierChange,
    explain,
    note_change,
    walk,
)
from models.tier_evaluation.anew import GRANT_RULES, replay_member
from models.tier_evaluation.figures import (
    Holder,
    figures_for,
    figures_of,
    list_sales,
)
from models.tier_evaluation.upgrade import name_message, open_upgrade, void_upgrades


@dataclass(frozen=True)
class Occasion:
    """What every move is made with."""

    session: Session
    programme: Programme
    now: datetime

    @property
    def today(self) -> date:
        return local_day(self.now)


def lift(
    session: Session, holder: Holder, programme: Programme, today: date, paid_twd: int
) -> Sequence[Step]:
    """Lift a member by a sale of `paid_twd` their figures already count; return the steps taken.

    Sets `tier_id` and `tier_kept_until` of the holder. Costs no statement, but for a member whose
    tier is due today and whom no night has looked at: their sales are read and the nights done.
    Rules by metric or score are left to `lift_measured`, after the sale is written.
    """
    rules = programme.ladder.on(today)
    if is_measured(rules):
        return ()
    held = programme.tier(holder.tier_id)
    due = rules.due_on(held, holder.tier_kept_until)
    if due is not None and due <= today and rules.is_money:
        sales = [*list_sales(session, holder.id), (today, paid_twd)]
        return _catch_up(programme, holder, sales, first=due, today=today)
    figures = figures_of(holder)
    reached = rules.reached(figures)
    is_earned_again = rules.basis == CALENDAR and reached.rank == held.rank > 0
    if reached.rank > held.rank or is_earned_again or (due is not None and due <= today):
        if reached.rank < held.rank:
            return ()  # Tier points are due, but the night decides a fall.
        holder.tier_kept_until = rules.kept_until(reached, today)
    if reached.rank <= held.rank:
        return ()
    holder.tier_id = reached.id
    return (Step(today, held, reached, rules.value(figures)),)


def lift_late(
    session: Session, holder: Holder, programme: Programme, late: Sale, now: datetime
) -> Sequence[Step]:
    """Lift a member by a sale of an earlier day, told of only `now`; return the step taken.

    What was done since may have come out otherwise with it, so all the member's sales are gone
    through anew (two queries); nothing is taken away. The figures count the sale already. Where
    not money alone decides, they alone lift, as by a sale of today.
    """
    at = Occasion(session, programme, now)
    if is_measured(programme.ladder.on(at.today)):
        return ()
    sales = list(list_sales(session, holder.id))
    insort(sales, late, key=lambda sale: sale[0])
    replayed = replay_member(session, programme, holder.id, sales, at.today)
    if replayed is None:
        return lift(session, holder, programme, at.today, late[1])
    held, (state, steps) = programme.tier(holder.tier_id), replayed
    if state.tier.rank < held.rank:
        return ()
    hold(holder, state)
    if state.tier.id == held.id:
        return ()
    value = steps[-1].value if steps else programme.ladder.on(at.today).value(figures_of(holder))
    return (Step(at.today, held, state.tier, value),)


def keep_steps(
    session: Session,
    member_id: int,
    steps: Sequence[Step],
    programme: Programme,
    now: datetime,
    *,
    told_by: str | None = None,
    rule: str | None = None,
) -> list[TierChange]:
    """Write the reasons of steps taken, and begin the upgrade of the last one up.

    `told_by` is the outbox key of the message that tells of it.
    """
    changes = []
    for step in steps:
        rules = programme.ladder.on(step.on)
        reason = explain(rules, step.before, step.after, step.value, rule=rule)
        at = now if step.on >= local_day(now) else day_start(step.on)
        changes.append(note_change(member_id, step.before, step.after, reason, at))
    session.add_all(changes)
    session.flush()
    if steps and steps[-1].after.rank > steps[-1].before.rank:
        rules = programme.ladder.on(local_day(now))
        open_upgrade(session, member_id, steps[-1].after, rules, programme, now, told_by=told_by)
    return changes


def lift_measured(session: Session, member: Member, programme: Programme, now: datetime) -> bool:
    """Lift a member by metric or score at once; tell whether it did. Nothing under other rules.

    One statement where nothing changes. The member's row is locked by the caller.
    """
    at = Occasion(session, programme, now)
    rules = programme.ladder.on(at.today)
    if not is_measured(rules):
        return False
    held = programme.tier(member.tier_id)
    figures = figures_for(session, member, programme, at.today)
    reached = rules.reached(figures)
    if reached.rank <= held.rank:
        return False
    hold(member, Held(reached, rules.kept_until(reached, at.today)))
    _keep_and_tell(at, member, [Step(at.today, held, reached, rules.value(figures))])
    return True


def evaluate_member(session: Session, member_id: int, now: datetime) -> bool:
    """Do one member's nights up to today's; tell whether their tier changed.

    What was missed is made up night by night, so that a clock that stood still changes nothing.
    """
    today = local_day(now)
    locked, _ = lock_member(session, member_id, today)
    member, programme = locked.member, get_programme(session, locked.programme_version)
    was_on = member.spend_on
    roll_window(locked, today)
    at = Occasion(session, programme, now)
    if programme.ladder.on(today).is_money:
        steps = _do_nights(at, member, was_on)
    else:
        steps = _judge_measured(at, member)
    if not steps:
        return False
    _keep_and_tell(at, member, steps)
    return True


def _do_nights(at: Occasion, member: Member, was_on: date) -> Sequence[Step]:
    rules = at.programme.ladder.on(at.today)
    held = at.programme.tier(member.tier_id)
    due = rules.due_on(held, member.tier_kept_until)
    began = [day for day in at.programme.ladder.starts if was_on < day <= at.today]
    is_above = rules.reached(figures_of(member)).rank > held.rank
    if not began and not is_above and (due is None or due > at.today):
        return ()
    firsts = [*began, *([due] if due is not None else []), at.today]
    sales = list_sales(at.session, member.id)
    return _catch_up(at.programme, member, sales, first=min(firsts), today=at.today)


def _judge_measured(at: Occasion, member: Member) -> Sequence[Step]:
    """Judge by today's figure: what a metric or score was on other days is not to be known."""
    rules = at.programme.ladder.on(at.today)
    held = at.programme.tier(member.tier_id)
    figures = figures_for(at.session, member, at.programme, at.today)
    reached, due = rules.reached(figures), rules.due_on(held, member.tier_kept_until)
    is_due = due is not None and due <= at.today
    falls = is_due and due is not None and rules.falls_on(due) <= at.today
    if reached.rank > held.rank or falls or (is_due and reached.rank == held.rank):
        hold(member, Held(reached, rules.kept_until(reached, at.today)))
    if member.tier_id == held.id:
        return ()
    return (Step(at.today, held, reached, rules.value(figures)),)


def _catch_up(
    programme: Programme, holder: Holder, sales: Sequence[Sale], *, first: date, today: date
) -> Sequence[Step]:
    state = Held(programme.tier(holder.tier_id), holder.tier_kept_until)
    held, steps = walk(programme.ladder, sales, state, first=first, today=today)
    hold(holder, held)
    return steps if held.tier.id != state.tier.id else ()


def hold(holder: Holder, held: Held) -> None:
    """Write a tier and the day it is looked at again into a member's row."""
    holder.tier_id = held.tier.id
    holder.tier_kept_until = held.kept_until


def after_refund(session: Session, undone: Undone) -> None:
    """Give the member the tier their net sales give, worked out anew from all of them.

    No statement for members of the lowest tier: nothing can be taken from them. The member's
    running figures are those after the refund; its receipt tells of the change.
    """
    member, at = undone.member, Occasion(session, undone.programme, undone.now)
    held = at.programme.tier(member.tier_id)
    if held.rank == 0:
        return
    state = _deserved(at, member, held)
    was_kept_until = member.tier_kept_until
    if (state.tier.id, state.kept_until) == (held.id, was_kept_until):
        return
    hold(member, state)
    if state.tier.id == held.id:
        return
    rules = at.programme.ladder.on(at.today)
    step = Step(
        at.today,
        held,
        state.tier,
        rules.value(figures_for(session, member, at.programme, at.today)),
    )
    keep_steps(session, member.id, [step], at.programme, at.now, rule="refund")
    void_upgrades(session, member.id, above=state.tier, programme=at.programme, now=at.now)


def _deserved(at: Occasion, member: Member, held: Tier) -> Held:
    """Return what sales and grants give; where not money alone decides, today's figure."""
    rules = at.programme.ladder.on(at.today)
    sales = list_sales(at.session, member.id) if rules.is_money else []
    replayed = replay_member(at.session, at.programme, member.id, sales, at.today)
    if replayed is None:
        reached = rules.reached(figures_for(at.session, member, at.programme, at.today))
        if reached.rank >= held.rank:
            return Held(held, member.tier_kept_until)
        return Held(reached, rules.kept_until(reached, at.today))
    return replayed[0]


def grant_tier(
    session: Session,
    member: Member,
    tier: Tier,
    kept_until: date | None,
    *,
    rule: str,
    programme: Programme,
    now: datetime,
    idempotency_key: str | None = None,
) -> TierChange | None:
    """Give a tier that no sale gives (`rule`: grant, import, merge); None where it is held so.

    The member's row is locked by the caller. It is kept until `kept_until`, and by what sales do.
    """
    assert rule in GRANT_RULES
    held, was_kept_until = programme.tier(member.tier_id), member.tier_kept_until
    hold(member, Held(tier, kept_until))
    if (held.id, was_kept_until) == (tier.id, kept_until):
        return None
    reason: dict[str, Any] = {
        "rule": rule,
        "kept_until": kept_until.isoformat() if kept_until else None,
        "was_kept_until": was_kept_until.isoformat() if was_kept_until else None,
    }
    if idempotency_key is not None:
        reason["key"] = idempotency_key
    change = note_change(member.id, held, tier, reason, now)
    session.add(change)
    session.flush()
    if tier.rank > held.rank:
        rules = programme.ladder.on(local_day(now))
        open_upgrade(session, member.id, tier, rules, programme, now, told_by=None)
    return change


def _keep_and_tell(at: Occasion, member: Member, steps: Sequence[Step]) -> None:
    changes = keep_steps(at.session, member.id, steps, at.programme, at.now)
    if member.line_user_id is not None:
        rules = at.programme.ladder.on(at.today)
        name_message(at.session, member.id, steps[-1].after, rules, f"tier_change:{changes[-1].id}")
    tell(at, member, steps[0].before, changes[-1])


def tell(at: Occasion, member: Member, before: Tier, change: TierChange) -> None:
    """Owe the member the message of a change of tier, where they have LINE."""
    if member.line_user_id is None:
        return
    standing = standing_for(at.session, member, at.programme, at.today)
    is_up = standing.tier.rank > before.rank
    owe(
        at.session,
        member.line_user_id,
        "tier_up_notice" if is_up else "tier_down_notice",
        change_words(standing, before, member.language),
        language=member.language,
        idempotency_key=f"tier_change:{change.id}",
        now=at.now,
        member_id=member.id,
    )


def change_words(standing: Standing, before: Tier, language: str) -> dict[str, Any]:
    """Return the words of a message about a change of tier."""
    return {
        "previous": in_language(before.name, language),
        "standing": standing.words(language),
        "step": standing.tier.words(language, at_rank=standing.tier.rank),
    }


def standing_for(session: Session, member: Member, programme: Programme, today: date) -> Standing:
    """Return where a member whose figures are rolled to `today` stands, without the deadline."""
    return programme.standing(
        member.tier_id,
        figures_for(session, member, programme, today),
        first_counted_on=None,
        kept_until=member.tier_kept_until,
    )
