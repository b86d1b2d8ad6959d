"""Writing into the audit what the person at the console does, where no model's own step does so."""

from typing import Any

from flask import g

from handlers.console.door import current_staff
from models.audit import note


def note_deed(what: str, subject: str, **told: Any) -> None:
    """Note that whoever is logged in did `what` to `subject` now; `told` is as `note` takes it."""
    note(g.session, what, subject, now=g.now, staff_id=current_staff().id, **told)
