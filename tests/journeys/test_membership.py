"""The whole story of a member, from adding the account to a birthday without advertising."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, time, timedelta

import urllib3
import zxingcpp
from PIL import Image
from sqlalchemy import select

from models.coupon import Coupon
from models.friend import Friend
from models.local_day import TAIPEI, local_day
from models.member import Member
from models.outbox import Owed
from tests.journeys.people import Clerk, Json, Line, Shopper, picture_of, stays_so, written
from tests.processes import Installation, wait_until

PHONE = "0912-345-678"


def test_a_person_becomes_a_regular(shop: Installation, line: Line, clerk: Clerk) -> None:
    shopper = line.new_person("林小晴")
    tomorrow = _tomorrow()
    card = _join(shopper, tomorrow)
    _check_member(shop, shopper)

    clerk.look_up(_scan(card))
    _buy(shop, clerk, shopper, "450", "獲得 4 點", "4 點", "NT$450")

    _buy_again(shop, clerk, shopper)
    shopper.wait_for("恭喜升級")
    news = shopper.hears("恭喜升級")
    assert len(news) == 1
    new_card = shopper.answered(lambda: shopper.tap("show_card"))
    assert "銀卡" in written(new_card[0])

    stopped = shopper.answered(lambda: shopper.say("停止行銷"))
    assert "不會傳送行銷訊息" in written(stopped[0])
    _have_a_birthday(shop, shopper, tomorrow)


def test_who_comes_back_gets_the_menu_back(shop: Installation, line: Line) -> None:
    shopper = line.new_person("陳柏宇")
    _join(shopper, _tomorrow(), phone="0922333444")
    wait_until(lambda: "show_card" in shopper.menu(), "the members' menu")
    shopper.block()
    wait_until(lambda: not _is_friend(shop, shopper), "the block is known")
    assert shopper.menu() == []
    greeting = shopper.answered(shopper.follow)
    assert "茶日子" in written(greeting[0])
    wait_until(lambda: "show_card" in shopper.menu(), "the members' menu again")


def _tomorrow() -> date:
    """Return tomorrow; asked once a story, for the day may end in the middle of it."""
    return local_day(datetime.now(UTC)) + timedelta(days=1)


def _join(shopper: Shopper, tomorrow: date, phone: str = PHONE) -> Json:
    """Join from a poster of a store, and return the card."""
    assert "歡迎" in written(shopper.answered(shopper.follow)[0])
    assert "join" in shopper.menu()
    notice = shopper.answered(lambda: shopper.say("加入會員 #TP01"))
    assert "個人資料" in written(notice[0])
    shopper.answered(lambda: shopper.tap("agree_notice"))
    shopper.answered(lambda: shopper.say("林小晴"))
    shopper.answered(lambda: shopper.say(phone))
    welcome = shopper.answered(lambda: shopper.pick(_birthday(tomorrow)))
    assert "歡迎成為我們的會員" in written(welcome[0])
    assert "折 NT$30" in written(welcome[2])
    return welcome[1]


def _check_member(shop: Installation, shopper: Shopper) -> None:
    with shop.sessions() as session:
        member = session.scalars(select(Member).where(Member.line_user_id == shopper.id)).one()
    assert (member.phone, member.join_source) == ("+886912345678", "store:TP01")
    assert not member.marketing_allowed
    wait_until(lambda: "show_card" in shopper.menu(), "the members' menu")
    shopper.answered(lambda: shopper.tap("allow_marketing"))


def _scan(card: Json) -> str:
    """Read the QR as a till's scanner does, from the picture LINE would fetch."""
    answer = urllib3.request("GET", picture_of(card, "/qr/"), retries=False)
    assert answer.headers["Content-Type"] == "image/png"
    found = zxingcpp.read_barcode(Image.open(io.BytesIO(answer.data)).convert("L"))
    assert found is not None
    return str(found.text)


def _buy(shop: Installation, clerk: Clerk, shopper: Shopper, amount: str, *facts: str) -> None:
    """Confirm a purchase, and find its receipt in the chat, though no clock looks for it."""
    before = len(shopper.heard())
    with shop.processes["clock"].standing_still():
        page = clerk.confirm(amount)
        assert "已入帳" in page.text
        wait_until(lambda: len(shopper.heard()) > before, "the receipt")
    receipt = shopper.heard()[before]
    for fact in facts:
        assert fact in written(receipt["message"])


def _buy_again(shop: Installation, clerk: Clerk, shopper: Shopper) -> None:
    """Show a fresh card and buy so much that the tier is lifted."""
    card = shopper.answered(lambda: shopper.say("會員卡"))
    clerk.look_up(_scan(card[0]))
    _buy(shop, clerk, shopper, "5000", "獲得 50 點", "54 點", "銀卡")


def _have_a_birthday(shop: Installation, shopper: Shopper, day: date) -> None:
    """Let the birthday's morning come: the coupon is given, and nothing is sent."""
    heard = len(shopper.heard())
    morning = datetime.combine(day, time(10), TAIPEI)
    said = shop.command(f"job run run_journeys --at {morning:%Y-%m-%dT%H:%M%z}")
    assert "run_journeys at" in said, said
    with shop.sessions() as session:
        member = session.scalars(select(Member).where(Member.line_user_id == shopper.id)).one()
        gifts = session.scalars(
            select(Coupon).where(Coupon.issue_key == f"birthday:{member.id}:{morning.year}")
        ).all()
        owed = session.scalars(select(Owed).where(Owed.purpose == "birthday_gift")).all()
    assert len(gifts) == 1
    assert owed == []
    stays_so(lambda: len(shopper.heard()) == heard, 1.0, "nothing is said to who stopped it")


def _birthday(tomorrow: date) -> date:
    """Return a birthday thirty years ago tomorrow."""
    year = tomorrow.year - (32 if (tomorrow.month, tomorrow.day) == (2, 29) else 30)
    return tomorrow.replace(year=year)


def _is_friend(shop: Installation, shopper: Shopper) -> bool:
    with shop.sessions() as session:
        return session.get_one(Friend, shopper.id).is_following
