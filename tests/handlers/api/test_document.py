"""The document: valid OpenAPI 3.1, whole, with examples that are what they say; its pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_openapi.utils import parse_rule
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from handlers.api.codes import KINDS
from handlers.api.docs import ASSETS
from handlers.api.schemas.members import NUMBER
from tests.handlers.api.conftest import V1, Till

JSON = "application/json"
METHODS = ("get", "post", "put", "patch", "delete")
ONLY_IN_3_2 = {"$self", "query", "additionalOperations", "itemSchema", "itemEncoding", "kind"}


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    """Return the document as anybody gets it."""
    answer = client.get("/api/openapi.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    told: dict[str, Any] = answer.json or {}
    return told


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each operation by method and address."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def media(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every JSON body that an operation takes or gives when all is well."""
    contents = [(operation.get("requestBody") or {}).get("content", {})]
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            contents.append(answer.get("content", {}))
    yield from (content[JSON] for content in contents if JSON in content)


def keys_of(part: Any) -> Iterator[str]:
    """Yield every key within a part of the document, examples left out."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield key
            if key not in ("example", "examples", "properties"):
                yield from keys_of(value)
    elif isinstance(part, list):
        for value in part:
            yield from keys_of(value)


def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"].startswith("3.1.")
    paths = {key: value for key, value in document.items() if key != "components"}
    assert not ONLY_IN_3_2 & set(keys_of(paths)) - {"query"}


def test_every_route_of_the_api_is_in_it(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        f"{method} {parse_rule(rule.rule)}"
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert {name for name, _ in operations(document)} == routes


def test_every_operation_is_told_in_full(document: dict[str, Any]) -> None:
    ids = []
    for name, operation in operations(document):
        ids.append(operation["operationId"])
        assert operation["summary"].endswith((".", "。")), name
        assert operation["tags"], name
        assert operation["security"] == [{"api_key": []}], name
        assert {"400", "401", "403", "429", "500", "503"} <= set(operation["responses"]), name
        for answer in operation["responses"].values():
            assert "X-Request-Id" in answer["headers"], name
    assert len(ids) == len(set(ids))


def test_every_body_has_an_example_that_fits_it(document: dict[str, Any]) -> None:
    resource = Resource.from_contents(document, default_specification=DRAFT202012)
    registry = Registry().with_resource("urn:document", resource)
    for name, operation in operations(document):
        for content in media(operation):
            assert "example" in content, name
            absolute = {"$ref": "urn:document" + content["schema"]["$ref"]}
            Draft202012Validator(absolute, registry=registry).validate(content["example"])


def test_what_writes_asks_for_an_idempotency_key(document: dict[str, Any]) -> None:
    """Section 4: on every POST, but for questions and what is known by a reference of its own."""
    without = {
        operation["operationId"]
        for name, operation in operations(document)
        if name.startswith("POST")
        and "Idempotency-Key" not in {each["name"] for each in operation["parameters"]}
    }

    assert without == {
        "look_up_member",
        "preview",
        "preview_cart",
        "issue_code",  # By the till's `reference`: a code is made anew, and kept nowhere.
        "issue_member_code",  # Only in the sandbox.
        "preview_segment",
        "run_analysis",
        "try_one_journey",
    }


def test_every_problem_it_names_has_its_place_on_the_page(
    client: FlaskClient, document: dict[str, Any]
) -> None:
    named = {
        code
        for _, operation in operations(document)
        for status, answer in operation["responses"].items()
        if status.startswith(("4", "5"))
        for content in answer["content"].values()
        for code in content["examples"]
    }
    page = client.get("/api/docs/problems").text

    assert named <= set(KINDS)
    assert all(f'id="{code}"' in page for code in KINDS)


def test_the_page_runs_nothing_foreign(client: FlaskClient) -> None:
    answer = client.get("/api/docs")

    policy = answer.headers["Content-Security-Policy"]
    assert answer.status_code == 200
    assert "script-src 'self'" in policy
    assert "unsafe-eval" not in policy
    assert not re.search(r"https?://", re.sub(r'"http://localhost[^"]*"', "", answer.text))
    assert "<script>" not in answer.text


@pytest.mark.parametrize("name", ASSETS)
def test_its_parts_come_from_here_and_compressed(client: FlaskClient, name: str) -> None:
    packed = client.get(f"/api/docs/assets/{name}", headers={"Accept-Encoding": "gzip"})
    plain = client.get(f"/api/docs/assets/{name}", headers={"Accept-Encoding": "identity"})

    assert (packed.status_code, packed.headers["Content-Encoding"]) == (200, "gzip")
    assert "Content-Encoding" not in plain.headers
    assert len(packed.data) < len(plain.data) / 2
    assert client.get("/api/docs/assets/../../app.py").status_code == 404
    assert client.get("/api/docs/assets/swagger.svg").status_code == 404


IN_ADDRESSES = {
    "code": "nobodys",
    "name": "abc",
    "number": NUMBER,
    "source": "web",
    "reference": "W-1",
}
"""What stands in an address where a document's braces do; 1 in all others."""
NOBODYS = {"content_code_unknown", "rule_unknown_code"}
"""Refusals of a word that would be known in another shop."""


def test_every_example_of_a_body_is_understood(till: Till, document: dict[str, Any]) -> None:
    """What it names may be nobody's here; but what it says is never wrong in itself."""
    refused = []
    for place, operation in operations(document):
        method, path = place.split(" ")
        address = re.sub(r"{(\w+)}", lambda found: IN_ADDRESSES.get(found[1], "1"), path)
        body = (operation.get("requestBody") or {}).get("content", {}).get(JSON, {})
        name = body.get("schema", {}).get("$ref", "").rpartition("/")[2]
        for example in document["components"]["schemas"].get(name, {}).get("examples", ()):
            ask = till.post if method == "POST" else partial(till.send, method)
            answer = ask(address.removeprefix(V1), example)
            problem = answer.json or {}
            if answer.status_code in (400, 415, 422) and problem["code"] not in NOBODYS:
                refused.append((place, problem["code"], problem.get("errors")))

    assert refused == []
