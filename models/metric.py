"""Metrics: figures of a member that the shop itself defines, such as lessons done.

The newest value stands in `member_metric`, every one ever told in `metric_entry`. Names are the
shop's; a definition says what one means, so that a report can say it too.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Identifier, Moment
from models.local_day import local_day

VALUE_FACTORS: dict[str, str] = {
    "value_spend": "近 365 天淨消費（NT$，扣除退款）",
    "value_frequency": "近 365 天有效購買次數",
    "value_activity": "近 365 天參加的活動與任務次數",
    "value_cltv": "預估顧客終身價值（NT$）",
    "value_contribution": "推薦、評論與回饋次數",
}
"""The five value factors a shop starts with: name and definition."""


class MetricDefinition(Base):
    """What a metric means, in the shop's words."""

    __tablename__ = "metric_definition"

    name: Mapped[str] = mapped_column(primary_key=True)
    meaning: Mapped[str]


class MemberMetric(Base):
    """A member's newest value of one metric."""

    __tablename__ = "member_metric"
    __table_args__ = (Index(None, "name", "value"),)

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[Moment]


class MetricEntry(Base):
    """One value told once. Never changed."""

    __tablename__ = "metric_entry"
    __table_args__ = (
        Index(None, "member_id", "name", "id"),
        CheckConstraint("name <> ''", name="has_a_name"),
    )

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    name: Mapped[str]
    value: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[Moment]
    source: Mapped[str]


class MetricRefused(BusinessError):
    """The metric has no name, or too long a one."""

    code = "metric_refused"


LONGEST_NAME = 60


def set_metric(
    session: Session, member_id: int, name: str, value: int, *, source: str, now: datetime
) -> bool:
    """Keep a member's value of a metric; tell whether it is news.

    An older value than the one kept goes into the history only. Raises MetricRefused.
    """
    if not name.strip() or len(name) > LONGEST_NAME:
        raise MetricRefused(longest=LONGEST_NAME)
    session.add(MetricEntry(member_id=member_id, name=name, value=value, at=now, source=source))
    upsert = insert(MemberMetric).values(member_id=member_id, name=name, value=value, at=now)
    kept = session.scalars(
        upsert.on_conflict_do_update(
            index_elements=[MemberMetric.member_id, MemberMetric.name],
            set_={"value": upsert.excluded.value, "at": upsert.excluded.at},
            where=MemberMetric.at <= upsert.excluded.at,
        ).returning(MemberMetric.value)
    ).one_or_none()
    session.flush()
    return kept is not None


def define_metric(session: Session, name: str, meaning: str) -> None:
    """Say what a metric means, or say it anew."""
    upsert = insert(MetricDefinition).values(name=name, meaning=meaning)
    session.execute(
        upsert.on_conflict_do_update(
            index_elements=[MetricDefinition.name], set_={"meaning": meaning}
        )
    )


def list_metrics(session: Session, member_id: int) -> Sequence[MemberMetric]:
    """Return a member's newest values in the order of their names."""
    return session.scalars(
        select(MemberMetric).where(MemberMetric.member_id == member_id).order_by(MemberMetric.name)
    ).all()


def list_definitions(session: Session) -> dict[str, str]:
    """Return what each metric means, by name."""
    rows = session.execute(
        select(MetricDefinition.name, MetricDefinition.meaning).order_by(MetricDefinition.name)
    )
    return dict(rows.all())


def list_history(session: Session, member_id: int, name: str, *, limit: int) -> list[MetricEntry]:
    """Return the newest values ever told of a metric, newest first."""
    return list(
        session.scalars(
            select(MetricEntry)
            .where(MetricEntry.member_id == member_id, MetricEntry.name == name)
            .order_by(MetricEntry.id.desc())
            .limit(limit)
        )
    )


def measure_value_factors(session: Session, first_id: int, last_id: int, now: datetime) -> int:
    """Work out the five value factors of the members in a range of ids; return how many changed.

    Spend and frequency are those of the last 365 days, net of refunds; the expected lifetime value
    is what the member spends a day, over two years; contribution counts referrals, reviews and
    answered surveys. Each keeps the moment at which it last changed.
    """
    asked = {"first": first_id, "last": last_id, "on": local_day(now), "now": now}
    return len(session.execute(_VALUE_FACTORS, asked).all())


_VALUE_FACTORS = text("""
INSERT INTO member_metric (member_id, name, value, at)
SELECT m.id, factor.name, factor.value, :now
FROM member AS m,
    LATERAL (SELECT coalesce(sum(p.paid_twd - p.refunded_twd), 0) AS twd, count(*) AS sales
        FROM purchase AS p WHERE p.member_id = m.id AND p.refunded_twd < p.paid_twd
        AND p.purchased_on > CAST(:on AS date) - 365 AND p.purchased_on <= :on) AS year,
    LATERAL (SELECT count(*) AS times FROM gathering_seat AS s
        WHERE s.member_id = m.id AND s.state = 'attended') AS been,
    LATERAL (SELECT count(*) AS times FROM points_entry AS e
        WHERE e.member_id = m.id AND e.reason IN ('referral', 'review', 'survey')) AS gave,
    LATERAL (VALUES ('value_spend', year.twd), ('value_frequency', year.sales),
        ('value_activity', been.times), ('value_contribution', gave.times),
        ('value_cltv', m.lifetime_twd * 730 / greatest(
            CAST(:on AS date) - (m.joined_at AT TIME ZONE 'Asia/Taipei')::date, 30))
    ) AS factor (name, value)
WHERE m.id BETWEEN :first AND :last AND m.erased_at IS NULL
ON CONFLICT (member_id, name) DO UPDATE SET value = excluded.value, at = excluded.at
    WHERE member_metric.value <> excluded.value
RETURNING 1
""")
