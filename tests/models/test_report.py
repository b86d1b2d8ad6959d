"""Reports: each formula worked by hand, on figures and on sales of a small shop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import pairwise
from math import exp, sqrt
from typing import Any

import pytest
from sqlalchemy.orm import Session

from models.coupon import get_template, issue_coupon
from models.insight import Lift
from models.kpi import keep_kpi, measure_kpi, parse_query, preview_kpi
from models.local_day import day_start, local_day
from models.member import Member
from models.plan import RenewalRate
from models.points import LedgerMonth, forecast
from models.programme import get_programme
from models.report import REPORTS, get_report
from models.report.drivers import DRIVERS, read_cases
from models.report.findings import Findings, Table
from models.report.matching import Arm, Stratum, compare
from models.report.measured import growth, mean, share
from models.report.messages import pool
from models.report.metric import METRICS, work_out
from models.report.people import told_cohorts
from models.report.period import Span
from models.report.population import Population
from models.report.refusals import NoSuchReport
from models.report.renewal import told_renewals
from models.report.reward import list_coupon_lines, told_rewards
from models.report.upgrade import list_months, read_matched
from models.segment import Context, members_of, parse_rule
from models.segment.keeping import add_segment
from models.survey.table import Survey, SurveyAnswer
from models.tier import TierChange, Upgrade
from models.tier_evaluation import list_stuck_upgrades
from tests.conftest import NOON, Maker

MakeMember = Callable[..., Member]
TODAY = local_day(NOON)
SPAN = Span(TODAY - timedelta(days=28), TODAY - timedelta(days=1))
MANY_ORDERS = {"schema": 1, "where": {"field": "purchases", "is": "at_least", "value": 2}}


def told(session: Session, code: str, **asked: str) -> Findings:
    """Return what a report finds."""
    return get_report(code).work_out(session, NOON, asked, lambda _done, _all: None)


def table(findings: Findings, code: str) -> Table:
    return next(each for each in findings.tables if each.code == code)


def spend(session: Session, member: Member, *sales: tuple[int, date]) -> None:
    for paid_twd, day in sales:
        Maker().spend(session, member, paid_twd, day)


def move_up(session: Session, member: Member, at: datetime, *, steps: int = 1) -> None:
    """Let a member rise, as the ladder would note it."""
    tiers = get_programme(session).tiers
    was = next(tier for tier in tiers if tier.id == member.tier_id)
    became = next(tier for tier in tiers if tier.rank == was.rank + steps)
    session.add(
        TierChange(
            member_id=member.id,
            from_tier_id=was.id,
            to_tier_id=became.id,
            reason={"rule": "rolling_365"},
            changed_at=at,
        )
    )
    member.tier_id = became.id
    session.flush()


@pytest.fixture
def four(session: Session, make_member: MakeMember) -> list[Member]:
    """Make four members: who came again, who did not, who came first, who never came."""
    again, gone, new, never = (make_member() for _ in range(4))
    spend(session, again, (100, date(2026, 10, 1)))
    spend(session, again, (300, date(2026, 11, 10)), (100, date(2026, 11, 12)))
    spend(session, gone, (200, date(2026, 10, 5)))
    spend(session, new, (500, date(2026, 11, 15)))
    return [again, gone, new, never]


# --- estimates ---


def test_a_share_has_wilsons_interval_and_nothing_has_none() -> None:
    found = share(8, 10)
    assert found.value == 0.8
    assert (round(found.low or 0, 4), round(found.high or 0, 4)) == (0.4902, 0.9433)
    assert (share(0, 0).value, share(0, 0).low) == (None, None)


def test_a_mean_lies_within_two_standard_errors() -> None:
    """2, 4, 6: mean 4, variance 4, error √(4/3)."""
    found = mean(3, 12, 56)
    reach = 1.959964 * sqrt(4 / 3)
    assert found.value == 4
    assert found.low == pytest.approx(4 - reach)
    assert found.high == pytest.approx(4 + reach)
    assert (mean(1, 7, 49).value, mean(1, 7, 49).low) == (7, None)
    assert mean(0, 0, 0).value is None


def test_growth_is_of_the_period_before_and_unknown_from_nothing() -> None:
    assert (growth(150, 100), growth(50, 100), growth(5, 0)) == (0.5, -0.5, None)


# --- named metrics ---


def test_each_named_metric_follows_its_formula(session: Session, four: list[Member]) -> None:
    """B-24: repeat rate and share of old customers, beside the period before."""
    figures = {each.code: each for each in work_out(METRICS, Population(session, NOON), SPAN)}
    values = {code: figure.value for code, figure in figures.items()}
    assert values["sales_twd"] == 900
    assert figures["sales_twd"].before == 300
    assert (values["buyers"], values["orders_per_buyer"], values["basket_twd"]) == (2, 1.5, 300)
    assert values["repeat_rate"] == 1 / 2  # Of two who had bought before, one came.
    assert values["old_share"] == 400 / 900
    assert values["retention"] == 1 / 2
    assert (values["first_buyers"], values["joined"], values["active_rate"]) == (1, 0, 2 / 4)
    assert values["open_rate"] is None
    assert set(values) == {metric.code for metric in METRICS}


def test_every_number_opens_the_people_behind_it(session: Session, four: list[Member]) -> None:
    again, _, new, _ = four
    figures = {each.code: each for each in work_out(METRICS, Population(session, NOON), SPAN)}

    def behind(code: str) -> set[int]:
        opens: Any = figures[code].opens
        rule = parse_rule(opens["rule"])
        return set(session.scalars(members_of(rule, Context(session, NOON))))

    assert behind("buyers") == {again.id, new.id}
    assert behind("repeat_rate") == behind("old_share") == {again.id}
    assert behind("first_buyers") == {new.id}
    assert behind("joined") == set()


def test_a_sale_taken_back_is_none(session: Session, four: list[Member]) -> None:
    """B-24, bad input: what was wholly refunded counts nowhere."""
    sale = Maker().spend(session, four[3], 999, date(2026, 11, 20))
    sale.refunded_twd, sale.undone_at = 999, NOON
    session.flush()
    figures = {each.code: each for each in work_out(METRICS, Population(session, NOON), SPAN)}
    assert (figures["sales_twd"].value, figures["buyers"].value) == (900, 2)


def test_any_metric_and_own_kpi_can_be_told_of_any_segment(
    session: Session, four: list[Member]
) -> None:
    """E-16: any KPI by any segment."""
    add_segment(session, "many", {"zh-TW": "常買"}, parse_rule(MANY_ORDERS), by="x", now=NOON)
    query = {"schema": 1, "count": "amount_twd"}
    kpi = keep_kpi(session, "spent", {"zh-TW": "消費"}, query, by="x", now=NOON)
    measure_kpi(session, kpi, TODAY, NOON)
    found = told(session, "segments", segment="many", metric="basket_twd")
    rows = {row.cells[0]["zh-TW"]: row.cells for row in table(found, "overview").rows}  # type: ignore[index]
    assert rows["會員業績"][1:] == (900, 400)
    assert rows["客單價"][1:] == (300, 200)
    assert rows["消費"][1:] == (400, 500)  # The mean of three members, and of one.
    assert rows["訊息開啟率"][2] is None  # LINE does not say whose.
    whiskers = found.charts[0].whiskers
    assert [whisker.value for whisker in whiskers] == [300, 200]


def test_without_a_segment_the_tiers_stand_side_by_side(
    session: Session, four: list[Member]
) -> None:
    """E-16."""
    heads = table(told(session, "segments"), "overview").columns
    assert len(heads) == 2 + len(get_programme(session).tiers)


def test_a_metric_report_compares_with_the_days_before(
    session: Session, four: list[Member]
) -> None:
    """B-24: so many days up to yesterday, and as many before; daily sales side by side."""
    found = told(session, "metrics", days="28")
    assert (found.since, found.until) == (SPAN.since, SPAN.until)
    assert (found.before_since, found.before_until) == (date(2026, 9, 27), date(2026, 10, 24))
    now, before = found.charts[0].series
    assert (sum(filter(None, now.numbers)), sum(filter(None, before.numbers))) == (900, 300)


def test_satisfaction_is_the_mean_of_what_was_answered(
    session: Session, four: list[Member]
) -> None:
    """E-13: satisfaction with its interval; NPS counts 1, 0 and -1."""
    for kind, scores in (("csat", (5, 4, 3)), ("nps", (10, 9, 8, 2))):
        session.add(
            Survey(
                code=kind,
                kind=kind,
                name={"zh-TW": kind},
                question={"zh-TW": "？"},
                reasons=[],
                asks_words=False,
                created_at=NOON,
                set_by="店長",
                set_at=NOON,
            )
        )
        session.flush()
        for number, score in enumerate(scores):
            session.add(
                SurveyAnswer(
                    survey_code=kind,
                    kind=kind,
                    member_id=four[0].id,
                    key=f"{kind}:{number}",
                    asked_at=NOON - timedelta(days=3),
                    answered_at=NOON - timedelta(days=2),
                    score=score,
                )
            )
    session.flush()
    figures = {each.code: each for each in work_out(METRICS, Population(session, NOON), SPAN)}
    assert (figures["satisfaction"].value, figures["satisfaction"].cases) == (4, 3)
    assert figures["recommendation"].value == (2 - 1) / 4


# --- upgrades ---


def test_matched_outcomes_are_weighed_as_the_upgraded_are() -> None:
    """E-13, by hand: strata of 2 and 1 upgraded; one without anybody like them is left out."""

    def arm(*values: float) -> Arm:
        return Arm(len(values), {"x": sum(values)}, {"x": sum(value**2 for value in values)})

    nobody = Arm(0, {}, {})
    strata = [
        Stratum(arm(2, 4), arm(1, 3, 1, 3)),
        Stratum(arm(5), arm(2, 2)),
        Stratum(arm(9), nobody),
        Stratum(nobody, arm(100)),
    ]
    found = compare(strata, ["x"])
    assert (found.upgraded, found.others, found.left_out) == (3, 6, 1)
    (outcome,) = found.comparisons
    assert outcome.upgraded == pytest.approx(11 / 3)
    assert outcome.others == pytest.approx(2)
    reach = 1.959964 * sqrt(4 / 9 * (2 / 2 + 1 / 4) + 1 / 9 * (2 / 1 + 1 / 2))
    assert outcome.low == pytest.approx(5 / 3 - reach)
    assert outcome.high == pytest.approx(5 / 3 + reach)


def test_without_anybody_upgraded_nothing_is_compared() -> None:
    assert compare([], ["x"]).comparisons == ()


def test_only_months_are_looked_at_whose_days_after_are_over() -> None:
    """E-13: 90 days after the month."""
    months = list_months(TODAY)
    assert (months[0], months[-1], len(months)) == (date(2026, 2, 1), date(2026, 7, 1), 6)
    assert all((later - earlier).days in (28, 29, 30, 31) for earlier, later in pairwise(months))


def test_who_rose_is_put_beside_who_had_bought_alike_and_did_not(
    session: Session, make_member: MakeMember
) -> None:
    """E-13: frequency, spend and retention after the upgrade against matched non-upgraders."""
    rose, stayed, unlike = make_member(), make_member(), make_member()
    for member, before_twd in ((rose, 1_000), (stayed, 1_000), (unlike, 20_000)):
        spend(session, member, (before_twd, date(2026, 5, 10)))
    for day in (3, 10, 20):
        spend(session, rose, (100, date(2026, 8, day)))
    spend(session, stayed, (100, date(2026, 8, 15)))
    move_up(session, rose, day_start(date(2026, 7, 15)))
    found = read_matched(session, NOON)
    assert (found.upgraded, found.others, found.left_out) == (1, 1, 0)
    by_name = {each.outcome: each for each in found.comparisons}
    assert (by_name["orders_after"].upgraded, by_name["orders_after"].others) == (3, 1)
    assert (by_name["net_after"].upgraded, by_name["net_after"].others) == (300, 100)
    assert (by_name["kept"].upgraded, by_name["orders_before"].difference) == (1, 0)
    notes = [note["zh-TW"] for note in told(session, "upgrade").notes]
    assert any("只有 1 位" in note for note in notes)


def an_upgrade(session: Session, member: Member, days_ago: int, **stages: int) -> Upgrade:
    """Make an upgrade, its later stages so many days ago."""
    programme = get_programme(session)
    made = Upgrade(
        member_id=member.id,
        tier_id=programme.tiers[1].id,
        version_id=programme.ladder.on(TODAY).version_id,
        qualified_at=NOON - timedelta(days=days_ago),
        **{f"{name}_at": NOON - timedelta(days=ago) for name, ago in stages.items()},
    )
    session.add(made)
    session.flush()
    return made


def test_the_funnel_tells_each_stage_and_who_is_stuck(
    session: Session, make_member: MakeMember
) -> None:
    """E-17: stages, drop-off per stage, and the people stuck, the longest waiting first."""
    an_upgrade(session, make_member(), 40, notified=39, opened=38, claimed=37, first_used=30)
    first = an_upgrade(session, make_member(), 30, notified=29)
    second = an_upgrade(session, make_member(), 20, notified=19)
    an_upgrade(session, make_member(), 10)
    an_upgrade(session, make_member(), 400, notified=399)  # Of the year before.
    found = told(session, "funnel")
    rows = [row.cells[1:] for row in table(found, "funnel").rows]
    assert [cells[0] for cells in rows] == [4, 3, 1, 1, 1]
    assert [cells[2] for cells in rows] == [1, 2, 0, 0, None]
    assert table(found, "funnel").rows[1].opens == {"stuck": "notified"}
    assert found.figures[0].value == 1 / 4
    since = NOON - timedelta(days=365)
    page = list_stuck_upgrades(session, "notified", since=since, limit=1)
    assert [upgrade.id for upgrade, _ in page] == [first.id]
    after = (page[0][0].qualified_at, page[0][0].id)
    rest = list_stuck_upgrades(session, "notified", since=since, after=after, limit=9)
    assert [upgrade.id for upgrade, _ in rest] == [second.id]
    none = list_stuck_upgrades(
        session, "notified", since=since, tier_id=get_programme(session).tiers[0].id, limit=9
    )
    assert none == []


# --- the drivers of an upgrade ---


def cells(counts: dict[tuple[int, int], int]) -> tuple[Any, Any]:
    """Return columns and outcomes of a table of (driver, outcome) → cases."""
    import numpy as np

    rows = [pair for pair, count in counts.items() for _ in range(count)]
    driver, outcome = np.array(rows, dtype=np.float64).T
    return driver.reshape(-1, 1), outcome


def test_the_odds_ratio_of_a_table_of_four_is_ad_by_bc() -> None:
    """E-18, by hand: 30·40 / 10·20 = 6, and Woolf's interval around it."""
    from models.report.logit import LIKELIHOOD, fit_logit

    columns, outcome = cells({(1, 1): 30, (1, 0): 10, (0, 1): 20, (0, 0): 40})
    fit = fit_logit(("sex",), columns, outcome)
    assert fit is not None
    (odds,) = fit.odds
    reach = 1.959964 * sqrt(1 / 30 + 1 / 10 + 1 / 20 + 1 / 40)
    assert odds.ratio == pytest.approx(6, rel=1e-5)
    assert odds.low == pytest.approx(6 * exp(-reach), rel=1e-4)
    assert odds.high == pytest.approx(6 * exp(reach), rel=1e-4)
    assert (fit.cases, fit.events, fit.method, fit.is_small) == (100, 50, LIKELIHOOD, False)
    assert odds.p_value < 0.001


def test_where_a_driver_parts_the_outcomes_firths_likelihood_still_tells() -> None:
    """E-18, separation: Firth's is half a case more in each cell, 10.5·5.5 / 0.5·5.5 = 21."""
    from models.report.logit import PENALISED, fit_logit

    columns, outcome = cells({(1, 1): 10, (0, 1): 5, (0, 0): 5})
    fit = fit_logit(("sex",), columns, outcome)
    assert fit is not None
    assert (fit.method, fit.is_small, fit.explained) == (PENALISED, True, None)
    assert fit.odds[0].ratio == pytest.approx(21, rel=1e-3)
    assert fit.odds[0].low < fit.odds[0].ratio < fit.odds[0].high < float("inf")


def test_what_never_varies_or_is_told_already_is_left_out() -> None:
    """E-18, bad input: a constant, a double, an outcome that never comes."""
    import numpy as np

    from models.report.logit import fit_logit

    columns, outcome = cells({(1, 1): 30, (1, 0): 10, (0, 1): 20, (0, 0): 40})
    wide = np.column_stack([columns, np.ones(100), columns * 2])
    fit = fit_logit(("one", "constant", "double"), wide, outcome)
    assert fit is not None
    assert ([each.name for each in fit.odds], fit.dropped) == (["one"], ("constant", "double"))
    assert fit_logit(("one",), columns, np.zeros(100)) is None
    assert fit_logit(("one",), np.ones((100, 1)), outcome) is None


def test_cases_are_told_as_they_were_a_quarter_ago(
    session: Session, make_member: MakeMember
) -> None:
    """E-18: spend, tier and events before the day; the outcome after it."""
    rose, late = make_member(), make_member()
    on = TODAY - timedelta(days=90)
    spend(session, rose, (700, on - timedelta(days=60)), (800, on - timedelta(days=30)))
    spend(session, rose, (9_000, on + timedelta(days=5)))
    spend(session, late, (100, on + timedelta(days=5)))  # Had not bought by then.
    move_up(session, rose, NOON - timedelta(days=10))
    (case,) = read_cases(session, NOON)
    known = dict(zip(("outcome", *DRIVERS), map(float, case), strict=True))
    assert (known["outcome"], known["rank"], known["orders"]) == (1, 0, 2)
    assert (known["thousands"], known["months_silent"]) == (1.5, 1)
    (note,) = told(session, "drivers").notes
    assert "只有 1 位" in note["zh-TW"]


def test_a_regression_of_few_cases_warns_of_them(session: Session, make_member: MakeMember) -> None:
    """E-18: odds ratios, intervals, n, and a warning under small n."""
    on = TODAY - timedelta(days=90)
    for number in range(24):
        member = make_member()
        spend(session, member, (100 * (number % 5 + 1), on - timedelta(days=10 + number)))
        if number % 3 == 0:
            move_up(session, member, NOON - timedelta(days=20))
    found = told(session, "drivers")
    assert {figure.code: figure.value for figure in found.figures}["cases"] == 24
    notes = " ".join(note["zh-TW"] for note in found.notes)
    assert "樣本太小" in notes
    assert "不是因果" in notes
    assert found.charts[0].centre == 1


# --- retention of cohorts ---


def test_a_cohort_is_followed_month_by_month_and_open_months_stay_open() -> None:
    """Cohort retention by hand: 10 bought first in August, 4 of them again in September."""
    august, october = date(2026, 8, 1), date(2026, 10, 1)
    counts = {(august, 0): 10, (august, 1): 4, (august, 2): 3, (october, 0): 2, (october, 1): 1}
    found = told_cohorts(counts, TODAY)
    rows = {row.cells[0]: row.cells[1:] for row in table(found, "cohorts").rows}
    assert rows[august][:4] == (10, 0.4, 0.3, None)  # November is not over.
    assert rows[october][:2] == (2, None)
    assert found.figures[0].value == 4 / 10  # October's first month after is not over, either.


def test_cohorts_are_counted_from_first_purchases(
    session: Session, make_member: MakeMember
) -> None:
    first, second = make_member(), make_member()
    spend(session, first, (100, date(2026, 8, 3)), (100, date(2026, 8, 30)), (9, date(2026, 9, 1)))
    spend(session, second, (100, date(2026, 8, 9)), (100, date(2026, 10, 9)))
    rows = {row.cells[0]: row for row in table(told(session, "cohorts"), "cohorts").rows}
    assert rows[date(2026, 8, 1)].cells[1:4] == (2, 0.5, 0.5)
    opens: Any = rows[date(2026, 8, 1)].opens
    people = members_of(parse_rule(opens["rule"]), Context(session, NOON))
    assert set(session.scalars(people)) == {first.id, second.id}


# --- what is owed ---


def test_what_was_issued_is_used_expired_taken_back_or_still_owed(
    session: Session, make_member: MakeMember
) -> None:
    """E-21: every coupon in one of four; the expected cost by what was used before."""
    member, template = make_member(points=300), get_template(session, "welcome")
    given = [
        issue_coupon(session, member.id, template, issue_key=f"ledger:{n}", now=NOON)
        for n in range(4)
    ]
    coupons = [coupon for coupon in given if coupon is not None]
    coupons[0].expires_at = NOON - timedelta(days=1)
    coupons[0].usable_from = NOON - timedelta(days=9)
    coupons[1].state = "void"
    coupons[2].state, coupons[2].redeemed_at = "redeemed", NOON
    session.flush()
    (line,) = list_coupon_lines(session, NOON)
    assert (line.issued, line.used, line.expired, line.void, line.outstanding) == (4, 1, 1, 1, 1)
    assert line.use_rate == 1 / 2
    month = LedgerMonth(date(2026, 11, 1), 500, 100, 50, 50, 300)
    found = told_rewards([month], forecast(session, TODAY, 12), [line])
    assert table(found, "points").rows[0].cells == (date(2026, 11, 1), 500, 100, 50, 50, 300)
    assert found.figures[0].value == 300
    lapsing = told(session, "liability")
    assert {figure.code: figure.value for figure in lapsing.figures}["outstanding"] == 300


def test_renewals_stand_beside_the_lines_of_the_article() -> None:
    """A-03: renewed of due, with 87% and 60–70% as reference lines."""
    months = [RenewalRate(date(2026, 10, 1), 20, 15), RenewalRate(date(2026, 11, 1), 0, 0)]
    found = told_renewals(months)
    assert [line.at for line in found.charts[0].lines] == [0.87, 0.6, 0.7]
    assert found.figures[0].value == 0.75
    assert table(found, "renewal").rows[1].cells[3] is None
    assert "沒有到期" in told_renewals(months[1:]).notes[0]["zh-TW"]


# --- all campaigns together ---


def test_campaigns_are_pooled_by_how_sure_each_is() -> None:
    """E-15, A-26: a small campaign hardly counts, and one with an empty side not at all."""
    strong, weak = Lift(1_000, 100, 1_000, 50), Lift(1_000, 60, 1_000, 50)
    both = pool([strong, weak])
    assert both.value is not None
    assert 0.01 < both.value < 0.05
    alone, with_tiny = pool([strong]), pool([strong, Lift(10, 0, 10, 9)])
    assert alone.value == pytest.approx(0.05)
    assert with_tiny.value == pytest.approx(0.05, abs=0.012)
    assert pool([Lift(50, 5, 0, 0)]).value is None


# --- all of them ---


@pytest.mark.parametrize("code", REPORTS)
def test_every_report_tells_something_of_an_empty_shop(session: Session, code: str) -> None:
    """Nothing to tell is told, with what to do next; and everything is JSON in three languages."""
    report = REPORTS[code]
    found = told(session, code)
    assert found.as_json()["tables"] or found.notes
    assert all(set(texts) == {"zh-TW", "en", "ja"} for texts in (report.title, report.answers))
    for figure in found.figures:
        assert figure.formula["zh-TW"]
        assert {"zh-TW", "en", "ja"} <= set(figure.formula)


def test_a_question_that_asks_the_usual_is_no_question_of_its_own() -> None:
    report = get_report("metrics")
    assert report.check({"days": "28", "segment": "", "until": ""}) == {}
    assert report.check({"days": "7", "segment": " vip "}) == {"days": "7", "segment": "vip"}
    with pytest.raises(NoSuchReport):
        get_report("nonsense")


# --- own KPIs ---


def test_a_query_is_tried_over_the_last_days_and_nothing_is_kept(
    session: Session, four: list[Member]
) -> None:
    """E-14: the preview of a saved query."""
    query = parse_query({"schema": 1, "count": "amount_twd"})
    assert preview_kpi(session, query, date(2026, 11, 16)) == (900, 2)
    assert preview_kpi(session, query, date(2026, 11, 30)) == (0, 0)


def test_own_kpis_are_told_day_by_day(session: Session, four: list[Member]) -> None:
    """E-14: a custom KPI's totals as a report."""
    query = {"schema": 1, "count": "orders"}
    kpi = keep_kpi(session, "sold", {"zh-TW": "訂單"}, query, by="x", now=NOON)
    for day in (date(2026, 10, 21), date(2026, 11, 18)):
        measure_kpi(session, kpi, day, NOON)
    found = told(session, "own")
    assert (found.figures[0].value, found.figures[0].before) == (5, 2)
    assert [row.cells[1] for row in table(found, "own").rows] == [
        date(2026, 11, 18),
        date(2026, 10, 21),
    ]
