"""How a route of the API is declared: once, for the door, the checks and the document alike.

    declare(blueprint, "POST", "/purchases", record, tag=PURCHASES, scope=WRITE_PURCHASES,
            answers={201: PurchaseMade}, refusals=(NoSuchMember, OrderKnown))

The function's arguments say what it reads: `path`, `query` and `body`, each a model. Its docstring
is the document's text. It returns a model, or an `Answer` to choose status and place. A POST is
done once: its Idempotency-Key is asked for, and its answer kept; a question that happens to be a
POST says `once=False`.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_type_hints

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag
from limits import RateLimitItem
from pydantic import BaseModel

from handlers.api import door, reading
from handlers.api.answering import (
    Answer,
    Download,
    answer_again,
    answer_first,
    answer_plainly,
)
from handlers.api.describing import describe_answers, describe_headers
from models.api_call import answer_before
from models.base import BusinessError

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
View = Callable[..., BaseModel | Answer | Download]


@dataclass(frozen=True, slots=True)
class Route:
    """What a route reads and who may use it."""

    view: View
    scopes: Sequence[str]
    limit: RateLimitItem | None
    once: bool
    status: int
    path: type[BaseModel] | None
    query: type[BaseModel] | None
    body: type[BaseModel] | None

    def answer(self, **address: Any) -> Response:
        """Answer a call: door, repetition, what was asked, the verb, and the kept answer."""
        who = door.enter(self.scopes, self.limit, once=self.once)
        told = reading.read_body() if self.body is not None else None
        if not self.once:
            return answer_plainly(self._ask(address, told), self.status)
        digest = reading.digest_of_call(told)
        before = answer_before(who.opened, digest)
        if before is not None:
            return answer_again(before)
        done = self._ask(address, told)
        assert isinstance(done, Answer), "a file is no answer that could be kept and said again"
        return answer_first(who, digest, done, self.status)

    def _ask(self, address: Mapping[str, Any], told: Any) -> Answer | Download:
        asked: dict[str, BaseModel] = {}
        if self.path is not None:
            asked["path"] = reading.read_model(self.path, address, "path")
        if self.query is not None:
            asked["query"] = reading.read_model(self.query, reading.read_query(), "query")
        if self.body is not None:
            asked["body"] = reading.read_model(self.body, told, "body")
        answered = self.view(**asked)
        return Answer(answered) if isinstance(answered, BaseModel) else answered


def declare(
    blueprint: APIBlueprint,
    method: Method,
    rule: str,
    view: View,
    *,
    tag: Tag,
    scope: str | Sequence[str],
    answers: Mapping[int, type[BaseModel] | dict[str, Any] | None],
    refusals: Sequence[type[BusinessError] | str] = (),
    limit: RateLimitItem | None = None,
    once: bool | None = None,
) -> None:
    """Add a route to the API and to its document.

    The first of `answers` is the usual one; None is an answer without a body, and what is no JSON
    describes itself (`describe_download`). `refusals` are those
    of the verb: what the door and the checks may refuse is added to them. Of several in `scope`
    one is enough.
    """
    hints = get_type_hints(view)
    parts = {part: hints.get(part) for part in ("path", "query", "body")}
    is_once = method == "POST" if once is None else once
    scopes = (scope,) if isinstance(scope, str) else tuple(scope)
    route = Route(view, scopes, limit, is_once, next(iter(answers)), **parts)
    codes = [each if isinstance(each, str) else each.code for each in refusals]
    summary, _, description = inspect.cleandoc(view.__doc__ or "").partition("\n")
    add = getattr(blueprint, method.lower())
    add(
        rule,
        tags=[tag],
        summary=summary,
        description=f"{description.strip()}\n\n{_tell_scopes(scopes)}".strip(),
        operation_id=view.__name__,
        responses=describe_answers(
            answers,
            codes,
            has_body=route.body is not None,
            has_parts=route.path is not None or route.query is not None,
            once=is_once,
        ),
        security=[{"api_key": []}],
    )(_documented(route, parts))


def _tell_scopes(scopes: Sequence[str]) -> str:
    return "Scope: " + " or ".join(f"`{scope}`" for scope in scopes) + "."


def _documented(
    route: Route, parts: Mapping[str, type[BaseModel] | None]
) -> Callable[..., Response]:
    """Return the view as the library is to see it: its annotations are what it documents."""

    def answer(**address: Any) -> Response:
        return route.answer(**address)

    answer.__name__ = route.view.__name__
    answer.__doc__ = route.view.__doc__
    headers = describe_headers(once=route.once)
    known = {"header": headers, **parts}
    answer.__annotations__ = {name: model for name, model in known.items() if model is not None}
    # The library's own mark of views that check what was asked themselves: ours, behind the door.
    answer.__delay_validate_request__ = True  # type: ignore[attr-defined]
    return answer
