"""Reports by mail: on their day, once, with figures of that day, whatever the server answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.client import Outcome, Verdict
from jobs.prepare_figures import prepare_figures
from jobs.send_report_letters import LEASE, WAIT_FOR_FIGURES, send_report_letters
from jobs.timetable import get_call
from models.link import LinkMaker
from models.report import (
    DAILY,
    Order,
    ReportLetter,
    ReportSending,
    find_letter_by_token,
    order_letter,
)
from tests.conftest import NOON
from tests.jobs.conftest import Killed, Worker
from tests.jobs.test_deliver_mail import FakeMailer

KEY = b"k" * 32
LINKS = LinkMaker(KEY, "https://shop.example")
CUT = Outcome(Verdict.UNKNOWN, reason="SMTPServerDisconnected")
BUSY = Outcome(Verdict.TRY_LATER, 451, reason="451 4.3.0")
REFUSED = Outcome(Verdict.REFUSED, 550, reason="550 5.7.1")


@pytest.fixture
def mailer() -> FakeMailer:
    return FakeMailer()


@pytest.fixture
def send(worker: Worker, mailer: FakeMailer) -> Callable[[], int]:
    """Return what sends the letters that are due."""

    def run() -> int:
        context = replace(worker.context, mailer=mailer, links=LINKS)
        return asyncio.run(send_report_letters(context))

    return run


@pytest.fixture
def letter(worker: Worker) -> ReportLetter:
    """Order the health of the list every day at eight, two days ago."""
    with worker.sessions.begin() as session:
        owner = worker.maker.staff(session, "owner")
        order = Order("health", {}, "owner@tea.example", "zh-TW", DAILY, 8)
        return order_letter(session, owner, order, NOON - timedelta(days=2))


@pytest.fixture
def ready(worker: Worker, letter: ReportLetter, send: Callable[[], int]) -> None:
    """Have its figure made: the first round only wants it."""
    worker.member()
    assert send() == 0
    assert prepare_figures(worker.sessions, worker.clock) == 1
    worker.clock.now += WAIT_FOR_FIGURES


def state(worker: Worker) -> tuple[str, str | None]:
    with worker.sessions() as session:
        row = session.scalars(select(ReportSending)).one()
        return row.state, row.reason


@pytest.mark.usefixtures("ready")
def test_a_report_comes_once_with_its_figures_and_the_way_to_end_it(
    worker: Worker, mailer: FakeMailer, letter: ReportLetter, send: Callable[[], int]
) -> None:
    assert (send(), send()) == (1, 0)
    ((to, mail, _),) = mailer.sent
    assert (to, mail.subject) == ("owner@tea.example", "名單健康度")
    assert "可推播（好友且同意行銷）" in mail.text
    assert "https://shop.example/console/reports/health" in mail.text
    token = mail.text.partition("/console/reports/stop/")[2].split()[0]
    with worker.sessions() as session:
        assert find_letter_by_token(session, KEY, token).id == letter.id
    assert "<table" in mail.html
    assert state(worker) == ("accepted", None)
    worker.clock.now += timedelta(days=1)
    assert send() == 0  # The next day's waits for the next night's figures.
    prepare_figures(worker.sessions, worker.clock)
    worker.clock.now += WAIT_FOR_FIGURES
    assert send() == 1


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    ("outcome", "ends"),
    [(CUT, ("unknown", CUT.reason)), (REFUSED, ("refused", REFUSED.reason))],
)
def test_a_mail_that_may_have_gone_is_not_sent_again(
    worker: Worker,
    mailer: FakeMailer,
    send: Callable[[], int],
    outcome: Outcome,
    ends: tuple[str, str],
) -> None:
    mailer.script = [outcome]
    assert (send(), send()) == (1, 0)
    assert state(worker) == ends


@pytest.mark.usefixtures("ready")
def test_a_busy_server_is_asked_again(
    worker: Worker, mailer: FakeMailer, send: Callable[[], int]
) -> None:
    mailer.script = [BUSY]
    assert send() == 1
    worker.clock.now += timedelta(minutes=20)
    assert send() == 1
    assert state(worker)[0] == "accepted"
    assert mailer.sent[0][2] == mailer.sent[1][2]


@pytest.mark.usefixtures("ready")
def test_a_worker_that_dies_in_mid_mail_says_it_at_most_once(
    worker: Worker, mailer: FakeMailer, send: Callable[[], int]
) -> None:
    mailer.script = [Killed()]
    with pytest.raises(Killed):
        send()
    worker.clock.now += LEASE
    assert send() == 0
    assert (len(mailer.sent), state(worker)) == (1, ("unknown", "no_answer"))


@pytest.mark.usefixtures("letter")
def test_a_letter_without_its_figures_is_late_in_the_end(
    worker: Worker, send: Callable[[], int]
) -> None:
    assert send() == 0
    worker.clock.now += timedelta(hours=17)  # Five in the morning: 21 hours after its hour.
    assert send() == 0
    assert state(worker) == ("late", "late")


def test_a_shop_without_mail_sends_none(worker: Worker, letter: ReportLetter) -> None:
    call = get_call("send_report_letters")
    assert call.job is send_report_letters
    assert asyncio.run(send_report_letters(worker.context)) == 0
    with worker.sessions() as session:
        assert session.scalars(select(ReportSending)).all() == []
