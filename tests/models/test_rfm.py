"""RFM: windows, cut-offs that are said, eight groups with a name and an advice each."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from models.classification import MemberClass, count_classes, rebuild_classes
from models.lifecycle.action import list_actions
from models.rfm import (
    DIMENSIONS,
    GROUPS,
    CutOffsOutOfOrder,
    CutRule,
    RfmSettingRefused,
    RfmSettings,
    change_rfm_settings,
    get_group,
    get_rfm_settings,
    list_rfm_settings,
)
from models.rfm.advice import ADVICE
from models.rfm.group import NoSuchGroup
from models.rfm.storing import cuts_of
from tests.conftest import NOON
from tests.models.class_shop import TODAY, ClassShop, Person, grades_by_hand

NAMES = {
    "vip": ("高高高", "VIP會員"),
    "attention": ("高低高", "關注會員"),
    "promising": ("高高低", "潛力常客"),
    "developing": ("高低低", "一般發展客"),
    "retaining": ("低高高", "保持型會員"),
    "maintaining": ("低高低", "維持型會員"),
    "returning": ("低低高", "重點回頭客"),
    "sleeping": ("低低低", "沉睡會員"),
}
"""B-06, in its order."""
FIXED = {
    "recency": CutRule("fixed", (30,)),
    "frequency": CutRule("fixed", (4,)),
    "monetary": CutRule("fixed", (2_000,)),
}


@pytest.fixture
def shop(session: Session) -> ClassShop:
    return ClassShop(session)


def settle(session: Session, **told: object) -> None:
    """Choose settings, and let the night pass."""
    change_rfm_settings(session, note="測試", by="owner", now=NOON, **told)  # type: ignore[arg-type]
    rebuild_classes(session, NOON)


def row_of(session: Session, person: Person) -> MemberClass:
    return session.get_one(MemberClass, person.member.id)


def shopper(shop: ClassShop, days_ago: int, orders: int, paid_twd: int) -> Person:
    """Make somebody who bought `orders` times, last so many days ago, for so much in all."""
    person = shop.join()
    each = paid_twd // orders
    for number in range(orders):
        rest = paid_twd - each * (orders - 1) if number == 0 else each
        shop.sell(person, days_ago + number, rest)
    return person


def test_eight_fixtures_give_the_eight_names(session: Session, shop: ClassShop) -> None:
    """B-06: one member on each side of each cut-off; the groups together are all buyers."""
    people = {
        code: shopper(
            shop,
            30 if levels[0] == "高" else 31,
            4 if levels[1] == "高" else 3,
            2_000 if levels[2] == "高" else 1_999,
        )
        for code, (levels, _) in NAMES.items()
    }
    shop.join()

    settle(session, cuts=FIXED)

    assert {code: row_of(session, person).rfm_group for code, person in people.items()} == {
        code: code for code in NAMES
    }
    assert [(group.code, group.names["zh-TW"]) for group in GROUPS] == [
        (code, name) for code, (_, name) in NAMES.items()
    ]
    counts = count_classes(session, "rfm", now=NOON)
    assert [each.members for each in counts.classes] == [1] * 8
    assert (counts.members, counts.prospects) == (8, 1)


def test_every_group_has_names_levels_and_advice_in_three_languages(session: Session) -> None:
    """B-06, B-07: and the action of each begins with its advice."""
    advice = {each.code: each for each in ADVICE}
    for group in GROUPS:
        for texts in (group.names, advice[group.code].title, advice[group.code].advice):
            assert set(texts) == {"zh-TW", "en", "ja"}
            assert all(texts.values())
        levels = group.levels("zh-TW")
        assert [word for word in levels if word in "高低"] == list(NAMES[group.code][0])
        assert group.levels("en").count("high") == NAMES[group.code][0].count("高")
    assert [action.code for action in list_actions(session, "rfm")] == list(NAMES)
    assert "調查" in advice["maintaining"].advice["zh-TW"]
    assert "停止投入" in advice["sleeping"].advice["zh-TW"]


def test_an_unknown_group_is_refused() -> None:
    assert get_group("vip").names["zh-TW"] == "VIP會員"
    with pytest.raises(NoSuchGroup):
        get_group("H")


def test_the_window_ends_where_it_says(session: Session, shop: ClassShop) -> None:
    """B-05: a purchase counts on its day and for the days of the window, not one more."""
    inside, outside = shop.join(), shop.join()
    for person, days_ago in ((inside, 89), (outside, 90)):
        shop.sell(person, days_ago, 500)
        shop.sell(person, 700, 9_000)

    settle(session, window_days=90)

    assert (row_of(session, inside).frequency, row_of(session, inside).monetary_twd) == (1, 500)
    assert (row_of(session, outside).frequency, row_of(session, outside).monetary_twd) == (0, 0)
    assert row_of(session, outside).last_on == TODAY - timedelta(days=90)


def test_refunds_are_taken_out_and_a_whole_one_is_no_purchase(
    session: Session, shop: ClassShop
) -> None:
    """B-05: net of refunds; who gave everything back never bought, and the net is 0, not less."""
    partly, wholly, all_back = shop.join(), shop.join(), shop.join()
    shop.sell(partly, 5, 1_000, refunds=((3, 400),))
    shop.sell(wholly, 9, 300)
    shop.sell(wholly, 5, 1_000, refunds=((4, 250), (1, 750)))
    shop.sell(all_back, 5, 1_000, refunds=((4, 1_000),))

    rebuild_classes(session, NOON)

    assert (row_of(session, partly).frequency, row_of(session, partly).monetary_twd) == (1, 600)
    assert (row_of(session, wholly).frequency, row_of(session, wholly).monetary_twd) == (1, 300)
    assert row_of(session, wholly).last_on == TODAY - timedelta(days=9)
    assert (row_of(session, all_back).rfm_group, row_of(session, all_back).nasld) == (
        None,
        "prospect",
    )


@pytest.mark.parametrize(
    ("rule", "frequency_high", "recency_high"),
    [
        (CutRule("median"), 3, 30),
        (CutRule("mean"), 4, 34),
        (CutRule("quintile"), 3, 20),
        (CutRule("quintile", high_from=5), 4, 10),
        (CutRule("quintile", high_from=2), 1, 40),
        (CutRule("fixed", (2,)), 2, 2),
        (CutRule("fixed", (2, 5, 9, 50), high_from=3), 5, 9),
        (CutRule("fixed", (2, 5, 9, 50)), 9, 5),
    ],
)
def test_cut_offs_are_numbers_that_are_kept_for_the_day(
    session: Session, shop: ClassShop, rule: CutRule, frequency_high: int, recency_high: int
) -> None:
    """B-06: quintile, median, mean and fixed, each explicit; scores by fifths always."""
    for days_ago, orders in ((10, 1), (20, 2), (30, 3), (40, 4), (70, 8)):
        shopper(shop, days_ago, orders, 1_000)

    settle(session, cuts=dict.fromkeys(DIMENSIONS, rule))

    cuts = cuts_of(session, TODAY)
    assert (cuts["frequency"].high, cuts["recency"].high) == (frequency_high, recency_high)
    if len(rule.values) != 4:
        assert cuts["frequency"].steps == (1, 2, 3, 4)
        assert cuts["recency"].steps == (10, 20, 30, 40)
    else:
        assert cuts["monetary"].steps == (2, 5, 9, 50)


def test_ties_fall_on_one_side_of_the_cut(session: Session, shop: ClassShop) -> None:
    """B-06: of equal members none is high where another is low."""
    people = [shopper(shop, 10, 2, 500) for _ in range(7)]

    rebuild_classes(session, NOON)

    rows = [row_of(session, person) for person in people]
    assert {(row.r_score, row.f_score, row.m_score, row.rfm_group) for row in rows} == {
        (5, 5, 5, "vip")
    }


def test_a_score_says_on_which_side_of_its_steps_a_member_is(
    session: Session, shop: ClassShop
) -> None:
    """B-05: the grid of scores is there by whatever method high is told from low."""
    people = [shopper(shop, 10 * place, place, 100 * place) for place in range(1, 6)]

    settle(session, cuts=FIXED)

    rows = [row_of(session, person) for person in people]
    assert [(row.r_score, row.f_score, row.m_score) for row in rows] == [
        (5, 2, 2),
        (4, 3, 3),
        (3, 4, 4),
        (2, 5, 5),
        (1, 5, 5),
    ]


@pytest.mark.parametrize(
    "values", [(5, 4, 9, 10), (5, 5, 9, 10), (1, 2, 4, 3)], ids=["falls", "repeats", "falls late"]
)
@pytest.mark.parametrize("name", DIMENSIONS)
def test_cut_offs_out_of_order_are_refused(
    session: Session, name: str, values: tuple[int, ...]
) -> None:
    """B-06, bad input: a model with cut-offs out of order is no model."""
    with pytest.raises(CutOffsOutOfOrder) as refusal:
        change_rfm_settings(
            session, cuts={name: CutRule("fixed", values)}, note="x", by="owner", now=NOON
        )

    assert refusal.value.facts == {"dimension": name, "values": list(values)}
    assert get_rfm_settings(session, TODAY).version is None


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"window_days": 0}, "window"),
        ({"window_days": 1_826}, "window"),
        ({"note": " "}, "note"),
        ({"note": "字" * 201}, "note"),
        ({"cuts": {"speed": CutRule()}}, "dimension"),
        ({"cuts": {"recency": CutRule("mode")}}, "method"),
        ({"cuts": {"recency": CutRule("quintile", high_from=1)}}, "high_from"),
        ({"cuts": {"recency": CutRule("median", (3,))}}, "values"),
        ({"cuts": {"recency": CutRule("fixed")}}, "values"),
        ({"cuts": {"recency": CutRule("fixed", (1, 2))}}, "values"),
        ({"cuts": {"recency": CutRule("fixed", (-1,))}}, "values"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    session: Session, told: dict[str, object], why: str
) -> None:
    asked = {"note": "x", "by": "owner", "now": NOON} | told
    with pytest.raises(RfmSettingRefused) as refusal:
        change_rfm_settings(session, **asked)  # type: ignore[arg-type]
    assert refusal.value.facts["why"] == why


def test_a_version_holds_from_its_day_and_the_one_before_still_tells_of_before(
    session: Session,
) -> None:
    """B-05: settings are versions; a past day is told by its own."""
    change_rfm_settings(session, window_days=180, note="半年", by="owner", now=NOON)
    later = NOON + timedelta(days=3)
    change_rfm_settings(session, cuts=FIXED, note="固定門檻", by="manager", now=later)

    assert get_rfm_settings(session, TODAY - timedelta(days=1)) == RfmSettings()
    held = get_rfm_settings(session, TODAY + timedelta(days=2))
    assert (held.window_days, held.cuts["recency"]) == (180, CutRule())
    newest = get_rfm_settings(session, TODAY + timedelta(days=3))
    assert (newest.window_days, newest.cuts) == (180, FIXED)
    assert [version.note for version in list_rfm_settings(session)] == ["固定門檻", "半年"]


def test_any_past_day_is_told_by_what_stood_then(session: Session, shop: ClassShop) -> None:
    """B-05: time travel. A refund made later had not happened, a sale made later neither."""
    person, other = shop.join(), shop.join()
    shop.sell(person, 40, 1_000, refunds=((10, 1_000),))
    shop.sell(other, 35, 300)
    shop.sell(other, 5, 5_000)

    counts = count_classes(session, "rfm", now=NOON, on=TODAY - timedelta(days=20))
    by_hand = grades_by_hand(shop.people, TODAY - timedelta(days=20), RfmSettings())

    assert counts.members == 2
    assert {each.code: each.members for each in counts.classes if each.members} == {
        grade.group: 1 for grade in by_hand.values()
    }
    assert count_classes(session, "rfm", now=NOON, on=TODAY).members == 1
