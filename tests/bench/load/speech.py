"""What every candidate of the load says: one recording, cut into messages ahead, and where the server must cut it."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

from tests.bench.websocket import BINARY, frame
from undertone.core.window import WindowCutter
from undertone_client.simulate import audio

# 48 kHz, 64 kbit/s: ten frames are 240 ms and 1,920 bytes, so that a window is 250 messages to the byte.
SAMPLE: Final = audio.SAMPLES / "two-voices.mp3"


@dataclass(frozen=True, slots=True)
class Window:
    """A window as the server must store it."""

    resume: int  # the offset that `stored` must name
    spoken: int  # after so many messages its last byte is spoken
    over: int  # after so many messages the server can know that it is over: its successor's first frame is there
    clip_bytes: int
    fingerprint: bytes  # SHA-256 of its clip


class Speech:
    """The sample again and again for so many seconds; bytes and messages are shared by all candidates."""

    def __init__(self, seconds: float) -> None:
        made = audio.load(SAMPLE, round(seconds * 1000))
        cut = [(begin, end) for _, begin, end in made.messages()]
        self.data = made.data
        self.message_s = made.media_ms(audio.FRAMES_PER_MESSAGE) / 1000
        self.ends = [0, *(end for _, end in cut)]  # the byte after the first n messages
        self.frames = [frame(BINARY, self.data[begin:end]) for begin, end in cut]  # as they go on the wire
        cutter = WindowCutter()
        closed = cutter.feed(self.data)
        last = cutter.flush()
        self.windows = [
            Window(
                resume=window.resume.offset,
                spoken=bisect_left(self.ends, place.end),
                over=min(bisect_left(self.ends, place.end + 1), len(cut)),
                clip_bytes=len(window.clip),
                fingerprint=hashlib.sha256(window.clip).digest(),
            )
            for window, place in zip([*closed, *([last] if last else [])], made.windows, strict=True)
        ]
