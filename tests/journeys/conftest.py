"""One installation of real processes for all journeys of a file."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from models.database import create_database, drop_database
from tests.conftest import STAFF_PIN, Maker
from tests.journeys.people import Clerk, Line, new_tablet
from tests.processes import Installation, installed


@pytest.fixture(scope="module")
def shop(server_url: str, pristine: str) -> Iterator[Installation]:
    """Yield the shop with web, worker and clock running and its rich menus uploaded."""
    name = f"regulars_journey_{uuid4().hex[:12]}"
    with installed(create_database(server_url, name, pristine), "journeys") as made:
        made.start("web", "worker", "clock")
        made.command("rich-menu sync")
        yield made
    drop_database(server_url, name)


@pytest.fixture
def line(shop: Installation) -> Line:
    """Return LINE, behaving well."""
    line = Line(shop.line.url)
    line.misbehave()
    return line


@pytest.fixture(scope="module")
def clerk(shop: Installation) -> Clerk:
    """Return a clerk, signed in on a tablet."""
    with shop.sessions.begin() as session:
        staff = Maker().staff(session)
        secret = new_tablet(session)
    clerk = Clerk(shop.base_url, secret)
    clerk.log_in(staff.id, STAFF_PIN)
    return clerk
