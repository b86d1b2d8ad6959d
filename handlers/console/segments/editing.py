"""The rule builder: a new segment, a new version of one, and two people who change the same."""

import json
from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue

from handlers.console import form
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.makers import maker_name
from handlers.console.refusals import explain
from handlers.console.segments.links import segment_url
from handlers.console.segments.typed import EMPTY, NAMES, typed_names, typed_rule
from handlers.console.segments.words import rule_words
from handlers.console.views import draft_values, edited_by_others, go, show
from models.base import BusinessError, in_language
from models.draft import drop_draft
from models.segment.keeping import (
    add_segment,
    change_segment,
    get_segment,
    get_version,
    rename_segment,
    rule_of,
)
from models.segment.refusals import RuleRefused
from models.segment.table import (
    LONGEST_CODE,
    LONGEST_NOTE,
    Segment,
    SegmentChanged,
    SegmentExists,
    SegmentVersion,
)

NEW = "segment:new"
"""What the draft of a new segment is called."""
FIELDS = (*NAMES.values(), "code", "rule", "note", "made_from")


def show_new() -> ResponseReturnValue:
    """Show the builder for a new segment; `rule` begins it with one that was shown elsewhere."""
    begun = request.args.get("rule")
    draft = None if begun else draft_values(NEW)
    return _show_builder(None, {"rule": begun or EMPTY} | (draft or {}), has_draft=bool(draft))


def add() -> ResponseReturnValue:
    """Keep a new segment; sent twice it is kept once."""
    t = console_texts()
    staff = current_staff()
    code = form.text("code", LONGEST_CODE) or form.page_code("seg")
    try:
        rule = typed_rule()
        add_segment(
            g.session,
            code,
            typed_names(),
            rule,
            by=staff.username,
            now=g.now,
            note=form.text("note", LONGEST_NOTE) or "",
            staff_id=staff.id,
        )
    except SegmentExists as refused:
        if get_version(g.session, code).rule != rule.as_json():
            return _show_again(None, refused)
    except BusinessError as refused:
        return _show_again(None, refused)
    drop_draft(g.session, staff, NEW)
    return go(segment_url(code), t("已儲存分群"))


def show_edit(code: str) -> ResponseReturnValue:
    """Show the builder with a segment's newest rule, or with what this person had not saved."""
    segment = get_segment(g.session, code)
    version = get_version(g.session, code)
    draft = draft_values(draft_name(code))
    return _show_builder(segment, _kept(segment, version) | (draft or {}), has_draft=bool(draft))


def draft_name(code: str) -> str:
    """Return what the draft of a kept segment is called."""
    return f"segment:{code}"


def _kept(segment: Segment, version: SegmentVersion) -> dict[str, Any]:
    """Return the form's fields as they are kept."""
    names = {field: segment.name.get(language, "") for language, field in NAMES.items()}
    rule = json.dumps(version.rule, ensure_ascii=False)
    return names | {"rule": rule, "made_from": version.version}


def change(code: str) -> ResponseReturnValue:
    """Keep a segment's new rule and name; who changed it meanwhile is told, and nothing is lost."""
    t = console_texts()
    staff, segment = current_staff(), get_segment(g.session, code)
    try:
        change_segment(
            g.session,
            code,
            typed_rule(),
            made_from=form.needed_whole("made_from"),
            by=staff.username,
            now=g.now,
            note=form.text("note", LONGEST_NOTE) or "",
            staff_id=staff.id,
        )
        rename_segment(g.session, code, typed_names(), now=g.now, staff_id=staff.id)
    except SegmentChanged as refused:
        return _show_newer(segment, refused)
    except BusinessError as refused:
        return _show_again(segment, refused)
    drop_draft(g.session, staff, draft_name(code))
    return go(segment_url(code), t("已儲存分群"))


def _show_newer(segment: Segment, refused: SegmentChanged) -> ResponseReturnValue:
    """Show what somebody else saved beside what was typed; saving again goes over theirs."""
    newest = get_version(g.session, segment.code)
    typed = {name: request.form.get(name, "") for name in FIELDS}
    return _show_builder(
        segment,
        typed | {"made_from": newest.version},
        status=409,
        notice=explain(console_texts(), refused),
        newer=newest,
        newer_words=rule_words(rule_of(newest)),
        newer_by=maker_name(newest.made_by),
    )


def _show_again(segment: Segment | None, refused: BusinessError) -> ResponseReturnValue:
    """Show the builder with what was typed, and why it was not kept."""
    path = refused.facts.get("path", "") if isinstance(refused, RuleRefused) else ""
    typed = {name: request.form.get(name, "") for name in FIELDS}
    g.session.rollback()
    notice = explain(console_texts(), refused)
    return _show_builder(segment, typed, status=409, notice=notice, wrong_path=path)


def _show_builder(
    segment: Segment | None, values: dict[str, Any], status: int = 200, **context: Any
) -> ResponseReturnValue:
    what = NEW if segment is None else draft_name(segment.code)
    name = None if segment is None else in_language(segment.name, console_texts().language)
    return show(
        "segments/builder",
        status,
        segment=segment,
        name=name,
        values=values,
        what=what,
        others=edited_by_others(what),
        **context,
    )


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of the builder."""
    one = "/segments/of/<code>/edit"
    blueprint.get("/segments/new", right="segments.change")(show_new)
    blueprint.post("/segments/new", right="segments.change")(add)
    blueprint.get(one, right="segments.change")(show_edit)
    blueprint.post(one, right="segments.change")(change)
