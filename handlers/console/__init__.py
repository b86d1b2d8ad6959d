"""The console: where marketers work and owners see what membership earns.

Each topic is a module or package with `add_routes(blueprint)`; every route names its right.
"""

from pathlib import Path
from types import ModuleType

from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import NotFound

from handlers.console import (
    calendar,
    campaigns,
    journeys,
    keeping,
    login,
    loyalty,
    members,
    programme,
    reports,
    segments,
    settings,
    today,
    views,
)
from handlers.console.door import (
    ConsoleDoor,
    LoginOver,
    NotAllowed,
    NotForConsole,
    console_texts,
    is_fragment,
)
from handlers.console.refusals import explain
from handlers.headers import send_page_headers
from handlers.notice import Notice, page_too_old, session_over, too_many_tries
from models.base import BusinessError
from models.staff import WrongLogin
from models.totp import TotpLocked, WrongTotp

TEMPLATES_FOLDER = Path(__file__).parent.parent / "templates"
TOPICS: tuple[ModuleType, ...] = (
    login,
    today,
    keeping,
    segments,
    settings,
    campaigns,
    members,
    journeys,
    calendar,
    reports,
    loyalty,
    programme,
)


def make_blueprint() -> ConsoleDoor:
    """Make the console's blueprint, `/console`, with its door and its way to say no."""
    blueprint = ConsoleDoor(
        "console", __name__, url_prefix="/console", template_folder=str(TEMPLATES_FOLDER)
    )
    for topic in TOPICS:
        topic.add_routes(blueprint)
    blueprint.register_error_handler(BusinessError, _say_no)
    blueprint.register_error_handler(NotAllowed, _not_theirs)
    blueprint.register_error_handler(NotForConsole, _at_the_door)
    for refusal in (WrongLogin, WrongTotp, TotpLocked):
        blueprint.register_error_handler(refusal, _at_the_door)
    blueprint.register_error_handler(LoginOver, _login_over)
    blueprint.get("/<path:address>", right="see")(show_nothing)
    blueprint.register_error_handler(NotFound, _not_found)
    blueprint.register_error_handler(CSRFError, _page_too_old)
    blueprint.register_error_handler(RateLimitExceeded, _too_many_tries)
    send_page_headers(blueprint)
    return blueprint


def show_nothing(address: str) -> ResponseReturnValue:
    """Answer for the addresses that no topic has, in the console's own words."""
    raise NotFound(address)


def _say_no(error: BusinessError) -> ResponseReturnValue:
    return views.refuse(explain(console_texts(), error), 409)


def _not_theirs(error: BusinessError) -> ResponseReturnValue:
    return views.refuse(explain(console_texts(), error), 403)


def _at_the_door(error: BusinessError) -> ResponseReturnValue:
    return login.show_door_again(explain(console_texts(), error), 403)


def _login_over(_error: LoginOver) -> ResponseReturnValue:
    notice = session_over(console_texts())
    if is_fragment():
        return views.refuse(notice, 401)
    return login.show_door_again(notice, 401, back=views.came_from())


def _not_found(_error: NotFound) -> ResponseReturnValue:
    t = console_texts()
    notice = Notice(t("找不到這一頁"), t("網址可能打錯了，或這一項已經不在了。請從選單再找一次。"))
    return views.refuse(notice, 404)


def _page_too_old(_error: CSRFError) -> ResponseReturnValue:
    return _early(page_too_old(console_texts()), 400)


def _too_many_tries(_error: RateLimitExceeded) -> ResponseReturnValue:
    return _early(too_many_tries(console_texts()), 429)


def _early(notice: Notice, status: int) -> ResponseReturnValue:
    """Say no to a request that came no further than the door."""
    return (
        login.show_door_again(notice, status) if login.is_door() else views.refuse(notice, status)
    )
