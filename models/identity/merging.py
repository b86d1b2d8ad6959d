"""Merging two cards of one person: points by ledger entries, the rest by its owner's id.

The kept card gets each lot with its own last day, all coupons, purchases and tickets, paid time,
the stamps of unfilled cards and the better tier; the other is closed, and its number leads to the
kept one.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.audit import note
from models.base import Base, find_made
from models.browse_event import forget_looks
from models.channel import merge_channel
from models.coupon import Coupon
from models.engagement import merge_engagement
from models.favourite import forget_favourites
from models.fraud.own_card import check_own_card
from models.identity.merge import (
    UNDO_FOR,
    MemberMerge,
    MergeRefused,
    bring_to_today,
    refuse_unfit,
    spent_in,
)
from models.identity.rebinding import SHORTEST_REASON, ReasonMissing
from models.journey.moving import merge_visits
from models.line_binding import (
    MERGED,
    close_binding,
    note_binding,
    release_line,
)
from models.local_day import day_text, local_day
from models.member import Member, shown_number
from models.member_note import MemberNote
from models.outbox import owe
from models.plan import Subscription
from models.points import PointsLot, post_points
from models.points.entry import Cause, Lot, earn, lock, move
from models.points.lots import note_takes, settle_lots
from models.programme import get_programme
from models.purchase import Purchase, refigure
from models.sending.moving import merge_recipients
from models.staff import Staff
from models.stamp_card import EarnedStamps, StampCard, StampProgramme, post_stamps
from models.stamp_card.undoing import take_stamps
from models.survey import SurveyAnswer
from models.tag import merge_tags
from models.ticket import LotteryTicket
from models.tier import note_change

MERGED_KIND = "member_merged"
FIGURES = ("spend_twd", "year_twd", "lifetime_twd")


def merge_members(
    session: Session,
    keep: Member,
    drop: Member,
    *,
    staff: Staff,
    reason: str,
    key: str,
    now: datetime,
) -> MemberMerge:
    """Make two cards of one person one; what `drop` has goes to `keep`, and `drop` is closed.

    A key seen before returns its first merge. Undo it within 30 days with `undo_merge`.
    Raises MergeRefused, OwnCard, or ReasonMissing.
    """
    first = find_made(session, MemberMerge, key)
    if first is not None:
        if (first.kept_id, first.dropped_id) != (keep.id, drop.id):
            raise MergeRefused(why="key_reused")
        return first
    if len(reason.strip()) < SHORTEST_REASON:
        raise ReasonMissing
    for member in (keep, drop):
        check_own_card(staff, member)
    refuse_unfit(keep, drop)
    for member in sorted((keep, drop), key=lambda member: member.id):
        lock(session, member)
    refuse_unfit(keep, drop)  # Once more: somebody else may have been quicker.
    return _Merging(session, keep, drop, staff, now).run(reason, key)


class _Merging:
    """The steps of one merge, over two locked members."""

    def __init__(
        self, session: Session, keep: Member, drop: Member, staff: Staff, now: datetime
    ) -> None:
        self.session = session
        self.keep = keep
        self.drop = drop
        self.staff = staff
        self.now = now
        self.moved: dict[str, Any] = {}
        self.personal: dict[str, Any] = {}

    def run(self, reason: str, key: str) -> MemberMerge:
        for member in (self.keep, self.drop):
            bring_to_today(self.session, member, local_day(self.now))
            settle_lots(self.session, member, self.now)
        merge = MemberMerge(
            kept_id=self.keep.id,
            dropped_id=self.drop.id,
            staff_id=self.staff.id,
            reason=reason,
            idempotency_key=key,
            merged_at=self.now,
            undo_until=self.now + UNDO_FOR,
            moved={},
        )
        self.session.add(merge)
        self.session.flush()
        self.move_points(merge.id)
        self.move_stamps(merge.id)
        self.move_rows()
        self.move_figures()
        self.move_tier()
        self.move_person(merge.id)
        self.close()
        merge.moved, merge.personal = self.moved, self.personal
        self.tell(merge)
        self.session.flush()
        return merge

    def move_points(self, merge_id: int) -> None:
        """Take every open lot out of the one card and open its like on the other."""
        lots = self.session.scalars(
            select(PointsLot)
            .where(PointsLot.member_id == self.drop.id, PointsLot.remaining > 0)
            .order_by(PointsLot.expires_on, PointsLot.entry_id)
            .execution_options(populate_existing=True)
        ).all()
        journal = []
        for lot in lots:
            points, pending_until = lot.remaining, lot.pending_until
            lot.remaining = 0
            out = self._cause(f"merge:{merge_id}:out:{lot.entry_id}")
            is_pending = pending_until is not None
            out_id = move(
                self.session,
                self.drop,
                out,
                points=0 if is_pending else -points,
                pending=-points if is_pending else 0,
            )
            note_takes(self.session, out_id, [(lot, points)])
            cause = self._cause(
                f"merge:{merge_id}:in:{lot.entry_id}", purchase_id=self._purchase_of(lot)
            )
            into = Lot(points, lot.expires_on, pending_until)
            journal.append(
                {
                    "lot": lot.entry_id,
                    "out": out_id,
                    "in": earn(self.session, self.keep, into, cause),
                    "points": points,
                    "is_pending": is_pending,
                }
            )
        self.moved["lots"] = journal
        self.moved["tier_points"] = tier_points = self.drop.tier_points
        if tier_points:
            for member, points in ((self.drop, -tier_points), (self.keep, tier_points)):
                post_points(
                    self.session,
                    member,
                    0,
                    tier_points=points,
                    reason="merge",
                    idempotency_key=f"merge:{merge_id}:tier:{member.id}",
                    now=self.now,
                    staff_id=self.staff.id,
                )

    def _cause(self, key: str, *, purchase_id: int | None = None) -> Cause:
        return Cause("merge", key, self.now, purchase_id=purchase_id, staff_id=self.staff.id)

    def _purchase_of(self, lot: PointsLot) -> int | None:
        """Return the sale that earned a lot, so that a refund of it finds the points again."""
        from models.points import PointsEntry

        return self.session.get_one(PointsEntry, lot.entry_id).purchase_id

    def move_stamps(self, merge_id: int) -> None:
        """Move the stamps of unfilled cards; full ones have brought their coupons, which move."""
        held = self.session.execute(
            select(StampCard, StampProgramme)
            .join(StampProgramme, StampProgramme.id == StampCard.programme_id)
            .where(StampCard.member_id == self.drop.id)
            .order_by(StampProgramme.id)
            .execution_options(populate_existing=True)
        ).all()
        journal = []
        for card, programme in held:
            stamps = card.stamps % programme.size
            if not stamps:
                continue
            ends: date | None = card.expires_on
            take_stamps(
                self.session,
                self.drop.id,
                programme,
                stamps,
                reason="merge",
                idempotency_key=f"merge:{merge_id}:out",
                now=self.now,
                staff_id=self.staff.id,
            )
            post_stamps(
                self.session,
                self.keep.id,
                [EarnedStamps(programme, stamps)],
                reason="merge",
                idempotency_key=f"merge:{merge_id}:in",
                now=self.now,
                staff_id=self.staff.id,
            )
            journal.append(
                {
                    "programme": programme.id,
                    "stamps": stamps,
                    "expires_on": ends.isoformat() if ends else None,
                }
            )
        self.session.expire_all()
        self.moved["stamps"] = journal

    def move_rows(self) -> None:
        """Give coupons, purchases, paid time, tickets, answers and notes their new owner."""
        self.moved["coupons"] = self._own(Coupon, Coupon.id, Coupon.member_id)
        self.moved["purchases"] = self._own(Purchase, Purchase.id, Purchase.member_id)
        self.moved["staff"] = self._own(Staff, Staff.id, Staff.member_id)
        self.moved["tickets"] = self._own(LotteryTicket, LotteryTicket.id, LotteryTicket.member_id)
        self.moved["subscriptions"] = self._own(
            Subscription, Subscription.id, Subscription.member_id
        )
        self.moved["answers"] = self._own(SurveyAnswer, SurveyAnswer.id, SurveyAnswer.member_id)
        self.moved["notes"] = self._own(MemberNote, MemberNote.id, MemberNote.member_id)
        self.moved["plan_code"] = self.drop.plan_code
        if self.drop.plan_code is not None:
            self.keep.plan_code, self.keep.plan_until = self.drop.plan_code, self.drop.plan_until
            self.drop.plan_code = self.drop.plan_until = None

    def _own(
        self,
        model: type[Base],
        identifier: InstrumentedAttribute[int],
        owner: InstrumentedAttribute[Any],
    ) -> list[int]:
        moved: CursorResult[Any] = self.session.execute(  # type: ignore[assignment]  # RETURNING.
            update(model)
            .where(owner == self.drop.id)
            .values({owner: self.keep.id})
            .returning(identifier)
            .execution_options(synchronize_session=False)
        )
        return sorted(row[0] for row in moved)

    def move_figures(self) -> None:
        """Add up what both spent; what purchases do not explain is kept apart for an undoing."""
        today = local_day(self.now)
        spent = spent_in(self.session, self.moved["purchases"], today)
        explained = (spent.window_twd, spent.year_twd, spent.lifetime_twd)
        self.moved["unexplained"] = {
            name: getattr(self.drop, name) - value
            for name, value in zip(FIGURES, explained, strict=True)
        }
        for name in FIGURES:
            setattr(self.keep, name, getattr(self.keep, name) + getattr(self.drop, name))
            setattr(self.drop, name, 0)
        refigure(self.session, [self.keep.id, self.drop.id])
        self.moved["keep_joined_at"] = self.keep.joined_at.isoformat()
        self.keep.joined_at = min(self.keep.joined_at, self.drop.joined_at)

    def move_tier(self) -> None:
        """Let the kept card have the better tier, for as long as it was promised."""
        programme = get_programme(self.session)
        keep, drop = self.keep, self.drop
        held, brought = programme.tier(keep.tier_id), programme.tier(drop.tier_id)
        self.moved["keep_tier"] = [keep.tier_id, day_text(keep.tier_kept_until)]
        self.moved["drop_tier"] = [drop.tier_id, day_text(drop.tier_kept_until)]
        if brought.rank > held.rank:
            keep.tier_id, keep.tier_kept_until = drop.tier_id, drop.tier_kept_until
            self.session.add(
                note_change(
                    keep.id,
                    held,
                    brought,
                    {"rule": "merge", "kept_until": day_text(keep.tier_kept_until)},
                    self.now,
                )
            )
        elif brought.rank == held.rank and drop.tier_kept_until and keep.tier_kept_until:
            keep.tier_kept_until = max(keep.tier_kept_until, drop.tier_kept_until)
        self.moved["tier_after"] = [keep.tier_id, day_text(keep.tier_kept_until)]
        drop.tier_id, drop.tier_kept_until = programme.tiers[0].id, None

    def move_person(self, merge_id: int) -> None:
        """Fill in what the kept card does not know of the person, and empty the other."""
        keep, drop = self.keep, self.drop
        self.personal = {
            "name": drop.name,
            "phone": drop.phone,
            "birthday": day_text(drop.birthday),
            "line_user_id": drop.line_user_id,
        }
        self.moved["drop_allows_marketing"] = drop.marketing_allowed
        forget_looks(self.session, drop.id)  # Whose they were is not sure after an undoing.
        forget_favourites(self.session, drop.id)  # What was bought is the kept card's.
        self.moved["phone_verified_at"] = day_text(drop.phone_verified_at)
        taken = [
            name
            for name in ("name", "phone", "birthday")
            if getattr(keep, name) is None and getattr(drop, name) is not None
        ]
        phone, line_user_id = drop.phone, drop.line_user_id
        if line_user_id is not None and keep.line_user_id is None:
            taken.append("line_user_id")
            close_binding(self.session, drop, MERGED, self.now)
            drop.line_user_id = None
        elif line_user_id is not None:
            release_line(self.session, drop, MERGED, key=f"merge:{merge_id}", now=self.now)
        name, birthday, verified_at = drop.name, drop.birthday, drop.phone_verified_at
        drop.name = drop.phone = drop.birthday = drop.phone_verified_at = None
        drop.marketing_allowed = False
        self.session.flush()  # Both unique values must be free before they are taken.
        keep.name, keep.birthday = keep.name or name, keep.birthday or birthday
        if "phone" in taken:
            keep.phone, keep.phone_verified_at = phone, verified_at
        if "line_user_id" in taken:
            keep.line_user_id = line_user_id
            note_binding(self.session, keep, "merge", self.now, staff_id=self.staff.id)
        self.moved["taken"] = taken
        self.personal["engagement"] = merge_engagement(self.session, keep.id, drop.id)
        self.personal["tags"] = merge_tags(self.session, keep.id, drop.id, self.now)
        self.personal["channel"] = merge_channel(self.session, keep.id, drop.id)
        self.personal["journeys"] = merge_visits(self.session, keep.id, drop.id, self.now)
        self.personal["campaigns"] = merge_recipients(self.session, keep.id, drop.id)

    def close(self) -> None:
        self.drop.merged_into_id = self.keep.id
        note(
            self.session,
            "member.merge",
            f"member:{self.keep.id}",
            now=self.now,
            staff_id=self.staff.id,
            member_id=self.keep.id,
            before={"dropped": self.drop.id},
            after={"points": self.keep.points, "purchases": len(self.moved["purchases"])},
        )

    def tell(self, merge: MemberMerge) -> None:
        if self.keep.line_user_id is not None:
            owe(
                self.session,
                self.keep.line_user_id,
                MERGED_KIND,
                {"points": self.keep.points, "number": shown_number(self.keep.number)},
                language=self.keep.language,
                idempotency_key=f"{MERGED_KIND}:{merge.id}",
                now=self.now,
                member_id=self.keep.id,
            )
