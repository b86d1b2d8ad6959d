"""The app's icon on a home screen: our cup, drawn at the size a launcher asks for."""

import io
from functools import lru_cache

from PIL import Image, ImageDraw

SIZES = (180, 192, 512)
DEEP, PAPER, SUN = "#184a35", "#ffffff", "#e9b44c"
_SMOOTH = 4
"""Drawn so many times larger and then shrunk, so that no edge shows its pixels."""
_GRID = 32
_CORNER = 8
_SAFE = 0.72
"""A maskable icon may lose its edge to a circle: the cup is drawn this much smaller."""


@lru_cache(maxsize=len(SIZES) * 2)
def draw_icon(size: int, *, is_maskable: bool) -> bytes:
    """Return the icon as a PNG, `size` pixels wide; a maskable one fills its whole square."""
    side = size * _SMOOTH
    picture = Image.new("RGBA", (side, side), DEEP if is_maskable else "#00000000")
    draw = ImageDraw.Draw(picture)
    unit = side / _GRID
    if not is_maskable:
        draw.rounded_rectangle((0, 0, side - 1, side - 1), radius=_CORNER * unit, fill=DEEP)
    scale = _SAFE if is_maskable else 1.0

    def at(x: float, y: float) -> tuple[float, float]:
        middle = _GRID / 2
        return (middle + (x - middle) * scale) * unit, (middle + (y - middle) * scale) * unit

    draw.polygon([at(9, 11), at(23, 11), at(21, 24), at(11, 24)], fill=PAPER)
    straw, width = [at(17, 4), at(16, 11)], round(3 * unit * scale)
    draw.line(straw, fill=SUN, width=width)
    for x, y in straw[:1]:
        round_end = width / 2
        draw.ellipse((x - round_end, y - round_end, x + round_end, y + round_end), fill=SUN)
    small = picture.resize((size, size), Image.Resampling.LANCZOS)
    kept = io.BytesIO()
    small.save(kept, "PNG", optimize=True)
    return kept.getvalue()
