"""Suppression: whom no paid marketing is sent to, and why (B-07, B-04).

A sleeping member (`rfm:sleeping`) who left several messages unanswered is left in peace until they
answer or buy: the shop stops investing. A member of a class whose action says so, such as
`nasld:deep`, gets no paid push either. What a member is owed for a deed of their own, such as a
receipt, is no marketing and always goes. `models/outreach/` asks for both just before a message
is sent, by what is known at that moment: a tap of a second ago is an answer.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import CheckConstraint, ColumnElement, and_, exists, false, func, select, text
from sqlalchemy.orm import Mapped, Session

from models.base import Base, BusinessError, Identifier, Moment, squeezed
from models.classification.table import MemberClass
from models.engagement import (
    CLICKS,
    LINE_EVENTS,
    LOOKS,
    PURCHASES,
    RECIPIENT_ID,
    TAPS,
    Engagement,
    read_marks,
)
from models.lifecycle.action import list_actions
from models.lifecycle.figures import is_here
from models.lifecycle.names import MODELS, NAPL_91APP, NAPL_ARTICLE, NASLD, RFM
from models.member import Member
from models.rfm.group import SLEEPING

MOST_UNANSWERED = 100
USUAL_UNANSWERED = 3
LONGEST_NOTE = 200
SUPPRESSED = "suppressed"
"""The reason for which a message to a member left in peace is skipped; of a class it is its key."""
CHOOSES_THE_SILENT = frozenset({"win_back"})
"""Kinds of messages that are meant for people who stopped coming, whichever class that makes."""


COLUMNS = {
    NASLD: "nasld",
    NAPL_ARTICLE: "napl_article",
    NAPL_91APP: "napl_91app",
    RFM: "rfm_group",
}
"""Where a member's class of each model stands."""


class SuppressionSetting(Base):
    """After how many unanswered messages to stop. Never changed; the newest holds."""

    __tablename__ = "suppression_setting"
    __table_args__ = (
        CheckConstraint(f"unanswered BETWEEN 1 AND {MOST_UNANSWERED}", name="unanswered_in_range"),
    )

    id: Mapped[Identifier]
    unanswered: Mapped[int | None]
    """None where nobody is left in peace."""
    note: Mapped[str]
    set_by: Mapped[str]
    set_at: Mapped[Moment]


class SuppressionRefused(BusinessError):
    """The number is none that messages could be counted to, or the note is missing."""

    code = "suppression_refused"


def get_threshold(session: Session) -> int | None:
    """Return after how many unanswered messages sleeping members are left in peace; None: never."""
    newest = _newest(session)
    return USUAL_UNANSWERED if newest is None else newest.unanswered


def _newest(session: Session) -> SuppressionSetting | None:
    by_age = select(SuppressionSetting).order_by(SuppressionSetting.id.desc())
    return session.scalars(by_age.limit(1)).one_or_none()


def set_threshold(
    session: Session, unanswered: int | None, *, note: str, by: str, now: datetime
) -> SuppressionSetting:
    """Leave sleeping members in peace after so many messages, or nobody where None.

    What is set already is kept as it was. Raises SuppressionRefused.
    """
    if unanswered is not None and not 1 <= unanswered <= MOST_UNANSWERED:
        raise SuppressionRefused(what="unanswered", most=MOST_UNANSWERED)
    if not note.strip() or len(note) > LONGEST_NOTE:
        raise SuppressionRefused(what="note", longest=LONGEST_NOTE)
    newest = _newest(session)
    if newest is not None and newest.unanswered == unanswered:
        return newest
    row = SuppressionSetting(unanswered=unanswered, note=note.strip(), set_by=by, set_at=now)
    session.add(row)
    session.flush()
    return row


def is_suppressed(threshold: int | None) -> ColumnElement[bool]:
    """Return the condition over `Member` that they are left in peace, as of the last round."""
    if threshold is None:
        return false()
    return and_(
        exists()
        .where(MemberClass.member_id == Member.id, MemberClass.rfm_group == SLEEPING)
        .correlate(Member),
        exists()
        .where(Engagement.member_id == Member.id, Engagement.unanswered >= threshold)
        .correlate(Member),
    )


def count_suppressed(session: Session) -> int:
    """Return how many members are left in peace, as of the last round."""
    return session.scalar(select(func.count()).select_from(Member).where(_listed(session))) or 0


def list_suppressed(
    session: Session, *, after_id: int = 0, limit: int
) -> Sequence[tuple[Member, Engagement]]:
    """Return the next members who are left in peace, with what they left unanswered."""
    rows = session.execute(
        select(Member, Engagement)
        .join(Engagement, Engagement.member_id == Member.id)
        .where(Member.id > after_id, _listed(session))
        .order_by(Member.id)
        .limit(limit)
    )
    return [(member, engagement) for member, engagement in rows]


def _listed(session: Session) -> ColumnElement[bool]:
    return and_(is_suppressed(get_threshold(session)), is_here())


def unpaid_classes(session: Session) -> Mapping[str, set[str]]:
    """Return the classes that are not written to with messages that cost money, by model."""
    unpaid = {
        model: {action.code for action in list_actions(session, model) if not action.paid_push}
        for model in MODELS
    }
    return {model: codes for model, codes in unpaid.items() if codes}


def suppressed_among(
    session: Session, sleeping: Sequence[int], threshold: int | None
) -> Collection[int]:
    """Return which of these sleeping members are left in peace at this moment.

    Exact: what they did after the last round, and what was sent to them since, is looked up.
    """
    if threshold is None or not sleeping:
        return frozenset()
    marks = read_marks(session)
    asked = {
        "ids": list(sleeping),
        "threshold": threshold,
        "taps": list(TAPS),
        "tapped": marks.through[LINE_EVENTS],
        "looked": marks.through[LOOKS],
        "clicked": marks.through[CLICKS],
        "bought": marks.through[PURCHASES],
        "sent": marks.batches_at,
    }
    return frozenset(session.scalars(_UNANSWERED, asked))


_UNANSWERED = text(
    squeezed(f"""
        WITH tapped AS (
            SELECT member.id, max(fact.received_at) AS at
            FROM line_event AS fact JOIN member ON member.line_user_id = fact.person
            WHERE fact.id > :tapped AND fact.event_type = ANY(CAST(:taps AS text[]))
                AND member.id = ANY(CAST(:ids AS bigint[]))
            GROUP BY member.id
        ), answered AS (
            SELECT member.id, member.line_user_id, coalesce(greatest(
                kept.tapped_at, kept.clicked_at, kept.bought_at, tapped.at,
                (SELECT max(fact.occurred_at) FROM browse_event AS fact
                    WHERE fact.member_id = member.id AND fact.id > :looked),
                (SELECT max(fact.at) FROM link_click AS fact
                    WHERE fact.member_id = member.id AND fact.id > :clicked),
                (SELECT max(fact.purchased_at) FROM purchase AS fact
                    WHERE fact.member_id = member.id AND fact.id > :bought)
            ), '-infinity') AS at
            FROM member LEFT JOIN engagement AS kept ON kept.member_id = member.id
            LEFT JOIN tapped ON tapped.id = member.id
            WHERE member.id = ANY(CAST(:ids AS bigint[]))
        )
        SELECT answered.id FROM answered
        WHERE (SELECT count(*) FROM marketing_sent AS sent
                WHERE sent.member_id = answered.id AND sent.sent_at > answered.at)
            + (SELECT count(*) FROM outbox AS owed
                WHERE owed.line_user_id = answered.line_user_id AND owed.is_marketing
                    AND owed.member_id = answered.id AND owed.state = 'accepted'
                    AND owed.settled_at > answered.at
                    AND NOT EXISTS (SELECT FROM marketing_sent AS sent
                        WHERE sent.owed_id = owed.id))
            + (SELECT count(*) FROM campaign_run AS run
                JOIN campaign_recipient AS recipient ON recipient.run_id = run.id
                    AND recipient.member_id = answered.id
                JOIN campaign_batch AS batch ON batch.id = recipient.batch_id
                WHERE (run.finished_at IS NULL OR run.finished_at > :sent)
                    AND coalesce(run.spec ->> 'kind', 'marketing') <> 'service'
                    AND coalesce(recipient.state, batch.state) = 'accepted'
                    AND coalesce(recipient.settled_at, batch.settled_at) > answered.at
                    AND NOT EXISTS (SELECT FROM marketing_sent AS sent
                        WHERE sent.owed_id = {RECIPIENT_ID})) >= :threshold
    """)  # noqa: S608  # Of our own words only.
)
"""What is counted plus what the next round will count; the marks say where the last one ended."""
