"""The catalogue: what sells, what there is, and what is recommended to whom, with the reason."""

from flask import g, request
from flask.typing import ResponseReturnValue

from bot.texts import Texts
from handlers.console import paging, views
from handlers.console.door import ConsoleDoor
from handlers.console.programme.desk import this_desk
from handlers.console.refusals import explain
from models.base import BusinessError
from models.catalogue import list_items
from models.member import get_member_by_typed
from models.prepared import find_prepared
from models.recommendation import (
    AGAIN,
    BESTSELLERS,
    SAME_CATEGORY,
    Recommended,
    recommend,
)

PART = 50
SHOWN_BEST = 10


def show_catalogue() -> ResponseReturnValue:
    """Show what sold best, then all items in the order of their sku."""
    items = list_items(g.session, after=paging.after() or "", limit=PART, even_archived=True)
    best = find_prepared(g.session, BESTSELLERS)
    return views.show(
        "programme/catalogue",
        fragment="programme/_items",
        items=items,
        next_url=paging.next_url(after=items[-1].sku) if len(items) == PART else None,
        best=best,
        best_name=BESTSELLERS,
        sellers=((best.body if best else None) or {}).get("items", [])[:SHOWN_BEST],
    )


def show_recommendation() -> ResponseReturnValue:
    """Show what one member is recommended, each item with its reason (D-05)."""
    desk, typed = this_desk(), request.args.get("member", "").strip()
    found: list[tuple[Recommended, str]] = []
    notice, name = None, ""
    if typed:
        try:
            member = get_member_by_typed(g.session, typed)
            name = member.number
            chosen = recommend(g.session, member.id, g.now)
            found = [(each, reason_words(desk.t, each)) for each in chosen]
        except BusinessError as error:
            notice = explain(desk.t, error)
    return views.show(
        "programme/recommendation", typed=typed, found=found, name=name, notice=notice
    )


def reason_words(t: Texts, each: Recommended) -> str:
    """Write why an item is recommended."""
    if each.reason == AGAIN:
        return t("因為您常買「{name}」（{times} 次）", name=each.because, times=each.times)
    if each.reason == SAME_CATEGORY:
        return t("因為您買過「{category}」類", category=each.because)
    return t("大家都在買")


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of the catalogue."""
    blueprint.get("/loyalty/catalogue", right="see")(show_catalogue)
    blueprint.get("/loyalty/recommendation", right="members.see")(show_recommendation)
