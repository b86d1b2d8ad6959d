"""Tags (B-08): manual, by a segment, by events; with source, moment and end, and their history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from uuid import uuid4

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.browse_event import Look, keep_looks
from models.checkout import Line, Sale, record_purchase
from models.engagement import LOOKS, PURCHASES, Engagement, MarketingSent
from models.identity import merge_members, undo_merge
from models.local_day import day_start, local_day
from models.member import Member
from models.membership import erase_member
from models.purchase import Purchase
from models.segment import Context, explain_rule, members_of, parse_rule
from models.segment.codes import check_codes
from models.segment.keeping import add_segment
from models.segment.refusals import UnknownCode
from models.staff import Staff
from models.tag import (
    BY_OPERATOR,
    BY_STAFF,
    MemberTag,
    NoSuchTag,
    Tag,
    TagEvent,
    TagIsByRule,
    TagNameTaken,
    TagRefused,
    TooManyTags,
    add_trigger,
    apply_events,
    archive_tag,
    drop_ended,
    end_bought,
    end_triggers,
    forget_tags,
    get_tag,
    give_tag,
    keep_tag,
    list_member_tags,
    list_tag_history,
    list_tagged,
    list_triggers,
    list_used_tags,
    take_tag,
    tidy_expired,
)
from models.tag import giving as tag_giving
from models.tag import keeping as tag_keeping
from models.tag.ruling import SegmentAsksForTag, apply_rule, follow_segment
from tests.conftest import NOON, Maker

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
ALL = 2**62
_numbers = count(1)


@pytest.fixture
def collab(session: Session) -> Tag:
    """Return a tag given by hand."""
    return keep_tag(session, "designer-collab", {"zh-TW": "喜歡設計師聯名"}, now=NOON)


@pytest.fixture
def cart(session: Session) -> Tag:
    """Return a tag that a cart brings for 3 days, until something is bought."""
    tag = keep_tag(session, "cart-unpaid", {"zh-TW": "購物車未結帳"}, now=NOON)
    since = NOON - timedelta(days=30)
    add_trigger(session, tag, "cart", 3, ends_with_purchase=True, now=since)
    return tag


def look(session: Session, member: Member, at: datetime, kind: str = "cart", **told: str) -> None:
    seen = Look(f"tag:{next(_numbers)}", member.number, kind, at, **told)
    assert keep_looks(session, "web", [seen], max(at, NOON)).kept == 1


def buy(session: Session, member: Member, at: datetime, *lines: Line) -> Purchase:
    key = f"tag:{next(_numbers)}"
    sale = Sale(member.id, Maker().store(session), None, 200, key, lines=lines)
    return record_purchase(session, sale, at).purchase


def codes(session: Session, member: Member, now: datetime = NOON) -> list[str]:
    return [held.tag.code for held in list_member_tags(session, member.id, now)]


def history(session: Session, member: Member) -> list[tuple[str, str]]:
    events = list_tag_history(session, member.id, limit=50)
    return [(event.what, event.why) for event in reversed(events)]


# --- by hand


def test_a_tag_by_hand_says_who_gave_it_and_until_when(
    session: Session, make_member: MakeMember, make_staff: MakeStaff, collab: Tag
) -> None:
    """B-08: a manual tag with source, date, expiry and who."""
    member, staff = make_member(), make_staff("manager")
    until = day_start(date(2026, 12, 1))
    give_tag(
        session,
        member.id,
        collab,
        source=BY_STAFF,
        staff_id=staff.id,
        expires_at=until,
        now=NOON,
    )
    (held,) = list_member_tags(session, member.id, NOON)
    assert (held.tag.code, held.row.source) == ("designer-collab", "manual:staff")
    assert (held.row.staff_id, held.row.added_at, held.row.expires_at) == (staff.id, NOON, until)
    (event,) = list_tag_history(session, member.id, limit=9)
    assert (event.what, event.why, event.staff_id, event.at) == ("added", "asked", staff.id, NOON)


def test_a_tag_ends_at_midnight_in_taipei_and_is_then_tidied_once(
    session: Session, make_member: MakeMember, collab: Tag
) -> None:
    """B-08: one that has expired counts nowhere from that very moment on."""
    member = make_member()
    midnight = day_start(date(2026, 11, 24))
    assert midnight == datetime(2026, 11, 23, 16, tzinfo=UTC)
    give_tag(session, member.id, collab, source=BY_OPERATOR, expires_at=midnight, now=NOON)
    rule = parse_rule(
        {"schema": 1, "where": {"field": "tag", "is": "any_of", "value": ["designer-collab"]}}
    )
    for now, counts in ((midnight - timedelta(microseconds=1), True), (midnight, False)):
        assert (codes(session, member, now) == ["designer-collab"]) is counts
        found = session.scalars(members_of(rule, Context(session, now))).all()
        assert found == ([member.id] if counts else [])
        assert [each.id for each in list_tagged(session, collab.code, now, limit=9)] == found
        assert list_used_tags(session, now)[0].members == len(found)
    assert tidy_expired(session, midnight - timedelta(seconds=1), limit=9) == 0
    assert tidy_expired(session, midnight, limit=9) == 1
    assert tidy_expired(session, midnight, limit=9) == 0
    assert history(session, member) == [("added", "asked"), ("removed", "expired")]
    assert list_tag_history(session, member.id, limit=1)[0].at == midnight


def test_given_twice_it_is_one_and_ends_as_told_last(
    session: Session, make_member: MakeMember, collab: Tag
) -> None:
    member = make_member()
    for days in (None, None, 5, 5):
        until = NOON + timedelta(days=days) if days else None
        give_tag(session, member.id, collab, source=BY_OPERATOR, expires_at=until, now=NOON)
    (held,) = list_member_tags(session, member.id, NOON)
    assert held.row.expires_at == NOON + timedelta(days=5)
    assert history(session, member) == [("added", "asked"), ("extended", "asked")]


def test_taken_off_it_is_gone_whichever_hand_gave_it(
    session: Session, make_member: MakeMember, collab: Tag
) -> None:
    member = make_member()
    for source in (BY_OPERATOR, "api:7"):
        give_tag(session, member.id, collab, source=source, now=NOON)
    assert take_tag(session, member.id, collab, now=NOON) == 2
    assert take_tag(session, member.id, collab, now=NOON) == 0
    assert codes(session, member) == []
    assert history(session, member)[2:] == [("removed", "asked")] * 2


def test_a_tag_that_would_have_ended_already_is_refused(
    session: Session, make_member: MakeMember, collab: Tag
) -> None:
    with pytest.raises(TagRefused, match="expires_at"):
        give_tag(session, make_member().id, collab, source=BY_OPERATOR, expires_at=NOON, now=NOON)


def test_a_member_has_so_many_tags_at_most(
    session: Session,
    make_member: MakeMember,
    collab: Tag,
    cart: Tag,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tag_giving, "MOST_OF_MEMBER", 1)
    member = make_member()
    give_tag(session, member.id, collab, source=BY_OPERATOR, now=NOON)
    give_tag(session, member.id, collab, source=BY_OPERATOR, now=NOON)
    with pytest.raises(TooManyTags):
        give_tag(session, member.id, cart, source=BY_OPERATOR, now=NOON)


def test_the_history_is_never_changed(
    session: Session, make_member: MakeMember, collab: Tag
) -> None:
    give_tag(session, make_member().id, collab, source=BY_OPERATOR, now=NOON)
    with pytest.raises(DBAPIError, match="append"), session.begin_nested():
        session.execute(update(TagEvent).values(why="rule"))


# --- names


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("  愛喝\u200b烏龍\n茶 ", "愛喝烏龍 茶"),
        ("❤️‍🔥 熱愛者 👩‍🎨", "❤️‍🔥 熱愛者 👩‍🎨"),
        ("女性\x00二十", "女性二十"),
        ("e\u0301", "é"),
    ],
)
def test_names_are_kept_clean_and_emoji_are_welcome(session: Session, told: str, kept: str) -> None:
    tag = keep_tag(session, "clean", {"zh-TW": told}, now=NOON)
    assert tag.name["zh-TW"] == kept
    assert get_tag(session, kept) is tag


@pytest.mark.parametrize(
    ("code", "name", "what"),
    [
        ("", {"zh-TW": "好"}, "code"),
        ("Über", {"zh-TW": "好"}, "code"),
        ("a" * 41, {"zh-TW": "好"}, "code"),
        ("fine", {"en": "only English"}, "name"),
        ("fine", {"zh-TW": "好", "fr": "bon"}, "name"),
        ("fine", {"zh-TW": "\x00\u200b"}, "name"),
        ("fine", {"zh-TW": "字" * 41}, "name"),
    ],
)
def test_what_is_no_name_or_code_is_refused(
    session: Session, code: str, name: dict[str, str], what: str
) -> None:
    with pytest.raises(TagRefused) as refused:
        keep_tag(session, code, name, now=NOON)
    assert refused.value.facts["what"] == what


def test_a_description_has_its_length_too(session: Session) -> None:
    kept = keep_tag(session, "told", {"zh-TW": "好"}, description={"zh-TW": " 一\n二 "}, now=NOON)
    assert kept.description == {"zh-TW": "一 二"}
    for bad in ({"zh-TW": "字" * 201}, {"zh-TW": "a\x00"}, {"fr": "bon"}):
        with pytest.raises(TagRefused, match="description"):
            keep_tag(session, "told", {"zh-TW": "好"}, description=bad, now=NOON)


def test_two_tags_that_read_alike_are_refused(session: Session, collab: Tag) -> None:
    keep_tag(session, "vip", {"zh-TW": "VIP 熟客"}, now=NOON)
    with pytest.raises(TagNameTaken) as refused:
        keep_tag(session, "vip2", {"zh-TW": "ｖｉｐ 熟客"}, now=NOON)
    assert refused.value.facts == {"by": "vip"}
    assert get_tag(session, "vip 熟客").code == "vip"
    for typed in ("nobody", "no\x00body"):
        with pytest.raises(NoSuchTag):
            get_tag(session, typed)


def test_a_shop_has_so_many_tags_at_most(
    session: Session, collab: Tag, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tag_keeping, "MOST_TAGS", 1)
    keep_tag(session, collab.code, {"zh-TW": "聯名控"}, now=NOON)
    with pytest.raises(TooManyTags):
        keep_tag(session, "another", {"zh-TW": "另一個"}, now=NOON)


def test_archived_it_is_on_nobody_and_told_again_it_is_back(
    session: Session, make_member: MakeMember, collab: Tag, cart: Tag
) -> None:
    member = make_member()
    give_tag(session, member.id, collab, source=BY_OPERATOR, now=NOON)
    give_tag(session, member.id, cart, source=BY_OPERATOR, now=NOON)
    archive_tag(session, collab, NOON)
    assert codes(session, member) == ["cart-unpaid"]
    assert drop_ended(session, NOON, limit=9) == 1
    assert drop_ended(session, NOON, limit=9) == 0
    assert history(session, member)[-1] == ("removed", "archived")
    with pytest.raises(NoSuchTag):
        get_tag(session, collab.code)
    assert keep_tag(session, collab.code, {"zh-TW": "聯名控"}, now=NOON).archived_at is None
    assert codes(session, member) == ["cart-unpaid"]


# --- by events


def test_an_event_brings_a_tag_through_the_nth_day_after(
    session: Session, make_member: MakeMember, cart: Tag
) -> None:
    """B-08: unpaid cart; the end is a midnight in Taipei, counted from the day it happened."""
    member = make_member()
    look(session, member, datetime(2026, 11, 21, 15, 59, 59, tzinfo=UTC))  # 23:59:59 there.
    assert apply_events(session, LOOKS, 0, ALL, NOON) == 1
    (held,) = list_member_tags(session, member.id, NOON)
    assert held.row.source == "event:cart"
    assert held.row.expires_at == day_start(date(2026, 11, 25))


def test_events_read_twice_or_out_of_order_come_to_the_same(
    session: Session, make_member: MakeMember, cart: Tag
) -> None:
    member = make_member()
    for hours in (2, 50, 26):
        look(session, member, NOON - timedelta(hours=hours))
        apply_events(session, LOOKS, 0, ALL, NOON)
        apply_events(session, LOOKS, 0, ALL, NOON)
    (held,) = list_member_tags(session, member.id, NOON)
    assert held.row.added_at == NOON - timedelta(hours=2)
    assert held.row.expires_at == day_start(local_day(NOON) + timedelta(days=4))
    assert history(session, member) == [("added", "event")]


def test_a_later_event_extends_the_tag(
    session: Session, make_member: MakeMember, cart: Tag
) -> None:
    member = make_member()
    for days in (2, 0):
        look(session, member, NOON - timedelta(days=days))
        apply_events(session, LOOKS, 0, ALL, NOON)
    assert history(session, member) == [("added", "event"), ("extended", "event")]


def test_only_its_kind_item_and_category_bring_it(
    session: Session, make_member: MakeMember
) -> None:
    oolong = keep_tag(session, "oolong", {"zh-TW": "看過烏龍"}, now=NOON)
    green = keep_tag(session, "green", {"zh-TW": "看過綠茶類"}, now=NOON)
    add_trigger(session, oolong, "view", 9, sku="TEA-01", now=NOON - timedelta(days=1))
    add_trigger(session, green, "view", 9, category="綠茶", now=NOON - timedelta(days=1))
    seer, other = make_member(), make_member()
    look(session, seer, NOON, "view", sku="TEA-01", category="烏龍")
    look(session, other, NOON, "view", sku="TEA-02", category="綠茶")
    look(session, other, NOON, "cart", sku="TEA-01")
    assert apply_events(session, LOOKS, 0, ALL, NOON) == 2
    assert (codes(session, seer), codes(session, other)) == (["oolong"], ["green"])


def test_only_what_happens_while_it_is_set_brings_it(
    session: Session, make_member: MakeMember, cart: Tag
) -> None:
    """A trigger looks neither back nor past its end, and what ended already is not given."""
    early, late, old = make_member(), make_member(), make_member()
    look(session, early, NOON - timedelta(days=31))
    look(session, late, NOON)
    look(session, old, NOON - timedelta(days=4))
    assert end_triggers(session, cart, NOON) == 1
    assert list_triggers(session, cart.code) == []
    assert apply_events(session, LOOKS, 0, ALL, NOON) == 0


def test_a_sale_of_an_item_brings_a_tag_unless_it_was_undone(
    session: Session, make_member: MakeMember
) -> None:
    """B-08: an event may be a purchase of an item or a category."""
    tag = keep_tag(session, "cake", {"zh-TW": "買過蛋糕"}, now=NOON)
    add_trigger(session, tag, "purchase", 30, category="蛋糕", now=NOON - timedelta(days=1))
    buyer, undone, other = make_member(), make_member(), make_member()
    buy(session, buyer, NOON, Line("起司", 200, sku="C-1", category="蛋糕"))
    gone = buy(session, undone, NOON, Line("起司", 200, sku="C-1", category="蛋糕"))
    session.execute(
        update(Purchase)
        .where(Purchase.id == gone.id)
        .values(refunded_twd=Purchase.paid_twd, undone_at=NOON)
    )
    buy(session, other, NOON, Line("紅茶", 200, sku="T-1", category="紅茶"))
    assert apply_events(session, PURCHASES, 0, ALL, NOON) == 1
    assert codes(session, buyer) == ["cake"]


@pytest.mark.parametrize("sale_is_seen_first", [True, False])
def test_a_sale_after_the_cart_takes_the_tag_away_in_whatever_order_they_are_seen(
    session: Session, make_member: MakeMember, cart: Tag, *, sale_is_seen_first: bool
) -> None:
    """B-08, B-02: a cart that was paid for is no unpaid cart; one filled later is."""
    paid, refilled = make_member(), make_member()
    buy(session, paid, NOON - timedelta(hours=1))
    buy(session, refilled, NOON - timedelta(hours=3))
    for member in (paid, refilled):
        look(session, member, NOON - timedelta(hours=2))
    if sale_is_seen_first:
        end_bought(session, 0, ALL, NOON)
    apply_events(session, LOOKS, 0, ALL, NOON)
    end_bought(session, 0, ALL, NOON)
    assert (codes(session, paid), codes(session, refilled)) == ([], ["cart-unpaid"])


def test_what_was_bought_ends_it_with_its_reason(
    session: Session, make_member: MakeMember, cart: Tag, collab: Tag
) -> None:
    member = make_member()
    look(session, member, NOON - timedelta(hours=2))
    apply_events(session, LOOKS, 0, ALL, NOON)
    give_tag(session, member.id, collab, source=BY_OPERATOR, now=NOON - timedelta(hours=1))
    buy(session, member, NOON)
    assert end_bought(session, 0, ALL, NOON) == 1
    assert codes(session, member) == ["designer-collab"]
    assert ("removed", "bought") in history(session, member)


def test_what_was_taken_off_is_not_brought_back_by_an_earlier_event(
    session: Session, make_member: MakeMember, cart: Tag
) -> None:
    """A look that is told late, or read again after a restore, undoes no one's decision."""
    member = make_member()
    look(session, member, NOON - timedelta(hours=2))
    apply_events(session, LOOKS, 0, ALL, NOON)
    take_tag(session, member.id, cart, now=NOON - timedelta(hours=1))
    assert apply_events(session, LOOKS, 0, ALL, NOON) == 0
    look(session, member, NOON)
    assert apply_events(session, LOOKS, 0, ALL, NOON) == 1


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ({"event": "dance"}, "event"),
        ({"days": 0}, "days"),
        ({"days": 366}, "days"),
        ({"sku": ""}, "sku"),
        ({"sku": "a\x00"}, "sku"),
        ({"sku": "a", "category": "b"}, "category"),
        ({"event": "purchase", "ends_with_purchase": True}, "ends_with_purchase"),
    ],
)
def test_a_trigger_that_means_nothing_is_refused(
    session: Session, collab: Tag, told: dict[str, object], what: str
) -> None:
    words: dict[str, object] = {"event": "cart", "days": 3} | told
    event, days = words.pop("event"), words.pop("days")
    with pytest.raises(TagRefused) as refused:
        add_trigger(session, collab, event, days, now=NOON, **words)  # type: ignore[arg-type]  # Misshapen on purpose.
    assert refused.value.facts["what"] == what


def test_a_tag_has_so_many_triggers_at_most(
    session: Session, cart: Tag, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tag_keeping, "MOST_TRIGGERS", 1)
    with pytest.raises(TagRefused, match="triggers"):
        add_trigger(session, cart, "view", 3, now=NOON)


# --- by a segment


@pytest.fixture
def new_this_month(session: Session) -> Tag:
    """Return a tag that follows the members who joined in the last 30 days."""
    where = {"field": "joined_days_ago", "is": "at_most", "value": 30}
    rule = parse_rule({"schema": 1, "where": where})
    add_segment(session, "joined-lately", {"zh-TW": "新註冊"}, rule, by="test", now=NOON)
    tag = keep_tag(session, "new-this-month", {"zh-TW": "本月新註冊"}, now=NOON)
    follow_segment(session, tag, "joined-lately")
    return tag


def test_members_join_and_leave_exactly_as_the_segment_says(
    session: Session, make_member: MakeMember, new_this_month: Tag
) -> None:
    """B-08: registered this month, by a rule; applied twice, nothing happens twice."""
    new = make_member(joined_at=NOON - timedelta(days=30))
    old = make_member(joined_at=NOON - timedelta(days=31))
    assert apply_rule(session, new_this_month, 0, ALL, NOON) == 1
    assert apply_rule(session, new_this_month, 0, ALL, NOON) == 0
    (held,) = list_member_tags(session, new.id, NOON)
    assert (held.row.source, held.row.expires_at) == ("rule:joined-lately", None)
    assert codes(session, old) == []
    tomorrow = NOON + timedelta(days=1)
    assert apply_rule(session, new_this_month, 0, ALL, tomorrow) == 1
    assert codes(session, new) == []
    assert history(session, new) == [("added", "rule"), ("removed", "left_segment")]


def test_a_range_leaves_all_others_alone(
    session: Session, make_member: MakeMember, new_this_month: Tag
) -> None:
    first, second = make_member(joined_at=NOON), make_member(joined_at=NOON)
    assert apply_rule(session, new_this_month, 0, first.id, NOON) == 1
    assert apply_rule(session, new_this_month, second.id, ALL, NOON) == 1
    assert (codes(session, first), codes(session, second)) == (["new-this-month"],) * 2


def test_a_segments_tag_stays_beside_one_by_hand_and_goes_with_the_segment(
    session: Session, make_member: MakeMember, new_this_month: Tag
) -> None:
    member = make_member(joined_at=NOON)
    apply_rule(session, new_this_month, 0, ALL, NOON)
    give_tag(session, member.id, new_this_month, source=BY_OPERATOR, now=NOON)
    with pytest.raises(TagIsByRule) as refused:
        take_tag(session, member.id, new_this_month, now=NOON)
    assert refused.value.facts == {"segment": "joined-lately"}
    follow_segment(session, new_this_month, None)
    assert drop_ended(session, NOON, limit=9) == 1
    assert history(session, member)[-1] == ("removed", "unbound")
    assert take_tag(session, member.id, new_this_month, now=NOON) == 1


def test_a_tag_cannot_follow_a_segment_that_asks_for_it(session: Session, collab: Tag) -> None:
    where = {"not": {"field": "tag", "is": "any_of", "value": [collab.code]}}
    rule = parse_rule({"schema": 1, "where": where})
    add_segment(session, "circle", {"zh-TW": "自己"}, rule, by="test", now=NOON)
    with pytest.raises(SegmentAsksForTag):
        follow_segment(session, collab, "circle")


# --- leaving


def test_who_leaves_takes_their_tags_along(
    session: Session, make_member: MakeMember, collab: Tag, cart: Tag
) -> None:
    member, other = make_member(), make_member()
    for each in (member, other):
        give_tag(session, each.id, collab, source=BY_OPERATOR, now=NOON)
    forget_tags(session, [member.id], NOON)
    assert session.scalars(select(MemberTag.member_id)).all() == [other.id]
    assert history(session, member)[-1] == ("removed", "erased")
    look(session, member, NOON)
    session.execute(
        text(
            "UPDATE member SET marketing_allowed = false, line_user_id = NULL,"
            " name = NULL, phone = NULL, birthday = NULL, erased_at = now() WHERE id = :id"
        ),
        {"id": member.id},
    )
    assert apply_events(session, LOOKS, 0, ALL, NOON) == 0


# --- what rules ask


def test_a_rule_asks_for_tags_with_their_source_and_age(
    session: Session, make_member: MakeMember, collab: Tag, cart: Tag
) -> None:
    """B-08: tags in AND/OR/NOT with source; a rule and its denial part the members exactly."""
    both, by_api, nobody = make_member(), make_member(), make_member()
    early = NOON - timedelta(days=9)
    give_tag(session, both.id, collab, source=BY_OPERATOR, now=early)
    give_tag(session, both.id, cart, source=BY_OPERATOR, now=NOON)
    give_tag(session, by_api.id, collab, source="api:7", now=NOON)
    everybody = {both.id, by_api.id, nobody.id}
    codes_of_both = ["designer-collab", "cart-unpaid"]
    for told, expected in (
        ({"is": "any_of", "value": codes_of_both}, {both.id, by_api.id}),
        ({"is": "all_of", "value": codes_of_both}, {both.id}),
        ({"is": "none_of", "value": codes_of_both}, {nobody.id}),
        ({"is": "any_of", "value": ["designer-collab"], "source": "api"}, {by_api.id}),
        ({"is": "any_of", "value": ["designer-collab"], "source": ["manual", "rule"]}, {both.id}),
        ({"is": "any_of", "value": ["designer-collab"], "within_days": 8}, {by_api.id}),
        ({"is": "none_of", "value": ["designer-collab"], "source": "api"}, {both.id, nobody.id}),
    ):
        leaf = {"field": "tag", **told}
        for where, ids in ((leaf, expected), ({"not": leaf}, everybody - expected)):
            rule = parse_rule({"schema": 1, "where": where})
            assert set(session.scalars(members_of(rule, Context(session, NOON)))) == ids, told


def test_why_names_the_tags_that_were_found(
    session: Session, make_member: MakeMember, collab: Tag, cart: Tag
) -> None:
    """X5: the deciding fact of a tag is what the member has."""
    member = make_member()
    leaf = {"field": "tag", "is": "any_of", "value": ["cart-unpaid"]}
    rule = parse_rule({"schema": 1, "where": leaf})
    (answer,) = explain_rule(session, rule, member.id, NOON).answers
    assert (answer.holds, answer.found) == (False, None)
    give_tag(session, member.id, collab, source=BY_OPERATOR, now=NOON)
    (answer,) = explain_rule(session, rule, member.id, NOON).answers
    assert (answer.holds, answer.found) == (False, ["designer-collab"])


def test_a_rule_that_names_a_tag_the_shop_does_not_have_is_refused(
    session: Session, collab: Tag
) -> None:
    archive_tag(session, collab, NOON)
    for code in ("nobody", collab.code):
        leaf = {"field": "tag", "is": "any_of", "value": [code]}
        rule = parse_rule({"schema": 1, "where": leaf})
        with pytest.raises(UnknownCode):
            check_codes(session, rule)


# --- two cards of one person


def test_a_merge_brings_the_tags_along_and_an_undoing_parts_them_again(
    session: Session,
    make_member: MakeMember,
    make_staff: MakeStaff,
    collab: Tag,
    cart: Tag,
) -> None:
    """Whatever either card had, for as long as either had it; then each has its own again."""
    keep, drop = make_member(line=False), make_member()
    staff = make_staff("manager")
    soon, later = NOON + timedelta(days=1), NOON + timedelta(days=9)
    give_tag(session, keep.id, collab, source=BY_OPERATOR, expires_at=soon, now=NOON)
    give_tag(session, drop.id, collab, source=BY_OPERATOR, expires_at=later, now=NOON)
    give_tag(session, drop.id, cart, source="api:7", now=NOON)

    def ends(member: Member) -> dict[str, datetime | None]:
        held = list_member_tags(session, member.id, NOON)
        return {each.tag.code: each.row.expires_at for each in held}

    merge = merge_members(
        session, keep, drop, staff=staff, reason="同一人兩張卡", key="m", now=NOON
    )
    assert ends(keep) == {"designer-collab": later, "cart-unpaid": None}
    assert ends(drop) == {}
    undo_merge(session, merge, staff=staff, now=NOON)
    assert ends(keep) == {"designer-collab": soon}
    assert ends(drop) == {"designer-collab": later, "cart-unpaid": None}


def test_what_was_taken_off_the_kept_card_stays_off_both(
    session: Session, make_member: MakeMember, make_staff: MakeStaff, collab: Tag
) -> None:
    keep, drop = make_member(line=False), make_member()
    staff = make_staff("manager")
    give_tag(session, drop.id, collab, source=BY_OPERATOR, now=NOON)
    merge = merge_members(
        session, keep, drop, staff=staff, reason="同一人兩張卡", key="m", now=NOON
    )
    take_tag(session, keep.id, collab, now=NOON)
    undo_merge(session, merge, staff=staff, now=NOON)
    assert (codes(session, keep), codes(session, drop)) == ([], [])


def test_erasing_a_member_takes_tags_and_engagement_along(
    session: Session, make_member: MakeMember, collab: Tag
) -> None:
    """Privacy: what the shop said and knew of a person goes with them; the history has no name."""
    member = make_member()
    give_tag(session, member.id, collab, source=BY_OPERATOR, now=NOON)
    session.add(Engagement(member_id=member.id, tapped_at=NOON))
    session.add(MarketingSent(owed_id=uuid4(), member_id=member.id, kind="win_back", sent_at=NOON))
    session.flush()
    erase_member(session, member, evidence="test", now=NOON)
    for table in (MemberTag, Engagement, MarketingSent):
        assert session.scalars(select(table)).all() == []
    assert history(session, member)[-1] == ("removed", "erased")
