"""Keep LINE's rich menus in step with ours, and remember which id each got."""

from collections.abc import Callable
from datetime import datetime

from bot.rich_menu import MEMBER, MENU_NAMES
from bot.rich_menu_sync import MOST_LINKED_AT_ONCE, MenuApi, SyncedMenu
from models.base import Sessions
from models.member import list_line_user_ids
from models.rich_menu import find_rich_menu, keep_rich_menu


def sync_rich_menus(
    sessions: Sessions, api: MenuApi, clock: Callable[[], datetime]
) -> list[SyncedMenu]:
    """Upload the menus that changed and show them to everybody; return all of them.

    Each id is kept as soon as LINE gave it, so a broken run goes on where it stopped. Members are
    linked every time: that mends what a broken run left undone, or LINE lost.
    """
    synced = []
    for name in MENU_NAMES:
        with sessions() as session:
            known = find_rich_menu(session, name)
        old_id = known.line_rich_menu_id if known else None
        menu = api.sync(name, old_id, known.version if known else None)
        with sessions.begin() as session:
            keep_rich_menu(session, name, menu.version, menu.line_rich_menu_id, clock())
        if name == MEMBER:
            _link_members(sessions, api, menu.line_rich_menu_id)
        if menu.is_new and old_id is not None:
            api.forget(old_id)
        synced.append(menu)
    return synced


def _link_members(sessions: Sessions, api: MenuApi, menu_id: str) -> None:
    after = ""
    while True:
        with sessions() as session:
            people = list_line_user_ids(session, after=after, limit=MOST_LINKED_AT_ONCE)
        if not people:
            return
        api.link(people, menu_id)
        after = people[-1]
