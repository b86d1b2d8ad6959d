"""A member's e-mail address: given, confirmed by its owner, stopped, or found to be of nobody.

The doors in mails carry tokens that name the member by number and prove that we wrote them to this
very address, so an address that was changed takes its old links along. A link only asks; what it
asks for is done by a POST, for mail servers follow every link they see.
"""

import base64
import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from hmac import compare_digest

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from models.base import BusinessError, squeezed
from models.channel.table import CONFIRMED, STOPPED, UNCONFIRMED, UNUSABLE, MemberChannel
from models.local_day import day_start, local_day
from models.member import Member
from models.outbox import EMAIL, Owed, owe

CONFIRM_KIND = "email_confirm"
"""The one mail that goes to an address nobody has confirmed."""
CHAT, IMPORT = "chat", "import"
"""Who told an address."""
GOOD_FOR = timedelta(hours=24)
MOST_ASKED = 5
"""So many of these mails go out for one member a day, whatever addresses they tell us."""
LONGEST, LONGEST_LOCAL = 254, 64
_ADDRESS = re.compile(
    r"(?P<local>[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*)"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
)
CONFIRM, STOP = b"confirm", b"stop"
"""What a token in a mail is for."""
_MEMBER_BYTES, _MINUTE_BYTES, _PROOF_BYTES = 6, 4, 14
_SHAPE = re.compile(r"[A-Za-z0-9_-]{32}")


class NotAnEmail(BusinessError):
    """What was typed is no e-mail address that mails could be sent to."""

    code = "not_an_email"


class AskedTooOften(BusinessError):
    """So many confirmation mails went out today that no more do; `most` says how many."""

    code = "email_asked_too_often"


class EmailLinkRefused(BusinessError):
    """The link is none of ours, its day is over, or the address has changed since."""

    code = "email_link_refused"


def normal_email(typed: str) -> str:
    """Return an address as we keep it: small letters, nothing around it. Raises NotAnEmail."""
    address = unicodedata.normalize("NFKC", typed[: LONGEST * 2]).strip().lower()
    found = _ADDRESS.fullmatch(address)
    if found is None or len(address) > LONGEST or len(found["local"]) > LONGEST_LOCAL:
        raise NotAnEmail
    return address


def masked_email(address: str) -> str:
    """Return an address as it may be shown: `a•••@g•••.com`."""
    local, _, domain = address.partition("@")
    return f"{local[:1]}•••@{domain[:1]}•••.{domain.rpartition('.')[2]}"


def find_channel(session: Session, member_id: int) -> MemberChannel | None:
    """Return a member's address and preference, or None where nothing is kept."""
    return session.get(MemberChannel, member_id, populate_existing=True)


def hold_channel(session: Session, member_id: int) -> MemberChannel:
    """Return a member's row, locked; made where there is none."""
    session.execute(_BEGIN, {"member_id": member_id})
    return session.get_one(MemberChannel, member_id, with_for_update=True, populate_existing=True)


def give_email(session: Session, member: Member, typed: str, *, key: str, now: datetime) -> str:
    """Keep the address a member told us and owe it a mail that asks for confirmation; return it.

    An address confirmed before stays so, and no mail goes out. Raises NotAnEmail or AskedTooOften.
    """
    address = normal_email(typed)
    row = hold_channel(session, member.id)
    if row.email == address and row.email_state == CONFIRMED:
        return address
    _check_pace(session, member.id, now)
    row.email, row.email_state = address, UNCONFIRMED
    row.email_source, row.email_at = CHAT, now
    session.flush()
    owe(
        session,
        member.line_user_id or "",
        CONFIRM_KIND,
        {},
        language=member.language,
        idempotency_key=f"{CONFIRM_KIND}:{key}",
        now=now,
        member_id=member.id,
        useful_until=now + GOOD_FOR,
        channel=EMAIL,
    )
    return address


def _check_pace(session: Session, member_id: int, now: datetime) -> None:
    asked = session.scalar(
        select(func.count()).where(
            Owed.member_id == member_id,
            Owed.kind == CONFIRM_KIND,
            Owed.created_at >= day_start(local_day(now)),
        )
    )
    if (asked or 0) >= MOST_ASKED:
        raise AskedTooOften(most=MOST_ASKED)


def drop_email(session: Session, member_id: int) -> None:
    """Forget a member's address, because they want us to; what they chose of channels goes too.

    An import no longer knows them by it either.
    """
    row = hold_channel(session, member_id)
    row.email = row.email_state = row.email_source = row.email_at = None
    row.chosen = row.chosen_by = row.chosen_at = None
    session.flush()
    session.execute(_FORGET_ALIAS, {"member_id": member_id})


def confirm_token(key: bytes, member_id: int, address: str, now: datetime) -> str:
    """Return what proves, for a day, that whoever holds it reads this member's mail."""
    return _token(key, CONFIRM, member_id, address, now + GOOD_FOR)


def stop_token(key: bytes, member_id: int, address: str) -> str:
    """Return what lets the reader of a mail end these mails, for as long as they come."""
    return _token(key, STOP, member_id, address, None)


def find_by_token(session: Session, key: bytes, what: bytes, token: str, now: datetime) -> int:
    """Return whose address a token of ours is about. Raises EmailLinkRefused."""
    if not _SHAPE.fullmatch(token):
        raise EmailLinkRefused
    raw = base64.urlsafe_b64decode(token)
    member_id = int.from_bytes(raw[:_MEMBER_BYTES], "big")
    minute = int.from_bytes(raw[_MEMBER_BYTES : _MEMBER_BYTES + _MINUTE_BYTES], "big")
    until = datetime.fromtimestamp(minute * 60, UTC) if minute else None
    row = find_channel(session, member_id)
    if row is None or row.email is None or (until is not None and now >= until):
        raise EmailLinkRefused
    if not compare_digest(_token(key, what, member_id, row.email, until), token):
        raise EmailLinkRefused
    return member_id


def confirm_email(session: Session, member_id: int, now: datetime) -> None:
    """Note that the member reads what goes to their address, which is now as if they told it."""
    _change_state(
        session, member_id, CONFIRMED, (UNCONFIRMED, STOPPED, UNUSABLE), now, email_source=CHAT
    )


def stop_email(session: Session, member_id: int, now: datetime) -> None:
    """End the mails to a member's address; LINE is another matter."""
    _change_state(session, member_id, STOPPED, (UNCONFIRMED, CONFIRMED, UNUSABLE), now)


def mark_unusable(session: Session, address: str, now: datetime) -> None:
    """Note that a mail server knows nobody of this address; nothing more is sent there."""
    session.execute(
        update(MemberChannel)
        .where(
            MemberChannel.email == address, MemberChannel.email_state.in_((UNCONFIRMED, CONFIRMED))
        )
        .values(email_state=UNUSABLE, email_at=now)
        .execution_options(synchronize_session=False)
    )


def _change_state(
    session: Session,
    member_id: int,
    to: str,
    before: Sequence[str],
    now: datetime,
    **also: str,
) -> None:
    session.execute(
        update(MemberChannel)
        .where(MemberChannel.member_id == member_id, MemberChannel.email_state.in_(before))
        .values(email_state=to, email_at=now, **also)
        .execution_options(synchronize_session=False)
    )


def keep_imported(session: Session, told: Sequence[tuple[int, str, bool]], now: datetime) -> int:
    """Keep addresses an import brings, `(member, address, consented)`; return how many were new.

    Where the shop states the member's consent they are confirmed. One kept before stays; what is
    no address we could write to is left out.
    """
    fit = [one for one in told if _is_email(one[1])]
    if not fit:
        return 0
    ids, addresses, consented = zip(*fit, strict=True)
    asked = {"ids": list(ids), "emails": list(addresses), "yes": list(consented), "now": now}
    return len(session.scalars(_KEEP, asked).all())


def forget_imported(session: Session, told: Sequence[tuple[int, str]]) -> None:
    """Take back `(member, address)` of an import that is undone, unless they confirmed it since."""
    if told:
        ids, addresses = zip(*told, strict=True)
        session.execute(_TAKE_BACK, {"ids": list(ids), "emails": list(addresses)})


def _is_email(address: str) -> bool:
    try:
        return normal_email(address) == address
    except NotAnEmail:
        return False


def _token(key: bytes, what: bytes, member_id: int, address: str, until: datetime | None) -> str:
    minute = int(until.timestamp()) // 60 if until is not None else 0
    body = member_id.to_bytes(_MEMBER_BYTES, "big") + minute.to_bytes(_MINUTE_BYTES, "big")
    proof = blake2b(body + address.encode(), key=key, digest_size=_PROOF_BYTES, person=what)
    return base64.urlsafe_b64encode(body + proof.digest()).decode()


_BEGIN = text("INSERT INTO member_channel (member_id) VALUES (:member_id) ON CONFLICT DO NOTHING")
_FORGET_ALIAS = text("DELETE FROM member_alias WHERE member_id = :member_id AND source = 'email'")
_TAKE_BACK = text(
    squeezed(f"""
        UPDATE member_channel AS kept SET email = NULL, email_state = NULL, email_source = NULL,
            email_at = NULL
        FROM unnest(CAST(:ids AS bigint[]), CAST(:emails AS text[])) AS told (id, email)
        WHERE kept.member_id = told.id AND kept.email = told.email
            AND kept.email_source = '{IMPORT}'
    """)  # noqa: S608  # Of our own words only.
)
_KEEP = text(
    squeezed(f"""
        INSERT INTO member_channel AS kept (member_id, email, email_state, email_source, email_at)
        SELECT told.id, told.email, CASE WHEN told.yes THEN '{CONFIRMED}' ELSE '{UNCONFIRMED}' END,
            '{IMPORT}', :now
        FROM unnest(CAST(:ids AS bigint[]), CAST(:emails AS text[]), CAST(:yes AS boolean[]))
            AS told (id, email, yes)
        JOIN member ON member.id = told.id AND member.erased_at IS NULL
        ORDER BY told.id
        ON CONFLICT (member_id) DO UPDATE SET email = excluded.email,
            email_state = excluded.email_state, email_source = excluded.email_source,
            email_at = excluded.email_at
            WHERE kept.email IS NULL
        RETURNING member_id
    """)  # noqa: S608  # Of our own words only.
)
