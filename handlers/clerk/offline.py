"""The counter without a network: what a browser keeps of it, and the door for what it queued.

These addresses stand outside the counter's door, for they serve a page whose session is locked or
ended. What is kept holds nobody: no member, no clerk. The queue's own door asks for the device's
cookie and for a signed pass in the body, which no foreign page has.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import structlog
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Blueprint, Response, abort, g, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import UUID4, BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from handlers import keep_so_far, settings
from handlers.assets import STATIC_FOLDER, asset_url
from handlers.clerk import door, items, views
from handlers.clerk.icon import SIZES, draw_icon
from handlers.clerk.offline_pass import Pass, PassNotOurs, read_pass, sign_pass
from handlers.clerk.offline_words import problem_words, retry_words, sale_words
from handlers.clerk.visit import VisitNotOurs, read_seen
from handlers.limiting import limiter
from handlers.notice import Notice
from models.audit import work_at
from models.base import BusinessError
from models.device import Device, is_secret_of, note_skew
from models.member import Member, masked_name
from models.member_code import STEP_SECONDS, STEPS_AROUND
from models.offline_sale import (
    DISMISSED,
    PASS_LIFE,
    WORST_SKEW_MS,
    OfflineSale,
    Received,
    Scanned,
    Seen,
    Told,
    Typed,
    list_received,
    receive_sale,
)
from models.purchase import LARGEST_AMOUNT_TWD
from models.shop import Store, get_shop
from models.staff import Staff

MOST_ITEMS = 50
SYNCS_PER_DEVICE = "60 per minute"
ICON_SECONDS = 86_400
LONGEST_TOKEN = 2_000
LONGEST_TEXT = 200
MOST_SKEW_MS = 10 * 365 * 24 * 3600 * 1000
SERVER_TIME = "X-Server-Time"
"""Our time in every answer, in milliseconds, from which a page measures its device's clock."""

log = structlog.get_logger()

Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Token = Annotated[str, Field(max_length=LONGEST_TOKEN)]
Milliseconds = Annotated[int, Field(ge=0, le=10**14)]
Skew = Annotated[int, Field(ge=-MOST_SKEW_MS, le=MOST_SKEW_MS)]
Twd = Annotated[int, Field(ge=0, le=LARGEST_AMOUNT_TWD)]


class Misshapen(BusinessError):
    """An item is not what our page sends."""

    code = "misshapen"


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class AskedLine(_Asked):
    """One item of a sale, as it was typed."""

    sku: Text = ""
    name: Text = ""
    price: Text = ""
    quantity: Text = "1"


class AskedItem(_Asked):
    """One sale of the queue; exactly one of `code`, `typed` and `visit` says whose it is."""

    key: Annotated[UUID4, Field(strict=False)]
    pass_: Token = Field(alias="pass")
    told_at: Milliseconds
    skew_ms: Skew | None = None
    code: Text | None = None
    typed: Text | None = None
    visit: Token | None = None
    shown: Text = ""
    amount_twd: Annotated[int, Field(ge=1, le=LARGEST_AMOUNT_TWD)]
    points: Annotated[int, Field(ge=0, le=10**7)] = 0
    coupon: Text | None = None
    coupon_twd: Twd = 0
    coupon_ids: Annotated[list[int], Field(max_length=20)] = []
    lines: Annotated[list[AskedLine], Field(max_length=items.MOST_ITEMS)] = []

    @model_validator(mode="after")
    def _names_one(self) -> "AskedItem":
        if sum(told is not None for told in (self.code, self.typed, self.visit)) != 1:
            raise ValueError("one of code, typed and visit")
        return self


class AskedSync(_Asked):
    """What a device sends: who it is, how its clock goes, its queue's oldest items, and asks."""

    pass_: Token = Field(alias="pass")
    skew_ms: Skew | None = None
    items: Annotated[list[Any], Field(max_length=MOST_ITEMS)] = []
    asks: Annotated[list[Annotated[UUID4, Field(strict=False)]], Field(max_length=MOST_ITEMS)] = []
    """Keys of items that waited for a manager when they were last told of."""


@dataclass(frozen=True)
class Answer:
    """What became of one item, and in words.

    `recorded` and `repeated` stand in the books; `refused` waits for a manager or was not taken at
    all; `dismissed` was settled without a sale; `retry` comes again.
    """

    key: str
    outcome: str
    words: Notice
    code: str | None = None
    is_kept: bool = True
    """Whether we hold it; else the device alone does."""
    name: str | None = None
    """The member's, masked."""
    points: int | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as it is sent."""
        return {
            "key": self.key,
            "outcome": self.outcome,
            "code": self.code,
            "title": self.words.title,
            "advice": self.words.advice,
            "is_kept": self.is_kept,
            "name": self.name,
            "points": self.points,
        }


def make_blueprint() -> Blueprint:
    """Make the blueprint that stands within the counter's address and outside its door."""
    blueprint = Blueprint("offline", __name__)
    blueprint.get("/sw.js")(service_worker)
    blueprint.get("/manifest.webmanifest")(manifest)
    blueprint.get("/icon-<int:size>.png")(icon)
    blueprint.get("/icon-<int:size>-maskable.png", endpoint="maskable_icon")(maskable_icon)
    blueprint.get("/offline")(shell)
    blueprint.get("/ping")(ping)
    blueprint.post("/sync")(sync)
    return blueprint


def service_worker() -> ResponseReturnValue:
    """Send the worker, which may serve the whole counter; browsers look for a new one often."""
    built = STATIC_FOLDER / asset_url("sw.js").rpartition("/")[2]
    response = Response(built.read_text(encoding="utf-8"), mimetype="text/javascript")
    response.headers["Service-Worker-Allowed"] = "/clerk"
    response.headers["Cache-Control"] = "no-cache"
    return response


def manifest() -> ResponseReturnValue:
    """Describe the counter as an app to install."""
    t = door.clerk_texts()
    icons = [
        {
            "src": url_for(f"clerk.offline.{endpoint}", size=size),
            "sizes": f"{size}x{size}",
            "type": "image/png",
            "purpose": purpose,
        }
        for endpoint, purpose in (("icon", "any"), ("maskable_icon", "maskable"))
        for size in (192, 512)
    ]
    told = {
        "id": "/clerk",
        "name": t("常客櫃台"),
        "short_name": t("櫃台"),
        "description": t("掃會員條碼、記錄消費；沒有網路也能用。"),
        "lang": "zh-Hant-TW" if t.language == "zh-TW" else t.language,
        "start_url": "/clerk",
        "scope": "/clerk",
        "display": "standalone",
        "orientation": "any",
        "theme_color": "#184a35",
        "background_color": "#f4f3ec",
        "icons": icons,
    }
    response = jsonify(told)
    response.mimetype = "application/manifest+json"
    return response


def icon(size: int) -> ResponseReturnValue:
    """Draw the app's icon."""
    return _icon(size, is_maskable=False)


def maskable_icon(size: int) -> ResponseReturnValue:
    """Draw the app's icon for launchers that cut it to a shape of theirs."""
    return _icon(size, is_maskable=True)


def shell() -> ResponseReturnValue:
    """Show the counter as it works without a network, of nobody in particular."""
    nobody = {"staff": None, "store": None, "is_managing": False, "is_shell": True}
    page = views.words() | nobody | {"view": "clerk/_offline_scan.html"}
    return render_template("clerk/page.html", **page)


def ping() -> ResponseReturnValue:
    """Say that we are here, and what time it is; without the database."""
    return jsonify(now=_milliseconds(g.now))


@limiter.limit(SYNCS_PER_DEVICE, key_func=lambda: f"sync:{door.device_secret()}")
def sync() -> ResponseReturnValue:
    """Take over what a device sold without a network; each item has its own transaction."""
    try:
        asked = AskedSync.model_validate(request.get_json(silent=True))
    except ValidationError:
        return jsonify(code="misshapen"), 400
    try:
        device = _device(asked.pass_)
    except PassNotOurs as error:
        return jsonify(code=error.code), 403
    if asked.skew_ms is not None:
        note_skew(g.session, device, asked.skew_ms, g.now)
        keep_so_far()
    worth_twd = get_shop(g.session).point_value_twd
    answers = [_take(told, device, worth_twd) for told in asked.items]
    answers += _look_up(asked.asks, device)
    return jsonify(now=_milliseconds(g.now), items=[answer.plain() for answer in answers])


def add_server_time(response: Response) -> Response:
    """Put our time into an answer."""
    if "now" in g:
        response.headers[SERVER_TIME] = str(_milliseconds(g.now))
    return response


def page_config() -> dict[str, Any] | None:
    """Return what a page keeps on its device to go on without us; None where nobody is signed in.

    The pass is made anew with each page. The key is the shop's public one.
    """
    work = door.work_or_none()
    if work is None or door.is_fragment():
        return None
    issued_at = int(g.now.timestamp())
    given = Pass(work.staff.id, work.device.id, work.store.id, issued_at)
    shop = work.shop
    key = settings().public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {
        "pass": sign_pass(settings().secret_key, given),
        "pass_until": (issued_at + int(PASS_LIFE.total_seconds())) * 1000,
        "staff_id": work.staff.id,
        "staff_name": work.staff.name,
        "device_id": work.device.id,
        "store_id": work.store.id,
        "key": key.hex(),
        "step_seconds": STEP_SECONDS,
        "steps_around": STEPS_AROUND,
        "earn_twd": shop.earn_twd,
        "point_value_twd": shop.point_value_twd,
        "redeem_twd": shop.offline_redeem_twd,
        "redeem_count": shop.offline_redeem_count,
        "largest_twd": LARGEST_AMOUNT_TWD,
        "worst_skew_ms": WORST_SKEW_MS,
    }


def _icon(size: int, *, is_maskable: bool) -> ResponseReturnValue:
    if size not in SIZES:
        abort(404)
    response = Response(draw_icon(size, is_maskable=is_maskable), mimetype="image/png")
    response.cache_control.max_age = ICON_SECONDS
    return response


def _device(token: str) -> Device:
    """Return the device that sends, also one that was taken out of use. Raises PassNotOurs."""
    given = read_pass(settings().secret_key, token)
    device: Device | None = g.session.get(Device, given.device_id)
    if device is None or not is_secret_of(device, door.device_secret()):
        raise PassNotOurs
    return device


def _take(told: Any, device: Device, worth_twd: int) -> Answer:
    """Take one item over and keep it; a failure undoes nothing but this item."""
    key = str(told.get("key", ""))[:LONGEST_TEXT] if isinstance(told, dict) else ""
    try:
        received = _receive(told, device, worth_twd)
        answer = _answer(key, received)
        keep_so_far()
    except BusinessError as error:
        g.session.rollback()
        words = problem_words(door.clerk_texts(), error.code, error.facts)
        return Answer(key, "refused", words, error.code, is_kept=False)
    except DBAPIError as error:
        g.session.rollback()
        log.warning("offline_sale_put_off", device_id=device.id, error=type(error).__name__)
        return Answer(key, "retry", retry_words(door.clerk_texts()), is_kept=False)
    log.info(
        "offline_sale_received",
        offline_sale_id=received.sale.id,
        purchase_id=received.sale.purchase_id,
        problem=received.sale.problem,
        is_repeat=received.is_repeat,
    )
    return answer


def _receive(told: Any, device: Device, worth_twd: int) -> Received:
    """Read an item and hand it to the shop's rules; a point is worth so many NT$.

    Raises Misshapen, PassNotOurs, VisitNotOurs, ItemUnreadable or IdempotencyKeyReused.
    """
    try:
        item = AskedItem.model_validate(told)
    except ValidationError as error:
        raise Misshapen from error
    given = read_pass(settings().secret_key, item.pass_)
    staff, store = g.session.get(Staff, given.staff_id), g.session.get(Store, given.store_id)
    if given.device_id != device.id or staff is None or store is None:
        raise PassNotOurs
    work_at(g.session, store.id, device.label)
    sale = Told(
        key=f"till:{store.id}:{item.key}",
        device=device,
        staff=staff,
        store=store,
        pass_issued_at=given.moment,
        told_at=datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=item.told_at),
        skew_ms=item.skew_ms,
        who=_who(item, staff),
        shown=item.shown,
        amount_twd=item.amount_twd,
        points=item.points,
        points_twd=item.points * worth_twd,
        coupon_text=item.coupon,
        coupon_ids=tuple(sorted(set(item.coupon_ids))),
        coupon_twd=item.coupon_twd,
        lines=items.lines_of([items.Row(**line.model_dump()) for line in item.lines]),
    )
    return receive_sale(g.session, sale, settings().public_key, g.now)


def _who(item: AskedItem, staff: Staff) -> Scanned | Typed | Seen:
    """Return what says whose sale it is. Raises VisitNotOurs for a page of somebody else's."""
    if item.code is not None:
        return Scanned(item.code)
    if item.typed is not None:
        return Typed(item.typed)
    visit = read_seen(settings().secret_key, item.visit or "")
    if visit.staff_id != staff.id:
        raise VisitNotOurs
    return Seen(visit.member_id, visit.code_id)


def _look_up(asks: list[UUID], device: Device) -> list[Answer]:
    """Return how items that this device had told of stand now; of others nothing."""
    if not asks:
        return []
    found = list_received(g.session, device.id, {str(key) for key in asks})
    return [
        _answer(key, Received(sale, None, is_repeat=True)) for key, sale in sorted(found.items())
    ]


def _answer(key: str, received: Received) -> Answer:
    sale, recorded = received.sale, received.recorded
    is_repeat = received.is_repeat or (recorded is not None and recorded.is_repeat)
    return Answer(
        key,
        _outcome(sale, is_repeat=is_repeat),
        sale_words(door.clerk_texts(), sale, is_repeat=is_repeat),
        sale.problem if sale.is_open else None,
        name=_name(g.session, sale.member_id),
        points=recorded.receipt["points_earned"] if recorded is not None else None,
    )


def _outcome(sale: OfflineSale, *, is_repeat: bool) -> str:
    if sale.settlement == DISMISSED:
        return "dismissed"
    if sale.purchase_id is None:
        return "refused"
    return "repeated" if is_repeat else "recorded"


def _name(session: Session, member_id: int | None) -> str | None:
    member = session.get(Member, member_id) if member_id is not None else None
    return masked_name(member.name) if member is not None else None


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
