"""Which segments a member is in, and why: every question with what was found (X5)."""

from typing import Any

from flask import g
from flask.typing import ResponseReturnValue

from handlers.console import views
from handlers.console.door import ConsoleDoor, console_texts
from handlers.console.members.who import facts_of, get_shown
from models.segment import describe, explain_rule
from models.segment.codes import names_for
from models.segment.keeping import get_segment, get_version, rule_of
from models.segment.membership import list_segments_of
from models.segment.wording import describe_answer


def show_segments(number: str) -> ResponseReturnValue:
    """Show all segments, those the member is in first."""
    member = get_shown(number)
    found = list_segments_of(g.session, member.id, g.now)
    return views.show(
        "members/segments",
        fragment="members/_segments",
        member=member,
        who=facts_of(member),
        inside=[each.segment for each in found if each.is_in],
        outside=[each.segment for each in found if not each.is_in],
    )


def show_why(number: str, code: str) -> ResponseReturnValue:
    """Show why the member is in a segment, or not."""
    member = get_shown(number)
    return views.show(
        "members/why",
        fragment="members/_why",
        member=member,
        who=facts_of(member),
        segment=get_segment(g.session, code),
        **_reasons(member.id, code),
    )


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the segments of a member and the reasons."""
    see = "members.see"
    blueprint.get("/members/<number>/segments", right=see)(show_segments)
    blueprint.get("/members/<number>/segments/<code>", right=see)(show_why)


def _reasons(member_id: int, code: str) -> dict[str, Any]:
    """Return each question of a segment's rule in words, with whether it holds and decided."""
    language = console_texts().language
    version = get_version(g.session, code)
    rule = rule_of(version)
    names = names_for(g.session, [rule])
    why = explain_rule(g.session, rule, member_id, g.now, version=version.version)
    return {
        "why": why,
        "rule_words": describe(rule, language, names),
        "answers": [(answer, describe_answer(answer, language, names)) for answer in why.answers],
    }
