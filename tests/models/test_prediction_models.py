"""BG/NBD and Gamma-Gamma against what was published of the CDNOW log, and against known truth."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import defaultdict
from datetime import date
from importlib.metadata import files
from pathlib import Path

import numpy as np
import pytest
from scipy.special import hyp2f1

from models.prediction.orders import Histories, NoFit, OrderModel, beta_nodes, fit_orders
from models.prediction.value import ValueModel, correlation, fit_value
from tests.conftest import ROOT

PUBLISHED = OrderModel(r=0.243, alpha=4.414, a=0.793, b=2.426)
"""Fader, Hardie, Lee 2005, table 2: 2,357 customers of CDNOW, 39 weeks, LL -9,582.4."""
CALIBRATION_END = date(1997, 9, 30)


def cdnow(name: str) -> Path:
    """Return a file of the log that the package `lifetimes` ships; nothing of it runs."""
    found = next(file for file in files("lifetimes") or () if file.name == name)
    return Path(str(found.locate()))


def summary() -> list[tuple[float, float, float]]:
    with cdnow("cdnow_customers_summary.csv").open() as told:
        return [
            (float(row["frequency"]), float(row["recency"]), float(row["T"]))
            for row in csv.DictReader(told)
        ]


def histories(rows: list[tuple[float, float, float]]) -> Histories:
    x, last, age = np.array(rows).T
    return Histories(x, last, age)


def one(x: float, last: float, age: float) -> Histories:
    return histories([(x, last, age)])


def log_of_sample() -> dict[str, list[tuple[date, float]]]:
    """Return the raw log: by customer each day with its spend, a day's purchases together."""
    spent: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    for line in cdnow("CDNOW_sample.txt").read_text().splitlines():
        _, customer, day, _, dollars = line.split()
        spent[customer][date(int(day[:4]), int(day[4:6]), int(day[6:]))] += float(dollars)
    return {customer: sorted(days.items()) for customer, days in spent.items()}


def test_cdnow_gives_the_published_parameters() -> None:
    """B-18: the fitted BG/NBD agrees with the paper to its digits."""
    model, log_likelihood = fit_orders(histories(summary()))
    fitted = tuple(round(value, 3) for value in vars(model).values())
    assert fitted == pytest.approx((0.243, 4.414, 0.793, 2.426), abs=0.0011)
    assert round(log_likelihood, 1) == -9582.4


def test_the_raw_log_gives_the_same_histories() -> None:
    """B-18: repeats, last and age built from the purchases are those of the published summary."""
    built = []
    for days in log_of_sample().values():
        known = [day for day, _ in days if day <= CALIBRATION_END]
        last, age = (known[-1] - known[0]).days, (CALIBRATION_END - known[0]).days
        built.append((float(len(known) - 1), round(last / 7, 2), round(age / 7, 2)))
    told = summary()
    assert len(built) == len(told) == 2_357
    assert np.allclose(np.array(built), np.array(told), atol=0.011)
    model, log_likelihood = fit_orders(histories(built))
    assert vars(model) == pytest.approx(vars(PUBLISHED), abs=0.002)
    assert log_likelihood == pytest.approx(-9582.4, abs=0.5)


def test_the_published_expectations_come_out() -> None:
    """B-18: customer 1 (x 2, t_x 30.43, T 38.86): 1.226 purchases in 39 weeks, 0.727 alive."""
    customer = one(2, 30.43, 38.86)
    assert round(float(PUBLISHED.expected_within(customer, 39)[0]), 3) == 1.226
    assert round(float(PUBLISHED.alive(customer)[0]), 3) == 0.727
    nobody_left = one(0, 0, 38.86)
    assert float(PUBLISHED.alive(nobody_left)[0]) == 1.0


def test_a_new_customers_expectation_is_the_papers() -> None:
    """B-18: E[X(t)], (9) of the paper."""
    r, alpha, a, b = vars(PUBLISHED).values()
    t = np.array([1.0, 12.0, 39.0, 78.0])
    paper = (a + b - 1) / (a - 1)
    paper *= 1 - (alpha / (alpha + t)) ** r * hyp2f1(r, b, a + b - 1, t / (alpha + t))
    ours = [float(PUBLISHED.expected_within(one(0, 0, 0), span)[0]) for span in t]
    assert ours == pytest.approx(paper.tolist(), rel=1e-9)


def test_the_conditional_expectation_is_the_papers_for_everybody() -> None:
    """B-18: the quadrature is (10) of the paper, for each of the 2,357."""
    known = histories(summary())
    r, alpha, a, b = vars(PUBLISHED).values()
    x, t = known.repeats, 39.0
    z = t / (alpha + known.age + t)
    paper = (a + b + x - 1) / (a - 1)
    paper *= 1 - ((alpha + known.age) / (alpha + known.age + t)) ** (r + x) * hyp2f1(
        r + x, b + x, a + b + x - 1, z
    )
    assert PUBLISHED.expected_within(known, t) == pytest.approx(
        paper * PUBLISHED.alive(known), rel=1e-8
    )


def test_a_pole_of_the_closed_form_is_none_of_ours() -> None:
    """B-18: at a = 1, and for who came 900 times, the expectation stays a number."""
    model = OrderModel(r=0.8, alpha=20, a=1.0, b=2.5)
    near = OrderModel(r=0.8, alpha=20, a=1.000001, b=2.5)
    known = histories([(0, 0, 5), (3, 40, 60), (900, 1000, 1001)])
    ours = model.expected_within(known, 365)
    assert np.isfinite(ours).all()
    assert ours == pytest.approx(near.expected_within(known, 365), rel=1e-4)


@pytest.mark.parametrize(("a", "b"), [(0.3, 0.7), (0.8, 5.0), (500.0, 8_100.0), (1e-4, 1e4)])
def test_the_quadrature_knows_the_betas_moments(a: float, b: float) -> None:
    """B-18: mean and variance of the chance to leave, where SciPy's own points overflow too."""
    points, shares = beta_nodes(a, b)
    mean = a / (a + b)
    assert shares.sum() == pytest.approx(1)
    assert (points * shares).sum() == pytest.approx(mean)
    variance = mean * (1 - mean) / (a + b + 1)
    assert (points**2 * shares).sum() - mean**2 == pytest.approx(variance, rel=1e-6)


def test_the_chance_within_days_is_exact() -> None:
    """B-18: P(X(t) > 0) as the paper's stories give it when they are played ten thousand times."""
    model, customer = OrderModel(r=2, alpha=10, a=1, b=4), one(3, 20, 30)
    chance = model.chance_within(customer, 14)
    rng = np.random.default_rng(5)
    alive = rng.random(200_000) < model.alive(customer)
    rates = rng.gamma(2 + 3, 1 / (10 + 30), 200_000)
    bought = alive & (rng.poisson(rates * 14) > 0)
    assert float(chance[0]) == pytest.approx(bought.mean(), abs=0.005)
    assert model.chance_within(customer, 0.0) == pytest.approx([0])


def test_the_wait_is_when_it_is_as_likely_as_not() -> None:
    known = histories([(9, 80, 82), (3, 10, 400)])
    model = OrderModel(r=1, alpha=10, a=1, b=4)
    wait = model.wait(known)
    assert float(model.chance_within(known, float(wait[0]))[0]) == pytest.approx(0.5)
    assert wait[1] == np.inf


def test_cdnow_gives_the_published_values_of_a_purchase() -> None:
    """A-26: Gamma-Gamma on the 946 who came back: p 6.25, q 3.74, v 15.44."""
    with cdnow("cdnow_customers_summary_with_transactions.csv").open() as told:
        rows = [(float(row["x"]), float(row["zbar"])) for row in csv.DictReader(told)]
    x, mean = np.array([row for row in rows if row[0] > 0]).T
    model, _ = fit_value(x, mean)
    assert len(x) == 946
    assert (round(model.p, 2), round(model.q, 2)) == (6.25, 3.74)
    assert model.v == pytest.approx(15.44, abs=0.01)
    assert correlation(x, mean) == pytest.approx(0.114, abs=0.001)
    few, many = model.expected(np.array([1.0, 50.0]), np.array([100.0, 100.0]))
    assert model.p * model.v / (model.q - 1) < few < many < 100


def simulated(truth: OrderModel, count: int, seed: int) -> Histories:
    """Return histories of customers who live as the model says."""
    rng = np.random.default_rng(seed)
    rates = rng.gamma(truth.r, 1 / truth.alpha, count)
    chances = rng.beta(truth.a, truth.b, count)
    age = rng.uniform(100, 700, count)
    x, last, clock, lives = np.zeros(count), np.zeros(count), np.zeros(count), np.ones(count, bool)
    while lives.any():
        clock = clock + rng.exponential(1 / rates)
        lives &= clock <= age
        x[lives] += 1
        last[lives] = clock[lives]
        lives &= rng.random(count) >= chances
    return Histories(x, last, age)


def test_known_parameters_are_found_again() -> None:
    """B-18: simulated customers, their parameters recovered."""
    truth = OrderModel(r=0.8, alpha=20, a=0.7, b=2.5)
    model, _ = fit_orders(simulated(truth, 40_000, 3))
    assert vars(model) == pytest.approx(vars(truth), rel=0.06)


def test_known_values_are_found_again() -> None:
    """A-26: simulated spends in NT$, their parameters recovered."""
    rng, truth = np.random.default_rng(4), ValueModel(p=6, q=4, v=600)
    times = rng.integers(1, 30, 60_000).astype(float)
    mean = rng.gamma(truth.p * times) / rng.gamma(truth.q, 1 / truth.v, 60_000) / times
    model, _ = fit_value(times, mean)
    assert vars(model) == pytest.approx(vars(truth), rel=0.08)


def test_how_customers_are_grouped_changes_nothing() -> None:
    """B-18: one of each kind a thousand times is a thousand; the unit of time is free."""
    known = simulated(OrderModel(r=0.8, alpha=20, a=0.7, b=2.5), 2_000, 7)
    days = Histories(known.repeats, np.floor(known.last), np.floor(known.age))
    twice = Histories(*(np.tile(column, 2) for column in vars(days).values()))
    weeks = Histories(days.repeats, days.last / 7, days.age / 7)
    model, likelihood = fit_orders(days)
    again, doubled = fit_orders(twice)
    by_week, _ = fit_orders(weeks)
    assert vars(again) == pytest.approx(vars(model), rel=1e-3)
    assert doubled == pytest.approx(2 * likelihood)
    assert by_week.alpha * 7 == pytest.approx(model.alpha, rel=1e-3)


def test_no_process_that_answers_people_loads_the_numerics() -> None:
    """B-18: 0.3 s and 40 MB that only the night and its commands pay."""
    told = "import sys, app; print([name for name in ('scipy', 'numpy') if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_what_follows_no_model_is_told() -> None:
    with pytest.raises(NoFit):
        fit_orders(Histories(np.array([np.nan]), np.array([1.0]), np.array([2.0])))
