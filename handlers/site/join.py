"""The shop's posters: `/join/<code>` opens the chat with words that name the poster."""

import re

from flask import Blueprint, abort, g, redirect
from flask.typing import ResponseReturnValue

from handlers.chat_link import chat_link
from models.shop import get_shop

SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


def add_routes(blueprint: Blueprint) -> None:
    """Add `/join/<source>`."""

    @blueprint.get("/join/<source>")
    def join(source: str) -> ResponseReturnValue:
        """Send a phone to the chat, its typing area filled (LINE URL scheme `oaMessage`)."""
        if not SOURCE.fullmatch(source):
            abort(404)
        words = f"加入會員 #{source.upper()}"
        basic_id = get_shop(g.session).basic_id
        return redirect(chat_link(basic_id, words, as_new_person=True))
