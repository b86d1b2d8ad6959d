"""What the document says of a route beside its models: answers, problems, headers."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from handlers.api.codes import kind_of
from handlers.api.problems import MEDIA_TYPE, PROBLEMS_PAGE

PROBLEM_SCHEMA = {"$ref": "#/components/schemas/Problem"}
ALWAYS = (
    "bad_request",
    "api_key_refused",
    "scope_missing",
    "too_many_requests",
    "internal_error",
    "unavailable",
)
OF_BODIES = ("malformed_json", "content_too_large", "unsupported_media_type")
OF_ONCE = (
    "idempotency_key_missing",
    "idempotency_key_malformed",
    "idempotency_key_in_use",
    "idempotency_key_reused",
)


class CallHeaders(BaseModel):
    """What any call may bring in its headers."""

    x_request_id: Annotated[
        str | SkipJsonSchema[None],
        Field(
            alias="X-Request-Id",
            description="Your own id of the call, for both our logs: up to 64 letters, digits and"
            " `. _ : -`; another is replaced.",
            examples=["till-3-000123"],
        ),
    ] = None


class OnceHeaders(CallHeaders):
    """What a call that writes brings in its headers."""

    idempotency_key: Annotated[
        str,
        Field(
            alias="Idempotency-Key",
            description="Your own key of this one deed, such as a UUID: 1 to 255 printable ASCII "
            "characters. Try again with the same key and content, for a week, and you get the same"
            " answer, with `Idempotency-Replayed: true`.",
            min_length=1,
            max_length=255,
            pattern=r"^[!-~]+$",
            examples=["3f0c6f4e-2a57-4f6e-9d0b-6d0f5d0f7a11"],
        ),
    ]


def describe_headers(*, once: bool) -> type[BaseModel]:
    """Return the headers a route takes."""
    return OnceHeaders if once else CallHeaders


def describe_answers(
    answers: Mapping[int, type[BaseModel] | dict[str, Any] | None],
    codes: Sequence[str],
    *,
    has_body: bool,
    has_parts: bool,
    once: bool,
) -> dict[int, Any]:
    """Return what a route answers by status: its models, and each problem with an example."""
    known = [*ALWAYS, *codes]
    known += OF_BODIES if has_body else ()
    known += OF_ONCE if once else ()
    known += ("invalid_request",) if has_body or has_parts else ()
    described: dict[int, Any] = dict(answers)
    for status in sorted({kind_of(code).status for code in known}):
        these = sorted({code for code in known if kind_of(code).status == status})
        described[status] = _describe_problems(status, these)
    return described


def _describe_problems(status: int, codes: Sequence[str]) -> dict[str, Any]:
    named = ", ".join(f"`{code}`" for code in codes)
    return {
        "description": named,
        "content": {
            MEDIA_TYPE: {
                "schema": PROBLEM_SCHEMA,
                "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
            }
        },
    }


def example_of(code: str) -> dict[str, Any]:
    """Return a problem of this code as the document shows it."""
    kind = kind_of(code)
    return {
        "summary": kind.title,
        "value": {
            "type": f"{PROBLEMS_PAGE}#{code}",
            "title": kind.title,
            "status": kind.status,
            "code": code,
            "detail": kind.advice,
            "request_id": "9f2c41d07be35a68",
        },
    }
