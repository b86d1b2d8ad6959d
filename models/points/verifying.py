"""Verifying: work the whole ledger out again and name whatever does not fit.

An entry's content is the JSON array of its columns, in the order below, its moment in UTC to the
microsecond, written as PostgreSQL's `json_build_array` writes it; its hash is SHA-256 over the
hash of the member's entry before it (nothing for the first) and that text in UTF-8. Nothing here
uses the database's own trigger: who changed that is found as well.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.member import Member
from models.points.sealing import list_broken_seals

MEMBERS_AT_ONCE = 1_000
MOST_FAULTS_AT_ONCE = 1_000

_CHAIN = text("""
    SELECT member_id, seq, id, CASE
        WHEN seq > seq_before + 1 THEN 'removed'
        WHEN hash <> sha256(hash_before || convert_to(content, 'UTF8')) THEN 'changed'
        ELSE 'wrong_sum' END AS what, seq_before
    FROM (
        SELECT id, member_id, seq, hash,
            json_build_array(id, member_id, seq, points, balance_after, pending, pending_after,
                tier_points, tier_points_after, forgiven, reason, purchase_id, answers_id,
                staff_id, store_id, note, idempotency_key,
                to_char(posted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
            )::text AS content,
            coalesce(lag(seq) OVER chain, 0) AS seq_before,
            coalesce(lag(hash) OVER chain, ''::bytea) AS hash_before,
            balance_after - points = coalesce(lag(balance_after) OVER chain, 0)
                AND pending_after - pending = coalesce(lag(pending_after) OVER chain, 0)
                AND tier_points_after - tier_points = coalesce(lag(tier_points_after) OVER chain, 0)
                AS adds_up
        FROM points_entry WHERE member_id > :after_id AND member_id <= :last_id
        WINDOW chain AS (PARTITION BY member_id ORDER BY seq)
    ) AS chained
    WHERE seq <> seq_before + 1 OR NOT adds_up
        OR hash <> sha256(hash_before || convert_to(content, 'UTF8'))
    ORDER BY member_id, seq LIMIT :most
""")

_FIGURES = text("""
    SELECT member.id, coalesce(entries.seq, 0), entries.last_id,
        member.points, coalesce(entries.points, 0),
        member.points_pending, coalesce(entries.pending, 0),
        member.tier_points, coalesce(entries.tier_points, 0)
    FROM member LEFT JOIN (
        SELECT member_id, max(seq) AS seq, max(id) AS last_id, sum(points) AS points,
            sum(pending) AS pending, sum(tier_points) AS tier_points
        FROM points_entry WHERE member_id > :after_id AND member_id <= :last_id GROUP BY member_id
    ) AS entries ON entries.member_id = member.id
    WHERE member.id > :after_id AND member.id <= :last_id AND (
        member.points <> coalesce(entries.points, 0)
        OR member.points_pending <> coalesce(entries.pending, 0)
        OR member.tier_points <> coalesce(entries.tier_points, 0))
    ORDER BY member.id LIMIT :most
""")

_BALANCES = text("""
    SELECT member.id, member.points, coalesce(lots.active, 0),
        member.points_pending, coalesce(lots.pending, 0)
    FROM member LEFT JOIN (
        SELECT member_id, sum(remaining) FILTER (WHERE pending_until IS NULL) AS active,
            sum(remaining) FILTER (WHERE pending_until IS NOT NULL) AS pending
        FROM points_lot
        WHERE member_id > :after_id AND member_id <= :last_id AND remaining > 0
        GROUP BY member_id
    ) AS lots ON lots.member_id = member.id
    WHERE member.id > :after_id AND member.id <= :last_id AND (
        greatest(member.points, 0) <> coalesce(lots.active, 0)
        OR member.points_pending <> coalesce(lots.pending, 0))
    ORDER BY member.id LIMIT :most
""")

_LOTS = text("""
    SELECT lot.member_id, entry.seq, lot.entry_id,
        lot.granted - lot.repaid - lot.remaining, coalesce(sum(take.points), 0)
    FROM points_lot AS lot
    JOIN points_entry AS entry ON entry.id = lot.entry_id
    LEFT JOIN points_take AS take ON take.lot_id = lot.entry_id
    WHERE lot.entry_id IN (
        SELECT id FROM points_entry WHERE member_id > :after_id AND member_id <= :last_id)
    GROUP BY lot.entry_id, entry.seq
    HAVING lot.granted - lot.repaid - lot.remaining <> coalesce(sum(take.points), 0)
    ORDER BY lot.member_id, entry.seq LIMIT :most
""")

Progress = Callable[[int, int], None]
"""Told after each part: the members verified so far, and all there are."""


@dataclass(frozen=True)
class Fault:
    """Something in the ledger that cannot be: whose, which entry, and what is wrong with it.

    `what` is stable: `changed`, `removed`, `wrong_sum`, `figure`, `lots`, `lot` or `seal`.
    """

    what: str
    words: str
    member_id: int | None = None
    seq: int | None = None
    entry_id: int | None = None

    def __str__(self) -> str:
        """Return one line: where, and what is wrong."""
        places = (("member", self.member_id), ("seq", self.seq), ("entry", self.entry_id))
        where = " ".join(f"{name} {value}" for name, value in places if value is not None)
        return f"{where or 'ledger'}: {self.what}: {self.words}"


def verify_ledger(session: Session, progress: Progress | None = None) -> Iterator[Fault]:
    """Yield every fault of the ledger, member by member, then those of the seals.

    Reads bounded ranges of members, so memory stays flat; only reads, so it may run beside tills.
    """
    last_id = session.scalar(select(func.max(Member.id))) or 0
    total = session.scalar(select(func.count()).select_from(Member)) or 0
    after_id, seen = 0, 0
    while after_id < last_id:
        ids = session.scalars(
            select(Member.id).where(Member.id > after_id).order_by(Member.id).limit(MEMBERS_AT_ONCE)
        ).all()
        yield from _verify_members(session, after_id, ids[-1])
        after_id, seen = ids[-1], seen + len(ids)
        if progress is not None:
            progress(seen, total)
    yield from _verify_seals(session)


def verify_member(session: Session, member_id: int) -> list[Fault]:
    """Return the faults of one member's ledger."""
    return list(_verify_members(session, member_id - 1, member_id))


def _verify_members(session: Session, after_id: int, last_id: int) -> Iterator[Fault]:
    asked = {"after_id": after_id, "last_id": last_id, "most": MOST_FAULTS_AT_ONCE}
    for member_id, seq, entry_id, what, seq_before in session.execute(_CHAIN, asked).all():
        yield Fault(what, _broken_link(what, seq, seq_before), member_id, seq, entry_id)
    for member_id, seq, entry_id, *figures in session.execute(_FIGURES, asked).all():
        words = _pairs(("points", "pending", "tier points"), figures)
        yield Fault("figure", f"member and entries differ: {words}", member_id, seq, entry_id)
    for member_id, *figures in session.execute(_BALANCES, asked).all():
        words = _pairs(("points", "pending"), figures)
        yield Fault("lots", f"member and open lots differ: {words}", member_id)
    for member_id, seq, entry_id, gone, taken in session.execute(_LOTS, asked).all():
        words = f"{gone} points are gone from this lot, {taken} were taken"
        yield Fault("lot", words, member_id, seq, entry_id)


def _broken_link(what: str, seq: int, seq_before: int) -> str:
    if what == "removed":
        return f"the entries {seq_before + 1} to {seq - 1} before this one are missing"
    if what == "changed":
        return "its content does not fit its hash: it was changed or slipped in"
    return "its figures do not follow from the entry before it"


def _pairs(names: tuple[str, ...], figures: list[int]) -> str:
    """Return `points 30 and 20` for each two figures that differ."""
    pairs = zip(names, figures[::2], figures[1::2], strict=True)
    return ", ".join(f"{name} {one} and {other}" for name, one, other in pairs if one != other)


def _verify_seals(session: Session) -> Iterator[Fault]:
    for broken in list_broken_seals(session):
        seal = broken.seal
        words = (
            f"{seal.sealed_on.isoformat()} sealed {seal.entries} entries from {broken.after_id + 1}"
            f" to {seal.last_entry_id}; {broken.found} are there, and they or the seal were changed"
        )
        yield Fault("seal", words)
