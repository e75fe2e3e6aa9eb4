"""Streams that are cut, resumed, taken over, reloaded: the windows and their sound are right, sample for sample."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tests.audio import Samples, decode, voice_frames
from tests.end_to_end.conftest import Nodes
from tests.end_to_end.wire import Socket, channel, stream
from undertone.core.errors import RateLimited
from undertone.store.admission import NEW_STREAMS
from undertone.web.sockets import RETRY_WITHIN_MS

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

RATE = 48_000
SPOKEN_S = 130


@pytest.fixture(scope="module")
def mp3() -> bytes:
    return b"".join(voice_frames(SPOKEN_S, RATE, 64_000, seed=3))


@pytest.fixture(scope="module")
def spoken(mp3: bytes) -> Samples:
    return decode(mp3)


def bytes_of(mp3: bytes, seconds: float) -> int:
    """About where `seconds` end; in the middle of a frame."""
    return int(len(mp3) * seconds / SPOKEN_S) + 77


async def finish(socket: Socket) -> int:
    await socket.say({"type": "finish"})
    finished = (await socket.hear_until("finished"))[-1]
    code, _ = await socket.closed()
    assert code == 1000
    windows: int = finished["windows"]
    return windows


def same(heard: Samples, spoken: Samples) -> None:
    assert heard.shape == spoken.shape
    assert np.array_equal(heard, spoken)


async def test_an_unbroken_stream(nodes: Nodes, mp3: bytes, spoken: Samples) -> None:
    socket, ready = await stream(nodes.first, nodes.room.join()["token"])
    assert (ready["stream"], ready["offset"], ready["held"], ready["window_ms"]) == (1, 0, 0, 60_000)
    await socket.audio(mp3)
    assert await finish(socket) == 3
    windows = await nodes.windows()
    assert [(w["start_ms"], w["duration_ms"]) for w in windows[:2]] == [(0, 60_000), (60_000, 60_000)]
    same(await nodes.heard(), spoken)


async def test_cut_in_mid_window_and_resumed_on_either_node(nodes: Nodes, mp3: bytes, spoken: Samples) -> None:
    token = nodes.room.join()["token"]
    socket, ready = await stream(nodes.first, token)
    for number, cut_at_s in enumerate([20, 40, 61, 75, 119.9], 1):
        await socket.audio(mp3[ready["offset"] : bytes_of(mp3, cut_at_s)])
        await asyncio.sleep(0.2)  # on a line that breaks, what was under way is lost
        socket.cut()
        socket, ready = await stream(nodes.second if number % 2 else nodes.first, token, stream=1)
        assert ready["offset"] == ready["held"] > bytes_of(mp3, cut_at_s) - 1000  # it makes progress
    await socket.audio(mp3[ready["offset"] :])
    assert await finish(socket) == 3
    same(await nodes.heard(), spoken)
    parts = await nodes.query("select * from parts where meeting = $1")
    assert parts == []


async def test_a_clean_close_leaves_a_part_too(nodes: Nodes, mp3: bytes, spoken: Samples) -> None:
    token = nodes.room.join()["token"]
    socket, _ = await stream(nodes.first, token)
    await socket.audio(mp3[: bytes_of(mp3, 30)])
    await socket.close()
    socket, ready = await stream(nodes.second, token, stream=1)
    assert ready["held"] > bytes_of(mp3, 29.9)
    await socket.audio(mp3[ready["offset"] :])
    await finish(socket)
    same(await nodes.heard(), spoken)


@pytest.mark.parametrize("where", ["same node", "another node"])
async def test_a_newer_connection_takes_the_stream_over(nodes: Nodes, mp3: bytes, spoken: Samples, where: str) -> None:
    token = nodes.room.join()["token"]
    older, _ = await stream(nodes.first, token)
    await older.audio(mp3[: bytes_of(mp3, 30)])
    await asyncio.sleep(0.2)
    newer, ready = await stream(nodes.first if where == "same node" else nodes.second, token, stream=1)
    code, error = await older.fault()
    assert (code, error["code"]) == (4506, "taken_over")
    assert ready["held"] > bytes_of(mp3, 29.9)  # the older one wrote its part first
    await newer.audio(mp3[ready["offset"] :])
    await finish(newer)
    same(await nodes.heard(), spoken)


async def test_a_second_tab_begins_a_stream_of_its_own_and_the_first_gets_no_further(nodes: Nodes, mp3: bytes) -> None:
    token = nodes.room.join()["token"]
    first, _ = await stream(nodes.first, token)
    await first.audio(mp3[: bytes_of(mp3, 30)])
    await asyncio.sleep(0.2)
    second, ready = await stream(nodes.second, token)
    assert (ready["stream"], ready["offset"]) == (2, 0)
    assert (await first.fault())[0] == 4506
    back = await Socket.open(nodes.first, "/stream")
    await back.say({"type": "hello", "token": token, "stream": 1})
    assert (await back.fault())[0] == 4506
    await second.audio(mp3[: bytes_of(mp3, 10)])  # and was not disturbed by that
    assert await finish(second) == 1


@pytest.mark.parametrize("late", [{}, {"stream": 1}], ids=["a new stream", "the same stream"])
@pytest.mark.parametrize("where", ["same node", "another node"])
async def test_a_hello_that_comes_late_on_an_older_connection_ends_no_newer_one(
    nodes: Nodes, mp3: bytes, where: str, late: dict[str, int]
) -> None:
    """Its client gave it up and connected again; what had waited on the way arrives now, answers to pings too."""
    token = nodes.room.join()["token"]
    older = await Socket.open(nodes.first, "/stream")
    newer, _ = await stream(nodes.first if where == "same node" else nodes.second, token)
    await newer.audio(mp3[: bytes_of(mp3, 30)])
    await older.say({"type": "hello", "token": token, **late})
    code, error = await older.fault()
    assert (code, error["code"]) == (4002, "unavailable")
    await newer.audio(mp3[bytes_of(mp3, 30) : bytes_of(mp3, 70)])
    assert await finish(newer) == 2
    rows = await nodes.query("select stream from streams where meeting = $1")
    assert len(rows) == 1


async def test_finishing_twice_is_answered_twice(nodes: Nodes, mp3: bytes) -> None:
    token = nodes.room.join()["token"]
    socket, _ = await stream(nodes.first, token)
    await socket.audio(mp3)
    assert await finish(socket) == 3
    socket, answer = await stream(nodes.second, token, stream=1)
    assert answer == {"type": "finished", "offset": len(mp3), "windows": 3}
    assert (await socket.closed())[0] == 1000


async def test_reloading_every_50_seconds_hides_nothing(nodes: Nodes, mp3: bytes, spoken: Samples) -> None:
    token = nodes.room.join()["token"]
    frames = voice_frames(SPOKEN_S, RATE, 64_000, seed=3)
    per_reload = round(50 / 0.024)
    pieces = [frames[at : at + per_reload] for at in range(0, len(frames), per_reload)]
    for number, piece in enumerate(pieces, 1):
        socket, ready = await stream(nodes.first if number % 2 else nodes.second, token)
        assert ready["stream"] == number
        await socket.audio(b"".join(piece))
        await asyncio.sleep(0.2)
        socket.cut()
    socket, _ = await stream(nodes.first, token)
    windows = await nodes.windows_when(len(pieces))
    assert [(w["stream"], w["number"], w["start_ms"]) for w in windows] == [(1, 0, 0), (2, 0, 0), (3, 0, 0)]
    assert [w["samples"] for w in windows] == [1152 * len(piece) for piece in pieces]
    for window, piece in zip(windows, pieces, strict=True):
        same(nodes.sound(window), decode(b"".join(piece)))


async def test_a_gap_moves_media_time_on(nodes: Nodes, mp3: bytes) -> None:
    frames = voice_frames(SPOKEN_S, RATE, 64_000, seed=3)
    before, after = b"".join(frames[:1000]), b"".join(frames[2000:])
    dropped = len(b"".join(frames[1000:2000]))
    token = nodes.room.join()["token"]
    socket, _ = await stream(nodes.first, token)
    watching, _ = await channel(nodes.second, nodes.room)
    await socket.audio(before)
    gap = {"type": "gap", "offset": len(before) + dropped, "lost_ms": 24_000}
    await socket.say(gap)
    await socket.say(gap)
    await socket.audio(after)
    await finish(socket)
    windows = await nodes.windows()
    assert [(w["start_ms"], w["duration_ms"]) for w in windows][:2] == [(0, 24_000), (48_000, 60_000)]
    same(nodes.sound(windows[0]), decode(before))
    same(np.concatenate([nodes.sound(w) for w in windows[1:]], axis=1), decode(after))
    told = [event for event in await watching.hear_until("tick", 30) if event.get("kind") == "audio_missing"]
    assert [(t["stream"], t["start_ms"], t["lost_ms"]) for t in told] == [(1, 24_000, 24_000)]


async def test_a_buffer_that_overflowed_says_where_it_begins(nodes: Nodes, mp3: bytes) -> None:
    frames = voice_frames(SPOKEN_S, RATE, 64_000, seed=3)
    begins = len(b"".join(frames[:3000]))
    token = nodes.room.join()["token"]
    socket, _ = await stream(nodes.first, token)
    await socket.audio(b"".join(frames[:1000]))
    await asyncio.sleep(0.2)
    socket.cut()
    socket, ready = await stream(nodes.second, token, stream=1, buffered_from=begins)
    assert ready["offset"] == begins
    assert ready["held"] == len(b"".join(frames[:1000]))
    await socket.say({"type": "gap", "offset": begins, "lost_ms": 48_000})
    await socket.audio(b"".join(frames[3000:]))
    await finish(socket)
    windows = await nodes.windows()
    rest_ms = 24 * len(frames[3000:])
    assert [(w["start_ms"], w["duration_ms"]) for w in windows] == [(0, 24_000), (72_000, rest_ms)]


async def test_kill_minus_9_in_mid_window_and_on_at_another_node(nodes: Nodes, mp3: bytes, spoken: Samples) -> None:
    """What only memory held is asked for again; what was acknowledged is there."""
    token = nodes.room.join()["token"]
    socket, _ = await stream(nodes.second, token)
    await socket.audio(mp3[: bytes_of(mp3, 100)])
    stored = (await socket.hear_until("stored"))[-1]
    nodes.second.kill()
    socket, ready = await stream(nodes.first, token, stream=1)
    nodes.second.start()
    assert ready["offset"] == ready["held"] == stored["offset"]
    await socket.audio(mp3[ready["offset"] :])
    assert await finish(socket) == 3
    same(await nodes.heard(), spoken)


async def test_a_change_of_format_ends_the_stream_and_the_next_one_begins_there(nodes: Nodes, mp3: bytes) -> None:
    before = b"".join(voice_frames(20, RATE, 64_000, seed=3))
    after = b"".join(voice_frames(20, 44_100, 64_000, seed=4))
    token = nodes.room.join()["token"]
    socket, _ = await stream(nodes.first, token)
    await socket.audio(before + after)
    stored = (await socket.hear_until("stored"))[-1]
    code, _ = await socket.fault()
    assert (code, stored["offset"]) == (4007, len(before))
    socket, ready = await stream(nodes.first, token)
    assert ready["stream"] == 2
    await socket.audio(after)
    await finish(socket)
    first, second = await nodes.windows()
    same(nodes.sound(first), decode(before))
    same(nodes.sound(second), decode(after))


@pytest.mark.parametrize("recorded", ["before the end", "meanwhile"])
async def test_after_the_end_comes_what_was_recorded_before_it(
    nodes: Nodes, mp3: bytes, spoken: Samples, recorded: str
) -> None:
    token = nodes.room.join()["token"]
    socket, _ = await stream(nodes.first, token)
    await socket.audio(mp3[: bytes_of(mp3, 30)])
    await asyncio.sleep(0.2)
    socket.cut()
    await until_left(nodes)
    assert nodes.room.call("POST", "/end").status_code == 204
    socket, ready = await stream(nodes.second, token, stream=1)
    assert ready["held"] > bytes_of(mp3, 29.9)
    if recorded == "before the end":
        await socket.audio(mp3[ready["offset"] :])
        assert await finish(socket) == 3
        same(await nodes.heard(), spoken)
        return
    closed = asyncio.create_task(socket.closed())
    at = ready["offset"]
    for second in range(31, 61):  # as it is spoken
        if not closed.done():
            await socket.audio(mp3[at : bytes_of(mp3, second)])
            at = bytes_of(mp3, second)
            await asyncio.sleep(1)
    code, heard = await closed
    assert (code, heard[-1]["code"]) == (4507, "meeting_ended")
    assert [(said["type"], said.get("window")) for said in heard[:-1]] == [("stored", 0)]  # what came before is kept
    [window] = await nodes.windows()
    assert 30_000 < window["duration_ms"] < 50_000
    same(nodes.sound(window), spoken[:, : window["samples"]])


async def until_left(nodes: Nodes) -> None:
    """Waits for the part of a broken line."""
    async with asyncio.timeout(10):
        while not await nodes.query("select * from parts where meeting = $1"):
            await asyncio.sleep(0.05)


async def test_who_begins_too_many_streams_is_told_to_wait_and_the_last_one_goes_on(nodes: Nodes, mp3: bytes) -> None:
    token = nodes.room.join()["token"]
    for number in range(1, NEW_STREAMS + 1):
        socket, ready = await stream(nodes.first, token)
        assert ready["stream"] == number
    too_many = await Socket.open(nodes.second, "/stream")
    await too_many.say({"type": "hello", "token": token})
    code, error = await too_many.fault()
    assert (code, error["code"]) == (4004, "rate_limited")
    assert f"{NEW_STREAMS} streams in 10 minutes" in error["detail"]
    assert 0 < error["retry_after_ms"] <= 600_000 + RETRY_WITHIN_MS[RateLimited]
    await socket.audio(mp3[: bytes_of(mp3, 10)])
    assert await finish(socket) == 1
