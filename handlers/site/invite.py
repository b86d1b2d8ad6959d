"""The invitation's door: `/i/<code>` opens the chat with words that bring the friend's code."""

from flask import Blueprint, Response, abort, g, redirect
from flask.typing import ResponseReturnValue

from handlers import settings
from handlers.chat_link import chat_link
from handlers.site.qr import draw_link
from models.referral import normal_code
from models.shop import get_shop

PICTURE_SECONDS = 24 * 60 * 60


def add_routes(blueprint: Blueprint) -> None:
    """Add `/i/<code>` and its QR code."""

    @blueprint.get("/i/<code>")
    def invite(code: str) -> ResponseReturnValue:
        """Send a phone to the chat, its typing area filled (LINE URL scheme `oaMessage`).

        Any code that could be one is let through: whether somebody owns it is told in the chat
        only, where guessing can be seen.
        """
        known = _code_or_404(code)
        words = f"加入會員 #REF-{known}"
        basic_id = get_shop(g.session).basic_id
        return redirect(chat_link(basic_id, words, as_new_person=True))

    @blueprint.get("/i/<code>/qr.png")
    def invite_picture(code: str) -> Response:
        """Draw the QR code of this door, which nothing but a code can be asked into."""
        link = f"{settings().public_base_url}/i/{_code_or_404(code)}"
        response = Response(draw_link(link), mimetype="image/png")
        response.cache_control.max_age = PICTURE_SECONDS
        response.cache_control.public = True
        return response


def _code_or_404(code: str) -> str:
    """Return a code in the form we draw them in; what is written otherwise is not our link."""
    known = normal_code(code)
    if known is None or known != code.upper():
        abort(404)
    return known
