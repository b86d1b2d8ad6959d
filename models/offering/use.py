"""Where a coupon stands behind something else: what ends or runs dry with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, cast, select
from sqlalchemy.orm import Session

from models.activity import Lottery, LotteryPrize, Mission, ReferralRule
from models.benefit import Benefit
from models.campaign.table import DRAFT, ENDED, Campaign
from models.coupon import CouponTemplate
from models.journey.table import Journey, JourneyVersion
from models.reward import Reward
from models.stamp_card import StampProgramme

SENDS_NOTHING = (DRAFT, *ENDED)


@dataclass(frozen=True)
class Use:
    """One thing that gives the coupon: its kind, its code and its name a language."""

    kind: str
    code: str
    name: Mapping[str, str]


def uses_of_coupon(session: Session, template: CouponTemplate) -> list[Use]:
    """Return all that gives members this coupon."""
    return [
        *_direct(session, template),
        *_rewarding(session, template.code),
        *_benefits(session, template.code),
        *_told(session, template.code),
    ]


def _direct(session: Session, template: CouponTemplate) -> Iterator[Use]:
    cards = select(StampProgramme).where(StampProgramme.reward_template_id == template.id)
    for card in session.scalars(cards.order_by(StampProgramme.id)):
        yield Use("stamp_card", card.code, card.name)
    rewards = select(Reward).where(Reward.template_id == template.id)
    for reward in session.scalars(rewards.order_by(Reward.id)):
        yield Use("reward", reward.code, reward.name)


def _rewarding(session: Session, code: str) -> Iterator[Use]:
    for mission in session.scalars(select(Mission).order_by(Mission.id)):
        if mission.reward.get("coupon") == code:
            yield Use("mission", mission.code, mission.name)
    prizes = select(LotteryPrize, Lottery).join(Lottery, Lottery.id == LotteryPrize.lottery_id)
    for prize, lottery in session.execute(prizes.order_by(Lottery.id, LotteryPrize.place)):
        if prize.reward.get("coupon") == code:
            yield Use("lottery", lottery.code, prize.name)
    for lottery in session.scalars(select(Lottery).order_by(Lottery.id)):
        if (lottery.consolation or {}).get("coupon") == code:
            yield Use("lottery", lottery.code, lottery.name)
    for rule in session.scalars(select(ReferralRule)):
        if code in (rule.referrer_reward.get("coupon"), rule.friend_reward.get("coupon")):
            yield Use("referral_rule", "only", {})


def _benefits(session: Session, code: str) -> Iterator[Use]:
    given = select(Benefit).where(Benefit.parameters["template"].astext == code)
    for benefit in session.scalars(given.order_by(Benefit.id)):
        yield Use("benefit", benefit.kind, {})


def _told(session: Session, code: str) -> Iterator[Use]:
    """Find it in what campaigns and journeys in force send: their words are JSON."""
    said = f'%"{code}"%'
    campaigns = select(Campaign).where(
        Campaign.state.not_in(SENDS_NOTHING), _text(Campaign.variants).like(said)
    )
    for campaign in session.scalars(campaigns.order_by(Campaign.id)):
        yield Use("campaign", campaign.code, campaign.name)
    journeys = (
        select(Journey)
        .join(
            JourneyVersion,
            (JourneyVersion.journey_code == Journey.code)
            & (JourneyVersion.version == Journey.version),
        )
        .where(Journey.state == "active", _text(JourneyVersion.definition).like(said))
    )
    for journey in session.scalars(journeys.order_by(Journey.code)):
        yield Use("journey", journey.code, journey.name)


def _text(column: Any) -> Any:
    return cast(column, String)
