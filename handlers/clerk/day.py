"""The figures of a store's day, as the top of the day's list shows them."""

from datetime import date
from typing import Any

from flask import g

from handlers.clerk.chart import draw_bars
from models.shop import Store
from models.store_day import store_day


def day_context(store: Store, today: date) -> dict[str, Any]:
    """Return what `clerk/_day.html` draws."""
    figures = store_day(g.session, store, today)
    return {"figures": figures, "hours": draw_bars(figures.hours)}
