"""Handing out a coupon to a whole segment: once each member, in parts, as far as there is stock.

A run is a row. A worker takes the members of the rule in the order of their ids and notes how far
it has come with what it gave, in the same transaction, so that it may stop anywhere.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.audit import note
from models.base import Base, BusinessError, Identifier, Moment, one_of, wake
from models.coupon import CouponNotOffered, CouponTemplate
from models.coupon.bulk import issue_many
from models.coupon.issuing import is_offered
from models.member import Member
from models.segment import Context, Rule, members_of, parse_rule
from models.segment.codes import check_codes
from models.segment.sizing import Size, size_of
from models.staff import Staff

TASK = "hand_out_coupons"
RUNNING, DONE, STOPPED, FAILED = STATES = ("running", "done", "stopped", "failed")
PART = 1_000
MOST_LISTED = 20


class CouponHandout(Base):
    """One run: which coupon, to whom, how far it is. What it gave has a key of `handout:<id>:`."""

    __tablename__ = "coupon_handout"
    __table_args__ = (
        CheckConstraint(one_of("state", STATES), name="state_known"),
        CheckConstraint("(state = 'running') = (ended_at IS NULL)", name="ended_when"),
        CheckConstraint("seen >= given AND given >= 0", name="given_of_those_seen"),
        Index("ix_coupon_handout_template_id", "template_id", "id"),
        Index("ix_coupon_handout_running", "id", postgresql_where="state = 'running'"),
    )

    id: Mapped[Identifier]
    template_id: Mapped[int] = mapped_column(ForeignKey("coupon_template.id"))
    rule: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(default=RUNNING)
    expected: Mapped[int]
    """How many members the rule had when it was asked for; an estimate in a large shop."""
    seen: Mapped[int] = mapped_column(default=0)
    given: Mapped[int] = mapped_column(default=0)
    last_id: Mapped[int] = mapped_column(BigInteger, default=0)
    asked_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[Moment]
    ended_at: Mapped[datetime | None]
    problem: Mapped[str | None]
    key: Mapped[str] = mapped_column(unique=True)

    template: Mapped[CouponTemplate] = relationship(lazy="joined", innerjoin=True)

    @property
    def percent(self) -> int:
        """Return how much of it is done, 0 to 100."""
        if self.state != RUNNING:
            return 100
        return min(self.seen * 100 // max(self.expected, 1), 99)


class NoSuchHandout(BusinessError):
    """No run has this number, or it is over."""

    code = "no_such_coupon_handout"


def begin_handout(
    session: Session, template: CouponTemplate, rule: Rule, *, staff: Staff, key: str, now: datetime
) -> CouponHandout:
    """Begin to hand out a coupon; the same key begins one run.

    Raises CouponNotOffered, or UnknownCode where the rule names what the shop does not have.
    """
    known = session.scalars(select(CouponHandout).where(CouponHandout.key == key)).one_or_none()
    if known is not None:
        return known
    if not is_offered(template, now):
        raise CouponNotOffered(template=template.code)
    check_codes(session, rule)
    run = CouponHandout(
        template_id=template.id,
        rule=rule.as_json(),
        expected=size_of(session, rule, now).members,
        asked_by=staff.id,
        asked_at=now,
        key=key,
    )
    session.add(run)
    session.flush()
    subject = f"coupon:{template.code}"
    facts = {"handout_id": run.id, "members": run.expected}
    note(session, "coupon.hand_out", subject, now=now, staff_id=staff.id, after=facts)
    wake(session, TASK)
    return run


def preview_handout(
    session: Session, template: CouponTemplate, rule: Rule, now: datetime
) -> tuple[Size, int]:
    """Return how many members a rule has, and to how many of them the stock would reach."""
    check_codes(session, rule)
    size = size_of(session, rule, now)
    left = template.stock_left
    return size, size.members if left is None else min(size.members, left)


def stop_handout(
    session: Session, handout_id: int, *, staff: Staff, now: datetime
) -> CouponHandout:
    """End a run where it is; what was given stays given. Raises NoSuchHandout."""
    run = session.get(CouponHandout, handout_id, with_for_update={"of": CouponHandout})
    if run is None or run.state != RUNNING:
        raise NoSuchHandout
    run.state, run.ended_at = STOPPED, now
    note(
        session,
        "coupon.hand_out_stop",
        f"coupon:{run.template.code}",
        now=now,
        staff_id=staff.id,
        after={"handout_id": run.id, "given": run.given},
    )
    return run


def get_handout(session: Session, handout_id: int) -> CouponHandout:
    """Return a run. Raises NoSuchHandout."""
    run = session.get(CouponHandout, handout_id, populate_existing=True)
    if run is None:
        raise NoSuchHandout
    return run


def list_handouts(session: Session, template_id: int) -> Sequence[CouponHandout]:
    """Return a coupon's newest runs, the newest first."""
    return session.scalars(
        select(CouponHandout)
        .where(CouponHandout.template_id == template_id)
        .order_by(CouponHandout.id.desc())
        .limit(MOST_LISTED)
    ).all()


def find_running(session: Session) -> int | None:
    """Return the number of the oldest run that is not over, or None."""
    return session.scalars(
        select(CouponHandout.id)
        .where(CouponHandout.state == RUNNING)
        .order_by(CouponHandout.id)
        .limit(1)
    ).one_or_none()


def hand_out_part(session: Session, handout_id: int, now: datetime, *, part: int = PART) -> int:
    """Give the next members of a run their coupon; return how many were looked at.

    Nothing where another worker has the run, or it is over. A rule that can no longer be asked
    ends it as failed, and so does a coupon that is no longer offered.
    """
    run = session.scalars(
        select(CouponHandout)
        .where(CouponHandout.id == handout_id, CouponHandout.state == RUNNING)
        .with_for_update(skip_locked=True, of=CouponHandout)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if run is None:
        return 0
    try:
        with session.begin_nested():
            ids = _next_members(session, run, now, part)
            given = _give(session, run, ids, now)
    except BusinessError as error:
        run.state, run.ended_at, run.problem = FAILED, now, error.code
        return 0
    run.seen, run.given = run.seen + len(ids), run.given + given
    if len(ids) < part:
        run.state, run.ended_at = DONE, now
    else:
        run.last_id = ids[-1]
    return len(ids)


def _next_members(session: Session, run: CouponHandout, now: datetime, part: int) -> list[int]:
    if not is_offered(run.template, now):
        raise CouponNotOffered(template=run.template.code)
    rule = parse_rule(run.rule)
    asked = members_of(rule, Context(session, now)).where(Member.id > run.last_id)
    return list(session.scalars(asked.order_by(Member.id).limit(part)))


def _give(session: Session, run: CouponHandout, ids: Sequence[int], now: datetime) -> int:
    keys = {member_id: f"handout:{run.id}:{member_id}" for member_id in ids}
    return len(issue_many(session, run.template, keys, now))
