"""One installation of real processes for the faults, and members to serve in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from models.checkout import Sale, record_purchase
from models.database import create_database, drop_database
from models.outbox import Owed
from tests.conftest import STAFF_PIN, Maker
from tests.journeys.people import Clerk, Line, Shopper, new_tablet
from tests.processes import Installation, installed, wait_until

HERE = Path(__file__).parent
RECEIPT = "謝謝光臨"
LONG_LIFE_MINUTES = 10
_phones = count(20_000_000)
_shops: list[Installation] = []
"""The shop, once it runs."""


@dataclass(frozen=True)
class Regular:
    """A member, and their phone."""

    id: int
    card_ref: str
    shopper: Shopper


MakeRegulars = Callable[[int], list[Regular]]


@pytest.fixture(scope="session")
def shop(server_url: str, pristine: str) -> Iterator[Installation]:
    """Yield the shop with web, worker and clock running."""
    name = f"regulars_faults_{uuid4().hex[:12]}"
    with installed(create_database(server_url, name, pristine), "faults") as made:
        let_tokens_live(made)
        made.start("web", "worker", "clock")
        _shops.append(made)
        yield made
    drop_database(server_url, name)


def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Let nothing run on after the last of these tests: its rounds cost all others their time."""
    if nextitem is None or nextitem.path.parent != HERE:
        for shop in _shops:
            shop.close()


@pytest.fixture
def line(shop: Installation) -> Iterator[Line]:
    """Yield LINE, behaving well before and after the test, and everything running."""
    shop.start(*(name for name, process in shop.processes.items() if process.running is None))
    line = Line(shop.line.url)
    line.misbehave()
    yield line
    line.misbehave()


@pytest.fixture
def make_regulars(shop: Installation, line: Line) -> MakeRegulars:
    """Return a maker of members who are friends and allow marketing."""
    return lambda count: make_members(shop, line, count)


@pytest.fixture(scope="session")
def clerk(shop: Installation) -> Clerk:
    """Return a clerk, logged in."""
    return new_clerk(shop)


def new_clerk(shop: Installation) -> Clerk:
    """Make a member of staff, and log them in."""
    with shop.sessions.begin() as session:
        staff = Maker().staff(session, username=f"clerk-{uuid4().hex[:8]}")
        secret = new_tablet(session)
    clerk = Clerk(shop.base_url, secret)
    clerk.log_in(staff.id, STAFF_PIN)
    return clerk


def make_members(
    shop: Installation, line: Line, count: int, *, birthday: date = date(1990, 5, 20)
) -> list[Regular]:
    """Make members of this moment who are friends and allow marketing."""
    maker = Maker(now=datetime.now(UTC))
    with shop.sessions.begin() as session:
        members = [
            maker.member(
                session, line_user_id=f"U{uuid4().hex}", phone=new_phone(), birthday=birthday
            )
            for _ in range(count)
        ]
        kept = [(member.id, member.card_ref, str(member.line_user_id)) for member in members]
    shoppers = line.befriend(user_id for _, _, user_id in kept)
    return [
        Regular(member_id, card_ref, shopper)
        for (member_id, card_ref, _), shopper in zip(kept, shoppers, strict=True)
    ]


def new_phone() -> str:
    """Return a mobile number nobody has; none begins with 099, which is no mobile's."""
    return f"+8869{next(_phones):08d}"


def let_tokens_live(shop: Installation) -> None:
    """Let reply tokens live for longer than a worker may take to start on a busy machine.

    Nothing runs yet. LINE counts from the webhook, and so do we: we so believe it came later.
    """
    shop.line.world.reply_tokens.life_ms = LONG_LIFE_MINUTES * 60 * 1000
    later = f"clock_timestamp() + interval '{LONG_LIFE_MINUTES - 1} minutes'"
    with shop.sessions.begin() as session:
        session.execute(text(f"ALTER TABLE line_event ALTER received_at SET DEFAULT {later}"))


@contextmanager
def standing_worker(shop: Installation) -> Iterator[None]:
    """Let the worker stand still between two transactions, so that it keeps no lock from others."""
    worker = shop.processes["worker"]

    def stands_well() -> bool:
        worker.pause()
        if _is_in_transaction(shop):
            worker.go_on()
            return False
        return True

    wait_until(stands_well, "the worker stands still between two transactions")
    try:
        yield
    finally:
        worker.go_on()


def _is_in_transaction(shop: Installation) -> bool:
    """Tell whether anybody but us is in a transaction."""
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND backend_type = 'client backend' AND xact_start IS NOT NULL"
        " AND pid <> pg_backend_pid()"
    )
    with shop.sessions() as session:
        return bool(session.scalar(text(others)))


def sell(shop: Installation, regulars: list[Regular], *, ring: bool = True) -> None:
    """Record one purchase for each, as the counter does, and ring for those who deliver.

    Where nobody rings, the clock finds what is owed.
    """
    with shop.sessions.begin() as session:
        store = Maker().store(session)
        for regular in regulars:
            sale = Sale(regular.id, store, None, 450, idempotency_key=f"test:{uuid4()}")
            record_purchase(session, sale, datetime.now(UTC))
    if ring:
        shop.ring("deliver_outbox")


def owed_to(shop: Installation, regulars: list[Regular], kind: str) -> list[Owed]:
    """Return the messages of one kind owed to these members."""
    ids = [regular.id for regular in regulars]
    with shop.sessions() as session:
        found = select(Owed).where(Owed.member_id.in_(ids), Owed.kind == kind)
        return list(session.scalars(found))


def wait_settled(shop: Installation, regulars: list[Regular], kind: str = "receipt") -> None:
    """Wait until nothing of this kind is owed to these members any more."""
    wait_until(
        lambda: all(owed.state != "waiting" for owed in owed_to(shop, regulars, kind)),
        f"every {kind} is settled",
    )


def assert_each_heard_once(regulars: list[Regular], words: str = RECEIPT) -> None:
    """Fail where somebody's chat does not show these words exactly once."""
    heard = [len(regular.shopper.hears(words)) for regular in regulars]
    assert heard == [1] * len(regulars), f"heard {min(heard)} to {max(heard)} times"
