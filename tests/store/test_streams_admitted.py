"""Whose hello is let in, and whose is not."""

from __future__ import annotations

import time

import pytest

from tests.store.tab import Store, Tab
from undertone.core.errors import MeetingEnded, NotFound, RateLimited, Revoked, TakenOver, Unavailable
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


class TestWhichConnectionIsTheNewest:
    """By when it was accepted, on whichever node; `ago` in seconds, None where nobody says."""

    @pytest.mark.parametrize(
        ("owner_ago", "ago", "let_in"),
        [
            (10.0, 9.0, True),
            (10.0, 9.99, True),
            (10.0, None, True),
            (None, None, True),
            (10.0, 11.0, False),
            (0.0, 0.02, False),
            (None, 0.5, False),
            (3600.0, 7200.0, False),
        ],
    )
    @pytest.mark.parametrize("stream", [None, 1])
    async def test_none_that_was_accepted_before_the_owner_is_let_in(
        self, store: Store, owner_ago: float | None, ago: float | None, let_in: bool, stream: int | None
    ) -> None:
        here, there = store.streams(), store.streams()
        accepted = [None if each is None else time.monotonic() - each for each in (owner_ago, ago)]
        await here.open("m", "p", None, 0, accepted=accepted[0])
        if let_in:
            await there.admit("m", "p", stream, accepted[1])
            assert isinstance(await there.open("m", "p", stream, 0, accepted=accepted[1]), Opened)
        else:
            with pytest.raises(Unavailable, match="opened later"):
                await there.admit("m", "p", stream, accepted[1])
            with pytest.raises(Unavailable, match="opened later"):
                await there.open("m", "p", stream, 0, accepted=accepted[1])
        assert await store.rows("select generation from participants") == [{"generation": 1 + let_in}]

    async def test_nor_once_the_owner_has_left(self, store: Store) -> None:
        opened = await store.streams().open("m", "p", None, 0, accepted=time.monotonic())
        assert isinstance(opened, Opened)
        await store.streams().release(opened.owner)
        with pytest.raises(Unavailable):
            await store.streams().open("m", "p", 1, 0, accepted=time.monotonic() - 1)

    async def test_a_clock_that_was_put_back_keeps_nobody_out(self, store: Store) -> None:
        await store.streams().open("m", "p", None, 0, accepted=time.monotonic())
        await store.database.execute("update participants set accepted_at = accepted_at + interval '1 hour'")
        assert isinstance(await store.streams().open("m", "p", 1, 0, accepted=time.monotonic() - 1), Opened)


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
