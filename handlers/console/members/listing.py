"""The list of members: found while one types, narrowed by usual questions, or opened by a rule."""

from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue

from handlers.console import paging, views
from handlers.console.door import ConsoleDoor, console_texts, may
from handlers.console.members.asking import USUAL, read_asked
from handlers.console.members.links import members_url
from handlers.console.members.who import FULL, facts_of
from handlers.console.segments.links import builder_url, campaign_to_url, segment_url
from models.base import in_language
from models.lifecycle import NASLD, class_key, get_model
from models.member_list import list_page
from models.member_search import MOST_FOUND, search_members
from models.programme import Programme, get_programme
from models.segment import size_of
from models.tag import Tag, list_tags

LONGEST_TYPED = 80
MOST_TAGS_FOUND = 5
QUIET_DAYS = (30, 60, 90, 180, 365)


def show_list() -> ResponseReturnValue:
    """Show the members a rule has, or all of them, newest first; to our script only more rows."""
    t = console_texts()
    asked = read_asked(t.language)
    page = list_page(
        g.session,
        asked.rule,
        g.now,
        before_id=paging.after_id(),
    )
    return views.show(
        "members/list",
        fragment="members/_rows",
        asked=asked,
        page=page,
        more_url=paging.next_url(after=page.next_id) if page.next_id is not None else None,
        is_begun=paging.after() is not None,
        facts_of=facts_of,
        **_choices(),
        **_found(request.args.get("q", "")),
    )


def show_found() -> ResponseReturnValue:
    """Show who fits what is typed so far."""
    return views.show(
        "members/found",
        fragment="members/_found",
        facts_of=facts_of,
        programme=get_programme(g.session),
        **_found(request.args.get("q", "")),
    )


def show_size() -> ResponseReturnValue:
    """Tell how many members a rule has, and how many of them marketing reaches."""
    asked = read_asked(console_texts().language)
    size = size_of(g.session, asked.rule, g.now) if asked.rule is not None else None
    return views.show("members/size", fragment="members/_size", size=size, asked=asked)


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the list and what fills it."""
    see = "members.see"
    blueprint.get("/members", right=see, endpoint="members_show_list")(show_list)
    blueprint.get("/members/found", right=see)(show_found)
    blueprint.get("/members/size", right=see)(show_size)


def _found(typed: str) -> dict[str, Any]:
    """Return who fits what was typed, and which tags do."""
    typed = typed.strip()[:LONGEST_TYPED]
    found = search_members(g.session, typed, is_masked=not may(FULL)) if typed else []
    return {
        "members_url": members_url,
        "typed": typed,
        "found": found,
        "found_tags": _tags_like(typed) if typed else [],
        "is_full": len(found) >= MOST_FOUND,
    }


def _tags_like(typed: str) -> list[tuple[Tag, dict[str, Any]]]:
    """Return the tags whose name has what was typed, each with the rule of who has it."""
    wanted = typed.casefold()
    like = [
        tag
        for tag in list_tags(g.session)
        if wanted in tag.code or any(wanted in name.casefold() for name in tag.name.values())
    ]
    return [
        (tag, {"schema": 1, "where": {"field": "tag", "is": "any_of", "value": [tag.code]}})
        for tag in like[:MOST_TAGS_FOUND]
    ]


def _choices() -> dict[str, Any]:
    """Return what the list's own questions may be answered with."""
    t, programme = console_texts(), get_programme(g.session)
    return {
        "programme": programme,
        "tiers": _tiers(programme, t.language),
        "classes": [
            (class_key(NASLD, each.code), in_language(each.name, t.language))
            for each in get_model(NASLD).classes
        ],
        "tags": [(tag.code, in_language(tag.name, t.language)) for tag in list_tags(g.session)],
        "quiet_days": QUIET_DAYS,
        "usual": {name: request.args.get(name, "") for name in USUAL},
        "builder_url": builder_url,
        "campaign_to_url": campaign_to_url,
        "segment_url": segment_url,
    }


def _tiers(programme: Programme, language: str) -> list[tuple[str, str]]:
    return [(tier.code, in_language(tier.name, language)) for tier in programme.tiers]
