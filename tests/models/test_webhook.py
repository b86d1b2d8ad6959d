"""Webhooks: each fact is told once, whoever wrote it and however late, in a member's order."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from models.audit import AuditEntry
from models.base import Sessions
from models.coupon import cancel_redemption, issue_coupon, redeem_alone
from models.exchange import (
    MEMBERS,
    PURCHASES,
    Findings,
    MemberOptions,
    PurchaseOptions,
    get_layout,
    import_members,
    import_purchases,
    open_source,
    undo_import,
)
from models.exchange.reading import tell_nobody
from models.identity import merge_members
from models.local_day import local_day
from models.member import Member
from models.membership import register_at_till
from models.outbox import Owed
from models.points import PointsEntry, expire_member_points, post_points
from models.tier import TierChange
from models.webhook import (
    COUPON_REDEEMED,
    EVENT_TYPES,
    HELD_TRIES,
    JOINED,
    MOST_ENDPOINTS,
    POINTS_CHANGED,
    REDEMPTION_CANCELLED,
    TEST_TYPE,
    TIER_CHANGED,
    TRUSTED_FAILURES,
    TRY_FOR,
    Attempt,
    Claim,
    DeliveryUnderWay,
    EndpointDisabled,
    EndpointRefused,
    NoSuchDelivery,
    NoSuchEndpoint,
    Search,
    TooManyEndpoints,
    WebhookCursor,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
    add_endpoint,
    check_url,
    claim_delivery,
    conclude,
    count_by_state,
    delete_endpoint,
    disable_endpoint,
    enable_endpoint,
    feed,
    forget_deliveries,
    forget_events,
    get_delivery,
    is_public,
    list_broken,
    list_deliveries,
    list_due_endpoints,
    list_endpoints,
    pause_after,
    release_claims,
    replay,
    replay_failed,
    rotate_secret,
    secret_of,
    secrets_of,
    send_test,
    sign,
)
from tests.conftest import NOON, Committed, Maker
from tests.models.coupon_maker import make_template
from tests.models.shopping import buy, take_back

MakeMember = Callable[..., Member]
URL = "https://pos.example/hooks"
KEY = "the installation's secret"
TAKEN = Attempt(200, None, 12)
BROKEN = Attempt(500, "http_500", 12)


def listen(session: Session, *events: str, url: str = URL) -> WebhookEndpoint:
    """Add an endpoint that wants these events, or all."""
    return add_endpoint(session, url, now=NOON, events=events or EVENT_TYPES)


def feed_all(session: Session, now: Any = NOON) -> int:
    """Make events until nothing is left; return how many."""
    events = 0
    while True:
        fed = feed(session, now)
        events += fed.events
        if fed.is_last:
            return events


def told(session: Session, *types: str) -> list[dict[str, Any]]:
    """Return the events there are, in the order in which they are told."""
    found = select(WebhookEvent).order_by(WebhookEvent.seq)
    if types:
        found = found.where(WebhookEvent.event_type.in_(types))
    return [json.loads(event.body) for event in session.scalars(found)]


# --- what is told


def test_a_sale_is_told_with_its_figures_and_no_person(
    session: Session, make_member: MakeMember
) -> None:
    """U7: points.changed says number, reason, figures and balance, and nothing personal."""
    member = make_member(points=30)
    listen(session, POINTS_CHANGED)
    purchase = buy(session, member, 450)
    entry = session.scalars(select(PointsEntry).where(PointsEntry.purchase_id == purchase.id)).one()

    assert feed_all(session) == 1

    (event,) = told(session)
    assert event["id"].startswith("evt_")
    assert event | {"id": ""} == {
        "id": "",
        "type": "points.changed",
        "version": 1,
        "occurred_at": "2026-11-22T04:00:00.000Z",
        "data": {
            "member_number": member.number,
            "sequence": entry.seq,
            "reason": "purchase",
            "points": 4,
            "balance": 34,
            "pending": 0,
            "pending_balance": 0,
            "tier_points": entry.tier_points,
            "tier_points_balance": entry.tier_points_after,
            "store_code": "TP01",
            "purchase_id": purchase.id,
        },
    }
    assert str(member.name) not in json.dumps(event, ensure_ascii=False)
    assert str(member.phone) not in json.dumps(event)


def test_joining_a_tier_and_a_coupon_are_told(session: Session, store: Any) -> None:
    """U7: member.joined, tier.changed, coupon.redeemed and its cancellation."""
    listen(session)
    staff = Maker().staff(session)
    member = register_at_till(
        session, "0912345678", name="陳大文", store=store, staff_id=None, evidence="t", now=NOON
    )
    coupon = issue_coupon(
        session, member.id, make_template(session, kind="gift", value=0), issue_key="g", now=NOON
    )
    assert coupon is not None
    used = redeem_alone(
        session, coupon.code, store=store, staff=staff, idempotency_key="alone:1", now=NOON
    )
    cancel_redemption(session, used.id, staff_id=staff.id, now=NOON + timedelta(minutes=1))
    buy(session, member, 20_000, now=NOON + timedelta(minutes=2))

    feed_all(session)

    events = told(session)
    assert [event["type"] for event in events][:3] == [
        JOINED,
        COUPON_REDEEMED,
        REDEMPTION_CANCELLED,
    ]
    joined, redeemed, cancelled = (event["data"] for event in events[:3])
    assert joined == {
        "member_number": member.number,
        "source": f"store:{store.code}",
        "store_code": store.code,
    }
    assert redeemed == {
        "member_number": member.number,
        "coupon_id": coupon.id,
        "template_code": coupon.template.code,
        "reason": "alone",
        "discount_twd": 0,
        "store_code": "TP01",
        "purchase_id": None,
        "coupon_state": "redeemed",
    }
    assert (cancelled["coupon_id"], cancelled["coupon_state"]) == (coupon.id, "issued")
    (tier,) = (event["data"] for event in events if event["type"] == TIER_CHANGED)
    assert (tier["member_number"], tier["direction"]) == (member.number, "up")
    assert (tier["from_tier"], tier["reason"]) == ("basic", "rolling_365")


def test_what_plain_sql_wrote_is_told_too(session: Session, make_member: MakeMember) -> None:
    """Nothing is missed whichever verb wrote it: no verb at all did."""
    member = make_member(points=10)
    listen(session, POINTS_CHANGED)
    session.execute(
        text("""
            INSERT INTO points_entry (member_id, points, balance_after, reason, idempotency_key,
                posted_at) VALUES (:id, -10, 0, 'adjustment', 'by hand', :now)
        """),
        {"id": member.id, "now": NOON},
    )

    assert feed_all(session) == 1
    assert told(session)[0]["data"]["points"] == -10


def test_what_a_night_ends_and_a_merge_moves_is_told(
    session: Session, make_member: MakeMember
) -> None:
    """Nothing is missed: set-based expiry and merges have their events like a sale."""
    today = local_day(NOON)
    ending = make_member(points=30, points_expire_on=today + timedelta(days=1))
    keep, drop = make_member(points=5), make_member(points=7, line=False)
    listen(session, POINTS_CHANGED)
    later = NOON + timedelta(days=2)

    expire_member_points(session, ending.id, local_day(later), later)
    manager = Maker().staff(session, "manager")
    merge_members(session, keep, drop, staff=manager, reason="同一人", key="m", now=later)
    feed_all(session, later)

    data = [event["data"] for event in told(session)]
    assert [(one["reason"], one["points"]) for one in data if one["member_number"] == ending.number]
    reasons = Counter(one["reason"] for one in data)
    assert reasons["expiry"] == 1
    assert {one["member_number"] for one in data if one["reason"] == "merge"} == {
        keep.number,
        drop.number,
    }


def test_only_what_somebody_wants_is_told_and_each_gets_their_own(
    session: Session, make_member: MakeMember
) -> None:
    """U7: several endpoints, each with its own wishes and its own deliveries."""
    tills = listen(session, POINTS_CHANGED, url="https://a.example/")
    crm = listen(session, POINTS_CHANGED, JOINED, url="https://b.example/")
    off = listen(session, TIER_CHANGED, url="https://c.example/")
    disable_endpoint(session, off.id, NOON)
    buy(session, make_member(), 20_000)

    assert feed_all(session) == 2

    owed = Counter(session.scalars(select(WebhookDelivery.endpoint_id)))
    assert owed == {tills.id: 1, crm.id: 2}
    assert {event["type"] for event in told(session)} == {JOINED, POINTS_CHANGED}


def test_where_nobody_listens_nothing_is_kept_and_nothing_comes_later(
    session: Session, make_member: MakeMember
) -> None:
    """No cost where nobody listens; who comes later hears of what happens later."""
    member = make_member(points=5)
    assert not feed(session, NOON).has_listeners
    endpoint = listen(session)
    buy(session, member, 100)
    assert feed_all(session) == 1
    disable_endpoint(session, endpoint.id, NOON)
    buy(session, member, 100)
    feed_all(session)

    enable_endpoint(session, endpoint.id, NOON)

    assert feed_all(session) == 0
    buy(session, member, 100)
    assert feed_all(session) == 1


def test_a_rush_is_told_in_parts(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    listen(session, POINTS_CHANGED)
    for _ in range(5):
        buy(session, member, 100)

    parts = [feed(session, NOON, limit=2) for _ in range(3)]

    assert [(part.events, part.is_last) for part in parts] == [(2, False), (2, False), (1, True)]
    assert feed_all(session) == 0
    sequences = [event["data"]["sequence"] for event in told(session)]
    assert sequences == sorted(sequences)


# --- imports


@pytest.fixture
def brought(session: Session, sessions: Sessions, tmp_path: Path, store: Any) -> list[int]:
    """Bring members with points in, then their purchases, old and new; return both batches."""
    members, purchases = tmp_path / "members.csv", tmp_path / "purchases.csv"
    members.write_text("手機,姓名,點數\n0912000001,林美麗,50\n", encoding="utf-8")
    purchases.write_text(
        "訂單編號,訂單時間,手機,金額\n"
        "A1,2024-01-05 10:00,0912000001,900\nA2,2026-11-20 10:00,0912000001,30000\n",
        encoding="utf-8",
    )
    first = import_members(
        sessions,
        open_source(members),
        get_layout(MEMBERS, None),
        MemberOptions(),
        findings=Findings(),
        now=NOON,
        tell=tell_nobody,
    )
    second = import_purchases(
        sessions,
        open_source(purchases),
        get_layout(PURCHASES, None),
        PurchaseOptions(store_id=store.id, is_earning=True),
        findings=Findings(),
        now=NOON,
        tell=tell_nobody,
    )
    return [first.batch_id or 0, second.batch_id or 0]


def test_an_import_and_its_undoing_are_not_told_row_by_row(
    session: Session, sessions: Sessions, request: pytest.FixtureRequest
) -> None:
    """A big import must not flood: whoever listens holds the same file."""
    listen(session)
    batches: list[int] = request.getfixturevalue("brought")
    entries = session.scalar(select(func.count()).select_from(PointsEntry)) or 0
    ends = select(func.count()).where(PointsEntry.reason == "expiry")
    assert entries >= 3, "opening points and two sales"
    assert session.scalar(ends) == 1, "the old sale's points had ended"
    assert session.scalar(select(func.count()).select_from(TierChange)) == 1

    assert feed_all(session) == 0
    for batch_id in reversed(batches):
        undo_import(sessions, batch_id, now=NOON)
    assert feed_all(session) == 0


def test_what_becomes_of_imported_points_later_is_told(
    session: Session, brought: list[int]
) -> None:
    """Only the import itself is silent: imported points that end one night are told."""
    listen(session, POINTS_CHANGED)
    member = session.scalars(select(Member).where(Member.phone == "+886912000001")).one()
    later = NOON + timedelta(days=800)

    expire_member_points(session, member.id, local_day(later), later)

    assert feed_all(session, later) > 0
    assert {event["data"]["reason"] for event in told(session)} == {"expiry"}


# --- once, and none missed


def post(session: Session, member_id: int, key: str) -> int:
    """Give a member a point; return the entry's id."""
    member = session.get_one(Member, member_id)
    return post_points(session, member, 1, reason="adjustment", idempotency_key=key, now=NOON).id


def facts(committed: Committed) -> list[str]:
    """Return the facts told so far, in the order in which they are told."""
    with committed.sessions() as session:
        return list(session.scalars(select(WebhookEvent.fact).order_by(WebhookEvent.seq)))


def feed_once(committed: Committed, limit: int = 500) -> int:
    with committed.sessions.begin() as session:
        return feed(session, NOON, limit=limit).events


def cursor_of(committed: Committed) -> WebhookCursor:
    with committed.sessions() as session:
        return session.get_one(WebhookCursor, "points_entry")


@pytest.fixture
def two_members(committed: Committed) -> list[int]:
    """Return two members of a database where an endpoint wants to hear of points."""
    with committed.sessions.begin() as session:
        ids = [committed.maker.member(session).id for _ in range(2)]
        listen(session, POINTS_CHANGED)
    return ids


def test_a_late_commit_is_not_missed_and_holds_up_nobody(
    committed: Committed, two_members: list[int]
) -> None:
    """An id drawn first and committed last has its event when it comes, and only one."""
    slow, quick = two_members
    late = committed.sessions()
    early_id = post(late, slow, "late")
    with committed.sessions.begin() as session:
        later_id = post(session, quick, "quick")
    assert early_id < later_id

    assert feed_once(committed) == 1
    assert facts(committed) == [f"points_entry:{later_id}"]
    assert cursor_of(committed).settled_id < early_id
    late.commit()
    late.close()

    assert feed_once(committed) == 1
    assert feed_once(committed) == 0
    assert facts(committed) == [f"points_entry:{later_id}", f"points_entry:{early_id}"]
    assert cursor_of(committed).settled_id == later_id


def test_the_cursor_follows_although_somebody_always_writes(
    committed: Committed, two_members: list[int]
) -> None:
    """What is awaited are the writers of one moment, not a moment without any."""
    one, other = two_members
    writers = [committed.sessions(), committed.sessions()]
    first_id = post(writers[0], one, "first")
    feed_once(committed)
    post(writers[1], other, "second")
    writers[0].commit()

    feed_once(committed)
    feed_once(committed)

    assert cursor_of(committed).awaited_id == first_id
    writers[1].rollback()
    feed_once(committed)
    assert cursor_of(committed).settled_id == first_id
    for session in writers:
        session.close()


def test_who_rolls_back_is_waited_for_no_longer(
    committed: Committed, two_members: list[int]
) -> None:
    undone = committed.sessions()
    post(undone, two_members[0], "undone")
    with committed.sessions.begin() as session:
        kept_id = post(session, two_members[1], "kept")
    feed_once(committed)
    undone.rollback()
    undone.close()

    assert feed_once(committed) == 0
    assert cursor_of(committed).settled_id == kept_id


def test_two_feeders_and_many_writers_make_one_event_a_fact(
    committed: Committed, two_members: list[int]
) -> None:
    """Concurrency: whoever feeds, each entry has one event, and a member's are in order."""
    with committed.sessions.begin() as session:
        ids = two_members + [committed.maker.member(session).id for _ in range(6)]
    over = Event()

    def write(member_id: int) -> None:
        for number in range(12):
            with committed.sessions() as session:
                post(session, member_id, f"{member_id}:{number}")
                if number % 4 == 3:
                    session.rollback()
                else:
                    session.commit()

    def keep_feeding(_: int) -> None:
        while not over.is_set():
            feed_once(committed, limit=7)

    with ThreadPoolExecutor(10) as threads:
        feeding = threads.map(keep_feeding, range(2))
        try:
            list(threads.map(write, ids))
        finally:
            over.set()
        list(feeding)
    while feed_once(committed):
        pass

    with committed.sessions() as session:
        entries = session.execute(
            select(PointsEntry.id, PointsEntry.member_id).order_by(PointsEntry.id)
        ).all()
        bodies = [
            json.loads(body)
            for body in session.scalars(select(WebhookEvent.body).order_by(WebhookEvent.seq))
        ]
    assert Counter(facts(committed)) == Counter(f"points_entry:{entry.id}" for entry in entries)
    by_member: dict[str, list[int]] = {}
    for body in bodies:
        by_member.setdefault(body["data"]["member_number"], []).append(body["data"]["sequence"])
    assert all(numbers == sorted(numbers) for numbers in by_member.values())
    assert sum(map(len, by_member.values())) == len(ids) * 9


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "refund", "adjust", "expire", "feed"]),
        st.integers(0, 1),
        st.integers(1, 900),
    ),
    max_size=14,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_the_events_come_to_the_ledger_whatever_happens(
    sessions: Sessions, steps: list[tuple[str, int, int]]
) -> None:
    """Property: the events of a member are their ledger since, entry by entry, in its order."""
    outer = sessions()
    with outer.begin_nested() as undo:
        session = outer
        maker = Maker()
        members = [maker.member(session) for _ in range(2)]
        listen(session, POINTS_CHANGED)
        bought: list[Any] = []
        for number, (what, whose, size) in enumerate(steps):
            member, now = members[whose], NOON + timedelta(days=30 * number)
            if what == "buy":
                bought.append((member, buy(session, member, size, now=now)))
            elif what == "refund" and bought:
                owner, purchase = bought.pop()
                take_back(session, owner, purchase, now=now)
            elif what == "adjust":
                post_points(
                    session,
                    member,
                    size,
                    reason="adjustment",
                    idempotency_key=f"a{number}",
                    now=now,
                )
            elif what == "expire":
                expire_member_points(session, member.id, local_day(now), now)
            else:
                feed(session, now, limit=1 + size % 3)
        feed_all(session)
        for member in members:
            _assert_told(session, member)
        undo.rollback()
    outer.close()


def _assert_told(session: Session, member: Member) -> None:
    entries = session.scalars(
        select(PointsEntry).where(PointsEntry.member_id == member.id).order_by(PointsEntry.seq)
    ).all()
    own = [event["data"] for event in told(session)]
    own = [data for data in own if data["member_number"] == member.number]
    assert [(data["sequence"], data["points"], data["balance"]) for data in own] == [
        (entry.seq, entry.points, entry.balance_after) for entry in entries
    ]
    session.refresh(member)
    assert sum(data["points"] for data in own) == member.points


# --- endpoints


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://pos.example/", "scheme"),
        ("ftp://pos.example/", "scheme"),
        ("https://", "url"),
        ("https://me:secret@pos.example/", "url"),
        ("https://pos.example/#there", "url"),
        ("https://pos.example:99999/", "url"),
        ("https://[::1/", "url"),
        ("https://pos.example/a b", "url"),
        ("https://店.example/", "url"),
        ("https://pos.example/" + "a" * 2000, "url"),
        ("", "url"),
        ("https://127.0.0.1/", "private_address"),
        ("https://10.1.2.3/", "private_address"),
        ("https://169.254.169.254/latest/", "private_address"),
        ("https://[::ffff:192.168.0.1]/", "private_address"),
        ("https://[fe80::1]/", "private_address"),
        ("https://[64:ff9b::a00:1]/", "private_address"),
    ],
)
def test_an_address_that_is_not_on_the_internet_is_refused(url: str, why: str) -> None:
    with pytest.raises(EndpointRefused) as refused:
        check_url(url, allow_private=False)
    assert refused.value.facts["why"] == why


def test_the_demo_may_call_this_machine() -> None:
    assert check_url("http://127.0.0.1:9000/hook", allow_private=True)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("0.0.0.0", False),  # noqa: S104
        ("100.64.0.1", False),
        ("192.168.1.1", False),
        ("224.0.0.1", False),
        ("2002:7f00:1::", False),
        ("2001::1", False),
        ("fe80::1%eth0", False),
        ("localhost", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "told_", [{"events": []}, {"events": ["points.gone"]}, {"description": "長" * 101}]
)
def test_an_endpoint_must_make_sense(session: Session, told_: dict[str, Any]) -> None:
    with pytest.raises(EndpointRefused):
        add_endpoint(session, URL, now=NOON, **told_)


def test_a_shop_has_so_many_endpoints_and_no_more(session: Session) -> None:
    for _ in range(MOST_ENDPOINTS):
        listen(session)
    with pytest.raises(TooManyEndpoints):
        listen(session)


def test_who_added_turned_and_removed_an_endpoint_is_in_the_audit(session: Session) -> None:
    """Everything in the audit, and never a secret."""
    staff = Maker().staff(session, "manager")
    endpoint = add_endpoint(session, URL, now=NOON, staff_id=staff.id)
    rotate_secret(session, endpoint.id, NOON, staff_id=staff.id)
    disable_endpoint(session, endpoint.id, NOON, staff_id=staff.id)
    disable_endpoint(session, endpoint.id, NOON, staff_id=staff.id)
    enable_endpoint(session, endpoint.id, NOON, staff_id=staff.id)
    enable_endpoint(session, endpoint.id, NOON, staff_id=staff.id)
    delete_endpoint(session, endpoint.id, NOON, staff_id=staff.id)

    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [entry.what for entry in entries] == [
        f"webhook.{verb}" for verb in ("add", "rotate", "disable", "enable", "delete")
    ]
    assert {entry.staff_id for entry in entries} == {staff.id}
    assert "whsec" not in str([(entry.before, entry.after) for entry in entries])
    assert list_endpoints(session) == []
    with pytest.raises(NoSuchEndpoint):
        delete_endpoint(session, endpoint.id, NOON)


# --- signatures


def verified(secret: str, headers: dict[str, str], body: str) -> bool:
    """Check a signature as a receiver does, with nothing of ours."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return expected in headers["webhook-signature"].split(" ")


def test_a_signature_is_that_of_standard_webhooks() -> None:
    """The example of the Standard Webhooks specification's own libraries."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = '{"test": 2432232314}'
    headers = sign([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", body, NOON)
    assert headers["webhook-timestamp"] == str(int(NOON.timestamp()))
    assert verified(secret, headers, body)
    assert not verified(secret, headers, body + " ")


def test_a_secret_is_derived_and_each_endpoints_own(session: Session) -> None:
    """Not stored in the clear; no two alike, not even of equal numbers."""
    one, other = listen(session), listen(session)
    secret = secret_of(KEY, one)
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert secret == secret_of(KEY, one)
    assert len({secret, secret_of(KEY, other), secret_of("another", one)}) == 3
    assert secret not in str([vars(row) for row in session.scalars(select(WebhookEndpoint))])


def test_for_a_day_after_a_rotation_both_secrets_sign(session: Session) -> None:
    endpoint = listen(session)
    old = secret_of(KEY, endpoint)
    rotate_secret(session, endpoint.id, NOON)
    new = secret_of(KEY, endpoint)

    assert new != old
    assert secrets_of(KEY, endpoint, NOON + timedelta(hours=23)) == [new, old]
    assert secrets_of(KEY, endpoint, NOON + timedelta(hours=24)) == [new]
    headers = sign(secrets_of(KEY, endpoint, NOON), "evt_1", "{}", NOON)
    assert verified(new, headers, "{}")
    assert verified(old, headers, "{}")


# --- deliveries


def owe(session: Session, *members: Member) -> WebhookEndpoint:
    """Owe one endpoint an event of each of these members."""
    endpoint = listen(session, POINTS_CHANGED)
    for member in members:
        buy(session, member, 100)
    feed_all(session)
    return endpoint


def claim(session: Session, endpoint: WebhookEndpoint, now: Any = NOON) -> Claim | None:
    return claim_delivery(session, endpoint.id, KEY, now)


def claimed(session: Session, endpoint: WebhookEndpoint, now: Any = NOON) -> Claim:
    found = claim(session, endpoint, now)
    assert found is not None
    return found


def test_a_claim_carries_all_its_sender_needs_and_lapses(
    session: Session, make_member: MakeMember
) -> None:
    endpoint = owe(session, make_member())
    assert list_due_endpoints(session, NOON) == [endpoint.id]

    first = claimed(session, endpoint)

    (event,) = session.scalars(select(WebhookEvent))
    assert (first.url, first.name, first.body) == (URL, event.name, event.body)
    assert json.loads(first.body)["id"] == event.name
    assert first.secrets == (secret_of(KEY, endpoint),)
    assert claim(session, endpoint) is None
    again = claimed(session, endpoint, NOON + timedelta(seconds=20))
    assert again.delivery_id == first.delivery_id


def test_the_only_worker_alive_takes_up_at_once_what_a_dead_one_held(
    session: Session, make_member: MakeMember
) -> None:
    endpoint = owe(session, make_member())
    claimed(session, endpoint)
    assert release_claims(session, NOON) == 1
    assert claim(session, endpoint) is not None


def test_a_members_events_wait_for_each_other_but_not_for_ever(
    session: Session, make_member: MakeMember
) -> None:
    """Order per member is kept as far as possible; other members go on."""
    slow, other = make_member(), make_member()
    endpoint = owe(session, slow, slow, other)
    first, of_other = claimed(session, endpoint), claimed(session, endpoint)
    assert json.loads(of_other.body)["data"]["member_number"] == other.number
    assert claim(session, endpoint) is None
    conclude(session, of_other, TAKEN, NOON)

    now = NOON
    for _ in range(HELD_TRIES - 1):
        conclude(session, first, BROKEN, now)
        now += timedelta(hours=1)
        assert claimed(session, endpoint, now).delivery_id == first.delivery_id
    assert claimed(session, endpoint, now).delivery_id != first.delivery_id


def test_a_success_is_noted_and_ends_the_failing(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    endpoint = owe(session, member)
    first = claimed(session, endpoint)
    assert conclude(session, first, BROKEN, NOON) == "waiting"
    assert (endpoint.failures, endpoint.failing_since) == (1, NOON)
    later = NOON + timedelta(minutes=1)

    assert conclude(session, claimed(session, endpoint, later), TAKEN, later) == "delivered"

    delivery = get_delivery(session, first.delivery_id)
    assert (delivery.status, delivery.tries, delivery.settled_at) == (200, 2, later)
    assert (endpoint.failures, endpoint.failing_since, endpoint.delivered_at) == (0, None, later)
    assert conclude(session, first, BROKEN, later) == "overtaken"


def test_a_delivery_is_tried_for_three_days_with_growing_pauses(
    session: Session, make_member: MakeMember
) -> None:
    """U7: retried for 3 days with back-off, then failed; the time is played."""
    endpoint = owe(session, make_member())
    now, pauses, state = NOON, [], "waiting"
    while state == "waiting":
        found = claimed(session, endpoint, now)
        state = conclude(session, found, BROKEN, now)
        endpoint.failures, endpoint.failing_since = 0, None  # Others get through meanwhile.
        endpoint.paused_until = None
        session.flush()
        if state == "waiting":
            due = get_delivery(session, found.delivery_id).next_try_at
            pauses.append(due - now)
            now = due
    assert now == NOON + TRY_FOR
    assert timedelta(seconds=2.5) <= pauses[0] <= timedelta(seconds=5)
    assert max(pauses) <= timedelta(hours=1)
    assert pauses[:8] == sorted(pauses[:8])
    assert 60 < len(pauses) < 200
    assert get_delivery(session, found.delivery_id).reason == "http_500"


def test_pauses_double_and_are_spread() -> None:
    assert all(timedelta(seconds=10) <= pause_after(3) <= timedelta(seconds=20) for _ in range(50))
    assert len({pause_after(20) for _ in range(20)}) > 1
    assert max(pause_after(99) for _ in range(50)) <= timedelta(hours=1)


def test_a_receiver_may_ask_for_a_longer_pause(session: Session, make_member: MakeMember) -> None:
    endpoint = owe(session, make_member())
    first = claimed(session, endpoint)
    asked = Attempt(429, "http_429", 5, retry_after=timedelta(minutes=20))
    conclude(session, first, asked, NOON)
    due = get_delivery(session, first.delivery_id).next_try_at
    assert due == NOON + timedelta(minutes=20)


def fail_often(session: Session, endpoint: WebhookEndpoint, times: int) -> None:
    """Let an endpoint fail several times in a row, now."""
    found = [claimed(session, endpoint) for _ in range(times)]
    for one in found:
        conclude(session, one, BROKEN, NOON)


def test_an_endpoint_that_fails_often_is_left_in_peace_and_then_tried_once(
    session: Session, make_member: MakeMember
) -> None:
    members = [make_member() for _ in range(TRUSTED_FAILURES + 3)]
    endpoint = owe(session, *members)
    fail_often(session, endpoint, TRUSTED_FAILURES)
    assert endpoint.paused_until is not None
    assert claim(session, endpoint) is None
    assert list_due_endpoints(session, NOON) == []
    later = endpoint.paused_until

    probe = claimed(session, endpoint, later)
    assert claim(session, endpoint, later) is None, "one at a time"
    conclude(session, probe, TAKEN, later)

    names = [claimed(session, endpoint, later).name for _ in range(len(members) - 1)]
    events = session.scalars(select(WebhookEvent).order_by(WebhookEvent.seq)).all()
    order = [event.name for event in events]
    assert sorted(names) == sorted(set(order) - {probe.name})


def test_an_endpoint_that_is_gone_is_disabled_and_its_managers_are_told(
    session: Session, make_member: MakeMember
) -> None:
    """410 disables; what waited can be sent again once it is back."""
    manager = Maker().staff(session, "manager", member_id=make_member().id)
    Maker().staff(session, "clerk", member_id=make_member().id)
    one, other = make_member(), make_member()
    endpoint = owe(session, one, other)
    conclude(session, claimed(session, endpoint), Attempt(410, "http_410", 3), NOON)

    assert (endpoint.state, endpoint.disabled_because) == ("disabled", "gone")
    assert count_by_state(session) == {(endpoint.id, "failed"): 2}
    assert list_broken(session) == [endpoint]
    (owed,) = session.scalars(select(Owed).where(Owed.kind == "webhook_disabled"))
    assert owed.member_id == manager.member_id
    assert owed.words == {"host": "pos.example", "because": "gone"}
    assert claim(session, endpoint) is None

    disable_endpoint(session, endpoint.id, NOON)
    assert list_broken(session) == []
    with pytest.raises(EndpointDisabled):
        replay_failed(session, endpoint.id, NOON, NOON)
    enable_endpoint(session, endpoint.id, NOON)
    assert replay_failed(session, endpoint.id, NOON, NOON) == 2
    assert count_by_state(session) == {(endpoint.id, "waiting"): 2}


def test_an_endpoint_that_fails_for_three_days_is_disabled(
    session: Session, make_member: MakeMember
) -> None:
    endpoint = owe(session, make_member(), make_member())
    now = NOON
    while endpoint.is_active:
        found = claimed(session, endpoint, now)
        conclude(session, found, BROKEN, now)
        now = max(now + timedelta(hours=1), endpoint.paused_until or now)
        if not endpoint.is_active:
            break
        while claim_delivery_due(session, endpoint) > now:
            now += timedelta(minutes=30)
    assert endpoint.disabled_because == "failing"
    assert TRY_FOR <= now - NOON < TRY_FOR + timedelta(hours=4)


def claim_delivery_due(session: Session, endpoint: WebhookEndpoint) -> Any:
    """Return when the endpoint's next delivery is due."""
    waits = select(func.min(WebhookDelivery.next_try_at)).where(
        WebhookDelivery.endpoint_id == endpoint.id, WebhookDelivery.state == "waiting"
    )
    return session.scalar(waits)


# --- again, and forgotten


def test_a_delivery_is_sent_again_under_its_same_id(
    session: Session, make_member: MakeMember
) -> None:
    """U7: the replay button."""
    endpoint = owe(session, make_member())
    first = claimed(session, endpoint)
    with pytest.raises(DeliveryUnderWay):
        replay(session, first.delivery_id, NOON)
    conclude(session, first, TAKEN, NOON)
    later = NOON + timedelta(days=9)

    replay(session, first.delivery_id, later)

    again = claimed(session, endpoint, later)
    assert (again.name, again.body) == (first.name, first.body)
    assert get_delivery(session, first.delivery_id).give_up_at == later + TRY_FOR
    with pytest.raises(NoSuchDelivery):
        replay(session, 0, NOON)
    with pytest.raises(NoSuchDelivery):
        get_delivery(session, 0)


def test_a_test_event_goes_to_one_endpoint_that_is_active(session: Session) -> None:
    listen(session)
    endpoint = listen(session)
    delivery = send_test(session, endpoint.id, NOON)
    assert delivery.event.event_type == TEST_TYPE
    assert json.loads(claimed(session, endpoint).body)["data"] == {"endpoint_id": endpoint.id}
    assert count_by_state(session) == {(endpoint.id, "waiting"): 1}
    disable_endpoint(session, endpoint.id, NOON)
    with pytest.raises(EndpointDisabled):
        send_test(session, endpoint.id, NOON)


def test_deliveries_are_listed_newest_first_by_endpoint_and_state(
    session: Session, make_member: MakeMember
) -> None:
    endpoint = owe(session, make_member(), make_member(), make_member())
    conclude(session, claimed(session, endpoint), TAKEN, NOON)
    ids = [row.id for row in list_deliveries(session, Search())]
    assert ids == sorted(ids, reverse=True)
    assert [row.id for row in list_deliveries(session, Search(state="delivered"))] == ids[2:]
    assert [row.id for row in list_deliveries(session, Search(before_id=ids[0]))] == ids[1:]
    assert list_deliveries(session, Search(endpoint_id=endpoint.id + 1)) == []


def test_what_is_settled_is_forgotten_and_what_waits_is_kept(
    session: Session, make_member: MakeMember
) -> None:
    """Settled deliveries are kept for a month, and their events as long as anybody needs them."""
    endpoint = owe(session, make_member(), make_member())
    conclude(session, claimed(session, endpoint), TAKEN, NOON)
    session.execute(update(WebhookEvent).values(created_at=NOON - timedelta(days=40)))

    assert forget_deliveries(session, NOON, limit=9) == 0
    assert forget_deliveries(session, NOON + timedelta(seconds=1), limit=9) == 1
    assert forget_events(session, NOON - timedelta(days=30), limit=9) == 1
    assert count_by_state(session) == {(endpoint.id, "waiting"): 1}
    assert len(told(session)) == 1
