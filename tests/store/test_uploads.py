"""Uploads in a real PostgreSQL and a real folder: whole or not at all, and in nobody's way."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import anyio
import pytest

from tests.core.frames import FRAME_BYTES, WINDOW_FRAMES, frames
from tests.store.tab import Store, Tab, clip_bytes, stored_windows
from undertone.core.errors import Conflict, MeetingEnded, NotFound, RateLimited, RemoteFault, Revoked, Unavailable
from undertone.core.messages import Finish
from undertone.core.uploads import UploadCutter
from undertone.core.window import WindowClosed
from undertone.store.clips import ClipStore
from undertone.store.clips_folder import FolderClips
from undertone.store.database import Database, Transaction
from undertone.store.uploads import Kept, Uploads

pytestmark = pytest.mark.anyio


def cut(data: bytes) -> list[WindowClosed]:
    cutter = UploadCutter()
    cutter.feed(data)
    return cutter.finish()


def uploads(store: Store, database: Database | None = None, patience_s: float = 0.0) -> Uploads:
    return uploads_to(store, store.clips, database, patience_s)


def uploads_to(store: Store, clips: ClipStore, database: Database | None = None, patience_s: float = 0.0) -> Uploads:
    writing, moved = database or store.database, store.moved.append
    return Uploads(writing, store.database, clips, moved, "node-a", max_speed=0, patience_s=patience_s)


async def keep(these: Uploads, data: bytes, participant: str = "p") -> Kept:
    return await these.keep("m", participant, cut(data), len(data), anyio.current_time())


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*.mp3")]


async def test_an_upload_is_a_finished_stream(store: Store) -> None:
    data = frames(WINDOW_FRAMES + 1000)
    kept = await keep(uploads(store), data)
    assert kept == Kept("m", "p", stream=1, windows=2, event=4)
    assert await stored_windows(store) == [(1, 0, 0, 60_000), (1, 1, 60_000, 24_000)]
    clips = await clip_bytes(store)
    assert clips[0] == frames(WINDOW_FRAMES)
    assert clips[1].endswith(frames(1000, first=WINDOW_FRAMES))
    told = [(kind, body["stream"], body.get("duration_ms")) for kind, body in await store.events()]
    assert told == [
        ("candidate_streaming", 1, None),
        ("window_stored", 1, 60_000),
        ("window_stored", 1, 24_000),
        ("candidate_finished", 1, None),
    ]
    [stream] = await store.rows("select total_bytes, next_window, finished_at is not null as finished from streams")
    assert stream == {"total_bytes": len(data), "next_window": 2, "finished": True}
    assert await store.rows("select node, state, streams from participants") == [
        {"node": None, "state": "finished", "streams": 1}
    ]
    assert store.moved == ["m"]


async def test_it_lies_where_it_was_recorded(store: Store) -> None:
    await store.database.execute("update participants set created_at = now() - interval '1 hour'")
    await keep(uploads(store), frames(1000))
    [row] = await store.rows("select extract(epoch from now() - start_at) as age from windows")
    assert 24 <= float(str(row["age"])) < 34


async def test_who_came_with_it_was_heard_before(store: Store) -> None:
    await store.database.execute("update meetings set created_at = now() - interval '10 seconds'")
    these, data = uploads(store), frames(1000)
    await these.keep("m", "p", cut(data), len(data), anyio.current_time(), created_with_it=True)
    [row] = await store.rows(
        "select start_at = m.created_at as at_its_beginning from windows join meetings m using (meeting)"
    )
    assert row["at_its_beginning"], "24 s of sound, of a meeting of 10 s"


async def test_uploads_at_once_are_streams_side_by_side(store: Store) -> None:
    these, kept = uploads(store), list[Kept]()

    async def one(first: int) -> None:
        kept.append(await keep(these, frames(500, first=first)))

    async with anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(one, number * 500)
    assert sorted(each.stream for each in kept) == list(range(1, 9))
    assert await stored_windows(store) == [(stream, 0, 0, 12_000) for stream in range(1, 9)]
    assert set(await clip_bytes(store)) == {frames(500, first=number * 500) for number in range(8)}


async def test_nothing_is_taken_from_who_streams(store: Store, tmp_path: Path) -> None:
    tab = await Tab(store, store.streams("node-b")).hello()
    await tab.audio(frames(100))
    with pytest.raises(Conflict):
        await keep(uploads(store), frames(100))
    await tab.lost()  # its sender may come back
    with pytest.raises(Conflict):
        await keep(uploads(store), frames(100))
    tab = await Tab(store, store.streams("node-b"), stream=1).hello()
    assert tab.ready.offset == 100 * FRAME_BYTES
    await tab.text(Finish())
    assert len(files(tmp_path)) == 1, "no clip of an upload was left"
    assert (await keep(uploads(store), frames(100))).stream == 2


async def test_who_stays_away_for_a_quarter_of_an_hour_is_not_waited_for(store: Store) -> None:
    tab = await Tab(store, store.streams("node-b")).hello()
    await tab.audio(frames(100))
    await tab.lost()
    await store.database.execute("update participants set seen_at = now() - interval '16 minutes'")
    assert (await keep(uploads(store), frames(100))).stream == 2


async def test_a_live_hello_after_an_upload_begins_the_next_stream(store: Store) -> None:
    await keep(uploads(store), frames(100))
    tab = await Tab(store, store.streams("node-b")).hello()
    await tab.audio(frames(200))
    await tab.text(Finish())
    assert await stored_windows(store) == [(1, 0, 0, 2400), (2, 0, 0, 4800)]


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("update participants set revoked_at = now()", Revoked),
        ("update meetings set ended_at = now()", MeetingEnded),
        ("delete from meetings", NotFound),
        ("insert into streams (meeting, participant, stream, finished_at) select 'm', 'p', n, now()"
         " from generate_series(1, 100) n; update participants set streams = 100", RateLimited),
    ],
)  # fmt: skip
async def test_who_may_not_stream_may_not_upload(
    store: Store, tmp_path: Path, statement: str, fault: type[RemoteFault]
) -> None:
    for each in statement.split("; "):
        await store.database.execute(each)
    with pytest.raises(fault):
        await keep(uploads(store), frames(100))
    assert await store.rows("select * from windows") == []
    assert files(tmp_path) == []


async def test_what_is_refused_at_the_last_moment_leaves_no_clip(store: Store, tmp_path: Path) -> None:
    class Ending(FolderClips):
        """The meeting ends between the first look and the writing."""

        async def put(self, name: str, data: bytes) -> None:
            await super().put(name, data)
            await store.database.execute("update meetings set ended_at = now()")

    with pytest.raises(MeetingEnded):
        await keep(uploads_to(store, Ending(tmp_path)), frames(100))
    assert files(tmp_path) == []
    assert await store.rows("select * from streams") == []


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


async def test_patience_is_one_for_all(store: Store, tmp_path: Path) -> None:
    class AwayEveryOtherTime(FolderClips):
        away = False

        async def put(self, name: str, data: bytes) -> None:
            self.away = not self.away
            if self.away:
                raise Unavailable("the clip store is away")
            await super().put(name, data)

    these = uploads_to(store, AwayEveryOtherTime(tmp_path), patience_s=0.2)  # the first pause is longer
    with pytest.raises(Unavailable):
        await keep(these, frames(WINDOW_FRAMES + 1000))
    assert files(tmp_path) == []


async def test_who_waits_for_a_verdict_takes_no_connection_of_the_candidates(store: Store, database_url: str) -> None:
    kept = await keep(uploads(store), frames(100))
    these = uploads(store, Database(database_url))  # which is not connected
    assert [each.outcome for each in await these.verdicts(kept)] == [None]
    assert await these.opened_with(kept) == set()
    assert await these.reports("m") == []


async def test_a_list_has_an_end(store: Store) -> None:
    await store.database.execute(
        "insert into anomalies (meeting, anomaly, participant, kind, opened_at, last_at, count, summary, evidence)"
        " select 'm', 'a' || n, 'p', 'multiple_voices', now() + n * interval '1 second', now(), 1, '', '[]'"
        " from generate_series(1, 1001) n"
    )
    reports = await uploads(store).reports("m")
    assert len(reports) == 1000
    newest, *_, oldest = reports
    assert (newest.at - oldest.at).total_seconds() == 999


async def test_a_store_that_is_away_is_waited_for(store: Store, tmp_path: Path) -> None:
    class Away(FolderClips):
        calls = 0

        async def put(self, name: str, data: bytes) -> None:
            self.calls += 1
            if self.calls < 3:
                raise Unavailable("the clip store is away")
            await super().put(name, data)

    for patience_s in (0.0, 30.0):
        these = uploads_to(store, Away(tmp_path), patience_s=patience_s)
        if patience_s:
            assert (await keep(these, frames(100))).stream == 1
        else:
            with pytest.raises(Unavailable):
                await keep(these, frames(100))
            assert await store.rows("select * from streams") == []
