"""The festival calendar: lunar, movable and own days (A-20)."""

from __future__ import annotations

from datetime import date
from functools import partial

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models.festival import (
    ANNIVERSARY,
    KNOWN,
    OWN_NAMES,
    THANKS_MONTH,
    FestivalRefused,
    NoSuchFestival,
    drop_festival,
    find_festival_names,
    keep_festival,
    list_occasions,
    occasions_beginning,
)
from tests.conftest import NOON

ALMANAC = {
    "year_end_feast": "2026-02-03 2027-01-23 2028-01-12 2029-01-30 2030-01-19",
    "spring_festival": "2026-02-16 2027-02-05 2028-01-25 2029-02-12 2030-02-02",
    "lantern": "2026-03-03 2027-02-20 2028-02-09 2029-02-27 2030-02-17",
    "qingming": "2026-04-05 2027-04-05 2028-04-04 2029-04-04 2030-04-05",
    "mothers_day": "2026-05-10 2027-05-09 2028-05-14 2029-05-13 2030-05-12",
    "dragon_boat": "2026-06-19 2027-06-09 2028-05-28 2029-06-16 2030-06-05",
    "qixi": "2026-08-19 2027-08-08 2028-08-26 2029-08-16 2030-08-05",
    "ghost": "2026-08-27 2027-08-16 2028-09-03 2029-08-24 2030-08-13",
    "mid_autumn": "2026-09-25 2027-09-15 2028-10-03 2029-09-22 2030-09-12",
    "double_ninth": "2026-10-18 2027-10-08 2028-10-26 2029-10-16 2030-10-05",
    "winter_solstice": "2026-12-22 2027-12-22 2028-12-21 2029-12-21 2030-12-22",
}
"""As printed calendars have them. 春節 is told by its eve."""
FIXED = {
    "new_year": "01-01",
    "valentine": "02-14",
    "fathers_day": "08-08",
    "double_eleven": "11-11",
    "christmas": "12-25",
}


@pytest.mark.parametrize("year", range(2026, 2031))
def test_lunar_and_movable_days_are_those_of_the_printed_calendar(
    session: Session, year: int
) -> None:
    """A-20: lunar dates, for at least three years ahead."""
    found = {one.code: one for one in list_occasions(session, year)}

    expected = {code: days.split()[year - 2026] for code, days in ALMANAC.items()}
    expected |= {code: f"{year}-{day}" for code, day in FIXED.items()}
    assert {code: one.begins_on.isoformat() for code, one in found.items()} == expected
    assert (found["spring_festival"].ends_on - found["spring_festival"].begins_on).days == 6
    assert set(found) == set(KNOWN)


def test_the_shops_own_days_stand_among_them(session: Session) -> None:
    """A-20: brand anniversary, 會員感恩月; a leap day is kept on the 28th, one year's once."""
    keep = partial(keep_festival, session, by="owner", now=NOON)
    keep(ANNIVERSARY, OWN_NAMES[ANNIVERSARY], month=2, day=29)
    keep(THANKS_MONTH, OWN_NAMES[THANKS_MONTH], month=11, day=1, days=30)
    keep("opening", {"zh-TW": "新店開幕"}, month=3, day=2, year=2027)

    def own(year: int) -> list[tuple[str, str, int]]:
        return [
            (one.code, one.begins_on.isoformat(), (one.ends_on - one.begins_on).days)
            for one in list_occasions(session, year)
            if one.code not in KNOWN
        ]

    thanks = "member_month"
    assert own(2026) == [("brand_anniversary", "2026-02-28", 1), (thanks, "2026-11-01", 30)]
    assert own(2028) == [("brand_anniversary", "2028-02-29", 1), (thanks, "2028-11-01", 30)]
    assert ("opening", "2027-03-02", 1) in own(2027)
    begun = occasions_beginning(session, date(2026, 12, 22), date(2027, 1, 1))
    assert [one.code for one in begun] == ["winter_solstice", "christmas", "new_year"]
    assert find_festival_names(session)["opening"] == {"zh-TW": "新店開幕"}
    drop_festival(session, "opening")
    with pytest.raises(NoSuchFestival):
        drop_festival(session, "opening")


@pytest.mark.parametrize(
    ("code", "name", "terms", "what"),
    [
        ("Big Day", {"zh-TW": "大日子"}, {"month": 1, "day": 1}, "code"),
        ("christmas", {"zh-TW": "聖誕"}, {"month": 12, "day": 25}, "code"),
        ("own", {"en": "Own"}, {"month": 1, "day": 1}, "name"),
        ("own", {"zh-TW": "自訂"}, {"month": 2, "day": 30}, "day"),
        ("own", {"zh-TW": "自訂"}, {"month": 2, "day": 1, "days": 32}, "days"),
        ("own", {"zh-TW": "自訂"}, {"month": 2, "day": 1, "year": 1999}, "year"),
    ],
)
def test_a_misshapen_day_is_refused(
    session: Session, code: str, name: dict[str, str], terms: dict[str, int], what: str
) -> None:
    with pytest.raises(FestivalRefused) as refused:
        keep_festival(session, code, name, by="owner", now=NOON, **terms)
    assert refused.value.facts["what"] == what


def test_the_calendar_is_printed_and_added_to(app: Flask) -> None:
    """A-20: `festival list` and `festival add`."""
    cli = app.test_cli_runner()
    assert "2026-09-25（五）" in cli.invoke(args=["festival", "list"]).output
    added = cli.invoke(args=["festival", "add", "brand_anniversary", "2026-05-20"])
    assert added.output == "brand_anniversary: 品牌週年慶\n"
    listed = cli.invoke(args=["festival", "list", "--year", "2027"]).output
    assert "2027-05-20（四）  2027-05-20  品牌週年慶" in listed
    assert cli.invoke(args=["festival", "remove", "brand_anniversary"]).exit_code == 0
    assert cli.invoke(args=["festival", "remove", "brand_anniversary"]).exit_code == 1
    assert cli.invoke(args=["festival", "list", "--year", "1990"]).exit_code == 2
