"""What would keep a tier, and by when: asked by its member, and told before it falls."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Date, cast, func, literal, select
from sqlalchemy.orm import Session

from models.base import in_language
from models.local_day import day_start
from models.member import Member
from models.outbox import Owed, owe
from models.programme import Programme, get_programme
from models.purchase.table import Purchase
from models.tier import CALENDAR, LIFETIME, Rules, Tier, window_start
from models.tier_evaluation.figures import figures_for

WARNED_AT_ONCE = 500


@dataclass(frozen=True)
class Keeping:
    """What keeps a member's tier: the day it is looked at, the day it may fall, what is missing."""

    due_on: date
    falls_on: date
    threshold: int
    will_count: int
    """What of today's figure will still count on that day."""
    gap: int
    """What is missing then; 0 where the tier is safe for its next time."""


def keeping_of(
    session: Session, member: Member, programme: Programme, today: date
) -> Keeping | None:
    """Return what keeps the member's tier, or None where it cannot fall; one query by net spend."""
    rules = programme.ladder.on(today)
    tier = programme.tier(member.tier_id)
    due = rules.due_on(tier, member.tier_kept_until)
    if due is None:
        return None
    falls_on = max(rules.falls_on(due), today)
    will_count = _will_count(session, member, programme, rules, falls_on, today)
    threshold = rules.threshold(tier)
    return Keeping(due, falls_on, threshold, will_count, max(threshold - will_count, 0))


def _will_count(
    session: Session,
    member: Member,
    programme: Programme,
    rules: Rules,
    falls_on: date,
    today: date,
) -> int:
    if not rules.is_money:
        return rules.value(figures_for(session, member, programme, today))
    if rules.basis == LIFETIME:
        return member.lifetime_twd
    first = counted_from(rules, falls_on, today)
    counted = session.scalar(
        select(func.sum(Purchase.paid_twd - Purchase.refunded_twd)).where(
            Purchase.member_id == member.id,
            Purchase.purchased_on >= first,
            Purchase.purchased_on <= today,
        )
    )
    return int(counted or 0)


def counted_from(rules: Rules, falls_on: date, today: date) -> date:
    """Return the first day whose purchases still count when a tier may fall; by net spend."""
    if rules.basis == CALENDAR:
        return date(min(falls_on.year - 1, today.year), 1, 1)
    return window_start(falls_on)


def warn_part(
    session: Session, today: date, before: date | None, now: datetime, *, after_id: int
) -> tuple[int, int]:
    """Warn one part of those whose tier falls `warn_days` from now; return last id and how many.

    `before` is the last night that did so: what lies between is made up for. The last id is 0
    where nobody is left. Each is warned once for one fall.
    """
    programme = get_programme(session)
    rules = programme.ladder.on(today)
    if rules.basis == LIFETIME or rules.warn_days == 0:
        return 0, 0
    since = before if before is not None and before < today else today - timedelta(days=1)
    falls_on = falls_on_sql(rules)
    members = session.scalars(
        select(Member)
        .where(
            Member.id > after_id,
            Member.erased_at.is_(None),
            Member.line_user_id.is_not(None),
            Member.tier_kept_until <= today + timedelta(days=rules.warn_days),
            falls_on > since + timedelta(days=rules.warn_days),
            falls_on <= today + timedelta(days=rules.warn_days),
            falls_on > today,
        )
        .order_by(Member.id)
        .limit(WARNED_AT_ONCE)
    ).all()
    warned = sum(_warn(session, member, programme, today, now) for member in members)
    return (members[-1].id if members else 0), warned


def falls_on_sql(rules: Rules) -> ColumnElement[date]:
    """Return the day on which each member's tier falls unless it is earned again, in SQL."""
    fall = cast(Member.tier_kept_until + rules.grace_days, Date)
    if rules.rights_kept_until is None:
        return fall
    return func.greatest(fall, literal(rules.rights_kept_until, Date))


def _warn(
    session: Session, member: Member, programme: Programme, today: date, now: datetime
) -> bool:
    keeping = keeping_of(session, member, programme, today)
    if keeping is None or keeping.gap == 0 or member.line_user_id is None:
        return False
    key = f"tier_warning:{member.id}:{keeping.falls_on.isoformat()}"
    if session.scalar(select(Owed.id).where(Owed.idempotency_key == key)) is not None:
        return False
    owe(
        session,
        member.line_user_id,
        "tier_warning",
        warning_words(keeping, programme, programme.tier(member.tier_id), member.language, today),
        language=member.language,
        idempotency_key=key,
        now=now,
        member_id=member.id,
        useful_until=day_start(keeping.falls_on),
    )
    return True


def warning_words(
    keeping: Keeping, programme: Programme, tier: Tier, language: str, today: date
) -> dict[str, object]:
    """Return the words of a warning; `by` is the last day on which the gap can be closed."""
    rules = programme.ladder.on(today)
    return {
        "tier_name": in_language(tier.name, language),
        "tier_colour": tier.colour,
        "gap": keeping.gap,
        "is_money": rules.is_money,
        "by": (keeping.falls_on - timedelta(days=1)).isoformat(),
        "percent": max(min(keeping.will_count * 100 // max(keeping.threshold, 1), 100), 0),
    }
