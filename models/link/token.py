"""A tracked link's token: which link, perhaps whose, and a proof that we wrote it. No row a member.

Link id (4 bytes), member id (6, left out where the message is the same for all), the first 8 bytes
of a keyed BLAKE2b over both; base64url: 24 characters, 16 without a member. Eight bytes are enough
where each guess is a request that is counted.
"""

import base64
import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
LINK_BYTES, MEMBER_BYTES, PROOF_BYTES = 4, 6, 8
_SHAPE = re.compile(r"[A-Za-z0-9_-]{16}(?:[A-Za-z0-9_-]{8})?")


@lru_cache(maxsize=8)
def derive_link_key(secret: str) -> bytes:
    """Derive the key of the links from the installation's secret (HKDF-SHA256)."""
    derived = HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=b"regulars tracked link v1")
    return derived.derive(secret.encode())


@dataclass(frozen=True)
class Named:
    """What a token says; `member_id` is None where it went to many at once."""

    link_id: int
    member_id: int | None


@dataclass(frozen=True)
class LinkMaker:
    """Writes the addresses of an installation's links."""

    key: bytes
    base_url: str
    """Where phones reach us, without a slash at its end."""

    def address(self, link_id: int, member_id: int | None = None) -> str:
        """Return the address under which a click on this link is counted."""
        return f"{self.base_url}/r/{link_token(self.key, link_id, member_id)}"


def link_token(key: bytes, link_id: int, member_id: int | None) -> str:
    """Return the token that names a link and, unless None, a member."""
    body = link_id.to_bytes(LINK_BYTES, "big")
    if member_id is not None:
        body += member_id.to_bytes(MEMBER_BYTES, "big")
    return base64.urlsafe_b64encode(body + _proof(key, body)).decode()


def read_link_token(key: bytes, token: str) -> Named | None:
    """Return what a token of ours says; None where we did not write it."""
    if not _SHAPE.fullmatch(token):
        return None
    raw = base64.urlsafe_b64decode(token)
    body, proof = raw[:-PROOF_BYTES], raw[-PROOF_BYTES:]
    if not compare_digest(_proof(key, body), proof):
        return None
    member = body[LINK_BYTES:]
    return Named(
        int.from_bytes(body[:LINK_BYTES], "big"), int.from_bytes(member, "big") if member else None
    )


def _proof(key: bytes, body: bytes) -> bytes:
    return blake2b(body, key=key, digest_size=PROOF_BYTES).digest()
