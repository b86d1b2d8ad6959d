"""A campaign that a whole large shop got, a tenth held out: for its pages and its report."""

import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from benchmarks.figure import Figure, Goal
from benchmarks.segment_shop import TODAY
from models.campaign import Campaign, add_campaign, get_campaign
from models.campaign.keeping import move
from models.campaign.opening import spec_of
from models.database import make_sessions
from models.insight import report_of_campaign
from models.insight.campaign_prepared import show_report
from models.segment import parse_rule
from models.segment.keeping import add_segment
from models.sending import open_run
from models.sending.table import BATCH_SIZE, CampaignRun

CODE, SEGMENT = "whole-shop", "whole-shop"
RULE = {"schema": 1, "where": {"field": "points", "is": "at_least", "value": 0}}
WORDS = {"schema": 1, "messages": [{"type": "text", "text": {"zh-TW": "雨天外送免運費"}}]}
SENT_AT = datetime(TODAY.year, TODAY.month, TODAY.day, 2, tzinfo=UTC) - timedelta(days=8)
REPORT_S = Goal(below=1)
ASKED = 5
BATCHES = """
INSERT INTO campaign_batch (id, run_id, number, variant, language, channel, is_personal, members,
    state, tries, next_try_at, settled_at, request_id)
SELECT md5('sent:' || n)::uuid, :run, n, 'A', 'zh-TW', 'line', false, :size * 9 / 10, 'accepted', 1,
    :at, :at + n * interval '15 ms', 'bench'
FROM generate_series(0, :people / :size - 1) AS n
"""
RECIPIENTS = """
INSERT INTO campaign_recipient (run_id, member_id, variant, batch_id, state, reason, settled_at)
SELECT :run, id, CASE WHEN id % 10 > 0 THEN 'A' END,
    CASE WHEN id % 10 > 0 THEN md5('sent:' || id / :size)::uuid END,
    CASE WHEN id % 10 = 0 THEN 'skipped' END, CASE WHEN id % 10 = 0 THEN 'holdout' END,
    CASE WHEN id % 10 = 0 THEN CAST(:at AS timestamptz) END
FROM member
"""


def add_sent_campaign(engine: Engine, by: str, people: int) -> None:
    """Keep a campaign that was sent to everybody a week ago, and want its report."""
    with make_sessions(engine).begin() as session:
        add_segment(session, SEGMENT, {"zh-TW": "所有人"}, parse_rule(RULE), by=by, now=SENT_AT)
        told = {"name": {"zh-TW": "所有人"}, "segment": SEGMENT, "content": WORDS}
        campaign = add_campaign(
            session, CODE, told | {"schedule": {"when": "now"}}, by=by, now=SENT_AT
        )
        _send(session, campaign, people)
        move(session, campaign, "finished", by, SENT_AT, what="finish")
        show_report(session, campaign, SENT_AT + timedelta(days=8))
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
            "VACUUM (ANALYZE) campaign_recipient, campaign_batch"
        )


def _send(session: Session, campaign: Campaign, people: int) -> None:
    until = SENT_AT + timedelta(hours=3)
    run_id = open_run(
        session, campaign.id, spec_of(session, campaign), SENT_AT, until, "1", SENT_AT
    )
    assert run_id is not None, "nobody else opens it"
    run = session.get_one(CampaignRun, run_id)
    run.state, run.planned = "finished", people
    run.started_at, run.frozen_at = SENT_AT, SENT_AT
    run.finished_at = SENT_AT + timedelta(minutes=1)
    session.flush()
    told = {"run": run_id, "at": SENT_AT, "size": BATCH_SIZE, "people": people}
    session.execute(text(BATCHES), told)
    session.execute(text(RECIPIENTS), {name: told[name] for name in told if name != "people"})


def measure_report(engine: Engine) -> Figure:
    """Ask for the report of everybody, live; return the slowest of some times."""
    seconds = []
    for _ in range(ASKED):
        with make_sessions(engine)() as session:
            campaign = get_campaign(session, CODE)
            started = time.perf_counter()
            report = report_of_campaign(session, campaign, SENT_AT + timedelta(days=8))
            seconds.append(time.perf_counter() - started)
        assert report.lift.held_out, "a tenth was held out"
    return Figure("campaign_report_s", max(seconds[1:]), "s", REPORT_S)
