"""Changing what the shop says of itself, its stores and its notice: seen versions, the audit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from models.audit import list_audit
from models.consent import (
    NOTICE_ITEMS,
    NoticeOutdated,
    NoticeRefused,
    get_notice,
    list_notices,
    publish_notice,
)
from models.quota import STARTING_PLANS, get_plan, month_of
from models.quota.plan import bill_of
from models.shop import (
    ShopChanged,
    ShopRefused,
    StoreCodeRefused,
    add_store,
    change_shop,
    find_store,
    get_shop,
    rename_store,
)
from models.staff import Staff
from tests.conftest import NOON

ITEMS = {"zh-TW": [(f"第 {place} 項", "內容") for place in range(NOTICE_ITEMS)]}


@pytest.fixture
def owner(make_staff: Callable[..., Staff]) -> Staff:
    return make_staff("owner")


def change(session: Session, owner: Staff, seen: int | None = None, **changes: Any) -> list[str]:
    version = get_shop(session).programme_version if seen is None else seen
    return change_shop(session, changes, seen_version=version, staff_id=owner.id, now=NOON)


def test_what_changed_is_written_down_and_read_anew(session: Session, owner: Staff) -> None:
    was = get_shop(session).programme_version

    changed = change(session, owner, name={"zh-TW": "新茶日子"}, lock_minutes=5, phone="02-1")

    assert changed == ["name", "phone"]
    assert get_shop(session).name == {"zh-TW": "新茶日子"}
    assert get_shop(session).programme_version == was + 1
    entry = list_audit(session, what="shop.change")[0]
    assert set(entry.after or {}) == {"name", "phone"}
    assert change(session, owner, phone="02-1") == []


def test_who_saw_an_older_version_is_told(session: Session, owner: Staff) -> None:
    seen = get_shop(session).programme_version
    change(session, owner, phone="02-1")

    with pytest.raises(ShopChanged):
        change(session, owner, seen, phone="02-2")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": {"en": "Tea Days"}},
        {"name": {"zh-TW": "茶", "fr": "Thé"}},
        {"name": {"zh-TW": "茶" * 81}},
        {"basic_id": "teadays"},
        {"phone": " "},
        {"lock_minutes": 0},
        {"receipt_code_days": 8},
        {"earn_twd": 50},
    ],
)
def test_what_a_shop_cannot_be_is_refused(
    session: Session, owner: Staff, changes: dict[str, Any]
) -> None:
    with pytest.raises(ShopRefused):
        change(session, owner, **changes)


def test_a_store_is_opened_and_renamed_and_keeps_its_code(session: Session, owner: Staff) -> None:
    made = add_store(session, "tp09", {"zh-TW": "永康店"}, staff_id=owner.id, now=NOON)
    assert find_store(session, "TP09") is made

    rename_store(session, made.id, {"zh-TW": "永康旗艦店"}, staff_id=owner.id, now=NOON)

    assert (made.code, made.name) == ("TP09", {"zh-TW": "永康旗艦店"})
    for wrong in ("TP09", "x", "a-b"):
        with pytest.raises(StoreCodeRefused):
            add_store(session, wrong, {"zh-TW": "別店"}, staff_id=owner.id, now=NOON)
    with pytest.raises(ShopRefused):
        rename_store(session, 0, {"zh-TW": "無"}, staff_id=owner.id, now=NOON)


def test_a_new_notice_holds_from_its_moment_and_the_old_one_stays(
    session: Session, owner: Staff
) -> None:
    was, later = get_notice(session).version, NOON + timedelta(minutes=1)

    made = publish_notice(session, ITEMS, seen_version=was, staff_id=owner.id, now=later)

    assert get_notice(session) is made
    assert made.version == str(int(was) + 1)
    assert [each.version for each in list_notices(session)] == [made.version, was]
    with pytest.raises(NoticeOutdated):
        publish_notice(session, ITEMS, seen_version=was, staff_id=owner.id, now=later)


@pytest.mark.parametrize(
    "items", [{"zh-TW": ITEMS["zh-TW"][1:]}, {"en": ITEMS["zh-TW"]}, {"zh-TW": [("", "x")] * 6}]
)
def test_a_notice_says_all_six_things_in_chinese(
    session: Session, owner: Staff, items: dict[str, list[tuple[str, str]]]
) -> None:
    seen = get_notice(session).version
    with pytest.raises(NoticeRefused):
        publish_notice(session, items, seen_version=seen, staff_id=owner.id, now=NOON)


def test_a_months_bill_is_the_fee_and_what_goes_beyond_it(session: Session) -> None:
    """U1: 10,000 messages on the high plan are NT$1,200 + 4,000 x 0.2 = NT$2,000."""
    plan = get_plan(session, month_of(NOON))

    assert [bill_of(plan, count) for count in (1_000, 6_000, 10_000)] == [1_200, 1_200, 2_000]
    assert bill_of(STARTING_PLANS["medium"], 3_001) is None, "it sells no more"
