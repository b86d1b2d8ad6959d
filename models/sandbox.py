"""The sandbox: the shop's rules in a world of their own, for who builds against the API.

A schema of the same database holds the same tables, made by the same migrations, and the shop's
rules as they were when it was made. A session of the sandbox sees nothing else, so every verb
works there as it is, and nothing it does reaches the shop: its members are made up, nobody
delivers what it owes, and the timetable's jobs do not run there.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import sql
from sqlalchemy import Computed, Connection, Table, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.api_key import ApiKey
from models.base import Base, BusinessError
from models.checkout import Sale, record_purchase
from models.coupon import CouponTemplate, issue_coupon
from models.exchange.archive import in_order, set_sequences
from models.exchange.copying import driver
from models.fraud.freezing import BY_STAFF, freeze_member
from models.member import Member
from models.membership import erase_member, register_at_till, set_marketing
from models.points import post_points
from models.shop import Shop, Store, list_stores

SCHEMA = "sandbox"
RULES = (
    "shop",
    "store",
    "notice",
    "activity_rule",
    "badge",
    "benefit",
    "campaign_setting",
    "class_action",
    "class_alert_setting",
    "community",
    "content_page",
    "coupon_template",
    "earn_rule",
    "festival",
    "gathering",
    "journey",
    "journey_version",
    "kpi",
    "lifecycle_setting",
    "lottery",
    "lottery_prize",
    "metric_definition",
    "mission",
    "outreach_setting",
    "plan",
    "referral_rule",
    "reward",
    "rfm_setting",
    "sale_event",
    "segment",
    "segment_version",
    "stamp_programme",
    "suppression_setting",
    "survey",
    "tag",
    "tag_trigger",
    "tier",
    "tier_version",
    "velocity_rule",
)
"""The tables that are copied: what a shop decides, with no person and no secret in any of them."""

SETTLED = timedelta(hours=1)
"""What its members have was given so long ago: the call that makes a sandbox is older than it."""
JOINED_DAYS_AGO = 90
VISIT_DAYS_AGO = (80, 65, 50, 35, 20, 5)
VISIT_TWD = 1_050
GIVEN_POINTS = 300
MOST_TEMPLATES = 20


class NoShopYet(BusinessError):
    """There is no shop whose rules a sandbox could have: `flask shop set-up` comes first."""

    code = "no_shop_yet"


@dataclass(frozen=True)
class KnownMember:
    """A made-up member who is in every sandbox; their number and phone never change."""

    number: str
    phone: str
    name: str
    story: str


NEWCOMER = KnownMember("200000016", "+886900000001", "測試新客", "a newcomer: no purchase yet")
REGULAR = KnownMember(
    "200000024", "+886900000002", "測試常客", "a regular: a tier, points, one of each coupon"
)
FROZEN = KnownMember(
    "200000032", "+886900000003", "測試凍結", "a frozen card: earns, spends nothing"
)
LEFT = KnownMember("200000040", "+886900000004", "測試離開", "has left: nobody is found")


def list_known_members() -> Sequence[KnownMember]:
    """Return the members that every sandbox has, in the order of their numbers."""
    return (NEWCOMER, REGULAR, FROZEN, LEFT)


def has_sandbox(connection: Connection) -> bool:
    """Tell whether this database has a sandbox."""
    return connection.scalar(text("SELECT to_regnamespace(:name)"), {"name": SCHEMA}) is not None


def create_sandbox(connection: Connection) -> None:
    """Make the sandbox's schema, with nothing in it yet."""
    connection.exec_driver_sql(f'CREATE SCHEMA "{SCHEMA}"')


def drop_sandbox(connection: Connection) -> int:
    """Remove the sandbox, if there is one; return the version its rules had, 0 without one.

    What opens next counts on from there, so that nobody takes its rules for those they remember.
    """
    if not has_sandbox(connection):
        return 0
    shop = sql.Identifier(SCHEMA, Shop.__tablename__)
    version: int | None = connection.exec_driver_sql(
        sql.SQL("SELECT max(programme_version) FROM {}").format(shop).as_string()
    ).scalar()
    connection.exec_driver_sql(f'DROP SCHEMA "{SCHEMA}" CASCADE')
    return version or 0


def fill_sandbox(session: Session, source: str, now: datetime, *, version: int = 0) -> None:
    """Fill the empty tables that the session sees: rules and keys of `source`, test members.

    `source` is the shop's schema, `version` what the rules of an earlier sandbox had reached.
    Raises NoShopYet.
    """
    tables = in_order(Base.metadata.tables[name] for name in RULES)
    for table in tables:
        _copy(session, source, table)
    shop = session.scalars(select(Shop)).one_or_none()
    if shop is None:
        raise NoShopYet
    shop.programme_version = max(shop.programme_version, version) + 1
    session.flush()
    with driver(session).cursor() as cursor:
        set_sequences(cursor, tables)
    _add_members(session, list_stores(session)[0], now - SETTLED)


def mirror_key(session: Session, key: ApiKey) -> None:
    """Give the sandbox that the session sees its own row of a key and its store, if it has none.

    Its rows name them. Nobody is let in by that row: whose key is good is the shop's to say.
    """
    for row in (key.store, key):
        columns = {column.key: getattr(row, column.key) for column in row.__table__.columns}
        session.execute(insert(type(row)).values(columns).on_conflict_do_nothing())


def _copy(session: Session, source: str, table: Table) -> None:
    """Copy a table's rows, ids and all, into the table of the same name that the session sees."""
    columns = sql.SQL(", ").join(
        sql.Identifier(column.name)
        for column in table.columns
        if not isinstance(column.server_default, Computed)
    )
    driver(session).execute(
        sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}").format(
            sql.Identifier(table.name), columns, columns, sql.Identifier(source, table.name)
        )
    )


def _add_members(session: Session, store: Store, now: datetime) -> None:
    joined_at = now - timedelta(days=JOINED_DAYS_AGO)
    members: dict[KnownMember, Member] = {}
    for known in list_known_members():
        member = register_at_till(
            session,
            known.phone,
            name=known.name,
            store=store,
            staff_id=None,
            evidence=f"sandbox:{known.number}",
            now=joined_at,
        )
        member.number = known.number
        members[known] = member
    session.flush()
    for known in (REGULAR, FROZEN):
        _give_past(session, members[known], store, now)
        evidence = f"sandbox:{known.number}:marketing"
        set_marketing(session, members[known], allowed=True, evidence=evidence, now=now)
    freeze_member(session, members[FROZEN], BY_STAFF, now=now)
    erase_member(session, members[LEFT], evidence=f"sandbox:{LEFT.number}", now=now)


def _give_past(session: Session, member: Member, store: Store, now: datetime) -> None:
    """Let a member have come for a while: sales that lift them, points to spend, coupons."""
    for days in VISIT_DAYS_AGO:
        key = f"sandbox:{member.number}:{days}"
        sale = Sale(member.id, store, None, VISIT_TWD, key)
        with suppress(BusinessError), session.begin_nested():  # A rule of the shop may say no.
            record_purchase(session, sale, now - timedelta(days=days))
    session.refresh(member)
    post_points(
        session,
        member,
        GIVEN_POINTS,
        reason="adjustment",
        idempotency_key=f"sandbox:{member.number}:points",
        now=now,
    )
    templates = session.scalars(
        select(CouponTemplate)
        .where(CouponTemplate.is_active)
        .order_by(CouponTemplate.id)
        .limit(MOST_TEMPLATES)
    )
    for template in templates.all():
        key = f"sandbox:{member.number}:{template.code}"
        with suppress(BusinessError), session.begin_nested():  # A rule of the shop may say no.
            issue_coupon(session, member.id, template, issue_key=key, now=now)
