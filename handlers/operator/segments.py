"""`flask --app app segment …`: members by models and rules, and why somebody is in one."""

import csv
import json
from datetime import datetime
from typing import IO

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from handlers.operator.acting import get_actor, shown_moment, working
from handlers.operator.analyses import add_analyses
from handlers.operator.class_settings import add_settings
from handlers.operator.classes import CHINESE, DAY, add_classes, show_classes_of, show_model
from handlers.operator.installation import Installation
from handlers.operator.prediction import add_prediction
from handlers.operator.segment_rules import BY, FILE, add_rules, read_file, size_in_words
from handlers.operator.table import Cell, print_table
from models.base import in_language
from models.classification import ALL_MODELS
from models.exchange.readable import BYTE_ORDER_MARK
from models.lifecycle import MODELS
from models.member import get_member_by_number, get_member_by_typed
from models.segment import Explanation, Rule, explain_rule, parse_rule, size_of
from models.segment.codes import check_codes
from models.segment.keeping import (
    count_segment,
    get_segment,
    get_version,
    list_segments,
    list_versions,
    rule_of,
)
from models.segment.listing import MOST_LISTED, ListedMember, export_segment, list_members
from models.segment.opening import class_rule
from models.segment.table import Segment
from models.segment.wording import describe, describe_answer

USUAL_LISTED = 20


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands about segments and models."""
    group = AppGroup("segment", help="Groups of members: models, rules, analyses, predictions.")
    _add_looking(group, installation)
    _add_asking(group, installation)
    _add_members(group, installation)
    add_rules(group, installation)
    add_classes(group, installation)
    add_settings(group, installation)
    add_analyses(group, installation)
    add_prediction(group, installation)
    return group


def _add_looking(group: AppGroup, installation: Installation) -> None:
    @group.command("list")
    @click.option("--archived", is_flag=True, help="Also those taken off the list.")
    @click.option("--count", is_flag=True, help="Count each of them anew.")
    def list_them(*, archived: bool, count: bool) -> None:
        """Print the segments, each with its last count."""
        now = installation.clock()
        with working(installation) as session:
            for segment, _ in list_segments(session) if count else ():
                count_segment(session, segment.code, now)
            print_table(
                ("代碼", "名稱", "版本", "人數", "可推播", "計算於"),
                [
                    (
                        segment.code,
                        _segment_name(segment),
                        segment.version,
                        size.members if size else None,
                        size.reachable if size else None,
                        shown_moment(size.as_of) if size else None,
                    )
                    for segment, size in list_segments(session, with_archived=archived)
                ],
                "llrrrl",
            )
        click.echo("模型：" + "、".join(ALL_MODELS) + "（segment show 模型）")

    @group.command("show")
    @click.argument("name")
    @click.option("--on", type=DAY, help="A model as it was at this day's end.")
    @click.option("--category", help="A lifecycle over purchases of this category alone.")
    @click.option("--version", type=int, help="A segment's rule in this version.")
    @click.option("--json", "as_json", is_flag=True, help="Only a segment's rule, to be changed.")
    def show(
        name: str,
        on: datetime | None,
        category: str | None,
        version: int | None,
        *,
        as_json: bool,
    ) -> None:
        """Print a model's classes (nasld, napl_article, napl_91app, rfm), or a segment by code."""
        now = installation.clock()
        with working(installation) as session:
            if category is not None and name not in MODELS:
                raise click.UsageError(f"--category is for {', '.join(MODELS)}.")
            if name in ALL_MODELS:
                show_model(session, name, on.date() if on else None, now, category)
            elif on is not None:
                raise click.UsageError("--on is for models; a segment is asked as of now.")
            elif as_json:
                rule = rule_of(get_version(session, name, version))
                click.echo(json.dumps(rule.as_json(), ensure_ascii=False, indent=2))
            else:
                _show_segment(session, name, version, now)


def _show_segment(session: Session, code: str, version: int | None, now: datetime) -> None:
    segment, kept = get_segment(session, code), get_version(session, code, version)
    rule = rule_of(kept)
    click.echo(f"{in_language(segment.name, CHINESE)}（{code}）第 {kept.version} 版")
    click.echo(f"條件：{describe(rule, CHINESE, check_codes(session, rule))}")
    if version is None:
        click.echo(size_in_words(count_segment(session, code, now)))
    print_table(
        ("版本", "時間", "誰", "原因"),
        [
            (each.version, shown_moment(each.made_at), each.made_by, each.note)
            for each in list_versions(session, code)
        ],
        "r",
    )


def _add_asking(group: AppGroup, installation: Installation) -> None:
    @group.command("size")
    @click.argument("file", type=FILE)
    @click.option("--exact", is_flag=True, help="Count even where it takes long.")
    def size(file: IO[bytes], *, exact: bool) -> None:
        """Print how many members the rule in FILE (JSON; - for a pipe) has now; nothing is kept."""
        with working(installation) as session:
            rule = read_file(file)
            names = check_codes(session, rule)
            click.echo(f"條件：{describe(rule, CHINESE, names)}")
            click.echo(size_in_words(size_of(session, rule, installation.clock(), exact=exact)))

    @group.command("why")
    @click.argument("member")
    @click.option("--segment", "code", help="Why in this segment, or not; else: in which classes.")
    @click.option("--rule", "file", type=FILE, help="The same for a rule that is not kept.")
    @click.option("--on", type=DAY, help="Classes as they were at this day's end.")
    def why(member: str, code: str | None, file: IO[bytes] | None, on: datetime | None) -> None:
        """Say why MEMBER (number or phone) is in their classes, or in a segment or not."""
        now = installation.clock()
        with working(installation) as session:
            found = get_member_by_typed(session, member)
            if file is not None:
                rule = read_file(file)
                _show_why(session, rule, explain_rule(session, rule, found.id, now))
            elif code is not None:
                kept = get_version(session, code)
                rule = rule_of(kept)
                _show_why(
                    session,
                    rule,
                    explain_rule(session, rule, found.id, now, version=kept.version),
                )
            else:
                show_classes_of(session, found, on.date() if on else None, now)


def _add_members(group: AppGroup, installation: Installation) -> None:
    @group.command("members")
    @click.argument("name")
    @click.option(
        "--limit", type=click.IntRange(1, MOST_LISTED), default=USUAL_LISTED, show_default=True
    )
    @click.option("--after", help="Go on behind this member's number.")
    def members(name: str, limit: int, after: str | None) -> None:
        """Print the members of a segment (code) or of a class (such as nasld:lost)."""
        now = installation.clock()
        with working(installation) as session:
            after_id = get_member_by_number(session, after).id if after else 0
            found = list_members(
                session, _rule_named(session, name), now, after_id=after_id, limit=limit
            )
            print_table(
                ("會員", "等級", "點數", "購買次數", "首次", "最近", "累計淨消費", "可推播"),
                [_member_row(each) for each in found],
                "llrrllr",
            )
            if len(found) == limit:
                click.echo(f"接著看：--after {found[-1].number}")

    @group.command("export")
    @click.argument("code")
    @click.argument("file", type=click.File("w", encoding="utf-8", lazy=True, atomic=True))
    @BY
    def export(code: str, file: IO[str], username: str) -> None:
        """Write a segment's members as CSV to FILE (- prints them); who took them is noted."""
        with working(installation) as session:
            rows = export_segment(
                session, code, installation.clock(), staff_id=get_actor(session, username).id
            )
            file.write(BYTE_ORDER_MARK)  # By which spreadsheets know that it is UTF-8.
            csv.writer(file).writerows(rows)


def _segment_name(segment: Segment) -> str:
    name = in_language(segment.name, CHINESE)
    return f"{name}（已封存）" if segment.archived_at else name


def _rule_named(session: Session, name: str) -> Rule:
    """Return the rule of a segment by its code, or that of a class by its key."""
    model, colon, class_code = name.partition(":")
    if not colon:
        return rule_of(get_version(session, name))
    rule = parse_rule(class_rule(model, class_code))
    check_codes(session, rule)
    return rule


def _show_why(session: Session, rule: Rule, explanation: Explanation) -> None:
    names = check_codes(session, rule)
    version = f"，規則第 {explanation.version} 版" if explanation.version is not None else ""
    verdict = "在分群內" if explanation.is_in else "不在分群內"
    click.echo(f"{explanation.number} {verdict}（截至 {shown_moment(explanation.as_of)}{version}）")
    click.echo(f"條件：{describe(rule, CHINESE, names)}")
    for answer in explanation.answers:
        mark = "✓" if answer.holds else "✗"
        deciding = "（決定因素）" if answer.is_deciding else ""
        click.echo(f"{mark} {describe_answer(answer, CHINESE, names)}{deciding}")


def _member_row(member: ListedMember) -> tuple[Cell, ...]:
    return (
        member.number,
        in_language(member.tier, CHINESE),
        member.points,
        member.purchases,
        str(member.first_on) if member.first_on else None,
        str(member.last_on) if member.last_on else None,
        member.net_twd,
        "是" if member.is_reachable else "否",
    )
