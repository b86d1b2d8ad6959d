"""A word about what went wrong, as the pages show it, and those that every page may need."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.texts import Texts

Facts = Mapping[str, Any]
"""The numbers and names of a refusal."""


@dataclass(frozen=True)
class Notice:
    """What went wrong in a few words, and what to do next."""

    title: str
    advice: str
    code: str = ""
    """The refusal's code, where its notice brings more than words."""
    field: str = ""
    """The name of the field that holds what cannot be; empty where it is not one field."""


NoticeFor = Callable[[Texts, Facts], Notice]
"""Finds the words for a refusal."""


def session_over(t: Texts) -> Notice:
    """Return the notice for a request whose login has ended."""
    return Notice(t("登入已過期"), t("請重新登入；登入後再按一次即可，已輸入的內容會保留。"))


def page_too_old(t: Texts) -> Notice:
    """Return the notice for a form whose CSRF token no longer holds."""
    return Notice(t("頁面閒置太久"), t("內容都還在，請再按一次。"))


def too_many_tries(t: Texts) -> Notice:
    """Return the notice for a request beyond a rate limit."""
    return Notice(t("操作太頻繁"), t("請等一分鐘再試。"))
