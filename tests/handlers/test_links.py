"""The doors of our messages and mails: `/r/…`, `/email/…`, `/unsubscribe/…`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import Installation
from handlers.site import link, mail
from models.channel import (
    CONFIRMED,
    STOPPED,
    UNCONFIRMED,
    MemberChannel,
    confirm_token,
    find_channel,
    stop_token,
)
from models.link import LinkClick, derive_link_key, link_token, make_links
from models.member import Member
from tests.conftest import NOON, Clock

MakeMember = Callable[..., Member]
SHOP = "https://tea.example/new?utm=line&a=1"
AMY = "amy@example.com"
PHONE = {
    "User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Mobile/15E148 Safari Line/14.5.0"
}


@pytest.fixture
def key(installation: Installation) -> bytes:
    return derive_link_key(installation.settings.secret_key)


@pytest.fixture
def link_id(session: Session) -> int:
    made = make_links(session, "campaign:1:A", [SHOP, "tap:show_coupons"])
    session.commit()
    return made[SHOP]


def clicks(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(LinkClick)) or 0


# --- links


def test_a_tap_on_a_link_counts_and_leads_to_the_shop(
    client: FlaskClient, session: Session, key: bytes, link_id: int, make_member: MakeMember
) -> None:
    """Tracked links per member: counted once a minute, whose it was is kept with consent."""
    member = make_member()
    session.commit()
    path = f"/r/{link_token(key, link_id, member.id)}"

    first, again = (client.get(path, headers=PHONE) for _ in range(2))

    for answer in (first, again):
        assert (answer.status_code, answer.headers["Location"]) == (302, SHOP)
        assert answer.headers["Cache-Control"] == "no-store"
    assert session.scalars(select(LinkClick.member_id)).all() == [member.id]


def test_a_link_that_all_share_tells_visitors_apart_for_a_minute(
    client: FlaskClient, session: Session, key: bytes, link_id: int, clock: Clock
) -> None:
    path = f"/r/{link_token(key, link_id, None)}"
    other = {"User-Agent": PHONE["User-Agent"].replace("iPhone", "iPad")}

    for headers in (PHONE, PHONE, other):
        client.get(path, headers=headers)
    clock.advance(seconds=60)
    client.get(path, headers=PHONE)

    assert session.scalars(select(LinkClick.member_id)).all() == [None] * 3


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "facebookexternalhit/1.1;line-poker/1.0"},
        {"User-Agent": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"},
        {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
        {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
        {"User-Agent": "TelegramBot (like TwitterBot)"},
        {"User-Agent": "WhatsApp/2.23.20.0"},
        {"User-Agent": "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)"},
        {"User-Agent": "curl/8.0"},
        {"User-Agent": ""},
        PHONE | {"Sec-Purpose": "prefetch;prerender"},
        PHONE | {"X-Moz": "prefetch"},
    ],
)
def test_previews_and_machines_are_led_and_not_counted(
    client: FlaskClient, session: Session, key: bytes, link_id: int, headers: dict[str, str]
) -> None:
    """A preview in a chat is nobody's click."""
    answer = client.get(f"/r/{link_token(key, link_id, None)}", headers=headers)

    assert answer.headers["Location"] == SHOP
    assert clicks(session) == 0


def test_asking_for_the_head_alone_is_no_click(
    client: FlaskClient, session: Session, key: bytes, link_id: int
) -> None:
    answer = client.head(f"/r/{link_token(key, link_id, None)}", headers=PHONE)

    assert answer.status_code == 302
    assert clicks(session) == 0


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (Linux; Android 13; CUBOT X70) AppleWebKit/537.36 Chrome/120 Mobile Line/14.1",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120 Safari/537.36",
    ],
)
def test_people_are_people(
    client: FlaskClient, session: Session, key: bytes, link_id: int, agent: str
) -> None:
    client.get(f"/r/{link_token(key, link_id, None)}", headers={"User-Agent": agent})

    assert clicks(session) == 1


def test_what_is_no_link_of_ours_gets_a_kind_page(
    client: FlaskClient, session: Session, key: bytes, link_id: int
) -> None:
    """Never an open redirect: the address stands in our table alone."""
    token = link_token(key, link_id, 5)
    tap = make_links(session, "campaign:1:A", ["tap:show_coupons"])["tap:show_coupons"]
    forged = (
        link_token(derive_link_key("another shop's"), link_id, 5),
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        link_token(key, 2**31, None),
        link_token(key, tap, None),
        "https:%2F%2Fevil.example",
        "x",
    )

    for each in forged:
        answer = client.get(f"/r/{each}?url=https://evil.example", headers=PHONE)
        assert answer.status_code == 404, each
        assert "Location" not in answer.headers
    page = client.get(f"/r/{forged[0]}", headers=PHONE).get_data(as_text=True)
    assert "這個連結打不開了" in page
    assert 'href="/"' in page
    assert clicks(session) == 0


def test_who_guesses_is_slowed_down_and_who_clicks_is_not(
    client: FlaskClient, session: Session, key: bytes, link_id: int
) -> None:
    path = f"/r/{link_token(key, link_id, None)}"
    for _ in range(link.FORGED.amount):
        client.get("/r/AAAAAAAAAAAAAAAA")

    assert client.get("/r/AAAAAAAAAAAAAAAA").status_code == 429
    assert client.get(path, headers=PHONE).status_code == 302


def test_beyond_a_networks_share_people_are_led_and_not_counted(
    client: FlaskClient,
    session: Session,
    key: bytes,
    link_id: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "COUNTED", type(link.COUNTED)(2))

    answers = [
        client.get(f"/r/{link_token(key, link_id, None)}", headers={"User-Agent": f"Phone {n}"})
        for n in range(4)
    ]

    assert {answer.status_code for answer in answers} == {302}
    assert clicks(session) == 2


# --- mails


@pytest.fixture
def reader(session: Session, make_member: MakeMember) -> Member:
    """Return a member whose address waits for its confirmation."""
    member = make_member()
    session.add(
        MemberChannel(
            member_id=member.id,
            email=AMY,
            email_state=UNCONFIRMED,
            email_source="chat",
            email_at=NOON,
        )
    )
    session.commit()
    return member


def state(session: Session, member: Member) -> str | None:
    session.expire_all()
    found = find_channel(session, member.id)
    return found.email_state if found is not None else None


def test_an_address_is_confirmed_by_the_button_not_by_the_link(
    client: FlaskClient, session: Session, key: bytes, reader: Member
) -> None:
    """A-23: mail servers follow every link; only a person presses the button."""
    path = f"/email/{confirm_token(key, reader.id, AMY, NOON)}"

    asked = client.get(path)
    assert asked.status_code == 200
    assert "確認信箱" in asked.get_data(as_text=True)
    assert AMY not in asked.get_data(as_text=True)
    assert state(session, reader) == UNCONFIRMED

    done = client.post(path)
    assert "信箱已確認" in done.get_data(as_text=True)
    assert state(session, reader) == CONFIRMED


def test_mails_are_stopped_by_one_click_of_the_mail_program(
    client: FlaskClient, session: Session, key: bytes, reader: Member
) -> None:
    """RFC 8058: a POST without a cookie, a form or a question."""
    path = f"/unsubscribe/{stop_token(key, reader.id, AMY)}"

    assert "停止寄信" in client.get(path).get_data(as_text=True)
    assert state(session, reader) == UNCONFIRMED
    answer = client.post(path, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert "已停止寄信" in answer.get_data(as_text=True)
    assert state(session, reader) == STOPPED
    assert client.post(path).status_code == 200


def test_a_door_speaks_the_members_language(
    client: FlaskClient, session: Session, key: bytes, reader: Member
) -> None:
    reader.language = "en"
    session.commit()

    page = client.get(f"/unsubscribe/{stop_token(key, reader.id, AMY)}").get_data(as_text=True)

    assert '<main class="plain" lang="en">' in page


def test_a_link_of_yesterday_or_of_nobody_opens_no_door(
    client: FlaskClient, session: Session, key: bytes, reader: Member, clock: Clock
) -> None:
    good = confirm_token(key, reader.id, AMY, NOON)
    changed = stop_token(key, reader.id, "old@example.com")

    for path in (f"/email/{good[:-1]}_x", f"/unsubscribe/{good}", f"/unsubscribe/{changed}"):
        assert client.get(path).status_code == 404
        assert client.post(path).status_code == 404
    clock.now = NOON + timedelta(hours=24)
    assert client.post(f"/email/{good}").status_code == 404
    assert state(session, reader) == UNCONFIRMED


def test_who_guesses_at_mails_is_slowed_down(client: FlaskClient, app: object) -> None:
    for _ in range(mail.TRIES.amount):
        client.get("/email/nothing")

    assert client.get("/email/nothing").status_code == 429
