"""`flask --app app segment add|change|…`: keeping rules in versions, and what a rule may say."""

import json
from typing import IO, Any

import click
from flask.cli import AppGroup

from handlers.operator.acting import get_actor, shown_moment, working
from handlers.operator.classes import CHINESE
from handlers.operator.installation import Installation
from handlers.operator.table import print_table
from models.base import in_language
from models.segment import FRESHNESS, Rule, Size, read_rule
from models.segment.field import OPERATORS
from models.segment.keeping import (
    add_segment,
    archive_segment,
    change_segment,
    count_segment,
    get_segment,
    rename_segment,
)
from models.segment.rule import LARGEST_BYTES
from models.segment.schema import TOPICS, field_catalogue, rule_schema

FILE = click.File("rb")
BY = click.option("--by", "username", required=True, help="Who does it, by their login.")
NOTE = click.option("--note", default="", help="Why; it stays with the version.")


def add_rules(group: AppGroup, installation: Installation) -> None:
    """Add the commands that keep rules, and those that tell what a rule may say."""
    _add_keeping(group, installation)
    _add_naming(group, installation)
    _add_language(group, installation)


def _add_keeping(group: AppGroup, installation: Installation) -> None:
    @group.command("add")
    @click.argument("code")
    @click.argument("file", type=FILE)
    @click.option("--name", required=True, help="As marketers read it, such as 沉睡的常客.")
    @NOTE
    @BY
    def add(code: str, file: IO[bytes], name: str, note: str, username: str) -> None:
        """Keep the rule in FILE (JSON; - reads from the keyboard or a pipe) as a segment."""
        now = installation.clock()
        with working(installation) as session:
            rule, staff = read_file(file), get_actor(session, username)
            add_segment(
                session,
                code,
                {CHINESE: name},
                rule,
                by=staff.username,
                now=now,
                note=note,
                staff_id=staff.id,
            )
            click.echo(f"{code}：{size_in_words(count_segment(session, code, now))}")

    @group.command("change")
    @click.argument("code")
    @click.argument("file", type=FILE)
    @click.option("--made-from", type=int, required=True, help="The version you started from.")
    @NOTE
    @BY
    def change(code: str, file: IO[bytes], made_from: int, note: str, username: str) -> None:
        """Keep the rule in FILE as the segment's next version."""
        now = installation.clock()
        with working(installation) as session:
            rule, staff = read_file(file), get_actor(session, username)
            segment = change_segment(
                session,
                code,
                rule,
                made_from=made_from,
                by=staff.username,
                now=now,
                note=note,
                staff_id=staff.id,
            )
            size = count_segment(session, code, now)
            click.echo(f"{code} 第 {segment.version} 版：{size_in_words(size)}")


def _add_naming(group: AppGroup, installation: Installation) -> None:
    @group.command("rename")
    @click.argument("code")
    @click.argument("name")
    @BY
    def rename(code: str, name: str, username: str) -> None:
        """Call a segment something else; its code stays."""
        with working(installation) as session:
            staff, held = get_actor(session, username), get_segment(session, code)
            named = dict(held.name) | {CHINESE: name}
            rename_segment(session, code, named, now=installation.clock(), staff_id=staff.id)
            click.echo(f"{code}：{name}")

    @group.command("archive")
    @click.argument("code")
    @click.option("--back", is_flag=True, help="Bring it back instead.")
    @BY
    def archive(code: str, *, back: bool, username: str) -> None:
        """Take a segment off the list; its versions stay."""
        with working(installation) as session:
            archive_segment(
                session,
                code,
                now=installation.clock(),
                is_archived=not back,
                staff_id=get_actor(session, username).id,
            )
            click.echo(f"{code}：{'已恢復' if back else '已封存'}")


def read_file(file: IO[bytes]) -> Rule:
    """Read the rule in a file, no further than a rule may be long. Raises RuleRefused."""
    return read_rule(file.read(LARGEST_BYTES + 1))


def size_in_words(size: Size) -> str:
    """Return a size as a marketer reads it: how many, how sure, how fresh."""
    about = f"約 {size.members:,} 人（{size.low:,}–{size.high:,}，抽樣 {size.sampled:,} 人估計）"
    told = about if size.is_estimate else f"{size.members:,} 人"
    fresh = in_language(FRESHNESS[size.freshness], CHINESE)
    return f"{told}，可推播 {size.reachable:,} 人；截至 {shown_moment(size.as_of)}，資料{fresh}"


def _add_language(group: AppGroup, installation: Installation) -> None:
    @group.command("fields")
    @click.option("--topic", type=click.Choice(tuple(TOPICS)), help="Only those of one topic.")
    def show_fields(topic: str | None) -> None:
        """Print what a rule may ask: each field, how it is compared, and an example."""
        with working(installation) as session:
            fields = [
                field
                for field in field_catalogue(session)
                if topic is None or field["topic"] == topic
            ]
        print_table(
            ("主題", "欄位", "名稱", "比較方式", "選項", "資料", "範例"),
            [_field_row(field) for field in fields],
        )

    @group.command("schema")
    def show_schema() -> None:
        """Print the JSON Schema of rules, for editors and builders."""
        click.echo(json.dumps(rule_schema(), ensure_ascii=False, indent=2))


def _field_row(field: dict[str, Any]) -> tuple[str, ...]:
    return (
        in_language(field["topic_name"], CHINESE),
        field["field"],
        in_language(field["name"], CHINESE),
        " ".join(field["operators"]),
        " ".join(option["name"] for option in field["options"]),
        in_language(FRESHNESS[field["freshness"]], CHINESE),
        json.dumps(example_of(field), ensure_ascii=False),
    )


def example_of(field: dict[str, Any]) -> dict[str, Any]:
    """Return a question about a field of the catalogue, as a rule writes it."""
    operator = field["operators"][0]
    chosen = [choice["code"] for choice in field["choices"] or ()]
    plain = {"integer": 3, "boolean": True, "day": "2026-11-22", "code": "…", "text": "…"}
    value: Any = chosen[0] if chosen else plain[field["kind"]]
    takes = OPERATORS[operator].takes
    told = {"one": value, "many": [value], "pair": [value, value]}[takes]
    return {"field": field["field"], "is": operator, "value": told}
