"""One campaign as it stands: what it says and to whom, how far it is, what may be done with it."""

from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue

from bot.texts import LANGUAGES
from handlers.console import views
from handlers.console.campaigns.content import draw_sample
from handlers.console.campaigns.part import show_part
from handlers.console.campaigns.words import (
    TONES,
    channel_names,
    detail_names,
    kind_names,
    metric_names,
    said_deed,
    said_detail,
    said_reason,
    said_schedule,
    state_names,
)
from handlers.console.door import ConsoleDoor, console_texts
from handlers.console.makers import maker_name
from handlers.console.members.links import members_url
from handlers.console.segments.links import segment_url
from handlers.console.segments.words import rule_words
from handlers.headers import allow_pictures
from models.campaign import (
    Campaign,
    get_campaign,
    list_changes,
    own_rule,
    window_of,
)
from models.campaign.table import RUNNING, SCHEDULED
from models.insight import list_runs
from models.segment.keeping import get_segment
from models.sending import CampaignRun, progress_of

RUNS_SHOWN = 20
CHANGES_SHOWN = 50
CANCELLABLE = ("draft", "waiting_approval", "scheduled", "running", "paused")


def show_campaign(code: str) -> ResponseReturnValue:
    """Show a campaign: its words on a phone, its audience and time, its sendings and its trail."""
    t, campaign = console_texts(), get_campaign(g.session, code)
    language = request.args.get("in", t.language)
    language = language if language in LANGUAGES else LANGUAGES[0]
    page = views.show(
        "campaigns/campaign",
        campaign=campaign,
        **_whom(campaign),
        variants=[
            each | {"drawn": draw_sample(each["content"], language)} for each in campaign.variants
        ],
        tries=[
            (each["code"], t("只發 {code} 版", code=each["code"])) for each in campaign.variants
        ],
        shown_in=language,
        window=_window(campaign),
        changes=_changes(campaign),
        **_progress(campaign),
        **_words(campaign),
    )
    return allow_pictures(page)


def _whom(campaign: Campaign) -> dict[str, Any]:
    """Return what is said of the audience: the segment, or the conditions made for it alone."""
    rule = own_rule(g.session, campaign)
    if rule is not None:
        return {"own_words": rule_words(rule), "people_url": members_url(rule.as_json())}
    segment = get_segment(g.session, campaign.segment_code)
    return {"segment": segment, "segment_url": segment_url}


def show_progress(code: str) -> ResponseReturnValue:
    """Tell how far the sending is: asked every two seconds while somebody watches.

    Once the campaign is in another state than the open page says, the page is drawn anew.
    """
    campaign = get_campaign(g.session, code)
    if request.args.get("state", campaign.state) != campaign.state:
        return views.reload()
    return show_part("progress", campaign=campaign, **_progress(campaign), **_words(campaign))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add a campaign's own page and its progress."""
    blueprint.get("/campaigns/<code>", right="see")(show_campaign)
    blueprint.get("/campaigns/<code>/progress", right="see")(show_progress)


def _progress(campaign: Campaign) -> dict[str, Any]:
    runs = list_runs(g.session, campaign, limit=RUNS_SHOWN)
    told = progress_of(g.session, [run.id for run in runs])
    return {
        "runs": runs,
        "progress": told,
        "left": {
            run.id: _minutes_left(run, told[run.id].done, told[run.id].waiting) for run in runs
        },
        "is_live": campaign.state in (RUNNING, SCHEDULED)
        or any(run.finished_at is None for run in runs),
    }


def _minutes_left(run: CampaignRun, done: int, waiting: int) -> int | None:
    """Return how many minutes more it takes at the pace until now; None where there is none yet."""
    if run.started_at is None or run.state != "sending" or not done or not waiting:
        return None
    passed: float = (g.now - run.started_at).total_seconds()
    return max(round(passed * waiting / done / 60), 1)


def _window(campaign: Campaign) -> Any:
    slot = campaign.next_slot_at
    return window_of(g.session, campaign, slot) if slot is not None else None


def _changes(campaign: Campaign) -> list[dict[str, Any]]:
    """Return the newest changes, the newest first, each with the details it brought."""
    t = console_texts()
    names = detail_names(t)
    newest = list(list_changes(g.session, campaign.code))[-CHANGES_SHOWN:][::-1]
    return [
        {
            "at": change.at,
            "by": maker_name(change.by),
            "what": said_deed(t, change.what),
            "details": [
                (names[name], said_detail(t, name, value))
                for name, value in (change.after or {}).items()
                if name in names and change.what == "change"
            ],
        }
        for change in newest
    ]


def _words(campaign: Campaign) -> dict[str, Any]:
    t = console_texts()
    return {
        "states": state_names(t),
        "said_reason": lambda reason: said_reason(t, reason),
        "tones": TONES,
        "when": said_schedule(t, campaign),
        "channel": channel_names(t)[campaign.channel],
        "metric": metric_names(t)[campaign.metric],
        "kind": kind_names(t)[campaign.kind],
        "cancellable": CANCELLABLE,
    }
