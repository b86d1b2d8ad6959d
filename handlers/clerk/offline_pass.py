"""The offline pass: who may go on selling on which device when the network is away.

A signed token, given with a page to whoever is signed in and kept on the device. Each sale made
without a network travels with the pass it was made under, so that it can be told of when its clerk
has gone home.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from itsdangerous import BadSignature, URLSafeSerializer

from models.base import BusinessError

_PURPOSE = "clerk-offline-pass-v1"


class PassNotOurs(BusinessError):
    """The pass was not signed by us, or was given to another device."""

    code = "pass_not_ours"


@dataclass(frozen=True)
class Pass:
    """Who it was given to, and when (POSIX seconds)."""

    staff_id: int
    device_id: int
    store_id: int
    issued_at: int

    @property
    def moment(self) -> datetime:
        """Return when it was given."""
        return datetime.fromtimestamp(self.issued_at, UTC)


def sign_pass(secret_key: str, given: Pass) -> str:
    """Return the pass as a token."""
    return str(URLSafeSerializer(secret_key, salt=_PURPOSE).dumps(asdict(given)))


def read_pass(secret_key: str, token: str) -> Pass:
    """Return the pass behind a token; how old it is the caller judges. Raises PassNotOurs."""
    try:
        return Pass(**URLSafeSerializer(secret_key, salt=_PURPOSE).loads(token))
    except (BadSignature, TypeError) as error:
        raise PassNotOurs from error
