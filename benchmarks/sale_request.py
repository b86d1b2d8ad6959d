"""Requests of tills that record sales by the API, built as bytes before the clock starts."""

import json
from collections.abc import Sequence

from models.member import check_digit

FIRST_NUMBER = 10_000_000
AMOUNT_TWD = 450


def member_number(number: int) -> str:
    """Return the member number of made-up person `number`."""
    digits = str(FIRST_NUMBER + number)
    return digits + check_digit(digits)


def sale_requests(keys: Sequence[str], run: str, count: int, *, people: int) -> list[bytes]:
    """Return `count` sales, each with an Idempotency-Key of its own, by tills with these API keys.

    `run` is what no other run has; `people` different members buy in turn.
    """
    return [
        _request(keys[number % len(keys)], f"{run}-{number}", number % people)
        for number in range(count)
    ]


def _request(api_key: str, idempotency_key: str, person: int) -> bytes:
    sale = {"member": {"number": member_number(person)}, "amount_twd": AMOUNT_TWD}
    body = json.dumps(sale, separators=(",", ":")).encode()
    head = (
        "POST /api/v1/purchases HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\n"
        f"Authorization: Bearer {api_key}\r\n"
        "Content-Type: application/json\r\n"
        f"Idempotency-Key: {idempotency_key}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
