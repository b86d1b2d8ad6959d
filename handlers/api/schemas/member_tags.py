"""Tags of members: what the shop says of them, from where, and until when."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from handlers.api.schemas.base import Asked, Moment, Told
from handlers.api.schemas.members import MemberNumber

Source = Literal["manual", "rule", "event", "api"]
TagCode = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$"),
    Field(description="The tag's code; `GET /tags` lists them.", examples=["designer-collab"]),
]
HELD: dict[str, Any] = {
    "code": "designer-collab",
    "name": "喜歡設計師聯名",
    "source": "api",
    "detail": "api:3",
    "added_at": "2026-11-22T12:00:00+08:00",
    "expires_at": "2027-01-01T00:00:00+08:00",
}


class TagTold(Told):
    """A tag that can be given."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"code": "designer-collab", "name": "喜歡設計師聯名"}]}
    )

    code: str
    name: str


class TagsTold(Told):
    """The tags in use, in the order of their codes."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"items": [{"code": "designer-collab", "name": "喜歡設計師聯名"}]}]
        }
    )

    items: list[TagTold]


class MemberTagTold(Told):
    """A tag of a member, from one source."""

    model_config = ConfigDict(json_schema_extra={"examples": [HELD]})

    code: str
    name: str
    source: Annotated[
        Source, Field(description="By hand, by a segment (`rule`), by an event, or by the API.")
    ]
    detail: Annotated[
        str, Field(description="The source in full, such as `event:cart` or `rule:new-this-month`.")
    ]
    added_at: Moment
    expires_at: Annotated[
        Moment | None, Field(description="From then on it no longer counts; null where it stays.")
    ]


class MemberTagsTold(Told):
    """A member's tags of now; one that several sources gave stands there for each."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [HELD]}]})

    items: list[MemberTagTold]


class TagGiven(Asked):
    """The tag to give, and its end."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"code": "designer-collab", "expires_at": "2027-01-01T00:00:00+08:00"}]
        }
    )

    code: TagCode
    expires_at: Annotated[
        Moment | SkipJsonSchema[None],
        Field(description="From then on it no longer counts; left out, it stays."),
    ] = None


class MemberTagPath(Asked):
    """A tag of a member, in an address."""

    number: MemberNumber
    code: TagCode


class TagTaken(Told):
    """What came of taking a tag off."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"taken": 1}]})

    taken: Annotated[int, Field(description="From how many sources they had it.")]
