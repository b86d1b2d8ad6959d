"""The application, told another time: `flask --app tests.faults.played_clock worker`.

What the timetable does at ten in the morning can so be tested at any hour.
"""

import os
from datetime import datetime, timedelta

from flask import Flask

import app
from tests.processes import PLAYED_CLOCK


def create_app() -> Flask:
    """Make the application of the environment, its clock as far behind as the test asked."""
    behind = timedelta(seconds=float(os.environ[PLAYED_CLOCK]))

    def played() -> datetime:
        return app.utc_now() - behind

    return app.create_app(app.Installation(app.read_settings(), clock=played))
