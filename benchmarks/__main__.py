"""`python -m benchmarks [--only NAME]`: measure, print a line a figure, keep them as JSON."""

import argparse
import json
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from benchmarks import (
    console,
    counter,
    imports,
    journeys,
    pos_api,
    postings,
    purchase,
    recording,
    rfm_package,
    segments,
    sending,
    taps,
    tier_simulation,
    tiers,
    webhook,
)
from benchmarks.figure import BenchmarkError, Figure
from benchmarks.workshop import ROOT, Workshop, open_workshop
from models.database import EmbeddedPostgresError

RESULT = ROOT / "var" / "bench.json"
BENCHMARKS: dict[Callable[[Workshop], list[Figure]], tuple[str, ...]] = {
    webhook.measure_acknowledged: (
        "webhook_acknowledged_share",
        "webhook_acknowledged_rate",
        "webhook_signature_only_rate",
        "webhook_raw_insert_rate",
    ),
    webhook.measure_latency: ("webhook_p99_ms", "webhook_p99_load"),
    webhook.measure_over_echo: ("webhook_over_echo", "webhook_echo_rate"),
    taps.measure_taps: ("taps_last_answer_s", "taps_answered_once"),
    counter.measure_statements: (
        "counter_lookup_statements",
        "counter_first_load_kb",
        "purchase_statements",
        "purchase_statements_with_coupon",
    ),
    recording.measure_share: ("recording_share", "recording_rate", "recording_raw_rate"),
    pos_api.measure_recording: (
        "pos_api_share",
        "pos_api_rate",
        "pos_api_raw_rate",
        "pos_api_p99_ms",
        "pos_api_p99_load",
    ),
    postings.measure_postings: (
        "postings_lost",
        "postings_doubled",
        "postings_faults",
        "postings_rate",
    ),
    purchase.measure_flatness: ("purchase_flatness", "purchase_fifth_ms", "purchase_rate"),
    imports.measure_imports: (
        "import_members_500_s",
        "import_members_5000_s",
        "import_members_50000_s",
        "import_purchases_per_second",
    ),
    tiers.measure_tiers: (
        "tier_evaluation",
        "tier_evaluation_changed",
        "tier_evaluation_ordinary",
    ),
    tier_simulation.measure_tier_simulation: (
        "tier_simulation_s",
        "tier_simulation_members",
    ),
    journeys.measure_journeys: (
        "journey_starts_per_second",
        "journey_reasons_asked_per_second",
        "journey_messages_owed_per_second",
    ),
    segments.measure_segments: (
        "classes_first_night_s",
        "classes_next_night_s",
        "classes_bare_sql_s",
        "classes_half_seen",
        "classes_looks",
        "classes_look_worst_ms",
        "segment_size_worst_ms",
        "segment_size_median_ms",
        "segment_size_rules",
        "segment_size_outside_interval",
        "segment_why_ms",
        "segment_why_all_rules_ms",
        "forecast_fit_s",
        "forecast_night_s",
    ),
    console.measure_console: (
        "console_first_page_s",
        "console_lists_p95_ms",
        "console_search_p95_ms",
    ),
    sending.measure_million: (
        "campaign_frozen_s",
        "campaign_million_s",
        "campaign_multicasts_over",
        "campaign_batch_cpu_ms",
    ),
    sending.measure_personal: (
        "campaign_personal_rate",
        "campaign_personal_cpu_ms",
        "campaign_personal_grown_mb",
        "campaign_pushes_over",
    ),
    sending.measure_workers: ("campaign_two_workers", "campaign_two_workers_over"),
    rfm_package.measure_package: (
        "rfm_times_faster",
        "rfm_memory_share",
        "rfm_package_s",
        "rfm_ours_s",
        "rfm_package_mb",
        "rfm_ours_mb",
    ),
}
"""What makes figures, and which; figures that are measured together come together."""


def main(arguments: list[str]) -> int:
    """Measure all figures, or those measured with one; return 1 where one is short."""
    names = [name for made in BENCHMARKS.values() for name in made]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", metavar="NAME", choices=names, help=", ".join(names))
    only = parser.parse_args(arguments).only
    signal.signal(signal.SIGTERM, _stop)
    try:
        figures = measure(only)
    except (BenchmarkError, EmbeddedPostgresError) as error:
        print(f"No figures: {error}", file=sys.stderr)
        return 2
    RESULT.write_text(json.dumps([figure.as_json() for figure in figures], indent=2) + "\n")
    return 0 if all(figure.is_ok for figure in figures) else 1


def measure(only: str | None) -> list[Figure]:
    """Measure and print; `only` names one figure of those measured together."""
    figures = []
    with open_workshop() as workshop:
        for make, names in BENCHMARKS.items():
            if only is None or only in names:
                for figure in make(workshop):
                    print(figure, flush=True)
                    figures.append(figure)
    return figures


def _stop(number: int, _frame: object) -> NoReturn:
    """Leave through every `finally`, so that nothing stays behind."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
