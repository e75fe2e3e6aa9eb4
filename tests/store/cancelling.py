"""Cancels a coroutine at exactly one of the places where it waits."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any, Literal

# `before`: while it waits. `after`: what it waits for has come, but it has not gone on yet. `again`: as `before`, and
# at the three waits that follow, as an impatient caller would.
When = Literal["before", "after", "again"]


async def cancelled_at(place: int, when: When, work: Coroutine[Any, Any, object]) -> bool:
    """Runs `work`, cancelling it at its wait number `place` (from 0). False if it did not wait that often."""
    reached = [False]
    task = asyncio.ensure_future(_watched(place, when, work, reached))
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
    return reached[0]


@types.coroutine
def _watched(
    place: int, when: When, work: Coroutine[Any, Any, object], reached: list[bool]
) -> Generator[Any, Any, object]:
    inner = work.__await__()
    task = asyncio.current_task()
    assert task is not None
    count = 0
    step: Any = lambda: inner.send(None)  # noqa: E731
    while True:
        try:
            waited_for = step()
        except StopIteration as done:
            return done.value
        if count == place or (when == "again" and place < count <= place + 3):
            reached[0] = True
            if when == "after" and waited_for is not None:
                waited_for.add_done_callback(lambda _: task.cancel())
            else:
                task.cancel()
        count += 1
        try:
            value = yield waited_for
        except BaseException as error:  # noqa: BLE001
            step = lambda error=error: inner.throw(error)  # noqa: E731
        else:
            step = lambda value=value: inner.send(value)  # noqa: E731
