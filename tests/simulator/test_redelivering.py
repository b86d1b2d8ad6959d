"""A channel that chose so is sent again what it did not take."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import SimpleQueue
from threading import Thread
from typing import Any

from bot.simulator import Channel, SimulatorServer
from tests.journeys.people import Line
from tests.processes import PATIENCE_SECONDS

SECRET = "8c570fa6dd201bb328f1c1eac23a96d8"


def test_what_was_not_taken_comes_again_with_its_mark_until_it_is() -> None:
    answers, got = iter([503, 500, 200, 200]), SimpleQueue[bytes]()

    class Bot(BaseHTTPRequestHandler):
        """Takes the third delivery."""

        def do_POST(self) -> None:
            """Answer as told."""
            got.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(next(answers))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Bot) as bot:
        serving = Thread(target=bot.serve_forever)
        serving.start()
        url = f"http://127.0.0.1:{bot.server_port}/callback"
        with SimulatorServer(Channel(SECRET, "a token", webhook_url=url)) as started:
            started.world.webhooks.redelivers = True
            shopper = Line(started.url).new_person()
            shopper.follow()
            first, second, third = (got.get(timeout=PATIENCE_SECONDS) for _ in range(3))
            shopper.say("taken at once")
            fourth = got.get(timeout=PATIENCE_SECONDS)
        bot.shutdown()
        serving.join()

    assert b'"isRedelivery":false' in first
    assert second == third == first.replace(b'"isRedelivery":false', b'"isRedelivery":true')
    assert b"taken at once" in fourth
    assert got.empty()
