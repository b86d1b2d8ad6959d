"""Freezing: from a run's moment on, whom it goes to is rows, in batches of one content each.

One statement, so that a million members are frozen at one moment, and in seconds: members do not
come, go or change sides while a run is under way, and a second freezing finds the first one's.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Insert,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.orm import Session

from models.campaign.arm import position_of
from models.channel import channel_sql, with_channels
from models.lifecycle.figures import is_here
from models.member import Member
from models.outbox import EMAIL
from models.quota import expected_margin, remaining
from models.segment import Context, condition_of, parse_rule
from models.sending.spec import Arm, Spec, read_spec
from models.sending.steering import get_run
from models.sending.table import BATCH_SIZE, CampaignBatch, CampaignRecipient, CampaignRun

LETTERS_SIZE = 50
"""A batch by e-mail is small: where a worker dies in it, whoever may have had theirs is unknown."""
LONGEST = "120s"
"""How long the statement may take; a million members take some 15 s."""
SORTING_MEMORY = "128MB"
HOLDOUT = "holdout"
LANGUAGES = ("zh-TW", "en", "ja")
_FREEZING = 7_241_028
"""The first half of the advisory lock that only who freezes a run holds; the run is the second."""


def begin_run(session: Session, run_id: int, now: datetime) -> bool:
    """Let a planned run begin, where its moment has come and is not over; tell whether it did."""
    begun = session.scalar(
        update(CampaignRun)
        .where(
            CampaignRun.id == run_id,
            CampaignRun.state == "planned",
            CampaignRun.send_at <= now,
            CampaignRun.until > now,
        )
        .values(state="freezing", started_at=now)
        .returning(CampaignRun.id)
    )
    return begun is not None


def freeze_run(session: Session, run_id: int, now: datetime) -> int:
    """Write down whom a run that has begun goes to, in batches; return how many people that is.

    Does nothing, and returns 0, where the run was frozen before or somebody is just doing it. What
    is steered meanwhile holds: of a run cancelled by then all are skipped. Raises NoSuchRun.
    """
    number = (_FREEZING, run_id % 2**31)
    if not session.scalar(select(func.pg_try_advisory_xact_lock(*number))):
        return 0
    run = get_run(session, run_id)
    session.refresh(run)
    if run.started_at is None or run.frozen_at is not None:
        return 0
    session.execute(text(f"SET LOCAL statement_timeout = '{LONGEST}'"))
    session.execute(text(f"SET LOCAL work_mem = '{SORTING_MEMORY}'"))
    planned = _freeze(session, run_id, read_spec(run.spec), now)
    session.execute(
        update(CampaignRun)
        .where(CampaignRun.id == run_id)
        .values(
            planned=planned,
            frozen_at=now,
            state=case((CampaignRun.state == "freezing", "sending"), else_=CampaignRun.state),
        )
        .execution_options(synchronize_session=False)
    )
    return planned


def _freeze(session: Session, run_id: int, spec: Spec, now: datetime) -> int:
    placed = _placed(_audience(session, spec, now), spec)
    salt = f"{uuid.uuid4()}:{run_id}"  # A retry key is never used twice, whatever a run's id.
    batches = _batches(placed, run_id, salt, spec, now).cte("batches")
    result = session.execute(
        _recipients(placed, run_id, salt, now).add_cte(batches),
        execution_options={"preserve_rowcount": True},
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def _audience(session: Session, spec: Spec, now: datetime) -> CTE:
    """Return every recipient: language, channel (NULL: none reaches them) and number of the arm."""
    context = Context(session, now)
    arms = [_holds(arm, spec, context) for arm in spec.arms]
    place = case(*((holds, number) for number, holds in enumerate(arms)), else_=null())
    asked = with_channels(
        select(
            Member.id,
            case((Member.language.in_(LANGUAGES), Member.language), else_=LANGUAGES[0]).label(
                "language"
            ),
            channel_sql(spec.channel).label("channel"),  # type: ignore[arg-type]
            place.label("arm"),
            *_worth(session, now),
        ).select_from(Member)
    )
    chosen = true() if spec.rule is None else condition_of(parse_rule(spec.rule), context)
    return asked.where(is_here(), chosen, or_(*arms)).cte("audience")


def _holds(arm: Arm, spec: Spec, context: Context) -> ColumnElement[bool]:
    position = position_of(spec.code)
    within = and_(position >= arm.start, position < arm.end)
    return within if arm.rule is None else and_(within, _rule(arm.rule, context))


def _rule(rule: dict[str, Any], context: Context) -> ColumnElement[bool]:
    return func.coalesce(condition_of(parse_rule(rule), context), False)


def _worth(session: Session, now: datetime) -> list[ColumnElement[Any]]:
    """Return what recipients are ordered by: where the quota may be short, what each brings."""
    left = remaining(session, now).left_for_marketing
    if left is None or left >= (session.scalar(select(func.count()).select_from(Member)) or 0):
        return []
    return [expected_margin(session, now).label("worth")]


def _placed(audience: CTE, spec: Spec) -> CTE:
    """Return the recipients, each with the number of their batch among those like it."""
    columns = audience.c
    alike = (columns.arm, columns.language.collate("C"), columns.channel.collate("C"))
    first = [columns.worth.desc()] if "worth" in columns else []
    row = func.row_number().over(partition_by=alike, order_by=(*first, columns.id))
    size = case((columns.channel == EMAIL, LETTERS_SIZE), else_=BATCH_SIZE)
    variants = [arm.variant for arm in spec.arms]
    return select(
        columns.id,
        columns.language,
        columns.channel,
        case(
            *((columns.arm == n, literal(code, Text)) for n, code in enumerate(variants)),
            else_=null(),
        ).label("variant"),
        ((row - 1) // size).label("place"),
    ).cte("placed")


def _key(columns: Any, salt: str) -> ColumnElement[uuid.UUID]:
    """Return a batch's id, worked out alike where it is made and where it is referred to."""
    parts = (salt, columns.variant, columns.language, columns.channel, columns.place)
    return cast(func.md5(func.concat_ws(":", *parts)), Uuid)


def _is_sent(columns: Any) -> ColumnElement[bool]:
    return and_(columns.variant.is_not(None), columns.channel.is_not(None))


def _batches(placed: CTE, run_id: int, salt: str, spec: Spec, now: datetime) -> Insert:
    columns = placed.c
    alike = (columns.variant, columns.language, columns.channel)
    drawn = [each.code for each in spec.variants if spec.draws_each(each)]
    number = func.row_number().over(order_by=(columns.place, *alike))
    made: Select[Any] = (
        select(
            _key(columns, salt),
            bindparam("run_id", run_id),
            number,
            *alike,
            or_(columns.variant.in_(drawn), columns.channel == EMAIL),
            func.count(),
            literal("waiting"),
            bindparam("now", now),
        )
        .where(_is_sent(columns))
        .group_by(*alike, columns.place)
    )
    names = "id run_id number variant language channel is_personal members state next_try_at"
    return insert(CampaignBatch).from_select(names.split(), made, include_defaults=False)


def _recipients(placed: CTE, run_id: int, salt: str, now: datetime) -> Insert:
    columns = placed.c
    reason = case(
        (columns.variant.is_(None), HOLDOUT),
        (columns.channel.is_(None), "unreachable"),
        else_=null(),
    )
    sent = _is_sent(columns)
    made = select(
        bindparam("run_id", run_id),
        columns.id,
        columns.variant,
        case((sent, _key(columns, salt)), else_=null()),
        case((sent, null()), else_="skipped"),
        reason,
        case((sent, null()), else_=bindparam("now", now)),
    )
    names = "run_id member_id variant batch_id state reason settled_at"
    return insert(CampaignRecipient).from_select(names.split(), made, include_defaults=False)
