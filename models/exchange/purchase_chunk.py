"""The write side of an import of purchases: some members with all their orders, at once."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import delete, insert, text
from sqlalchemy.orm import Session

from models.exchange.batch import (
    NOTE_EFFECTS,
    Effect,
    ImportRow,
    purchase_key,
    tier_before,
)
from models.exchange.copying import columns_of, copy_rows, driver, next_ids
from models.exchange.ledger import Earning, Ledger, Wallet
from models.exchange.replay import Past, Sale
from models.exchange.staging import known_orders
from models.exchange.summary import Summary
from models.local_day import local_day
from models.plan import Plan
from models.points import pending_until
from models.programme import Programme, get_programme
from models.purchase import Purchase, refigure
from models.stamp_card import earned_stamps, post_stamps
from models.tier import Tier, TierChange, explain

REFUND_REASON = "import"

PURCHASE_COLUMNS = (
    "id",
    "member_id",
    "store_id",
    "channel",
    "amount_twd",
    "discount_twd",
    "paid_twd",
    "refunded_twd",
    "points_earned",
    "earn_twd",
    "earn_percent",
    "stamps_added",
    "purchased_at",
    "purchased_on",
    "idempotency_key",
    "source",
    "source_ref",
    "earned",
)
REFUND_COLUMNS = (
    "purchase_id",
    "member_id",
    "store_id",
    "amount_twd",
    "reason",
    "is_full",
    "points_taken",
    "points_given_back",
    "refunded_at",
    "refunded_on",
    "idempotency_key",
)


@dataclass(frozen=True)
class PurchaseOptions:
    """What an import of purchases may be told."""

    store_id: int | None = None
    """Where sales belong whose row names no store."""
    is_earning: bool = False
    """Give points for the sales. Off by default: opening balances come with the members."""
    is_stamping: bool = False
    channel: str | None = None
    is_dry_run: bool = False

    def words(self) -> dict[str, Any]:
        """Return what the journal keeps."""
        return {
            "store_id": self.store_id,
            "earn": "points" if self.is_earning else "none",
            "stamps": self.is_stamping,
            "channel": self.channel,
        }


class PurchaseRun(Protocol):
    """What a chunk asks of the run of which it is a part."""

    batch_id: int
    options: PurchaseOptions
    store_codes: dict[int, str]
    summary: Summary
    now: datetime


@dataclass(slots=True)
class _Buyer:
    """A locked member and what this chunk makes of them."""

    row: Any
    past: Past
    wallet: Wallet
    fresh: list[Sale]
    """Those that are imported."""


class PurchaseChunk:
    """Some members with all their orders, written in one transaction."""

    def __init__(self, session: Session, run: PurchaseRun, member_ids: list[int]) -> None:
        self.session = session
        self.run = run
        self.member_ids = member_ids
        self.today = local_day(run.now)
        self.rows = 0

    def write(self) -> None:
        """Lock, work out, write; then forget the staged rows."""
        self.programme: Programme = get_programme(self.session)
        locked = self._lock()
        orders = self._orders(locked)
        self._look_back(sorted(orders))
        buyers = [self._buyer(locked[id_], orders[id_]) for id_ in sorted(orders)]
        sold = [(buyer, sale) for buyer in buyers for sale in buyer.fresh]
        ids = next_ids(self.session, "purchase", len(sold))
        self._copy_purchases(sold, ids)
        self._post(sold, ids)
        if self.run.options.is_stamping:
            self._stamp(sold, ids)
        self._keep(buyers)
        self._note(buyers)
        self._forget()

    # --- reading ---

    def _lock(self) -> dict[int, Any]:
        """Lock the members in id order, as everybody who locks several does."""
        rows = self.session.execute(_LOCK, {"ids": self.member_ids})
        return {row.id: row for row in rows}

    def _orders(self, locked: dict[int, Any]) -> dict[int, list[Any]]:
        """Return the staged rows that are still to be counted, by member."""
        rows = self.session.execute(
            _ORDERS,
            {
                "batch_id": self.run.batch_id,
                "first": self.member_ids[0],
                "last": self.member_ids[-1],
            },
        ).all()
        self.rows = len(rows)
        known = known_orders(self.session, self.run.summary.source, {r.order_ref for r in rows})
        orders: dict[int, list[Any]] = {}
        for row in rows:
            if row.member_id in locked and row.order_ref not in known:
                orders.setdefault(row.member_id, []).append(row)
            else:
                self.run.summary.add("overtaken")
        return orders

    def _look_back(self, ids: list[int]) -> None:
        """Read what the members bought before, and the tiers and plans they held, by member."""
        asked = {"ids": ids}
        tiers = {tier.id: tier for tier in self.programme.tiers}
        plans = {plan.id: plan for plan in self.programme.plans}
        self.sales: dict[int, list[Sale]] = {}
        self.tiers: dict[int, list[tuple[datetime, Tier]]] = {}
        self.plans: dict[int, list[tuple[datetime, datetime, Plan]]] = {}
        for member_id, at, on, net_twd, points in self.session.execute(_BEFORE, asked):
            self.sales.setdefault(member_id, []).append(Sale(at, on, net_twd, points=points))
        for member_id, at, tier_id in self.session.execute(_CHANGES, asked):
            self.tiers.setdefault(member_id, []).append((at, tiers[tier_id]))
        for member_id, start, end, plan_id in self.session.execute(_PLANS, asked):
            self.plans.setdefault(member_id, []).append((start, end, plans[plan_id]))

    def _buyer(self, row: Any, orders: list[Any]) -> _Buyer:
        fresh = [
            Sale(order.bought_at, order.bought_on, order.amount_twd - order.refunded_twd, order)
            for order in orders
        ]
        sales = self.sales.get(row.id, []) + fresh
        sales.sort(key=_moment)
        past = Past(
            self.programme,
            sales,
            self.today,
            store_codes=self.run.store_codes,
            is_earning=self.run.options.is_earning,
            recorded=self.tiers.get(row.id, ()),
            plans=self.plans.get(row.id, ()),
        )
        past.run()
        wallet = Wallet(row.id, row.points, row.points_pending, row.tier_points)
        return _Buyer(row, past, wallet, fresh)

    def _kept(self, sale: Sale) -> int:
        """Return the points that what was not refunded keeps, as a refund would have left them."""
        order = sale.order
        if not order.refunded_twd:
            return sale.points
        sold = Purchase(
            paid_twd=order.amount_twd,
            points_earned=sale.points,
            earn_twd=self.programme.earn_policy.earn_twd if sale.percent else None,
            earn_percent=sale.percent,
            earned=sale.earned,
        )
        return sold.points_kept(sale.net_twd)

    # --- writing ---

    def _copy_purchases(self, sold: list[tuple[_Buyer, Sale]], ids: list[int]) -> None:
        batch_id, source = self.run.batch_id, self.run.summary.source
        earn_twd = self.programme.earn_policy.earn_twd
        copy_rows(
            self.session,
            "purchase",
            PURCHASE_COLUMNS,
            (
                (
                    id_,
                    buyer.row.id,
                    sale.order.store_id,
                    sale.order.channel,
                    sale.order.amount_twd,
                    0,
                    sale.order.amount_twd,
                    sale.order.refunded_twd,
                    sale.points,
                    earn_twd if sale.percent else None,
                    sale.percent,
                    0,
                    sale.bought_at,
                    sale.bought_on,
                    purchase_key(batch_id, sale.order.row_no),
                    source,
                    sale.order.order_ref,
                    json.dumps(sale.earned) if sale.earned else None,
                )
                for id_, (buyer, sale) in zip(ids, sold, strict=True)
            ),
        )
        self._copy_refunds(sold, ids)

    def _copy_refunds(self, sold: list[tuple[_Buyer, Sale]], ids: list[int]) -> None:
        rows = [
            (
                id_,
                buyer.row.id,
                sale.order.store_id,
                sale.order.refunded_twd,
                REFUND_REASON,
                False,
                sale.points - self._kept(sale),
                0,
                sale.bought_at,
                sale.bought_on,
                purchase_key(self.run.batch_id, sale.order.row_no),
            )
            for id_, (buyer, sale) in zip(ids, sold, strict=True)
            if sale.order.refunded_twd
        ]
        copy_rows(self.session, "refund", REFUND_COLUMNS, rows)

    def _post(self, sold: list[tuple[_Buyer, Sale]], ids: list[int]) -> None:
        """Post the points to the ledger, a member's in the order of their days."""
        ledger = Ledger(self.today, self.run.now)
        shop = self.programme.shop
        for id_, (buyer, sale) in zip(ids, sold, strict=True):
            points = self._kept(sale)
            if not points:
                continue
            held_until = pending_until(shop, sale.bought_on)
            ledger.earnings.append(
                Earning(
                    buyer.wallet,
                    points,
                    "purchase",
                    f"purchase:{id_}",
                    sale.bought_at,
                    self.programme.points_expire_on(sale.bought_on),
                    held_until if held_until and held_until > self.today else None,
                    purchase_id=id_,
                    store_id=sale.order.store_id,
                )
            )
            self.run.summary.add("points", points)
        ledger.write(self.session)

    def _stamp(self, sold: list[tuple[_Buyer, Sale]], ids: list[int]) -> None:
        """Stamp the cards sale by sale: a card may end between two of them."""
        for id_, (buyer, sale) in zip(ids, sold, strict=True):
            order = sale.order
            is_first = sale is buyer.past.sales[0]
            earned = earned_stamps(
                self.programme.stamp_programmes,
                sale.net_twd,
                (),
                order.channel,
                sale.bought_on,
                is_first=is_first,
            )
            if not earned:
                continue
            stamped = post_stamps(
                self.session,
                buyer.row.id,
                earned,
                reason="purchase",
                idempotency_key=purchase_key(self.run.batch_id, order.row_no),
                now=sale.bought_at,
                purchase_id=id_,
                is_first=is_first,
            )
            added = sum(each.added for each in stamped)
            self.session.execute(_STAMPED, {"id": id_, "added": added})
            self.run.summary.add("stamps", added)

    def _keep(self, buyers: list[_Buyer]) -> None:
        """Write the members' figures."""
        rows = [self._figures(buyer) for buyer in buyers]
        if rows:
            driver(self.session).execute(_KEEP, columns_of(rows))
            refigure(self.session, [buyer.row.id for buyer in buyers])

    def _figures(self, buyer: _Buyer) -> tuple[object, ...]:
        row, past = buyer.row, buyer.past
        is_lifted = past.held.tier.rank > self.programme.tier(row.tier_id).rank
        today = [sale for sale in buyer.fresh if sale.bought_on == self.today]
        is_same_day = row.day_on == self.today
        return (
            row.id,
            buyer.wallet.points,
            buyer.wallet.pending,
            past.spend_twd,
            self.today,
            past.year_twd,
            row.lifetime_twd + sum(sale.net_twd for sale in buyer.fresh),
            self.today if today else row.day_on,
            sum(sale.points for sale in today)
            + (row.day_points if is_same_day or not today else 0),
            len(today) + (row.day_purchases if is_same_day or not today else 0),
            past.held.tier.id if is_lifted else row.tier_id,
            past.held.kept_until if is_lifted else row.tier_kept_until,
        )

    def _note(self, buyers: list[_Buyer]) -> None:
        """Keep each lift with its reason, and in the journal what it changed."""
        changes: list[dict[str, Any]] = []
        effects: list[tuple[object, ...]] = []
        for buyer in buyers:
            before = self.programme.tier(buyer.row.tier_id)
            is_lifted = buyer.past.held.tier.rank > before.rank
            if is_lifted:
                changes += self._changes(buyer)
                self.run.summary.add("lifted")
            effect = Effect(self.run.batch_id, buyer.row.id)
            if is_lifted:
                effect.before = tier_before(before.id, buyer.row.tier_kept_until)
                effect.after_tier_id = buyer.past.held.tier.id
            effects.append(effect.values())
        if changes:
            self.session.execute(insert(TierChange), changes)
        if effects:
            driver(self.session).execute(NOTE_EFFECTS, columns_of(effects))

    def _changes(self, buyer: _Buyer) -> Iterator[dict[str, Any]]:
        """Yield all steps of a member who never had a step before; of others the last one."""
        past, before = buyer.past, self.programme.tier(buyer.row.tier_id)
        steps = [(step.before, step.after, step.value, step.on, step.at) for step in past.steps]
        if before.rank or buyer.row.id in self.tiers:
            last = steps[-1]
            steps = [(before, past.held.tier, last[2], last[3], self.run.now)]
        for held, reached, value, on, at in steps:
            yield {
                "member_id": buyer.row.id,
                "from_tier_id": held.id,
                "to_tier_id": reached.id,
                "reason": explain(self.programme.ladder.on(on), held, reached, value)
                | {"batch_id": self.run.batch_id},
                "changed_at": at,
            }

    def _forget(self) -> None:
        self.session.execute(
            delete(ImportRow).where(
                ImportRow.batch_id == self.run.batch_id,
                ImportRow.member_id.between(self.member_ids[0], self.member_ids[-1]),
            )
        )


def _moment(sale: Sale) -> datetime:
    return sale.bought_at


_LOCK = text("""
    SELECT id, points, points_pending, tier_points, tier_id, tier_kept_until, lifetime_twd,
        day_on, day_points, day_purchases
    FROM member
    WHERE id = ANY(:ids) AND erased_at IS NULL AND merged_into_id IS NULL
    ORDER BY id FOR NO KEY UPDATE
""")
_ORDERS = text("""
    SELECT row_no, member_id, order_ref, bought_at, bought_on, amount_twd, refunded_twd, store_id,
        channel
    FROM import_row
    WHERE batch_id = :batch_id AND member_id BETWEEN :first AND :last
    ORDER BY member_id, bought_at, row_no
""")
_BEFORE = text("""
    SELECT member_id, purchased_at, purchased_on, paid_twd - refunded_twd, points_earned
    FROM purchase WHERE member_id = ANY(:ids) AND undone_at IS NULL
    ORDER BY member_id, purchased_at, id
""")
_CHANGES = text("""
    SELECT member_id, changed_at, to_tier_id FROM tier_change
    WHERE member_id = ANY(:ids) ORDER BY member_id, changed_at, id
""")
_PLANS = text("""
    SELECT member_id, starts_at, ends_at, plan_id FROM subscription WHERE member_id = ANY(:ids)
""")
_STAMPED = text("UPDATE purchase SET stamps_added = :added WHERE id = :id")
_KEEP = """
    UPDATE member SET points = kept.points, points_pending = kept.points_pending,
        spend_twd = kept.spend_twd, spend_on = kept.spend_on, year_twd = kept.year_twd,
        lifetime_twd = kept.lifetime_twd, day_on = kept.day_on,
        day_points = kept.day_points, day_purchases = kept.day_purchases,
        tier_id = kept.tier_id, tier_kept_until = kept.tier_kept_until
    FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::int[], %s::date[], %s::int[],
        %s::bigint[], %s::date[], %s::int[], %s::int[], %s::bigint[], %s::date[])
        AS kept (id, points, points_pending, spend_twd, spend_on, year_twd, lifetime_twd,
            day_on, day_points, day_purchases, tier_id, tier_kept_until)
    WHERE member.id = kept.id
"""
