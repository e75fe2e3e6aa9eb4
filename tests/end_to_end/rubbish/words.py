"""Messages that are none, at the wrong moment, with impossible numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import websockets

from tests.core.frames import frames
from tests.end_to_end.rubbish.room import SENDERS, House, Sender, ended, finished, first, masked, raw_frames, sends
from tests.end_to_end.wire import Message, Socket, channel, stream

DEEP = '{"type":"hello","token":' + "[" * 30_000 + "]" * 30_000 + "}"
REVIEW: Message = {"type": "review", "key": "k1", "anomaly": "none", "decision": "open"}


def hello(house: House, **more: Any) -> Message:
    return {"type": "hello", "token": house.token(), **more}


def watch(house: House, **more: Any) -> Message:
    return {"type": "hello", "meeting": house.room.id, "admin_id": house.room.admin_id, **more}


# What a socket begins with.
FIRST: dict[str, tuple[str, Callable[[House], Message | str | bytes]]] = {
    "not_json": ("/stream", lambda _: "this is no JSON"),
    "deep_json": ("/stream", lambda _: DEEP),
    "deep_json_channel": ("/channel", lambda _: DEEP),
    "nan": ("/stream", lambda house: json.dumps(hello(house, buffered_from=float("nan")))),
    "huge_number": ("/stream", lambda _: '{"type":"hello","token":"","stream":' + "9" * 20_000 + "}"),
    "nul": ("/channel", lambda house: watch(house, name="A\0")),
    "surrogate": ("/channel", lambda house: json.dumps(watch(house, name="\ud800"))),
    "duplicate_keys": ("/stream", lambda house: json.dumps(hello(house))[:-1] + ',"token":7}'),
    "wrong_type": ("/stream", lambda _: {"type": "hello", "token": {}}),
    "list": ("/stream", lambda _: "[]"),
    "unknown_type": ("/stream", lambda _: {"type": "obey"}),
    "audio_first": ("/stream", lambda _: frames(5)),
    "gap_first": ("/stream", lambda _: {"type": "gap", "offset": 0, "lost_ms": 0}),
    "review_first": ("/channel", lambda _: REVIEW),
    "stream_0": ("/stream", lambda house: hello(house, stream=0)),
    "stream_negative": ("/stream", lambda house: hello(house, stream=-1)),
    "stream_huge": ("/stream", lambda house: hello(house, stream=2**63)),
    "stream_unknown": ("/stream", lambda house: hello(house, stream=7)),
    "buffered_huge": ("/stream", lambda house: hello(house, buffered_from=2**53 + 1)),
    "cursor_huge": ("/channel", lambda house: watch(house, after={"epoch": "e", "id": 2**63})),
}
# What a candidate says after `ready` and some sound.
THEN: dict[str, Message | bytes] = {
    "hello_twice": {"type": "hello", "token": "again"},
    "gap_negative": {"type": "gap", "offset": -1, "lost_ms": 0},
    "gap_back": {"type": "gap", "offset": 100, "lost_ms": 5},
    "gap_huge": {"type": "gap", "offset": 4000, "lost_ms": 2**63},
}


def _first(path: str, said: Callable[[House], Message | str | bytes]) -> Sender:
    return lambda house: first(house, path, said(house))


def _then(said: Message | bytes) -> Sender:
    async def send(house: House) -> int:
        opened = await house.streaming()
        await opened.audio(frames(20))
        await opened.say(said)
        return await ended(opened)

    return send


SENDERS.update({key: _first(*said) for key, said in FIRST.items()} | {key: _then(said) for key, said in THEN.items()})


async def both(house: House, path: str, one: Message, two: Message | bytes) -> int:
    opened = await Socket.open(house.server, path)
    await opened.say_at_once(one, two)
    return await ended(opened)


@sends("early_gap")
async def early_gap(house: House) -> int:
    return await both(house, "/stream", hello(house), {"type": "gap", "offset": 0, "lost_ms": 0})


@sends("early_review")
async def early_review(house: House) -> int:
    return await both(house, "/channel", watch(house), REVIEW)


@sends("channel_binary")
async def channel_binary(house: House) -> int:
    opened, _ = await channel(house.server, house.room)
    await opened.say(frames(5))
    return await ended(opened)


@sends("silent")
async def silent(house: House) -> int:
    return await ended(await Socket.open(house.server, "/stream"))


@sends("gap_owed")
async def gap_owed(house: House) -> int:
    opened = await house.streaming(buffered_from=5000)
    await opened.audio(frames(5))
    return await ended(opened)


@sends("finish_twice")
async def finish_twice(house: House) -> int:
    opened = await house.streaming()
    await opened.audio(frames(20))
    await opened.say({"type": "finish"})
    return await finished(opened)


@sends("audio_after_finish")
async def audio_after_finish(house: House) -> int:
    opened = await house.streaming()
    await opened.audio(frames(20))
    await opened.say({"type": "finish"})
    await opened.audio(frames(20))
    return await ended(opened)


@sends("text_flood")
async def text_flood(house: House) -> int:
    opened = await house.streaming()
    try:
        for _ in range(300):
            await opened.say({"type": "gap", "offset": 0, "lost_ms": 0})
    except websockets.ConnectionClosed:
        pass
    return await ended(opened)


@sends("review_flood")
async def review_flood(house: House) -> int:
    opened, _ = await channel(house.server, house.room)
    for number in range(100):
        await opened.say({**REVIEW, "key": f"k{number}"})
    errors = 0
    while errors < 100:
        errors += (await opened.hear())["type"] == "error"
    await opened.say(watch(house))
    return await ended(opened)


@sends("ping_flood")
async def ping_flood(house: House) -> int:
    opened = await house.streaming()
    for _ in range(2000):
        await opened.ping()
    return await finished(opened)


@sends("not_utf8")
async def not_utf8(house: House) -> int:
    return await raw_frames(house, masked(0x81, b"\xff\xfe\xfd"))


@sends("too_large")
async def too_large(house: House) -> int:
    opened = await house.streaming()
    await opened.say(bytes(65_537))
    return await ended(opened)


@sends("fragments")
async def fragments(house: House) -> int:
    # Not a byte after the limit: what the server has not read when it closes makes the kernel drop the close as well.
    return await raw_frames(house, masked(0x02, bytes(1000)), *[masked(0x00, bytes(1000)) for _ in range(65)])


@sends("deflated")
async def deflated(house: House) -> int:
    return await raw_frames(house, masked(0xC2, bytes(1000)))


@sends("unmasked")
async def unmasked(house: House) -> int:
    return await raw_frames(house, b"\x81\x02{}")


@sends("others_stream")
async def others_stream(house: House) -> int:
    """The other one's second stream; this one has none."""
    token = house.token()
    for _ in range(2):
        await (await stream(house.server, token))[0].close()
    return await first(house, "/stream", hello(house, stream=2))
