"""What commands may know of the process they run in; `app.py` makes it."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from sqlalchemy import Engine

from handlers.sandbox import Sandbox
from models.base import Sessions


class Known(Protocol):
    """The settings that commands use."""

    line_api_base: str
    line_data_api_base: str
    line_channel_access_token: str | None
    line_channel_id: str | None
    secret_key: str
    demo: bool

    @property
    def channel_secrets(self) -> list[str]: ...


class Installation(Protocol):
    """The process's parts that commands use; `app.py` makes them."""

    @property
    def clock(self) -> Callable[[], datetime]: ...
    @property
    def settings(self) -> Known: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def sandbox(self) -> Sandbox: ...
