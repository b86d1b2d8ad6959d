"""Journeys: their definitions in versions, who is on the way, and the numbers of each step."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from handlers.api.schemas.base import Asked, Moment, Page, PageAsked, Told, WholeNumber
from handlers.api.schemas.members import NUMBER, MemberNumber
from handlers.api.schemas.segments import Names, Note
from models.journey.stepping import LONGEST_ID
from models.journey.table import LONGEST_CODE

DEFINITION: JsonDict = {
    "schema": 1,
    "trigger": {"on": "purchase", "first_only": True},
    "exit_when": ["purchase", "refund"],
    "steps": [
        {"id": "week", "do": "wait", "for": {"days": 7}, "from": "cause", "next": "care"},
        {
            "id": "care",
            "do": "send",
            "content": {
                "schema": 1,
                "messages": [{"type": "text", "text": {"zh-TW": "{name|朋友}，還喜歡嗎？"}}],
            },
            "next": None,
        },
    ],
}
JOURNEY: JsonDict = {
    "code": "first-purchase",
    "name": "首購關懷",
    "state": "active",
    "version": 2,
    "trigger": "消費（只限首購 ✓）",
    "created_at": "2026-11-01T10:00:00+08:00",
    "active_since": "2026-11-02T10:00:00+08:00",
    "visits": {"under_way": 12, "done": 240, "exited": 31, "held_out": 28},
}
NUMBERS: JsonDict = {
    "code": "first-purchase",
    "version": None,
    "visits": {"under_way": 12, "done": 240, "exited": 31, "held_out": 28},
    "exits": {"purchase": 29, "refund": 2},
    "steps": [
        {
            "step": "week",
            "does": "等到觸發後 7 天",
            "came": 283,
            "waiting": 12,
            "set_aside": 0,
            "gone": 271,
            "left_by": {"waited": 240, "purchase": 29, "refund": 2},
        }
    ],
}

JourneyCode = Annotated[
    str,
    StringConstraints(pattern=rf"^[a-z0-9][a-z0-9_-]{{0,{LONGEST_CODE - 1}}}$"),
    Field(description="The journey's own code, which never changes.", examples=["care-7"]),
]
DefinitionWords = Annotated[
    dict[str, Any],
    Field(description="The definition: see `docs/journeys.md`, or `GET /journeys/language`."),
]
Version = Annotated[
    int | SkipJsonSchema[None],
    Field(ge=1, le=2**31 - 1, description="The newest, if not told."),
]


class JourneyPath(Asked):
    """A journey in an address."""

    code: JourneyCode


class JourneyQuery(Asked):
    """Which version of a journey."""

    version: Version = None


class JourneyNumbersQuery(Asked):
    """The numbers of which version."""

    version: Annotated[
        int | SkipJsonSchema[None],
        Field(ge=1, le=2**31 - 1, description="All of them together, if not told."),
    ] = None


class JourneyVisitsQuery(PageAsked):
    """Which visits of a journey."""

    state: (
        Literal["under_way", "done", "exited", "held_out", "set_aside"] | SkipJsonSchema[None]
    ) = None
    step: Annotated[
        str | SkipJsonSchema[None],
        Field(min_length=1, max_length=LONGEST_ID, pattern=r"^[^\x00]*$"),
    ] = None


class JourneyAsked(Asked):
    """A journey to keep."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "first-purchase",
                    "name": {"zh-TW": "首購關懷", "en": "First purchase"},
                    "definition": DEFINITION,
                }
            ]
        }
    )

    code: JourneyCode
    name: Names
    definition: DefinitionWords
    note: Note = ""


class JourneyVersionAsked(Asked):
    """A new version of a journey."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"definition": DEFINITION, "made_from": 2}]}
    )

    definition: DefinitionWords
    made_from: Annotated[
        WholeNumber,
        Field(
            ge=1, description="The version you started from: refused where a newer one is there."
        ),
    ]
    note: Note = ""


class JourneyTryAsked(Asked):
    """A member whom a journey is tried with."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"member": NUMBER}]})

    member: MemberNumber
    version: Version = None


class JourneyTold(Told):
    """A journey, and how many members stand how on it."""

    model_config = ConfigDict(json_schema_extra={"examples": [JOURNEY]})

    code: str
    name: str
    state: Annotated[str, Field(description="`draft`, `active`, `paused` or `archived`.")]
    version: Annotated[int, Field(description="The newest; whoever starts now starts on it.")]
    trigger: Annotated[str, Field(description="What starts it, in words.")]
    created_at: Moment
    active_since: Annotated[
        Moment | None, Field(description="Causes before this moment start nobody.")
    ]
    visits: Annotated[dict[str, int], Field(description="How many visits stand how.")]


class JourneysTold(Told):
    """The journeys that are not archived, in the order of their codes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [JOURNEY]}]})

    items: list[JourneyTold]


class JourneyWithDefinition(JourneyTold):
    """A journey with its definition, in one version."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                JOURNEY
                | {
                    "shown_version": 2,
                    "definition": DEFINITION,
                    "note": "改成七天",
                    "made_by": "marketer",
                    "made_at": "2026-11-02T10:00:00+08:00",
                }
            ]
        }
    )

    shown_version: int
    definition: dict[str, Any]
    note: str
    made_by: str
    made_at: Moment


class JourneyStepTold(Told):
    """One step's numbers (B-16): how many came, wait, and left, by which way or why."""

    step: str
    does: Annotated[
        str | None, Field(description="In words; null of a step that only other versions have.")
    ]
    came: int
    waiting: int
    set_aside: Annotated[int, Field(description="Stand there because the step failed.")]
    gone: int
    left_by: dict[str, int]


class JourneyNumbersTold(Told):
    """How many came to each step, and what became of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [NUMBERS]})

    code: str
    version: Annotated[int | None, Field(description="Null: all versions together.")]
    visits: dict[str, int]
    exits: Annotated[dict[str, int], Field(description="Who left early, by the reason.")]
    steps: list[JourneyStepTold]


class JourneyVisitTold(Told):
    """A member on a journey, for one cause."""

    visit: int
    number: str
    version: int
    state: str
    step: str | None
    due_at: Moment | None
    cause_at: Moment
    started_at: Moment
    ended_at: Moment | None
    reason: Annotated[
        str | None, Field(description="Why it ended early, or which error set it aside.")
    ]


class JourneyVisitsTold(Page):
    """Who is, or was, on a journey, in the order in which they began."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "visit": 812,
                            "number": NUMBER,
                            "version": 2,
                            "state": "under_way",
                            "step": "week",
                            "due_at": "2026-11-29T12:00:00+08:00",
                            "cause_at": "2026-11-22T12:00:00+08:00",
                            "started_at": "2026-11-22T12:01:00+08:00",
                            "ended_at": None,
                            "reason": None,
                        }
                    ],
                    "next": None,
                }
            ]
        }
    )

    items: list[JourneyVisitTold]


class TriedStepTold(Told):
    """One step that would be taken."""

    at: Moment
    step: str
    next: str | None
    why: str
    does: str
    channel: Annotated[str | None, Field(description="Where it would send: `line` or `email`.")]


class JourneyTrialTold(Told):
    """What would happen to a member, and what would keep them from starting; nothing was done."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": NUMBER,
                    "cause_at": "2026-11-22T12:00:00+08:00",
                    "kept_from": [],
                    "state": "done",
                    "reason": None,
                    "steps": [
                        {
                            "at": "2026-11-29T12:00:00+08:00",
                            "step": "care",
                            "next": None,
                            "why": "owed",
                            "does": "發送訊息",
                            "channel": "line",
                        }
                    ],
                }
            ]
        }
    )

    number: str
    cause_at: Annotated[
        Moment | None, Field(description="Their last cause; null where one of now was taken.")
    ]
    kept_from: Annotated[
        list[str],
        Field(
            description="Why they would not start by themselves: `held_out`, `marketing_stopped`, "
            "`was_here`, `no_cause`, `gone`."
        ),
    ]
    state: str
    reason: str | None
    steps: list[TriedStepTold]


class WordTold(Told):
    """A word a trigger or an exit may be told."""

    name: str
    label: str
    kind: str
    required: bool


class SignalTold(Told):
    """A trigger or an exit."""

    code: str
    name: str
    words: list[WordTold]
    facts: Annotated[
        list[str], Field(description="What steps and texts may say of a cause; of triggers alone.")
    ]


class JourneyLanguageTold(Told):
    """What a definition may name: triggers and exits."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "triggers": [
                        {
                            "code": "purchase",
                            "name": "消費",
                            "words": [
                                {
                                    "name": "first_only",
                                    "label": "只限首購",
                                    "kind": "boolean",
                                    "required": False,
                                }
                            ],
                            "facts": ["purchase_id", "purchased_on", "net_twd"],
                        }
                    ],
                    "exits": [{"code": "refund", "name": "該筆已退貨", "words": [], "facts": []}],
                }
            ]
        }
    )

    triggers: list[SignalTold]
    exits: list[SignalTold]
