"""A made-up member's history: what every rule of the shop would have made of their visits.

In memory, because two years of 300 members through the database take minutes. It asks the same
rules (`Programme`, `models/tier.py`, `models/coupon.py`), does what `record_purchase` and the
night's jobs do, and a test holds the two to the same result.
"""

from collections import deque
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta

from models.coupon import CouponTemplate
from models.demo.people import Person, Visit
from models.demo.rising import Upgrades
from models.demo.shopfront import Row, Shopfront
from models.local_day import TAIPEI, local_day
from models.stamp_card import stamps_for
from models.stamp_card.table import reward_key
from models.tier import explain, kept_until, window_start

EVALUATED_AT, EXPIRED_AT = time(0, 10), time(0, 30)
GIFTED_AT, WON_BACK_AT = time(10), time(14)
COUPON_USED_SHARE = 0.55
SILENT_DAYS = 90
LEFT_TO_JOURNEY_DAYS = 7
"""Who became silent so lately is left to the journey, as a show."""
TILL = "till"

Step = tuple[datetime, Callable[[datetime], None]]


class History:
    """One member's figures, brought forward from visit to visit."""

    def __init__(self, person: Person, member_id: int, shop: Shopfront) -> None:
        """Begin with the joining and its welcome coupon."""
        self.person = person
        self.member_id = member_id
        self.shop = shop
        self.tier = shop.programme.tiers[0]
        self.tier_kept_until: date | None = None
        self.points = 0
        self.stamps = 0
        self.purchase_count = 0
        self.last_purchase_on: date | None = None
        self.won_back_for: date | None = None
        self.counted: deque[tuple[date, int]] = deque()
        self.spend_twd = self.year = self.year_twd = self.lifetime_twd = 0
        self.open_lots: deque[Row] = deque()
        self.own_coupons: list[tuple[Row, CouponTemplate]] = []
        self.upgrades = Upgrades(person, member_id, shop)
        self.gift_on = self._birthday_after(local_day(person.joined_at))
        self._issue("welcome", f"welcome:{member_id}", person.joined_at)

    def advance(self, moment: datetime) -> None:
        """Do what the clock's jobs would have done up to `moment`."""
        while (step := min(self._steps(), key=lambda step: step[0]))[0] <= moment:
            step[1](step[0])

    def visit(self, visit: Visit) -> None:
        """Do what recording this sale would have done."""
        self.advance(visit.at)
        today = local_day(visit.at)
        coupon_id, discount_twd = self._use_coupon(visit)
        if coupon_id is None:
            coupon_id, discount_twd = self.upgrades.use(visit)
        paid_twd = visit.amount_twd - discount_twd
        rules = self.shop.programme
        purchase = {
            "id": next(self.shop.purchase_ids),
            "member_id": self.member_id,
            "store_id": self.shop.store_ids[visit.store_code],
            "staff_id": self.shop.clerk_ids[visit.store_code],
            "channel": TILL,
            "amount_twd": visit.amount_twd,
            "discount_twd": discount_twd,
            "paid_twd": paid_twd,
            "coupon_id": coupon_id,
            "points_earned": rules.points_for(paid_twd, self.tier),
            "stamps_added": stamps_for(
                rules.stamp_programmes[0],
                paid_twd,
                (),
                TILL,
                today,
                is_first=not self.purchase_count,
            ),
            "purchased_at": visit.at,
            "purchased_on": today,
            "idempotency_key": f"demo:{self.person.number}:{self.purchase_count}",
        }
        self.shop.rows.purchases.append(purchase)
        self._earn(purchase)
        self._stamp(purchase)
        self._count(purchase)
        self._lift(visit.at)

    def member_row(self) -> Row:
        """Return the member as they stand now."""
        person, today = self.person, local_day(self.shop.now)
        self._roll(today)
        return {
            "id": self.member_id,
            "number": person.number,
            "card_ref": person.card_ref,
            "line_user_id": person.line_user_id,
            "name": person.name,
            "phone": person.phone,
            "birthday": person.birthday,
            "language": person.language,
            "joined_at": person.joined_at,
            "join_source": person.join_source,
            "marketing_allowed": person.allows_marketing,
            "tier_id": self.tier.id,
            "tier_kept_until": self.tier_kept_until,
            "points": self.points,
            "spend_twd": self.spend_twd,
            "spend_on": today,
            "year_twd": self.year_twd if self.year == today.year else 0,
            "lifetime_twd": self.lifetime_twd,
            "purchase_count": self.purchase_count,
            "won_back_for": self.won_back_for,
        }

    def stamp_row(self) -> Row | None:
        """Return the member's stamp card, or None before the first stamp."""
        if not self.stamps:
            return None
        programme_id = self.shop.programme.stamp_programmes[0].id
        return {"member_id": self.member_id, "programme_id": programme_id, "stamps": self.stamps}

    # --- a sale ---

    def _use_coupon(self, visit: Visit) -> tuple[int | None, int]:
        """Use the coupon that ends first, as often as people remember one."""
        self.own_coupons = [own for own in self.own_coupons if own[0]["expires_at"] > visit.at]
        usable = [own for own in self.own_coupons if own[1].min_spend_twd <= visit.amount_twd]
        if not usable or self.shop.chance.random() > COUPON_USED_SHARE:
            return None, 0
        chosen = min(usable, key=lambda own: (own[0]["expires_at"], own[0]["id"]))
        self.own_coupons.remove(chosen)
        coupon, template = chosen
        coupon |= {"state": "redeemed", "redeemed_at": visit.at}
        return coupon["id"], template.discount_on(visit.amount_twd)

    def _earn(self, purchase: Row) -> None:
        points = purchase["points_earned"]
        if not points:
            return
        entry_id = self._post(
            points,
            "purchase",
            f"purchase:{purchase['id']}",
            purchase["purchased_at"],
            purchase["id"],
        )
        lot = {
            "entry_id": entry_id,
            "member_id": self.member_id,
            "granted": points,
            "remaining": points,
            "expired": 0,
            "expires_on": self.shop.programme.points_expire_on(purchase["purchased_on"]),
        }
        self.shop.rows.lots.append(lot)
        self.open_lots.append(lot)

    def _post(
        self, points: int, reason: str, key: str, at: datetime, purchase_id: int | None = None
    ) -> int:
        self.points += points
        entry_id = next(self.shop.entry_ids)
        self.shop.rows.entries.append(
            {
                "id": entry_id,
                "member_id": self.member_id,
                "points": points,
                "balance_after": self.points,
                "reason": reason,
                "purchase_id": purchase_id,
                "idempotency_key": key,
                "posted_at": at,
            }
        )
        return entry_id

    def _stamp(self, purchase: Row) -> None:
        added, card = purchase["stamps_added"], self.shop.programme.stamp_programmes[0]
        if not added:
            return
        self.shop.rows.stamps.append(
            {
                "member_id": self.member_id,
                "programme_id": card.id,
                "delta": added,
                "reason": "purchase",
                "purchase_id": purchase["id"],
                "is_first": not self.purchase_count,
                "idempotency_key": f"{purchase['idempotency_key']}:{card.id}",
                "posted_at": purchase["purchased_at"],
            }
        )
        before, self.stamps = self.stamps, self.stamps + added
        for number in range(before // card.size + 1, self.stamps // card.size + 1):
            key = reward_key(self.member_id, card.id, number)
            self._issue(card.reward.code, key, purchase["purchased_at"])

    def _count(self, purchase: Row) -> None:
        self._roll(purchase["purchased_on"])
        self.counted.append((purchase["purchased_on"], purchase["paid_twd"]))
        self.spend_twd += purchase["paid_twd"]
        self.lifetime_twd += purchase["paid_twd"]
        self._count_year(purchase["purchased_on"].year, purchase["paid_twd"])
        self.purchase_count += 1
        self.last_purchase_on = purchase["purchased_on"]

    def _count_year(self, year: int, paid_twd: int) -> None:
        if year != self.year:
            self.year, self.year_twd = year, 0
        self.year_twd += paid_twd

    def _roll(self, today: date) -> None:
        while self.counted and self.counted[0][0] < window_start(today):
            self.spend_twd -= self.counted.popleft()[1]

    def _lift(self, at: datetime) -> None:
        reached = self.shop.programme.ladder.on(local_day(at)).tier_at(self.spend_twd)
        if reached.rank > self.tier.rank:
            self._rise(reached.id, at)

    def _rise(self, tier_id: int, at: datetime) -> None:
        self._move(tier_id, at)
        version_id = self.shop.programme.ladder.on(local_day(at)).version_id
        self.upgrades.qualify(self.tier, version_id, at)

    def _move(self, tier_id: int, at: datetime) -> None:
        before, self.tier = self.tier, self.shop.programme.tier(tier_id)
        self.tier_kept_until = kept_until(local_day(at)) if self.tier.rank else None
        self.shop.rows.tier_changes.append(
            {
                "member_id": self.member_id,
                "from_tier_id": before.id,
                "to_tier_id": tier_id,
                "reason": explain(
                    self.shop.programme.ladder.on(local_day(at)),
                    before,
                    self.tier,
                    self.spend_twd,
                ),
                "changed_at": at,
            }
        )

    def _issue(self, code: str, key: str, at: datetime) -> None:
        template = self.shop.templates[code]
        coupon = self.shop.issue(template, self.member_id, key, at, self.shop.chance)
        self.own_coupons.append((coupon, template))

    # --- the clock ---

    def _steps(self) -> Iterator[Step]:
        """Yield the next moment of each of the clock's jobs that will find this member."""
        yield _at(self.gift_on, GIFTED_AT), self._gift
        if self.tier_kept_until is not None:
            yield _at(self.tier_kept_until, EVALUATED_AT), self._evaluate
        if self.open_lots:
            yield _at(self.open_lots[0]["expires_on"], EXPIRED_AT), self._expire
        if self._may_be_won_back and self.last_purchase_on is not None:
            silent_on = self.last_purchase_on + timedelta(days=SILENT_DAYS)
            yield _at(silent_on, WON_BACK_AT), self._win_back

    @property
    def _may_be_won_back(self) -> bool:
        """Whether this silence is written to; the last days' are left to the journey, as a show."""
        last_on = self.last_purchase_on
        if last_on is None or last_on == self.won_back_for:
            return False
        silent_so_long = timedelta(days=SILENT_DAYS + LEFT_TO_JOURNEY_DAYS)
        is_past = last_on <= local_day(self.shop.now) - silent_so_long
        return self.person.allows_marketing and self.person.is_friend and is_past

    def _evaluate(self, at: datetime) -> None:
        self._roll(local_day(at))
        reached = self.shop.programme.ladder.on(local_day(at)).tier_at(self.spend_twd)
        if reached.rank == self.tier.rank:
            self.tier_kept_until = kept_until(local_day(at))
        else:
            self._move(reached.id, at)

    def _expire(self, at: datetime) -> None:
        today = local_day(at)
        while self.open_lots and self.open_lots[0]["expires_on"] <= today:
            lot = self.open_lots.popleft()
            gone = lot["remaining"]
            entry_id = self._post(-gone, "expiry", f"expire:{lot['entry_id']}", at)
            lot |= {"remaining": 0, "expired": gone}
            take = {"entry_id": entry_id, "lot_id": lot["entry_id"], "points": gone}
            self.shop.rows.takes.append(take)

    def _gift(self, at: datetime) -> None:
        """Give the birthday coupon; today's are left to the journey, as a show."""
        today = local_day(at)
        if today < local_day(self.shop.now):
            self._issue("birthday", f"birthday:{self.member_id}:{today.year}", at)
        self.gift_on = self._birthday_after(today)

    def _win_back(self, at: datetime) -> None:
        last_on = self.last_purchase_on
        assert last_on is not None
        self.won_back_for = last_on
        self._issue("win_back", f"win_back:{self.member_id}:{last_on.isoformat()}", at)

    def _birthday_after(self, day: date) -> date:
        """Return the next day after `day` on which the member's birthday is kept."""
        kept = (_birthday_in(year, self.person.birthday) for year in (day.year, day.year + 1))
        return next(birthday for birthday in kept if birthday > day)


def _birthday_in(year: int, born: date) -> date:
    """Return the day of `year` on which it is kept: 29 February on the 28th in a common year."""
    if (born.month, born.day) == (2, 29):
        return date(year, 3, 1) - timedelta(days=1)
    return date(year, born.month, born.day)


def _at(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, TAIPEI)
