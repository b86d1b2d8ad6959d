"""Draw the artwork of the rich menus and the account's icon.

    python -m bot.artwork.draw --font /usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc

writes guest.png, member.png and account.png beside this file. They are committed: a server that
runs the bot needs no fonts. Everything is drawn twice as large and brought down, which smooths
the edges.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from bot.postback import Action
from bot.rich_menu import GUEST, MEMBER, MENUS, Tile

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]

SCALE: Final = 2
ICON_SIZE: Final = 640
NOTO_SANS_TC: Final = 3
"""Place of the Taiwanese shapes in Noto Sans CJK's collection file."""

CREAM: Final[Colour] = (247, 242, 231)
WHITE: Final[Colour] = (255, 255, 255)
EDGE: Final[Colour] = (232, 225, 210)
TEA: Final[Colour] = (47, 107, 74)
DEEP_TEA: Final[Colour] = (28, 74, 50)
LEAF: Final[Colour] = (226, 239, 229)
HONEY: Final[Colour] = (226, 164, 62)
INK: Final[Colour] = (43, 42, 40)
QUIET: Final[Colour] = (122, 114, 104)
MIST: Final[Colour] = (208, 228, 214)


@dataclass(frozen=True)
class Pen:
    """Something to draw with whose coordinates are those of the finished picture."""

    image: Image.Image
    font_path: Path

    @property
    def ink(self) -> ImageDraw.ImageDraw:
        """The Pillow pen beneath, in enlarged coordinates."""
        return ImageDraw.Draw(self.image)

    def rounded(self, box: Box, radius: float, fill: Colour, edge: Colour | None = None) -> None:
        """Draw a rounded rectangle."""
        self.ink.rounded_rectangle(
            _scaled(*box), radius * SCALE, fill=fill, outline=edge, width=4 if edge else 0
        )

    def ellipse(self, x: float, y: float, radius: float, fill: Colour) -> None:
        """Draw a disc around a centre."""
        self.ink.ellipse(_scaled(x - radius, y - radius, x + radius, y + radius), fill=fill)

    def polygon(self, points: list[tuple[float, float]], fill: Colour) -> None:
        """Draw a filled polygon."""
        self.ink.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=fill)

    def line(self, points: list[tuple[float, float]], width: float, fill: Colour) -> None:
        """Draw a line with round joints."""
        enlarged = [(x * SCALE, y * SCALE) for x, y in points]
        self.ink.line(enlarged, fill=fill, width=round(width * SCALE), joint="curve")

    def text(
        self, x: float, y: float, words: str, size: float, fill: Colour, anchor: str = "mm"
    ) -> None:
        """Write `words`; `anchor` is Pillow's, by default the middle of the words."""
        font = ImageFont.truetype(self.font_path, round(size * SCALE), index=NOTO_SANS_TC)
        self.ink.text((x * SCALE, y * SCALE), words, font=font, fill=fill, anchor=anchor)


# --- signs, each in a square of 200 around its centre


def draw_card(pen: Pen, x: float, y: float, fore: Colour, ground: Colour) -> None:
    """Draw a member card with a code on it."""
    pen.rounded((x - 96, y - 64, x + 96, y + 64), 18, fore)
    pen.rounded((x - 76, y - 42, x - 8, y - 28), 7, ground)
    pen.rounded((x - 76, y - 14, x - 28, y - 2), 6, ground)
    pen.rounded((x - 76, y + 30, x + 6, y + 42), 6, ground)
    for column in range(3):
        for line in range(3):
            if (column, line) != (1, 2):
                left, top = x + 26 + column * 18, y - 40 + line * 18
                pen.rounded((left, top, left + 14, top + 14), 3, ground)


def draw_coin(pen: Pen, x: float, y: float, fore: Colour, ground: Colour) -> None:
    """Draw a coin with a star."""
    pen.ellipse(x, y, 88, fore)
    pen.ellipse(x, y, 72, ground)
    pen.ellipse(x, y, 64, fore)
    _star(pen, x, y, 40, ground)


def draw_stamps(pen: Pen, x: float, y: float, fore: Colour, ground: Colour) -> None:
    """Draw a stamp card with four of six stamps."""
    pen.rounded((x - 100, y - 72, x + 100, y + 72), 20, fore)
    for place in range(6):
        centre = (x - 60 + place % 3 * 60, y - 30 + place // 3 * 60)
        pen.ellipse(*centre, 22, ground)
        if place < 4:
            pen.ellipse(*centre, 14, HONEY)


def draw_ticket(pen: Pen, x: float, y: float, fore: Colour, ground: Colour) -> None:
    """Draw a coupon with its notches."""
    pen.rounded((x - 104, y - 62, x + 104, y + 62), 16, fore)
    for top in (-62, 62):
        pen.ellipse(x + 38, y + top, 17, ground)
    for top in (-34, -8, 18):
        pen.rounded((x + 34, y + top, x + 42, y + top + 16), 4, ground)
    pen.text(x - 36, y - 2, "%", 84, ground)


def draw_crown(pen: Pen, x: float, y: float, fore: Colour, ground: Colour) -> None:
    """Draw a crown."""
    points = [(-96, -44), (-48, 6), (0, -74), (48, 6), (96, -44), (74, 48), (-74, 48)]
    pen.polygon([(x + left, y + top) for left, top in points], fore)
    for left, top in ((-96, -48), (0, -78), (96, -48)):
        pen.ellipse(x + left, y + top, 15, fore)
    pen.rounded((x - 74, y + 58, x + 74, y + 78), 8, fore)
    pen.ellipse(x, y + 14, 15, ground)


def draw_person(pen: Pen, x: float, y: float, fore: Colour, _ground: Colour) -> None:
    """Draw head and shoulders."""
    pen.ellipse(x, y - 40, 46, fore)
    pen.ink.pieslice(_scaled(x - 88, y + 18, x + 88, y + 158), 180, 360, fill=fore)


def draw_question(pen: Pen, x: float, y: float, fore: Colour, ground: Colour) -> None:
    """Draw a speech bubble with a question."""
    pen.rounded((x - 90, y - 78, x + 90, y + 52), 40, fore)
    pen.polygon([(x - 44, y + 40), (x + 6, y + 46), (x - 54, y + 92)], fore)
    pen.text(x, y - 16, "?", 104, ground)


def draw_shop(pen: Pen, x: float, y: float, fore: Colour, ground: Colour) -> None:
    """Draw a shop front under its awning."""
    pen.rounded((x - 78, y - 20, x + 78, y + 82), 10, fore)
    pen.polygon([(x - 78, y - 80), (x + 78, y - 80), (x + 100, y - 14), (x - 100, y - 14)], fore)
    for place in range(5):
        pen.ellipse(x - 80 + place * 40, y - 14, 20, ground if place % 2 else fore)
    pen.rounded((x - 54, y + 20, x - 8, y + 82), 4, ground)
    pen.rounded((x + 12, y + 20, x + 56, y + 56), 4, ground)


Sign = Callable[[Pen, float, float, Colour, Colour], None]
SIGNS: Final[Mapping[Action, Sign]] = {
    Action.SHOW_CARD: draw_card,
    Action.SHOW_POINTS: draw_coin,
    Action.SHOW_STAMPS: draw_stamps,
    Action.SHOW_COUPONS: draw_ticket,
    Action.SHOW_TIER: draw_crown,
    Action.SHOW_PROFILE: draw_person,
    Action.SHOW_HELP: draw_question,
    Action.CONTACT_STAFF: draw_shop,
}


# --- pictures


def draw_member_menu(font: Path) -> Image.Image:
    """Draw six tiles, the member card first among them."""
    menu = MENUS[MEMBER]
    pen = _blank(menu.width, menu.height, font)
    for place, tile in enumerate(menu.tiles):
        box = _tile_box(tile)
        ground, words, quiet = (TEA, WHITE, MIST) if place == 0 else (WHITE, INK, QUIET)
        disc, sign = (DEEP_TEA, WHITE) if place == 0 else (LEAF, TEA)
        if place == 0:
            _gradient_tile(pen, box)
        else:
            _shadow_tile(pen, box, ground)
        middle = tile.x + tile.width / 2
        pen.ellipse(middle, tile.y + 290, 160, disc)
        SIGNS[tile.action](pen, middle, tile.y + 290, sign, disc)
        pen.text(middle, tile.y + 572, tile.label, 128, words)
        pen.text(middle, tile.y + 700, tile.caption, 66, quiet)
    return _finished(pen)


def draw_guest_menu(font: Path) -> Image.Image:
    """Draw the invitation to join, with help and contact beside it."""
    menu = MENUS[GUEST]
    pen = _blank(menu.width, menu.height, font)
    join, *others = menu.tiles
    _gradient_tile(pen, _tile_box(join))
    left = join.x + 140
    pen.text(left, 250, "加入會員", 190, WHITE, "lm")
    pen.text(left, 420, "免費・約 30 秒完成", 78, MIST, "lm")
    pen.rounded((left, 530, left + 640, 690), 80, HONEY)
    pen.text(left + 320, 608, "馬上加入  Join us", 68, INK)
    draw_cup(pen, join.x + 1260, 430, 1.25)
    for tile in others:
        _shadow_tile(pen, _tile_box(tile), WHITE)
        middle = tile.y + tile.height / 2
        pen.ellipse(tile.x + 210, middle, 132, LEAF)
        SIGNS[tile.action](pen, tile.x + 210, middle, TEA, LEAF)
        pen.text(tile.x + 400, middle - 36, tile.label, 96, INK, "lm")
        pen.text(tile.x + 400, middle + 66, tile.caption, 58, QUIET, "lm")
    return _finished(pen)


def draw_account_icon(font: Path) -> Image.Image:
    """Draw the account's face: a cup of tea that survives being cut to a circle."""
    pen = _blank(ICON_SIZE, ICON_SIZE, font)
    _fill_gradient(pen, (0, 0, ICON_SIZE, ICON_SIZE), 0)
    draw_cup(pen, ICON_SIZE / 2, ICON_SIZE / 2 + 6, 0.86)
    return _finished(pen)


def draw_cup(pen: Pen, x: float, y: float, size: float) -> None:
    """Draw a cup of bubble tea around a centre; at `size` 1 it is 300 wide and 500 high."""

    def at(left: float, top: float) -> tuple[float, float]:
        return (x + left * size, y + top * size)

    pen.line([at(24, -140), at(70, -292)], 26 * size, HONEY)
    pen.polygon([at(-136, -120), at(136, -120), at(102, 210), at(-102, 210)], WHITE)
    pen.rounded((*at(-102, 170), *at(102, 232)), 24 * size, WHITE)
    pen.polygon([at(-124, -58), at(124, -58), at(96, 198), at(-96, 198)], (214, 166, 116))
    pen.polygon([at(-124, -58), at(124, -58), at(118, -2), at(-118, -2)], (236, 208, 172))
    for left, top in (
        (-62, 172),
        (-14, 178),
        (36, 172),
        (-38, 128),
        (12, 132),
        (60, 130),
        (-8, 88),
    ):
        pen.ellipse(*at(left, top), 22 * size, (66, 44, 36))
    pen.rounded((*at(-156, -166), *at(156, -112)), 22 * size, WHITE)
    pen.ellipse(*at(0, 36), 58 * size, WHITE)
    pen.text(*at(0, 32), "茶", 74 * size, TEA)


def _star(pen: Pen, x: float, y: float, radius: float, fill: Colour) -> None:
    # The ten corners of a five-pointed star of radius 1, from the top clockwise.
    corners = [
        (0.0, -1.0),
        (0.235, -0.324),
        (0.951, -0.309),
        (0.38, 0.124),
        (0.588, 0.809),
        (0.0, 0.4),
        (-0.588, 0.809),
        (-0.38, 0.124),
        (-0.951, -0.309),
        (-0.235, -0.324),
    ]
    pen.polygon([(x + left * radius, y + top * radius) for left, top in corners], fill)


def _tile_box(tile: Tile) -> Box:
    margin = 26
    return (
        tile.x + margin,
        tile.y + margin,
        tile.x + tile.width - margin,
        tile.y + tile.height - margin,
    )


def _shadow_tile(pen: Pen, box: Box, fill: Colour) -> None:
    pen.rounded((box[0], box[1] + 8, box[2], box[3] + 8), 56, EDGE)
    pen.rounded(box, 56, fill)


def _gradient_tile(pen: Pen, box: Box) -> None:
    pen.rounded((box[0], box[1] + 8, box[2], box[3] + 8), 56, EDGE)
    _fill_gradient(pen, box, 56)


def _fill_gradient(pen: Pen, box: Box, radius: float) -> None:
    """Fill a rounded box from tea green above to deep green below."""
    left, top, right, bottom = (round(side) for side in _scaled(*box))
    size = (right - left, bottom - top)
    ramp = Image.linear_gradient("L").resize(size)
    coloured = Image.composite(Image.new("RGB", size, DEEP_TEA), Image.new("RGB", size, TEA), ramp)
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rounded_rectangle(
        (0, 0, size[0] - 1, size[1] - 1), radius * SCALE, fill=255
    )
    pen.image.paste(coloured, (left, top), mask)


def _blank(width: int, height: int, font: Path) -> Pen:
    return Pen(Image.new("RGB", (width * SCALE, height * SCALE), CREAM), font)


def _finished(pen: Pen) -> Image.Image:
    """Bring a picture down to its size and to few colours, for LINE takes 1 MB at most."""
    size = (pen.image.width // SCALE, pen.image.height // SCALE)
    small = pen.image.resize(size, Image.Resampling.LANCZOS)
    return small.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def _scaled(*sides: float) -> list[float]:
    return [side * SCALE for side in sides]


def main() -> None:
    """Draw every picture into this folder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--font", type=Path, required=True, help="Noto Sans CJK Bold, a .ttc file")
    font = parser.parse_args().font
    pictures = {GUEST: draw_guest_menu, MEMBER: draw_member_menu, "account": draw_account_icon}
    for name, draw in pictures.items():
        draw(font).save(Path(__file__).parent / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
