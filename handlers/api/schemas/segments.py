"""Segments: rules over members that are kept in versions, their sizes, members, and reasons."""

from datetime import date
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from handlers.api.schemas.base import Asked, Moment, Page, PageAsked, Told, WholeNumber
from handlers.api.schemas.members import NUMBER, MemberNumber
from models.segment.table import LONGEST_CODE, LONGEST_NAME, LONGEST_NOTE

RULE_MARK = "x-segment-rule"
"""Where it stands, the document puts the whole rule language."""
RULE: JsonDict = {
    "schema": 1,
    "where": {
        "all": [
            {"field": "nasld", "is": "any_of", "value": ["nasld:sleep", "nasld:lost"]},
            {"field": "purchases", "is": "at_least", "value": 3, "within_days": 365},
            {"not": {"field": "allows_marketing", "is": "is", "value": False}},
        ]
    },
}
SIZE: JsonDict = {
    "members": 41,
    "reachable": 37,
    "is_estimate": False,
    "low": 41,
    "high": 41,
    "sampled": 0,
    "as_of": "2026-11-22T12:00:00+08:00",
    "freshness": "live",
}
SEGMENT: JsonDict = {
    "code": "sleeping-regulars",
    "name": "沉睡的常客",
    "version": 2,
    "is_archived": False,
    "created_at": "2026-11-01T10:00:00+08:00",
    "last_size": {
        "members": 41,
        "reachable": 37,
        "is_estimate": False,
        "low": 41,
        "high": 41,
        "as_of": "2026-11-22T12:00:00+08:00",
    },
}

SegmentCode = Annotated[
    str,
    StringConstraints(pattern=rf"^[a-z0-9][a-z0-9_-]{{0,{LONGEST_CODE - 1}}}$"),
    Field(description="The segment's own code, which never changes.", examples=["vip-30"]),
]
RuleWords = Annotated[
    dict[str, Any],
    Field(
        description="The rule: see `docs/segments.md`, or `GET /segments/fields`.",
        json_schema_extra={RULE_MARK: True},
    ),
]
Name = Annotated[
    str, StringConstraints(min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00-\x1f]+$")
]
Note = Annotated[
    str,
    StringConstraints(max_length=LONGEST_NOTE, pattern=r"^[^\x00]*$"),
    Field(description="Why; it stays with the version."),
]


class Names(Asked):
    """A name in the shop's languages; Chinese is needed."""

    zh: Annotated[Name, Field(alias="zh-TW")]
    en: Name | SkipJsonSchema[None] = None
    ja: Name | SkipJsonSchema[None] = None

    def by_language(self) -> dict[str, str]:
        """Return the names there are, by language."""
        return self.model_dump(by_alias=True, exclude_none=True)


class SegmentPath(Asked):
    """A segment in an address."""

    code: SegmentCode


class SegmentMemberPath(Asked):
    """A member and a segment in an address."""

    code: SegmentCode
    number: MemberNumber


class SegmentMembersQuery(PageAsked):
    """Which members of a segment."""


class SegmentQuery(Asked):
    """Which version of a segment."""

    version: Annotated[
        int | SkipJsonSchema[None],
        Field(ge=1, le=2**31 - 1, description="The newest, if not told."),
    ] = None


class SegmentAsked(Asked):
    """A segment to keep."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "sleeping-regulars",
                    "name": {"zh-TW": "沉睡的常客", "en": "Sleeping regulars"},
                    "rule": RULE,
                    "note": "檔期前喚回",
                }
            ]
        }
    )

    code: SegmentCode
    name: Names
    rule: RuleWords
    note: Note = ""


class VersionAsked(Asked):
    """A new version of a segment's rule."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"rule": RULE, "made_from": 2}]})

    rule: RuleWords
    made_from: Annotated[
        WholeNumber,
        Field(
            ge=1, description="The version you started from: refused where a newer one is there."
        ),
    ]
    note: Note = ""


class PreviewAskedOfRule(Asked):
    """A rule that is not kept, to see what it would be."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"rule": RULE, "member": NUMBER}]})

    rule: RuleWords
    exact: Annotated[bool, Field(description="Count even where it takes long.", strict=True)] = (
        False
    )
    member: Annotated[
        MemberNumber | SkipJsonSchema[None],
        Field(description="Say of this member too why the rule holds for them, or does not."),
    ] = None


class SizeKept(Told):
    """How many members a segment had when it was last counted."""

    members: int
    reachable: Annotated[int, Field(description="Whom marketing reaches: friends who allow it.")]
    is_estimate: Annotated[bool, Field(description="Whether a sample was asked, not everybody.")]
    low: int
    high: Annotated[int, Field(description="The true number lies between, 19 times of 20.")]
    as_of: Moment


class SizeTold(SizeKept):
    """How many members a rule has now."""

    sampled: Annotated[int, Field(description="So many were asked; 0 where all were.")]
    freshness: Annotated[
        str, Field(description="The oldest of its facts: `live`, `minutes` or `nightly`.")
    ]


class SegmentTold(Told):
    """A segment."""

    model_config = ConfigDict(json_schema_extra={"examples": [SEGMENT]})

    code: str
    name: str
    version: Annotated[int, Field(description="The newest of its rule's versions.")]
    is_archived: bool
    created_at: Moment
    last_size: SizeKept | None


class SegmentsTold(Told):
    """The shop's segments, in the order of their codes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [SEGMENT]}]})

    items: list[SegmentTold]


class SegmentWithRule(SegmentTold):
    """A segment with its rule, in one version, and its size now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                SEGMENT
                | {
                    "shown_version": 2,
                    "rule": RULE,
                    "rule_text": "NASLD 顧客活躍度 是 沈睡客、流失客 其中之一 且 …",
                    "note": "檔期前喚回",
                    "made_by": "owner",
                    "made_at": "2026-11-02T10:00:00+08:00",
                    "size": SIZE,
                }
            ]
        }
    )

    shown_version: int
    rule: dict[str, Any]
    rule_text: Annotated[str, Field(description="The rule as a sentence.")]
    note: str
    made_by: str
    made_at: Moment
    size: SizeTold


class FactTold(Told):
    """One question of a rule: what was asked, what was found, whether it holds and decides."""

    path: Annotated[str, Field(description="Where it stands in the rule: `where.all[0]`.")]
    asked: dict[str, Any]
    found: Annotated[Any, Field(description="The fact; null where nothing is known.")]
    holds: bool
    is_deciding: bool
    freshness: str
    text: Annotated[str, Field(description="All of it as a sentence.")]


class WhyTold(Told):
    """Why a member is in a segment or not: the facts, the rule's version, the moment."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": NUMBER,
                    "is_in": True,
                    "as_of": "2026-11-22T12:00:00+08:00",
                    "version": 2,
                    "gone": None,
                    "rule_text": "購買次數 ≥ 3次",
                    "answers": [
                        {
                            "path": "where",
                            "asked": {"field": "purchases", "is": "at_least", "value": 3},
                            "found": 7,
                            "holds": True,
                            "is_deciding": True,
                            "freshness": "live",
                            "text": "購買次數 ≥ 3次（實際：7次）",
                        }
                    ],
                }
            ]
        }
    )

    number: str
    is_in: bool
    as_of: Moment
    version: Annotated[int | None, Field(description="Null for a rule that is not kept.")]
    gone: Annotated[str | None, Field(description="`erased` or `merged`: in no segment any more.")]
    rule_text: str
    answers: list[FactTold]


class RulePreviewTold(Told):
    """What a rule would be."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"rule_text": "購買次數 ≥ 3次", "size": SIZE, "why": None}]}
    )

    rule_text: str
    size: SizeTold
    why: WhyTold | None


class SegmentMemberTold(Told):
    """One member of a segment, by number, with what marketers weigh."""

    number: str
    tier: str
    points: int
    purchases: int
    first_on: date | None
    last_on: date | None
    net_twd: int
    is_reachable: bool


class SegmentMembersTold(Page):
    """A page of a segment's members, in the order in which they joined."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "number": NUMBER,
                            "tier": "銀卡會員",
                            "points": 120,
                            "purchases": 7,
                            "first_on": "2025-03-01",
                            "last_on": "2026-08-30",
                            "net_twd": 2_450,
                            "is_reachable": True,
                        }
                    ],
                    "as_of": "2026-11-22T12:00:00+08:00",
                    "next": None,
                }
            ]
        }
    )

    items: list[SegmentMemberTold]
    as_of: Moment


class FieldsTold(Told):
    """What a rule may ask: every field with its operators, options and choices in this shop."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "field": "purchases",
                            "topic": "purchase",
                            "topic_name": "購買",
                            "name": "購買次數",
                            "kind": "integer",
                            "operators": ["is", "at_least"],
                            "unit": "次",
                            "freshness": "live",
                            "choices": None,
                            "options": [
                                {
                                    "name": "within_days",
                                    "label": "最近幾天內",
                                    "kind": "integer",
                                    "many": False,
                                    "required": False,
                                    "choices": None,
                                }
                            ],
                        }
                    ]
                }
            ]
        }
    )

    items: list["FieldTold"]


class ChoiceTold(Told):
    """One of the values there are."""

    code: str
    name: str


class OptionTold(Told):
    """What narrows a field."""

    name: str
    label: str
    kind: str
    many: bool
    required: bool
    choices: list[ChoiceTold] | None


class FieldTold(Told):
    """One thing a rule may ask of a member."""

    field: str
    topic: str
    topic_name: str
    name: str
    kind: Annotated[str, Field(description="`integer`, `boolean`, `code`, `text` or `day`.")]
    operators: list[str]
    unit: str | None
    freshness: str
    choices: list[ChoiceTold] | None
    options: list[OptionTold]
