"""LINE's signature: who may speak to our webhook."""

from collections.abc import Sequence
from functools import cache

from linebot.v3.webhook import SignatureValidator


def is_signed(body: bytes, signature: str | None, secrets: Sequence[str]) -> bool:
    """Tell whether `signature` is that of the raw `body` under one of the channel secrets.

    Several secrets are in force while one is being exchanged. The comparison takes constant time
    (LINE, Verify webhook signature, read 2026-08).
    """
    if not signature or not signature.isascii():
        return False
    text = _as_text(body)
    return any(_validator(secret).validate(text, signature) for secret in secrets)


@cache
def _validator(secret: str) -> SignatureValidator:
    return SignatureValidator(secret)


def _as_text(body: bytes) -> str:
    """The SDK takes text and encodes it as UTF-8; other bytes than UTF-8 cannot be LINE's."""
    return body.decode("utf-8", "replace")
