"""Why a member is in a segment, or not: every question with what was asked and what was found (X5).

One statement reads all of it, so that all facts are of one moment.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, true
from sqlalchemy.orm import Session

from models.member import Member, NoSuchMember
from models.segment.field import Context, Leaf
from models.segment.rule import Group, Node, Not, Rule

ERASED, MERGED = "erased", "merged"


@dataclass(frozen=True)
class Answer:
    """One question: what was asked, what was found, whether it holds, whether it decided."""

    leaf: Leaf
    found: Any
    holds: bool
    is_deciding: bool

    def as_json(self) -> dict[str, Any]:
        """Return the answer as an API tells it; days are ISO."""
        return {
            "path": self.leaf.path,
            "asked": self.leaf.as_json(),
            "found": _plain(self.found),
            "holds": self.holds,
            "is_deciding": self.is_deciding,
            "freshness": self.leaf.field.freshness,
        }


@dataclass(frozen=True)
class Explanation:
    """Why somebody is in a segment, or not, as of a moment and by one version of its rule."""

    member_id: int
    number: str
    is_in: bool
    as_of: datetime
    version: int | None
    """None for a rule that is not kept."""
    gone: str | None
    """`erased` or `merged` where the member is none any more, and so in no segment."""
    answers: tuple[Answer, ...]
    """One a question of the rule, in its order; none where the member is gone."""

    def deciding(self) -> list[Answer]:
        """Return the answers that decided, in the order of the rule."""
        return [answer for answer in self.answers if answer.is_deciding]

    def as_json(self) -> dict[str, Any]:
        """Return the explanation as an API tells it."""
        return {
            "number": self.number,
            "is_in": self.is_in,
            "as_of": self.as_of.isoformat(),
            "version": self.version,
            "gone": self.gone,
            "answers": [answer.as_json() for answer in self.answers],
        }


def explain_rule(
    session: Session, rule: Rule, member_id: int, now: datetime, *, version: int | None = None
) -> Explanation:
    """Ask one member every question of a rule, in one statement. Raises NoSuchMember."""
    context, leaves = Context(session, now), list(rule.leaves())
    columns: list[Any] = [Member.number, Member.erased_at, Member.merged_into_id]
    for place, leaf in enumerate(leaves):
        columns.append(leaf.field.fact(leaf, context).label(f"found_{place}"))
        columns.append(leaf.field.holds(leaf, context).is_(true()).label(f"holds_{place}"))
    row = session.execute(select(*columns).where(Member.id == member_id)).one_or_none()
    if row is None:
        raise NoSuchMember
    number, erased_at, merged_into_id, *answered = row
    gone = ERASED if erased_at is not None else MERGED if merged_into_id is not None else None
    if gone is not None:
        return Explanation(member_id, number, False, now, version, gone, ())
    answers = list(zip(leaves, answered[::2], answered[1::2], strict=True))
    verdicts = {leaf.path: holds for leaf, _, holds in answers}
    deciding = set(_deciding(rule.where, verdicts))
    return Explanation(
        member_id,
        number,
        _verdict(rule.where, verdicts),
        now,
        version,
        None,
        tuple(Answer(leaf, found, holds, leaf.path in deciding) for leaf, found, holds in answers),
    )


def _verdict(node: Node, verdicts: Mapping[str, bool]) -> bool:
    if isinstance(node, Leaf):
        return verdicts[node.path]
    if isinstance(node, Not):
        return not _verdict(node.node, verdicts)
    found = (_verdict(each, verdicts) for each in node.nodes)
    return all(found) if node.word == "all" else any(found)


def _deciding(node: Node, verdicts: Mapping[str, bool]) -> Iterator[str]:
    """Yield the paths of the questions without whose answers the verdict would not stand.

    Of an `all` that fails those that fail, of an `any` that holds those that hold; else all.
    """
    if isinstance(node, Leaf):
        yield node.path
    elif isinstance(node, Not):
        yield from _deciding(node.node, verdicts)
    else:
        yield from _deciding_of_group(node, verdicts)


def _deciding_of_group(group: Group, verdicts: Mapping[str, bool]) -> Iterator[str]:
    is_met = _verdict(group, verdicts)
    for each in group.nodes:
        if _verdict(each, verdicts) == is_met:
            yield from _deciding(each, verdicts)


def _plain(found: Any) -> Any:
    """Return a found fact as JSON takes it."""
    if isinstance(found, date):
        return found.isoformat()
    if isinstance(found, list):
        return [_plain(each) for each in found]
    return found if found is None or isinstance(found, bool | int | str) else int(found)
