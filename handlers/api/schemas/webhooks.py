"""Endpoints that hear of events, and what became of each delivery."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from handlers.api.schemas.base import Asked, Moment, Page, PageAsked, PathId, Told
from models.webhook import EVENT_TYPES, LONGEST_DESCRIPTION, MOST_ENDPOINTS

EventType = Literal[
    "member.joined",
    "tier.changed",
    "points.changed",
    "coupon.redeemed",
    "coupon.redemption_cancelled",
]
Address = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2000, pattern=r"^[!-~]+$"),
    Field(
        description="https, on the public internet, without user name or fragment.",
        examples=["https://pos.example/hooks"],
    ),
]
Description = Annotated[
    str, StringConstraints(max_length=LONGEST_DESCRIPTION, pattern=r"^[^\x00]*$")
]
ENDPOINT: JsonDict = {
    "id": 3,
    "url": "https://pos.example/hooks",
    "description": "後台系統",
    "events": ["points.changed", "tier.changed"],
    "state": "active",
    "disabled_because": None,
    "failures": 0,
    "failing_since": None,
    "delivered_at": "2026-11-22T12:00:01+08:00",
    "both_secrets_until": None,
    "created_at": "2026-11-01T10:00:00+08:00",
}
DELIVERY: JsonDict = {
    "id": 981,
    "endpoint_id": 3,
    "event_id": "evt_5f0c6b0e6d8c4b3c9e8f3a1d2b4c6e70",
    "type": "points.changed",
    "state": "failed",
    "tries": 12,
    "status": 500,
    "reason": "http_500",
    "created_at": "2026-11-22T12:00:00+08:00",
    "next_try_at": None,
    "settled_at": "2026-11-25T12:00:00+08:00",
}
EVENT: JsonDict = {
    "id": "evt_5f0c6b0e6d8c4b3c9e8f3a1d2b4c6e70",
    "type": "points.changed",
    "version": 1,
    "occurred_at": "2026-11-22T04:00:00.000Z",
    "data": {"member_number": "821044173", "points": 4, "balance": 34},
}


class EndpointAsked(Asked):
    """An address that wants to hear of events."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "url": "https://pos.example/hooks",
                    "events": ["points.changed", "tier.changed"],
                    "description": "後台系統",
                }
            ]
        }
    )

    url: Address
    events: Annotated[
        list[EventType],
        Field(
            default_factory=lambda: list(EVENT_TYPES),
            min_length=1,
            max_length=len(EVENT_TYPES),
            description="Which events; all where left out.",
        ),
    ]
    description: Annotated[Description, Field(description="For people, to tell it apart.")] = ""


class EndpointChange(Asked):
    """Whether an endpoint hears of events."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"state": "disabled"}]})

    state: Literal["active", "disabled"]


class ReplayAsked(Asked):
    """From when on failed deliveries are sent again."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"since": "2026-11-22T00:00:00+08:00"}]}
    )

    since: Annotated[Moment, Field(description="When they were first owed, at the earliest.")]


class EndpointPath(Asked):
    """Which endpoint."""

    endpoint_id: PathId


class DeliveryPath(Asked):
    """Which delivery."""

    delivery_id: PathId


class DeliveriesQuery(PageAsked):
    """Which deliveries."""

    endpoint_id: Annotated[
        PathId | SkipJsonSchema[None], Field(description="Only those of one endpoint.")
    ] = None
    state: Annotated[
        Literal["waiting", "delivered", "failed"] | SkipJsonSchema[None],
        Field(description="Only those in one state."),
    ] = None


class EndpointTold(Told):
    """An endpoint as it stands."""

    model_config = ConfigDict(json_schema_extra={"examples": [ENDPOINT]})

    id: int
    url: str
    description: str
    events: list[str]
    state: Literal["active", "disabled"]
    disabled_because: Annotated[
        Literal["by_hand", "gone", "failing"] | None,
        Field(description="`gone`: it answered 410; `failing`: three days without a success."),
    ]
    failures: Annotated[int, Field(description="How many tries in a row have failed.")]
    failing_since: Moment | None
    delivered_at: Annotated[Moment | None, Field(description="When it last took something.")]
    both_secrets_until: Annotated[
        Moment | None, Field(description="Until then, after a rotation, two secrets sign.")
    ]
    created_at: Moment


class EndpointsTold(Told):
    """All endpoints of the shop."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [ENDPOINT]}]})

    items: Annotated[list[EndpointTold], Field(max_length=MOST_ENDPOINTS)]


class SecretTold(Told):
    """What an endpoint's events are signed with now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"secret": "whsec_bmV2ZXIgdXNlIHRoaXMgb25lLCBpdCBpcyBrbm93bg=="}]
        }
    )

    secret: Annotated[str, Field(description="`whsec_` and 32 bytes in base64.")]


class DeliveryTold(Told):
    """An event on its way to an endpoint."""

    model_config = ConfigDict(json_schema_extra={"examples": [DELIVERY]})

    id: int
    endpoint_id: int
    event_id: Annotated[str, Field(description="The event's `webhook-id`.")]
    type: str
    state: Literal["waiting", "delivered", "failed"]
    tries: int
    status: Annotated[int | None, Field(description="What the receiver answered last, if at all.")]
    reason: Annotated[
        str | None, Field(description="Why the last try failed: `http_500`, `timeout`, …")
    ]
    created_at: Moment
    next_try_at: Annotated[Moment | None, Field(description="While it waits.")]
    settled_at: Moment | None


class DeliveryWithEvent(DeliveryTold):
    """A delivery with what it brings."""

    model_config = ConfigDict(json_schema_extra={"examples": [DELIVERY | {"event": EVENT}]})

    event: Annotated[dict[str, Any], Field(description="The event's body, as it is sent.")]


class DeliveriesPage(Page):
    """Deliveries, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [DELIVERY], "next": None}]})

    items: list[DeliveryTold]


class ReplayedTold(Told):
    """How many deliveries are sent again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"replayed": 17}]})

    replayed: int
