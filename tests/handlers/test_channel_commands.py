"""`flask --app app channel …`: shown with the address masked, set by staff, clicks told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from bot.mail import FileMailer, Mail
from handlers.operator import channels
from models.channel import CONFIRMED, LINE, MemberChannel, find_channel
from models.link import Named, make_links, note_click
from models.member import Member
from tests.conftest import NOON

MakeMember = Callable[..., Member]
SHOP = "https://tea.example/new"


@pytest.fixture
def reader(session: Session, make_member: MakeMember) -> Member:
    member = make_member()
    session.add(
        MemberChannel(
            member_id=member.id,
            email="amy@example.com",
            email_state=CONFIRMED,
            email_source="chat",
            email_at=NOON,
            line_recent="101",
            email_recent="000",
            learned=LINE,
            learned_at=NOON,
        )
    )
    session.commit()
    return member


def run(app: Flask, *arguments: str, exit_code: int = 0) -> str:
    result = app.test_cli_runner().invoke(args=["channel", *arguments])
    assert result.exit_code == exit_code, result.output
    return result.output


def test_what_was_learned_is_shown_and_staff_may_decide_otherwise(
    app: Flask, session: Session, reader: Member
) -> None:
    """B-15: shown and overridable; nobody sees the whole address."""
    shown = run(app, "show", reader.number)
    assert "目前管道：LINE" in shown
    assert "信箱：a•••@e•••.com（已確認）" in shown
    assert "學到：LINE" in shown
    assert "最近 LINE 訊息：●○●（3 則中點了 2 則）" in shown

    assert "電子郵件" in run(app, "set", reader.number, "email", "--by", "owner")
    shown = run(app, "show", reader.number)
    assert "目前管道：電子郵件" in shown
    assert "自選：電子郵件（owner，" in shown
    run(app, "set", reader.number, "auto", "--by", "owner")
    session.expire_all()
    found = find_channel(session, reader.id)
    assert found is not None
    assert found.chosen is None


def test_of_most_members_there_is_nothing_to_tell(
    app: Flask, session: Session, make_member: MakeMember
) -> None:
    one, gone = make_member(), make_member(friend=False)
    session.commit()

    assert "目前管道：LINE\n信箱：–\n自選：自動\n學到：–\n" in run(app, "show", one.number)
    assert "目前管道：無法聯絡" in run(app, "show", gone.number)
    run(app, "set", one.number, "sms", "--by", "owner", exit_code=2)


def test_clicks_are_told_by_source(app: Flask, session: Session, reader: Member) -> None:
    links = make_links(session, "campaign:1:A", [SHOP, "tap:show_coupons"], labels={SHOP: "看新品"})
    note_click(session, b"k", Named(links[SHOP], reader.id), "", NOON)
    session.commit()

    told = run(app, "clicks", "campaign:1")

    (page,) = (line for line in told.splitlines() if "看新品" in line)
    assert page.split()[-4:-2] == ["1", "1"]
    assert "聊天室按鈕" in told


def test_the_demos_mails_are_listed(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    monkeypatch.setattr(channels, "DEMO_MAILS", tmp_path / "mails")
    assert "–" in run(app, "mails")
    mail = Mail("中秋快樂", "x", "<p>x</p>", "zh-TW", NOON)
    mailer = FileMailer(tmp_path / "mails", "茶日子 <a@tea.example>")
    asyncio.run(mailer.send("amy@example.com", mail, retry_key=UUID(int=1)))

    told = run(app, "mails")

    assert "中秋快樂" in told
    assert "a•••@e•••.com" in told
    assert f"{UUID(int=1)}.html" in told
