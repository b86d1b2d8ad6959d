"""Migrations: one head, both ways, equal to the models; what is append-only refuses changes."""

import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

import migrations
from models.base import Base
from models.consent import get_notice, note_consent
from models.coupon import get_template, issue_coupon
from models.database import create_database, drop_database, make_engine
from models.member import Member
from models.programme import get_programme
from models.tier import note_change
from tests.conftest import NOON

MakeMember = Callable[..., Member]


@pytest.fixture
def empty(server_url: str) -> Iterator[Engine]:
    """Yield an engine of an empty database of this test's own."""
    name = f"regulars_empty_{uuid4().hex[:12]}"
    engine = make_engine(create_database(server_url, name))
    yield engine
    engine.dispose()
    drop_database(server_url, name)


def things(engine: Engine) -> set[str]:
    """Return the names of all tables, types and functions of ours in the database."""
    with engine.connect() as connection:
        return set(
            connection.scalars(
                text("""
                    SELECT relname FROM pg_class
                    WHERE relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
                    AND relname <> 'alembic_version_pkc'
                    UNION SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
                    UNION SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
                    AND typname NOT LIKE '%alembic_version'
                """)
            )
        )


def test_there_is_one_head() -> None:
    assert len(ScriptDirectory.from_config(migrations.make_config()).get_heads()) == 1


def test_the_way_up_and_down_and_up_again_is_open(empty: Engine) -> None:
    migrations.upgrade(empty)
    with empty.connect() as connection:
        assert migrations.is_current(connection)
    above = things(empty)
    migrations.downgrade(empty, "base")
    assert things(empty) == set()
    migrations.upgrade(empty)
    assert things(empty) == above


def test_each_step_can_be_taken_alone(empty: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = ScriptDirectory.from_config(migrations.make_config())
    monkeypatch.setattr(ScriptDirectory, "from_config", lambda _: scripts)  # All are read but once.
    for step in reversed(list(scripts.walk_revisions())):
        migrations.upgrade(empty, step.revision)
        migrations.downgrade(empty, str(step.down_revision or "base"))
        migrations.upgrade(empty, step.revision)
    with empty.connect() as connection:
        assert migrations.is_current(connection)


def test_an_empty_database_is_not_current(empty: Engine) -> None:
    with empty.connect() as connection:
        assert not migrations.is_current(connection)


def test_models_equal_migrations(session: Session) -> None:
    context = MigrationContext.configure(
        session.connection(),
        opts={
            "compare_server_default": True,
            "include_name": lambda name, kind, _parents: (
                kind != "table" or name in Base.metadata.tables
            ),
        },
    )
    with warnings.catch_warnings():
        # PostgreSQL gives a computed column's words back in its own spelling.
        warnings.filterwarnings("ignore", message="Computed default on member.birthday_mmdd")
        assert compare_metadata(context, Base.metadata) == []


def test_checks_equal_migrations(session: Session) -> None:
    """Alembic compares no CHECK constraints; by name they must be the same."""
    inspector = inspect(session.connection())
    for table in Base.metadata.sorted_tables:
        declared = {
            str(constraint.name)
            for constraint in table.constraints
            if constraint.__visit_name__ in ("check_constraint", "table_or_column_check_constraint")
        }
        migrated = {check["name"] for check in inspector.get_check_constraints(table.name)}
        assert migrated == declared, table.name


def test_every_moment_has_a_zone(session: Session) -> None:
    naive = session.scalars(
        text("""
            SELECT table_name || '.' || column_name FROM information_schema.columns
            WHERE table_schema = 'public' AND data_type = 'timestamp without time zone'
        """)
    ).all()
    assert naive == []


@pytest.mark.parametrize("change", ["UPDATE {} SET id = id", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["points_entry", "consent", "tier_change", "coupon_event"])
def test_what_is_only_ever_added_to_refuses_changes(
    session: Session, make_member: MakeMember, table: str, change: str
) -> None:
    """X6: an append-only ledger, guarded by the database."""
    member, tiers = make_member(points=10), get_programme(session).tiers
    note_consent(
        session,
        member.id,
        "marketing",
        is_given=True,
        notice_version=get_notice(session).version,
        channel="line",
        evidence="e",
        now=NOON,
    )
    given_at = NOON + timedelta(days=1)
    session.add(note_change(member.id, tiers[0], tiers[1], {"rule": "grant"}, given_at))
    issue_coupon(session, member.id, get_template(session, "welcome"), issue_key="e", now=NOON)
    session.flush()
    with pytest.raises(DBAPIError, match="is append-only"), session.begin_nested():
        session.execute(text(change.format(table)))


def test_every_table_whose_rows_never_change_is_guarded(session: Session) -> None:
    """X6: what a table's docstring promises, the database keeps."""
    guarded = session.scalars(
        text("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only'")
    )
    promised = {
        mapper.class_.__tablename__
        for mapper in Base.registry.mappers
        if "Never changed" in (mapper.class_.__doc__ or "")
    }
    assert promised <= set(guarded)
