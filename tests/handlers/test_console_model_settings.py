"""What the models are set to: seen before, kept in versions, refused where it makes no sense."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from models.classification import count_classes
from models.classification.foreseeing import SETTINGS_EFFECT, count_effect, effect_in
from models.lifecycle import NASLD, get_settings
from models.lifecycle.setting import list_settings
from models.local_day import local_day
from models.prepared import claim_wanted, keep_prepared
from models.rfm import RFM_MODEL, get_rfm_settings
from models.staff import Staff
from tests.conftest import NOON
from tests.handlers.clerk_driver import words
from tests.handlers.console_driver import Desk
from tests.models.class_shop import ClassShop

MakeStaff = Callable[..., Staff]
PAGE = "/console/models/settings"
TODAY = local_day(NOON)
LIFECYCLE: dict[str, Any] = {
    "near_cycles": "1",
    "far_cycles": "2",
    "cycle_level": "shop",
    "cycle_days": "30",
    "window_days": "60",
    "loyal_orders": "2",
}
RFM: dict[str, Any] = {
    "rfm_window": "180",
    "recency.method": "fixed",
    "recency.values": "60",
    "frequency.method": "quintile",
    "frequency.high_from": "5",
    "monetary.method": "fixed",
    "monetary.values": "100、200，300,400",
}


@pytest.fixture
def desk(client: FlaskClient, make_staff: MakeStaff) -> Desk:
    """Return the owner's browser, logged in."""
    desk = Desk(client)
    desk.log_in(make_staff("owner", name="陳老闆"))
    return desk


@pytest.fixture
def shop(session: Session) -> ClassShop:
    """Make a shop whose members bought at several distances."""
    shop = ClassShop(session)
    for last in (3, 45, 100, 170):
        person = shop.join(600)
        for days in (last + 200, last + 20, last):
            shop.sell(person, days, 100 + last)
    shop.join(20)
    return shop


def ask(desk: Desk, part: str, fields: dict[str, Any]) -> str:
    """Send a form, and return where its effect is shown."""
    desk.get(PAGE)
    answer = desk.send(f"{PAGE}/{part}", **fields)
    assert answer.status_code == 303, words(answer)
    return str(answer.headers["Location"])


def work(session: Session) -> dict[str, Any]:
    """Do what the worker does with the figure that is wanted."""
    wanted = claim_wanted(session, NOON)
    assert wanted is not None
    assert wanted.name == SETTINGS_EFFECT
    body = count_effect(session, NOON, wanted.asked, lambda done, of: None)
    keep_prepared(session, wanted, body, as_of=NOON, now=NOON, took_ms=1)
    return body


def asked_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["asked"][0]


@pytest.mark.usefixtures("shop")
def test_lifecycles_change_as_was_foreseen(desk: Desk, session: Session) -> None:
    """A-17: what the page foretold is what the classes are afterwards."""
    url = ask(desk, "lifecycle", LIFECYCLE)
    assert "算好誰會換類別之後才能存" in words(desk.get(url))
    body = work(session)
    page = words(desk.get(url))
    assert "會換類別" in page
    assert "存成新的版本" in page

    sent: dict[str, Any] = {"asked": asked_of(url), "note": "夏天喝得勤"}
    assert desk.send(f"{PAGE}/effect", **(sent | {"note": ""})).status_code == 409
    assert [desk.send(f"{PAGE}/effect", **sent).status_code for _ in range(2)] == [303, 303]

    (version,) = list_settings(session)
    assert (version.window_days, version.note) == (60, "夏天喝得勤")
    counted = count_classes(session, NASLD, now=NOON)
    moves = effect_in(body, NASLD)
    for each in counted.classes:
        assert sum(move.members for move in moves if move.to_class == each.code) == each.members
    assert "陳老闆：夏天喝得勤" in words(desk.get(PAGE))


@pytest.mark.usefixtures("shop")
def test_rfm_changes_by_cut_offs_of_its_own(desk: Desk, session: Session) -> None:
    url = ask(desk, "rfm", RFM)
    body = work(session)
    assert body["cuts"]["recency"] == 60
    assert sum(move.members for move in effect_in(body, RFM_MODEL.code)) == 4
    desk.get(url)
    assert desk.send(f"{PAGE}/effect", asked=asked_of(url), note="換季").status_code == 303
    held = get_rfm_settings(session, TODAY)
    assert held.window_days == 180
    assert held.cuts["monetary"].values == (100, 200, 300, 400)
    assert held.cuts["frequency"].high_from == 5
    assert "自訂五級" in words(desk.get(PAGE))


@pytest.mark.parametrize(
    ("part", "fields", "says"),
    [
        ("lifecycle", LIFECYCLE | {"near_cycles": "2"}, "要比買過的大"),
        ("lifecycle", LIFECYCLE | {"near_cycles": ""}, "這一欄要填"),
        ("lifecycle", LIFECYCLE | {"window_days": "99999"}, "數字超出範圍"),
        (
            "lifecycle",
            LIFECYCLE
            | {
                "near_cycles": "3",
                "far_cycles": "6",
                "cycle_days": "",
                "window_days": "90",
                "loyal_orders": "3",
            },
            "沒有改任何設定",
        ),
        ("rfm", RFM | {"recency.values": "60,30,20,10"}, "由小到大"),
        ("rfm", RFM | {"recency.values": "60,30"}, "填一個"),
        ("rfm", RFM | {"recency.values": "六十"}, "請填整數"),
    ],
)
def test_what_makes_no_sense_is_said_beside_what_was_typed(
    desk: Desk, part: str, fields: dict[str, Any], says: str
) -> None:
    desk.get(PAGE)
    answer = desk.send(f"{PAGE}/{part}", **fields)
    assert answer.status_code == 409
    assert says in words(answer)


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "[]",
        "{",
        '{"part": "rfm"}',
        '{"part": "rfm", "version": null, "window_days": "x", "cuts": {}}',
        '{"part": "rfm", "version": 1, "window_days": 9, "cuts": {"recency": {"method": {}}}}',
        '{"part": "rfm", "version": 1, "window_days": true, "cuts": {}}',
        '{"part": "rfm", "version": null, "window_days": 9, "cuts": {"recency": 1}}',
        '{"part": "lifecycle", "version": null, "changes": []}',
        '{"part": "lifecycle", "version": null, "changes": {"near_cycles": {}}}',
        '{"part": "lifecycle", "version": null, "changes": {"moon": 1}}',
    ],
)
def test_an_address_that_was_tampered_with_is_refused(desk: Desk, asked: str) -> None:
    assert 400 <= desk.client.get(f"{PAGE}/effect", query_string={"asked": asked}).status_code < 500
    desk.get(PAGE)
    assert 400 <= desk.send(f"{PAGE}/effect", asked=asked, note="x").status_code < 500


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(
    desk: Desk, session: Session
) -> None:
    url = ask(desk, "lifecycle", LIFECYCLE)
    other = ask(desk, "lifecycle", LIFECYCLE | {"window_days": "45"})
    assert desk.send(f"{PAGE}/effect", asked=asked_of(other), note="先").status_code == 303
    late = desk.send(f"{PAGE}/effect", asked=asked_of(url), note="後")
    assert late.status_code == 409
    assert "陳老闆" in words(late)
    assert get_settings(session, TODAY).window_days == 45


def test_only_the_owner_changes_them(
    client: FlaskClient, make_staff: MakeStaff, session: Session
) -> None:
    desk = Desk(client)
    desk.log_in(make_staff("marketer"))
    assert "只有老闆可以改" in words(desk.get(PAGE))
    assert desk.send(f"{PAGE}/lifecycle", **LIFECYCLE).status_code == 403
    asked = json.dumps({"part": "lifecycle", "version": None, "changes": {"window_days": 45}})
    assert desk.send(f"{PAGE}/effect", asked=asked, note="x").status_code == 403
    assert not list_settings(session)
