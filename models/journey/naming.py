"""Checking that the shop has what a definition names: segments, coupons, tags, surveys."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.content import check_content
from models.coupon import CouponTemplate
from models.journey.definition import Definition
from models.journey.refusals import NameUnknown, moved_under
from models.journey.step import Step
from models.journey.trigger import Param
from models.segment.codes import check_codes
from models.segment.refusals import RuleRefused, nearest
from models.segment.rule import Rule
from models.segment.table import Segment
from models.tag.table import Tag


def check_names(session: Session, definition: Definition) -> None:
    """Raise NameUnknown, or the refusal of a rule or a content, where the shop has no such thing.

    A handful of small queries.
    """
    for check in _checks(session, definition):
        check()


def list_unknown(session: Session, definition: Definition) -> list[RuleRefused]:
    """Return what `check_names` would raise, of every place and not the first alone."""
    found = []
    for check in _checks(session, definition):
        try:
            check()
        except RuleRefused as refused:
            found.append(refused)
    return found


def _checks(session: Session, definition: Definition) -> Iterator[Callable[[], object]]:
    for param, value, path in _params(definition):
        yield partial(_check_param, session, param, value, path)
    for place, step in enumerate(definition.steps.values()):
        path = f"steps[{place}]"
        if isinstance(step.condition, Rule):
            asked = partial(check_codes, session, step.condition)
            yield partial(_placed, f"{path}.if.rule", asked)
        if step.id in definition.contents:
            inner = f"{path}.content" if step.do == "send" else path
            content = partial(check_content, session, definition.contents[step.id])
            yield partial(_placed, inner, content)
        yield partial(_check_step, session, step, path)


def _params(definition: Definition) -> Iterator[tuple[Param, Any, str]]:
    """Yield what trigger and exits were told, with its place."""
    cause = definition.cause
    for param in cause.trigger.params:
        yield param, cause.params.get(param.name), f"trigger.{param.name}"
    for place, leaving in enumerate(definition.exits):
        for param in leaving.exit.params:
            yield param, leaving.params.get(param.name), f"exit_when[{place}].{param.name}"


def _check_param(session: Session, param: Param, value: Any, path: str) -> None:
    if value is None:
        return
    known: Sequence[str] | None = None
    if param.kind == "segment":
        known = session.scalars(select(Segment.code).where(Segment.archived_at.is_(None))).all()
    elif callable(param.choices):
        known = list(param.choices(session))
    if known is not None:
        for one in value if isinstance(value, list) else [value]:
            _check(one, known, path)


def _placed(path: str, check: Callable[[], object]) -> None:
    """Check a part that has places of its own; its refusal tells the place in the whole."""
    try:
        check()
    except RuleRefused as refused:
        raise moved_under(path, refused) from refused


def _check_step(session: Session, step: Step, path: str) -> None:
    words: Mapping[str, Any] = step.words
    if step.do == "coupon" and isinstance(words["template"], str):
        given = session.scalars(select(CouponTemplate.code).where(CouponTemplate.is_active)).all()
        _check(words["template"], given, f"{path}.template")
    if step.do == "tag":
        word = "give" if "give" in words else "take"
        tags = session.scalars(select(Tag.code).where(Tag.archived_at.is_(None))).all()
        _check(words[word], tags, f"{path}.{word}")


def _check(code: str, known: Sequence[str], path: str) -> None:
    if code not in known:
        raise NameUnknown(path, code, nearest(code, known))
