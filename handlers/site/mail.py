"""The doors in our mails: confirm an address, or stop the mails to it.

A link only asks; a button, or the mail program's own (RFC 8058), does it. For mail servers open
every link they see, and nobody is to be confirmed or unsubscribed by a scanner.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, g, render_template
from flask.typing import ResponseReturnValue
from flask_limiter.util import get_remote_address
from limits import RateLimitItemPerMinute
from sqlalchemy.orm import Session

from bot.texts import Texts, texts_for
from handlers import settings
from handlers.assets import asset_url
from handlers.limiting import limiter
from handlers.site.link import show_lost
from models.channel import (
    CONFIRM,
    STOP,
    EmailLinkRefused,
    confirm_email,
    find_by_token,
    find_channel,
    masked_email,
    stop_email,
)
from models.member import get_member

TRIES = RateLimitItemPerMinute(60)
"""So many links that are none of ours one address may try."""


@dataclass(frozen=True)
class Door:
    """One thing a mail's link may ask: what its token is for, what it does, what is said."""

    what: bytes
    do: Callable[[Session, int, datetime], None]
    asks: Callable[[Texts, str], "Page"]
    says: Callable[[Texts, str], "Page"]


@dataclass(frozen=True)
class Page:
    """What the page says; without a button it only tells."""

    title: str
    words: str
    button: str | None = None


def _ask_to_confirm(t: Texts, address: str) -> Page:
    return Page(
        t("確認您的信箱"),
        t("請按下按鈕，確認要用 {address} 接收優惠消息。", address=address),
        t("確認信箱"),
    )


def _say_confirmed(t: Texts, address: str) -> Page:
    return Page(
        t("信箱已確認"),
        t("我們的優惠會寄到 {address}。想改用 LINE，請到聊天室的「我的資料」。", address=address),
    )


def _ask_to_stop(t: Texts, address: str) -> Page:
    return Page(
        t("取消訂閱電子郵件"),
        t("要停止寄信到 {address} 嗎？LINE 的通知不受影響。", address=address),
        t("停止寄信"),
    )


def _say_stopped(t: Texts, address: str) -> Page:
    return Page(
        t("已停止寄信"),
        t(
            "我們不會再寄信到 {address}。想停止 LINE 的優惠消息，請在聊天室輸入「停止行銷」。",
            address=address,
        ),
    )


CONFIRMING = Door(CONFIRM, confirm_email, _ask_to_confirm, _say_confirmed)
STOPPING = Door(STOP, stop_email, _ask_to_stop, _say_stopped)


def add_routes(blueprint: Blueprint) -> None:
    """Add `/email/<token>` and `/unsubscribe/<token>`."""

    @blueprint.get("/email/<token>")
    def ask_to_confirm(token: str) -> ResponseReturnValue:
        """Ask whoever opened the mail whether the address is theirs."""
        return _open(CONFIRMING, token, does=False)

    @blueprint.post("/email/<token>")
    def confirm(token: str) -> ResponseReturnValue:
        """Confirm the address."""
        return _open(CONFIRMING, token, does=True)

    @blueprint.get("/unsubscribe/<token>")
    def ask_to_unsubscribe(token: str) -> ResponseReturnValue:
        """Ask before the mails are stopped."""
        return _open(STOPPING, token, does=False)

    @blueprint.post("/unsubscribe/<token>")
    def unsubscribe(token: str) -> ResponseReturnValue:
        """Stop the mails, by the page's button or the mail program's one click (RFC 8058)."""
        return _open(STOPPING, token, does=True)


def _open(door: Door, token: str, *, does: bool) -> ResponseReturnValue:
    address = get_remote_address()
    if not limiter.limiter.test(TRIES, "mail-link", address):
        return show_lost(429)
    try:
        member_id = find_by_token(g.session, settings().links.key, door.what, token, g.now)
    except EmailLinkRefused:
        limiter.limiter.hit(TRIES, "mail-link", address)
        return show_lost(404)
    if does:
        door.do(g.session, member_id, g.now)
    return _page(member_id, door.says if does else door.asks)


def _page(member_id: int, words: Callable[[Texts, str], Page]) -> ResponseReturnValue:
    row = find_channel(g.session, member_id)
    assert row is not None
    assert row.email is not None  # The token names it.
    t = texts_for(get_member(g.session, member_id).language)
    return render_template(
        "site/mail_door.html",
        style=asset_url("start.css"),
        language=t.language,
        page=words(t, masked_email(row.email)),
    )
