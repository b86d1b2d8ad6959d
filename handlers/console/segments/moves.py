"""How the classes change: their shares over time, and who went from which class to which (A-17)."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue

from handlers.console.chart import Chart, sankey, trend
from handlers.console.door import ConsoleDoor, console_texts
from handlers.console.members.links import members_url
from handlers.console.segments.words import class_name, model_name
from handlers.console.views import show
from models.classification import Move, get_any_model, list_moves
from models.classification.naming import ALL_MODELS, class_codes
from models.classification.remembering import noted_months, share_history
from models.classification.spanning import CLASS_MOVES, SPANS, USUAL_DAYS, moves_in
from models.lifecycle import NASLD, RFM
from models.local_day import first_of_month_after, local_day
from models.prepared import PreparedFigure, find_prepared
from models.segment.opening import move_rule

TREND_DAYS = (30, 90, 365)
JOINED = ""
"""Where those come from who joined in between."""


@dataclass(frozen=True)
class Period:
    """Between the ends of which two days somebody moved, and how the page calls it."""

    key: str
    words: str
    from_day: date
    to_day: date

    def days_ago(self, today: date) -> tuple[int, int]:
        """Return how many days back both lie."""
        return (today - self.from_day).days, (today - self.to_day).days


def show_moves() -> ResponseReturnValue:
    """Show the shares of a model over time, and its moves of a month or of the last days."""
    model = request.args.get("model", NASLD)
    get_any_model(model)
    months = noted_months(g.session)
    asked = _asked_period(model, months)
    found, period, moves = _find_moves(model, asked, months)
    return show(
        "segments/moves",
        model=model,
        model_words=model_name(model),
        models={code: model_name(code) for code in ALL_MODELS},
        days=_trend_days(),
        all_days=TREND_DAYS,
        shares=_shares(model),
        asked=asked,
        periods=_periods(model, months),
        found=found,
        figure=CLASS_MOVES,
        figure_asked=_question(asked),
        period=period,
        stream=_stream(model, period, moves) if period and moves else None,
        matrix=_matrix(model, period, moves) if period and moves else None,
        is_rfm=model == RFM,
    )


def _trend_days() -> int:
    asked = request.args.get("days", type=int)
    return asked if asked in TREND_DAYS else TREND_DAYS[1]


def _shares(model: str) -> Chart | None:
    """Return the chart of shares; None where fewer than two nights told."""
    t = console_texts()
    history = share_history(g.session, model, local_day(g.now) - timedelta(days=_trend_days()))
    if len(history) < 2:
        return None
    codes = [each.code for each in get_any_model(model).classes]
    return trend(
        t("各類占比"),
        [each.day for each in history],
        [(class_name(model, code), [each.share(code) for each in history]) for code in codes],
        unit="percent",
        stacked=True,
    )


def _periods(model: str, months: Any) -> list[tuple[str, str]]:
    """Return the periods to choose from; RFM's moves are only noted by month."""
    t = console_texts()
    spans = [] if model == RFM else [(f"d{days}", t("近 {days} 天", days=days)) for days in SPANS]
    return spans + [(f"{month:%Y-%m}", f"{month:%Y-%m}") for month in months]


def _asked_period(model: str, months: Any) -> str:
    known = [key for key, _ in _periods(model, months)]
    asked = request.args.get("period", "")
    return asked if asked in known else (known[0] if model == RFM and known else f"d{USUAL_DAYS}")


def _question(asked: str) -> dict[str, int]:
    """Return what a prepared figure is asked: nothing for the days that every night makes."""
    days = int(asked[1:]) if asked.startswith("d") else USUAL_DAYS
    return {} if days == USUAL_DAYS else {"days": days}


def _find_moves(
    model: str, asked: str, months: Any
) -> tuple[PreparedFigure | None, Period | None, tuple[Move, ...]]:
    """Return the prepared figure, if one is asked for, the period, and the moves in it."""
    words = dict(_periods(model, months)).get(asked, asked)
    month = next((month for month in months if f"{month:%Y-%m}" == asked), None)
    if month is not None:
        last = first_of_month_after(month, 1) - timedelta(days=1)
        period = Period(asked, words, month - timedelta(days=1), last)
        return None, period, tuple(list_moves(g.session, model, month))
    if model == RFM:
        return None, None, ()
    found = find_prepared(g.session, CLASS_MOVES, _question(asked))
    if found is None or found.body is None:
        return found, None, ()
    from_day, to_day, moves = moves_in(found.body, model)
    return found, Period(asked, words, from_day, to_day), moves


def _stream(model: str, period: Period, moves: tuple[Move, ...]) -> Chart:
    """Return the moves as streams; who stayed stays a stream too."""
    t = console_texts()
    before, after = t.day(period.from_day), t.day(period.to_day)
    places = {code: place for place, code in enumerate((*class_codes(model), None))}
    moves = tuple(sorted(moves, key=lambda move: (places[move.from_class], places[move.to_class])))
    return sankey(
        t("{from_day} → {to_day} 誰到了哪一類", from_day=before, to_day=after),
        [
            (
                _named(model, move.from_class, before),
                _named(model, move.to_class, after),
                move.members,
            )
            for move in moves
        ],
        {
            _named(model, code, day): place
            for code, place in places.items()
            for day in (before, after)
        },
    )


def _named(model: str, code: str | None, day: str) -> str:
    return f"{_name(model, code)}・{day}"


def _name(model: str, code: str | None) -> str:
    t = console_texts()
    return t("期間加入") if code is None else class_name(model, code)


def _matrix(model: str, period: Period, moves: tuple[Move, ...]) -> dict[str, Any]:
    """Return the moves as a table: rows from, columns to, each cell with the way to its people."""
    codes = class_codes(model)
    counted = {(move.from_class, move.to_class): move.members for move in moves}
    days_ago = period.days_ago(local_day(g.now))
    rows = []
    for before in (*codes, None):
        total = sum(counted.get((before, after), 0) for after in codes)
        cells = [
            {
                "members": counted.get((before, after), 0),
                "share": counted.get((before, after), 0) / total if total else 0.0,
                "is_same": before == after,
                "people": _people(model, (before, after), days_ago),
            }
            for after in codes
        ]
        rows.append({"name": _name(model, before), "total": total, "cells": cells})
    return {"columns": [class_name(model, code) for code in codes], "rows": rows}


def _people(model: str, move: tuple[str | None, str], days_ago: tuple[int, int]) -> str | None:
    """Return where the people of a move are listed; RFM's groups of past days are not kept."""
    before, after = move
    if before is None or model == RFM:
        return None
    return members_url(move_rule(model, (before, after), days_ago))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the address of what changed."""
    blueprint.get("/models/moves", right="see")(show_moves)
