"""What the steps do, each to many visits of one step at once; every effect under a key of its own.

A function takes the part and the visits that stand at its step, and lets each go, wait or leave.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select

from models.base import BusinessError, among
from models.campaign.arm import PARTS, position_of
from models.coupon import CouponTemplate
from models.coupon.bulk import issue_many
from models.journey.part import Part
from models.journey.sending import send
from models.journey.step import (
    NO,
    OTHERWISE,
    SENDS,
    YES,
    FactAsked,
    MayWrite,
    Step,
)
from models.journey.stepping import USUAL_TASK_DAYS
from models.journey.table import DONE, JourneyTask
from models.journey.waiting import due_of, live_facts
from models.journey.walker import Walker
from models.local_day import local_day
from models.member import Member
from models.outreach import reasons_not_to_write
from models.segment import Context, Rule, members_of
from models.tag import get_tag, give_tag, take_tag

Act = Callable[[Part, Step, Sequence[Walker]], None]


def act(part: Part, step: Step, walkers: Sequence[Walker]) -> None:
    """Do a step for all visits that stand at it."""
    _ACTS[step.do](part, step, walkers)


def _wait(part: Part, step: Step, walkers: Sequence[Walker]) -> None:
    wait = step.wait
    assert wait is not None, "a wait step is read so"
    live = live_facts(
        part.session, {wait.fact or ""}, [each.member_id for each in walkers], part.now
    )
    for walker in walkers:
        due = due_of(wait, walker, walker.facts | live.get(walker.member_id, {}))
        if due is not None and due > part.now:
            walker.wait(due)
        elif (due is not None and due > walker.step_at) or not wait.exits_if_past:
            walker.go(step.onwards, "waited" if due is not None else "unknown")
        else:
            walker.leave("too_late")


def _condition(part: Part, step: Step, walkers: Sequence[Walker]) -> None:
    holding = _who_holds(part, step, walkers)
    for walker in walkers:
        branch = YES if walker.id in holding else NO
        walker.go(step.branches[branch], branch)


def _who_holds(part: Part, step: Step, walkers: Sequence[Walker]) -> set[int]:
    """Return for which visits the condition holds."""
    asked, ids = step.condition, {each.member_id for each in walkers}
    if isinstance(asked, FactAsked):
        return _who_knows(part, asked, walkers)
    if isinstance(asked, Rule):
        inside = members_of(asked, Context(part.session, part.now)).where(among(Member.id, ids))
        yes = set(part.session.scalars(inside))
    else:
        assert isinstance(asked, MayWrite), "a condition is read so"
        held = reasons_not_to_write(
            part.session,
            ids,
            kind=asked.purpose or part.definition.kind,
            source=part.source_of(step.id),
            priority=part.definition.priority,
            now=part.now,
            is_last_word=False,
        )
        yes = ids - set(held)
    return {each.id for each in walkers if each.member_id in yes}


def _who_knows(part: Part, asked: FactAsked, walkers: Sequence[Walker]) -> set[int]:
    members = [each.member_id for each in walkers]
    live = live_facts(part.session, {asked.fact}, members, part.now)
    return {
        each.id
        for each in walkers
        if _compare(
            asked, each.facts.get(asked.fact) or live.get(each.member_id, {}).get(asked.fact)
        )
    }


def _compare(asked: FactAsked, told: Any) -> bool:
    if asked.operator == "known":
        return told is not None
    if asked.operator in ("is", "is_not"):
        return bool(told == asked.value) == (asked.operator == "is")
    if not isinstance(told, int | float):
        return False
    most = float(asked.value)
    return told >= most if asked.operator == "at_least" else told <= most


def _split(part: Part, step: Step, walkers: Sequence[Walker]) -> None:
    """Send everybody down their arm, the same one whenever they come by."""
    position = position_of(f"{part.code}:{step.id}")
    members = {each.member_id for each in walkers}
    found = part.session.execute(select(Member.id, position).where(among(Member.id, members)))
    positions = dict(found.all())
    for walker in walkers:
        arm = _arm_at(step, positions[walker.member_id])
        walker.go(step.branches[arm], arm)


def _arm_at(step: Step, position: int) -> str:
    """Return the arm of a position, 0 to 9,999."""
    ends, arms = 0, list(step.branches)
    for arm, share in zip(arms, step.shares, strict=True):
        ends += share * PARTS // 100
        if position < ends:
            return arm
    return arms[-1]


def _coupon(part: Part, step: Step, walkers: Sequence[Walker]) -> None:
    """Give each a coupon, and tell the visit of it; who gets none goes the other way, if any."""
    told = step.words["template"]
    fact = told["fact"] if isinstance(told, Mapping) else None
    codes = {each.id: each.facts.get(fact) if fact else told for each in walkers}
    for code in sorted({str(code) for code in codes.values()}):
        chosen = [each for each in walkers if str(codes[each.id]) == code]
        _give_coupons(part, step, code, chosen)


def _give_coupons(part: Part, step: Step, code: str, walkers: Sequence[Walker]) -> None:
    template = part.session.scalars(
        select(CouponTemplate).where(CouponTemplate.code == code)
    ).one_or_none()
    keys = {each.member_id: each.key_of(step.words) for each in walkers}
    given = issue_many(part.session, template, keys, part.now) if template is not None else {}
    for walker in walkers:
        words = given.get(walker.member_id)
        if words is None:
            walker.go(step.branches.get(OTHERWISE, step.onwards), "no_coupon")
            continue
        walker.facts |= {
            "coupon_id": int(words["id"]),
            "coupon_ends_on": words["valid_until"],
            "template": code,
        }
        walker.go(step.onwards, "given")


def _tag(part: Part, step: Step, walkers: Sequence[Walker]) -> None:
    gives = "give" in step.words
    tag = get_tag(part.session, step.words["give" if gives else "take"])
    days = step.words.get("days")
    until = part.now + timedelta(days=days) if days else None
    for walker in walkers:
        try:
            if gives:
                source = f"journey:{part.code}"
                give_tag(
                    part.session,
                    walker.member_id,
                    tag,
                    source=source,
                    now=part.now,
                    expires_at=until,
                )
            else:
                take_tag(part.session, walker.member_id, tag, now=part.now)
        except BusinessError as refused:  # Too many tags, or one that a segment brings again.
            walker.go(step.onwards, refused.code)
        else:
            walker.go(step.onwards, "done")


def _task(part: Part, step: Step, walkers: Sequence[Walker]) -> None:
    due_on = local_day(part.now) + timedelta(days=step.words.get("days", USUAL_TASK_DAYS))
    rows = [
        {
            "visit_id": each.id,
            "member_id": each.member_id,
            "what": step.words["what"],
            "made_at": part.now,
            "due_on": due_on,
        }
        for each in walkers
    ]
    part.session.execute(insert(JourneyTask), rows)
    for walker in walkers:
        walker.go(step.onwards, "left")


def _exit(part: Part, step: Step, walkers: Sequence[Walker]) -> None:
    for walker in walkers:
        walker.leave(step.words["reason"], state=DONE)


_ACTS: Mapping[str, Act] = {
    "wait": _wait,
    "condition": _condition,
    "split": _split,
    "coupon": _coupon,
    "tag": _tag,
    "task": _task,
    "exit": _exit,
} | dict.fromkeys(SENDS, send)
