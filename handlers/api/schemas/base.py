"""What all models share: kinds of fields, and how strict we are.

What is asked may hold no field we do not know, so that a typing error is told and not ignored.
Numbers are whole; `1.0` is one, as JSON Schema has it, but neither `"1"` nor `true` is. Text holds
no NUL, which the database would refuse. Moments are ISO 8601 with an offset.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, get_args

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    StringConstraints,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue, SkipJsonSchema
from pydantic_core import CoreSchema

from models.local_day import TAIPEI

LARGEST_ID = 2**63 - 1
LARGEST_NUMBER = 2**31 - 1
MOST_ITEMS = 100
USUAL_ITEMS = 20
FIRST_YEAR, LAST_YEAR = 2000, 2100
_LIMITS = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
_VISIBLE = r"^[^\x00]*$"


def _refuse_other_kinds(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError("a whole number is needed")  # noqa: TRY004 - pydantic takes ValueError.
    return value


def _read_moment(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or len(value) < len("2026-11-22T12:00Z"):
        raise ValueError("a moment such as 2026-11-22T12:00:00+08:00 is needed")
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None or not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError("a moment of our century with its offset is needed")
    return moment.astimezone(UTC)


def tell_moment(moment: datetime) -> str:
    """Return a moment as we tell it everywhere: in Taipei's time, with its offset."""
    return moment.astimezone(TAIPEI).isoformat(timespec="seconds")


WholeNumber = Annotated[int, BeforeValidator(_refuse_other_kinds), Field(le=LARGEST_NUMBER)]
Id = Annotated[int, BeforeValidator(_refuse_other_kinds), Field(ge=1, le=LARGEST_ID)]
"""Our own number of a thing, in what is asked or told."""
PathId = Annotated[int, Field(ge=1, le=LARGEST_ID)]
"""The same in an address or a query, where it comes as text."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_VISIBLE)]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=_VISIBLE)]
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_read_moment),
    PlainSerializer(tell_moment, return_type=str, when_used="json"),
]
"""A moment; told in Taipei's time, with its offset."""
Language = Annotated[str, StringConstraints(pattern=r"^(zh-TW|en|ja)$")]


def _with_limits(part: Any) -> Any:
    """Return a part of a schema with the limits of numbers by JSON Schema's names.

    Behind a validator of ours pydantic writes them down by its own, which nobody understands.
    """
    if isinstance(part, dict):
        return {_LIMITS.get(name, name): _with_limits(value) for name, value in part.items()}
    if isinstance(part, list):
        return [_with_limits(value) for value in part]
    return part


def _hides_none(field: FieldInfo) -> bool:
    """Tell whether a field's type is `X | SkipJsonSchema[None]`."""
    hidden = (get_args(part) for part in get_args(field.annotation))
    return any(parts[:1] == (type(None),) for parts in hidden)


class Asked(BaseModel):
    """The base of what is asked: in a body, an address or a query."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    _never_null: ClassVar[frozenset[str]] = frozenset()
    """The fields that may be left out, but not be null: as the document says."""

    @classmethod
    def __pydantic_init_subclass__(cls, **told: Any) -> None:
        """Note which fields hide their None from the document."""
        super().__pydantic_init_subclass__(**told)
        fields = cls.model_fields.items()
        cls._never_null = frozenset(name for name, field in fields if _hides_none(field))

    @model_validator(mode="before")
    @classmethod
    def _left_out_not_null(cls, told: Any) -> Any:
        if cls._never_null and isinstance(told, dict):
            for name in cls._never_null.intersection(told):
                if told[name] is None:
                    raise ValueError(f"{name} may be left out, but not be null")
        return told

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema with the limits of numbers told as they are to be."""
        schema = handler(core_schema)
        told = handler.resolve_ref_schema(schema)
        told["properties"] = _with_limits(told.get("properties", {}))
        return schema


class Told(BaseModel):
    """The base of what is answered."""

    model_config = ConfigDict(frozen=True)


class PageAsked(Asked):
    """The base of a list's query."""

    limit: Annotated[
        int, Field(ge=1, le=MOST_ITEMS, description="So many items at most.", examples=[20])
    ] = USUAL_ITEMS
    cursor: Annotated[
        str | SkipJsonSchema[None],
        Field(max_length=1000, description="`next` of the page before; none for the first page."),
    ] = None


class Page(Told):
    """The base of a list: its subclass adds `items`."""

    next: Annotated[
        str | None, Field(description="The cursor of the next page; null on the last.")
    ] = None


class Code(Told):
    """A stable code with its name in words."""

    code: str
    name: str
