"""Who is stuck on the way from qualified to upgraded, stage by stage (E-17)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.console import views
from handlers.console.door import ConsoleDoor, console_texts
from handlers.console.paging import after, next_url
from models.base import in_language
from models.member import Member
from models.report import NoSuchReport
from models.report.ladder import STAGE_NAMES, since_of
from models.tier import Upgrade, list_tiers
from models.tier_evaluation import STAGES, list_stuck_upgrades

PAGE = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def show_stuck(stage: str) -> ResponseReturnValue:
    """Show whose upgrades came to a stage and no further, the longest waiting first."""
    if stage not in STAGES[:-1]:
        raise NoSuchReport(report=stage[:60])
    t = console_texts()
    tiers = [tier for tier in list_tiers(g.session) if tier.rank > 0]
    tier = next((each for each in tiers if each.code == request.args.get("tier")), None)
    rows = list_stuck_upgrades(
        g.session,
        stage,
        since=since_of(g.now),
        tier_id=tier.id if tier is not None else None,
        after=_place(),
        limit=PAGE + 1,
    )
    return views.show(
        "reports/stuck",
        fragment="reports/_stuck",
        stage=stage,
        stages=[(name, in_language(STAGE_NAMES[name], t.language)) for name in STAGES[:-1]],
        next_stage=in_language(STAGE_NAMES[STAGES[STAGES.index(stage) + 1]], t.language),
        tiers=tiers,
        tier=tier,
        names={each.id: in_language(each.name, t.language) for each in tiers},
        rows=rows[:PAGE],
        more=_more(rows),
        here=url_for("console.reports_show_stuck", stage=stage),
    )


def _place() -> tuple[datetime, int] | None:
    """Return where the page before ended; None for the first page, or for nothing readable."""
    told = (after() or "").split(".")
    if len(told) != 2 or not all(part.isdecimal() and len(part) <= 17 for part in told):
        return None
    return EPOCH + int(told[0]) * MICROSECOND, int(told[1])


def _more(rows: Sequence[tuple[Upgrade, Member]]) -> str | None:
    if len(rows) <= PAGE:
        return None
    last, _ = rows[PAGE - 1]
    return next_url(after=f"{(last.qualified_at - EPOCH) // MICROSECOND}.{last.id}")


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the list."""
    blueprint.get("/reports/stuck/<stage>", right="members.see", endpoint="reports_show_stuck")(
        show_stuck
    )
