"""A small made-up shop and what each of its members is, as plain Python: the oracle of rules.

Nothing here reads the database or the rules' own code: what a question means is said anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from hypothesis import strategies as st
from sqlalchemy.orm import Session

from models.coupon import get_template, issue_coupon
from models.friend import Friend
from models.local_day import day_start, local_day
from models.member import Member
from models.programme import get_programme
from models.purchase import Purchase, PurchaseLine, refigure
from models.referral.table import Referral
from models.review.table import Review
from models.shop import find_store
from tests.conftest import NOON, Maker, member_number

TODAY = local_day(NOON)
STORES = ("TP01", "TP02", "TC01")
CATEGORIES = ("奶茶", "果茶", "原茶")
TIERS = ("basic", "silver", "gold", "black")
CHANNELS = ("till", "web")
NAMES = Maker().names
Asked = dict[str, Any]


@dataclass(frozen=True)
class Bought:
    """One purchase, with one line, so many days ago; `kept` is how much of it was not refunded."""

    days_ago: int
    twd: int
    store: str
    channel: str
    category: str
    discount_twd: int
    kept: str
    """`all`, `part` or `none`."""

    @property
    def net_twd(self) -> int:
        return {"all": self.twd, "part": self.twd - self.twd // 2, "none": 0}[self.kept]

    @property
    def stands(self) -> bool:
        return self.kept != "none"


@dataclass(frozen=True)
class Person:
    """One member as they are drawn."""

    tier: str
    points: int
    birthday: date | None
    joined_days: int
    line: str
    marketing: bool
    language: str
    gone: str
    frozen: bool
    coupon_days: int | None
    reviews: int
    friends: int
    bought: tuple[Bought, ...] = ()

    @property
    def standing(self) -> list[Bought]:
        return sorted((b for b in self.bought if b.stands), key=lambda b: -b.days_ago)

    @property
    def is_here(self) -> bool:
        return self.gone == "no"


BOUGHT = st.builds(
    Bought,
    days_ago=st.one_of(st.integers(0, 400), st.sampled_from([0, 30, 89, 90, 91, 180])),
    twd=st.integers(20, 2_000),
    store=st.sampled_from(STORES),
    channel=st.sampled_from(CHANNELS),
    category=st.sampled_from(CATEGORIES),
    discount_twd=st.sampled_from([0, 0, 10]),
    kept=st.sampled_from(["all", "all", "all", "part", "none"]),
)
PEOPLE = st.builds(
    Person,
    tier=st.sampled_from(TIERS),
    points=st.integers(0, 300),
    birthday=st.one_of(
        st.none(),
        st.dates(date(1940, 1, 1), date(2015, 12, 31)),
        st.sampled_from([date(2000, 2, 29), date(1990, 11, 22), date(1990, 11, 21)]),
    ),
    joined_days=st.integers(0, 800),
    line=st.sampled_from(["friend", "blocked", "not_connected"]),
    marketing=st.booleans(),
    language=st.sampled_from(["zh-TW", "en", "ja"]),
    gone=st.sampled_from(["no", "no", "no", "no", "erased", "merged"]),
    frozen=st.booleans(),
    coupon_days=st.one_of(st.none(), st.integers(0, 30)),
    reviews=st.integers(0, 1),
    friends=st.integers(0, 2),
    bought=st.lists(BOUGHT, max_size=6).map(tuple),
)


def keep_person(session: Session, person: Person) -> int:
    """Write a member with all that is theirs; return the id."""
    tiers = {tier.code: tier.id for tier in get_programme(session).tiers}
    line_id = f"U{uuid4().hex}" if person.line != "not_connected" else None
    member = Member(
        number=member_number(next(NAMES)),
        line_user_id=line_id,
        name="王小明",
        birthday=person.birthday,
        language=person.language,
        joined_at=NOON - timedelta(days=person.joined_days),
        join_source="line",
        marketing_allowed=person.marketing,
        tier_id=tiers[person.tier],
        points=person.points,
        spend_on=TODAY,
        frozen_at=NOON if person.frozen else None,
        frozen_reason="staff" if person.frozen else None,
        lifetime_twd=sum(bought.net_twd for bought in person.standing),
    )
    session.add(member)
    session.flush()
    if line_id is not None:
        follows = person.line == "friend"
        session.add(Friend(line_user_id=line_id, is_following=follows, changed_at=NOON))
    purchases = [_keep_bought(session, member.id, bought) for bought in person.bought]
    if person.coupon_days is not None:
        given = issue_coupon(
            session, member.id, get_template(session, "welcome"), issue_key=f"{uuid4()}", now=NOON
        )
        assert given is not None
        given.expires_at = day_start(TODAY + timedelta(days=person.coupon_days + 1))
    if person.reviews and purchases:
        session.add(_review(member.id, purchases[0]))
    refigure(session, [member.id])
    for _ in range(person.friends):
        session.add(_invited(session, member.id))
    if person.gone == "merged":
        member.merged_into_id = _somebody_gone(session).id
    if person.gone == "erased":
        member.line_user_id = member.name = member.phone = member.birthday = None
        member.marketing_allowed, member.erased_at = False, NOON
    session.flush()
    return member.id


def _keep_bought(session: Session, member_id: int, bought: Bought) -> Purchase:
    day = TODAY - timedelta(days=bought.days_ago)
    store = find_store(session, bought.store)
    assert store is not None
    purchase = Purchase(
        member_id=member_id,
        store_id=store.id,
        channel=bought.channel,
        amount_twd=bought.twd + bought.discount_twd,
        discount_twd=bought.discount_twd,
        paid_twd=bought.twd,
        refunded_twd=bought.twd - bought.net_twd,
        undone_at=None if bought.stands else NOON,
        points_earned=0,
        purchased_at=day_start(day) + timedelta(hours=1),
        purchased_on=day,
        idempotency_key=f"{uuid4()}",
    )
    session.add(purchase)
    session.flush()
    session.add(
        PurchaseLine(
            purchase_id=purchase.id,
            line_no=1,
            sku=f"SKU-{bought.category}",
            name=bought.category,
            category=bought.category,
            quantity=2,
            refunded_quantity={"all": 0, "part": 1, "none": 2}[bought.kept],
            amount_twd=bought.twd + bought.discount_twd,
        )
    )
    return purchase


def _review(member_id: int, purchase: Purchase) -> Review:
    return Review(
        purchase_id=purchase.id,
        member_id=member_id,
        store_id=purchase.store_id,
        stars=5,
        written_at=NOON,
        changed_at=NOON,
    )


def _somebody_gone(session: Session) -> Member:
    """Make a member who has left again, so that they are none to count."""
    left = Member(
        number=member_number(next(NAMES)),
        joined_at=NOON,
        join_source="line",
        tier_id=get_programme(session).tiers[0].id,
        spend_on=TODAY,
        erased_at=NOON,
    )
    session.add(left)
    session.flush()
    return left


def _invited(session: Session, member_id: int) -> Referral:
    friend = _somebody_gone(session)
    return Referral(referrer_id=member_id, friend_id=friend.id, claimed_at=NOON)


# --- what each question means ---


def _compare(fact: int | None, asked: Asked) -> bool:
    operator, value = asked["is"], asked["value"]
    if operator == "is_not":
        return bool(fact != value)
    if fact is None:
        return False
    if operator == "between":
        return bool(value[0] <= fact <= value[1])
    return _COMPARED[operator](fact, value)


_COMPARED: dict[str, Callable[[int, int], bool]] = {
    "is": lambda fact, value: fact == value,
    "at_least": lambda fact, value: fact >= value,
    "at_most": lambda fact, value: fact <= value,
    "more_than": lambda fact, value: fact > value,
    "less_than": lambda fact, value: fact < value,
}


def _among(person: Person, asked: Asked) -> list[Bought]:
    def fits(bought: Bought) -> bool:
        day = TODAY - timedelta(days=bought.days_ago)
        return (
            bought.days_ago <= asked.get("within_days", 10_000)
            and ("since" not in asked or day >= date.fromisoformat(asked["since"]))
            and ("until" not in asked or day <= date.fromisoformat(asked["until"]))
            and bought.store in asked.get("store", STORES)
            and bought.channel == asked.get("channel", bought.channel)
            and bought.category == asked.get("category", bought.category)
            and asked.get("min_twd", 0) <= bought.net_twd <= asked.get("max_twd", 10**9)
        )

    return [bought for bought in person.standing if fits(bought)]


def _sum(person: Person, asked: Asked) -> int:
    found = _among(person, asked)
    if "category" not in asked:
        return sum(bought.net_twd for bought in found)
    listed = ((bought.twd + bought.discount_twd, bought.kept) for bought in found)
    return sum(twd if kept == "all" else twd // 2 for twd, kept in listed)


def _birthday_in(person: Person) -> int | None:
    if person.birthday is None:
        return None
    for ahead in range(367):
        day = TODAY + timedelta(days=ahead)
        is_leap = day.year % 4 == 0
        kept = (person.birthday.month, person.birthday.day)
        if kept == (2, 29) and not is_leap:
            kept = (2, 28)
        if (day.month, day.day) == kept:
            return ahead
    raise AssertionError


def _age(person: Person) -> int | None:
    born = person.birthday
    if born is None:
        return None
    had = (TODAY.month, TODAY.day) >= (born.month, born.day)
    return TODAY.year - born.year - (0 if had else 1)


def _nasld(person: Person) -> str:
    """Return the class by the article's rule with a cycle of 30 days, the clearest first."""
    ages = [bought.days_ago for bought in person.standing]
    near, far = (sum(1 for age in ages if age <= days) for days in (90, 180))
    if not ages:
        return "nasld:prospect"
    if near:
        return "nasld:active" if near > 1 else "nasld:new"
    if far:
        return "nasld:sleep" if far > 1 else "nasld:lost"
    return "nasld:deep"


def _number(fact: Callable[[Person, Asked], int | None]) -> Callable[[Person, Asked], bool]:
    return lambda person, asked: _compare(fact(person, asked), asked)


def _one_of(fact: Callable[[Person], str]) -> Callable[[Person, Asked], bool]:
    def holds(person: Person, asked: Asked) -> bool:
        values = asked["value"] if isinstance(asked["value"], list) else [asked["value"]]
        is_within = fact(person) in values
        return is_within if asked["is"] in ("is", "any_of") else not is_within

    return holds


def _yes(fact: Callable[[Person, Asked], bool]) -> Callable[[Person, Asked], bool]:
    return lambda person, asked: fact(person, asked) is asked["value"]


def _in_tier(person: Person, asked: Asked) -> bool:
    if asked["is"] in ("at_least", "at_most"):
        steps = TIERS.index(person.tier) - TIERS.index(asked["value"])
        return steps >= 0 if asked["is"] == "at_least" else steps <= 0
    return _one_of(lambda each: each.tier)(person, asked)


def _only_promotion(person: Person, asked: Asked) -> bool:
    bought = person.standing
    return len(bought) >= asked.get("min_orders", 3) and all(b.discount_twd for b in bought)


def _usable(person: Person, asked: Asked) -> int:
    if person.coupon_days is None:
        return 0
    return int(person.coupon_days <= asked.get("expiring_within_days", 10_000))


ORACLE: dict[str, Callable[[Person, Asked], bool]] = {
    "purchases": _number(lambda person, asked: len(_among(person, asked))),
    "purchased_twd": _number(_sum),
    "basket_twd": _number(
        lambda person, asked: (
            sum(b.net_twd for b in _among(person, asked)) // len(_among(person, asked))
            if _among(person, asked)
            else None
        )
    ),
    "days_since_purchase": _number(
        lambda person, asked: min((b.days_ago for b in _among(person, asked)), default=None)
    ),
    "days_since_first_purchase": _number(
        lambda person, asked: max((b.days_ago for b in person.standing), default=None)
    ),
    "purchase_days": _number(lambda person, _asked: len({b.days_ago for b in person.standing})),
    "promo_percent": _number(
        lambda person, _asked: (
            sum(1 for b in person.standing if b.discount_twd) * 100 // len(person.standing)
            if person.standing
            else None
        )
    ),
    "buys_only_on_promotion": _yes(_only_promotion),
    "tier": _in_tier,
    "points": _number(lambda person, _asked: person.points),
    "age_years": _number(lambda person, _asked: _age(person)),
    "birthday_in_days": _number(lambda person, _asked: _birthday_in(person)),
    "has_birthday": _yes(lambda person, _asked: person.birthday is not None),
    "joined_days_ago": _number(lambda person, _asked: person.joined_days),
    "language": _one_of(lambda person: person.language),
    "friendship": _one_of(lambda person: person.line),
    "allows_marketing": _yes(lambda person, _asked: person.marketing),
    "reachable": _yes(lambda person, _asked: person.marketing and person.line == "friend"),
    "frozen": _yes(lambda person, _asked: person.frozen),
    "coupons_usable": _number(_usable),
    "reviews": _number(lambda person, _asked: person.reviews if person.bought else 0),
    "friends_invited": _number(lambda person, _asked: person.friends),
    "nasld": _one_of(_nasld),
}
"""By field: whether a person answers yes."""


def holds(person: Person, node: Asked) -> bool:
    """Tell whether a rule's node holds for a person."""
    if "all" in node:
        return all(holds(person, each) for each in node["all"])
    if "any" in node:
        return any(holds(person, each) for each in node["any"])
    if "not" in node:
        return not holds(person, node["not"])
    return ORACLE[node["field"]](person, node)


# --- random rules ---

ISO_DAYS = st.integers(0, 400).map(lambda back: (TODAY - timedelta(days=back)).isoformat())


def _numbers(*likely: int, most: int) -> st.SearchStrategy[Asked]:
    value = st.one_of(st.sampled_from(likely or (0,)), st.integers(0, most))
    one = st.fixed_dictionaries(
        {
            "is": st.sampled_from(
                ["is", "is_not", "at_least", "at_most", "more_than", "less_than"]
            ),
            "value": value,
        }
    )
    pair = st.tuples(value, value).map(lambda two: {"is": "between", "value": sorted(two)})
    return st.one_of(one, pair)


def _codes(*codes: str) -> st.SearchStrategy[Asked]:
    one = st.fixed_dictionaries(
        {"is": st.sampled_from(["is", "is_not"]), "value": st.sampled_from(codes)}
    )
    many = st.fixed_dictionaries(
        {
            "is": st.sampled_from(["any_of", "none_of"]),
            "value": st.lists(st.sampled_from(codes), min_size=1, max_size=3),
        }
    )
    return st.one_of(one, many)


_YES_NO = st.fixed_dictionaries({"is": st.just("is"), "value": st.booleans()})
_PLACE: Asked = {
    "store": st.lists(st.sampled_from(STORES), min_size=1, max_size=2),
    "channel": st.sampled_from(CHANNELS),
    "min_twd": st.integers(0, 900),
    "max_twd": st.integers(900, 2_000),
}
_ITEM: Asked = {"category": st.sampled_from(CATEGORIES)}
_WINDOWS: st.SearchStrategy[Asked] = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"within_days": st.sampled_from([0, 30, 89, 90, 365])}),
    st.fixed_dictionaries({"since": ISO_DAYS}),
    st.fixed_dictionaries({"until": ISO_DAYS}),
    st.lists(ISO_DAYS, min_size=2, max_size=2).map(
        lambda two: {"since": min(two), "until": max(two)}
    ),
)


def _merged(*parts: st.SearchStrategy[Asked]) -> st.SearchStrategy[Asked]:
    return st.tuples(*parts).map(lambda dicts: {k: v for each in dicts for k, v in each.items()})


def _leaf(name: str, *parts: st.SearchStrategy[Asked]) -> st.SearchStrategy[Asked]:
    return _merged(st.just({"field": name}), *parts)


def _options(options: Asked) -> st.SearchStrategy[Asked]:
    return st.fixed_dictionaries({}, optional=options)


LEAVES = st.one_of(
    _leaf("purchases", _numbers(0, 1, 2, most=6), _WINDOWS, _options(_PLACE | _ITEM)),
    _leaf("purchased_twd", _numbers(0, 100, most=4_000), _WINDOWS, _options(_PLACE | _ITEM)),
    _leaf("basket_twd", _numbers(most=2_000), _WINDOWS, _options(_PLACE)),
    _leaf("days_since_purchase", _numbers(0, 90, most=400), _options(_PLACE | _ITEM)),
    _leaf("days_since_first_purchase", _numbers(90, most=400)),
    _leaf("purchase_days", _numbers(0, 1, most=6)),
    _leaf("promo_percent", _numbers(0, 100, most=100)),
    _leaf("buys_only_on_promotion", _YES_NO, _options({"min_orders": st.integers(1, 4)})),
    _leaf("tier", _codes(*TIERS)),
    _leaf(
        "tier",
        st.fixed_dictionaries(
            {"is": st.sampled_from(["at_least", "at_most"]), "value": st.sampled_from(TIERS)}
        ),
    ),
    _leaf("points", _numbers(0, most=300)),
    _leaf("age_years", _numbers(26, 36, most=90)),
    _leaf("birthday_in_days", _numbers(0, 7, 98, most=366)),
    _leaf("has_birthday", _YES_NO),
    _leaf("joined_days_ago", _numbers(0, 30, most=800)),
    _leaf("language", _codes("zh-TW", "en", "ja")),
    _leaf("friendship", _codes("friend", "blocked", "not_connected")),
    _leaf("allows_marketing", _YES_NO),
    _leaf("reachable", _YES_NO),
    _leaf("frozen", _YES_NO),
    _leaf(
        "coupons_usable",
        _numbers(0, 1, most=2),
        _options({"expiring_within_days": st.integers(0, 30)}),
    ),
    _leaf("reviews", _numbers(0, 1, most=2)),
    _leaf("friends_invited", _numbers(0, 1, most=3)),
    _leaf("nasld", _codes(*(f"nasld:{c}" for c in ("active", "new", "sleep", "lost", "deep")))),
)
NODES = st.recursive(
    LEAVES,
    lambda nodes: st.one_of(
        st.lists(nodes, min_size=1, max_size=3).map(lambda each: {"all": each}),
        st.lists(nodes, min_size=1, max_size=3).map(lambda each: {"any": each}),
        nodes.map(lambda node: {"not": node}),
    ),
    max_leaves=6,
)
