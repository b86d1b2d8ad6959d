"""The festival calendar: solar, lunar and movable days of Taiwan, and the shop's own.

Days are Taipei's, ends are exclusive. Lunar days are computed (by the almanac of `lunardate`), so
no year has to be looked up; a leap month is never meant.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from lunardate import LunarDate  # type: ignore[import-untyped]  # It brings no types.
from sqlalchemy import CheckConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Moment, Translated, hold, said

FIRST_YEAR, LAST_YEAR = 2000, 2098
"""The almanac's years, and those for which the solar terms' formula holds."""
MOST_DAYS = 31
A_LEAP_YEAR = 2024
CODE = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*")


@dataclass(frozen=True)
class Occasion:
    """One festival in one year."""

    code: str
    names: dict[str, str]
    begins_on: date
    ends_on: date
    """The first day after it."""


class Festival(Base):
    """A day, or some days, of the shop's own: every year, or in one year alone."""

    __tablename__ = "festival"
    __table_args__ = (
        CheckConstraint("month BETWEEN 1 AND 12", name="month_of_a_year"),
        CheckConstraint("day BETWEEN 1 AND 31", name="day_of_a_month"),
        CheckConstraint(f"days BETWEEN 1 AND {MOST_DAYS}", name="days_in_range"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[Translated]
    month: Mapped[int]
    day: Mapped[int]
    days: Mapped[int]
    year: Mapped[int | None]
    """None: every year."""
    set_by: Mapped[str]
    """Who set it last: a login, or a word of a system's own."""
    set_at: Mapped[Moment]

    def in_year(self, year: int) -> Occasion | None:
        """Return when it is in a year, or None; 29 February is kept on the 28th."""
        if self.year not in (None, year):
            return None
        begins_on = _solar(self.month, self.day)(year)
        return Occasion(self.code, self.name, begins_on, begins_on + timedelta(days=self.days))


class FestivalRefused(BusinessError):
    """A festival is misshapen or taken; `what` names the field."""

    code = "festival_refused"


class NoSuchFestival(BusinessError):
    """No festival has this code."""

    code = "no_such_festival"


_Rule = Callable[[int], date]


def _solar(month: int, day: int) -> _Rule:
    def in_year(year: int) -> date:
        try:
            return date(year, month, day)
        except ValueError:
            return date(year, month, day - 1)

    return in_year


def _lunar(month: int, day: int) -> _Rule:
    return lambda year: _solar_date(year, month, day)


def _solar_date(lunar_year: int, month: int, day: int) -> date:
    found: date = LunarDate(lunar_year, month, day).to_solar_date()
    return found


def _year_end_feast(year: int) -> date:
    """Return 尾牙, the 16th of a lunar year's last month: in January or February of the next."""
    return _solar_date(year - 1, 12, 16)


def _new_years_eve(year: int) -> date:
    """Return 除夕: the day before the lunar year begins, whether its last month has 29 or 30."""
    return _solar_date(year, 1, 1) - timedelta(days=1)


def _mothers_day(year: int) -> date:
    """Return the second Sunday of May."""
    first = date(year, 5, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7)


def _solar_term(month: int, mean_day: float) -> _Rule:
    """Return the rule of a solar term in this century: the sun gains 0.2422 days a year."""

    def in_year(year: int) -> date:
        of_century = year - FIRST_YEAR
        return date(year, month, int(of_century * 0.2422 + mean_day) - of_century // 4)

    return in_year


@dataclass(frozen=True)
class _Known:
    """A festival everybody has."""

    names: dict[str, str]
    begins_on: _Rule
    days: int = 1


KNOWN: dict[str, _Known] = {
    "new_year": _Known(said("元旦", "New Year's Day", "元日"), _solar(1, 1)),
    "year_end_feast": _Known(said("尾牙", "Year-end Feast", "尾牙（忘年会）"), _year_end_feast),
    "spring_festival": _Known(
        said("春節", "Lunar New Year", "旧正月（春節）"), _new_years_eve, days=6
    ),
    "valentine": _Known(said("西洋情人節", "Valentine's Day", "バレンタインデー"), _solar(2, 14)),
    "lantern": _Known(said("元宵節", "Lantern Festival", "元宵節"), _lunar(1, 15)),
    "qingming": _Known(said("清明節", "Tomb Sweeping Day", "清明節"), _solar_term(4, 4.81)),
    "mothers_day": _Known(said("母親節", "Mother's Day", "母の日"), _mothers_day),
    "dragon_boat": _Known(said("端午節", "Dragon Boat Festival", "端午節"), _lunar(5, 5)),
    "fathers_day": _Known(said("父親節", "Father's Day", "父の日（台湾）"), _solar(8, 8)),
    "qixi": _Known(said("七夕", "Qixi Festival", "七夕（旧暦）"), _lunar(7, 7)),
    "ghost": _Known(said("中元節", "Ghost Festival", "中元節"), _lunar(7, 15)),
    "mid_autumn": _Known(said("中秋節", "Mid-Autumn Festival", "中秋節"), _lunar(8, 15)),
    "double_ninth": _Known(said("重陽節", "Double Ninth Festival", "重陽節"), _lunar(9, 9)),
    "double_eleven": _Known(said("雙 11", "Double 11", "ダブルイレブン"), _solar(11, 11)),
    "winter_solstice": _Known(said("冬至", "Winter Solstice", "冬至"), _solar_term(12, 21.94)),
    "christmas": _Known(said("聖誕節", "Christmas", "クリスマス"), _solar(12, 25)),
}
ANNIVERSARY, THANKS_MONTH = "brand_anniversary", "member_month"
"""What most shops add of their own."""
OWN_NAMES = {
    ANNIVERSARY: said("品牌週年慶", "Our Anniversary", "創業記念日"),
    THANKS_MONTH: said("會員感恩月", "Members' Thanks Month", "会員感謝月間"),
}


def list_occasions(session: Session, year: int) -> Sequence[Occasion]:
    """Return the festivals that begin in a year, by day, the shop's own among them.

    Raises FestivalRefused outside the almanac's years.
    """
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise FestivalRefused(what="year", earliest=FIRST_YEAR, latest=LAST_YEAR)
    own = (festival.in_year(year) for festival in session.scalars(select(Festival)))
    found = [_occasion(code, known, year) for code, known in KNOWN.items()]
    found += [occasion for occasion in own if occasion is not None]
    return sorted(found, key=lambda occasion: (occasion.begins_on, occasion.code))


def _occasion(code: str, known: _Known, year: int) -> Occasion:
    begins_on = known.begins_on(year)
    return Occasion(code, known.names, begins_on, begins_on + timedelta(days=known.days))


def occasions_beginning(session: Session, first: date, last: date) -> Sequence[Occasion]:
    """Return the festivals that begin from `first` through `last`, by day."""
    years = range(first.year, last.year + 1)
    found = [occasion for year in years for occasion in list_occasions(session, year)]
    return [occasion for occasion in found if first <= occasion.begins_on <= last]


def find_festival_names(session: Session) -> dict[str, dict[str, str]]:
    """Return the name of every festival, by code."""
    own = {festival.code: festival.name for festival in session.scalars(select(Festival))}
    return {code: known.names for code, known in KNOWN.items()} | own


def keep_festival(
    session: Session,
    code: str,
    name: dict[str, str],
    *,
    month: int,
    day: int,
    days: int = 1,
    year: int | None = None,
    by: str,
    now: datetime,
) -> Festival:
    """Add a festival of the shop's own, or set its day anew. Raises FestivalRefused."""
    if not CODE.fullmatch(code) or code in KNOWN:
        raise FestivalRefused(what="code")
    if not name.get("zh-TW", "").strip():
        raise FestivalRefused(what="name")
    if year is not None and not FIRST_YEAR <= year <= LAST_YEAR:
        raise FestivalRefused(what="year", earliest=FIRST_YEAR, latest=LAST_YEAR)
    if not 1 <= days <= MOST_DAYS:
        raise FestivalRefused(what="days", most=MOST_DAYS)
    if not _is_a_day(month, day):
        raise FestivalRefused(what="day")
    found = hold(session, Festival, code)
    if found is None:
        found = Festival(code=code)
        session.add(found)
    found.name, found.month, found.day, found.days, found.year = name, month, day, days, year
    found.set_by, found.set_at = by, now
    session.flush()
    return found


def _is_a_day(month: int, day: int) -> bool:
    try:
        date(A_LEAP_YEAR, month, day)
    except ValueError:
        return False
    return True


def drop_festival(session: Session, code: str) -> None:
    """Remove a festival of the shop's own. Raises NoSuchFestival."""
    found = session.get(Festival, code)
    if found is None:
        raise NoSuchFestival(festival=code)
    session.delete(found)
    session.flush()
