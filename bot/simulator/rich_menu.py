"""Rich menus: the menus made by API, their pictures, aliases, and who sees which."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image, UnidentifiedImageError

from bot.limits import MAX_IMAGE_BYTES

from .answers import LineError
from .ids import new_rich_menu_id
from .people import Person
from .storage import Storage

MAX_MENUS = 1_000
MAX_ALIASES = 1_000
IMAGE_TYPES = {"image/png": "PNG", "image/jpeg": "JPEG"}
_KINDS = ("menu", "menu_image", "menu_alias", "menu_link", "menu_default")


@dataclass(slots=True)
class Menu:
    """One rich menu as it was created, and its picture once that is there."""

    id: str
    object: dict[str, Any]
    image: bytes | None = None
    image_type: str = ""

    def listed(self) -> dict[str, Any]:
        """Return LINE's rich menu response object."""
        return {"richMenuId": self.id, **self.object}


class RichMenus:
    """All menus of the account: per-user links first, then the default."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._menus: dict[str, Menu] = {}
        self._links: dict[str, str] = {}
        self.aliases: dict[str, str] = {}
        self.default: str | None = None

    def restore(self, kind: str, key: str, value: Any) -> bool:
        """Put back a fact that was kept over a restart; say whether it was one of ours."""
        if kind not in _KINDS:
            return False
        if kind == "menu":
            self._menus[key] = Menu(key, value["object"], image_type=value["image_type"])
        elif kind == "menu_image" and key in self._menus:
            self._menus[key].image = value
        elif kind == "menu_alias":
            self.aliases[key] = value
        elif kind == "menu_link":
            self._links[key] = value
        elif kind == "menu_default":
            self.default = value
        return True

    def __iter__(self) -> Iterator[Menu]:
        return iter(self._menus.values())

    def get(self, menu_id: str) -> Menu:
        """Return the menu; refuse with 404 where there is none."""
        menu = self._menus.get(menu_id)
        if menu is None:
            raise LineError(404, "Not found")
        return menu

    def find(self, menu_id: object) -> Menu | None:
        """Return the menu, or None."""
        return self._menus.get(menu_id) if isinstance(menu_id, str) else None

    def create(self, menu_object: dict[str, Any]) -> Menu:
        """Add a menu, without its picture yet."""
        if len(self._menus) >= MAX_MENUS:
            raise LineError(400, "The maximum number of rich menus has been reached")
        menu = Menu(new_rich_menu_id(), menu_object)
        self._menus[menu.id] = menu
        self._keep(menu)
        return menu

    def delete(self, menu_id: str) -> None:
        """Remove a menu, and with it its links and its place as default."""
        self.get(menu_id)
        del self._menus[menu_id]
        self._storage.keep("menu", menu_id, None)
        self._storage.keep("menu_image", menu_id, None)
        for user_id in self.linked_to(menu_id):
            self._set_link(user_id, None)
        if self.default == menu_id:
            self.set_default(None)

    def upload(self, menu_id: str, image: bytes, content_type: str) -> None:
        """Give a menu its picture, once."""
        menu = self.get(menu_id)
        if content_type not in IMAGE_TYPES:
            raise LineError(415, f"The content type, {content_type}, is not supported")
        if menu.image is not None:
            raise LineError(400, "An image has already been uploaded to the richmenu")
        _refuse_unfit_image(image, IMAGE_TYPES[content_type], menu.object["size"])
        menu.image, menu.image_type = image, content_type
        self._keep(menu)
        self._storage.keep("menu_image", menu_id, image)

    def applicable(self, menu_id: str) -> Menu:
        """Return a menu that may be shown; refuse without a picture (400) or a menu (404)."""
        menu = self.get(menu_id)
        if menu.image is None:
            raise LineError(
                400, "must upload richmenu image before applying it to user", details=[]
            )
        return menu

    def set_default(self, menu_id: str | None) -> None:
        """Make a menu the one everybody sees who has none of their own."""
        self.default = menu_id
        self._storage.keep("menu_default", "all", menu_id)

    def link(self, people: Iterable[Person], menu_id: str | None) -> None:
        """Link the friends among `people` to a menu of their own (None: to none)."""
        for person in people:
            if person.friend:
                self._set_link(person.id, menu_id)

    def forget(self, person: Person) -> None:
        """Drop the menu of somebody who blocked the account."""
        self._set_link(person.id, None)

    def link_of(self, user_id: str) -> str | None:
        """Return the id of the person's own menu, or None."""
        return self._links.get(user_id)

    def linked_to(self, menu_id: str) -> list[str]:
        """Return the ids of the people whose own menu this is."""
        return [user_id for user_id, linked in self._links.items() if linked == menu_id]

    def replace(self, operations: list[dict[str, Any]]) -> None:
        """Carry out a batch; every operation sees the links as they were before it."""
        before = dict(self._links)
        for operation in operations:
            for user_id, menu_id in before.items():
                if operation["type"] == "unlinkAll" or menu_id == operation["from"]:
                    self._set_link(user_id, operation.get("to"))

    def set_alias(self, alias_id: str, menu_id: str | None) -> None:
        """Point an alias at a menu, or remove it."""
        if menu_id is None:
            self.aliases.pop(alias_id, None)
        else:
            self.aliases[alias_id] = menu_id
        self._storage.keep("menu_alias", alias_id, menu_id)

    def shown_to(self, person: Person) -> dict[str, Any] | None:
        """Return the menu the phone page draws for this person, or None."""
        if person.blocked:
            return None
        menu = self.find(self.link_of(person.id)) or self.find(self.default)
        if menu is None or menu.image is None:
            return None
        return {
            "richMenuId": menu.id,
            "imageUrl": f"/_sim/richmenu/{menu.id}/image",
            "size": menu.object["size"],
            "selected": menu.object["selected"],
            "chatBarText": menu.object["chatBarText"],
            "areas": menu.object["areas"],
        }

    def _set_link(self, user_id: str, menu_id: str | None) -> None:
        if menu_id is None:
            self._links.pop(user_id, None)
        else:
            self._links[user_id] = menu_id
        self._storage.keep("menu_link", user_id, menu_id)

    def _keep(self, menu: Menu) -> None:
        self._storage.keep("menu", menu.id, {"object": menu.object, "image_type": menu.image_type})


def _refuse_unfit_image(image: bytes, image_format: str, size: dict[str, int]) -> None:
    """Refuse a picture that is too heavy, of another format, or of another size than its menu."""
    if len(image) > MAX_IMAGE_BYTES:
        raise LineError(400, "The image size is not allowed for richmenu")
    try:
        with Image.open(io.BytesIO(image)) as picture:
            fits = picture.format == image_format
            same_size = picture.size == (size["width"], size["height"])
    except (UnidentifiedImageError, OSError):
        raise LineError(400, "The image is broken or of an unsupported format") from None
    if not fits:
        raise LineError(415, "The content type does not fit the image")
    if not same_size:
        raise LineError(400, "The image size is not allowed for richmenu")
