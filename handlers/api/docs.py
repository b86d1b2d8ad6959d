"""The pages a stranger reads: the document, drawn by Swagger UI, and the list of problems."""

import gzip
from functools import cache
from http import HTTPStatus
from importlib import resources
from itertools import groupby
from pathlib import Path

from flask import Blueprint, Response, abort, current_app, render_template, request
from flask.typing import ResponseReturnValue

from handlers.api.codes import KINDS
from handlers.api.document import encoded_document
from handlers.assets import asset_url
from handlers.headers import send_page_headers

TEMPLATES_FOLDER = Path(__file__).parent.parent / "templates"
_SWAGGER = resources.files("flask_openapi_swagger") / "templates" / "swagger"
ASSETS = {
    "swagger-ui.css": (_SWAGGER / "css" / "swagger-ui.css", "text/css"),
    "swagger-ui-bundle.js": (_SWAGGER / "js" / "swagger-ui-bundle.js", "text/javascript"),
}
"""Swagger UI as its package brings it: nothing comes from another host."""
ASSET_SECONDS = 86_400
DOCUMENT_SECONDS = 300
_PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # Swagger UI sizes and colours some parts in place.
        "img-src 'self' data:",
        "connect-src 'self'",  # Its document, and what is tried out.
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


def make_blueprint() -> Blueprint:
    """Make the blueprint of what is open to all: document and pages."""
    blueprint = Blueprint(
        "api_docs", __name__, url_prefix="/api", template_folder=str(TEMPLATES_FOLDER)
    )
    blueprint.get("/openapi.json")(show_document)
    blueprint.get("/docs")(show_docs)
    blueprint.get("/docs/problems")(show_problem_codes)
    blueprint.get("/docs/assets/<name>")(show_asset)
    send_page_headers(blueprint)
    return blueprint


def show_document() -> Response:
    """Serve the document; anybody, and any tool, may read how we are asked."""
    response = Response(encoded_document(current_app), mimetype="application/json")
    response.headers["Cache-Control"] = f"public, max-age={DOCUMENT_SECONDS}"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def show_docs() -> ResponseReturnValue:
    """Draw the document; what a page tries out goes to this server, with the key typed there."""
    page = render_template(
        "api/docs.html",
        here="docs",
        style=asset_url("api-docs.css"),
        script=asset_url("api-docs.js"),
    )
    return page, {"Content-Security-Policy": _PAGE_POLICY}


def show_problem_codes() -> ResponseReturnValue:
    """List every code with what to do about it; the `type` of a problem leads here."""
    ordered = sorted(KINDS.items(), key=lambda item: (item[1].status, item[0]))
    groups = [
        (status, list(group)) for status, group in groupby(ordered, key=lambda item: item[1].status)
    ]
    return render_template(
        "api/problems.html",
        here="problems",
        style=asset_url("api-docs.css"),
        groups=groups,
        phrases={status: HTTPStatus(status).phrase for status, _ in groups},
    )


def show_asset(name: str) -> Response:
    """Serve a part of Swagger UI, compressed where the browser takes that."""
    if name not in ASSETS:
        abort(404)
    _, kind = ASSETS[name]
    is_compressed = request.accept_encodings.best_match(["gzip"]) is not None
    response = Response(_asset(name, is_compressed=is_compressed), mimetype=kind)
    if is_compressed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = f"public, max-age={ASSET_SECONDS}"
    return response


@cache
def _asset(name: str, *, is_compressed: bool) -> bytes:
    plain = ASSETS[name][0].read_bytes()
    return gzip.compress(plain) if is_compressed else plain
