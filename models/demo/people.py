"""Made-up members: who they are, when they joined and how often they come, all from a seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from models.base import BusinessError
from models.demo.names import ENGLISH, GIVEN_NAMES, JAPANESE, NICKNAMES, SURNAMES
from models.local_day import TAIPEI, local_day
from models.member import check_digit
from models.phone import normal_phone

HISTORY_DAYS = 730
OPENS = time(10, 5)
OPEN_MINUTES = 700
MARKETING_SHARE = 0.70
FRIEND_SHARE = 0.92
HOME_STORE_SHARE = 0.85
LEAP_YEAR = 1992
LEAP_BIRTHDAYS = (date(1992, 2, 29), date(1996, 2, 29), date(2004, 2, 29))
FIRST_NAME, FIRST_PHONE = "王小明", "0928123456"
FIRST_NUMBER = "88881234" + check_digit("88881234")
"""The first member can be remembered by a presenter, and tells that the demo is loaded.

Their phone is not the one the chat gives as an example, which every newcomer types."""

CUP_PRICES_TWD = (35, 40, 45, 50, 55, 60, 65, 70, 75)
LARGEST_ORDER_TWD = 600


@dataclass(frozen=True)
class Habit:
    """How a kind of member comes: their share, their year's spend, and cups an order.

    `fades` tells that they came so in their first year only; `quiet_days` that they have not come
    for so long.
    """

    share: int
    spend_twd: tuple[int, int]
    cups: tuple[int, ...]
    joined_days_ago: tuple[int, int]
    fades: bool = False
    quiet_days: tuple[int, int] = (0, 0)


ALONE = (1, 1, 1, 1, 1, 1, 2, 2, 2, 4)
TOGETHER = (1, 1, 1, 2, 2, 2, 3, 4, 6, 9)
OFFICE = (1, 1, 2, 2, 3, 4, 5, 6, 8, 10)

HABITS = (
    Habit(27, (17_000, 27_000), TOGETHER, (150, HISTORY_DAYS)),
    Habit(119, (150, 4_300), ALONE, (31, HISTORY_DAYS)),
    Habit(14, (50, 400), ALONE, (0, 6)),
    Habit(8, (100, 900), ALONE, (27, 30)),
    Habit(14, (900, 4_200), ALONE, (150, HISTORY_DAYS), quiet_days=(85, 95)),
    Habit(22, (300, 3_000), ALONE, (250, HISTORY_DAYS), quiet_days=(100, 240)),
    Habit(18, (6_000, 13_000), TOGETHER, (740, HISTORY_DAYS + 30), fades=True),
    Habit(66, (6_000, 13_500), TOGETHER, (120, HISTORY_DAYS)),
    Habit(12, (33_000, 55_000), OFFICE, (200, HISTORY_DAYS)),
)
"""Three hundred members: mostly the odd cup, some daily, a few who buy for the office."""


@dataclass(frozen=True)
class Visit:
    """One sale to come: when, where, and the price of the basket."""

    at: datetime
    store_code: str
    amount_twd: int


@dataclass(frozen=True)
class Person:
    """One made-up member with all their visits, oldest first."""

    number: str
    card_ref: str
    line_user_id: str
    name: str
    language: str
    phone: str
    birthday: date
    joined_at: datetime
    join_source: str
    allows_marketing: bool
    is_friend: bool
    visits: tuple[Visit, ...]


def make_people(seed: int, now: datetime, store_codes: Sequence[str]) -> list[Person]:
    """Make the members up; the same seed, time and stores make the same ones."""
    chance = random.Random(seed)  # noqa: S311 - made-up people are no secret.
    habits = [habit for habit in HABITS for _ in range(habit.share)]
    birthdays = _birthdays(chance, local_day(now), len(habits))
    phones = _phones(chance)
    people = [
        _make_person(chance, habit, birthday, next(phones), now, store_codes, is_first=place == 0)
        for place, (habit, birthday) in enumerate(zip(habits, birthdays, strict=True))
    ]
    return _with_a_greeting(people, local_day(now))


def _with_a_greeting(people: list[Person], today: date) -> list[Person]:
    """Return the people such that a customer of this week who may be written to has birthday."""
    greeted, born_today = (
        next(place for place, person in enumerate(people) if place and fits(person, today))
        for fits in (_may_be_greeted, _has_birthday)
    )
    days = people[greeted].birthday, people[born_today].birthday
    people[greeted] = replace(people[greeted], birthday=days[1])
    people[born_today] = replace(people[born_today], birthday=days[0])
    return people


def _may_be_greeted(person: Person, today: date) -> bool:
    came_on = local_day(person.visits[-1].at) if person.visits else date.min
    may_write = person.is_friend and person.allows_marketing
    return may_write and came_on > today - timedelta(days=7)


def _has_birthday(person: Person, today: date) -> bool:
    return (person.birthday.month, person.birthday.day) == (today.month, today.day)


def _make_person(
    chance: random.Random,
    habit: Habit,
    birthday: date,
    phone: str,
    now: datetime,
    store_codes: Sequence[str],
    *,
    is_first: bool,
) -> Person:
    number = _draw_number(chance)
    card_ref, line_user_id = f"{chance.getrandbits(64):016x}", f"U{chance.getrandbits(128):032x}"
    name, language = _draw_name(chance)
    home = chance.choice(store_codes)
    joined_at = _draw_joining(chance, habit, now)
    return Person(
        number=FIRST_NUMBER if is_first else number,
        card_ref=card_ref,
        line_user_id=line_user_id,
        name=FIRST_NAME if is_first else name,
        language="zh-TW" if is_first else language,
        phone=normal_phone(FIRST_PHONE) if is_first else phone,
        birthday=birthday,
        joined_at=joined_at,
        join_source=chance.choice(("line", f"store:{home}")),
        allows_marketing=is_first or chance.random() < MARKETING_SHARE,
        is_friend=is_first or chance.random() < FRIEND_SHARE,
        visits=tuple(_draw_visits(chance, habit, joined_at, now, home, store_codes)),
    )


def _draw_number(chance: random.Random) -> str:
    digits = f"{chance.randrange(10_000_000, 100_000_000)}"
    return digits + check_digit(digits)


def _draw_name(chance: random.Random) -> tuple[str, str]:
    drawn = chance.random()
    if drawn < 0.04:
        return chance.choice(JAPANESE), "ja"
    if drawn < 0.10:
        return chance.choice(ENGLISH), "en"
    if drawn < 0.14:
        return chance.choice(NICKNAMES), "zh-TW"
    return chance.choice(SURNAMES) + chance.choice(GIVEN_NAMES), "zh-TW"


def _phones(chance: random.Random) -> Iterator[str]:
    """Yield valid mobile numbers, each once."""
    drawn = {normal_phone(FIRST_PHONE)}
    while True:
        try:
            phone = normal_phone(f"09{chance.randrange(100_000_000):08d}")
        except BusinessError:
            continue
        if phone not in drawn:
            drawn.add(phone)
            yield phone


def _birthdays(chance: random.Random, today: date, count: int) -> list[date]:
    """Return `count` birthdays all over the year, some today, tomorrow and on 29 February."""
    tomorrow = today + timedelta(days=1)
    set_days = [date(LEAP_YEAR, day.month, day.day) for day in (today, tomorrow) for _ in range(3)]
    set_days += LEAP_BIRTHDAYS
    drawn = [
        date(chance.randrange(1958, 2010), 1, 1) + timedelta(days=chance.randrange(365))
        for _ in range(count - len(set_days))
    ]
    birthdays = set_days + drawn
    chance.shuffle(birthdays)
    return birthdays


def _draw_joining(chance: random.Random, habit: Habit, now: datetime) -> datetime:
    day = local_day(now) - timedelta(days=chance.randint(*habit.joined_days_ago))
    return min(_draw_moment(chance, day), now)


def _draw_moment(chance: random.Random, day: date) -> datetime:
    """Draw a moment of the opening hours, most likely in the afternoon."""
    minute = chance.triangular(0, OPEN_MINUTES, OPEN_MINUTES * 0.5)
    return datetime.combine(day, OPENS, TAIPEI) + timedelta(seconds=int(minute * 60))


def _draw_visits(
    chance: random.Random,
    habit: Habit,
    joined_at: datetime,
    now: datetime,
    home: str,
    store_codes: Sequence[str],
) -> list[Visit]:
    moments = _draw_moments(chance, habit, joined_at, now)
    return [
        Visit(
            at=moment,
            store_code=(home if chance.random() < HOME_STORE_SHARE else chance.choice(store_codes)),
            amount_twd=_draw_amount(chance, habit),
        )
        for moment in moments
    ]


def _draw_amount(chance: random.Random, habit: Habit) -> int:
    cups = chance.choice(habit.cups)
    return min(sum(chance.choice(CUP_PRICES_TWD) for _ in range(cups)), LARGEST_ORDER_TWD)


def _draw_moments(
    chance: random.Random, habit: Habit, joined_at: datetime, now: datetime
) -> list[datetime]:
    """Draw the moments of the visits: at random, so that the year's spend comes out about right."""
    today, first = local_day(now), local_day(joined_at)
    quiet = chance.randint(*habit.quiet_days)
    last = today - timedelta(days=quiet)
    counted_days = min((last - first).days + 1, 365)
    mean_twd = sum(habit.cups) / len(habit.cups) * sum(CUP_PRICES_TWD) / len(CUP_PRICES_TWD)
    gap_days = counted_days * mean_twd / chance.randint(*habit.spend_twd)
    moments = [_draw_moment(chance, last)] if quiet else []
    day: float = chance.expovariate(1 / gap_days)
    while first + timedelta(days=int(day)) <= last:
        if not (habit.fades and day > 365) or chance.random() < 0.1:
            moments.append(_draw_moment(chance, first + timedelta(days=int(day))))
        day += chance.expovariate(1 / gap_days)
    return sorted(moment for moment in moments if joined_at < moment <= now)
