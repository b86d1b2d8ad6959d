"""Tags of members: what the shop says of them (B-08)."""

from flask import g
from flask_openapi.blueprint import APIBlueprint

from handlers.api.calls import language
from handlers.api.declaring import declare
from handlers.api.door import LOOKUPS, caller
from handlers.api.schemas.member_tags import (
    MemberTagPath,
    MemberTagsTold,
    MemberTagTold,
    TagGiven,
    TagsTold,
    TagTaken,
    TagTold,
)
from handlers.api.schemas.members import MemberPath
from handlers.api.tags import SEGMENTS
from models.api_key import READ_MEMBERS, READ_SEGMENTS, WRITE_MEMBERS, WRITE_SEGMENTS
from models.base import in_language
from models.member import NoSuchMember, get_member_by_number
from models.tag import (
    API_PREFIX,
    Held,
    NoSuchTag,
    TagIsByRule,
    TagRefused,
    TooManyTags,
    get_tag,
    give_tag,
    list_member_tags,
    list_tags,
    take_tag,
)


def list_shop_tags() -> TagsTold:
    """List the tags that can be given."""
    return TagsTold(
        items=[
            TagTold(code=tag.code, name=in_language(tag.name, language()))
            for tag in list_tags(g.session)
        ]
    )


def get_member_tags(path: MemberPath) -> MemberTagsTold:
    """List a member's tags of now, each with its source and its end."""
    member = get_member_by_number(g.session, path.number)
    return MemberTagsTold(
        items=[_tell(held) for held in list_member_tags(g.session, member.id, g.now)]
    )


def add_member_tag(path: MemberPath, body: TagGiven) -> MemberTagTold:
    """Give a member a tag, for good or until a moment.

    Given again by the same key it ends as told last.
    """
    member, tag = get_member_by_number(g.session, path.number), get_tag(g.session, body.code)
    row = give_tag(
        g.session,
        member.id,
        tag,
        source=f"{API_PREFIX}{caller().key_id}",
        now=g.now,
        expires_at=body.expires_at,
    )
    return _tell(Held(tag, row))


def remove_member_tag(path: MemberTagPath) -> TagTaken:
    """Take a tag off a member, whoever gave it.

    One that follows a segment goes with the segment; an event may bring it again.
    """
    member, tag = get_member_by_number(g.session, path.number), get_tag(g.session, path.code)
    return TagTaken(taken=take_tag(g.session, member.id, tag, now=g.now))


def _tell(held: Held) -> MemberTagTold:
    return MemberTagTold(
        code=held.tag.code,
        name=in_language(held.tag.name, language()),
        source=held.row.source.partition(":")[0],  # type: ignore[arg-type]  # One of the four.
        detail=held.row.source,
        added_at=held.row.added_at,
        expires_at=held.row.expires_at,
    )


def add_routes(blueprint: APIBlueprint) -> None:
    """Add the addresses of tags."""
    may_write = (WRITE_MEMBERS, WRITE_SEGMENTS)
    declare(
        blueprint,
        "GET",
        "/tags",
        list_shop_tags,
        tag=SEGMENTS,
        scope=(READ_MEMBERS, READ_SEGMENTS),
        answers={200: TagsTold},
    )
    declare(
        blueprint,
        "GET",
        "/members/<number>/tags",
        get_member_tags,
        tag=SEGMENTS,
        scope=READ_MEMBERS,
        answers={200: MemberTagsTold},
        refusals=(NoSuchMember,),
        limit=LOOKUPS,
    )
    declare(
        blueprint,
        "POST",
        "/members/<number>/tags",
        add_member_tag,
        tag=SEGMENTS,
        scope=may_write,
        answers={201: MemberTagTold},
        refusals=(NoSuchMember, NoSuchTag, TagRefused, TooManyTags),
    )
    declare(
        blueprint,
        "DELETE",
        "/members/<number>/tags/<code>",
        remove_member_tag,
        tag=SEGMENTS,
        scope=may_write,
        answers={200: TagTaken},
        refusals=(NoSuchMember, NoSuchTag, TagIsByRule),
    )
