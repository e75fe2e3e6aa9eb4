"""What broken connections left behind becomes a short window, once."""

from __future__ import annotations

import anyio
import pytest

from tests.core.frames import FRAME_BYTES, WINDOW_FRAMES, frames
from tests.store.tab import Store, Tab, clip_bytes, stored_windows
from undertone.core.messages import Finish

pytestmark = pytest.mark.anyio


class TestParts:
    async def test_one_that_nobody_takes_up_becomes_a_short_window(self, store: Store) -> None:
        await (await (await Tab(store, store.streams()).hello()).audio(frames(100))).lost()
        assert await store.parts.flush_due() == 0  # 60 s have not passed
        await store.part_is_old()
        assert await store.parts.flush_due() == 1
        assert await store.parts.flush_due() == 0
        assert await stored_windows(store) == [(1, 0, 0, 2400)]
        assert await clip_bytes(store) == [frames(100)]
        assert await store.rows("select * from parts") == []

    async def test_and_the_stream_goes_on_after_it(self, store: Store) -> None:
        whole = frames(WINDOW_FRAMES + 200)
        await (await (await Tab(store, store.streams()).hello()).audio(whole[: 100 * FRAME_BYTES])).lost()
        await store.part_is_old()
        await store.parts.flush_due()
        tab = await Tab(store, store.streams("node-b"), stream=1).hello()
        assert tab.ready.offset <= 98 * FRAME_BYTES  # the next window's clip needs its lead-in
        await tab.audio(whole[tab.ready.offset :])
        await tab.text(Finish())
        assert await stored_windows(store) == [(1, 0, 0, 2400), (1, 1, 2400, 60_000), (1, 2, 62_400, 2400)]

    async def test_one_that_was_taken_up_is_left_alone(self, store: Store) -> None:
        await (await (await Tab(store, store.streams()).hello()).audio(frames(100))).lost()
        await store.part_is_old()
        await Tab(store, store.streams(), stream=1).hello()
        assert await store.parts.flush_due() == 0
        assert not await store.parts.flush("m", "p", 1)

    async def test_one_whose_candidate_began_a_new_stream_is_flushed_at_once(self, store: Store) -> None:
        await (await (await Tab(store, store.streams()).hello()).audio(frames(100))).lost()
        await Tab(store, store.streams()).hello()
        assert await store.parts.flush("m", "p", 1)
        assert await stored_windows(store) == [(1, 0, 0, 2400)]

    async def test_the_last_owner_of_an_overtaken_stream_may_still_leave_its_part(self, store: Store) -> None:
        older = await (await Tab(store, store.streams("node-a")).hello()).audio(frames(100))
        newer = await Tab(store, store.streams("node-b")).hello()
        await older.lost()
        assert await store.parts.flush("m", "p", 1)
        assert await stored_windows(store) == [(1, 0, 0, 2400)]
        await newer.audio(frames(WINDOW_FRAMES + 1))  # and the newer one was not disturbed
        assert (2, 0, 0, 60_000) in await stored_windows(store)

    async def test_two_sweepers_flush_one_part_once(self, store: Store) -> None:
        await (await (await Tab(store, store.streams()).hello()).audio(frames(100))).lost()
        await store.part_is_old()
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(store.parts.flush_due)
        assert await stored_windows(store) == [(1, 0, 0, 2400)]
        assert [kind for kind, _ in await store.events()].count("window_stored") == 1

    async def test_less_than_a_frame_is_nothing_to_judge(self, store: Store) -> None:
        await (await (await Tab(store, store.streams()).hello()).audio(frames(1)[:50])).lost()
        assert await store.rows("select * from parts") == []
