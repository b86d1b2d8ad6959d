"""Bring our rich menus to LINE: a menu whose areas or artwork changed is made anew and uploaded."""

from collections.abc import Sequence
from dataclasses import dataclass

from linebot.v3.messaging import (
    ApiClient,
    Configuration,
    MessagingApi,
    MessagingApiBlob,
    RichMenuBulkLinkRequest,
    RichMenuRequest,
)
from linebot.v3.messaging.exceptions import ApiException, NotFoundException
from linebot.v3.oauth import ApiClient as TokenApiClient
from linebot.v3.oauth import ChannelAccessToken
from linebot.v3.oauth import Configuration as TokenConfiguration

from bot.rich_menu import GUEST, menu_definition, menu_image, menu_version

MOST_LINKED_AT_ONCE = 500
TIMEOUT = (3, 15)
"""Seconds to connect and to read; the SDK waits for ever without (SDK 3.27.0)."""


@dataclass(frozen=True)
class SyncedMenu:
    """A menu as LINE has it now."""

    name: str
    version: str
    line_rich_menu_id: str
    is_new: bool


class MenuApi:
    """The few calls about menus, made by a command now and then."""

    def __init__(self, api_base: str, data_base: str, token: str) -> None:
        self._api = MessagingApi(_client(api_base, token))
        self._blob = MessagingApiBlob(_client(data_base, token))

    def sync(self, name: str, known_id: str | None, known_version: str | None) -> SyncedMenu:
        """Make sure LINE has the menu called `name`; the guests' menu becomes the default one."""
        version = menu_version(name)
        is_new = known_id is None or known_version != version or not self._exists(known_id)
        menu_id = self._make(name) if is_new or known_id is None else known_id
        if name == GUEST:
            self._api.set_default_rich_menu(menu_id, _request_timeout=TIMEOUT)
        return SyncedMenu(name, version, menu_id, is_new)

    def forget(self, menu_id: str) -> None:
        """Delete a menu that a newer one has replaced; one already gone is as good."""
        try:
            self._api.delete_rich_menu(menu_id, _request_timeout=TIMEOUT)
        except NotFoundException:
            return

    def link(self, people: Sequence[str], menu_id: str) -> None:
        """Show up to 500 people this menu; LINE does it within seconds (202)."""
        request = RichMenuBulkLinkRequest.from_dict(
            {"richMenuId": menu_id, "userIds": list(people)}
        )
        self._api.link_rich_menu_id_to_users(request, _request_timeout=TIMEOUT)

    def _exists(self, menu_id: str) -> bool:
        try:
            self._api.get_rich_menu(menu_id, _request_timeout=TIMEOUT)
        except ApiException:
            return False
        return True

    def _make(self, name: str) -> str:
        request = RichMenuRequest.from_dict(menu_definition(name))
        made = self._api.create_rich_menu(request, _request_timeout=TIMEOUT)
        menu_id: str = made.rich_menu_id
        self._blob.set_rich_menu_image(
            menu_id,
            body=menu_image(name),
            _headers={"Content-Type": "image/png"},
            _request_timeout=TIMEOUT,
        )
        return menu_id


def _client(base: str, token: str) -> ApiClient:
    configuration = Configuration(host=base, access_token=token)
    configuration.retries = False  # The SDK's own retries would repeat what is not repeatable.
    return ApiClient(configuration)


def issue_token(api_base: str, channel_id: str, channel_secret: str) -> str:
    """Get a stateless channel access token, good for 15 minutes: enough for a command."""
    api = ChannelAccessToken(TokenApiClient(TokenConfiguration(host=api_base)))
    issued = api.issue_stateless_channel_token_by_client_secret(
        client_id=channel_id, client_secret=channel_secret, _request_timeout=TIMEOUT
    )
    token: str = issued.access_token
    return token
