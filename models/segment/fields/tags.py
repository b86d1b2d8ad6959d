"""Tags: words the shop says of a member, by hand, by a segment or by an event, until they end."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from models.base import Texts, said
from models.local_day import day_start
from models.member import Member
from models.segment.field import (
    LOOKUP,
    MINUTES,
    SET_OPERATORS,
    Context,
    Field,
    Leaf,
    Option,
    has_any,
)
from models.segment.fields.asking import WITHIN_DAYS, codes_of, days_back, fixed, values_of
from models.tag.questions import counts_at
from models.tag.table import MemberTag, Tag

_SOURCES = fixed(
    {
        "manual": said("手動", "by hand", "手動"),
        "rule": said("分眾規則", "by a segment", "セグメント"),
        "event": said("事件觸發", "by an event", "イベント"),
        "api": said("API", "by the API", "API"),
    }
)


def _in_use(session: Session) -> Mapping[str, Texts]:
    """Return the tags that may be asked for: an archived one is on nobody."""
    used = select(Tag.code, Tag.name).where(Tag.archived_at.is_(None)).order_by(Tag.code)
    return dict(session.execute(used).all())


def _rows(leaf: Leaf, context: Context) -> Select[Any]:
    rows = select(MemberTag.tag_code).where(
        MemberTag.member_id == Member.id, counts_at(context.now)
    )
    if (sources := leaf.option("source")) is not None:
        begins = (MemberTag.source.startswith(f"{one}:") for one in values_of(sources))
        rows = rows.where(or_(*begins))
    if (days := leaf.option("within_days")) is not None:
        rows = rows.where(MemberTag.added_at >= day_start(days_back(context, days)))
    return rows


def _has_tags(leaf: Leaf, context: Context) -> ColumnElement[bool]:
    rows = _rows(leaf, context)

    def exists(codes: tuple[Any, ...]) -> ColumnElement[bool]:
        return rows.where(MemberTag.tag_code.in_(codes)).correlate(Member).exists()

    return has_any(leaf, exists)


TAGS: tuple[Field, ...] = (
    Field(
        "tag",
        "code",
        "tag",
        said("標籤", "Tag", "タグ"),
        lambda leaf, context: codes_of(_rows(leaf, context), MemberTag.tag_code),
        _has_tags,
        operators=SET_OPERATORS,
        options=(
            Option(
                "source",
                "code",
                said("來源", "Where it comes from", "付与元"),
                said("來源為{}的", "given {}", "付与元が{}の"),
                choices=_SOURCES,
                many=True,
            ),
            WITHIN_DAYS,
        ),
        choices=_in_use,
        freshness=MINUTES,
        cost=LOOKUP,
    ),
)
