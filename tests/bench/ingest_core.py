"""What taking audio in costs without sockets: CPU of parsing and cutting by message and by window, and memory."""

from __future__ import annotations

import statistics
import sys
import time
import tracemalloc

from tests.audio import voice_frames
from undertone.core.window import WindowCutter

MESSAGE_BYTES = 2048  # about ten frames, a quarter of a second of speech at 64 kbit/s
MINUTES = 5
BUDGET_US = 20  # the event loop's budget for one message


def messages_of(stream: bytes, size: int = MESSAGE_BYTES) -> list[bytes]:
    return [stream[at : at + size] for at in range(0, len(stream), size)]


def time_messages(messages: list[bytes]) -> tuple[list[float], list[float]]:
    """Microseconds of CPU for each message: those that closed no window, and those that did."""
    cutter = WindowCutter()
    plain: list[float] = []
    cutting: list[float] = []
    for message in messages:
        before = time.thread_time_ns()
        closed = cutter.feed(message)
        took = (time.thread_time_ns() - before) / 1000
        (cutting if closed else plain).append(took)
    return plain, cutting


def measure_memory(messages: list[bytes]) -> tuple[int, int]:
    """Bytes of Python's memory that one cutter and its almost full window take, and bytes of audio in it."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        cutter = WindowCutter()
        for message in messages:
            # A copy, as every message from a socket is a new object.
            cutter.feed(bytes(bytearray(message)))
        return tracemalloc.get_traced_memory()[0] - before, cutter.held_bytes
    finally:
        tracemalloc.stop()


def report(name: str, stream: bytes) -> None:
    messages = messages_of(stream)
    runs = [time_messages(messages) for _ in range(5)]
    plain = sorted(took for run in runs for took in run[0])
    cutting = sorted(took for run in runs for took in run[1])
    minute = len(stream) // MINUTES
    memory, audio = measure_memory(messages_of(stream[: minute * 99 // 100]))
    print(
        f"{name:28} message: median {statistics.median(plain):5.1f} us, 99 % {plain[len(plain) * 99 // 100]:5.1f} us"
        f" (budget {BUDGET_US}); one that closes a window: median {statistics.median(cutting):6.1f} us;"
        f" memory {memory / 1024:.0f} KiB for {audio / 1024:.0f} KiB of audio (+{100 * (memory / audio - 1):.1f} %)"
    )


def main() -> None:
    """Prints one line for each kind of stream."""
    minute = 60.0
    for name, frames in (
        ("48 kHz mono 64 kbit/s", voice_frames(minute, 48_000, 64_000)),
        ("44.1 kHz mono 64 kbit/s", voice_frames(minute, 44_100, 64_000)),
        ("48 kHz mono 128 kbit/s", voice_frames(minute, 48_000, 128_000)),
        ("16 kHz mono 32 kbit/s", voice_frames(minute, 16_000, 32_000)),
        ("24 kHz mono 8 kbit/s (worst)", voice_frames(minute, 24_000, 8_000)),
    ):
        report(name, b"".join(frames) * MINUTES)
    print(f"on Python {sys.version.split()[0]}, {MESSAGE_BYTES}-byte messages, five runs of {MINUTES} minutes each")


if __name__ == "__main__":
    main()
