"""Signatures: Standard Webhooks 1.0.0, symmetric (`v1`), with secrets that are derived.

The signature is HMAC-SHA256 over `id.timestamp.body`, in base64, under the bytes that the secret
holds in base64 after its prefix (Standard Webhooks specification, read 2026-11).
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from models.webhook.table import WebhookEndpoint

SECRET_PREFIX = "whsec_"  # noqa: S105  # Every secret begins so; it is none itself.
SECRET_BYTES = 32
BOTH_SIGN_FOR = timedelta(hours=24)
"""After a rotation the secret of before signs too, so that receivers can change in peace."""


def secret_of(installation_secret: str, endpoint: WebhookEndpoint) -> str:
    """Return the secret with which an endpoint's events are signed now: `whsec_…`."""
    return _secret(installation_secret, endpoint, endpoint.generation)


def secrets_of(installation_secret: str, endpoint: WebhookEndpoint, now: datetime) -> list[str]:
    """Return all secrets in force, the newest first: two on the day after a rotation."""
    generations = [endpoint.generation]
    if endpoint.rotated_at is not None and now < endpoint.rotated_at + BOTH_SIGN_FOR:
        generations.append(endpoint.generation - 1)
    return [_secret(installation_secret, endpoint, number) for number in generations]


def sign(secrets: Sequence[str], name: str, body: str, now: datetime) -> dict[str, str]:
    """Return the three headers of Standard Webhooks for the event `name`, sent `now`."""
    timestamp = str(int(now.timestamp()))
    signed = f"{name}.{timestamp}.{body}".encode()
    return {
        "webhook-id": name,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(secret, signed) for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def _secret(installation_secret: str, endpoint: WebhookEndpoint, generation: int) -> str:
    derived = HKDF(
        hashes.SHA256(),
        SECRET_BYTES,
        salt=None,
        info=f"regulars webhook v1:{endpoint.id}:{endpoint.salt.hex}:{generation}".encode(),
    ).derive(installation_secret.encode())
    return SECRET_PREFIX + base64.b64encode(derived).decode()
