"""The account's side of LINE's API: profiles, friends, figures, tokens, the webhook's address."""

from __future__ import annotations

from linebot.v3.messaging import ApiClient, Configuration, MessagingApi, PushMessageRequest
from linebot.v3.messaging import TextMessage as SdkText

from tests.simulator.conftest import SECRET, BotServer, Clock, Line, MakePerson, StartLine

STRANGER = "U" + "f" * 32


def test_a_profile_is_for_friends_and_writers_and_never_for_blockers(
    line: Line, make_person: MakePerson
) -> None:
    friend, passer_by = make_person(language="ja"), make_person(friend=False)
    profile = line.call("GET", f"/v2/bot/profile/{friend}").json
    assert (profile["userId"], profile["language"]) == (friend, "ja")
    assert line.call("GET", f"/v2/bot/profile/{passer_by}").status == 404
    line.act(passer_by, "text", text="hello")
    assert line.call("GET", f"/v2/bot/profile/{passer_by}").status == 200
    line.act(friend, "unfollow")
    assert line.call("GET", f"/v2/bot/profile/{friend}").json == {"message": "Not found"}
    assert line.call("GET", f"/v2/bot/profile/{STRANGER}").status == 404
    assert line.call("GET", "/v2/bot/profile/me").status == 400


def test_friends_are_listed_page_by_page(line: Line, make_person: MakePerson) -> None:
    friends = [make_person() for _ in range(3)]
    first = line.call("GET", "/v2/bot/followers/ids?limit=2").json
    second = line.call("GET", f"/v2/bot/followers/ids?limit=2&start={first['next']}").json
    assert first["userIds"] + second["userIds"] == friends
    assert "next" not in second
    assert line.call("GET", "/v2/bot/followers/ids?limit=1001").status == 400


def test_an_unverified_account_may_not_list_its_friends(start_line: StartLine) -> None:
    line = start_line(seed={"account": {"name": "Tea", "basicId": "@tea", "verified": False}})
    assert line.call("GET", "/v2/bot/followers/ids").status == 403


def test_the_account_knows_itself(line: Line) -> None:
    info = line.call("GET", "/v2/bot/info").json
    assert info["userId"].startswith("U")
    assert info["chatMode"] == "bot"


def test_figures_of_today_are_unready_and_of_yesterday_ready(
    line: Line, make_person: MakePerson, clock: Clock
) -> None:
    line.push(make_person())
    day = "20261122"
    path = "/v2/bot/message/delivery/push"
    assert line.call("GET", f"{path}?date=20991231").json == {"status": "unready"}
    assert line.call("GET", f"{path}?date=20180330").json == {"status": "out_of_service"}
    assert line.call("GET", f"{path}?date={day[:6]}99").status == 400
    assert line.call("GET", path).status == 400
    today = next(iter(line.server.world.deliveries)).partition(":")[2]
    assert line.call("GET", f"{path}?date={today}").json == {"status": "unready"}
    clock.forward(seconds=24 * 3600)
    assert line.call("GET", f"{path}?date={today}").json == {"status": "ready", "success": 1}


def test_unit_names_are_remembered(line: Line, make_person: MakePerson) -> None:
    body = {
        "to": make_person(),
        "messages": [{"type": "text", "text": "a"}],
        "customAggregationUnits": ["spring"],
    }
    assert line.call("POST", "/v2/bot/message/push", body).status == 200
    assert line.call("GET", "/v2/bot/message/aggregation/list").json == {
        "customAggregationUnits": ["spring"]
    }


def test_a_stateless_token_opens_the_api_for_fifteen_minutes(line: Line, clock: Clock) -> None:
    form = f"grant_type=client_credentials&client_id=1234567890&client_secret={SECRET}".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    issued = line.call("POST", "/oauth2/v3/token", content=form, headers=headers).json
    assert (issued["token_type"], issued["expires_in"]) == ("Bearer", 900)
    bearer = {"Authorization": f"Bearer {issued['access_token']}"}
    assert line.call("GET", "/v2/bot/info", headers=bearer).status == 200
    known = f"access_token={issued['access_token']}".encode()
    verified = line.call("POST", "/v2/oauth/verify", content=known, headers=headers)
    assert verified.json["client_id"] == "1234567890"
    clock.forward(seconds=901)
    assert line.call("GET", "/v2/bot/info", headers=bearer).status == 401
    assert line.call("POST", "/v2/oauth/verify", content=known, headers=headers).status == 400


def test_a_wrong_secret_gets_no_token(line: Line) -> None:
    form = b"grant_type=client_credentials&client_id=1234567890&client_secret=wrong"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert line.call("POST", "/oauth2/v3/token", content=form, headers=headers).status == 400


def test_the_webhooks_address_can_be_set_read_and_tried(line: Line, bot_server: BotServer) -> None:
    path = "/v2/bot/channel/webhook/endpoint"
    assert line.call("GET", path).json == {"endpoint": bot_server.url, "active": True}
    tried = line.call("POST", "/v2/bot/channel/webhook/test").json
    assert (tried["success"], tried["statusCode"]) == (True, 200)
    assert bot_server.webhooks[0].json["events"] == []
    assert line.call("PUT", path, {"endpoint": "http://example.com/callback"}).status == 400
    assert line.call("PUT", path, {"endpoint": "http://127.0.0.1:9/callback"}).status == 200
    assert line.call("POST", "/v2/bot/channel/webhook/test").json["success"] is False


def test_the_sdk_speaks_with_the_simulator(line: Line, make_person: MakePerson) -> None:
    user = make_person()
    configuration = Configuration(host=line.server.url, access_token="a-long-lived-token")
    with ApiClient(configuration) as client:
        api = MessagingApi(client)
        api.push_message(PushMessageRequest(to=user, messages=[SdkText(text="您好")]))
        assert api.get_profile(user).user_id == user
        assert api.get_bot_info().basic_id == "@teadays"
        assert api.get_message_quota().type == "limited"
    assert [message["text"] for message in line.said(user)] == ["您好"]


def test_an_unknown_path_is_404_and_a_wrong_method_405(line: Line) -> None:
    assert line.call("GET", "/v3/bot").json == {"message": "Not found"}
    assert line.call("DELETE", "/v2/bot/message/push").status == 405
