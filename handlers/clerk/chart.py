"""Small charts drawn on the server: where the marks stand, for a template to draw as SVG.

Numbers that people compare are easier seen than read. No script draws them and no style stands in
the page, which its Content-Security-Policy would refuse.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.store_day import Hour

STRIP_WIDTH = 320
STRIP_MARGIN = 10
DOT_RADIUS = 5
NAME_HEIGHT = 16
"""Room above the dots for the names of those who stand out."""
LABEL_HEIGHT = 18
AXIS_TOPS = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Where a share's axis may end: all clerks of one figure share the smallest that holds them."""
BAR_WIDTH = 26
BARS_HEIGHT = 110
LABELLED_HOURS = 2
"""Every so many hours are named below the bars."""


@dataclass(frozen=True)
class Share:
    """One clerk's share of a figure, to be drawn as a dot."""

    staff_id: int
    name: str
    share: float
    look: str
    """`usual`, `alarm`, or `shown` for the one the page is about."""


@dataclass(frozen=True)
class Dot:
    """Where a clerk's dot stands."""

    x: float
    y: float
    name: str
    share: float
    look: str

    @property
    def anchor(self) -> str:
        """Tell how a name above it is aligned, so that it stays within the chart."""
        if self.x < STRIP_WIDTH / 4:
            return "start"
        return "end" if self.x > STRIP_WIDTH * 3 / 4 else "mid"


@dataclass(frozen=True)
class Strip:
    """Clerks as dots along their share; equal ones stand on each other."""

    width: int
    height: int
    baseline: int
    left: int
    right: int
    radius: int
    top_share: float
    dots: tuple[Dot, ...]


@dataclass(frozen=True)
class Bar:
    """One hour: what it brought, before what it usually does."""

    x: int
    height: float
    usual_height: float
    hour: Hour
    is_labelled: bool


@dataclass(frozen=True)
class Bars:
    """The hours of a day side by side."""

    width: int
    height: int
    bar_width: int
    most_twd: int
    bars: tuple[Bar, ...]


def draw_strip(shares: Sequence[Share]) -> Strip:
    """Place clerks by their share, who stands out last, so that nobody hides them."""
    most = max((one.share for one in shares), default=0)
    top = next((top for top in AXIS_TOPS if most <= top), most)
    left, right = STRIP_MARGIN, STRIP_WIDTH - STRIP_MARGIN
    columns: dict[int, int] = {}
    placed = []
    for one in sorted(shares, key=lambda share: (share.look != "usual", share.share)):
        column = round(one.share / top * (right - left) / (2 * DOT_RADIUS))
        level = columns.get(column, 0)
        columns[column] = level + 1
        placed.append((one, left + one.share / top * (right - left), level))
    levels = max(columns.values(), default=1)
    baseline = NAME_HEIGHT + 2 * DOT_RADIUS * levels
    dots = tuple(
        Dot(
            round(x, 1),
            baseline - DOT_RADIUS - 2 * DOT_RADIUS * level - 1,
            one.name,
            one.share,
            one.look,
        )
        for one, x, level in placed
    )
    height = baseline + LABEL_HEIGHT
    return Strip(STRIP_WIDTH, height, baseline, left, right, DOT_RADIUS, top, dots)


def draw_bars(hours: Sequence[Hour]) -> Bars:
    """Place the hours' bars, the highest of today and of the usual as high as the chart."""
    most = max((max(hour.net_twd, hour.usual_twd) for hour in hours), default=0)

    def high(amount_twd: int) -> float:
        return round(max(amount_twd, 0) / most * BARS_HEIGHT, 1) if most > 0 else 0.0

    bars = tuple(
        Bar(
            x=place * BAR_WIDTH,
            height=high(hour.net_twd),
            usual_height=high(hour.usual_twd),
            hour=hour,
            is_labelled=place % LABELLED_HOURS == 0,
        )
        for place, hour in enumerate(hours)
    )
    return Bars(BAR_WIDTH * len(bars), BARS_HEIGHT, BAR_WIDTH, most, bars)
