"""What goes along with an upgrade (E-18): a logistic regression over members of a quarter ago."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.base import Texts, said, squeezed
from models.local_day import day_start, local_day
from models.member import Member
from models.report.findings import Chart, Column, Figure, Findings, Row, Table, Whisker, filled
from models.report.heading import HIGH, LOW

if TYPE_CHECKING:
    from models.report.logit import Fit

WINDOW_DAYS = 90
MOST_SAMPLED = 40_000
FEWEST_CASES = 20
SURE = 0.05

DRIVERS: Mapping[str, Texts] = {
    "rank": said("目前等級每高一級", "One tier higher", "ランクが 1 つ上"),
    "orders": said("90 天內每多一筆訂單", "One more order in 90 days", "直近 90 日の注文 1 件増"),
    "thousands": said(
        "90 天內每多 NT$1,000", "NT$1,000 more in 90 days", "直近 90 日の購入 NT$1,000 増"
    ),
    "months_silent": said("每多沉默一個月", "One more month of silence", "沈黙 1 か月増"),
    "promo": said(
        "促銷占比每多 10 個百分點", "10 points more on promotion", "販促比率 10 ポイント増"
    ),
    "events": said(
        "半年內每多一次活動或任務",
        "One more event or mission in half a year",
        "直近半年のイベント・ミッション 1 回増",
    ),
    "coupons": said(
        "90 天內每多用一張券",
        "One more coupon used in 90 days",
        "直近 90 日のクーポン利用 1 枚増",
    ),
    "reactions": said(
        "90 天內每多點一次訊息", "One more click in 90 days", "直近 90 日の反応 1 回増"
    ),
    "years": said("入會每多一年", "One more year of membership", "会員歴 1 年増"),
}


def driver_findings(session: Session, now: datetime, _values: Mapping[str, Any]) -> Findings:
    """Tell which of the drivers go along with an upgrade within the next 90 days, and how much."""
    rows = read_cases(session, now)
    if len(rows) < FEWEST_CASES:
        return Findings(notes=(filled(_TOO_FEW, cases=len(rows), needed=FEWEST_CASES),))
    import numpy as np

    from models.report.logit import fit_logit  # Only the night's work needs it: it is heavy.

    cases = np.array(rows, dtype=np.float64)
    return told_drivers(fit_logit(tuple(DRIVERS), cases[:, 1:], cases[:, 0]), len(rows))


def read_cases(session: Session, now: datetime) -> Sequence[Sequence[Any]]:
    """Return whether each upgraded, then their drivers, as of 90 days ago; one statement.

    Members below the highest tier who had bought by then; of a large shop a sample.
    """
    members = session.scalar(select(func.count()).select_from(Member)) or 0
    on = local_day(now) - timedelta(days=WINDOW_DAYS)
    asked = {
        "on": on,
        "at": day_start(on),
        "until": day_start(on + timedelta(days=WINDOW_DAYS)),
        "since": on - timedelta(days=WINDOW_DAYS),
        "since_at": day_start(on - timedelta(days=WINDOW_DAYS)),
        "half_year_at": day_start(on - timedelta(days=2 * WINDOW_DAYS)),
        "step": max(-(-members // MOST_SAMPLED), 1),
    }
    return [tuple(row) for row in session.execute(_CASES, asked)]


def told_drivers(fit: "Fit | None", cases: int) -> Findings:
    """Tell a regression as findings."""
    if fit is None:
        return Findings(notes=(filled(_NOTHING_VARIES, cases=cases),))
    ordered = sorted(fit.odds, key=lambda each: each.p_value)
    chart = Chart(
        "intervals",
        said("升等機會的勝算比", "Odds ratios of an upgrade", "昇格のオッズ比"),
        "ratio",
        whiskers=tuple(
            Whisker(DRIVERS[each.name], each.ratio, each.low, each.high) for each in ordered
        ),
        centre=1.0,
    )
    table = Table(
        "drivers",
        said("升等的驅動因素", "Drivers of an upgrade", "昇格の要因"),
        (
            Column(said("因素", "Driver", "要因"), "text"),
            Column(said("勝算比", "Odds ratio", "オッズ比"), "ratio"),
            Column(LOW, "ratio"),
            Column(HIGH, "ratio"),
            Column(said("p 值", "p", "p 値"), "chance"),
            Column(said("解讀", "Reading", "読み方"), "text"),
        ),
        tuple(
            Row(
                (
                    DRIVERS[each.name],
                    each.ratio,
                    each.low,
                    each.high,
                    each.p_value,
                    _reading(each.ratio, each.p_value),
                ),
                tone=_tone(each.ratio, each.p_value),
            )
            for each in ordered
        ),
        _ODDS,
    )
    return Findings(_figures(fit), (chart,), (table,), _notes(fit))


def _figures(fit: "Fit") -> tuple[Figure, ...]:
    formula = said(
        "90 天前還能升等、而且買過的會員。",
        "Members who had bought by 90 days ago and could still rise.",
        "90 日前に購入歴があり、昇格の余地がある会員。",
    )
    return (
        Figure("cases", said("樣本數（n）", "Cases (n)", "件数（n）"), fit.cases, "count", formula),
        Figure(
            "events",
            said("其中升等的人", "Of these, upgraded", "うち昇格"),
            fit.events,
            "count",
            said(
                "接下來 90 天內升等。",
                "Who rose within the next 90 days.",
                "その後 90 日以内に昇格。",
            ),
        ),
        Figure(
            "explained",
            said("解釋力（擬似 R²）", "Explained (pseudo R²)", "説明力（擬似 R²）"),
            fit.explained,
            "number",
            said(
                "McFadden：0 是完全看不出，0.2 以上算不錯。",
                "McFadden's: 0 explains nothing, 0.2 and more is good.",
                "McFadden：0 は説明力なし、0.2 以上で良好。",
            ),
        ),
    )


def _reading(ratio: float, p_value: float) -> Texts:
    if p_value >= SURE:
        return said("看不出關聯", "no clear relation", "関連は不明")
    if ratio > 1:
        return said("一起升高", "goes along with more upgrades", "昇格が増える")
    return said("一起降低", "goes along with fewer upgrades", "昇格が減る")


def _tone(ratio: float, p_value: float) -> str | None:
    if p_value >= SURE:
        return None
    return "success" if ratio > 1 else "warning"


def _notes(fit: "Fit") -> tuple[Texts, ...]:
    notes: list[Texts] = []
    if fit.is_small:
        facts = {"events": min(fit.events, fit.cases - fit.events), "columns": len(fit.odds)}
        notes.append(filled(_SMALL, **facts))
    if fit.method != "likelihood":
        notes.append(_SEPARATED)
    if fit.dropped:
        notes.append(
            {
                language: words.format(
                    names=_JOINED[language].join(DRIVERS[name][language] for name in fit.dropped)
                )
                for language, words in _DROPPED.items()
            }
        )
    notes.append(_NO_CAUSE)
    return tuple(notes)


_JOINED = {"zh-TW": "、", "en": ", ", "ja": "、"}
_TOO_FEW = said(
    "90 天前買過、還能升等的會員只有 {cases} 位，至少要 {needed} 位才能分析。",
    "Only {cases} members had bought by 90 days ago and could rise; {needed} are needed.",
    "90 日前に購入歴があり昇格の余地がある会員は {cases} 人のみ。{needed} 人以上必要です。",
)
_NOTHING_VARIES = said(
    "{cases} 位會員在 90 天內全都升等或全都沒有，看不出因素。",
    "Of {cases} members all rose within 90 days, or none did: nothing can be told apart.",
    "{cases} 人の会員が 90 日以内に全員昇格、または全員非昇格のため、要因を判別できません。",
)
_SMALL = said(
    "樣本太小：只有 {events} 個案例，卻有 {columns} 個因素（每個因素至少要 10 個）。數字只能參考。",
    "Small sample: {events} cases for {columns} drivers (10 each are needed). Take it as a hint.",
    "標本が小さく、{columns} 要因に対し {events} 件（1 要因 10 件以上必要）。参考値です。",
)
_SEPARATED = said(
    "有因素把升等與沒升等的人完全分開，改用懲罰概似（Firth）估計，區間會很寬。",
    "A driver parts those who rose wholly from the others: estimated by Firth's penalised "
    "likelihood, with wide intervals.",
    "昇格の有無を完全に分ける要因があるため、罰則付き尤度（Firth）で推定。区間は広くなります。",
)
_DROPPED = said(
    "沒有差異、或與其他因素重複而略過：{names}。",
    "Left out, for they do not vary or others tell them already: {names}.",
    "変動がない、または他の要因と重複のため除外：{names}。",
)
_NO_CAUSE = said(
    "這是關聯，不是因果：要知道某個做法有沒有用，請用保留對照組的活動。",
    "This is a relation, not a cause: to know whether something works, hold a group back.",
    "これは関連であり、因果ではありません。施策の効果は対照群で確かめてください。",
)
_ODDS = said(
    "勝算比 1.5：這個因素多一單位，升等的勝算是 1.5 倍，其他因素不變。",
    "An odds ratio of 1.5: with one unit more the odds of an upgrade are 1.5 times as high, "
    "all else equal.",
    "オッズ比 1.5：その要因が 1 単位増えると、他が同じなら昇格のオッズが 1.5 倍。",
)
_CASES = text(
    squeezed("""
        SELECT CASE WHEN EXISTS (
                SELECT FROM tier_change AS change
                JOIN tier AS was ON was.id = change.from_tier_id
                JOIN tier AS became ON became.id = change.to_tier_id AND became.rank > was.rank
                WHERE change.member_id = member.id AND change.changed_at >= :at
                    AND change.changed_at < :until) THEN 1 ELSE 0 END,
            held.rank, bought.orders, bought.net_twd / 1000.0,
            (CAST(:on AS date) - ever.last_on) / 30.0,
            CASE WHEN bought.orders > 0 THEN bought.promo * 10.0 / bought.orders ELSE 0 END,
            went.times + done.times, used.times, reacted.times,
            extract(epoch FROM CAST(:at AS timestamptz) - member.joined_at) / 31557600
        FROM member
        CROSS JOIN LATERAL (
            SELECT tier.rank FROM tier WHERE tier.id = coalesce(
                (SELECT change.from_tier_id FROM tier_change AS change
                WHERE change.member_id = member.id AND change.changed_at >= :at
                ORDER BY change.changed_at, change.id LIMIT 1), member.tier_id)
        ) AS held
        CROSS JOIN LATERAL (
            SELECT count(*) AS orders, coalesce(sum(sale.paid_twd - sale.refunded_twd), 0)
                AS net_twd, count(*) FILTER (WHERE sale.discount_twd > 0) AS promo
            FROM purchase AS sale
            WHERE sale.member_id = member.id AND sale.undone_at IS NULL
                AND sale.purchased_on >= :since AND sale.purchased_on < :on
        ) AS bought
        CROSS JOIN LATERAL (
            SELECT max(sale.purchased_on) AS last_on FROM purchase AS sale
            WHERE sale.member_id = member.id AND sale.undone_at IS NULL
                AND sale.purchased_on < :on
        ) AS ever
        CROSS JOIN LATERAL (
            SELECT count(*) AS times FROM gathering_seat AS seat
            JOIN gathering ON gathering.id = seat.gathering_id
            WHERE seat.member_id = member.id AND seat.state = 'attended'
                AND gathering.starts_at >= :half_year_at AND gathering.starts_at < :at
        ) AS went
        CROSS JOIN LATERAL (
            SELECT count(*) AS times FROM mission_award AS award
            WHERE award.member_id = member.id AND award.taken_back_at IS NULL
                AND award.completed_at >= :half_year_at AND award.completed_at < :at
        ) AS done
        CROSS JOIN LATERAL (
            SELECT count(*) AS times FROM redemption AS used
            WHERE used.member_id = member.id AND used.reversed_at IS NULL
                AND used.redeemed_at >= :since_at AND used.redeemed_at < :at
        ) AS used
        CROSS JOIN LATERAL (
            SELECT count(*) AS times FROM link_click AS click
            WHERE click.member_id = member.id AND click.at >= :since_at AND click.at < :at
        ) AS reacted
        WHERE member.erased_at IS NULL AND member.merged_into_id IS NULL
            AND member.id % :step = 0 AND member.joined_at < :at
            AND member.first_purchase_on < :on AND ever.last_on IS NOT NULL
            AND held.rank < (SELECT max(rank) FROM tier)
        ORDER BY member.id
    """)
)
"""The first column is the outcome; the others stand in the order of DRIVERS."""
