"""LINE's language: texts, cards, rich menus, limits and LINE's calls. It opens no session."""

from typing import Any

Message = dict[str, Any]
"""One LINE message object as plain JSON, ready for the `messages` array of any sending call."""
