"""The counter's pages, for a clerk with a phone or a tablet."""

from pathlib import Path

from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError

from handlers.assets import asset_url
from handlers.clerk import (
    birthday_card,
    counter,
    coupon,
    joining,
    login,
    pending,
    plan,
    purchase,
    service,
    today,
)
from handlers.clerk.door import Door, LoginOver, NotForCounter, clerk_texts, init_door
from handlers.clerk.refusals import explain, page_too_old, session_over, too_many_tries
from handlers.clerk.views import ask_to_log_in, refuse
from handlers.headers import send_page_headers
from models.base import BusinessError
from models.staff import WrongLogin

TEMPLATES_FOLDER = Path(__file__).parent.parent / "templates"


def init_clerk(app: Flask) -> None:
    """Set up what the counter's door needs of the application; settings must be known before."""
    init_door(app)


def make_blueprint() -> Door:
    """Make the counter's blueprint, `/clerk`, with its door and its way to say no."""
    blueprint = Door("clerk", __name__, url_prefix="/clerk", template_folder=str(TEMPLATES_FOLDER))
    for topic in (
        login,
        counter,
        today,
        purchase,
        coupon,
        service,
        plan,
        joining,
        pending,
        birthday_card,
    ):
        topic.add_routes(blueprint)
    blueprint.app_context_processor(lambda: {"asset_url": asset_url})
    blueprint.register_error_handler(BusinessError, _say_no)
    blueprint.register_error_handler(pending.ManagersOnly, _not_theirs)
    blueprint.register_error_handler(WrongLogin, _ask_for_another_login)
    blueprint.register_error_handler(NotForCounter, _ask_for_another_login)
    blueprint.register_error_handler(LoginOver, _session_over)
    blueprint.register_error_handler(CSRFError, _page_too_old)
    blueprint.register_error_handler(RateLimitExceeded, _too_many_tries)
    send_page_headers(blueprint)
    return blueprint


def _say_no(error: BusinessError) -> ResponseReturnValue:
    return refuse(explain(clerk_texts(), error), 409)


def _not_theirs(error: BusinessError) -> ResponseReturnValue:
    return refuse(explain(clerk_texts(), error), 403)


def _ask_for_another_login(error: BusinessError) -> ResponseReturnValue:
    return ask_to_log_in(explain(clerk_texts(), error), 403)


def _session_over(_error: LoginOver) -> ResponseReturnValue:
    return ask_to_log_in(session_over(clerk_texts()), 401)


def _page_too_old(_error: CSRFError) -> ResponseReturnValue:
    answer = ask_to_log_in if _is_login() else refuse
    return answer(page_too_old(clerk_texts()), 400)


def _too_many_tries(_error: RateLimitExceeded) -> ResponseReturnValue:
    answer = ask_to_log_in if _is_login() else refuse
    return answer(too_many_tries(clerk_texts()), 429)


def _is_login() -> bool:
    return request.endpoint == "clerk.log_in"
