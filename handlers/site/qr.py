"""Pictures that LINE fetches: a code as a QR, drawn on request and never kept."""

import io

import qrcode
from flask import Blueprint, Response, abort
from PIL import Image
from qrcode.constants import ERROR_CORRECT_M
from qrcode.util import MODE_8BIT_BYTE, MODE_ALPHA_NUM, QRData

from handlers import settings
from models.coupon import find_code_in_scan
from models.member_code import STEP_SECONDS, has_valid_signature
from models.plan import is_request_scan

PIXELS_PER_MODULE = 10
QUIET_MODULES = 4
COUPON_SECONDS = 86_400
"""A coupon's code never changes, so its picture may be kept for a day."""


def add_routes(blueprint: Blueprint) -> None:
    """Add `/qr/<code>.png`."""

    @blueprint.get("/qr/<code>.png")
    def qr_picture(code: str) -> Response:
        """Draw a member code we signed, a coupon's, or a plan request's; nothing else is ours.

        The latter two are not looked up: whoever asks learns nothing that they did not write.
        """
        is_coupon = find_code_in_scan(code) is not None or is_request_scan(code)
        if not is_coupon and not has_valid_signature(settings().public_key, code):
            abort(404)
        response = Response(draw_qr(code), mimetype="image/png")
        response.cache_control.max_age = COUPON_SECONDS if is_coupon else STEP_SECONDS
        response.cache_control.private = True
        return response


def draw_qr(code: str) -> bytes:
    """Return a PNG of the code in QR's alphanumeric mode, one bit a pixel, quiet zone included."""
    return _picture_of(QRData(code.upper().encode(), mode=MODE_ALPHA_NUM))


def draw_link(url: str) -> bytes:
    """Return a PNG of one of our own addresses, letter by letter as it is written."""
    return _picture_of(QRData(url.encode(), mode=MODE_8BIT_BYTE))


def _picture_of(data: QRData) -> bytes:
    drawn = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=QUIET_MODULES, mask_pattern=2)
    drawn.add_data(data)
    drawn.make(fit=True)
    matrix = drawn.get_matrix()
    side = len(matrix)
    picture = Image.new("1", (side, side), 1)
    picture.putdata([0 if dark else 1 for row in matrix for dark in row])
    large = picture.resize((side * PIXELS_PER_MODULE,) * 2, Image.Resampling.NEAREST)
    written = io.BytesIO()
    large.save(written, "PNG", optimize=True)
    return written.getvalue()
