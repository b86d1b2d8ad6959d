"""What every page of ours tells the browser: run nothing foreign, show it in no other page."""

from flask import Blueprint, Response, make_response
from flask.typing import ResponseReturnValue

_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",  # The QR decoder is WebAssembly.
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
PAGE_HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # Not "no-referrer": the CSRF check over https reads it.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def allow_pictures(answer: ResponseReturnValue) -> Response:
    """Let one page show pictures from other places: those that a shop's messages name."""
    response = make_response(answer)
    policy = _CONTENT_SECURITY_POLICY.replace("img-src 'self'", "img-src 'self' https:")
    response.headers["Content-Security-Policy"] = policy
    return response


def send_page_headers(blueprint: Blueprint) -> None:
    """Give every answer of a blueprint of pages these headers."""

    @blueprint.after_request
    def add_headers(response: Response) -> Response:
        for name, value in PAGE_HEADERS.items():
            response.headers.setdefault(name, value)
        return response
