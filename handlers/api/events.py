"""Browse events: what members look at in a web shop (B-02, B-09)."""

from flask import g
from flask_openapi.blueprint import APIBlueprint

from handlers.api.declaring import declare
from handlers.api.door import LOOKUPS
from handlers.api.schemas.base import USUAL_ITEMS
from handlers.api.schemas.events import EventsAsked, EventsKept, EventsTold, EventTold
from handlers.api.schemas.members import MemberPath
from handlers.api.tags import EVENTS
from models.api_key import READ_MEMBERS, WRITE_EVENTS
from models.browse_event import keep_looks, list_looks
from models.member import NoSuchMember, get_member_by_number


def keep_events(body: EventsAsked) -> EventsKept:
    """Tell what people looked at, up to 500 events at once.

    Kept are only events of members who allow marketing, for 180 days; when they no longer allow
    it, all are deleted. An event told again is kept once by `source` and `id`.
    """
    noted = keep_looks(g.session, body.source, [event.look() for event in body.events], g.now)
    return EventsKept(kept=noted.kept, known=noted.known, ignored=noted.ignored)


def list_member_events(path: MemberPath) -> EventsTold:
    """List what a member looked at last, where they allow marketing."""
    member = get_member_by_number(g.session, path.number)
    return EventsTold(
        items=[
            EventTold(
                source=look.source,
                id=look.event_id,
                kind=look.kind,  # type: ignore[arg-type]  # The table's CHECK knows the kinds.
                sku=look.sku,
                category=look.category,
                path=look.path,
                occurred_at=look.occurred_at,
            )
            for look in list_looks(g.session, member.id, limit=USUAL_ITEMS)
        ]
    )


def add_routes(blueprint: APIBlueprint) -> None:
    """Add the addresses of events."""
    declare(
        blueprint,
        "POST",
        "/events",
        keep_events,
        tag=EVENTS,
        scope=WRITE_EVENTS,
        answers={200: EventsKept},
    )
    declare(
        blueprint,
        "GET",
        "/members/<number>/events",
        list_member_events,
        tag=EVENTS,
        scope=READ_MEMBERS,
        answers={200: EventsTold},
        refusals=(NoSuchMember,),
        limit=LOOKUPS,
    )
