"""Campaigns as the API tells them: drafts, previews, sendings, reports."""

from collections.abc import Sequence
from typing import Any

from flask import g

from handlers.api.calls import language
from handlers.api.schemas.campaigns import (
    CampaignArmTold,
    CampaignDecisionTold,
    CampaignLiftTold,
    CampaignPreviewTold,
    CampaignReportTold,
    CampaignRunTold,
    CampaignTold,
    CampaignUnitTold,
    CampaignVariantTold,
    CampaignWithContent,
    HeldBackTold,
)
from models.base import in_language
from models.campaign import Campaign, HeldBack, Preview, own_rule
from models.insight import Report, VariantLine
from models.sending import CampaignRun, proof_of


def tell_campaign(campaign: Campaign) -> dict[str, Any]:
    """Return what every answer about a campaign begins with."""
    return {
        "code": campaign.code,
        "name": in_language(campaign.name, language()),
        "state": campaign.state,
        "segment": campaign.segment_code,
        "schedule": campaign.schedule,
        "next_at": campaign.next_slot_at,
        "created_by": campaign.created_by,
        "created_at": campaign.created_at,
        "submitted_by": campaign.submitted_by,
        "approved_by": campaign.approved_by,
    }


def tell_whole(campaign: Campaign) -> CampaignWithContent:
    """Return a campaign with all that it says."""
    g.session.refresh(campaign)
    names = CampaignWithContent.model_fields.keys() - CampaignTold.model_fields.keys() - {"rule"}
    rule = own_rule(g.session, campaign)
    return CampaignWithContent(
        **tell_campaign(campaign),
        rule=rule.as_json() if rule is not None else None,
        **{name: getattr(campaign, name) for name in names},
    )


def tell_preview(preview: Preview, held_back: Sequence[HeldBack] = ()) -> CampaignPreviewTold:
    """Return what a sending would be, and who would be skipped where that was asked for."""
    window = preview.window
    return CampaignPreviewTold(
        audience=preview.audience,
        holdout=preview.holdout,
        reachable=preview.reachable,
        messages=preview.messages,
        emails=preview.emails,
        arms=[CampaignArmTold.model_validate(arm, from_attributes=True) for arm in preview.arms],
        free_messages=preview.cost.free,
        paid_messages=preview.cost.paid,
        short=preview.cost.short,
        more_twd=preview.cost.more_twd,
        left_for_marketing=preview.remaining.left_for_marketing,
        needs_approval=preview.needs_approval,
        send_at=window.send_at if window else None,
        until=window.until if window else None,
        held_back=[HeldBackTold.model_validate(each, from_attributes=True) for each in held_back],
    )


def tell_report(report: Report) -> CampaignReportTold:
    """Return what came of a campaign."""
    outcomes, clicks, sales, lift = report.outcomes, report.clicks, report.sales, report.lift
    low, high = lift.interval
    return CampaignReportTold(
        **{name: getattr(report, name) for name in _OF_REPORT},
        **{name: getattr(outcomes, name) for name in _OF_OUTCOMES},
        channels=dict(report.channels),
        clicks=clicks.clicks,
        clickers=clicks.clickers,
        taps=clicks.taps,
        tappers=clicks.tappers,
        buyers=sales.buyers,
        purchases=sales.purchases,
        net_twd=sales.net_twd,
        message_twd=report.money.message_twd,
        benefit_twd=report.money.benefit_twd,
        roas=report.money.roas,
        lift=CampaignLiftTold(
            **{name: getattr(lift, name) for name in _OF_LIFT}, low=low, high=high
        ),
        variants=[_tell_variant(each, report.metric) for each in report.variants],
        decision=CampaignDecisionTold.model_validate(report.decision, from_attributes=True)
        if report.decision
        else None,
        line=[CampaignUnitTold.model_validate(each, from_attributes=True) for each in report.line],
    )


def _tell_variant(line: VariantLine, metric: str) -> CampaignVariantTold:
    low, high = line.interval(metric)
    return CampaignVariantTold(
        code=line.code,
        accepted=line.accepted,
        reacting=line.reacting,
        buyers=line.buyers,
        low=low,
        high=high,
    )


_OF_REPORT = (
    *("code", "as_of", "since", "until", "is_final", "attribution_days", "blocks", "metric"),
)
_OF_OUTCOMES = ("planned", "accepted", "skipped", "refused", "unknown", "waiting", "adds_up")
_OF_LIFT = (*("treated", "treated_buyers", "held_out", "held_out_buyers", "difference", "verdict"),)


def tell_run(run: CampaignRun) -> CampaignRunTold:
    """Return a run with its proof, counted now."""
    proof = proof_of(g.session, run.id)
    return CampaignRunTold(
        run=run.id,
        slot=run.slot,
        state=run.state,
        send_at=run.send_at,
        finished_at=run.finished_at,
        planned=proof.planned,
        accepted=proof.accepted,
        skipped=proof.skipped,
        refused=proof.refused,
        unknown=proof.unknown,
        waiting=proof.waiting,
        is_complete=proof.is_complete,
    )
