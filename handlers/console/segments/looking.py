"""The list of segments, and the page of one: its rule, size and versions, and why one is in it."""

from typing import Any

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.address import read_whole
from handlers.console import paging
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.makers import maker_name
from handlers.console.segments.links import campaign_url, segment_url
from handlers.console.segments.uses import told_uses
from handlers.console.segments.words import freshness_words, rules_in_words
from handlers.console.views import go, show
from handlers.csv_file import csv_answer, written
from models.base import in_language
from models.member import NoSuchMember, get_member_by_typed
from models.segment import explain_rule, freshness_of
from models.segment.codes import names_for
from models.segment.keeping import (
    archive_segment,
    get_segment,
    get_version,
    list_segments,
    list_versions,
    newest_versions,
    rule_of,
)
from models.segment.listing import export_segment
from models.segment.table import Segment, SegmentSize
from models.segment.wording import describe_answer

A_PAGE = 60
LONGEST_SEARCH = 60


def show_list() -> ResponseReturnValue:
    """Show the segments by code, those whose name or code has what was typed."""
    asked = request.args.get("q", "").strip()[:LONGEST_SEARCH]
    is_archived = request.args.get("archived") == "1"
    after = paging.after() or ""
    found = [
        (segment, size)
        for segment, size in list_segments(g.session, with_archived=is_archived)
        if (segment.archived_at is not None) == is_archived
        and segment.code > after
        and _has(segment, asked.lower())
    ]
    shown = found[:A_PAGE]
    return show(
        "segments/list",
        fragment="segments/_list",
        rows=_rows(shown),
        asked=asked,
        is_archived=is_archived,
        more=paging.next_url(after=shown[-1][0].code) if len(found) > len(shown) else None,
    )


def _has(segment: Segment, asked: str) -> bool:
    return asked in segment.code or any(asked in name.lower() for name in segment.name.values())


def _rows(found: list[tuple[Segment, SegmentSize | None]]) -> list[dict[str, object]]:
    """Return what the list says of each segment."""
    versions = newest_versions(g.session, [segment.code for segment, _ in found])
    rules = [rule_of(versions[segment.code]) for segment, _ in found]
    return [
        {
            "segment": segment,
            "size": size,
            "version": versions[segment.code],
            "words": words,
            "made_by": maker_name(versions[segment.code].made_by),
            "freshness": freshness_words(freshness_of(rule)),
        }
        for (segment, size), rule, words in zip(found, rules, rules_in_words(rules), strict=True)
    ]


def show_segment(code: str) -> ResponseReturnValue:
    """Show one segment: its newest rule, or that of a version that was asked for."""
    segment = get_segment(g.session, code)
    asked = read_whole(request.args.get("version"))
    version = get_version(g.session, code, asked)
    versions = list_versions(g.session, code)
    words = rules_in_words([rule_of(each) for each in versions])
    return show(
        "segments/segment",
        segment=segment,
        version=version,
        words=words[[each.version for each in versions].index(version.version)],
        versions=[
            {"version": each, "words": said, "made_by": maker_name(each.made_by)}
            for each, said in zip(versions, words, strict=True)
        ],
        freshness=freshness_words(freshness_of(rule_of(version))),
        size=g.session.get(SegmentSize, code),
        send_url=campaign_url(code),
        uses=told_uses(code),
    )


def show_why(code: str) -> ResponseReturnValue:
    """Say why a member is in the segment, or not: each question with what was found."""
    version = get_version(g.session, code)
    typed = request.args.get("member", "").strip()
    context: dict[str, Any] = {"segment": get_segment(g.session, code), "typed": typed}
    try:
        member = get_member_by_typed(g.session, typed)
    except NoSuchMember:
        return show("segments/why", fragment="segments/_why", told=None, **context)
    rule = rule_of(version)
    names, language = names_for(g.session, [rule]), console_texts().language
    told = explain_rule(g.session, rule, member.id, g.now, version=version.version)
    answers = [(answer, describe_answer(answer, language, names)) for answer in told.answers]
    return show(
        "segments/why",
        fragment="segments/_why",
        told=told,
        answers=answers,
        member=member,
        **context,
    )


def archive(code: str) -> ResponseReturnValue:
    """Take a segment off the list, or bring it back."""
    is_archived = request.form.get("back") != "1"
    staff = current_staff()
    segment = archive_segment(
        g.session, code, now=g.now, is_archived=is_archived, staff_id=staff.id
    )
    t = console_texts()
    name = in_language(segment.name, t.language)
    said = t("已封存「{name}」", name=name) if is_archived else t("已恢復「{name}」", name=name)
    home = url_for("console.segments_looking_show_list")
    return go(home if is_archived else segment_url(code), said)


def export(code: str) -> ResponseReturnValue:
    """Send a segment's members as CSV: numbers and figures, no names, no phones; it is noted."""
    rows = export_segment(g.session, code, g.now, staff_id=current_staff().id)
    return csv_answer(written(rows), f"{code}.csv")


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of kept segments."""
    one = "/segments/of/<code>"
    blueprint.get("/segments", right="see")(show_list)
    blueprint.get(one, right="see")(show_segment)
    blueprint.get(f"{one}/why", right="members.see")(show_why)
    blueprint.post(f"{one}/archive", right="segments.change")(archive)
    blueprint.post(f"{one}/export", right="members.export")(export)
