"""The simulator as a process: it starts by its arguments and stops by a signal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import urllib3

from tests.simulator.conftest import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "bot.simulator", "--port", "0"]
USER = "U" + "a" * 32


def environment(**line: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LINE_")}
    return {**kept, **line}


def test_it_serves_its_seed_and_keeps_its_state_when_it_is_told_to_stop(tmp_path: Path) -> None:
    seed, state = tmp_path / "seed.json", tmp_path / "simulator.sqlite3"
    seed.write_text(json.dumps({"people": [{"id": USER, "name": "林小晴"}]}), "utf-8")
    arguments = ["--seed", str(seed), "--state", str(state)]
    with subprocess.Popen(
        COMMAND + arguments,
        cwd=ROOT,
        env=environment(LINE_CHANNEL_SECRET="s", LINE_CHANNEL_ACCESS_TOKEN="t"),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip().partition("url=")[2]
        with urllib3.PoolManager(timeout=PATIENCE_SECONDS) as pool:
            people = pool.request("GET", f"{url}_sim/people").json()["people"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0
    assert [person["id"] for person in people] == [USER]
    assert USER.encode() in state.read_bytes()


@pytest.mark.parametrize("name", ["LINE_CHANNEL_SECRET", "LINE_CHANNEL_ACCESS_TOKEN"])
def test_it_does_not_start_without_the_channels_secret_and_token(name: str) -> None:
    run = subprocess.run(
        COMMAND,
        cwd=ROOT,
        env=environment(**{name: "a"}),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert run.returncode == 2
    assert "must be set" in run.stderr
