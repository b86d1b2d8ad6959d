"""The start page: of a demo, who one can be and what to try; else one line saying what this is."""

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, g, make_response, redirect, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.texts import DEFAULT_LANGUAGE
from handlers import settings
from handlers.assets import asset_url
from handlers.device_cookie import device_secret, keep_device
from models.demo import DEMO_STAFF
from models.device import enrol_device, find_device
from models.friend import Friend
from models.member import Member
from models.shop import find_store
from models.tier import Tier

DEMO_COUNTER = "/clerk/demo-counter"
"""Where the cookie of an enrolled device comes along."""
COUNTER = "/clerk"
DEMO_STORE = "TP01"
DEMO_DEVICE = "示範平板"


@dataclass(frozen=True)
class DemoLogin:
    """A login of the demo shop, as the start page shows it to everybody."""

    username: str
    password: str
    name: str
    store_code: str
    role: str
    pin: str


def add_routes(blueprint: Blueprint) -> None:
    """Add `/`."""
    blueprint.get("/")(show_start)


def add_demo_routes(blueprint: Blueprint) -> None:
    """Add the one tap to a working counter; a real shop has no such address."""
    blueprint.post(DEMO_COUNTER)(open_counter)


def open_counter() -> ResponseReturnValue:
    """Make this browser a tablet of the demo shop, unless it is one, and lead it to the counter."""
    answer = make_response(redirect(COUNTER))
    known = find_device(g.session, device_secret())
    if known is None:
        store = find_store(g.session, DEMO_STORE)
        assert store is not None, "set-up makes the demo's stores"
        _, secret = enrol_device(g.session, DEMO_DEVICE, store, by=None, now=g.now)
        return keep_device(answer, secret)
    return answer


def show_start() -> ResponseReturnValue:
    """Welcome a visitor; only a demo shows logins and doors into the chat."""
    known = settings()
    if not known.demo:
        return render_template("site/plain.html", style=asset_url("start.css"))
    return render_template(
        "site/start.html",
        style=asset_url("start.css"),
        new_shopper_url=_chat(known.chat_url, new="1"),
        regular_url=_chat(known.chat_url, user=demo_regular(g.session)),
        logins=_counter_logins(),
        counter_url=DEMO_COUNTER,
    )


def demo_regular(session: Session) -> str | None:
    """Return the LINE user id of a member worth playing, or None in an empty shop.

    A friend who stands as high as one can and still climb, with the most purchases; where nobody
    stands below the top, any friend.
    """
    top_rank = select(func.max(Tier.rank)).scalar_subquery()
    return session.scalars(
        select(Member.line_user_id)
        .join(Tier, Tier.id == Member.tier_id)
        .join(Friend, Friend.line_user_id == Member.line_user_id)
        .where(Friend.is_following)
        .order_by(
            (Tier.rank < top_rank).desc(),
            Tier.rank.desc(),
            (Member.language == DEFAULT_LANGUAGE).desc(),
            Member.purchase_count.desc(),
            Member.id,
        )
        .limit(1)
    ).first()


def _chat(chat_url: str | None, **query: str | None) -> str | None:
    """Return an address of the simulated phone, or None where it or the person is missing."""
    if chat_url is None or None in query.values():
        return None
    return f"{chat_url.rstrip('/')}/?{urlencode(query)}"


def _counter_logins() -> list[DemoLogin]:
    return [
        DemoLogin(username, password, name, store_code, role, pin)
        for username, password, role, name, store_code, pin in DEMO_STAFF
        if pin is not None
    ]
