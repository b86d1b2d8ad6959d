"""What only the sandbox tells."""

from typing import Annotated

from pydantic import ConfigDict, Field

from handlers.api.schemas.base import Moment, Told


class IssuedCodeTold(Told):
    """A fresh member code, as the QR of the card would say it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "AFK3Q7M2ZX5R6YJHBA2TU4OIWE7LNVPC",
                    "good_until": "2026-11-22T12:02:00+08:00",
                }
            ]
        }
    )

    code: Annotated[str, Field(description="What a scanner would read.")]
    good_until: Annotated[Moment, Field(description="From when on it is refused as too old.")]
