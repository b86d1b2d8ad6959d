"""Where the settings come from: a shop's own, or the demo's, never a mixture."""

from pathlib import Path

import pytest

import app

DEMO = """\
SECRET_KEY=d
LINE_CHANNEL_SECRET=d
LINE_CHANNEL_ACCESS_TOKEN=d
DEMO=1
CHAT_URL=http://127.0.0.1:8001
PUBLIC_BASE_URL=http://127.0.0.1:8000
"""
OWN = """\
SECRET_KEY=o
LINE_CHANNEL_SECRET=one,two
LINE_CHANNEL_ID=1
PUBLIC_BASE_URL=https://shop.example
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in app.Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(app, "ROOT", tmp_path)
    monkeypatch.setattr(app, "DEMO_ENV", tmp_path / "demo.env")
    (tmp_path / "demo.env").write_text(DEMO)
    return tmp_path


def test_without_a_shops_own_settings_the_demos_count(folder: Path) -> None:
    assert app.read_settings().demo


def test_a_shops_own_file_leaves_nothing_of_the_demo(folder: Path) -> None:
    (folder / ".env").write_text(OWN)
    known = app.read_settings()
    assert (known.demo, known.chat_url) == (False, None)
    assert known.line_api_base == "https://api.line.me"
    assert known.channel_secrets == ["one", "two"]


def test_with_a_named_database_the_demos_file_does_not_count(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/shop")
    with pytest.raises(SystemExit, match="SECRET_KEY"):
        app.read_settings()


def test_a_missing_way_to_a_token_is_said_in_one_line(folder: Path) -> None:
    (folder / ".env").write_text(OWN.replace("LINE_CHANNEL_ID=1\n", ""))
    with pytest.raises(SystemExit, match="LINE_CHANNEL_ACCESS_TOKEN"):
        app.read_settings()
