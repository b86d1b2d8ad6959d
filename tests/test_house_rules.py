"""The house's rules that no type checker knows: kept here because memory does not keep them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

import migrations
from bot.postback import Action
from handlers import line
from jobs.timetable import TIMETABLE
from tests.handlers.clerk_driver import path_of

ROOT = Path(__file__).parents[1]
ROOMS = ("handlers", "jobs", "bot", "models")
EDGES = ("jobs/", "handlers/operator/")
"""A job's part and a command are each a transaction of their own."""
MAY_COMMIT = {
    "app.py",  # One request, one command.
    "handlers/__init__.py",
    "handlers/sandbox.py",  # A schema is made whole or not at all.
    "bot/simulator/storage.py",  # The simulator's own file, not our database.
    "models/demo/load.py",  # The demo's loader is a command of its own, in bounded parts.
    "models/exchange/archive.py",  # So is each of these: a file of any length, part by part.
    "models/exchange/members.py",
    "models/exchange/purchases.py",
    "models/exchange/undo.py",
    "models/prediction/fitting.py",  # It thinks for long between reading and writing.
}
MAY_PRINT = {  # By sys.stdout and sys.stderr.
    "handlers/operator/demo.py",
    "handlers/operator/demo_week.py",  # This and the next only ask whether somebody watches.
    "handlers/operator/exchange.py",
    "bot/simulator/__main__.py",
}
NO_TOPIC = {"__init__", "keeper", "webhook", "words"}
"""Modules of handlers/line in which nothing a person does is answered."""
OPEN_TO_ALL = {
    "clerk.show_login",
    "clerk.log_in",
    "clerk.sign_in",
    "clerk.use_code",
    "clerk.offline.service_worker",
    "clerk.offline.manifest",
    "clerk.offline.icon",
    "clerk.offline.maskable_icon",
    "clerk.offline.shell",
    "clerk.offline.ping",
    "clerk.offline.sync",  # Its door is the device's cookie and a signed pass: test_clerk_sync.py.
    "console.login_show_login",  # What the others ask for: tests/handlers/test_console_roles.py.
    "console.login_log_in",
    "console.login_show_code",
    "console.login_give_code",
    "console.login_choose_theme",
    "console.settings_people_show_invitation",  # A token of ours opens these four.
    "console.settings_people_take_password",
    "console.reports_ask_to_stop",
    "console.reports_stop",
    "site.show_start",
    "site.join",
    "site.invite",
    "site.invite_picture",
    "site.qr_picture",
    "site.follow_link",
    "site.ask_to_confirm",  # A token of ours opens these four: tests/handlers/test_links.py.
    "site.confirm",
    "site.ask_to_unsubscribe",
    "site.unsubscribe",
    "site.healthz",
    "site.readyz",
    "site.metrics",
    "api_docs.show_document",
    "api_docs.show_docs",
    "api_docs.show_problem_codes",
    "api_docs.show_asset",
    "line.callback",  # Its door is LINE's signature: tests/handlers/test_webhook.py.
}


def sources(*rooms: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield every module of ours by its path."""
    paths = [ROOT / "app.py", *(path for room in rooms for path in (ROOT / room).rglob("*.py"))]
    for path in paths:
        yield path.relative_to(ROOT).as_posix(), parsed(path)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def calls(tree: ast.Module) -> Iterator[str]:
    """Yield what is called in a module: the name, or the last part of a dotted one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node.func.attr
            elif isinstance(node.func, ast.Name):
                yield node.func.id


# --- transactions, prints, clocks


def test_only_the_edges_commit() -> None:
    found = {path for path, tree in sources(*ROOMS) if {"commit", "begin"} & set(calls(tree))}

    assert {path for path in found if not path.startswith(EDGES)} <= MAY_COMMIT


def test_nothing_prints() -> None:
    found = {path for path, tree in sources(*ROOMS) if "print" in calls(tree)}

    assert found == set()


def test_only_the_demo_and_the_simulator_write_to_the_terminal() -> None:
    found = {
        path
        for path, tree in sources(*ROOMS)
        if any(
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and (node.value.id, node.attr) in {("sys", "stdout"), ("sys", "stderr")}
            for node in ast.walk(tree)
        )
    }

    assert found <= MAY_PRINT


def test_only_the_front_door_reads_the_clock_and_the_environment() -> None:
    """A rule is told the time; `datetime.now` in a model or a handler would be a second clock."""
    found = {
        path
        for path, tree in sources("handlers", "jobs", "models")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr)
        in {("datetime", "now"), ("date", "today"), ("os", "environ")}
    }

    assert found <= {
        "app.py",
        "handlers/operator/demo.py",  # It starts the processes, and makes their environment.
        "models/embedded_postgres.py",  # It passes its own on to PostgreSQL's programs.
        "models/member_code.py",  # A signature is checked without asking how old the code is.
    }


def test_no_module_is_called_utils() -> None:
    names = {Path(path).stem for path, _ in sources(*ROOMS)}

    assert not names & {"utils", "helpers", "common", "misc", "manager", "services"}


# --- doors


def rules(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Yield every route with each method it answers."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method


def test_every_route_has_its_door(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_METHODS"] = []  # Else that door would hide whether there is another.
    for rule, method in rules(app):
        if rule.endpoint in OPEN_TO_ALL:
            continue
        path = path_of(rule)

        answer = client.open(path, method=method)

        path = urlsplit(answer.location or "").path
        goes_to_login = answer.status_code == 302 and path in ("/clerk/login", "/console/login")
        assert goes_to_login or answer.status_code in (401, 403), f"{method} {rule.rule}"


def test_what_is_open_to_all_is_there(app: Flask) -> None:
    assert {rule.endpoint for rule, _ in rules(app)} >= OPEN_TO_ALL


# --- each its place


@pytest.mark.parametrize("action", list(Action))
def test_every_action_has_a_handler_of_its_own(action: Action) -> None:
    unknown = line.handler_for("postback", "an action of nobody")

    assert line.handler_for("postback", action) not in (None, unknown)


def test_every_module_of_the_chat_is_a_topic() -> None:
    modules = {path.stem for path in (ROOT / "handlers" / "line").glob("*.py")}

    assert modules - NO_TOPIC == set(line.TOPICS)


def test_every_job_of_the_timetable_is_covered_by_a_test() -> None:
    tests = "".join(
        path.read_text("utf-8") for path in (ROOT / "tests" / "jobs").rglob("test_*.py")
    )

    assert [entry.name for entry in TIMETABLE if f'"{entry.name}"' not in tests] == []


def test_the_migrations_have_one_head() -> None:
    script = ScriptDirectory.from_config(migrations.make_config())

    assert len(script.get_heads()) == 1
