"""The four stages of the lifecycle (E-22): recruited, activated, retained, upgraded.

Each member who is here stands in exactly one: who has reached a tier above the first is upgraded;
of the others, who never bought is recruited, who bought on one day activated, on more retained.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session, aliased

from models.lifecycle.figures import is_here
from models.local_day import day_start
from models.member import Member
from models.purchase.table import Purchase
from models.tier.table import Tier, TierChange

WINDOW_DAYS = 30
"""Who came to a stage lately is counted over so many days, and over as many before them."""
RECRUIT, ACTIVATE, RETAIN, UPGRADE = "recruit", "activate", "retain", "upgrade"

STAGES: Mapping[str, tuple[dict[str, str], dict[str, str], dict[str, str]]] = {
    RECRUIT: (
        {"zh-TW": "招募", "en": "Recruited", "ja": "獲得"},
        {"zh-TW": "還沒買過", "en": "Never bought", "ja": "未購入"},
        {"zh-TW": "近 30 天加入", "en": "Joined in 30 days", "ja": "30 日の新規入会"},
    ),
    ACTIVATE: (
        {"zh-TW": "啟用", "en": "Activated", "ja": "活性化"},
        {"zh-TW": "只買過一天", "en": "Bought on one day", "ja": "1 日だけ購入"},
        {"zh-TW": "近 30 天首購", "en": "First bought in 30 days", "ja": "30 日の初回購入"},
    ),
    RETAIN: (
        {"zh-TW": "留存", "en": "Retained", "ja": "維持"},
        {
            "zh-TW": "回購過，基本等級",
            "en": "Came again, first tier",
            "ja": "再購入あり・基本ランク",
        },
        {
            "zh-TW": "近 30 天回購（所有等級）",
            "en": "Came again in 30 days (any tier)",
            "ja": "30 日の再購入（全ランク）",
        },
    ),
    UPGRADE: (
        {"zh-TW": "升級", "en": "Upgraded", "ja": "ランクアップ"},
        {"zh-TW": "高於基本等級", "en": "Above the first tier", "ja": "基本ランクより上"},
        {"zh-TW": "近 30 天升等", "en": "Moved up in 30 days", "ja": "30 日のランクアップ"},
    ),
}
"""What each stage is called, who stands in it, and who is counted as having come lately."""


@dataclass(frozen=True)
class Stage:
    """How many stand in a stage, and how many came to it lately and in as many days before."""

    code: str
    members: int
    came: int
    came_before: int

    @property
    def change(self) -> float | None:
        """Return by which part more came than before; None where nobody came before."""
        return self.came / self.came_before - 1 if self.came_before else None


def stage_rule(session: Session, code: str) -> dict[str, Any]:
    """Return the segment rule whose members stand in a stage."""
    base = first_tier_code(session)
    is_base = {"field": "tier", "is": "is", "value": base}
    if code == UPGRADE:
        return {"schema": 1, "where": {"field": "tier", "is": "is_not", "value": base}}
    days: dict[str, dict[str, Any]] = {
        RECRUIT: {"field": "purchase_days", "is": "is", "value": 0},
        ACTIVATE: {"field": "purchase_days", "is": "is", "value": 1},
        RETAIN: {"field": "purchase_days", "is": "at_least", "value": 2},
    }
    return {"schema": 1, "where": {"all": [is_base, days[code]]}}


def first_tier_code(session: Session) -> str:
    """Return the code of the tier that everybody begins with."""
    return session.scalars(select(Tier.code).order_by(Tier.rank).limit(1)).one()


def count_stages(session: Session, today: date) -> list[Stage]:
    """Count all members by stage, and who came to each before `today`; three statements."""
    begins = (today - timedelta(days=WINDOW_DAYS), today - timedelta(days=2 * WINDOW_DAYS))
    standing = _standing(session, begins, today)
    bought_again = _bought_again(session, begins, today)
    moved_up = _moved_up(session, begins, today)
    arrivals: dict[str, Sequence[int]] = {
        RECRUIT: (standing["joined"], standing["joined_before"]),
        ACTIVATE: (standing["first"], standing["first_before"]),
        RETAIN: bought_again,
        UPGRADE: moved_up,
    }
    return [Stage(code, standing[code], *arrivals[code]) for code in STAGES]


def _standing(session: Session, begins: Sequence[date], today: date) -> Mapping[str, int]:
    late, early = begins
    base = select(Tier.id).order_by(Tier.rank).limit(1).scalar_subquery()
    is_up = Member.tier_id != base
    counted = {
        RECRUIT: and_(~is_up, Member.purchase_days == 0),
        ACTIVATE: and_(~is_up, Member.purchase_days == 1),
        RETAIN: and_(~is_up, Member.purchase_days > 1),
        UPGRADE: is_up,
        "joined": _between(Member.joined_at, day_start(late), day_start(today)),
        "joined_before": _between(Member.joined_at, day_start(early), day_start(late)),
        "first": _between(Member.first_purchase_on, late, today),
        "first_before": _between(Member.first_purchase_on, early, late),
    }
    row = session.execute(
        select(*(func.count().filter(asked).label(name) for name, asked in counted.items())).where(
            is_here()
        )
    ).one()
    return {str(name): count for name, count in row._mapping.items()}


def _bought_again(session: Session, begins: Sequence[date], today: date) -> Sequence[int]:
    """Count who bought within each window on a later day than their first."""
    late, early = begins
    person = func.distinct(Purchase.member_id)
    return tuple(
        session.execute(
            select(
                func.count(person).filter(Purchase.purchased_on >= late),
                func.count(person).filter(Purchase.purchased_on < late),
            )
            .join(Member, Member.id == Purchase.member_id)
            .where(
                _between(Purchase.purchased_on, early, today),
                Purchase.undone_at.is_(None),
                Member.first_purchase_on < Purchase.purchased_on,
            )
        ).one()
    )


def _moved_up(session: Session, begins: Sequence[date], today: date) -> Sequence[int]:
    late, early = begins
    old, new = aliased(Tier), aliased(Tier)
    person = func.distinct(TierChange.member_id)
    return tuple(
        session.execute(
            select(
                func.count(person).filter(TierChange.changed_at >= day_start(late)),
                func.count(person).filter(TierChange.changed_at < day_start(late)),
            )
            .join(old, old.id == TierChange.from_tier_id)
            .join(new, new.id == TierChange.to_tier_id)
            .where(
                _between(TierChange.changed_at, day_start(early), day_start(today)),
                new.rank > old.rank,
            )
        ).one()
    )


def _between(column: Any, begins: date | datetime, ends: date | datetime) -> ColumnElement[bool]:
    return and_(column >= begins, column < ends)
