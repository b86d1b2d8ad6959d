"""Browse events, as a web shop tells them."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from handlers.api.schemas.base import Asked, LongText, Moment, Text, Told
from handlers.api.schemas.catalogue import Sku
from handlers.api.schemas.members import NUMBER, MemberNumber, Phone
from models.browse_event import MOST_AT_ONCE, Look

Source = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$"),
    Field(
        description="The name of the system that tells us, the same in every call, and in files of"
        " its orders.",
        examples=["shopline"],
    ),
]
Kind = Literal["view", "cart", "checkout", "search"]
EXAMPLE: JsonDict = {
    "id": "evt-90121",
    "number": NUMBER,
    "kind": "view",
    "sku": "MT-L",
    "path": "/tea/mt-l",
    "occurred_at": "2026-11-22T11:58:00+08:00",
}


class EventAsked(Asked):
    """What somebody looked at. Where neither number nor phone is a member's, it is ignored."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: Annotated[Text, Field(description="Your own id of the event; it is kept once.")]
    number: MemberNumber | SkipJsonSchema[None] = None
    phone: Annotated[
        Phone | SkipJsonSchema[None], Field(description="Counts where no number is told.")
    ] = None
    kind: Kind
    sku: Sku | SkipJsonSchema[None] = None
    category: Text | SkipJsonSchema[None] = None
    path: Annotated[
        LongText | SkipJsonSchema[None],
        Field(description="Of the page. What stands behind `?` or `#` is not kept."),
    ] = None
    occurred_at: Moment

    def look(self) -> Look:
        """Return it as it is kept."""
        return Look(
            event_id=self.id,
            who=self.number or self.phone or "",
            kind=self.kind,
            occurred_at=self.occurred_at,
            sku=self.sku,
            category=self.category,
            path=self.path,
        )


class EventsAsked(Asked):
    """Up to 500 events of one source."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"source": "shopline", "events": [EXAMPLE]}]}
    )

    source: Source
    events: Annotated[list[EventAsked], Field(min_length=1, max_length=MOST_AT_ONCE)]


class EventsKept(Told):
    """What came of them; which of them were ignored is not told."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kept": 1, "known": 0, "ignored": 0}]}
    )

    kept: int
    known: Annotated[int, Field(description="Told before.")]
    ignored: Annotated[
        int,
        Field(description="Of nobody who allows marketing, older than 180 days, or of the future."),
    ]


class EventTold(Told):
    """What a member looked at."""

    source: str
    id: str
    kind: Kind
    sku: str | None
    category: str | None
    path: str | None
    occurred_at: Moment


class EventsTold(Told):
    """The latest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "source": "shopline",
                            "id": "evt-90121",
                            "kind": "view",
                            "sku": "MT-L",
                            "category": None,
                            "path": "/tea/mt-l",
                            "occurred_at": "2026-11-22T11:58:00+08:00",
                        }
                    ]
                }
            ]
        }
    )

    items: list[EventTold]
