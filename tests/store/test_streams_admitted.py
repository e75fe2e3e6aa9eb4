"""Whose hello is let in, and whose is not."""

from __future__ import annotations

import pytest

from tests.store.tab import Store, Tab
from undertone.core.errors import MeetingEnded, NotFound, RateLimited, Revoked, TakenOver
from undertone.store.admission import NEW_STREAMS, NEW_STREAMS_WITHIN
from undertone.store.stream_rows import Opened

pytestmark = pytest.mark.anyio


async def test_a_stream_with_a_successor_cannot_be_resumed(store: Store) -> None:
    await Tab(store, store.streams()).hello()
    second = await Tab(store, store.streams()).hello()
    assert second.ready.stream == 2
    with pytest.raises(TakenOver):
        await store.streams().open("m", "p", 1, 0)
    with pytest.raises(TakenOver):
        await store.streams().admit("m", "p", 1)


@pytest.mark.parametrize("stream", [2, 0, -1, 2**40])
async def test_a_stream_that_never_was_is_not_found(store: Store, stream: int) -> None:
    await Tab(store, store.streams()).hello()
    with pytest.raises(NotFound):
        await store.streams().admit("m", "p", stream)


async def test_nobody_enters_who_is_unknown_or_revoked_or_late(store: Store) -> None:
    await (await Tab(store, store.streams()).hello()).lost()
    with pytest.raises(NotFound):
        await store.streams().open("m", "somebody", None, 0)
    await store.database.execute("update meetings set ended_at = now() - interval '14 minutes'")
    with pytest.raises(MeetingEnded):
        await store.streams().open("m", "p", None, 0)
    assert isinstance(await store.streams().open("m", "p", 1, 0), Opened)  # what was recorded before may still come
    await store.database.execute("update meetings set ended_at = now() - interval '16 minutes'")
    with pytest.raises(MeetingEnded):
        await store.streams().open("m", "p", 1, 0)
    await store.database.execute("update participants set revoked_at = now()")
    with pytest.raises(Revoked):
        await store.streams().open("m", "p", None, 0)


class TestHowOftenAStreamMayBegin:
    async def test_a_tab_that_reloads_too_often_is_told_to_wait_and_for_how_long(self, store: Store) -> None:
        streams = store.streams()
        for _ in range(NEW_STREAMS):
            await streams.admit("m", "p", None)
            await streams.open("m", "p", None, 0)
        within_ms = NEW_STREAMS_WITHIN.total_seconds() * 1000
        for asked in (streams.admit("m", "p", None), streams.open("m", "p", None, 0)):
            with pytest.raises(RateLimited, match=f"{NEW_STREAMS} streams in 10 minutes") as refused:
                await asked
            assert refused.value.retry_after_ms
            assert within_ms - 60_000 < refused.value.retry_after_ms <= within_ms
        assert await store.rows("select streams, generation from participants") == [
            {"streams": NEW_STREAMS, "generation": NEW_STREAMS}
        ]
        assert isinstance(await streams.open("m", "p", NEW_STREAMS, 0), Opened)  # resuming begins none

    async def test_one_that_reloads_every_six_seconds_may_go_on(self, store: Store) -> None:
        streams = store.streams()
        for _ in range(NEW_STREAMS + 20):
            await store.database.execute("update streams set created_at = created_at - interval '6 seconds'")
            assert isinstance(await streams.open("m", "p", None, 0), Opened)
