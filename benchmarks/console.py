"""The console at a million members and ten million purchases: how long somebody waits for a page.

The Procfile's web server answers one person who opens page after page, as people do; the night's
work and the prepared figures are done before, as they are every morning. Each topic adds its pages
to PAGES.
"""

import http.client
import json
import re
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from typing import Any, Literal
from urllib.parse import quote, urlencode

from benchmarks.figure import BenchmarkError, Figure, Goal
from benchmarks.long_history import add_long_history
from benchmarks.segment_shop import MEMBERS, PURCHASES, TODAY, load_shop
from benchmarks.sent_campaign import add_sent_campaign, measure_report
from benchmarks.workshop import Database, Workshop
from jobs.prepare_figures import prepare_figures
from jobs.rebuild_classes import rebuild_classes
from models.base import Sessions
from models.database import make_sessions
from models.prepared import want
from models.shop import find_store
from models.staff import add_staff

Kind = Literal["first", "list", "search"]

FIRST_PAGE_S = Goal(below=1)
LISTS_MS = Goal(below=300)
SEARCH_MS = Goal(below=300)
ASKED = 30
"""So often each page is asked for; a search for each of its words."""
WARMED = 8
"""Both workers of the web server have answered by then, each with its connections open."""
P95 = 18
"""The place of the 95th percentile among twentieths."""
ANSWER_SECONDS = 60
MILLISECONDS = 1_000
USERNAME, PASSWORD = "owner-bench", "console-bench-1"
CLERKS = 12
MORNING = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC)
_TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')
_FEW_POINTS = {"field": "points", "is": "at_least", "value": 30}
_YESTERDAY = {"field": "nasld_was", "is": "is", "value": "nasld:active", "days_ago": 1}
_LARGE_LOYALTY = {"field": "purchased_twd", "is": "at_least", "value": 3_000, "within_days": 365}
_SLID = {
    "all": [
        {"field": "nasld_was", "is": "is", "value": "nasld:active", "days_ago": 30},
        {"field": "nasld", "is": "is", "value": "nasld:sleep"},
    ]
}


@dataclass(frozen=True)
class Page:
    """One address; `{number}` stands for a member with a long history, `{clerk}` for who sold."""

    name: str
    path: str
    kind: Kind
    form: tuple[tuple[str, str], ...] = ()
    """What is sent to it, where it answers a form."""


def _rule(node: dict[str, Any]) -> str:
    return json.dumps({"schema": 1, "where": node}, ensure_ascii=False)


def _members(node: dict[str, Any]) -> str:
    return f"/console/members?{urlencode({'rule': _rule(node)})}"


def _size(name: str, node: dict[str, Any]) -> Page:
    return Page(name, "/console/segments/size", "list", (("rule", _rule(node)),))


def _typed(text: str) -> str:
    return f"/console/members/found?q={quote(text)}"


PAGES: tuple[Page, ...] = (
    Page("today", "/console/", "first"),
    Page("members", "/console/members", "first"),
    Page("member", "/console/members/{number}", "first"),
    Page("member_story", "/console/members/{number}/story?kind=purchases", "list"),
    Page("member_points", "/console/members/{number}/story?kind=points", "list"),
    Page("member_segments", "/console/members/{number}/segments", "list"),
    Page("members_of_tier", "/console/members?tier=gold&reachable=1", "list"),
    Page("members_asleep", "/console/members?nasld=nasld:sleep", "list"),
    Page("members_by_purchases", _members(_LARGE_LOYALTY), "list"),
    Page(
        "members_hardly_any",
        _members(
            {
                "all": [
                    {"field": "purchases", "is": "at_least", "value": 40, "within_days": 60},
                    {"field": "frozen", "is": "is", "value": True},
                ]
            }
        ),
        "list",
    ),
    Page("members_far_back", "/console/members?after=500000", "list"),
    Page("segments", "/console/segments", "first"),
    Page("rule_builder", "/console/segments/new", "first"),
    _size("size_of_points", _FEW_POINTS),
    _size("size_of_purchases", _LARGE_LOYALTY),
    _size("size_of_yesterday", _YESTERDAY),
    _size("size_of_who_slid", _SLID),
    Page("segment", "/console/segments/of/whole-shop", "first"),
    Page("segment_size", "/console/segments/of/whole-shop/size", "list"),
    Page("segment_why", "/console/segments/of/whole-shop/why?member={number}", "list"),
    Page("models", "/console/models", "first"),
    Page("class", "/console/models/nasld/sleep", "first"),
    Page("class_size", "/console/models/nasld/sleep/size", "list"),
    Page("rfm_group_size", "/console/models/rfm/maintaining/size", "list"),
    Page("rfm_grid", "/console/models/rfm", "list"),
    Page("rfm_grid_of_a_score", "/console/models/rfm?m=3", "list"),
    Page("rfm_cell", _members({"field": "rfm_cell", "is": "any_of", "value": ["5-4"]}), "list"),
    Page("class_moves", "/console/models/moves", "first"),
    Page("who_slid", _members(_SLID), "list"),
    Page("who_was_active", _members(_YESTERDAY), "list"),
    Page("class_cross", "/console/models/cross?a=nasld&b=rfm", "list"),
    Page("reports", "/console/reports", "first"),
    Page("report", "/console/reports/metrics", "first"),
    Page("report_cohorts", "/console/reports/cohorts", "first"),
    Page("report_liability", "/console/reports/liability", "first"),
    Page("report_campaigns", "/console/reports/campaigns", "first"),
    Page("report_lens", "/console/reports/lens", "first"),
    Page("report_lens_case", "/console/reports/lens/{clerk}/same_member", "first"),
    Page("report_stuck", "/console/reports/stuck/qualified", "list"),
    Page("report_kpis", "/console/reports/kpis", "list"),
    Page("campaigns", "/console/campaigns", "first"),
    Page("campaign_new", "/console/campaigns/new", "first"),
    Page("campaign_estimate", "/console/campaigns/estimate?segment=whole-shop", "list"),
    Page("campaign", "/console/campaigns/whole-shop", "first"),
    Page("campaign_progress", "/console/campaigns/whole-shop/progress", "list"),
    Page("campaign_results", "/console/campaigns/whole-shop/results", "first"),
    Page("campaign_proof", "/console/campaigns/whole-shop/proof", "first"),
    Page("campaign_held_out", "/console/campaigns/whole-shop/proof?state=skipped", "list"),
    Page("journeys", "/console/journeys", "first"),
    Page("journey", "/console/journeys/birthday", "first"),
    Page("journey_editor", "/console/journeys/birthday/edit", "first"),
    Page("journey_people", "/console/journeys/birthday/people?state=under_way", "list"),
    Page("journey_tasks", "/console/journey-tasks", "list"),
    Page("surveys", "/console/surveys", "list"),
    Page("calendar", "/console/calendar", "first"),
    Page("calendar_day", f"/console/calendar/day/{TODAY}", "list"),
    Page("calendar_of_one", "/console/calendar/member?member={number}", "first"),
    Page("loyalty", "/console/loyalty", "first"),
    Page("programme", "/console/loyalty/programme", "first"),
    Page("coupons", "/console/loyalty/coupons", "list"),
    Page("coupon", "/console/loyalty/coupons/welcome", "first"),
    Page("coupon_hand_out", "/console/loyalty/coupons/welcome/hand-out", "first"),
    Page("stamp_card_preview", "/console/loyalty/stamp-cards/main/switch", "list"),
    Page("benefits", "/console/loyalty/benefits", "first"),
    Page("catalogue", "/console/loyalty/catalogue", "list"),
    Page("reviews", "/console/loyalty/reviews", "list"),
    Page("tier", "/console/loyalty/tiers/gold", "first"),
    Page("designer", "/console/loyalty/designer", "first"),
    Page("budget", "/console/loyalty/budget", "first"),
    Page("proposals", "/console/loyalty/proposals", "list"),
    *(
        Page(f"search_{place}", _typed(text), "search")
        for place, text in enumerate(
            (
                "王",
                "怡君",
                "陳怡君",
                "小",
                "Emma",
                "0912",
                "091234",
                "678",
                "345678",
                "1234",
                "不存在",
            )
        )
    ),
    Page("settings", "/console/settings", "first"),
    Page("settings_audit", "/console/settings/audit", "list"),
    Page("settings_health", "/console/settings/health", "list"),
    Page("settings_setup", "/console/settings/setup?step=platform", "list"),
)
"""What is measured; a figure of all topics is as slow as the slowest page."""
PREPARED = (
    "overview",
    "outreach_plan",
    "tier_readiness",
    "tier_health",
    "tier_design",
    "tier_sums",
    "audit_chain",
    "class_moves",
    "journey_results",
    "journey_states",
    "bestsellers",
    "programme_results",
    "survey_reports",
    "report.metrics",
    "report.cohorts",
    "report.liability",
    "report.campaigns",
    "report.lens",
)
"""The figures that these pages show; the night makes some twenty more that they do not."""


def measure_console(workshop: Workshop) -> list[Figure]:
    """Measure the 95th percentile of each page; the slowest of each kind is held to its goal."""
    with workshop.database() as database:
        known = prepare(database)
        environment = workshop.environment(database) | {"DEMO": "1"}
        with workshop.web(environment) as port:
            return [*measure_pages(port, known), measure_report(database.engine)]


def prepare(database: Database) -> dict[str, str]:
    """Fill the shop, do the night's work and let an owner in; return what pages are asked about."""
    sessions = make_sessions(database.engine)
    clerk = _add_staff(sessions)
    load_shop(database.engine, MEMBERS, PURCHASES)
    number = add_long_history(database.engine)
    rebuild_classes(sessions, now=MORNING)
    add_sent_campaign(database.engine, USERNAME, MEMBERS)
    with sessions.begin() as session:
        for name in PREPARED:
            want(session, name, None, MORNING)
    prepare_figures(sessions, lambda: MORNING)
    return {"number": number, "clerk": str(clerk)}


def _add_staff(sessions: Sessions) -> int:
    """Keep an owner who looks and clerks who sell; return the id of a clerk."""
    with sessions.begin() as session:
        store = find_store(session, "TP01")
        assert store is not None, "set-up makes the stores"
        people = [("owner", USERNAME), *(("clerk", f"clerk-{n}") for n in range(CLERKS))]
        added = [
            add_staff(
                session, username=username, name=username, role=role, store=store, password=PASSWORD
            )
            for role, username in people
        ]
        session.flush()
        return added[-1].id


def measure_pages(port: int, known: Mapping[str, str]) -> list[Figure]:
    """Ask for all pages and return the figures, those of each page without a goal."""
    visitor = _Visitor(port)
    visitor.log_in()
    times = {page.name: visitor.time(page, known) for page in PAGES}
    visitor.close()
    slowest = {
        kind: max(times[page.name] for page in PAGES if page.kind == kind)
        for kind in ("first", "list", "search")
    }
    return [
        Figure("console_first_page_s", slowest["first"] / MILLISECONDS, "s", FIRST_PAGE_S),
        Figure("console_lists_p95_ms", slowest["list"], "ms", LISTS_MS),
        Figure("console_search_p95_ms", slowest["search"], "ms", SEARCH_MS),
        *(Figure(f"console_page_{name}_ms", worst, "ms") for name, worst in times.items()),
    ]


class _Visitor:
    """One browser: a kept connection with its cookies."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
        self._cookies: dict[str, str] = {}
        self._csrf: dict[str, str] = {}

    def log_in(self) -> None:
        """Log in with name and password. Raises BenchmarkError where that fails."""
        form = {"username": USERNAME, "password": PASSWORD} | self._token_of("/console/login")
        self._ask("POST", "/console/login", urlencode(form), wanted=(303,))
        self._csrf = self._token_of("/console/")

    def time(self, page: Page, known: Mapping[str, str]) -> float:
        """Return the 95th percentile of the milliseconds that a page takes."""
        path = page.path.format(**known)
        body = urlencode(dict(page.form) | self._csrf) if page.form else None
        for _ in range(WARMED):
            self._timed(path, body)
        return p95([self._timed(path, body) for _ in range(ASKED)])

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _token_of(self, path: str) -> dict[str, str]:
        found = _TOKEN.search(self._ask("GET", path))
        assert found is not None, "every page has its token"
        return {"csrf_token": unescape(found[1])}

    def _timed(self, path: str, body: str | None) -> float:
        began = time.perf_counter()
        self._ask("GET" if body is None else "POST", path, body)
        return (time.perf_counter() - began) * MILLISECONDS

    def _ask(
        self, method: str, path: str, body: str | None = None, wanted: Sequence[int] = (200,)
    ) -> str:
        headers = {"Cookie": "; ".join(f"{name}={text}" for name, text in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode(errors="replace")
        if answer.status not in wanted:
            raise BenchmarkError(f"{path} was answered with {answer.status}")
        for told in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = told.partition(";")[0].partition("=")
            self._cookies[name] = value
        return text


def p95(times: Sequence[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(times, n=20)[P95]
