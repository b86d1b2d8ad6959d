"""Who made a version or asked for a thing, as pages name them.

Tables keep a person's login, for it stays true when a name changes; what no person made carries a
word of its own.
"""

from flask import g

from handlers.console.door import console_texts
from models.segment.starting import MADE_BY as SET_UP
from models.staff import list_staff

API, SYSTEM, DEMO = "api:", "system:", "demo"


def maker_name(made_by: str | None) -> str:
    """Return the name of who did something: a person's own, or what a system is called."""
    t = console_texts()
    if made_by is None or made_by.startswith(SYSTEM):
        return t("系統")
    if made_by.startswith(API):
        return t("外部系統（API 金鑰 {key}）", key=made_by.removeprefix(API))
    said = {SET_UP: t("系統預設"), DEMO: t("示範資料")}
    return said.get(made_by) or _names().get(made_by, made_by)


def _names() -> dict[str, str]:
    """Return everybody's name by login, read once a request."""
    if "staff_names" not in g:
        g.staff_names = {each.username: each.name for each in list_staff(g.session)}
    names: dict[str, str] = g.staff_names
    return names
