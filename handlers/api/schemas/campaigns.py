"""Campaigns: what they say, their sendings, what became of everybody, and what came of it."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from handlers.api.schemas.base import Asked, Moment, Page, PageAsked, PathId, Told, WholeNumber
from handlers.api.schemas.members import NUMBER, MemberNumber
from handlers.api.schemas.segments import RULE, Names, RuleWords, SegmentCode
from models.campaign.table import (
    LONGEST_CODE,
    MOST_ATTRIBUTION_DAYS,
    MOST_GRACE_MINUTES,
    MOST_HOLDOUT_PERCENT,
)
from models.campaign.trying import MOST_TESTERS

CONTENT: JsonDict = {
    "schema": 1,
    "messages": [{"type": "text", "text": {"zh-TW": "{name|朋友}，雙 12 飲料第二杯半價！"}}],
}
CAMPAIGN: JsonDict = {
    "code": "double-12",
    "name": {"zh-TW": "雙 12 第二杯半價", "en": "Double 12"},
    "segment": "seed-members",
    "content": CONTENT,
    "schedule": {"when": "once", "at": "2026-12-12T11:00"},
    "holdout_percent": 10,
    "budget_twd": 20000,
}
BY_RULE: JsonDict = {
    "code": "miss-you",
    "name": {"zh-TW": "好久不見", "en": "Long time no see"},
    "rule": RULE,
    "content": CONTENT,
    "schedule": {"when": "now"},
}
TOLD: JsonDict = {
    "code": "double-12",
    "name": "雙 12 第二杯半價",
    "state": "scheduled",
    "segment": "seed-members",
    "schedule": {"when": "once", "at": "2026-12-12T11:00"},
    "next_at": "2026-12-12T11:00:00+08:00",
    "created_by": "marketer",
    "created_at": "2026-12-01T15:00:00+08:00",
    "submitted_by": "marketer",
    "approved_by": "owner",
}
WHOLE: JsonDict = {
    **TOLD,
    "kind": "marketing",
    "priority": 50,
    "segment_version": None,
    "rule": None,
    "variants": [{"code": "discount", "share": 100, "content": CONTENT}],
    "metric": "click",
    "stop_rule": None,
    "holdout_percent": 10,
    "grace_minutes": 180,
    "budget_twd": 20000,
    "channel": "line",
    "attribution_days": 7,
}
OUTCOMES: JsonDict = {
    "planned": 214,
    "accepted": 180,
    "skipped": {"holdout": 21, "frequency_cap": 12},
    "refused": {"The user hasn't added the account": 1},
    "unknown": 0,
    "waiting": 0,
}
RUN: JsonDict = {
    "run": 12,
    "slot": "2026-12-12T11:00",
    "state": "finished",
    "send_at": "2026-12-12T11:00:00+08:00",
    "finished_at": "2026-12-12T11:00:09+08:00",
    **OUTCOMES,
    "is_complete": True,
}
GOT: JsonDict = {
    "variant": "discount",
    "channel": "line",
    "state": "accepted",
    "reason": None,
    "request_id": "2f5c8a2e-7b1e-4d6c-9a54-7b0c2f0e8a11",
    "at": "2026-12-12T11:00:02+08:00",
}
REPORT: JsonDict = {
    "code": "double-12",
    "as_of": "2026-12-20T12:00:00+08:00",
    "since": "2026-12-12T11:00:00+08:00",
    "until": "2026-12-19T11:00:09+08:00",
    "is_final": True,
    "attribution_days": 7,
    **OUTCOMES,
    "adds_up": True,
    "channels": {"line": 180},
    "clicks": 66,
    "clickers": 54,
    "taps": 12,
    "tappers": 11,
    "buyers": 48,
    "purchases": 61,
    "net_twd": 7420,
    "message_twd": "36.0",
    "benefit_twd": 900,
    "roas": "7.93",
    "blocks": 1,
    "lift": {
        "treated": 193,
        "treated_buyers": 56,
        "held_out": 21,
        "held_out_buyers": 4,
        "difference": 0.0997,
        "low": -0.1246,
        "high": 0.2251,
        "verdict": "not_enough",
    },
    "metric": "click",
    "variants": [
        {
            "code": "discount",
            "accepted": 180,
            "reacting": 60,
            "buyers": 48,
            "low": 0.27,
            "high": 0.41,
        }
    ],
    "decision": None,
    "line": [
        {
            "unit_name": "c4r12",
            "unique_impressions": 141,
            "unique_clicks": None,
            "read_at": "2026-12-20T09:00:00+08:00",
        }
    ],
}
PREVIEW: JsonDict = {
    "audience": 214,
    "holdout": 21,
    "reachable": 186,
    "messages": 186,
    "emails": 0,
    "arms": [
        {"variant": None, "members": 21, "by_line": 20, "by_email": 0},
        {"variant": "discount", "members": 193, "by_line": 186, "by_email": 0},
    ],
    "free_messages": 186,
    "paid_messages": 0,
    "short": 0,
    "more_twd": "0",
    "left_for_marketing": 5400,
    "needs_approval": False,
    "send_at": "2026-12-12T11:00:00+08:00",
    "until": "2026-12-12T14:00:00+08:00",
    "held_back": [{"reason": "frequency_cap", "members": 12, "is_estimate": False}],
}


def _shown(*examples: JsonDict) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": list(examples)})


CampaignCode = Annotated[
    str,
    StringConstraints(pattern=rf"^[a-z0-9][a-z0-9_-]{{0,{LONGEST_CODE - 1}}}$"),
    Field(description="The campaign's own code, which never changes.", examples=["double-12"]),
]
Json = dict[str, Any]
Content = Annotated[Json, Field(description="What is sent: see `docs/campaigns.md`.")]
Schedule = Annotated[Json, Field(description='Such as `{"when": "now"}`: `docs/campaigns.md`.')]
State = Literal[
    "draft", "waiting_approval", "scheduled", "running", "paused", "finished", "cancelled"
]
Outcome = Literal["accepted", "skipped", "refused", "unknown", "waiting"]
Missing = SkipJsonSchema[None]


class CampaignPath(Asked):
    """A campaign in an address."""

    code: CampaignCode


class RunPath(Asked):
    """A campaign and one of its sendings in an address."""

    code: CampaignCode
    run: PathId


class CampaignsQuery(Asked):
    """Which campaigns."""

    state: State | Missing = None


class ReportQuery(Asked):
    """Of which sending."""

    run: Annotated[PathId | Missing, Field(description="All of the last ones, if not told.")] = None


class RecipientsQuery(PageAsked):
    """Which recipients of a sending."""

    state: Outcome | Missing = None


class _Details(Asked):
    """What a campaign may say of itself beside what it must."""

    segment: SegmentCode | Missing = None
    rule: Annotated[
        RuleWords | Missing, Field(description="Of this campaign alone, in place of a segment.")
    ] = None
    segment_version: Annotated[
        WholeNumber | Missing, Field(ge=1, description="The newest at each sending, if not told.")
    ] = None
    kind: Literal["marketing", "service"] | Missing = None
    priority: Annotated[WholeNumber | Missing, Field(ge=0, le=100)] = None
    metric: Literal["click", "conversion"] | Missing = None
    stop_rule: Annotated[Json | Missing, Field(description="When an A/B test is judged, once.")] = (
        None
    )
    holdout_percent: Annotated[WholeNumber | Missing, Field(ge=0, le=MOST_HOLDOUT_PERCENT)] = None
    grace_minutes: Annotated[WholeNumber | Missing, Field(ge=1, le=MOST_GRACE_MINUTES)] = None
    budget_twd: Annotated[
        WholeNumber | Missing, Field(ge=1, le=100_000_000, description="Of its benefits.")
    ] = None
    channel: Literal["line", "preferred", "email"] | Missing = None
    attribution_days: Annotated[WholeNumber | Missing, Field(ge=1, le=MOST_ATTRIBUTION_DAYS)] = None
    content: Content | Missing = None
    variants: Annotated[
        list[Json] | Missing,
        Field(description="`content` in versions: `[{code, share, content}]`, 8 at most."),
    ] = None

    def told(self) -> Json:
        """Return what was told, as the model reads it."""
        return self.model_dump(exclude_unset=True, exclude={"code", "name"}) | self._named()

    def _named(self) -> Json:
        name: Names | None = getattr(self, "name", None)
        return {} if name is None else {"name": name.by_language()}


class CampaignAsked(_Details):
    """A campaign to keep as a draft: to the members of a segment, or of a rule of its own."""

    model_config = _shown(CAMPAIGN, BY_RULE)

    code: CampaignCode
    name: Names
    schedule: Schedule


class CampaignChanged(_Details):
    """What of a draft is to be another; the rest stays."""

    model_config = _shown({"holdout_percent": 20, "schedule": {"when": "now"}})

    name: Names | Missing = None
    schedule: Schedule | Missing = None


class CampaignCloneAsked(Asked):
    """Under which code to keep a copy."""

    model_config = _shown({"code": "double-12-again"})

    code: CampaignCode


class CampaignTestAsked(Asked):
    """Who gets a test."""

    model_config = _shown({"members": [NUMBER]})

    members: Annotated[list[MemberNumber], Field(min_length=1, max_length=MOST_TESTERS)]


class CampaignTold(Told):
    """A campaign."""

    code: str
    name: str
    state: State
    segment: str
    schedule: Json
    next_at: Annotated[Moment | None, Field(description="The moment of its next sending.")]
    created_by: str
    created_at: Moment
    submitted_by: str | None
    approved_by: str | None


class CampaignWithContent(CampaignTold):
    """A campaign with all that it says."""

    model_config = _shown(WHOLE)

    kind: str
    priority: int
    segment_version: int | None
    rule: Annotated[Json | None, Field(description="Of this campaign alone, if it has one.")]
    variants: list[Json]
    metric: str
    stop_rule: Json | None
    holdout_percent: int
    grace_minutes: int
    budget_twd: int | None
    channel: str
    attribution_days: int


class CampaignsTold(Told):
    """Campaigns, the newest first."""

    model_config = _shown({"items": [TOLD]})

    items: list[CampaignTold]


class CampaignArmTold(Told):
    """How many members one version goes to."""

    variant: Annotated[
        str | None, Field(description="null is held out; `*` what an A/B test will choose.")
    ]
    members: int
    by_line: int
    by_email: int


class HeldBackTold(Told):
    """So many of those it reaches would be skipped now, for one reason."""

    model_config = _shown({"reason": "frequency_cap", "members": 12, "is_estimate": False})

    reason: str
    members: int
    is_estimate: Annotated[bool, Field(description="Of a sample, where very many are reached.")]


class CampaignPreviewTold(Told):
    """One sending as it would be now."""

    model_config = _shown(PREVIEW)

    audience: int
    holdout: int
    reachable: int
    messages: Annotated[int, Field(description="Of LINE's quota.")]
    emails: int
    arms: list[CampaignArmTold]
    free_messages: int
    paid_messages: int
    short: Annotated[int, Field(description="So many would not go: the quota ends before.")]
    more_twd: Annotated[Decimal, Field(description="What it adds to the month's bill.")]
    left_for_marketing: Annotated[int | None, Field(description="null: no limit.")]
    needs_approval: bool
    send_at: Moment | None
    until: Moment | None
    held_back: Annotated[
        list[HeldBackTold],
        Field(description="Who would be skipped as things stand; empty in the answer of a submit."),
    ]


class CampaignTestTold(Told):
    """How many test messages are on their way."""

    model_config = _shown({"messages": 1})

    messages: int


class CampaignRunTold(Told):
    """One sending with what became of everybody: each is counted once."""

    run: int
    slot: str
    state: str
    send_at: Moment
    finished_at: Moment | None
    planned: int
    accepted: int
    skipped: Annotated[dict[str, int], Field(description="By reason; `holdout` among them.")]
    refused: dict[str, int]
    unknown: int
    waiting: int
    is_complete: bool


class CampaignRunsTold(Told):
    """A campaign's sendings, the newest first."""

    model_config = _shown({"items": [RUN]})

    items: list[CampaignRunTold]


class RecipientTold(Told):
    """One member of a sending."""

    number: str
    variant: str | None
    channel: str | None
    state: Outcome
    reason: str | None
    request_id: Annotated[str | None, Field(description="LINE's own, by which LINE finds it.")]
    at: Moment | None


class RecipientsTold(Page):
    """A page of recipients."""

    model_config = _shown({"items": [{"number": NUMBER, **GOT}], "next": None})

    items: list[RecipientTold]


class GotTold(Told):
    """What one member got of one sending."""

    run: int
    slot: str
    variant: str | None
    channel: str | None
    state: Outcome
    reason: str | None
    request_id: str | None
    at: Moment | None


class GotAllTold(Told):
    """What one member got of a campaign."""

    model_config = _shown({"items": [{"run": 12, "slot": "2026-12-12T11:00", **GOT}]})

    items: list[GotTold]


class CampaignMemberPath(Asked):
    """A member and a campaign in an address."""

    code: CampaignCode
    number: MemberNumber


class CampaignLiftTold(Told):
    """Buyers among those it was meant for, less those among the held out."""

    treated: int
    treated_buyers: int
    held_out: int
    held_out_buyers: int
    difference: Annotated[float | None, Field(description="-1 to 1.")]
    low: float
    high: Annotated[float, Field(description="The difference lies between, 19 times of 20.")]
    verdict: Literal["higher", "lower", "not_enough"]


class CampaignVariantTold(Told):
    """One version: how many got it, and what they did."""

    code: str
    accepted: int
    reacting: int
    buyers: int
    low: float
    high: float


class CampaignDecisionTold(Told):
    """How the versions were judged, once."""

    at: Moment
    verdict: str
    chosen: str
    low: float | None
    high: float | None


class CampaignUnitTold(Told):
    """What LINE itself counted; null where LINE does not tell: fewer than 20."""

    unit_name: str
    unique_impressions: int | None
    unique_clicks: int | None
    read_at: Moment


class CampaignReportTold(Told):
    """What came of a campaign."""

    model_config = _shown(REPORT)

    code: str
    as_of: Moment
    since: Moment | None
    until: Moment | None
    is_final: bool
    attribution_days: int
    planned: int
    accepted: int
    skipped: dict[str, int]
    refused: dict[str, int]
    unknown: int
    waiting: int
    adds_up: bool
    channels: dict[str, int]
    clicks: int
    clickers: int
    taps: int
    tappers: int
    buyers: int
    purchases: int
    net_twd: Annotated[int, Field(description="Paid less refunds, last touch.")]
    message_twd: Decimal
    benefit_twd: int
    roas: Annotated[Decimal | None, Field(description="net_twd by all it cost; null: no cost.")]
    blocks: int
    lift: CampaignLiftTold
    metric: str
    variants: list[CampaignVariantTold]
    decision: CampaignDecisionTold | None
    line: list[CampaignUnitTold]
