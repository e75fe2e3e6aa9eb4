"""What candidates spoke, frame by frame: known to the byte, so that any piece of any window can be told from any other.

Frames are those of `tests.client.recording` (52 bytes, 52 ms, numbered), whose main data begins up to 255 bytes before
them: lead-ins reach back as far as MPEG-2 lets them. Every so many frames the recorder changes its format, between mono
and stereo: their frames are as long and last as long, so that places and times stay countable.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cache

from tests.client.recording import FRAME_BYTES, PER_FRAME, RATE, frame
from undertone.core.window import WindowClosed

FORMAT_LASTS = 1_700  # frames: 89 s, a window and a half
_STEREO = 0x3F  # what of the header's last byte stays
_MAIN_DATA_BEGINS = (0, 30, 255, 90, 8, 0, 140)


@cache
def _thousand(number: int) -> bytes:
    return b"".join(map(spoken_frame, range(1000 * number, 1000 * number + 1000)))


def is_stereo(number: int) -> bool:
    """The format of the frame with this number."""
    return number // FORMAT_LASTS % 2 == 1


def spoken_frame(number: int) -> bytes:
    """The frame with this number."""
    plain = frame(number)
    last = plain[3] & _STEREO if is_stereo(number) else plain[3]
    return plain[:3] + bytes([last]) + bytes([_MAIN_DATA_BEGINS[number % len(_MAIN_DATA_BEGINS)]]) + plain[5:]


def spoken(first: int, count: int) -> bytes:
    """So many frames, numbered from `first` on."""
    thousands = b"".join(map(_thousand, range(first // 1000, (first + count) // 1000 + 1)))
    return thousands[first % 1000 * FRAME_BYTES :][: count * FRAME_BYTES]


class Speech:
    """One recording: its frames are numbered from `base` on. What was lost of it, and by whose fault."""

    def __init__(self, base: int) -> None:
        self.base = base
        self.count = 0
        self.dropped = 0  # of the first so many frames the outbox may have let go without their being stored
        self._loss_at: list[int] = []  # frames before which the microphone lost sound,
        self._lost_ms = [0]  # and how much it had lost in all

    def speak(self, count: int) -> bytes:
        self.count += count
        return spoken(self.base + self.count - count, count)

    def lose(self, lost_ms: int) -> None:
        self._loss_at.append(self.count)
        self._lost_ms.append(self._lost_ms[-1] + lost_ms)

    def split(self, place: int) -> Speech:
        """What follows the frame at `place`, itself included: the format changes there, and a new stream begins."""
        rest = Speech(self.base + place)
        rest.count = self.count - place
        rest.dropped = max(0, self.dropped - place)
        later = bisect_right(self._loss_at, place)
        rest._loss_at = [at - place for at in self._loss_at[later:]]
        rest._lost_ms = [lost - self._lost_ms[later] for lost in self._lost_ms[later:]]
        return rest

    @property
    def lost_ms(self) -> int:
        return self._lost_ms[-1]

    def at_ms(self, number: int) -> float:
        """Media time at which the frame with this number begins."""
        place = number - self.base
        return place * PER_FRAME * 1000 / RATE + self._lost_ms[bisect_right(self._loss_at, place)]

    def check_hole(self, first: int, end: int) -> None:
        """Frames from `first` up to `end` are in no window: only an overflow may do that."""
        assert first <= end, f"frame {end} is in two windows"
        assert first == end or end - self.base <= self.dropped, f"frames {first} to {end} were lost"


def own_frames(window: WindowClosed) -> tuple[int, int]:
    """Numbers of the window's first frame and of the one after its last. Every byte must be as it was spoken."""
    own = window.clip[window.lead_in_samples // PER_FRAME * FRAME_BYTES :]
    first, count = int(own[13:21]), len(own) // FRAME_BYTES
    assert own == spoken(first, count), "a window holds what nobody said"
    assert window.samples == count * PER_FRAME
    return first, first + count
