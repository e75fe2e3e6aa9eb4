"""Sound that is none, and sound that is odd."""

from __future__ import annotations

import contextlib
import io
import random
import wave
from collections.abc import Callable
from typing import Final

import websockets

from tests.core.frames import frames, other_format
from tests.core.mp3_factory import Shape, frame, header, layer_2_frames
from tests.end_to_end.rubbish.room import SENDERS, House, Sender, ended, finished, sends
from undertone.core.mp3 import Format, Version

JUNK = bytes(byte for byte in random.Random(1).randbytes(80_000) if byte != 0xFF)[:70_000]
ODD = Format(Version.MPEG1, 44_100, 1)
SLOW = Format(Version.MPEG25, 8_000, 1)


def wav() -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        writer.writeframes(JUNK)
    return made.getvalue()


def adts() -> bytes:
    """AAC-LC of 48 kHz, mono, 200 bytes a frame."""
    return (b"\xff\xf1\x4c\x40\x19\x1f\xfc" + bytes(193)) * 400


REFUSED: Final[dict[str, Callable[[], bytes]]] = {
    "jpeg": lambda: b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01" + JUNK,
    "wav": wav,
    "ogg": lambda: (b"OggS\x00\x02" + bytes(20) + b"\x01\x1eOpusHead" + JUNK[:4000]) * 20,
    "aac": adts,
    "layer_2": lambda: layer_2_frames() * 10,
    "free_format": lambda: (b"\xff\xfb\x04\xc0" + bytes(188)) * 400,
    "silence": lambda: bytes(64 * 1024),
    "noise": lambda: JUNK,
    "huge_tag": lambda: b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(70_000),
    "format_flip": lambda: b"".join(frame() + frame(ODD) for _ in range(200)),
    "format_change": lambda: frames(20) + other_format(5),
    "huge_junk": lambda: frames(20) + JUNK + frames(20),
}
TAKEN: Final[dict[str, Callable[[], bytes]]] = {
    "some_junk": lambda: (frames(20) + JUNK[:9000]) * 5 + frames(20),
    "bitrate_flip": lambda: b"".join(frame(shape=Shape(bitrate_index=1 + i % 14)) for i in range(300)),
    "main_data": lambda: (header(Format(Version.MPEG1, 48_000, 1)) + b"\xff\x80" + bytes(186)) * 200,
    "nothing": bytes,
}


def _refused(key: str) -> Sender:
    async def send(house: House) -> int:
        opened = await house.streaming()
        await opened.audio(REFUSED[key]())
        return await ended(opened)

    return send


def _taken(key: str) -> Sender:
    async def send(house: House) -> int:
        opened = await house.streaming()
        await opened.audio(TAKEN[key]())
        return await finished(opened)

    return send


SENDERS.update({key: _refused(key) for key in REFUSED} | {key: _taken(key) for key in TAKEN})


@sends("byte_by_byte")
async def byte_by_byte(house: House) -> int:
    opened = await house.streaming()
    await opened.audio(frames(10), each=1)
    return await finished(opened)


@sends("empty_flood")
async def empty_flood(house: House) -> int:
    opened = await house.streaming()
    for _ in range(3000):
        await opened.say(b"")
    return await finished(opened)


@sends("too_fast")
async def too_fast(house: House) -> int:
    """40 minutes of the poorest MP3: 1 kB a second."""
    opened = await house.streaming()
    each = frame(SLOW, Shape(bitrate_index=1))
    sound = each * (40 * 60_000 // 72)
    with contextlib.suppress(websockets.ConnectionClosed):
        await opened.audio(sound, each=len(each) * 800)
    return await ended(opened)
