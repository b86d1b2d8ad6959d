"""Set-up: everything a shop needs, made once, and never over what the shop has changed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, delete, func, select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

import migrations
from models.base import in_language
from models.benefit import Benefit, benefits_of, multipliers, service_level
from models.consent import Notice
from models.coupon import CouponTemplate
from models.database import create_database, drop_database, make_engine, make_sessions
from models.demo import TEA_SHOP
from models.programme import get_programme
from models.setup import ShopPlan, set_up_shop
from models.shop import Shop, Store, find_store, get_shop, list_stores
from models.stamp_card import StampProgramme
from models.tier import Tier, list_tiers
from tests.conftest import NOON, Committed

LANGUAGES = {"zh-TW", "en", "ja"}
MADE_AT_SET_UP = (Shop, Store, Tier, CouponTemplate, StampProgramme, Notice, Benefit)
SMALL_SHOP = ShopPlan(
    name={"zh-TW": "小店"},
    legal_name="小店有限公司",
    phone="04-1234-5678",
    hours={"zh-TW": "週一至週五"},
    basic_id="@small",
    stores={"A": {"zh-TW": "本店"}},
    earn_twd=50,
)


@pytest.fixture
def bare(server_url: str) -> Iterator[Engine]:
    """Yield an engine of a database with tables and no shop."""
    name = f"regulars_bare_{uuid4().hex[:12]}"
    engine = make_engine(create_database(server_url, name))
    migrations.upgrade(engine)
    yield engine
    engine.dispose()
    drop_database(server_url, name)


def counts(session: Session) -> list[int]:
    return [
        session.scalar(select(func.count()).select_from(model)) or 0 for model in MADE_AT_SET_UP
    ]


def test_a_new_shop_has_all_it_needs(bare: Engine) -> None:
    with make_sessions(bare).begin() as session:
        with pytest.raises(NoResultFound):
            get_shop(session)
        shop = set_up_shop(session, SMALL_SHOP, NOON)
        assert (shop.legal_name, shop.earn_twd) == ("小店有限公司", 50)
        assert counts(session) == [1, 1, 4, 11, 1, 1, 21]
        programme = get_programme(session)
        assert programme.stamp_programmes[0].reward.code == "stamp_reward"
        assert programme.tiers[0].benefits["zh-TW"][0] == "每筆消費每滿 NT$50 得 1 點"
        assert in_language(programme.stamp_programmes[0].name, "en") == "Stamp card"


def test_two_set_ups_at_once_make_one_shop(bare: Engine) -> None:
    sessions = make_sessions(bare)

    def set_up(_: int) -> None:
        with sessions.begin() as session:
            set_up_shop(session, SMALL_SHOP, NOON)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(set_up, range(4)))
    with sessions() as session:
        assert counts(session) == [1, 1, 4, 11, 1, 1, 21]


def test_setting_up_again_keeps_what_the_shop_has_changed(session: Session) -> None:
    before = counts(session)
    get_shop(session).earn_twd = 80
    list_tiers(session)[1].colour = "#123456"
    session.flush()
    set_up_shop(session, TEA_SHOP, NOON)
    session.expire_all()
    assert counts(session) == before
    assert (get_shop(session).earn_twd, list_tiers(session)[1].colour) == (80, "#123456")


def test_setting_up_again_makes_what_is_missing(session: Session) -> None:
    session.delete(list_stores(session)[0])
    session.flush()
    set_up_shop(session, TEA_SHOP, NOON)
    assert [store.code for store in list_stores(session)] == ["TC01", "TP01", "TP02"]


def test_the_ladder_is_that_of_the_article(session: Session) -> None:
    """A-10: 一般 0, 銀卡 5,000, 金卡 15,000, 黑卡 30,000."""
    steps = get_programme(session).ladder.on(NOON.date()).steps
    ladder = [(tier.name["zh-TW"], threshold) for tier, threshold in steps]
    assert ladder == [
        ("一般會員", 0),
        ("銀卡會員", 5_000),
        ("金卡會員", 15_000),
        ("黑卡會員", 30_000),
    ]


def texts_of(session: Session) -> list[dict[str, Any]]:
    """Return every text set-up writes, each a text a language."""
    shop = get_shop(session)
    found: list[dict[str, Any]] = [shop.name, shop.hours]
    found += [store.name for store in list_stores(session)]
    for tier in list_tiers(session):
        found += [tier.name, tier.benefits]
    for template in session.scalars(select(CouponTemplate)):
        found += [template.name, template.headline, template.description]
    found += list(session.scalars(select(StampProgramme.name)))
    return found + list(session.scalars(select(Notice.items)))


def test_every_text_is_there_in_three_languages(session: Session) -> None:
    for texts in texts_of(session):
        assert set(texts) == LANGUAGES
        assert all(texts.values())


def test_higher_tiers_bring_more(session: Session) -> None:
    """E-23: the benefit matrix by tier is preloaded, and the till keeps the multiplier."""
    tiers = list_tiers(session)
    assert [tier.points_percent for tier in tiers] == [100, 120, 150, 200]
    for tier in tiers[1:]:
        assert f"{tier.points_percent / 100:g} 倍" in tier.benefits["zh-TW"][0]


def test_the_benefit_matrix_is_preloaded_as_rows(session: Session) -> None:
    """E-23, A-11: each tier's promises are typed rows, which the program keeps."""
    programme = get_programme(session)
    kinds = {
        tier.code: {held.row.kind for held in benefits_of(programme, tier.id)}
        for tier in programme.tiers
    }
    assert kinds["basic"] == {"monthly_coupon"}
    assert kinds["silver"] == {"birthday_gift", "monthly_coupon", "early_access"}
    assert kinds["gold"] - kinds["silver"] == {
        "points_multiplier",
        "service_queue",
        "gated_content",
    }
    assert kinds["black"] - kinds["gold"] == {"birthday_card", "invitation"}
    basic, silver, gold, black = (tier.id for tier in programme.tiers)
    day = NOON.date()
    levels = [service_level(programme, tier, None, day) for tier in (basic, silver, gold, black)]
    assert levels == [0, 0, 1, 2]
    for member_day in (8, 18, 28):
        assert multipliers(programme, gold, None, day.replace(day=member_day)) == (200,)
        assert multipliers(programme, black, None, day.replace(day=member_day)) == (300,)
    assert multipliers(programme, black, None, day) == ()


def test_a_tiers_text_says_what_its_rows_do(session: Session) -> None:
    """E-23: nothing is promised that no row keeps, and each row is told."""
    programme = get_programme(session)
    told = {
        "points_multiplier": "會員日（每月 8、18、28 日）點數",
        "early_access": "提早 24 小時",
        "birthday_gift": "生日禮折價券 NT$",
        "monthly_coupon": "每月一張：",
        "service_queue": "優先服務",
        "invitation": "活動邀請",
        "gated_content": "專屬內容",
        "birthday_card": "手寫的生日卡",
    }
    for tier in programme.tiers:
        rows = [held.row.kind for held in benefits_of(programme, tier.id)]
        lines = tier.benefits["zh-TW"]
        for kind, words in told.items():
            said = sum(words in line for line in lines)
            given_to_all = kind == "birthday_gift" and tier.rank == 0
            assert said == rows.count(kind) + given_to_all, (tier.code, kind)


def test_a_benefit_the_shop_took_away_stays_away(session: Session) -> None:
    """E-23: set-up run again gives back nothing."""
    session.execute(delete(Benefit))
    set_up_shop(session, TEA_SHOP, NOON)
    assert session.scalar(select(func.count()).select_from(Benefit)) == 0


def test_a_store_is_found_by_its_poster_code_in_any_case(session: Session) -> None:
    """B-01: the store a person joined in."""
    found = find_store(session, "tp02")
    assert found is not None
    assert found.name["zh-TW"] == "師大店"
    assert find_store(session, "XX") is None


def test_rules_once_read_are_kept_until_their_version_changes(committed: Committed) -> None:
    with committed.sessions() as session:
        kept = get_programme(session)
    with committed.sessions() as session:
        assert get_programme(session, 1) is kept
    with committed.sessions.begin() as session:
        get_shop(session).programme_version += 1
    with committed.sessions() as session:
        fresh = get_programme(session, 2)
        assert fresh is not kept
        assert fresh.shop.programme_version == 2


def test_a_notice_published_later_is_the_shops_own(session: Session) -> None:
    first = session.scalars(select(Notice)).one()
    assert first.published_at == NOON - timedelta(days=800)
