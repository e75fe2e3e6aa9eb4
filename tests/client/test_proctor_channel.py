"""The proctor's connection over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from tests.client.sockets import ChannelHost, Impatient, hosting
from undertone.core.errors import Forbidden, NotFound
from undertone.core.events import Event
from undertone.core.messages import CHANNEL_PROTOCOL, ChannelHello, Cursor
from undertone_client.connection import ProctorChannel, ReviewNotTaken, proctor
from undertone_client.session import Snapshot

pytestmark = pytest.mark.anyio


@pytest.fixture
async def host() -> AsyncIterator[ChannelHost]:
    host = ChannelHost()
    async with hosting(host):
        yield host


def channel_of(host: ChannelHost, after: Cursor | None = None) -> ProctorChannel:
    return ProctorChannel(host.url, "m1", admin_id="secret", name="Bob", after=after, random=Impatient())


async def take(channel: ProctorChannel, count: int) -> list[int]:
    async with asyncio.timeout(5):
        taken = [await anext(channel) for _ in range(count)]
    return [event.id for event in taken if isinstance(event, Event)]


async def test_entering_gives_the_snapshot_and_iterating_what_comes_after(host: ChannelHost) -> None:
    host.meeting.happen(3)
    async with channel_of(host) as channel:
        assert channel.snapshot == Snapshot("one", 3, (), ())
        host.meeting.happen(2)
        assert await take(channel, 2) == [4, 5]
        assert channel.cursor == Cursor(epoch="one", id=5)
    assert host.sockets[0].subprotocol == CHANNEL_PROTOCOL
    assert msgspec.json.decode(host.hellos[0], type=ChannelHello).name == "Bob"


async def test_every_event_once_over_many_broken_lines(host: ChannelHost) -> None:
    host.orders = [2, 1, 3, 8, 1, 20]
    async with channel_of(host) as channel:
        host.meeting.happen(40)
        assert await take(channel, 40) == list(range(1, 41))
    assert len(host.hellos) == 7


async def test_a_known_cursor_is_resumed_without_a_snapshot(host: ChannelHost) -> None:
    host.meeting.happen(10)
    async with channel_of(host, Cursor(epoch="one", id=6)) as channel:
        assert channel.snapshot is None
        assert await take(channel, 4) == [7, 8, 9, 10]


async def test_what_could_not_be_recovered_stands_among_the_events(host: ChannelHost) -> None:
    host.orders = [3]
    async with channel_of(host) as channel:
        host.meeting.happen(2)
        assert await take(channel, 1) == [1]
        host.meeting.epoch = "two"
        async with asyncio.timeout(5):
            events = [await anext(channel), await anext(channel)]
        assert isinstance(events[0], Event)
        assert events[1] == channel.snapshot == Snapshot("two", 2, (), ())


@pytest.mark.parametrize("fault", [Forbidden("not yours"), NotFound("no such meeting")])
async def test_a_final_close_is_raised_on_entering(host: ChannelHost, fault: Forbidden | NotFound) -> None:
    host.orders = [fault]
    with pytest.raises(type(fault), match=fault.detail):
        async with channel_of(host):
            pytest.fail("entered")


async def test_a_final_close_is_raised_after_the_last_event(host: ChannelHost) -> None:
    async with channel_of(host) as channel:
        host.meeting.happen(2)
        assert await take(channel, 2) == [1, 2]
        host.meeting.happen(1)
        host.meeting.outgoing.append('{"type":"error","code":"not_found","detail":"deleted"}')
        host.meeting.close_code = 4509
        assert await take(channel, 1) == [3]
        with pytest.raises(NotFound, match="deleted"):
            await take(channel, 1)


async def test_a_review_is_answered_by_the_anomaly_as_it_is_now(host: ChannelHost) -> None:
    async with channel_of(host) as channel:
        reviewed = await channel.review("a1", "dismissed", "only the radio")
        assert reviewed.review is not None
        assert (reviewed.state, reviewed.review.by, reviewed.review.note) == ("dismissed", "Bob", "only the radio")
        assert await take(channel, 1) == [1]


async def test_a_review_survives_a_broken_line_and_counts_once(host: ChannelHost) -> None:
    host.orders = [1, 1]
    async with channel_of(host) as channel:
        await channel.review("a1", "confirmed", key="key-1")
    assert list(host.meeting.reviews) == ["key-1"]
    assert len(host.meeting.events) == 1


async def test_a_review_that_is_refused_says_why(host: ChannelHost, monkeypatch: pytest.MonkeyPatch) -> None:
    async with channel_of(host) as channel:
        with pytest.raises(ReviewNotTaken, match="no such anomaly"):
            await channel.review("nowhere", "confirmed")
        monkeypatch.setattr(proctor, "DOUBT_S", 0.01)
        answer = asyncio.create_task(channel.review("a9", "confirmed", key="unnamed"))
        host.meeting.known_anomalies.add("a9")
        monkeypatch.setattr(host.meeting, "_review", lambda _: host.meeting.outgoing.append(AWAY))
        with pytest.raises(ReviewNotTaken, match="unavailable"):
            await answer


AWAY = '{"type":"error","code":"unavailable","detail":"the database is away"}'


async def test_an_event_is_not_lost_when_a_reader_gives_up_waiting(host: ChannelHost) -> None:
    async with channel_of(host) as channel:
        had = []
        for number in range(1, 30):
            reader = asyncio.create_task(take(channel, 1))
            await asyncio.sleep(0)
            host.meeting.happen(1)
            await asyncio.sleep(0.001 * (number % 8))
            reader.cancel()
            await asyncio.wait([reader])
            if not reader.cancelled():
                had += reader.result()
        had += await take(channel, 29 - len(had))
    assert had == list(range(1, 30))
