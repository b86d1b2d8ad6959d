"""Facts: what content says of each member, read for many at once; its coupons are given here."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Row, SQLColumnExpression, select
from sqlalchemy.orm import Session

from models.base import among, in_language
from models.catalogue import list_bestsellers
from models.content.content import GIVEN, Content
from models.content.gallery import WAY
from models.coupon import Coupon, CouponTemplate, get_template
from models.coupon.bulk import issue_many, specimen_of
from models.favourite import MemberFavourite
from models.member import Member
from models.segment.field import Context, Leaf
from models.segment.fields import FIELDS
from models.survey import ask_survey, get_survey

BESTSELLERS = "bestsellers"
NO_SURVEY = 0
"""The asking that a test message shows; nobody's answer is taken for it."""


@dataclass(frozen=True)
class Facts:
    """What one member's message is drawn from: plain JSON values, days as ISO."""

    language: str = "zh-TW"
    values: Mapping[str, str | int] = field(default_factory=dict)
    """By the name of the variable; what is not known is absent."""
    coupons: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """By the template's code: the words of the member's own coupon."""
    surveys: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """By the survey's code: the words of the asking."""

    def as_json(self) -> dict[str, Any]:
        """Return the facts as an outbox row keeps them."""
        return {
            "language": self.language,
            "values": dict(self.values),
            "coupons": dict(self.coupons),
            "surveys": dict(self.surveys),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Facts":
        """Read what `as_json` wrote."""
        return cls(
            language=told["language"],
            values=told["values"],
            coupons=told["coupons"],
            surveys=told["surveys"],
        )


NO_FACTS = Facts()
"""For content that is the same for everybody."""


def facts_for(
    session: Session,
    content: Content,
    member_ids: Iterable[int],
    *,
    source: str,
    now: datetime,
    more: Mapping[int, Mapping[str, str | int]] | None = None,
    keys: Mapping[int, str] | None = None,
    coupons: Mapping[int, int] | None = None,
    is_test: bool = False,
) -> dict[int, Facts]:
    """Return each member's facts, giving the coupons and asking the surveys of the content.

    A handful of statements for some hundred members. What is given has the key
    `<source>:<code>:<member id>`, or `<key>:<code>` where the sender tells each member's `keys`,
    so that asking again gives nothing twice and tells the same. Who gets no coupon, because stock
    or limits are out, is absent, and so is who is no member any more. `more` are facts of a
    journey, and `coupons` the ids of what it gave before, by member. A test shows specimens and
    gives nothing.
    """
    reader = _Reader(Context(session, now), content, is_test=is_test)
    rows = reader.members(member_ids)
    issue = _Keys(source, keys)
    given_words = reader.coupons(rows, issue, coupons or {})
    served = [row for row in rows if all(row.id in given for given in given_words.values())]
    surveys = reader.surveys(served, issue)
    told = more or {}
    return {
        row.id: Facts(
            language=row.language,
            values=reader.values(row, given_words) | dict(told.get(row.id, {})),
            coupons={code: given[row.id] for code, given in given_words.items()},
            surveys={code: asked[row.id] for code, asked in surveys.items()},
        )
        for row in served
    }


def _of_field(name: str) -> Callable[[Context], SQLColumnExpression[Any]]:
    """Return how a segment's field reads its fact, so that both say the same."""
    asked = FIELDS[name]
    return lambda context: asked.fact(Leaf(asked, asked.allowed[0], 0, {}, name), context)


_COLUMNS: Mapping[str, Callable[[Context], SQLColumnExpression[Any]]] = {
    "name": lambda _context: Member.name,
    "number": lambda _context: Member.number,
    "points": lambda _context: Member.points,
    "tier": lambda _context: Member.tier_id,
    "next_tier": lambda _context: Member.tier_id,
    "gap": _of_field("tier_gap"),
    WAY: _of_field("tier_way_percent"),
    "favourite": lambda _context: (
        select(MemberFavourite.item_name)
        .where(MemberFavourite.member_id == Member.id)
        .correlate(Member)
        .scalar_subquery()
    ),
    "days": lambda _context: Member.last_purchase_on,
    "last_visit": lambda _context: Member.last_purchase_on,
}
"""Where each fact of a member stands; those of a coupon come with the coupon."""


@dataclass(frozen=True)
class _Keys:
    """Under which keys members are given something: by the source, or by each one's own cause."""

    source: str
    own: Mapping[int, str] | None

    def of(self, code: str, rows: Iterable[Row[Any]]) -> dict[int, str]:
        """Return each member's key for the coupon or survey of this code."""
        if self.own is None:
            return {row.id: f"{self.source}:{code}:{row.id}" for row in rows}
        return {row.id: f"{self.own[row.id]}:{code}" for row in rows}


class _Reader:
    """Reads what one content asks for."""

    def __init__(self, context: Context, content: Content, *, is_test: bool) -> None:
        self.context, self.session, self.now = context, context.session, context.now
        self.content, self.is_test = content, is_test
        self.asked = [name for name in _COLUMNS if name in content.variables]
        self.ladder = context.programme.ladder.on(context.today)

    def members(self, member_ids: Iterable[int]) -> Sequence[Row[Any]]:
        """Read the members in the order of their ids, each with what the content asks for."""
        facts: list[ColumnElement[Any]] = [
            _COLUMNS[name](self.context).label(f"of_{name}") for name in self.asked
        ]
        return self.session.execute(
            select(Member.id, Member.language, *facts)
            .where(among(Member.id, set(member_ids)), Member.erased_at.is_(None))
            .order_by(Member.id)
        ).all()

    def coupons(
        self, rows: Sequence[Row[Any]], keys: _Keys, before: Mapping[int, int]
    ) -> dict[str, dict[int, dict[str, Any]]]:
        """Return the words of everybody's own coupon, by template and member.

        Who is short of one of several is given none of the others after it.
        """
        told: dict[str, dict[int, dict[str, Any]]] = {code: {} for code in self.content.coupons}
        left = list(rows)
        if GIVEN in told:
            told[GIVEN] = self._given_before(left, before)
            left = [row for row in left if row.id in told[GIVEN]]
        templates = [get_template(self.session, code) for code in told if code != GIVEN]
        for template in sorted(templates, key=lambda each: each.id):  # All lock in one order.
            told[template.code] = self._issue(template, left, keys)
            left = [row for row in left if row.id in told[template.code]]
        return told

    def _issue(
        self, template: CouponTemplate, rows: Sequence[Row[Any]], keys: _Keys
    ) -> dict[int, dict[str, Any]]:
        if self.is_test:
            return {row.id: specimen_of(template, row.language, self.now) for row in rows}
        return issue_many(self.session, template, keys.of(template.code, rows), self.now)

    def _given_before(
        self, rows: Sequence[Row[Any]], before: Mapping[int, int]
    ) -> dict[int, dict[str, Any]]:
        wanted = [before[row.id] for row in rows if row.id in before]
        found = self.session.scalars(
            select(Coupon).where(Coupon.id.in_(wanted), Coupon.state != "void")
        )
        own = {coupon.member_id: coupon for coupon in found}
        return {row.id: own[row.id].words(row.language, self.now) for row in rows if row.id in own}

    def surveys(
        self, rows: Sequence[Row[Any]], keys: _Keys
    ) -> dict[str, dict[int, dict[str, Any]]]:
        """Ask everybody the content's surveys; return the words by survey and member."""
        told = {}
        for code in self.content.surveys:
            survey = get_survey(self.session, code)
            asked = keys.of(code, rows)
            ids = {} if self.is_test else ask_survey(self.session, survey, asked, self.now)
            told[code] = {
                row.id: survey.words(ids.get(row.id, NO_SURVEY), row.language) for row in rows
            }
        return told

    def values(
        self, row: Row[Any], coupons: Mapping[str, Mapping[int, dict[str, Any]]]
    ) -> dict[str, str | int]:
        """Return one member's facts by the names of their variables; unknown ones are absent."""
        told = {name: self._value(name, row) for name in self.asked}
        if BESTSELLERS in self.content.variables:
            told[BESTSELLERS] = self._bestsellers
        if coupons:
            words = coupons[self.content.coupons[0]][row.id]
            told |= {
                "coupon": words["name"],
                "coupon_code": words["code"],
                "coupon_ends": words["valid_until"],
            }
        return {name: value for name, value in told.items() if value is not None}

    @cached_property
    def _bestsellers(self) -> str | None:
        """Return what sells best, one a line; the same for everybody."""
        found = list_bestsellers(self.session, self.now)
        lines = [f"{place}. {each.item.name}" for place, each in enumerate(found, start=1)]
        return "\n".join(lines) or None

    def _value(self, name: str, row: Row[Any]) -> str | int | None:
        fact: Any = row._mapping[f"of_{name}"]
        if name == "tier":
            return in_language(self.context.programme.tier(fact).name, row.language)
        if name == "next_tier":
            step = self.ladder.next_step(self.context.programme.tier(fact))
            return in_language(step[0].name, row.language) if step else None
        if name == "days":
            return (self.context.today - fact).days if fact else None
        return fact.isoformat() if isinstance(fact, date) else fact
