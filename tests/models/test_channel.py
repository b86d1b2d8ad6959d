"""Channels: one message goes one way; the way is chosen, learned, or what is left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.campaign.table import Campaign
from models.channel import (
    BY_MEMBER,
    CONFIRM,
    CONFIRM_KIND,
    CONFIRMED,
    EMAIL,
    LINE,
    STOP,
    STOPPED,
    UNCONFIRMED,
    UNUSABLE,
    AskedTooOften,
    EmailLinkRefused,
    MemberChannel,
    NotAChannel,
    NotAnEmail,
    addresses_of,
    channels_of,
    choose_channel,
    confirm_email,
    confirm_token,
    drop_email,
    find_by_token,
    find_channel,
    forget_imported,
    give_email,
    keep_imported,
    learn_channels,
    mark_unusable,
    masked_email,
    normal_email,
    stop_email,
    stop_token,
)
from models.channel.address import GOOD_FOR, MOST_ASKED
from models.channel.preferring import CLICKED_WITHIN
from models.identity import merge_members, undo_merge
from models.link import LinkClick, Named, derive_link_key, make_links, note_click
from models.member import Member
from models.membership import erase_member
from models.outbox import Owed
from models.segment.table import Segment
from models.sending.table import CampaignBatch, CampaignRecipient, CampaignRun
from models.staff import Staff
from tests.conftest import NOON

MakeMember = Callable[..., Member]
KEY = derive_link_key("a secret of the tests")
AMY = "amy@example.com"
SHOP = "https://tea.example/new"
DAY = timedelta(days=1)
_numbers = count(1)


def give(session: Session, member: Member, state: str = CONFIRMED, email: str = AMY) -> None:
    """Give a member an address in a state, as if it had been there for long."""
    since = NOON - 400 * DAY
    session.merge(
        MemberChannel(
            member_id=member.id,
            email=email,
            email_state=state,
            email_source="chat",
            email_at=since,
            line_recent="",
            email_recent="",
        )
    )
    session.flush()


def known(session: Session, member: Member) -> MemberChannel:
    found = find_channel(session, member.id)
    assert found is not None
    return found


def way(session: Session, member: Member, wanted: Any = "preferred") -> str | None:
    return channels_of(session, [member.id], wanted).get(member.id)


def sent(session: Session, member: Member, channel: str, at: datetime, *, clicked: bool) -> None:
    """Let a marketing message of a journey have been accepted, and clicked an hour later."""
    source = f"journey:welcome:1:s{next(_numbers)}"
    session.add(
        Owed(
            id=uuid4(),
            line_user_id=member.line_user_id or "",
            member_id=member.id,
            kind="content",
            words={},
            language="zh-TW",
            is_marketing=True,
            idempotency_key=source,
            state="accepted",
            created_at=at,
            next_try_at=at,
            settled_at=at,
            source=source,
            channel=channel,
        )
    )
    session.flush()
    link = make_links(session, source, [SHOP])[SHOP]
    if clicked:
        note_click(session, KEY, Named(link, member.id), "", at + timedelta(hours=1))


def learn(session: Session, now: datetime = NOON) -> None:
    """Let the night's job look, as it does two days later."""
    learn_channels(session, now + CLICKED_WITHIN, after_id=0, limit=1000)
    session.expire_all()


# --- addresses


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Amy@Example.com ", AMY),
        ("ａｍｙ＠example.com", AMY),
        ("a.b+tea@mail.example.com.tw", "a.b+tea@mail.example.com.tw"),
    ],
)
def test_an_address_is_kept_in_one_form(typed: str, kept: str) -> None:
    assert normal_email(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "amy",
        "amy@",
        "@example.com",
        "amy@example",
        "a..b@example.com",
        ".a@example.com",
        "a b@example.com",
        "amy@example.com\nBcc: b@example.com",
        "小晴@example.com",
        "amy@-a.com",
        "amy@example.c",
        f"{'a' * 65}@example.com",
        f"a@{'b' * 250}.com",
        "amy@[127.0.0.1]",
    ],
)
def test_what_no_mail_could_go_to_is_refused(typed: str) -> None:
    with pytest.raises(NotAnEmail):
        normal_email(typed)


def test_an_address_is_shown_masked() -> None:
    assert masked_email("amy@example.com.tw") == "a•••@e•••.tw"


def test_an_address_is_written_to_only_once_its_owner_confirmed_it(
    session: Session, make_member: MakeMember
) -> None:
    """A-23: given → a mail asks → confirmed; nothing else is sent there before."""
    member = make_member()

    assert give_email(session, member, "Amy@example.com", key="e1", now=NOON) == AMY
    assert addresses_of(session, [member.id]) == {}
    (owed,) = session.scalars(select(Owed).where(Owed.kind == CONFIRM_KIND))
    assert (owed.channel, owed.words, owed.is_marketing) == (EMAIL, {}, False)

    token = confirm_token(KEY, member.id, AMY, NOON)
    confirm_email(session, find_by_token(session, KEY, CONFIRM, token, NOON), NOON)

    assert addresses_of(session, [member.id]) == {member.id: AMY}


def test_a_confirmed_address_told_again_asks_nobody(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    give(session, member)

    give_email(session, member, AMY, key="e1", now=NOON)

    assert known(session, member).email_state == CONFIRMED
    assert session.scalars(select(Owed)).all() == []


def test_nobody_can_have_strangers_flooded_with_mails(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    for number in range(MOST_ASKED):
        give_email(session, member, f"a{number}@example.com", key=f"e{number}", now=NOON)

    with pytest.raises(AskedTooOften):
        give_email(session, member, "one-more@example.com", key="more", now=NOON)
    assert known(session, member).email == f"a{MOST_ASKED - 1}@example.com"
    give_email(session, member, "tomorrow@example.com", key="tomorrow", now=NOON + DAY)


def test_a_link_to_confirm_is_good_for_a_day_and_for_its_address_alone(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    give(session, member, UNCONFIRMED)
    token = confirm_token(KEY, member.id, AMY, NOON)

    late = (token, CONFIRM, NOON + GOOD_FOR)
    for wrong, what, at in (
        late,
        (token, STOP, NOON),
        (token[:-1] + ("A" if token[-1] != "A" else "B"), CONFIRM, NOON),
        ("A" * 32, CONFIRM, NOON),
        ("x", CONFIRM, NOON),
        (confirm_token(b"other", member.id, AMY, NOON), CONFIRM, NOON),
        (confirm_token(KEY, member.id + 1, AMY, NOON), CONFIRM, NOON),
        (confirm_token(KEY, member.id, "bob@example.com", NOON), CONFIRM, NOON),
    ):
        with pytest.raises(EmailLinkRefused):
            find_by_token(session, KEY, what, wrong, at)
    assert find_by_token(session, KEY, CONFIRM, token, NOON + GOOD_FOR - DAY / 2) == member.id


def test_a_link_to_stop_is_good_for_ever_and_stops_mails_alone(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    give(session, member)
    token = stop_token(KEY, member.id, AMY)

    stop_email(session, find_by_token(session, KEY, STOP, token, NOON + 900 * DAY), NOON)

    assert known(session, member).email_state == STOPPED
    assert addresses_of(session, [member.id]) == {}
    assert member.marketing_allowed
    assert way(session, member) == LINE


def test_an_address_nobody_has_is_given_up_and_an_unsubscribed_one_stays_so(
    session: Session, make_member: MakeMember
) -> None:
    """A-23: a bounce for an unknown mailbox."""
    one, other = make_member(), make_member()
    give(session, one)
    give(session, other, STOPPED)

    mark_unusable(session, AMY, NOON)

    assert known(session, one).email_state == UNUSABLE
    assert known(session, other).email_state == STOPPED


def test_imported_addresses_count_as_the_shop_states(
    session: Session, make_member: MakeMember
) -> None:
    """A-23: the import's consent column decides; what is there already stays."""
    yes, no, has, wrong = (make_member() for _ in range(4))
    give(session, has, email="own@example.com")
    told = [
        (yes.id, AMY, True),
        (no.id, "bob@example.com", False),
        (has.id, "other@example.com", True),
        (wrong.id, "a..b@example.com", True),
    ]

    assert keep_imported(session, told, NOON) == 2
    assert keep_imported(session, [], NOON) == 0

    assert addresses_of(session, [m.id for m in (yes, no, has, wrong)]) == {
        yes.id: AMY,
        has.id: "own@example.com",
    }
    assert known(session, no).email_state == UNCONFIRMED


def test_an_import_that_is_undone_takes_its_addresses_unless_confirmed_since(
    session: Session, make_member: MakeMember
) -> None:
    silent, reader = make_member(), make_member()
    keep_imported(session, [(silent.id, AMY, True), (reader.id, AMY, False)], NOON)
    confirm_email(session, reader.id, NOON)

    forget_imported(session, [(silent.id, AMY), (reader.id, AMY)])

    assert addresses_of(session, [silent.id, reader.id]) == {reader.id: AMY}
    assert known(session, silent).email is None


def test_who_takes_their_address_back_leaves_none(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    give(session, member)
    choose_channel(session, member.id, EMAIL, by=BY_MEMBER, now=NOON)

    drop_email(session, member.id)

    row = known(session, member)
    assert (row.email, row.email_state, row.chosen) == (None, None, None)


# --- which way


def test_the_other_channel_carries_on_where_one_fails(
    session: Session, make_member: MakeMember
) -> None:
    """A-23: blocked LINE → e-mail where confirmed; without either, nobody."""
    both, blocked, mute, lost = (
        make_member(),
        make_member(friend=False),
        make_member(friend=False, marketing=False),
        make_member(line=False),
    )
    for member in (both, blocked, mute):
        give(session, member)
    give(session, lost, UNCONFIRMED)

    ways = channels_of(session, [m.id for m in (both, blocked, mute, lost)])

    assert ways == {both.id: LINE, blocked.id: EMAIL}
    assert way(session, blocked, "line") == EMAIL
    assert (way(session, both, "email"), way(session, mute, "email")) == (EMAIL, None)


def test_what_a_member_chose_goes_before_what_was_learned(
    session: Session, make_member: MakeMember
) -> None:
    """B-15: overridable, by the member and by staff."""
    member = make_member()
    give(session, member)
    known(session, member).learned = LINE

    choose_channel(session, member.id, EMAIL, by=BY_MEMBER, now=NOON)
    assert [way(session, member, each) for each in ("preferred", "line", "email")] == [EMAIL] * 3

    choose_channel(session, member.id, LINE, by="owner", now=NOON)
    assert way(session, member) == LINE
    assert way(session, member, "email") is None

    choose_channel(session, member.id, None, by="owner", now=NOON)
    assert known(session, member).chosen_by is None
    with pytest.raises(NotAChannel):
        choose_channel(session, member.id, "sms", by="owner", now=NOON)


def test_who_chose_mail_still_gets_line_where_no_mail_can_go(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    give(session, member, UNUSABLE)
    choose_channel(session, member.id, EMAIL, by=BY_MEMBER, now=NOON)

    assert way(session, member) == LINE


# --- learning


@pytest.mark.parametrize(
    ("line", "mail", "learned"),
    [
        ("11000", "00000", LINE),
        ("00000", "01000", EMAIL),
        ("1", "000", LINE),
        ("1", "00", None),
        ("000", "1", EMAIL),
        ("00000", "00000", None),
        ("11100", "00100", LINE),
        ("00100", "11100", EMAIL),
        ("10100", "10100", None),
        ("", "11111", None),
    ],
)
def test_the_channel_that_is_clicked_is_learned(
    session: Session, make_member: MakeMember, line: str, mail: str, learned: str | None
) -> None:
    """B-15: clicks LINE, never the mail → LINE only afterwards; and the reverse."""
    member = make_member()
    give(session, member)
    for channel, signs in ((LINE, line), (EMAIL, mail)):
        for place, sign in enumerate(signs):
            at = NOON - (10 - place) * DAY
            sent(session, member, channel, at, clicked=sign == "1")

    learn(session)

    row = known(session, member)
    assert (row.line_recent, row.email_recent) == (line, mail)
    assert row.learned == learned
    assert way(session, member) == (learned or LINE)
    assert way(session, member, "email") == (None if learned == LINE else EMAIL)


def test_only_the_last_five_of_a_channel_count_each_once(
    session: Session, make_member: MakeMember
) -> None:
    """B-15: k = 5; a habit of before is forgotten."""
    member = make_member()
    give(session, member)
    for place in range(7):
        at = NOON - (20 - place) * DAY
        sent(session, member, LINE, at, clicked=place < 2)
        sent(session, member, EMAIL, at, clicked=place == 6)
    learn(session)
    learn(session)
    assert known(session, member).line_recent == "00000"
    assert known(session, member).learned == EMAIL

    for place in range(5):
        at = NOON + (1 + place) * DAY
        sent(session, member, LINE, at, clicked=place == 4)
        sent(session, member, EMAIL, at, clicked=False)
    learn(session, NOON + 5 * DAY)

    row = known(session, member)
    assert (row.line_recent, row.email_recent, row.learned) == ("00001", "00000", LINE)


def test_a_message_younger_than_two_days_waits_for_its_click(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    give(session, member)
    sent(session, member, LINE, NOON + timedelta(seconds=1), clicked=True)

    learn(session)
    assert known(session, member).line_recent == ""
    learn(session, NOON + DAY)
    assert known(session, member).line_recent == "1"


def test_nothing_is_learned_of_who_has_line_alone_or_from_messages_without_links(
    session: Session, make_member: MakeMember
) -> None:
    alone, member = make_member(), make_member()
    give(session, alone, UNCONFIRMED)
    give(session, member)
    for each in (alone, member):
        sent(session, each, LINE, NOON - DAY, clicked=True)
    session.add(
        Owed(
            id=uuid4(),
            line_user_id="",
            member_id=member.id,
            kind="content",
            words={},
            language="zh-TW",
            is_marketing=True,
            idempotency_key="no-links",
            state="accepted",
            created_at=NOON,
            next_try_at=NOON,
            settled_at=NOON,
            source="journey:plain:1:a",
            channel=EMAIL,
        )
    )
    session.flush()

    learn(session)

    assert known(session, alone).line_recent == ""
    assert (known(session, member).line_recent, known(session, member).email_recent) == ("1", "")


def a_run(session: Session, at: datetime) -> CampaignRun:
    """Make a run of a campaign that has begun."""
    session.merge(Segment(code="everybody", name={"zh-TW": "全部"}, version=1, created_at=NOON))
    session.flush()
    number = next(_numbers)
    campaign = Campaign(
        code=f"channel-{number}",
        name={"zh-TW": "活動"},
        segment_code="everybody",
        variants=[{"code": "A", "share": 1, "content": {}}],
        schedule={"at": "now"},
        created_by="owner",
        created_at=at,
    )
    session.add(campaign)
    session.flush()
    run = CampaignRun(
        campaign_id=campaign.id,
        slot="now",
        state="sending",
        spec={},
        unit_name=f"run_{number}",
        send_at=at,
        until=at + DAY,
        created_at=at,
        started_at=at,
    )
    session.add(run)
    session.flush()
    return run


def campaigned(session: Session, member: Member, channel: str, at: datetime, **told: bool) -> None:
    """Let a campaign have reached a member, `is_personal` or by multicast, perhaps `clicked`."""
    run = a_run(session, at)
    batch = CampaignBatch(
        id=uuid4(),
        run_id=run.id,
        number=1,
        variant="A",
        language="zh-TW",
        channel=channel,
        is_personal=told.get("is_personal", True),
        members=1,
        state="accepted",
        next_try_at=at,
        first_try_at=at,
        settled_at=at,
    )
    session.add(batch)
    session.flush()
    session.add(
        CampaignRecipient(run_id=run.id, member_id=member.id, variant="A", batch_id=batch.id)
    )
    session.flush()
    link = make_links(session, f"campaign:{run.id}:A", [SHOP])[SHOP]
    if told.get("clicked"):
        note_click(session, KEY, Named(link, member.id), "", at + timedelta(hours=1))


def test_campaigns_teach_too_but_not_by_links_that_all_share(
    session: Session, make_member: MakeMember
) -> None:
    """B-15: a multicast has one link for all, so its silence says nothing; a tap of it does."""
    member = make_member()
    give(session, member)
    campaigned(session, member, LINE, NOON - 5 * DAY, clicked=True)
    campaigned(session, member, LINE, NOON - 4 * DAY, is_personal=False)
    campaigned(session, member, LINE, NOON - 3 * DAY, is_personal=False, clicked=True)
    for days in (5, 4, 3):
        campaigned(session, member, EMAIL, NOON - days * DAY)

    learn(session)

    row = known(session, member)
    assert (row.line_recent, row.email_recent, row.learned) == ("11", "000", LINE)


# --- leaving and merging


def test_address_and_preference_go_with_the_member(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    give(session, member)

    erase_member(session, member, evidence="e", now=NOON)

    assert find_channel(session, member.id) is None


def test_a_merged_card_brings_what_the_kept_one_lacks_and_gets_it_back(
    session: Session, make_member: MakeMember, make_staff: Callable[..., Staff]
) -> None:
    """U23: merging and un-merging lose no address, no choice and no click."""
    keep, drop = make_member(), make_member()
    give(session, drop)
    choose_channel(session, drop.id, EMAIL, by=BY_MEMBER, now=NOON)
    link = make_links(session, "campaign:1:A", [SHOP])[SHOP]
    note_click(session, KEY, Named(link, drop.id), "", NOON)
    owner = make_staff("owner")

    merge = merge_members(session, keep, drop, staff=owner, reason="one person", key="m1", now=NOON)

    row = known(session, keep)
    assert (row.email, row.email_state, row.chosen) == (AMY, CONFIRMED, EMAIL)
    assert find_channel(session, drop.id) is None
    assert session.scalars(select(LinkClick.member_id)).all() == [keep.id]

    undo_merge(session, merge, staff=owner, now=NOON + DAY)

    assert (known(session, keep).email, known(session, keep).chosen) == (None, None)
    row = known(session, drop)
    assert (row.email, row.email_state, row.chosen, row.chosen_at) == (AMY, CONFIRMED, EMAIL, NOON)
    assert session.scalars(select(LinkClick.member_id)).all() == [drop.id]


def test_the_kept_card_keeps_its_own_address(
    session: Session, make_member: MakeMember, make_staff: Callable[..., Staff]
) -> None:
    keep, drop = make_member(), make_member()
    give(session, keep, email="own@example.com")
    give(session, drop)
    owner = make_staff("owner")

    merge = merge_members(session, keep, drop, staff=owner, reason="one person", key="m2", now=NOON)
    assert known(session, keep).email == "own@example.com"
    undo_merge(session, merge, staff=owner, now=NOON + DAY)

    assert (known(session, keep).email, known(session, drop).email) == ("own@example.com", AMY)
