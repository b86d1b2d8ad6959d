"""The list of campaigns, by state, with how many they went to."""

from flask import g, request
from flask.typing import ResponseReturnValue

from handlers.console import paging, views
from handlers.console.campaigns.words import TONES, said_schedule, state_names
from handlers.console.door import ConsoleDoor, console_texts
from models.campaign import count_campaigns, list_campaigns
from models.campaign.table import STATES
from models.insight import count_running, find_open_runs
from models.segment.keeping import get_segments
from models.sending import progress_of

SHOWN_AT_ONCE = 40
LONGEST_SEARCH = 60


def show_list() -> ResponseReturnValue:
    """Show the campaigns, the newest first, of one state where one is asked for."""
    t = console_texts()
    state = request.args.get("state", "")
    states = (state,) if state in STATES else ()
    named = request.args.get("q", "").strip()[:LONGEST_SEARCH]
    found = list_campaigns(
        g.session,
        states=states,
        named=named,
        before_id=paging.after_id(),
        limit=SHOWN_AT_ONCE + 1,
    )
    campaigns = found[:SHOWN_AT_ONCE]
    ids = [each.id for each in campaigns]
    running = find_open_runs(g.session, ids)
    return views.show(
        "campaigns/list",
        fragment="campaigns/_rows",
        campaigns=campaigns,
        counts=count_running(g.session, ids),
        by_state=count_campaigns(g.session),
        filters=STATES,
        state=states[0] if states else "",
        q=named,
        segments=get_segments(g.session, [each.segment_code for each in campaigns]),
        progress=_progress(running),
        when={each.id: said_schedule(t, each) for each in campaigns},
        states=state_names(t),
        tones=TONES,
        more=paging.next_url(after=campaigns[-1].id) if len(found) > SHOWN_AT_ONCE else None,
    )


def _progress(running: dict[int, int]) -> dict[int, tuple[int, int]]:
    """Return how many of how many are done, by the campaigns that send just now."""
    told = progress_of(g.session, list(running.values()))
    return {
        campaign_id: (told[run_id].done, told[run_id].planned)
        for campaign_id, run_id in running.items()
        if run_id in told and told[run_id].planned
    }


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the list."""
    blueprint.get("/campaigns", right="see", endpoint="campaigns_show_list")(show_list)
