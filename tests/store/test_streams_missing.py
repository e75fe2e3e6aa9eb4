"""Lost sound in the database: remembered, and told once."""

from __future__ import annotations

import pytest

from tests.core.frames import FRAME_BYTES, FRAME_MS, WINDOW_FRAMES, frames
from tests.store.tab import Store, Tab, stored_windows
from undertone.core.messages import Finish, Gap
from undertone.core.stream_actions import KeepAnchor, ReportMissing, StoreWindow
from undertone.store.stream_rows import millis

pytestmark = pytest.mark.anyio


async def test_gaps_survive_a_broken_line_and_are_told_once(store: Store) -> None:
    tab = await (await Tab(store, store.streams()).hello()).audio(frames(100))
    await tab.text(Gap(offset=100 * FRAME_BYTES, lost_ms=5000))
    await tab.lost()
    tab = await Tab(store, store.streams("node-b"), stream=1).hello()
    await tab.text(Gap(offset=100 * FRAME_BYTES, lost_ms=5000))
    await tab.audio(frames(100))
    await tab.text(Finish())
    assert await stored_windows(store) == [(1, 0, 0, 2400), (1, 1, 7400, 2400)]
    missing = [body for kind, body in await store.events() if kind == "audio_missing"]
    assert missing == [{"stream": 1, "start_ms": 2400, "lost_ms": 5000}]


async def test_a_gap_before_the_first_frame_is_remembered_and_told_once(store: Store) -> None:
    killed = await Tab(store, store.streams()).hello()
    await killed.text(Gap(offset=0, lost_ms=5000))  # and the process is killed
    tab = await Tab(store, store.streams("node-b"), stream=1).hello()
    await tab.text(Gap(offset=0, lost_ms=5000))
    await tab.audio(frames(100))
    await tab.text(Finish())
    assert await stored_windows(store) == [(1, 0, 5000, 2400)]
    missing = [body for kind, body in await store.events() if kind == "audio_missing"]
    assert missing == [{"stream": 1, "start_ms": 0, "lost_ms": 5000}]


async def told_missing(store: Store) -> list[dict[str, object]]:
    return [body for kind, body in await store.events() if kind == "audio_missing"]


async def test_a_stream_anchored_anew_is_told_once_however_often_it_is_said(store: Store) -> None:
    """The answer to a commit can get lost: the owner, which can't know, says it again."""
    tab = await Tab(store, store.streams()).hello()
    action: KeepAnchor | None = None
    for second in range(200):
        tab.now += 42 * FRAME_MS + (30_000 if second == 20 else 0)  # the device slept
        tab.receiver.receive_audio(frames(42, first=42 * second), tab.now)
        for each in tab.receiver.actions():
            if isinstance(each, KeepAnchor):
                action = each
            elif isinstance(each, StoreWindow) and action is None:
                assert tab.owner
                await tab.streams.store_window(tab.owner, each, await tab.streams.put_clip(tab.owner, each.window))
        if action is not None:
            break
    assert action is not None
    assert tab.owner
    for _ in range(2):
        await tab.streams.keep_anchor(tab.owner, action)
    [told] = await told_missing(store)
    assert told == {"stream": 1, "start_ms": action.missing.start_ms, "lost_ms": action.missing.lost_ms}
    [row] = await store.rows("select anchor_at from streams")
    assert millis(row["anchor_at"]) == action.anchor_ms  # type: ignore[arg-type]


async def test_an_overtaken_owner_tells_nothing(store: Store) -> None:
    older = await (await Tab(store, store.streams("node-a")).hello()).audio(frames(100))
    await Tab(store, store.streams("node-b"), stream=1).hello()
    assert older.owner
    await older.streams.keep_anchor(older.owner, KeepAnchor(older.now + 30_000, ReportMissing(2400, 30_000)))
    assert await told_missing(store) == []
    assert await store.rows("select anchor_at from streams") == [{"anchor_at": None}]


async def test_a_stream_resumed_after_the_end_knows_when_that_was(store: Store) -> None:
    tab = await (await Tab(store, store.streams()).hello()).audio(frames(100))
    await tab.lost()
    await store.database.execute("update meetings set ended_at = now() + interval '1 minute'")
    late = await Tab(store, store.streams("node-b"), stream=1).hello()
    await late.audio(frames(WINDOW_FRAMES, first=100))
    early = late.ended
    a_second = 1000 // FRAME_MS
    for first in range(100 + WINDOW_FRAMES, 100 + 2 * WINDOW_FRAMES, a_second):  # as it is spoken
        if not late.ended:
            late.now += a_second * FRAME_MS
            await late.audio(frames(a_second, first=first))
    assert (early, late.ended) == (False, True)
    [row] = await store.rows("select max(start_ms + duration_ms) as until from windows")
    assert isinstance(row["until"], int)
    assert 60_000 < row["until"] < 90_000
    await store.part_is_old()
    assert await store.parts.flush_due() == 0  # nothing but the lead-in is left
    assert await store.rows("select * from parts") == []
