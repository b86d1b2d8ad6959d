"""LINE fails, hangs, or cuts the line: no message is lost, and none is said twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3
from sqlalchemy import update

from models.outbox import Owed
from tests.faults.conftest import (
    MakeRegulars,
    Regular,
    assert_each_heard_once,
    new_phone,
    owed_to,
    sell,
    standing_worker,
    wait_settled,
)
from tests.faults.events import pick_event, replies_to, text_event
from tests.journeys.people import Line, Shopper
from tests.processes import CHANNEL_TOKEN, Installation, wait_until

REPLY = "/v2/bot/message/reply"
PUSH = "/v2/bot/message/push"
TIMES = 3
FAULTS = ("500_after", "drop_after", "500_before", "drop_before", "429_rate", "hang")
WELCOME = "歡迎成為我們的會員"


def rules(path: str, *faults: str, times: int = TIMES) -> list[dict[str, Any]]:
    """Return rules by which the first calls to a path fail, each some times."""
    return [{"match": {"path": path}, "fault": fault, "times": times} for fault in faults]


def test_receipts_survive_every_fault_at_once(
    shop: Installation, line: Line, make_regulars: MakeRegulars
) -> None:
    regulars = make_regulars(len(FAULTS) * TIMES + 2)
    line.misbehave(*rules(PUSH, *FAULTS))
    sell(shop, regulars)
    wait_settled(shop, regulars)
    assert {owed.state for owed in owed_to(shop, regulars, "receipt")} == {"accepted"}
    assert_each_heard_once(regulars)


@pytest.mark.faults
@pytest.mark.parametrize("fault", FAULTS)
def test_receipts_survive_a_fault_that_lasts(
    shop: Installation, line: Line, make_regulars: MakeRegulars, fault: str
) -> None:
    regulars = make_regulars(40)
    line.misbehave(*rules(PUSH, fault, times=70))
    sell(shop, regulars)
    wait_settled(shop, regulars)
    assert {owed.state for owed in owed_to(shop, regulars, "receipt")} == {"accepted"}
    assert_each_heard_once(regulars)


def test_a_receipt_waits_for_the_next_months_quota(
    shop: Installation, line: Line, make_regulars: MakeRegulars
) -> None:
    regulars = make_regulars(2)
    line.misbehave(*rules(PUSH, "429_monthly", times=2))
    sell(shop, regulars)

    def is_put_off(owed: Owed) -> bool:
        return owed.next_try_at > datetime.now(UTC) + timedelta(minutes=50)

    wait_until(
        lambda: all(map(is_put_off, owed_to(shop, regulars, "receipt"))), "they wait for an hour"
    )
    _let_the_hour_pass(shop, regulars)
    wait_settled(shop, regulars)
    assert_each_heard_once(regulars)


def test_answers_survive_every_fault_at_once(
    shop: Installation, line: Line, make_regulars: MakeRegulars
) -> None:
    """A reply has no retry key: the token that was used is what keeps it from being said twice."""
    faults = ("500_after", "drop_after", "500_before", "drop_before", "429_rate")
    regulars = make_regulars(len(faults) * TIMES + 2)
    line.misbehave(*rules(REPLY, *faults))
    asked = [regular.shopper.say("說明") for regular in regulars]
    wait_until(lambda: _all_settled(shop, asked), "every answer is settled")
    assert [len(regular.shopper.heard()) for regular in regulars] == [1] * len(regulars)
    assert {owed.state for owed in replies_to(shop, asked)} == {"accepted", "unknown"}


def test_only_a_welcome_becomes_a_push_when_its_token_has_died(
    shop: Installation, line: Line, make_regulars: MakeRegulars
) -> None:
    (regular,) = make_regulars(1)
    newcomer = _about_to_join(line)
    joining = pick_event(newcomer, "1995-05-20")
    asking = text_event(regular.shopper, "點數")
    with standing_worker(shop):
        for event in (joining, asking):
            line.deliver(event)
            _use_up(line, event["replyToken"])

    newcomer.wait_for(WELCOME)
    asked = [joining["webhookEventId"], asking["webhookEventId"]]
    wait_until(lambda: _all_settled(shop, asked), "both answers are settled")
    assert [entry["via"] for entry in newcomer.hears(WELCOME)] == ["push"]
    assert [_via_and_state(owed) for owed in replies_to(shop, asked)] == [
        ("push", "accepted"),
        (None, "refused"),
    ]
    assert [entry["via"] for entry in regular.shopper.heard()] == ["reply"]  # Ours, not the bot's.


def _about_to_join(line: Line) -> Shopper:
    """Return somebody who has told all but the birthday."""
    shopper = line.new_person()
    shopper.answered(shopper.follow)
    shopper.answered(lambda: shopper.say("加入會員"))
    shopper.answered(lambda: shopper.tap("agree_notice"))
    shopper.answered(lambda: shopper.say("林小晴"))
    shopper.answered(lambda: shopper.say(new_phone().replace("+886", "0")))
    return shopper


def _use_up(line: Line, reply_token: str) -> None:
    """Answer in the bot's place, so that its token is dead when it comes."""
    body = {"replyToken": reply_token, "messages": [{"type": "text", "text": "…"}]}
    answer = urllib3.request(
        "POST",
        line.url + REPLY,
        json=body,
        headers={"Authorization": f"Bearer {CHANNEL_TOKEN}"},
        retries=False,
    )
    assert answer.status == 200, answer.data


def _all_settled(shop: Installation, event_ids: list[str]) -> bool:
    replies = replies_to(shop, event_ids)
    return len(replies) == len(event_ids) and all(owed.state != "waiting" for owed in replies)


def _via_and_state(owed: Owed) -> tuple[str | None, str]:
    return owed.via, owed.state


def _let_the_hour_pass(shop: Installation, regulars: list[Regular]) -> None:
    ids = [regular.id for regular in regulars]
    with shop.sessions.begin() as session:
        session.execute(
            update(Owed).where(Owed.member_id.in_(ids)).values(next_try_at=datetime.now(UTC))
        )
    shop.ring("deliver_outbox")
