"""What a form about a number of pieces brings: more, fewer, or no limit any more."""

from flask import g

from handlers.console import form
from handlers.console.door import current_staff
from handlers.console.programme.desk import Desk
from models.offering.stock import Stocked, move_stock

MOST_MOVED = 1_000_000


def sent_stock(desk: Desk, row: Stocked, code: str) -> str:
    """Move the stock of a row as the form says, once, and return what is left in words."""
    by = (
        None
        if form.flag("no_limit")
        else form.needed_whole("by", least=-MOST_MOVED, most=MOST_MOVED)
    )
    key = f"stock:{form.page_key()}"
    left = move_stock(desk.session, row, code, by, key=key, staff=current_staff(), now=g.now)
    if left is None:
        return desk.t("現在沒有總數上限")
    return desk.t("現在剩 {count}", count=desk.t.number(left))
