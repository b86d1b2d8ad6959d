"""The proof of a sending: planned = accepted + skipped + refused + unknown, and who is which."""

from collections.abc import Iterator, Sequence
from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue

from handlers.address import read_id
from handlers.console import paging, views
from handlers.console.campaigns.words import (
    arm_name,
    outcome_names,
    said_reason,
    state_names,
)
from handlers.console.door import ConsoleDoor, console_texts
from handlers.console.members.links import member_url
from handlers.console.noting import note_deed
from handlers.csv_file import csv_answer, written
from models.campaign import Campaign, get_campaign
from models.exchange.readable import Cells
from models.insight import list_runs
from models.insight.recipients import ListedRecipient, list_recipients
from models.member import NoSuchMember, get_member_by_typed
from models.sending import CampaignRun, NoSuchRun, find_recipient, proof_of

LISTED = 50
ROWS_AT_ONCE = 5_000
LONGEST_TYPED = 40


def show_proof(code: str) -> ResponseReturnValue:
    """Show what became of everybody in one sending, page by page, or of one member in all."""
    t, campaign = console_texts(), get_campaign(g.session, code)
    runs = list_runs(g.session, campaign)
    run = _asked_run(runs)
    typed = request.args.get("member", "").strip()[:LONGEST_TYPED]
    return views.show(
        "campaigns/proof",
        fragment="campaigns/_recipients",
        campaign=campaign,
        runs=runs,
        run=run,
        proof=proof_of(g.session, run.id) if run is not None and not paging.after() else None,
        names=outcome_names(t),
        member_url=member_url,
        state=_asked_state(),
        typed=typed,
        found=_found(campaign, typed) if typed else None,
        arm_name=lambda variant: arm_name(t, variant),
        reason=lambda name: said_reason(t, name),
        states=state_names(t),
        **_page(run),
    )


def download_proof(code: str) -> ResponseReturnValue:
    """Send who was in a sending and what became of each, by member number, as a file."""
    campaign = get_campaign(g.session, code)
    run = _asked_run(list_runs(g.session, campaign))
    if run is None:
        raise NoSuchRun(run=0)
    note_deed("campaign.export", f"campaign:{code}", after={"run": run.id})
    return csv_answer(written(_rows(run)), f"{code}-{run.id}.csv")


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the proof."""
    blueprint.get("/campaigns/<code>/proof", right="members.see")(show_proof)
    blueprint.get("/campaigns/<code>/proof.csv", right="members.export")(download_proof)


def _asked_run(runs: Sequence[CampaignRun]) -> CampaignRun | None:
    """Return the sending that was asked for, else the newest. Raises NoSuchRun."""
    run_id = read_id(request.args.get("run"))
    if run_id is None:
        return runs[0] if runs else None
    found = next((run for run in runs if run.id == run_id), None)
    if found is None:
        raise NoSuchRun(run=run_id)
    return found


def _asked_state() -> str | None:
    state = request.args.get("state", "")
    return state if state in outcome_names(console_texts()) else None


def _page(run: CampaignRun | None) -> dict[str, Any]:
    if run is None:
        return {"people": [], "more": None}
    found = list_recipients(
        g.session, run.id, after_id=paging.after_id() or 0, limit=LISTED + 1, state=_asked_state()
    )
    people = found[:LISTED]
    is_more = len(found) > LISTED
    return {
        "people": people,
        "more": paging.next_url(after=people[-1].member_id) if is_more else None,
    }


def _found(campaign: Campaign, typed: str) -> dict[str, Any]:
    """Return what one member got of this campaign; without `number` there is no such member."""
    try:
        member = get_member_by_typed(g.session, typed)
    except NoSuchMember:
        return {"number": None, "got": []}
    got = find_recipient(g.session, member.id)
    return {
        "number": member.number,
        "got": [each for each in got if each.campaign_id == campaign.id],
    }


def _rows(run: CampaignRun) -> Iterator[Cells]:
    t = console_texts()
    names = outcome_names(t)
    yield [t("會員編號"), t("版本"), t("通路"), t("結果"), t("原因"), t("LINE 編號"), t("時間")]
    after_id = 0
    while True:
        people = list_recipients(g.session, run.id, after_id=after_id, limit=ROWS_AT_ONCE)
        for each in people:
            yield _cells(each, names[each.state], said_reason(t, each.reason or ""))
        if len(people) < ROWS_AT_ONCE:
            return
        after_id = people[-1].member_id


def _cells(each: ListedRecipient, state: str, reason: str) -> Cells:
    return [
        each.number,
        each.variant or "",
        each.channel or "",
        state,
        reason if each.reason else "",
        each.request_id or "",
        each.at.isoformat() if each.at else "",
    ]
