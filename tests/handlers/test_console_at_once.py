"""The same form of the console sent several times at once: what it asks for happens once.

Real threads, each a browser tab of one person, against a database with real commits. Whoever comes
second is told what the first did, or why it cannot be done again; nobody meets a failure of ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select, table
from sqlalchemy.orm import Session

from app import Installation
from handlers.console.campaigns.typed import blank
from models.activity import Lottery
from models.campaign import get_campaign, last_change, submit_campaign
from models.campaign.setting import set_approve_above
from models.identity.merge import MemberMerge
from models.lottery import add_lottery
from models.member import Member
from models.points.adjustment import PointsAdjustment, ask_adjustment
from models.shop import get_shop
from models.staff import OWNER, Staff
from models.tag import keep_tag
from tests.bot.gallery_samples import content, said
from tests.conftest import NOON, Committed
from tests.handlers.console_driver import Desk
from tests.models.campaign_shop import EVERYBODY, MANAGER, MARKETER, make, open_office
from tests.models.coupon_maker import at_once, make_template

TABS = range(4)
FAILED = 500
Fields = dict[str, str]
CONTENT = json.dumps(content({"type": "text", "text": said("hi")}))
RULE = json.dumps({"schema": 1, "where": {"field": "points", "is": "at_least", "value": 5}})


@dataclass(frozen=True)
class Deed:
    """A form, where it is sent, and the table in which it makes `rows`."""

    path: str
    fields: Fields
    table: str
    rows: int = 1
    file: bytes | None = None


@dataclass
class Shop:
    """A committed shop with an owner's browser, and what the forms name."""

    lent: Committed
    desk: Desk
    numbers: list[str] = field(default_factory=list)
    coupon: str = ""

    def count(self, name: str) -> int:
        """Return how many rows a table has."""
        with self.lent.engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(table(name))).scalar_one()

    def newest(self, kind: type[MemberMerge] | type[PointsAdjustment]) -> int:
        """Return the id of the newest row of a kind."""
        with self.lent.sessions() as session:
            return session.scalars(select(func.max(kind.id))).one()

    def send(self, deed: Deed) -> set[int]:
        """Send a form as often as there are tabs, at once; return the statuses."""
        told = {"csrf_token": self.desk.token, "key": str(uuid4())} | deed.fields

        def tab(_: int) -> int:
            data = dict(told)
            if deed.file is not None:
                data["file"] = (BytesIO(deed.file), "members.csv")  # type: ignore[assignment]
            client = self.desk.client.application.test_client()
            client._cookies = dict(self.desk.client._cookies or {})
            return client.post(deed.path, data=data).status_code

        return set(at_once(TABS, tab))


@pytest.fixture
def shop(app: Flask, installation: Installation, committed: Committed) -> Shop:
    """Return a committed shop with its owner at the desk; a failure of ours is an answer."""
    installation.sessions = committed.sessions
    app.config["PROPAGATE_EXCEPTIONS"] = False
    made = Shop(committed, Desk(app.test_client()))
    with committed.sessions() as session:
        owner = committed.maker.staff(session, OWNER)
        open_office(session)
        members = [committed.maker.member(session, points=50) for _ in range(8)]
        made.numbers = [member.number for member in members]
        made.coupon = make_template(session).code
        keep_tag(session, "tea", {"zh-TW": "愛茶"}, now=NOON)
        _begin_what_is_decided(session, members[0])
        session.commit()
        made.desk.log_in(owner)
        session.commit()
    return made


def _begin_what_is_decided(session: Session, member: Member) -> None:
    """Make campaigns, one of which waits for a second person, and a wish that does too."""
    make(session, "winter")
    make(session, "spring", schedule={"when": "once", "at": "2026-12-24T10:00"})
    set_approve_above(session, 0, by=MANAGER, now=NOON)
    make(session, "autumn")
    submit_campaign(session, "autumn", by=MARKETER, now=NOON)
    ask_adjustment(
        session,
        member,
        get_shop(session).adjust_limit_points + 1,
        reason="補點",
        asked_by=session.scalars(select(Staff).filter_by(username=MANAGER)).one(),
        idempotency_key="asked",
        now=NOON,
    )
    ends_at = NOON + timedelta(days=30)
    name = said("抽獎")
    add_lottery(session, Lottery(code="year-end", name=name, starts_at=NOON, ends_at=ends_at))


def deeds(shop: Shop) -> Iterator[Deed]:
    """Yield what is sent, one after another: a later one may need an earlier one."""
    yield from of_members(shop)
    yield from of_loyalty(shop)
    yield from of_outreach(shop)
    yield from of_settings()


def of_members(shop: Shop) -> Iterator[Deed]:
    """Yield what is done with single members."""
    first, second, third, fourth, fifth = (
        f"/console/members/{number}" for number in shop.numbers[:5]
    )
    why = {"reason": "客人來電"}
    wish = shop.newest(PointsAdjustment)
    yield Deed(f"/console/members/adjustments/{wish}/approve", {}, "points_entry")
    yield Deed(f"{first}/points", {"points": "5"} | why, "points_entry")
    yield Deed(f"{first}/notes", {"words": "不喝冰"}, "member_note")
    yield Deed(f"{first}/tags", {"tag": "tea"}, "tag_event")
    yield Deed(f"{second}/tier", {"tier": "gold", "was": "basic"} | why, "tier_change")
    yield Deed(f"{second}/freeze", why, "audit_entry")
    yield Deed(f"{second}/release", why, "audit_entry")
    yield Deed(f"{third}/merge/{shop.numbers[5]}", why, "member_merge")
    yield Deed(f"{third}/unmerge/{shop.newest(MemberMerge)}", {}, "audit_entry")
    yield Deed(f"{fourth}/block", why, "audit_entry")
    yield Deed(f"{fifth}/erase", {"typed_number": shop.numbers[4]} | why, "former_member")


def of_loyalty(shop: Shop) -> Iterator[Deed]:
    """Yield what is done with rules, coupons and other offers."""
    place = "/console/loyalty"
    coupon = f"{place}/coupons/{shop.coupon}"
    yield Deed(f"{coupon}/hand-out", {"segment": EVERYBODY}, "coupon_handout")
    yield Deed(f"{coupon}/stock", {"by": "5"}, "offering_change")
    benefit = {"owner": "tier:gold", "kind": "points_multiplier", "percent": "200"}
    yield Deed(f"{place}/benefits", benefit, "benefit")
    prize = {"name.zh-TW": "五十點", "odds_ppm": "10", "stock": "5", "reward.points": "50"}
    yield Deed(f"{place}/lotteries/year-end/prizes", prize, "lottery_prize")
    proposal = {"name": "明年", "effective_on": "2027-01-01"}
    yield Deed(f"{place}/proposals", proposal, "tier_proposal")


def of_outreach(shop: Shop) -> Iterator[Deed]:
    """Yield what is done with segments, campaigns, journeys, surveys and letters."""
    campaigns, text_of = "/console/campaigns", {"variant_content": CONTENT}
    begun = {name: str(value) for name, value in blank(NOON, segment=EVERYBODY, name="新").items()}
    yield Deed("/console/segments/new", {"name": "常客", "rule": RULE}, "segment")
    yield Deed(f"{campaigns}/new", begun | text_of, "campaign")
    yield Deed(f"{campaigns}/winter/clone", {}, "campaign")
    yield Deed(f"{campaigns}/winter/test", {"members": shop.numbers[6]}, "outbox")
    for code, step in (("winter", "confirm"), ("autumn", "approve")):
        with shop.lent.sessions() as session:
            base = str(last_change(session, get_campaign(session, code)).id)
        yield Deed(f"{campaigns}/{code}/{step}", {"draft_base": base}, "campaign_change")
    day = {"day": "2026-12-20"}
    yield Deed("/console/calendar/campaigns/spring/move", day, "campaign_change")
    yield Deed("/console/journey-templates", {"name": "歡迎", "on": "joined"}, "journey")
    names = {"name_zh-TW": "好喝嗎", "question_zh-TW": "好喝嗎？"}
    yield Deed("/console/surveys", {"code": "cup", "kind": "csat"} | names, "survey")
    festival = {"code": "own-day", "name_zh-TW": "店慶", "day": "2026-12-20"}
    yield Deed("/console/festivals", festival, "festival")
    letter = {"email": "a@example.com", "language": "zh-TW", "every": "day", "hour": "9"}
    yield Deed("/console/reports/pareto/letters", letter, "report_letter")


def of_settings() -> Iterator[Deed]:
    """Yield what the owner does with the shop's settings."""
    place = "/console/settings"
    key = {"name": "收銀機", "store": "TP01", "scope": "members:read"}
    yield Deed(f"{place}/keys", key, "api_key")
    hook = {"url": "https://example.com/heard", "event": "member.joined"}
    yield Deed(f"{place}/webhooks", hook, "webhook_endpoint")
    yield Deed(f"{place}/stores", {"code": "TP09", "name.zh-TW": "新店"}, "store")
    person = {"username": "abby", "name": "小艾", "role": "manager", "store": "TP01"}
    yield Deed(f"{place}/people", person, "staff")
    yield Deed(f"{place}/suppression", {"unanswered": "7", "note": "少一點"}, "suppression_setting")
    yield Deed(f"{place}/exports", {"kind": "everything"}, "transfer")
    file = "手機,姓名\n0912345678,王小明\n".encode()
    upload = {"kind": "members", "platform": "generic"}
    yield Deed(f"{place}/imports", upload, "transfer", file=file)


def test_a_form_sent_several_times_at_once_does_its_work_once(shop: Shop) -> None:
    wrong = {}
    for deed in deeds(shop):
        before = shop.count(deed.table)
        statuses = shop.send(deed)
        made = shop.count(deed.table) - before
        if made != deed.rows or max(statuses) >= FAILED:
            wrong[deed.path] = (made, statuses)

    assert wrong == {}
