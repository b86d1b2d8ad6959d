"""Templates of journeys, played against a clock that stands still where a test wants it to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot.content import draw_content
from bot.limits import check_messages
from bot.texts import LANGUAGES
from models.analysis.recency import LEAD_DAYS, MONTH_DAYS
from models.base import Sessions
from models.catalogue import CatalogueItem
from models.checkout import Line, Sale, record_purchase
from models.classification import MemberClass
from models.content.facts import facts_for
from models.coupon import Coupon, get_template, issue_coupon
from models.journey import (
    Journey,
    JourneyTask,
    activate_journey,
    change_journey,
    get_version,
    list_journeys,
    parse_definition,
)
from models.journey.templates import BASIC, TEMPLATES, NoSuchTemplate, install_template, installing
from models.link.table import LinkClick, TrackedLink
from models.local_day import TAIPEI, local_day
from models.member import Member
from models.outbox import Owed
from models.outreach.asking import judge_messages
from models.setup import bring_up_to_date
from models.survey import SurveyAnswer, answer_survey, get_survey, list_surveys
from models.tier import Upgrade, list_versions
from models.tier_evaluation.upgrade import settle_stages
from tests.conftest import NOON, Maker
from tests.models.coupon_maker import redeem_coupon
from tests.models.journey_shop import buy, go, owed, visits
from tests.models.shopping import take_back

MakeMember = Callable[..., Member]
Install = Callable[..., None]
TODAY = local_day(NOON)
DAY = timedelta(days=1)
BIRTHDAY = date(1990, 11, 22)


def at(day: date, hour: int = 12, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), TAIPEI)


@pytest.fixture(autouse=True)
def only_what_is_installed(session: Session) -> None:
    """Let the journeys of set-up rest: a test plays those that it installs."""
    session.execute(update(Journey).values(state="paused"))


@pytest.fixture
def install(session: Session) -> Install:
    """Return an installer of templates, as of so long ago, with nobody held out."""

    def installing(code: str, since: datetime = NOON - 200 * DAY) -> None:
        journey = install_template(session, code, by="test", now=since, activate=False)
        everybody = parse_definition(TEMPLATES[code].definition | {"holdout_percent": 0})
        change_journey(session, code, everybody, made_from=journey.version, by="test", now=since)
        activate_journey(session, code, now=since)

    return installing


def told(session: Session) -> list[tuple[int | None, str]]:
    """Return who is owed what, by member and step, in order."""
    return [(row.member_id, (row.source or "").rsplit(":", 1)[-1]) for row in owed(session)]


def coupons(session: Session, member: Member) -> list[str]:
    found = select(Coupon).where(Coupon.member_id == member.id).order_by(Coupon.id)
    return [coupon.template.code for coupon in session.scalars(found)]


# --- the shelf ---


def _texts(node: Any) -> Iterator[dict[str, str]]:
    if isinstance(node, dict):
        if "zh-TW" in node:
            yield node
        for each in node.values():
            yield from _texts(each)
    elif isinstance(node, list):
        for each in node:
            yield from _texts(each)


def test_every_template_is_read_and_speaks_three_languages() -> None:
    """B-16: at least twelve, each by the schema."""
    assert len(TEMPLATES) >= 12
    for template in TEMPLATES.values():
        definition = parse_definition(template.definition)
        said = [template.names, template.about, *_texts(template.definition)]
        assert all(set(texts) == set(LANGUAGES) for texts in said), template.code
        assert definition.steps


def test_every_template_can_be_installed_drawn_and_installed_again(
    session: Session, make_member: MakeMember
) -> None:
    """B-16, A-07: with coupons and surveys of its own; every message keeps LINE's limits."""
    members = [make_member(language=language, name="阿" * 40) for language in LANGUAGES]
    coupon = issue_coupon(
        session, members[0].id, get_template(session, "birthday"), issue_key="x", now=NOON
    )
    assert coupon is not None
    for code in TEMPLATES:
        journey = install_template(session, code, by="test", now=NOON)
        assert journey.state == ("paused" if code in BASIC else "active")
        assert install_template(session, code, by="test", now=NOON) is journey
        definition = parse_definition(TEMPLATES[code].definition)
        for step, content in definition.contents.items():
            people = members[:1] if "given" in content.coupons else members
            drawn = facts_for(
                session,
                content,
                [member.id for member in people],
                source=f"test:{code}:{step}",
                now=NOON,
                coupons={member.id: coupon.id for member in people},
            )
            assert set(drawn) == {member.id for member in people}, (code, step)
            for facts in drawn.values():
                words = {"content": content.as_json(), "facts": facts.as_json()}
                drawn_messages = draw_content(words, facts.language)
                assert check_messages(drawn_messages) == [], (code, step)
    with pytest.raises(NoSuchTemplate):
        install_template(session, "nothing", by="test", now=NOON)
    assert {survey.code for survey in list_surveys(session)} >= {"exit", "recommend"}


def test_an_older_shop_gets_what_every_shop_has_once(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What replaces the fixed jobs comes with the upgrade; what was changed stays so."""
    assert {journey.code for journey in list_journeys(session)} == set(BASIC)
    monkeypatch.setattr(installing, "BASIC", (*BASIC, "points-expiry"))
    assert bring_up_to_date(session, NOON)
    states = {journey.code: journey.state for journey in list_journeys(session)}
    assert states == dict.fromkeys(BASIC, "paused") | {"points-expiry": "active"}


def test_the_reminder_before_the_churn_takes_the_shops_own_day(session: Session) -> None:
    """C-07: made from the curve by one command; without a curve a week before month 4."""
    code = "before-month-4"
    usual = parse_definition(TEMPLATES[code].definition)
    assert usual.cause.params["days"] == (4 - 1) * MONTH_DAYS - LEAD_DAYS
    install_template(session, code, by="test", now=NOON, days=53)
    kept = parse_definition(get_version(session, code).definition)
    assert (kept.cause.params["days"], kept.steps.keys()) == (53, usual.steps.keys())


# --- who stopped coming ---


def test_day_90_is_told_exactly_once_and_day_89_cancels_it(
    session: Session, sessions: Sessions, make_member: MakeMember, install: Install
) -> None:
    """A-18: a purchase on day 89 cancels day 90; blocked members are skipped."""
    install("dormant-90-days")
    silent, back, blocked = make_member(), make_member(), make_member(friend=False)
    for member in (silent, back, blocked):
        Maker().spend(session, member, 60, TODAY - 90 * DAY)
    go(sessions, session, at(TODAY - DAY, 14, 5))
    buy(session, back, at(TODAY - DAY, 15))
    assert told(session) == []

    for hour in (13, 14, 15, 20):
        go(sessions, session, at(TODAY, hour, 5))
    go(sessions, session, at(TODAY + DAY, 15))
    assert told(session) == [(silent.id, "invite")]
    (row,) = owed(session)
    key = f"win_back:{silent.id}:{TODAY - 90 * DAY}"
    assert (row.idempotency_key, row.purpose) == (key, "win_back")
    assert [coupons(session, each) for each in (silent, back, blocked)] == [["win_back"], [], []]

    buy(session, silent, at(TODAY + 2 * DAY))
    go(sessions, session, at(TODAY + 92 * DAY, 14, 5))  # Both are silent for 90 days again.
    told_of = [member_id for member_id, _ in told(session)]
    assert sorted(each for each in told_of if each) == [silent.id, silent.id, back.id]


@pytest.mark.parametrize(("days", "is_written_to"), [(96, True), (98, False)])
def test_after_downtime_a_week_of_silences_is_caught_up_on(
    session: Session,
    sessions: Sessions,
    make_member: MakeMember,
    install: Install,
    days: int,
    is_written_to: bool,
) -> None:
    """A-18: older silence is left alone."""
    install("dormant-90-days")
    Maker().spend(session, make_member(), 60, TODAY - days * DAY)
    go(sessions, session, at(TODAY, 15))
    assert bool(told(session)) == is_written_to


def test_a_member_who_matches_all_four_is_written_to_once(
    session: Session, sessions: Sessions, make_member: MakeMember, install: Install
) -> None:
    """T6: 90 days, fourth month, lowest R and NASLD sleep; one message, one coupon."""
    codes = ("dormant-90-days", "before-month-4", "lowest-recency", "nasld-sleep")
    for code in codes:
        install(code)
    member = make_member()
    last_on = TODAY - 90 * DAY
    Maker().spend(session, member, 60, last_on)
    session.add(
        MemberClass(
            member_id=member.id,
            as_of=TODAY,
            nasld="sleep",
            napl_article="passout",
            napl_91app="lost",
            last_on=last_on,
            frequency=1,
            monetary_twd=60,
            r_score=1,
            f_score=1,
            m_score=1,
            rfm_group="sleeping",
        )
    )
    for day in range(-8, 3):
        go(sessions, session, at(TODAY + day * DAY, 15))

    assert {visit.journey_code for visit in visits(session)} == set(codes)
    assert len(owed(session)) == 1
    assert coupons(session, member) == ["win_back"]


def test_who_was_written_to_before_the_upgrade_is_not_again(
    session: Session, sessions: Sessions, make_member: MakeMember, install: Install
) -> None:
    """The fixed jobs' marks are kept: silence, birthday, coupons."""
    for code in ("dormant-90-days", "birthday", "coupon-expiry"):
        install(code)
    member = make_member(birthday=BIRTHDAY)
    Maker().spend(session, member, 60, TODAY - 90 * DAY)
    member.won_back_for = TODAY - 90 * DAY
    for key, issued_at in ((f"birthday:{member.id}:2026", NOON - DAY), ("old", NOON - 11 * DAY)):
        coupon = issue_coupon(
            session, member.id, get_template(session, "win_back"), issue_key=key, now=issued_at
        )
        assert coupon is not None
        coupon.reminded_at = NOON
    go(sessions, session, at(TODAY, 15))
    assert told(session) == []
    assert len(coupons(session, member)) == 2


def test_who_stays_away_is_asked_why(
    session: Session, sessions: Sessions, make_member: MakeMember, install: Install
) -> None:
    """E-11: an exit survey on win-back, once in a silence."""
    install("win-back-exit-survey")
    member = make_member()
    Maker().spend(session, member, 60, TODAY - 125 * DAY)
    for hour in (14, 16):
        go(sessions, session, at(TODAY, hour, 5))
    (asked,) = session.scalars(select(SurveyAnswer)).all()
    assert (asked.member_id, asked.kind) == (member.id, "exit")
    assert told(session) == [(member.id, "ask")]


# --- after a purchase ---


def test_care_comes_after_seven_days_and_the_offer_on_the_likely_day(
    session: Session, sessions: Sessions, make_member: MakeMember, install: Install
) -> None:
    """B-12: T+7 at allowed hours, then the predicted day; a refund or a new order cancels."""
    install("care-and-offer")
    kept, refunded, again = (make_member() for _ in range(3))
    sales = [buy(session, member, at(TODAY, 22)) for member in (kept, refunded, again)]
    go(sessions, session, at(TODAY, 22, 5))
    take_back(session, refunded, sales[1], now=at(TODAY + DAY))
    go(sessions, session, at(TODAY + 7 * DAY, 10, 59))
    assert told(session) == []
    go(sessions, session, at(TODAY + 7 * DAY, 11, 1))
    assert sorted(told(session)) == [(kept.id, "care"), (again.id, "care")]

    buy(session, again, at(TODAY + 20 * DAY))
    go(sessions, session, at(TODAY + 29 * DAY, 12))
    assert len(owed(session)) == 2
    go(sessions, session, at(TODAY + 30 * DAY, 11, 1))  # The cycle is assumed: 30 days.
    assert told(session)[2:] == [(kept.id, "offer")]
    assert (coupons(session, kept), coupons(session, again)) == (["repurchase"], [])


def test_a_reminder_names_the_gap_to_the_next_tier_where_it_is_small(
    session: Session, sessions: Sessions, make_member: MakeMember, install: Install
) -> None:
    """B-13: gap < x is named, else it is a plain reminder."""
    install("repurchase-cycle")
    near, far = make_member(), make_member()
    buy(session, near, at(TODAY), 4_500)
    buy(session, far, at(TODAY), 100)
    go(sessions, session, at(TODAY, 13))
    go(sessions, session, at(TODAY + 32 * DAY, 14, 1))
    assert sorted(told(session)) == sorted([(near.id, "with_gap"), (far.id, "plain")])
    words = next(row.words for row in owed(session) if row.member_id == near.id)
    assert words["facts"]["values"]["gap"] == 500


def test_a_low_score_leaves_a_task(
    session: Session, sessions: Sessions, make_member: MakeMember, install: Install
) -> None:
    """B-17, B-04: asked the day after a purchase; two or less, and somebody calls."""
    install("satisfaction")
    happy, unhappy = make_member(), make_member()
    for member in (happy, unhappy):
        buy(session, member, at(TODAY))
    go(sessions, session, at(TODAY, 13))
    go(sessions, session, at(TODAY + DAY, 12, 1))
    asked = {row.member_id: row for row in session.scalars(select(SurveyAnswer))}
    later = at(TODAY + DAY, 18)
    answer_survey(session, happy, asked[happy.id].id, 5, later)
    answer_survey(session, unhappy, asked[unhappy.id].id, 2, later)
    go(sessions, session, at(TODAY + 3 * DAY, 12, 2))
    assert session.scalars(select(JourneyTask.member_id)).all() == [unhappy.id]
    assert get_survey(session, "after_purchase").kind == "csat"


# --- the beginning ---


def test_a_newcomer_is_welcomed_with_what_sells_and_reminded_of_three_coupons(
    session: Session, sessions: Sessions, make_member: MakeMember, install: Install
) -> None:
    """A-07, C-01: Top 5 of 30 days without what is out of stock; one coupon after the other."""
    install("welcome")
    regular, member = make_member(), make_member(joined_at=at(TODAY))
    for sku, is_available in (("T-1", True), ("T-2", False)):
        name = {"T-1": "四季春青茶", "T-2": "缺貨奶茶"}[sku]
        item = CatalogueItem(sku=sku, name=name, updated_at=NOON, is_available=is_available)
        session.add(item)
    session.flush()
    lines = (Line("四季春", 60, sku="T-1"), Line("奶茶", 60, sku="T-2"))
    sale = Sale(regular.id, Maker().store(session), None, 120, "top", lines=lines)
    record_purchase(session, sale, at(TODAY))

    go(sessions, session, at(TODAY, 13))
    go(sessions, session, at(TODAY + DAY, 11, 1))
    assert told(session) == [(member.id, "hello")]
    top = owed(session)[0].words["facts"]["values"]["bestsellers"]
    assert "四季春青茶" in top
    assert "缺貨" not in top

    buy(session, member, at(TODAY + 5 * DAY))
    go(sessions, session, at(TODAY + 14 * DAY, 11, 1))
    go(sessions, session, at(TODAY + 22 * DAY, 11, 1))
    assert told(session)[1:] == [(member.id, "second")]


def test_the_first_offer_stops_the_moment_an_order_arrives(
    session: Session, sessions: Sessions, make_member: MakeMember, install: Install
) -> None:
    """B-02: registered, no order in seven days; an order ends it at once."""
    install("first-purchase")
    still, bought = (make_member(joined_at=at(TODAY - 7 * DAY)) for _ in range(2))
    go(sessions, session, at(TODAY, 11, 1))
    assert {member_id for member_id, _ in told(session)} == {still.id, bought.id}
    buy(session, bought, at(TODAY + DAY))
    go(sessions, session, at(TODAY + 7 * DAY, 11, 1))
    assert told(session)[2:] == [(still.id, "last_call")]
    gone = session.scalars(
        select(Owed.reason).where(Owed.member_id == bought.id, Owed.state == "skipped")
    ).all()
    assert gone == ["purchase"]


# --- dates ---


def test_a_birthday_brings_everybody_a_coupon_and_a_word_to_who_allows_it(
    session: Session, sessions: Sessions, make_member: MakeMember, install: Install
) -> None:
    """A-20, B-17: on the day, once a year, by tier; consent is asked for the message alone."""
    install("birthday")
    member = make_member(birthday=BIRTHDAY)
    gold = make_member(birthday=BIRTHDAY, tier="gold", marketing=False)
    offline = make_member(birthday=BIRTHDAY, line=False)
    for now in (at(TODAY, 9, 59), at(TODAY, 10, 1), at(TODAY, 20)):
        go(sessions, session, now)

    assert [coupons(session, each) for each in (member, gold, offline)] == [
        ["birthday"],
        ["birthday_gold"],
        ["birthday"],
    ]
    (row,) = owed(session)
    assert (row.member_id, row.idempotency_key) == (member.id, f"birthday:{member.id}:2026")
    key = select(Coupon.issue_key).where(Coupon.member_id == member.id)
    assert session.scalars(key).one() == f"birthday:{member.id}:2026"
    go(sessions, session, at(date(2027, 11, 22), 10, 1))
    assert len(coupons(session, member)) == 2


def test_a_birthday_on_a_festival_is_one_message(
    session: Session, sessions: Sessions, make_member: MakeMember, install: Install
) -> None:
    """A-20, T6: two occasions collide; the birthday goes first, the other says why it did not."""
    for code in ("birthday", "festivals"):
        install(code)
    eve = date(2026, 12, 22)
    member = make_member(birthday=date(1990, 12, 22))
    now = at(eve, 10, 1)
    go(sessions, session, now)
    rows = owed(session)
    assert sorted((row.source or "").split(":")[1] for row in rows) == ["birthday", "festivals"]

    held = judge_messages(session, rows, now)
    (why,) = held.values()
    festival = next(row for row in rows if "festivals" in (row.source or ""))
    assert list(held) == [festival.id]
    assert why in ("waiting_for_higher", "frequency_cap")
    assert {row.member_id for row in rows} == {member.id}


def test_a_coupon_is_reminded_of_three_days_before_and_not_after_use(
    session: Session, sessions: Sessions, make_member: MakeMember, install: Install
) -> None:
    """A-21: all of a day in one message; used meanwhile, it is not said."""
    install("coupon-expiry")
    member, used = make_member(), make_member()
    given_at = at(date(2026, 11, 11))  # Good through 25 November.
    for who, place in ((member, 0), (member, 1), (used, 2)):
        coupon = issue_coupon(
            session,
            who.id,
            get_template(session, "win_back"),
            issue_key=f"c:{place}",
            now=given_at,
        )
    go(sessions, session, at(TODAY - DAY, 12))
    assert told(session) == []
    assert coupon is not None
    redeem_coupon(session, used.id, coupon.id, 100, at(TODAY, 9))
    for hour in (11, 12, 20):
        go(sessions, session, at(TODAY, hour, 1))
    assert told(session) == [(member.id, "remind")]
    assert owed(session)[0].words["facts"]["values"]["count"] == 2


# --- the ladder ---


def test_what_journeys_say_of_an_upgrade_moves_it_through_its_stages(
    session: Session, sessions: Sessions, make_member: MakeMember, install: Install
) -> None:
    """T10, E-09: qualified, notified when LINE took it, opened by a click; claimed, it ends."""
    install("upgrade-gift")
    told_of, claimed = (make_member(tier="gold") for _ in range(2))
    version = list_versions(session)[0].id
    upgrades = [
        Upgrade(
            member_id=member.id, tier_id=member.tier_id, version_id=version, qualified_at=at(TODAY)
        )
        for member in (told_of, claimed)
    ]
    session.add_all(upgrades)
    go(sessions, session, at(TODAY, 13))
    upgrades[1].claimed_at = at(TODAY, 14)
    go(sessions, session, at(TODAY + 2 * DAY, 12, 1))
    assert told(session) == [(told_of.id, "claim")]

    (row,) = owed(session)
    row.state, row.settled_at = "accepted", at(TODAY + 2 * DAY, 16)
    clicked_at = at(TODAY + 2 * DAY, 17)
    link = TrackedLink(source=row.source, url="https://shop.example/tier", label="")
    session.add(link)
    session.flush()
    session.add(LinkClick(link_id=link.id, member_id=told_of.id, visitor="x", at=clicked_at))
    session.flush()
    settle_stages(session)
    session.expire_all()
    assert upgrades[0].notified_at == row.settled_at
    assert upgrades[0].opened_at == clicked_at
    assert upgrades[1].notified_at is None
