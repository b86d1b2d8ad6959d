"""The audit of draws: the list as it was written, and each draw done again from its number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.activity import LotteryPrize
from models.lottery.drawing import get_lottery, list_prizes, pick
from models.lottery.table import PRIZE, Draw
from models.member import Member
from models.prepared import NoteProgress, prepared

CHECKED_AT_ONCE = 1_000
CHECK = "lottery_check"
MOST_PROBLEMS = 100


@dataclass(frozen=True)
class Verified:
    """What a check of all draws found; `problems` names each draw or prize that is wrong."""

    draws: int
    problems: list[str]


def list_draws(
    session: Session, lottery_id: int, *, after_id: int = 0, limit: int
) -> Sequence[tuple[Draw, str]]:
    """Return draws in the order they were made, each with the member's number."""
    rows = session.execute(
        select(Draw, Member.number)
        .join(Member, Member.id == Draw.member_id)
        .where(Draw.lottery_id == lottery_id, Draw.id > after_id)
        .order_by(Draw.id)
        .limit(limit)
    )
    return [(made, number) for made, number in rows]


def verify_lottery(session: Session, lottery_id: int) -> Verified:
    """Do every draw again from its number and its odds, and count the prizes against the stock."""
    problems, draws, after_id = [], 0, 0
    while True:
        part = list_draws(session, lottery_id, after_id=after_id, limit=CHECKED_AT_ONCE)
        if not part:
            break
        after_id = part[-1][0].id
        draws += len(part)
        problems += [
            f"draw {made.id}: {made.number} stands for {pick(made.odds, made.number)},"
            f" not for {made.hit_prize_id}"
            for made, _ in part
            if pick(made.odds, made.number) != made.hit_prize_id
        ]
    won = _count_won(session, lottery_id)
    problems += [
        f"prize {prize.id}: {prize.stock} less {won.get(prize.id, 0)} won is not {prize.left}"
        for prize in list_prizes(session, lottery_id)
        if not _adds_up(prize, won)
    ]
    return Verified(draws, problems)


@prepared(CHECK, nightly=False)
def check_lottery(
    session: Session, _now: datetime, asked: Mapping[str, Any], _tell: NoteProgress
) -> dict[str, Any]:
    """Check all draws of the lottery `asked["code"]` for the page that wants to know.

    Raises LotteryClosed where there is none.
    """
    checked = verify_lottery(session, get_lottery(session, str(asked.get("code"))).id)
    return {"draws": checked.draws, "problems": checked.problems[:MOST_PROBLEMS]}


def _count_won(session: Session, lottery_id: int) -> dict[int | None, int]:
    rows = session.execute(
        select(Draw.hit_prize_id, func.count())
        .where(Draw.lottery_id == lottery_id, Draw.outcome == PRIZE)
        .group_by(Draw.hit_prize_id)
    )
    return dict(rows.all())


def _adds_up(prize: LotteryPrize, won: dict[int | None, int]) -> bool:
    return prize.left == prize.stock - won.get(prize.id, 0)
