"""A new member, as a counter tells of them, and what they must be told first."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from handlers.api.schemas.base import Asked, Moment, Text, Told
from handlers.api.schemas.members import NUMBER, MemberNumber, Phone


class ConsentAsked(Asked):
    """The person's own yes, after they were told the notice."""

    notice_version: Annotated[
        Text, Field(description="Of `GET /notice`: what they were told.", examples=["2026-11"])
    ]
    agreed: Annotated[
        Literal[True], Field(description="Say so only where the person did, at the counter.")
    ]


class NewMember(Asked):
    """A person who wants to join."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "phone": "0912345678",
                    "name": "王小明",
                    "consent": {"notice_version": "2026-11", "agreed": True},
                }
            ]
        }
    )

    phone: Phone
    name: Text | SkipJsonSchema[None] = None
    consent: ConsentAsked


class MemberJoined(Told):
    """The new card."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": NUMBER,
                    "joined_at": "2026-11-22T12:00:00+08:00",
                    "join_url": "https://teadays.example/join/TP01",
                }
            ]
        }
    )

    number: MemberNumber
    joined_at: Moment
    join_url: Annotated[
        str,
        Field(description="Show it as a QR code: by it the person has the card in their LINE."),
    ]


class NoticeItem(Told):
    """One of the things the law has us say."""

    title: str
    text: str


class NoticeTold(Told):
    """What a person must be told before we keep anything of them (個資法第 8 條)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": "2026-11",
                    "items": [{"title": "蒐集者", "text": "茶日子有限公司"}],
                }
            ]
        }
    )

    version: str
    items: list[NoticeItem]
