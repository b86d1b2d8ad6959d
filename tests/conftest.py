"""The tests' PostgreSQL and what they are made of: a shop that is set up, members, staff.

One database a process (an xdist worker), copied from a template that the migrations built and
`set_up_shop` filled. Each test runs in one transaction that is rolled back at its end; a race
asks for `committed`, a database of its own.
"""

from __future__ import annotations

import gc
import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
import structlog
from argon2 import PasswordHasher
from hypothesis import HealthCheck
from hypothesis import settings as drawing
from sqlalchemy import URL, Connection, Engine, delete, make_url
from sqlalchemy.orm import Session, sessionmaker
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # It has none.

import migrations
from models.base import Sessions
from models.database import (
    create_database,
    drop_database,
    embedded_url,
    libpq_conninfo,
    make_engine,
    make_sessions,
    stop_embedded,
)
from models.demo import TEA_SHOP, load_demo
from models.friend import Friend
from models.line_event import LineEvent
from models.local_day import local_day
from models.member import Member, check_digit
from models.points import post_points
from models.programme import get_programme
from models.purchase import Purchase, refigure
from models.setup import set_up_shop
from models.shop import Store, find_store
from models.staff import Staff
from models.tier import kept_until

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

    from app import Installation

ROOT = Path(__file__).parents[1]
DATA_DIR = ROOT / "var" / "test-postgres"
INGREDIENTS = ("migrations/versions/*.py", "models/**/*.py", "tests/conftest.py")
"""Whatever the kept databases are made by."""
ONE_TEMPLATE_AT_A_TIME = 7_241_900
PATIENCE_SECONDS = 120
"""So long may a thread wait for one of the pool's connections, which more threads may want."""
OBJECTS_BETWEEN_LOOKS = 50_000
"""So many more objects before garbage is looked for; Python's own 700 is for long-lived little."""
NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
"""A Sunday, 12:00 in Taipei."""
STAFF_PASSWORD = "correct-horse-1"
STAFF_PIN = "4826"
_QUICK_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_numbers = count(1)
LONG = (
    "tests/faults/test_killed_clock.py",
    "tests/handlers/test_demo_week.py",
    "tests/journeys/",
    "tests/faults/",
    "tests/browser/",
    "tests/handlers/api/test_schemathesis.py",
    "tests/models/test_demo",
    "tests/models/test_migrations.py",
    "tests/handlers/test_sandbox.py",
    "tests/models/test_exchange_archive.py",
    "tests/models/test_segment_properties.py",
    "tests/models/test_ledger_machine.py",
)
"""What lasts long for the few tests it has, longest first."""
TOGETHER = (
    "tests/faults/test_at_once.py",
    "tests/faults/test_killed_worker.py",
    "tests/faults/test_pos_api.py",
    "tests/faults/test_unwell_line.py",
)
"""These share real processes, which are so started but once."""


# --- what they draw ---


drawing.register_profile(
    "patient", drawing(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
drawing.load_profile("patient")
"""A busy machine takes its time over an example; that is no fault of what is tried."""


# --- their order ---


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # Without types it is anything.
    """Hands out whole files, and as one those that share real processes."""

    def _split_scope(self, nodeid: str) -> str:
        """Return the name of what is handed out as one."""
        path = nodeid.partition("::")[0]
        return TOGETHER[0] if path in TOGETHER else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    """Have the tests handed out by that."""
    return Scheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that last long before the quick ones.

    They are handed out in this order, one after another, to whichever process is free: so all
    processes end at about the same time.
    """
    tests = Counter(item.path for item in items)

    def place(item: pytest.Item) -> tuple[int, int, str]:
        long = (rank for rank, path in enumerate(LONG) if item.nodeid.startswith(path))
        return next(long, len(LONG)), -tests[item.path], str(item.path)

    items.sort(key=place)


def pytest_configure() -> None:
    """Look for no garbage while all is imported and collected: it stays, and is a lot."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Nor look through it later, and seldom through what a test leaves behind."""
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_LOOKS)
    gc.enable()


# --- what is logged ---


@pytest.fixture(scope="session", autouse=True)
def listened_to() -> Iterator[None]:
    """Let no logger keep its settings: who listens hears it, whatever application ran before."""
    configure = structlog.configure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            structlog,
            "configure",
            lambda **told: configure(**told | {"cache_logger_on_first_use": False}),
        )
        yield


# --- what takes its time on purpose ---


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> Iterator[None]:
    """Hash passwords and PINs in no time: as the shop does it, one takes a tenth of a second."""
    with pytest.MonkeyPatch.context() as patch:
        for place in ("models.staff._hasher", "models.pin._hasher"):
            patch.setattr(place, _QUICK_HASHER)
        yield


# --- the server and its databases ---


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """Yield the server's URL: the named one, or an embedded one that outlives no test run."""
    named = os.environ.get("DATABASE_URL")
    if named:
        yield named
        return
    yield embedded_url(DATA_DIR, durable=False)
    stop_embedded(DATA_DIR)


@pytest.fixture(scope="session")
def pristine(server_url: str) -> Iterator[str]:
    """Yield the name of this process's own untouched copy of the template, to be copied."""
    with _copied(server_url, "template", _set_up) as name:
        yield name


@pytest.fixture(scope="session")
def pristine_demo(server_url: str) -> Iterator[str]:
    """Yield the name of this process's own untouched demo shop as of NOON, to be copied."""
    with _copied(server_url, "demo", _load_demo) as name:
        yield name


@pytest.fixture(scope="session")
def database_url(server_url: str, pristine: str) -> Iterator[URL]:
    """Yield the URL of this process's database, in which transactions are rolled back."""
    name = f"regulars_test_{uuid4().hex[:12]}"
    yield create_database(server_url, name, pristine)
    drop_database(server_url, name)


@pytest.fixture(scope="session")
def shop_engine(database_url: URL) -> Iterator[Engine]:
    """Yield the engine of this process's database."""
    engine = make_engine(database_url, pool_size=4, connect_timeout_seconds=PATIENCE_SECONDS)
    yield engine
    engine.dispose()


@contextmanager
def _copied(server_url: str, what: str, fill: Callable[[Engine], None]) -> Iterator[str]:
    """Yield a copy of what `fill` makes; all processes share one, made anew when it is out of date.

    Nobody may be connected to what is copied, so one process at a time does.
    """
    family = f"regulars_kept_{what}_"
    kept, own = f"{family}{_digest()}", f"regulars_own_{what}_{uuid4().hex[:12]}"
    with psycopg.connect(libpq_conninfo(make_url(server_url)), autocommit=True) as guard:
        guard.execute("SELECT pg_advisory_lock(%s)", [ONE_TEMPLATE_AT_A_TIME])
        known = {row[0] for row in guard.execute("SELECT datname FROM pg_database")}
        if kept not in known:
            for old in known:
                if old.startswith(family):
                    drop_database(server_url, old)
            _make_kept(server_url, kept, fill)
        create_database(server_url, own, kept)
    yield own
    drop_database(server_url, own)


def _make_kept(server_url: str, name: str, fill: Callable[[Engine], None]) -> None:
    """Make what is copied; leave nothing half made."""
    drop_database(server_url, f"{name}_new")
    engine = make_engine(create_database(server_url, f"{name}_new"))
    fill(engine)
    engine.dispose()
    create_database(server_url, name, f"{name}_new")
    drop_database(server_url, f"{name}_new")


def _set_up(engine: Engine) -> None:
    """Build the tables by the migrations and set the shop up."""
    migrations.upgrade(engine)
    with make_sessions(engine).begin() as session:
        set_up_shop(session, TEA_SHOP, NOON - timedelta(days=800))


def _load_demo(engine: Engine) -> None:
    """The same with the demo's people and their past."""
    _set_up(engine)
    load_demo(make_sessions(engine), NOON)


def _digest() -> str:
    """Return a digest of all that goes into them."""
    files = sorted(path for pattern in INGREDIENTS for path in ROOT.glob(pattern))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


# --- one test's transaction ---


@pytest.fixture
def connection(shop_engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a transaction that is rolled back, whatever the test commits."""
    with shop_engine.connect() as opened:
        transaction = opened.begin()
        yield opened
        transaction.rollback()


@pytest.fixture
def engine(shop_engine: Engine) -> Engine:
    """Return the engine; what is committed through it stays, so prefer `session`."""
    return shop_engine


@pytest.fixture
def sessions(connection: Connection) -> Sessions:
    """Return a maker of sessions that all work inside the test's transaction."""
    return sessionmaker(
        connection,
        expire_on_commit=False,
        join_transaction_mode="create_savepoint",
        info={"programmes": {}},
    )


@pytest.fixture
def session(sessions: Sessions) -> Iterator[Session]:
    """Yield a session inside the test's transaction."""
    with sessions() as opened:
        yield opened


@pytest.fixture
def now() -> datetime:
    """Return the tests' usual moment."""
    return NOON


@dataclass(frozen=True)
class Committed:
    """A database of a test's own, with real commits, for races."""

    url: URL
    engine: Engine
    sessions: Sessions
    maker: Maker


@pytest.fixture
def committed(server_url: str, pristine: str) -> Iterator[Committed]:
    """Yield a fresh copy of the template with an engine for twenty threads; drop it afterwards."""
    with lend(server_url, pristine) as lent:
        yield lent


@pytest.fixture
def committed_demo(server_url: str, pristine_demo: str) -> Iterator[Committed]:
    """The same of the demo shop."""
    with lend(server_url, pristine_demo) as lent:
        yield lent


@contextmanager
def lend(server_url: str, template: str) -> Iterator[Committed]:
    """Yield a fresh copy of a template as `committed` does, for as long as a fixture wants it."""
    name = f"regulars_race_{uuid4().hex[:12]}"
    url = create_database(server_url, name, template)
    engine = make_engine(
        url,
        pool_size=24,
        pool_timeout_seconds=PATIENCE_SECONDS,
        connect_timeout_seconds=PATIENCE_SECONDS,
    )
    yield Committed(url, engine, make_sessions(engine), Maker())
    engine.dispose()
    drop_database(server_url, name)


# --- makers ---


def member_number(place: int) -> str:
    """Return the member number of this place: two that are drawn meet now and then."""
    digits = f"{10_000_000 + place * 48_271_019 % 90_000_000}"
    return digits + check_digit(digits)


@dataclass
class Maker:
    """Makes rows that keep the models' promises: a balance has its lots, a spend its sale."""

    now: datetime = NOON
    names: Iterator[int] = field(default_factory=lambda: _numbers)

    def member(
        self,
        session: Session,
        *,
        points: int = 0,
        points_expire_on: date | None = None,
        spend_twd: int = 0,
        spent_on: date | None = None,
        tier: str | None = None,
        tier_kept_until: date | None = None,
        line: bool = True,
        friend: bool = True,
        marketing: bool = True,
        name: str = "王小明",
        phone: str | None = None,
        birthday: date | None = date(1990, 5, 20),
        language: str = "zh-TW",
        line_user_id: str | None = None,
        joined_at: datetime | None = None,
        last_purchase_on: date | None = None,
    ) -> Member:
        """Make a member; without `tier` the one their spend gives, kept for a year from `now`."""
        number, today = next(self.names), local_day(self.now)
        programme = get_programme(session)
        held = next(
            (step for step in programme.tiers if step.code == tier),
            programme.ladder.on(today).tier_at(spend_twd),
        )
        member = Member(
            number=member_number(number),
            line_user_id=(line_user_id or f"U{number:032x}") if line else None,
            name=name,
            phone=phone or f"+8869{10_000_000 + number:08d}",
            birthday=birthday,
            language=language,
            joined_at=joined_at or self.now - timedelta(days=400),
            join_source="line",
            marketing_allowed=marketing,
            tier_id=held.id,
            tier_kept_until=tier_kept_until or (kept_until(today) if held.rank else None),
            spend_on=today,
            last_purchase_on=last_purchase_on,
        )
        session.add(member)
        session.flush()
        if line:
            self.friend(session, member, is_following=friend)
        if spend_twd:
            self.spend(session, member, spend_twd, spent_on or today)
        if points:
            self.points(session, member, points, points_expire_on)
        session.flush()
        return member

    def friend(self, session: Session, member: Member, *, is_following: bool = True) -> None:
        """Make the member's LINE account a friend, or one that blocked us."""
        session.add(
            Friend(
                line_user_id=member.line_user_id,
                is_following=is_following,
                changed_at=member.joined_at,
                language=member.language,
            )
        )

    def spend(self, session: Session, member: Member, paid_twd: int, day: date) -> Purchase:
        """Give the member a past sale that counts on `member.spend_on` and brought no points."""
        purchase = Purchase(
            member_id=member.id,
            store_id=self.store(session).id,
            amount_twd=paid_twd,
            paid_twd=paid_twd,
            points_earned=0,
            purchased_at=datetime(day.year, day.month, day.day, 4, tzinfo=UTC),
            purchased_on=day,
            idempotency_key=f"past:{uuid4()}",
        )
        session.add(purchase)
        member.spend_twd += paid_twd
        member.lifetime_twd += paid_twd
        member.year_twd += paid_twd if day.year == member.spend_on.year else 0
        refigure(session, [member.id])
        return purchase

    def points(
        self, session: Session, member: Member, points: int, expires_on: date | None = None
    ) -> None:
        """Give the member points, in one lot that ends on `expires_on` (in a year)."""
        session.flush()
        post_points(
            session,
            member,
            points,
            reason="adjustment",
            idempotency_key=f"made:{uuid4()}",
            now=self.now,
            expires_on=expires_on or local_day(self.now) + timedelta(days=365),
        )

    def store(self, session: Session, code: str = "TP01") -> Store:
        """Return one of the shop's three stores."""
        store = find_store(session, code)
        assert store is not None
        return store

    def staff(
        self, session: Session, role: str = "clerk", *, store: str = "TP01", **columns: object
    ) -> Staff:
        """Make a person with a login: STAFF_PASSWORD and STAFF_PIN."""
        row: dict[str, object] = {
            "username": f"{role}-{next(self.names)}",
            "name": "小安",
            "role": role,
            "store_id": self.store(session, store).id,
            "password_hash": _QUICK_HASHER.hash(STAFF_PASSWORD),
            "pin_hash": _QUICK_HASHER.hash(STAFF_PIN),
        }
        staff = Staff(**row | columns)
        session.add(staff)
        session.flush()
        return staff


@pytest.fixture
def make_member(session: Session) -> Callable[..., Member]:
    """Return a maker of members; see `Maker.member`."""
    maker = Maker()

    def make(**told: object) -> Member:
        return maker.member(session, **told)  # type: ignore[arg-type]  # Told by name, as there.

    return make


@pytest.fixture
def make_staff(session: Session) -> Callable[..., Staff]:
    """Return a maker of staff; see `Maker.staff`."""
    maker = Maker()

    def make(role: str = "clerk", **told: object) -> Staff:
        return maker.staff(session, role, **told)  # type: ignore[arg-type]  # Told by name, as there.

    return make


@pytest.fixture
def make_store(session: Session) -> Callable[..., Store]:
    """Return a maker of further stores."""

    def make(code: str | None = None, name: str = "新店") -> Store:
        made = Store(code=code or f"ZZ{next(_numbers)}", name={"zh-TW": name})
        session.add(made)
        session.flush()
        return made

    return make


@pytest.fixture
def store(session: Session) -> Store:
    """Return the shop's first store, 信義店."""
    return Maker().store(session)


# --- the web application ---


@dataclass
class Clock:
    """The time as a test sets it."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def advance(self, **by: float) -> datetime:
        """Let time pass, such as `minutes=2`, and return the new time."""
        self.now += timedelta(**by)
        return self.now


@dataclass
class FakeBell:
    """Remembers which tasks were rung for, and wakes nobody."""

    rung: list[str] = field(default_factory=list)

    def ring(self, task: str) -> None:
        """Remember a ring."""
        self.rung.append(task)

    def ring_now(self, task: str) -> None:
        """Remember a ring."""
        self.rung.append(task)


@pytest.fixture(scope="session")
def standing_clock() -> Clock:
    """Return the one clock of this process's application."""
    return Clock()


@pytest.fixture
def clock(standing_clock: Clock) -> Clock:
    """Return the application's clock, standing at NOON."""
    standing_clock.now = NOON
    return standing_clock


@pytest.fixture
def empty_inbox(shop_engine: Engine) -> Iterator[None]:
    """Take away what the webhook kept: it commits on a connection of its own."""
    yield
    with shop_engine.begin() as connection:
        connection.execute(delete(LineEvent))


@pytest.fixture(scope="session")
def standing_installation(database_url: URL, standing_clock: Clock) -> Installation:
    """Return the parts of this process's application; each test puts its own in."""
    from app import Installation, Settings  # Seconds that only these tests pay.

    return Installation(
        Settings(
            _env_file=None,  # type: ignore[call-arg]  # Pydantic's own argument.
            secret_key="a secret of the tests",
            line_channel_secret="channel secret of the tests",
            line_channel_access_token="channel token of the tests",
            public_base_url="http://localhost",
            database_url=database_url.render_as_string(hide_password=False),
        ),
        clock=standing_clock,
    )


@pytest.fixture(scope="session")
def standing_app(standing_installation: Installation) -> Flask:
    """Return this process's application: describing its API takes most of a second."""
    from app import create_app  # As above.

    made = create_app(standing_installation)
    made.testing = True
    return made


@pytest.fixture
def installation(
    empty_inbox: None, standing_installation: Installation, sessions: Sessions, clock: Clock
) -> Iterator[Installation]:
    """Yield the parts of an application whose requests work inside the test's transaction."""
    made = standing_installation
    as_it_was = dict(vars(made))
    made.settings = made.settings.model_copy()
    made.sessions = sessions
    made.bell = FakeBell()  # type: ignore[assignment]  # It rings the same.
    yield made
    if "engine" in vars(made):
        made.engine.dispose()
    vars(made).clear()
    vars(made).update(as_it_was)


@pytest.fixture
def app(
    installation: Installation, standing_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    """Yield the application; `installation` and `clock` are its parts.

    What a test sets in it is taken back, and nobody has tried any door yet. No minute in which
    tries are counted ends in the middle of a test.
    """
    from handlers import limiting  # As above.
    from handlers.limiting import limiter

    began = time.time()
    monkeypatch.setattr(limiting, "time", SimpleNamespace(time=lambda: began))
    kept = (standing_app.config, standing_app.extensions)
    as_they_were = [dict(each) for each in kept]
    limiter.reset()
    yield standing_app
    for each, as_it_was in zip(kept, as_they_were, strict=True):
        each.clear()
        each.update(as_it_was)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return a browser of the application."""
    return app.test_client()
