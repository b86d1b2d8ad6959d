"""The simulator's webhooks, handed straight to our web application in the same process."""

import asyncio
import threading
from collections.abc import Callable
from http import HTTPStatus

from bot.simulator.webhooks import Outcome, WebhookSender, sign

Receive = Callable[[bytes, str], int]
"""Takes a webhook's body and signature as our web server would, and returns its status."""
ANSWER_SECONDS = 20.0


def _nobody(_body: bytes, _signature: str) -> int:
    return HTTPStatus.BAD_GATEWAY


class DirectWebhooks(WebhookSender):
    """Posts to a function. `settled` tells when all that was sent has been taken."""

    def __init__(self, channel_secret: str) -> None:
        super().__init__(channel_secret, "direct")
        self.receive: Receive = _nobody
        """Called from threads of the simulator's."""
        self._secret = channel_secret
        self._under_way = 0
        self._changed = threading.Condition()

    def enqueue(self, lane_name: str, body: bytes) -> asyncio.Future[Outcome]:
        """Send `body` after all earlier ones of this person."""
        with self._changed:
            self._under_way += 1
        return super().enqueue(lane_name, body)

    async def post(self, body: bytes, signature: str | None = None) -> Outcome:
        """Hand `body` over, rightly signed."""
        try:
            status = await asyncio.to_thread(self.receive, body, sign(body, self._secret))
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()
        return Outcome(status, 0, signature or "")

    def wait_until_settled(self) -> None:
        """Return once everything that was sent has been taken. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._under_way, ANSWER_SECONDS):
                raise TimeoutError("the web application did not take the webhooks")
