"""Where members stop (C-04, RFM-M): bands of what they spent in all, and the hardest step.

Of those who came as far as a band, the ratio tells how many went no further: people in the band
÷ people in this band and above. Where it is highest, members stall: the first threshold lies
just above, so that it pulls them over. Later peaks are the next thresholds to consider.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise

from sqlalchemy import BigInteger, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from models.analysis.refusals import EdgesRefused
from models.analysis.scope import Scope, buyers
from models.analysis.told import Note, Told
from models.interval import wilson

MOST_EDGES = 60
FEW_MEMBERS = 30
"""A band with fewer in it and above is shown and not judged."""
USUAL_BANDS = 20
NICE_STEPS = (1, 2, 5)
NEARLY_ALL = 0.99
"""The usual bands reach as far as this share of members."""


@dataclass(frozen=True)
class Band(Told):
    """Members who spent more than `over_twd` and at most `up_to_twd`; the lowest has also 0."""

    over_twd: int
    up_to_twd: int | None
    """None for the last band, which has no end."""
    members: int
    and_above: int
    """Members in this band and in those above it."""
    ratio: float | None
    """`members` ÷ `and_above`; None where nobody came so far."""
    is_judged: bool
    """Whether it may be marked: not the last, where the ratio is always 100%, nor with few."""


@dataclass(frozen=True)
class Candidate(Told):
    """A further threshold to consider: above a later peak of the ratio."""

    over_twd: int
    ratio: float
    is_clear: bool
    """Whether the peak stands out from its neighbours by more than chance."""


@dataclass(frozen=True)
class Stall(Told):
    """The bands, lowest first, the one where most stop, and what that proposes."""

    bands: tuple[Band, ...]
    marked: Band | None
    first_over_twd: int | None
    """The first threshold: more than so much."""
    candidates: tuple[Candidate, ...]
    notes: tuple[Note, ...] = ()


def check_edges(edges: Sequence[int]) -> None:
    """Raise EdgesRefused where bands cannot end at these amounts."""
    rising = all(low < high for low, high in pairwise(edges))
    if not 0 < len(edges) <= MOST_EDGES or edges[0] <= 0 or not rising:
        raise EdgesRefused(edges=list(edges)[:MOST_EDGES], most=MOST_EDGES)


def usual_edges(high_twd: int) -> tuple[int, ...]:
    """Return even edges for a shop where nearly everybody spent at most `high_twd`.

    Twenty bands of one width, the smallest of 1, 2, 5, 10, 20, 50, … that reaches so far: bands
    of different widths could not be compared.
    """
    step = unit = 1
    while step * USUAL_BANDS < high_twd:
        unit = unit * 10 if step == NICE_STEPS[-1] * unit else unit
        step = next(nice * unit for nice in NICE_STEPS if nice * unit > step)
    return tuple(step * place for place in range(1, USUAL_BANDS + 1))


def find_stall(edges: Sequence[int], members: Sequence[int]) -> Stall:
    """Find where members stop: `members` counts each band's, one more than there are edges.

    Raises EdgesRefused.
    """
    check_edges(edges)
    bands = _bands(edges, members)
    judged = [band for band in bands if band.is_judged]
    marked = max(judged, key=_ratio, default=None)
    if marked is None or not marked.members:
        return Stall(bands, None, None, (), _notes(bands, None))
    return Stall(bands, marked, marked.up_to_twd, _candidates(bands, marked), _notes(bands, marked))


def _bands(edges: Sequence[int], members: Sequence[int]) -> tuple[Band, ...]:
    above = list(accumulate(reversed(members)))[::-1]
    return tuple(
        Band(
            over_twd=over_twd,
            up_to_twd=up_to_twd,
            members=count,
            and_above=reached,
            ratio=count / reached if reached else None,
            is_judged=up_to_twd is not None and reached >= FEW_MEMBERS and reached > count,
        )
        for over_twd, up_to_twd, count, reached in zip(
            (0, *edges), (*edges, None), members, above, strict=True
        )
    )


def _candidates(bands: Sequence[Band], marked: Band) -> tuple[Candidate, ...]:
    """Return the peaks after the marked band: higher than the one before, not lower than the next.

    A band whose next one is not judged is no peak: nothing shows that the ratio falls again.
    """
    found = []
    for before, band, after in zip(bands, bands[1:], bands[2:], strict=False):
        is_later = band.over_twd > marked.over_twd and band.is_judged and after.is_judged
        if is_later and _ratio(before) < _ratio(band) >= _ratio(after):
            assert band.up_to_twd is not None
            is_clear = _is_above(band, before) and _is_above(band, after)
            found.append(Candidate(band.up_to_twd, _ratio(band), is_clear))
    return tuple(found)


def _ratio(band: Band) -> float:
    return band.ratio or 0.0


def _is_above(band: Band, other: Band) -> bool:
    low, _ = wilson(band.members, band.and_above)
    _, high = wilson(other.members, other.and_above)
    return low > high


def _notes(bands: Sequence[Band], marked: Band | None) -> tuple[Note, ...]:
    reached = bands[0].and_above
    if not reached:
        return (Note("no_buyers"),)
    found = []
    if any(0 < band.and_above < FEW_MEMBERS for band in bands):
        found.append(Note("few_members", {"needed": FEW_MEMBERS}))
    if marked is None:
        return (*found, Note("no_stall"))
    equals = sum(band.is_judged and band.ratio == marked.ratio for band in bands)
    return (*found, Note("tie", {"count": equals})) if equals > 1 else tuple(found)


def read_stall(
    session: Session, scope: Scope, now: datetime, edges: Sequence[int] | None = None
) -> Stall:
    """Find where the shop's members stop; without `edges` by the usual ones for what they spend.

    One statement, and a small one before it for the usual edges. Raises EdgesRefused, DayNotYet
    or BeforeTheShopOpened.
    """
    if edges is not None:
        check_edges(edges)
    who = buyers(session, scope, now)
    if edges is None:
        high = func.percentile_disc(NEARLY_ALL).within_group(who.c.net_twd)
        edges = usual_edges(session.scalar(select(high)) or 0)
    # Up to the edge and with it, so one NT$ less is what lies below it.
    place = func.width_bucket(who.c.net_twd - 1, cast(list(edges), ARRAY(BigInteger)))
    counts = [0] * (len(edges) + 1)
    for number, members in session.execute(select(place, func.count()).group_by(place)):
        counts[number] = members
    return find_stall(edges, counts)
