"""Pages for whoever comes without being asked who they are."""

from pathlib import Path

from flask import Blueprint

from handlers.headers import send_page_headers
from handlers.site import health, invite, join, link, mail, qr, start

TEMPLATES_FOLDER = Path(__file__).parent.parent / "templates"


def make_blueprint(*, demo: bool) -> Blueprint:
    """Make the blueprint of what is open to everybody: start page, posters, links, health.

    A demo has one address more, which makes a browser a tablet of the shop.
    """
    blueprint = Blueprint("site", __name__, template_folder=str(TEMPLATES_FOLDER))
    for topic in (start, join, invite, link, mail, qr, health):
        topic.add_routes(blueprint)
    if demo:
        start.add_demo_routes(blueprint)
    send_page_headers(blueprint)
    return blueprint
