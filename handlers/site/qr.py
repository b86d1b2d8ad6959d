"""Pictures that LINE fetches: a member code as a QR, drawn on request and never kept."""

import io

import qrcode
from flask import Blueprint, Response, abort
from PIL import Image
from qrcode.constants import ERROR_CORRECT_M
from qrcode.util import MODE_ALPHA_NUM, QRData

from handlers import settings
from models.member_code import STEP_SECONDS, has_valid_signature

PIXELS_PER_MODULE = 10
QUIET_MODULES = 4


def add_routes(blueprint: Blueprint) -> None:
    """Add `/qr/<code>.png`."""

    @blueprint.get("/qr/<code>.png")
    def qr_picture(code: str) -> Response:
        """Draw a code we signed; anything else is not ours to draw."""
        if not has_valid_signature(settings().public_key, code):
            abort(404)
        response = Response(draw_qr(code), mimetype="image/png")
        response.cache_control.max_age = STEP_SECONDS
        response.cache_control.private = True
        return response


def draw_qr(code: str) -> bytes:
    """Return a PNG of the code in QR's alphanumeric mode, one bit a pixel, quiet zone included."""
    drawn = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=QUIET_MODULES, mask_pattern=2)
    drawn.add_data(QRData(code.upper().encode(), mode=MODE_ALPHA_NUM))
    drawn.make(fit=True)
    matrix = drawn.get_matrix()
    side = len(matrix)
    picture = Image.new("1", (side, side), 1)
    picture.putdata([0 if dark else 1 for row in matrix for dark in row])
    large = picture.resize((side * PIXELS_PER_MODULE,) * 2, Image.Resampling.NEAREST)
    written = io.BytesIO()
    large.save(written, "PNG", optimize=True)
    return written.getvalue()
