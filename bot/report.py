"""Reports in words: how a number is written in each language, and the mail a report comes in.

A report is told as JSON (`models/report/findings.py`): every text one a language, shares as 0 to 1,
days as ISO texts. A mail tells its figures, the first lines of its tables, and leads to the rest.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from bot.mail import Mail
from bot.mail_blocks import Block, Button, Grid, Heading, Paragraph, Sender, compose
from bot.texts import MINUS, Texts, texts_for
from models.base import in_language
from models.report.measured import growth

NOTHING: Final = "–"
MOST_ROWS: Final = 12
MOST_COLUMNS: Final = 5
MOST_TABLES: Final = 2
MOST_DECIMALS: Final = 2
SMALLEST_CHANCE: Final = 0.001

Told = Mapping[str, Any]


@dataclass(frozen=True)
class ReportMail:
    """What a report's mail needs beside the report: its title, and where its links lead."""

    title: Mapping[str, str]
    answers: Mapping[str, str]
    open_url: str
    stop_url: str


def value_text(t: Texts, value: Any, unit: str) -> str:
    """Write a cell or figure as people read it; what is not known is a dash."""
    if value is None:
        return NOTHING
    if isinstance(value, dict):
        return in_language(value, t.language)
    if unit == "day":
        return t.date(date.fromisoformat(value))
    if unit == "month":
        return str(value)[:7].replace("-", "/")
    if unit == "text":
        return str(value)
    return _number_text(t, value, unit)


def _number_text(t: Texts, value: Any, unit: str) -> str:
    if value < 0:
        return MINUS + _number_text(t, -value, unit)
    if unit == "percent":
        return f"{value:.1%}"
    if unit == "twd":
        return t.money(round(value))
    if unit == "ratio":
        return t("{value} 倍", value=f"{value:,.{_ratio_decimals(value)}f}")
    if unit == "chance":
        return f"{value:.3f}" if value >= SMALLEST_CHANCE else f"< {SMALLEST_CHANCE}"
    if unit == "number":
        return f"{value:,.{MOST_DECIMALS}f}" if isinstance(value, float) else t.number(value)
    if unit == "days":
        return t("{count} 天", count=t.number(round(value)))
    return t.number(round(value))


def _ratio_decimals(value: float) -> int:
    """Return as many decimals as a ratio needs: 1,234 and 12.3, but 1.40 and 0.024."""
    if abs(value) >= 100:
        return 0
    return 1 if abs(value) >= 10 else MOST_DECIMALS if abs(value) >= 0.1 else MOST_DECIMALS + 1


def interval_text(t: Texts, figure: Told) -> str | None:
    """Write where a figure really lies, or None where it has no interval."""
    low, high = figure["low"], figure["high"]
    if low is None or high is None:
        return None
    unit = figure["unit"]
    return f"{value_text(t, low, unit)} – {value_text(t, high, unit)}"


def change_text(t: Texts, figure: Told) -> str | None:
    """Write by how much a figure changed since the period before: points of a share, else %."""
    value, before = figure["value"], figure["before"]
    if value is None or before is None:
        return None
    if figure["unit"] == "percent":
        difference = round((value - before) * 100, MOST_DECIMALS)
        return t("{points} 個百分點", points=t.signed(difference, 1))
    risen = growth(value, before)
    return None if risen is None else f"{t.signed(risen * 100, 1)}%"


def draw_report_mail(
    report: ReportMail, body: Told, sender: Sender, *, language: str, as_of: datetime, now: datetime
) -> Mail:
    """Draw the mail of a report in a language, as of when its figures were made."""
    t = texts_for(language)
    blocks: list[Block] = [
        Heading(in_language(dict(report.title), language)),
        Paragraph(in_language(dict(report.answers), language), {}),
        Paragraph(_span_text(t, body, as_of), {}, is_quiet=True),
        *_figure_blocks(t, body["figures"]),
        *_table_blocks(t, body["tables"]),
        *(Paragraph(in_language(note, language), {}, is_quiet=True) for note in body["notes"]),
        Button(t("打開完整報表"), report.open_url),
        Paragraph(t("不想再收到這份報表：{url}", url=report.stop_url), {}, is_quiet=True),
    ]
    return compose(t, blocks, sender, sent_at=now)


def _span_text(t: Texts, body: Told, as_of: datetime) -> str:
    told = t("資料截至 {moment}", moment=t.moment(as_of))
    if not body["since"] or not body["until"]:
        return told
    since, until = (t.date(date.fromisoformat(body[name])) for name in ("since", "until"))
    return f"{since} – {until}　{told}"


def _figure_blocks(t: Texts, figures: Sequence[Told]) -> Iterator[Block]:
    if not figures:
        return
    rows = tuple(
        (
            in_language(figure["name"], t.language),
            value_text(t, figure["value"], figure["unit"]),
            value_text(t, figure["before"], figure["unit"]),
            change_text(t, figure) or NOTHING,
            interval_text(t, figure) or NOTHING,
        )
        for figure in figures
    )
    yield Grid((t("指標"), t("本期"), t("前期"), t("變化"), t("95% 區間")), rows)


def _table_blocks(t: Texts, tables: Sequence[Told]) -> Iterator[Block]:
    for table in [each for each in tables if each["rows"]][:MOST_TABLES]:
        columns = table["columns"][:MOST_COLUMNS]
        yield Paragraph(in_language(table["title"], t.language), {})
        yield Grid(
            tuple(in_language(column["name"], t.language) for column in columns),
            tuple(
                tuple(
                    value_text(t, cell, row["unit"] or column["unit"])
                    for cell, column in zip(row["cells"], columns, strict=False)
                )
                for row in table["rows"][:MOST_ROWS]
            ),
        )
        if len(table["rows"]) > MOST_ROWS:
            more = t("還有 {count} 行，請看完整報表。", count=len(table["rows"]) - MOST_ROWS)
            yield Paragraph(more, {}, is_quiet=True)
