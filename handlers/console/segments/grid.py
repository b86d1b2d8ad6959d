"""RFM as a grid: recency by frequency, with a switch for the money; cells are marked and sized."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from flask import g, request
from flask.typing import ResponseReturnValue

from handlers.class_words import reading_in_words
from handlers.console.door import ConsoleDoor, console_texts
from handlers.console.views import show
from models.classification import RfmCell, last_night
from models.classification.remembering import rfm_cells
from models.lifecycle import RFM
from models.rfm import get_rfm_settings
from models.rfm.setting import FREQUENCY, MONETARY, RECENCY
from models.rfm.storing import cuts_of

SCORES = (5, 4, 3, 2, 1)
SHADES = 5
"""How dark a cell can be: by its part of the fullest one."""


@dataclass(frozen=True)
class GridCell:
    """One cell of the grid."""

    code: str
    recency: int
    frequency: int
    members: int
    share: float
    net_twd: int
    """What its members have spent in all."""
    shade: int


def show_grid() -> ResponseReturnValue:
    """Show the grid of all buyers, or of those with one score of money (`m`)."""
    money = request.args.get("m", type=int)
    money = money if money in SCORES else None
    night = last_night(g.session)
    cells = rfm_cells(g.session)
    return show(
        "segments/grid",
        night=night,
        rows=grid_of(cells, money),
        scores=SCORES,
        money=money,
        spans=_spans(),
        buyers=sum(cell.members for cell in cells),
        by_money={m: sum(cell.members for cell in cells if cell.m_score == m) for m in SCORES},
        reading=reading_in_words(g.session, RFM, night.day, console_texts().language)
        if night
        else None,
    )


def grid_of(cells: Sequence[RfmCell], money: int | None) -> list[list[GridCell]]:
    """Return the grid's rows, the latest buyers first; `money` leaves only that score's."""
    members: Counter[tuple[int, int]] = Counter()
    net_twd: Counter[tuple[int, int]] = Counter()
    for cell in cells:
        if money in (None, cell.m_score):
            members[cell.r_score, cell.f_score] += cell.members
            net_twd[cell.r_score, cell.f_score] += cell.net_twd
    total, fullest = members.total(), max(members.values(), default=0)
    return [
        [
            GridCell(
                code=f"{r}-{f}" if money is None else f"{r}-{f}-{money}",
                recency=r,
                frequency=f,
                members=members[r, f],
                share=members[r, f] / total if total else 0.0,
                net_twd=net_twd[r, f],
                shade=-(-members[r, f] * SHADES // fullest) if fullest else 0,
            )
            for f in SCORES
        ]
        for r in SCORES
    ]


def _spans() -> dict[str, dict[int, str]]:
    """Return what each score means, in the numbers of the last night, by dimension and score."""
    night = last_night(g.session)
    cuts = cuts_of(g.session, night.day) if night else {}
    if not cuts or night is None:
        return {}
    t = console_texts()
    window = get_rfm_settings(g.session, night.day).window_days
    days, times, money = (cuts[name].steps for name in (RECENCY, FREQUENCY, MONETARY))
    return {
        "recency": {
            score: t("{days} 天內", days=days[SCORES[0] - score])
            if score > 1
            else t("超過 {days} 天", days=days[-1])
            for score in SCORES
        },
        "frequency": {
            score: t("{times} 次以上", times=times[score - 2])
            if score > 1
            else t("未滿 {times} 次", times=times[0])
            for score in SCORES
        },
        "money": {
            score: t("{money} 以上", money=t.money(money[score - 2]))
            if score > 1
            else t("未滿 {money}", money=t.money(money[0]))
            for score in SCORES
        },
        "window": {0: t("近 {days} 天", days=window)},
    }


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the grid's address."""
    blueprint.get("/models/rfm", right="see")(show_grid)
