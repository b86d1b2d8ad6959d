"""A-08: a batch can be taken back, and then the figures are those before it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.base import Sessions
from models.channel import MemberChannel, addresses_of
from models.checkout import Sale, record_purchase
from models.exchange import (
    MEMBERS,
    PURCHASES,
    BatchNotUndoable,
    Findings,
    ImportBatch,
    MemberAlias,
    MemberOptions,
    NoSuchBatch,
    PurchaseOptions,
    get_layout,
    import_members,
    import_purchases,
    list_batches,
    open_source,
    undo_import,
)
from models.local_day import TAIPEI
from models.member import Member
from models.points import post_points, verify_ledger
from models.purchase import Purchase
from models.shop import Store
from models.stamp_card import StampCard
from tests.conftest import NOON

MakeMember = Callable[..., Member]
Bring = Callable[..., int]
FIGURES = (
    "points",
    "points_pending",
    "tier_points",
    "spend_twd",
    "year_twd",
    "lifetime_twd",
    "purchase_count",
    "last_purchase_on",
    "tier_id",
    "tier_kept_until",
)


@pytest.fixture
def bring_members(sessions: Sessions, tmp_path: Path) -> Bring:
    def bring(lines: str) -> int:
        file = tmp_path / "members.csv"
        file.write_text("手機,姓名,電子郵件,點數,會員等級,行銷同意\n" + lines, encoding="utf-8")
        summary = import_members(
            sessions,
            open_source(file),
            get_layout(MEMBERS, None),
            MemberOptions(),
            findings=Findings(),
            now=NOON,
        )
        assert summary.batch_id is not None
        return summary.batch_id

    return bring


@pytest.fixture
def bring_purchases(sessions: Sessions, tmp_path: Path, store: Store) -> Bring:
    def bring(lines: str, **options: Any) -> int:
        file = tmp_path / "purchases.csv"
        file.write_text("訂單編號,訂單時間,手機,金額,退款金額\n" + lines, encoding="utf-8")
        summary = import_purchases(
            sessions,
            open_source(file),
            get_layout(PURCHASES, None),
            PurchaseOptions(store_id=store.id, is_earning=True, **options),
            findings=Findings(),
            now=NOON,
        )
        assert summary.batch_id is not None
        return summary.batch_id

    return bring


def line(order: str, days_ago: int, amount_twd: int, member: Member, refunded: str = "") -> str:
    at = (NOON - timedelta(days=days_ago)).astimezone(TAIPEI)
    phone = "0" + str(member.phone).removeprefix("+886")
    return f"{order},{at:%Y-%m-%d %H:%M:%S},{phone},{amount_twd},{refunded}\n"


def figures(session: Session, member: Member) -> dict[str, Any]:
    session.refresh(member)
    return {name: getattr(member, name) for name in FIGURES}


def test_figures_are_those_before_the_purchases(
    session: Session,
    sessions: Sessions,
    bring_purchases: Bring,
    make_member: MakeMember,
    store: Store,
) -> None:
    """A-08: purchases with all their points and tier effects go; the ledger only grows."""
    fresh, regular = make_member(), make_member(points=40)
    sale = Sale(regular.id, store, None, 800, "till:1")
    record_purchase(session, sale, NOON - timedelta(days=1))
    session.commit()
    before = [figures(session, member) | {"spend_on": None} for member in (fresh, regular)]
    batch_id = bring_purchases(
        line("A1", 30, 16_000, fresh)
        + line("A2", 20, 2_000, fresh, "500")
        + line("A3", 600, 9_000, regular)
        + line("A4", 3, 6_000, regular)
    )
    assert figures(session, fresh)["points"] > 0

    taken = undo_import(sessions, batch_id, now=NOON)

    session.expire_all()
    after = [figures(session, member) | {"spend_on": None} for member in (fresh, regular)]
    assert after == before
    assert (taken.purchases, taken.tiers, taken.spent_points) == (4, 2, 0)
    assert list(verify_ledger(session)) == []
    assert session.scalars(select(ImportBatch.state)).all() == ["undone"]


def test_the_right_file_can_follow(
    session: Session, sessions: Sessions, bring_purchases: Bring, make_member: MakeMember
) -> None:
    """A-08: an undone order's number is free again."""
    member = make_member()
    undo_import(sessions, bring_purchases(line("A1", 3, 500, member)), now=NOON)
    bring_purchases(line("A1", 3, 600, member))

    assert figures(session, member)["spend_twd"] == 600
    assert figures(session, member)["purchase_count"] == 1
    assert figures(session, member)["points"] == 6


def test_points_that_were_spent_meanwhile_stay_spent(
    session: Session, sessions: Sessions, bring_purchases: Bring, make_member: MakeMember
) -> None:
    """A-08: no balance below zero; what could not be taken back is told."""
    member = make_member()
    batch_id = bring_purchases(line("A1", 3, 5_000, member))
    session.refresh(member)
    post_points(session, member, -20, reason="redemption", idempotency_key="spent", now=NOON)
    session.commit()

    taken = undo_import(sessions, batch_id, now=NOON)

    session.expire_all()
    assert figures(session, member)["points"] == 0
    assert (taken.points, taken.spent_points) == (30, 20)
    assert list(verify_ledger(session)) == []


def test_stamps_go_too(
    session: Session, sessions: Sessions, bring_purchases: Bring, make_member: MakeMember
) -> None:
    """A-08: with --stamps, cards are stamped and emptied again."""
    member = make_member()
    batch_id = bring_purchases(
        "".join(line(f"A{n}", n + 1, 100, member) for n in range(3)), is_stamping=True
    )
    stamps = select(func.coalesce(func.sum(StampCard.stamps), 0))
    assert session.scalar(stamps) == 3

    undo_import(sessions, batch_id, now=NOON)
    session.expire_all()
    assert session.scalar(stamps) == 0


def test_members_nobody_has_seen_since_are_emptied(
    session: Session, sessions: Sessions, bring_members: Bring
) -> None:
    """A-08: they leave no name, no number and no points; their phone is free again."""
    batch_id = bring_members("0912000001,王,a@b.example,50,金卡會員,是\n")
    taken = undo_import(sessions, batch_id, now=NOON)

    session.expire_all()
    member = session.scalars(select(Member)).one()
    assert (member.name, member.phone, member.points, member.marketing_allowed) == (
        None,
        None,
        0,
        False,
    )
    assert member.erased_at is not None
    assert session.scalars(select(MemberAlias)).all() == []
    assert session.scalars(select(MemberChannel)).all() == []
    assert (taken.members, taken.kept_members, taken.points) == (1, 0, 50)
    assert list(verify_ledger(session)) == []

    bring_members("0912000001,王,,10,,\n")
    assert session.scalars(select(Member.points).where(Member.phone.is_not(None))).all() == [10]


def test_members_who_came_since_stay(
    session: Session, sessions: Sessions, bring_members: Bring, store: Store
) -> None:
    """A-08: who has bought, or joined on LINE, is a member by now; only opening points go."""
    batch_id = bring_members("0912000001,王,,50,,\n0912000002,李,,50,,\n0912000003,陳,,50,,\n")
    buyer, friend, _ = session.scalars(select(Member).order_by(Member.phone)).all()
    record_purchase(session, Sale(buyer.id, store, None, 500, "till:1"), NOON)
    friend.line_user_id = "U" + "1" * 32
    session.commit()

    taken = undo_import(sessions, batch_id, now=NOON)

    session.expire_all()
    assert (taken.members, taken.kept_members) == (1, 2)
    kept = session.scalars(select(Member).where(Member.phone.is_not(None)).order_by(Member.phone))
    assert [(member.name, member.points) for member in kept] == [("王", 5), ("李", 0)]


def test_a_known_member_gets_their_tier_and_balance_back(
    session: Session, sessions: Sessions, bring_members: Bring, make_member: MakeMember
) -> None:
    member = make_member(phone="+886912000001", points=30)
    before = figures(session, member)
    batch_id = bring_members("0912000001,,a@b.example,50,金卡會員,是\n")
    assert figures(session, member) != before
    assert addresses_of(session, [member.id]) == {member.id: "a@b.example"}

    undo_import(sessions, batch_id, now=NOON)
    session.expire_all()
    assert figures(session, member) == before
    assert addresses_of(session, [member.id]) == {}
    assert member.erased_at is None


def test_an_undoing_that_was_killed_goes_on(
    session: Session,
    sessions: Sessions,
    bring_purchases: Bring,
    make_member: MakeMember,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("models.exchange.undo.CHUNK_MEMBERS", 1)
    members = [make_member() for _ in range(3)]
    batch_id = bring_purchases("".join(line(f"A{m.id}", 3, 500, m) for m in members))

    def die(_phase: str, done: int, _share: float) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        undo_import(sessions, batch_id, now=NOON, tell=die)
    taken = undo_import(sessions, batch_id, now=NOON)

    session.expire_all()
    assert taken.purchases == 1
    assert [figures(session, member)["points"] for member in members] == [0, 0, 0]
    undone = select(func.count()).where(Purchase.undone_at.is_not(None))
    assert session.scalar(undone) == 3


def test_a_batch_is_undone_once(session: Session, sessions: Sessions, bring_members: Bring) -> None:
    batch_id = bring_members("0912000001,,,,,\n")
    undo_import(sessions, batch_id, now=NOON)

    with pytest.raises(BatchNotUndoable):
        undo_import(sessions, batch_id, now=NOON)
    with pytest.raises(NoSuchBatch):
        undo_import(sessions, 999_999, now=NOON)
    assert [(batch.state, touched) for batch, touched in list_batches(session)] == [("undone", 1)]
