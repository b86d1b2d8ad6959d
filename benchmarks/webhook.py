"""The webhook's figures: how much it acknowledges, how fast, and against what.

No worker runs beside it: this is the moment of a campaign, when events come faster than they can
be worked and must only not be lost.
"""

import statistics
from contextlib import ExitStack

from benchmarks.figure import Figure, Goal
from benchmarks.load import Load, measure_load
from benchmarks.workshop import Workshop

CONNECTIONS = 64
WARM_UP_SECONDS = 2.0
TURN_SECONDS = 3.0
TURNS = 5
PACED_SECONDS = 10.0
PACED_TURNS = 3
LINE_ANSWERS_AFTER_SECONDS = 0.1

SHARE = Goal(least=0.40)
P99_MS = Goal(below=100)
OVER_ECHO = Goal(least=20)


def measure_acknowledged(workshop: Workshop) -> list[Figure]:
    """Acknowledged events a second, beside an application that only checks the signature."""
    with ExitStack() as running:
        environment = workshop.environment(running.enter_context(workshop.database()))
        signature, ours, insert = measure_in_turns(
            [
                running.enter_context(workshop.web(environment, factory))
                for factory in (
                    "benchmarks.reference_app:signature_only",
                    "app:create_app",
                    "benchmarks.reference_app:raw_insert",
                )
            ]
        )
    return [
        Figure("webhook_acknowledged_share", middle_ratio(ours, signature), "ratio", SHARE),
        Figure("webhook_acknowledged_rate", statistics.median(ours), "events/s"),
        Figure("webhook_signature_only_rate", statistics.median(signature), "events/s"),
        Figure("webhook_raw_insert_rate", statistics.median(insert), "events/s"),
    ]


def measure_latency(workshop: Workshop) -> list[Figure]:
    """The 99th percentile of the answer's time at half the load that we were measured to take."""
    with (
        workshop.database() as database,
        workshop.web(workshop.environment(database)) as port,
    ):
        (rates,) = measure_in_turns([port])
        rate = statistics.median(rates) / 2
        paced = Load("paced", port, CONNECTIONS, PACED_SECONDS, rate)
        p99_ms = statistics.median(measure_load(paced).p99_ms for _ in range(PACED_TURNS))
    return [
        Figure("webhook_p99_ms", p99_ms, "ms", P99_MS),
        Figure("webhook_p99_load", rate, "events/s"),
    ]


def measure_over_echo(workshop: Workshop) -> list[Figure]:
    """Our rate over that of the SDK's example, which replies before it answers LINE."""
    with ExitStack() as running:
        database = running.enter_context(workshop.database())
        line_port = running.enter_context(workshop.line(LINE_ANSWERS_AFTER_SECONDS))
        environment = workshop.environment(database, line_port=line_port)
        echo, ours = measure_in_turns(
            [
                running.enter_context(workshop.web(environment, factory))
                for factory in ("benchmarks.reference_app:echo", "app:create_app")
            ]
        )
    return [
        Figure("webhook_over_echo", middle_ratio(ours, echo), "times", OVER_ECHO),
        Figure("webhook_echo_rate", statistics.median(echo), "events/s"),
    ]


def measure_in_turns(ports: list[int]) -> list[list[float]]:
    """Return each server's rates (events/s): warmed up, then one after another, several times."""
    for port in ports:
        measure_load(Load("closed", port, CONNECTIONS, WARM_UP_SECONDS))
    rates: list[list[float]] = [[] for _ in ports]
    for _ in range(TURNS):
        for found, port in zip(rates, ports, strict=True):
            found.append(measure_load(Load("closed", port, CONNECTIONS, TURN_SECONDS)).rate)
    return rates


def middle_ratio(above: list[float], below: list[float]) -> float:
    """Return the median of the ratios of each turn, so that what slows a whole turn cancels out."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))
