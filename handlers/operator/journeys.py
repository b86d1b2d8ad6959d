"""`flask --app app journey …`: what the shop does for members from a cause on, step by step."""

import json
from collections.abc import Mapping
from typing import IO, Any

import click
from flask.cli import AppGroup

from bot.content import draw_content
from handlers.operator.acting import get_actor, shown_moment, working
from handlers.operator.classes import CHINESE
from handlers.operator.installation import Installation
from handlers.operator.journey_tables import (
    print_journey,
    print_journeys,
    print_trial,
    print_visits,
)
from handlers.operator.segment_rules import BY, FILE, NOTE
from handlers.operator.table import print_table
from models.base import in_language
from models.journey import (
    activate_journey,
    add_journey,
    archive_journey,
    change_journey,
    definition_of,
    get_journey,
    get_version,
    list_versions,
    parse_definition,
    pause_journey,
    rename_journey,
)
from models.journey.definition import Definition
from models.journey.moving import PART, give_up_visit, move_visits
from models.journey.numbers import MOST_LISTED, list_moves
from models.journey.refusals import NotADefinition
from models.journey.table import VISIT_STATES
from models.journey.tasks import finish_task, list_tasks
from models.journey.templates import TEMPLATES, install_template
from models.journey.trying import try_journey
from models.journey.wording import STATE_NAMES, reason_text
from models.member import get_member_by_typed

LARGEST_BYTES = 256 * 1024
USUAL_LISTED = 20


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands about journeys."""
    group = AppGroup("journey", help="Journeys: from a cause on, step by step, by themselves.")
    _add_looking(group, installation)
    _add_keeping(group, installation)
    _add_switching(group, installation)
    _add_members(group, installation)
    _add_templates(group, installation)
    _add_tasks(group, installation)
    return group


def _add_looking(group: AppGroup, installation: Installation) -> None:
    @group.command("list")
    @click.option("--archived", is_flag=True, help="Also those that were archived.")
    def list_them(*, archived: bool) -> None:
        """Print the journeys, with how many are on the way and what became of the others."""
        with working(installation) as session:
            print_journeys(session, with_archived=archived)

    @group.command("show")
    @click.argument("code")
    @click.option("--version", type=int, help="This version's steps and numbers alone.")
    def show(code: str, version: int | None) -> None:
        """Print a journey as a diagram in words: who came to each step, waits there, and left."""
        with working(installation) as session:
            print_journey(session, code, version)

    @group.command("versions")
    @click.argument("code")
    def versions(code: str) -> None:
        """Print who made which version of a journey, when, and why."""
        with working(installation) as session:
            get_journey(session, code)
            print_table(
                ("版本", "時間", "誰", "原因"),
                [
                    (each.version, shown_moment(each.made_at), each.made_by, each.note)
                    for each in list_versions(session, code)
                ],
                "r",
            )

    @group.command("export")
    @click.argument("code")
    @click.option("--version", type=int, help="The newest, if not told.")
    def export(code: str, version: int | None) -> None:
        """Print a journey's definition as JSON, to be changed and given to `change`."""
        with working(installation) as session:
            told = definition_of(get_version(session, code, version)).as_json()
            click.echo(json.dumps(told, ensure_ascii=False, indent=2))


def _add_keeping(group: AppGroup, installation: Installation) -> None:
    @group.command("add")
    @click.argument("code")
    @click.argument("file", type=FILE)
    @click.option("--name", required=True, help="As marketers read it, such as 生日祝福.")
    @NOTE
    @BY
    def add(code: str, file: IO[bytes], name: str, note: str, username: str) -> None:
        """Keep the definition in FILE (JSON; - for a pipe) as a journey, a draft at first."""
        now = installation.clock()
        with working(installation) as session:
            definition, staff = read_definition(file), get_actor(session, username)
            add_journey(
                session,
                code,
                {CHINESE: name},
                definition,
                by=staff.username,
                now=now,
                note=note,
                staff_id=staff.id,
            )
            click.echo(f"{code}：已存為草稿，用 journey activate {code} 啟用")

    @group.command("change")
    @click.argument("code")
    @click.argument("file", type=FILE)
    @click.option("--made-from", type=int, required=True, help="The version you started from.")
    @NOTE
    @BY
    def change(code: str, file: IO[bytes], made_from: int, note: str, username: str) -> None:
        """Keep the definition in FILE as the journey's next version.

        Who is on the way finishes on theirs; `move` moves them.
        """
        with working(installation) as session:
            definition, staff = read_definition(file), get_actor(session, username)
            journey = change_journey(
                session,
                code,
                definition,
                made_from=made_from,
                by=staff.username,
                now=installation.clock(),
                note=note,
                staff_id=staff.id,
            )
            click.echo(f"{code}：第 {journey.version} 版")

    @group.command("rename")
    @click.argument("code")
    @click.argument("name")
    @BY
    def rename(code: str, name: str, username: str) -> None:
        """Call a journey something else; its code stays."""
        with working(installation) as session:
            staff, held = get_actor(session, username), get_journey(session, code)
            named = dict(held.name) | {CHINESE: name}
            rename_journey(session, code, named, now=installation.clock(), staff_id=staff.id)
            click.echo(f"{code}：{name}")


def read_definition(file: IO[bytes]) -> Definition:
    """Read the definition in a file, no further than one may be long. Raises RuleRefused."""
    text = file.read(LARGEST_BYTES + 1)
    form = ('{"schema": 1, "trigger": {…}, "steps": […]}',)
    if len(text) > LARGEST_BYTES:
        raise NotADefinition("", f"> {LARGEST_BYTES} bytes", form)
    try:
        words = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotADefinition("", str(error), form) from error
    return parse_definition(words)


def _add_switching(group: AppGroup, installation: Installation) -> None:
    verbs = {
        "activate": (activate_journey, "Switch a journey on: causes from now on start members."),
        "pause": (pause_journey, "Stop a journey where it stands: nobody starts or moves on."),
        "archive": (archive_journey, "End a journey for good; who is on the way is taken off."),
    }
    for word, (verb, about) in verbs.items():

        @group.command(word, help=about)
        @click.argument("code")
        @BY
        def switch(code: str, username: str, verb: Any = verb) -> None:
            with working(installation) as session:
                staff_id = get_actor(session, username).id
                journey = verb(session, code, now=installation.clock(), staff_id=staff_id)
                click.echo(f"{code}：{in_language(STATE_NAMES[journey.state], CHINESE)}")


def _add_members(group: AppGroup, installation: Installation) -> None:
    _add_moving(group, installation)

    @group.command("members")
    @click.argument("code")
    @click.option("--state", type=click.Choice(VISIT_STATES), help="Only these.")
    @click.option("--step", help="Only who stands at this step.")
    @click.option("--after", type=int, default=0, help="Go on behind this visit.")
    @click.option(
        "--limit", type=click.IntRange(1, MOST_LISTED), default=USUAL_LISTED, show_default=True
    )
    def members(code: str, state: str | None, step: str | None, after: int, limit: int) -> None:
        """Print who is, or was, on a journey; visits go by the order in which they began."""
        with working(installation) as session:
            get_journey(session, code)
            print_visits(session, code, state=state, step=step, after_id=after, limit=limit)

    @group.command("path")
    @click.argument("visit", type=int)
    def path(visit: int) -> None:
        """Print every step that one visit took, when and why."""
        with working(installation) as session:
            print_table(
                ("時間", "離開", "來到", "原因"),
                [
                    (
                        shown_moment(move.at),
                        move.from_step,
                        move.to_step,
                        reason_text(move.why, CHINESE),
                    )
                    for move in list_moves(session, visit)
                ],
            )

    @group.command("try")
    @click.argument("code")
    @click.argument("member")
    @click.option("--version", type=int, help="The newest, if not told.")
    def try_it(code: str, member: str, version: int | None) -> None:
        """Say what would happen to MEMBER (number or phone) on a journey; nothing is done."""
        now = installation.clock()
        with working(installation) as session:
            found = get_member_by_typed(session, member)
            definition = definition_of(get_version(session, code, version))
            trial = try_journey(session, code, found.id, now, version=version)
            print_trial(trial, definition, lambda words: said_by(words, found.language))


def said_by(words: Mapping[str, Any], language: str) -> list[str]:
    """Return what a message of these words would say, a line each of its messages."""
    return [
        str(message.get("text") or message.get("altText") or message["type"])
        for message in draw_content(words, language)
    ]


def _add_moving(group: AppGroup, installation: Installation) -> None:
    @group.command("move")
    @click.argument("code")
    @click.option("--from", "from_version", type=int, required=True)
    @click.option("--to", "to_version", type=int, required=True)
    @click.option("--step", "steps", multiple=True, metavar="OLD=NEW", help="Where to go on.")
    @BY
    def move(
        code: str, from_version: int, to_version: int, steps: tuple[str, ...], username: str
    ) -> None:
        """Move who is on the way from one version to another; steps of the same id need no word."""
        told = dict(each.partition("=")[::2] for each in steps)
        moved, part = 0, PART
        while part == PART:
            with working(installation) as session:
                part = move_visits(
                    session,
                    code,
                    from_version=from_version,
                    to_version=to_version,
                    steps=told,
                    now=installation.clock(),
                    staff_id=get_actor(session, username).id,
                )
            moved += part
        click.echo(f"{code}：{moved:,} 人改走第 {to_version} 版")

    @group.command("give-up")
    @click.argument("code")
    @click.argument("visit", type=int)
    @BY
    def give_up(code: str, visit: int, username: str) -> None:
        """Take one member off a journey, by the number of the visit."""
        with working(installation) as session:
            staff_id = get_actor(session, username).id
            ended = give_up_visit(session, code, visit, now=installation.clock(), staff_id=staff_id)
            click.echo(f"{visit}：{in_language(STATE_NAMES[ended.state], CHINESE)}")


def _add_templates(group: AppGroup, installation: Installation) -> None:
    @group.command("templates")
    def templates() -> None:
        """Print the journeys that are ready to be installed."""
        print_table(
            ("代碼", "名稱", "做什麼"),
            [
                (each.code, in_language(each.names, CHINESE), in_language(each.about, CHINESE))
                for each in TEMPLATES.values()
            ],
        )

    @group.command("install")
    @click.argument("template")
    @click.option("--draft", is_flag=True, help="Do not switch it on yet.")
    @click.option("--days", type=int, help="Instead of the days that its trigger waits for.")
    @BY
    def install(template: str, *, draft: bool, days: int | None, username: str) -> None:
        """Install TEMPLATE with the coupons and surveys it needs, and switch it on."""
        with working(installation) as session:
            by = get_actor(session, username).username
            journey = install_template(
                session, template, by=by, now=installation.clock(), activate=not draft, days=days
            )
            state = in_language(STATE_NAMES[journey.state], CHINESE)
            click.echo(f"{template}：{in_language(journey.name, CHINESE)}（{state}）")


def _add_tasks(group: AppGroup, installation: Installation) -> None:
    @group.command("tasks")
    def tasks() -> None:
        """Print what the staff is to do for members on journeys."""
        with working(installation) as session:
            print_table(
                ("編號", "期限", "會員", "姓名", "要做什麼", "旅程"),
                [
                    (
                        str(each.task.id),
                        each.task.due_on.isoformat(),
                        each.number,
                        each.masked_name,
                        in_language(each.task.what, CHINESE),
                        each.journey_code,
                    )
                    for each in list_tasks(session, installation.clock())
                ],
            )

    @group.command("done")
    @click.argument("task", type=int)
    @BY
    def done(task: int, username: str) -> None:
        """Tick a task off."""
        with working(installation) as session:
            finish_task(session, task, get_actor(session, username), installation.clock())
            click.echo(f"{task}：已完成")
