"""Reading the forecasts: the newest fit, one member's, what each tier is worth (A-26)."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.lifecycle.figures import is_here
from models.member import Member
from models.prediction.refusals import NoForecastYet, NotEnoughToPredict
from models.prediction.table import MemberForecast, ModelFit
from models.tier import Tier, list_tiers


@dataclass(frozen=True)
class TierValue:
    """What the members of one tier have brought, and what is expected of them."""

    tier: Tier
    members: int
    buyers: int
    historic_twd: int
    """Net spend of all time, of all of them."""
    expected_twd: int
    """Expected net spend of the next 365 days; 0 where nothing is foretold."""

    @property
    def lifetime_value_twd(self) -> int:
        """Return the mean lifetime value of one member: what was, and what the year will bring."""
        return (self.historic_twd + self.expected_twd) // self.members if self.members else 0


def find_fit(session: Session) -> ModelFit | None:
    """Return the newest fit, or None before the first night; it may be a refusal."""
    return session.scalars(select(ModelFit).order_by(ModelFit.as_of.desc()).limit(1)).one_or_none()


def get_fit(session: Session) -> ModelFit:
    """Return the newest fit. Raises NoForecastYet, or NotEnoughToPredict with what is missing."""
    fit = find_fit(session)
    if fit is None:
        raise NoForecastYet
    if fit.refused is not None:
        raise NotEnoughToPredict(**fit.refused)
    return fit


def find_forecast(session: Session, member_id: int) -> MemberForecast | None:
    """Return what is expected of a member; None for who never bought, or where nothing is."""
    return session.get(MemberForecast, member_id)


def list_likeliest(session: Session, *, limit: int) -> list[tuple[Member, MemberForecast]]:
    """Return who will most likely buy in the next 14 days (B-18), the likeliest first."""
    rows = session.execute(
        select(Member, MemberForecast)
        .join(MemberForecast, MemberForecast.member_id == Member.id)
        .where(is_here())
        .order_by(MemberForecast.likely.desc(), Member.id)
        .limit(limit)
    )
    return [(member, forecast) for member, forecast in rows]


def list_tier_values(session: Session) -> list[TierValue]:
    """Return the historic and the expected value of each tier, lowest first; one statement."""
    rows = session.execute(
        select(
            Member.tier_id,
            func.count(),
            func.count().filter(Member.purchase_count > 0),
            func.sum(Member.lifetime_twd),
            func.coalesce(func.sum(MemberForecast.value_365_twd), 0),
        )
        .join(MemberForecast, MemberForecast.member_id == Member.id, isouter=True)
        .where(is_here())
        .group_by(Member.tier_id)
    )
    counted = {tier_id: tuple(map(int, rest)) for tier_id, *rest in rows}
    return [
        TierValue(tier, *counted.get(tier.id, (0, 0, 0, 0)))
        for tier in sorted(list_tiers(session), key=lambda tier: tier.rank)
    ]
