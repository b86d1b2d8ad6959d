"""Engagement: when a member last tapped, clicked or bought, and how many messages got no answer.

No tap, sale or webhook writes it: rows that they leave anyway (`line_event`, `browse_event`,
`link_click`, `purchase`, `outbox`, `campaign_batch`) are read set-based every few minutes, above a
mark that never passes a place where somebody may still commit (`models/horizon.py`). A moment only
ever rises, and what is unanswered is counted anew from the messages themselves, so that nothing
depends on the order in which things are seen, and seeing them twice changes nothing.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, delete, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Moment, squeezed
from models.local_day import read_moment
from models.outbox import KEPT_DAYS

PART = 2_000
"""So many facts are read in one transaction: a till waits for no longer than that takes."""
TAPS = ("message", "postback")
"""The webhook events by which a person speaks; LINE sends them for groups too."""
CLOCK_SKEW = timedelta(minutes=10)
"""Workers' clocks differ by less: messages settled so lately are looked at once more."""
KEPT_ANSWERED = timedelta(days=KEPT_DAYS + 1)
"""Answered messages are kept until the outbox has surely forgotten them, so that none is noted
a second time."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = ("tapped_at", "clicked_at", "bought_at", "sent_at")

LINE_EVENTS, LOOKS, PURCHASES, CLICKS = ("line_event", "browse_event", "purchase", "link_click")
MESSAGES, BATCHES = ("outbox", "campaign_batch")
FACTS = (LINE_EVENTS, LOOKS, CLICKS, PURCHASES)
"""The tables read by their ids; messages are read by when they were settled."""
AT_ONCE = 4
"""So many batches of a campaign, of 500 members each, are taken over in one transaction."""
RECIPIENT_ID = "CAST(md5(recipient.batch_id || ':' || recipient.member_id) AS uuid)"
"""The id under which a recipient of a campaign is kept among the messages: always the same."""


class Engagement(Base):
    """What a member last did, and the marketing messages since. No row: nothing is known yet.

    `unanswered` are the messages LINE accepted after the last tap, click and purchase.
    """

    __tablename__ = "engagement"
    __table_args__ = (CheckConstraint("unanswered >= 0", name="unanswered_not_negative"),)

    member_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("member.id"), primary_key=True, autoincrement=False
    )
    tapped_at: Mapped[datetime | None]
    """When they last tapped or wrote in LINE."""
    clicked_at: Mapped[datetime | None]
    """When they last followed a link of ours or looked at something in the web shop."""
    bought_at: Mapped[datetime | None]
    """When they last bought, also where it was taken back: it was an answer."""
    sent_at: Mapped[datetime | None]
    """When LINE last accepted a marketing message to them."""
    unanswered: Mapped[int] = mapped_column(default=0, server_default=text("0"))


class MarketingSent(Base):
    """One marketing message that was accepted, by its id in the outbox; kept until answered.

    Of a campaign's recipient the id is made of batch and member.
    """

    __tablename__ = "marketing_sent"
    __table_args__ = (Index(None, "member_id", "sent_at"), Index(None, "sent_at"))

    owed_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    kind: Mapped[str]
    sent_at: Mapped[Moment]


class EngagementMark(Base):
    """How far one table is read: through an id or, of messages, through a moment."""

    __tablename__ = "engagement_mark"

    fact: Mapped[str] = mapped_column(primary_key=True)
    last_id: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    last_at: Mapped[Moment] = mapped_column(server_default=text("'epoch'"))


@dataclass(frozen=True)
class Noted:
    """What one part did: after and through which id it read, for how many members it is news."""

    after_id: int
    through_id: int
    members: int
    is_last: bool


ANSWERED_AT = "greatest({0}.tapped_at, {0}.clicked_at, {0}.bought_at)"
"""When a row of `engagement` last gave an answer; NULL where it never did."""


def note_facts(session: Session, fact: str, settled_id: int, *, limit: int = PART) -> Noted:
    """Take over a table's next rows, through a settled id at most, and move its mark on.

    Two at once wait for each other. What else is done with the same rows belongs into the same
    transaction.
    """
    after_id = lock_mark(session, fact).last_id
    through_id = min(after_id + limit, settled_id)
    if through_id <= after_id:
        return Noted(after_id, after_id, 0, is_last=True)
    asked = {"after_id": after_id, "through_id": through_id, "taps": list(TAPS)}
    members = session.scalars(_NOTE[fact], asked).all()
    recount(session, members)
    _move(session, fact, last_id=through_id)
    return Noted(after_id, through_id, len(members), is_last=through_id >= settled_id)


def note_messages(
    session: Session, now: datetime, *, is_settled: bool, limit: int = PART
) -> tuple[int, bool]:
    """Take over marketing messages that LINE accepted; return how many, and whether all were.

    Where `is_settled`, nobody who was at work at `now` still is, and the mark moves on to then.
    """
    after = lock_mark(session, MESSAGES).last_at
    members = session.scalars(_SENT, {"after": after - CLOCK_SKEW, "limit": limit}).all()
    recount(session, sorted(set(members)))
    is_last = len(members) < limit
    if is_last and is_settled:
        _move(session, MESSAGES, last_at=max(after, now))
    return len(members), is_last


def list_new_batches(session: Session) -> Sequence[uuid.UUID]:
    """Return the batches of campaigns that were settled and not taken over, oldest first."""
    mark = session.get(EngagementMark, BATCHES)
    after = mark.last_at - CLOCK_SKEW if mark is not None else None
    return session.scalars(_NEW_BATCHES, {"after": after}).all()


def note_batches(session: Session, batch_ids: Sequence[uuid.UUID]) -> int:
    """Take over what the members of these batches were sent; return to how many."""
    lock_mark(session, BATCHES)
    members = session.scalars(_SENT_BY_BATCH, {"batch_ids": list(batch_ids)}).all()
    recount(session, sorted(set(members)))
    return len(members)


def end_batches(session: Session, now: datetime) -> None:
    """Move the mark of campaigns on: all that was settled by then is taken over."""
    lock_mark(session, BATCHES)
    _move(session, BATCHES, last_at=now)


def lock_mark(session: Session, fact: str) -> EngagementMark:
    """Return a table's mark, locked: who notes the same rows waits here."""
    session.execute(_BEGIN, {"fact": fact})
    return session.scalars(
        select(EngagementMark)
        .where(EngagementMark.fact == fact)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


@dataclass(frozen=True)
class Marks:
    """Through which id each table of FACTS is read, and since when no batch surely is."""

    through: Mapping[str, int]
    batches_at: datetime


def read_marks(session: Session) -> Marks:
    """Return how far everything is read, in one query."""
    marks = {mark.fact: mark for mark in session.scalars(select(EngagementMark))}
    batches = marks.get(BATCHES)
    return Marks(
        {fact: marks[fact].last_id if fact in marks else 0 for fact in FACTS},
        batches.last_at - CLOCK_SKEW if batches is not None else NEVER,
    )


def recount(session: Session, member_ids: Sequence[int]) -> None:
    """Count anew what these members left unanswered, and when they were last written to.

    Their rows are held before they are read: an answer that is being noted is waited for.
    """
    if member_ids:
        asked = {"member_ids": list(member_ids)}
        session.execute(_HOLD, asked)
        session.execute(_RECOUNT, asked)


def find_engagement(session: Session, member_id: int) -> Engagement | None:
    """Return what is known of a member, or None."""
    return session.get(Engagement, member_id, populate_existing=True)


def merge_engagement(session: Session, keep_id: int, drop_id: int) -> dict[str, Any]:
    """Let the kept card know what the other one did and was sent; return what would undo it."""
    journal: dict[str, Any] = {"keep": _moments(session, keep_id)}
    journal["drop"] = _moments(session, drop_id)
    if journal["drop"] is None:
        return journal
    moved = session.scalars(
        update(MarketingSent)
        .where(MarketingSent.member_id == drop_id)
        .values(member_id=keep_id)
        .returning(MarketingSent.owed_id)
    )
    journal["messages"] = [str(owed_id) for owed_id in moved]
    session.execute(_MERGE, {"keep_id": keep_id, "drop_id": drop_id})
    forget_engagement(session, drop_id)
    recount(session, [keep_id])
    return journal


def unmerge_engagement(
    session: Session, keep_id: int, drop_id: int, journal: Mapping[str, Any]
) -> None:
    """Give each card its own moments and messages again; what came since stays with the kept."""
    if not journal or journal["drop"] is None:
        return
    own, brought = journal["keep"] or dict.fromkeys(MOMENTS), journal["drop"]
    kept = find_engagement(session, keep_id)
    for name in MOMENTS if kept is not None else ():
        told = [told for told in (own[name], brought[name]) if told is not None]
        newest = max(map(datetime.fromisoformat, told), default=None)
        if getattr(kept, name) == newest:  # Nothing since, so it is what the merge made of it.
            setattr(kept, name, read_moment(own[name]))
    session.add(Engagement(member_id=drop_id, **{n: read_moment(brought[n]) for n in MOMENTS}))
    session.flush()
    ids = [uuid.UUID(owed_id) for owed_id in journal["messages"]]
    session.execute(
        update(MarketingSent)
        .where(MarketingSent.owed_id.in_(ids), MarketingSent.member_id == keep_id)
        .values(member_id=drop_id)
    )
    recount(session, [keep_id, drop_id])


def _moments(session: Session, member_id: int) -> dict[str, str | None] | None:
    found = find_engagement(session, member_id)
    if found is None:
        return None
    moments = ((name, getattr(found, name)) for name in MOMENTS)
    return {name: moment.isoformat() if moment else None for name, moment in moments}


def forget_engagement(session: Session, *member_ids: int) -> None:
    """Delete what is known of these members."""
    for table in (MarketingSent, Engagement):
        session.execute(
            delete(table)
            .where(table.member_id.in_(member_ids))
            .execution_options(synchronize_session=False)
        )


def forget_answered(session: Session, now: datetime, *, limit: int) -> int:
    """Delete up to `limit` old messages that were answered; return how many."""
    asked = {"before": now - KEPT_ANSWERED, "limit": limit}
    return len(session.scalars(_FORGET, asked).all())


def _move(
    session: Session, fact: str, *, last_id: int | None = None, last_at: datetime | None = None
) -> None:
    session.execute(_MOVE, {"fact": fact, "last_id": last_id, "last_at": last_at})


_BEGIN = text("INSERT INTO engagement_mark (fact) VALUES (:fact) ON CONFLICT DO NOTHING")
_MOVE = text(
    squeezed("""
        UPDATE engagement_mark SET last_id = greatest(last_id, CAST(:last_id AS bigint)),
            last_at = greatest(last_at, CAST(:last_at AS timestamptz))
        WHERE fact = :fact
    """)
)


def _noting(column: str, rows: str) -> str:
    """Return the statement that lets `column` rise to the newest of `rows`, by member."""
    return squeezed(f"""
        INSERT INTO engagement (member_id, {column})
        SELECT told.member_id, max(told.at) FROM ({rows}) AS told
        JOIN member ON member.id = told.member_id AND member.erased_at IS NULL
        GROUP BY told.member_id ORDER BY told.member_id
        ON CONFLICT (member_id) DO UPDATE
            SET {column} = greatest(engagement.{column}, excluded.{column})
            WHERE engagement.{column} IS NULL OR engagement.{column} < excluded.{column}
        RETURNING member_id
    """)  # noqa: S608  # Of our own words only.


_NOTE = {
    LINE_EVENTS: text(
        _noting(
            "tapped_at",
            """SELECT member.id AS member_id, fact.received_at AS at
                FROM line_event AS fact JOIN member ON member.line_user_id = fact.person
                WHERE fact.id > :after_id AND fact.id <= :through_id
                    AND fact.event_type = ANY(CAST(:taps AS text[]))""",
        )
    ),
    LOOKS: text(
        _noting(
            "clicked_at",
            """SELECT fact.member_id, fact.occurred_at AS at FROM browse_event AS fact
                WHERE fact.id > :after_id AND fact.id <= :through_id""",
        )
    ),
    CLICKS: text(
        _noting(
            "clicked_at",
            """SELECT fact.member_id, fact.at FROM link_click AS fact
                WHERE fact.id > :after_id AND fact.id <= :through_id""",
        )
    ),
    PURCHASES: text(
        _noting(
            "bought_at",
            """SELECT fact.member_id, fact.purchased_at AS at FROM purchase AS fact
                WHERE fact.id > :after_id AND fact.id <= :through_id""",
        )
    ),
}
"""Rows are taken in the order of members' ids, in which whoever locks several locks them too."""
_SENT = text(
    squeezed("""
        WITH told AS (
            SELECT owed.id, coalesce(member.merged_into_id, member.id) AS member_id, owed.kind,
                owed.settled_at
            FROM outbox AS owed JOIN member ON member.id = owed.member_id
            WHERE owed.settled_at > :after AND owed.state = 'accepted' AND owed.is_marketing
                AND member.erased_at IS NULL
                AND NOT EXISTS (SELECT FROM marketing_sent AS sent WHERE sent.owed_id = owed.id)
            ORDER BY owed.settled_at, owed.seq LIMIT :limit
        ), kept AS (
            INSERT INTO marketing_sent (owed_id, member_id, kind, sent_at)
            SELECT id, member_id, kind, settled_at FROM told ORDER BY member_id
            ON CONFLICT (owed_id) DO NOTHING RETURNING member_id
        ), begun AS (
            INSERT INTO engagement (member_id)
            SELECT DISTINCT member_id FROM kept ORDER BY member_id ON CONFLICT DO NOTHING
        )
        SELECT member_id FROM kept
    """)
)
_NEW_BATCHES = text(
    squeezed(f"""
        SELECT batch.id FROM campaign_run AS run JOIN campaign_batch AS batch
            ON batch.run_id = run.id
        WHERE run.started_at IS NOT NULL AND coalesce(run.spec ->> 'kind', 'marketing') <> 'service'
            AND (run.finished_at IS NULL OR run.finished_at
                > coalesce(CAST(:after AS timestamptz), '-infinity'))
            AND batch.settled_at > coalesce(CAST(:after AS timestamptz), '-infinity')
            AND NOT EXISTS (SELECT FROM (
                SELECT recipient.batch_id, recipient.member_id FROM campaign_recipient AS recipient
                WHERE recipient.batch_id = batch.id
                    AND coalesce(recipient.state, batch.state) = 'accepted' LIMIT 1
            ) AS recipient JOIN marketing_sent AS sent ON sent.owed_id = {RECIPIENT_ID})
        ORDER BY batch.settled_at, batch.id
    """)  # noqa: S608  # Of our own words only.
)
"""A batch is taken over whole or not at all, so one of its recipients says whether it was."""
_SENT_BY_BATCH = text(
    squeezed(f"""
        WITH kept AS (
            INSERT INTO marketing_sent (owed_id, member_id, kind, sent_at)
            SELECT {RECIPIENT_ID}, coalesce(member.merged_into_id, member.id), 'campaign',
                coalesce(recipient.settled_at, batch.settled_at)
            FROM campaign_batch AS batch
            JOIN campaign_recipient AS recipient ON recipient.batch_id = batch.id
            JOIN member ON member.id = recipient.member_id
            WHERE batch.id = ANY(CAST(:batch_ids AS uuid[])) AND member.erased_at IS NULL
                AND coalesce(recipient.state, batch.state) = 'accepted'
            ORDER BY 2 ON CONFLICT (owed_id) DO NOTHING RETURNING member_id
        ), begun AS (
            INSERT INTO engagement (member_id)
            SELECT DISTINCT member_id FROM kept ORDER BY member_id ON CONFLICT DO NOTHING
        )
        SELECT member_id FROM kept
    """)  # noqa: S608  # Of our own words only.
)
_HOLD = text(
    squeezed("""
        SELECT FROM engagement WHERE member_id = ANY(CAST(:member_ids AS bigint[]))
        ORDER BY member_id FOR NO KEY UPDATE
    """)
)
_RECOUNT = text(
    squeezed(f"""
        WITH told AS (
            SELECT kept.member_id, max(sent.sent_at) AS sent_at,
                count(sent.owed_id) FILTER (WHERE sent.sent_at
                    > coalesce({ANSWERED_AT.format("kept")}, '-infinity')) AS unanswered
            FROM engagement AS kept
            LEFT JOIN marketing_sent AS sent ON sent.member_id = kept.member_id
            WHERE kept.member_id = ANY(CAST(:member_ids AS bigint[]))
            GROUP BY kept.member_id
        )
        UPDATE engagement SET unanswered = told.unanswered,
            sent_at = greatest(engagement.sent_at, told.sent_at)
        FROM told WHERE engagement.member_id = told.member_id
            AND (engagement.unanswered, engagement.sent_at) IS DISTINCT FROM
                (told.unanswered, greatest(engagement.sent_at, told.sent_at))
    """)  # noqa: S608  # Of our own words only.
)
_MERGE = text(
    squeezed("""
        INSERT INTO engagement AS kept (member_id, tapped_at, clicked_at, bought_at, sent_at)
        SELECT :keep_id, tapped_at, clicked_at, bought_at, sent_at FROM engagement
        WHERE member_id = :drop_id
        ON CONFLICT (member_id) DO UPDATE SET
            tapped_at = greatest(kept.tapped_at, excluded.tapped_at),
            clicked_at = greatest(kept.clicked_at, excluded.clicked_at),
            bought_at = greatest(kept.bought_at, excluded.bought_at),
            sent_at = greatest(kept.sent_at, excluded.sent_at)
    """)
)
_FORGET = text(
    squeezed(f"""
        DELETE FROM marketing_sent WHERE owed_id IN (
            SELECT sent.owed_id FROM marketing_sent AS sent
            JOIN engagement AS kept ON kept.member_id = sent.member_id
            WHERE sent.sent_at < :before AND sent.sent_at <= {ANSWERED_AT.format("kept")}
            ORDER BY sent.sent_at LIMIT :limit
        ) RETURNING owed_id
    """)  # noqa: S608  # Of our own words only.
)
