"""Whose hello is let in, and whose is not."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.tab import Store, Tab
from undertone.core.errors import MeetingEnded, NotFound, RateLimited, Revoked, TakenOver, Unavailable
from undertone.store.admission import NEW_STREAMS, NEW_STREAMS_WITHIN, Accepted
from undertone.store.stream_rows import Held, Opened, Owner

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


async def owned(store: Store, accepted: float | None) -> Owner:
    """A first owner, admitted and opened as a node does it."""
    held = await store.streams().admit("m", "p", None, accepted)
    assert isinstance(held, Held)
    opened = await store.streams().open("m", "p", None, 0, accepted_at=held.accepted_at)
    assert isinstance(opened, Opened)
    return opened.owner


class TestWhichConnectionIsTheNewest:
    """By when it was accepted, on whichever node; `ago` in seconds, None while it is asked for."""

    @pytest.mark.parametrize(
        ("owner_ago", "ago", "let_in"),
        [
            (10.0, 9.0, True),
            (10.0, 9.9, True),
            (10.0, None, True),
            (None, None, True),
            (10.0, 10.1, False),
            (0.0, 0.1, False),
            (None, 0.5, False),
            (3600.0, 7200.0, False),
        ],
    )
    @pytest.mark.parametrize("stream", [None, 1])
    async def test_none_that_was_accepted_before_the_owner_is_let_in(
        self, store: Store, owner_ago: float | None, ago: float | None, let_in: bool, stream: int | None
    ) -> None:
        owner, other = (None if each is None else time.monotonic() - each for each in (owner_ago, ago))
        await owned(store, owner)
        if let_in:
            held = await store.streams().admit("m", "p", stream, other)
            assert isinstance(held, Held)
            assert held.generation == 1
        else:
            with pytest.raises(Unavailable, match="opened later"):
                await store.streams().admit("m", "p", stream, other)

    async def test_nor_once_the_owner_has_left(self, store: Store) -> None:
        await store.streams().release(await owned(store, time.monotonic()))
        with pytest.raises(Unavailable):
            await store.streams().admit("m", "p", 1, time.monotonic() - 1)

    async def test_a_clock_that_was_put_back_keeps_nobody_out(self, store: Store) -> None:
        await owned(store, time.monotonic())
        await store.database.execute("update participants set accepted_at = accepted_at + interval '1 hour'")
        assert isinstance(await store.streams().admit("m", "p", 1, time.monotonic() - 1), Held)

    async def test_no_connection_is_kept_as_accepted_after_it_opened(self, store: Store) -> None:
        await store.streams().open("m", "p", None, 0, accepted_at=datetime.now(UTC) + timedelta(days=1))
        assert await store.rows("select accepted_at <= clock_timestamp() as so from participants") == [{"so": True}]

    @given(
        st.lists(st.tuples(st.floats(0, 5), st.floats(0, 5)), min_size=1, max_size=3),
        st.floats(5, 20),
        st.floats(-5, 5),
    )
    def test_however_slowly_the_clock_is_read_nobody_is_taken_for_another(
        self, waits: list[tuple[float, float]], age: float, gap: float
    ) -> None:
        """`waits`: before the database reads its clock, and until that is known here; `gap`: to the owner's accept."""
        here, there = 1_000.0, datetime(2026, 3, 1, 9, tzinfo=UTC)
        when = Accepted(here - age)
        for wait, back in waits:
            when.read(there, here - wait, here + back)
        owner = there + timedelta(seconds=gap - age)
        told = when.before({"accepted_at": owner, "now": there + timedelta(seconds=10)})
        if abs(gap) > 1e-4:
            assert told in (None, gap > 0)
            quickest = min(wait for wait, _ in waits) if gap > 0 else min(back for _, back in waits)
            assert (told is None) == (quickest >= abs(gap)) or abs(quickest - abs(gap)) < 1e-4


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
