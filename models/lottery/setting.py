"""Setting lotteries up: odds that come to one at most, and stand fixed once somebody has drawn."""

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.activity import ODDS_PPM, Lottery, LotteryPrize, Reward, note_rule_change
from models.activity.giving import check_reward
from models.base import find_made
from models.lottery.table import Draw, OddsRefused


def add_lottery(session: Session, lottery: Lottery) -> Lottery:
    """Add a lottery, still without prizes. Raises OddsRefused (a taken code) or RewardRefused."""
    check_reward(session, Reward.from_words(lottery.consolation))
    try:
        with session.begin_nested():
            session.add(lottery)
    except IntegrityError as error:
        raise OddsRefused(lottery=lottery.code) from error
    note_rule_change(session)
    return lottery


def add_prize(session: Session, lottery: Lottery, prize: LotteryPrize) -> LotteryPrize:
    """Add the next prize; a key seen before adds none, and returns its prize.

    Raises OddsRefused where the odds would come to more than one.
    """
    known = find_made(session, LotteryPrize, prize.idempotency_key)
    if known is not None:
        return known
    check_reward(session, Reward.from_words(prize.reward))
    # One at a time: two prizes added at once must not come to more than one between them.
    session.refresh(lottery, with_for_update=True)
    if session.scalar(select(Draw.id).where(Draw.lottery_id == lottery.id).limit(1)) is not None:
        raise OddsRefused(lottery=lottery.code, has_draws=True)
    taken, last = session.execute(
        select(
            func.coalesce(func.sum(LotteryPrize.odds_ppm), 0),
            func.coalesce(func.max(LotteryPrize.place), 0),
        ).where(LotteryPrize.lottery_id == lottery.id)
    ).one()
    if not 0 < prize.odds_ppm <= ODDS_PPM - taken:
        raise OddsRefused(lottery=lottery.code, left_ppm=ODDS_PPM - taken)
    prize.lottery_id, prize.place, prize.left = lottery.id, last + 1, prize.stock
    session.add(prize)
    session.flush()
    return prize


def close_lottery(session: Session, lottery: Lottery) -> None:
    """Close a lottery: no ticket is given or drawn any more."""
    lottery.is_open = False
    note_rule_change(session)
