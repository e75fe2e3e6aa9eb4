"""Uploads in a real PostgreSQL and a real folder: whole or not at all, and in nobody's way."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from tests.core.frames import FRAME_BYTES, WINDOW_FRAMES, frames
from tests.store.tab import Store, Tab, clip_bytes, stored_windows
from tests.store.uploading import cut, files, keep, uploads, uploads_to
from undertone.core.errors import Conflict, MeetingEnded, NotFound, RateLimited, RemoteFault, Revoked, Unavailable
from undertone.core.messages import Finish
from undertone.store.clips_folder import FolderClips
from undertone.store.database import Database
from undertone.store.uploads import Kept

pytestmark = pytest.mark.anyio


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
