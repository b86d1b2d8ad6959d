"""The provable ledger: chained by the database, sealed by the day, and every tampering named."""

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from uuid import uuid4

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

import migrations
from models.database import create_database, drop_database, make_engine
from models.member import Member
from models.points import (
    LedgerSeal,
    PointsAdjustment,
    PointsEntry,
    expire_member_points,
    find_last_seal,
    forecast,
    ledger_by_month,
    post_points,
    reserve_entry_ids,
    seal_entries,
    sealing,
    settled_entry_id,
    take_back,
    verify_ledger,
    verify_member,
)
from models.points import verifying as verifying_module
from models.shop import get_shop
from tests.conftest import NOON, Committed
from tests.processes import wait_until

MakeMember = Callable[..., Member]

TODAY = date(2026, 11, 22)
DECEMBER, JANUARY = date(2026, 12, 1), date(2027, 1, 1)


WAITS_FOR_THE_LEDGER = text(
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'ShareLock'"
    " AND relation = 'points_entry'::regclass"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def earn(session: Session, member: Member, points: int, key: str, **told: object) -> PointsEntry:
    return post_points(
        session,
        member,
        points,
        reason="reward",
        idempotency_key=key,
        now=NOON,
        **{"expires_on": JANUARY, **told},  # type: ignore[arg-type]  # Told by name, as there.
    )


def seal(session: Session, day: date = TODAY) -> LedgerSeal | None:
    session.flush()
    return seal_entries(session, day, settled_entry_id(session), NOON)


def faults(session: Session) -> list[tuple[str, int | None, int | None]]:
    session.flush()
    return [(fault.what, fault.member_id, fault.seq) for fault in verify_ledger(session)]


@contextmanager
def as_superuser(session: Session, *tables: str) -> Iterator[None]:
    """Switch the database's own guards off, as only somebody with all rights can."""
    session.flush()
    for table in tables:
        session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
    yield
    for table in tables:
        session.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))


def tamper(session: Session, statement: str, **told: object) -> None:
    with as_superuser(session, "points_entry", "points_take", "ledger_seal"):
        session.execute(text(statement), told)


@pytest.fixture
def member(session: Session, make_member: MakeMember) -> Member:
    """Return a member with three entries, among others."""
    earn(session, make_member(), 5, "before")
    made = make_member()
    for number in (1, 2, 3):
        earn(session, made, 10 * number, f"entry {number}", note=f'第 {number} 筆\n"引號" \\ é\t')
    earn(session, make_member(), 5, "after")
    return made


def entries(session: Session, member: Member) -> list[PointsEntry]:
    return list(
        session.scalars(
            select(PointsEntry).where(PointsEntry.member_id == member.id).order_by(PointsEntry.seq)
        )
    )


# --- the chain


def test_a_hash_can_be_worked_out_without_the_database(session: Session, member: Member) -> None:
    """X6: the chain is what the documentation says, by other means than ours."""
    before = b""
    for entry in entries(session, member):
        content = [
            entry.id,
            entry.member_id,
            entry.seq,
            entry.points,
            entry.balance_after,
            entry.pending,
            entry.pending_after,
            entry.tier_points,
            entry.tier_points_after,
            entry.forgiven,
            entry.reason,
            entry.purchase_id,
            entry.answers_id,
            entry.staff_id,
            entry.store_id,
            entry.note,
            entry.idempotency_key,
            entry.posted_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        ]
        written = json.dumps(content, ensure_ascii=False).encode()
        before = hashlib.sha256(before + written).digest()
        assert entry.hash == before
    assert [entry.seq for entry in entries(session, member)] == [1, 2, 3]


def test_what_the_writer_says_of_the_chain_does_not_count(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    session.add(
        PointsEntry(
            member_id=member.id,
            seq=77,
            hash=b"mine",
            points=1,
            balance_after=1,
            reason="reward",
            idempotency_key="a",
            posted_at=NOON,
        )
    )
    session.flush()
    session.expire_all()
    entry = entries(session, member)[0]
    assert (entry.seq, len(entry.hash)) == (1, 32)


@pytest.mark.parametrize(
    "figures",
    [
        {"points": 5, "balance_after": 66},
        {"points": 0, "balance_after": 60, "pending": 5, "pending_after": 6},
        {"points": 0, "balance_after": 60, "tier_points": 5, "tier_points_after": 4},
    ],
)
def test_an_entry_that_does_not_follow_is_refused(
    session: Session, member: Member, figures: dict[str, int]
) -> None:
    """X6: the database itself refuses a balance that is not the one before and the movement."""
    session.add(
        PointsEntry(
            member_id=member.id,
            reason="reward",
            idempotency_key="wrong",
            posted_at=NOON,
            **figures,
        )
    )
    with pytest.raises(DBAPIError, match="does not follow"):
        session.flush()


def test_many_entries_in_one_statement_are_chained_too(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    session.execute(
        text("""
            INSERT INTO points_entry (member_id, points, balance_after, reason, idempotency_key,
                posted_at)
            SELECT :member, 1, n, 'import', 'bulk:' || n, :now FROM generate_series(1, 500) AS n
        """),
        {"member": member.id, "now": NOON},
    )
    session.execute(
        text("""
            INSERT INTO points_lot (entry_id, member_id, granted, remaining, expires_on)
            SELECT id, member_id, 1, 1, '2027-01-01' FROM points_entry WHERE member_id = :member
        """),
        {"member": member.id},
    )
    member.points = 500
    assert [entry.seq for entry in entries(session, member)] == list(range(1, 501))
    assert faults(session) == []


@pytest.mark.parametrize("table", ["points_entry", "points_take", "ledger_seal"])
@pytest.mark.parametrize(
    "change", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"]
)
def test_the_ledger_only_ever_grows(
    session: Session, member: Member, table: str, change: str
) -> None:
    """X6: append-only, guarded by the database, also against emptying."""
    post_points(session, member, -1, reason="redemption", idempotency_key="s", now=NOON)
    seal(session)
    column = "sealed_on" if table == "ledger_seal" else "points"
    with pytest.raises(DBAPIError, match="is append-only"), session.begin_nested():
        session.execute(text(change.format(table, column)))


# --- tampering


def test_a_true_ledger_holds(session: Session, member: Member) -> None:
    seal(session)
    assert faults(session) == []


@pytest.mark.parametrize(
    "change",
    [
        "points = 21, balance_after = 31",
        "posted_at = posted_at - interval '1 microsecond'",
        "note = 'other'",
        "reason = 'welcome'",
        "hash = sha256('x')",
    ],
)
def test_a_changed_entry_is_found_and_named(session: Session, member: Member, change: str) -> None:
    """X6: a changed amount, moment, text or hash is found and named."""
    changed = entries(session, member)[1]
    tamper(session, f"UPDATE points_entry SET {change} WHERE id = :id", id=changed.id)  # noqa: S608 - Told above.

    found = list(verify_ledger(session))

    assert (found[0].what, found[0].member_id, found[0].seq, found[0].entry_id) == (
        "changed",
        member.id,
        2,
        changed.id,
    )
    assert {fault.member_id for fault in found} == {member.id}
    assert f"member {member.id} seq 2 entry {changed.id}: changed" in str(found[0])


def test_an_entry_removed_from_the_middle_is_found_and_named(
    session: Session, member: Member
) -> None:
    removed = entries(session, member)[1]
    session.execute(text("DELETE FROM points_lot WHERE entry_id = :id"), {"id": removed.id})
    tamper(session, "DELETE FROM points_entry WHERE id = :id", id=removed.id)

    found = list(verify_ledger(session))

    assert (found[0].what, found[0].seq) == ("removed", 3)
    assert "the entries 2 to 2 before this one are missing" in str(found[0])


def test_the_last_entry_removed_is_found_by_the_members_figures(
    session: Session, member: Member
) -> None:
    removed = entries(session, member)[2]
    session.execute(text("DELETE FROM points_lot WHERE entry_id = :id"), {"id": removed.id})
    tamper(session, "DELETE FROM points_entry WHERE id = :id", id=removed.id)

    assert faults(session) == [("figure", member.id, 2), ("lots", member.id, None)]


def test_the_last_entry_removed_with_all_its_traces_is_found_by_the_seal(
    session: Session, member: Member
) -> None:
    seal(session)
    removed = entries(session, member)[2]
    session.execute(text("DELETE FROM points_lot WHERE entry_id = :id"), {"id": removed.id})
    member.points -= removed.points
    tamper(session, "DELETE FROM points_entry WHERE id = :id", id=removed.id)

    found = list(verify_ledger(session))

    assert [fault.what for fault in found] == ["seal"]
    assert "2026-11-22 sealed 5 entries" in str(found[0])
    assert "4 are there" in str(found[0])


def test_an_inserted_entry_is_found_and_named(session: Session, member: Member) -> None:
    tamper(
        session,
        """
        INSERT INTO points_entry (member_id, seq, hash, points, balance_after, reason,
            idempotency_key, posted_at)
        VALUES (:id, 4, sha256('made up'), 1000, 1060, 'reward', 'made up', now())
        """,
        id=member.id,
    )
    assert faults(session)[0] == ("changed", member.id, 4)


def test_an_entry_with_a_wrong_sum_is_found_though_its_hash_fits(
    session: Session, member: Member
) -> None:
    """Even who hashes like us cannot make a figure follow that does not."""
    tamper(
        session,
        """
        INSERT INTO points_entry (id, member_id, seq, hash, points, balance_after, reason,
            idempotency_key, posted_at)
        SELECT 900000, member_id, 4, sha256(hash || convert_to(json_build_array(900000, member_id,
            4, 1, 1060, 0, 0, 0, 0, 0, 'reward', NULL, NULL, NULL, NULL, NULL, 'forged',
            '2026-11-22T04:00:00.000000Z')::text, 'UTF8')), 1, 1060, 'reward', 'forged',
            '2026-11-22T04:00:00Z'
        FROM points_entry WHERE member_id = :id AND seq = 3
        """,
        id=member.id,
    )
    assert faults(session)[0] == ("wrong_sum", member.id, 4)


@pytest.mark.parametrize(
    "change", ["root = sha256('x')", "entries = entries + 1", "last_entry_id = last_entry_id - 1"]
)
def test_a_changed_seal_is_found_and_named(session: Session, member: Member, change: str) -> None:
    seal(session, TODAY - timedelta(days=1))
    earn(session, member, 5, "later")
    seal(session)
    day = TODAY - timedelta(days=1)
    tamper(session, f"UPDATE ledger_seal SET {change} WHERE sealed_on = :day", day=day)  # noqa: S608 - Told above.

    found = list(verify_ledger(session))

    assert found
    assert "2026-11-21" in str(found[0])


def test_a_removed_seal_is_missed_by_the_next(session: Session, member: Member) -> None:
    seal(session, TODAY - timedelta(days=1))
    earn(session, member, 5, "later")
    seal(session)
    tamper(session, "DELETE FROM ledger_seal WHERE sealed_on = '2026-11-21'")
    assert [fault.what for fault in verify_ledger(session)] == ["seal"]


def test_a_whole_chain_written_anew_is_found_by_the_seal(session: Session, member: Member) -> None:
    """Who rewrites an entry and every hash after it still does not fit the seal."""
    seal(session)
    last = entries(session, member)[2]
    tamper(
        session,
        """
        UPDATE points_entry SET note = 'other', hash = sha256(
            (SELECT hash FROM points_entry WHERE member_id = :member AND seq = 2)
            || convert_to(json_build_array(id, member_id, seq, points, balance_after, pending,
                pending_after, tier_points, tier_points_after, forgiven, reason, purchase_id,
                answers_id, staff_id, store_id, 'other', idempotency_key,
                to_char(posted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text,
                'UTF8'))
        WHERE id = :id
        """,
        id=last.id,
        member=member.id,
    )
    assert [fault.what for fault in verify_ledger(session)] == ["seal"]


def test_a_changed_running_figure_is_named_with_both_numbers(
    session: Session, member: Member
) -> None:
    member.points, member.tier_points = 61, 3
    session.flush()
    assert "points 61 and 60, tier points 3 and 0" in str(next(verify_ledger(session)))


def test_a_lot_that_lost_points_by_itself_is_named(session: Session, member: Member) -> None:
    lot_id = entries(session, member)[0].id
    session.execute(
        text("UPDATE points_lot SET remaining = remaining - 1 WHERE entry_id = :id"), {"id": lot_id}
    )
    assert faults(session) == [("lots", member.id, None), ("lot", member.id, 1)]


def test_members_are_verified_in_parts_with_progress(
    session: Session, make_member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying_module, "MEMBERS_AT_ONCE", 2)
    for number in range(5):
        earn(session, make_member(), 5, f"key {number}")
    seen: list[tuple[int, int]] = []

    assert list(verify_ledger(session, lambda *done: seen.append(done))) == []

    assert seen == [(2, 5), (4, 5), (5, 5)]


def test_an_empty_ledger_holds(session: Session) -> None:
    seal(session)
    assert faults(session) == []


# --- seals


def test_a_day_is_sealed_once_and_each_seal_stands_on_the_one_before(
    session: Session, member: Member
) -> None:
    """X6: a daily proof."""
    first = seal(session)
    assert first is not None
    assert seal(session) is None
    earn(session, member, 1, "next day")
    second = seal(session, TODAY + timedelta(days=1))

    assert second is not None
    assert (first.entries, second.entries) == (5, 1)
    own = hashlib.sha256(entries(session, member)[-1].hash).digest()
    assert second.root == hashlib.sha256(first.root + own).digest()
    assert find_last_seal(session) == second


def test_a_quiet_day_has_its_seal_too(session: Session, member: Member) -> None:
    seal(session)
    quiet = seal(session, TODAY + timedelta(days=1))
    assert quiet is not None
    assert quiet.entries == 0
    assert faults(session) == []


def test_a_seal_waits_for_the_entries_under_way(
    committed: Committed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No entry with a smaller id can come after the seal."""
    monkeypatch.setattr(sealing, "LOCK_TIMEOUT_MILLISECONDS", 120_000)
    with committed.sessions.begin() as session:
        one, other = (committed.maker.member(session).id for _ in range(2))
    started = Barrier(2)

    def post_slowly() -> int:
        with committed.sessions.begin() as session:
            entry = earn(session, session.get_one(Member, one), 5, "slow")
            started.wait(timeout=30)
            wait_until(lambda: session.scalar(WAITS_FOR_THE_LEDGER), "the seal waits")
            return entry.id

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(post_slowly)
        started.wait(timeout=30)
        with committed.sessions.begin() as session:
            last_id = settled_entry_id(session)
        assert last_id == slow.result()
    with committed.sessions.begin() as session:
        earn(session, session.get_one(Member, other), 5, "after")
        made = seal_entries(session, TODAY, last_id, NOON)
        assert made is not None
        assert made.entries == 1
        assert list(verify_ledger(session)) == []


def test_ids_reserved_for_a_copy_hold_the_seal_back(committed: Committed) -> None:
    with committed.sessions.begin() as importer:
        ids = reserve_entry_ids(importer, 3)
        assert ids == sorted(ids)
        with pytest.raises(DBAPIError, match="lock timeout"), committed.sessions.begin() as session:
            settled_entry_id(session)


# --- many at once


def test_postings_by_many_threads_are_neither_lost_nor_doubled(committed: Committed) -> None:
    """U9, X6: every key once, every balance right, and the ledger holds (small version)."""
    with committed.sessions.begin() as session:
        ids = [committed.maker.member(session).id for _ in range(3)]
    keys = [f"key:{number}" for number in range(120)] * 2

    def post(key: str) -> None:
        with committed.sessions.begin() as session:
            member = session.get_one(Member, ids[int(key.split(":")[1]) % len(ids)])
            earn(session, member, 1, key)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(post, keys))
    with committed.sessions() as session:
        assert [session.get_one(Member, one).points for one in ids] == [40, 40, 40]
        assert session.scalar(select(func.count()).select_from(PointsEntry)) == 120
        assert list(verify_ledger(session)) == []


# --- what is owed


def test_the_forecast_says_what_lapses_when(session: Session, make_member: MakeMember) -> None:
    """E-21: outstanding liability in points and NT$, and when it lapses."""
    get_shop(session).point_value_twd = 2
    member = make_member()
    earn(session, member, 10, "a", expires_on=DECEMBER)
    earn(session, member, 20, "b", expires_on=JANUARY)
    earn(session, member, 30, "c", expires_on=date(2028, 1, 1), pending_until=DECEMBER)
    post_points(session, member, -4, reason="redemption", idempotency_key="d", now=NOON)

    seen = forecast(session, TODAY, months=3)

    assert (seen.outstanding, seen.outstanding_twd, seen.pending, seen.debt) == (56, 112, 30, 0)
    assert [
        (month.first_day, month.expiring, month.outstanding, month.outstanding_twd)
        for month in seen.months
    ] == [
        (date(2026, 11, 1), 6, 50, 100),
        (date(2026, 12, 1), 20, 30, 60),
        (date(2027, 1, 1), 0, 30, 60),
    ]
    assert seen.later == 30


def test_a_debt_is_told_beside_what_is_owed(session: Session, make_member: MakeMember) -> None:
    get_shop(session).negative_points = "debt"
    member = make_member()
    entry = earn(session, member, 10, "a")
    post_points(session, member, -10, reason="redemption", idempotency_key="b", now=NOON)
    take_back(session, member, entry, 10, idempotency_key="c", now=NOON)
    session.flush()
    seen = forecast(session, TODAY)
    assert (seen.outstanding, seen.debt, len(seen.months)) == (0, 10, 12)


def test_the_reward_ledger_adds_up_month_by_month(
    session: Session, make_member: MakeMember
) -> None:
    """E-21: issued, used, expired, reversed, outstanding."""
    member, october = make_member(), NOON - timedelta(days=30)
    post_points(
        session, member, 100, reason="welcome", idempotency_key="a", now=october, expires_on=TODAY
    )
    entry = earn(session, member, 40, "b", pending_until=DECEMBER)
    post_points(session, member, -30, reason="redemption", idempotency_key="c", now=october)
    expire_member_points(session, member.id, TODAY, NOON)
    take_back(session, member, entry, 15, idempotency_key="d", now=NOON)
    post_points(session, member, 5, reason="adjustment", idempotency_key="e", now=NOON)
    post_points(session, member, -2, reason="adjustment", idempotency_key="f", now=NOON)
    session.flush()

    months = ledger_by_month(session, TODAY, months=2)

    assert [
        (m.first_day, m.issued, m.used, m.expired, m.reversed, m.outstanding) for m in months
    ] == [
        (date(2026, 10, 1), 100, 30, 0, 0, 70),
        (date(2026, 11, 1), 45, 0, 70, 17, 28),
    ]
    assert months[-1].outstanding == member.points + member.points_pending
    assert ledger_by_month(session, TODAY, months=1)[0].outstanding == 28


# --- what was there before


@pytest.fixture
def empty(server_url: str) -> Iterator[Engine]:
    """Yield an engine of an empty database of this test's own."""
    name = f"regulars_ledger_{uuid4().hex[:12]}"
    engine = make_engine(create_database(server_url, name))
    yield engine
    engine.dispose()
    drop_database(server_url, name)


def test_a_ledger_from_before_is_chained_and_holds(empty: Engine) -> None:
    """X6: entries, spendings and expiries of earlier days are taken into the chain."""
    migrations.upgrade(empty, "0003")
    with empty.begin() as connection:
        for statement in PAST:
            connection.execute(text(statement))
    migrations.upgrade(empty, "0004")
    with Session(empty) as session:
        assert [verify_member(session, member_id) for member_id in (1, 2)] == [[], []]
        takes = session.execute(
            text("SELECT entry_id, lot_id, points FROM points_take ORDER BY entry_id, lot_id")
        ).all()
        assert [tuple(take) for take in takes] == [(4, 1, 10), (4, 2, 2), (5, 2, 3), (6, 2, 5)]
        expired = session.scalar(text("SELECT expired FROM points_lot WHERE entry_id = 2"))
        assert expired == 5
    migrations.downgrade(empty, "0003")


PAST = (
    "INSERT INTO shop (id, name, legal_name, phone, hours, basic_id, earn_twd,"
    " points_valid_months, programme_version) VALUES (1, '{}', 'x', 'x', '{}', '@x', 100, 12, 1)",
    "INSERT INTO tier (code, rank, name, colour, threshold_twd, points_percent, benefits)"
    " VALUES ('base', 0, '{}', '#000000', 0, 100, '{}')",
    "INSERT INTO member (number, card_ref, language, joined_at, join_source, marketing_allowed,"
    " tier_id, points, spend_twd, spend_on, purchase_count)"
    " SELECT '82104417' || n, 'ref' || n, 'zh-TW', now(), 'line', false, tier.id,"
    " CASE n WHEN 1 THEN 10 ELSE 0 END, 0, current_date, 0"
    " FROM tier, generate_series(1, 2) AS n",
    """
    INSERT INTO points_entry (id, member_id, points, balance_after, reason, idempotency_key,
        posted_at) VALUES
    (1, 1, 10, 10, 'purchase', 'a', '2026-01-01T00:00:00Z'),
    (2, 1, 10, 20, 'purchase', 'b', '2026-01-02T00:00:00Z'),
    (3, 1, 10, 30, 'purchase', 'c', '2026-01-03T00:00:00Z'),
    (4, 1, -12, 18, 'redemption', 'd', '2026-01-04T00:00:00.5Z'),
    (5, 1, -3, 15, 'redemption', 'e', '2026-01-05T00:00:00Z'),
    (6, 1, -5, 10, 'expiry', 'expire:2', '2026-02-01T00:00:00Z')
    """,
    """
    INSERT INTO points_lot (entry_id, member_id, granted, remaining, expires_on) VALUES
    (1, 1, 10, 0, '2026-02-01'), (2, 1, 10, 0, '2026-02-01'), (3, 1, 10, 10, '2027-02-01')
    """,
)


# --- the demo


def test_the_demos_ledger_holds_and_shows_what_it_can(committed_demo: Committed) -> None:
    with committed_demo.sessions() as session:
        assert [str(fault) for fault in verify_ledger(session)] == []
        assert (session.scalar(select(func.sum(Member.points_pending))) or 0) > 0
        assert session.scalars(select(PointsAdjustment)).one().state == "asked"
        assert find_last_seal(session) is not None


def test_a_moment_is_kept_to_the_microsecond_in_the_chain(
    session: Session, make_member: MakeMember
) -> None:
    at = datetime(2026, 11, 22, 4, 0, 0, 1, tzinfo=UTC)
    post_points(session, make_member(), 1, reason="reward", idempotency_key="a", now=at)
    assert faults(session) == []
