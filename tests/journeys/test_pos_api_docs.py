"""docs/pos-api.md, walked as a stranger would: every command is run, every answer compared.

A ```sh block is run, all of them in one shell, one after another; the ```json or ```text block
behind it is what it prints. What differs from day to day (moments, ids, codes, secrets) is held
against its shape alone; all else has to be as it stands there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from models.database import create_database, drop_database
from models.demo import load_demo
from tests.processes import BIN, ROOT, Installation, installed

PAGE = ROOT / "docs" / "pos-api.md"
EXAMPLE = ROOT / "docs" / "examples" / "pos_client.py"
DEMO_URL = "http://127.0.0.1:8000"
END = "-- end of the block --"
BLOCK_SECONDS = 300
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHAPES = (
    (re.compile(r"https?://[^/\s\"<>]+"), "<host>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?([+-]\d\d:\d\d|Z)"), "<moment>"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "<day>"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"\b(rk_(live|test)_|whsec_)[A-Za-z0-9_+/=-]+(?:…)?"), r"<\1 secret>"),
    (re.compile(r"\b[A-Z2-7]{100,}\b"), "<member code>"),
    (re.compile(r"\b[A-Z2-7]{16,99}…"), "<member code>"),
    (re.compile(r"\b[2-9A-HJKMNP-Z]{12}\b"), "<code>"),
    (re.compile(r"\b[0-9a-f]{16}\b"), "<request id>"),
    (re.compile(r"\bW[A-Za-z0-9_-]{10,}[A-Za-z0-9_.-]*"), "<cursor>"),
    (re.compile(r"(?<=/)\d+\b"), "<id>"),
    (re.compile(r"(?i)(?<=ratelimit-)(remaining|reset): \d+"), r"\1: <number>"),
)
"""What is held against its shape, in this order."""
NUMBERED = re.compile(r"(^|_)id$|^left$")
"""Fields that hold our own numbers of things."""


@dataclass(frozen=True)
class Step:
    """Commands of the page, and what they are said to print; None where it does not say."""

    line: int
    commands: str
    kind: str | None
    printed: str


def read_steps(page: str) -> list[Step]:
    """Return the page's commands in their order, each with the block behind it."""
    steps: list[Step] = []
    for found in BLOCK.finditer(page):
        kind, content = found.groups()
        if kind == "sh":
            steps.append(Step(page.count("\n", 0, found.start()) + 1, content, None, ""))
        elif kind in ("json", "text"):
            last = steps[-1]
            assert last.kind is None, f"line {last.line}: two answers to one block"
            steps[-1] = Step(last.line, last.commands, kind, content)
    return steps


class Shell:
    """One bash for the whole page, so that its variables live on."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=ROOT,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, commands: str) -> tuple[int, str]:
        """Run commands; return the last one's status and all that was printed."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f"{commands}\nprintf '\\n%s %s\\n' '{END}' $?\n")
        self._bash.stdin.flush()
        said: list[str] = []
        impatient = threading.Timer(BLOCK_SECONDS, self._bash.kill)
        impatient.start()
        try:
            for line in self._bash.stdout:
                if line.startswith(END):
                    return int(line.rpartition(" ")[2]), "".join(said).rstrip("\n") + "\n"
                said.append(line)
        finally:
            impatient.cancel()
        raise AssertionError(f"the shell ended, or was ended after {BLOCK_SECONDS} s: {said}")

    def close(self) -> None:
        """End the shell."""
        self._bash.communicate("exit\n", timeout=BLOCK_SECONDS)


@pytest.fixture(scope="module", params=["a shop just set up", "the demo shop"])
def shop(request: pytest.FixtureRequest, server_url: str, pristine: str) -> Iterator[Installation]:
    """Yield a shop whose web server runs as in the Procfile."""
    name = f"regulars_docs_{uuid4().hex[:12]}"
    with installed(create_database(server_url, name, pristine), "docs") as made:
        if request.param == "the demo shop":
            load_demo(made.sessions, datetime.now(UTC))
        made.start("web")
        yield made
    drop_database(server_url, name)


@pytest.fixture(scope="module")
def shell(shop: Installation) -> Iterator[Shell]:
    """Yield a shell in which the page's commands meet this test's shop."""
    if shutil.which("curl") is None:
        if os.environ.get("CI"):
            pytest.fail("docs/pos-api.md is walked with curl; install it")
        pytest.skip("docs/pos-api.md was NOT walked: install curl")
    opened = Shell(shop.environment)
    yield opened
    opened.close()


def shaped(text: str) -> str:
    """Return a text with what differs from day to day replaced by its shape."""
    for pattern, shape in SHAPES:
        text = pattern.sub(shape, text)
    return text


def stable(value: object, name: str = "") -> object:
    """Return JSON with what differs from day to day replaced by its shape."""
    if isinstance(value, dict):
        return {key: stable(part, key) for key, part in value.items()}
    if isinstance(value, list):
        return [stable(part, name) for part in value]
    if isinstance(value, str):
        return "<cursor>" if name in ("next", "cursor") and value else shaped(value)
    if isinstance(value, int) and not isinstance(value, bool) and NUMBERED.search(name):
        return "<number>"
    return value


def is_alike(told: Any, said: Any) -> bool:
    """Tell whether two answers are of one shape, whatever the numbers and names in them."""
    if isinstance(told, dict) and isinstance(said, dict):
        return set(told) == set(said) and all(is_alike(told[key], said[key]) for key in told)
    if isinstance(told, list) and isinstance(said, list):
        return not (told and said) or is_alike(told[0], said[0])
    return told is None or said is None or type(told) is type(said)


def test_every_command_of_the_page_does_what_the_page_says(
    request: pytest.FixtureRequest, shop: Installation, shell: Shell
) -> None:
    """docs/pos-api.md: a stranger's five minutes, from the key to the refund and beyond.

    The page shows the answers of a shop just set up. The demo's own rules bring other numbers, so
    its answers, which are what a stranger sees, are held against the page's shapes.
    """
    is_exact = "demo" not in request.node.name
    steps = read_steps(PAGE.read_text("utf-8"))
    assert len(steps) > 20
    for step in steps:
        commands = step.commands.replace(DEMO_URL, shop.base_url)
        status, printed = shell.run(commands.replace(".venv/bin/", f"{BIN}/"))
        where = f"line {step.line}: {step.commands}printed {printed}"
        assert status == 0, where
        if step.kind == "json":
            told, said = stable(json.loads(printed)), stable(json.loads(step.printed))
            assert told == said if is_exact else is_alike(told, said), where
        elif step.kind == "text" and is_exact:
            assert shaped(printed) == shaped(step.printed), where
        elif step.kind == "text":
            assert printed.count("\n") == step.printed.count("\n"), where


def test_the_example_is_whole_without_our_own_code() -> None:
    """Who copies it needs `requests` and nothing of ours."""
    source = EXAMPLE.read_text("utf-8")
    imported = set(re.findall(r"^(?:from|import) (\w+)", source, re.MULTILINE))
    assert imported - set(sys.stdlib_module_names) == {"requests"}


def test_every_code_the_page_names_exists() -> None:
    """The table of problems shows codes that the API really answers with."""
    from handlers.api.codes import KINDS  # Seconds that only this test pays.

    page = PAGE.read_text("utf-8")
    table = re.findall(r"^\| `(\w+)` \| (\d{3}) \|", page, re.MULTILINE)
    assert table
    assert {code: int(status) for code, status in table}.items() <= {
        code: kind.status for code, kind in KINDS.items()
    }.items()


def test_every_local_link_of_the_page_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGE.read_text("utf-8")):
        assert Path(PAGE.parent / target).exists(), target
