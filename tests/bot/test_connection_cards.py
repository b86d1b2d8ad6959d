"""What managers are told of connections: whose address, why, and where to see to it."""

from __future__ import annotations

import pytest

from bot.limits import check_messages
from bot.render import render
from bot.texts import texts_for


@pytest.mark.parametrize(("because", "said"), [("gone", "410"), ("failing", "三天")])
def test_a_manager_learns_that_an_endpoint_was_disabled(because: str, said: str) -> None:
    """U7: an endpoint disabled by its failures is told, with its host and the reason."""
    words = {"host": "pos.example", "because": because}
    messages = render("webhook_disabled", words, texts_for("zh-TW"))
    assert check_messages(messages) == []
    assert "pos.example" in messages[0]["text"]
    assert said in messages[0]["text"]
