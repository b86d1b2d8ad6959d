"""Every way the counter can say no, in the clerk's language: what happened, and how to go on."""

from collections.abc import Mapping
from dataclasses import replace

from bot.texts import Texts
from handlers.clerk.refusals import (
    connection,
    correction,
    coupon,
    member,
    receipt,
    sale,
    staff,
)
from handlers.notice import Facts, Notice, NoticeFor
from models.base import BusinessError

_NOTICES: Mapping[str, NoticeFor] = {
    **sale.NOTICES,
    **coupon.NOTICES,
    **correction.NOTICES,
    **member.NOTICES,
    **staff.NOTICES,
    **receipt.NOTICES,
    **connection.NOTICES,
}


def explain(t: Texts, error: BusinessError) -> Notice:
    """Return the notice for a refusal; one we have no words for is shown in general ones."""
    return explain_code(t, error.code, error.facts)


def explain_code(t: Texts, code: str, facts: Facts) -> Notice:
    """Return the notice for a refusal that was kept: its code and its facts."""
    words = _NOTICES.get(code, _unknown)
    return replace(words(t, facts), code=code)


def session_locked(t: Texts) -> Notice:
    """Return the notice for a request whose session rested too long."""
    return Notice(t("櫃台已鎖定"), t("輸入 PIN 後再按一次即可，已輸入的內容會保留。"))


def _unknown(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這樣不行"), t("沒有記錄任何消費。請再試一次，或請店長協助。"))
