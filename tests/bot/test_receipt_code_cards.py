"""The cards of receipt codes (U15): within LINE's limits, and every refusal has its words."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest
from linebot.v3.messaging import Message as SdkMessage

from bot import Message
from bot.cards.receipt_code import (
    ReceiptCodeProblem,
    receipt_claimed,
    receipt_code_for_guest,
    receipt_code_help,
    receipt_code_refused,
)
from bot.limits import check_messages
from bot.texts import LANGUAGES, Texts, texts_for
from tests.bot.test_cards import LONG_RECEIPT, NOON, RECEIPT

CARDS: dict[str, Callable[[Texts], list[Message]]] = {
    "claimed": lambda t: receipt_claimed(t, RECEIPT, is_repeat=False),
    "claimed at its worst": lambda t: receipt_claimed(t, LONG_RECEIPT, is_repeat=False),
    "repeated": lambda t: receipt_claimed(t, replace(RECEIPT, purchase_id=7), is_repeat=True),
    "help": lambda t: receipt_code_help(t, 7),
    "guest": receipt_code_for_guest,
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", CARDS)
def test_every_card_fits(language: str, name: str) -> None:
    messages = CARDS[name](texts_for(language))
    assert check_messages(messages) == []
    for message in messages:
        SdkMessage.from_dict(message)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("problem", get_args(ReceiptCodeProblem))
def test_every_refusal_has_its_words_and_a_way_on(
    language: str, problem: ReceiptCodeProblem
) -> None:
    messages = receipt_code_refused(texts_for(language), problem, until=NOON)
    assert check_messages(messages) == []
    assert messages[0]["quickReply"]["items"]


def test_no_two_refusals_sound_alike() -> None:
    t = texts_for("zh-TW")
    said = {
        json.dumps(receipt_code_refused(t, problem, until=NOON))
        for problem in get_args(ReceiptCodeProblem)
    }
    assert len(said) == len(get_args(ReceiptCodeProblem))
