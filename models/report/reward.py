"""The reward ledger (E-21): coupons by template and points by month, and what became of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, and_, case, cast, func, select
from sqlalchemy.orm import Session

from models.base import Texts, said
from models.catalogue import CatalogueItem
from models.coupon import Coupon, CouponTemplate, Redemption
from models.local_day import local_day
from models.points import Forecast, LedgerMonth, forecast, ledger_by_month
from models.report.findings import (
    Chart,
    Column,
    Figure,
    Findings,
    Row,
    Series,
    Table,
    plain,
)
from models.report.heading import MONTH
from models.report.opening import rule
from models.report.period import YEAR_MONTHS
from models.segment.rule import asks

MOST_TEMPLATES = 100
ISSUED = said("發出", "Issued", "発行")
USED = said("已使用", "Used", "利用済み")
EXPIRED = said("已過期", "Expired", "失効")
REVERSED = said("已收回", "Taken back", "取消")
OWED = said("未使用", "Outstanding", "未利用残高")
OWED_FORMULA = said(
    "發出 − 已使用 − 已過期 − 已收回。",
    "Issued less used, expired and taken back.",
    "発行 − 利用 − 失効 − 取消。",
)


@dataclass(frozen=True)
class CouponLine:
    """What became of all coupons of one template; every coupon is in one of the four."""

    code: str
    name: Texts
    issued: int
    used: int
    expired: int
    void: int
    outstanding: int
    discount_twd: int
    """What those used took off sales, as it stands."""
    each_twd: int | None
    """What one costs: what it takes off at most, or its goods; None where that is not known."""

    @property
    def use_rate(self) -> float | None:
        """Return used of those that had their whole time; None where none had."""
        ended = self.used + self.expired
        return self.used / ended if ended else None

    @property
    def expected_twd(self) -> int | None:
        """Return what those outstanding will cost, by what was used of those before."""
        each = self.discount_twd / self.used if self.discount_twd else self.each_twd
        if self.use_rate is None or each is None:
            return None
        return round(self.outstanding * self.use_rate * each)


def list_coupon_lines(session: Session, now: datetime) -> list[CouponLine]:
    """Return each template's ledger, the largest outstanding first; one statement."""
    is_open = and_(Coupon.state.in_(("issued", "locked")), Coupon.expires_at > now)
    is_over = and_(Coupon.state.in_(("issued", "locked")), Coupon.expires_at <= now)
    taken = (
        select(Coupon.template_id, func.sum(Redemption.discount_twd).label("twd"))
        .join(Redemption, Redemption.coupon_id == Coupon.id)
        .where(Redemption.reversed_at.is_(None))
        .group_by(Coupon.template_id)
        .subquery("taken")
    )
    counted = (
        select(
            Coupon.template_id,
            func.count().label("issued"),
            func.count().filter(Coupon.state == "redeemed").label("used"),
            func.count().filter(is_over).label("expired"),
            func.count().filter(Coupon.state == "void").label("void"),
            func.count().filter(is_open).label("outstanding"),
        )
        .group_by(Coupon.template_id)
        .subquery("counted")
    )
    each = case(
        (CouponTemplate.kind == "amount", CouponTemplate.value),
        (CouponTemplate.kind == "percent", CouponTemplate.cap_twd),
        else_=CatalogueItem.cost_twd,
    )
    rows = session.execute(
        select(
            CouponTemplate.code,
            CouponTemplate.name,
            *(counted.c[name] for name in ("issued", "used", "expired", "void", "outstanding")),
            cast(func.coalesce(taken.c.twd, 0), BigInteger),
            each,
        )
        .join(counted, counted.c.template_id == CouponTemplate.id)
        .join(taken, taken.c.template_id == CouponTemplate.id, isouter=True)
        .join(CatalogueItem, CatalogueItem.sku == CouponTemplate.item_sku, isouter=True)
        .order_by(counted.c.outstanding.desc(), CouponTemplate.id)
        .limit(MOST_TEMPLATES)
    )
    return [CouponLine(*row) for row in rows]


def reward_findings(session: Session, now: datetime, _values: Mapping[str, Any]) -> Findings:
    """Tell of points and coupons what was issued, used, expired, taken back, and is owed."""
    today = local_day(now)
    return told_rewards(
        ledger_by_month(session, today, YEAR_MONTHS),
        forecast(session, today, YEAR_MONTHS),
        list_coupon_lines(session, now),
    )


def told_rewards(
    months: Sequence[LedgerMonth], owed: Forecast, coupons: Sequence[CouponLine]
) -> Findings:
    """Tell the reward ledger as findings."""
    expected = [line.expected_twd for line in coupons if line.expected_twd is not None]
    figures = (
        Figure(
            "points_owed_twd",
            said("未使用點數（折算）", "Points outstanding", "未利用ポイント"),
            owed.outstanding_twd,
            "twd",
            said(
                "會員手上的點數（含待生效）× 每點價值。",
                "Points that members hold, pending ones too, × a point's value.",
                "会員が保有するポイント（有効化待ちを含む）× 1 ポイントの価値。",
            ),
            opens=rule(asks("points", "at_least", 1)),
        ),
        Figure(
            "coupons_open",
            said("未使用優惠券", "Coupons outstanding", "未利用クーポン"),
            sum(line.outstanding for line in coupons),
            "count",
            OWED_FORMULA,
            opens=rule(asks("coupons_usable", "at_least", 1)),
        ),
        Figure(
            "coupons_expected_twd",
            said("優惠券預期成本", "Expected cost of coupons", "クーポン想定コスト"),
            sum(expected) if expected else None,
            "twd",
            said(
                "未使用張數 × 該券過去的使用率 × 每張成本（平均折抵，或贈品的商品成本）；"
                "沒有結束過、或不知道成本的券不估。",
                "Outstanding × the template's rate of use × what one costs (its mean discount, or "
                "its goods); where none ended or the cost is not known, none is estimated.",
                "未利用枚数 × 過去の利用率 × 1 枚の原価（平均割引額または商品原価）。"
                "終了実績や原価のない券は推計しません。",
            ),
        ),
    )
    return Findings(
        figures, (_ledger_chart(months),), (_points_table(months), _coupon_table(coupons))
    )


def _ledger_chart(months: Sequence[LedgerMonth]) -> Chart:
    return Chart(
        "bars",
        said("每月發出與使用的點數", "Points issued and used", "月別の付与・利用ポイント"),
        "points",
        names=tuple(plain(f"{month.first_day:%Y/%m}") for month in months),
        series=(
            Series(ISSUED, tuple(month.issued for month in months)),
            Series(USED, tuple(month.used for month in months)),
            Series(EXPIRED, tuple(month.expired for month in months)),
            Series(REVERSED, tuple(month.reversed for month in months)),
        ),
    )


def _points_table(months: Sequence[LedgerMonth]) -> Table:
    return Table(
        "points",
        said("點數帳", "Points ledger", "ポイント台帳"),
        (
            Column(MONTH, "month"),
            Column(ISSUED, "points"),
            Column(USED, "points"),
            Column(EXPIRED, "points"),
            Column(REVERSED, "points"),
            Column(said("月底未使用", "Owed at the end", "月末残高"), "points"),
        ),
        tuple(
            Row(
                (
                    month.first_day,
                    month.issued,
                    month.used,
                    month.expired,
                    month.reversed,
                    month.outstanding,
                )
            )
            for month in months
        ),
        OWED_FORMULA,
    )


def _coupon_table(coupons: Sequence[CouponLine]) -> Table:
    return Table(
        "coupons",
        said("優惠券帳", "Coupon ledger", "クーポン台帳"),
        (
            Column(said("優惠券", "Coupon", "クーポン"), "text"),
            Column(ISSUED),
            Column(USED),
            Column(EXPIRED),
            Column(REVERSED),
            Column(OWED),
            Column(said("使用率", "Rate of use", "利用率"), "percent"),
            Column(said("已折抵", "Taken off", "割引額"), "twd"),
            Column(said("預期成本", "Expected cost", "想定コスト"), "twd"),
        ),
        tuple(
            Row(
                (
                    line.name,
                    line.issued,
                    line.used,
                    line.expired,
                    line.void,
                    line.outstanding,
                    line.use_rate,
                    line.discount_twd,
                    line.expected_twd,
                ),
                rule(asks("coupon_usable", "any_of", [line.code])),
            )
            for line in coupons
        ),
        OWED_FORMULA,
    )
