"""Tracked links: tokens that nobody else can write, clicks that count once and keep no stranger."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.engagement import CLICKS, find_engagement, note_facts
from models.link import (
    LinkClick,
    LinkMaker,
    Named,
    TrackedLink,
    clicks_of,
    derive_link_key,
    find_target,
    forget_old_clicks,
    is_trackable,
    link_token,
    make_links,
    note_click,
    read_link_token,
)
from models.link.clicking import KEPT_DAYS
from models.member import Member
from models.membership import erase_member, set_marketing
from tests.conftest import NOON

MakeMember = Callable[..., Member]
KEY = derive_link_key("a secret of the tests")
SHOP = "https://tea.example/new?utm=line"
MINUTE = timedelta(minutes=1)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def click(session: Session, link_id: int, member: Member | None = None, **also: object) -> bool:
    """Click at noon, or `at`, as a member or as `told`."""
    at, told = also.get("at", NOON), also.get("told", "1.2.3.4|Safari")
    named = Named(link_id, member.id if member is not None else None)
    return note_click(session, KEY, named, told, at)  # type: ignore[arg-type]


def a_link(session: Session, source: str = "campaign:1:A", url: str = SHOP) -> int:
    return make_links(session, source, [url])[url]


# --- tokens


@settings(max_examples=50)
@given(st.integers(1, 2**32 - 1), st.none() | st.integers(1, 2**48 - 1))
def test_a_token_says_what_it_was_written_for(link_id: int, member_id: int | None) -> None:
    """Links per member without a row a member."""
    token = link_token(KEY, link_id, member_id)

    assert len(token) == (16 if member_id is None else 24)
    assert read_link_token(KEY, token) == Named(link_id, member_id)
    assert read_link_token(derive_link_key("another shop's secret"), token) is None


@settings(max_examples=50)
@given(st.integers(0, 23), st.sampled_from(LETTERS))
def test_a_token_with_another_letter_is_nobodys(place: int, letter: str) -> None:
    token = link_token(KEY, 12, 345)
    forged = token[:place] + letter + token[place + 1 :]

    assert forged == token or read_link_token(KEY, forged) is None


@pytest.mark.parametrize(
    "token", ["", "a", "A" * 16, "A" * 24, "A" * 25, "會" * 16, "A" * 15 + "="]
)
def test_what_has_not_the_shape_is_nobodys(token: str) -> None:
    assert read_link_token(KEY, token) is None


def test_tokens_are_written_quickly() -> None:
    """A million recipients cost seconds; measured at over 500,000 a second."""
    began = time.process_time()
    for member_id in range(20_000):
        link_token(KEY, 7, member_id)

    assert 20_000 / (time.process_time() - began) > 100_000


def test_an_address_is_the_shops_own() -> None:
    maker = LinkMaker(KEY, "https://shop.example")

    assert maker.address(7, 8) == f"https://shop.example/r/{link_token(KEY, 7, 8)}"
    assert len(maker.address(7)) == len("https://shop.example/r/") + 16


# --- making


def test_a_source_has_one_link_an_address(session: Session) -> None:
    first = make_links(
        session, "campaign:1:A", [SHOP, SHOP, "tap:show_coupons"], labels={SHOP: "看新品"}
    )
    again = make_links(session, "campaign:1:A", [SHOP, "https://tea.example/2"])
    other = make_links(session, "campaign:1:B", [SHOP])

    assert set(first) == {SHOP, "tap:show_coupons"}
    assert again[SHOP] == first[SHOP] != other[SHOP]
    assert session.get_one(TrackedLink, first[SHOP]).label == "看新品"


@pytest.mark.parametrize(
    "url",
    [
        "http://tea.example",
        "tel:0223456789",
        "line://ti/p",
        "https://",
        "https://tea.example/a b",
        "https://tea.example/\r\nSet-Cookie: a",
        "https://evil.example\\@tea.example",
        "https://user@tea.example",
        "javascript:alert(1)",
        "tap:Show",
        "https://[::1",
        f"https://tea.example/{'a' * 1000}",
    ],
)
def test_what_cannot_be_followed_safely_stays_as_it_is(session: Session, url: str) -> None:
    assert not is_trackable(url)
    assert make_links(session, "campaign:1:A", [url]) == {}


def test_the_database_itself_refuses_to_lead_elsewhere(session: Session) -> None:
    session.add(TrackedLink(source="x", url="http://evil.example", label=""))
    with pytest.raises(IntegrityError):
        session.flush()


def test_only_pages_are_led_to(session: Session) -> None:
    links = make_links(session, "campaign:1:A", [SHOP, "tap:show_coupons"])

    assert find_target(session, links[SHOP]) == SHOP
    assert find_target(session, links["tap:show_coupons"]) is None
    assert find_target(session, 2**62) is None


# --- clicking


def test_a_click_counts_once_a_person_and_minute(session: Session, make_member: MakeMember) -> None:
    link, one, other = a_link(session), make_member(), make_member()

    counted = [
        click(session, link, one),
        click(session, link, one),
        click(session, link, other),
        click(session, link, one, at=NOON + MINUTE),
        click(session, link, told="1.2.3.4|Safari"),
        click(session, link, told="1.2.3.4|Safari"),
        click(session, link, told="1.2.3.5|Safari"),
    ]

    assert counted == [True, False, True, True, True, False, True]
    (report,) = clicks_of(session, "campaign:1")
    assert (report.clicks, report.members, report.is_tap) == (5, 2, False)
    assert (report.first_at, report.last_at) == (NOON, NOON + MINUTE)


def test_clicks_are_told_by_source_and_all_below_it(session: Session) -> None:
    click(session, a_link(session, "campaign:1:A"))
    click(session, a_link(session, "campaign:1:B"))
    click(session, a_link(session, "campaign:12:A"))
    a_link(session, "campaign_1")

    assert [told.clicks for told in clicks_of(session, "campaign:1")] == [1, 1]
    assert [told.source for told in clicks_of(session, "campaign:1:B")] == ["campaign:1:B"]
    assert clicks_of(session, "campaign:2") == []


def test_a_click_on_no_link_is_nobodys(session: Session) -> None:
    assert click(session, 2**40) is False


def test_without_consent_a_click_is_counted_and_not_kept_as_theirs(
    session: Session, make_member: MakeMember
) -> None:
    """個資法: who does not allow marketing is not followed, not even to the shop's own page."""
    link, member = a_link(session), make_member(marketing=False)

    assert click(session, link, member)
    assert not click(session, link, member)
    assert session.scalars(select(LinkClick.member_id)).all() == [None]


def test_whose_a_click_was_goes_with_their_consent_and_with_them(
    session: Session, make_member: MakeMember
) -> None:
    link, stopping, leaving = a_link(session), make_member(), make_member()
    for member in (stopping, leaving):
        click(session, link, member)
        click(session, link, member, at=NOON + MINUTE)
    digests = set(session.scalars(select(LinkClick.visitor)))

    set_marketing(session, stopping, allowed=False, evidence="e", now=NOON)
    erase_member(session, leaving, evidence="e", now=NOON)

    (report,) = clicks_of(session, "campaign:1")
    assert (report.clicks, report.members) == (4, 0)
    assert not digests & set(session.scalars(select(LinkClick.visitor)))


def test_a_visitor_is_kept_as_a_digest_alone(session: Session) -> None:
    click(session, a_link(session), told="1.2.3.4|Safari")

    (visitor,) = session.scalars(select(LinkClick.visitor))
    assert len(visitor) == 24
    assert "1.2.3.4" not in visitor


def test_a_click_on_a_merged_card_is_the_kept_cards(
    session: Session, make_member: MakeMember
) -> None:
    link, keep, drop = a_link(session), make_member(), make_member(marketing=False, line=False)
    drop.merged_into_id = keep.id
    session.flush()

    click(session, link, drop)

    assert session.scalars(select(LinkClick.member_id)).all() == [keep.id]


def test_a_click_is_an_answer(session: Session, make_member: MakeMember) -> None:
    """Clicks feed engagement; those of nobody we may follow do not."""
    link, member = a_link(session), make_member()
    click(session, link, member)
    click(session, link)
    last = session.scalar(select(func.max(LinkClick.id))) or 0

    assert note_facts(session, CLICKS, last, limit=10_000).is_last

    found = find_engagement(session, member.id)
    assert found is not None
    assert found.clicked_at == NOON


def test_old_clicks_are_forgotten(session: Session) -> None:
    link = a_link(session)
    click(session, link, at=NOON - timedelta(days=KEPT_DAYS, seconds=1))
    click(session, link, at=NOON - timedelta(days=KEPT_DAYS))

    assert forget_old_clicks(session, NOON, limit=10) == 1
    assert session.scalar(select(func.count()).select_from(LinkClick)) == 1
