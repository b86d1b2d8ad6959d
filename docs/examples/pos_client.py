"""A small client for the POS API of Regulars: copy it into your till and make it yours.

Needs Python 3.10 and `requests`, nothing else. What it shows is the one thing a till must get
right: a sale whose answer was lost on the way is sent again **with the same Idempotency-Key**, so
that it is recorded once, however bad the line is.

    REGULARS_URL=http://127.0.0.1:8000 REGULARS_KEY=rk_test_… python pos_client.py 200000024
"""
# ruff: noqa: T201 - printing is what its `main` is for.

import os
import sys
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import requests

TIMEOUT_SECONDS = (3.05, 10)
TRIES = 5
FIRST_PAUSE_SECONDS = 0.5
AGAIN = {429, 500, 502, 503, 504}
RUNNING = "idempotency_key_in_use"


class Refused(Exception):
    """The shop said no. Decide by `code`; `detail` is for the person at the till."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(f"{problem['code']}: {problem['detail']}")
        self.code: str = problem["code"]
        self.facts: dict[str, Any] = problem.get("facts") or {}
        self.request_id: str = problem["request_id"]


@dataclass
class Regulars:
    """A till's way to the shop. `secret` is its API key."""

    url: str
    secret: str
    _http: requests.Session = field(default_factory=requests.Session)

    def look_up(self, **who: str) -> dict[str, Any]:
        """Return the member with this `code` (scanned), `number` or `phone`."""
        return self._call("POST", "/members/lookup", who)

    def preview(self, number: str, amount_twd: int, **more: Any) -> dict[str, Any]:
        """Return what a sale would come to; nothing is recorded."""
        return self._call("POST", "/purchases/preview", _sale(number, amount_twd, more))

    def record(self, number: str, amount_twd: int, *, key: str, **more: Any) -> dict[str, Any]:
        """Record a sale once. Draw `key` when the sale is closed; keep it until this returns."""
        return self._call("POST", "/purchases", _sale(number, amount_twd, more), key)

    def refund(self, purchase_id: int, reason: str, *, key: str, **part: Any) -> dict[str, Any]:
        """Take back `amount_twd=…`, or `lines=[…]`, or with neither all that is left."""
        return self._call(
            "POST", f"/purchases/{purchase_id}/refunds", {"reason": reason, **part}, key
        )

    def _call(
        self, method: str, path: str, body: dict[str, Any], key: str | None = None
    ) -> dict[str, Any]:
        """Ask, and ask again while only the line or the moment is bad. Raises Refused.

        Raises requests.RequestException where the shop cannot be reached: keep the sale with its
        key and send it later. It may have been recorded; the key finds that out.
        """
        headers = {"Authorization": f"Bearer {self.secret}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        for tried in range(1, TRIES + 1):
            pause = FIRST_PAUSE_SECONDS * 2 ** (tried - 1)
            try:
                answer = self._http.request(
                    method,
                    f"{self.url}/api/v1{path}",
                    json=body,
                    headers=headers,
                    timeout=TIMEOUT_SECONDS,
                )
            except (requests.ConnectionError, requests.Timeout):
                if tried == TRIES:
                    raise
            else:
                if answer.ok:
                    told: dict[str, Any] = answer.json()
                    return told
                if tried == TRIES or not _is_worth_another_try(answer):
                    raise _refusal(answer)
                pause = float(answer.headers.get("Retry-After", pause))
            time.sleep(pause)
        raise AssertionError("the last try returns or raises")


def _sale(number: str, amount_twd: int, more: dict[str, Any]) -> dict[str, Any]:
    return {"member": {"number": number}, "amount_twd": amount_twd, **more}


def _is_worth_another_try(answer: requests.Response) -> bool:
    return answer.status_code in AGAIN or (
        answer.status_code == 409 and answer.json().get("code") == RUNNING
    )


def _refusal(answer: requests.Response) -> Exception:
    """Return the problem as an exception, also where a proxy and not the shop has answered."""
    if answer.headers.get("Content-Type", "").startswith("application/problem+json"):
        return Refused(answer.json())
    return requests.HTTPError(f"{answer.status_code} from {answer.url}", response=answer)


def main(number: str) -> None:
    """Sell to a member, lose the answer, send the sale again, and take a part of it back."""
    shop = Regulars(os.environ["REGULARS_URL"], os.environ["REGULARS_KEY"])
    member = shop.look_up(number=number)
    print(f"{member['name']}, {member['tier']['name']}")

    outlook = shop.preview(number, 165)
    print(f"NT${outlook['paid_twd']} to pay, {outlook['points_earned']} point(s) to earn")

    key = str(uuid.uuid4())
    sale = shop.record(number, 165, key=key)
    again = shop.record(number, 165, key=key)
    print(f"recorded once: {sale['id'] == again['id']}")

    back = shop.refund(sale["id"], "灑了一杯", key=str(uuid.uuid4()), amount_twd=65)
    print(f"NT${back['amount_twd']} given back, NT${back['left_twd']} left")
    try:
        shop.refund(sale["id"], "再退一次", key=str(uuid.uuid4()), amount_twd=165)
    except Refused as refused:
        print(f"refused: {refused.code}, {refused.facts}")


if __name__ == "__main__":
    main(sys.argv[1])
