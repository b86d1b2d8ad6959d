"""What the models are fed: buyers' histories as of a day, and what they did after one.

x are the days with a purchase after the first, t_x the days from the first to the last of them, T
those from the first to the day that is looked from. Several purchases of one day count once: the
models know one purchase at a moment, and a second cup at noon is no second visit. Money is the
net of all time over the days with a purchase, and so what one such day brings.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.browse_event import BrowseEvent
from models.lifecycle.figures import figures_as_of, figures_now
from models.local_day import day_start
from models.prediction.columns import Whole, read_columns
from models.prediction.orders import Floats, Histories
from models.purchase.table import Purchase

LOOK_DAYS = 30
"""Whoever looked at something in the web shop so lately is told apart."""


@dataclass(frozen=True)
class Buyers:
    """Everybody who ever bought, as of a day, in the order of their ids; an array each."""

    on: date
    ids: Whole
    days: Whole
    """Days with a purchase that stands."""
    last: Whole
    """Days from the first purchase to the last."""
    age: Whole
    """Days from the first purchase to `on`."""
    net_twd: Whole

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.ids)

    @property
    def repeaters(self) -> int:
        """Return how many bought on more than one day."""
        return int((self.days > 1).sum())

    @property
    def history_days(self) -> int:
        """Return for how long purchases are known."""
        return int(self.age.max()) if len(self) else 0

    def histories(self) -> Histories:
        """Return what BG/NBD looks at, in days."""
        return Histories(
            (self.days - 1).astype(np.float64),
            self.last.astype(np.float64),
            self.age.astype(np.float64),
        )

    def mean_twd(self) -> Floats:
        """Return what a day with a purchase brought each, net."""
        return np.asarray(self.net_twd / self.days)

    def part(self, which: slice) -> "Buyers":
        """Return some of them."""
        return Buyers(
            self.on,
            self.ids[which],
            self.days[which],
            self.last[which],
            self.age[which],
            self.net_twd[which],
        )


def read_buyers(session: Session, on: date, *, is_past: bool = False) -> Buyers:
    """Return the buyers as of a day: today's from the running figures, a past one's from sales."""
    told = (figures_as_of(on) if is_past else figures_now()).c
    last_on = func.least(told.last_on, on)  # A till's clock may be ahead by a day.
    read = read_columns(
        session,
        select(
            told.member_id,
            told.days,
            (last_on - func.least(told.first_on, on)).label("last"),
            (on - func.least(told.first_on, on)).label("age"),
            told.net_twd,
        )
        .where(told.days > 0, told.first_on.is_not(None))
        .order_by(told.member_id),
    )
    return Buyers(on, read["member_id"], read["days"], read["last"], read["age"], read["net_twd"])


def count_days_after(session: Session, buyers: Buyers, days: int) -> Whole:
    """Return on how many of the `days` after their day each of them bought what still stands."""
    read = read_columns(
        session,
        select(
            Purchase.member_id,
            func.count(Purchase.purchased_on.distinct()).label("days"),
        )
        .where(
            Purchase.purchased_on > buyers.on,
            Purchase.purchased_on <= buyers.on + timedelta(days=days),
            Purchase.undone_at.is_(None),
        )
        .group_by(Purchase.member_id),
    )
    counted = np.zeros(len(buyers), np.int64)
    place, is_known = _places(buyers.ids, read["member_id"])
    counted[place[is_known]] = read["days"][is_known]
    return counted


def looked_lately(session: Session, buyers: Buyers) -> NDArray[np.bool_]:
    """Return who looked at something in the web shop in the 30 days up to theirs."""
    end = day_start(buyers.on + timedelta(days=1))
    read = read_columns(
        session,
        select(BrowseEvent.member_id)
        .where(
            BrowseEvent.occurred_at < end,
            BrowseEvent.occurred_at >= end - timedelta(days=LOOK_DAYS),
        )
        .distinct(),
    )
    looked = np.zeros(len(buyers), bool)
    place, is_known = _places(buyers.ids, read["member_id"])
    looked[place[is_known]] = True
    return looked


def _places(ids: Whole, wanted: Whole) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return where each wanted id stands among the sorted ones, and whether it does."""
    if not len(ids):
        return np.zeros(len(wanted), np.intp), np.zeros(len(wanted), bool)
    place = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return place, ids[place] == wanted
