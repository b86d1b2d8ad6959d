"""Files in and out through the worker: checked, brought in, taken back, written out, fetched."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import time
import zipfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from sqlalchemy import func, select

from jobs.move_files import move_files, sweep_files
from jobs.timetable import get_call
from models.exchange import Problem
from models.member import Member, get_member_by_typed
from models.purchase import Purchase
from models.shop import list_stores
from models.staff import Staff
from models.transfer import (
    CHECK,
    REPORT,
    RESULT,
    UNDO,
    UPLOAD,
    WRITE,
    FileHead,
    OptionsRefused,
    Told,
    Transfer,
    TransferBusy,
    TransferPart,
    ask_export,
    claim_transfer,
    get_transfer,
    head_of,
    layout_for,
    list_transfers,
    note_step,
    read_parts,
    set_options,
    stop_transfer,
    suggest_columns,
    upload_file,
    want_step,
)
from models.transfer.keeping import PART_BYTES, UploadTooLarge
from models.transfer.options import MAPPED
from tests.jobs.conftest import Worker

MEMBERS_CSV = "姓名,手機號碼,點數\n王小明,0911222333,50\n李小華,0922333444,0\n壞電話,12345,1\n"
OWN_CSV = "客人,聯絡,下單,實收,單號\n王小明,0911222333,2026/11/20 12:00,1200,A1\n"
SHOPLINE = "訂單號碼,訂單日期,付款總金額,顧客電話\nS1,2026-11-20 12:00:00,500,0911222333\n"
CYBERBIZ = "訂單編號,建立時間,訂單總金額,訂購人手機\nC1,2026/11/20 12:00,600,0911222333\n"


@pytest.fixture
def office(worker: Worker) -> int:
    """Make an owner; return their id."""
    staff_id: int = worker.run(lambda session: worker.maker.staff(session, "owner").id)
    return staff_id


def owner(worker: Worker, session: Any) -> Staff:
    """Return the owner of this test."""
    return session.scalars(select(Staff).where(Staff.role == "owner")).first()  # type: ignore[no-any-return]


def upload(
    worker: Worker, tmp_path: Path, content: bytes, kind: str = "members", name: str = "a.csv"
) -> int:
    """Bring a file as the page does; return its number."""
    path = tmp_path / name
    path.write_bytes(content)
    head = head_of(path, kind)

    def keep(session: Any) -> int:
        with path.open("rb") as file:
            made = upload_file(
                session,
                kind,
                name,
                file,
                head=head.to_words(),
                options=Told().to_words(),
                key=name,
                by=owner(worker, session),
                now=worker.clock.now,
            )
        return made.id

    number: int = worker.run(keep)
    return number


def do(worker: Worker, transfer_id: int, step: str) -> Transfer:
    """Want a step and let the worker take it; return the file's row."""

    def want(session: Any) -> None:
        transfer = get_transfer(session, transfer_id, is_locked=True)
        want_step(session, transfer, step, by=owner(worker, session), now=worker.clock.now)

    worker.run(want)
    assert move_files(worker.sessions, worker.clock) == 1
    return row_of(worker, transfer_id)


def row_of(worker: Worker, transfer_id: int) -> Transfer:
    with worker.sessions() as session:
        return get_transfer(session, transfer_id)


def file_of(worker: Worker, transfer_id: int, role: str) -> bytes:
    with worker.sessions() as session:
        return b"".join(read_parts(session, transfer_id, role))


def choose(worker: Worker, transfer_id: int, told: Told) -> None:
    worker.run(
        lambda session: set_options(session, get_transfer(session, transfer_id), told.to_words())
    )


def count(worker: Worker, table: type[Any]) -> int:
    with worker.sessions() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_file_is_checked_brought_in_and_taken_back(
    worker: Worker, office: int, tmp_path: Path
) -> None:
    """A-08: dry run, what is wrong row by row, the writing, and undo of all of it."""
    before = count(worker, Member)
    number = upload(worker, tmp_path, MEMBERS_CSV.encode())

    checked = do(worker, number, CHECK).checked
    assert checked is not None
    assert (checked["counts"]["new"], checked["counts"]["refused"]) == (2, 1)
    (problem,) = map(Problem.from_words, checked["first"])
    assert (problem.row, problem.what("en")) == (4, "“12345” is not a Taiwanese mobile number")
    assert count(worker, Member) == before, "a check writes nothing"
    report = list(csv.reader(io.StringIO(file_of(worker, number, REPORT).decode("utf-8-sig"))))
    assert [row[0] for row in report] == ["列號", "4"]

    written = do(worker, number, WRITE)
    assert written.written is not None
    assert written.written["counts"]["new"] == 2
    assert count(worker, Member) == before + 2
    assert (written.head, file_of(worker, number, UPLOAD)) == (None, b""), "nobody's data lies on"
    with worker.sessions() as session:
        assert get_member_by_typed(session, "0911222333").points == 50

    undone = do(worker, number, UNDO).undone
    assert undone is not None
    assert (undone["members"], undone["points"]) == (2, 50)


@pytest.mark.parametrize(
    ("platform", "content", "twd"),
    [("shopline", SHOPLINE, 500), ("cyberbiz", CYBERBIZ, 600), (MAPPED, OWN_CSV, 1_200)],
)
def test_orders_of_shop_platforms_and_of_any_file_find_their_columns(
    worker: Worker, office: int, tmp_path: Path, platform: str, content: str, twd: int
) -> None:
    """B-22: presets of the platforms, and one's own choice of columns for any other."""
    member_id = worker.member(phone="+886911222333").id
    number = upload(worker, tmp_path, content.encode(), "purchases")
    with worker.sessions() as session:
        store_id = list_stores(session)[0].id
    own = {"phone": "聯絡", "moment": "下單", "amount": "實收", "order": "單號"}
    columns = own if platform == MAPPED else None
    choose(worker, number, Told(platform, columns, store_id=store_id))

    assert do(worker, number, CHECK).failed is None
    assert do(worker, number, WRITE).failed is None

    with worker.sessions() as session:
        bought = select(Purchase.paid_twd).where(Purchase.member_id == member_id)
        assert session.scalars(bought).all() == [twd]


@pytest.mark.parametrize(("people", "most_seconds"), [(500, 5), (5_000, 15)])
def test_files_of_any_size_come_in_within_their_time(
    worker: Worker, office: int, tmp_path: Path, people: int, most_seconds: float
) -> None:
    """A-08: 500 and 5,000 here; 50,000 are timed by the benchmark of imports."""
    rows = "".join(f"會員{each},09{10_000_000 + each:08d}\n" for each in range(people))
    number = upload(worker, tmp_path, f"姓名,手機\n{rows}".encode())

    began = time.process_time()  # What others on a busy machine take is not counted.
    do(worker, number, CHECK)
    written = do(worker, number, WRITE).written

    assert written is not None
    assert written["counts"]["new"] == people
    assert time.process_time() - began < most_seconds


def test_what_can_not_be_read_is_told_and_may_be_tried_otherwise(
    worker: Worker, office: int, tmp_path: Path
) -> None:
    number = upload(worker, tmp_path, b"\xe5\xae\xa2,b\n1,2\n")

    failed = do(worker, number, CHECK).failed

    assert failed is not None
    assert failed["code"] == "file_refused"
    assert "手機" in failed["reason"]["zh-TW"]
    assert "(phone)" in failed["reason"]["en"]
    with pytest.raises(OptionsRefused):
        layout_for("members", Told(MAPPED, {"name": "客"}).to_words())
    with pytest.raises(OptionsRefused):
        layout_for("members", Told(MAPPED, {"phone": "客", "name": "客"}).to_words())
    with pytest.raises(OptionsRefused):
        layout_for("members", {"platform": "another"})


def test_a_workbook_shows_its_headings_and_columns_are_proposed(tmp_path: Path) -> None:
    book = Workbook()
    assert book.active is not None
    for row in (
        ["會員名單"],
        [],
        ["姓名", "手機號碼", "生日"],
        ["王小明", "0911222333", "79/5/20"],
    ):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")

    head = head_of(tmp_path / "a.xlsx", "members")

    assert head.headings == ("姓名", "手機號碼", "生日")
    assert head.rows[0][0] == "王小明"
    assert FileHead.from_words(json.loads(json.dumps(head.to_words()))) == head
    assert suggest_columns("members", "generic", head.headings) == {
        "name": "姓名",
        "phone": "手機號碼",
        "birthday": "生日",
    }


def test_steps_follow_each_other_and_two_do_not_work_on_one_file(
    worker: Worker, office: int, tmp_path: Path
) -> None:
    number = upload(worker, tmp_path, MEMBERS_CSV.encode())

    def want(step: str) -> None:
        worker.run(
            lambda session: want_step(
                session,
                get_transfer(session, number),
                step,
                by=owner(worker, session),
                now=worker.clock.now,
            )
        )

    for too_early in (WRITE, UNDO):
        with pytest.raises(TransferBusy):
            want(too_early)
    want(CHECK)
    with pytest.raises(TransferBusy):
        want(CHECK)
    claimed = worker.run(lambda session: claim_transfer(session, worker.clock.now))
    assert claimed.transfer_id == number
    assert move_files(worker.sessions, worker.clock) == 0, "another worker has it"

    worker.clock.advance(minutes=11)
    assert move_files(worker.sessions, worker.clock) == 1, "that one has died"


def test_a_stopped_import_goes_on_where_it_was(
    worker: Worker, office: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped between two chunks; asked again, the same file goes on and doubles nobody."""
    monkeypatch.setattr("jobs.move_files.TOLD_EVERY_SECONDS", 0)
    monkeypatch.setattr("models.exchange.members.CHUNK_ROWS", 2)
    rows = "".join(f"會員{each},09{20_000_000 + each:08d}\n" for each in range(6))
    number = upload(worker, tmp_path, f"姓名,手機\n{rows}".encode())
    do(worker, number, CHECK)
    before = count(worker, Member)

    def stop() -> None:
        with worker.sessions.begin() as session:
            stop_transfer(
                session,
                get_transfer(session, number),
                by=owner(worker, session),
                now=worker.clock.now,
            )

    def stop_and_note(*told: Any) -> None:
        stop()
        note_step(*told)

    with monkeypatch.context() as patch:
        patch.setattr("jobs.move_files.note_step", stop_and_note)
        stopped = do(worker, number, WRITE)
    assert (stopped.is_wanted, stopped.written) == (False, None)
    assert before < count(worker, Member) < before + 6

    done = do(worker, number, WRITE).written
    assert done is not None
    assert count(worker, Member) == before + 6


def test_everything_comes_out_as_a_restore_takes_it(
    worker: Worker, office: int, tmp_path: Path
) -> None:
    """U18, X14: one click brings all of it, packed, with the digests by which it is restored."""
    worker.member(points=70)
    number = worker.run(
        lambda session: (
            ask_export(session, "everything", by=owner(worker, session), now=worker.clock.now).id
        )
    )
    with pytest.raises(TransferBusy):
        worker.run(
            lambda session: ask_export(
                session, "everything", by=owner(worker, session), now=worker.clock.now
            )
        )

    assert move_files(worker.sessions, worker.clock) == 1

    row = row_of(worker, number)
    packed = file_of(worker, number, RESULT)
    assert row.written is not None
    assert row.size_bytes == len(packed)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "out")
    assert {"manifest.json", "member.csv", "points_entry.csv"} <= names
    assert not names & {"transfer.csv", "transfer_part.csv", "staff_invitation.csv"}
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    for table in manifest["tables"]:
        body = (tmp_path / "out" / table["file"]).read_bytes()
        assert hashlib.sha256(body).hexdigest() == table["sha256"], "as `restore` will ask for"


def test_three_files_for_people_come_out(worker: Worker, office: int) -> None:
    worker.member()
    number = worker.run(
        lambda session: (
            ask_export(session, "readable", by=owner(worker, session), now=worker.clock.now).id
        )
    )

    move_files(worker.sessions, worker.clock)

    with zipfile.ZipFile(io.BytesIO(file_of(worker, number, RESULT))) as archive:
        assert set(archive.namelist()) == {"members.csv", "purchases.csv", "points.csv"}


def test_files_do_not_lie_about_and_lost_rings_are_made_good(
    worker: Worker, office: int, tmp_path: Path
) -> None:
    upload(worker, tmp_path, MEMBERS_CSV.encode())
    number = worker.run(
        lambda session: (
            ask_export(session, "readable", by=owner(worker, session), now=worker.clock.now).id
        )
    )
    assert asyncio.run(sweep_files(worker.context)) == 0
    assert worker.rung == ["move_files"]
    move_files(worker.sessions, worker.clock)

    worker.clock.advance(hours=25)
    assert asyncio.run(sweep_files(worker.context)) == 1, "the export was for a day"
    assert file_of(worker, number, RESULT) == b""
    worker.clock.advance(days=7)
    assert asyncio.run(sweep_files(worker.context)) == 1, "the upload for a week"
    assert count(worker, TransferPart) == 0
    with worker.sessions() as session:
        rows: Sequence[tuple[Transfer, str]] = list_transfers(session, ("members", "readable"))
        assert all(row.file_gone_at is not None for row, _ in rows)
    assert get_call("sweep_files").every <= timedelta(minutes=10)


def test_too_large_a_file_is_not_kept(
    worker: Worker, office: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("models.transfer.keeping.LARGEST_UPLOAD_BYTES", PART_BYTES)
    rows = "姓名,手機\n" + "王小明,0911222333\n" * 60_000

    with pytest.raises(UploadTooLarge):
        upload(worker, tmp_path, rows.encode())
