"""The outbox: what we owe a person in LINE, a row written with the fact that made it true.

A row's life: waiting → accepted (LINE took it), refused (LINE said no, and why), skipped (we did
not send it, and why) or unknown (a day of tries without a clear answer). Its id is LINE's retry
key, so it exists before the first try. A claim is a lease: `next_try_at` moves into the future,
and a worker that dies simply lets it come round again.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Moment
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


class Owed(Base):
    """One message (or rich menu) a person is owed; `words` are the business's facts for it."""

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint("state IN ('" + "', '".join(STATES) + "')", name="state_known"),
        CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name="settled_when"),
        CheckConstraint("(reply_token IS NULL) = (reply_until IS NULL)", name="token_has_end"),
        Index("ix_outbox_due", "next_try_at", "seq", postgresql_where="state = 'waiting'"),
        Index("ix_outbox_settled_at", "settled_at", postgresql_where="settled_at IS NOT NULL"),
        Index("ix_outbox_line_user_id", "line_user_id", "seq"),
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

    def is_late(self, now: datetime) -> bool:
        """Tell whether this is a reply whose token is too old to be used."""
        return self.reply_until is not None and now >= self.reply_until


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
) -> Owed:
    """Add a message to push. A second one under the same key fails the caller's transaction.

    Where `held_back` says why it is not to be sent, the row is skipped at once, for that reason.
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
        next_try_at=now,
        state="waiting" if held_back is None else "skipped",
        settled_at=None if held_back is None else now,
        reason=held_back,
    )
    session.add(row)
    if held_back is None:
        session.info["owes"] = True
    return row


_TABLE = cast(Table, Owed.__table__)
_INSERT = insert(_TABLE)
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

    The row is written at once; what is returned belongs to no session.
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
    session.execute(_INSERT, {name: getattr(row, name) for name in _REPLY_COLUMNS})
    return row


def withdraw(session: Session, idempotency_key: str, now: datetime) -> None:
    """Skip what waits under this key: it is said in another way, in the same transaction."""
    session.execute(
        update(Owed)
        .where(Owed.idempotency_key == idempotency_key, Owed.state == "waiting", Owed.tries == 0)
        .values(state="skipped", settled_at=now, reason="said otherwise", words={})
        .execution_options(synchronize_session=False)
    )


def claim_owed(session: Session, *, limit: int, now: datetime) -> list[Claim]:
    """Claim up to `limit` due rows for one lease, oldest first; live claims are passed over.

    A reply that came too late for its token, and surely was not said, goes on as a push here.
    """
    due = session.scalars(
        select(Owed)
        .where(Owed.state == "waiting", Owed.next_try_at <= now)
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
            created_at=now,
            useful_until=Owed.useful_until - played_at + now,
        )
        .returning(Owed.id)
    )
    return len(moved.all())


def forget_settled(session: Session, before: datetime, *, limit: int) -> int:
    """Delete up to `limit` rows settled before a moment."""
    oldest = select(Owed.id).where(Owed.settled_at < before).order_by(Owed.settled_at).limit(limit)
    gone = session.scalars(delete(Owed).where(Owed.id.in_(oldest)).returning(Owed.id))
    return len(gone.all())


def count_due(session: Session, now: datetime) -> int:
    """Return how many rows wait although they are due."""
    return (
        session.scalar(select(func.count()).where(Owed.state == "waiting", Owed.next_try_at <= now))
        or 0
    )
