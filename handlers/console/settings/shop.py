"""The shop: what it is called, how it is reached, how its counters work; its stores."""

from typing import Any

import structlog
from flask import g, url_for
from flask.typing import ResponseReturnValue

from handlers import settings
from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.settings.reading import translated
from models.draft import drop_draft
from models.shop import (
    LONGEST_WORDS,
    NUMBERS,
    TRANSLATED,
    WORDS,
    add_store,
    change_shop,
    get_shop,
    list_stores,
    rename_store,
)

DRAFT = "settings:shop"

log = structlog.get_logger()


def show_shop() -> ResponseReturnValue:
    """Show what the shop says of itself and of its counters."""
    shop = get_shop(g.session)
    kept: dict[str, Any] = {name: getattr(shop, name) for name in (*WORDS, *NUMBERS)}
    for name in TRANSLATED:
        kept |= {f"{name}.{language}": text for language, text in getattr(shop, name).items()}
    draft = views.draft_values(DRAFT)
    return views.show(
        "settings/shop",
        shop=shop,
        values=kept | (draft or {}),
        has_draft=draft is not None,
        others=views.edited_by_others(DRAFT),
        numbers=NUMBERS,
        longest=LONGEST_WORDS,
    )


def change() -> ResponseReturnValue:
    """Keep what was changed; where somebody else was quicker, nothing is."""
    changes: dict[str, Any] = {name: translated(name, LONGEST_WORDS) for name in TRANSLATED}
    changes |= {name: form.needed(name, LONGEST_WORDS) for name in WORDS}
    for name, (least, most) in NUMBERS.items():
        changes[name] = form.needed_whole(name, least=least, most=most)
    staff = current_staff()
    seen = form.needed_whole("draft_base")
    changed = change_shop(g.session, changes, seen_version=seen, staff_id=staff.id, now=g.now)
    drop_draft(g.session, staff, DRAFT)
    log.info("shop_changed", fields=",".join(changed), by=staff.id)
    t = console_texts()
    told = t("已儲存") if changed else t("沒有變更")
    return views.go(url_for("console.settings_shop_show_shop"), told)


def show_stores() -> ResponseReturnValue:
    """Show the stores with their posters."""
    return views.show(
        "settings/stores",
        stores=list_stores(g.session),
        longest=LONGEST_WORDS,
        base_url=settings().public_base_url,
    )


def add() -> ResponseReturnValue:
    """Open a store."""
    t = console_texts()
    name = translated("name", LONGEST_WORDS)
    code = form.needed("code", LONGEST_WORDS)
    store = add_store(g.session, code, name, staff_id=current_staff().id, now=g.now)
    log.info("store_added", store=store.code, by=current_staff().id)
    told = t("已新增門市 {code}", code=store.code)
    return views.go(url_for("console.settings_shop_show_stores"), told)


def rename(store_id: int) -> ResponseReturnValue:
    """Call a store something else."""
    t = console_texts()
    name = translated("name", LONGEST_WORDS)
    rename_store(g.session, store_id, name, staff_id=current_staff().id, now=g.now)
    log.info("store_renamed", store_id=store_id, by=current_staff().id)
    return views.go(url_for("console.settings_shop_show_stores"), t("已儲存"))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of the shop and its stores."""
    blueprint.get("/settings/shop", right="settings.see")(show_shop)
    blueprint.post("/settings/shop", right="settings.change")(change)
    blueprint.get("/settings/stores", right="settings.see")(show_stores)
    blueprint.post("/settings/stores", right="settings.change")(add)
    blueprint.post("/settings/stores/<int:store_id>", right="settings.change")(rename)
