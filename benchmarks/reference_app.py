"""What we are compared with: three small Flask applications, each as a tutorial would write it.

Each function is a factory for the same web server under the same settings as our own application.
"""

import json
import os
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, abort, request
from linebot.v3 import WebhookHandler
from linebot.v3.exceptions import InvalidSignatureError
from linebot.v3.messaging import (
    ApiClient,
    Configuration,
    MessagingApi,
    ReplyMessageRequest,
    TextMessage,
)
from linebot.v3.webhooks import MessageEvent, TextMessageContent
from psycopg_pool import ConnectionPool

from bot.signature import is_signed
from models.database import libpq_conninfo

CONNECTIONS = 8
"""One for each thread of a web worker, so that no request waits for a connection."""

INSERT_EVENT = """
INSERT INTO line_event (webhook_event_id, person, event_type, raw) VALUES (%s, %s, %s, %s)
ON CONFLICT (webhook_event_id) DO NOTHING
"""


def signature_only() -> Flask:
    """Check the signature and answer: the least that any webhook does."""
    return _app(lambda _body: None)


def raw_insert() -> Flask:
    """Check the signature, then keep the event: one INSERT and one commit in each request."""
    pool = ConnectionPool(
        libpq_conninfo(os.environ["DATABASE_URL"]), min_size=CONNECTIONS, max_size=CONNECTIONS
    )

    def keep(body: bytes) -> None:
        for event in json.loads(body)["events"]:
            columns = (event["webhookEventId"], event["source"]["userId"], event["type"])
            with pool.connection() as connection:
                connection.execute(INSERT_EVENT, (*columns, json.dumps(event)))

    return _app(keep)


def _app(keep: Callable[[bytes], None]) -> Flask:
    app = Flask("reference", static_folder=None)
    secrets = [os.environ["LINE_CHANNEL_SECRET"]]

    @app.post("/callback")
    def callback() -> Response:
        body = request.get_data()
        if not is_signed(body, request.headers.get("X-Line-Signature"), secrets):
            abort(401)
        keep(body)
        return Response(status=200)

    return app


def echo() -> Flask:
    """Answer inside the request, as the SDK's own example does (line-bot-sdk 3.27, README)."""
    app = Flask("reference", static_folder=None)
    configuration = Configuration(
        host=os.environ["LINE_API_BASE"], access_token=os.environ["LINE_CHANNEL_ACCESS_TOKEN"]
    )
    handler = WebhookHandler(os.environ["LINE_CHANNEL_SECRET"])

    @app.post("/callback")
    def callback() -> Response:
        signature = request.headers["X-Line-Signature"]
        try:
            handler.handle(request.get_data(as_text=True), signature)
        except InvalidSignatureError:
            abort(400)
        return Response("OK")

    def answer(event: Any) -> None:
        with ApiClient(configuration) as client:
            MessagingApi(client).reply_message(
                ReplyMessageRequest(
                    replyToken=event.reply_token, messages=[TextMessage(text=event.message.text)]
                )
            )

    handler.add(MessageEvent, message=TextMessageContent)(answer)
    return app
