"""Job runs and rich menus: what was done is remembered, once a slot and once a menu."""

from datetime import timedelta

from sqlalchemy.orm import Session

from models.job_run import begin_run, finish_run, last_runs
from models.rich_menu import find_rich_menu, keep_rich_menu
from tests.conftest import NOON


def test_a_slot_is_run_until_it_was_finished_once(session: Session) -> None:
    assert begin_run(session, "expire_points", "2026-11-22T00:30", NOON)
    assert begin_run(session, "expire_points", "2026-11-22T00:30", NOON)
    finish_run(session, "expire_points", "2026-11-22T00:30", 7, NOON)
    assert not begin_run(session, "expire_points", "2026-11-22T00:30", NOON)
    assert begin_run(session, "expire_points", "2026-11-23T00:30", NOON)


def test_the_newest_runs_are_shown_first(session: Session) -> None:
    for day in range(3):
        begin_run(session, "job", str(day), NOON + timedelta(days=day))
    finish_run(session, "job", "2", 5, NOON + timedelta(days=3))
    runs = last_runs(session, 2)
    assert [(run.slot, run.done) for run in runs] == [("2", 5), ("1", None)]
    assert runs[0].finished_at == NOON + timedelta(days=3)


def test_the_newest_upload_of_a_menu_is_known(session: Session) -> None:
    assert find_rich_menu(session, "member") is None
    for version in ("a", "b"):
        keep_rich_menu(session, "member", version, f"richmenu-{version}", NOON)
    menu = find_rich_menu(session, "member")
    assert menu is not None
    assert (menu.version, menu.line_rich_menu_id) == ("b", "richmenu-b")
