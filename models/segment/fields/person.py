"""The person: birthday, age, language, when and where they joined."""

from calendar import isleap
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, case, cast, extract, func, type_coerce

from models.base import said
from models.local_day import day_of
from models.member import OLDEST_AGE_YEARS, Member
from models.segment.field import Context, Field, Leaf
from models.segment.fields.asking import DAYS, YEARS, fixed

LEAP_DAY = 229
MONTH = 100
MONTHS_IN_YEAR = 12
DAYS_IN_YEAR = 366

_LANGUAGES = fixed(
    {
        "zh-TW": said("繁體中文", "Traditional Chinese", "繁体字中国語"),
        "en": said("英文", "English", "英語"),
        "ja": said("日文", "Japanese", "日本語"),
    }
)


def _birthday_in(year: int) -> ColumnElement[Any]:
    """Return the day on which the birthday is kept in a year: 29 February on the 28th."""
    mmdd = Member.birthday_mmdd
    kept = mmdd if isleap(year) else case((mmdd == LEAP_DAY, LEAP_DAY - 1), else_=mmdd)
    return func.make_date(year, kept // MONTH, kept % MONTH, type_=Date)


def _birthday_in_days(_leaf: Leaf, context: Context) -> ColumnElement[Any]:
    today = context.today
    this_year = _birthday_in(today.year)
    following = case((this_year >= today, this_year), else_=_birthday_in(today.year + 1))
    return type_coerce(following - today, Integer)


def _age(_leaf: Leaf, context: Context) -> ColumnElement[Any]:
    """Return the age in whole years; who was born on 29 February turns on 1 March otherwise."""
    today = context.today
    born = extract("year", Member.birthday) * MONTH * MONTH + Member.birthday_mmdd
    whole = (today.year * MONTH + today.month) * MONTH + today.day
    return cast(func.floor((whole - born) / (MONTH * MONTH)), Integer)


def _joined_on(_leaf: Leaf, _context: Context) -> ColumnElement[Any]:
    return day_of(Member.joined_at)


PERSON: tuple[Field, ...] = (
    Field(
        "birthday_month",
        "integer",
        "person",
        said("生日月份", "Month of birthday", "誕生月"),
        lambda _leaf, _context: Member.birthday_mmdd // MONTH,
        minimum=1,
        maximum=MONTHS_IN_YEAR,
    ),
    Field(
        "birthday_this_month",
        "boolean",
        "person",
        said("本月壽星", "Has a birthday this month", "今月が誕生月"),
        lambda _leaf, context: Member.birthday_mmdd // MONTH == context.today.month,
    ),
    Field(
        "birthday_in_days",
        "integer",
        "person",
        said("距離下次生日", "Days until the next birthday", "次の誕生日までの日数"),
        _birthday_in_days,
        unit=DAYS,
        maximum=DAYS_IN_YEAR,
    ),
    Field(
        "age_years",
        "integer",
        "person",
        said("年齡", "Age", "年齢"),
        _age,
        unit=YEARS,
        maximum=OLDEST_AGE_YEARS + 1,
    ),
    Field(
        "has_birthday",
        "boolean",
        "person",
        said("有留生日", "Has told the birthday", "誕生日を登録済み"),
        lambda _leaf, _context: Member.birthday.is_not(None),
    ),
    Field(
        "language",
        "code",
        "person",
        said("語言", "Language", "言語"),
        lambda _leaf, _context: Member.language,
        choices=_LANGUAGES,
    ),
    Field(
        "phone_verified",
        "boolean",
        "person",
        said("手機已驗證", "Phone number verified", "電話番号を確認済み"),
        lambda _leaf, _context: Member.phone_verified_at.is_not(None),
    ),
    Field(
        "joined_days_ago",
        "integer",
        "person",
        said("加入天數", "Days since joining", "入会からの日数"),
        lambda leaf, context: type_coerce(context.today - _joined_on(leaf, context), Integer),
        unit=DAYS,
    ),
    Field(
        "joined_on",
        "day",
        "person",
        said("加入日", "Joined on", "入会日"),
        _joined_on,
    ),
    Field(
        "join_source",
        "text",
        "person",
        said("加入來源", "Joined from", "入会経路"),
        lambda _leaf, _context: Member.join_source,
    ),
    Field(
        "frozen",
        "boolean",
        "person",
        said("卡片凍結中", "Card is frozen", "カード凍結中"),
        lambda _leaf, _context: Member.frozen_at.is_not(None),
    ),
)
