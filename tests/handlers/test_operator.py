"""What an operator asks for by command."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app import Installation, create_app
from jobs.timetable import TIMETABLE
from models.demo import DEMO_STAFF
from models.device import enrol_with_code
from models.outbox import Owed
from models.pin import check_pin
from models.shop import Shop, Store, find_store, get_shop
from models.staff import Staff, log_in
from models.totp import begin_totp
from tests.conftest import NOON, Committed, FakeBell, Maker

PASSWORD = "long enough"


@pytest.fixture
def cli(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


def add_staff(cli: FlaskCliRunner, username: str, *more: str, password: str = PASSWORD) -> Result:
    told = ["--name", "小安", "--store", "tp01", "--password", password]
    return cli.invoke(args=["staff", "add", username, *told, *more])


# --- staff


def test_a_person_with_a_new_login_may_log_in(cli: FlaskCliRunner, session: Session) -> None:
    done = add_staff(cli, "Amy", "--role", "manager")

    assert done.exit_code == 0
    assert done.output.startswith("Amy may log in as manager at TP01.\nPIN for the first sign-in: ")
    staff = log_in(session, "amy", PASSWORD)
    assert (staff.name, staff.role, staff.store.code) == ("小安", "manager", "TP01")


def test_one_is_a_clerk_unless_told_otherwise(cli: FlaskCliRunner, session: Session) -> None:
    add_staff(cli, "amy")

    assert log_in(session, "amy", PASSWORD).role == "clerk"


def test_what_is_missing_is_asked_for(cli: FlaskCliRunner, session: Session) -> None:
    done = cli.invoke(args=["staff", "add", "amy"], input=f"小安\nTP01\n{PASSWORD}\n{PASSWORD}\n")

    assert done.exit_code == 0
    assert log_in(session, "amy", PASSWORD).name == "小安"


@pytest.mark.parametrize(
    ("more", "password", "words"),
    [
        (("--store", "XX99"), PASSWORD, "no store has the code XX99"),
        (("--role", "king"), PASSWORD, "king"),
        ((), "short", "password_too_short"),
    ],
)
def test_a_wrong_login_is_refused_in_words(
    cli: FlaskCliRunner, session: Session, more: tuple[str, ...], password: str, words: str
) -> None:
    done = add_staff(cli, "amy", *more, password=password)

    assert done.exit_code != 0
    assert words in done.output
    assert "Traceback" not in done.output
    assert session.scalar(select(func.count()).select_from(Staff)) == 0


def test_a_name_that_is_taken_is_refused_in_words(cli: FlaskCliRunner, session: Session) -> None:
    add_staff(cli, "amy")

    done = add_staff(cli, "AMY ")

    assert done.exit_code != 0
    assert "amy" in done.output.lower()
    assert session.scalar(select(func.count()).select_from(Staff)) == 1


# --- the shop


SHOP = [
    *("--name", "小茶館", "--legal-name", "小茶館有限公司", "--phone", "02-2345-6789"),
    *("--hours", "每日 10:00–22:00", "--basic-id", "@little"),
]


def test_setting_up_makes_what_is_missing_and_changes_nothing(
    cli: FlaskCliRunner, session: Session
) -> None:
    done = cli.invoke(
        args=["shop", "set-up", *SHOP, "--store", "tp01=別店", "--store", "KH01=高雄店"]
    )

    assert (done.exit_code, done.output) == (0, "小茶館 is set up with 2 store(s).\n")
    shop = session.scalars(select(Shop)).one()
    old, new = find_store(session, "TP01"), find_store(session, "KH01")
    assert shop.name["zh-TW"].startswith("茶日子")
    assert old is not None
    assert old.name["zh-TW"] != "別店"
    assert new is not None
    assert new.name == {"zh-TW": "高雄店"}


@pytest.mark.parametrize("store", ["TP09", "TP09=", "TP 9=店", "=店", "TP09= ", "店=店"])
def test_a_store_without_code_and_name_is_refused(
    cli: FlaskCliRunner, session: Session, store: str
) -> None:
    before = session.scalar(select(func.count()).select_from(Store))
    done = cli.invoke(args=["shop", "set-up", *SHOP, "--store", store])

    assert done.exit_code == 2
    assert "TP01=信義店" in done.output
    assert session.scalar(select(func.count()).select_from(Store)) == before


def test_a_shop_without_a_store_is_refused(cli: FlaskCliRunner) -> None:
    assert cli.invoke(args=["shop", "set-up", *SHOP]).exit_code == 2


# --- jobs


def test_the_timetable_is_shown(cli: FlaskCliRunner) -> None:
    lines = cli.invoke(args=["job", "list"]).output.splitlines()

    assert len(lines) == len(TIMETABLE)
    assert lines[0] == "00:05  end_plans"
    assert lines == sorted(lines)


def test_a_job_is_run_by_hand_and_what_it_owes_delivered(
    cli: FlaskCliRunner, session: Session, installation: Installation
) -> None:
    Maker().member(session, birthday=date(1990, 11, 22))
    session.commit()

    done = cli.invoke(args=["job", "run", "run_journeys"])

    assert done.exit_code == 0
    assert done.output.splitlines()[-1] == "run_journeys at 2026-11-22 12:00: 2"
    assert isinstance(installation.bell, FakeBell)
    assert installation.bell.rung == ["deliver_outbox"]


@pytest.mark.parametrize(
    "at",
    ["2026-12-25T10:00+08:00", "2026-12-25T02:00Z", "2026-12-25T10:00", "2026-12-25 10:00:00"],
)
def test_a_job_played_at_another_moment_delivers_now(
    cli: FlaskCliRunner, session: Session, at: str
) -> None:
    Maker().member(session, birthday=date(1990, 12, 25))
    session.commit()

    done = cli.invoke(args=["job", "run", "run_journeys", "--at", at])

    assert done.output.splitlines()[-1] == "run_journeys at 2026-12-25 10:00: 2"
    owed = session.scalars(select(Owed)).one()
    assert owed.next_try_at == NOON
    assert owed.useful_until == datetime(2026, 11, 22, 16, tzinfo=UTC)


@pytest.mark.parametrize("at", ["tomorrow", "2026-13-01T10:00", "25/12/2026", "10:00"])
def test_a_bad_moment_is_refused_in_words(cli: FlaskCliRunner, at: str) -> None:
    done = cli.invoke(args=["job", "run", "forget_old", "--at", at])

    assert done.exit_code == 2
    assert "is no moment" in done.output


def test_an_unknown_job_is_refused(cli: FlaskCliRunner) -> None:
    done = cli.invoke(args=["job", "run", "fly"])

    assert done.exit_code == 2
    assert "seal_ledger" in done.output


# --- database and demo


@pytest.fixture
def own_cli(installation: Installation, committed: Committed) -> Iterator[FlaskCliRunner]:
    """Yield a runner of commands on a database of the test's own."""
    installation.settings.database_url = committed.url.render_as_string(hide_password=False)
    vars(installation).pop("database_url", None)
    vars(installation).pop("engine", None)
    yield create_app(installation).test_cli_runner()
    installation.engine.dispose()
    installation.sandbox.engine.dispose()


def test_the_tables_go_down_and_up_again(own_cli: FlaskCliRunner, committed: Committed) -> None:
    with committed.sessions.begin() as session:
        session.execute(delete(Staff))
    committed.engine.dispose()

    down = own_cli.invoke(args=["db", "downgrade", "base"])
    up = own_cli.invoke(args=["db", "upgrade"])
    again = own_cli.invoke(args=["db", "upgrade"])

    assert [done.output for done in (down, up, again)] == [
        "Database is at base.\n",
        "Database is at head.\n",
        "Database is at head.\n",
    ]
    with committed.engine.connect() as connection:
        sql = "SELECT count(*) FROM shop"
        assert connection.exec_driver_sql(sql).scalar_one() == 0


def test_the_demos_logins_are_printed(cli: FlaskCliRunner) -> None:
    printed = cli.invoke(args=["demo", "logins"]).output

    assert all(username in printed for username, *_ in DEMO_STAFF)


# --- people, PINs and devices


def test_a_pin_is_reset_and_unlocked_by_command(cli: FlaskCliRunner, session: Session) -> None:
    """U6: where no manager can sign in, the operator helps."""
    add_staff(cli, "amy")
    amy = session.scalars(select(Staff)).one()
    pin = cli.invoke(args=["staff", "pin", "AMY"]).output.strip()
    assert check_pin(session, amy.id, pin, NOON) is amy
    assert amy.pin_is_temporary
    amy.pin_locked_until = NOON + timedelta(minutes=15)
    session.flush()
    assert "amy           clerk     TP01 PIN locked" in cli.invoke(args=["staff", "list"]).output
    assert cli.invoke(args=["staff", "unlock", "amy"]).output == "amy may try again.\n"
    assert "PIN to change" in cli.invoke(args=["staff", "list"]).output


def test_role_and_access_change_by_command(cli: FlaskCliRunner, session: Session) -> None:
    """U6: both end the person's sessions."""
    add_staff(cli, "amy")
    amy = session.scalars(select(Staff)).one()
    version = amy.session_version
    assert cli.invoke(args=["staff", "role", "amy", "manager"]).output == "amy is manager.\n"
    assert cli.invoke(args=["staff", "access", "amy", "--off"]).output == "amy is out.\n"
    session.refresh(amy)
    assert (amy.role, amy.is_active, amy.session_version) == ("manager", False, version + 2)
    assert cli.invoke(args=["staff", "access", "amy", "--on"]).output == "amy is in.\n"


def test_a_lost_phone_is_forgotten_by_command(cli: FlaskCliRunner, session: Session) -> None:
    """Architecture 11: where no owner can log in, the operator helps."""
    add_staff(cli, "amy")
    amy = session.scalars(select(Staff)).one()
    begin_totp(amy)
    amy.totp_at = NOON
    session.flush()
    told = cli.invoke(args=["staff", "reset-totp", "amy"]).output
    session.refresh(amy)
    assert told == "amy sets up their phone at the next login.\n"
    assert session.scalars(select(Staff.totp_seed)).one() is None


@pytest.mark.parametrize("deed", [["pin"], ["unlock"], ["reset-totp"], ["access", "--off"]])
def test_nobody_is_helped_by_a_wrong_name(cli: FlaskCliRunner, deed: list[str]) -> None:
    done = cli.invoke(args=["staff", deed[0], "nobody", *deed[1:]])
    assert done.exit_code != 0
    assert "no_such_staff" in done.output


def test_devices_are_let_in_listed_and_shut_out_by_command(
    cli: FlaskCliRunner, session: Session
) -> None:
    """U6: a code is printed once; a revoked device is out, and its shift over."""
    code = cli.invoke(args=["device", "code", "--store", "tp02"]).output.split()[0]
    device, _ = enrol_with_code(session, code, "吧台手機", NOON)
    session.flush()
    listed = cli.invoke(args=["device", "list"]).output
    assert f"{device.id} 吧台手機: TP02, seen 2026-11-22 12:00" in listed
    assert cli.invoke(args=["device", "revoke", str(device.id)]).output == "吧台手機 is revoked.\n"
    assert "revoked" in cli.invoke(args=["device", "list"]).output
    again = cli.invoke(args=["device", "revoke", str(device.id)])
    assert "no_such_device" in again.output
    assert "no store has the code" in cli.invoke(args=["device", "code", "--store", "XX"]).output


def test_the_lock_time_is_the_shops(cli: FlaskCliRunner, session: Session) -> None:
    assert cli.invoke(args=["device", "lock-after", "10"]).exit_code == 0
    session.expire_all()
    assert get_shop(session).lock_minutes == 10
    assert cli.invoke(args=["device", "lock-after", "0"]).exit_code != 0


def test_limits_tell_what_they_count(cli: FlaskCliRunner) -> None:
    listed = cli.invoke(args=["fraud", "rules"]).output
    assert "staff_points_sale       staff points per sale: warn 100, block 200, on" in listed
    assert "staff_points_day        staff points per day" in listed
