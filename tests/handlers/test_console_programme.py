"""The console's programme: every mechanic listed, formed, previewed, published and read."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from handlers.console.programme.topics import TOPICS
from jobs.offerings import apply_offerings, hand_out_coupons
from models.activity import Lottery, Mission, ReferralRule
from models.audit import AuditEntry
from models.base import Sessions
from models.benefit import Benefit
from models.catalogue import CatalogueItem
from models.coupon import Coupon, CouponTemplate, get_template, issue_coupon
from models.coupon_handout import CouponHandout
from models.earn_rule import EarnRule
from models.favourite import MemberFavourite
from models.gathering import Gathering, ask_for_seat
from models.local_day import local_day
from models.lottery import list_prizes
from models.member import Member
from models.offering import APPLIED, ASKED, REFUSED, SCHEDULED, OfferingChange
from models.plan import Plan
from models.prepared import FIGURES, claim_wanted, keep_prepared, want
from models.review.table import Review
from models.reward import Reward
from models.shop import get_shop
from models.staff import Staff
from models.stamp_card import StampProgramme, list_stamp_programmes
from models.tier import Tier
from tests.conftest import NOON, Clock
from tests.handlers.clerk_driver import words
from tests.handlers.console_driver import Desk
from tests.models.shopping import buy

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
FIELD = re.compile(r'<(?:input|textarea)[^>]* name="([^"]+)"[^>]*?(?: value="([^"]*)")?[^>]*>')
PAGE_OWN = ("csrf_token", "key", "draft_base")
PAGES = (
    "/console/loyalty/programme",
    *(f"/console/loyalty/{slug}" for slug in TOPICS),
    *(f"/console/loyalty/{slug}/new" for slug, topic in TOPICS.items() if not topic.is_closed),
    "/console/loyalty/points/only",
    "/console/loyalty/points/only/edit",
    "/console/loyalty/referral/only/edit",
    "/console/loyalty/community/only/edit",
    "/console/loyalty/engagement/review/edit",
    "/console/loyalty/stamp-cards/main",
    "/console/loyalty/stamp-cards/main/edit",
    "/console/loyalty/coupons/welcome",
    "/console/loyalty/coupons/welcome/edit",
    "/console/loyalty/coupons/welcome/switch",
    "/console/loyalty/coupons/welcome/hand-out",
    "/console/loyalty/packs",
    "/console/loyalty/reviews",
    "/console/loyalty/catalogue",
    "/console/loyalty/recommendation",
    "/console/loyalty/benefits",
    "/console/loyalty/benefits/new?kind=upgrade_gift&owner=tier:gold",
    "/console/loyalty/birthday-cards",
)


@pytest.fixture
def desk(client: FlaskClient, make_staff: MakeStaff) -> Desk:
    """Return the owner's desk, logged in."""
    desk = Desk(client)
    desk.log_in(make_staff("owner", username="boss"))
    return desk


@pytest.fixture
def marketer(app: object, client: FlaskClient, make_staff: MakeStaff) -> Desk:
    """Return a marketer's desk, in a browser of their own."""
    desk = Desk(client.application.test_client())
    desk.log_in(make_staff("marketer", username="maker"))
    return desk


def filled(answer: TestResponse, **changed: str | list[str]) -> dict[str, str | list[str]]:
    """Return what a page's form holds, with some fields typed over."""
    page = answer.text.split("<main", 1)[1]
    found: dict[str, str | list[str]] = {
        name: unescape(value) for name, value in HIDDEN.findall(page) if name not in PAGE_OWN
    }
    for tag in re.findall(r"<input[^>]*>", page):
        name = re.search(r' name="([^"]+)"', tag)
        is_box = 'type="checkbox"' in tag
        if name and name[1] not in PAGE_OWN and not (is_box and " checked" not in tag):
            value = re.search(r' value="([^"]*)"', tag)
            found[name[1]] = unescape(value[1]) if value else ""
    for name, inside in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', inside)
        first = re.search(r'<option value="([^"]*)"', inside)
        found[name] = (chosen or first or ["", ""])[1]
    for name, inside in re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>(.*?)</textarea>', page):
        found[name] = unescape(inside)
    return found | changed


def change(desk: Desk, slug: str, path: str, **changed: str | list[str]) -> TestResponse:
    """Open a form, type into it, look at the preview, and send what the preview carries."""
    form = filled(desk.get(path), **changed)
    preview = send_on(desk, f"/console/loyalty/{slug}/preview", form)
    assert preview.status_code == 200, words(preview)
    carried = filled(preview) | {k: v for k, v in changed.items() if k in ("note", "effective_on")}
    return send_on(desk, f"/console/loyalty/{slug}/save", carried)


def send_on(desk: Desk, path: str, form: dict[str, str | list[str]]) -> TestResponse:
    answer = desk.send(path, script=False, **form)
    found = re.search(r'name="key" value="([^"]+)"', answer.text)
    desk.key = found[1] if found else desk.key
    return answer


def test_every_page_draws(desk: Desk, session: Session) -> None:
    """A-15, E-23: each mechanic has its list, its form and its page."""
    for path in PAGES:
        answer = desk.get(path)
        assert answer.status_code == 200, path
        assert "style=" not in answer.text, path
    overview = words(desk.get("/console/loyalty/programme"))
    for mechanic in (
        "集點規則",
        "優惠券",
        "集點卡",
        "點數兌換",
        "任務",
        "抽獎",
        "推薦好友",
        "權益",
    ):
        assert mechanic in overview


def test_a_coupon_is_made_previewed_and_published(desk: Desk, session: Session) -> None:
    """C-12, A-15: from a preset to a template that can be given, with its cost before."""
    new = "/console/loyalty/coupons/new?preset=amount"
    form = filled(desk.get(new), code="autumn", stock_left="200")
    preview = send_on(desk, "/console/loyalty/coupons/preview", form)
    assert "最多折掉 NT$10,000" in words(preview)
    assert session.scalar(select(func.count()).where(CouponTemplate.code == "autumn")) == 0

    answer = send_on(desk, "/console/loyalty/coupons/save", filled(preview))

    assert answer.status_code == 303
    made = get_template(session, "autumn")
    assert (made.kind, made.value, made.stock_left, made.min_spend_twd) == ("amount", 50, 200, 200)
    shown = words(desk.get("/console/loyalty/coupons/autumn"))
    assert "已生效" in shown
    newest = select(AuditEntry.what).order_by(AuditEntry.id.desc()).limit(1)
    assert session.scalars(newest).one() == "coupon.add"


def test_a_coupon_that_makes_no_sense_is_refused_with_words(desk: Desk) -> None:
    new = "/console/loyalty/coupons/new?preset=amount"
    form = filled(desk.get(new), code="odd", value="0")
    preview = send_on(desk, "/console/loyalty/coupons/preview", form)

    answer = send_on(desk, "/console/loyalty/coupons/save", filled(preview))

    assert answer.status_code == 409
    assert "折抵金額與打折要填「折多少」" in words(answer)
    missing = send_on(
        desk, "/console/loyalty/coupons/preview", form | {"name.zh-TW": "", "value": "abc"}
    )
    assert missing.status_code == 422
    assert "這一欄要填" in words(missing)
    assert "請填整數" in words(missing)


def test_what_members_hold_stays_as_it_is(
    desk: Desk, session: Session, make_member: MakeMember
) -> None:
    template = get_template(session, "welcome")
    issue_coupon(session, make_member().id, template, issue_key="one", now=NOON)

    page = desk.get("/console/loyalty/coupons/welcome/edit")
    answer = change(
        desk, "coupons", "/console/loyalty/coupons/welcome/edit", value="999", **{"name.en": "Hi"}
    )

    assert "這個記號的欄位不能改" in words(page)
    assert "折多少 30" in words(page), "what cannot be changed is still seen"
    assert answer.status_code == 303
    session.refresh(template)
    assert template.value != 999
    assert template.name["en"] == "Hi"


def test_two_who_change_one_thing_are_told(desk: Desk, session: Session) -> None:
    form = filled(desk.get("/console/loyalty/stamp-cards/main/edit"), min_spend_twd="77")
    card = list_stamp_programmes(session)[0]
    card.min_spend_twd = 88
    session.flush()

    answer = send_on(desk, "/console/loyalty/stamp-cards/preview", form)

    assert answer.status_code == 409
    shown = words(answer)
    assert "有人剛改過這一份" in shown
    assert "NT$77 NT$88" in shown
    again = send_on(desk, "/console/loyalty/stamp-cards/preview", filled(answer))
    assert again.status_code == 200


def test_a_marketer_asks_and_the_owner_publishes(
    desk: Desk, marketer: Desk, session: Session
) -> None:
    """T12: the stacking policy is the owner's to publish; the draft shows what it would cost."""
    path = "/console/loyalty/points/only/edit"
    answer = change(marketer, "points", path, earn_stacking="add", note="檔期")

    asked = session.scalars(select(OfferingChange)).one()
    assert answer.status_code == 303
    assert (asked.state, asked.note) == (ASKED, "檔期")
    assert get_shop(session).earn_stacking == "max"
    page = f"/console/loyalty/changes/{asked.id}"
    assert "等老闆發布；您的角色只能提出" in words(marketer.get(page))
    assert marketer.send(f"{page}/publish").status_code == 403

    assert "加成相加" in words(desk.get(page))
    assert desk.send(f"{page}/publish").status_code == 303
    session.expire_all()
    assert get_shop(session).earn_stacking == "add"
    assert asked.state == APPLIED
    assert desk.send(f"{page}/publish").status_code == 409


def test_a_wish_can_be_refused(desk: Desk, marketer: Desk, session: Session) -> None:
    change(marketer, "points", "/console/loyalty/points/only/edit", earn_twd="50")
    asked = session.scalars(select(OfferingChange)).one()

    desk.get("/console/loyalty/programme")
    desk.send(f"/console/loyalty/changes/{asked.id}/refuse")

    session.expire_all()
    assert asked.state == REFUSED
    assert get_shop(session).earn_twd == 100


def test_a_change_waits_for_its_day(
    desk: Desk, session: Session, sessions: Sessions, clock: Clock
) -> None:
    """A change with an effective date holds from that day on, and can be called off before."""
    day = local_day(clock()) + timedelta(days=2)
    path = "/console/loyalty/points/only/edit"
    change(desk, "points", path, point_value_twd="2", effective_on=day.isoformat())
    planned = session.scalars(select(OfferingChange)).one()
    assert planned.state == SCHEDULED
    assert "已排程" in words(desk.get("/console/loyalty/programme"))

    assert apply_offerings(sessions, now=clock()) == 0
    assert apply_offerings(sessions, now=clock() + timedelta(days=2)) == 1

    session.expire_all()
    assert get_shop(session).point_value_twd == 2
    assert planned.state == APPLIED


def test_a_double_day_shows_what_recent_sales_would_have_earned(
    desk: Desk, session: Session, make_member: MakeMember
) -> None:
    """T12, A-15: the preview reckons the last 30 days by both rules, to the point."""
    member = make_member()
    buy(session, member, 1_000)
    path = "/console/loyalty/earn-rules/new?preset=member_day"
    form = filled(desk.get(path), code="always", month_days="")

    preview = words(send_on(desk, "/console/loyalty/earn-rules/preview", form))

    assert "現在的規則給 10 點" in preview
    assert "改後給 20 點" in preview
    assert "每月多付 NT$10" in preview


def test_rules_of_every_kind_can_be_published(desk: Desk, session: Session) -> None:
    """A-15, E-07, B-20, C-13: one of each mechanic through its own form."""
    made: dict[str, dict[str, str | list[str]]] = {
        "earn-rules": {"code": "double"},
        "stamp-cards": {"code": "ten"},
        "rewards": {"code": "tea", "name.zh-TW": "紅茶", "cost_points": "30"},
        "missions": {"code": "thrice", "reward.points": "15"},
        "badges": {"code": "star", "name.zh-TW": "星星", "sign": "⭐"},
        "plans": {"code": "plus", "name.zh-TW": "茶友"},
        "lotteries": {"code": "moon"},
        "events": {"code": "party", "place.zh-TW": "信義店"},
        "sales": {"code": "early"},
        "pages": {"code": "secret", "title.zh-TW": "祕訣", "body.zh-TW": "水溫 85 度"},
    }
    for slug, told in made.items():
        answer = change(desk, slug, f"/console/loyalty/{slug}/new", **told)
        assert answer.status_code == 303, slug
        assert desk.get(f"/console/loyalty/{slug}/{told['code']}").status_code == 200

    change(desk, "referral", "/console/loyalty/referral/only/edit", is_open="1",
           min_spend_twd="100", wait_days="7", claim_days="7", monthly_cap="5",
           **{"referrer_reward.points": "30", "friend_reward.points": "20"})  # fmt: skip
    change(desk, "community", "/console/loyalty/community/only/edit", url="https://line.me/ti/g2/x",
           **{"name.zh-TW": "茶友社群"})  # fmt: skip
    change(desk, "engagement", "/console/loyalty/engagement/review/edit", points="5",
           tier_points="0", day_cap="1")  # fmt: skip

    for model in (EarnRule, Reward, Mission, Plan, Lottery, Gathering, ReferralRule):
        assert session.scalar(select(func.count()).select_from(model)) == 1
    assert session.scalar(select(func.count()).select_from(StampProgramme)) == 2
    assert session.scalars(select(Mission)).one().reward == {"points": 15}


def test_stopping_shows_who_gives_it(desk: Desk, session: Session) -> None:
    """A coupon behind a stamp card is told before it stops being given."""
    reward = list_stamp_programmes(session)[0].reward.code
    preview = desk.get(f"/console/loyalty/coupons/{reward}/switch")
    assert "停止後會發不出去" in words(preview)

    desk.key = re.search(r'name="key" value="([^"]+)"', preview.text)[1]  # type: ignore[index]
    send_on(desk, "/console/loyalty/coupons/save", filled(preview))

    template = get_template(session, reward)
    session.refresh(template)
    assert not template.is_active


def test_stock_moves_by_steps_and_never_below_none(desk: Desk, session: Session) -> None:
    """C-12: pieces are counted; what is given away meanwhile is not lost."""
    page = "/console/loyalty/coupons/welcome"
    for by, status in (("30", 303), ("-10", 303), ("-21", 409)):
        desk.get(page)
        assert [desk.send(f"{page}/stock", by=by).status_code for _ in range(2)] == [status] * 2

    template = get_template(session, "welcome")
    session.refresh(template)
    assert template.stock_left == 20
    assert "20" in words(desk.get(page))
    assert desk.send(f"{page}/stock", no_limit="1").status_code == 303
    session.refresh(template)
    assert template.stock_left is None
    assert "沒有總數上限" in words(desk.get(page))


def test_a_coupon_is_handed_out_to_a_segment_once(
    desk: Desk, session: Session, sessions: Sessions, make_member: MakeMember
) -> None:
    """A-15: size and cost first; then in parts, as far as there is stock, once a member."""
    for _ in range(3):
        make_member(birthday=date(1990, NOON.month, 11))
    template = get_template(session, "welcome")
    template.stock_left = 2
    session.flush()
    place = "/console/loyalty/coupons/welcome/hand-out"
    desk.get(place)

    preview = send_on(desk, f"{place}/preview", {"segment": "birthday-month"})
    assert "3 人" in words(preview)
    assert "2 張" in words(preview)
    begun = send_on(desk, place, {"segment": "birthday-month"})
    again = send_on(desk, place, {"segment": "birthday-month"})

    assert begun.location == again.location
    assert "發送中" in words(desk.get(begun.location))
    assert hand_out_coupons(sessions, now=NOON) == 3
    assert "已完成" in words(desk.fragment(begun.location))
    assert session.scalar(select(func.count()).select_from(Coupon)) == 2
    run = session.scalars(select(CouponHandout)).one()
    session.refresh(run)
    assert (run.state, run.seen, run.given) == ("done", 3, 2)
    assert hand_out_coupons(sessions, now=NOON) == 0


def test_a_run_can_be_stopped(
    desk: Desk, session: Session, sessions: Sessions, make_member: MakeMember
) -> None:
    make_member(birthday=date(1990, NOON.month, 11))
    place = "/console/loyalty/coupons/welcome/hand-out"
    desk.get(place)
    begun = send_on(desk, place, {"segment": "birthday-month"})

    desk.send(f"{begun.location}/stop")

    assert hand_out_coupons(sessions, now=NOON) == 0
    assert "已停止" in words(desk.get(begun.location))


def test_prizes_have_odds_that_come_to_one_at_most(desk: Desk, session: Session) -> None:
    """E-07: fixed odds and counted prizes, and a list of draws that can be checked."""
    change(desk, "lotteries", "/console/loyalty/lotteries/new?preset=festival", code="moon")
    place = "/console/loyalty/lotteries/moon/prizes"
    prize = {"name.zh-TW": "頭獎", "odds_ppm": "10000", "stock": "3", "reward.points": "100"}

    for _ in range(2):  # A second press of the same page adds none.
        assert desk.send(place, script=False, **prize).status_code == 303
    desk.get("/console/loyalty/lotteries/moon")
    refused = desk.send(place, script=False, **(prize | {"odds_ppm": "1000000"}))

    assert refused.status_code == 409
    assert "還剩百萬分之 990,000" in words(refused)
    lottery = session.scalars(select(Lottery)).one()
    assert [each.stock for each in list_prizes(session, lottery.id)] == [3]
    shown = words(desk.get("/console/loyalty/lotteries/moon"))
    assert "1%" in shown
    assert "99%" in shown
    assert "逐筆重算" in words(desk.get("/console/loyalty/lotteries/moon/draws"))


def test_an_event_has_its_list_and_its_attendance(
    desk: Desk, session: Session, make_member: MakeMember
) -> None:
    """C-13, D-04: capacity, who comes, who waits, and who came; fewer seats than taken never."""
    told = {"code": "party", "place.zh-TW": "信義店", "capacity": "1"}
    change(desk, "events", "/console/loyalty/events/new", **told)
    event = session.scalars(select(Gathering)).one()
    rank = max(session.scalars(select(Tier.rank)))
    first, second = make_member(tier="gold"), make_member(tier="gold")
    for member in (first, second):
        ask_for_seat(session, event.id, member, rank=rank, now=NOON)

    page = words(desk.get("/console/loyalty/events/party"))
    assert "會來 1" in page
    assert "候補 1" in page
    desk.send("/console/loyalty/events/party/came", member_id=str(first.id))

    assert "來了 1" in words(desk.get("/console/loyalty/events/party"))
    change(desk, "events", "/console/loyalty/events/party/edit", capacity="5")
    session.refresh(event)
    assert (event.capacity, event.seats_left) == (5, 4)


def test_a_benefit_is_given_and_ended(desk: Desk, session: Session) -> None:
    """C-11, C-12, E-23: an upgrade gift with a stock and a variant, for one tier, until a day."""
    new = desk.get("/console/loyalty/benefits/new?kind=upgrade_gift&owner=tier:gold")
    form = filled(new, template="welcome", variant="season", stock="50")
    preview = send_on(desk, "/console/loyalty/benefits/preview", form)
    assert "這個等級的會員" in words(preview)

    send_on(desk, "/console/loyalty/benefits", filled(preview))

    made = session.scalars(select(Benefit).order_by(Benefit.id.desc()).limit(1)).one()
    assert made.parameters == {"template": "welcome", "variant": "season"}
    assert made.stock_left == 50
    place = f"/console/loyalty/benefits/{made.id}"
    desk.get(place)
    desk.send(f"{place}/stock", by="-20")
    desk.send(f"{place}/end", ends_on=(local_day(NOON) + timedelta(days=3)).isoformat())
    session.refresh(made)
    assert (made.stock_left, made.ends_on) == (30, local_day(NOON) + timedelta(days=3))
    assert desk.send(f"{place}/end", ends_on="2020-01-01").status_code == 409


def test_reviews_wait_for_the_shop(desk: Desk, session: Session, make_member: MakeMember) -> None:
    """D-04: a review wall of what the shop has read."""
    member = make_member()
    purchase = buy(session, member, 120)
    review = Review(purchase_id=purchase.id, member_id=member.id, store_id=purchase.store_id,
                    stars=5, words="好喝", written_at=NOON, changed_at=NOON)  # fmt: skip
    session.add(review)
    session.flush()

    assert "好喝" in words(desk.get("/console/loyalty/reviews"))
    desk.send(f"/console/loyalty/reviews/{review.id}", state="approved")

    session.refresh(review)
    assert review.state == "approved"
    assert "好喝" in words(desk.get("/console/loyalty/reviews?state=approved"))


def test_a_recommendation_says_why(desk: Desk, session: Session, make_member: MakeMember) -> None:
    """D-05: 因為您買過…: of what sells, what this member has not had, with the reason."""
    member = make_member()
    for sku, name in (("A", "烏龍鮮奶茶"), ("B", "紅茶鮮奶茶"), ("C", "綠茶")):
        category = "茶" if sku == "C" else "鮮奶茶"
        session.add(CatalogueItem(sku=sku, name=name, category=category, updated_at=NOON))
    session.add(MemberFavourite(member_id=member.id, sku="A", item_name="烏龍鮮奶茶", orders=4,
                                category="鮮奶茶", category_orders=5, stale_on=local_day(NOON),
                                at=NOON))  # fmt: skip
    sold = [{"sku": sku, "name": sku, "category": "", "sold": 9} for sku in "CB"]
    prepare(session, "bestsellers", {"items": sold})

    shown = words(desk.get(f"/console/loyalty/recommendation?member={member.number}"))

    assert "因為您常買「烏龍鮮奶茶」（4 次）" in shown
    assert shown.index("因為您買過「鮮奶茶」類") < shown.index("大家都在買")
    assert "找不到" in words(desk.get("/console/loyalty/recommendation?member=123456789"))


def prepare(session: Session, name: str, body: dict[str, object]) -> None:
    """Keep a figure as though a worker had made it."""
    want(session, name, None, NOON)
    wanted = claim_wanted(session, NOON)
    assert wanted is not None
    keep_prepared(session, wanted, body, as_of=NOON, now=NOON, took_ms=1)


def test_results_count_what_happened(desk: Desk, session: Session, make_member: MakeMember) -> None:
    """C-01, A-14: what was given, used and left, as the night counted it."""
    template = get_template(session, "welcome")
    for _ in range(2):
        issue_coupon(session, make_member().id, template, issue_key=make_member().number, now=NOON)
    used = session.scalars(select(Coupon)).first()
    assert used is not None
    used.move("redeemed", "alone", NOON)
    session.flush()

    body = FIGURES["programme_results"].compute(session, NOON, {}, lambda _done, _all: None)
    prepare(session, "programme_results", body)

    assert body["coupon"]["welcome"]["given"] == 2
    assert body["coupon"]["welcome"]["used"] == 1
    assert body["coupon"]["welcome"]["held"] == 1
    assert "使用率 50%" in words(desk.get("/console/loyalty/coupons/welcome"))
    assert "拿到套組的會員" in words(desk.get("/console/loyalty/packs"))


def test_what_was_typed_is_kept_as_a_draft(desk: Desk) -> None:
    desk.get("/console/loyalty/missions/new")
    desk.send("/console/drafts/programme:missions:new", script=True, code="kept", goal="7")

    page = desk.get("/console/loyalty/missions/new")

    assert "這裡是您上次沒有儲存的草稿" in words(page)
    assert filled(page)["goal"] == "7"
    back = send_on(desk, "/console/loyalty/missions/again", filled(page))
    assert filled(back)["code"] == "kept"


def test_a_clerk_of_no_office_and_an_auditor_publish_nothing(
    client: FlaskClient, make_staff: MakeStaff
) -> None:
    desk = Desk(client)
    desk.log_in(make_staff("auditor", username="looks"))

    assert desk.get("/console/loyalty/coupons").status_code == 200
    assert desk.get("/console/loyalty/coupons/new").status_code == 403
    assert desk.send("/console/loyalty/coupons/save").status_code == 403
    assert desk.get("/console/loyalty/benefits").status_code == 200
