"""The ledger in bulk: many members' entries and lots in one go, as `models/points` writes them.

The caller holds the members' locks and knows their figures; the database chains each entry to the
member's last and refuses one that does not follow from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy.orm import Session

from models.exchange.copying import copy_rows, driver
from models.points import repaid_by, reserve_entry_ids

ENTRY_COLUMNS = (
    "id",
    "member_id",
    "points",
    "balance_after",
    "pending",
    "pending_after",
    "tier_points",
    "tier_points_after",
    "reason",
    "purchase_id",
    "answers_id",
    "store_id",
    "note",
    "idempotency_key",
    "posted_at",
)
LOT_COLUMNS = (
    "entry_id",
    "member_id",
    "granted",
    "remaining",
    "expires_on",
    "pending_until",
    "repaid",
    "expired",
)


@dataclass(slots=True)
class Wallet:
    """A locked member's figures, kept in step with the entries that are to be written."""

    member_id: int
    points: int
    pending: int
    tier_points: int


def keep_balances(session: Session, wallets: Sequence[Wallet]) -> None:
    """Write the figures of these members' wallets to their rows, in one statement."""
    if not wallets:
        return
    driver(session).execute(
        """
        UPDATE member SET points = wallet.points, points_pending = wallet.pending
        FROM unnest(%s::bigint[], %s::int[], %s::int[]) AS wallet (id, points, pending)
        WHERE member.id = wallet.id
        """,
        [
            [wallet.member_id for wallet in wallets],
            [wallet.points for wallet in wallets],
            [wallet.pending for wallet in wallets],
        ],
    )


@dataclass(slots=True)
class Earning:
    """Points to be given, and when they end."""

    wallet: Wallet
    points: int
    reason: str
    key: str
    posted_at: datetime
    expires_on: date
    pending_until: date | None = None
    purchase_id: int | None = None
    store_id: int | None = None
    note: str | None = None


@dataclass(slots=True)
class _Lot:
    """A row of `points_lot`, in the order of LOT_COLUMNS."""

    entry_id: int
    member_id: int
    granted: int
    remaining: int
    expires_on: date
    pending_until: date | None
    repaid: int
    expired: int = 0

    def values(self) -> tuple[object, ...]:
        """Return the row."""
        return (
            self.entry_id,
            self.member_id,
            self.granted,
            self.remaining,
            self.expires_on,
            self.pending_until,
            self.repaid,
            self.expired,
        )


@dataclass
class Ledger:
    """Collects earnings of one chunk, member by member in the order of their days; then writes."""

    today: date
    now: datetime
    earnings: list[Earning] = field(default_factory=list)

    def write(self, session: Session) -> list[int]:
        """Write all entries with their lots; return each earning's entry id.

        What ended before today gets its end written too, as the night's job would have.
        """
        ended = [n for n, earning in enumerate(self.earnings) if earning.expires_on <= self.today]
        ids = reserve_entry_ids(session, len(self.earnings) + len(ended))
        born = list(zip(ids, self.earnings, strict=False))
        entries: list[tuple[object, ...]] = []
        lots: list[_Lot] = []
        for entry_id, earning in born:
            entries.append(self._entry(entry_id, earning))
            lots.append(self._lot(entry_id, earning))
        takes = []
        over = [n for n in ended if lots[n].remaining]
        for end_id, n in zip(ids[len(born) :], over, strict=False):
            lot = lots[n]
            entries.append(self._end(end_id, self.earnings[n], lot))
            takes.append((end_id, lot.entry_id, lot.remaining))
            lot.remaining, lot.expired = 0, lot.remaining
        copy_rows(session, "points_entry", ENTRY_COLUMNS, entries)
        copy_rows(session, "points_lot", LOT_COLUMNS, map(_Lot.values, lots))
        copy_rows(session, "points_take", ("entry_id", "lot_id", "points"), takes)
        return ids[: len(born)]

    @staticmethod
    def _entry(entry_id: int, earning: Earning) -> tuple[object, ...]:
        wallet = earning.wallet
        is_pending = earning.pending_until is not None
        points = 0 if is_pending else earning.points
        pending = earning.points - points
        wallet.points += points
        wallet.pending += pending
        return (
            entry_id,
            wallet.member_id,
            points,
            wallet.points,
            pending,
            wallet.pending,
            0,
            wallet.tier_points,
            earning.reason,
            earning.purchase_id,
            None,
            earning.store_id,
            earning.note,
            earning.key,
            earning.posted_at,
        )

    @staticmethod
    def _lot(entry_id: int, earning: Earning) -> "_Lot":
        """Open the lot; what a balance below zero keeps of it never was in it."""
        is_pending = earning.pending_until is not None
        balance_before = earning.wallet.points - earning.points
        repaid = 0 if is_pending else repaid_by(balance_before, earning.points)
        return _Lot(
            entry_id,
            earning.wallet.member_id,
            earning.points,
            earning.points - repaid,
            earning.expires_on,
            earning.pending_until,
            repaid,
        )

    def _end(self, entry_id: int, earning: Earning, lot: "_Lot") -> tuple[object, ...]:
        wallet, left = earning.wallet, lot.remaining
        wallet.points -= left
        return (
            entry_id,
            wallet.member_id,
            -left,
            wallet.points,
            0,
            wallet.pending,
            0,
            wallet.tier_points,
            "expiry",
            None,
            None,
            None,
            None,
            f"expire:{lot.entry_id}",
            self.now,
        )
