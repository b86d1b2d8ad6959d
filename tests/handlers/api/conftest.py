"""A till that asks the API: its key, its store, and a fresh Idempotency-Key for each deed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from handlers.limiting import limiter
from models.api_key import SCOPES, add_api_key
from tests.conftest import NOON, Maker

V1 = "/api/v1"
MakeKey = Callable[..., str]


@dataclass(frozen=True)
class Till:
    """Asks with a key."""

    client: FlaskClient
    secret: str

    def get(self, path: str, **headers: str) -> TestResponse:
        """Ask for what is at `path`, below `/api/v1`."""
        return self.client.get(V1 + path, headers=self._headers(headers))

    def post(
        self, path: str, body: Any = None, *, key: str | None = None, **headers: str
    ) -> TestResponse:
        """Ask for a deed, with a key drawn for it where none is told."""
        told = {"Idempotency-Key": key or str(uuid4())} | headers
        return self.client.post(V1 + path, json=body, headers=self._headers(told))

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """Ask by any method, with no key drawn."""
        return self.client.open(V1 + path, method=method, json=body, headers=self._headers(headers))

    def _headers(self, told: dict[str, str]) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in told.items()}
        return {"Authorization": f"Bearer {self.secret}"} | named


@pytest.fixture(autouse=True)
def fresh_limits(app: Flask) -> None:
    """Let no test meet the calls of another in the limits."""
    limiter.reset()


@pytest.fixture
def make_key(session: Session) -> MakeKey:
    """Return a maker of keys: scopes in, secret out."""

    def make(*scopes: str, store: str = "TP01", **told: Any) -> str:
        made = Maker().store(session, store)
        _, secret = add_api_key(session, "till", scopes or SCOPES, NOON, store_id=made.id, **told)
        session.commit()
        return secret

    return make


@pytest.fixture
def till(client: FlaskClient, make_key: MakeKey) -> Till:
    """Return a till of the first store whose key has every scope."""
    return Till(client, make_key())
