"""`flask --app app catalogue …`: what the shop sells, brought in from a file and written to one."""

from collections.abc import Iterator
from pathlib import Path

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from handlers.operator.exchange import FILE, reporting, show_problems
from handlers.operator.installation import Installation
from models.catalogue import (
    MOST_AT_ONCE,
    BarcodeTaken,
    CatalogueItem,
    Item,
    Kept,
    keep_items,
    list_bestsellers,
    list_items,
)
from models.exchange import ItemSheet, open_source, write_items

OUT = click.Path(dir_okay=False, writable=True, path_type=Path)
NUMBER = 20


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands."""
    group = AppGroup("catalogue", help="What the shop sells.")
    _add_import(group, installation)
    _add_export(group, installation)
    _add_list(group, installation)
    return group


def _add_import(group: AppGroup, installation: Installation) -> None:
    @group.command("import")
    @click.argument("file", type=FILE)
    @click.option("--map", "mapping", help="A JSON mapping file, where headings are unusual.")
    @click.option("--report", type=click.Path(path_type=Path), help="Write all problems here.")
    @click.option("--dry-run", "is_dry_run", is_flag=True, help="Check only; write nothing.")
    def import_(file: Path, mapping: str | None, report: Path | None, is_dry_run: bool) -> None:
        """Bring items in from CSV or Excel. Known ones are changed; empty cells change nothing."""
        with reporting(report) as findings:
            sheet = ItemSheet(open_source(file), mapping, findings)
            kept = [_keep(installation, sheet, batch, is_dry_run) for batch in sheet.batches()]
        if is_dry_run:
            click.echo("試跑：什麼都沒有寫入。")
        named = sheet.columns.names.items()
        click.echo("欄位：" + "、".join(f"{name}={own}" for name, own in named))
        click.echo(
            f"  新的：{sum(each.new for each in kept):,}　"
            f"有變更：{sum(each.changed for each in kept):,}　"
            f"沒有變更：{sum(each.same for each in kept):,}"
        )
        show_problems(findings, report)


def _keep(
    installation: Installation, sheet: ItemSheet, batch: list[tuple[int, Item]], is_dry_run: bool
) -> Kept:
    """Keep a batch, without the rows whose barcode is another item's."""
    rows = {item.sku: row for row, item in batch}
    items = {item.sku: item for _, item in batch}
    with installation.sessions() as session:
        while True:
            try:
                kept = keep_items(session, list(items.values()), installation.clock())
            except BarcodeTaken as taken:
                item = items.pop(taken.facts["sku"])
                sheet.refuse(rows[item.sku], "barcode", taken.code, value=item.barcode)
            else:
                break
        if not is_dry_run:
            session.commit()
    return kept


def _add_export(group: AppGroup, installation: Installation) -> None:
    @group.command("export")
    @click.argument("file", type=OUT)
    def export(file: Path) -> None:
        """Write the items on the shelf as CSV, which `import` reads again."""
        with (
            installation.sessions() as session,
            file.open("w", encoding="utf-8-sig", newline="") as opened,
        ):
            count = write_items(opened, _all_items(session))
        click.echo(f"{count:,} items in {file}.")


def _all_items(session: Session) -> Iterator[CatalogueItem]:
    after = ""
    while items := list_items(session, after=after, limit=MOST_AT_ONCE):
        yield from items
        after = items[-1].sku
        session.expunge_all()


def _add_list(group: AppGroup, installation: Installation) -> None:
    @group.command("list")
    @click.option("--after", default="", help="Begin behind this sku.")
    @click.option("--limit", default=NUMBER, show_default=True, type=click.IntRange(1, 500))
    @click.option("--best", is_flag=True, help="What sold best in 30 days and can be had.")
    def list_(after: str, limit: int, best: bool) -> None:
        """Print items by their sku, or the bestsellers."""
        with installation.sessions() as session:
            if best:
                for each in list_bestsellers(session, installation.clock(), limit=limit):
                    click.echo(f"{each.sold:>7,} sold  {_line(each.item)}")
                return
            for item in list_items(session, after=after, limit=limit):
                click.echo(_line(item))


def _line(item: CatalogueItem) -> str:
    facts = [
        f"{item.sku:<16} {item.name}",
        f"[{item.category}]" if item.category else "",
        f"NT${item.price_twd:,}" if item.price_twd is not None else "",
        f"cost NT${item.cost_twd:,}" if item.cost_twd is not None else "",
        item.barcode or "",
        "" if item.is_available else "out of stock",
    ]
    return "  ".join(fact for fact in facts if fact)
