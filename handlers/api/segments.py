"""Segments: keeping rules in versions, asking how many they have, whom, and why.

They are the whole shop's, whichever store the key belongs to. Members are told by number alone.
"""

from flask import g
from flask_openapi.blueprint import APIBlueprint
from limits import RateLimitItemPerMinute

from handlers.api.answering import Answer, Download, describe_download
from handlers.api.calls import language
from handlers.api.cursors import read_cursor, write_cursor
from handlers.api.declaring import declare
from handlers.api.door import LOOKUPS, caller
from handlers.api.schemas.segments import (
    FieldsTold,
    FieldTold,
    PreviewAskedOfRule,
    RulePreviewTold,
    SegmentAsked,
    SegmentMemberPath,
    SegmentMembersQuery,
    SegmentMembersTold,
    SegmentMemberTold,
    SegmentPath,
    SegmentQuery,
    SegmentsTold,
    SegmentTold,
    SegmentWithRule,
    SizeKept,
    SizeTold,
    VersionAsked,
    WhyTold,
)
from handlers.api.tags import SEGMENTS
from handlers.csv_file import written
from models.api_key import READ_SEGMENTS, WRITE_SEGMENTS
from models.base import in_language
from models.member import NoSuchMember, get_member_by_number
from models.segment import Explanation, Rule, explain_rule, parse_rule, size_of
from models.segment.codes import check_codes
from models.segment.keeping import (
    add_segment,
    change_segment,
    get_segment,
    get_version,
    list_segments,
    rule_of,
)
from models.segment.listing import HEADINGS, ListedMember, export_segment, list_members
from models.segment.refusals import (
    EmptyList,
    NoSuchDay,
    NotARule,
    OptionsConflict,
    OutOfRange,
    RuleTooLarge,
    SchemaUnknown,
    TextRefused,
    TooDeep,
    TooManyLeaves,
    TooManyValues,
    UnknownCode,
    UnknownField,
    UnknownKey,
    UnknownOperator,
    UnknownOption,
    WrongType,
)
from models.segment.schema import field_catalogue, told_in
from models.segment.sizing import Size
from models.segment.table import (
    NoSuchSegment,
    Segment,
    SegmentArchived,
    SegmentChanged,
    SegmentExists,
    SegmentRefused,
    SegmentSize,
    TooManySegments,
)
from models.segment.wording import describe, describe_answer

RULE_REFUSALS = (
    NotARule,
    SchemaUnknown,
    RuleTooLarge,
    TooDeep,
    TooManyLeaves,
    TooManyValues,
    EmptyList,
    UnknownKey,
    UnknownField,
    UnknownOperator,
    UnknownOption,
    OptionsConflict,
    WrongType,
    OutOfRange,
    NoSuchDay,
    TextRefused,
    UnknownCode,
)
EXPORTS = RateLimitItemPerMinute(6)
"""Of one key: each reads the whole segment."""
RESERVED = frozenset({"alerts", "analyses", "cross", "fields", "models", "prediction", "rules"})
"""Words that stand in an address where a segment's code would."""
URL = "/api/v1/segments"
LIST = "segment-members"
_CSV = describe_download(
    "UTF-8 with a byte order mark, so that spreadsheets open it as it is.",
    ",".join(HEADINGS) + "\r\n820104417,銀卡會員,120,7,2025-03-01,2026-08-30,2450,是\r\n",
)


def list_all_segments() -> SegmentsTold:
    """List the segments that are not archived, each with its last count."""
    return SegmentsTold(items=[_tell(segment, size) for segment, size in list_segments(g.session)])


def create_segment(body: SegmentAsked) -> Answer:
    """Keep a rule as a segment, with its first version."""
    if body.code in RESERVED:
        raise SegmentRefused(what="code", found=body.code, wanted="another word")
    segment = add_segment(
        g.session,
        body.code,
        body.name.by_language(),
        parse_rule(body.rule),
        by=_who(),
        now=g.now,
        note=body.note,
    )
    return Answer(_tell_with_rule(segment), location=f"{URL}/{segment.code}")


def get_one_segment(path: SegmentPath, query: SegmentQuery) -> SegmentWithRule:
    """Read a segment with its rule, the newest version unless told, and that rule's size now."""
    return _tell_with_rule(get_segment(g.session, path.code), query.version)


def add_segment_version(path: SegmentPath, body: VersionAsked) -> Answer:
    """Give a segment a new rule: a version more.

    `made_from` says which version you started from. Where somebody has made a newer one since,
    nothing is overwritten: the call is refused, and `facts` say by whom. The same rule again makes
    no version.
    """
    segment = change_segment(
        g.session,
        path.code,
        parse_rule(body.rule),
        made_from=body.made_from,
        by=_who(),
        now=g.now,
        note=body.note,
    )
    return Answer(_tell_with_rule(segment), location=f"{URL}/{segment.code}")


def preview_segment(body: PreviewAskedOfRule) -> RulePreviewTold:
    """Say what a rule would be: in words, its size now, and why for one member; nothing is kept.

    In a large shop a rule that reads the purchases is told with an interval; `exact` counts it.
    """
    rule = parse_rule(body.rule)
    check_codes(g.session, rule)
    why = None
    if body.member is not None:
        member = get_member_by_number(g.session, body.member)
        why = _tell_why(rule, explain_rule(g.session, rule, member.id, g.now))
    size = size_of(g.session, rule, g.now, exact=body.exact)
    return RulePreviewTold(rule_text=_text(rule), size=_tell_size(size), why=why)


def list_segment_members(path: SegmentPath, query: SegmentMembersQuery) -> SegmentMembersTold:
    """List a segment's members as of now, page by page."""
    rule = rule_of(get_version(g.session, path.code))
    last = read_cursor(f"{LIST}:{path.code}", query.cursor)
    found = list_members(
        g.session, rule, g.now, after_id=last[0] if last else 0, limit=query.limit + 1
    )
    shown = found[: query.limit]
    is_more = len(found) > len(shown)
    return SegmentMembersTold(
        items=[_tell_member(member) for member in shown],
        as_of=g.now,
        next=write_cursor(f"{LIST}:{path.code}", shown[-1].member_id) if is_more else None,
    )


def explain_segment_member(path: SegmentMemberPath) -> WhyTold:
    """Say why a member is in a segment, or not: the deciding facts, as of now."""
    version = get_version(g.session, path.code)
    member = get_member_by_number(g.session, path.number)
    rule = rule_of(version)
    explanation = explain_rule(g.session, rule, member.id, g.now, version=version.version)
    return _tell_why(rule, explanation)


def export_segment_members(path: SegmentPath) -> Download:
    """Export all members of a segment as CSV: numbers and figures, no names, no phones.

    That somebody took them is noted in the audit.
    """
    return Download(written(export_segment(g.session, path.code, g.now)), f"{path.code}.csv")


def list_segment_fields() -> FieldsTold:
    """List what a rule may ask: each field with its operators, options and choices."""
    spoken = language()
    fields = [told_in(field, spoken, blank="") for field in field_catalogue(g.session)]
    return FieldsTold(items=[FieldTold.model_validate(field) for field in fields])


def _who() -> str:
    return f"api:{caller().key_id}"


def _text(rule: Rule) -> str:
    return describe(rule, language(), check_codes(g.session, rule))


def _tell(segment: Segment, size: SegmentSize | None) -> SegmentTold:
    return SegmentTold(
        code=segment.code,
        name=in_language(segment.name, language()),
        version=segment.version,
        is_archived=segment.archived_at is not None,
        created_at=segment.created_at,
        last_size=SizeKept.model_validate(size, from_attributes=True) if size else None,
    )


def _tell_with_rule(segment: Segment, number: int | None = None) -> SegmentWithRule:
    version = get_version(g.session, segment.code, number)
    rule = rule_of(version)
    told = _tell(segment, g.session.get(SegmentSize, segment.code)).model_dump()
    return SegmentWithRule(
        **told,
        shown_version=version.version,
        rule=rule.as_json(),
        rule_text=_text(rule),
        note=version.note,
        made_by=version.made_by,
        made_at=version.made_at,
        size=_tell_size(size_of(g.session, rule, g.now)),
    )


def _tell_size(size: Size) -> SizeTold:
    return SizeTold.model_validate(size, from_attributes=True)


def _tell_why(rule: Rule, explanation: Explanation) -> WhyTold:
    names = check_codes(g.session, rule)
    return WhyTold.model_validate(
        explanation.as_json()
        | {
            "rule_text": describe(rule, language(), names),
            "answers": [
                answer.as_json() | {"text": describe_answer(answer, language(), names)}
                for answer in explanation.answers
            ],
        }
    )


def _tell_member(member: ListedMember) -> SegmentMemberTold:
    return SegmentMemberTold(
        number=member.number,
        tier=in_language(member.tier, language()),
        points=member.points,
        purchases=member.purchases,
        first_on=member.first_on,
        last_on=member.last_on,
        net_twd=member.net_twd,
        is_reachable=member.is_reachable,
    )


def add_routes(blueprint: APIBlueprint) -> None:
    """Add the segments' addresses."""
    _add_reading(blueprint)
    _add_writing(blueprint)


def _add_reading(blueprint: APIBlueprint) -> None:
    one, read = "/segments/<code>", READ_SEGMENTS
    gone = (NoSuchSegment,)
    declare(
        blueprint,
        "GET",
        "/segments",
        list_all_segments,
        tag=SEGMENTS,
        scope=read,
        answers={200: SegmentsTold},
    )
    declare(
        blueprint,
        "GET",
        "/segments/fields",
        list_segment_fields,
        tag=SEGMENTS,
        scope=read,
        answers={200: FieldsTold},
    )
    declare(
        blueprint,
        "GET",
        one,
        get_one_segment,
        tag=SEGMENTS,
        scope=read,
        answers={200: SegmentWithRule},
        refusals=(*gone, UnknownCode),
        limit=LOOKUPS,
    )
    declare(
        blueprint,
        "GET",
        f"{one}/members",
        list_segment_members,
        tag=SEGMENTS,
        scope=read,
        answers={200: SegmentMembersTold},
        refusals=(*gone, "bad_cursor"),
    )
    declare(
        blueprint,
        "GET",
        f"{one}/members/<number>",
        explain_segment_member,
        tag=SEGMENTS,
        scope=read,
        answers={200: WhyTold},
        refusals=(*gone, NoSuchMember, UnknownCode),
        limit=LOOKUPS,
    )
    declare(
        blueprint,
        "GET",
        f"{one}/export",
        export_segment_members,
        tag=SEGMENTS,
        scope=read,
        answers={200: _CSV},
        refusals=gone,
        limit=EXPORTS,
    )


def _add_writing(blueprint: APIBlueprint) -> None:
    declare(
        blueprint,
        "POST",
        "/segments",
        create_segment,
        tag=SEGMENTS,
        scope=WRITE_SEGMENTS,
        answers={201: SegmentWithRule},
        refusals=(*RULE_REFUSALS, SegmentRefused, SegmentExists, TooManySegments),
    )
    declare(
        blueprint,
        "POST",
        "/segments/<code>/versions",
        add_segment_version,
        tag=SEGMENTS,
        scope=WRITE_SEGMENTS,
        answers={201: SegmentWithRule},
        refusals=(*RULE_REFUSALS, NoSuchSegment, SegmentRefused, SegmentArchived, SegmentChanged),
    )
    declare(
        blueprint,
        "POST",
        "/segments/rules/preview",
        preview_segment,
        tag=SEGMENTS,
        scope=READ_SEGMENTS,
        answers={200: RulePreviewTold},
        refusals=(*RULE_REFUSALS, NoSuchMember),
        limit=LOOKUPS,
        once=False,
    )
