"""How we say no: problem details for HTTP (RFC 9457), with a stable code."""

from typing import Annotated, Any

from pydantic import Field

from handlers.api.schemas.base import Told


class Fault(Told):
    """One place in what was sent that does not fit."""

    pointer: Annotated[
        str,
        Field(
            description="Where: a JSON pointer into the body (`/lines/0/amount_twd`), or the name "
            "of the query's or the address's part (`limit`)."
        ),
    ]
    within: Annotated[str, Field(description="`body`, `query` or `path`.")]
    detail: Annotated[str, Field(description="What is wrong there.")]


class Problem(Told):
    """A refusal: nothing was changed. Decide by `code`, which is stable; the texts are for people.

    Where `facts` are given they are the numbers of the refusal, such as what is left to refund.
    """

    type: Annotated[str, Field(description="The address of the code's documentation.")]
    title: str
    status: int
    code: Annotated[str, Field(description="Stable; see the documentation page.")]
    detail: Annotated[str, Field(description="What to do about it, in the asker's language.")]
    request_id: Annotated[str, Field(description="By which we find the call in our log.")]
    facts: dict[str, Any] | None = None
    errors: list[Fault] | None = None
