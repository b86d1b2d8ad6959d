"""A-08, B-23: purchases come in once and count as if each had been rung up on its day."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.base import Sessions
from models.checkout import Sale, record_purchase
from models.earn_rule import EarnRule
from models.exchange import (
    PURCHASES,
    FileRefused,
    Findings,
    ImportBatch,
    ImportRow,
    MemberAlias,
    PurchaseOptions,
    Summary,
    get_layout,
    import_purchases,
    open_source,
)
from models.exchange.reading import Tell, tell_nobody
from models.local_day import TAIPEI, local_day
from models.member import Member
from models.points import PointsEntry, PointsLot, verify_ledger
from models.programme import get_programme
from models.purchase import Purchase, Refund
from models.shop import Store
from models.tier import TierChange, window_start, year_start
from tests.conftest import NOON, Committed

SAMPLES = Path(__file__).parents[1] / "samples" / "exchange"
HEAD = "訂單編號,訂單時間,手機,金額\n"
TODAY = local_day(NOON)
PHONE = "0912000001"
MakeMember = Callable[..., Member]
Bring = Callable[..., tuple[Summary, Findings]]


@pytest.fixture
def buyer(make_member: MakeMember) -> Member:
    """Return a member who has bought nothing yet, with the phone PHONE."""
    return make_member(phone="+886912000001", joined_at=NOON - timedelta(days=1_000))


@pytest.fixture
def bring(session: Session, sessions: Sessions, tmp_path: Path, store: Store) -> Bring:
    """Return what brings purchases in, from lines below the usual heading or from a file."""

    def bring(
        lines: str | Path, preset: str | None = None, tell: Tell = tell_nobody, **options: object
    ) -> tuple[Summary, Findings]:
        file = lines if isinstance(lines, Path) else tmp_path / "purchases.csv"
        if isinstance(lines, str):
            file.write_text(lines if "手機" in lines else HEAD + lines, encoding="utf-8")
        return bring_file(sessions, file, preset, tell, **({"store_id": store.id} | options))

    def bring_file(
        sessions: Sessions, file: Path, preset: str | None, tell: Tell, **options: object
    ) -> tuple[Summary, Findings]:
        findings = Findings()
        summary = import_purchases(
            sessions,
            open_source(file),
            get_layout(PURCHASES, preset),
            PurchaseOptions(**options),  # type: ignore[arg-type]  # Told by name, as there.
            findings=findings,
            now=NOON,
            tell=tell,
        )
        session.expire_all()
        return summary, findings

    return bring


def line(order: str, at: datetime, amount_twd: int, phone: str = PHONE) -> str:
    return f"{order},{at.astimezone(TAIPEI):%Y-%m-%d %H:%M:%S},{phone},{amount_twd}\n"


def codes(findings: Findings) -> list[tuple[int, str]]:
    return [(problem.row, problem.code) for problem in findings.first]


def count(session: Session, model: type[Purchase | Member | ImportBatch | ImportRow]) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def figures(session: Session, member: Member) -> tuple[object, ...]:
    """Return what a member's past comes to, as of today."""
    session.refresh(member)
    net = select(func.coalesce(func.sum(Purchase.paid_twd - Purchase.refunded_twd), 0)).where(
        Purchase.member_id == member.id
    )
    in_window = net.where(Purchase.purchased_on >= window_start(TODAY))
    in_year = net.where(Purchase.purchased_on >= year_start(TODAY))
    return (
        member.points,
        member.points_pending,
        session.scalar(in_window),
        session.scalar(in_year),
        member.lifetime_twd,
        member.purchase_count,
        member.last_purchase_on,
        member.tier_id,
        member.tier_kept_until,
    )


def ledger(session: Session, member: Member) -> list[tuple[object, ...]]:
    """Return a member's earnings in order: points, balance after, when, and until when."""
    rows = session.execute(
        select(
            PointsEntry.points,
            PointsEntry.balance_after,
            PointsEntry.posted_at,
            PointsLot.expires_on,
        )
        .join(PointsLot, PointsLot.entry_id == PointsEntry.id)
        .where(PointsEntry.member_id == member.id)
        .order_by(PointsEntry.seq)
    )
    return [tuple(row) for row in rows]


def changes(session: Session, member: Member) -> list[tuple[object, ...]]:
    rows = session.execute(
        select(TierChange.from_tier_id, TierChange.to_tier_id, TierChange.changed_at)
        .where(TierChange.member_id == member.id)
        .order_by(TierChange.id)
    )
    return [tuple(row) for row in rows]


GOLD_ON_A_MEMBER_DAY = [(5_787, 8_841), (5_626, 6_159), (5_041, 100)]
"""The third sale of one 18th comes in the tier that counts points twice on that day."""


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(sales=GOLD_ON_A_MEMBER_DAY, has_rule=False, shuffled=random.Random(1))
@given(
    sales=st.lists(
        st.tuples(st.integers(1, 300 * 24 * 60), st.integers(1, 9_000)),
        max_size=14,
        unique_by=lambda sale: sale[0],
    ),
    has_rule=st.booleans(),
    shuffled=st.randoms(use_true_random=False),
)
def test_an_import_is_the_same_as_ringing_up_each_sale(
    session: Session,
    bring: Bring,
    make_member: MakeMember,
    store: Store,
    sales: list[tuple[int, int]],
    has_rule: bool,
    shuffled: object,
) -> None:
    """A-08, B-23: random files with points on equal `record_purchase` one by one."""
    with session.begin_nested() as undone:
        if has_rule:
            _add_rule(session)
        one, other = make_member(), make_member()
        past = sorted((NOON - timedelta(minutes=back), twd) for back, twd in sales)
        for number, (at, amount_twd) in enumerate(past):
            sale = Sale(one.id, store, None, amount_twd, f"one:{number}", channel="file")
            record_purchase(session, sale, at)
        phone = "0" + str(other.phone).removeprefix("+886")
        lines = [line(f"A{n}", at, twd, phone) for n, (at, twd) in enumerate(past)]
        shuffled.shuffle(lines)  # type: ignore[attr-defined]  # A Random, drawn.
        bring(HEAD + "".join(lines), is_earning=True)

        assert figures(session, other) == figures(session, one)
        assert ledger(session, other) == ledger(session, one)
        assert changes(session, other) == changes(session, one)
        assert other.spend_twd == figures(session, one)[2]
        assert list(verify_ledger(session)) == []
        undone.rollback()
    session.expire_all()


def _add_rule(session: Session) -> None:
    session.add(
        EarnRule(
            code="weekend", name={"zh-TW": "週末"}, percent=300, weekdays=[6, 7], min_spend_twd=500
        )
    )
    get_programme(session)
    session.flush()
    session.info["programmes"].clear()


def test_points_are_off_unless_asked_for(session: Session, bring: Bring, buyer: Member) -> None:
    """A-08: opening balances come with the members, so history brings figures and tier only."""
    bring(line("A1", NOON - timedelta(days=3), 6_000))

    session.refresh(buyer)
    assert (buyer.points, buyer.spend_twd, buyer.purchase_count) == (0, 6_000, 1)
    assert get_programme(session).tier(buyer.tier_id).code == "silver"


def test_an_order_counts_once_across_till_web_and_file(
    session: Session, bring: Bring, buyer: Member, store: Store
) -> None:
    """B-23: one order, told by web shop and by file, counts once; its channel is kept."""
    at = NOON - timedelta(days=3)
    sale = Sale(
        buyer.id, store, None, 500, "web:A1", channel="web", source="shopline", source_ref="A1"
    )
    record_purchase(session, sale, at)
    lines = HEAD + line("A1", at, 500) + line("A2", at, 700)
    summary, findings = bring(lines, "shopline", is_earning=True)

    session.refresh(buyer)
    assert (buyer.spend_twd, buyer.purchase_count, buyer.points) == (1_200, 2, 12)
    assert codes(findings) == [(2, "order_known")]
    assert summary.counts["known"] == 1
    made = session.scalars(select(Purchase).where(Purchase.source_ref == "A2")).one()
    assert (made.source, made.channel) == ("shopline", "web")


def test_the_same_file_twice_adds_nothing(session: Session, bring: Bring, buyer: Member) -> None:
    """A-08, U18: repeat-safe, also without order numbers."""
    lines = "訂單時間,手機,金額\n2026/10/01 10:30,0912000001,500\n2026/10/02 10:30,0912000001,500\n"
    first, _ = bring(lines, is_earning=True)
    again, _ = bring(lines, is_earning=True)

    session.refresh(buyer)
    assert (buyer.purchase_count, buyer.points) == (2, 10)
    assert (first.counts["new"], again.counts.get("new", 0)) == (2, 0)
    assert again.same_as_batch == first.batch_id


def test_a_dry_run_writes_nothing(session: Session, bring: Bring, buyer: Member) -> None:
    """A-08: dry run."""
    at = NOON - timedelta(days=3)
    lines = line("A1", at, 500) + line("A1", at, 500) + line("A2", at, 700, "0999")
    summary, findings = bring(lines, is_dry_run=True)

    assert codes(findings) == [(4, "phone_unreadable"), (3, "order_twice")]
    assert (summary.counts["new"], summary.counts["double"], summary.counts["refused"]) == (1, 1, 1)
    assert [count(session, model) for model in (Purchase, ImportBatch, ImportRow)] == [0, 0, 0]
    session.refresh(buyer)
    assert buyer.spend_twd == 0


def test_every_problem_names_its_row(session: Session, bring: Bring, buyer: Member) -> None:
    """A-08: what is wrong and where, row by row."""
    at = NOON - timedelta(days=3)
    assert buyer.phone
    _, findings = bring(
        line("", at, 1)
        + f"A1,昨天,{PHONE},5\n"
        + f"A2,2030/1/1,{PHONE},5\n"
        + f"A3,2026/1/1,{PHONE},5.5\n"
        + f"A4,2026/1/1,{PHONE},0\n"
        + f"A5,2026/1/1,{PHONE},900000\n"
        + "A6,2026/1/1,0922333444,5\n"
        + f"A7,2026/1/1,{PHONE},-5\n"
        + line("A8", at, 100)
        + line("A8", at, 200)
    )

    assert codes(findings) == [
        (2, "order_missing"),
        (3, "moment_unreadable"),
        (4, "moment_ahead"),
        (5, "amount_unreadable"),
        (6, "amount_zero"),
        (7, "amount_too_large"),
        (8, "member_unknown"),
        (9, "refund_unknown"),
        (11, "order_differs"),
    ]


def test_cyberbiz_states_and_refunds_are_understood(
    session: Session, bring: Bring, make_member: MakeMember
) -> None:
    """B-22: cancelled orders are passed over, a partial refund becomes a refund."""
    amy = make_member(phone="+886912000001")
    ming = make_member(phone="+886912000002")
    _, findings = bring(SAMPLES / "cyberbiz_orders.csv", "cyberbiz", is_earning=True)

    session.refresh(amy)
    session.refresh(ming)
    assert (amy.spend_twd, ming.spend_twd) == (450, 750)
    assert (amy.points, ming.points) == (4, 7)
    assert codes(findings) == [(3, "order_cancelled")]
    refund = session.scalars(select(Refund)).one()
    assert (refund.amount_twd, refund.is_full, refund.points_taken) == (250, False, 3)
    assert list(verify_ledger(session)) == []


def test_91app_items_add_up_to_orders(
    session: Session, bring: Bring, make_member: MakeMember
) -> None:
    """B-22: one row an item, members by their numbers there."""
    amy, ming = make_member(), make_member()
    batch = ImportBatch(
        kind="members",
        source="91app",
        file_name="m",
        file_digest="0",
        options={},
        counts={},
        run_token="0",
        begun_at=NOON,
    )
    session.add(batch)
    session.flush()
    for number, member in (("M-1", amy), ("M-2", ming)):
        session.add(
            MemberAlias(source="91app", value=number, member_id=member.id, batch_id=batch.id)
        )
    session.flush()
    bring(SAMPLES / "91app_orders.csv", "91app")

    session.refresh(amy)
    session.refresh(ming)
    assert [(m.spend_twd, m.purchase_count) for m in (amy, ming)] == [(450, 1), (1_250, 1)]


def test_a_negative_row_takes_its_order_back(session: Session, bring: Bring, buyer: Member) -> None:
    at = NOON - timedelta(days=3)
    _, findings = bring(
        line("A1", at, 500) + line("A2", at, 300) + line("A1", at, -200) + line("A2", at, -300)
    )

    session.refresh(buyer)
    assert (buyer.spend_twd, buyer.purchase_count) == (300, 1)
    assert codes(findings) == [(3, "order_refunded")]


def test_items_below_an_order_are_no_orders(session: Session, bring: Bring, buyer: Member) -> None:
    at = NOON - timedelta(days=3)
    summary, findings = bring(line("A1", at, 500) + "A1,,,\nA1,,,\n")

    session.refresh(buyer)
    assert (buyer.purchase_count, summary.counts["items"]) == (1, 2)
    assert findings.first == []


def test_points_whose_day_is_over_do_not_come_back(
    session: Session, bring: Bring, buyer: Member
) -> None:
    """A-08: the ledger shows the earning and its end."""
    bring(line("A1", NOON - timedelta(days=500), 5_000) + line("A2", NOON, 500), is_earning=True)

    session.refresh(buyer)
    assert buyer.points == 5
    reasons = session.execute(
        select(PointsEntry.reason, PointsEntry.points).order_by(PointsEntry.seq)
    )
    assert [tuple(row) for row in reasons] == [("purchase", 50), ("purchase", 5), ("expiry", -50)]
    assert list(verify_ledger(session)) == []


def test_a_tier_that_was_lost_meanwhile_is_lost(
    session: Session, bring: Bring, buyer: Member
) -> None:
    """A-08: tier at that time, by replay: gold two years ago, basic rate again after it."""
    old, recent = NOON - timedelta(days=800), NOON - timedelta(days=30)
    bring(line("A1", old, 16_000) + line("A2", recent, 1_000), is_earning=True)

    session.refresh(buyer)
    assert get_programme(session).tier(buyer.tier_id).code == "basic"
    earned = session.scalars(select(Purchase.points_earned).order_by(Purchase.purchased_at))
    assert earned.all() == [160, 10]


def test_existing_sales_count_for_the_tier_of_their_day(
    session: Session, bring: Bring, buyer: Member, store: Store
) -> None:
    """B-23: what the till sold before lifts the web order that came after it."""
    sale = Sale(buyer.id, store, None, 15_000, "till:1")
    record_purchase(session, sale, NOON - timedelta(days=10))
    bring(line("A1", NOON - timedelta(days=5), 1_000), is_earning=True)

    made = session.scalars(select(Purchase).where(Purchase.source_ref == "A1")).one()
    assert made.points_earned == 15


def test_a_killed_import_goes_on_and_ends_the_same(
    session: Session, bring: Bring, make_member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A-08: killed between two chunks; the rerun adds only what is missing."""
    monkeypatch.setattr("models.exchange.purchases.CHUNK_ROWS", 1)
    members = [make_member() for _ in range(4)]
    lines = HEAD + "".join(
        line(f"A{n}", NOON - timedelta(days=n + 1), 1_000, "0" + str(m.phone)[4:])
        for n, m in enumerate(members)
    )

    def die(phase: str, rows: int, _share: float) -> None:
        if (phase, rows) == ("write", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bring(lines, is_earning=True, tell=die)
    assert count(session, Purchase) == 2
    summary, _ = bring(lines, is_earning=True)

    assert (summary.counts["made_before"], summary.counts["new"]) == (2, 2)
    for member in members:
        session.refresh(member)
        assert (member.points, member.purchase_count, member.spend_twd) == (10, 1, 1_000)
    batch = session.scalars(select(ImportBatch)).one()
    assert (batch.state, batch.counts["made"], count(session, ImportRow)) == ("done", 4, 0)
    assert list(verify_ledger(session)) == []


def test_rows_without_a_store_need_to_be_told(bring: Bring) -> None:
    with pytest.raises(FileRefused) as refused:
        bring(line("A1", NOON, 100), store_id=None)
    assert "--store" in refused.value.facts["reason"]["zh-TW"]


def test_stores_are_found_by_code_or_name(session: Session, bring: Bring, buyer: Member) -> None:
    assert buyer.phone
    head = "訂單編號,訂單時間,手機,金額,門市\n"
    _, findings = bring(
        head + f"A1,2026/10/1,{PHONE},100,tp02\nA2,2026/10/1,{PHONE},100,火星店\n", store_id=None
    )

    code = session.scalar(select(Store.code).join(Purchase, Purchase.store_id == Store.id))
    assert code == "TP02"
    assert codes(findings) == [(3, "store_unknown")]


def test_tills_go_on_selling_during_an_import(committed: Committed, tmp_path: Path) -> None:
    """A-08: locks in id order and for a chunk only; both sides' figures add up."""
    with committed.sessions.begin() as session:
        members = [committed.maker.member(session) for _ in range(20)]
        store = committed.maker.store(session)
    file = tmp_path / "purchases.csv"
    file.write_text(
        HEAD
        + "".join(
            line(f"A{n}", NOON - timedelta(days=1 + n % 300), 200, "0" + str(m.phone)[4:])
            for n, m in enumerate(members * 20)
        ),
        encoding="utf-8",
    )
    failures: list[BaseException] = []

    def sell(chosen: Iterable[Member]) -> None:
        try:
            for member in chosen:
                with committed.sessions.begin() as session:
                    sale = Sale(member.id, store, None, 300, f"till:{member.id}")
                    record_purchase(session, sale, NOON)
        except BaseException as error:
            failures.append(error)

    tills = [Thread(target=sell, args=(members[place::2],)) for place in range(2)]
    for till in tills:
        till.start()
    import_purchases(
        committed.sessions,
        open_source(file),
        get_layout(PURCHASES, None),
        PurchaseOptions(store_id=store.id, is_earning=True),
        findings=Findings(),
        now=NOON,
    )
    for till in tills:
        till.join()

    assert failures == []
    with committed.sessions() as session:
        for member in session.scalars(select(Member)):
            assert (member.purchase_count, member.lifetime_twd) == (21, 4_300)
            assert member.points == 43
        assert list(verify_ledger(session)) == []


def test_a_day_without_a_time_is_that_day(session: Session, bring: Bring, buyer: Member) -> None:
    bring(f"A1,{TODAY:%Y/%m/%d},{PHONE},100\n")

    made = session.scalars(select(Purchase)).one()
    assert (made.member_id, made.purchased_on, made.purchased_at) == (buyer.id, TODAY, NOON)
