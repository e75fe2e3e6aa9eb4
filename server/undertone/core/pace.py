"""Media time against the wall clock: when a stream really began, and how fast it may come.

All times are integer milliseconds; `now_ms` is the wall clock (Unix time, by the database's clock), `media_ms` the
media time from the stream's start. The client's clock is never asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from undertone.core.errors import RateLimited

# Behind its anchor by more than this, a stream may have lost time without saying so. A resent backlog is behind as
# well, but catches up; network jitter stays far below.
LATE_MS: Final = 5_000
# So long must the lateness last without shrinking, in connected time, before it is believed.
LATE_FOR_MS: Final = 60_000
# Lateness read from single messages jitters by their length; less than this over LATE_FOR_MS is not catching up.
JITTER_MS: Final = 1_000

# Media that a stream may bring at once: the 15 minutes that a sender keeps, and room for what it records meanwhile.
CREDIT_MS: Final = 20 * 60_000

# Who has used it up comes back when a minute has been refilled: a window, not a message at a time.
REFILL_MS: Final = 60_000

# Sound that a sender may have lost before its participant was known here: a tab with a token of the exam platform's may
# have been offline since the morning. A day, after which a meeting without a stream ends.
LOST_BEFORE_MS: Final = 24 * 3_600_000

# What comes after the meeting's end was recorded before it if it lies no further behind the end than this. The anchor
# still holds the smallest delay that the network had, which stays far below LATE_MS. It follows a sender's clock that
# is fast, so that only what waited drifts: 100 ppm (a poor crystal) of 15 minutes are 90 ms.
AFTER_END_MS: Final = LATE_MS
# A backlog comes faster than it was spoken, if slowly; what comes for so long no faster is being spoken now.
RECORDING_FOR_MS: Final = 10_000
BACKLOG_SPEED: Final = 1.5

# Text messages that a candidate may send: far more than any device needs, far fewer than would be felt. Each `gap` is
# an event that every proctor reads.
TEXT_BURST: Final = 60
TEXT_PER_S: Final = 1


class Anchor:
    """The wall-clock time of media time 0: the smallest (arrival - media time) seen, never before `floor_ms`."""

    __slots__ = ("_floor_ms", "_late_low_ms", "_late_since_ms", "_late_start_ms", "at_ms")

    def __init__(self, at_ms: int | None, floor_ms: int) -> None:
        self.at_ms = at_ms
        self._floor_ms = floor_ms
        self._late_since_ms: int | None = None  # when the present lateness began to be watched; None: not late
        self._late_start_ms = 0
        self._late_low_ms = 0

    def arrived(self, media_ms: int, now_ms: int) -> int | None:
        """Sound up to `media_ms` has arrived. Returns the milliseconds by which the stream was anchored anew, if so."""
        seen_ms = max(now_ms - media_ms, self._floor_ms)
        if self.at_ms is None or seen_ms <= self.at_ms:
            self.at_ms = seen_ms
            self._late_since_ms = None
            return None
        late_ms = seen_ms - self.at_ms
        if late_ms <= LATE_MS:
            self._late_since_ms = None
            return None
        if self._late_since_ms is None:
            self._watch(late_ms, now_ms)
            return None
        self._late_low_ms = min(self._late_low_ms, late_ms)
        if now_ms - self._late_since_ms < LATE_FOR_MS:
            return None
        if self._late_low_ms < self._late_start_ms - JITTER_MS:
            self._watch(late_ms, now_ms)
            return None
        lost_ms = self._late_low_ms
        self.at_ms += lost_ms
        self._late_since_ms = None
        return lost_ms

    def _watch(self, late_ms: int, now_ms: int) -> None:
        self._late_since_ms = now_ms
        self._late_start_ms = self._late_low_ms = late_ms


class AfterEnd:
    """Whether a stream that goes on after its meeting's end still brings what was recorded before it.

    It does not when its sound, by the stream's anchor, lies behind the end, and comes as it is spoken besides: a sender
    that is faster than life has a backlog, whatever the anchor of a stream that always was faster says.
    """

    __slots__ = ("_begun_ms", "_ended_ms", "_from")

    def __init__(self, ended_ms: int, begun_ms: int) -> None:
        """`begun_ms`: wall clock at media time 0."""
        self._ended_ms = ended_ms
        self._begun_ms = begun_ms
        self._from: tuple[int, int] | None = None  # since when it has been behind the end, with how much sound

    def is_over(self, media_ms: int, lost_ms: int, now_ms: int) -> bool:
        """At so much media time, of which `lost_ms` never came."""
        if self._begun_ms + media_ms <= self._ended_ms + AFTER_END_MS:
            return False
        sound_ms = media_ms - lost_ms
        if self._from is not None:
            at_ms, had_ms = self._from
            if now_ms - at_ms < RECORDING_FOR_MS:
                return False
            if sound_ms - had_ms < BACKLOG_SPEED * (now_ms - at_ms):
                return True
        self._from = now_ms, sound_ms
        return False


@dataclass(slots=True)
class Credit:
    """How much media a stream may bring at once: a bucket refilled at `max_speed` times real time (0: no limit)."""

    max_speed: float
    left_ms: float = CREDIT_MS
    at_ms: int = 0

    def refill(self, now_ms: int) -> None:
        """Time has passed."""
        if now_ms > self.at_ms:
            self.left_ms = min(CREDIT_MS, self.left_ms + (now_ms - self.at_ms) * self.max_speed)
            self.at_ms = now_ms

    def wait_ms(self, now_ms: int) -> int:
        """Milliseconds until more may be taken in; 0: now."""
        if not self.max_speed:
            return 0
        self.refill(now_ms)
        return 0 if self.left_ms > 0 else int((REFILL_MS - self.left_ms) / self.max_speed) + 1

    def spend(self, media_ms: int) -> None:
        """`media_ms` of media were taken in. The last message may overdraw: what it holds is known only afterwards."""
        if self.max_speed:
            self.left_ms -= media_ms


class TextLimit:
    """How many text messages a candidate may send: a leaky bucket."""

    __slots__ = ("_at_ms", "_level")

    def __init__(self, now_ms: int) -> None:
        self._level = 0.0
        self._at_ms = now_ms

    def count(self, now_ms: int) -> None:
        """One more. Raises RateLimited."""
        self._level = max(0.0, self._level - (now_ms - self._at_ms) / 1000 * TEXT_PER_S) + 1
        self._at_ms = now_ms
        if self._level > TEXT_BURST:
            raise RateLimited(f"more than {TEXT_BURST} text messages at once", 1000 * TEXT_BURST // TEXT_PER_S)
