"""One owner at a time, and nothing stored twice or not at all: streams in a real PostgreSQL and a real folder."""

from __future__ import annotations

import pytest

from tests.core.frames import FRAME_BYTES, FRAME_MS, WINDOW_BYTES, WINDOW_FRAMES, frames
from tests.store.tab import Store, Tab, clip_bytes, stored_windows
from undertone.core.errors import TakenOver
from undertone.core.messages import Finish, Stored
from undertone.core.stream_actions import LeavePart, StoreWindow
from undertone.store.clips import clip_object
from undertone.store.stream_rows import millis

pytestmark = pytest.mark.anyio


async def test_a_recording_is_stored_window_by_window_and_told(store: Store) -> None:
    tab = await Tab(store, store.streams()).hello()
    await tab.audio(frames(WINDOW_FRAMES + 100))
    await tab.text(Finish())
    assert await stored_windows(store) == [(1, 0, 0, 60_000), (1, 1, 60_000, 2400)]
    clips = await clip_bytes(store)
    assert clips[0] == frames(WINDOW_FRAMES)
    assert clips[1].endswith(frames(100, first=WINDOW_FRAMES))
    kinds = [kind for kind, _ in await store.events()]
    assert kinds == ["candidate_streaming", "window_stored", "window_stored", "candidate_finished"]
    assert await store.rows("select node, state from participants") == [{"node": None, "state": "finished"}]


async def test_a_finished_stream_answers_so_again(store: Store) -> None:
    tab = await Tab(store, store.streams()).hello()
    await tab.audio(frames(10))
    await tab.text(Finish())
    again = await Tab(store, store.streams("node-b"), stream=1).hello()
    assert again.said == tab.said[-1:]
    assert again.ended


async def test_a_broken_line_goes_on_at_another_node_after_the_part(store: Store) -> None:
    whole = frames(WINDOW_FRAMES + 10)
    tab = await Tab(store, store.streams("node-a")).hello()
    await tab.audio(whole[: 700 * FRAME_BYTES + 11])
    await tab.lost()
    for number, node in enumerate(["node-b", "node-a", "node-b"], 1):
        tab = await Tab(store, store.streams(node), stream=1).hello()
        assert tab.ready.offset == tab.ready.held == 700 * number * FRAME_BYTES
        if number < 3:
            await tab.audio(whole[tab.ready.offset : 700 * (number + 1) * FRAME_BYTES])
            await tab.lost()
    await tab.audio(whole[tab.ready.offset :])
    assert await clip_bytes(store) == [frames(WINDOW_FRAMES)]
    assert await store.rows("select * from parts") == []
    assert len(await store.rows("select * from deletions")) == 3  # each part when the next took its place


async def test_what_only_memory_held_is_asked_for_again(store: Store) -> None:
    whole = frames(WINDOW_FRAMES + 500)
    killed = await Tab(store, store.streams()).hello()
    await killed.audio(whole)
    [stored] = [message for message in killed.said if isinstance(message, Stored)]
    tab = await Tab(store, store.streams("node-b"), stream=1).hello()
    assert tab.ready.offset == tab.ready.held == stored.offset
    await tab.audio(whole[stored.offset :])
    await tab.text(Finish())
    assert await stored_windows(store) == [(1, 0, 0, 60_000), (1, 1, 60_000, 500 * FRAME_MS)]


async def test_an_overtaken_owner_finds_out_at_its_next_write(store: Store) -> None:
    older = await Tab(store, store.streams("node-a")).hello()
    await older.audio(frames(WINDOW_FRAMES))
    await Tab(store, store.streams("node-b"), stream=1).hello()
    with pytest.raises(TakenOver):
        await older.audio(frames(1))
    await older.lost()
    assert await stored_windows(store) == []
    assert await store.rows("select * from parts") == []
    assert await store.rows("select node from participants") == [{"node": "node-b"}]


async def test_a_window_said_twice_by_its_owner_is_stored_once(store: Store) -> None:
    """The answer to a commit can get lost: the owner, which can't know, says it again."""
    tab = await Tab(store, store.streams()).hello()
    tab.receiver.receive_audio(frames(WINDOW_FRAMES + 1), tab.now)
    [action] = tab.receiver.actions()
    assert isinstance(action, StoreWindow)
    assert tab.owner
    clip = await tab.streams.put_clip(tab.owner, action.window)
    for again in (clip, clip, await tab.streams.put_clip(tab.owner, action.window)):
        await tab.streams.store_window(tab.owner, action, again)
    assert [each.object async for each in store.clips.list()] == [clip_object("m", clip)]
    assert await stored_windows(store) == [(1, 0, 0, 60_000)]
    assert [kind for kind, _ in await store.events()].count("window_stored") == 1
    for _ in range(2):
        await tab.streams.finish(tab.owner, 1234)
    assert [kind for kind, _ in await store.events()].count("candidate_finished") == 1


async def test_a_part_said_twice_is_there_once_whoever_owns_the_stream_by_then(store: Store) -> None:
    tab = await Tab(store, store.streams()).hello()
    tab.receiver.receive_audio(frames(50), tab.now)
    tab.receiver.lost()
    [action] = tab.receiver.actions()
    assert isinstance(action, LeavePart)
    assert tab.owner
    name = await tab.streams.put_part(tab.owner, action)
    for _ in range(2):
        await tab.streams.leave_part(tab.owner, action, name)
    await Tab(store, store.streams("node-b"), stream=1).hello()
    await tab.streams.leave_part(tab.owner, action, name)
    assert [row["object"] for row in await store.rows("select object from parts")] == [name]
    assert await store.rows("select * from deletions") == []
    assert [each.object async for each in store.clips.list()] == [name]


async def test_windows_begin_when_they_were_spoken(store: Store) -> None:
    tab = await Tab(store, store.streams()).hello()
    began = tab.now
    for _ in range(62):  # in real time
        tab.receiver.receive_audio(frames(42), tab.now)
        tab.now += 42 * FRAME_MS
        await tab.do()
    [row] = await store.rows("select start_at from windows")
    # The first message brought a second of sound, spoken before it arrived, but not before the candidate was there.
    assert 0 <= began - millis(row["start_at"]) <= 42 * FRAME_MS  # type: ignore[arg-type]


async def test_the_row_keeps_the_offset_that_was_acknowledged(store: Store) -> None:
    tab = await Tab(store, store.streams()).hello()
    for number in range(3):
        await tab.audio(frames(WINDOW_FRAMES, first=number * WINDOW_FRAMES))
    stored = [message.offset for message in tab.said if isinstance(message, Stored)]
    [row] = await store.rows("select resume_offset, next_window from streams")
    assert row == {"resume_offset": stored[-1], "next_window": len(stored)}
    assert stored[-1] < len(stored) * WINDOW_BYTES
