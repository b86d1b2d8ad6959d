"""The counter's list of members to care for: shown to managers, ticked off with an outcome."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from handlers.limiting import limiter
from models.care_task import CareTask
from models.local_day import local_day
from models.member import Member
from models.staff import Staff
from tests.conftest import NOON
from tests.handlers.clerk_driver import Counter, words

MakeMember = Callable[..., Member]


@pytest.fixture
def counter(client: FlaskClient, make_staff: Callable[..., Staff]) -> Counter:
    """Return a manager's page, logged in."""
    limiter.reset()
    counter = Counter(client)
    counter.log_in(make_staff("manager", name="林店長", username="boss"))
    return counter


@pytest.fixture
def task(session: Session, make_member: MakeMember) -> CareTask:
    """Return the task of a gold member."""
    member = make_member(
        name="陳怡君", tier="gold", last_purchase_on=local_day(NOON) - timedelta(days=70)
    )
    made = CareTask(
        member_id=member.id,
        made_on=local_day(NOON),
        made_at=NOON,
        is_holdout=False,
        risk=0.83,
        value_twd=18_240,
        reasons=[{"code": "silent", "figures": {"silent_days": 70, "usual_days": 12}}],
    )
    session.add(made)
    session.flush()
    return made


def test_whom_to_call_is_listed_with_the_reasons(counter: Counter, task: CareTask) -> None:
    """E-10: the name to call them by, their value, the risk, and why."""
    shown = words(counter.client.get("/clerk/care"))
    for fact in ("陳怡君", "金卡會員", "18,240", "83%", "70 天沒有來，平常約 12 天來一次", "1 位"):
        assert fact in shown
    assert "資料還不夠" in shown
    assert "關懷名單" in words(counter.client.get("/clerk/pending"))


def test_a_call_is_ticked_off_with_its_outcome(
    counter: Counter, session: Session, task: CareTask
) -> None:
    """E-10: outcome and note; taken back as well."""
    path = f"/clerk/care/{task.id}"
    done = words(counter.send(path, outcome="will_come", note="週末來"))
    for fact in ("已記錄：會再來", "還有 0 位", "：週末來"):
        assert fact in done
    session.expire_all()
    assert (task.outcome, task.note) == ("will_come", "週末來")
    assert "已改回未聯絡" in words(counter.send(path, outcome="reopen"))
    session.expire_all()
    assert task.done_at is None


@pytest.mark.parametrize(
    ("task_id", "form", "said"),
    [
        (None, {}, "還沒有選擇聯絡結果"),
        (None, {"outcome": "thinks", "note": "長" * 301}, "備註最多 300 個字"),
        (999_999, {"outcome": "thinks"}, "不在關懷名單上"),
    ],
)
def test_a_refused_tick_comes_back_on_the_list(
    counter: Counter, task: CareTask, task_id: int | None, form: dict[str, str], said: str
) -> None:
    """E-10: no outcome, too many words, nobody's task; with script and without."""
    path = f"/clerk/care/{task_id or task.id}"
    for script in (True, False):
        counter.script = script
        answer = counter.send(path, **form)
        assert answer.status_code == 409
        assert said in words(answer)
    assert "陳怡君" in answer.text


def test_an_empty_list_says_so(counter: Counter) -> None:
    """E-10: nobody to call is good news."""
    assert "現在沒有要聯絡的會員" in words(counter.client.get("/clerk/care"))


def test_the_page_speaks_the_staffs_language(counter: Counter, task: CareTask) -> None:
    """E-10: reasons in English where the page is."""
    answer = counter.client.get("/clerk/care", headers={"Accept-Language": "en"})
    assert "陳怡君" in words(answer)
