"""The counter's pages, for a clerk with a phone or a tablet."""

from functools import partial
from pathlib import Path

from flask import request
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError

from handlers.assets import asset_url
from handlers.clerk import (
    audit,
    beside,
    birthday_card,
    care,
    connections,
    counter,
    coupon,
    deeds,
    enrolling,
    joining,
    lens,
    login,
    offline,
    pending,
    people,
    plan,
    purchase,
    queue,
    receipt_code,
    service,
    today,
    void,
)
from handlers.clerk.door import (
    OPEN_ENDPOINTS,
    Door,
    LoginOver,
    NotForCounter,
    PinAsked,
    SessionLocked,
    clerk_texts,
)
from handlers.clerk.refusals import explain, session_locked
from handlers.clerk.views import ask_to_log_in, refuse
from handlers.headers import send_page_headers
from handlers.notice import page_too_old, session_over, too_many_tries
from models.base import BusinessError
from models.device import CodeRefused, DeviceNameRefused
from models.pin import PinLocked, WrongPin
from models.staff import WrongLogin

TEMPLATES_FOLDER = Path(__file__).parent.parent / "templates"


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
        queue,
        birthday_card,
        care,
        beside,
        receipt_code,
        void,
        enrolling,
        people,
        connections,
        lens,
        deeds,
        audit,
    ):
        topic.add_routes(blueprint)
    blueprint.app_context_processor(lambda: {"asset_url": asset_url})
    blueprint.register_error_handler(BusinessError, _say_no)
    blueprint.register_error_handler(pending.ManagersOnly, _not_theirs)
    blueprint.register_error_handler(NotForCounter, _ask_for_another_login)
    for refusal in (WrongLogin, WrongPin, PinLocked, PinAsked):
        blueprint.register_error_handler(refusal, partial(_wrong_at_the_door, status=403))
    for unfit in (CodeRefused, DeviceNameRefused):
        blueprint.register_error_handler(unfit, partial(_wrong_at_the_door, status=409))
    blueprint.register_error_handler(SessionLocked, _session_locked)
    blueprint.register_error_handler(LoginOver, _session_over)
    blueprint.register_error_handler(CSRFError, _page_too_old)
    blueprint.register_error_handler(RateLimitExceeded, _too_many_tries)
    blueprint.context_processor(lambda: {"offline_config": offline.page_config})
    blueprint.after_request(offline.add_server_time)
    blueprint.register_blueprint(offline.make_blueprint())
    send_page_headers(blueprint)
    return blueprint


def _say_no(error: BusinessError) -> ResponseReturnValue:
    return refuse(explain(clerk_texts(), error), 409)


def _not_theirs(error: BusinessError) -> ResponseReturnValue:
    return refuse(explain(clerk_texts(), error), 403)


def _ask_for_another_login(error: BusinessError) -> ResponseReturnValue:
    return ask_to_log_in(explain(clerk_texts(), error), 403)


def _wrong_at_the_door(error: BusinessError, *, status: int) -> ResponseReturnValue:
    answer = ask_to_log_in if _is_login() else refuse
    return answer(explain(clerk_texts(), error), status)


def _session_locked(_error: SessionLocked) -> ResponseReturnValue:
    return ask_to_log_in(session_locked(clerk_texts()), 401)


def _session_over(_error: LoginOver) -> ResponseReturnValue:
    return ask_to_log_in(session_over(clerk_texts()), 401)


def _page_too_old(_error: CSRFError) -> ResponseReturnValue:
    answer = ask_to_log_in if _is_login() else refuse
    return answer(page_too_old(clerk_texts()), 400)


def _too_many_tries(_error: RateLimitExceeded) -> ResponseReturnValue:
    answer = ask_to_log_in if _is_login() else refuse
    return answer(too_many_tries(clerk_texts()), 429)


def _is_login() -> bool:
    return request.endpoint in OPEN_ENDPOINTS
