"""The invitation's door: a link and a QR code that lead into the chat with the friend's code."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from handlers import EXTENSION
from tests.handlers.test_site import decoded


def test_an_invitation_opens_the_chat_with_the_friends_code(client: FlaskClient) -> None:
    """B-20: the link leads to the Official Account, its typing area filled."""
    answer = client.get("/i/abcd2345")

    assert answer.status_code == 302
    assert unquote(answer.location) == (
        "https://line.me/R/oaMessage/@teadays/?加入會員 #REF-ABCD2345"
    )


def test_an_invitation_of_the_demo_opens_the_simulators_chat(app: Flask) -> None:
    known = app.extensions[EXTENSION]
    app.extensions[EXTENSION] = replace(known, chat_url="http://localhost:8010")

    answer = app.test_client().get("/i/ABCD2345")

    assert unquote(answer.location) == "http://localhost:8010/?new=1&text=加入會員 #REF-ABCD2345"


def test_a_scanner_reads_the_link_from_the_picture(client: FlaskClient) -> None:
    """B-20: a QR code of the link."""
    answer = client.get("/i/ABCD2345/qr.png")

    assert answer.mimetype == "image/png"
    assert decoded(answer.data) == ["http://localhost/i/ABCD2345"]
    assert answer.cache_control.public


@pytest.mark.parametrize("code", ["ABCD234", "ABCD2340", "ABCD23456", "AB-CD2345", "珍珠奶茶"])
def test_what_is_no_code_has_no_door(client: FlaskClient, code: str) -> None:
    assert client.get(f"/i/{code}").status_code == 404
    assert client.get(f"/i/{code}/qr.png").status_code == 404
