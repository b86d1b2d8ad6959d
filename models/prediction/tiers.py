"""How many members each tier will have in a quarter (E-19), under the rules in force or others.

Purchases are simulated, not the moves between tiers of the past: a threshold that somebody
proposes has no past. Of a random part of the members each draw has BG/NBD say whether they live
and how often they come, Gamma-Gamma what they spend; with what of their past spend still counts at
the quarter's end the rules say their tier, a tier kept until later than that stays. Who joins
meanwhile is not foretold, nor a first purchase. Tested back by the same on a quarter ago.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from models.base import in_language
from models.lifecycle.figures import is_here, net_by, stood_on
from models.local_day import day_of, day_start, local_day
from models.member import Member
from models.prediction.columns import Whole, read_columns
from models.prediction.fitting import FEWEST_REPEATERS
from models.prediction.inputs import Buyers, read_buyers
from models.prediction.orders import Floats, Histories, OrderModel, fit_orders
from models.prediction.reading import get_fit
from models.prediction.refusals import TierNotForecastable
from models.prediction.value import ValueModel
from models.programme import get_programme
from models.purchase.table import Purchase
from models.tier import CALENDAR, LIFETIME, Rules, Tier, TierChange, window_start, year_start
from models.tier_evaluation import Draft, preview
from models.tier_evaluation.versions import draft_rules, ranked_with

QUARTER_DAYS = 91
MOST_SAMPLED = 20_000
DRAWS = 20
Z_95 = 1.96
NEVER = date.max.toordinal()

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Line:
    """One tier: how many hold it now, and how many will."""

    tier: Tier
    now: int
    expected: int
    low: int
    high: int
    back_expected: int | None = None
    """How many of a quarter ago's members were foretold to hold it now; None without a test."""
    back_actual: int | None = None
    """How many of them do."""
    draft_now: int | None = None
    """How many would hold it today by the proposed rules, rights kept included."""
    draft_expected: int | None = None

    def name(self, language: str) -> str:
        """Return the tier's name."""
        return in_language(self.tier.name, language)


@dataclass(frozen=True)
class TierForecast:
    """The tiers at the end of a quarter, lowest first."""

    until: date
    members: int
    sample: int
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class _Sample:
    """Some members as of a day, by their ids."""

    on: date
    ids: Whole
    population: int
    histories: Histories
    has_bought: NDArray[np.bool_]
    days: Floats
    mean_twd: Floats
    ranks: Rows
    kept: tuple[date | None, ...]
    """Until when each keeps their tier."""


def forecast_tiers(session: Session, now: datetime, *, draft: Draft | None = None) -> TierForecast:
    """Foretell the tiers in 91 days, with a back-test, and by a draft's rules where one is given.

    Raises NoForecastYet, NotEnoughToPredict, TierNotForecastable, or TierRulesRefused.
    """
    today, programme = local_day(now), get_programme(session)
    until = today + timedelta(days=QUARTER_DAYS)
    rules, tiers = programme.ladder.on(until), programme.tiers
    orders, value = _models(get_fit(session).parameters or {})
    sample = _draw_sample(session, read_buyers(session, today), tiers)
    counts = _simulate(session, sample, rules, orders, value)
    back = _test_back(session, today, tiers, value)
    proposed = _by_draft(session, now, draft, sample, orders, value) if draft else {}
    held = np.bincount(sample.ranks, minlength=counts.shape[1])
    scale = sample.population / max(len(sample.ids), 1)
    shown = ranked_with(draft, tiers) if draft else list(tiers)
    return TierForecast(
        until,
        sample.population,
        len(sample.ids),
        tuple(
            Line(
                tier,
                round(float(held[tier.rank]) * scale) if tier.rank < len(held) else 0,
                *_spread(counts, tier.rank, scale, sample),
                *back.get(tier.rank, (None, None)),
                *proposed.get(tier.rank, (None, None)),
            )
            for tier in sorted(shown, key=lambda tier: tier.rank)
        ),
    )


def _models(told: Mapping[str, float]) -> tuple[OrderModel, ValueModel]:
    orders = OrderModel(**{name: told[name] for name in ("r", "alpha", "a", "b")})
    return orders, ValueModel(**{name: told[name] for name in ("p", "q", "v")})


def _spread(counts: Rows, rank: int, scale: float, sample: _Sample) -> tuple[int, int, int]:
    """Return mean and interval of a rank over the draws; sampling adds its own error."""
    if rank >= counts.shape[1]:
        return 0, 0, 0
    drawn, size = counts[:, rank], max(len(sample.ids), 1)
    share = float(drawn.mean()) / size
    sampled = size * share * (1 - share) * (1 - size / max(sample.population, size))
    reach = Z_95 * float(np.sqrt(drawn.var() + sampled)) * scale
    middle = float(drawn.mean()) * scale
    return round(middle), max(round(middle - reach), 0), round(middle + reach)


def _draw_sample(
    session: Session, buyers: Buyers, tiers: Sequence[Tier], *, is_past: bool = False
) -> _Sample:
    """Draw members who were here on the day of `buyers`, the same ones however often on a day."""
    query = select(Member.id).where(
        is_here(), Member.joined_at < day_start(buyers.on + timedelta(days=1))
    )
    everybody = read_columns(session, query.order_by(Member.id))["id"]
    rng = np.random.default_rng(buyers.on.toordinal())
    size = min(len(everybody), MOST_SAMPLED)
    ids = np.sort(rng.choice(everybody, size, replace=False))
    place = np.minimum(np.searchsorted(buyers.ids, ids), max(len(buyers) - 1, 0))
    bought = buyers.ids[place] == ids
    known = buyers.histories()
    ranks, kept = _standings(session, ids, tiers, buyers.on, is_past=is_past)
    return _Sample(
        on=buyers.on,
        ids=ids,
        population=len(everybody),
        histories=Histories(known.repeats[place], known.last[place], known.age[place]),
        has_bought=bought,
        days=buyers.days[place].astype(np.float64),
        mean_twd=np.maximum(buyers.mean_twd()[place], 0),
        ranks=ranks,
        kept=kept,
    )


def _standings(
    session: Session, ids: Whole, tiers: Sequence[Tier], on: date, *, is_past: bool
) -> tuple[Rows, tuple[date | None, ...]]:
    """Return rank and kept day of each on a day.

    The kept day of a past one is reckoned back by years from today's. Who fell since was due on
    the day they fell; who rose since is taken to have been safe, for nothing made them fall.
    """
    rank_of = {tier.id: tier.rank for tier in tiers}
    told = session.execute(
        select(Member.id, Member.tier_id, Member.tier_kept_until)
        .where(Member.id.in_(ids.tolist()))
        .order_by(Member.id)
    )
    now = {member_id: (rank_of[tier_id], kept) for member_id, tier_id, kept in told}
    if is_past:
        for member_id, (rank, kept) in now.items():
            now[member_id] = rank, _kept_back(kept, on)
        for member_id, was, then, changed_on in _first_changes(session, ids, on):
            fell = rank_of[then] < rank_of[was]
            now[member_id] = rank_of[was], changed_on if fell else date.max
    standings = [now[member_id] for member_id in ids.tolist()]
    ranks = np.array([rank for rank, _ in standings], np.int64)
    return ranks, tuple(kept for _, kept in standings)


def _kept_back(kept: date | None, on: date) -> date | None:
    while kept is not None and kept - timedelta(days=365) > on:
        kept -= timedelta(days=365)
    return kept


def _first_changes(session: Session, ids: Whole, on: date) -> list[tuple[int, int, int, date]]:
    """Return the first change of tier of each after a day: from, to, and when."""
    rows = session.execute(
        select(
            TierChange.member_id,
            TierChange.from_tier_id,
            TierChange.to_tier_id,
            day_of(TierChange.changed_at),
        )
        .where(
            TierChange.member_id.in_(ids.tolist()),
            TierChange.changed_at >= day_start(on + timedelta(days=1)),
        )
        .order_by(TierChange.member_id, TierChange.changed_at, TierChange.id)
        .ext(distinct_on(TierChange.member_id))
    )
    return [(member_id, was, then, day) for member_id, was, then, day in rows]


def _simulate(
    session: Session, sample: _Sample, rules: Rules, orders: OrderModel, value: ValueModel
) -> Rows:
    """Return how many of the sample hold each rank in 91 days, a row a draw."""
    if not rules.is_money:
        raise TierNotForecastable(basis=rules.basis)
    until = sample.on + timedelta(days=QUARTER_DAYS)
    counted = _counted(session, sample, rules)
    thresholds = np.array([asked for _, asked in rules.steps], np.float64)
    step_ranks = np.array([tier.rank for tier in rules.tiers], np.int64)
    is_due = np.array(
        [_is_due(rules, *held, until) for held in zip(sample.ranks, sample.kept, strict=True)]
    )
    draw = partial(_spend, sample, orders, value, np.random.default_rng(sample.on.toordinal()))
    most = int(max(step_ranks.max(), sample.ranks.max(initial=0))) + 1
    rows = []
    for _ in range(DRAWS):
        total = counted + draw(_span_days(rules, sample.on))
        reached = step_ranks[np.searchsorted(thresholds, total, side="right") - 1]
        rank = np.where(is_due, reached, np.maximum(reached, sample.ranks))
        rows.append(np.bincount(rank, minlength=most))
    return np.array(rows)


def _is_due(rules: Rules, rank: int, kept: date | None, until: date) -> bool:
    """Tell whether a tier may fall by a day."""
    if rank == 0:
        return True
    tier = next((tier for tier in rules.tiers if tier.rank == rank), rules.tiers[-1])
    due_on = None if kept == date.max else rules.due_on(tier, kept)
    return due_on is not None and rules.falls_on(due_on) <= until


def _span_days(rules: Rules, on: date) -> int:
    """Return how many of the quarter's days count: of a calendar year those that are left of it,
    for its spend decides for all of the next.
    """
    left = (date(on.year + 1, 1, 1) - on).days - 1
    return min(QUARTER_DAYS, left) if rules.basis == CALENDAR else QUARTER_DAYS


def _counted(session: Session, sample: _Sample, rules: Rules) -> Floats:
    """Return what of the spend up to the sample's day still counts at the quarter's end."""
    starts = {
        CALENDAR: year_start(sample.on),
        LIFETIME: date.min,
    }
    since = starts.get(rules.basis, window_start(sample.on + timedelta(days=QUARTER_DAYS)))
    rows = session.execute(
        select(Purchase.member_id, func.sum(net_by(sample.on)))
        .where(
            Purchase.member_id.in_(sample.ids.tolist()),
            Purchase.purchased_on >= since,
            stood_on(sample.on),
        )
        .group_by(Purchase.member_id)
    )
    counted = np.zeros(len(sample.ids))
    for member_id, net_twd in rows:
        counted[np.searchsorted(sample.ids, member_id)] = int(net_twd)
    return counted


def _spend(
    sample: _Sample, orders: OrderModel, value: ValueModel, rng: np.random.Generator, days: int
) -> Floats:
    """Draw what each spends in so many days: as many purchases as their rate gives, but none
    after the one at which they leave.
    """
    known = sample.histories
    size = len(known)
    lives = sample.has_bought & (rng.random(size) < orders.alive(known))
    rate = rng.gamma(orders.r + known.repeats, 1 / (orders.alpha + known.age))
    leaves = np.clip(rng.beta(orders.a, orders.b + known.repeats), 1e-9, 1)
    times = np.where(lives, np.minimum(rng.poisson(rate * days), rng.geometric(leaves)), 0)
    scale = rng.gamma(
        value.p * sample.days + value.q, 1 / (value.v + sample.days * sample.mean_twd)
    )
    return np.asarray(np.where(times > 0, rng.gamma(np.maximum(value.p * times, 1e-9)) / scale, 0))


def _test_back(
    session: Session, today: date, tiers: Sequence[Tier], value: ValueModel
) -> dict[int, tuple[int, int]]:
    """Return by rank how many were foretold for today a quarter ago, and how many hold it.

    Empty where too few had come back by then. Orders are fitted to what was known then, and the
    rules are those that were in force at the end.
    """
    buyers = read_buyers(session, today - timedelta(days=QUARTER_DAYS), is_past=True)
    if buyers.repeaters < FEWEST_REPEATERS:
        return {}
    orders, _ = fit_orders(buyers.histories())
    sample = _draw_sample(session, buyers, tiers, is_past=True)
    rules = get_programme(session).ladder.on(today)
    counts = _simulate(session, sample, rules, orders, value)
    actual, _ = _standings(session, sample.ids, tiers, today, is_past=False)
    scale = sample.population / max(len(sample.ids), 1)
    held = np.bincount(actual, minlength=counts.shape[1])
    return {
        rank: (round(float(counts[:, rank].mean()) * scale), round(float(held[rank]) * scale))
        for rank in range(counts.shape[1])
    }


def _by_draft(
    session: Session,
    now: datetime,
    draft: Draft,
    sample: _Sample,
    orders: OrderModel,
    value: ValueModel,
) -> dict[int, tuple[int, int]]:
    """Return by rank how many a draft would give it today, by the preview, and in 91 days."""
    tiers = ranked_with(draft, get_programme(session).tiers)
    rank_of = {tier.code: tier.rank for tier in tiers}
    today = dict.fromkeys(rank_of.values(), 0)
    for hit in preview(session, draft, now):
        today[rank_of[hit.from_code if hit.is_protected else hit.to_code]] += hit.members
    counts = _simulate(session, sample, draft_rules(draft, tiers), orders, value)
    scale = sample.population / max(len(sample.ids), 1)
    expected = {
        rank: round(float(counts[:, rank].mean()) * scale) for rank in range(counts.shape[1])
    }
    return {rank: (members, expected.get(rank, 0)) for rank, members in today.items()}
