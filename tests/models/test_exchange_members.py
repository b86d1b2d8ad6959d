"""A-08: a list of members comes in, once, with what it proves and no more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.base import Sessions
from models.channel import addresses_of, find_channel
from models.consent import Consent
from models.exchange import (
    MEMBERS,
    Findings,
    ImportBatch,
    MemberAlias,
    MemberOptions,
    Summary,
    get_layout,
    import_members,
    open_source,
)
from models.exchange.reading import Tell, tell_nobody
from models.local_day import local_day
from models.member import Member
from models.points import PointsEntry, PointsLot, verify_ledger
from models.programme import get_programme
from models.tier import TierChange
from tests.conftest import NOON

SAMPLES = Path(__file__).parents[1] / "samples" / "exchange"
HEAD = "手機,姓名,生日,電子郵件,會員編號,點數,會員等級,行銷同意\n"
MakeMember = Callable[..., Member]
Bring = Callable[..., tuple[Summary, Findings]]


@pytest.fixture
def bring(session: Session, sessions: Sessions, tmp_path: Path) -> Bring:
    """Return what brings members in, from lines below the usual heading or from a file."""

    def bring(
        lines: str | Path, preset: str | None = None, tell: Tell = tell_nobody, **options: object
    ) -> tuple[Summary, Findings]:
        file = lines if isinstance(lines, Path) else tmp_path / "members.csv"
        if isinstance(lines, str):
            file.write_text(HEAD + lines, encoding="utf-8")
        findings = Findings()
        summary = import_members(
            sessions,
            open_source(file),
            get_layout(MEMBERS, preset),
            MemberOptions(**options),  # type: ignore[arg-type]  # Told by name, as there.
            findings=findings,
            now=NOON,
            tell=tell,
        )
        session.expire_all()
        return summary, findings

    return bring


def get(session: Session, phone: str) -> Member:
    return session.scalars(select(Member).where(Member.phone == phone)).one()


def codes(findings: Findings) -> list[tuple[int, str]]:
    return [(problem.row, problem.code) for problem in findings.first]


def test_a_member_comes_with_name_birthday_points_and_tier(session: Session, bring: Bring) -> None:
    """A-08, U18: one row, one member, ledger right from the first entry."""
    summary, findings = bring("912345678,王小明,79/5/20,a@b.example,V-7,120,金卡會員,是\n")

    member = get(session, "+886912345678")
    assert (member.name, member.birthday, member.points) == ("王小明", date(1990, 5, 20), 120)
    assert get_programme(session).tier(member.tier_id).code == "gold"
    assert (member.line_user_id, member.join_source) == (None, "import")
    assert (summary.counts["new"], findings.first) == (1, [])
    assert list(verify_ledger(session)) == []
    entry = session.scalars(select(PointsEntry)).one()
    assert (entry.reason, entry.points) == ("import", 120)
    lot = session.get_one(PointsLot, entry.id)
    assert lot.expires_on == get_programme(session).points_expire_on(local_day(NOON))


def test_nobody_is_taken_to_have_agreed_to_marketing(session: Session, bring: Bring) -> None:
    """A-08: consent only where a column proves it, and then the row is the proof."""
    bring("0912000001,,,,,,,是\n0912000002,,,,,,,\n0912000003,,,,,,,或許\n")

    allowed = {m.phone: m.marketing_allowed for m in session.scalars(select(Member))}
    assert allowed == {"+886912000001": True, "+886912000002": False, "+886912000003": False}
    proof = session.scalars(select(Consent)).one()
    batch = session.scalars(select(ImportBatch)).one()
    assert (proof.channel, proof.purpose) == ("import", "marketing")
    assert proof.evidence == f"sha256:{batch.file_digest}:row:2"


def test_every_problem_has_its_row_its_column_and_a_way_out(bring: Bring) -> None:
    """A-08: a line per problem: row, column, what is wrong, what to do."""
    _, findings = bring(
        "02-27001234,,,,,,,\n,王,,,,,,\n"
        "0912000001,,2099/1/1,not mail,,-5,鑽石,\n0912000001,,,,,,,\n"
    )

    assert codes(findings) == [
        (2, "phone_unreadable"),
        (3, "phone_missing"),
        (4, "birthday_unreadable"),
        (4, "email_unreadable"),
        (4, "points_unreadable"),
        (4, "tier_unknown"),
        (5, "phone_twice"),
    ]
    first = findings.first[0]
    assert first.column == "手機"
    assert "02-27001234" in first.what()
    assert first.remedy()


def test_a_dry_run_writes_nothing_and_says_the_same(session: Session, bring: Bring) -> None:
    """A-08: dry run with duplicates and counts."""
    lines = "0912000001,,,,,50,,\n0912000001,,,,,50,,\nx,,,,,,,\n"
    rehearsed, rehearsed_findings = bring(lines, is_dry_run=True)

    assert session.scalar(select(func.count()).select_from(Member)) == 0
    assert session.scalar(select(func.count()).select_from(ImportBatch)) == 0
    done, findings = bring(lines)
    assert codes(rehearsed_findings) == codes(findings)
    for outcome in ("rows", "new", "double", "refused"):
        assert rehearsed.counts[outcome] == done.counts[outcome] == {"rows": 3}.get(outcome, 1)


def test_the_same_file_twice_adds_nothing(session: Session, bring: Bring) -> None:
    """A-08, U18: repeat-safe."""
    first, _ = bring("0912000001,王,,,,50,金卡會員,是\n")
    again, findings = bring("0912000001,王,,,,50,金卡會員,是\n")

    assert session.scalar(select(func.count()).select_from(Member)) == 1
    assert get(session, "+886912000001").points == 50
    assert again.same_as_batch == first.batch_id
    assert codes(findings) == [(2, "member_known"), (2, "points_given")]
    assert len(session.scalars(select(Consent)).all()) == 1


def test_a_known_member_keeps_what_they_have_and_gets_what_was_never_there(
    session: Session, bring: Bring, make_member: MakeMember
) -> None:
    """A-08: duplicates with existing members are reported; nothing of theirs is overwritten."""
    member = make_member(name="王小明", phone="+886912000001", points=30, marketing=False)
    _, findings = bring("0912000001,別名,1980/1/1,,,50,銀卡會員,是\n")

    assert (member.name, member.birthday, member.marketing_allowed) == (
        "王小明",
        date(1990, 5, 20),
        False,
    )
    assert member.points == 80
    assert get_programme(session).tier(member.tier_id).code == "silver"
    assert codes(findings) == [(2, "member_known")]
    assert list(verify_ledger(session)) == []


def test_a_member_is_found_by_their_old_number_and_address(session: Session, bring: Bring) -> None:
    """B-22: orders of other platforms name members by their numbers."""
    bring("0912000001,,,Amy@Shop.example,V-7,,,\n")
    _, findings = bring("0912000002,,,amy@shop.example,V-7,,,\n")

    aliases = {(a.source, a.value) for a in session.scalars(select(MemberAlias))}
    assert aliases == {("email", "amy@shop.example"), ("file", "V-7")}
    assert codes(findings) == [(2, "email_taken"), (2, "number_taken")]
    assert get(session, "+886912000002").name is None


def test_aliases_go_with_their_member(session: Session, bring: Bring) -> None:
    bring("0912000001,,,amy@shop.example,V-7,,,\n")
    member = get(session, "+886912000001")
    member.name = member.phone = member.birthday = None
    member.erased_at = NOON
    session.flush()

    assert session.scalars(select(MemberAlias)).all() == []


def test_a_tier_is_kept_until_the_stated_day(session: Session, bring: Bring) -> None:
    until = local_day(NOON) + timedelta(days=90)
    bring("0912000001,,,,,,gold,\n", tier_until=until)

    assert get(session, "+886912000001").tier_kept_until == until
    change = session.scalars(select(TierChange)).one()
    assert change.reason["rule"] == "import"
    assert change.reason["kept_until"] == until.isoformat()


def test_opening_points_end_on_the_stated_day(session: Session, bring: Bring) -> None:
    until = date(2027, 1, 1)
    bring("0912000001,,,,,50,,\n", points_expire_on=until)

    assert session.scalars(select(PointsLot)).one().expires_on == until


def test_easystore_and_shopline_exports_come_in_as_they_are(session: Session, bring: Bring) -> None:
    """B-22: presets for member exports."""
    bring(SAMPLES / "easystore_members.csv", "easystore")
    bring(SAMPLES / "shopline_members.csv", "shopline")

    amy, ming = get(session, "+886912000001"), get(session, "+886912000002")
    assert (amy.name, amy.points, amy.marketing_allowed) == ("Amy Chen", 200, True)
    assert get_programme(session).tier(amy.tier_id).code == "gold"
    assert (ming.name, ming.points, ming.marketing_allowed) == ("王小明", 0, False)
    assert list(verify_ledger(session)) == []


def test_a_killed_import_goes_on_and_ends_the_same(
    session: Session, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A-08: killed in the middle, run again: nobody is lost and nobody is doubled."""
    monkeypatch.setattr("models.exchange.members.CHUNK_ROWS", 2)
    lines = "".join(f"09120000{n:02d},,,,,10,,\n" for n in range(5))

    def die(_phase: str, rows: int, _share: float) -> None:
        if rows == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bring(lines, tell=die)
    summary, _ = bring(lines)

    assert session.scalar(select(func.count()).select_from(Member)) == 5
    assert set(session.scalars(select(Member.points))) == {10}
    assert (summary.counts["made_before"], summary.counts["new"]) == (4, 1)
    batch = session.scalars(select(ImportBatch)).one()
    assert (batch.state, batch.counts["made"]) == ("done", 5)


def test_an_address_is_written_to_where_the_file_states_consent(
    session: Session, bring: Bring
) -> None:
    """A-23: one place for addresses; unconfirmed where the file says nothing of consent."""
    bring("0912000001,,,Amy@Shop.example,,,,是\n0912000002,,,bob@shop.example,,,,否\n")
    amy, bob = get(session, "+886912000001"), get(session, "+886912000002")

    assert addresses_of(session, [amy.id, bob.id]) == {amy.id: "amy@shop.example"}
    found = find_channel(session, bob.id)
    assert found is not None
    assert (found.email, found.email_state) == ("bob@shop.example", "unconfirmed")
