"""The start page: of a demo, who one can be and what to try; else one line saying what this is."""

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, g, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.texts import DEFAULT_LANGUAGE
from handlers import settings
from handlers.assets import asset_url
from models.demo import DEMO_STAFF
from models.friend import Friend
from models.member import Member
from models.tier import Tier


@dataclass(frozen=True)
class DemoLogin:
    """A login of the demo shop, as the start page shows it to everybody."""

    username: str
    password: str
    name: str
    store_code: str


def add_routes(blueprint: Blueprint) -> None:
    """Add `/`."""
    blueprint.get("/")(show_start)


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
        DemoLogin(username, password, name, store_code)
        for username, password, role, name, store_code in DEMO_STAFF
        if role == "clerk"
    ]
