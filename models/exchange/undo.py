"""Taking an import back: what it made is answered, entry by entry, and its figures are gone.

Nothing of the books is deleted. Points are reversed by entries that name those they undo; a
purchase stays as one taken back in full, without its order number, so that the right file can
follow. A member made by the file who has done nothing since is emptied as an erased one is;
whoever has come since stays.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Table, delete, func, select, text
from sqlalchemy.orm import Session

from models.base import Base, Sessions
from models.channel import forget_channel, forget_imported
from models.consent import Consent, get_notice
from models.engagement import forget_engagement
from models.exchange.batch import (
    EMAIL,
    BatchNotUndoable,
    ImportEffect,
    ImportRow,
    MemberAlias,
    begin_undoing,
    get_batch,
    hold_batch,
    purchase_key,
)
from models.exchange.copying import copy_rows
from models.exchange.ledger import ENTRY_COLUMNS, Wallet, keep_balances
from models.exchange.purchase_chunk import REFUND_COLUMNS
from models.exchange.reading import Tell, tell_nobody
from models.favourite import forget_favourites
from models.journey.moving import forget_visits
from models.local_day import local_day
from models.member import Member
from models.member_code import new_card_ref
from models.points import PointsEntry, reserve_entry_ids, take_back
from models.programme import Programme, get_programme
from models.purchase import Purchase, Refund, Undone, refigure
from models.stamp_card import after_refund
from models.tag import forget_tags
from models.tier import TierChange, window_start, year_start

CHUNK_MEMBERS = 500
REASON = "import_undone"
OWN_TABLES = frozenset(
    {"points_entry", "points_lot", "consent", "tier_change", "import_effect", "member_alias"}
    | {"member_metric", "birthday_card", "engagement", "member_tag", "tag_event"}
    | {"member_favourite", "member_forecast", "care_task", "member_channel"}
    | {"journey_visit", "journey_presence", "journey_task", "campaign_recipient"}
)
"""What an import, or the clock at night, writes of a member by itself.

A row anywhere else means that they have come since.
"""


@dataclass
class Taken:
    """What undoing did."""

    purchases: int = 0
    members: int = 0
    """Emptied: made by the file and never seen since."""
    kept_members: int = 0
    """Made by the file and active since, so they stay."""
    points: int = 0
    spent_points: int = 0
    """Points to be taken back that were spent, and so stayed with whom they bought something."""
    tiers: int = 0


def undo_import(
    sessions: Sessions, batch_id: int, *, now: datetime, tell: Tell = tell_nobody
) -> Taken:
    """Take a batch back, some members a transaction; return what that did.

    Safe to stop anywhere and to run again. Raises NoSuchBatch, or BatchNotUndoable where it was
    undone before.
    """
    taken = Taken()
    with sessions.begin() as session:
        batch = get_batch(session, batch_id)
        if batch.state == "undone":
            raise BatchNotUndoable(state=batch.state)
        begin_undoing(session, batch)
        token, kind = batch.run_token, batch.kind
        left = select(func.count()).select_from(ImportEffect)
        total = session.scalar(left.where(*_open_effects(batch_id))) or 0
    done = 0
    while True:
        with sessions.begin() as session:
            batch = hold_batch(session, batch_id, token)
            effects = _next_effects(session, batch_id)
            if not effects:
                if _note_moved(session, batch_id):
                    continue
                batch.state, batch.undone_at = "undone", now
                session.execute(delete(ImportRow).where(ImportRow.batch_id == batch_id))
                return taken
            _Chunk(session, batch_id, kind, effects, taken, now).undo()
        done += len(effects)
        tell("undo", done, done / total if total else 1.0)


def _open_effects(batch_id: int) -> tuple[Any, Any]:
    return ImportEffect.batch_id == batch_id, ImportEffect.undone_at.is_(None)


def _next_effects(session: Session, batch_id: int) -> list[ImportEffect]:
    return list(
        session.scalars(
            select(ImportEffect)
            .where(*_open_effects(batch_id))
            .order_by(ImportEffect.member_id)
            .limit(CHUNK_MEMBERS)
        )
    )


def _note_moved(session: Session, batch_id: int) -> bool:
    """Take in members to whom purchases of the batch were moved by merging; tell whether any."""
    keys = purchase_key(batch_id, "%")
    asked = {"batch_id": batch_id, "keys": keys, "most": CHUNK_MEMBERS}
    return bool(session.scalars(_MOVED_TO, asked).all())


class _Chunk:
    """Some members of a batch, under their locks."""

    def __init__(
        self,
        session: Session,
        batch_id: int,
        kind: str,
        effects: list[ImportEffect],
        taken: Taken,
        now: datetime,
    ) -> None:
        self.session = session
        self.batch_id = batch_id
        self.kind = kind
        self.effects = effects
        self.ids = [effect.member_id for effect in effects]
        self.taken = taken
        self.now = now
        self.today = local_day(now)

    def undo(self) -> None:
        """Undo points, purchases, tiers and members, in this order."""
        self.programme: Programme = get_programme(self.session)
        rows = self.session.scalars(
            select(Member)
            .where(Member.id.in_(self.ids))
            .order_by(Member.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        self.members = {member.id: member for member in rows}
        if self.kind == "purchases":
            self._undo_purchases()
        else:
            self._undo_opening()
            self._forget_names()
        self._undo_tiers()
        if self.kind == "members":
            self._empty_members()
        for effect in self.effects:
            effect.undone_at = self.now
        self.session.flush()

    # --- points ---

    def _undo_opening(self) -> None:
        keys = [f"import:{self.batch_id}:{id_}" for id_ in self.ids]
        entries = self.session.execute(_OPENING, {"keys": keys}).all()
        self._reverse(entries)

    def _reverse(self, entries: Iterable[Any]) -> dict[int, int]:
        """Take these earnings back; return what was taken for each purchase."""
        by_member: dict[int, list[Any]] = {}
        for entry in entries:
            by_member.setdefault(entry.member_id, []).append(entry)
        whole = {id_: own for id_, own in by_member.items() if all(e.is_whole for e in own)}
        taken = self._reverse_whole(whole)
        for member_id, own in by_member.items():
            if member_id not in whole:
                taken |= self._reverse_used(self.members[member_id], own)
        self.taken.points += sum(taken.values())
        return taken

    def _reverse_whole(self, by_member: dict[int, list[Any]]) -> dict[int, int]:
        """Reverse earnings of which nothing was used, all at once."""
        ids = reserve_entry_ids(self.session, sum(map(len, by_member.values())))
        numbers = iter(ids)
        entries, takes, wallets, taken = [], [], [], {}
        for member_id, own in by_member.items():
            member = self.members[member_id]
            wallet = Wallet(member_id, member.points, member.points_pending, member.tier_points)
            wallets.append(wallet)
            for earning in own:
                entry_id = next(numbers)
                entries.append(self._answer(entry_id, wallet, earning))
                takes.append((entry_id, earning.id, earning.granted))
                if earning.purchase_id is not None:
                    taken[earning.purchase_id] = earning.granted
                else:
                    taken[-earning.id] = earning.granted
        copy_rows(self.session, "points_entry", (*ENTRY_COLUMNS,), entries)
        copy_rows(self.session, "points_take", ("entry_id", "lot_id", "points"), takes)
        self.session.execute(_EMPTY_LOTS, {"ids": [lot_id for _, lot_id, _ in takes]})
        keep_balances(self.session, wallets)
        for wallet in wallets:
            self.session.refresh(self.members[wallet.member_id])
        return taken

    def _answer(self, entry_id: int, wallet: Wallet, earning: Any) -> tuple[object, ...]:
        points = 0 if earning.is_pending else -earning.granted
        pending = -earning.granted - points
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
            "reversal",
            earning.purchase_id,
            earning.id,
            earning.store_id,
            None,
            self._key(earning.id),
            self.now,
        )

    def _reverse_used(self, member: Member, own: list[Any]) -> dict[int, int]:
        """Take back what is left; what was spent stays, and is counted."""
        taken = {}
        for earning in own:
            left = earning.granted - earning.recalled - earning.expired
            if left <= 0:
                continue
            answer = take_back(
                self.session,
                member,
                self.session.get_one(PointsEntry, earning.id),
                left,
                reason="reversal",
                idempotency_key=self._key(earning.id),
                now=self.now,
                store_id=earning.store_id,
            )
            self.taken.spent_points += answer.forgiven
            taken[earning.purchase_id or -earning.id] = answer.taken
        return taken

    def _key(self, entry_id: int) -> str:
        return f"undo:{self.batch_id}:{entry_id}"

    # --- purchases ---

    def _undo_purchases(self) -> None:
        asked = {"keys": purchase_key(self.batch_id, "%"), "ids": self.ids}
        sold = self.session.execute(_SOLD, asked).all()
        if not sold:
            return
        purchase_ids = [row.id for row in sold]
        entries = self.session.execute(_EARNED, {"ids": self.ids, "purchase_ids": purchase_ids})
        taken = self._reverse(entries.all())
        copy_rows(
            self.session,
            "refund",
            REFUND_COLUMNS,
            (
                (
                    row.id,
                    row.member_id,
                    row.store_id,
                    row.net_twd,
                    REASON,
                    True,
                    taken.get(row.id, 0),
                    0,
                    self.now,
                    self.today,
                    self._key(row.id),
                )
                for row in sold
            ),
        )
        self.session.execute(_UNDONE, {"ids": purchase_ids, "now": self.now})
        self.session.flush()
        self.session.execute(
            _FIGURES,
            {
                "ids": self.ids,
                "today": self.today,
                "window": window_start(self.today),
                "year": year_start(self.today),
            },
        )
        refigure(self.session, self.ids)
        for row in sold:
            if row.stamps_added:
                self._unstamp(row)
        for member in self.members.values():
            self.session.refresh(member)
        self.taken.purchases += len(sold)

    def _unstamp(self, row: Any) -> None:
        refund = self.session.scalars(
            select(Refund).where(Refund.idempotency_key == self._key(row.id))
        ).one()
        purchase = self.session.get_one(Purchase, row.id, populate_existing=True)
        after_refund(
            self.session,
            Undone(
                member=self.members[row.member_id],
                purchase=purchase,
                refund=refund,
                net_before_twd=row.net_twd,
                net_after_twd=0,
                programme=self.programme,
                now=self.now,
                today=self.today,
            ),
        )

    # --- tiers ---

    def _undo_tiers(self) -> None:
        """Give back the tier of before where nothing has moved it since."""
        for effect in self.effects:
            member = self.members[effect.member_id]
            if effect.before is None or member.tier_id != effect.after_tier_id:
                continue
            held = self.programme.tier(member.tier_id)
            until = effect.before["tier_kept_until"]
            member.tier_id = effect.before["tier_id"]
            member.tier_kept_until = date.fromisoformat(until) if until else None
            self._note_tier(member, held.id, until)
            self.taken.tiers += 1

    def _note_tier(self, member: Member, from_tier_id: int, until: str | None) -> None:
        self.session.add(
            TierChange(
                member_id=member.id,
                from_tier_id=from_tier_id,
                to_tier_id=member.tier_id,
                reason={"rule": "import", "kept_until": until, "undone_batch_id": self.batch_id},
                changed_at=self.now,
            )
        )

    # --- members ---

    def _forget_names(self) -> None:
        forgotten = self.session.execute(
            delete(MemberAlias)
            .where(MemberAlias.batch_id == self.batch_id, MemberAlias.member_id.in_(self.ids))
            .returning(MemberAlias.source, MemberAlias.member_id, MemberAlias.value)
        )
        emails = [(member_id, value) for source, member_id, value in forgotten if source == EMAIL]
        forget_imported(self.session, emails)

    def _empty_members(self) -> None:
        made = [effect.member_id for effect in self.effects if effect.is_new]
        active = self._active(made)
        notice = get_notice(self.session)
        lowest = self.programme.tiers[0]
        emptied: list[int] = []
        for member_id in made:
            member = self.members[member_id]
            if member_id in active or member.line_user_id or member.merged_into_id:
                self.taken.kept_members += 1
                continue
            if member.marketing_allowed:
                self._take_consent_back(member_id, notice.version)
            if member.tier_id != lowest.id:
                held_id, member.tier_id, member.tier_kept_until = member.tier_id, lowest.id, None
                self._note_tier(member, held_id, None)
            member.name = member.phone = member.birthday = None
            member.marketing_allowed = False
            member.card_ref = new_card_ref()
            member.erased_at = self.now
            emptied.append(member_id)
        self.taken.members += len(emptied)
        forget_engagement(self.session, *emptied)
        forget_favourites(self.session, *emptied)
        forget_channel(self.session, *emptied)
        forget_tags(self.session, emptied, self.now)
        forget_visits(self.session, emptied, self.now)

    def _active(self, ids: list[int]) -> set[int]:
        """Return who of these has left a trace that is not the import's own."""
        active = set(self.session.scalars(_MOVED, {"ids": ids, "batch_id": self.batch_id}))
        for table, column in _places_of_members():
            active |= set(
                self.session.scalars(
                    select(table.c[column]).where(table.c[column].in_(ids)).distinct()
                )
            )
        return active

    def _take_consent_back(self, member_id: int, notice_version: str) -> None:
        self.session.add(
            Consent(
                member_id=member_id,
                purpose="marketing",
                is_given=False,
                notice_version=notice_version,
                channel="import",
                evidence=f"undo:{self.batch_id}",
                said_at=self.now,
            )
        )


def _places_of_members() -> list[tuple[Table, str]]:
    """Return every table and column that may name a member, but for what imports write."""
    member = Base.metadata.tables["member"]
    return [
        (table, key.parent.name)
        for table in Base.metadata.sorted_tables
        if table.name not in OWN_TABLES
        for key in table.foreign_keys
        if key.column.table is member
    ]


_LOT = """
    entry.id, entry.member_id, entry.purchase_id, entry.store_id, lot.granted, lot.recalled,
    lot.expired, lot.pending_until IS NOT NULL AS is_pending,
    lot.remaining = lot.granted AND lot.recalled = 0 AS is_whole
    FROM points_entry AS entry JOIN points_lot AS lot ON lot.entry_id = entry.id
"""
_OPENING = text(f"""
    SELECT {_LOT} WHERE entry.idempotency_key = ANY(:keys) ORDER BY entry.member_id, entry.id
""")
_EARNED = text(f"""
    SELECT {_LOT}
    WHERE entry.member_id = ANY(:ids) AND entry.purchase_id = ANY(:purchase_ids)
      AND entry.answers_id IS NULL AND lot.expired < lot.granted
    ORDER BY entry.member_id, entry.id
""")
_EMPTY_LOTS = text("""
    UPDATE points_lot SET remaining = 0, reversed = granted, recalled = granted
    WHERE entry_id = ANY(:ids)
""")
_SOLD = text("""
    SELECT sold.id, sold.member_id, sold.store_id, sold.paid_twd - sold.refunded_twd AS net_twd,
        sold.stamps_added
    FROM purchase AS sold
    WHERE sold.member_id = ANY(:ids) AND sold.idempotency_key LIKE :keys
      AND sold.undone_at IS NULL
    ORDER BY sold.member_id, sold.id
""")
_UNDONE = text("""
    UPDATE purchase SET refunded_twd = paid_twd, undone_at = :now, source_ref = NULL
    WHERE id = ANY(:ids)
""")
_FIGURES = text("""
    UPDATE member SET spend_on = :today, spend_twd = left_.spend_twd, year_twd = left_.year_twd,
        lifetime_twd = left_.lifetime_twd
    FROM (
        SELECT asked.id,
            coalesce(sum(sold.paid_twd - sold.refunded_twd)
                FILTER (WHERE sold.purchased_on >= :window), 0) AS spend_twd,
            coalesce(sum(sold.paid_twd - sold.refunded_twd)
                FILTER (WHERE sold.purchased_on >= :year), 0) AS year_twd,
            coalesce(sum(sold.paid_twd - sold.refunded_twd), 0) AS lifetime_twd
        FROM unnest(CAST(:ids AS bigint[])) AS asked (id)
        LEFT JOIN purchase AS sold ON sold.member_id = asked.id
        GROUP BY asked.id
    ) AS left_
    WHERE member.id = left_.id
""")
_MOVED_TO = text("""
    INSERT INTO import_effect (batch_id, member_id, is_new, points)
    SELECT DISTINCT CAST(:batch_id AS bigint), sold.member_id, false, 0
    FROM purchase AS sold
    WHERE sold.idempotency_key LIKE :keys AND sold.undone_at IS NULL
    LIMIT :most
    ON CONFLICT (batch_id, member_id) DO UPDATE SET undone_at = NULL
    RETURNING member_id
""")
_MOVED = text("""
    SELECT member_id FROM points_entry
    WHERE member_id = ANY(:ids) AND reason <> 'expiry'
      AND idempotency_key NOT LIKE 'import:' || CAST(:batch_id AS text) || ':%'
      AND idempotency_key NOT LIKE 'undo:' || CAST(:batch_id AS text) || ':%'
    UNION
    SELECT member_id FROM consent WHERE member_id = ANY(:ids) AND channel <> 'import'
""")
