"""What one played day of the demo shop did, read from the rows that it left: nothing is counted
while it is played, so what is told is what any shop could read.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import String, cast, func, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.base import in_language, squeezed
from models.campaign import Campaign
from models.classification.table import ClassAlert, ClassNight
from models.coupon import Redemption
from models.journey import TRIGGERS, Journey, JourneyVersion
from models.journey.step import SENDS
from models.kpi.table import KpiValue
from models.member import Member, masked_name
from models.outbox import MENU_KIND, REPLY_KIND, Owed
from models.prediction.table import ModelFit
from models.purchase import Purchase
from models.quota import QuotaEntry
from models.segment.table import Segment
from models.sending import CampaignRun
from models.tag.table import Tag, TagEvent
from models.tier import Tier, TierChange

CHINESE = "zh-TW"
REPLY = "reply"
REASONS: Mapping[str, str] = {
    "receipt": "消費收據",
    "refund": "退款通知",
    "reply": "聊天回覆",
    "tier_up_notice": "升級通知",
    "tier_down_notice": "降級通知",
    "tier_warning": "保級提醒",
    "birthday_gift": "生日禮",
    "coupon_expiry": "優惠券到期提醒",
    "coupon_redeemed": "兌換通知",
    "win_back": "喚回",
    "welcome_back": "歡迎回來",
    "points_adjusted": "點數調整通知",
    "points_reversed": "點數收回通知",
    "referral_rewarded": "推薦獎勵通知",
    "gathering_moved_up": "活動候補通知",
    "plan_started": "方案開通",
    "plan_renewed": "方案續約",
    "plan_ending": "方案到期提醒",
    "plan_ended": "方案結束",
    "stamps_ending": "集點卡到期提醒",
}
"""What messages that no journey and no campaign sent are called."""


@dataclass
class Sent:
    """Messages of one cause on one day: to whom, by which way, what they cost."""

    group: str
    """`campaign`, `journey` or `service`."""
    name: str
    """Which campaign or journey, or what the message is."""
    cause: str
    first_at: datetime | None = None
    accepted: int = 0
    free: int = 0
    """Of those accepted, how many a reply carried."""
    skipped: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    """Refused, or never heard of again."""
    channels: Counter[str] = field(default_factory=Counter)
    people: list[str] = field(default_factory=list)
    """The masked names of those whom it reached, in the order in which it did."""
    cost_twd: Decimal = Decimal(0)

    @property
    def counted(self) -> int:
        """Return how many of the month's messages it took."""
        return self.accepted - self.free - self.channels["email"]


@dataclass(frozen=True)
class Day:
    """What one day brought, all of it without a human step."""

    sent: Sequence[Sent]
    sales: int
    net_twd: int
    coupons_used: int
    discount_twd: int
    newcomers: Sequence[str]
    blocked: int
    tiers: Sequence[tuple[str, str, str, bool]]
    """Who went from which tier to which, and whether up."""
    tags: Sequence[tuple[str, int, int]]
    """Each tag with how many got it and how many lost it."""
    classes_moved: int
    """How many members the night's classes changed of."""
    alerts: int
    kpis: int
    forecast: str
    """What the night's fit said of itself."""


def read_day(session: Session, since: datetime, until: datetime) -> Day:
    """Return what happened from one moment to another."""
    sales = session.execute(
        select(func.count(), func.coalesce(func.sum(Purchase.paid_twd), 0)).where(
            Purchase.purchased_at >= since, Purchase.purchased_at < until
        )
    ).one()
    coupons = session.execute(
        select(func.count(), func.coalesce(func.sum(Redemption.discount_twd), 0)).where(
            Redemption.redeemed_at >= since,
            Redemption.redeemed_at < until,
            Redemption.reversed_at.is_(None),
        )
    ).one()
    joined = select(Member.name).where(Member.joined_at >= since, Member.joined_at < until)
    return Day(
        sent=[*_sent_by_campaigns(session, since, until), *_sent_singly(session, since, until)],
        sales=sales[0],
        net_twd=sales[1],
        coupons_used=coupons[0],
        discount_twd=coupons[1],
        newcomers=[masked_name(name) for name in session.scalars(joined.order_by(Member.id))],
        blocked=session.execute(_BLOCKED, {"since": since, "until": until}).scalar_one(),
        tiers=_tiers_moved(session, since, until),
        tags=_tags_moved(session, since, until),
        classes_moved=session.scalar(
            select(func.coalesce(func.sum(ClassNight.changed), 0)).where(
                ClassNight.ended_at >= since, ClassNight.ended_at < until
            )
        )
        or 0,
        alerts=_count(session, ClassAlert.raised_at, since, until),
        kpis=_count(session, KpiValue.measured_at, since, until),
        forecast=_forecast(session, since, until),
    )


def _count(
    session: Session, moment: InstrumentedAttribute[datetime], since: datetime, until: datetime
) -> int:
    return session.scalar(select(func.count()).where(moment >= since, moment < until)) or 0


def _sent_by_campaigns(session: Session, since: datetime, until: datetime) -> list[Sent]:
    found: dict[tuple[int, str], Sent] = {}
    runs = select(CampaignRun.id, Campaign).join(Campaign, Campaign.id == CampaignRun.campaign_id)
    names = dict(session.execute(runs).all())
    segments = {
        segment.code: in_language(segment.name, CHINESE)
        for segment in session.scalars(select(Segment))
    }
    for row in session.execute(_RECIPIENTS, {"since": since, "until": until}):
        campaign = names[row.run_id]
        variant = row.variant or campaign.variants[0]["code"]  # Who is held out has none.
        key = (row.run_id, variant)
        line = found.get(key)
        if line is None:
            parts = len(campaign.variants)
            which = f" {variant} 版" if parts > 1 else ""
            line = found[key] = Sent(
                "campaign",
                f"{in_language(campaign.name, CHINESE)}{which}",
                f"分群「{segments.get(campaign.segment_code, campaign.segment_code)}」",
            )
        _note(line, row.state, row.reason, row.channel, row.at, row.name, is_free=False)
    for (run_id, _), line in found.items():
        line.cost_twd = _cost_of_run(session, run_id, found, line)
    return list(found.values())


def _cost_of_run(
    session: Session, run_id: int, found: Mapping[tuple[int, str], Sent], line: Sent
) -> Decimal:
    """Return a line's part of what the run's messages added to the bill."""
    spent = session.scalar(
        select(func.coalesce(func.sum(QuotaEntry.cost_twd), 0)).where(
            QuotaEntry.kind == "use", QuotaEntry.source == f"campaign:{run_id}"
        )
    )
    counted = sum(each.counted for key, each in found.items() if key[0] == run_id)
    return Decimal(spent or 0) * line.counted / counted if counted else Decimal(0)


def _sent_singly(session: Session, since: datetime, until: datetime) -> list[Sent]:
    rows = session.execute(
        select(Owed, Member.name, QuotaEntry.cost_twd)
        .outerjoin(Member, Member.id == Owed.member_id)
        .outerjoin(
            QuotaEntry, (QuotaEntry.key == cast(Owed.id, String)) & (QuotaEntry.kind == "use")
        )
        .where(Owed.settled_at >= since, Owed.settled_at < until, Owed.kind != MENU_KIND)
        .order_by(Owed.settled_at, Owed.seq)
    ).all()
    journeys = _journeys(session)
    found: dict[tuple[str, str], Sent] = {}
    for owed, name, cost_twd in rows:
        line = _line_of(owed, journeys)
        line = found.setdefault((line.name, line.cause), line)
        is_free = owed.via == REPLY or owed.kind == REPLY_KIND
        _note(line, owed.state, owed.reason, owed.channel, owed.settled_at, name, is_free=is_free)
        line.cost_twd += cost_twd or 0
    return sorted(found.values(), key=lambda line: (line.group, line.first_at or until, line.name))


def _line_of(owed: Owed, journeys: Mapping[str, tuple[str, str, Sequence[str]]]) -> Sent:
    """Return an empty line for what an owed message came of."""
    kind, _, rest = (owed.source or "").partition(":")
    if kind == "journey":
        code, *_, step = rest.split(":")
        name, cause, steps = journeys.get(code, (code, "", ()))
        which = f"・第 {steps.index(step) + 1} 則" if len(steps) > 1 and step in steps else ""
        return Sent("journey", f"{name}{which}", cause)
    return Sent("service", REASONS.get(owed.kind, owed.kind), "會員自己的動作")


def _journeys(session: Session) -> dict[str, tuple[str, str, Sequence[str]]]:
    """Return each journey's name, what starts it, and its steps that send, by its code."""
    rows = session.execute(
        select(Journey.code, Journey.name, JourneyVersion.definition).join(
            JourneyVersion,
            (JourneyVersion.journey_code == Journey.code)
            & (JourneyVersion.version == Journey.version),
        )
    )
    return {
        code: (
            in_language(name, CHINESE),
            in_language(dict(TRIGGERS[definition["trigger"]["on"]].names), CHINESE),
            [step["id"] for step in definition["steps"] if step["do"] in SENDS],
        )
        for code, name, definition in rows
    }


def _note(
    line: Sent,
    state: str,
    reason: str | None,
    channel: str | None,
    at: datetime | None,
    name: str | None,
    *,
    is_free: bool,
) -> None:
    line.first_at = line.first_at or at
    if state == "accepted":
        line.accepted += 1
        line.free += is_free
        line.channels[channel or "line"] += 1
        if name is not None:
            line.people.append(masked_name(name))
    elif state == "skipped":
        line.skipped[reason or ""] += 1
    else:
        line.failed += 1


def _tiers_moved(
    session: Session, since: datetime, until: datetime
) -> list[tuple[str, str, str, bool]]:
    tiers = {tier.id: tier for tier in session.scalars(select(Tier))}
    rows = session.execute(
        select(Member.name, TierChange.from_tier_id, TierChange.to_tier_id)
        .join(Member, Member.id == TierChange.member_id)
        .where(TierChange.changed_at >= since, TierChange.changed_at < until)
        .order_by(TierChange.id)
    )
    return [
        (
            masked_name(name),
            in_language(tiers[before].name, CHINESE),
            in_language(tiers[after].name, CHINESE),
            tiers[after].rank > tiers[before].rank,
        )
        for name, before, after in rows
    ]


def _tags_moved(session: Session, since: datetime, until: datetime) -> list[tuple[str, int, int]]:
    rows = session.execute(
        select(
            Tag.name,
            func.count().filter(TagEvent.what == "added"),
            func.count().filter(TagEvent.what == "removed"),
        )
        .join(Tag, Tag.code == TagEvent.tag_code)
        .where(TagEvent.at >= since, TagEvent.at < until)
        .group_by(Tag.code)
        .order_by(Tag.code)
    )
    return [(in_language(name, CHINESE), given, taken) for name, given, taken in rows]


def _forecast(session: Session, since: datetime, until: datetime) -> str:
    fit = session.scalars(
        select(ModelFit)
        .where(ModelFit.fitted_at >= since, ModelFit.fitted_at < until)
        .order_by(ModelFit.id.desc())
        .limit(1)
    ).one_or_none()
    if fit is None:
        return "無"
    return "資料不足" if fit.refused else f"{fit.buyers:,} 位買家"


def total_of(days: Iterable[Day]) -> list[Sent]:
    """Return the lines of several days, those of one cause added up."""
    found: dict[tuple[str, str], Sent] = {}
    for day in days:
        for line in day.sent:
            sum_ = found.setdefault(
                (line.name, line.cause), Sent(line.group, line.name, line.cause)
            )
            sum_.accepted += line.accepted
            sum_.free += line.free
            sum_.failed += line.failed
            sum_.skipped += line.skipped
            sum_.channels += line.channels
            sum_.cost_twd += line.cost_twd
    return sorted(found.values(), key=lambda line: (line.group, line.name))


_RECIPIENTS = text(
    squeezed("""
        SELECT person.run_id, person.variant, coalesce(person.state, batch.state) AS state,
            CASE WHEN person.state IS NULL THEN batch.reason ELSE person.reason END AS reason,
            batch.channel, coalesce(person.settled_at, batch.settled_at) AS at, member.name
        FROM campaign_recipient AS person JOIN member ON member.id = person.member_id
        LEFT JOIN campaign_batch AS batch ON batch.id = person.batch_id
        WHERE coalesce(person.settled_at, batch.settled_at) >= :since
            AND coalesce(person.settled_at, batch.settled_at) < :until
        ORDER BY person.run_id, person.variant, at, member.id
    """)
)
_BLOCKED = text(
    squeezed("""
        SELECT count(*) FROM friend
        WHERE NOT is_following AND changed_at >= :since AND changed_at < :until
    """)
)
