"""The console's settings: each page, each deed on it, and each no with how to go on."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.channel_check import BAD, CODES, Finding
from handlers.console.settings.audit import FIGURE
from handlers.console.settings.transfer_words import field_words, outcome_words, platform_words
from handlers.console.settings.words import scope_words
from handlers.limiting import limiter
from handlers.listening import event_name
from models import prepared_figures as prepared_figures
from models.api_key import SCOPES, ApiKey, list_api_keys
from models.audit import list_audit, verify_audit
from models.base import said
from models.channel_check import (
    KEPT,
    ChannelCheck,
    ask_check,
    conclude_check,
    expected_of_channel,
    find_newest_check,
)
from models.consent import NOTICE_ITEMS, get_notice
from models.device import list_devices
from models.digest import secret_digest
from models.draft import find_draft, keep_draft
from models.exchange import Problem
from models.exchange.headings import MEMBERS, PURCHASES
from models.member import Member
from models.outreach import get_rules
from models.prepared import FIGURES, claim_wanted, keep_prepared
from models.quota import get_plan, month_of
from models.setup_choice import STEPS, list_choices
from models.shop import LANGUAGES, find_store, get_shop
from models.staff import Staff, get_staff_by_username, log_in
from models.suppression import get_threshold
from models.totp import begin_totp, count_paper_codes, totp_secret
from models.transfer import PLATFORMS, Transfer, get_transfer
from models.transfer.options import FIELDS
from models.webhook import EVENT_TYPES, Search, list_deliveries, list_endpoints
from tests.conftest import NOON, STAFF_PASSWORD, Clock
from tests.handlers.console_driver import Desk

SECRET_KEY = "a secret of the tests"
PAGES = (
    "",
    "/shop",
    "/stores",
    "/people",
    "/keys",
    "/webhooks",
    "/devices",
    "/channel",
    "/plan",
    "/outreach",
    "/notice",
    "/notice/1",
    "/audit",
    "/imports",
    "/exports",
    "/health",
    "/presets",
    "/presets/beauty",
    *(f"/setup?step={step}" for step in STEPS),
)
SHOWN = re.compile(r'id="secret">([^<]+)<')
NEW_PASSWORD = "a long sentence 1"
MEMBERS_CSV = "姓名,手機號碼\n王小明,0911222333\n".encode()
OLD_EXCEL = b"\xd0\xcf\x11\xe0...."
MakeStaff = Callable[..., Staff]


@pytest.fixture
def owner(make_staff: MakeStaff) -> Staff:
    return make_staff("owner", totp_seed="0" * 32, totp_at=NOON)


@pytest.fixture
def desk(app: Flask, session: Session, owner: Staff) -> Desk:
    """Return the owner's browser, signed in with both factors."""
    limiter.reset()
    made = Desk(app.test_client())
    made.log_in(owner)
    made.get("/console/login/code")
    code = pyotp.TOTP(totp_secret(owner, SECRET_KEY)).at(NOON)
    made.send("/console/login/code", code=code)
    return made


def sent(desk: Desk, path: str, page: str | None = None, **fields: Any) -> str:
    """Send a form of a page, follow where it leads, and return what is shown."""
    desk.get(f"/console{page or path}")
    answer = desk.send(f"/console{path}", **fields)
    assert answer.status_code in (200, 303), answer.text
    return desk.get(answer.location).text if answer.status_code == 303 else answer.text


def shown(text: str) -> str:
    """Return what is shown this once."""
    found = SHOWN.search(text)
    assert found is not None
    return unescape(found[1])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_of_the_settings_draws(desk: Desk, language: str) -> None:
    for page in PAGES:
        answer = desk.get(f"/console/settings{page}")
        assert answer.status_code == 200, page
        assert answer.text.count("<h1") == 1, page
        assert "style=" not in answer.text, page
    assert desk.get(f"/console/account?language={language}").status_code == 200


# --- the shop


def shop_form(**changed: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name.zh-TW": "新茶日子",
        "hours.zh-TW": "每日",
        "legal_name": "新茶日子有限公司",
    }
    told |= {"phone": "02-1", "basic_id": "@newtea", "lock_minutes": "9"}
    told |= {"offline_redeem_twd": "100", "offline_redeem_count": "5"}
    return told | {"receipt_code_days": "7", "receipt_codes_per_day": "20"} | changed


def test_the_shop_is_changed_and_its_draft_is_done(
    desk: Desk, session: Session, owner: Staff
) -> None:
    keep_draft(session, owner, "settings:shop", {"phone": "02-9"}, "1", NOON)
    assert 'value="02-9"' in desk.get("/console/settings/shop").text
    version = str(get_shop(session).programme_version)

    told = sent(desk, "/settings/shop", **shop_form(draft_base=version))

    assert "已儲存" in told
    assert (get_shop(session).name, get_shop(session).lock_minutes) == ({"zh-TW": "新茶日子"}, 9)
    assert find_draft(session, owner, "settings:shop") is None


def test_who_saved_later_is_told_and_loses_nothing(desk: Desk, session: Session) -> None:
    desk.get("/console/settings/shop")
    stale = desk.send("/console/settings/shop", **shop_form(draft_base="0"))
    wrong = desk.send("/console/settings/shop", script=True, **shop_form(basic_id="newtea"))

    assert (stale.status_code, wrong.status_code) == (409, 409)
    assert "有人剛改過" in stale.text
    assert "官方帳號" in wrong.text or "這一欄" in wrong.text


def test_stores_are_opened_and_renamed(desk: Desk, session: Session) -> None:
    sent(desk, "/settings/stores", code="tp09", **{"name.zh-TW": "永康店"})
    store = find_store(session, "TP09")
    assert store is not None

    told = sent(
        desk, f"/settings/stores/{store.id}", "/settings/stores", **{"name.zh-TW": "永康二店"}
    )

    assert "永康二店" in told
    assert "/join/TP09" in told


# --- people


def test_a_new_colleague_comes_in_by_a_link(desk: Desk, session: Session, app: Flask) -> None:
    told = sent(
        desk,
        "/settings/people",
        name="吳小編",
        username="wu",
        role="marketer",
        store="TP01",
    )
    link = shown(told).removeprefix("http://localhost")
    stranger = Desk(app.test_client())
    assert "吳小編，請設定密碼" in stranger.get(link).text
    differing = stranger.send(link, password=NEW_PASSWORD, again="another one")
    assert differing.status_code == 409

    answer = stranger.send(link, password=NEW_PASSWORD, again=NEW_PASSWORD)

    assert answer.location.endswith("/console/login")
    assert log_in(session, "wu", NEW_PASSWORD).role == "marketer"
    assert "這個連結不能用了" in stranger.get(link).text
    assert "這個帳號已經有人用" in (
        desk.send(
            "/console/settings/people",
            script=True,
            name="另一位",
            username="wu",
            role="clerk",
            store="TP01",
        ).text
    )


def test_the_owner_gives_roles_links_pins_and_takes_them(
    desk: Desk, session: Session, make_staff: MakeStaff
) -> None:
    """U17: roles, the second factor taken away, sessions ended."""
    other = make_staff("manager", name="林店長")
    begin_totp(other)
    other.totp_at = NOON
    path = f"/settings/people/{other.id}"

    assert "林店長 現在是行銷" in sent(desk, f"{path}/role", "/settings/people", role="marketer")
    session.expire_all()
    assert other.role == "marketer"
    sent(desk, f"{path}/role", "/settings/people", role="clerk")
    assert shown(sent(desk, f"{path}/pin", "/settings/people")).isdecimal()
    assert "/console/invitation/" in shown(sent(desk, f"{path}/invite", "/settings/people"))
    sent(desk, f"{path}/totp", "/settings/people")
    session.expire_all()
    assert other.totp_at is None
    version = other.session_version
    sent(desk, f"{path}/out", "/settings/people")
    session.expire_all()
    assert (other.is_active, other.session_version) == (False, version + 1)
    sent(desk, f"{path}/in", "/settings/people")
    session.expire_all()
    assert other.is_active


def test_one_looks_after_ones_own_account(desk: Desk, session: Session, owner: Staff) -> None:
    wrong = desk.send("/console/account/password", script=True, old="x", new="y" * 9, again="y" * 9)
    assert "目前的密碼不對" in wrong.text
    assert desk.get("/console/account").status_code == 200, "nobody was thrown out for it"

    told = sent(
        desk,
        "/account/password",
        "/account",
        old=STAFF_PASSWORD,
        new=NEW_PASSWORD,
        again=NEW_PASSWORD,
    )
    assert "密碼已更換" in told, "and this browser stays signed in"
    codes = sent(desk, "/account/codes", "/account", old=NEW_PASSWORD)
    assert codes.count("<li><code>") == count_paper_codes(session, owner) == 10
    assert "其他裝置都已登出" in sent(desk, "/account/sessions", "/account")
    session.expire_all()
    assert get_staff_by_username(session, owner.username).session_version == 3


# --- other systems


def test_a_key_is_made_renewed_and_ended(desk: Desk, session: Session) -> None:
    told = sent(desk, "/settings/keys", name="收銀機", store="TP01", scope=["members:read"])
    first = shown(told)
    key = list_api_keys(session)[0]
    assert (first.startswith(key.prefix), key.scopes) == (True, ["members:read"])

    second = shown(sent(desk, f"/settings/keys/{key.id}/rotate", "/settings/keys"))
    assert second != first
    sent(desk, f"/settings/keys/{key.id}/revoke", "/settings/keys")

    session.expire_all()
    assert session.get_one(ApiKey, key.id).revoked_at == NOON
    whats = {entry.what for entry in list_audit(session, what="api_key.")}
    assert whats == {"api_key.add", "api_key.rotate", "api_key.revoke"}
    none = desk.send("/console/settings/keys", script=True, name="x", store="TP01")
    assert "還沒勾選權限" in none.text


def test_a_page_sent_twice_makes_one_key_and_one_secret(desk: Desk, session: Session) -> None:
    """A secret is shown once; drawn twice, the one that a till still has would end at once."""
    fields: dict[str, Any] = {"name": "收銀機", "store": "TP01", "scope": ["members:read"]}
    first = shown(sent(desk, "/settings/keys", **fields))
    again = desk.send("/console/settings/keys", **fields)
    assert again.status_code == 409
    assert "「收銀機」的密鑰已經顯示過" in again.text
    (key,) = list_api_keys(session)
    path = f"/settings/keys/{key.id}/rotate"
    sent(desk, path, "/settings/keys")
    assert desk.send(f"/console{path}").status_code == 409
    session.refresh(key)
    assert key.old_digest == secret_digest(first)  # Good for a day more.
    assert desk.send(f"/console{path}", key="").status_code == 409


def test_a_page_sent_twice_adds_and_renews_one_webhook(desk: Desk, session: Session) -> None:
    told: dict[str, Any] = {"url": "https://hooks.example/a", "event": EVENT_TYPES[0]}
    first = shown(sent(desk, "/settings/webhooks", **told))
    assert shown(desk.send("/console/settings/webhooks", **told).text) == first
    (endpoint,) = list_endpoints(session)
    path = f"/settings/webhooks/{endpoint.id}"
    second = shown(sent(desk, f"{path}/rotate", path))
    assert shown(desk.send(f"/console{path}/rotate").text) == second
    for press in (1, 1, 2):
        if press == 2:
            desk.get(f"/console{path}")
        assert desk.send(f"/console{path}/test").status_code == 303
    session.refresh(endpoint)
    assert endpoint.generation == 2
    assert len(list_deliveries(session, Search(endpoint.id, None, None), limit=9)) == 2


def test_a_webhook_is_added_tried_and_taken_away(desk: Desk, session: Session) -> None:
    told = sent(
        desk,
        "/settings/webhooks",
        url="https://hooks.example/regulars",
        event=list(EVENT_TYPES[:2]),
    )
    assert shown(told)
    endpoint = list_endpoints(session)[0]
    path = f"/settings/webhooks/{endpoint.id}"

    assert "測試通知" in sent(desk, f"{path}/test", path)
    for deed in ("secret", "rotate"):
        assert shown(sent(desk, f"{path}/{deed}", path))
    sent(desk, f"{path}/disable", path)
    session.expire_all()
    assert not endpoint.is_active
    sent(desk, f"{path}/enable", path)
    assert "則重新排入傳送" in sent(desk, f"{path}/replay", path)
    assert desk.get(f"/console{path}?state=failed&after=x").status_code == 200
    sent(desk, f"{path}/delete", path)
    assert list_endpoints(session) == []
    refused = desk.send("/console/settings/webhooks", script=True, url="http://a.example")
    assert "https" in refused.text or "勾選" in refused.text


def test_a_device_is_let_in_by_a_code_and_put_out(desk: Desk, session: Session) -> None:
    from models.device import enrol_with_code

    code = shown(sent(desk, "/settings/devices", store="TP01"))
    device, _ = enrol_with_code(session, code, "收銀一號", NOON)
    assert "收銀一號" in desk.get("/console/settings/devices").text

    sent(desk, f"/settings/devices/{device.id}/revoke", "/settings/devices")

    assert list_devices(session)[0][0].revoked_at == NOON


# --- LINE


def test_the_channel_is_looked_at_and_each_finding_says_what_to_do(
    desk: Desk, session: Session, owner: Staff, make_member: Callable[..., Member]
) -> None:
    """U19: the page waits for the worker, then shows what is wrong and what to do."""
    make_member(line_user_id="U" + "1" * 32)
    waiting = sent(desk, "/settings/channel")
    assert "正在請 LINE 檢查" in waiting
    assert "hx-trigger" in desk.fragment("/console/settings/channel").text
    expected = expected_of_channel(session, NOON)
    assert (expected.basic_id, list(expected.friends)) == ("@teadays", ["U" + "1" * 32])
    check = find_newest_check(session)
    assert check is not None
    assert ask_check(session, owner, NOON).id == check.id, "two who ask are one look"

    found = [vars(Finding(code, BAD, {"asked": 1, "known": 0, "line": "a"})) for code in CODES]
    found[1]["facts"] |= {"ours": "b"}
    for each in found[2:]:
        each["facts"] |= {"ours": "b", "status": 401, "name": "", "refused": []}
    conclude_check(session, check.id, found, NOON)

    told = desk.get("/console/settings/channel").text
    assert told.count("要處理") == len(CODES)
    assert "不認得任何一位好友" in told
    assert "要處理" in desk.get("/console/settings").text
    for _ in range(KEPT + 2):
        again = ChannelCheck(asked_by=owner.id, asked_at=NOON)
        session.add(again)
        session.flush()
        conclude_check(session, again.id, [], NOON)
    assert len(session.scalars(select(ChannelCheck.id)).all()) == KEPT


def test_the_plan_is_kept_in_versions(desk: Desk, session: Session) -> None:
    """U1, U2, U3: prices, LINE's figure, the reserve that campaigns cannot touch."""
    told = {"code": "medium", "starts": "now", "service_reserve": "100", "note": "改小"}
    told |= {"margin_percent": "55", "block_percent": "0.5"}
    sent(desk, "/settings/plan", **told)
    assert get_plan(session, month_of(NOON)).free_messages == 3_000

    prices: dict[str, Any] = {"has_prices": "1", "monthly_fee_twd": "1500", "free_messages": "5000"}
    prices |= {"up_to": ["10,000", ""], "each_twd": ["0.2", "0.1"], "hard_cap": "8000"}
    page = sent(desk, "/settings/plan", **(told | {"code": "high"} | prices))

    plan = get_plan(session, month_of(NOON))
    assert (plan.monthly_fee_twd, plan.hard_cap, len(plan.steps)) == (1_500, 8_000, 2)
    assert "NT$1,500" in page
    for wrong in ({"margin_percent": "x"}, {"up_to": ["x"], "each_twd": ["1"]}, {"note": " "}):
        again = told | {"code": "high"} | prices | wrong
        assert desk.send("/console/settings/plan", script=True, **again).status_code == 409


def test_the_rules_of_writing_are_kept_in_versions(desk: Desk, session: Session) -> None:
    told: dict[str, Any] = {
        "quiet_from": "22:00",
        "quiet_until": "09:00",
        "day_cap": "",
        "window_cap": "4",
    }
    told |= {"window_days": "7", "win_back_days": "30", "note": "夏天", "seen": ""}
    told |= {"priority.journey": "61", "new_intent": "journey:birthday", "new_priority": "90"}
    sent(desk, "/settings/outreach", **told)

    rules = get_rules(session)
    assert (rules.quiet_from.hour, rules.day_cap, rules.window_cap) == (22, None, 4)
    assert (rules.priorities["journey:birthday"], rules.priorities["journey"]) == (90, 61)
    assert "birthday_gift" not in rules.priorities, "an emptied one is taken away"
    stale = desk.send("/console/settings/outreach", script=True, **told)
    assert "有人剛改過" in stale.text
    unread = told | {"seen": str(rules.version), "quiet_from": "x"}
    assert desk.send("/console/settings/outreach", **unread).status_code == 409

    sent(desk, "/settings/suppression", "/settings/outreach", unanswered="5", note="多等一下")
    assert get_threshold(session) == 5
    sent(desk, "/settings/suppression", "/settings/outreach", is_off="1", note="不停")
    assert get_threshold(session) is None
    empty = desk.send("/console/settings/suppression", script=True, note="x")
    assert empty.status_code == 409


def test_a_notice_is_published_once_and_the_older_one_is_shown(
    desk: Desk, session: Session, clock: Clock
) -> None:
    items = {
        f"{part}.{language}.{place}": f"{part} {place}"
        for part in ("title", "text")
        for language in LANGUAGES
        for place in range(NOTICE_ITEMS)
    }
    clock.advance(minutes=1)
    assert "第 2 版已生效" in sent(desk, "/settings/notice", draft_base="1", **items)
    assert get_notice(session).version == "2"
    assert "第 1 版" in desk.get("/console/settings/notice").text
    stale = desk.send("/console/settings/notice", script=True, draft_base="1", **items)
    assert "有人剛改過" in stale.text
    assert desk.get("/console/settings/notice/9").status_code == 409


# --- what happened


def test_the_audit_is_searched_written_out_and_its_chain_checked(
    desk: Desk, session: Session, owner: Staff, make_member: Callable[..., Member]
) -> None:
    """U17: who did what, with search; the chain's check comes with its moment."""
    from models.audit import note

    member = make_member()
    for number in range(60):
        note(session, "member.freeze", f"member:{member.id}", now=NOON, reason=f"原因 {number}")
    session.flush()
    page = desk.get("/console/settings/audit?what=member.&since=2026-11-22&until=2026-11-22").text
    assert page.count("凍結會員卡") == 50
    assert f"/console/members/{member.number}" in page
    more = re.search(r'hx-get="([^"]+after=[^"]+)"', page)
    assert more is not None
    assert desk.fragment(unescape(more[1])).text.count("凍結會員卡") == 10
    nothing = desk.get("/console/settings/audit?by=999&store=1&since=x&until=y&after=z").text
    assert "沒有符合的紀錄" in nothing
    csv = desk.get(f"/console/settings/audit.csv?by={owner.id}").text
    assert "登入後台" in csv

    figure = FIGURES[FIGURE]
    body = figure.compute(session, NOON, {}, lambda _done, _total: None)
    assert body["entries"] == verify_audit(session).entries
    desk.send(f"/console/prepared/{FIGURE}", script=True, asked="{}")
    wanted = claim_wanted(session, NOON)
    assert wanted is not None
    for is_whole, words in ((True, "紀錄完整"), (False, "紀錄有問題")):
        kept = body | {"is_whole": is_whole, "head": "ab12"}
        keep_prepared(session, wanted, kept, as_of=NOON, now=NOON, took_ms=1)
        assert words in desk.get("/console/settings/audit").text


def test_a_file_is_brought_its_columns_chosen_and_its_steps_asked_for(
    desk: Desk, session: Session
) -> None:
    """A-08: upload, mapping, the dry run first; each step waits for its worker."""
    desk.get("/console/settings/imports")
    answer = desk.upload(
        "/console/settings/imports", "會員.csv", MEMBERS_CSV, kind="members", platform="generic"
    )
    transfer = session.scalars(select(Transfer)).one()
    assert answer.location.endswith(f"/console/settings/imports/{transfer.id}")
    path = f"/settings/imports/{transfer.id}"
    assert "檢查檔案" in desk.get(f"/console{path}").text

    told = {"platform": "own", "column.phone": "手機號碼", "points_until": "2027-01-31"}
    assert "檢查中" in sent(desk, path, **told)
    assert get_transfer(session, transfer.id).options["columns"] == {"phone": "手機號碼"}
    assert "hx-trigger" in desk.fragment(f"/console{path}").text
    busy = desk.send(f"/console/settings/transfers/{transfer.id}/write", script=True)
    assert "正在處理" in busy.text
    sent(desk, f"/settings/transfers/{transfer.id}/stop", path)

    transfer.checked = {"counts": {"new": 1}, "columns": {}, "same_as_batch": 3, "problems": []}
    transfer.checked |= {"first": [], "reported": 0}
    session.flush()
    assert "第 3 批匯入過" in desk.get(f"/console{path}").text
    sent(desk, f"/settings/transfers/{transfer.id}/drop", path)
    session.expire_all()
    assert get_transfer(session, transfer.id).head is None
    assert "檔案已刪除" in desk.get("/console/settings/imports").text


def test_a_file_that_is_none_is_refused(desk: Desk) -> None:
    desk.get("/console/settings/imports")
    path = "/console/settings/imports"
    empty = desk.upload(path, "a.csv", b"", kind="members", platform="generic")
    old = desk.upload(path, "a.xls", OLD_EXCEL, kind="members", platform="generic")
    none = desk.send(path, kind="members", platform="generic")

    assert [empty.status_code, old.status_code, none.status_code] == [409, 409, 409]
    assert "舊版 Excel" in old.text
    assert desk.get("/console/settings/imports/999").status_code == 409


def test_what_is_wrong_with_a_file_is_told_in_the_pages_language(
    desk: Desk, session: Session
) -> None:
    desk.get("/console/settings/imports?language=en")
    path, told = "/console/settings/imports", {"kind": "members", "platform": "generic"}
    assert "This is an old Excel file" in desk.upload(path, "a.xls", OLD_EXCEL, **told).text

    page = desk.upload(path, "a.csv", MEMBERS_CSV, **told).location
    transfer = session.scalars(select(Transfer)).one()
    problem = Problem(4, "Mobile", "phone_twice", {"first": 2})
    before = {"row": 5, "column": "", "severity": "note", "what": "從前的話", "remedy": "不必處理"}
    transfer.checked = {"counts": {}, "columns": {}, "same_as_batch": None, "reported": 2}
    transfer.checked |= {"problems": [{"code": "phone_twice", "severity": "note", "count": 2}]}
    transfer.checked |= {"first": [problem.to_words(), before]}
    session.flush()
    shown = unescape(desk.get(page).text)
    assert "Same mobile number as row 2 → Only the first row is imported" in shown
    assert "從前的話 → 不必處理" in shown
    assert "携帯番号が 2 行目と同じです" in desk.get(f"{page}?language=ja").text

    reason = said("沒有資料", "There is nothing in the file.", "データがありません")
    for kept, words in ((reason, "データがありません"), ("從前的原因", "從前的原因")):
        transfer.failed = {"code": "file_refused", "reason": kept, "step": "check"}
        session.flush()
        assert words in desk.get(page).text


def test_an_export_is_asked_for_fetched_and_written_down(
    desk: Desk, session: Session, app: Flask, make_staff: MakeStaff
) -> None:
    """U18: everything, whenever one wants, without asking anybody."""
    from models.transfer import RESULT, write_parts

    sent(desk, "/settings/exports", kind="everything")
    transfer = session.scalars(select(Transfer)).one()
    assert "hx-trigger" in desk.fragment("/console/settings/exports").text
    again = desk.send("/console/settings/exports", script=True, kind="everything")
    assert again.status_code == 409

    write_parts(session, transfer.id, RESULT, [b"one ", b"two"])
    transfer.step = transfer.wanted_at = None
    transfer.written = {"tables": 1, "rows": 2}
    session.flush()
    fetched = desk.get(f"/console/settings/transfers/{transfer.id}/result")
    assert (fetched.data, fetched.mimetype) == (b"one two", "application/zip")
    fetched.close()
    assert transfer.file_name in fetched.headers["Content-Disposition"]
    assert {entry.what for entry in list_audit(session, what="exchange.")} == {
        "exchange.export",
        "exchange.fetch",
    }
    manager = Desk(app.test_client())
    manager.log_in(make_staff("manager"))
    assert "完整備份</h2>" not in manager.get("/console/settings/exports").text
    assert manager.get(f"/console/settings/transfers/{transfer.id}/result").status_code == 403
    asked = manager.send("/console/settings/exports", script=True, kind="everything")
    assert asked.status_code == 403, "hashes of passwords are the owner's to keep"
    sent(desk, f"/settings/transfers/{transfer.id}/drop", "/settings/exports")
    gone = desk.get(f"/console/settings/transfers/{transfer.id}/result")
    assert gone.status_code == 303


# --- beginning


def test_the_wizard_goes_step_by_step_and_keeps_each(desk: Desk, session: Session) -> None:
    """D-06: goal, value, tiers, platform, promote, improve."""
    answers: dict[str, dict[str, str]] = {
        "goal": {"first": "return", "target": "回購率 40%", "until": "2027-06-30"},
        "value": {"basket_twd": "120", "visits": "24", "margin_percent": "60"},
        "tiers": {"way": "preset"},
        "platform": {"budget": "每月 2,000"},
        "promote": {"where": "杯套"},
        "improve": {"kpi": "1"},
    }
    for step, told in answers.items():
        assert f"{STEPS.index(step) + 1}. " in desk.get("/console/settings/setup").text
        page = sent(desk, f"/settings/setup/{step}", f"/settings/setup?step={step}", **told)
    assert "設定精靈完成了" in page
    assert "6/6" in page
    choices = list_choices(session)
    assert list(choices) == list(STEPS) or set(choices) == set(STEPS)
    assert choices["value"].told["basket_twd"] == 120
    assert "NT$2,880" in desk.get("/console/settings/setup?step=value").text
    assert desk.get("/console/settings/setup?step=nowhere").status_code == 409
    assert desk.send("/console/settings/setup/nowhere", script=True).status_code == 409


def test_the_announcement_becomes_a_campaigns_draft(desk: Desk) -> None:
    """D-06: the announcement that explains the tiers is written for the shop."""
    page = desk.get("/console/settings/setup?step=promote").text
    assert "會員制度上路了" in page
    texts: dict[str, Any] = {f"text.{language}": "會員制度來了" for language in LANGUAGES}
    answer = desk.send("/console/settings/setup/announce", **texts)
    assert answer.status_code == 303
    assert "/console/campaigns/announce-" in answer.location


def test_readiness_is_shown_with_what_to_do(desk: Desk, session: Session) -> None:
    """A-25: the check on the shop's own data, prepared, with its moment."""
    desk.get("/console/settings/setup?step=tiers")
    desk.send("/console/prepared/tier_readiness", script=True, asked="{}")
    wanted = claim_wanted(session, NOON)
    assert wanted is not None
    body = FIGURES["tier_readiness"].compute(session, NOON, {}, lambda _done, _total: None)
    for verdict, words in (("ready", "可以分級"), ("not_yet", "先不急"), ("not_enough", "還不夠")):
        kept = body | {"verdict": verdict}
        keep_prepared(session, wanted, kept, as_of=NOON, now=NOON, took_ms=1)
        assert words in desk.get("/console/settings/setup?step=tiers").text


def test_a_preset_is_shown_before_it_is_applied(desk: Desk, session: Session) -> None:
    """A-09: what it would become, then one confirmed step."""
    page = desk.get("/console/settings/presets/restaurant").text
    assert "老饕" in page
    path = "/settings/presets/restaurant"
    told = sent(desk, path, effective_on="2026-12-01")
    assert "已套用「餐飲」" in told
    desk.get(f"/console{path}")
    assert desk.send(f"/console{path}", script=True, effective_on="2026-12-01").status_code == 409
    assert desk.send(f"/console{path}", script=True, effective_on="").status_code == 409
    assert desk.get("/console/settings/presets/casino").status_code == 409


# --- words


def test_every_word_there_may_be_is_said(app: Flask) -> None:
    from bot.texts import texts_for

    for language in LANGUAGES:
        t = texts_for(language)
        assert set(scope_words(t)) == set(SCOPES)
        assert all(event_name(t, each) != each for each in EVENT_TYPES)
        assert [code for code, _ in platform_words(t)] == list(PLATFORMS)
        assert all(outcome_words(t).values())
        for kind in (MEMBERS, PURCHASES):
            assert set(field_words(t, kind)) == set(FIELDS[kind])
