"""Segments: rules that are refused where they make no sense, sized, explained, kept in versions."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import jsonschema
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.audit import AuditEntry
from models.browse_event import BrowseEvent
from models.coupon import get_template, issue_coupon
from models.lifecycle import RepurchaseCycle
from models.member import Member, NoSuchMember
from models.segment import (
    FIELDS,
    Context,
    describe,
    explain_rule,
    members_of,
    parse_rule,
    read_rule,
    size_of,
    sizing,
)
from models.segment.codes import check_codes
from models.segment.keeping import (
    add_segment,
    archive_segment,
    change_segment,
    count_segment,
    get_segment,
    get_version,
    list_segments,
    list_versions,
    rename_segment,
    rule_of,
)
from models.segment.listing import HEADINGS, export_segment, list_members
from models.segment.refusals import (
    DuplicateKey,
    EmptyList,
    NoSuchDay,
    NotARule,
    OptionsConflict,
    OutOfRange,
    RuleRefused,
    RuleTooLarge,
    SchemaUnknown,
    TextRefused,
    TooDeep,
    TooManyLeaves,
    TooManyValues,
    UnknownCode,
    UnknownField,
    UnknownKey,
    UnknownOperator,
    UnknownOption,
    WrongType,
)
from models.segment.rule import LARGEST_BYTES, MOST_LEAVES, MOST_LEVELS
from models.segment.schema import field_catalogue, rule_schema
from models.segment.starting import FOR_DEMO, STARTING, add_starting_segments
from models.segment.table import (
    NoSuchSegment,
    SegmentArchived,
    SegmentChanged,
    SegmentExists,
    SegmentRefused,
    SegmentVersion,
)
from models.segment.value import MOST_VALUES
from models.segment.wording import describe_answer
from tests.conftest import NOON
from tests.handlers.statements import count_statements
from tests.models.shopping import buy, take_back

MakeMember = Callable[..., Member]
TODAY = date(2026, 11, 22)


def asks(field: str, operator: str, value: Any, **options: Any) -> dict[str, Any]:
    return {"field": field, "is": operator, "value": value, **options}


def written(node: Any) -> dict[str, Any]:
    return {"schema": 1, "where": node}


def found(session: Session, node: dict[str, Any]) -> set[int]:
    return set(session.scalars(members_of(parse_rule(written(node)), Context(session, NOON))))


@pytest.fixture(autouse=True)
def cycle(session: Session) -> None:
    """Have last night find a repurchase cycle of 30 days."""
    session.add(
        RepurchaseCycle(
            measured_on=TODAY,
            cycle_days=30,
            is_assumed=False,
            members=30,
            intervals=60,
            measured_at=NOON,
        )
    )
    session.flush()


# --- what is refused, where, and with what advice ---

ONE = asks("points", "at_least", 1)


def nested(levels: int) -> dict[str, Any]:
    node = ONE
    for _ in range(levels):
        node = {"all": [node]}
    return node


REFUSED: list[tuple[str, Any, type[RuleRefused], str]] = [
    ("no object", [], NotARule, ""),
    ("no where", {"schema": 1}, UnknownKey, ""),
    ("another word", written(ONE) | {"limit": 3}, UnknownKey, ""),
    ("another schema", {"schema": 2, "where": ONE}, SchemaUnknown, "schema"),
    ("schema true", {"schema": True, "where": ONE}, SchemaUnknown, "schema"),
    ("a list for a node", written([]), NotARule, "where"),
    ("an empty node", written({}), NotARule, "where"),
    ("two groups in one", written({"all": [ONE], "any": [ONE]}), UnknownKey, "where"),
    ("an empty group", written({"all": []}), EmptyList, "where.all"),
    ("a group of text", written({"any": "points"}), NotARule, "where.any"),
    ("not of a list", written({"not": [ONE]}), NotARule, "where.not"),
    ("50 levels", written(nested(50)), TooDeep, "where" + ".all[0]" * MOST_LEVELS),
    ("10,000 questions", written({"any": [ONE] * 10_000}), TooManyLeaves, "where.any[200]"),
    ("an unknown field", written(asks("purchase", "is", 1)), UnknownField, "where.field"),
    ("a field that is a list", written(asks([], "is", 1)), UnknownField, "where.field"),  # type: ignore[arg-type]  # As a stranger may write it.
    ("no value", written({"field": "points", "is": "is"}), UnknownKey, "where"),
    ("an unknown operator", written(asks("points", "like", 1)), UnknownOperator, "where.is"),
    ("an operator of others", written(asks("points", "any_of", [1])), UnknownOperator, "where.is"),
    ("an unknown option", written({**ONE, "days": 3}), UnknownOption, "where.days"),
    (
        "an option of others",
        written({**ONE, "within_days": 3}),
        UnknownOption,
        "where.within_days",
    ),
    (
        "a missing option",
        written(asks("points_expiring", "at_least", 1)),
        UnknownOption,
        "where.within_days",
    ),
    ("a text for a number", written(asks("points", "is", "5")), WrongType, "where.value"),
    ("true for a number", written(asks("points", "is", True)), WrongType, "where.value"),
    ("a fraction", written(asks("points", "is", 3.0)), WrongType, "where.value"),
    ("nothing for a number", written(asks("points", "is", None)), WrongType, "where.value"),
    ("a number for a truth", written(asks("reachable", "is", 1)), WrongType, "where.value"),
    ("a number for a code", written(asks("tier", "is", 1)), WrongType, "where.value"),
    ("a code for a list", written(asks("tier", "any_of", "gold")), WrongType, "where.value"),
    ("an empty list", written(asks("tier", "any_of", [])), EmptyList, "where.value"),
    (
        "10,000 values",
        written(asks("tier", "any_of", ["gold"] * 10_000)),
        TooManyValues,
        "where.value",
    ),
    ("too large a number", written(asks("points", "is", 10**30)), OutOfRange, "where.value"),
    ("month 13", written(asks("birthday_month", "is", 13)), OutOfRange, "where.value"),
    ("a range backwards", written(asks("points", "between", [9, 1])), OutOfRange, "where.value"),
    ("a range of three", written(asks("points", "between", [1, 2, 3])), WrongType, "where.value"),
    (
        "a day that is not",
        written(asks("joined_on", "from", "2027-02-29")),
        NoSuchDay,
        "where.value",
    ),
    ("a week for a day", written(asks("joined_on", "is", "2026-W47-7")), NoSuchDay, "where.value"),
    ("a NUL byte", written(asks("join_source", "is", "li\0ne")), TextRefused, "where.value"),
    ("half a letter", written(asks("join_source", "is", "\ud800")), TextRefused, "where.value"),
    ("an empty text", written(asks("join_source", "is", " ")), TextRefused, "where.value"),
    ("a long text", written(asks("join_source", "is", "a" * 201)), TextRefused, "where.value"),
    (
        "two windows",
        written(asks("purchases", "is", 1, within_days=3, since="2026-01-01")),
        OptionsConflict,
        "where",
    ),
    (
        "a window backwards",
        written(asks("purchases", "is", 1, since="2026-02-01", until="2026-01-01")),
        OutOfRange,
        "where",
    ),
    (
        "a negative window",
        written(asks("purchases", "is", 1, within_days=-1)),
        OutOfRange,
        "where.within_days",
    ),
    (
        "one bad value of many",
        written({"all": [ONE, {"any": [ONE, asks("tier", "any_of", ["gold", 3])]}]}),
        WrongType,
        "where.all[1].any[1].value[1]",
    ),
]


@pytest.mark.parametrize(
    ("words", "refusal", "path"),
    [(words, refusal, path) for _, words, refusal, path in REFUSED],
    ids=[name for name, *_ in REFUSED],
)
def test_what_makes_no_sense_is_refused_where_it_stands(
    words: Any, refusal: type[RuleRefused], path: str
) -> None:
    """B-08: every mistake has one clear answer: where, what was found, what is possible."""
    with pytest.raises(refusal) as refused:
        parse_rule(words)
    assert type(refused.value) is refusal
    assert refused.value.facts["path"] == path
    assert set(refused.value.facts["advice"]) == {"zh-TW", "en", "ja"}
    json.dumps(refused.value.facts)


@pytest.mark.parametrize(
    ("rule", "refusal"),
    [
        ("", NotARule),
        ("{", NotARule),
        (b"\xff\xfe", NotARule),
        ("[" * 60_000, TooDeep),
        ('{"schema": 1, "where": ' + '{"not": ' * 50 + "{}" + "}" * 51, TooDeep),
        (" " * (LARGEST_BYTES + 1), RuleTooLarge),
        ('{"schema": 1, "schema": 1, "where": {}}', DuplicateKey),
        ('{"schema": 1, "where": {"field": "points", "field": "tier"}}', DuplicateKey),
        ('{"schema": 1, "where": {"field": "points", "is": "is", "value": NaN}}', WrongType),
        ('{"schema": 1, "where": ' + "9" * 5_000 + "}", NotARule),
    ],
)
def test_text_that_is_no_rule_is_refused(rule: str | bytes, refusal: type[RuleRefused]) -> None:
    with pytest.raises(refusal):
        read_rule(rule)


def test_many_long_values_are_too_large_however_they_come() -> None:
    long = asks("join_source", "any_of", ["茶" * 200] * MOST_VALUES)
    with pytest.raises(RuleTooLarge):
        parse_rule(written(long))


def test_an_unknown_field_names_those_most_like_it() -> None:
    with pytest.raises(UnknownField) as refused:
        parse_rule(written(asks("purchase_twd", "at_least", 1)))
    assert "purchased_twd" in refused.value.facts["possible"]
    assert "purchased_twd" in refused.value.facts["advice"]["zh-TW"]


def test_as_many_levels_questions_and_values_as_allowed_are_read() -> None:
    rule = parse_rule(written(nested(MOST_LEVELS)))
    assert len(list(rule.leaves())) == 1
    parse_rule(written({"any": [ONE] * MOST_LEAVES}))
    parse_rule(written(asks("tier", "any_of", ["gold"] * MOST_VALUES)))


@pytest.mark.parametrize(
    ("node", "path"),
    [
        (asks("tier", "is", "golden"), "where.value"),
        (asks("purchases", "is", 1, store=["TP01", "XX"]), "where.store[1]"),
        (asks("coupon_usable", "any_of", ["welcome", "welcom"]), "where.value[1]"),
        ({"not": asks("nasld", "is", "lost")}, "where.not.value"),
        (asks("rfm", "is", "nasld:lost"), "where.value"),
    ],
)
def test_codes_the_shop_does_not_have_are_refused(
    session: Session, node: dict[str, Any], path: str
) -> None:
    """B-08, T1: no such tier, store, coupon; and no class without its model."""
    with pytest.raises(UnknownCode) as refused:
        check_codes(session, parse_rule(written(node)))
    assert refused.value.facts["path"] == path
    assert refused.value.facts["possible"]


def test_no_value_ever_becomes_part_of_the_statement(
    session: Session, make_member: MakeMember
) -> None:
    """B-08: whatever is typed is a value: nothing is dropped, and nobody is found by it."""
    make_member()
    words = "line' OR '1'='1'; DROP TABLE member; --"
    for node in (
        asks("join_source", "is", words),
        asks("purchases", "at_least", 1, category=words),
        asks("purchases", "at_least", 1, sku=[words], channel=words),
    ):
        rule = parse_rule(written(node))
        statement = members_of(rule, Context(session, NOON))
        assert "DROP" not in str(statement.compile(session.get_bind()))
        assert found(session, node) == set()
    assert session.scalar(select(func.count()).select_from(Member)) == 1


# --- what questions mean ---


def test_every_field_can_be_asked_explained_and_said(
    session: Session, make_member: MakeMember
) -> None:
    """D-01, E-14: each field compiles, has a fact, and reads in three languages."""
    member = make_member(points=5)
    for field in FIELDS.values():
        node = _usual_question(session, field.name)
        if node is None:
            continue
        rule = parse_rule(written(node))
        names = check_codes(session, rule)
        size = size_of(session, rule, NOON)
        assert 0 <= size.reachable <= size.members <= 1
        told = explain_rule(session, rule, member.id, NOON)
        assert told.is_in == bool(size.members), field.name
        json.dumps(told.as_json())
        for language in ("zh-TW", "en", "ja"):
            sentence = describe(rule, language, names)
            assert sentence
            assert "{" not in sentence + describe_answer(told.answers[0], language, names)


def _usual_question(session: Session, name: str) -> dict[str, Any] | None:
    """Return a question of this field; None where this shop has nothing to choose from."""
    field = FIELDS[name]
    node: dict[str, Any] = {"field": name, "is": field.allowed[0]}
    one: Any = {
        "integer": max(field.minimum, 1),
        "boolean": True,
        "text": "x",
        "day": "2026-11-22",
    }.get(field.kind)
    if field.kind == "code":
        assert field.choices is not None
        codes = list(field.choices(session))
        if not codes:
            return None
        one = codes[0]
    node["value"] = [one] if field.allowed[0] in ("any_of", "all_of", "none_of") else one
    for option in field.options:
        if not option.required:
            continue
        if option.choices is not None:
            codes = list(option.choices(session))
            if not codes:
                return None
            node[option.name] = codes[0]
        else:
            node[option.name] = option.maximum if option.kind == "integer" else "x"
    return node


def test_purchases_are_asked_by_item_place_amount_and_window(
    session: Session, make_member: MakeMember
) -> None:
    """B-14: who bought a category or item, where, for how much, and when."""
    tea, juice = make_member(), make_member()
    buy(session, tea, 120, categories=("奶茶",), now=NOON - timedelta(days=90))
    buy(session, tea, 60, categories=("果茶",), store="TP02")
    buy(session, juice, 300, categories=("果茶",))
    at_least_one = ("purchases", "at_least", 1)

    assert found(session, asks(*at_least_one, category="奶茶")) == {tea.id}
    assert found(session, asks(*at_least_one, category="奶茶", within_days=90)) == {tea.id}
    assert found(session, asks(*at_least_one, category="奶茶", within_days=89)) == set()
    assert found(session, asks(*at_least_one, category=["奶茶", "果茶"])) == {tea.id, juice.id}
    assert found(session, asks(*at_least_one, store="TP02")) == {tea.id}
    assert found(session, asks(*at_least_one, min_twd=200)) == {juice.id}
    assert found(session, asks("purchases", "is", 0, category="奶茶")) == {juice.id}
    assert found(session, asks("purchased_twd", "at_least", 180)) == {tea.id, juice.id}
    assert found(session, asks("purchased_twd", "at_least", 180, within_days=30)) == {juice.id}
    assert found(session, asks("days_since_purchase", "is", 90, category="奶茶")) == {tea.id}


def test_what_was_taken_back_is_no_purchase(session: Session, make_member: MakeMember) -> None:
    """B-05: figures are net of refunds; more cannot come back than was bought."""
    member = make_member()
    kept, gone = buy(session, member, 100, categories=("奶茶",)), buy(session, member, 200)
    take_back(session, member, gone)
    take_back(session, member, kept, 40)

    assert found(session, asks("purchases", "is", 1)) == {member.id}
    assert found(session, asks("purchases", "is", 1, within_days=0)) == {member.id}
    assert found(session, asks("purchased_twd", "is", 60)) == {member.id}
    assert found(session, asks("purchased_twd", "is", 60, within_days=0)) == {member.id}


def test_who_buys_on_promotion_only_is_found(session: Session, make_member: MakeMember) -> None:
    """A-05: every one of enough orders had a coupon or a discount."""
    hunter, regular, newcomer = make_member(), make_member(), make_member()
    for member, promos, orders in ((hunter, 3, 3), (regular, 2, 3), (newcomer, 1, 1)):
        member.purchase_count, member.promo_count = orders, promos
    session.flush()

    assert found(session, asks("buys_only_on_promotion", "is", True)) == {hunter.id}
    assert found(session, asks("buys_only_on_promotion", "is", True, min_orders=1)) == {
        hunter.id,
        newcomer.id,
    }
    assert found(session, asks("promo_percent", "between", [60, 70])) == {regular.id}


def test_birthdays_are_asked_across_the_year_and_on_leap_days(
    session: Session, make_member: MakeMember
) -> None:
    """B-08: birthday this month; within days across New Year; 29 February kept on the 28th."""
    november = make_member(birthday=date(1990, 11, 30))
    january = make_member(birthday=date(1990, 1, 2))
    leap = make_member(birthday=date(2000, 2, 29))
    make_member(birthday=None)

    assert found(session, asks("birthday_this_month", "is", True)) == {november.id}
    assert found(session, asks("birthday_in_days", "at_most", 8)) == {november.id}
    assert found(session, asks("birthday_in_days", "at_most", 41)) == {november.id, january.id}
    until_28_february = (date(2027, 2, 28) - TODAY).days
    assert found(session, asks("birthday_in_days", "is", until_28_february)) == {leap.id}
    assert found(session, asks("age_years", "between", [20, 29])) == {leap.id}
    assert found(session, asks("birthday_month", "is", 2)) == {leap.id}


def test_coupons_held_used_and_never_used_are_asked(
    session: Session, make_member: MakeMember
) -> None:
    holder, other = make_member(), make_member()
    issue_coupon(session, holder.id, get_template(session, "welcome"), issue_key="1", now=NOON)

    assert found(session, asks("coupon_usable", "any_of", ["welcome"])) == {holder.id}
    assert found(session, asks("coupon_used", "none_of", ["welcome"])) == {holder.id, other.id}
    assert found(
        session, asks("coupon_usable", "any_of", ["welcome"], expiring_within_days=30)
    ) == {holder.id}
    assert (
        found(session, asks("coupon_usable", "any_of", ["welcome"], expiring_within_days=29))
        == set()
    )
    assert found(session, asks("coupon_given", "all_of", ["welcome", "birthday"])) == set()


def test_an_unpaid_cart_is_one_until_an_order_arrives(
    session: Session, make_member: MakeMember
) -> None:
    """B-08, B-02: the follow-up stops the moment something is bought."""
    member = make_member()
    session.add(
        BrowseEvent(
            source="shopline",
            event_id="1",
            member_id=member.id,
            kind="cart",
            sku="MT-M",
            occurred_at=NOON - timedelta(hours=1),
        )
    )
    session.flush()
    cart = asks("browsed", "at_least", 1, within_days=3, kind="cart", not_bought_since=True)
    assert found(session, cart) == {member.id}
    assert found(session, {**cart, "sku": "other"}) == set()

    buy(session, member, 50)

    assert found(session, cart) == set()


def test_the_class_of_a_lifecycle_is_live(session: Session, make_member: MakeMember) -> None:
    """X12, T1: the class follows a purchase at once, and is never a bare letter."""
    member = make_member()
    assert found(session, asks("nasld", "is", "nasld:prospect")) == {member.id}

    buy(session, member, 50)

    assert found(session, asks("nasld", "is", "nasld:new")) == {member.id}
    rule = parse_rule(written(asks("nasld", "is", "nasld:lost")))
    told = explain_rule(session, rule, member.id, NOON)
    assert told.answers[0].found == "nasld:new"
    names = check_codes(session, rule)
    assert describe_answer(told.answers[0], "zh-TW", names) == (
        "NASLD 顧客活躍度 是 流失客（實際：新鮮客）"
    )


# --- sizes ---


def test_a_size_tells_who_can_be_reached_and_how_fresh_it_is(
    session: Session, make_member: MakeMember
) -> None:
    """B-08, U16: the size is shown before anything is saved, with the age of its facts."""
    make_member(points=10)
    make_member(points=10, friend=False)
    make_member(points=10, marketing=False)
    make_member(points=10, line=False)
    erased = make_member(points=10)
    erased.erased_at = NOON
    erased.name = erased.phone = erased.birthday = erased.line_user_id = None
    erased.marketing_allowed = False
    session.flush()

    size = size_of(session, parse_rule(written(asks("points", "at_least", 10))), NOON)

    assert (size.members, size.reachable) == (4, 1)
    assert (size.is_estimate, size.low, size.high) == (False, 4, 4)
    assert (size.as_of, size.freshness) == (NOON, "live")
    night = size_of(session, parse_rule(written(asks("rfm", "is", "rfm:vip"))), NOON)
    assert (night.members, night.freshness) == (0, "nightly")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the planner expect any count to take long, as in a shop of millions."""
    monkeypatch.setattr(sizing, "QUICK_COST", -1)
    monkeypatch.setattr(sizing, "QUICK_WITH_FRIENDS", -1)


@pytest.mark.usefixtures("slow")
def test_an_estimate_says_so_with_its_interval(
    session: Session, make_member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    for points in range(20):
        make_member(points=points + 1, friend=points // 2 % 2 == 0)
    rule = parse_rule(written(asks("points", "more_than", 10)))
    everybody = size_of(session, rule, NOON)
    monkeypatch.setattr(sizing, "SAMPLE", 10)

    size = size_of(session, rule, NOON)

    assert (everybody.members, everybody.is_estimate) == (10, False)  # All of them were asked.
    assert size.is_estimate
    assert size.reachable_is_estimate
    assert size.sampled == 10
    assert (size.members, size.reachable) == (10, 4)
    assert size.low < 10 < size.high
    counted = size_of(session, rule, NOON, exact=True)
    assert (counted.members, counted.is_estimate, counted.sampled) == (10, False, 0)


@pytest.mark.usefixtures("slow")
def test_an_empty_shop_has_empty_segments(session: Session) -> None:
    """B-08: a shop without members, a member without purchases: 0, and no failure."""
    size = size_of(session, parse_rule(written(ONE)), NOON)
    assert (size.members, size.low, size.high) == (0, 0, 0)


@pytest.mark.parametrize(("rare", "is_estimate", "sampled"), [(1, True, 10), (30, False, 0)])
def test_reachable_alone_may_be_estimated(
    session: Session,
    make_member: MakeMember,
    monkeypatch: pytest.MonkeyPatch,
    *,
    rare: int,
    is_estimate: bool,
    sampled: int,
) -> None:
    """B-08: counted members of whom a part stands for all, but where it is too few to say."""
    for points in range(10):
        make_member(points=points + 1)
    monkeypatch.setattr(sizing, "QUICK_WITH_FRIENDS", -1)
    monkeypatch.setattr(sizing, "RARE", rare)

    size = size_of(session, parse_rule(written(asks("points", "more_than", 4))), NOON)

    assert (size.members, size.is_estimate) == (6, False)
    assert (size.reachable, size.reachable_is_estimate) == (6, is_estimate)
    assert size.sampled == sampled


def test_a_sample_is_spread_over_all_ids_and_always_the_same() -> None:
    def draw(seed: int) -> list[int]:
        return sizing.draw_ids(1_000, 1_000_000, seed=seed, most=8_000)

    ids = draw(7)
    assert len(ids) == len(set(ids)) == 8_000
    assert ids == sorted(ids)
    assert ids == draw(7) != draw(8)
    assert 1_000 <= ids[0] <= ids[-1] < 1_001_000
    assert all(b - a < 251 for a, b in pairwise(ids))


# --- why ---


def test_why_and_why_not_are_told_by_the_deciding_facts(
    session: Session, make_member: MakeMember
) -> None:
    """X5: the facts, which of them decided, the version of the rule and the moment."""
    member = make_member(points=30, tier="gold")
    buy(session, member, 100)
    rule = parse_rule(
        written(
            {
                "all": [
                    asks("tier", "at_least", "gold"),
                    asks("purchases", "at_least", 3, within_days=90),
                    {"not": asks("points", "less_than", 10)},
                ]
            }
        )
    )

    told = explain_rule(session, rule, member.id, NOON, version=4)

    assert (told.is_in, told.version, told.as_of) == (False, 4, NOON)
    assert [answer.holds for answer in told.answers] == [True, False, False]
    assert [answer.found for answer in told.answers] == ["gold", 1, 31]
    assert [answer.leaf.path for answer in told.deciding()] == ["where.all[1]"]
    names = check_codes(session, rule)
    assert [describe_answer(answer, "zh-TW", names) for answer in told.answers] == [
        "會員等級 ≥ 金卡會員（實際：金卡會員）",
        "近 90 天購買次數 ≥ 3 次（實際：1 次）",
        "可用點數 < 10 點（實際：31 點）",
    ]
    assert describe_answer(told.answers[1], "en", names) == (
        "Number of purchases in the last 90 days ≥ 3 (found: 1)"
    )


def test_an_explanation_is_one_statement(session: Session, make_member: MakeMember) -> None:
    """X5: all facts are of one moment."""
    member = make_member(points=3)
    rule = parse_rule(written({"any": [ONE, asks("purchases", "is", 0, category="奶茶")]}))
    with count_statements(session) as statements:
        assert explain_rule(session, rule, member.id, NOON).is_in
    assert len(statements) == 1


def test_who_is_gone_is_in_no_segment_and_has_no_facts(
    session: Session, make_member: MakeMember
) -> None:
    kept, merged = make_member(points=5), make_member(points=5)
    merged.merged_into_id = kept.id
    session.flush()
    rule = parse_rule(written(ONE))

    told = explain_rule(session, rule, merged.id, NOON)

    assert (told.is_in, told.gone, told.answers) == (False, "merged", ())
    assert found(session, ONE) == {kept.id}
    assert found(session, {"not": ONE}) == set()
    with pytest.raises(NoSuchMember):
        explain_rule(session, rule, 10**12, NOON)


# --- in words, and for builders ---


def test_a_rule_reads_as_a_sentence_in_three_languages(session: Session) -> None:
    rule = parse_rule(
        written(
            {
                "all": [
                    asks("purchases", "at_least", 2, within_days=90, store="TP01"),
                    {"any": [asks("tier", "any_of", ["gold", "black"]), ONE]},
                    {"not": asks("allows_marketing", "is", False)},
                ]
            }
        )
    )
    names = check_codes(session, rule)
    assert describe(rule, "zh-TW", names) == (
        "近 90 天在信義店購買次數 ≥ 2 次 且 （會員等級 是 金卡會員、黑卡會員 其中之一 或 "
        "可用點數 ≥ 1 點） 且 非（同意行銷訊息：否）"
    )
    assert describe(rule, "en", names) == (
        "Number of purchases in the last 90 days at Xinyi Store ≥ 2 and "
        "(Tier is any of Gold, Black or Points to spend ≥ 1 points) and "
        "not (Allows marketing: no)"
    )
    assert describe(rule, "ja", names).startswith("直近 90 日間の信義店での購入回数 ≥ 2 回 かつ ")


def test_long_lists_are_cut_short_in_words() -> None:
    rule = parse_rule(written(asks("join_source", "any_of", [f"store:{n}" for n in range(12)])))
    assert describe(rule, "zh-TW").endswith("store:9等 12 項 其中之一")


def test_the_schema_of_the_language_is_made_of_the_fields(session: Session) -> None:
    """B-08: a builder and the API's document read the same catalogue as the rules."""
    schema = rule_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    for _, _, where, _ in (*STARTING, *FOR_DEMO):
        check.validate(written(where))
    assert not check.is_valid(written(asks("points", "is", True)))
    assert not check.is_valid(written({**ONE, "within_days": 3}))
    catalogue = field_catalogue(session)
    assert {each["field"] for each in catalogue} == set(FIELDS)
    tier = next(each for each in catalogue if each["field"] == "tier")
    assert [choice["code"] for choice in tier["choices"]] == ["basic", "black", "gold", "silver"]


def test_every_text_is_there_in_three_languages() -> None:
    for field in FIELDS.values():
        texts = [field.labels, *(option.labels for option in field.options)]
        texts += [option.phrases for option in field.options]
        texts += [field.unit] if field.unit else []
        assert all(set(each) == {"zh-TW", "en", "ja"} for each in texts), field.name
        assert all("{}" in text for text in (field.unit or {}).values()), field.name


# --- kept in versions ---

NAME = {"zh-TW": "有點數", "en": "Has points"}


def keep(session: Session, code: str = "with-points", node: Any = ONE) -> None:
    add_segment(session, code, NAME, parse_rule(written(node)), by="mei", now=NOON)


def test_a_segment_keeps_every_version_of_its_rule(session: Session) -> None:
    """U17: nothing is overwritten; who, when and why stand beside each version."""
    keep(session)
    later = NOON + timedelta(days=1)
    rule = parse_rule(written(asks("points", "at_least", 50)))
    change_segment(session, "with-points", rule, made_from=1, by="an", now=later, note="門檻提高")

    newest, first = list_versions(session, "with-points")

    assert (newest.version, newest.made_by, newest.note) == (2, "an", "門檻提高")
    assert (first.version, first.made_by, first.made_at) == (1, "mei", NOON)
    assert rule_of(newest) == rule
    assert get_version(session, "with-points", 1).rule == written(ONE)
    assert get_segment(session, "with-points").version == 2
    with pytest.raises(DBAPIError, match="is append-only"), session.begin_nested():
        session.execute(text("UPDATE segment_version SET note = ''"))


def test_two_people_changing_one_segment_are_told(session: Session) -> None:
    """U17: a change says which version it was made from; the second one is refused."""
    keep(session)
    mine, theirs = (parse_rule(written(asks("points", "at_least", n))) for n in (5, 6))
    change_segment(session, "with-points", mine, made_from=1, by="mei", now=NOON)

    with pytest.raises(SegmentChanged) as refused:
        change_segment(session, "with-points", theirs, made_from=1, by="an", now=NOON)

    assert (refused.value.facts["version"], refused.value.facts["made_by"]) == (2, "mei")
    assert rule_of(get_version(session, "with-points")) == mine


def test_the_same_rule_again_is_no_new_version(session: Session) -> None:
    keep(session)
    same = parse_rule(written(ONE))
    assert change_segment(session, "with-points", same, made_from=1, by="an", now=NOON).version == 1


def test_segments_are_archived_and_come_back_but_are_never_deleted(session: Session) -> None:
    keep(session)
    archive_segment(session, "with-points", now=NOON)
    assert "with-points" not in {segment.code for segment, _ in list_segments(session)}
    everything = {segment.code for segment, _ in list_segments(session, with_archived=True)}
    assert "with-points" in everything
    with pytest.raises(SegmentArchived):
        change_segment(
            session, "with-points", parse_rule(written(ONE)), made_from=1, by="an", now=NOON
        )

    archive_segment(session, "with-points", now=NOON, is_archived=False)
    rename_segment(session, "with-points", {"zh-TW": "點數會員"}, now=NOON)

    assert get_segment(session, "with-points").name == {"zh-TW": "點數會員"}
    told = session.scalars(
        select(AuditEntry.what)
        .where(AuditEntry.subject == "segment:with-points")
        .order_by(AuditEntry.id)
    ).all()
    assert told == ["segment.add", "segment.archive", "segment.restore", "segment.rename"]


@pytest.mark.parametrize(
    ("code", "name", "what"),
    [
        ("", NAME, "code"),
        ("Big One", NAME, "code"),
        ("a" * 61, NAME, "code"),
        ("ok", {"en": "no Chinese"}, "name"),
        ("ok", {"zh-TW": " "}, "name"),
        ("ok", {"zh-TW": "字\0"}, "name"),
        ("ok", {"zh-TW": "字", "xx": "?"}, "name"),
    ],
)
def test_a_segment_without_a_fit_name_or_code_is_refused(
    session: Session, code: str, name: dict[str, str], what: str
) -> None:
    with pytest.raises(SegmentRefused) as refused:
        add_segment(session, code, name, parse_rule(written(ONE)), by="mei", now=NOON)
    assert refused.value.facts["what"] == what


def test_what_is_there_twice_or_not_at_all_is_refused(session: Session) -> None:
    keep(session)
    with pytest.raises(SegmentExists):
        keep(session)
    with pytest.raises(NoSuchSegment):
        get_segment(session, "nobody")
    with pytest.raises(NoSuchSegment):
        get_version(session, "with-points", 9)
    with pytest.raises(NoSuchSegment):
        archive_segment(session, "nobody", now=NOON)
    rule = parse_rule(written(ONE))
    with pytest.raises(SegmentRefused):
        change_segment(
            session,
            "with-points",
            parse_rule(written(asks("points", "is", 2))),
            made_from=1,
            by="an",
            now=NOON,
            note="長" * 501,
        )
    with pytest.raises(NoSuchSegment):
        change_segment(session, "nobody", rule, made_from=1, by="an", now=NOON)


def test_the_last_count_is_kept_with_its_moment(session: Session, make_member: MakeMember) -> None:
    """U16: a list of segments says as of when each was counted."""
    make_member(points=5)
    keep(session)
    count_segment(session, "with-points", NOON)
    make_member(points=5)
    count_segment(session, "with-points", NOON + timedelta(hours=1))
    count_segment(session, "with-points", NOON)  # An older count that ends later.

    kept = {segment.code: size for segment, size in list_segments(session)}["with-points"]

    assert kept is not None
    assert (kept.members, kept.as_of, kept.version) == (2, NOON + timedelta(hours=1), 1)


# --- who is in it ---


def test_members_are_listed_page_by_page(session: Session, make_member: MakeMember) -> None:
    ids = [make_member(points=5).id for _ in range(3)]
    rule = parse_rule(written(ONE))
    first = list_members(session, rule, NOON, limit=2)
    rest = list_members(session, rule, NOON, after_id=first[-1].member_id)
    assert [each.member_id for each in (*first, *rest)] == ids
    assert (first[0].points, first[0].is_reachable, first[0].tier["zh-TW"]) == (5, True, "一般會員")


def test_an_export_names_members_by_number_only_and_is_noted(
    session: Session, make_member: MakeMember, make_staff: Callable[..., Any]
) -> None:
    """B-08: tier and figures leave the house; names, phones and LINE accounts do not."""
    member = make_member(points=5, name="=HYPERLINK()", phone="+886912000111")
    buy(session, member, 80)
    keep(session)
    staff = make_staff("manager")

    heading, row = export_segment(session, "with-points", NOON, staff_id=staff.id)

    assert heading == list(HEADINGS)
    assert row == [member.number, "一般會員", 5, 1, "2026-11-22", "2026-11-22", 80, "是"]
    entry = session.scalars(select(AuditEntry).where(AuditEntry.what == "segment.export")).one()
    assert (entry.staff_id, entry.subject, entry.after) == (
        staff.id,
        "segment:with-points",
        {"version": 1},
    )
    with pytest.raises(NoSuchSegment):
        export_segment(session, "nobody", NOON)


# --- what a shop starts with ---


def test_a_new_shop_has_its_ready_made_segments(session: Session) -> None:
    """B-11, A-05, B-02, B-18: seed members, promotion only, no order, likely to buy, and more."""
    codes = {segment.code for segment, _ in list_segments(session)}
    assert codes == {code for code, *_ in STARTING}
    for version in session.scalars(select(SegmentVersion)):
        check_codes(session, rule_of(version))
        size_of(session, rule_of(version), NOON)


def test_set_up_again_leaves_a_changed_segment_alone(session: Session) -> None:
    rule = parse_rule(written(ONE))
    change_segment(session, "one-order", rule, made_from=1, by="mei", now=NOON)
    add_starting_segments(session, NOON, (*STARTING, *FOR_DEMO))
    assert rule_of(get_version(session, "one-order")) == rule
    assert get_segment(session, "bought-milk-tea").version == 1


def test_seed_members_spend_most_come_back_and_promote(
    session: Session, make_member: MakeMember
) -> None:
    """B-11: top value AND referrals or reviews ≥ 1."""
    rule = rule_of(get_version(session, "seed-members"))
    asked = [leaf.field.name for leaf in rule.leaves()]
    assert asked == ["rfm_monetary_score", "purchases", "friends_invited", "reviews"]
    silent = make_member()
    told = explain_rule(session, rule, silent.id, NOON)
    assert not told.is_in
    assert len(told.deciding()) == 4
