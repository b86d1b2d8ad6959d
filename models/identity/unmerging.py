"""Taking a merge back: whatever was moved returns to its card, as the journal says.

What happened since stays true: points spent meanwhile are asked of the kept card as in a refund,
points that ended by themselves are not given twice, and new purchases stay where they were made.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.audit import note
from models.channel import unmerge_channel
from models.coupon import Coupon
from models.engagement import unmerge_engagement
from models.fraud.own_card import check_own_card
from models.identity.merge import MemberMerge, MergeOver, MergeRefused, bring_to_today, spent_in
from models.identity.merging import FIGURES
from models.journey.moving import unmerge_visits
from models.line_binding import UNMERGED, close_binding, note_binding, owe_menu_to
from models.local_day import day_text, local_day, read_day
from models.member import Member, find_member_by_line, get_member, is_phone_taken
from models.member_code import new_card_ref
from models.member_note import MemberNote
from models.plan import Subscription
from models.points import PointsEntry, PointsLot, give_back, post_points, take_back
from models.points.entry import Cause, lock, move
from models.points.lots import note_takes, settle_lots
from models.programme import get_programme
from models.purchase import Purchase, refigure
from models.sending.moving import unmerge_recipients
from models.staff import Staff
from models.stamp_card import EarnedStamps, StampCard, StampProgramme, post_stamps
from models.stamp_card.undoing import take_stamps
from models.survey import SurveyAnswer
from models.tag import unmerge_tags
from models.ticket import LotteryTicket
from models.tier import note_change


def find_standing_merge(session: Session, dropped_id: int) -> MemberMerge | None:
    """Return the merge by which a card was closed, or None."""
    return session.scalars(
        select(MemberMerge).where(
            MemberMerge.dropped_id == dropped_id, MemberMerge.undone_at.is_(None)
        )
    ).one_or_none()


def undo_merge(session: Session, merge: MemberMerge, *, staff: Staff, now: datetime) -> Member:
    """Open the closed card again with all that was its own, and return it.

    Raises MergeOver after 30 days or a second time, MergeRefused where the kept card has itself
    been closed meanwhile, and OwnCard.
    """
    session.flush()
    session.refresh(merge, with_for_update=True)
    if merge.undone_at is not None or now >= merge.undo_until or merge.personal is None:
        raise MergeOver
    keep, drop = get_member(session, merge.kept_id), get_member(session, merge.dropped_id)
    for member in sorted((keep, drop), key=lambda member: member.id):
        check_own_card(staff, member)
        lock(session, member)
    if keep.merged_into_id is not None or keep.erased_at is not None:
        raise MergeRefused(why="kept_is_closed")
    _Undoing(session, merge, keep, drop, staff, now).run()
    return drop


class _Undoing:
    """The steps of one undoing, over two locked members."""

    def __init__(
        self,
        session: Session,
        merge: MemberMerge,
        keep: Member,
        drop: Member,
        staff: Staff,
        now: datetime,
    ) -> None:
        assert merge.personal is not None
        self.session = session
        self.merge = merge
        self.moved = merge.moved
        self.personal: dict[str, Any] = merge.personal
        self.keep = keep
        self.drop = drop
        self.staff = staff
        self.now = now
        self.today = local_day(now)

    def run(self) -> None:
        self.drop.merged_into_id = None
        self.session.flush()
        for member in (self.keep, self.drop):
            bring_to_today(self.session, member, self.today)
            settle_lots(self.session, member, self.now)
        self.return_points()
        self.return_stamps()
        self.return_rows()
        self.return_figures()
        self.return_tier()
        self.return_person()
        self.merge.undone_at, self.merge.undone_by = self.now, self.staff.id
        self.merge.personal = None
        note(
            self.session,
            "member.unmerge",
            f"member:{self.keep.id}",
            now=self.now,
            staff_id=self.staff.id,
            member_id=self.keep.id,
            after={"returned": self.drop.id},
        )
        self.session.flush()

    def return_points(self) -> None:
        for moved in self.moved["lots"]:
            points = self._take(moved)
            if points:
                self._give(moved, points)
        tier_points = min(self.moved["tier_points"], self.keep.tier_points)
        if tier_points:
            for member, points in ((self.keep, -tier_points), (self.drop, tier_points)):
                post_points(
                    self.session,
                    member,
                    0,
                    tier_points=points,
                    reason="reversal",
                    idempotency_key=f"unmerge:{self.merge.id}:tier:{member.id}",
                    now=self.now,
                    staff_id=self.staff.id,
                )

    def _take(self, moved: dict[str, Any]) -> int:
        """Take one lot's points from the kept card; return how many go back."""
        entry = self.session.get_one(PointsEntry, moved["in"])
        lot = self.session.get_one(PointsLot, moved["in"], populate_existing=True)
        left, excused = lot.granted - lot.recalled, lot.excused
        if not left:
            return 0
        take_back(
            self.session,
            self.keep,
            entry,
            left,
            reason="reversal",
            idempotency_key=f"unmerge:{self.merge.id}:in:{entry.id}",
            now=self.now,
            staff_id=self.staff.id,
        )
        return left - (lot.excused - excused)

    def _give(self, moved: dict[str, Any], points: int) -> None:
        """Put points back into the very lot they came from."""
        key = f"unmerge:{self.merge.id}:out:{moved['out']}"
        if not moved["is_pending"]:
            spending = self.session.get_one(PointsEntry, moved["out"])
            give_back(
                self.session,
                self.drop,
                spending,
                points,
                reason="reversal",
                idempotency_key=key,
                now=self.now,
                staff_id=self.staff.id,
            )
            return
        lot = self.session.get_one(PointsLot, moved["lot"], populate_existing=True)
        lot.remaining += points
        cause = Cause("reversal", key, self.now, answers_id=moved["out"], staff_id=self.staff.id)
        entry_id = move(self.session, self.drop, cause, pending=points)
        note_takes(self.session, entry_id, [(lot, -points)])
        settle_lots(self.session, self.drop, self.now)

    def return_stamps(self) -> None:
        for moved in self.moved["stamps"]:
            programme = self.session.get_one(StampProgramme, moved["programme"])
            held = self.session.scalar(
                select(StampCard.stamps).where(
                    StampCard.member_id == self.keep.id, StampCard.programme_id == programme.id
                )
            )
            stamps = min(moved["stamps"], held or 0)
            if not stamps:
                continue
            take_stamps(
                self.session,
                self.keep.id,
                programme,
                stamps,
                reason="merge",
                idempotency_key=f"unmerge:{self.merge.id}:in",
                now=self.now,
                staff_id=self.staff.id,
            )
            post_stamps(
                self.session,
                self.drop.id,
                [EarnedStamps(programme, stamps)],
                reason="merge",
                idempotency_key=f"unmerge:{self.merge.id}:out",
                now=self.now,
                staff_id=self.staff.id,
            )
            self.session.execute(
                update(StampCard)
                .where(StampCard.member_id == self.drop.id, StampCard.programme_id == programme.id)
                .values(expires_on=read_day(moved["expires_on"]))
            )
        self.session.expire_all()

    def return_rows(self) -> None:
        for model, moved in (
            (Coupon, self.moved["coupons"]),
            (Purchase, self.moved["purchases"]),
            (Staff, self.moved["staff"]),
            (LotteryTicket, self.moved["tickets"]),
            (Subscription, self.moved["subscriptions"]),
            (SurveyAnswer, self.moved.get("answers")),
            (MemberNote, self.moved.get("notes")),
        ):
            if moved:
                self.session.execute(
                    update(model)
                    .where(model.id == func.any(moved), model.member_id == self.keep.id)
                    .values(member_id=self.drop.id)
                    .execution_options(synchronize_session=False)
                )

        if self.moved["plan_code"] is not None and self.keep.plan_code == self.moved["plan_code"]:
            self.drop.plan_code, self.drop.plan_until = self.keep.plan_code, self.keep.plan_until
            self.keep.plan_code = self.keep.plan_until = None

    def return_figures(self) -> None:
        """Give back what the purchases count for today, not what they did at the merge."""
        spent = spent_in(self.session, self.moved["purchases"], self.today)
        explained = (spent.window_twd, spent.year_twd, spent.lifetime_twd)
        for name, value in zip(FIGURES, explained, strict=True):
            own = value + self.moved["unexplained"][name]
            setattr(self.drop, name, own)
            setattr(self.keep, name, getattr(self.keep, name) - own)
        refigure(self.session, [self.keep.id, self.drop.id])
        self.keep.joined_at = datetime.fromisoformat(self.moved["keep_joined_at"])

    def return_tier(self) -> None:
        """Give each card the tier it had, unless the kept one has earned another since."""
        keep = self.keep
        tier_id, kept_until = self.moved["drop_tier"]
        self.drop.tier_id, self.drop.tier_kept_until = tier_id, read_day(kept_until)
        after_id, after_until = self.moved["tier_after"]
        if (keep.tier_id, keep.tier_kept_until) != (after_id, read_day(after_until)):
            return
        before_id, before_until = self.moved["keep_tier"]
        if before_id != keep.tier_id:
            programme = get_programme(self.session)
            held, back = programme.tier(keep.tier_id), programme.tier(before_id)
            self.session.add(
                note_change(
                    keep.id, held, back, {"rule": "merge", "kept_until": before_until}, self.now
                )
            )
        keep.tier_id, keep.tier_kept_until = before_id, read_day(before_until)

    def return_person(self) -> None:
        keep, drop, personal = self.keep, self.drop, self.personal
        unmerge_engagement(self.session, keep.id, drop.id, personal.get("engagement") or {})
        unmerge_tags(self.session, keep.id, drop.id, personal.get("tags") or (), self.now)
        unmerge_channel(self.session, keep.id, drop.id, personal.get("channel") or {})
        journeys = personal.get("journeys") or {}
        unmerge_visits(self.session, keep.id, drop.id, journeys, self.now)
        unmerge_recipients(self.session, keep.id, drop.id, personal.get("campaigns") or ())
        taken = set(self.moved["taken"])
        line_user_id = personal["line_user_id"]
        if "line_user_id" in taken and keep.line_user_id == line_user_id:
            close_binding(self.session, keep, UNMERGED, self.now)
            keep.line_user_id = None
            keep.card_ref = new_card_ref()
        if "phone" in taken and keep.phone == personal["phone"]:
            keep.phone = keep.phone_verified_at = None
        if "name" in taken and keep.name == personal["name"]:
            keep.name = None
        if "birthday" in taken and day_text(keep.birthday) == personal["birthday"]:
            keep.birthday = None
        self.session.flush()
        drop.name, drop.birthday = personal["name"], read_day(personal["birthday"])
        drop.marketing_allowed = self.moved["drop_allows_marketing"]
        if personal["phone"] and not is_phone_taken(self.session, personal["phone"]):
            drop.phone = personal["phone"]
            verified_at = self.moved["phone_verified_at"]
            drop.phone_verified_at = datetime.fromisoformat(verified_at) if verified_at else None
        if line_user_id and find_member_by_line(self.session, line_user_id) is None:
            drop.line_user_id = line_user_id
            note_binding(self.session, drop, "merge", self.now, staff_id=self.staff.id)
            key = f"unmerge:{self.merge.id}"
            owe_menu_to(self.session, line_user_id, "member", member=drop, key=key, now=self.now)
