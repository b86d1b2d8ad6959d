"""How a file is to be read: what its first rows show, and what the person chose."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from models.base import BusinessError
from models.exchange import MemberOptions, PurchaseOptions, get_layout
from models.exchange.columns import HEADING_ROWS, Layout, find_columns, make_layout, plain
from models.exchange.headings import COMMON, MEMBERS, PURCHASES, REQUIRED
from models.exchange.rows import open_source, read_rows
from models.exchange.values import as_text

MOST_CELLS = 80
SHOWN_ROWS = 5
SHOWN_LETTERS = 40
MAPPED = "own"
"""The choice of one's own mapping, in place of a platform's."""
PLATFORMS = ("generic", "shopline", "cyberbiz", "91app", "easystore", MAPPED)
FIELDS = {kind: tuple(COMMON[kind]) for kind in (MEMBERS, PURCHASES)}
EARNINGS = ("none", "points")
LINES = ("repeat", "sum")


class OptionsRefused(BusinessError):
    """A file cannot be read this way; `what` names the choice, `missing` the columns it lacks."""

    code = "import_options_refused"


@dataclass(frozen=True)
class FileHead:
    """A file's headings and first rows, as a person tells columns by them."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    digest: str

    def to_words(self) -> dict[str, Any]:
        """Return it as the transfer's row keeps it."""
        return asdict(self)

    @classmethod
    def from_words(cls, words: Mapping[str, Any]) -> "FileHead":
        """Return what `to_words` wrote."""
        return cls(
            tuple(words["headings"]), tuple(tuple(row) for row in words["rows"]), words["digest"]
        )


@dataclass(frozen=True)
class Told:
    """What a person chose for a file."""

    platform: str = "generic"
    columns: Mapping[str, str] | None = None
    """With a mapping of one's own: which heading holds which field."""
    lines: str = LINES[0]
    store_id: int | None = None
    earn: str = EARNINGS[0]
    is_stamping: bool = False
    points_until: str | None = None
    """The last day of opening points, ISO."""
    tier_until: str | None = None

    def to_words(self) -> dict[str, Any]:
        """Return it as the transfer's row keeps it."""
        return asdict(self)


def head_of(path: Path, kind: str) -> FileHead:
    """Look at a file's first rows. Raises FileRefused where it is no table."""
    source = open_source(path)
    first = list(islice(read_rows(source), HEADING_ROWS + SHOWN_ROWS))
    cells = [tuple(as_text(cell) for cell in row.cells[:MOST_CELLS]) for row in first]
    place = _heading_place(cells, kind)
    shown = [tuple(cell[:SHOWN_LETTERS] for cell in row) for row in cells]
    headings = shown[place] if shown else ()
    return FileHead(headings, tuple(shown[place + 1 : place + 1 + SHOWN_ROWS]), source.digest)


def _heading_place(rows: Sequence[Sequence[str]], kind: str) -> int:
    """Return which of the first rows is the heading: one we know, else the fullest."""
    layout = get_layout(kind, None)
    for place, cells in enumerate(rows[:HEADING_ROWS]):
        if find_columns(layout, kind, cells, place) is not None:
            return place
    filled = [sum(bool(cell.strip()) for cell in cells) for cells in rows[:HEADING_ROWS]]
    return filled.index(max(filled)) if filled else 0


def suggest_columns(kind: str, platform: str, headings: Sequence[str]) -> dict[str, str]:
    """Return which heading a platform's layout takes for which field, as far as it finds any."""
    layout = get_layout(kind, None if platform == MAPPED else platform)
    found: dict[str, str] = {}
    for known in layout.headings:
        for name, candidates in known.items():
            if name in found:
                continue
            wanted = set(map(plain, candidates))
            left = (heading for heading in headings if heading not in found.values())
            heading = next((each for each in left if plain(each) in wanted), None)
            if heading is not None:
                found[name] = heading
    return found


def layout_for(kind: str, told: Mapping[str, Any]) -> Layout:
    """Return how the file is read. Raises OptionsRefused or FileRefused."""
    platform = told.get("platform", PLATFORMS[0])
    if platform not in PLATFORMS:
        raise OptionsRefused(what="platform")
    if platform != MAPPED:
        return get_layout(kind, platform)
    columns = {name: heading for name, heading in (told.get("columns") or {}).items() if heading}
    missing = [group for group in REQUIRED[kind] if not any(name in columns for name in group)]
    if missing:
        raise OptionsRefused(what="columns", missing=[group[0] for group in missing])
    if len(set(columns.values())) < len(columns):
        raise OptionsRefused(what="twice")
    return make_layout(kind, {"columns": columns, "lines": told.get("lines", LINES[0])})


def member_options(told: Mapping[str, Any], *, is_dry_run: bool) -> MemberOptions:
    """Return the options of an import of members."""
    points_until, tier_until = told.get("points_until"), told.get("tier_until")
    return MemberOptions(
        points_expire_on=_day_after(points_until),
        tier_until=date.fromisoformat(tier_until) if tier_until else None,
        is_dry_run=is_dry_run,
    )


def purchase_options(told: Mapping[str, Any], *, is_dry_run: bool) -> PurchaseOptions:
    """Return the options of an import of purchases."""
    return PurchaseOptions(
        store_id=told.get("store_id"),
        is_earning=told.get("earn") == EARNINGS[1],
        is_stamping=bool(told.get("is_stamping")),
        is_dry_run=is_dry_run,
    )


def _day_after(last_good: str | None) -> date | None:
    return date.fromisoformat(last_good) + timedelta(days=1) if last_good else None
