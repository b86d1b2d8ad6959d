"""Classes: what the night stores, what is counted of any day, how models and days meet."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise, product
from threading import Event

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.classification import (
    ALL_MODELS,
    ClassCount,
    ClassNight,
    DaysOutOfOrder,
    MemberClass,
    Move,
    count_classes,
    cross_table,
    get_any_class,
    get_any_model,
    last_night,
    list_moves,
    migration_matrix,
    note_moves,
    rebuild_classes,
)
from models.lifecycle import MODELS, PROSPECT
from models.lifecycle.refusals import BeforeTheShopOpened, DayNotYet, UnknownClass, UnknownModel
from models.membership import erase_member
from models.rfm import DIMENSIONS, CutRule, RfmSettings, change_rfm_settings, get_rfm_settings
from tests.conftest import NOON, Committed
from tests.models.class_shop import (
    TODAY,
    ClassShop,
    classes_by_hand,
    grades_by_hand,
    tally,
)

RULES = (
    CutRule("median"),
    CutRule("mean"),
    CutRule("quintile"),
    CutRule("fixed", (20, 40, 60, 300)),
    CutRule("fixed", (2,)),
)
EVERY_DAY = (0, 1, 30, 90, 91, 180, 181, 364, 365, 400)
"""Ages at which something begins or ends."""


@pytest.fixture
def shop(session: Session) -> ClassShop:
    return ClassShop(session)


def fill(shop: ClassShop, seed: int, people: int = 9) -> None:
    """Let a few people have random histories, with refunds of a part or of all."""
    chance = random.Random(seed)
    for _ in range(people):
        person = shop.join(chance.choice((5, 200, 800)))
        for _ in range(chance.choice((0, 1, 1, 2, 3, 5))):
            ago, twd = chance.choice(EVERY_DAY), chance.randrange(1, 500)
            back = chance.choice((0, 0, 0, twd, chance.randrange(1, twd + 1)))
            later = chance.randrange(ago + 1)
            shop.sell(person, ago, twd, refunds=((later, back),) if back else ())


def stored(session: Session) -> dict[int, MemberClass]:
    session.expire_all()
    return {row.member_id: row for row in session.scalars(select(MemberClass))}


@pytest.mark.parametrize("seed", range(6))
def test_what_is_stored_is_what_plain_python_says(
    session: Session, shop: ClassShop, seed: int
) -> None:
    """X12, A-16, B-03, B-05: every member in one class of each model; RFM for all buyers."""
    fill(shop, seed)
    rule = random.Random(seed).choice(RULES)
    change_rfm_settings(
        session, cuts=dict.fromkeys(DIMENSIONS, rule), note="x", by="owner", now=NOON
    )

    rebuild_classes(session, NOON)

    rows, classes = stored(session), classes_by_hand(session, shop.people, TODAY)
    grades = grades_by_hand(shop.people, TODAY, get_rfm_settings(session, TODAY))
    assert len(rows) == len(shop.people)
    for place, person in enumerate(shop.people):
        row, grade = rows[person.member.id], grades.get(person.member.id)
        assert {model: getattr(row, model) for model in MODELS} == {
            model: classes[model][place] for model in MODELS
        }
        assert row.last_on == person.figures(TODAY).last_on
        found = (row.frequency, row.monetary_twd, row.r_score, row.f_score, row.m_score)
        assert found == (
            (grade.frequency, grade.monetary_twd, *grade.scores) if grade else (None,) * 5
        )
        assert row.rfm_group == (grade.group if grade else None)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ago", [0, 1, 30, 90, 200])
def test_any_day_is_counted_as_plain_python_counts_it(
    session: Session, shop: ClassShop, seed: int, ago: int
) -> None:
    """A-17, B-05: time travel, with refunds and members as they were at the end of that day."""
    fill(shop, 100 + seed)
    day = TODAY - timedelta(days=ago)
    people = shop.here_on(day)
    classes = classes_by_hand(session, people, day)
    grades = grades_by_hand(people, day, RfmSettings())

    for model in ALL_MODELS:
        counts = count_classes(session, model, now=NOON, on=day)
        codes = classes.get(model) or [grade.group for grade in grades.values()]
        expected = tally(code for code in codes if code != PROSPECT)
        assert {each.code: each.members for each in counts.classes if each.members} == expected
        assert counts.members == len(people) - (counts.prospects or 0)
        assert counts.net_twd == sum(person.net_twd(day) for person in people)


@pytest.mark.parametrize("model", ALL_MODELS)
def test_as_of_today_is_now(session: Session, shop: ClassShop, model: str) -> None:
    """X12: what the night stores, what the members' rows say and what the history says agree."""
    fill(shop, 7, people=14)
    worked_out = count_classes(session, model, now=NOON, on=TODAY)

    rebuild_classes(session, NOON)

    assert count_classes(session, model, now=NOON) == worked_out
    snapshot = {
        row.class_code: (row.members, row.net_twd)
        for row in session.scalars(select(ClassCount).where(ClassCount.model == model))
    }
    assert snapshot.pop(PROSPECT, (0, 0))[0] == (worked_out.prospects or 0)
    assert snapshot == {
        each.code: (each.members, each.net_twd) for each in worked_out.classes if each.members
    }


@given(st.lists(st.lists(st.sampled_from(EVERY_DAY), max_size=4), min_size=1, max_size=6))
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_models_partition_whatever_shop_there_is(
    session: Session, histories: list[list[int]]
) -> None:
    """X12: rows and columns of a cross table add up to what each model counts alone."""
    with session.begin_nested() as undone:
        shop = ClassShop(session)
        for ages in histories:
            person = shop.join()
            for ago in ages:
                shop.sell(person, ago)
        here = session.scalar(select(func.count()).select_from(MemberClass))
        assert here == 0
        rebuild_classes(session, NOON)
        for a, b in pairwise([*ALL_MODELS, next(iter(ALL_MODELS))]):
            table = cross_table(session, a, b, now=NOON)
            assert sum(cell.members for cell in table.cells) == len(histories)
            assert tally_of(table.cells, "a") == codes_of(session, a)
            assert tally_of(table.cells, "b") == codes_of(session, b)
        undone.rollback()


def tally_of(cells: object, side: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for cell in cells:  # type: ignore[attr-defined]  # A table's own.
        code = getattr(cell, side)
        counts[code] = counts.get(code, 0) + cell.members
    return counts


def codes_of(session: Session, model: str) -> dict[str, int]:
    counts = count_classes(session, model, now=NOON)
    found = {each.code: each.members for each in counts.classes if each.members}
    return found | ({PROSPECT: counts.prospects} if counts.prospects else {})


def test_shares_are_of_the_classes_and_prospects_stand_beside(
    session: Session, shop: ClassShop
) -> None:
    """T2: who never bought is no class of NASLD; in the article's NAPL it is the first."""
    buyers = [shop.join() for _ in range(4)]
    for person in buyers[:3]:
        shop.sell(person, 5, 100)
    shop.sell(buyers[3], 500, 700)
    shop.join()

    counts = count_classes(session, "nasld", now=NOON)

    assert (counts.members, counts.prospects, counts.net_twd) == (4, 1, 1_000)
    assert (counts.share("new"), counts.net_share("new")) == (0.75, 0.3)
    assert (counts.share("deep"), counts.net_share("deep")) == (0.25, 0.7)
    assert [each.code for each in counts.classes] == ["active", "new", "sleep", "lost", "deep"]
    article = count_classes(session, "napl_article", now=NOON)
    assert (article.prospects, article.get("new").members, article.members) == (None, 1, 5)


def test_an_empty_shop_has_empty_classes(session: Session) -> None:
    assert rebuild_classes(session, NOON) == 0

    for model in ALL_MODELS:
        counts = count_classes(session, model, now=NOON)
        assert (counts.members, counts.net_twd) == (0, 0)
        assert counts.share(counts.classes[0].code) == 0


def test_a_second_run_of_a_night_writes_nothing(session: Session, shop: ClassShop) -> None:
    fill(shop, 3)
    assert rebuild_classes(session, NOON) == len(shop.people)

    assert rebuild_classes(session, NOON + timedelta(minutes=5)) == 0

    night = last_night(session)
    assert night is not None
    assert (night.members, night.changed) == (len(shop.people), len(shop.people))


def test_only_rows_that_differ_are_written(session: Session, shop: ClassShop) -> None:
    """Upkeep: a day that passes changes nobody who stays where they were."""
    still, *_, buying = people = [shop.join() for _ in range(9)]
    for person in people:
        shop.sell(person, 5)
    rebuild_classes(session, NOON)
    shop.sell(buying, 0)

    tomorrow = NOON + timedelta(days=1)
    assert rebuild_classes(session, tomorrow) == 1

    rows = stored(session)
    assert rows[still.member.id].as_of == TODAY
    assert rows[buying.member.id].as_of == TODAY + timedelta(days=1)


def test_who_leaves_or_becomes_another_card_is_in_no_class(
    session: Session, shop: ClassShop
) -> None:
    """Bad input: an erased and a merged member are counted nowhere, at once and after the night."""
    stays, leaves, merges = (shop.join() for _ in range(3))
    for person in (stays, leaves, merges):
        shop.sell(person, 5)
    rebuild_classes(session, NOON)
    erase_member(session, leaves.member, evidence="test", now=NOON)
    merges.member.merged_into_id = stays.member.id
    session.flush()

    for model in ALL_MODELS:
        counts = count_classes(session, model, now=NOON)
        assert counts.members == 1
    assert rebuild_classes(session, NOON) == 2
    assert list(stored(session)) == [stays.member.id]


def test_unknown_models_and_classes_are_refused(session: Session) -> None:
    """T1: a letter is no class."""
    with pytest.raises(UnknownModel):
        count_classes(session, "napl", now=NOON)
    with pytest.raises(UnknownClass):
        get_any_class("nasld", "L")
    with pytest.raises(UnknownModel):
        cross_table(session, "rfm", "nasty", now=NOON)
    assert get_any_model("rfm").name["zh-TW"] == "RFM 顧客價值"


def test_days_that_cannot_be_told_about_are_refused(session: Session, shop: ClassShop) -> None:
    """Bad input: a date before the shop opened, one to come, and two in the wrong order."""
    shop.join(days_ago=10)

    for model in ("nasld", "rfm"):
        with pytest.raises(BeforeTheShopOpened):
            count_classes(session, model, now=NOON, on=TODAY - timedelta(days=11))
        with pytest.raises(DayNotYet):
            count_classes(session, model, now=NOON, on=TODAY + timedelta(days=1))
    with pytest.raises(DaysOutOfOrder):
        migration_matrix(session, "nasld", TODAY, TODAY - timedelta(days=1), now=NOON)


@pytest.mark.parametrize("model", ALL_MODELS)
def test_the_margins_of_a_matrix_are_the_counts_of_both_days(
    session: Session, shop: ClassShop, model: str
) -> None:
    """A-17: migration between any two days; who joined in between comes from nowhere."""
    fill(shop, 11, people=14)
    start, end = TODAY - timedelta(days=91), TODAY - timedelta(days=1)

    matrix = migration_matrix(session, model, start, end, now=NOON)

    before = dict.fromkeys([*codes(model), PROSPECT], 0)
    after = dict(before)
    for move in matrix.moves:
        after[move.to_class] += move.members
        if move.from_class is not None:
            before[move.from_class] += move.members
    assert before == counted(session, model, start)
    assert after == counted(session, model, end)
    joined = len(shop.here_on(end)) - len(shop.here_on(start))
    assert sum(matrix.members(None, code) for code in after) == joined


def codes(model: str) -> list[str]:
    return [each.code for each in get_any_model(model).classes]


def counted(session: Session, model: str, day: object) -> dict[str, int]:
    counts = count_classes(session, model, now=NOON, on=day)  # type: ignore[arg-type]
    found = {each.code: each.members for each in counts.classes}
    return found | {PROSPECT: counts.prospects or 0}


def test_a_member_is_seen_to_move(session: Session, shop: ClassShop) -> None:
    """A-17: 活躍 to 沈睡, and who stays where they were."""
    asleep, stays = shop.join(), shop.join()
    for ago in (100, 110):
        shop.sell(asleep, ago)
    for ago in (60, 20, 10):
        shop.sell(stays, ago)
    shop.sell(stays, 95)

    matrix = migration_matrix(session, "nasld", TODAY - timedelta(days=50), TODAY, now=NOON)

    assert matrix.moves == (Move("active", "active", 1), Move("active", "sleep", 1))


def test_months_are_noted_once_when_they_are_over(session: Session, shop: ClassShop) -> None:
    """A-17: from month to month; the first nights of a shop have nowhere to come from."""
    fill(shop, 5)
    month = TODAY.replace(month=10, day=1)

    noted = note_moves(session, NOON)

    assert noted > 0
    assert note_moves(session, NOON + timedelta(days=1)) == 0
    for model in ALL_MODELS:
        ends = (month - timedelta(days=1), month.replace(day=31))
        assert sorted(list_moves(session, model, month), key=str) == sorted(
            migration_matrix(session, model, *ends, now=NOON).moves, key=str
        )


def test_a_young_shop_has_no_months_yet(session: Session, shop: ClassShop) -> None:
    assert note_moves(session, NOON) == 0
    shop.join(days_ago=25)
    assert note_moves(session, NOON) == 0


def test_rfm_beside_a_lifecycle_tells_of_the_last_night(session: Session, shop: ClassShop) -> None:
    """X12: the cross table of now is NASLD live and RFM of the night; of a day both are its own."""
    shop.sell(person := shop.join(), 200)
    rebuild_classes(session, NOON)
    shop.sell(person, 0)

    now = cross_table(session, "nasld", "rfm", now=NOON)
    then = cross_table(session, "rfm", "nasld", now=NOON, on=TODAY - timedelta(days=1))

    assert now.members("new", "vip") == 1
    assert then.members("vip", "deep") == 1
    assert now.members("deep", "vip") == 0


def test_readers_see_the_classes_of_before_or_all_the_new_ones(committed: Committed) -> None:
    """Never an empty or half moment: whoever reads meanwhile sees one night, whole."""
    with committed.sessions.begin() as session:
        shop = ClassShop(session)
        people = [shop.join() for _ in range(40)]
        for person in people:
            shop.sell(person, 80)
        rebuild_classes(session, NOON)
    over, seen = Event(), set()

    def read() -> None:
        while not over.is_set():
            with committed.sessions() as session:
                counted = select(MemberClass.nasld, func.count()).group_by(MemberClass.nasld)
                rows = session.execute(counted.order_by(MemberClass.nasld)).all()
            seen.add(tuple(tuple(row) for row in rows))

    with ThreadPoolExecutor(3) as threads:
        reading = threads.submit(read)
        nights = [NOON + timedelta(days=30), NOON + timedelta(days=30)]
        list(threads.map(lambda now: rebuild(committed, now), nights))
        over.set()
        reading.result()

    assert seen <= {(("new", 40),), (("lost", 40),)}
    with committed.sessions() as session:
        assert session.scalar(select(func.sum(ClassNight.changed))) == 80
        assert {row.nasld for row in session.scalars(select(MemberClass))} == {"lost"}


def rebuild(committed: Committed, now: object) -> int:
    with committed.sessions.begin() as session:
        return rebuild_classes(session, now)  # type: ignore[arg-type]


def test_every_class_of_every_model_can_be_reached(session: Session, shop: ClassShop) -> None:
    """X12: no class is only a word. All pairs of two ages, and single purchases, fill them all."""
    for first, second in product((0, 45, 100, 200), repeat=2):
        person = shop.join()
        shop.sell(person, first, 100 + first)
        shop.sell(person, second, 900 - 4 * second)
    for ago in (10, 100, 300):
        shop.sell(shop.join(), ago, 5_000)
    shop.sell(person := shop.join(), 3, 40)
    for ago in (1, 2, 3):
        shop.sell(person, ago, 40)
    shop.join()

    for model in ("nasld", "napl_article", "napl_91app"):
        counts = count_classes(session, model, now=NOON)
        assert all(each.members for each in counts.classes)
