"""Steering a run: pause, go on, cancel, stop. It takes effect before the next batches are begun.

A batch that LINE may have already is not begun by going on with it: whoever steers cannot take it
back. What is in doubt when a run is cancelled is not tried again, and ends as unknown.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.sending.table import CampaignRun

HALTED = ("paused", "stopped")


class NoSuchRun(BusinessError):
    """No run has this id."""

    code = "no_such_run"


class RunEnded(BusinessError):
    """The run has ended, so that there is nothing left to steer."""

    code = "run_ended"


def get_run(session: Session, run_id: int) -> CampaignRun:
    """Return the run with this id. Raises NoSuchRun."""
    run = session.get(CampaignRun, run_id)
    if run is None:
        raise NoSuchRun(run=run_id)
    return run


def pause_run(session: Session, run_id: int, reason: str, now: datetime) -> None:
    """Begin nothing more until somebody resumes the run. Raises NoSuchRun, RunEnded.

    A pause does not move the run's end: at `until` what was not begun is skipped as too late.
    """
    _halt(_locked(session, run_id), "paused", reason)


def stop_run(session: Session, run_id: int, reason: str, now: datetime) -> None:
    """Let the shop's own guard pause the run, as by its budget. Raises NoSuchRun, RunEnded.

    What was not begun by `until` is skipped for this reason.
    """
    _halt(_locked(session, run_id), "stopped", reason)


def resume_run(session: Session, run_id: int, reason: str, now: datetime) -> None:
    """Go on where the run was paused or stopped. Raises NoSuchRun, RunEnded."""
    run = _locked(session, run_id)
    if run.state in HALTED:
        begun = "freezing" if run.frozen_at is None else "sending"
        run.state = "planned" if run.started_at is None else begun
        run.stop_reason = run.held_until = None


def cancel_run(session: Session, run_id: int, reason: str, now: datetime) -> None:
    """Begin nothing more, for good; who was not written to is skipped. Raises NoSuchRun, RunEnded.

    Cancelling twice changes nothing.
    """
    run = _locked(session, run_id)
    if run.state == "cancelled":
        return
    run.state, run.stop_reason = "cancelled", reason
    if run.started_at is None:
        run.finished_at = now


def _locked(session: Session, run_id: int) -> CampaignRun:
    run = session.scalars(
        select(CampaignRun)
        .where(CampaignRun.id == run_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if run is None:
        raise NoSuchRun(run=run_id)
    if run.finished_at is not None:
        raise RunEnded(run=run_id, state=run.state)
    return run


def _halt(run: CampaignRun, state: str, reason: str) -> None:
    """Set a run that goes on aside; a stop goes before a pause, and neither before a cancelling."""
    if run.state == "cancelled" or (run.state == "stopped" and state == "paused"):
        return
    run.state, run.stop_reason = state, reason
