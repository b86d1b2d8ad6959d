"""The simulation itself: members read, lives replayed twice, what differs told as JSON."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.interval import wilson
from models.local_day import first_of_month_after, local_day
from models.points import forecast
from models.prepared import NoteProgress, prepared
from models.programme import Programme, get_programme
from models.tier import Held, Ladder, Rules, Tier
from models.tier_evaluation.versions import current_value, draft_rules, ranked_with
from models.tier_proposal import Proposed, get_edition
from models.tier_simulation.costing import KINDS, Heads, Tally
from models.tier_simulation.history import (
    MOST_MEMBERS,
    READ_AT_ONCE,
    History,
    count_members,
    read_histories,
)
from models.tier_simulation.pricing import offers_now, offers_proposed, read_prices
from models.tier_simulation.replaying import Life, is_replayable, ladder_with, live

WINDOW_MONTHS = 24
FIGURE = "tier_simulation"


@dataclass
class Side:
    """One of the two worlds compared: a ladder, with what its lives come to."""

    ladder: Ladder | None
    """None where sales do not tell the story: then everybody stands where `standing` says."""
    standing: Mapping[int, Tier]
    tally: Tally
    heads: Heads

    def life(self, history: History, lowest: Tier, today: date) -> Life:
        """Return a member's life in this world."""
        if self.ladder is None:
            tier = self.standing.get(history.member_id, lowest)
            return Life(tier, (), Held(tier, None))
        return live(self.ladder, history.sales, history.given, lowest, today)


@dataclass
class Found:
    """What is found on the way."""

    members: int = 0
    reproduced: int = 0
    moved: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    """Ids of members by tier from and to."""
    stayed: Counter[int] = field(default_factory=Counter)


@prepared(FIGURE, nightly=False)
def simulate_proposal(
    session: Session, now: datetime, asked: Mapping[str, Any], note_progress: NoteProgress
) -> dict[str, Any]:
    """Simulate an edition of a proposal. Raises NoSuchProposal, or ProposalChanged."""
    return simulate(session, get_edition(session, asked).proposed, now, note_progress)


def simulate(
    session: Session,
    proposed: Proposed,
    now: datetime,
    note_progress: NoteProgress,
    *,
    most: int = MOST_MEMBERS,
) -> dict[str, Any]:
    """Replay the last two years under the rules there were and under those proposed.

    Returns plain JSON: `tiers`, `moves` with the ids of who moves, `months` with the heads on
    each tier, `costs_twd`, `points`, `liability_twd`, `messages`, each for `now` and `draft`;
    sums are of all members, where only a part was replayed by its share.
    """
    programme, today = get_programme(session), local_day(now)
    tiers = ranked_with(proposed.draft, programme.tiers)
    rules = draft_rules(proposed.draft, tiers)
    total = count_members(session)
    first = _first_day(session, today)
    sides = _sides(session, programme, proposed, tiers, rules, first, today)
    found, lowest = Found(), programme.tiers[0]
    for history in read_histories(session, programme, most):
        _compare(found, sides, history, lowest, today)
        if found.members % READ_AT_ONCE == 0:
            note_progress(found.members, min(total, most))
    return _told(session, found, sides, tiers, total, first, today)


def _first_day(session: Session, today: date) -> date:
    """Return where the time looked at begins: two years ago, or with the shop's first sale."""
    window = first_of_month_after(today, -WINDOW_MONTHS).replace(day=1)
    began = session.scalar(text("SELECT min(purchased_on) FROM purchase"))
    return max(window, began) if began is not None else window


def _sides(
    session: Session,
    programme: Programme,
    proposed: Proposed,
    tiers: list[Tier],
    rules: Rules,
    first: date,
    today: date,
) -> tuple[Side, Side]:
    offers = offers_now(programme, today)
    planned = offers_proposed(programme, proposed, tiers, today)
    prices = read_prices(session, programme, [*offers.values(), *planned.values()], today)
    owed_from = _owed_from(programme, today)
    days = _month_days(first, today)
    ladder = programme.ladder
    is_known = is_replayable(ladder)
    changed = ladder_with(ladder, rules, first, today) if is_known else Ladder((rules,))
    by_sales = rules.is_money
    now_side = Side(
        ladder if is_known else None,
        {} if is_known else _standing_now(session, programme),
        Tally(offers, prices, first, today, owed_from),
        Heads(days),
    )
    draft_side = Side(
        changed if by_sales else None,
        {} if by_sales else _standing_by(session, rules, today),
        Tally(planned, prices, first, today, owed_from),
        Heads(days),
    )
    return now_side, draft_side


def _compare(
    found: Found, sides: tuple[Side, Side], history: History, lowest: Tier, today: date
) -> None:
    found.members += 1
    lives = [side.life(history, lowest, today) for side in sides]
    for side, life in zip(sides, lives, strict=True):
        side.tally.count(life, history)
        side.heads.count(life, history)
    held, drafted = (life.held.tier.id for life in lives)
    if held != history.tier_id:
        return
    found.reproduced += 1
    if drafted == held:
        found.stayed[held] += 1
    else:
        found.moved.setdefault((held, drafted), []).append(history.member_id)


def _standing_now(session: Session, programme: Programme) -> dict[int, Tier]:
    """Return where everybody stands: what was measured on other days is not to be known."""
    by_id = {tier.id: tier for tier in programme.tiers}
    rows = session.execute(text("SELECT id, tier_id FROM member WHERE erased_at IS NULL"))
    return {member_id: by_id[tier_id] for member_id, tier_id in rows}


def _standing_by(session: Session, rules: Rules, today: date) -> dict[int, Tier]:
    """Return where rules that count more than money would put everybody today."""
    value, bound = current_value(rules, today)
    sql = f"SELECT m.id, {value} FROM member AS m WHERE m.erased_at IS NULL"  # noqa: S608 - constants
    asked = dict(bound) | ({"on": today} if ":on" in sql else {})
    rows = session.execute(text(sql), asked)
    return {member_id: rules.tier_at(int(counted)) for member_id, counted in rows}


def _owed_from(programme: Programme, today: date) -> date:
    """Return the first day whose points are still good today."""
    months = programme.shop.points_valid_months
    return first_of_month_after(today, -months)


def _month_days(first: date, today: date) -> list[date]:
    """Return the first days of the months that began in the time looked at, and tomorrow."""
    days, day = [], first_of_month_after(first, 1)
    while day <= today:
        days.append(day)
        day = first_of_month_after(day, 1)
    return [*days, today + timedelta(days=1)]


# --- telling ---


def _told(
    session: Session,
    found: Found,
    sides: tuple[Side, Side],
    tiers: list[Tier],
    total: int,
    first: date,
    today: date,
) -> dict[str, Any]:
    share = total / found.members if found.members else 1.0
    days = (today - first).days + 1
    now_side, draft_side = sides
    notes = [
        *(["a_part"] if found.members < total else []),
        *(["measured_now"] if now_side.ladder is None else []),
        *(["measured_draft"] if draft_side.ladder is None else []),
        *(["not_reproduced"] if found.reproduced < found.members else []),
    ]
    owed = _owed_share(session, now_side.tally, share, today)
    return {
        "first": first.isoformat(),
        "today": today.isoformat(),
        "days": days,
        "members": total,
        "replayed": found.members,
        "reproduced": found.reproduced,
        "notes": notes,
        "tiers": [_tier_json(tier) for tier in tiers],
        "moves": _moves(found, tiers, total),
        "months": [day.isoformat() for day in now_side.heads.days],
        **{
            name: _side_json(side, tiers, share, owed)
            for name, side in (("now", now_side), ("draft", draft_side))
        },
    }


def _tier_json(tier: Tier) -> dict[str, Any]:
    return {"id": tier.id, "code": tier.code, "name": tier.name, "colour": tier.colour}


def _moves(found: Found, tiers: list[Tier], total: int) -> list[dict[str, Any]]:
    """Return who would stand elsewhere, and who would not, lowest tiers first."""
    by_id = {tier.id: tier for tier in tiers}
    every = {(held, held): (count, list[int]()) for held, count in found.stayed.items()}
    every |= {pair: (len(ids), ids) for pair, ids in found.moved.items()}
    moves = []
    for (held, drafted), (count, ids) in every.items():
        low, high = wilson(count, found.reproduced)
        moves.append(
            {
                "from": by_id[held].code,
                "to": by_id[drafted].code,
                "members": round(count * total / found.reproduced),
                "low": round(low * total),
                "high": round(high * total),
                "ids": sorted(ids),
            }
        )
    ranks = {tier.code: tier.rank for tier in tiers}
    return sorted(moves, key=lambda move: (ranks[move["from"]], ranks[move["to"]]))


def _owed_share(session: Session, tally: Tally, share: float, today: date) -> float:
    """Return which part of the points still good today is not spent, by the shop's own ledger."""
    owed = forecast(session, today, months=1).outstanding
    living = tally.living_points * share
    return min(owed / living, 1.0) if living else 1.0


def _side_json(side: Side, tiers: list[Tier], share: float, owed: float) -> dict[str, Any]:
    tally = side.tally
    by_code = {tier.code: tier.id for tier in tiers}
    return {
        "heads": {
            code: [round(counts[tier_id] * share) for counts in side.heads.counts]
            for code, tier_id in by_code.items()
        },
        "costs_twd": {kind: _scaled(tally.costs[kind], share) for kind in KINDS},
        "points": round(tally.points * share),
        "liability_twd": round(tally.living_points * share * owed * tally.prices.point_twd),
        "gifts": round(tally.gifts * share),
        "messages": round(tally.messages * share),
        "ups": round(tally.ups * share),
        "downs": round(tally.downs * share),
    }


def _scaled(amount: Decimal, share: float) -> int:
    return int((amount * Decimal(str(share))).to_integral_value(ROUND_HALF_UP))
