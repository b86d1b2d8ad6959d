"""What other systems ask, by API key: `GET /api/v1/…`, JSON answers, RFC 9457 refusals."""

from collections.abc import Callable

from flask import Blueprint, Response, g, jsonify, request

from models.api_key import READ_MEMBERS, KeyRefused, ScopeMissing, check_api_key
from models.base import BusinessError
from models.member import NoSuchMember, get_member_by_typed
from models.tier_evaluation import explain_member

URL = "/api/v1"
STATUS = {KeyRefused.code: 401, ScopeMissing.code: 403, NoSuchMember.code: 404}
REFUSED = 409


def make_blueprint() -> Blueprint:
    """Make the API's routes; each is behind a key."""
    blueprint = Blueprint("api", __name__, url_prefix=URL)
    blueprint.register_error_handler(BusinessError, _problem)
    blueprint.get("/members/<number>/tier")(_behind_key(READ_MEMBERS, get_tier))
    return blueprint


def get_tier(number: str) -> Response:
    """Tell why a member stands where they stand: rule, figures, gap, deadlines, reasons."""
    member = get_member_by_typed(g.session, number)
    return jsonify(explain_member(g.session, member, g.now).as_json())


def _behind_key(scope: str, answer: Callable[[str], Response]) -> Callable[[str], Response]:
    """Let in only who brings a key with this scope: `Authorization: Bearer rk_…`."""

    def guarded(number: str) -> Response:
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            raise KeyRefused
        check_api_key(g.session, secret.strip(), scope, g.now)
        return answer(number)

    guarded.__name__ = answer.__name__
    return guarded


def _problem(error: BusinessError) -> tuple[Response, int]:
    """Show a refusal as problem details (RFC 9457)."""
    status = STATUS.get(error.code, REFUSED)
    body = jsonify({"type": "about:blank", "title": error.code, "status": status})
    body.mimetype = "application/problem+json"
    if status == STATUS[KeyRefused.code]:
        body.headers["WWW-Authenticate"] = "Bearer"
    return body, status
