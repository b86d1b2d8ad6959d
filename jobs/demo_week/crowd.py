"""Shoppers: who comes when, what they buy, what they tap; drawn from a seed, day by day.

Each draws from a chance of their own, named by seed, person and day, so that nobody's deeds change
what another draws.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.base import BusinessError, Sessions
from models.catalogue import CatalogueItem
from models.checkout import Line, Sale, record_purchase
from models.coupon import list_usable_coupons
from models.friend import Friend
from models.local_day import TAIPEI
from models.member import Member
from models.purchase import Purchase
from models.shop import Store, list_stores
from models.staff import Staff

OPENS, OPEN_MINUTES = time(10, 5), 690
LOOKED_BACK = timedelta(days=90)
OFTENEST = 0.6
"""Even who comes every day stays at home sometimes."""
NEVER_CAME = 0.02
CUPS = (1, 1, 1, 2, 2, 3, 5)
COUPON_SHARE = 0.6
ANSWER_SHARE = 0.35
"""So many of those who got a message tap something in it."""
DRAWN_SHARE = 0.4
"""Of those who tapped, so many come by on the same day or the next."""
BLOCK_SHARE = 0.01
CHATTERS = 6
NEWCOMER_NAMES = ("林采潔", "黃柏翰", "張語彤", "李承恩", "吳佩珊", "蔡宗穎", "許芷若")
NEWCOMER_PHONES = "0987{:06d}"
NO_DRINK = frozenset({"茶葉", "周邊"})


@dataclass(frozen=True, order=True)
class Visit:
    """One visit to come: when, who, and what for."""

    at: datetime
    member_id: int
    why: str = "habit"


@dataclass(frozen=True)
class Newcomer:
    """Somebody who adds the account and joins in the chat."""

    user_id: str
    name: str
    phone: str
    birthday: date
    at: datetime


class Crowd:
    """The shop's people for one seed."""

    def __init__(self, sessions: Sessions, seed: int) -> None:
        self._sessions = sessions
        self._seed = seed

    def chance(self, *names: object) -> random.Random:
        """Return the chance of this name: always the same draws for a seed."""
        named = ":".join(map(str, (self._seed, *names)))
        return random.Random(named)  # noqa: S311 - a played week is no secret.

    def visits_of(self, day: date, now: datetime) -> list[Visit]:
        """Return who comes by on a day, as often as they came in the last three months."""
        with self._sessions() as session:
            rhythm = session.execute(
                select(Member.id, func.count(Purchase.id))
                .outerjoin(
                    Purchase,
                    (Purchase.member_id == Member.id)
                    & (Purchase.purchased_at >= now - LOOKED_BACK)
                    & (Purchase.purchased_at < now),
                )
                .where(Member.erased_at.is_(None), Member.merged_into_id.is_(None))
                .group_by(Member.id)
                .order_by(Member.id)
            ).all()
        return sorted(self._visits(day, rhythm))

    def _visits(self, day: date, rhythm: Sequence[tuple[int, int]]) -> Iterator[Visit]:
        for member_id, came in rhythm:
            chance = self.chance("visit", member_id, day)
            share = min(came / LOOKED_BACK.days, OFTENEST) if came else NEVER_CAME
            if chance.random() < share:
                yield Visit(self._moment(chance, day), member_id)

    def _moment(self, chance: random.Random, day: date) -> datetime:
        minute = int(chance.triangular(0, OPEN_MINUTES, OPEN_MINUTES * 0.5))
        return datetime.combine(day, OPENS, TAIPEI) + timedelta(minutes=minute)

    def newcomer_of(self, day: date, place: int) -> Newcomer:
        """Return who joins on the day that is the week's `place`-th, from 0."""
        chance = self.chance("newcomer", place)
        return Newcomer(
            user_id=f"U{chance.getrandbits(128):032x}",
            name=NEWCOMER_NAMES[place % len(NEWCOMER_NAMES)],
            phone=NEWCOMER_PHONES.format(chance.randrange(1_000_000)),
            birthday=date(1990 + place % 10, 1 + chance.randrange(12), 1 + chance.randrange(28)),
            at=self._moment(chance, day),
        )

    def chatters_of(self, day: date) -> list[tuple[datetime, str]]:
        """Return who opens their card in the chat on a day, and when."""
        with self._sessions() as session:
            friends = session.scalars(
                select(Member.line_user_id)
                .join(Friend, Friend.line_user_id == Member.line_user_id)
                .where(Friend.is_following)
                .order_by(Member.id)
            ).all()
        chance = self.chance("chat", day)
        chosen = chance.sample(friends, min(CHATTERS, len(friends)))
        return sorted((self._moment(chance, day), user_id) for user_id in chosen if user_id)

    def answers(self, user_id: str, now: datetime) -> tuple[str, random.Random]:
        """Return what a person does about a message: `tap`, `block` or nothing (``)."""
        chance = self.chance("answer", user_id, now.isoformat())
        drawn = chance.random()
        if drawn < BLOCK_SHARE:
            return "block", chance
        return ("tap" if drawn < BLOCK_SHARE + ANSWER_SHARE else ""), chance

    def drawn_visit(self, chance: random.Random, member_id: int, now: datetime) -> Visit | None:
        """Return the visit to which a message led, within a day, if it did."""
        if chance.random() >= DRAWN_SHARE:
            return None
        day = (now.astimezone(TAIPEI) + timedelta(hours=chance.randint(0, 24))).date()
        at = self._moment(chance, day)
        return Visit(max(at, now + timedelta(minutes=20)), member_id, "message")

    def buy(self, visit: Visit, now: datetime) -> bool:
        """Record a visit's sale at the counter, with a coupon where one fits; tell whether it was.

        A sale that the shop's rules refuse, such as one beyond a clerk's pace, is not made.
        """
        chance = self.chance("buy", visit.member_id, visit.at.isoformat())
        with self._sessions() as session:
            basket = self._basket(session, chance, visit)
            coupons = list_usable_coupons(session, visit.member_id, now)
            wanted = [coupon.id for coupon in coupons] if chance.random() < COUPON_SHARE else []
        return any(self._record(visit, basket, coupon_id, now) for coupon_id in (*wanted[:2], None))

    def _basket(
        self, session: Session, chance: random.Random, visit: Visit
    ) -> tuple[Store, Staff | None, tuple[Line, ...]]:
        stores = [store for store in list_stores(session) if store.code != "WEB"]
        store = stores[visit.member_id % len(stores)]
        clerk = session.scalars(
            select(Staff)
            .where(Staff.store_id == store.id, Staff.role.in_(("clerk", "manager")))
            .order_by(Staff.id)
            .limit(1)
        ).one_or_none()
        drinks = session.scalars(
            select(CatalogueItem)
            .where(
                CatalogueItem.category.not_in(NO_DRINK),
                CatalogueItem.archived_at.is_(None),
                CatalogueItem.price_twd > 0,
            )
            .order_by(CatalogueItem.sku)
        ).all()
        lines = tuple(
            Line("", drink.price_twd or 0, sku=drink.sku)
            for drink in chance.choices(drinks, k=chance.choice(CUPS))
        )
        return store, clerk, lines

    def _record(
        self,
        visit: Visit,
        basket: tuple[Store, Staff | None, tuple[Line, ...]],
        coupon_id: int | None,
        now: datetime,
    ) -> bool:
        store, clerk, lines = basket
        sale = Sale(
            visit.member_id,
            store,
            clerk,
            sum(line.amount_twd for line in lines),
            f"week:{visit.member_id}:{visit.at.isoformat()}:{coupon_id}",
            coupon_ids=(coupon_id,) if coupon_id is not None else (),
            lines=lines,
        )
        try:
            with self._sessions.begin() as session:
                record_purchase(session, sale, now)
        except BusinessError:
            return False
        return True
