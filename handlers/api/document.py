"""The document a stranger builds their till by, made of what the routes declare."""

import json
from functools import lru_cache
from typing import Any, cast

from flask import Flask
from flask_openapi.models.info import Info
from flask_openapi.models.security_scheme import SecurityScheme
from flask_openapi.openapi import OpenAPI

from handlers.api.codes import KINDS
from handlers.api.describing import example_of
from handlers.api.problems import MEDIA_TYPE
from handlers.api.schemas.problem import Problem
from handlers.api.schemas.segments import RULE_MARK
from handlers.api.tags import TAGS
from models.segment.schema import rule_schema

OPENAPI_VERSION = "3.1.1"
"""What tools read today; the library writes its newest, of which we use nothing that 3.1 lacks."""
API_VERSION = "1.0.0"
SCHEMAS = "#/components/schemas/"
METHODS = ("get", "post", "put", "patch", "delete")

_INTRODUCTION = """
Record sales, look members up, and take points and coupons, from any till or web shop.

**從收銀機或網路商店登錄交易、查詢會員、折抵點數與優惠券。**

- **Key 金鑰** Every call carries `Authorization: Bearer rk_…`. A key belongs to one store, has
  scopes, and is made by the shop: `flask --app app api-key add`. `rk_test_…` keys work in the
  sandbox, where nothing is real. 每把金鑰屬於一間門市，`rk_test_…` 僅用於測試環境。
- **Once 不重複** Every POST that writes needs an `Idempotency-Key`. After a lost connection send
  the same key and content again: it happens once, and you get the first answer. Keys are kept for
  seven days. 斷線後以同一鍵值重送，不會重複登錄。
- **Problems 錯誤** Refusals are `application/problem+json` (RFC 9457). Decide by `code`; all codes
  are listed on [the page of problems](/api/docs/problems). Nothing was changed by a refused call.
  請依 `code` 判斷；被拒絕的請求不會變更任何資料。
- **Money and time 金額與時間** Whole NT$. ISO 8601 with an offset. 金額為整數新臺幣，時間含時區。
- **Pages 分頁** Pass `next` as `cursor`, or follow the `Link` header. 以 `next` 取得下一頁。
- **Limits 流量** 600 calls a minute for each key, 60 where a person is looked up; `RateLimit-*`
  headers tell what is left. 每把金鑰每分鐘 600 次，查詢會員 60 次。
"""


def make_openapi(import_name: str) -> OpenAPI:
    """Make the application: Flask's, which also writes down what API blueprints declare."""
    app = OpenAPI(
        import_name,
        info=Info(title="Regulars 常客 API", version=API_VERSION, description=_INTRODUCTION),
        security_schemes={
            "api_key": SecurityScheme(type="http", scheme="bearer", bearerFormat="rk_live_…")
        },
        validation_error_model=Problem,
        doc_ui=False,
        static_folder=None,
    )
    app.openapi_version = OPENAPI_VERSION
    return app


@lru_cache(maxsize=4)
def encoded_document(app: Flask) -> str:
    """Return the document as JSON; made once."""
    return json.dumps(describe_api(cast(OpenAPI, app)), ensure_ascii=False)


def describe_api(app: OpenAPI) -> dict[str, Any]:
    """Return the whole document, with an example beside each body."""
    spec: dict[str, Any] = json.loads(json.dumps(app.api_doc))
    order = [tag.name for tag in TAGS]
    spec["tags"] = sorted(spec.get("tags", ()), key=lambda tag: order.index(tag["name"]))
    schemas = spec["components"]["schemas"]
    spec["components"]["examples"] = {code: example_of(code) for code in sorted(KINDS)}
    _tell_rule_language(schemas)
    for path in spec["paths"].values():
        for method in METHODS:
            if method in path:
                _finish_operation(path[method], schemas)
    return spec


def _tell_rule_language(schemas: dict[str, Any]) -> None:
    """Put the language of segments' rules where a model has marked one."""
    language = rule_schema()
    parts = language.pop("$defs")
    language.pop("$schema")
    for schema in list(schemas.values()):
        for name, part in schema.get("properties", {}).items():
            if part.pop(RULE_MARK, False):
                told = {"$ref": f"{SCHEMAS}SegmentRule", "description": part["description"]}
                schema["properties"][name] = told
    schemas["SegmentRule"] = _moved(language)
    schemas.update({f"SegmentRule.{name}": _moved(part) for name, part in parts.items()})


def _moved(part: Any) -> Any:
    """Return a part of the rule language with its references as the document has them."""
    if isinstance(part, list):
        return [_moved(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        name: value.replace("#/$defs/", f"{SCHEMAS}SegmentRule.")
        if name == "$ref"
        else _moved(value)
        for name, value in part.items()
    }


def _finish_operation(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    for status in list(operation["responses"]):
        described = operation["responses"][status]
        described["headers"] = _headers(status, operation)
        for media in described.get("content", {}).values():
            _add_example(media, schemas)
    own = operation["responses"].get("422", {}).get("content", {})
    if own and MEDIA_TYPE not in own:
        del operation["responses"]["422"]  # The library's own, of what this route never answers.
    for media in (operation.get("requestBody") or {}).get("content", {}).values():
        _add_example(media, schemas)


def _add_example(media: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Copy the model's example to where tools look for one."""
    name = media.get("schema", {}).get("$ref", "").rpartition("/")[2]
    examples = schemas.get(name, {}).get("examples")
    if examples and "examples" not in media:
        media["example"] = examples[0]


def _headers(status: str, operation: dict[str, Any]) -> dict[str, Any]:
    told = {"X-Request-Id": _header("string", "The call's id, for both our logs.")}
    if status not in ("401", "503"):
        told["RateLimit-Limit"] = _header("integer", "Calls a minute.")
        told["RateLimit-Remaining"] = _header("integer", "How many of them are left.")
        told["RateLimit-Reset"] = _header("integer", "Seconds until they begin anew.")
    if status in ("429", "503"):
        told["Retry-After"] = _header("integer", "Seconds to wait.")
    takes_key = any(each["name"] == "Idempotency-Key" for each in operation.get("parameters", ()))
    if status.startswith("2") and takes_key:
        told["Idempotency-Replayed"] = _header("string", "`true` where the answer is said again.")
    return told


def _header(kind: str, description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}}
