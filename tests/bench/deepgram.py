"""What reading Deepgram's answer costs on the event loop: a minute of quick speech, and the longest that is read."""

from __future__ import annotations

import statistics
import time

import orjson

from tests.standins.deepgram import Said, transcript
from undertone.diarize.base import Clip
from undertone.diarize.deepgram.answer import read
from undertone.diarize.deepgram.client import MOST_ANSWER_BYTES

CLIP = Clip(b"", 0, 2_880_000, 48_000)
# 200 words a minute, two people in turn; then as many words as fit into the longest answer.
TURN_S = 3.0
RUNS = 200


def answer(minutes: int) -> bytes:
    said: list[Said] = [
        (place * TURN_S, (place + 1) * TURN_S, place % 2, 0.8) for _ in range(minutes) for place in range(20)
    ]
    return orjson.dumps(transcript(said))


def main() -> None:
    body = answer(1)
    longest = answer(MOST_ANSWER_BYTES // len(body))
    for name, each in (("a minute of quick speech", body), ("the longest that is read", longest)):
        took = []
        for _ in range(RUNS):
            before = time.thread_time_ns()
            read(each, CLIP)
            took.append((time.thread_time_ns() - before) / 1e6)
        slow = sorted(took)[RUNS * 99 // 100]
        print(f"{name:26} {len(each) / 1000:6.0f} kB: median {statistics.median(took):.2f} ms, 99 % {slow:.2f} ms")
