"""What happened within some days, counted once for all the metrics that speak of it.

Each question is one statement over the members of a population: everybody who is here, or those
for whom a segment's rule holds now.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    or_,
    select,
)

from models.coupon import Coupon
from models.friend import Friend
from models.insight.unit import UnitFigure
from models.link.table import LinkClick, TrackedLink
from models.member import Member
from models.points.table import PointsEntry
from models.purchase.table import Purchase
from models.report.period import Span
from models.report.population import Population
from models.sending.table import CampaignBatch, CampaignRecipient, CampaignRun
from models.survey.table import CSAT, NPS, SurveyAnswer
from models.tier import Upgrade

CAMPAIGN_SOURCE = "campaign"
PROMOTER, DETRACTOR = 9, 6
Statement = Select[*tuple[Any, ...]]
_NET = Purchase.paid_twd - Purchase.refunded_twd


@dataclass(frozen=True)
class Sales:
    """What a population bought in some days, net of refunds; what was undone is no sale."""

    buyers: int
    orders: int
    net_twd: int
    squares: float
    """The sum of the orders' squared net amounts."""
    promo_orders: int
    old_buyers: int
    """Buyers who had bought before these days."""
    old_net_twd: int
    again: int
    """Buyers who bought on two days or more within these days."""
    orders_squared: float
    """The sum of the buyers' squared numbers of orders."""


@dataclass(frozen=True)
class People:
    """Members of a population at the end of some days."""

    members: int
    joined: int
    """Within these days."""
    old_customers: int
    """Who had bought before these days."""
    first_buyers: int
    """Whose first purchase, of those that stand, lies within these days."""


@dataclass(frozen=True)
class Messages:
    """What campaigns begun in these days came to, a member once a run."""

    accepted: int
    reached: int
    """Members who got one message or more."""
    reacted: int
    """Of those reached, who clicked or tapped in any."""
    clicked: int
    """Pairs of run and member in which a link was followed or a button tapped."""
    seen: int
    """People LINE saw a bubble on whose screen, of the runs of which LINE tells."""
    seen_of: int
    """Messages accepted in those runs."""


@dataclass(frozen=True)
class Scores:
    """Answers to surveys: how many, their sum, and the sum of their squares."""

    answers: int
    total: float
    squares: float


@dataclass
class Facts:
    """The facts of some days, each asked for when it is first needed."""

    population: Population
    span: Span

    @cached_property
    def sales(self) -> Sales:
        """Return what was bought."""
        each = self._sold_by_member().subquery("sold")
        is_old = Member.first_purchase_on < self.span.since
        found = self._one(
            select(
                func.count(),
                _whole(func.sum(each.c.orders)),
                _whole(func.sum(each.c.net_twd)),
                _real(func.sum(each.c.squares)),
                _whole(func.sum(each.c.promo_orders)),
                func.count().filter(is_old),
                _whole(func.sum(each.c.net_twd).filter(is_old)),
                func.count().filter(each.c.days > 1),
                _real(func.sum(each.c.orders * each.c.orders)),
            )
            .select_from(each)
            .join(Member, Member.id == each.c.member_id)
            .where(self.population.condition)
        )
        return Sales(*found)

    def _sold_by_member(self) -> Statement:
        return (
            select(
                Purchase.member_id,
                func.count().label("orders"),
                func.count(Purchase.purchased_on.distinct()).label("days"),
                func.sum(_NET).label("net_twd"),
                func.sum(cast(_NET, Float) * _NET).label("squares"),
                func.count().filter(Purchase.discount_twd > 0).label("promo_orders"),
            )
            .where(
                Purchase.purchased_on.between(self.span.since, self.span.until),
                Purchase.undone_at.is_(None),
            )
            .group_by(Purchase.member_id)
        )

    @cached_property
    def people(self) -> People:
        """Return the members."""
        since, until = self.span.since, self.span.until
        found = self._one(
            select(
                func.count(),
                func.count().filter(Member.joined_at >= self.span.begins_at),
                func.count().filter(Member.first_purchase_on < since),
                func.count().filter(Member.first_purchase_on.between(since, until)),
            ).where(self.population.condition, Member.joined_at < self.span.ends_at)
        )
        return People(*found)

    @cached_property
    def kept(self) -> tuple[int, int]:
        """Return who bought in as many days before, and how many of them bought again in these."""
        before = self._buyers_of(self.span.before).subquery("before")
        since = self._buyers_of(self.span).subquery("since")
        found = self._one(
            select(func.count(), func.count(since.c.member_id))
            .select_from(before)
            .join(Member, Member.id == before.c.member_id)
            .join(since, since.c.member_id == before.c.member_id, isouter=True)
            .where(self.population.condition)
        )
        return found[0], found[1]

    @staticmethod
    def _buyers_of(span: Span) -> Statement:
        bought = Purchase.purchased_on.between(span.since, span.until)
        return select(Purchase.member_id).where(bought, Purchase.undone_at.is_(None)).distinct()

    @cached_property
    def upgrades(self) -> tuple[int, int, int]:
        """Return upgrades qualified for, those completed, and those of which a benefit was used.

        An upgrade is complete once its gift is claimed; without a gift, once its owner has seen it.
        """
        is_done = and_(
            Upgrade.claimed_at.is_not(None),
            or_(Upgrade.opened_at.is_not(None), Upgrade.gift_coupon_id.is_not(None)),
        )
        found = self._one(
            select(
                func.count(),
                func.count().filter(is_done),
                func.count(Upgrade.first_used_at),
            )
            .select_from(Upgrade)
            .join(Member, Member.id == Upgrade.member_id)
            .where(
                self.population.condition,
                Upgrade.voided_at.is_(None),
                Upgrade.qualified_at >= self.span.begins_at,
                Upgrade.qualified_at < self.span.ends_at,
            )
        )
        return found[0], found[1], found[2]

    @cached_property
    def satisfaction(self) -> Scores:
        """Return the answers to questions of satisfaction, 1 to 5."""
        return self._scores(CSAT, cast(SurveyAnswer.score, Float))

    @cached_property
    def recommendation(self) -> Scores:
        """Return the answers whether one would recommend us: 1, 0 or -1 each."""
        score = SurveyAnswer.score
        return self._scores(
            NPS, case((score >= PROMOTER, 1.0), (score <= DETRACTOR, -1.0), else_=0.0)
        )

    def _scores(self, kind: str, score: ColumnElement[float]) -> Scores:
        found = self._one(
            select(func.count(), _real(func.sum(score)), _real(func.sum(score * score)))
            .select_from(SurveyAnswer)
            .join(Member, Member.id == SurveyAnswer.member_id)
            .where(
                self.population.condition,
                SurveyAnswer.kind == kind,
                SurveyAnswer.score.is_not(None),
                SurveyAnswer.answered_at >= self.span.begins_at,
                SurveyAnswer.answered_at < self.span.ends_at,
            )
        )
        return Scores(*found)

    @cached_property
    def coupons(self) -> tuple[int, int]:
        """Return the coupons given in these days, and how many of them have been used."""
        found = self._one(
            select(func.count(), func.count(Coupon.redeemed_at))
            .select_from(Coupon)
            .join(Member, Member.id == Coupon.member_id)
            .where(
                self.population.condition,
                Coupon.issued_at >= self.span.begins_at,
                Coupon.issued_at < self.span.ends_at,
            )
        )
        return found[0], found[1]

    @cached_property
    def points(self) -> tuple[int, int]:
        """Return the points earned and the points spent, less what was given back."""
        moved = PointsEntry.points + PointsEntry.pending
        is_spent = PointsEntry.reason == "redemption"
        is_back = and_(PointsEntry.reason == "reversal", moved > 0)
        is_earned = and_(moved > 0, PointsEntry.reason.not_in(("reversal", "activation", "import")))
        found = self._one(
            select(
                _whole(func.sum(moved).filter(is_earned)),
                _whole(func.sum(-moved).filter(or_(is_spent, is_back))),
            )
            .select_from(PointsEntry)
            .join(Member, Member.id == PointsEntry.member_id)
            .where(
                self.population.condition,
                PointsEntry.posted_at >= self.span.begins_at,
                PointsEntry.posted_at < self.span.ends_at,
            )
        )
        return found[0], found[1]

    @cached_property
    def blocks(self) -> tuple[int, int]:
        """Return who blocked us in these days, and friends now together with them."""
        is_blocked = and_(
            ~Friend.is_following,
            Friend.changed_at >= self.span.begins_at,
            Friend.changed_at < self.span.ends_at,
        )
        found = self._one(
            select(func.count().filter(is_blocked), func.count())
            .select_from(Friend)
            .join(Member, Member.line_user_id == Friend.line_user_id)
            .where(self.population.condition, or_(Friend.is_following, is_blocked))
        )
        return found[0], found[1]

    @cached_property
    def messages(self) -> Messages:
        """Return what the campaigns begun in these days came to."""
        runs = (
            select(CampaignRun.id, CampaignRun.unit_name)
            .where(
                CampaignRun.started_at >= self.span.begins_at,
                CampaignRun.started_at < self.span.ends_at,
            )
            .subquery("run")
        )
        got = self._recipients(runs).subquery("got")
        reacted = self._reactions(runs).subquery("reacted")
        found = self._one(
            select(
                func.count(),
                func.count(got.c.member_id.distinct()),
                func.count(reacted.c.member_id.distinct()),
                func.count(reacted.c.member_id),
            )
            .select_from(got)
            .join(
                reacted,
                and_(reacted.c.run_id == got.c.run_id, reacted.c.member_id == got.c.member_id),
                isouter=True,
            )
        )
        seen, seen_of = self._seen(runs) if self.population.is_everybody else (0, 0)
        accepted, reached, reacted, clicked = found
        return Messages(accepted, reached, reacted, clicked, seen, seen_of)

    def _recipients(self, runs: Any) -> Statement:
        return (
            select(CampaignRecipient.run_id, CampaignRecipient.member_id)
            .join(runs, runs.c.id == CampaignRecipient.run_id)
            .join(CampaignBatch, CampaignBatch.id == CampaignRecipient.batch_id, isouter=True)
            .join(Member, Member.id == CampaignRecipient.member_id)
            .where(
                self.population.condition,
                func.coalesce(CampaignRecipient.state, CampaignBatch.state) == "accepted",
            )
        )

    @staticmethod
    def _reactions(runs: Any) -> Statement:
        of_campaign = func.split_part(TrackedLink.source, ":", 1) == CAMPAIGN_SOURCE
        run_id = func.split_part(TrackedLink.source, ":", 2)
        return (
            select(runs.c.id.label("run_id"), LinkClick.member_id)
            .select_from(runs)
            .join(TrackedLink, and_(of_campaign, run_id == cast(runs.c.id, String)))
            .join(LinkClick, LinkClick.link_id == TrackedLink.id)
            .where(LinkClick.member_id.is_not(None))
            .distinct()
        )

    def _seen(self, runs: Any) -> tuple[int, int]:
        """Return what LINE saw, and of how many messages, for the names it tells of."""
        named = (
            select(runs.c.unit_name, func.array_agg(runs.c.id).label("ids"))
            .group_by(runs.c.unit_name)
            .subquery("named")
        )
        sent = (
            select(func.coalesce(func.sum(CampaignBatch.members), 0))
            .where(CampaignBatch.run_id == func.any(named.c.ids), CampaignBatch.state == "accepted")
            .correlate(named)
            .scalar_subquery()
        )
        own = (
            select(func.count())
            .where(
                CampaignRecipient.run_id == func.any(named.c.ids),
                CampaignRecipient.state == "accepted",
            )
            .correlate(named)
            .scalar_subquery()
        )
        found = self._one(
            select(_whole(func.sum(UnitFigure.unique_impressions)), _whole(func.sum(sent + own)))
            .select_from(named)
            .join(UnitFigure, UnitFigure.unit_name == named.c.unit_name)
            .where(UnitFigure.unique_impressions.is_not(None))
        )
        return found[0], found[1]

    def _one(self, statement: Statement) -> tuple[Any, ...]:
        return tuple(self.population.session.execute(statement).one())


def _whole(column: ColumnElement[Any]) -> ColumnElement[int]:
    return cast(func.coalesce(column, 0), BigInteger)


def _real(column: ColumnElement[Any]) -> ColumnElement[float]:
    return cast(func.coalesce(column, 0), Float)
