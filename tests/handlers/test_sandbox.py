"""The sandbox: the shop's rules and verbs as they are, and nothing of the shop is touched."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import URL, Connection, Engine, Table, func, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

import migrations
import models
from handlers.sandbox import Sandbox, make_sandbox
from models.api_key import SCOPES, ApiKey, add_api_key
from models.base import Base, Sessions
from models.checkout import Return, Sale, record_purchase, refund_purchase
from models.coupon import Coupon, CouponTemplate
from models.database import create_database, drop_database, make_engine, make_sessions
from models.member import Member, NoSuchMember, get_member_by_typed
from models.outbox import Owed
from models.purchase import Purchase
from models.sandbox import (
    FROZEN,
    LEFT,
    NEWCOMER,
    REGULAR,
    RULES,
    SCHEMA,
    NoShopYet,
    create_sandbox,
    drop_sandbox,
)
from models.shop import Store, get_shop, list_stores
from models.tier import Tier
from tests.conftest import NOON, ROOT, Committed, FakeBell, lend

WORK = {
    "api_call": "answers kept for a repetition",
    "api_key": "the sandbox mirrors those that may enter it",
    "audit_mark": "where the audit of sales begins",
    "binding_request": "people moving their card to another phone",
    "budget_stop": "what the shop's own campaigns cost",
    "campaign": "what the shop's own members are sent",
    "campaign_batch": "what the shop's own members are sent together",
    "campaign_change": "who sent the shop's own members what",
    "campaign_decision": "which words the shop's own members liked better",
    "campaign_run": "when the shop's own members are sent something",
    "catalogue_item": "what goods cost the shop is not for strangers",
    "class_alert": "what the shop's own classes did",
    "class_count": "how many of the shop's members classes have",
    "class_move": "how many of the shop's members went from class to class",
    "class_night": "what the night has done",
    "class_overlap": "how many of the shop's members classes have together",
    "conversation": "people in the middle of a form",
    "delivery_month": "how many messages the shop's own members were sent",
    "engagement_mark": "how far what people do was read",
    "favourite_mark": "how far what people bought was read",
    "former_member": "traces of people who left",
    "friend": "people on LINE",
    "import_batch": "what was brought in",
    "import_row": "rows under way",
    "job_run": "what the clock has done",
    "journey_mark": "how far causes of journeys were looked for",
    "kpi_value": "what the shop's own KPIs came to",
    "ledger_seal": "the shop's own ledger",
    "line_event": "what LINE sent",
    "line_pace": "when LINE may be called next",
    "member_class": "what the night made of the shop's members",
    "message_plan": "what the shop pays and earns is not for strangers",
    "model_fit": "what the night foretold",
    "otp": "codes on their way to phones",
    "prepared_figure": "what the shop's own figures came to",
    "repurchase_cycle": "after how many days the shop's own members buy again",
    "rfm_cell": "how many of the shop's buyers have each scores",
    "rfm_cut": "where the shop's own buyers were cut",
    "rich_menu": "menus uploaded to LINE",
    "quota_entry": "what the shop's own messages took of its quota",
    "quota_hold": "what the shop's own messages take of its quota",
    "quota_month": "what the shop's own messages took of its quota",
    "segment_size": "how many of the shop's members segments have",
    "text_message": "codes on their way to phones",
    "tier_night": "what the night has done",
    "tracked_link": "where the shop's own messages lead",
    "unit_figure": "what LINE counted of the shop's own messages",
    "webhook_cursor": "what was told to others",
    "webhook_event": "what is told to others",
}
"""Tables that name no person and are left empty in a sandbox, each with its reason."""


@pytest.fixture(scope="module")
def pristine_pair(server_url: str, pristine: str) -> Iterator[str]:
    """Yield the name of a shop that has a sandbox, to be copied: a sandbox takes its seconds."""
    name = f"regulars_pair_{uuid4().hex[:12]}"
    url = create_database(server_url, name, pristine)
    engine = make_engine(url)
    with beside(url, make_sessions(engine)) as sandbox:
        sandbox.open()
    engine.dispose()
    yield name
    drop_database(server_url, name)


@contextmanager
def beside(url: URL, sessions: Sessions) -> Iterator[Sandbox]:
    """Yield the sandbox beside a shop, made or not."""
    sandbox = make_sandbox(url, sessions, lambda: NOON)
    yield sandbox
    sandbox.engine.dispose()


@pytest.fixture
def committed(server_url: str, pristine_pair: str) -> Iterator[Committed]:
    """Yield a shop of this test's own that has a sandbox."""
    with lend(server_url, pristine_pair) as lent:
        yield lent


@pytest.fixture
def sandbox(committed: Committed) -> Iterator[Sandbox]:
    """Yield the sandbox beside that shop, as new."""
    with beside(committed.url, committed.sessions) as made:
        yield made


@pytest.fixture
def alone(server_url: str, pristine: str) -> Iterator[Committed]:
    """Yield a shop of this test's own beside which nobody has made a sandbox yet."""
    with lend(server_url, pristine) as lent:
        yield lent


@pytest.fixture
def key(committed: Committed) -> ApiKey:
    """Return a sandbox key of the shop's first store."""
    return made_key(committed)


def made_key(shop: Committed) -> ApiKey:
    with shop.sessions.begin() as session:
        store = list_stores(session)[0]
        made, _ = add_api_key(session, "till", SCOPES, NOON, store_id=store.id, is_sandbox=True)
        return session.scalars(select(ApiKey).where(ApiKey.id == made.id)).one()


def shop_as_it_is(engine: Engine) -> dict[str, str]:
    """Return a digest of every table of the shop, the place of every sequence included."""
    with engine.connect() as connection:
        names = connection.scalars(
            text(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                " AND relkind = 'r' ORDER BY relname"
            )
        ).all()
        digest = "SELECT md5(coalesce(string_agg(t::text, ' ' ORDER BY t::text), '')) FROM {} AS t"
        found = {name: connection.scalar(text(digest.format(f'public."{name}"'))) for name in names}
        sequences = connection.execute(
            text("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'")
        )
        return found | {name: str(last) for name, last in sequences}


def sell(session: Session, member: Member, key: str, **more: int) -> Purchase:
    sale = Sale(member.id, list_stores(session)[0], None, 1_200, key, **more)  # type: ignore[arg-type]
    return record_purchase(session, sale, NOON).purchase


def leads_to_people(table: Table, seen: tuple[str, ...] = ()) -> bool:
    """Tell whether rows of this table can belong to a person."""
    if table.name in ("member", "staff"):
        return True
    return any(
        leads_to_people(found.referred_table, (*seen, table.name))
        for found in table.foreign_key_constraints
        if found.referred_table.name not in (*seen, table.name)
    )


def test_every_table_without_people_is_a_rule_or_left_empty_for_a_reason() -> None:
    """A new table can neither carry a person into the sandbox nor be a rule that is forgotten."""
    for module in pkgutil.iter_modules(models.__path__):
        importlib.import_module(f"models.{module.name}")
    tables = Base.metadata.tables
    assert not [name for name in RULES if leads_to_people(tables[name])]
    impersonal = {name for name, table in tables.items() if not leads_to_people(table)}
    assert impersonal - set(RULES) == set(WORK)


def test_who_enters_first_makes_it_with_the_shops_rules_and_members_of_its_own(
    alone: Committed,
) -> None:
    with alone.sessions.begin() as session:
        alone.maker.member(session, phone="+886912345678")
        get_shop(session).earn_twd = 50

    with beside(alone.url, alone.sessions) as sandbox, sandbox.enter(made_key(alone)) as session:
        assert not sandbox.open()
        shop = get_shop(session)
        assert (shop.name["zh-TW"], shop.earn_twd) == ("茶日子", 50)
        assert session.scalar(select(func.count()).select_from(Tier)) == 4
        numbers = session.scalars(select(Member.number).order_by(Member.id)).all()
        assert numbers == [NEWCOMER.number, REGULAR.number, FROZEN.number, LEFT.number]


def test_its_members_are_what_they_are_said_to_be(sandbox: Sandbox) -> None:
    with sandbox.sessions() as session:
        newcomer = get_member_by_typed(session, NEWCOMER.phone)
        regular = get_member_by_typed(session, REGULAR.number)
        frozen = get_member_by_typed(session, FROZEN.number)
        assert (newcomer.purchase_count, newcomer.points) == (0, 0)
        assert (regular.purchase_count, session.get_one(Tier, regular.tier_id).code) == (
            6,
            "silver",
        )
        assert regular.points > 300
        given = set(
            session.scalars(select(Coupon.template_id).where(Coupon.member_id == regular.id))
        )
        assert given == set(session.scalars(select(CouponTemplate.id)))
        assert frozen.frozen_at is not None
        with pytest.raises(NoSuchMember):
            get_member_by_typed(session, LEFT.number)
        assert session.scalars(select(Owed)).all() == []


def test_whatever_happens_in_it_nothing_of_the_shop_changes(
    committed: Committed, sandbox: Sandbox, key: ApiKey
) -> None:
    with committed.sessions.begin() as session:
        sell(session, committed.maker.member(session, points=50), "real")
    before = shop_as_it_is(committed.engine)

    with sandbox.enter(key) as session:
        regular = get_member_by_typed(session, REGULAR.number)
        coupon = session.scalars(select(Coupon).where(Coupon.member_id == regular.id)).first()
        assert coupon is not None
        store = list_stores(session)[0]
        sale = Sale(regular.id, store, None, 1_200, "one", coupon_ids=(coupon.id,))
        record_purchase(session, sale, NOON)
        bought = sell(session, regular, "two", points_to_use=20)
        refund_purchase(session, Return(bought.id, store, None, "不要了", "back"), NOON)
        session.commit()
        assert session.scalar(select(func.count()).select_from(Purchase)) == 14

    assert shop_as_it_is(committed.engine) == before


def test_a_sandbox_session_sees_no_table_of_the_shop(
    committed: Committed, sandbox: Sandbox
) -> None:
    with committed.engine.begin() as connection:
        connection.execute(text("CREATE TABLE only_in_the_shop ()"))

    with sandbox.sessions() as session, pytest.raises(ProgrammingError, match="does not exist"):
        session.execute(text("SELECT FROM only_in_the_shop"))


def test_no_statement_names_a_schema() -> None:
    """What is not qualified is found where the session looks, and nowhere else."""
    named = re.compile(r"\bpublic\.|search_path|schema=['\"]|'public'::regnamespace")
    allowed = {"models/database.py", "handlers/sandbox.py"}
    found = {
        str(path.relative_to(ROOT))
        for room in ("models", "handlers", "bot", "jobs", "migrations")
        for path in (ROOT / room).rglob("*.py")
        if named.search(path.read_text("utf-8"))
    }
    assert found <= allowed
    assert {table.schema for table in Base.metadata.tables.values()} == {None}


def test_nothing_in_it_stands_on_something_of_the_shop(committed: Committed) -> None:
    """Keys, triggers and defaults of the sandbox lead to its own tables and functions."""
    with committed.engine.connect() as connection:
        assert _led_out(connection) == []


def _led_out(connection: Connection) -> list[str]:
    return list(
        connection.scalars(
            text("""
                SELECT depends.objid::text || ' ' || depends.classid::regclass
                FROM pg_depend AS depends
                JOIN pg_class AS inside ON depends.classid = 'pg_class'::regclass
                    AND inside.oid = depends.objid AND inside.relnamespace = to_regnamespace(:name)
                JOIN pg_class AS outside ON depends.refclassid = 'pg_class'::regclass
                    AND outside.oid = depends.refobjid
                    AND outside.relnamespace = 'public'::regnamespace
                UNION SELECT conname FROM pg_constraint
                JOIN pg_class AS named ON named.oid = confrelid
                WHERE connamespace = to_regnamespace(:name)
                    AND named.relnamespace <> connamespace
                UNION SELECT tgname FROM pg_trigger
                JOIN pg_class AS watched ON watched.oid = tgrelid
                JOIN pg_proc AS called ON called.oid = tgfoid
                WHERE watched.relnamespace = to_regnamespace(:name)
                    AND called.pronamespace = 'public'::regnamespace
            """),
            {"name": SCHEMA},
        )
    )


def test_renewed_it_is_as_new_and_its_keys_still_enter(
    committed: Committed, sandbox: Sandbox, key: ApiKey
) -> None:
    with sandbox.enter(key) as session:
        sell(session, get_member_by_typed(session, NEWCOMER.number), "one")
        session.commit()
    with committed.sessions.begin() as session:
        shop = get_shop(session)
        shop.earn_twd, shop.programme_version = 10, shop.programme_version + 1

    sandbox.renew()

    with sandbox.enter(key) as session:
        newcomer = get_member_by_typed(session, NEWCOMER.number)
        assert newcomer.purchase_count == 0
        assert session.get(ApiKey, key.id) is not None
        assert sell(session, newcomer, "one").points_earned == 120


def test_rules_remembered_from_before_are_not_taken_for_the_new_ones(sandbox: Sandbox) -> None:
    """A web process keeps rules by their version, so a renewed sandbox never has one again."""
    versions = []
    for _ in range(2):
        with sandbox.sessions() as session:
            versions.append(get_shop(session).programme_version)
        sandbox.renew()
    assert versions[0] < versions[1]


def test_a_store_opened_since_it_was_made_is_known(committed: Committed, sandbox: Sandbox) -> None:
    with committed.sessions.begin() as session:
        store = Store(code="TP09", name={"zh-TW": "新店"})
        session.add(store)
        session.flush()
        made, _ = add_api_key(session, "till", SCOPES, NOON, store_id=store.id, is_sandbox=True)
        session.refresh(made)

    with sandbox.enter(made) as session:
        assert session.get_one(ApiKey, made.id).store.code == "TP09"


def test_two_who_make_it_at_once_make_one(alone: Committed) -> None:
    with ThreadPoolExecutor(4) as pool, ExitStack() as stack:
        each = [stack.enter_context(beside(alone.url, alone.sessions)) for _ in range(4)]
        made = list(pool.map(Sandbox.open, each))
    assert sorted(made) == [False, False, False, True]


def test_without_a_shop_there_is_no_sandbox_and_nothing_half_made(server_url: str) -> None:
    name = f"regulars_no_shop_{uuid4().hex[:12]}"
    url = create_database(server_url, name)
    engine = make_engine(url)
    migrations.upgrade(engine)
    sandbox = make_sandbox(url, make_sessions(engine), lambda: NOON)
    with pytest.raises(NoShopYet):
        sandbox.open()
    assert not sandbox.close()
    sandbox.engine.dispose()
    engine.dispose()
    drop_database(server_url, name)


# --- by command and by call


@pytest.fixture
def app(committed: Committed) -> Iterator[Flask]:
    """Yield the application of this test's own shop, on real commits."""
    from app import Installation, Settings, create_app  # Seconds that only these tests pay.

    installation = Installation(
        Settings(
            _env_file=None,  # type: ignore[call-arg]  # Pydantic's own argument.
            secret_key="a secret of the tests",
            line_channel_secret="channel secret",
            line_channel_access_token="channel token",
            public_base_url="http://localhost",
            database_url=committed.url.render_as_string(hide_password=False),
        ),
        clock=lambda: NOON,
    )
    installation.bell = FakeBell()  # type: ignore[assignment]  # It rings the same.
    yield create_app(installation)
    installation.engine.dispose()
    installation.sandbox.engine.dispose()


@pytest.fixture
def command(app: Flask) -> Callable[..., str]:
    """Return what runs `flask --app app …` and returns what it said."""
    runner = app.test_cli_runner()
    return lambda *words: runner.invoke(args=list(words)).output


@pytest.fixture
def call(app: Flask, committed: Committed) -> Callable[..., TestResponse]:
    """Return what asks the API with a key: of the sandbox, or of the shop."""
    secrets = {}
    with committed.sessions.begin() as session:
        store_id = list_stores(session)[0].id
        for is_sandbox in (True, False):
            _, secrets[is_sandbox] = add_api_key(
                session, "till", SCOPES, NOON, store_id=store_id, is_sandbox=is_sandbox
            )

    def post(path: str, body: object = None, *, key: str = "k", is_sandbox: bool = True) -> object:
        headers = {"Authorization": f"Bearer {secrets[is_sandbox]}", "Idempotency-Key": key}
        return app.test_client().post(f"/api/v1{path}", json=body, headers=headers)

    return post  # type: ignore[return-value]  # The test client says less than it gives.


def test_a_sandbox_key_records_a_sale_and_the_shop_stays_as_it_is(
    committed: Committed, call: Callable[..., TestResponse]
) -> None:
    """Calls work on a world of their own; of the shop only the key's last use is noted."""
    with committed.sessions.begin() as session:
        real = committed.maker.member(session).number
    before = shop_as_it_is(committed.engine)
    sale = {"member": {"number": NEWCOMER.number}, "amount_twd": 450}

    made = call("/purchases", sale)
    again = call("/purchases", sale)
    nobody = call("/members/lookup", {"number": real})

    assert (made.status_code, again.status_code) == (201, 201)
    assert again.json == made.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert nobody.status_code == 404
    after = shop_as_it_is(committed.engine)
    assert {name for name in before if before[name] != after[name]} == {"api_key"}


def test_a_key_of_the_shop_meets_nobody_of_the_sandbox(call: Callable[..., TestResponse]) -> None:
    answer = call("/members/lookup", {"number": NEWCOMER.number}, is_sandbox=False)
    assert answer.status_code == 404


def test_a_sandbox_key_gets_a_members_code_and_sells_with_it_once(
    call: Callable[..., TestResponse],
) -> None:
    told = call(f"/sandbox/members/{NEWCOMER.number}/code").json
    assert told is not None
    found = call("/members/lookup", {"code": told["code"]})
    sale = {"member": {"code": told["code"]}, "amount_twd": 450}
    first, second = call("/purchases", sale, key="one"), call("/purchases", sale, key="two")

    assert found.json is not None
    assert found.json["number"] == NEWCOMER.number
    assert first.status_code == 201
    assert second.json is not None
    assert second.json["code"] == "code_already_used"


def test_only_a_sandbox_key_gets_codes(call: Callable[..., TestResponse]) -> None:
    refused = call(f"/sandbox/members/{NEWCOMER.number}/code", is_sandbox=False)
    unknown = call("/sandbox/members/999999999/code")
    assert refused.json is not None
    assert (refused.status_code, refused.json["code"]) == (403, "sandbox_only")
    assert unknown.status_code == 404


def test_an_operator_resets_and_removes_it(command: Callable[..., str], sandbox: Sandbox) -> None:
    said = command("sandbox", "reset")
    assert NEWCOMER.number in said
    assert REGULAR.phone in said
    assert not sandbox.open()
    assert command("sandbox", "remove") == "Removed.\n"
    assert command("sandbox", "remove") == "There is no sandbox.\n"


def test_an_upgrade_of_the_shop_upgrades_it_too(
    command: Callable[..., str], sandbox: Sandbox
) -> None:
    with sandbox.engine.begin() as connection:
        drop_sandbox(connection)
        create_sandbox(connection)
        migrations.upgrade_within(connection, "0012")

    assert "The sandbox is at head." in command("db", "upgrade")

    with sandbox.engine.connect() as connection:
        assert migrations.is_current(connection)
