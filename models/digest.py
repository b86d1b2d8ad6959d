"""Digests: of a secret we gave out, only this is kept."""

import hashlib


def secret_digest(secret: str) -> str:
    """Return the digest of a secret that was drawn at random, which needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
