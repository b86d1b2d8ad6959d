"""What becomes of an upgrade: its gift, the way from qualified to the first benefit, the funnel."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.benefit import Benefit, UpgradeGift, gift_of, return_stock, take_stock
from models.coupon import Coupon, get_template, issue_coupon
from models.member import Member
from models.outbox import Owed
from models.programme import Programme
from models.tier import Rules, Tier, Upgrade

STAGES = ("qualified", "notified", "opened", "claimed", "first_used")
MOST_STUCK = 100


class NothingToClaim(BusinessError):
    """No upgrade of this member has a gift that waits for them."""

    code = "nothing_to_claim"


class GiftGone(BusinessError):
    """The last gift has been claimed."""

    code = "gift_gone"


@dataclass(frozen=True)
class Stage:
    """One stage of the funnel: how many came so far, and how many of the stage before did not."""

    name: str
    reached: int
    lost: int


def open_upgrade(
    session: Session,
    member_id: int,
    tier: Tier,
    rules: Rules,
    programme: Programme,
    now: datetime,
    *,
    told_by: str | None,
) -> None:
    """Begin an upgrade, once a member, tier and version; bring back one that a refund had voided.

    Where the tier has no gift to claim, it counts as claimed at once.
    """
    gifts = gift_of(programme, tier.id, now)
    lifetime_twd = _lifetime_twd(session, member_id) if len(gifts) > 1 else 0
    upsert = insert(Upgrade).values(
        member_id=member_id,
        tier_id=tier.id,
        version_id=rules.version_id,
        variant=choose_variant(gifts, lifetime_twd),
        told_by=told_by,
        qualified_at=now,
        claimed_at=None if gifts else now,
    )
    session.execute(
        upsert.on_conflict_do_update(
            index_elements=[Upgrade.member_id, Upgrade.tier_id, Upgrade.version_id],
            set_={"voided_at": None, "qualified_at": now, "told_by": told_by},
            where=Upgrade.voided_at.is_not(None),
        )
    )


def choose_variant(gifts: Sequence[tuple[Benefit, UpgradeGift]], lifetime_twd: int) -> str:
    """Choose which of a tier's gifts a member is offered: the dearest their spend allows."""
    by_spend = sorted((gift for _, gift in gifts), key=lambda gift: -gift.from_lifetime_twd)
    fitting = [gift for gift in by_spend if lifetime_twd >= gift.from_lifetime_twd]
    return (fitting or by_spend[-1:])[0].variant if by_spend else ""


def _lifetime_twd(session: Session, member_id: int) -> int:
    return session.scalar(select(Member.lifetime_twd).where(Member.id == member_id)) or 0


def name_message(session: Session, member_id: int, tier: Tier, rules: Rules, key: str) -> None:
    """Remember which message tells of an upgrade."""
    session.execute(
        update(Upgrade)
        .where(
            Upgrade.member_id == member_id,
            Upgrade.tier_id == tier.id,
            Upgrade.version_id == rules.version_id,
            Upgrade.notified_at.is_(None),
        )
        .values(told_by=key)
    )


def find_upgrade(session: Session, member: Member) -> Upgrade | None:
    """Return the newest upgrade of the member's present tier that stands, or None."""
    return session.scalars(
        select(Upgrade)
        .where(
            Upgrade.member_id == member.id,
            Upgrade.tier_id == member.tier_id,
            Upgrade.voided_at.is_(None),
        )
        .order_by(Upgrade.id.desc())
        .limit(1)
    ).one_or_none()


def note_opened(session: Session, member: Member, now: datetime) -> Upgrade | None:
    """Note that the member looked at their tier; return the upgrade whose gift waits, or None."""
    upgrade = find_upgrade(session, member)
    if upgrade is None:
        return None
    upgrade.opened_at = upgrade.opened_at or now
    upgrade.notified_at = upgrade.notified_at or now  # Who looks has seen it.
    return upgrade if upgrade.claimed_at is None else None


def claim_gift(session: Session, member: Member, programme: Programme, now: datetime) -> Coupon:
    """Give the member the gift of their upgrade; a second tap returns the same coupon.

    Locks the member's row. Raises NothingToClaim, or GiftGone where the stock is used up.
    """
    session.refresh(member, with_for_update=True)
    upgrade = find_upgrade(session, member)
    if upgrade is None:
        raise NothingToClaim
    if upgrade.claimed_at is not None:
        given = session.get(Coupon, upgrade.gift_coupon_id) if upgrade.gift_coupon_id else None
        if given is None:
            raise NothingToClaim
        return given
    gifts = gift_of(programme, member.tier_id, now)
    chosen = next((gift for gift in gifts if gift[1].variant == upgrade.variant), None)
    if chosen is None:
        raise NothingToClaim
    benefit, gift = chosen
    if not take_stock(session, benefit.id):
        raise GiftGone
    return _give(session, upgrade, gift, now)


def _give(session: Session, upgrade: Upgrade, gift: UpgradeGift, now: datetime) -> Coupon:
    upgrade.claims += 1
    key = (
        f"upgrade_gift:{upgrade.member_id}:{upgrade.tier_id}:{upgrade.version_id}:{upgrade.claims}"
    )
    coupon = issue_coupon(
        session, upgrade.member_id, get_template(session, gift.template), issue_key=key, now=now
    )
    assert coupon is not None, "each claim has a key of its own"
    upgrade.claimed_at, upgrade.gift_coupon_id = now, coupon.id
    upgrade.opened_at = upgrade.opened_at or now
    upgrade.notified_at = upgrade.notified_at or now
    session.flush()
    return coupon


def void_upgrades(
    session: Session, member_id: int, *, above: Tier, programme: Programme, now: datetime
) -> None:
    """Take back what upgrades above a tier gave, where a refund took the ground away.

    A gift not yet used is void and goes back into stock, and may be claimed again one day; a used
    one stays used, and is not given twice.
    """
    higher = [tier.id for tier in programme.tiers if tier.rank > above.rank]
    upgrades = session.scalars(
        select(Upgrade).where(
            Upgrade.member_id == member_id,
            Upgrade.tier_id.in_(higher),
            Upgrade.voided_at.is_(None),
        )
    ).all()
    for upgrade in upgrades:
        upgrade.voided_at = now
        if upgrade.gift_coupon_id is not None:
            _take_back(session, upgrade, programme)
    session.flush()


def _take_back(session: Session, upgrade: Upgrade, programme: Programme) -> None:
    taken = session.scalars(
        update(Coupon)
        .where(Coupon.id == upgrade.gift_coupon_id, Coupon.state == "issued")
        .values(state="void")
        .returning(Coupon.id)
    ).one_or_none()
    if taken is None:
        return
    upgrade.claimed_at = upgrade.gift_coupon_id = None
    gifts = gift_of(programme, upgrade.tier_id, None)
    chosen = next((benefit for benefit, gift in gifts if gift.variant == upgrade.variant), None)
    if chosen is not None:
        return_stock(session, chosen.id)


def settle_stages(session: Session) -> int:
    """Note what other tables know of upgrades; return how many notes were made.

    That LINE took the notice or what a journey said, that a link in it was clicked, that the gift
    was used. Run by night and before the funnel is drawn; messages are kept for a month, so none
    is missed.
    """
    told = session.execute(
        update(Upgrade)
        .where(
            Upgrade.notified_at.is_(None),
            Upgrade.told_by == Owed.idempotency_key,
            Owed.state == "accepted",
        )
        .values(notified_at=Owed.settled_at)
        .returning(Upgrade.id)
        .execution_options(synchronize_session=False)
    )
    used = session.execute(
        update(Upgrade)
        .where(
            Upgrade.first_used_at.is_(None),
            Upgrade.gift_coupon_id == Coupon.id,
            Coupon.state == "redeemed",
        )
        .values(first_used_at=Coupon.redeemed_at)
        .returning(Upgrade.id)
        .execution_options(synchronize_session=False)
    )
    by_journeys = [session.execute(noting).all() for noting in (_TOLD_BY_JOURNEY, _CLICKED)]
    return len(told.all()) + len(used.all()) + sum(map(len, by_journeys))


_SAID = """
    FROM upgrade AS reached
    JOIN journey_visit AS visit ON visit.member_id = reached.member_id
        AND CAST(visit.facts->>'upgrade_id' AS bigint) = reached.id
    JOIN outbox AS owed ON owed.visit_id = visit.id AND owed.state = 'accepted'
"""
"""What journeys said of upgrades. By name, for journeys stand above the rules of tiers."""
_TOLD_BY_JOURNEY = text(f"""
    UPDATE upgrade SET notified_at = told.at
    FROM (
        SELECT reached.id, min(owed.settled_at) AS at {_SAID}
        WHERE reached.notified_at IS NULL GROUP BY reached.id
    ) AS told
    WHERE upgrade.id = told.id RETURNING upgrade.id
""")  # noqa: S608  # Of our own words only.
_CLICKED = text(f"""
    UPDATE upgrade SET opened_at = clicked.at
    FROM (
        SELECT reached.id, min(click.at) AS at {_SAID}
        JOIN tracked_link AS link ON link.source = owed.source
        JOIN link_click AS click ON click.link_id = link.id
            AND click.member_id = reached.member_id AND click.at >= owed.settled_at
        WHERE reached.opened_at IS NULL GROUP BY reached.id
    ) AS clicked
    WHERE upgrade.id = clicked.id RETURNING upgrade.id
""")  # noqa: S608  # Of our own words only.


def note_first_use(session: Session, member: Member, now: datetime) -> None:
    """Note that the member used a benefit of their tier, such as a seat or an early sale."""
    upgrade = find_upgrade(session, member)
    if upgrade is not None and upgrade.first_used_at is None:
        upgrade.first_used_at = now
        upgrade.opened_at = upgrade.opened_at or now
        upgrade.notified_at = upgrade.notified_at or now


def funnel(
    session: Session,
    *,
    tier_id: int | None = None,
    variant: str | None = None,
    since: datetime | None = None,
) -> list[Stage]:
    """Return how many upgrades reached each stage, and how many were lost on the way to it."""
    reached = (
        func.count(),
        func.count(func.coalesce(Upgrade.notified_at, Upgrade.opened_at)),
        func.count(Upgrade.opened_at),
        func.count(Upgrade.claimed_at).filter(
            or_(Upgrade.opened_at.is_not(None), Upgrade.gift_coupon_id.is_not(None))
        ),
        func.count(Upgrade.first_used_at),
    )
    counts = select(*reached).where(Upgrade.voided_at.is_(None))
    if tier_id is not None:
        counts = counts.where(Upgrade.tier_id == tier_id)
    if variant is not None:
        counts = counts.where(Upgrade.variant == variant)
    if since is not None:
        counts = counts.where(Upgrade.qualified_at >= since)
    found = session.execute(counts).one()
    before = [found[0], *found[:-1]]
    return [
        Stage(name, count, max(earlier - count, 0))
        for name, count, earlier in zip(STAGES, found, before, strict=True)
    ]


def list_stuck(session: Session, stage: str) -> Sequence[Member]:
    """Return members whose upgrade came to `stage` and no further, the longest waiting first."""
    return [member for _, member in list_stuck_upgrades(session, stage, limit=MOST_STUCK)]


def list_stuck_upgrades(
    session: Session,
    stage: str,
    *,
    since: datetime | None = None,
    tier_id: int | None = None,
    after: tuple[datetime, int] | None = None,
    limit: int,
) -> list[tuple[Upgrade, Member]]:
    """Return upgrades that came to `stage` and no further, the longest waiting first.

    `since` is when they were qualified for at the earliest; `after` is the moment and the id at
    which a page before ended.
    """
    place = STAGES.index(stage)
    columns = {name: getattr(Upgrade, f"{name}_at") for name in STAGES}
    stuck = select(Upgrade, Member).join(Member, Upgrade.member_id == Member.id)
    stuck = stuck.where(Upgrade.voided_at.is_(None), columns[stage].is_not(None))
    for later in STAGES[place + 1 :]:
        stuck = stuck.where(columns[later].is_(None))
    if since is not None:
        stuck = stuck.where(Upgrade.qualified_at >= since)
    if tier_id is not None:
        stuck = stuck.where(Upgrade.tier_id == tier_id)
    if after is not None:
        stuck = stuck.where(tuple_(Upgrade.qualified_at, Upgrade.id) > tuple_(*after))
    rows = session.execute(stuck.order_by(Upgrade.qualified_at, Upgrade.id).limit(limit))
    return [(upgrade, member) for upgrade, member in rows]
