"""A lottery's own part: its prizes, the list of draws, and the check that each holds (E-07)."""

import json
from typing import Any

from flask import g, url_for
from flask.typing import ResponseReturnValue

from handlers.console import form, paging, views
from handlers.console.door import ConsoleDoor
from handlers.console.noting import note_deed
from handlers.console.programme import fields, pages
from handlers.console.programme.desk import Desk, this_desk
from handlers.console.programme.fields import Field
from handlers.console.programme.topic import brings_words
from models.activity import ODDS_PPM, LotteryPrize
from models.lottery import add_prize, get_lottery, list_draws, list_prizes
from models.lottery.auditing import CHECK
from models.offering import Row
from models.prepared import find_prepared

PART = 50
PPM_A_PERCENT = 10_000


def show_draws(code: str) -> ResponseReturnValue:
    """Show every draw in the order it was made, and whether all of them hold."""
    desk, lottery = this_desk(), get_lottery(g.session, code)
    draws = list_draws(g.session, lottery.id, after_id=paging.after_id() or 0, limit=PART)
    asked = {"code": code}
    return views.show(
        "programme/draws",
        fragment="programme/_draws",
        lottery=lottery,
        name=desk.name(lottery.name),
        prizes={prize.id: desk.name(prize.name) for prize in list_prizes(g.session, lottery.id)},
        draws=draws,
        next_url=paging.next_url(after=draws[-1][0].id) if len(draws) == PART else None,
        check=find_prepared(g.session, CHECK, asked),
        check_name=CHECK,
        check_asked=json.dumps(asked),
    )


def add_prize_to(code: str) -> ResponseReturnValue:
    """Add the next prize; odds and stock stay as they are once somebody has drawn."""
    desk, lottery = this_desk(), get_lottery(g.session, code)
    name = fields.read(Field("name", "", fields.TEXTS, is_needed=True))
    stock = form.needed_whole("stock", least=0, most=1_000_000)
    prize = LotteryPrize(
        name=name,
        odds_ppm=form.needed_whole("odds_ppm", least=1, most=ODDS_PPM),
        stock=stock,
        reward=fields.read(Field("reward", "", fields.BRINGS, more=desk.brings())),
        idempotency_key=form.page_key(),
    )
    if add_prize(g.session, lottery, prize) is prize:
        told = {"prize_id": prize.id, "odds_ppm": prize.odds_ppm, "stock": stock}
        note_deed("lottery.add_prize", f"lottery:{code}", after=told)
    url = url_for("console.programme_pages_show_one", slug="lotteries", code=code)
    return views.go(url, desk.t("已加上獎項"))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of prizes and draws."""
    blueprint.get("/loyalty/lotteries/<code>/draws", right="see")(show_draws)
    blueprint.post("/loyalty/lotteries/<code>/prizes", right="loyalty.publish")(add_prize_to)


def _extra(desk: Desk, row: Row) -> dict[str, Any]:
    """Return the prizes with their odds, what a ticket costs on average, and how long they last."""
    prizes = list_prizes(desk.session, row.id)
    left_ppm = ODDS_PPM - sum(prize.odds_ppm for prize in prizes)
    has_draws = bool(list_draws(desk.session, row.id, limit=1))
    point_twd = desk.programme.shop.point_value_twd
    return {
        "prizes": [
            {
                "row": prize,
                "name": desk.name(prize.name),
                "odds": f"{prize.odds_ppm / PPM_A_PERCENT:g}%",
                "brings": brings_words(desk, prize.reward),
                "lasts": prize.left * ODDS_PPM // prize.odds_ppm,
            }
            for prize in prizes
        ],
        "left_ppm": left_ppm,
        "nothing": f"{left_ppm / PPM_A_PERCENT:g}%",
        "each_twd": sum(
            prize.odds_ppm * int(prize.reward.get("points", 0)) * point_twd for prize in prizes
        )
        / ODDS_PPM,
        "has_draws": has_draws,
        "more": desk.brings(),
        "typed": {},
    }


pages.adds("lottery", _extra)
