"""The demo's catalogue: what the tea shop sells, and what of it each of its sales was."""

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.browse_event import Look, keep_looks
from models.catalogue import CatalogueItem, Item, keep_items
from models.checkout import Change, Line, Order, change_order, record_order
from models.demo.people import CUP_PRICES_TWD
from models.exchange.copying import copy_rows
from models.member import Member
from models.purchase import Purchase, PurchaseLine
from models.shop import Store
from models.web_order import CANCELLED

Drink = tuple[str, str, str, int]

SEED = 20_261_123
LISTED_DAYS = 45
LOOKS_DAYS = 9
COST_PERCENT = 31
WEB_SHOP = "shopline"
DRINKS = (
    ("BT-M", "阿薩姆紅茶（中）", "原茶", 35),
    ("GT-M", "四季春青茶（中）", "原茶", 35),
    ("OT-M", "金萱烏龍（中）", "原茶", 40),
    ("WT-M", "冬瓜檸檬（中）", "果茶", 45),
    ("MT-M", "經典奶茶（中）", "奶茶", 50),
    ("PT-M", "珍珠奶茶（中）", "奶茶", 55),
    ("LT-M", "翡翠檸檬（中）", "果茶", 55),
    ("FM-M", "紅茶鮮奶茶（中）", "鮮奶茶", 60),
    ("FO-M", "烏龍鮮奶茶（中）", "鮮奶茶", 65),
    ("PF-M", "珍珠鮮奶茶（中）", "鮮奶茶", 70),
    ("TF-M", "芋頭鮮奶茶（中）", "鮮奶茶", 75),
    ("GF-M", "滿杯葡萄柚（中）", "果茶", 75),
)
GIFTS = (
    ("BOX-OT", "金萱烏龍茶葉 150 克", "茶葉", 400),
    ("BOX-GT", "四季春茶葉 150 克", "茶葉", 320),
    ("CUP-01", "環保吸管杯", "周邊", 280),
)
PRICE_STEP_TWD = 5
USUAL_SHARE = 0.5
LINE_COLUMNS = (
    *("purchase_id", "line_no", "sku", "name", "category"),
    *("quantity", "amount_twd", "cost_twd"),
)
SHIPPING_TWD = 80
WEB_STORE = "WEB"
LOOKERS = 40
SOLD_OUT = "TF-M"
FIRST_BARCODE = 4_710_000_000_000


def add_catalogue(session: Session, now: datetime) -> None:
    """Give the demo its items, its sales their lines, and a web shop with a few orders."""
    if session.scalar(select(CatalogueItem.sku).limit(1)) is not None:
        return
    chance = random.Random(SEED)  # noqa: S311 - which drink it was is no secret.
    keep_items(session, list(_items()), now - timedelta(days=LISTED_DAYS))
    _add_lines(session, chance)
    _add_web_shop(session, now)
    _add_looks(session, chance, now)


def _items() -> Iterator[Item]:
    for place, (sku, name, category, price_twd) in enumerate((*DRINKS, *GIFTS)):
        yield Item(
            sku=sku,
            name=name,
            barcode=str(FIRST_BARCODE + place),
            category=category,
            price_twd=price_twd,
            cost_twd=price_twd * COST_PERCENT // 100,
            is_available=sku != SOLD_OUT,
            link=f"https://teadays.example/items/{sku}",
        )


def _add_lines(session: Session, chance: random.Random) -> None:
    """Say which cups made up what each sale came to; most people have a usual one."""
    sold = session.execute(
        select(Purchase.id, Purchase.member_id, Purchase.amount_twd)
        .where(Purchase.undone_at.is_(None))
        .order_by(Purchase.id)
    ).all()
    usual: dict[int, Drink] = defaultdict(lambda: chance.choice(DRINKS))
    rows = (
        (purchase_id, number, sku, name, category, 1, price_twd, price_twd * COST_PERCENT // 100)
        for purchase_id, member_id, amount_twd in sold
        for number, (sku, name, category, price_twd) in enumerate(
            _cups(chance, usual[member_id], amount_twd), 1
        )
    )
    copy_rows(session, PurchaseLine.__tablename__, LINE_COLUMNS, rows)


def _cups(chance: random.Random, usual: Drink, amount_twd: int) -> list[Drink]:
    """Return drinks that together cost so much; none where no cups do."""
    cups: list[Drink] = []
    left_twd = amount_twd
    while left_twd:
        fitting = [drink for drink in DRINKS if _is_cups(left_twd - drink[3])]
        if not fitting:
            return []
        is_usual = usual in fitting and chance.random() < USUAL_SHARE
        cups.append(usual if is_usual else chance.choice(fitting))
        left_twd -= cups[-1][3]
    return cups


def _is_cups(amount_twd: int) -> bool:
    """Tell whether some cups, or none, cost so much: there is one for each step of the prices."""
    return amount_twd == 0 or (
        amount_twd >= min(CUP_PRICES_TWD) and amount_twd % PRICE_STEP_TWD == 0
    )


def _add_web_shop(session: Session, now: datetime) -> None:
    """Add the shop on the net, with a few orders of members who have no LINE to be told by."""
    shop = Store(
        code=WEB_STORE, name={"zh-TW": "線上商店", "en": "Online Shop", "ja": "オンラインショップ"}
    )
    session.add(shop)
    session.flush()
    buyers = session.scalars(
        select(Member)
        .where(Member.line_user_id.is_(None), Member.merged_into_id.is_(None))
        .order_by(Member.id)
        .limit(len(GIFTS))
    )
    orders = []
    for number, (buyer, gift) in enumerate(zip(buyers, GIFTS, strict=False), 1):
        sku, name, category, price_twd = gift
        asked = Order(
            source=WEB_SHOP,
            ref=f"TD-{number:04d}",
            member_id=buyer.id,
            store=shop,
            amount_twd=price_twd + SHIPPING_TWD,
            shipping_twd=SHIPPING_TWD,
            lines=(Line(name, price_twd, sku=sku, category=category),),
            ordered_at=now - timedelta(days=number, hours=2),
        )
        record_order(session, asked, now)
        orders.append(asked)
    for asked in orders[-1:]:
        change_order(session, Change(asked.source, asked.ref, CANCELLED, "買家取消"), now)


def _add_looks(session: Session, chance: random.Random, now: datetime) -> None:
    """Let some members have looked at something on the net, a few without ever having bought."""
    numbers = session.scalars(
        select(Member.number)
        .where(Member.marketing_allowed)
        .order_by(Member.purchase_count, Member.id.desc())
        .limit(LOOKERS)
    )
    looks = []
    for place, number in enumerate(numbers):
        sku, _, category, _ = chance.choice((*DRINKS, *GIFTS))
        looks.append(
            Look(
                event_id=f"demo-{place}",
                who=number,
                kind=chance.choice(("view", "view", "cart")),
                occurred_at=now - timedelta(minutes=chance.randint(1, LOOKS_DAYS * 24 * 60)),
                sku=sku,
                category=category,
                path=f"/items/{sku}",
            )
        )
    keep_looks(session, WEB_SHOP, looks, now)
