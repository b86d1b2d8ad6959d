"""The night's evaluation of all members, set by set: windows, tiers, reasons, upgrades, messages.

A part is some thousands of members in the order of their ids: one statement locks them, one works
out every figure and writes what changed, and only members whose tier moved are looked at one by
one, for their reasons and messages. A shop by net spend looks every night only at members whose
window or kept day changed; after new rules, or under rules by metric or score, at everybody.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from models.base import DELIVERY, wake
from models.benefit import gift_of
from models.local_day import local_day
from models.member import Member
from models.outbox import Owed
from models.programme import Programme, get_programme
from models.score import value_sql
from models.tier import (
    CALENDAR,
    LIFETIME,
    ROLLING,
    TIER_POINTS,
    Figures,
    Rules,
    Tier,
    TierChange,
    TierNight,
    Upgrade,
    explain,
    window_start,
    year_start,
)
from models.tier_evaluation.moving import change_words, evaluate_member
from models.tier_evaluation.upgrade import choose_variant, settle_stages
from models.tier_evaluation.warning import warn_part

PART = 5_000
"""So many members are locked at once; a till that meets one of them waits for no longer."""
ONE_BY_ONE = 100


@dataclass(frozen=True)
class Night:
    """What a night of one day must look at."""

    today: date
    before: date | None
    """The last night that came to its end."""
    everybody: bool


@dataclass(frozen=True)
class Range:
    """The members of one part: those with these ids, or all from `first` to `last`."""

    first: int
    last: int
    ids: tuple[int, ...] | None = None


def plan_night(session: Session, now: datetime) -> Night:
    """Find out what tonight must look at: everybody after new rules, else what changed."""
    today = local_day(now)
    last = session.scalars(
        select(TierNight)
        .where(TierNight.evaluated_on <= today)
        .order_by(TierNight.evaluated_on.desc())
        .limit(1)
    ).one_or_none()
    rules = get_programme(session).ladder.on(today)
    is_new = last is None or last.version_id != rules.version_id
    return Night(
        today=today,
        before=last.evaluated_on if last else None,
        everybody=is_new or not rules.is_money or _turns_year(last, today),
    )


def _turns_year(last: TierNight | None, today: date) -> bool:
    """Tell whether the year's figure of everybody begins anew."""
    return last is None or last.evaluated_on.year != today.year


def list_missed(session: Session, night: Night, *, after_id: int) -> Sequence[int]:
    """Return members whose kept day lies in nights that nobody did, to be caught up one by one."""
    if night.before is None:
        return []
    return session.scalars(
        select(Member.id)
        .where(
            Member.id > after_id,
            Member.tier_kept_until > night.before,
            Member.tier_kept_until < night.today,
            Member.erased_at.is_(None),
        )
        .order_by(Member.id)
        .limit(ONE_BY_ONE)
    ).all()


def catch_up(session: Session, member_ids: Sequence[int], now: datetime) -> int:
    """Do these members' nights one by one; return how many tiers changed."""
    return sum(evaluate_member(session, member_id, now) for member_id in member_ids)


def list_parts(session: Session, night: Night) -> Iterator[Range]:
    """Yield the parts of a night, in the order of their ids."""
    if night.everybody:
        yield from _all_members(session)
    else:
        ids = _changed_members(session, night)
        for start in range(0, len(ids), PART):
            part = tuple(ids[start : start + PART])
            yield Range(part[0], part[-1], part)


def _all_members(session: Session) -> Iterator[Range]:
    lowest, highest = session.execute(select(func.min(Member.id), func.max(Member.id))).one()
    if lowest is not None:
        for first in range(lowest, highest + 1, PART):
            yield Range(first, first + PART - 1)


_CHANGED = text("""
SELECT p.member_id FROM purchase AS p
WHERE p.purchased_on >= :was_counted_from AND p.purchased_on < :counted_from
UNION
SELECT m.id FROM member AS m WHERE m.tier_kept_until <= :today
ORDER BY 1
""")


def _changed_members(session: Session, night: Night) -> list[int]:
    asked = {
        "was_counted_from": window_start(night.before or night.today - timedelta(days=1)),
        "counted_from": window_start(night.today),
        "today": night.today,
    }
    return list(session.scalars(_CHANGED, asked))


def evaluate_part(session: Session, part: Range, night: Night, now: datetime) -> int:
    """Bring one part's windows and tiers to today; return how many tiers changed."""
    programme = get_programme(session)
    rules = programme.ladder.on(night.today)
    asked = {"first": part.first, "last": part.last, "ids": list(part.ids or ())}
    which = _IDS if part.ids is not None else _RANGE
    session.execute(text(_LOCK.format(which=which)), _only(asked, which))
    sql, bound = _part_sql(rules, which)
    found = session.execute(text(sql), bound | _only(asked, which) | _days(rules, night))
    moved = [Moved(*row) for row in found if row[1] != row[2]]
    if moved:
        _write(session, moved, rules, programme, now)
    return len(moved)


def finish_night(session: Session, night: Night, changed: int, now: datetime) -> None:
    """Remember that a night came to its end, so that the next looks at what changes after it."""
    rules = get_programme(session).ladder.on(night.today)
    row = upsert(TierNight).values(
        evaluated_on=night.today, version_id=rules.version_id, changed=changed, ended_at=now
    )
    session.execute(
        row.on_conflict_do_update(
            index_elements=[TierNight.evaluated_on],
            set_={
                "version_id": rules.version_id,
                "changed": TierNight.changed + changed,
                "ended_at": now,
            },
        )
    )
    settle_stages(session)


def warn(session: Session, night: Night, now: datetime, *, after_id: int) -> tuple[int, int]:
    """Owe the warnings of one part of those whose tier is about to fall; see `warn_part`."""
    return warn_part(session, night.today, night.before, now, after_id=after_id)


_IDS = "m.id = ANY(:ids)"
_RANGE = "m.id BETWEEN :first AND :last"
_LOCK = "SELECT m.id FROM member AS m WHERE {which} ORDER BY m.id FOR NO KEY UPDATE"
_PART = """
WITH figured AS (
    SELECT m.id, m.tier_id, t.rank, m.line_user_id, m.language, m.spend_on, m.tier_points,
        m.lifetime_twd, m.spend_twd AS was_twd, m.year_twd AS was_year_twd,
        m.tier_kept_until AS was_kept_until,
        CASE WHEN m.spend_on < :today AND m.spend_twd > 0 THEN m.spend_twd - (
            SELECT coalesce(sum(p.paid_twd - p.refunded_twd), 0) FROM purchase AS p
            WHERE p.member_id = m.id AND p.purchased_on >= m.spend_on - :window
              AND p.purchased_on < :counted_from
        ) ELSE m.spend_twd END AS spend_twd,
        CASE WHEN m.spend_on < :year_start THEN 0 ELSE m.year_twd END AS year_twd,
        {due} AS due_on,
        {value} AS measured,
        {last_year} AS last_year_twd
    FROM member AS m JOIN tier AS t ON t.id = m.tier_id
    WHERE {which} AND m.erased_at IS NULL
), judged AS (
    SELECT *, {counted} AS counted FROM figured
), reached AS (
    SELECT *, {now_rank} AS now_rank, {then_rank} AS then_rank FROM judged
), deserved AS (
    SELECT *, greatest(now_rank, then_rank) AS new_rank,
        coalesce(due_on <= :today, false) AS is_due,
        CASE WHEN greatest(now_rank, then_rank) = 0 THEN NULL
            WHEN now_rank >= then_rank THEN CAST(:kept_until AS date)
            ELSE CAST(:next_year AS date) END AS new_kept_until
    FROM reached
), settled AS (
    SELECT *, (new_rank > rank OR is_due AND (new_rank = rank OR
        greatest(due_on + CAST(:grace AS integer), CAST(:rights AS date)) <= :today)) AS takes
    FROM deserved
), written AS (
    UPDATE member SET spend_twd = s.spend_twd, year_twd = s.year_twd,
        spend_on = greatest(s.spend_on, CAST(:today AS date)),
        tier_id = CASE WHEN s.takes THEN {tier_id} ELSE s.tier_id END,
        tier_kept_until = CASE WHEN s.takes THEN s.new_kept_until ELSE s.was_kept_until END
    FROM settled AS s
    WHERE member.id = s.id AND (s.spend_twd <> s.was_twd OR s.year_twd <> s.was_year_twd
        OR s.takes AND (s.new_rank <> s.rank
            OR s.new_kept_until IS DISTINCT FROM s.was_kept_until))
    RETURNING member.id, s.tier_id AS was_tier_id, member.tier_id AS now_tier_id, s.line_user_id,
        s.language, s.spend_twd, s.year_twd, s.lifetime_twd, s.tier_points,
        CASE WHEN s.then_rank > s.now_rank THEN s.last_year_twd ELSE s.counted END AS counted,
        member.tier_kept_until
)
SELECT * FROM written ORDER BY id
"""


@dataclass(frozen=True)
class Moved:
    """A member the night wrote, with the figures that made it."""

    member_id: int
    was_tier_id: int
    now_tier_id: int
    line_user_id: str | None
    language: str
    spend_twd: int
    year_twd: int
    lifetime_twd: int
    tier_points: int
    counted: int
    kept_until: date | None

    def figures(self, rules: Rules, today: date) -> Figures:
        """Return the member's figures as a standing is made of them."""
        return Figures(
            on=today,
            spend_twd=self.spend_twd,
            year_twd=self.year_twd,
            lifetime_twd=self.lifetime_twd,
            tier_points=self.tier_points,
            measured=None if rules.is_money else self.counted,
        )


_COUNTED = {
    ROLLING: "spend_twd",
    CALENDAR: "year_twd",
    LIFETIME: "lifetime_twd",
    TIER_POINTS: "tier_points",
}


def _part_sql(rules: Rules, which: str) -> tuple[str, dict[str, Any]]:
    """Return the part's statement under these rules, with the numbers it binds."""
    bound: dict[str, Any] = {}
    value = "NULL"
    if rules.basis not in _COUNTED:
        value, bound = value_sql(rules)
        value = value.replace(":on", ":today")
    for rank, (tier, threshold) in enumerate(rules.steps):
        bound |= {f"step_{rank}": threshold, f"tier_{rank}": tier.id, f"rank_{rank}": tier.rank}
    is_calendar = rules.basis == CALENDAR
    due = "m.tier_kept_until"
    if rules.basis != LIFETIME:
        due = "CASE WHEN t.rank > 0 THEN coalesce(m.tier_kept_until, :effective_on) END"
        bound["effective_on"] = rules.effective_on
    return _PART.format(
        which=which,
        due=due,
        value=value,
        last_year=_LAST_YEAR if is_calendar else "0",
        counted=_COUNTED.get(rules.basis, "measured"),
        now_rank=_rank_sql(rules, _COUNTED.get(rules.basis, "measured")),
        then_rank=_rank_sql(rules, "last_year_twd") if is_calendar else "0",
        tier_id=_tier_sql(rules),
    ), bound


_LAST_YEAR = """(SELECT coalesce(sum(p.paid_twd - p.refunded_twd), 0) FROM purchase AS p
    WHERE p.member_id = m.id
      AND p.purchased_on >= :last_year_start AND p.purchased_on < :year_start)"""


def _rank_sql(rules: Rules, figure: str) -> str:
    """Return the rank a figure reaches, as SQL."""
    places = range(len(rules.steps) - 1, 0, -1)
    whens = " ".join(
        f"WHEN {figure} >= CAST(:step_{place} AS bigint) THEN CAST(:rank_{place} AS integer)"
        for place in places
    )
    return f"CASE {whens} ELSE 0 END" if whens else "0"


def _tier_sql(rules: Rules) -> str:
    whens = " ".join(
        f"WHEN CAST(:rank_{place} AS integer) THEN CAST(:tier_{place} AS bigint)"
        for place in range(len(rules.steps))
    )
    return f"CASE s.new_rank {whens} ELSE s.tier_id END"


def _days(rules: Rules, night: Night) -> dict[str, Any]:
    top = rules.steps[-1][0]
    days = {
        "today": night.today,
        "window": 364,
        "counted_from": window_start(night.today),
        "year_start": year_start(night.today),
        "kept_until": rules.kept_until(top, night.today),
        "next_year": date(night.today.year + 1, 1, 1),
        "grace": rules.grace_days,
        "rights": rules.rights_kept_until,
    }
    if rules.basis == CALENDAR:
        days["last_year_start"] = date(night.today.year - 1, 1, 1)
    return days


def _only(asked: dict[str, Any], which: str) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if f":{name}" in which}


def _write(
    session: Session, moved: Sequence[Moved], rules: Rules, programme: Programme, now: datetime
) -> None:
    """Write reasons, upgrades and messages of those whose tier moved."""
    steps = [
        (one, programme.tier(one.was_tier_id), programme.tier(one.now_tier_id)) for one in moved
    ]
    reasons = [explain(rules, was, then, one.counted) for one, was, then in steps]
    change_ids = session.scalars(
        insert(TierChange).returning(TierChange.id, sort_by_parameter_order=True),
        [
            {
                "member_id": one.member_id,
                "from_tier_id": was.id,
                "to_tier_id": then.id,
                "reason": reason,
                "changed_at": now,
            }
            for (one, was, then), reason in zip(steps, reasons, strict=True)
        ],
    ).all()
    _open_upgrades(session, steps, change_ids, rules, programme, now)
    owed = [
        _message(one, was, change_id, rules, programme, now)
        for (one, was, _), change_id in zip(steps, change_ids, strict=True)
        if one.line_user_id is not None
    ]
    if owed:
        # Asking for something back is what lets many rows go in one statement.
        session.execute(insert(Owed).returning(Owed.seq), owed)
        wake(session, DELIVERY)


def _open_upgrades(
    session: Session,
    steps: Sequence[tuple[Moved, Tier, Tier]],
    change_ids: Sequence[int],
    rules: Rules,
    programme: Programme,
    now: datetime,
) -> None:
    with_gift = {tier.id: gift_of(programme, tier.id, now) for tier in programme.tiers}
    rows = [
        {
            "member_id": one.member_id,
            "tier_id": then.id,
            "version_id": rules.version_id,
            "variant": choose_variant(with_gift[then.id], one.lifetime_twd),
            "told_by": f"tier_change:{change_id}" if one.line_user_id else None,
            "qualified_at": now,
            "claimed_at": None if with_gift[then.id] else now,
        }
        for (one, was, then), change_id in zip(steps, change_ids, strict=True)
        if then.rank > was.rank
    ]
    if rows:
        again = upsert(Upgrade).on_conflict_do_update(
            index_elements=[Upgrade.member_id, Upgrade.tier_id, Upgrade.version_id],
            set_={"voided_at": None, "qualified_at": now},
            where=Upgrade.voided_at.is_not(None),
        )
        session.execute(again.returning(Upgrade.id), rows)


def _message(
    one: Moved,
    was: Tier,
    change_id: int,
    rules: Rules,
    programme: Programme,
    now: datetime,
) -> dict[str, Any]:
    standing = programme.standing(
        one.now_tier_id,
        one.figures(rules, local_day(now)),
        first_counted_on=None,
        kept_until=one.kept_until,
    )
    assert one.line_user_id is not None
    return {
        "line_user_id": one.line_user_id,
        "member_id": one.member_id,
        "kind": "tier_up_notice" if standing.tier.rank > was.rank else "tier_down_notice",
        "words": change_words(standing, was, one.language),
        "language": one.language,
        "idempotency_key": f"tier_change:{change_id}",
        "created_at": now,
        "next_try_at": now,
    }
