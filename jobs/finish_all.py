"""Waiting for many things at once, each to its own end."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def finish_all(under_way: Iterable[Awaitable[T]]) -> list[T]:
    """Return what all brought; raise the first failure, but only when every one has ended.

    `asyncio.gather` alone leaves the others behind, a task group cuts them short: neither will do
    where each is somebody's message.
    """
    finished: list[T] = []
    failures: list[BaseException] = []
    for outcome in await asyncio.gather(*under_way, return_exceptions=True):
        if isinstance(outcome, BaseException):
            failures.append(outcome)
        else:
            finished.append(outcome)
    if failures:
        raise failures[0]
    return finished
