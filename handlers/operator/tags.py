"""`flask --app app tag …`: the shop's tags, who has which and why, what brings them (B-08)."""

from datetime import datetime

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from handlers.operator.acting import get_actor, in_taipei, shown_moment, working
from handlers.operator.installation import Installation
from handlers.operator.table import print_table
from models.base import in_language
from models.local_day import last_day
from models.member import get_member_by_typed, masked_name, shown_number
from models.tag import (
    BY_OPERATOR,
    BY_STAFF,
    EVENTS,
    WHYS,
    Tag,
    add_trigger,
    archive_tag,
    drop_ended,
    end_triggers,
    get_tag,
    give_tag,
    keep_tag,
    list_member_tags,
    list_tag_history,
    list_tagged,
    list_triggers,
    list_used_tags,
    take_tag,
)
from models.tag.ruling import follow_segment

MOST_LISTED = 100
PART = 1_000
DAY = click.DateTime(["%Y-%m-%d"])
STEPS = {"added": "加上", "extended": "延長", "removed": "移除"}
KINDS = {
    "view": "瀏覽",
    "cart": "加入購物車",
    "checkout": "進入結帳",
    "search": "搜尋",
    "purchase": "購買",
}
ORIGINS = {"manual": "手動", "rule": "分眾", "event": "事件", "api": "API"}


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands about tags."""
    group = AppGroup("tag", help="Words the shop says of members.")
    _add_keeping(group, installation)
    _add_bringing(group, installation)
    _add_giving(group, installation)
    _add_looking(group, installation)
    return group


def _add_keeping(group: AppGroup, installation: Installation) -> None:
    @group.command("add")
    @click.argument("code")
    @click.option("--name", required=True, help="In Chinese, such as 喜歡設計師聯名.")
    @click.option("--en", help="In English.")
    @click.option("--ja", help="In Japanese.")
    @click.option("--about", help="What it means, in Chinese.")
    def add(code: str, name: str, en: str | None, ja: str | None, about: str | None) -> None:
        """Add the tag of CODE, or name it anew; an archived one is in use again."""
        told = {"zh-TW": name, "en": en, "ja": ja}
        names = {language: text for language, text in told.items() if text}
        with working(installation) as session:
            description = {"zh-TW": about} if about is not None else None
            tag = keep_tag(session, code, names, description=description, now=installation.clock())
            click.echo(f"{tag.code}: {_name(tag)}")

    @group.command("archive")
    @click.argument("tag")
    def archive(tag: str) -> None:
        """Take a TAG out of use, and off every member; its history stays."""
        now = installation.clock()
        with working(installation) as session:
            found = get_tag(session, tag)
            archive_tag(session, found, now)
        dropped, gone = 0, PART
        while gone == PART:
            with working(installation) as session:
                gone = drop_ended(session, now, limit=PART)
            dropped += gone
        click.echo(f"{found.code} is archived; {dropped:,} taken off.")

    @group.command("list")
    def list_all() -> None:
        """Print the tags in use: how many members have each, and what brings it."""
        with working(installation) as session:
            rows = [
                (used.tag.code, _name(used.tag), used.members, _brought_by(session, used.tag))
                for used in list_used_tags(session, installation.clock())
            ]
        print_table(("代碼", "名稱", "人數", "如何加上"), rows, "llr")


def _add_bringing(group: AppGroup, installation: Installation) -> None:
    @group.command("follow")
    @click.argument("tag")
    @click.argument("segment", required=False)
    def follow(tag: str, segment: str | None) -> None:
        """Let a TAG follow a SEGMENT from the next night on; without one, none any more."""
        with working(installation) as session:
            found = get_tag(session, tag)
            follow_segment(session, found, segment)
        told = f"follows {segment}" if segment else "follows no segment"
        click.echo(f"{found.code} {told}.")

    @group.command("on")
    @click.argument("tag")
    @click.argument("event", type=click.Choice(EVENTS))
    @click.option("--days", type=int, required=True, help="For so many days after it.")
    @click.option("--sku", help="Only of this item.")
    @click.option("--category", help="Only of this category.")
    @click.option("--until-bought", is_flag=True, help="The next sale takes it away.")
    def on(
        tag: str,
        event: str,
        days: int,
        sku: str | None,
        category: str | None,
        *,
        until_bought: bool,
    ) -> None:
        """Let an EVENT bring a TAG, from now on."""
        with working(installation) as session:
            found = get_tag(session, tag)
            add_trigger(
                session,
                found,
                event,
                days,
                sku=sku,
                category=category,
                ends_with_purchase=until_bought,
                now=installation.clock(),
            )
            click.echo(f"{found.code}: {_brought_by(session, found)}")

    @group.command("off")
    @click.argument("tag")
    def off(tag: str) -> None:
        """Let no event bring a TAG any more; who has it keeps it to its end."""
        with working(installation) as session:
            ended = end_triggers(session, get_tag(session, tag), installation.clock())
        click.echo(f"{ended} ended.")


def _add_giving(group: AppGroup, installation: Installation) -> None:
    by = click.option("--by", help="Who does it, by their login; else the operator.")

    @group.command("give")
    @click.argument("member")
    @click.argument("tag")
    @click.option("--until", type=DAY, help="The first day without it.")
    @by
    def give(member: str, tag: str, until: datetime | None, by: str | None) -> None:
        """Give a MEMBER (number or phone) a TAG (code or Chinese name)."""
        with working(installation) as session:
            staff_id = get_actor(session, by).id if by else None
            row = give_tag(
                session,
                get_member_by_typed(session, member).id,
                get_tag(session, tag),
                source=BY_STAFF if by else BY_OPERATOR,
                now=installation.clock(),
                expires_at=in_taipei(until),
                staff_id=staff_id,
            )
            click.echo(f"{row.tag_code}: {_end(row.expires_at)}")

    @group.command("take")
    @click.argument("member")
    @click.argument("tag")
    @by
    def take(member: str, tag: str, by: str | None) -> None:
        """Take a TAG off a MEMBER, whoever gave it; a segment's goes with the segment."""
        with working(installation) as session:
            taken = take_tag(
                session,
                get_member_by_typed(session, member).id,
                get_tag(session, tag),
                now=installation.clock(),
                staff_id=get_actor(session, by).id if by else None,
            )
        click.echo("Taken off." if taken else "They did not have it.")


def _add_looking(group: AppGroup, installation: Installation) -> None:
    @group.command("show")
    @click.argument("member")
    @click.option("--history", is_flag=True, help="How each came and went, the latest first.")
    def show(member: str, *, history: bool) -> None:
        """Print a MEMBER's tags with their source, since when, and until when."""
        now = installation.clock()
        with working(installation) as session:
            member_id = get_member_by_typed(session, member).id
            if history:
                _show_history(session, member_id)
                return
            rows = [
                (
                    held.tag.code,
                    _name(held.tag),
                    _source(held.row.source),
                    shown_moment(held.row.added_at),
                    _end(held.row.expires_at),
                )
                for held in list_member_tags(session, member_id, now)
            ]
        print_table(("代碼", "名稱", "來源", "加上於", "期限"), rows)

    @group.command("members")
    @click.argument("tag")
    @click.option("--after", "after_id", type=int, default=0, help="Go on after this id.")
    def members(tag: str, after_id: int) -> None:
        """Print the next members who have a TAG."""
        with working(installation) as session:
            found = list_tagged(
                session,
                get_tag(session, tag).code,
                installation.clock(),
                after_id=after_id,
                limit=MOST_LISTED,
            )
            rows = [
                (str(each.id), shown_number(each.number), masked_name(each.name)) for each in found
            ]
        print_table(("序號", "卡號", "姓名"), rows, "r")


def _show_history(session: Session, member_id: int) -> None:
    rows = [
        (
            shown_moment(event.at),
            event.tag_code,
            STEPS[event.what],
            _source(event.source),
            WHYS[event.why],
            _end(event.expires_at),
        )
        for event in list_tag_history(session, member_id, limit=MOST_LISTED)
    ]
    print_table(("時間", "代碼", "異動", "來源", "原因", "期限"), rows)


def _name(tag: Tag) -> str:
    return in_language(tag.name, "zh-TW")


def _source(source: str) -> str:
    """Return a source as a marketer reads it, its own word beside: 事件 event:cart."""
    return f"{ORIGINS[source.partition(':')[0]]} {source}"


def _end(expires_at: datetime | None) -> str:
    return "不限期" if expires_at is None else f"至 {last_day(expires_at)}"


def _brought_by(session: Session, tag: Tag) -> str:
    """Return what brings a tag, in words."""
    parts = [f"符合分眾 {tag.segment_code}"] if tag.segment_code else []
    for trigger in list_triggers(session, tag.code):
        thing = trigger.sku or trigger.category
        of = f"「{thing}」" if thing else ""
        ends = "，購買後移除" if trigger.ends_with_purchase else ""
        parts.append(f"{KINDS[trigger.event]}{of}後 {trigger.days} 天{ends}")
    return "；".join(parts) or "手動或 API"
