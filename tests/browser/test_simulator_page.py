"""The phone page of the LINE simulator: what a person sees, and what their taps tell the bot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import FloatRect, Locator, Page, Route, WebSocketRoute, expect

from bot.simulator import Channel, SimulatorServer, webhooks
from tests.browser.conftest import ROOT, OpenPage, Screenshot, miss, wait_for_script
from tests.browser.sample_messages import (
    box,
    coupons,
    flex,
    member_card,
    postback,
    quick_replies,
    text,
)
from tests.browser.simulated_line import (
    TOKEN,
    WAIT_SECONDS,
    Bot,
    Json,
    Line,
    Refused,
    picture,
    running_bot,
)

pytestmark = pytest.mark.browser

DESK = {"width": 1280, "height": 900}
MENU_SIZE = {"width": 2500, "height": 843}
LINK = {"type": "uri", "label": "壞連結"}
LONG_TEXT = (
    "親愛的會員您好：\n\n感謝您加入「茶日子 Tea Days」！即日起至 12/31 止，凡於台北永康、台中審計、"
    "高雄駁二三家門市消費，出示會員碼即可累積點數，每消費 NT$10 累積 1 點。\n\n"
    "詳情請見 https://example.com/rules?id=1，謝謝您！"
)


@pytest.fixture(scope="module")
def bot_server() -> Iterator[tuple[str, Bot]]:
    """Run a bot's server for one file's tests."""
    with running_bot() as running:
        yield running


@pytest.fixture(scope="module")
def running_line(bot_server: tuple[str, Bot]) -> Iterator[Line]:
    """Run the simulator for one file's tests."""
    if not (ROOT / "bot" / "simulator" / "assets" / "phone.js").exists():
        miss("the phone page is not bundled", "npm ci --ignore-scripts && npm run build")
    url, bot = bot_server
    channel = Channel(secret="simulator-secret", access_token=TOKEN, webhook_url=f"{url}/callback")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webhooks, "TIMEOUT_SECONDS", WAIT_SECONDS)  # The bot's machine may be busy.
        with SimulatorServer(channel) as server:
            yield Line(server.url, bot, f"{url}/picture")


@pytest.fixture
def line(running_line: Line) -> Iterator[Line]:
    """Return LINE with no event waiting and no fault set."""
    yield running_line
    running_line.call("/_sim/faults", {}, method="DELETE")
    while not running_line.bot.events.empty():
        running_line.bot.events.get_nowait()


def open_chat(open_page: OpenPage, line: Line, user: str, **size: int) -> Page:
    """Open somebody's phone, and wait until it hears what happens."""
    page = open_page(f"{line.url}/?user={user}", **size)
    expect(page.locator(".screen[data-live]")).to_be_visible()
    return page


def keep_notices(page: Page) -> None:
    """Let no notice go by itself before it is seen."""
    page.evaluate("window.setTimeout = () => 0")


def bubbles(page: Page, words: str) -> Locator:
    """Return the text bubbles that say exactly this."""
    return page.locator(".msg-bubble").get_by_text(words, exact=True)


def measure(page: Page, selector: str) -> FloatRect:
    """Return where one element lies: x, y, width and height in px."""
    bounds = page.locator(selector).bounding_box()
    assert bounds is not None, f"{selector} is drawn"
    return bounds


def make_rich_menu(line: Line, name: str, *actions: Json) -> str:
    """Create a menu of columns side by side, with its picture; return its id."""
    width = MENU_SIZE["width"] // len(actions)
    areas = [
        {
            "bounds": {"x": index * width, "y": 0, "width": width, "height": MENU_SIZE["height"]},
            "action": action,
        }
        for index, action in enumerate(actions)
    ]
    menu = {
        "size": MENU_SIZE,
        "selected": True,
        "name": name,
        "chatBarText": name,
        "areas": areas,
    }
    menu_id = str(line.call("/v2/bot/richmenu", menu)["richMenuId"])
    drawn = picture(MENU_SIZE["width"], MENU_SIZE["height"], "#c58a3d")
    line.call(f"/v2/bot/richmenu/{menu_id}/content", drawn)
    return menu_id


# --- Friends ----------------------------------------------------------------------------


def test_a_stranger_adds_the_account_before_the_chat(
    line: Line, open_page: OpenPage, screenshot: Screenshot
) -> None:
    user = line.new_person(friend=False)
    page = open_chat(open_page, line, user)
    expect(page.get_by_role("textbox")).to_be_hidden()
    screenshot(page, "simulator-add-friend")

    page.get_by_role("button", name="加入好友").click()

    event = line.bot.next_event("follow")
    assert event["source"] == {"type": "user", "userId": user}
    line.reply(event, {"type": "text", "text": "歡迎加入"})
    expect(bubbles(page, "歡迎加入")).to_be_visible()
    expect(page.get_by_role("textbox", name="訊息")).to_be_visible()


def test_a_new_person_is_made_once_however_often_the_page_is_loaded(
    line: Line, open_page: OpenPage
) -> None:
    page = open_page(f"{line.url}/?new=1&text=join")
    expect(page.get_by_role("button", name="加入好友")).to_be_visible()
    address = page.url
    page.reload()
    expect(page.get_by_role("button", name="加入好友")).to_be_visible()
    assert page.url == address
    assert "user=U" in address

    page.get_by_role("button", name="加入好友").click()
    expect(page.get_by_role("textbox", name="訊息")).to_have_value("join")
    line.bot.next_event("follow")


def test_somebody_is_found_in_the_list_and_their_phone_opened(
    line: Line, open_page: OpenPage, screenshot: Screenshot
) -> None:
    user = line.new_person()
    page = open_page(f"{line.url}/")
    expect(page.locator(".people-link").first).to_be_visible()
    page.get_by_role("searchbox").fill(user.removeprefix("U"))
    person = page.locator(".people-link")
    expect(person).to_have_count(1)
    screenshot(page, "simulator-people")
    person.click()
    expect(page.get_by_role("textbox", name="訊息")).to_be_visible()


def test_blocking_closes_the_chat_until_it_is_undone(line: Line, open_page: OpenPage) -> None:
    page = open_chat(open_page, line, line.new_person())
    page.get_by_role("button", name="更多").click()
    page.get_by_role("button", name="封鎖").click()
    line.bot.next_event("unfollow")
    expect(page.get_by_role("textbox")).to_be_hidden()
    expect(page.get_by_text("你已封鎖此官方帳號").first).to_be_visible()

    page.get_by_role("button", name="解除封鎖").click()
    assert line.bot.next_event("follow")["follow"] == {"isUnblocked": True}
    expect(page.get_by_role("textbox", name="訊息")).to_be_visible()


def test_the_phone_speaks_the_persons_language(line: Line, open_page: OpenPage) -> None:
    page = open_chat(open_page, line, line.new_person(language="ja"))
    expect(page.get_by_placeholder("メッセージを入力")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "ja")


# --- What a person sends ----------------------------------------------------------------


def test_a_typed_text_reaches_the_bot_and_its_answer_the_phone(
    line: Line, open_page: OpenPage
) -> None:
    page = open_chat(open_page, line, line.new_person())
    page.get_by_role("textbox", name="訊息").fill("我的點數")
    page.keyboard.press("Enter")

    event = line.bot.next_event("message")
    assert event["message"]["text"] == "我的點數"
    line.reply(event, {"type": "text", "text": "您有 1,280 點"})
    expect(bubbles(page, "我的點數")).to_be_visible()
    expect(bubbles(page, "您有 1,280 點")).to_be_visible()
    expect(page.get_by_role("textbox", name="訊息")).to_have_value("")


def test_shift_enter_breaks_the_line(line: Line, open_page: OpenPage) -> None:
    page = open_chat(open_page, line, line.new_person())
    page.get_by_role("textbox", name="訊息").type("上")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("下")
    page.get_by_role("button", name="傳送", exact=True).click()
    assert line.bot.next_event("message")["message"]["text"] == "上\n下"


def test_stickers_places_and_pictures_are_sent(
    line: Line, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_chat(open_page, line, line.new_person())
    page.get_by_role("button", name="貼圖", exact=True).click()
    page.get_by_role("button", name="貼圖 1988").click()
    sticker = line.bot.next_event("message")["message"]
    assert (sticker["packageId"], sticker["stickerId"]) == ("446", "1988")

    page.get_by_role("button", name="位置資訊").click()
    page.get_by_label("地點").select_option("台北101")
    page.get_by_role("button", name="傳送位置").click()
    assert line.bot.next_event("message")["message"]["title"] == "台北101"

    photo = tmp_path / "receipt.png"
    photo.write_bytes(picture(2000, 1000, "#2f7a5f"))
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="照片").click()
    chooser.value.set_files(photo)
    assert line.bot.next_event("message")["message"]["type"] == "image"
    shown = page.locator(".entry-person .msg-picture")
    expect(shown).to_be_visible()
    expect(shown).to_have_js_property("naturalWidth", 1280)


# --- What a person taps -----------------------------------------------------------------


def test_a_quick_reply_says_its_text_and_goes(line: Line, open_page: OpenPage) -> None:
    user = line.new_person()
    page = open_chat(open_page, line, user)
    choices = quick_replies({"type": "message", "label": "門市", "text": "找門市"})
    line.push(user, {"type": "text", "text": "請選擇", "quickReply": choices})

    page.get_by_role("button", name="門市").click()

    assert line.bot.next_event("message")["message"]["text"] == "找門市"
    expect(page.get_by_role("group", name="快速回覆")).to_be_hidden()


def test_only_the_newest_messages_quick_replies_are_shown(line: Line, open_page: OpenPage) -> None:
    user = line.new_person()
    choices = quick_replies({"type": "message", "label": "門市", "text": "找門市"})
    line.push(user, {"type": "text", "text": "請選擇", "quickReply": choices})
    page = open_chat(open_page, line, user)
    expect(page.get_by_role("button", name="門市")).to_be_visible()
    line.push(user, {"type": "text", "text": "下一則"})
    expect(page.get_by_role("button", name="門市")).to_be_hidden()


def test_a_flex_button_posts_back_and_shows_its_words(
    line: Line, open_page: OpenPage, screenshot: Screenshot
) -> None:
    user = line.new_person()
    page = open_chat(open_page, line, user)
    line.push(user, {"type": "text", "text": LONG_TEXT}, member_card())
    expect(page.get_by_role("button", name="出示會員碼")).to_be_visible()
    screenshot(page, "simulator-member-card")

    page.get_by_role("button", name="點數明細").click()
    assert line.bot.next_event("postback")["postback"] == {"data": "action=points"}
    expect(bubbles(page, "我的點數明細")).to_be_visible()


def test_a_postback_may_open_the_keyboard_with_words_in_it(line: Line, open_page: OpenPage) -> None:
    user = line.new_person()
    page = open_chat(open_page, line, user)
    opening = {"inputOption": "openKeyboard", "fillInText": "訂位 2 位"}
    ask = {"type": "confirm", "text": "要訂位嗎？", "actions": [
        postback("要", "book=1", **opening), postback("不要", "book=0"),
    ]}  # fmt: skip
    line.push(user, {"type": "template", "altText": "訂位", "template": ask})
    page.get_by_role("button", name="要", exact=True).click()
    line.bot.next_event("postback")
    expect(page.get_by_role("textbox", name="訊息")).to_have_value("訂位 2 位")


@pytest.mark.parametrize(
    ("mode", "initial", "picked"),
    [
        ("date", "2026-12-01", "2026-12-24"),
        ("time", "09:00", "18:30"),
        ("datetime", "2026-12-01t09:00", "2026-12-24T18:30"),
    ],
)
def test_a_picked_date_or_time_is_posted_back(
    line: Line, open_page: OpenPage, mode: str, initial: str, picked: str
) -> None:
    user = line.new_person()
    page = open_chat(open_page, line, user)
    action = {"type": "datetimepicker", "label": "預約", "data": "book", "mode": mode}
    choices = quick_replies({**action, "initial": initial})
    line.push(user, {"type": "text", "text": "何時？", "quickReply": choices})
    page.get_by_role("button", name="預約").click()
    field = page.locator(".picker-input")
    expect(field).to_have_value(initial.replace("t", "T"))
    field.fill(picked)
    page.get_by_role("button", name="確定").click()
    answer = line.bot.next_event("postback")["postback"]
    assert answer == {"data": "book", "params": {mode: picked}}


def test_a_date_outside_its_bounds_is_not_sent_and_cancelling_says_nothing(
    line: Line, open_page: OpenPage, screenshot: Screenshot
) -> None:
    user = line.new_person()
    page = open_chat(open_page, line, user)
    bounds = {"initial": "2026-12-01", "min": "2026-12-01", "max": "2026-12-31"}
    action = {"type": "datetimepicker", "label": "預約", "data": "book", "mode": "date", **bounds}
    line.push(user, {"type": "text", "text": "何時？", "quickReply": quick_replies(action)})
    page.get_by_role("button", name="預約").click()
    expect(page.get_by_text("2026年12月1日")).to_be_visible()
    screenshot(page, "simulator-date-picker")
    page.locator(".picker-input").fill("2027-01-01")
    page.get_by_role("button", name="確定").click()
    expect(page.locator(".picker-input")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".picker-input")).to_be_hidden()
    assert line.bot.events.empty()


def test_a_row_of_cards_is_swiped_and_its_buttons_work(
    line: Line, open_page: OpenPage, screenshot: Screenshot
) -> None:
    user = line.new_person()
    page = open_chat(open_page, line, user)
    line.push(user, coupons(line.pictures))
    last = page.get_by_role("button", name="使用升級大杯")
    expect(last).not_to_be_in_viewport(ratio=1)
    screenshot(page, "simulator-coupons")
    page.locator(".fx-carousel").evaluate("row => row.scrollTo(row.scrollWidth, 0)")
    expect(last).to_be_in_viewport(ratio=1)
    last.click()
    assert line.bot.next_event("postback")["postback"] == {"data": "use=升級大杯"}


def test_a_row_of_cards_scrolls_by_keyboard(line: Line, open_page: OpenPage) -> None:
    user = line.new_person()
    page = open_chat(open_page, line, user)
    line.push(user, coupons(line.pictures))
    row = page.locator(".fx-carousel")
    row.focus()
    page.keyboard.press("ArrowRight")
    wait_for_script(page, "document.querySelector('.fx-carousel').scrollLeft > 0")


def test_templates_and_imagemaps_can_be_tapped(
    line: Line, open_page: OpenPage, screenshot: Screenshot
) -> None:
    user = line.new_person()
    page = open_chat(open_page, line, user, height=1800)
    columns = [
        {"thumbnailImageUrl": line.pictures, "title": name, "text": "10:00–22:00",
         "actions": [postback(f"選{name}", f"store={name}")]}
        for name in ("永康", "審計", "駁二")
    ]  # fmt: skip
    half = {"x": 0, "y": 0, "width": 520, "height": 676}
    line.push(
        user,
        {
            "type": "template",
            "altText": "門市",
            "template": {"type": "carousel", "columns": columns},
        },
        {
            "type": "template",
            "altText": "說明",
            "template": {
                "type": "buttons",
                "title": "需要幫忙嗎？",
                "text": "請選擇",
                "actions": [{"type": "message", "label": "找真人", "text": "真人客服"}],
            },
        },
        {
            "type": "imagemap",
            "baseUrl": line.pictures,
            "altText": "地圖",
            "baseSize": {"width": 1040, "height": 676},
            "actions": [{"type": "message", "text": "左半邊", "area": half}],
        },
    )
    expect(page.get_by_role("button", name="左半邊")).to_be_visible()
    screenshot(page, "simulator-templates")
    page.get_by_role("button", name="選永康").click()
    assert line.bot.next_event("postback")["postback"] == {"data": "store=永康"}
    page.get_by_role("button", name="找真人").click()
    assert line.bot.next_event("message")["message"]["text"] == "真人客服"
    page.get_by_role("button", name="左半邊").click()
    assert line.bot.next_event("message")["message"]["text"] == "左半邊"


def test_the_innermost_of_nested_taps_answers(line: Line, open_page: OpenPage) -> None:
    user = line.new_person()
    page = open_chat(open_page, line, user)
    button = {"type": "button", "action": postback("裡面", "inner")}
    body = box("vertical", text("外面"), button, action=postback("外框", "outer"))
    line.push(user, flex({"type": "bubble", "body": body}))
    page.get_by_role("button", name="裡面").click()
    assert line.bot.next_event("postback")["postback"] == {"data": "inner"}
    page.get_by_text("外面").click()
    assert line.bot.next_event("postback")["postback"] == {"data": "outer"}
    page.get_by_role("button", name="外框").focus()
    page.keyboard.press("Enter")
    assert line.bot.next_event("postback")["postback"] == {"data": "outer"}


# --- Flex Messages as LINE lays them out ----------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "width"),
    [
        ("nano", 120),
        ("micro", 160),
        ("deca", 220),
        ("hecto", 241),
        ("kilo", 260),
        ("mega", 300),
        ("giga", 374),  # 386, but for the screen's edges
    ],
)
def test_a_bubble_is_as_wide_as_its_size_says(
    line: Line, open_page: OpenPage, size: str, width: int
) -> None:
    user = line.new_person()
    page = open_chat(open_page, line, user)
    line.push(user, flex({"type": "bubble", "size": size, "body": box("vertical", text("寬"))}))
    expect(page.locator(".fx-bubble")).to_be_visible()
    assert measure(page, ".fx-bubble")["width"] == width


def test_boxes_share_space_as_lines_layout_says(line: Line, open_page: OpenPage) -> None:
    user = line.new_person()
    page = open_chat(open_page, line, user)
    sharing = box(
        "horizontal",
        box("vertical", width="20px", height="10px"),
        box("vertical", height="10px", flex=1),
        box("vertical", height="10px", flex=3, margin="xxl"),
        spacing="md",
    )
    bar = box("vertical", box("vertical", width="63%", height="8px"), height="8px")
    corner = {"position": "absolute", "offsetTop": "5px", "offsetEnd": "lg"}
    mark = box("vertical", width="30px", height="10px", **corner)
    line.push(user, flex({"type": "bubble", "body": box("vertical", sharing, bar, mark)}))
    expect(page.locator(".fx-bubble")).to_be_visible()
    inner = ".fx-body > .fx-box >"

    assert measure(page, f"{inner} :nth-child(1)")["width"] == 260  # 300 less 20 on each side
    widths = [measure(page, f"{inner} :nth-child(1) > :nth-child({n})")["width"] for n in (1, 2, 3)]
    assert widths == [20, 53, 159]  # 260 - 20 - 8 - 20 = 212 in parts of 1 and 3
    assert measure(page, f"{inner} :nth-child(2) > *")["width"] == pytest.approx(163.8, abs=0.1)
    bubble, placed = measure(page, ".fx-bubble"), measure(page, f"{inner} :nth-child(3)")
    assert placed["y"] - bubble["y"] == 5
    assert bubble["x"] + bubble["width"] - placed["x"] - placed["width"] == 12


def test_words_are_cut_wrapped_or_made_smaller(line: Line, open_page: OpenPage) -> None:
    user = line.new_person()
    page = open_chat(open_page, line, user)
    words = "四季春青茶買一送一" * 5
    body = box(
        "vertical",
        text(words),
        text(words, wrap=True, maxLines=2),
        text("四季春青茶買一送一" * 3, adjustMode="shrink-to-fit"),
        text("大", size="5xl"),
    )
    line.push(user, flex({"type": "bubble", "body": body}))
    expect(page.locator(".fx-bubble")).to_be_visible()
    labels = page.locator(".fx-label")
    heights = labels.evaluate_all("all => all.map(each => each.clientHeight)")
    assert heights[:2] == [22, 45]
    sizes = labels.evaluate_all("all => all.map(each => getComputedStyle(each).fontSize)")
    assert (sizes[0], sizes[3]) == ("16px", "74px")
    wait_for_script(
        page,
        "() => { const small = document.querySelector('.fx-shrink');"
        " return small.scrollWidth <= small.clientWidth && small.clientHeight < 20; }",
    )


# --- Links ------------------------------------------------------------------------------


def test_a_page_opens_in_a_tab_of_its_own(line: Line, open_page: OpenPage) -> None:
    user = line.new_person()
    page = open_chat(open_page, line, user)
    shop = line.pictures.replace("/picture", "/stores")
    button = {"type": "button", "action": {"type": "uri", "label": "看門市", "uri": shop}}
    line.push(user, flex({"type": "bubble", "body": box("vertical", button)}))
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="看門市").click()
    expect(opened.value).to_have_url(shop)
    assert opened.value.evaluate("window.opener") is None


def test_lines_own_links_stay_in_the_chat(line: Line, open_page: OpenPage) -> None:
    user = line.new_person()
    page = open_chat(open_page, line, user)
    account = line.call("/_sim/chat?user=" + user, {}, method="GET")["account"]["basicId"]
    words = "https://line.me/R/oaMessage/" + account + "/?%E5%8A%A0%E5%85%A5"
    body = box(
        "vertical", {"type": "button", "action": {"type": "uri", "label": "帶入", "uri": words}}
    )
    line.push(user, flex({"type": "bubble", "body": body}))
    page.get_by_role("button", name="帶入").click()
    expect(page.get_by_role("textbox", name="訊息")).to_have_value("加入")
    assert len(page.context.pages) == 1


def test_a_code_is_copied(line: Line, open_page: OpenPage) -> None:
    user = line.new_person()
    page = open_chat(open_page, line, user)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    action = {"type": "clipboard", "label": "複製優惠碼", "clipboardText": "TEA-2026"}
    line.push(user, {"type": "text", "text": "優惠碼", "quickReply": quick_replies(action)})
    keep_notices(page)
    page.get_by_role("button", name="複製優惠碼").click()
    expect(page.get_by_text("已複製")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "TEA-2026"


# --- Rich menus -------------------------------------------------------------------------


def test_a_rich_menu_is_tapped_folded_and_switched(
    line: Line, open_page: OpenPage, screenshot: Screenshot
) -> None:
    switch = {"type": "richmenuswitch", "richMenuAliasId": "second", "data": "to=second"}
    first = make_rich_menu(
        line, "會員選單", postback("會員卡", "card", displayText="會員卡"), switch
    )
    second = make_rich_menu(line, "更多選單", {"type": "message", "label": "門市", "text": "門市"})
    line.call("/v2/bot/richmenu/alias", {"richMenuAliasId": "second", "richMenuId": second})
    user = line.new_person()
    line.call(f"/v2/bot/user/{user}/richmenu/{first}", {})
    page = open_chat(open_page, line, user)
    page.get_by_role("button", name="會員卡").click()
    assert line.bot.next_event("postback")["postback"] == {"data": "card"}
    screenshot(page, "simulator-rich-menu")

    page.get_by_role("button", name="會員選單").click()
    expect(page.get_by_role("button", name="會員卡")).to_be_hidden()
    page.get_by_role("button", name="會員選單").click()
    page.get_by_role("button", name="to=second").click()
    switched = line.bot.next_event("postback")["postback"]
    assert switched["params"] == {"newRichMenuAliasId": "second", "status": "SUCCESS"}
    page.get_by_role("button", name="門市").click()
    assert line.bot.next_event("message")["message"]["text"] == "門市"

    page.get_by_role("button", name="開啟鍵盤").click()
    expect(page.get_by_role("textbox", name="訊息")).to_be_focused()
    page.get_by_role("button", name="開啟圖文選單").click()
    expect(page.get_by_role("button", name="門市")).to_be_visible()


# --- Hostile messages -------------------------------------------------------------------


def test_hostile_texts_stay_texts(line: Line, open_page: OpenPage) -> None:
    user = line.new_person()
    hostile = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
    body = box("vertical", text(hostile, wrap=True, contents=[{"type": "span", "text": hostile}]))
    page = open_chat(open_page, line, user)
    columns = [{"text": hostile[:60], "actions": [postback("好", "x")]}]
    line.push(
        user,
        {"type": "text", "text": hostile, "sender": {"name": "<b>店長</b>"}},
        {**flex({"type": "bubble", "body": body}), "altText": hostile},
        {"type": "template", "altText": "x", "template": {"type": "carousel", "columns": columns}},
    )
    expect(bubbles(page, hostile)).to_be_visible()
    expect(page.get_by_text("<b>店長</b>")).to_be_visible()
    expect(page.locator(".fx-label")).to_have_text(hostile)
    assert page.evaluate("window.hacked") is None


def test_script_addresses_are_never_opened(line: Line, open_page: OpenPage) -> None:
    """LINE refuses such a message before anybody sees it, so it is slipped into the chat."""
    body = {
        **box(
            "vertical",
            {"type": "image", "url": "javascript:window.hacked=1"},
            {"type": "image", "url": "data:text/html,<script>window.hacked=1</script>"},
            {"type": "__proto__"},
            {"type": "constructor"},
            {"type": "button", "action": {**LINK, "uri": "javascript:window.hacked=1"}},
        ),
        "width": "1px;background:url(//example.com)",
        "backgroundColor": "red;} body{display:none",
    }
    body["contents"].append(None)
    message = flex({"type": "bubble", "body": body, "hero": "nothing"})
    entry = {"id": "slipped-in", "at": 0, "from": "account", "via": "push", "message": message}

    def slip_in(route: Route) -> None:
        chat = route.fetch().json()
        route.fulfill(json={**chat, "entries": [entry]})

    page = open_page(f"{line.url}/")
    page.route("**/_sim/chat?*", slip_in)
    page.goto(f"{line.url}/?user={line.new_person()}")
    keep_notices(page)
    page.get_by_role("button", name=LINK["label"]).click()
    expect(page.get_by_text("LINE 不會開啟這個連結")).to_be_visible()
    pictures = page.locator(".msg-flex img")
    assert pictures.evaluate_all("all => all.map(each => each.getAttribute('src'))") == [None, None]
    assert page.evaluate("window.hacked") is None
    assert len(page.context.pages) == 1


# --- The developer's drawer -------------------------------------------------------------


def test_the_drawer_tells_how_the_bot_answered_and_sends_an_event_again(
    line: Line, open_page: OpenPage, screenshot: Screenshot
) -> None:
    user = line.new_person()
    page = open_chat(open_page, line, user, **DESK)
    line.push(user, {"type": "text", "text": "早安"}, member_card())
    page.get_by_role("textbox", name="訊息").fill("你好")
    page.keyboard.press("Enter")
    first = line.bot.next_event("message")
    drawer = page.get_by_role("complementary")
    expect(drawer.get_by_text("message", exact=True)).to_be_visible()
    expect(drawer.get_by_text("POST /v2/bot/message/push").first).to_be_visible()
    screenshot(page, "simulator-desk")

    drawer.get_by_role("button", name="重送上一個事件").click()
    again = line.bot.next_event("message")
    assert again["webhookEventId"] == first["webhookEventId"]
    assert again["deliveryContext"] == {"isRedelivery": True}


def test_the_drawer_sets_faults_and_the_quota(line: Line, open_page: OpenPage) -> None:
    user = line.new_person()
    page = open_chat(open_page, line, user, **DESK)
    drawer = page.get_by_role("complementary")
    drawer.get_by_label("API 故障").select_option("500_before")
    drawer.get_by_role("button", name="加入故障").click()
    expect(drawer.get_by_role("button", name="全部清除")).to_be_visible()
    with pytest.raises(Refused, match="500"):
        line.push(user, {"type": "text", "text": "不會到"})
    line.push(user, {"type": "text", "text": "這則會到"})
    expect(bubbles(page, "這則會到")).to_be_visible()
    expect(drawer.get_by_role("button", name="全部清除")).to_be_hidden()

    drawer.get_by_role("spinbutton", name="每月訊息額度").fill("77")
    page.keyboard.press("Tab")
    expect(drawer.get_by_role("meter")).to_have_attribute("max", "77")


def test_the_phone_catches_up_when_the_line_stands_again(line: Line, open_page: OpenPage) -> None:
    user = line.new_person()
    lines: list[WebSocketRoute] = []

    def connect(route: WebSocketRoute) -> None:
        lines.append(route)
        if len(lines) == 1:
            line.push(user, {"type": "text", "text": "斷線時說的"})
            route.close()
        else:
            route.connect_to_server()

    page = open_page(f"{line.url}/")
    page.route_web_socket("**/_sim/live?*", connect)
    page.goto(f"{line.url}/?user={user}")
    expect(bubbles(page, "斷線時說的")).to_have_count(1)
    line.push(user, {"type": "text", "text": "之後說的"})
    expect(bubbles(page, "之後說的")).to_have_count(1)


def test_the_typing_animation_ends_with_the_next_message(line: Line, open_page: OpenPage) -> None:
    user = line.new_person()
    page = open_chat(open_page, line, user)
    line.call("/v2/bot/chat/loading/start", {"chatId": user, "loadingSeconds": 60})
    expect(page.get_by_label("對方正在輸入")).to_be_visible()
    line.push(user, {"type": "text", "text": "久等了"})
    expect(page.get_by_label("對方正在輸入")).to_be_hidden()
