"""Uploads of which nobody knows whether they were written, or put: once, whole, and no clip lost."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import anyio
import pytest

from tests.core.frames import WINDOW_FRAMES, frames
from tests.store.tab import Store, clip_bytes, stored_windows
from tests.store.uploading import files, keep, uploads, uploads_to
from undertone.core.errors import MeetingEnded, Unavailable
from undertone.store.clips_folder import FolderClips
from undertone.store.database import Database, Transaction
from undertone.store.uploads import Kept

pytestmark = pytest.mark.anyio


class LostAnswer(Database):
    """The first commit succeeds, and nobody hears of it."""

    lost = False

    @asynccontextmanager
    async def transaction(self, *, repeatable_read: bool = False) -> AsyncIterator[Transaction]:
        async with super().transaction(repeatable_read=repeatable_read) as transaction:
            yield transaction
        if not self.lost:
            self.lost = True
            raise Unavailable("the line broke at this very moment")


async def test_a_commit_whose_answer_was_lost_is_not_done_twice(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    database = LostAnswer(database_url)
    await database.connect()
    kept = await keep(uploads(store, database, patience_s=5), frames(100))
    await database.close()
    assert kept.stream == 1
    assert await stored_windows(store) == [(1, 0, 0, 2400)]
    assert len(files(tmp_path)) == 1


class SlowCommit(Database):
    """The first commit is given up before it is done."""

    first: AbstractAsyncContextManager[Transaction] | None = None

    @asynccontextmanager
    async def transaction(self, *, repeatable_read: bool = False) -> AsyncIterator[Transaction]:
        ours = super().transaction(repeatable_read=repeatable_read)
        if self.first is not None:
            async with ours as transaction:
                yield transaction
        else:
            self.first = ours
            yield await ours.__aenter__()
            raise Unavailable("no answer to the commit")


WAITS_FOR_A_LOCK = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@pytest.mark.parametrize("before", [0, 99], ids=["one of few", "the last that may come"])
async def test_a_commit_that_is_under_way_is_waited_for(
    store: Store, database_url: str, tmp_path: Path, before: int
) -> None:
    await store.database.execute(
        "insert into streams (meeting, participant, stream, finished_at) select 'm', 'p', n, now()"
        f" from generate_series(1, {before}) n"
    )
    await store.database.execute(f"update participants set streams = {before}")
    database, kept = SlowCommit(database_url), list[Kept]()
    await database.connect()

    async def upload() -> None:
        kept.append(await keep(uploads(store, database, patience_s=5), frames(100)))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(upload)
        while not await store.rows(WAITS_FOR_A_LOCK):
            await anyio.sleep(0.01)
        assert database.first is not None
        await database.first.__aexit__(None, None, None)
    await database.close()
    assert [each.stream for each in kept] == [before + 1]
    assert await stored_windows(store) == [(before + 1, 0, 0, 2400)]
    assert await clip_bytes(store) == [frames(100)]
    assert len(files(tmp_path)) == 1


class BrokenLine(Database):
    """The first transaction is rolled back, and something happens before the next."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    @asynccontextmanager
    async def transaction(self, *, repeatable_read: bool = False) -> AsyncIterator[Transaction]:
        meanwhile, self.meanwhile = self.meanwhile, None
        try:
            async with super().transaction(repeatable_read=repeatable_read) as transaction:
                yield transaction
                if meanwhile is not None:
                    raise Unavailable("the line broke")
        finally:
            if meanwhile is not None:
                await meanwhile()


@pytest.mark.parametrize("judged", [False, True])
async def test_another_s_minute_of_silence_is_not_taken_for_ours(store: Store, database_url: str, judged: bool) -> None:
    database = BrokenLine(database_url)
    await database.connect()

    async def another() -> None:
        await keep(uploads(store), frames(WINDOW_FRAMES + 2000))
        if judged:
            await store.database.execute("update windows set clip = null")

    database.meanwhile = another
    kept = await keep(uploads(store, database, patience_s=5), frames(WINDOW_FRAMES + 1000))
    await database.close()
    assert kept.stream == 2
    assert [window[:2] for window in await stored_windows(store)] == [(1, 0), (1, 1), (2, 0), (2, 1)]


async def test_clips_that_may_have_been_named_are_not_deleted(store: Store, database_url: str, tmp_path: Path) -> None:
    database = BrokenLine(database_url)
    await database.connect()
    database.meanwhile = lambda: store.database.execute("update meetings set ended_at = now()")
    with pytest.raises(MeetingEnded):
        await keep(uploads(store, database, patience_s=5), frames(100))
    await database.close()
    assert len(files(tmp_path)) == 1, "the sweeper's, within the hour"


async def test_a_put_that_fails_late_takes_no_clip_with_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync, let_go, calls = os.fsync, threading.Event(), list[int]()

    def hangs_at_first(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 1:
            let_go.wait()
            raise OSError(errno.EIO, "the disk is gone")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", hangs_at_first)
    try:
        await keep(uploads_to(store, FolderClips(tmp_path, within_s=0.2), patience_s=5), frames(100))
    finally:
        let_go.set()
    while any(thread.name == "clips-write" for thread in threading.enumerate()):
        await anyio.sleep(0.01)
    assert await clip_bytes(store) == [frames(100)]
    assert len(files(tmp_path)) == 1
