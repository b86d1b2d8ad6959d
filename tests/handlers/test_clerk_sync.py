"""The queue's door (row X7): what a device sold without a network, and how it gets in."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from handlers import EXTENSION, HandlerSettings
from handlers.clerk.offline import MOST_ITEMS
from handlers.limiting import limiter
from models.device import Device, revoke_device
from models.member import Member
from models.member_code import issue_code
from models.offline_sale import OfflineSale
from models.purchase import Purchase
from models.staff import Staff
from tests.conftest import NOON, Clock
from tests.handlers.clerk_driver import Counter, enrol, words

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]


@dataclass
class Tablet:
    """One device with what its page keeps, and its queue."""

    client: FlaskClient
    counter: Counter
    device: Device
    staff: Staff
    clock: Clock
    config: dict[str, Any] = field(default_factory=dict)

    def sign_in(self) -> dict[str, Any]:
        """Sign in and keep what the page brings for times without a network."""
        self.counter.log_in(self.staff)
        self.config = config_of(self.client.get("/clerk").text)
        return self.config

    def item(self, **told: Any) -> dict[str, Any]:
        """Return a sale of the queue."""
        told_at = told.pop("at", self.clock.now)
        return {
            "key": str(uuid4()),
            "pass": self.config["pass"],
            "told_at": milliseconds(told_at),
            "skew_ms": 0,
            "shown": "會員卡 …A3F2",
            "amount_twd": 450,
        } | told

    def sync(self, *items: dict[str, Any], **told: Any) -> TestResponse:
        """Send a batch."""
        return self.client.post(
            "/clerk/sync", json={"pass": self.config["pass"], "items": list(items)} | told
        )

    def one(self, item: dict[str, Any]) -> dict[str, Any]:
        """Send one item and return its answer."""
        answer = self.sync(item)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()["items"][0]
        return found


def config_of(page: str) -> dict[str, Any]:
    """Return what a page gives its device."""
    found = re.search(r"data-config='([^']*)'", page)
    assert found is not None
    config: dict[str, Any] = json.loads(unescape(found[1]))
    return config


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@pytest.fixture
def tablet(client: FlaskClient, session: Session, clock: Clock, make_staff: MakeStaff) -> Tablet:
    """Return a tablet whose clerk has signed in."""
    limiter.reset()
    tablet = Tablet(client, Counter(client), enrol(client, session), make_staff(), clock)
    tablet.sign_in()
    return tablet


@pytest.fixture
def signing_key(app: Flask) -> Ed25519PrivateKey:
    """Return the shop's key."""
    known: HandlerSettings = app.extensions[EXTENSION]
    return known.signing_key


def purchases(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Purchase)) or 0


# --- what the browser keeps


def test_the_worker_may_serve_the_whole_counter_and_is_looked_for_often(
    client: FlaskClient,
) -> None:
    """X7: at /clerk/sw.js, allowed for /clerk, never from a cache."""
    answer = client.get("/clerk/sw.js")
    assert answer.mimetype == "text/javascript"
    assert answer.headers["Service-Worker-Allowed"] == "/clerk"
    assert answer.headers["Cache-Control"] == "no-cache"
    for name in ("clerk", "offline", "door"):
        assert re.search(rf"/static/{name}-[0-9a-f]+\.js", answer.text)


def test_the_manifest_makes_it_an_app(client: FlaskClient) -> None:
    """X7: installable, with icons of our own in the sizes launchers ask for."""
    told = json.loads(client.get("/clerk/manifest.webmanifest").text)
    assert (told["start_url"], told["display"], told["name"]) == (
        "/clerk",
        "standalone",
        "常客櫃台",
    )
    purposes = set()
    for icon in told["icons"]:
        answer = client.get(icon["src"])
        picture = Image.open(io.BytesIO(answer.data))
        assert f"{picture.width}x{picture.height}" == icon["sizes"]
        purposes.add(icon["purpose"])
    assert purposes == {"any", "maskable"}
    assert client.get("/clerk/icon-77.png").status_code == 404


def test_the_kept_page_shows_nobody(tablet: Tablet) -> None:
    """X7: what the worker keeps has no clerk, no member and no pass on it."""
    page = tablet.client.get("/clerk/offline").text
    assert "data-is-shell" in page
    assert "data-config" not in page
    assert tablet.staff.name not in page
    assert 'data-view="offline-scan"' in page


def test_a_ping_tells_the_time_and_asks_nobody(client: FlaskClient) -> None:
    answer = client.get("/clerk/ping")
    assert answer.get_json() == {"now": milliseconds(NOON)}
    assert answer.headers["X-Server-Time"] == str(milliseconds(NOON))
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_page_brings_what_its_device_needs(
    tablet: Tablet, signing_key: Ed25519PrivateKey
) -> None:
    """X7: the public key only, the limits, and a pass for three days."""
    raw = signing_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert tablet.config["key"] == raw.hex()
    assert tablet.config["pass_until"] == milliseconds(NOON + timedelta(days=3))
    assert (tablet.config["redeem_twd"], tablet.config["redeem_count"]) == (100, 5)
    assert "X-Server-Time" in tablet.client.get("/clerk").headers


def test_nobody_signed_in_gets_no_pass(client: FlaskClient) -> None:
    assert "data-config" not in client.get("/clerk/login").text


# --- the queue's door


def test_each_item_has_its_own_answer(
    tablet: Tablet, session: Session, make_member: MakeMember, signing_key: Ed25519PrivateKey
) -> None:
    """X7: one bad item hinders no other; the queue comes again and counts once."""
    code = issue_code(signing_key, make_member(name="王小明").card_ref, NOON).text
    items = [
        tablet.item(code=code),
        tablet.item(typed="0999999999"),
        tablet.item(code="X" * 130),
        {"key": "no uuid"},
        tablet.item(code=code, visit="both"),
    ]
    first = tablet.sync(*items).get_json()
    assert first["now"] == milliseconds(NOON)
    assert [one["outcome"] for one in first["items"]] == ["recorded", *["refused"] * 4]
    assert [one["is_kept"] for one in first["items"]] == [True, True, True, False, False]
    assert (first["items"][0]["name"], first["items"][0]["points"]) == ("王○明", 4)
    assert all(one["title"] for one in first["items"])
    again = tablet.sync(*items[:3]).get_json()["items"]
    assert [one["outcome"] for one in again] == ["repeated", "refused", "refused"]
    assert purchases(session) == 1
    assert session.scalar(select(func.count()).select_from(OfflineSale)) == 3


def test_the_queue_gets_through_when_the_session_is_over(
    tablet: Tablet, session: Session, make_member: MakeMember
) -> None:
    """X7: locked, or signed out: the pass and the device's cookie are enough."""
    item = tablet.item(typed=make_member().number)
    tablet.counter.send("/clerk/logout")
    tablet.client.delete_cookie("session")
    assert tablet.one(item)["outcome"] == "recorded"
    purchase = session.scalars(select(Purchase)).one()
    assert (purchase.staff_id, purchase.device_id) == (tablet.staff.id, tablet.device.id)


def test_no_other_device_and_no_other_page_gets_in(
    tablet: Tablet, session: Session, make_member: MakeMember, app: Flask
) -> None:
    """X7: without the cookie, or without the pass, nothing is taken."""
    item = tablet.item(typed=make_member().number)
    stranger = app.test_client()
    body = {"pass": tablet.config["pass"], "items": [item]}
    assert stranger.post("/clerk/sync", json=body).status_code == 403
    assert tablet.client.post("/clerk/sync", json=body | {"pass": "x.y"}).status_code == 403
    assert tablet.client.post("/clerk/sync", data=b"items").status_code == 400
    assert tablet.sync(*[item] * (MOST_ITEMS + 1)).status_code == 400
    other = enrol(stranger, session, name="另一台")
    assert other.id != tablet.device.id
    assert stranger.post("/clerk/sync", json=body).status_code == 403
    assert purchases(session) == 0


def test_a_pass_of_another_device_is_not_taken(
    tablet: Tablet, session: Session, app: Flask, make_staff: MakeStaff, make_member: MakeMember
) -> None:
    client = app.test_client()
    device = enrol(client, session, name="另一台")
    other = Tablet(client, Counter(client), device, make_staff(), tablet.clock)
    other.sign_in()
    stolen = tablet.item(typed=make_member().number) | {"pass": other.config["pass"]}
    answer = tablet.one(stolen)
    assert (answer["outcome"], answer["code"], answer["is_kept"]) == (
        "refused",
        "pass_not_ours",
        False,
    )


def test_a_revoked_device_is_told_so_and_its_sales_wait(
    tablet: Tablet, session: Session, make_member: MakeMember
) -> None:
    """X7: nothing it sold is lost, nothing of it is recorded unseen."""
    item = tablet.item(typed=make_member().number)
    revoke_device(session, tablet.device.id, by=None, now=NOON)
    answer = tablet.one(item)
    assert (answer["code"], answer["is_kept"]) == ("offline_device_revoked", True)
    assert purchases(session) == 0


def test_a_confirm_lost_on_the_wire_is_known_already(
    tablet: Tablet, session: Session, make_member: MakeMember, signing_key: Ed25519PrivateKey
) -> None:
    """X7, section 4: the page's key and its visit come again through the queue."""
    tablet.counter.look_up(issue_code(signing_key, make_member().card_ref, NOON).text)
    sale = tablet.counter.sale
    assert tablet.counter.confirm("450").status_code == 200
    tablet.clock.advance(hours=2)
    item = tablet.item(visit=sale["visit"], key=sale["key"], at=NOON)
    answer = tablet.one(item)
    assert (answer["outcome"], answer["title"]) == ("repeated", "先前已經入帳")
    assert purchases(session) == 1


def test_a_confirm_that_never_arrived_is_recorded_long_after_its_visit(
    tablet: Tablet, session: Session, make_member: MakeMember
) -> None:
    """X7: with its items; the visit was over, and was signed by us."""
    tablet.counter.look_up(make_member().number)
    sale = tablet.counter.sale
    tablet.clock.advance(hours=2)
    lines = [{"sku": "", "name": "珍珠奶茶", "price": "65", "quantity": "2"}]
    item = tablet.item(visit=sale["visit"], key=sale["key"], at=NOON, amount_twd=130, lines=lines)
    assert tablet.one(item)["outcome"] == "recorded"
    assert session.scalars(select(Purchase)).one().purchased_at == NOON


def test_a_visit_of_a_colleague_is_not_ones_own(
    tablet: Tablet, make_staff: MakeStaff, make_member: MakeMember
) -> None:
    tablet.counter.look_up(make_member().number)
    visit = tablet.counter.sale["visit"]
    tablet.staff = make_staff()
    tablet.counter.send("/clerk/logout")
    tablet.sign_in()
    assert tablet.one(tablet.item(visit=visit))["code"] == "visit_not_ours"


def test_the_clocks_skew_is_kept_on_the_device(tablet: Tablet, session: Session) -> None:
    """X7: measured by the page, told with the queue or without."""
    assert tablet.sync(skew_ms=-180_000).status_code == 200
    session.refresh(tablet.device)
    assert (tablet.device.skew_ms, tablet.device.skew_at) == (-180_000, NOON)
    tablet.clock.advance(minutes=1)
    tablet.sync(skew_ms=-180_200)
    session.refresh(tablet.device)
    assert tablet.device.skew_at == NOON


def test_a_slow_clock_is_corrected(
    tablet: Tablet, session: Session, make_member: MakeMember, signing_key: Ed25519PrivateKey
) -> None:
    """X7: three minutes slow by its own measure."""
    code = issue_code(signing_key, make_member().card_ref, NOON).text
    item = tablet.item(code=code, at=NOON - timedelta(minutes=3), skew_ms=-180_000)
    assert tablet.one(item)["outcome"] == "recorded"
    assert session.scalars(select(Purchase)).one().purchased_at == NOON


# --- the manager's side


def test_a_manager_settles_what_waits(
    tablet: Tablet, session: Session, make_staff: MakeStaff, make_member: MakeMember
) -> None:
    """X7: what was refused stands on the queue's page, for a second person."""
    tablet.sync(tablet.item(typed="0999999999"), tablet.item(typed="0988888888"))
    waiting = session.scalars(select(OfflineSale).order_by(OfflineSale.id)).all()
    assert "請店長登入後處理" in words(tablet.client.get("/clerk/queue"))
    refused = tablet.counter.send(f"/clerk/queue/{waiting[0].id}/record", member="1")
    assert refused.status_code == 403
    tablet.staff = make_staff("manager")
    tablet.counter.send("/clerk/logout")
    tablet.sign_in()
    member = make_member()
    page = words(tablet.client.get("/clerk/queue"))
    assert "找不到這位會員" in page
    missing = tablet.counter.send(f"/clerk/queue/{waiting[0].id}/record", member="")
    assert "還不知道是哪位會員" in words(missing)
    done = tablet.counter.send(f"/clerk/queue/{waiting[0].id}/record", member=member.number)
    assert "已補登入帳" in words(done)
    gone = tablet.counter.send(f"/clerk/queue/{waiting[1].id}/dismiss", reason="打錯號碼")
    assert "所有收到的消費都已入帳或處理完" in words(gone)
    assert session.scalars(select(Purchase)).one().member_id == member.id
    asks = [sale.idempotency_key.rpartition(":")[2] for sale in waiting]
    told = {one["key"]: one["outcome"] for one in tablet.sync(asks=asks).get_json()["items"]}
    assert told == {asks[0]: "repeated", asks[1]: "dismissed"}


def test_a_loss_is_shown_and_taken_note_of(
    tablet: Tablet, session: Session, make_staff: MakeStaff, make_member: MakeMember
) -> None:
    """X7: redeemed and not covered: recorded, and open until a manager has seen it."""
    answer = tablet.one(tablet.item(typed=make_member(points=3).number, points=50))
    assert (answer["outcome"], answer["code"]) == ("recorded", "redeem_uncovered")
    assert "NT$50" in answer["advice"]
    tablet.staff = make_staff("owner")
    tablet.counter.send("/clerk/logout")
    tablet.sign_in()
    assert "少收 NT$50" in words(tablet.client.get("/clerk/queue"))
    sale = session.scalars(select(OfflineSale)).one()
    assert "已記錄：店長知悉" in words(tablet.counter.send(f"/clerk/queue/{sale.id}/accept"))


def test_an_operator_sets_the_limits_and_sees_what_waits(
    tablet: Tablet, session: Session, app: Flask
) -> None:
    """X7: `offline rules`, `offline list`; nobody's number is printed."""
    cli = app.test_cli_runner()
    changed = cli.invoke(args=["offline", "rules", "--redeem-twd", "60", "--redeem-count", "2"])
    assert "NT$60 a sale, in 2 sales" in changed.output
    session.expire_all()
    page = config_of(tablet.client.get("/clerk").text)
    assert (page["redeem_twd"], page["redeem_count"]) == (60, 2)
    tablet.one(tablet.item(typed="0999999999"))
    listed = cli.invoke(args=["offline", "list"]).output
    assert "NT$450 no_such_member loss NT$0" in listed
    assert "0999999999" not in listed
