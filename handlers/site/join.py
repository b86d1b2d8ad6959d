"""The shop's posters: `/join/<code>` opens the chat with words that name the poster."""

import re
from urllib.parse import quote

from flask import Blueprint, abort, g, redirect
from flask.typing import ResponseReturnValue

from handlers import settings
from models.shop import get_shop

SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


def add_routes(blueprint: Blueprint) -> None:
    """Add `/join/<source>`."""

    @blueprint.get("/join/<source>")
    def join(source: str) -> ResponseReturnValue:
        """Send a phone to the chat, its typing area filled (LINE URL scheme `oaMessage`)."""
        if not SOURCE.fullmatch(source):
            abort(404)
        words = quote(f"加入會員 #{source.upper()}")
        chat_url = settings().chat_url
        if chat_url is not None:
            return redirect(f"{chat_url}/?new=1&text={words}")
        basic_id = quote(get_shop(g.session).basic_id)
        return redirect(f"https://line.me/R/oaMessage/{basic_id}/?{words}")
