"""What other systems ask, by API key: `/api/v1/…`, JSON answers, RFC 9457 refusals.

Each topic declares its routes (`declaring.py`); who may ask, and how often, is the door's
(`door.py`); how we say no is one place's (`problems.py`); all of it is told to strangers in one
document (`document.py`).
"""

from collections.abc import Callable

from flask import Flask
from flask_openapi.blueprint import APIBlueprint
from sqlalchemy.orm import Session

from handlers.api import (
    campaigns,
    catalogue,
    coupons,
    events,
    journeys,
    member_tags,
    members,
    orders,
    purchases,
    receipt_codes,
    registration,
    sandbox,
    segment_models,
    segments,
    wallet,
    webhooks,
)
from handlers.api.calls import follow
from handlers.api.door import set_sandbox
from handlers.api.problems import answer_outside, show_problems
from models.api_key import ApiKey

URL = "/api/v1"
TOPICS = (
    members,
    registration,
    wallet,
    purchases,
    coupons,
    receipt_codes,
    orders,
    events,
    catalogue,
    segments,
    segment_models,
    member_tags,
    campaigns,
    journeys,
    webhooks,
    sandbox,
)


def init_api(app: Flask, *, enter_sandbox: Callable[[ApiKey], Session] | None) -> None:
    """Set up what lies outside the blueprint: unknown addresses, and the way to the sandbox."""
    set_sandbox(app, enter_sandbox)
    answer_outside(app, URL)


def make_blueprint() -> APIBlueprint:
    """Make the API's routes; each is behind a key."""
    blueprint = APIBlueprint("api", __name__, url_prefix=URL)
    follow(blueprint)
    for topic in TOPICS:
        topic.add_routes(blueprint)
    show_problems(blueprint)
    return blueprint
