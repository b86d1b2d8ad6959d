"""Campaigns by API key: keeping drafts, confirming and steering them, and what became of them.

Who approves is a person, never a key: that step is the command's and the console's.
"""

from collections.abc import Callable

from flask import g
from flask_openapi.blueprint import APIBlueprint

from handlers.api.answering import Answer
from handlers.api.campaign_telling import (
    tell_campaign,
    tell_preview,
    tell_report,
    tell_run,
    tell_whole,
)
from handlers.api.cursors import read_cursor, write_cursor
from handlers.api.declaring import declare
from handlers.api.door import LOOKUPS, caller
from handlers.api.schemas.campaigns import (
    CampaignAsked,
    CampaignChanged,
    CampaignCloneAsked,
    CampaignMemberPath,
    CampaignPath,
    CampaignPreviewTold,
    CampaignReportTold,
    CampaignRunsTold,
    CampaignsQuery,
    CampaignsTold,
    CampaignTestAsked,
    CampaignTestTold,
    CampaignTold,
    CampaignWithContent,
    GotAllTold,
    GotTold,
    RecipientsQuery,
    RecipientsTold,
    RecipientTold,
    ReportQuery,
    RunPath,
)
from handlers.api.segments import RULE_REFUSALS
from handlers.api.tags import CAMPAIGNS
from models.api_key import READ_CAMPAIGNS, SEND_CAMPAIGNS, WRITE_CAMPAIGNS
from models.campaign import (
    Campaign,
    CampaignExists,
    CampaignRefused,
    CannotTest,
    EmptyAudience,
    NoSuchCampaign,
    NotInThisState,
    NotTheirCampaign,
    ScheduleInPast,
    add_campaign,
    change_campaign,
    clone_campaign,
    foresee_held_back,
    get_campaign,
    list_campaigns,
    preview_campaign,
    send_test,
)
from models.campaign.steering import (
    cancel_campaign,
    pause_campaign,
    resume_campaign,
    send_back,
    submit_campaign,
)
from models.content.refusals import (
    AddressRefused,
    BracesRefused,
    ContentCodeUnknown,
    ContentCount,
    ContentKeyUnknown,
    ContentTextRefused,
    ContentTooLarge,
    NotContent,
    SurveyNotLast,
    UnknownTemplate,
    UnknownVariable,
)
from models.insight import list_runs, report_of_campaign
from models.insight.recipients import list_recipients
from models.member import NoSuchMember, get_member_by_number
from models.segment.table import NoSuchSegment, SegmentArchived
from models.sending import CampaignRun, NoSuchRun, find_recipient

CONTENT_REFUSALS = (
    NotContent,
    ContentKeyUnknown,
    ContentCount,
    UnknownTemplate,
    ContentTextRefused,
    UnknownVariable,
    BracesRefused,
    AddressRefused,
    ContentCodeUnknown,
    ContentTooLarge,
    SurveyNotLast,
)
AUDIENCE_REFUSALS = (NoSuchSegment, SegmentArchived)
DRAFT_REFUSALS = (
    *CONTENT_REFUSALS,
    *AUDIENCE_REFUSALS,
    *RULE_REFUSALS,
    CampaignRefused,
    ScheduleInPast,
)
STEP_REFUSALS = (NoSuchCampaign, NotInThisState, NotTheirCampaign)
URL = "/api/v1/campaigns"
LIST = "campaign-recipients"


def list_all_campaigns(query: CampaignsQuery) -> CampaignsTold:
    """List the newest campaigns, of one state where told."""
    found = list_campaigns(g.session, states=(query.state,) if query.state else ())
    return CampaignsTold(items=[CampaignTold(**tell_campaign(each)) for each in found])


def get_one_campaign(path: CampaignPath) -> CampaignWithContent:
    """Read a campaign with all that it says."""
    return tell_whole(get_campaign(g.session, path.code))


def create_campaign(body: CampaignAsked) -> Answer:
    """Keep a campaign as a draft. Nothing is sent before it is submitted."""
    campaign = add_campaign(g.session, body.code, body.told(), by=_who(), now=g.now)
    return Answer(tell_whole(campaign), location=f"{URL}/{campaign.code}")


def change_one_campaign(path: CampaignPath, body: CampaignChanged) -> CampaignWithContent:
    """Change a draft; what is not told stays. What was submitted is changed by a clone."""
    return tell_whole(change_campaign(g.session, path.code, body.told(), by=_who(), now=g.now))


def clone_one_campaign(path: CampaignPath, body: CampaignCloneAsked) -> Answer:
    """Keep a draft that says what another campaign says."""
    campaign = clone_campaign(g.session, path.code, body.code, by=_who(), now=g.now)
    return Answer(tell_whole(campaign), location=f"{URL}/{campaign.code}")


def preview_one_campaign(path: CampaignPath) -> CampaignPreviewTold:
    """Count who would get it now, who is held out or skipped, what it costs, what is left."""
    preview = preview_campaign(g.session, path.code, g.now)
    return tell_preview(preview, foresee_held_back(g.session, path.code, preview, g.now))


def test_one_campaign(path: CampaignPath, body: CampaignTestAsked) -> CampaignTestTold:
    """Send it to a few members alone, marked as a test; nobody gets a coupon by it."""
    ids = [get_member_by_number(g.session, number).id for number in body.members]
    return CampaignTestTold(
        messages=len(send_test(g.session, path.code, ids, by=_who(), now=g.now))
    )


def submit_one_campaign(path: CampaignPath) -> CampaignPreviewTold:
    """Confirm a draft as its preview shows it.

    It is scheduled; above the shop's limit of receivers it waits until a person has approved it.
    """
    return tell_preview(submit_campaign(g.session, path.code, by=_who(), now=g.now))


def pause_one_campaign(path: CampaignPath) -> CampaignWithContent:
    """Begin nothing more of a campaign until it is resumed."""
    return _step(pause_campaign, path)


def resume_one_campaign(path: CampaignPath) -> CampaignWithContent:
    """Go on with a paused campaign; where its budget stopped it, a person does that."""
    return _step(resume_campaign, path)


def cancel_one_campaign(path: CampaignPath) -> CampaignWithContent:
    """End a campaign: nothing more is sent. What was sent stays."""
    return _step(cancel_campaign, path)


def send_back_campaign(path: CampaignPath) -> CampaignWithContent:
    """Make a campaign a draft again, before anything of it was sent."""
    return _step(send_back, path)


def list_campaign_runs(path: CampaignPath) -> CampaignRunsTold:
    """List a campaign's sendings, each with its proof.

    Everybody planned is accepted, skipped, refused or unknown, and nothing else.
    """
    campaign = get_campaign(g.session, path.code)
    return CampaignRunsTold(items=[tell_run(run) for run in list_runs(g.session, campaign)])


def list_run_recipients(path: RunPath, query: RecipientsQuery) -> RecipientsTold:
    """List everybody who was in a sending and what became of them, page by page."""
    run = _run_of(path)
    last = read_cursor(f"{LIST}:{run.id}", query.cursor)
    found = list_recipients(
        g.session,
        run.id,
        after_id=last[0] if last else 0,
        limit=query.limit + 1,
        state=query.state,
    )
    shown = found[: query.limit]
    is_more = len(found) > len(shown)
    return RecipientsTold(
        items=[RecipientTold.model_validate(each, from_attributes=True) for each in shown],
        next=write_cursor(f"{LIST}:{run.id}", shown[-1].member_id) if is_more else None,
    )


def find_campaign_recipient(path: CampaignMemberPath) -> GotAllTold:
    """Say what a member got of a campaign, or why not."""
    campaign = get_campaign(g.session, path.code)
    member = get_member_by_number(g.session, path.number)
    return GotAllTold(
        items=[
            GotTold.model_validate(
                {
                    "run": got.run_id,
                    **{
                        name: getattr(got, name)
                        for name in ("slot", "variant", "channel", "state", "reason")
                    },
                    "request_id": got.request_id,
                    "at": got.at,
                }
            )
            for got in find_recipient(g.session, member.id)
            if got.campaign_id == campaign.id
        ]
    )


def report_one_campaign(path: CampaignPath, query: ReportQuery) -> CampaignReportTold:
    """Report what came of a campaign: outcomes, clicks, sales, cost, blocks, lift.

    Where too little is known, the verdict is `not_enough`.
    """
    campaign = get_campaign(g.session, path.code)
    report = report_of_campaign(g.session, campaign, g.now, run_id=query.run)
    return tell_report(report)


def _step(step: Callable[..., Campaign], path: CampaignPath) -> CampaignWithContent:
    return tell_whole(step(g.session, path.code, by=_who(), now=g.now))


def _run_of(path: RunPath) -> CampaignRun:
    """Return a campaign's run. Raises NoSuchCampaign, NoSuchRun."""
    campaign = get_campaign(g.session, path.code)
    run: CampaignRun | None = g.session.get(CampaignRun, path.run)
    if run is None or run.campaign_id != campaign.id:
        raise NoSuchRun(run=path.run)
    return run


def _who() -> str:
    return f"api:{caller().key_id}"


def add_routes(blueprint: APIBlueprint) -> None:
    """Add the campaigns' addresses."""
    _add_reading(blueprint)
    _add_drafting(blueprint)
    _add_sending(blueprint)


def _add_reading(blueprint: APIBlueprint) -> None:
    one, gone = "/campaigns/<code>", (NoSuchCampaign,)
    for rule, view, told, refusals in (
        ("/campaigns", list_all_campaigns, CampaignsTold, ()),
        (one, get_one_campaign, CampaignWithContent, gone),
        (f"{one}/preview", preview_one_campaign, CampaignPreviewTold, gone),
        (f"{one}/runs", list_campaign_runs, CampaignRunsTold, gone),
        (
            f"{one}/runs/<run>/recipients",
            list_run_recipients,
            RecipientsTold,
            (*gone, NoSuchRun, "bad_cursor"),
        ),
        (
            f"{one}/members/<number>",
            find_campaign_recipient,
            GotAllTold,
            (*gone, NoSuchMember),
        ),
        (f"{one}/report", report_one_campaign, CampaignReportTold, (*gone, NoSuchRun)),
    ):
        declare(
            blueprint,
            "GET",
            rule,
            view,
            tag=CAMPAIGNS,
            scope=READ_CAMPAIGNS,
            answers={200: told},
            refusals=refusals,
            limit=LOOKUPS,
        )


def _add_drafting(blueprint: APIBlueprint) -> None:
    one = "/campaigns/<code>"
    declare(
        blueprint,
        "POST",
        "/campaigns",
        create_campaign,
        tag=CAMPAIGNS,
        scope=WRITE_CAMPAIGNS,
        answers={201: CampaignWithContent},
        refusals=(*DRAFT_REFUSALS, CampaignExists, NotTheirCampaign),
    )
    declare(
        blueprint,
        "PATCH",
        one,
        change_one_campaign,
        tag=CAMPAIGNS,
        scope=WRITE_CAMPAIGNS,
        answers={200: CampaignWithContent},
        refusals=(*DRAFT_REFUSALS, *STEP_REFUSALS),
    )
    declare(
        blueprint,
        "POST",
        f"{one}/clone",
        clone_one_campaign,
        tag=CAMPAIGNS,
        scope=WRITE_CAMPAIGNS,
        answers={201: CampaignWithContent},
        refusals=(
            *DRAFT_REFUSALS,
            NoSuchCampaign,
            CampaignExists,
            NotTheirCampaign,
        ),
    )


def _add_sending(blueprint: APIBlueprint) -> None:
    one = "/campaigns/<code>"
    declare(
        blueprint,
        "POST",
        f"{one}/test",
        test_one_campaign,
        tag=CAMPAIGNS,
        scope=SEND_CAMPAIGNS,
        answers={200: CampaignTestTold},
        refusals=(NoSuchCampaign, NoSuchMember, CannotTest, CampaignRefused, NotTheirCampaign),
    )
    declare(
        blueprint,
        "POST",
        f"{one}/submit",
        submit_one_campaign,
        tag=CAMPAIGNS,
        scope=SEND_CAMPAIGNS,
        answers={200: CampaignPreviewTold},
        refusals=(*DRAFT_REFUSALS, *STEP_REFUSALS, EmptyAudience),
    )
    for name, view in (
        ("pause", pause_one_campaign),
        ("resume", resume_one_campaign),
        ("cancel", cancel_one_campaign),
        ("send-back", send_back_campaign),
    ):
        declare(
            blueprint,
            "POST",
            f"{one}/{name}",
            view,
            tag=CAMPAIGNS,
            scope=SEND_CAMPAIGNS,
            answers={200: CampaignWithContent},
            refusals=STEP_REFUSALS,
        )
