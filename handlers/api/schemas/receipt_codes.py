"""Receipt codes, as a till asks for them."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from handlers.api.schemas.base import Asked, Id, Moment, PathId, Text, Told, WholeNumber
from handlers.api.schemas.purchases import LineAsked, Username
from models.receipt_code import MOST_LINES

CODE = "R-7KQM-2XWB-94TD"


class ReceiptCodeAsked(Asked):
    """A sale whose buyer did not scan."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "reference": "2026-11-22-000124",
                    "amount_twd": 165,
                    "invoice_number": "AB12345678",
                }
            ]
        }
    )

    reference: Annotated[
        Text,
        Field(description="Your own number of the sale. The same one brings the same code again."),
    ]
    amount_twd: Annotated[WholeNumber, Field(ge=1, description="What was paid, in NT$.")]
    lines: Annotated[list[LineAsked], Field(default_factory=list, max_length=MOST_LINES)]
    invoice_number: Annotated[
        Text | SkipJsonSchema[None],
        Field(description="Of the uniform invoice; one of them has one code."),
    ] = None
    clerk: Username | SkipJsonSchema[None] = None


class ReceiptCodePath(Asked):
    """A receipt code in an address."""

    receipt_code_id: Annotated[PathId, Field(examples=[15])]


class ReceiptCodeIssued(Told):
    """A code to print on the receipt; the buyer sends it in the chat."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"id": 15, "code": CODE, "good_until": "2026-11-29T12:00:00+08:00"}]
        }
    )

    id: Id
    code: str
    good_until: Moment


class ReceiptCodeTold(Told):
    """A code as it stands; the code itself is not told again."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 15,
                    "state": "open",
                    "amount_twd": 165,
                    "issued_at": "2026-11-22T12:00:00+08:00",
                    "good_until": "2026-11-29T12:00:00+08:00",
                    "purchase_id": None,
                }
            ]
        }
    )

    id: Id
    state: Literal["open", "claimed", "cancelled", "over"]
    amount_twd: int
    issued_at: Moment
    good_until: Moment
    purchase_id: Annotated[int | None, Field(description="What came of it, once it is claimed.")]
