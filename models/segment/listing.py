"""A segment's members: page by page, and as rows of a file that spreadsheets open.

A file names members by number only, with what marketers weigh: tier, points and figures. Name,
phone, birthday and LINE account are not needed to work with a segment, and stay here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.audit import note
from models.base import in_language
from models.exchange.readable import Cells, safe_cell
from models.member import Member
from models.segment.compiling import members_of
from models.segment.field import Context
from models.segment.fields.reach import is_reachable
from models.segment.keeping import get_version, rule_of
from models.segment.rule import Rule
from models.tier import Tier

MOST_LISTED = 500
ROWS_AT_ONCE = 5_000
HEADINGS = (
    "會員編號",
    "等級",
    "可用點數",
    "購買次數",
    "首次消費日",
    "最近消費日",
    "累積消費（扣退款）",
    "可推播",
)
_YES_OR_NO = {True: "是", False: "否"}


@dataclass(frozen=True)
class ListedMember:
    """One member of a segment with what marketers weigh."""

    member_id: int
    number: str
    tier: dict[str, str]
    """The tier's name, one a language."""
    points: int
    purchases: int
    first_on: date | None
    last_on: date | None
    net_twd: int
    is_reachable: bool


def list_members(
    session: Session, rule: Rule, now: datetime, *, after_id: int = 0, limit: int = MOST_LISTED
) -> list[ListedMember]:
    """Return the next members of a rule in the order of their ids, after one of them."""
    page = _listed(session, rule, now).where(Member.id > after_id).order_by(Member.id)
    rows = session.execute(page.limit(min(limit, MOST_LISTED)))
    return [ListedMember(*row) for row in rows]


def export_segment(
    session: Session, code: str, now: datetime, *, staff_id: int | None = None
) -> Iterator[Cells]:
    """Yield the file of a segment's members row by row, its headings first.

    Memory stays flat: the rows come from a cursor on the server's side. Who took them is noted at
    once, with the version. Raises NoSuchSegment before the first row.
    """
    version = get_version(session, code)
    note(
        session,
        "segment.export",
        f"segment:{code}",
        now=now,
        staff_id=staff_id,
        after={"version": version.version},
    )
    session.flush()
    statement = _listed(session, rule_of(version), now).order_by(Member.id)
    return _rows(session, statement)


def _listed(session: Session, rule: Rule, now: datetime) -> Select[Any]:
    tier = select(Tier.name).where(Tier.id == Member.tier_id).correlate(Member).scalar_subquery()
    return members_of(
        rule,
        Context(session, now),
        Member.id,
        Member.number,
        tier,
        Member.points,
        Member.purchase_count,
        Member.first_purchase_on,
        Member.last_purchase_on,
        Member.lifetime_twd,
        is_reachable(),
    )


def _rows(session: Session, statement: Select[Any]) -> Iterator[Cells]:
    yield list(HEADINGS)
    streamed = session.execute(
        statement, execution_options={"stream_results": True, "yield_per": ROWS_AT_ONCE}
    )
    for row in streamed:
        yield [safe_cell(cell) for cell in _cells(ListedMember(*row))]


def _cells(member: ListedMember) -> Sequence[str | int]:
    return (
        member.number,
        in_language(member.tier, "zh-TW"),
        member.points,
        member.purchases,
        member.first_on.isoformat() if member.first_on else "",
        member.last_on.isoformat() if member.last_on else "",
        member.net_twd,
        _YES_OR_NO[member.is_reachable],
    )
