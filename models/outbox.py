"""The outbox: what we owe a person in LINE, a row written with the fact that made it true.

A row's life: waiting → accepted (LINE took it), refused (LINE said no, and why), skipped (we did
not send it, and why) or unknown (a day of tries without a clear answer). Its id is LINE's retry
key, so it exists before the first try. A claim is a lease: `next_try_at` moves into the future,
and a worker that dies simply lets it come round again.

A nudge has a `push_at`: until then it waits for a reply that carries it for nothing
(`models/outreach/riding.py`), and only at that moment does it become a push.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Identity,
    Index,
    Table,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Moment, squeezed
from models.friend import Friend
from models.member import Member

LEASE = timedelta(seconds=20)
"""Longer than any call to LINE may take, so that a live claim is never taken over."""
RETRY_KEY_LIFE = timedelta(hours=24)
"""After this LINE forgets a retry key and would send again (LINE, Retry failed API requests)."""
REPLY_TOKEN_LIFE = timedelta(seconds=55)
"""A reply token is good for a minute from the webhook; we leave a margin."""
KEPT_DAYS = 30
STATES = ("waiting", "accepted", "refused", "skipped", "unknown")
MENU_KIND = "rich_menu"
REPLY_KIND = "reply"
LINE, EMAIL = "line", "email"
CHANNELS = (LINE, EMAIL)
HIGHEST_PRIORITY = 100


class Owed(Base):
    """One message (or rich menu) a person is owed; `words` are the business's facts for it."""

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint("state IN ('" + "', '".join(STATES) + "')", name="state_known"),
        CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name="settled_when"),
        CheckConstraint("(reply_token IS NULL) = (reply_until IS NULL)", name="token_has_end"),
        CheckConstraint(f"priority BETWEEN 0 AND {HIGHEST_PRIORITY}", name="priority_in_range"),
        CheckConstraint("channel IN ('" + "', '".join(CHANNELS) + "')", name="channel_known"),
        CheckConstraint("rides_on IS NULL OR push_at IS NOT NULL", name="rider_is_nudge"),
        Index("ix_outbox_due", "next_try_at", "seq", postgresql_where="state = 'waiting'"),
        Index("ix_outbox_settled_at", "settled_at", postgresql_where="settled_at IS NOT NULL"),
        Index("ix_outbox_line_user_id", "line_user_id", "seq"),
        Index(
            "ix_outbox_nudge",
            "line_user_id",
            postgresql_where="state = 'waiting' AND push_at IS NOT NULL AND rides_on IS NULL",
        ),
        Index("ix_outbox_rides_on", "rides_on", postgresql_where="rides_on IS NOT NULL"),
        Index("ix_outbox_visit_id", "visit_id", postgresql_where="visit_id IS NOT NULL"),
        Index("ix_outbox_marketing", "member_id", postgresql_where="is_marketing"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    seq: Mapped[int] = mapped_column(BigInteger, Identity())
    line_user_id: Mapped[str]
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    kind: Mapped[str]
    words: Mapped[dict[str, Any]] = mapped_column(JSON)
    language: Mapped[str]
    is_marketing: Mapped[bool] = mapped_column(default=False)
    reply_token: Mapped[str | None]
    reply_until: Mapped[datetime | None]
    push_if_late: Mapped[bool] = mapped_column(default=True)
    """Whether it may become a push, which costs money, when no reply can carry it."""
    useful_until: Mapped[datetime | None]
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(default="waiting")
    via: Mapped[str | None]
    """How LINE took it: `reply` (free) or `push`."""
    tries: Mapped[int] = mapped_column(default=0)
    in_doubt: Mapped[bool] = mapped_column(default=False)
    """Whether LINE may have it already: a try is under way, or ended without an answer."""
    created_at: Mapped[Moment]
    next_try_at: Mapped[Moment]
    first_try_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    status: Mapped[int | None]
    request_id: Mapped[str | None]
    reason: Mapped[str | None]
    source: Mapped[str | None]
    """What it came of: `journey:<code>:<version>:<step>`, `test:<campaign>`; None: a deed."""
    purpose: Mapped[str | None]
    """What it is for, where the kind does not say it: `win_back` of a drawn content."""
    priority: Mapped[int | None]
    """Who goes first where only one may; None: as the shop's rules have it for its source."""
    visit_id: Mapped[int | None] = mapped_column(BigInteger)
    """The visit of a journey that owes it."""
    push_at: Mapped[datetime | None]
    """Set where it waits for a free reply: the moment at which it is pushed after all."""
    rides_on: Mapped[uuid.UUID | None]
    """The reply that carries it."""
    channel: Mapped[str] = mapped_column(default=LINE, server_default=LINE)

    @property
    def intent(self) -> str:
        """What the rules of outreach know it as."""
        return self.purpose or self.kind

    def is_late(self, now: datetime) -> bool:
        """Tell whether this is a reply whose token is too old to be used."""
        return self.reply_until is not None and now >= self.reply_until


class DeliveryMonth(Base):
    """How many messages went in which way in a Taipei month, of those already forgotten."""

    __tablename__ = "delivery_month"
    __table_args__ = (CheckConstraint("messages >= 0", name="messages_not_negative"),)

    month: Mapped[date] = mapped_column(primary_key=True)
    way: Mapped[str] = mapped_column(primary_key=True)
    messages: Mapped[int] = mapped_column(BigInteger)


@dataclass(frozen=True)
class Claim:
    """A row that is ours for one lease, and whether an earlier try may have been accepted."""

    owed: Owed
    was_in_doubt: bool


@dataclass(frozen=True)
class Receiver:
    """What is true of a person just before a try: may they be written to at all?"""

    is_friend: bool
    is_member: bool
    marketing_allowed: bool


STRANGER = Receiver(is_friend=False, is_member=False, marketing_allowed=False)


def owe(
    session: Session,
    line_user_id: str,
    kind: str,
    words: dict[str, Any],
    *,
    language: str,
    idempotency_key: str,
    now: datetime,
    member_id: int | None = None,
    is_marketing: bool = False,
    useful_until: datetime | None = None,
    held_back: str | None = None,
    source: str | None = None,
    purpose: str | None = None,
    priority: int | None = None,
    visit_id: int | None = None,
    push_at: datetime | None = None,
    channel: str = LINE,
) -> Owed:
    """Add a message to push. A second one under the same key fails the caller's transaction.

    Where `held_back` says why it is not to be sent, the row is skipped at once, for that reason.
    With a `push_at` it waits until then for a reply of the person that carries it for nothing.
    """
    row = Owed(
        id=uuid.uuid4(),
        line_user_id=line_user_id,
        member_id=member_id,
        kind=kind,
        words=words if held_back is None else {},
        language=language,
        is_marketing=is_marketing,
        useful_until=useful_until,
        idempotency_key=idempotency_key,
        created_at=now,
        next_try_at=push_at or now,
        state="waiting" if held_back is None else "skipped",
        settled_at=None if held_back is None else now,
        reason=held_back,
        source=source,
        purpose=purpose,
        priority=priority,
        visit_id=visit_id,
        push_at=push_at,
        channel=channel,
    )
    session.add(row)
    if held_back is None and push_at is None:
        session.info["owes"] = True
    return row


_TABLE = cast(Table, Owed.__table__)
_HAS_NUDGES: ColumnElement[bool] = literal_column(
    "EXISTS (SELECT FROM outbox AS nudge WHERE nudge.line_user_id = outbox.line_user_id"
    " AND nudge.state = 'waiting' AND nudge.push_at IS NOT NULL AND nudge.rides_on IS NULL)",
    Boolean,
)
"""Whether something waits that could ride on the reply that is just written."""
_INSERT_REPLY = insert(_TABLE).returning(_HAS_NUDGES)


_USUAL_PUSH = {
    "is_marketing": False,
    "push_if_late": True,
    "state": "waiting",
    "tries": 0,
    "in_doubt": False,
    "channel": LINE,
}
_PUSH_COLUMNS = (
    "id, line_user_id, member_id, kind, words, language, is_marketing, push_if_late, useful_until,"
    " idempotency_key, state, tries, in_doubt, created_at, next_try_at, source, purpose, priority,"
    " visit_id, push_at, channel"
)
_INSERT_PUSHES = text(
    f"INSERT INTO outbox ({_PUSH_COLUMNS}) SELECT {_PUSH_COLUMNS}"  # noqa: S608  # Our own words.
    " FROM json_populate_recordset(CAST(NULL AS outbox), CAST(:rows AS json))"
)
"""One statement for any number. JSON as it came, not JSONB: words may hold a NUL escape."""


def owe_many(session: Session, pushes: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Add many messages to push at once, past the mapper: each one's columns, as `owe` fills them.

    Told are `line_user_id`, `kind`, `words`, `language`, `idempotency_key`, and what else there
    is, the same columns for all. One key twice fails the caller's transaction.
    """
    if not pushes:
        return
    rows = [
        {
            **_USUAL_PUSH,
            **push,
            "id": str(uuid.uuid4()),
            "created_at": now,
            "next_try_at": push.get("push_at") or now,
        }
        for push in pushes
    ]
    session.execute(_INSERT_PUSHES, {"rows": json.dumps(rows, default=datetime.isoformat)})
    if any(push.get("push_at") is None for push in pushes):
        session.info["owes"] = True


_REPLY_COLUMNS = (
    "id",
    "line_user_id",
    "kind",
    "words",
    "language",
    "is_marketing",
    "reply_token",
    "reply_until",
    "push_if_late",
    "idempotency_key",
    "state",
    "created_at",
    "next_try_at",
    "first_try_at",
    "tries",
    "in_doubt",
)


def owe_reply(
    session: Session,
    line_user_id: str | None,
    messages: Sequence[dict[str, Any]],
    *,
    reply_token: str,
    received_at: datetime,
    language: str,
    push_if_late: bool,
    idempotency_key: str,
    now: datetime,
) -> Owed:
    """Add the answer to an event, claimed by the caller, who sends it right after the commit.

    The row is written at once; what is returned belongs to no session. Where nudges of the person
    wait that could ride on it, `session.info["nudges"]` says so: asked in the same statement.
    """
    row = Owed(
        id=uuid.uuid4(),
        line_user_id=line_user_id or "",
        kind=REPLY_KIND,
        words={"messages": list(messages)},
        language=language,
        reply_token=reply_token,
        reply_until=received_at + REPLY_TOKEN_LIFE,
        push_if_late=push_if_late,
        idempotency_key=idempotency_key,
        created_at=now,
        next_try_at=now + LEASE,
        first_try_at=now,
        tries=1,
        in_doubt=True,
        is_marketing=False,
        state="waiting",
    )
    has_nudges = session.scalar(
        _INSERT_REPLY, {name: getattr(row, name) for name in _REPLY_COLUMNS}
    )
    if has_nudges and line_user_id:
        session.info["nudges"] = True
    return row


def withdraw(session: Session, idempotency_key: str, now: datetime) -> None:
    """Skip what waits under this key: it is said in another way, in the same transaction."""
    session.execute(
        update(Owed)
        .where(Owed.idempotency_key == idempotency_key, Owed.state == "waiting", Owed.tries == 0)
        .values(state="skipped", settled_at=now, reason="said otherwise", words={})
        .execution_options(synchronize_session=False)
    )


def withdraw_visits(session: Session, visit_ids: Sequence[int], reason: str, now: datetime) -> int:
    """Skip what these visits of journeys have waiting and nobody is sending; return how many."""
    if not visit_ids:
        return 0
    gone = session.scalars(
        update(Owed)
        .where(Owed.visit_id.in_(visit_ids), Owed.state == "waiting", Owed.in_doubt.is_(False))
        .values(state="skipped", settled_at=now, reason=reason, words={})
        .returning(Owed.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())


def claim_owed(session: Session, *, limit: int, now: datetime, channel: str = LINE) -> list[Claim]:
    """Claim up to `limit` due rows for one lease, oldest first; live claims are passed over.

    A reply that came too late for its token, and surely was not said, goes on as a push here.
    """
    due = session.scalars(
        select(Owed)
        .where(
            Owed.state == "waiting",
            Owed.next_try_at <= now,
            Owed.rides_on.is_(None),
            Owed.channel == channel,
        )
        .order_by(Owed.next_try_at, Owed.seq)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    claims = [Claim(row, was_in_doubt=row.in_doubt) for row in sorted(due, key=lambda r: r.seq)]
    for row in due:
        if row.is_late(now) and row.push_if_late and not row.in_doubt:
            row.reply_token = row.reply_until = None
        row.next_try_at = now + LEASE
        row.tries += 1
        row.in_doubt = True
        row.first_try_at = row.first_try_at or now
    return claims


def release_claims(session: Session, now: datetime) -> int:
    """Make what is claimed due `now`: for the only worker alive, since dead ones claimed it.

    Rows that pause after a try without an answer are released too; they were due soon anyway.
    """
    released = session.execute(
        update(Owed)
        .where(
            Owed.state == "waiting",
            Owed.in_doubt,
            Owed.next_try_at > now,
            Owed.next_try_at <= now + LEASE,
        )
        .values(next_try_at=now)
        .returning(Owed.id)
    )
    return len(released.all())


def receivers_of(session: Session, people: Iterable[str]) -> dict[str, Receiver]:
    """Return what is true now of each known person, by LINE user id, in one query."""
    found = session.execute(
        select(Friend.line_user_id, Friend.is_following, Member.marketing_allowed)
        .join(Member, Member.line_user_id == Friend.line_user_id, isouter=True)
        .where(Friend.line_user_id.in_(set(people)))
    )
    return {
        line_user_id: Receiver(
            is_friend=following, is_member=allowed is not None, marketing_allowed=bool(allowed)
        )
        for line_user_id, following, allowed in found
    }


WAYS = ("ride", "nudge", "push", "reply")
WAY = """CASE WHEN via = 'reply' AND push_at IS NOT NULL THEN 'ride' WHEN via = 'reply' THEN 'reply'
    WHEN push_at IS NOT NULL THEN 'nudge' ELSE 'push' END"""
"""How an accepted row went: a nudge for nothing or as a push, another push, an answer."""
DELIVERED = "state = 'accepted' AND via IN ('reply', 'push')"
MONTH = "CAST(date_trunc('month', settled_at AT TIME ZONE 'Asia/Taipei') AS date)"
_FORGET = text(
    squeezed(f"""
        WITH gone AS (
            DELETE FROM outbox WHERE id IN (
                SELECT id FROM outbox WHERE settled_at < :before ORDER BY settled_at LIMIT :limit
            ) RETURNING state, via, push_at, settled_at
        ), counted AS (
            INSERT INTO delivery_month AS kept (month, way, messages)
            SELECT {MONTH}, {WAY}, count(*) FROM gone WHERE {DELIVERED} GROUP BY 1, 2
            ON CONFLICT (month, way) DO UPDATE SET messages = kept.messages + excluded.messages
        )
        SELECT count(*) FROM gone
    """)  # noqa: S608  # Of our own words only.
)
_SETTLE = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("owed_id"), _TABLE.c.state == "waiting")
    .values(
        state=bindparam("new_state"),
        settled_at=bindparam("at"),
        via=bindparam("new_via"),
        status=bindparam("new_status"),
        request_id=bindparam("new_request_id"),
        reason=bindparam("new_reason"),
        words={},
        reply_token=None,
        reply_until=None,
    )
)


def settle(
    session: Session,
    owed_id: uuid.UUID,
    state: str,
    now: datetime,
    *,
    via: str | None = None,
    status: int | None = None,
    request_id: str | None = None,
    reason: str | None = None,
) -> None:
    """End a row's life; its words are emptied, for they are personal and no longer needed."""
    session.execute(
        _SETTLE,
        {
            "owed_id": owed_id,
            "new_state": state,
            "at": now,
            "new_via": via,
            "new_status": status,
            "new_request_id": request_id,
            "new_reason": reason,
        },
    )


def try_again_at(
    session: Session,
    owed_id: uuid.UUID,
    moment: datetime,
    *,
    in_doubt: bool,
    status: int | None = None,
    reason: str | None = None,
) -> None:
    """Give a claimed row back, due again at `moment`."""
    session.execute(
        update(Owed)
        .where(Owed.id == owed_id, Owed.state == "waiting")
        .values(next_try_at=moment, in_doubt=in_doubt, status=status, reason=reason)
    )


def put_off(
    session: Session, owed_id: uuid.UUID, moment: datetime, *, in_doubt: bool, reason: str | None
) -> None:
    """Give a claimed row back untried, due again at `moment`, for this reason.

    Its first try is still to come, unless LINE may have it already from an earlier one.
    """
    untried = {} if in_doubt else {"first_try_at": None}
    session.execute(
        update(Owed)
        .where(Owed.id == owed_id, Owed.state == "waiting")
        .values(next_try_at=moment, in_doubt=in_doubt, reason=reason, **untried)
    )


def become_push(session: Session, owed_id: uuid.UUID, now: datetime) -> None:
    """Let a reply whose token is dead go on as a push, due now, under a key not used before."""
    session.execute(
        update(Owed)
        .where(Owed.id == owed_id, Owed.state == "waiting")
        .values(
            reply_token=None, reply_until=None, next_try_at=now, in_doubt=False, first_try_at=None
        )
    )


def release_by_hand(session: Session, played_at: datetime, now: datetime) -> int:
    """Make what a job played at another moment owes due `now`; return how many rows.

    Their useful time is moved along, so that playing yesterday or next month still delivers.
    """
    moved = session.execute(
        update(Owed)
        .where(Owed.created_at == played_at, Owed.state == "waiting")
        .values(
            next_try_at=now,
            push_at=None,
            created_at=now,
            useful_until=Owed.useful_until - played_at + now,
        )
        .returning(Owed.id)
    )
    return len(moved.all())


def forget_settled(session: Session, before: datetime, *, limit: int) -> int:
    """Delete up to `limit` rows settled before a moment; what LINE took of them stays counted."""
    return session.scalar(_FORGET, {"before": before, "limit": limit}) or 0


def count_due(session: Session, now: datetime) -> int:
    """Return how many rows wait although they are due; what rides on a reply is with it."""
    due = (Owed.state == "waiting", Owed.next_try_at <= now, Owed.rides_on.is_(None))
    return session.scalar(select(func.count()).where(*due)) or 0
