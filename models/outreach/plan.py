"""The calendar: who will be sent what in the next days, what it costs, and who will not and why.

The days are played through in a table of the transaction's own: each sending in its turn asks, of
each member it wants, what they were sent and will have been sent by then. What somebody will do by
themselves changes it; it is worked out anew each time it is asked for (X9, T6).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Date,
    Integer,
    MetaData,
    Row,
    Table,
    and_,
    case,
    false,
    func,
    literal,
    null,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Session

from models.base import most_first, squeezed
from models.channel import channel_sql, with_channels
from models.classification.table import ClassNight, MemberClass
from models.local_day import day_start, local_day
from models.member import Member
from models.outbox import LINE
from models.outreach.asking import (
    FREQUENCY_CAP,
    MARKETING_STOPPED,
    WAITING,
    WIN_BACK,
    WIN_BACK_LOCK,
)
from models.outreach.coming import Sending, forget_expected, list_sendings
from models.outreach.setting import OutreachRules, get_rules
from models.quota import Cost, QuotaMonth, cost_in, month_of
from models.quota.month import find_month
from models.suppression import (
    CHOOSES_THE_SILENT,
    COLUMNS,
    SUPPRESSED,
    get_threshold,
    is_suppressed,
    unpaid_classes,
)

MOST_DAYS = 62
SAMPLE = 20
HOLDOUT, NO_QUOTA = "holdout", "quota"

_PLAYED = Table(
    "outreach_played",
    MetaData(),
    Column("member_id", BigInteger),
    Column("day", Date),
    Column("number", Integer),
    Column("is_win_back", Boolean),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)
"""Whom each sending was played for; number 0 is what was sent before."""


@dataclass(frozen=True)
class Planned:
    """One sending of one moment: from which source, to how many, at what cost."""

    at: datetime
    source: str
    names: Mapping[str, str]
    """What it is called: the campaign, the journey, the message's kind."""
    priority: int
    people: int
    member_ids: Sequence[int] = ()
    """Some of them."""
    messages: int = 0
    """Of LINE's quota; who is written to by mail costs none."""
    cost_twd: Decimal = Decimal(0)
    """What it adds to the month's bill, after all that comes before it."""
    skipped: Mapping[str, int] = field(default_factory=dict)
    """How many will not be written to, by reason."""
    collisions: int = 0
    """How many of those it wants another one has on the days that count."""


def plan_of(
    session: Session,
    days: int,
    now: datetime,
    *,
    member_id: int | None = None,
    note_progress: Callable[[int, int], None] | None = None,
) -> list[Planned]:
    """Return what is planned for the next days, in the order of time; of one member where told.

    `note_progress` is told how many of how many sendings were played.
    """
    until = day_start(local_day(now) + timedelta(days=min(days, MOST_DAYS)))
    rules = get_rules(session)
    sendings = list_sendings(session, rules, now, until, member_id=member_id)
    player = _Player(session, rules, member_id)
    player.lay_out(now)
    played = []
    for number, each in enumerate(sendings, 1):
        played.append(player.play(number, each))
        if note_progress is not None:
            note_progress(number, len(sendings))
    player.clear_up()
    found = sorted((each for each in played if each is not None), key=lambda each: each.at)
    return list(_priced(session, found))


@dataclass
class _Player:
    """Plays one sending after another."""

    session: Session
    rules: OutreachRules
    member_id: int | None
    away: ColumnElement[Any] = field(init=False)
    suppressed: ColumnElement[bool] = field(init=False)

    def __post_init__(self) -> None:
        self.away = _class_key(self.session)
        self.suppressed = is_suppressed(get_threshold(self.session))

    def lay_out(self, now: datetime) -> None:
        """Make the table, with what was sent in the days that still count."""
        self.session.execute(text("DROP TABLE IF EXISTS outreach_played"))
        _PLAYED.create(self.session.connection())
        days = max(self.rules.window_days, self.rules.win_back_days)
        asked = {"since": day_start(local_day(now) - timedelta(days=days)), "id": self.member_id}
        self.session.execute(_BEFORE, asked)
        self.session.execute(text("CREATE INDEX ON outreach_played (member_id)"))

    def clear_up(self) -> None:
        """Drop the tables."""
        self.session.execute(text("DROP TABLE outreach_played"))
        forget_expected(self.session)

    def play(self, number: int, sending: Sending) -> Planned | None:
        """Give a sending its places; None where it wants nobody."""
        wanted = sending.people.subquery("wanted")
        judged = self._judged(sending, wanted).cte("judged")
        new = _PLAYED.insert().from_select(
            ["member_id", "day", "number", "is_win_back"],
            select(
                judged.c.member_id,
                literal(local_day(sending.at), Date),
                literal(number),
                literal(sending.intent == WIN_BACK),
            ).where(judged.c.reason.is_(None), literal(sending.is_marketing)),
        )
        some = func.array_agg(judged.c.member_id)[1:SAMPLE]
        rows = self.session.execute(
            select(
                judged.c.reason,
                judged.c.channel,
                func.count().label("people"),
                func.count().filter(judged.c.collides).label("collisions"),
                some.label("members"),
            )
            .group_by(judged.c.reason, judged.c.channel)
            .add_cte(new.cte("kept"))
        ).all()
        return _planned(sending, rows) if rows else None

    def _judged(self, sending: Sending, wanted: Any) -> Any:
        channel = channel_sql(sending.channel)  # type: ignore[arg-type]  # One of the three.
        held = func.bool_or(wanted.c.is_held_out)
        people = select(wanted.c.member_id, held.label("is_held_out")).group_by(wanted.c.member_id)
        if self.member_id is not None:
            people = people.where(wanted.c.member_id == self.member_id)
        each = people.subquery("each")
        counted = self._counted(sending, each)
        return with_channels(
            select(
                each.c.member_id,
                self._reason(sending, each, counted, channel).label("reason"),
                channel.label("channel"),
                (counted.c.planned > 0).label("collides"),
            )
            .select_from(each)
            .join(Member, Member.id == each.c.member_id)
            .join(counted, literal(True))
        )

    def _counted(self, sending: Sending, each: Any) -> Any:
        day, rules = local_day(sending.at), self.rules
        played = _PLAYED.c
        lately = played.day > day - timedelta(days=rules.window_days)
        locks = played.is_win_back & (played.day > day - timedelta(days=rules.win_back_days))
        return (
            select(
                func.count().filter(played.day == day).label("today"),
                func.count().filter(lately, played.day <= day).label("lately"),
                func.count().filter(played.day == day, played.number > 0).label("ahead"),
                func.count().filter(lately, played.number > 0).label("planned"),
                func.coalesce(func.bool_or(locks), false()).label("won_back"),
            )
            .where(played.member_id == each.c.member_id)
            .lateral("counted")
        )

    def _reason(
        self, sending: Sending, each: Any, counted: Any, channel: ColumnElement[Any]
    ) -> ColumnElement[Any]:
        reach = [
            (each.c.is_held_out, HOLDOUT),
            (Member.erased_at.is_not(None), "erased"),
            (Member.merged_into_id.is_not(None), "merged"),
            (channel.is_(None), "no_email" if sending.channel == "email" else "not_a_friend"),
        ]
        if not sending.is_marketing:
            return case(*reach, else_=null())
        is_full = self._is_full(counted, 0)
        reasons = [
            *reach,
            (~Member.marketing_allowed, MARKETING_STOPPED),
            (self.suppressed, SUPPRESSED),
            (and_(counted.c.won_back, literal(sending.intent == WIN_BACK)), WIN_BACK_LOCK),
            (and_(is_full, ~self._is_full(counted, counted.c.ahead)), WAITING),
            (is_full, FREQUENCY_CAP),
        ]
        if sending.intent in CHOOSES_THE_SILENT:
            return case(*reasons, else_=null())
        return case(*reasons[:6], (self.away.is_not(None), self.away), *reasons[6:], else_=null())

    def _is_full(self, counted: Any, less: Any) -> ColumnElement[bool]:
        """Tell whether no place is left, not counting so many of today's."""
        caps = ((self.rules.day_cap, counted.c.today), (self.rules.window_cap, counted.c.lately))
        full = [sent - less >= cap for cap, sent in caps if cap is not None]
        return or_(false(), *full)


def _class_key(session: Session) -> ColumnElement[Any]:
    """Return the class for which nothing that costs money is sent to a member, or NULL."""
    kept = [
        (getattr(MemberClass, COLUMNS[model]).in_(sorted(codes)), model)
        for model, codes in unpaid_classes(session).items()
    ]
    if not kept:
        return null()
    newest = select(func.max(ClassNight.day)).scalar_subquery()
    named = case(
        *(
            (condition, literal(f"{model}:").concat(getattr(MemberClass, COLUMNS[model])))
            for condition, model in kept
        )
    )
    return (
        select(named)
        .where(
            MemberClass.member_id == Member.id,
            or_(Member.last_purchase_on.is_(None), Member.last_purchase_on < newest),
        )
        .correlate(Member)
        .scalar_subquery()
    )


def _planned(sending: Sending, rows: Iterable[Row[Any]]) -> Planned:
    skipped: Counter[str] = Counter()
    people = messages = collisions = 0
    members: list[int] = []
    for row in rows:
        collisions += row.collisions
        if row.reason is not None:
            skipped[row.reason] += row.people
            continue
        people += row.people
        messages += row.people if row.channel == LINE else 0
        members += row.members
    return Planned(
        at=sending.at,
        source=sending.source,
        names=sending.names,
        priority=sending.priority,
        people=people,
        member_ids=tuple(sorted(members)[:SAMPLE]),
        messages=messages,
        skipped=dict(most_first(skipped)),
        collisions=collisions,
    )


def _priced(session: Session, planned: Iterable[Planned]) -> Iterable[Planned]:
    """Add to each what its messages cost after those before it, month by month."""
    months: dict[date, QuotaMonth] = {}
    costs: dict[date, Cost] = {}
    for each in planned:
        month = month_of(each.at)
        row = months.get(month) or find_month(session, each.at)
        before = costs.get(month) or cost_in(row, 0, each.at)
        after = before
        if each.messages:
            after = cost_in(row, before.messages + each.messages, each.at)
        months[month], costs[month] = row, after
        yield _with_cost(each, after.more_twd - before.more_twd, after.short - before.short)


def _with_cost(planned: Planned, cost_twd: Decimal, short: int) -> Planned:
    if not short:
        return replace(planned, cost_twd=cost_twd)
    return replace(
        planned,
        cost_twd=cost_twd,
        people=planned.people - short,
        messages=planned.messages - short,
        skipped={**planned.skipped, NO_QUOTA: short},
    )


_BEFORE = text(
    squeezed("""
        INSERT INTO outreach_played (member_id, day, number, is_win_back)
        SELECT owed.member_id, CAST(coalesce(owed.settled_at, owed.first_try_at)
                AT TIME ZONE 'Asia/Taipei' AS date), 0,
            coalesce(owed.purpose, owed.kind) = 'win_back'
        FROM outbox AS owed
        WHERE owed.is_marketing AND owed.member_id = coalesce(CAST(:id AS bigint), owed.member_id)
            AND (owed.state IN ('accepted', 'unknown')
                OR (owed.state = 'waiting' AND owed.in_doubt))
            AND coalesce(owed.settled_at, owed.first_try_at) >= :since
        UNION ALL
        SELECT recipient.member_id, CAST(coalesce(recipient.settled_at, batch.settled_at,
                batch.first_try_at, run.send_at) AT TIME ZONE 'Asia/Taipei' AS date), 0, false
        FROM campaign_run AS run JOIN campaign_recipient AS recipient ON recipient.run_id = run.id
        JOIN campaign_batch AS batch ON batch.id = recipient.batch_id
        WHERE run.started_at IS NOT NULL AND (run.finished_at IS NULL OR run.finished_at >= :since)
            AND coalesce(run.spec ->> 'kind', 'marketing') <> 'service'
            AND recipient.member_id = coalesce(CAST(:id AS bigint), recipient.member_id)
            AND (coalesce(recipient.state, batch.state) IN ('accepted', 'unknown')
                OR (recipient.state IS NULL AND batch.state = 'waiting'))
            AND coalesce(recipient.settled_at, batch.settled_at, batch.first_try_at, run.send_at)
                >= :since
    """)
)
"""What was sent, and what a run that is sending now will have sent in a moment."""
