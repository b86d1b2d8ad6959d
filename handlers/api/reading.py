"""What was asked: address, query and body, read into the models of a route."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from flask import request
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from werkzeug.exceptions import UnsupportedMediaType

from handlers.api.problems import Refused

JSON = "application/json"
MOST_ERRORS = 20


def read_body() -> Any:
    """Return the body as JSON values. Raises UnsupportedMediaType, or Refused: malformed_json."""
    if request.mimetype != JSON:
        raise UnsupportedMediaType
    try:
        return from_json(request.get_data(cache=False), allow_inf_nan=False)
    except ValueError as error:
        raise Refused("malformed_json") from error


def digest_of_call(body: Any) -> str:
    """Return the digest of what is asked: method, address and content, however it is spelt."""
    try:
        content = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except ValueError as error:  # 1e400 is read as infinity.
        raise Refused("malformed_json") from error
    return sha256(f"{request.method} {request.path}\n{content}".encode()).hexdigest()


def read_query() -> dict[str, str]:
    """Return the query; of a name that comes twice the first."""
    return request.args.to_dict()


def read_model(model: type[BaseModel], values: Any, within: str) -> BaseModel:
    """Return what was sent as a model. Raises Refused: invalid_request, with every fault."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        errors = [_fault(each, within) for each in found[:MOST_ERRORS]]
        raise Refused("invalid_request", errors=errors) from None


def _fault(found: Mapping[str, Any], within: str) -> dict[str, str]:
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in found["loc"]]
    pointer = "".join(f"/{part}" for part in parts) if within == "body" else ".".join(parts)
    return {"pointer": pointer, "within": within, "detail": found["msg"]}
