"""Content: refused with the place, and filled with facts that are read for many at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from models.content import (
    GALLERY,
    Content,
    ContentRefused,
    Facts,
    check_content,
    facts_for,
    parse_content,
)
from models.content.gallery import MOST_ITEMS
from models.content.parsing import LARGEST_BYTES
from models.coupon import Coupon, CouponTemplate, get_template
from models.coupon.bulk import SPECIMEN_CODE
from models.favourite import MemberFavourite
from models.local_day import local_day
from models.member import Member
from models.survey import SurveyAnswer, keep_survey
from tests.bot.gallery_samples import FIELDS, card, content, said
from tests.conftest import NOON
from tests.models.coupon_maker import make_template

Json = dict[str, Any]
MakeMember = Callable[..., Member]
COUPON_PART = {"type": "coupon", "template": "welcome"}


def text(zh: str) -> Json:
    return {"type": "text", "text": said(zh)}


def filled(template: str, **fields: Any) -> Json:
    return {"type": "card", "template": template, "fields": FIELDS[template] | fields}


# --- what is refused, and where ---

REFUSED: dict[str, tuple[Any, str, str]] = {
    "no object": ([], "", "not_content"),
    "no messages": ({"schema": 1}, "", "content_unknown_key"),
    "another schema": ({"schema": 2, "messages": [text("嗨")]}, "schema", "not_content"),
    "a true schema": ({"schema": True, "messages": [text("嗨")]}, "schema", "not_content"),
    "none": (content(), "messages", "content_count"),
    "six": (content(*[text("嗨")] * 6), "messages", "content_count"),
    "a stranger": (content({"type": "video"}), "messages[0].type", "not_content"),
    "too much": (
        content(text("嗨"), {"type": "text", "text": said("嗨"), "size": 3}),
        "messages[1]",
        "content_unknown_key",
    ),
    "no Chinese": (
        content({"type": "text", "text": {"en": "Hi"}}),
        "messages[0].text",
        "content_unknown_key",
    ),
    "another language": (
        content({"type": "text", "text": {"zh-TW": "嗨", "fr": "Salut"}}),
        "messages[0].text",
        "content_unknown_key",
    ),
    "blank": (content(text("  ")), "messages[0].text.zh-TW", "content_text_refused"),
    "a control sign": (content(text("嗨\x00")), "messages[0].text.zh-TW", "content_text_refused"),
    "private use": (content(text("嗨\ue000")), "messages[0].text.zh-TW", "content_text_refused"),
    "5,001": (content(text("字" * 5_001)), "messages[0].text.zh-TW", "content_text_refused"),
    "5,001 filled in": (
        content(text("字" * 4_990 + "{name}")),
        "messages[0].text.zh-TW",
        "content_text_refused",
    ),
    "a variable": (content(text("{nmae}")), "messages[0].text.zh-TW", "content_unknown_variable"),
    "an open brace": (content(text("嗨 { 你")), "messages[0].text.zh-TW", "content_braces"),
    "a closed brace": (content(text("嗨 } 你")), "messages[0].text.zh-TW", "content_braces"),
    "braces in braces": (
        content(text("{name|{tier}}")),
        "messages[0].text.zh-TW",
        "content_braces",
    ),
    "a coupon's fact alone": (content(text("{coupon_ends}")), "messages", "content_unknown_key"),
    "http": (
        content({"type": "image", "url": "http://shop.example/a.png"}),
        "messages[0].url",
        "content_address_refused",
    ),
    "a user in an address": (
        content({"type": "image", "url": "https://me@shop.example/a.png"}),
        "messages[0].url",
        "content_address_refused",
    ),
    "a variable in an address": (
        content({"type": "image", "url": "https://shop.example/{name}.png"}),
        "messages[0].url",
        "content_address_refused",
    ),
    "a template": (
        content({"type": "card", "template": "announcment", "fields": {}}),
        "messages[0].template",
        "content_unknown_template",
    ),
    "a slot": (
        content(filled("event", price=said("NT$1"))),
        "messages[0].fields",
        "content_unknown_key",
    ),
    "a missing slot": (
        content({"type": "card", "template": "event", "fields": {"title": said("課")}}),
        "messages[0].fields",
        "content_unknown_key",
    ),
    "a label": (
        content(filled("event", button={"label": said("報" * 21), "url": "https://a.example/"})),
        "messages[0].fields.button.label.zh-TW",
        "content_text_refused",
    ),
    "a script": (
        content(filled("event", button={"label": said("去"), "url": "javascript:alert(1)"})),
        "messages[0].fields.button.url",
        "content_address_refused",
    ),
    "a tap": (
        content(filled("event", button={"label": said("去"), "tap": "delete_me"})),
        "messages[0].fields.button.tap",
        "content_unknown_key",
    ),
    "a colour": (
        content(filled("festival", colour="red")),
        "messages[0].fields.colour",
        "not_content",
    ),
    "no products": (
        content(filled("products", items=[])),
        "messages[0].fields.items",
        "content_count",
    ),
    "twelve products": (
        content(filled("products", items=FIELDS["products"]["items"][:1] * (MOST_ITEMS + 1))),
        "messages[0].fields.items",
        "content_count",
    ),
    "a product's picture": (
        content(filled("products", items=[{"name": said("茶"), "image": "http://a.example/b"}])),
        "messages[0].fields.items[0].image",
        "content_address_refused",
    ),
    "a survey before the last": (
        content({"type": "survey", "survey": "visit"}, text("謝謝")),
        "messages[0]",
        "content_survey_not_last",
    ),
    "given by nobody": (
        content({"type": "coupon", "template": "given"}),
        "messages[0].template",
        "not_content",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_content_is_refused_with_the_place(case: str) -> None:
    """Issue 6: refusals name the place."""
    told, path, code = REFUSED[case]
    with pytest.raises(ContentRefused) as refused:
        parse_content(told)
    assert refused.value.facts["path"] == path
    assert refused.value.code == code
    assert set(refused.value.facts["advice"]) == {"zh-TW", "en", "ja"}


def test_a_refusal_tells_where_the_content_stands() -> None:
    with pytest.raises(ContentRefused) as refused:
        parse_content(content(text("{nmae}")), path="variants[1].content")
    assert refused.value.facts["path"] == "variants[1].content.messages[0].text.zh-TW"
    assert "name" in refused.value.facts["possible"]


def test_content_is_no_larger_than_can_be_kept() -> None:
    long = {"type": "text", "text": said("字" * 5_000, "字" * 5_000, "字" * 5_000)}
    with pytest.raises(ContentRefused) as refused:
        parse_content(content(*[long] * 5))
    assert refused.value.facts["limit"] == LARGEST_BYTES


@pytest.mark.parametrize("template", GALLERY)
def test_content_reads_back_as_it_was_written(template: str) -> None:
    kept = parse_content(content(card(template), text("{name|朋友}"))).as_json()
    assert parse_content(kept).as_json() == kept


def test_content_says_what_it_needs() -> None:
    read = parse_content(content(text("{name} https://a.example/x"), COUPON_PART, card("event")))
    assert read.variables == {"name"}
    assert read.urls == ("https://a.example/x", "tap:show_coupon", "tap:show_events")
    assert read.coupons == ("welcome",)
    assert read.is_personal


def test_the_same_for_everybody_is_not_personal() -> None:
    assert not parse_content(content(text("今日公休"), card("festival"))).is_personal
    assert parse_content(content(card("points"))).is_personal


def test_a_journey_may_say_facts_of_its_own() -> None:
    told = content(text("{expiring} 點"), {"type": "coupon", "template": "given"})
    assert parse_content(told, ("expiring", "given")).coupons == ("given",)


def test_the_shop_must_have_what_content_names(session: Session) -> None:
    check_content(session, parse_content(content(COUPON_PART)))
    unknown = content(text("嗨"), {"type": "coupon", "template": "welcom"})
    with pytest.raises(ContentRefused) as refused:
        check_content(session, parse_content(unknown))
    assert refused.value.facts["path"] == "messages[1].template"
    assert "welcome" in refused.value.facts["possible"]
    with pytest.raises(ContentRefused):
        check_content(session, parse_content(content({"type": "survey", "survey": "nobody"})))


# --- facts ---


def ask(session: Session, read: Content, *members: Member, **told: Any) -> dict[int, Facts]:
    ids = [member.id for member in members]
    return facts_for(session, read, ids, source="campaign:1", now=NOON, **told)


def test_facts_are_the_members_own(session: Session, make_member: MakeMember) -> None:
    """Issue 6: variables with fallback."""
    today = local_day(NOON)
    member = make_member(
        points=120, spend_twd=6_000, last_purchase_on=today - timedelta(days=40), name="林雅婷"
    )
    session.add(
        MemberFavourite(
            member_id=member.id,
            item_name="招牌奶茶",
            orders=3,
            category_orders=0,
            stale_on=date(2027, 1, 1),
            at=NOON,
        )
    )
    session.flush()
    told = content(
        text("{name}{number}{points}{tier}{next_tier}{gap}{favourite}{days}{last_visit}")
    )
    facts = ask(session, parse_content(told), member)[member.id]
    last_on = today if member.last_purchase_on is None else member.last_purchase_on
    assert facts.values["name"] == "林雅婷"
    assert facts.values["points"] == 120
    assert facts.values["favourite"] == "招牌奶茶"
    assert facts.values["days"] == (today - last_on).days
    assert facts.values["last_visit"] == last_on.isoformat()
    assert facts.values["gap"] > 0  # type: ignore[operator]  # A number, as asked.
    assert {"tier", "next_tier", "number"} <= set(facts.values)


def test_what_is_not_known_is_absent(session: Session, make_member: MakeMember) -> None:
    member = make_member(name="")
    facts = ask(session, parse_content(content(text("{favourite}{days}"))), member)[member.id]
    assert facts.values == {}


def test_facts_speak_the_members_language(session: Session, make_member: MakeMember) -> None:
    members = [make_member(language=language) for language in ("zh-TW", "en", "ja")]
    found = ask(session, parse_content(content(text("{tier}"))), *members)
    assert len({found[member.id].values["tier"] for member in members}) == 3
    assert [found[member.id].language for member in members] == ["zh-TW", "en", "ja"]


def test_asking_again_gives_nothing_twice(session: Session, make_member: MakeMember) -> None:
    """Issue 6: own coupon in each; a batch that is tried again says the same."""
    members = [make_member(), make_member()]
    read = parse_content(content(COUPON_PART, text("{coupon_ends}")))
    first, again = ask(session, read, *members), ask(session, read, *members)
    assert first == again
    keys = session.scalars(select(Coupon.issue_key).order_by(Coupon.id)).all()
    assert keys == [f"campaign:1:welcome:{member.id}" for member in members]
    assert first[members[0].id].values["coupon_ends"]


def test_who_gets_no_coupon_is_absent(session: Session, make_member: MakeMember) -> None:
    limited = make_template(session, stock_left=1)
    members = [make_member(), make_member()]
    read = parse_content(content({"type": "coupon", "template": limited.code}))
    assert list(ask(session, read, *members)) == [members[0].id]


def test_a_test_gives_nothing(session: Session, make_member: MakeMember) -> None:
    question = said("還滿意嗎？", "Are you satisfied?", "ご満足いただけましたか？")
    keep_survey(
        session, "pulse", "csat", name=question, question=question, reasons={}, by="owner", now=NOON
    )
    read = parse_content(content(COUPON_PART, {"type": "survey", "survey": "pulse"}))
    member = make_member()
    facts = ask(session, read, member, is_test=True)[member.id]
    assert facts.coupons["welcome"]["code"] == SPECIMEN_CODE
    assert session.scalar(select(func.count()).select_from(Coupon)) == 0
    assert session.scalar(select(func.count()).select_from(SurveyAnswer)) == 0


def test_a_journey_tells_keys_facts_and_coupons(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    read = parse_content(content(text("{expiring}"), COUPON_PART), ("expiring",))
    told = {"keys": {member.id: "journey:7:gift"}, "more": {member.id: {"expiring": "30"}}}
    first = ask(session, read, member, **told)[member.id]
    assert first.values["expiring"] == "30"
    coupon = session.scalars(select(Coupon)).one()
    assert coupon.issue_key == "journey:7:gift:welcome"
    given = parse_content(content({"type": "coupon", "template": "given"}), ("given",))
    shown = ask(session, given, member, coupons={member.id: coupon.id})[member.id]
    assert shown.coupons["given"]["code"] == coupon.code
    assert ask(session, given, member) == {}


def test_somebody_elses_coupon_is_shown_to_nobody(
    session: Session, make_member: MakeMember
) -> None:
    owner, other = make_member(), make_member()
    ask(session, parse_content(content(COUPON_PART)), owner)
    coupon = session.scalars(select(Coupon)).one()
    given = parse_content(content({"type": "coupon", "template": "given"}), ("given",))
    assert ask(session, given, other, coupons={other.id: coupon.id}) == {}


def test_facts_of_many_take_a_handful_of_statements(
    session: Session, make_member: MakeMember
) -> None:
    members = [make_member(points=number + 1) for number in range(40)]
    told = content(card("points"), text("{name}{favourite}{days}"), COUPON_PART)
    read = parse_content(told)
    counted: list[str] = []
    connection = session.connection()
    event.listen(connection, "before_cursor_execute", lambda *told: counted.append(told[2]))
    assert len(ask(session, read, *members)) == 40
    assert len(counted) <= 6


def test_facts_keep_as_json(session: Session, make_member: MakeMember) -> None:
    member = make_member(points=5)
    facts = ask(session, parse_content(content(card("points"), COUPON_PART)), member)[member.id]
    assert Facts.from_json(facts.as_json()) == facts


def test_a_template_that_is_given_no_more_gives_to_nobody(
    session: Session, make_member: MakeMember
) -> None:
    template: CouponTemplate = get_template(session, "welcome")
    template.is_active = False
    session.flush()
    assert ask(session, parse_content(content(COUPON_PART)), make_member()) == {}
