"""What is open to everybody: QR pictures, posters' links, health."""

from __future__ import annotations

import base64
import io
import os
import shutil
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
import zxingcpp
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app import Installation, create_app
from handlers.site import health
from handlers.site.qr import draw_qr
from models.database import make_engine, make_sessions
from models.job_run import begin_run
from models.line_event import LineEvent
from models.member_code import CODE_LENGTH, derive_signing_key, issue_code, new_card_ref
from tests.conftest import NOON, Committed

OUR_KEY = derive_signing_key("a secret of the tests")
OTHER_KEY = derive_signing_key("another shop's secret")
QR_CODE = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)


def a_code(key: object = OUR_KEY) -> str:
    assert isinstance(key, type(OUR_KEY))
    return issue_code(key, new_card_ref(), NOON).text


def decoded(png: bytes) -> list[str]:
    """Return what a scanner of QR codes reads from a picture.

    Looking for every kind, it finds a short barcode in the squares of one code in some thousands.
    """
    picture = Image.open(io.BytesIO(png)).convert("L")
    return [found.text for found in zxingcpp.read_barcodes(picture, formats=QR_CODE)]


# --- pictures


def test_a_scanner_reads_the_code_from_the_picture(client: FlaskClient) -> None:
    code = a_code()

    answer = client.get(f"/qr/{code}.png")

    assert answer.status_code == 200
    assert answer.mimetype == "image/png"
    assert decoded(answer.data) == [code]


@pytest.mark.parametrize("width", [200, 320])
def test_a_scanner_reads_the_picture_as_small_as_a_phone_shows_it(width: int) -> None:
    code = a_code()
    small = Image.open(io.BytesIO(draw_qr(code))).convert("L").resize((width, width))
    written = io.BytesIO()
    small.save(written, "PNG")

    assert decoded(written.getvalue()) == [code]


def test_a_picture_is_small_and_quickly_forgotten(client: FlaskClient) -> None:
    answer = client.get(f"/qr/{a_code()}.png")

    assert len(answer.data) < 4_000
    assert answer.headers["Cache-Control"] == "max-age=60, private"


def test_a_code_whose_minute_is_over_is_still_drawn(client: FlaskClient) -> None:
    for age in (timedelta(days=400), timedelta(0), timedelta(days=-1)):
        code = issue_code(OUR_KEY, new_card_ref(), NOON - age).text
        assert client.get(f"/qr/{code}.png").status_code == 200


@pytest.mark.parametrize(
    "code",
    [
        a_code(OTHER_KEY),
        a_code()[:-1],
        a_code() + "A",
        "A" * CODE_LENGTH,
        "1" * CODE_LENGTH,
        base64.b32encode(b"\x01" * 81).decode().rstrip("="),
        "hello",
        "https://evil.example",
        "会員",
        "%00",
        "x" * 5000,
    ],
)
def test_what_we_did_not_sign_is_not_drawn(client: FlaskClient, code: str) -> None:
    assert client.get(f"/qr/{code}.png").status_code == 404


def test_a_changed_code_is_not_drawn(client: FlaskClient) -> None:
    code = a_code()
    other = ("B" if code[20] == "A" else "A").join((code[:20], code[21:]))

    assert client.get(f"/qr/{other}.png").status_code == 404


# --- posters


def test_a_poster_opens_the_chat_with_its_words(client: FlaskClient) -> None:
    answer = client.get("/join/tp01")

    assert answer.status_code == 302
    assert unquote(answer.location) == "https://line.me/R/oaMessage/@teadays/?加入會員 #TP01"


def test_a_poster_of_the_demo_opens_the_simulators_chat(installation: Installation) -> None:
    installation.settings.chat_url = "http://chat.example:8001/"
    answer = create_app(installation).test_client().get("/join/IG-2026_a")

    assert unquote(answer.location) == "http://chat.example:8001/?new=1&text=加入會員 #IG-2026_A"


@pytest.mark.parametrize(
    "source", ["-x", "a" * 33, "會員", "a b", "%00", "a%0d%0ab", "a#b%3F", "a&b"]
)
def test_what_is_no_source_has_no_link(client: FlaskClient, source: str) -> None:
    answer = client.get(f"/join/{source}")

    assert answer.status_code == 404 or answer.location.endswith("%23A")


# --- health


def test_a_process_that_answers_is_alive(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "ok"}


def test_an_installation_that_keeps_up_is_ready(client: FlaskClient, session: Session) -> None:
    begin_run(session, "forget_old", "a", NOON)
    session.commit()

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json == {
        "status": "ok",
        "database": "ok",
        "migrations": "current",
        "events_waiting": 0,
        "messages_due": 0,
        "last_job_at": NOON.isoformat(),
    }


def test_an_installation_whose_workers_do_not_keep_up_is_not_ready(
    client: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "MOST_WAITING", 1)
    for number in range(2):
        session.add(LineEvent(webhook_event_id=str(number), event_type="message", raw={}))
    session.commit()

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json["status"]) == (503, "unready")  # type: ignore[index]
    assert client.get("/healthz").status_code == 200


def test_an_installation_behind_its_migrations_is_not_ready(
    committed: Committed, installation: Installation
) -> None:
    with committed.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    installation.sessions = committed.sessions

    answer = create_app(installation).test_client().get("/readyz")

    assert answer.status_code == 503
    assert answer.json == {"status": "unready", "database": "ok", "migrations": "behind"}


@pytest.fixture
def without_database(installation: Installation) -> Flask:
    dead: Engine = make_engine("postgresql://nobody@127.0.0.1:9/none", connect_timeout_seconds=1)
    installation.sessions = make_sessions(dead)
    return create_app(installation)


@pytest.fixture
def own_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process's metrics be all there are: those of one that just starts are half made."""
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    for file in folder.glob(f"*_{os.getpid()}.db"):
        shutil.copy(file, tmp_path)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))


@pytest.mark.usefixtures("own_metrics")
def test_without_a_database_one_is_alive_but_not_ready(without_database: Flask) -> None:
    client = without_database.test_client()

    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    assert client.get("/readyz").json == {"status": "unready", "database": "away"}
    assert client.get("/metrics").status_code == 200
    assert client.get(f"/qr/{a_code()}.png").status_code == 200


@pytest.mark.usefixtures("own_metrics")
def test_metrics_are_written_for_prometheus(client: FlaskClient) -> None:
    answer = client.get("/metrics")

    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain")


def test_an_unknown_page_is_not_found(client: FlaskClient) -> None:
    assert client.get("/nothing").status_code == 404
