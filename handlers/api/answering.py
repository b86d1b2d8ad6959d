"""What is answered: a model as JSON, kept under the call's key, or said again."""

from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import urlencode

from flask import Response, g, request
from pydantic import BaseModel
from werkzeug.datastructures import MultiDict
from werkzeug.urls import iri_to_uri

from handlers.api.door import Caller
from handlers.api.reading import JSON
from handlers.api.schemas.base import Page
from handlers.csv_file import CSV, csv_answer
from models.api_call import KeptAnswer, keep_answer

REPLAYED_HEADER = "Idempotency-Replayed"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a route answers, where status or place are not the usual ones."""

    body: BaseModel | None
    status: int | None = None
    location: str | None = None
    """The address of what was made, such as `/api/v1/purchases/7`."""


@dataclass(frozen=True, slots=True)
class Download:
    """A CSV file that is answered instead of JSON: written whole before its first byte is sent.

    So what goes wrong is still told as a problem, and a slow reader holds no transaction open.
    """

    file: IO[bytes]
    """At its beginning; closed once it is sent."""
    name: str


def describe_download(description: str, example: str) -> dict[str, Any]:
    """Return what the document says of an answer that is a CSV file."""
    content = {CSV: {"schema": {"type": "string"}, "example": example}}
    return {"description": description, "content": content}


def answer_plainly(answer: Answer | Download, usual: int) -> Response:
    """Answer a question, or a change that may be asked twice without harm."""
    if isinstance(answer, Download):
        return csv_answer(answer.file, answer.name, usual)
    response = _respond(_text(answer), answer.status or usual, answer.location)
    if isinstance(answer.body, Page) and answer.body.next is not None:
        response.headers["Link"] = f'<{_next_page(answer.body.next)}>; rel="next"'
    return response


def answer_first(caller: Caller, digest: str, answer: Answer, usual: int) -> Response:
    """Answer a call that was done, and keep the answer in its own transaction."""
    assert caller.idempotency_key is not None, "the door asked for it"
    kept = KeptAnswer(digest, answer.status or usual, _text(answer), answer.location)
    keep_answer(g.session, caller.opened, caller.idempotency_key, kept, g.now)
    return _respond(kept.answer, kept.status, kept.location)


def answer_again(kept: KeptAnswer) -> Response:
    """Say again what the call was answered the first time."""
    response = _respond(kept.answer, kept.status, kept.location)
    response.headers[REPLAYED_HEADER] = "true"
    return response


def _text(answer: Answer) -> str:
    return answer.body.model_dump_json() if answer.body is not None else ""


def _respond(text: str, status: int, location: str | None) -> Response:
    response = Response(text, status, mimetype=JSON)
    if not text:
        del response.headers["Content-Type"]
    if location is not None:
        response.headers["Location"] = location
    return response


def _next_page(cursor: str) -> str:
    """Return the address of the next page: this one's, with its cursor."""
    asked = MultiDict(request.args)
    asked["cursor"] = cursor
    return iri_to_uri(f"{request.base_url}?{urlencode(list(asked.items(multi=True)))}")
