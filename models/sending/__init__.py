"""Sending: runs of campaigns, from freezing whom they go to until the last outcome is known.

What is here may be used by campaigns; the engine (`spec`, `freezing`, `claiming`, `settling`,
`ending`) builds on campaigns, content, quota and outreach, and is imported by its modules.
"""

from models.sending.opening import open_run
from models.sending.proof import Got, Progress, Proof, find_recipient, progress_of, proof_of
from models.sending.steering import (
    NoSuchRun,
    RunEnded,
    cancel_run,
    get_run,
    pause_run,
    resume_run,
    stop_run,
)
from models.sending.table import CampaignBatch, CampaignRecipient, CampaignRun

__all__ = [
    "CampaignBatch",
    "CampaignRecipient",
    "CampaignRun",
    "Got",
    "NoSuchRun",
    "Progress",
    "Proof",
    "RunEnded",
    "cancel_run",
    "find_recipient",
    "get_run",
    "open_run",
    "pause_run",
    "progress_of",
    "proof_of",
    "resume_run",
    "stop_run",
]
