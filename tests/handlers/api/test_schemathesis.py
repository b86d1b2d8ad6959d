"""The API against its own document, by schemathesis: whatever is sent, it keeps its word.

Everything the document allows is sent, everything it forbids, and what its answers lead to: no
answer may be a 5xx, a status, a content type or a shape that the document does not announce; what
is forbidden has to be refused, and no call without a key may be let in. A key of the sandbox asks,
so the shop beside it has to be the same afterwards, to the last row.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
import structlog
from flask import Flask
from limits import RateLimitItem
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from werkzeug.serving import WSGIRequestHandler, make_server

from handlers.limiting import limiter
from models.api_key import SCOPES, add_api_key
from models.sandbox import list_known_members
from models.shop import list_stores
from tests.conftest import NOON, Committed, FakeBell
from tests.handlers.test_sandbox import shop_as_it_is

SEED = 20_261_122
FEW, MANY = 10, 300
FEW_SECONDS, MANY_SECONDS = 25, 1_500
"""What ends a run that has asked enough; without it, its examples do."""
PATIENCE_SECONDS = 60
STATEFUL = "stateful"
PHASES = ("examples", "coverage", "fuzzing", STATEFUL)
REQUEST_ID = {"X-Request-Id": "stateful"}
"""Told, because the library takes the ids in answers for it and sends them as numbers."""
LONGEST_ANSWER = 800


@pytest.fixture
def app(committed: Committed) -> Iterator[Flask]:
    """Yield the application of a shop of this test's own, on real commits."""
    from app import Installation, Settings, create_app  # Seconds that only these tests pay.

    installation = Installation(
        Settings(
            _env_file=None,  # type: ignore[call-arg]  # Pydantic's own argument.
            secret_key="a secret of the tests",
            line_channel_secret="channel secret",
            line_channel_access_token="channel token",
            public_base_url="http://localhost",
            database_url=committed.url.render_as_string(hide_password=False),
            log_level="CRITICAL",
        ),
        clock=lambda: NOON,
    )
    installation.bell = FakeBell()  # type: ignore[assignment]  # It rings the same.
    installation.sandbox.open()
    heard = structlog.get_config()
    yield create_app(installation)
    structlog.configure(**heard)
    installation.engine.dispose()
    installation.sandbox.engine.dispose()


@pytest.fixture
def secret(committed: Committed) -> str:
    """Return a key of the sandbox that may do everything."""
    with committed.sessions.begin() as session:
        store_id = list_stores(session)[0].id
        return add_api_key(
            session, "schemathesis", SCOPES, NOON, store_id=store_id, is_sandbox=True
        )[1]


@pytest.fixture(autouse=True)
def fresh_limits(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Count no call, so that thousands in a minute are answered for what they ask."""

    def count_nothing(_item: RateLimitItem, *_whose: str, **_more: object) -> bool:
        return True

    monkeypatch.setattr(limiter.limiter, "hit", count_nothing)


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    """Yield where the application is served over HTTP, by a thread of this process."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Silent)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()


class _Silent(WSGIRequestHandler):
    """Keeps connections, and writes no line a call."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


def configuration(secret: str, phases: Sequence[str], examples: int) -> SchemathesisConfig:
    """Return how schemathesis is to ask: with the key, the same way at every run.

    It is told no time: it would go round in what is left of it, asking more on a quick machine.
    """
    numbers = [member.number for member in list_known_members()]
    return SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "continue-on-failure": True,
            "request-timeout": PATIENCE_SECONDS,
            "headers": {"Authorization": f"Bearer {secret}"},
            "dictionaries": {"members": {"values": numbers}},
            "parameters": {"number": {"dictionary": "members", "probability": 0.7}}
            | (REQUEST_ID if STATEFUL in phases else {}),
            # Taken back is not gone: a code, a redemption, an item of before can be read for ever.
            # And a key that comes again gets its first answer, also of what was deleted since.
            "checks": {
                "use_after_free": {"enabled": False},
                "ensure_resource_availability": {"enabled": False},
            },
            "phases": {phase: {"enabled": phase in phases} for phase in PHASES},
            "generation": {
                "mode": "all",
                "max-examples": examples,
                "deterministic": True,
                "no-shrink": True,
                "database": "none",
            },
        }
    )


@dataclass(frozen=True)
class Fault:
    """What was wrong with an answer."""

    operation: str
    check: str
    words: str


def faults_of(finished: events.ScenarioFinished) -> Iterator[Fault]:
    """Yield what was wrong in a scenario: what was asked, what was answered, why it is wrong."""
    recorder = finished.recorder
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.status != Status.FAILURE or check.failure_info is None:
                continue
            answer = _answer_to(recorder, case_id)
            why = check.failure_info.failure
            if check.name == "positive_data_acceptance" and not _is_misread(answer):
                continue  # A rule of the shop said no, which no schema can tell.
            words = f"{why}\n{check.failure_info.code_sample}\n{answer}"
            operation = recorder.cases[case_id].value.operation.label
            yield Fault(operation, check.name, words)


def _is_misread(answer: str) -> bool:
    """Tell whether what the document allows was refused for its shape, not by a rule."""
    return "#invalid_request" in answer and not re.search(r'"detail": "Value error, ', answer)


def _answer_to(recorder: Any, case_id: str) -> str:
    interaction = recorder.interactions.get(case_id)
    if interaction is None or interaction.response is None:
        return "no answer"
    content = interaction.response.content.decode("utf-8", "replace")
    return f"{interaction.response.status_code} {content[:LONGEST_ANSWER]}"


def shown(faults: list[Fault]) -> str:
    """Return one of each kind of fault, with how many there were."""
    kinds = Counter((fault.operation, fault.check) for fault in faults)
    first = {(fault.operation, fault.check): fault.words for fault in reversed(faults)}
    return "\n\n".join(
        f"{count} x {operation}: {check}\n{first[operation, check]}"
        for (operation, check), count in kinds.most_common()
    )


@pytest.mark.parametrize(
    ("examples", "seconds"),
    [
        pytest.param(FEW, FEW_SECONDS, id="few"),
        pytest.param(MANY, MANY_SECONDS, id="many", marks=pytest.mark.faults),
    ],
)
@pytest.mark.parametrize(
    "phases",
    [("examples", "coverage"), ("fuzzing",), (STATEFUL,)],
    ids=["edges", "random calls", "one after another"],
)
@pytest.mark.filterwarnings("default")  # The library's own, of what it could not generate.
def test_whatever_is_asked_the_document_said_so(
    committed: Committed,
    url: str,
    secret: str,
    phases: Sequence[str],
    examples: int,
    seconds: int,
) -> None:
    """No 5xx, nothing undocumented: to examples, edges, random calls, and what they lead to."""
    before = shop_as_it_is(committed.engine)
    schema = schemathesis.openapi.from_url(
        f"{url}/api/openapi.json",
        config=configuration(secret, phases, examples),
        timeout=PATIENCE_SECONDS,
    )

    enough, until = len(list(schema.get_all_operations())), time.monotonic() + seconds
    calls, faults, errors = 0, list[Fault](), list[str]()
    running = from_schema(schema).execute()
    for event in running:
        if isinstance(event, events.ScenarioFinished):
            calls += len(event.recorder.interactions)
            faults += faults_of(event)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            errors.append(str(event))
        if calls >= enough and time.monotonic() > until:
            running.stop()

    assert not faults, shown(faults)
    assert not errors, "\n\n".join(errors)
    assert calls >= enough, "hardly anything was asked"
    after = shop_as_it_is(committed.engine)
    assert {name for name in before if before[name] != after[name]} <= {"api_key"}
