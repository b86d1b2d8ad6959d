"""Campaigns: one message in its variants, to a segment, at its time; judged by who was left out.

`opening`, by which a round opens what is due, stands apart: it makes runs, which know arms.
"""

from models.campaign.arm import PARTS, Arm, arm_number, arms_of, position_of
from models.campaign.audience import own_rule
from models.campaign.estimating import Estimate, estimate_campaign
from models.campaign.foreseeing import HeldBack, foresee_held_back
from models.campaign.judging import decide_campaigns, figures_of, find_decision
from models.campaign.keeping import (
    add_campaign,
    change_campaign,
    check_unchanged,
    clone_campaign,
    count_campaigns,
    free_code,
    get_campaign,
    last_change,
    list_campaigns,
    list_changes,
    says,
    schedule_of,
)
from models.campaign.opening_time import Window, window_of
from models.campaign.previewing import ArmSize, Preview, preview_campaign
from models.campaign.refusals import (
    CampaignChangedMeanwhile,
    CampaignExists,
    CampaignRefused,
    CannotTest,
    EmptyAudience,
    NoSuchCampaign,
    NotInThisState,
    NotTheirCampaign,
    ScheduleInPast,
)
from models.campaign.schedule import Schedule, list_slots, next_slot, parse_schedule, slot_name
from models.campaign.setting import approve_above, check_person, set_approve_above
from models.campaign.steering import (
    approve_campaign,
    cancel_campaign,
    pause_campaign,
    resume_campaign,
    send_back,
    submit_campaign,
)
from models.campaign.table import Campaign, CampaignChange, CampaignDecision, CampaignSetting
from models.campaign.trying import send_test

__all__ = [
    "PARTS",
    "Arm",
    "ArmSize",
    "Campaign",
    "CampaignChange",
    "CampaignChangedMeanwhile",
    "CampaignDecision",
    "CampaignExists",
    "CampaignRefused",
    "CampaignSetting",
    "CannotTest",
    "EmptyAudience",
    "Estimate",
    "HeldBack",
    "NoSuchCampaign",
    "NotInThisState",
    "NotTheirCampaign",
    "Preview",
    "Schedule",
    "ScheduleInPast",
    "Window",
    "add_campaign",
    "approve_above",
    "approve_campaign",
    "arm_number",
    "arms_of",
    "cancel_campaign",
    "change_campaign",
    "check_person",
    "check_unchanged",
    "clone_campaign",
    "count_campaigns",
    "decide_campaigns",
    "estimate_campaign",
    "figures_of",
    "find_decision",
    "foresee_held_back",
    "free_code",
    "get_campaign",
    "last_change",
    "list_campaigns",
    "list_changes",
    "list_slots",
    "next_slot",
    "own_rule",
    "parse_schedule",
    "pause_campaign",
    "position_of",
    "preview_campaign",
    "resume_campaign",
    "says",
    "schedule_of",
    "send_back",
    "send_test",
    "set_approve_above",
    "slot_name",
    "submit_campaign",
    "window_of",
]
