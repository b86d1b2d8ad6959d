"""The member code in the QR: signed, short-lived, single use, with nothing personal inside.

Layout, then base32 without padding, so that a QR stores it in its dense alphanumeric mode and a
keyboard-like scanner types it under any layout: version (1 byte), card reference (8), the minute
it was issued in (4, big endian), a random part (4), Ed25519 signature over all before it (64).
A device that holds only the public key can check a code without a network.
"""

import base64
import binascii
import hashlib
import secrets
import struct
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from models.base import BusinessError

STEP_SECONDS = 60
STEPS_AROUND = 1
VERSION = 1
SIGNATURE_BYTES = 64
BODY = struct.Struct(">B8sI4s")
CODE_LENGTH = -(-(BODY.size + SIGNATURE_BYTES) * 8 // 5)


class NotAMemberCode(BusinessError):
    """The text is no code of ours: another shop's, a coupon's, or noise."""

    code = "not_a_member_code"


class MemberCodeForged(BusinessError):
    """The text has our shape, but its signature is not ours."""

    code = "member_code_forged"


class MemberCodeExpired(BusinessError):
    """The code was ours and its minute is over: a screenshot, or a slow queue."""

    code = "member_code_expired"


@dataclass(frozen=True)
class ReadCode:
    """What a valid code says: whose card, and which single code it was."""

    card_ref: str
    code_id: str


@dataclass(frozen=True)
class IssuedCode:
    """A fresh code and the moment from which it is certainly refused."""

    text: str
    good_until: datetime


def derive_signing_key(secret: str) -> Ed25519PrivateKey:
    """Derive the shop's signing key from a secret of any length (HKDF-SHA256)."""
    derived = HKDF(hashes.SHA256(), 32, salt=None, info=b"regulars member code v1")
    return Ed25519PrivateKey.from_private_bytes(derived.derive(secret.encode()))


def new_card_ref() -> str:
    """Draw the reference that a member's codes carry: 16 hexadecimal digits."""
    return secrets.token_hex(8)


def issue_code(key: Ed25519PrivateKey, card_ref: str, now: datetime) -> IssuedCode:
    """Sign a fresh code for the card; it is good for one minute at least, two at most."""
    step = int(now.timestamp()) // STEP_SECONDS
    body = BODY.pack(VERSION, bytes.fromhex(card_ref), step, secrets.token_bytes(4))
    text = base64.b32encode(body + key.sign(body)).decode().rstrip("=")
    ends = datetime.fromtimestamp((step + STEPS_AROUND + 1) * STEP_SECONDS, UTC)
    return IssuedCode(text, ends)


def read_code(key: Ed25519PublicKey, text: str, now: datetime) -> ReadCode:
    """Check a scanned text and say whose card it is.

    Raises NotAMemberCode, MemberCodeForged or MemberCodeExpired.
    """
    body = _signed_body(key, text)
    _version, card_ref, step, _nonce = BODY.unpack(body)
    if abs(int(now.timestamp()) // STEP_SECONDS - step) > STEPS_AROUND:
        raise MemberCodeExpired(issued_at=datetime.fromtimestamp(step * STEP_SECONDS, UTC))
    return ReadCode(card_ref.hex(), hashlib.sha256(body).hexdigest()[:32])


def has_valid_signature(key: Ed25519PublicKey, text: str) -> bool:
    """Tell whether we issued this code at all, however long ago."""
    try:
        _signed_body(key, text)
    except BusinessError:
        return False
    return True


def _signed_body(key: Ed25519PublicKey, text: str) -> bytes:
    """Return what a text of ours says. Raises NotAMemberCode or MemberCodeForged."""
    raw = _decode(text)
    body, signature = raw[: BODY.size], raw[BODY.size :]
    try:
        key.verify(signature, body)
    except InvalidSignature as error:
        raise MemberCodeForged from error
    return body


def _decode(text: str) -> bytes:
    cleaned = "".join(text.split()).upper()
    if len(cleaned) != CODE_LENGTH or not cleaned.isascii():
        raise NotAMemberCode
    try:
        raw = base64.b32decode(cleaned + "=" * (-len(cleaned) % 8))
    except binascii.Error as error:
        raise NotAMemberCode from error
    if raw[0] != VERSION:
        raise NotAMemberCode
    return raw
