"""Models by the API: counts with rules and cycle, moves, why, analyses, forecasts; T1."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from models.analysis import ANALYSES
from models.local_day import local_day
from models.member import Member
from tests.conftest import NOON
from tests.handlers.api.conftest import Till
from tests.handlers.api.test_problems import problem_of
from tests.handlers.api.test_segments import BOUGHT, keep, told_by
from tests.handlers.segment_people import LONG_AGO, TOMORROW, fill_shop
from tests.models.class_shop import ClassShop

MODELS = ("nasld", "napl_article", "napl_91app", "rfm")
DAYS = "from_day=2026-10-22&to_day=2026-11-22"
LETTER = re.compile(r"[A-Z]|[HL]{3}")
KEY = re.compile(r"(nasld|napl_article|napl_91app|rfm):[a-z]+")


@pytest.fixture
def people(session: Session) -> dict[str, Member]:
    return fill_shop(session)


def values_of(part: Any) -> Iterator[str]:
    """Yield every text in an answer, the names of its parts too."""
    if isinstance(part, dict):
        yield from part
        for value in part.values():
            yield from values_of(value)
    elif isinstance(part, list):
        for value in part:
            yield from values_of(value)
    elif isinstance(part, str):
        yield part


def test_a_model_is_told_with_its_rules_cycle_and_actions(
    till: Till, people: dict[str, Member]
) -> None:
    """B-03, A-16: what the command's table says, for a page to draw."""
    told = told_by(till.get("/segments/models/nasld", Accept_Language="zh-TW"))

    classes = {each["key"]: each for each in told["classes"]}
    lost = classes["nasld:lost"]
    assert (lost["name"], lost["members"], lost["share"], lost["net_twd"]) == (
        "流失客",
        1,
        0.2,
        400,
    )
    assert lost["action"]["coupon"] == "win_back"
    assert told["prospects"] == {"key": "nasld:prospect", "name": "未購會員", "members": 1}
    assert (told["cycle"]["days"], told["cycle"]["source"]) == (30, "assumed")
    assert told["as_of"] == "2026-11-22T12:00:00+08:00"


@pytest.mark.parametrize("language", ["zh-TW", "en", "ja"])
def test_no_answer_tells_a_class_by_its_letter(
    till: Till, people: dict[str, Member], language: str
) -> None:
    """T1: every route of models and segments, and the CSV: keys and names, never a letter."""
    keep(till, BOUGHT)
    number = people["lost"].number
    paths = [
        "/segments",
        "/segments/fields",
        "/segments/alerts",
        "/segments/analyses",
        "/segments/win-back",
        "/segments/win-back/members",
        f"/segments/win-back/members/{number}",
        *(f"/segments/models/{model}" for model in MODELS),
        *(f"/segments/models/{model}/matrix?{DAYS}" for model in MODELS),
        *(f"/segments/models/{model}/members/{number}" for model in MODELS),
        *(f"/segments/cross?a={a}&b={b}" for a in MODELS for b in MODELS),
    ]
    answers = [told_by(till.get(path, Accept_Language=language)) for path in paths]
    answers += [
        told_by(till.post(f"/segments/analyses/{name}", {}, Accept_Language=language))
        for name in ANALYSES
        if name != "budget"
    ]

    bare = {text for answer in answers for text in values_of(answer) if LETTER.fullmatch(text)}

    assert bare == set()
    export = till.get("/segments/win-back/export").data.decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(export)) for cell in row]
    assert not [cell for cell in cells if LETTER.fullmatch(cell)]


def test_every_key_names_its_model(till: Till, people: dict[str, Member]) -> None:
    """T1, T2: `<model>:<class>`, also in tables of two models, and of who never bought."""
    cells = told_by(till.get("/segments/cross?a=nasld&b=rfm"))["cells"]
    moves = told_by(till.get(f"/segments/models/nasld/matrix?{DAYS}"))["moves"]

    keys = {key for cell in cells for key in (cell["a"], cell["b"])}
    keys |= {key for move in moves for key in (move["from_key"], move["to_key"]) if key}
    assert keys
    assert all(KEY.fullmatch(key) for key in keys)
    assert "rfm:prospect" not in keys


def test_the_matrix_has_the_margins_of_both_days(till: Till, people: dict[str, Member]) -> None:
    """A-17: everybody of the last day is in it once."""
    moves = told_by(till.get(f"/segments/models/nasld/matrix?{DAYS}"))["moves"]

    assert sum(move["members"] for move in moves) == len(people)
    gone = next(move for move in moves if move["to_key"] == "nasld:lost")
    assert gone["from_key"] == "nasld:new"


def test_a_day_of_before_is_told_as_it_was(till: Till, people: dict[str, Member]) -> None:
    """B-05: time travel; a past day's end has no moment."""
    on = local_day(NOON) - timedelta(days=99)

    told = told_by(till.get(f"/segments/models/nasld?on={on}"))

    assert told["as_of"] is None
    counted = {each["key"]: each["members"] for each in told["classes"]}
    assert (counted["nasld:lost"], counted["nasld:new"]) == (0, 1)


def test_a_member_is_told_why(till: Till, people: dict[str, Member]) -> None:
    """X5: the class with its facts, in each model; who never bought has no group of RFM."""
    path = f"members/{people['lost'].number}"
    told = told_by(till.get(f"/segments/models/nasld/{path}"))
    assert told["key"] == "nasld:lost"
    assert (told["facts"]["orders"], told["facts"]["last_age_days"]) == (1, 100)
    assert (told["facts"]["near_days"], told["facts"]["far_days"]) == (90, 180)
    assert told_by(till.get(f"/segments/models/rfm/{path}"))["key"].startswith("rfm:")
    never = f"/segments/models/rfm/members/{people['prospect'].number}"
    assert told_by(till.get(never))["key"] == "nasld:prospect"


@pytest.mark.parametrize("name", ANALYSES)
def test_every_analysis_is_listed_and_answers(
    till: Till, people: dict[str, Member], name: str
) -> None:
    """C-02 to C-10: asked with what it starts with, it answers or says what is missing."""
    listed = told_by(till.get("/segments/analyses"))["items"]
    assert name in {each["name"] for each in listed}

    answer = till.post(f"/segments/analyses/{name}", {})

    if answer.status_code == 200:
        assert told_by(answer)["result"]
    else:
        problem_of(answer, 422, "margin_unknown")


def test_a_forecast_that_has_no_ground_is_refused(till: Till) -> None:
    """B-18: an honest no."""
    problem_of(till.get("/segments/prediction"), 409, "no_forecast_yet")


# --- no


@pytest.mark.parametrize(
    ("day", "code"), [(TOMORROW, "day_not_yet"), (LONG_AGO, "before_the_shop_opened")]
)
def test_a_day_that_cannot_be_told_about_is_refused(
    till: Till, people: dict[str, Member], day: str, code: str
) -> None:
    """Bad input: a future date, and one before the shop opened."""
    for model in MODELS:
        problem_of(till.get(f"/segments/models/{model}?on={day}"), 422, code)
    first, last = sorted((day, "2026-11-22"))
    path = f"/segments/models/nasld/matrix?from_day={first}&to_day={last}"
    problem_of(till.get(path), 422, code)
    problem_of(till.get(f"/segments/cross?a=nasld&b=rfm&on={day}"), 422, code)


def test_what_makes_no_sense_is_refused(till: Till, people: dict[str, Member]) -> None:
    swapped = "from_day=2026-11-22&to_day=2026-11-01"
    problem_of(till.get(f"/segments/models/nasld/matrix?{swapped}"), 422, "days_out_of_order")
    problem_of(till.get("/segments/models/naspl"), 422, "invalid_request")
    problem_of(till.get("/segments/models/nasld?on=2026-02-30"), 422, "invalid_request")
    problem_of(till.post("/segments/analyses/tarot", {}), 404, "no_such_analysis")
    asked = {"parameters": {"colour": "red"}}
    problem_of(till.post("/segments/analyses/stall", asked), 422, "analysis_parameter_refused")
    edges = {"parameters": {"edges": "3000,1000"}}
    problem_of(till.post("/segments/analyses/stall", edges), 422, "edges_refused")
    problem_of(till.get("/segments/models/nasld/members/820104417"), 404, "no_such_member")


def test_refunds_of_everything_make_a_prospect(till: Till, session: Session) -> None:
    """Bad input: who gave everything back never bought, in every model; no money below zero."""
    shop = ClassShop(session)
    person = shop.join()
    shop.sell(person, 10, 100, ((5, 60), (4, 40)))
    session.commit()

    told = told_by(till.get("/segments/models/nasld"))

    assert (told["members"], told["net_twd"]) == (0, 0)
    assert told["prospects"]["members"] == 1
    path = f"/segments/models/napl_article/members/{person.member.number}"
    assert told_by(till.get(path))["key"] == "napl_article:new"
