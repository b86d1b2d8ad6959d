"""Reports: outcomes that add up, last-touch sales less refunds, blocks, lift; honest when small."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from models.campaign import Campaign, CampaignDecision
from models.friend import Friend
from models.insight import NOT_ENOUGH, Lift, Money, report_of_campaign, report_of_journey
from models.insight.reason import reason_name
from models.insight.recipients import list_recipients
from models.insight.unit import Asked, keep_unit_figure, list_units_to_read
from models.journey import Journey, JourneyVersion, JourneyVisit
from models.link import LinkClick, make_links
from models.member import Member
from models.outbox import Owed
from models.purchase import Purchase
from models.quota import QuotaEntry
from models.quota.month import lock_month
from models.sending import CampaignBatch, CampaignRecipient, CampaignRun, NoSuchRun
from models.shop import find_store
from tests.conftest import NOON
from tests.models.sending_shop import fill, plan, user_id

LATER = NOON + timedelta(days=1)
AFTER = NOON + timedelta(days=10)
DAY = timedelta(days=1)


def campaign_of(session: Session, run_id: int) -> Campaign:
    run = session.get_one(CampaignRun, run_id)
    return session.get_one(Campaign, run.campaign_id)


def sent(
    session: Session,
    got: Sequence[int],
    *,
    held: Sequence[int] = (),
    skipped: dict[int, str] | None = None,
    at: datetime = NOON,
    variant: str = "A",
    run_id: int | None = None,
) -> int:
    """Write down a run that has ended: who got it at `at`, who was held out, who was skipped."""
    run_id = run_id or plan(session, now=at)
    run = session.get_one(CampaignRun, run_id)
    left = skipped or {}
    run.state, run.started_at, run.finished_at = "finished", at, at
    run.planned += len(got) + len(held) + len(left)
    batch = CampaignBatch(
        id=uuid.uuid4(),
        run_id=run_id,
        number=1 if variant == "A" else 2,
        variant=variant,
        language="zh-TW",
        channel="line",
        is_personal=False,
        members=len(got),
        state="accepted",
        next_try_at=at,
        settled_at=at,
        request_id="line-1",
    )
    session.add(batch)
    session.flush()
    rows: list[dict[str, Any]] = [_recipient(run_id, each, variant, batch.id) for each in got]
    rows += [_recipient(run_id, each, None, None, "holdout", at) for each in held]
    rows += [_recipient(run_id, each, variant, None, why, at) for each, why in left.items()]
    session.execute(insert(CampaignRecipient), rows)
    return run_id


def _recipient(
    run_id: int,
    member_id: int,
    variant: str | None,
    batch_id: uuid.UUID | None,
    reason: str | None = None,
    at: datetime | None = None,
) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "member_id": member_id,
        "variant": variant,
        "batch_id": batch_id,
        "state": "skipped" if reason else None,
        "reason": reason,
        "settled_at": at,
    }


def buy(
    session: Session, member_id: int, at: datetime, paid: int = 100, refunded: int = 0
) -> Purchase:
    store = find_store(session, "TP01")
    assert store is not None
    made = Purchase(
        member_id=member_id,
        store_id=store.id,
        amount_twd=paid,
        paid_twd=paid,
        refunded_twd=refunded,
        undone_at=at if refunded == paid else None,
        points_earned=0,
        purchased_at=at,
        purchased_on=at.date(),
        idempotency_key=f"insight:{uuid.uuid4()}",
    )
    session.add(made)
    session.flush()
    return made


def owe_marketing(session: Session, member_id: int, at: datetime, **also: Any) -> Owed:
    member = session.get_one(Member, member_id)
    row = Owed(
        id=uuid.uuid4(),
        line_user_id=member.line_user_id or "",
        member_id=member_id,
        kind="content",
        words={},
        language="zh-TW",
        is_marketing=True,
        idempotency_key=f"insight:{uuid.uuid4()}",
        state="accepted",
        created_at=at,
        next_try_at=at,
        settled_at=at,
        first_try_at=at,
    )
    for name, value in also.items():
        setattr(row, name, value)
    session.add(row)
    session.flush()
    return row


def test_everybody_is_counted_once(session: Session) -> None:
    """E-15, X2: planned = accepted + skipped by reason + refused + unknown, by channel."""
    ids = fill(session, 6)
    run_id = sent(session, ids[:3], held=ids[3:5], skipped={ids[5]: "frequency_cap"})

    report = report_of_campaign(session, campaign_of(session, run_id), AFTER)

    assert report.outcomes.planned == 6
    assert report.outcomes.accepted == 3
    assert dict(report.outcomes.skipped) == {"holdout": 2, "frequency_cap": 1}
    assert report.outcomes.adds_up
    assert report.channels == [("line", 3)]
    assert report.is_final
    listed = list_recipients(session, run_id, limit=10)
    assert [(each.state, each.reason) for each in listed] == [
        *[("accepted", None)] * 3,
        *[("skipped", "holdout")] * 2,
        ("skipped", "frequency_cap"),
    ]
    assert [each.number for each in list_recipients(session, run_id, limit=1, after_id=ids[4])] == [
        listed[5].number
    ]
    assert len(list_recipients(session, run_id, limit=9, state="skipped")) == 3


def test_a_sale_is_due_to_the_last_message_before_it_once(session: Session) -> None:
    """Attribution: within the days, after the message, by the last touch, refunds taken off."""
    ids = fill(session, 6)
    first = sent(session, ids)
    second = sent(session, [ids[1]], at=LATER)
    owe_marketing(session, ids[2], LATER, source="journey:x:1:a")
    buy(session, ids[0], NOON + DAY, paid=300, refunded=100)
    buy(session, ids[0], NOON + 2 * DAY)
    for each in (ids[1], ids[2]):
        buy(session, each, LATER + timedelta(hours=1))  # Due to what came after.
    buy(session, ids[3], NOON - timedelta(minutes=1))  # Before it.
    buy(session, ids[4], NOON + timedelta(days=7, minutes=1))  # Too late.
    buy(session, ids[5], LATER, paid=80, refunded=80)  # No sale any more.

    before = report_of_campaign(session, campaign_of(session, first), AFTER).sales
    after = report_of_campaign(session, campaign_of(session, second), AFTER).sales

    assert (before.buyers, before.purchases, before.net_twd) == (1, 2, 300)
    assert (before.paid_twd, before.refunded_twd) == (400, 100)
    assert (after.buyers, after.net_twd) == (1, 100)


def test_a_block_is_due_to_the_last_message_within_48_hours(session: Session) -> None:
    """U5: within 48 hours, of the last message; who came back is no loss."""
    ids = fill(session, 4)
    first = sent(session, ids)
    second = sent(session, [ids[1]], at=LATER)

    def block(number: int, at: datetime, *, is_back: bool = False) -> None:
        friend = session.get_one(Friend, user_id(number))
        friend.is_following, friend.changed_at = is_back, at

    block(1, NOON + timedelta(hours=47))
    block(2, LATER + timedelta(hours=1))
    block(3, NOON + timedelta(hours=49))
    block(4, NOON + timedelta(hours=3), is_back=True)
    session.flush()

    assert report_of_campaign(session, campaign_of(session, first), AFTER).blocks == 1
    assert report_of_campaign(session, campaign_of(session, second), AFTER).blocks == 1


def test_lift_is_of_all_who_were_meant_less_the_held_out(session: Session) -> None:
    """X2: reached or not, for chance alone chose; with interval and verdict."""
    ids = fill(session, 400)
    run_id = sent(session, ids[:250], held=ids[300:], skipped=dict.fromkeys(ids[250:300], "x"))
    for each in (*ids[:90], *ids[250:260], *ids[300:310]):
        buy(session, each, NOON + DAY)

    lift = report_of_campaign(session, campaign_of(session, run_id), AFTER).lift

    assert (lift.treated, lift.treated_buyers, lift.held_out, lift.held_out_buyers) == (
        300,
        100,
        100,
        10,
    )
    assert lift.difference == pytest.approx(0.2333, abs=0.0001)
    assert lift.verdict == "higher"
    assert lift.more_buyers == pytest.approx(70)


@pytest.mark.parametrize(
    ("lift", "verdict"),
    [
        (Lift(20, 20, 20, 0), NOT_ENOUGH),
        (Lift(300, 30, 100, 9), NOT_ENOUGH),
        (Lift(300, 3, 100, 30), "lower"),
        (Lift(0, 0, 0, 0), NOT_ENOUGH),
    ],
)
def test_where_too_little_is_known_that_is_said(lift: Lift, verdict: str) -> None:
    """X2: few people, or zero within the interval, is 「資料不足」, whatever the shares."""
    assert lift.verdict == verdict
    if verdict == NOT_ENOUGH:
        assert lift.more_buyers is None


def test_a_person_of_several_sendings_is_compared_once(session: Session) -> None:
    """X2: a campaign that comes every week does not make one member many."""
    ids = fill(session, 4)
    run_id = sent(session, ids[:2], held=ids[2:])
    campaign = campaign_of(session, run_id)
    again = plan(session, slot="2", now=LATER)
    session.get_one(CampaignRun, again).campaign_id = campaign.id
    sent(session, ids[:2], held=ids[2:], at=LATER, run_id=again)
    buy(session, ids[0], LATER + DAY)

    report = report_of_campaign(session, campaign, AFTER)

    assert (report.outcomes.planned, report.lift.treated, report.lift.held_out) == (8, 2, 2)
    assert (report.lift.treated_buyers, report.sales.purchases) == (1, 1)
    assert report_of_campaign(session, campaign, AFTER, run_id=run_id).outcomes.planned == 4
    with pytest.raises(NoSuchRun):
        report_of_campaign(session, campaign, AFTER, run_id=run_id + 1_000)


def test_variants_are_told_apart_with_clicks_and_taps(session: Session) -> None:
    """E-08, E-15, B-24: each variant's reactions with an interval, and how it was decided."""
    ids = fill(session, 6)
    run_id = sent(session, ids[:3])
    sent(session, ids[3:], variant="B", run_id=run_id)
    campaign = campaign_of(session, run_id)
    links = make_links(
        session, f"campaign:{run_id}:B", ["https://tea.example/a", "tap:show_coupons"]
    )
    for number, (url, member_id) in enumerate(
        [("https://tea.example/a", ids[3]), ("https://tea.example/a", None)]
        + [("tap:show_coupons", each) for each in ids[3:5]]
    ):
        session.add(
            LinkClick(link_id=links[url], member_id=member_id, visitor=str(number), at=LATER)
        )
    session.add(
        CampaignDecision(
            campaign_id=campaign.id,
            at=LATER,
            metric="click",
            figures=[],
            verdict="winner",
            chosen="B",
            low=0.1,
            high=0.4,
        )
    )
    session.flush()

    report = report_of_campaign(session, campaign, AFTER)

    clicks = report.clicks
    assert (clicks.clicks, clicks.clickers, clicks.anonymous) == (2, 1, 1)
    assert (clicks.taps, clicks.tappers, clicks.reacting) == (2, 2, 2)
    assert [(each.code, each.accepted, each.reacting) for each in report.variants] == [
        ("A", 3, 0),
        ("B", 3, 2),
    ]
    low, high = report.variants[1].interval("click")
    assert low < 2 / 3 < high
    assert report.decision is not None
    assert report.decision.chosen == "B"


def test_roas_is_net_sales_by_all_it_cost(session: Session) -> None:
    """T9: attributed net sales ÷ (message cost + benefit cost), a multiple; none without a cost."""
    ids = fill(session, 1)
    run_id = sent(session, ids)
    buy(session, ids[0], NOON + DAY, paid=500)
    month = lock_month(session, NOON)
    session.add(
        QuotaEntry(
            month=month.month,
            kind="use",
            source=f"campaign:{run_id}",
            key="batch-1",
            messages=1,
            is_service=False,
            cost_twd=Decimal(20),
            at=NOON,
        )
    )
    session.flush()

    money = report_of_campaign(session, campaign_of(session, run_id), AFTER).money

    assert (money.message_twd, money.roas) == (Decimal(20), Decimal("25.00"))
    assert Money(Decimal(0), 0, 500).roas is None


def test_lines_figures_stand_as_line_told_them(session: Session) -> None:
    """Insight: null where LINE tells nothing; read once a day, while LINE goes on counting."""
    ids = fill(session, 1)
    run_id = sent(session, ids)
    name = session.get_one(CampaignRun, run_id).unit_name
    asked = next(each for each in list_units_to_read(session, LATER) if each.unit_name == name)
    assert (asked.from_on.isoformat(), asked.to_on.isoformat()) == ("2026-11-22", "2026-11-23")

    keep_unit_figure(session, asked, LATER, impressions=41, clicks=None, plays=None, urls=[])

    (figure,) = report_of_campaign(session, campaign_of(session, run_id), AFTER).line
    assert (figure.unique_impressions, figure.unique_clicks) == (41, None)
    named = [each.unit_name for each in list_units_to_read(session, LATER + timedelta(hours=19))]
    assert name not in named
    assert name in [each.unit_name for each in list_units_to_read(session, LATER + DAY)]
    assert list_units_to_read(session, NOON + timedelta(days=15)) == []
    assert isinstance(asked, Asked)


def test_a_journey_is_reported_from_its_messages(session: Session) -> None:
    """B-16: what its messages brought, what was free, and those held out beside them."""
    ids = fill(session, 3)
    code = "care-test"
    session.add(
        Journey(
            code=code,
            name={"zh-TW": "關懷"},
            state="active",
            version=1,
            created_at=NOON,
            active_since=NOON,
        )
    )
    session.flush()
    session.add(
        JourneyVersion(
            journey_code=code, version=1, definition={}, note="", made_by="x", made_at=NOON
        )
    )
    session.flush()
    for number, (member_id, state) in enumerate(
        zip(ids, ("done", "done", "held_out"), strict=True)
    ):
        visit = JourneyVisit(
            journey_code=code,
            version=1,
            member_id=member_id,
            key=str(number),
            state=state,
            step_at=NOON,
            cause_at=NOON,
            started_at=NOON,
            ended_at=NOON if state == "done" else None,
            facts={},
        )
        session.add(visit)
        session.flush()
        if state == "done":
            owe_marketing(
                session,
                member_id,
                NOON,
                visit_id=visit.id,
                source=f"journey:{code}:1:hello",
                via="reply" if number else "push",
            )
    buy(session, ids[0], LATER, paid=70)

    report = report_of_journey(session, session.get_one(Journey, code), NOON + 2 * DAY)

    assert (report.outcomes.accepted, report.free, report.outcomes.adds_up) == (2, 1, True)
    assert (report.sales.buyers, report.sales.net_twd) == (1, 70)
    assert (report.lift.treated, report.lift.treated_buyers, report.lift.held_out) == (2, 1, 1)
    assert report.lift.verdict == NOT_ENOUGH
    assert [(each.code, each.accepted) for each in report.variants] == [("hello", 2)]


def test_a_campaign_of_which_nothing_was_sent_has_an_empty_report(session: Session) -> None:
    run_id = plan(session)

    report = report_of_campaign(session, campaign_of(session, run_id), AFTER)

    assert (report.since, report.outcomes.planned, report.sales.purchases) == (None, 0, 0)
    assert report.lift.verdict == NOT_ENOUGH
    assert not report.is_final


def test_every_reason_has_words() -> None:
    assert reason_name("holdout")["zh-TW"] == "對照組（不發送）"
    assert reason_name("nasld:deep")["ja"]
    assert reason_name("Not found")["en"] == "Not found"
