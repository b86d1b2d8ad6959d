"""The cookie by which a browser is one of the shop's devices; only counters' requests bring it."""

from flask import current_app, request
from werkzeug.wrappers import Response

DEVICE_COOKIE = "device"
DEVICE_COOKIE_PATH = "/clerk"
DEVICE_COOKIE_SECONDS = 400 * 24 * 3600
"""As long as browsers keep a cookie at all; each sign-in renews it."""


def device_secret() -> str:
    """Return what the device's cookie holds, "" where there is none."""
    return request.cookies.get(DEVICE_COOKIE, "")


def keep_device(response: Response, secret: str) -> Response:
    """Put a device's secret into its cookie, which no script can read."""
    response.set_cookie(
        DEVICE_COOKIE,
        secret,
        max_age=DEVICE_COOKIE_SECONDS,
        path=DEVICE_COOKIE_PATH,
        httponly=True,
        samesite="Lax",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
    )
    return response
