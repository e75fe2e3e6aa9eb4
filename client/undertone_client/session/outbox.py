"""What was recorded and is not yet durable: at most 15 minutes of it, and the media time of every byte.

Offsets count all bytes ever recorded. When the outbox is full its oldest whole frames go; what they lasted is known, so
that the gap they leave can be told to the millisecond.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

from undertone.core.mp3 import FrameParser

KEEP_MS: Final = 15 * 60_000
# Dropped at once when it is full: one list operation a second of sound instead of one a frame.
SLACK_MS: Final = 1_000
# Media time is counted in ticks. 14,112,000 is the least common multiple of all sample rates of MPEG-1, 2 and 2.5, so a
# frame of any of them lasts a whole number of ticks and no sum ever drifts, even across a change of format.
TICKS_PER_S: Final = 14_112_000
TICKS_PER_MS: Final = TICKS_PER_S // 1000


def to_ms(ticks: int) -> int:
    """Ticks as milliseconds, rounded to the nearest."""
    return (ticks + TICKS_PER_MS // 2) // TICKS_PER_MS


class Outbox:
    """Bytes from `begin` to `end`, all of them until they are let go or there are too many."""

    def __init__(self, keep_ms: int = KEEP_MS) -> None:
        self.begin = 0  # the first byte still here
        self.end = 0  # the byte that is recorded next
        self.released = 0  # everything before is durable
        self._keep = keep_ms * TICKS_PER_MS
        self._slack = min(SLACK_MS * TICKS_PER_MS, self._keep // 2)
        self._data = bytearray()
        self._parser = FrameParser()
        # Marks: where a frame ends, and how much sound there is up to it. The first `_kept` are older than `released`,
        # one a window: a database restored from a backup may go back to any of them.
        self._ends: list[int] = [0]
        self._sound: list[int] = [0]
        self._kept = 1
        self.reached = 0  # no server can be further: the highest byte ever handed out, or named in `hello` or `gap`
        # Where the microphone lost sound, and how much it had lost before and after.
        self._loss_at: list[int] = []
        self._loss_until: list[int] = [0]

    @property
    def kept_ms(self) -> int:
        """How much sound is here."""
        return to_ms(self._sound[-1] - self.sound(self.begin))

    @property
    def media_ms(self) -> int:
        """How much media time was recorded in all, lost time included."""
        return to_ms(self._sound[-1] + self._loss_until[-1])

    def record(self, data: bytes) -> None:
        """Append what was encoded. Raises BadAudio where the server would."""
        self._data += data
        self.end += len(data)
        self._mark(data)
        if self._sound[-1] - self.sound(self.begin) > self._keep:
            self._drop_oldest()

    def lose(self, lost_ms: int) -> None:
        """The microphone lost sound here: half a frame before, and a bit reservoir behind, are of no use."""
        lost = self._loss_until[-1] + lost_ms * TICKS_PER_MS
        if self._loss_at and self._loss_at[-1] == self.end:
            self._loss_until[-1] = lost
        else:
            self._loss_at.append(self.end)
            self._loss_until.append(lost)
        self._parser.reset(self.end)  # as the server does at a gap

    def let_go(self, offset: int) -> None:
        """Everything before `offset` is durable."""
        if offset <= self.released:
            return
        self.released = offset
        if offset > self.begin:
            del self._data[: offset - self.begin]
            self.begin = offset
        last = bisect_right(self._ends, offset) - 1
        if last > self._kept:
            del self._ends[self._kept : last]
            del self._sound[self._kept : last]
        self._kept = min(self._kept, last) + 1

    def read(self, offset: int, limit: int) -> bytes:
        """At most `limit` bytes from `offset` (not before `begin`) on, up to where the microphone next lost sound."""
        start = offset - self.begin
        assert start >= 0
        until = self.end
        following = bisect_right(self._loss_at, offset)
        if following < len(self._loss_at):
            until = self._loss_at[following]
        data = bytes(self._data[start : min(start + limit, until - self.begin)])
        self.reached = max(self.reached, offset + len(data))
        return data

    def sound(self, offset: int) -> int:
        """Ticks of sound in the whole frames before `offset`."""
        return self._sound[bisect_right(self._ends, offset) - 1]

    def lost(self, offset: int) -> int:
        """Ticks that the microphone lost up to `offset`, and just there."""
        return self._loss_until[bisect_right(self._loss_at, offset)]

    def _mark(self, data: bytes | bytearray) -> None:
        runs = self._parser.feed(data)
        known = self._parser.format
        if known is not None:
            frame = known.samples_per_frame * TICKS_PER_S // known.sample_rate
            for run in runs:
                self._ends += run[1:]
                sound = self._sound[-1]
                self._sound += range(sound + frame, sound + frame * len(run), frame)
        if self._parser.bad_audio is not None:
            raise self._parser.bad_audio
        change = self._parser.format_changed
        if change is not None:
            self._parser = FrameParser(change.offset, change.after)
            self._mark(self._data[change.offset - self.begin :])

    def _drop_oldest(self) -> None:
        """Oldest whole frames first. Their marks stay as far as a server may have got: its gap begins there."""
        first = bisect_left(self._sound, self._sound[-1] - self._keep + self._slack)
        begin = self._ends[first]
        del self._data[: begin - self.begin]
        self.begin = begin
        unknown = max(self._kept, bisect_right(self._ends, self.reached))
        if unknown < first:
            del self._ends[unknown:first]
            del self._sound[unknown:first]
