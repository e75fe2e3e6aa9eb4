"""A recording that comes whole, as one file: its windows, and where they lie in wall-clock time.

The windows and their clips are those that a stream of the same bytes would have, but that a few seconds left over do
not become a window of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from undertone.core.errors import BadAudio, BadMessage, FormatChanged, RateLimited
from undertone.core.pace import CREDIT_MS, Credit
from undertone.core.stream_actions import Opening, StoreWindow
from undertone.core.tags import container
from undertone.core.window import WINDOW_MS, WindowClosed, WindowCutter

# As much as a stream's sender keeps: whoever has more was not listened to meanwhile anyway.
MAX_UPLOAD_MS: Final = 15 * 60_000
# 15 minutes at 320 kbit/s, MP3's highest rate. Tags come on top of the sound, and are no reason for more.
MAX_UPLOAD_BYTES: Final = 36_000_000

# Pages upload "a minute", which is a frame or, by a sound card of 48,000 Hz that is taken for one of 44,100, 5 s more.
# Judged on its own such a rest is next to always silent, and would be the last that is told of the candidate.
MAX_REST_MS: Final = 15_000

_WANTED: Final = "an MP3 file is needed (MPEG-1, 2 or 2.5 Layer III), as lamejs or mic-recorder-to-mp3 make it"
_MAGIC_BYTES: Final = 16  # more than any container's name takes


class UploadCutter:
    """Fed with a file's bytes, cut anywhere; `finish` answers the windows. All or nothing: whatever is wrong raises."""

    def __init__(self, window_ms: int = WINDOW_MS) -> None:
        self._cutter = WindowCutter(window_ms=window_ms)
        self._head = b""
        self._windows: list[WindowClosed] = []

    @property
    def total_bytes(self) -> int:
        """Bytes so far."""
        return self._cutter.position

    def feed(self, data: bytes) -> None:
        """The next bytes. Raises BadAudio, FormatChanged, or BadMessage where it is too long."""
        cutter = self._cutter
        if not self._head:
            self._head = data[:_MAGIC_BYTES]
        self._windows += cutter.feed(data)
        if cutter.bad_audio is not None:
            raise cutter.bad_audio
        if cutter.format_changed is not None:
            raise FormatChanged(f"{cutter.format_changed}: an upload has one format; send what follows on its own")
        if cutter.media_ms > MAX_UPLOAD_MS:
            raise BadMessage(f"an upload holds at most {MAX_UPLOAD_MS // 60_000} minutes of sound: send it in pieces")

    def finish(self) -> list[WindowClosed]:
        """All windows; there is one at least. Raises BadAudio if the file holds no sound."""
        last = self._cutter.flush()
        windows = self._windows if last is None else [*self._windows, last]
        if not windows:
            looks_like = container(self._head)
            found = "it is empty" if not self._head else f"it looks like {looks_like}" if looks_like else "it has none"
            raise BadAudio(f"no MP3 frames were found in the file, {found}: {_WANTED}")
        return windows


def window_ms(windows: Sequence[WindowClosed]) -> int:
    """Into windows of what length the upload should be cut that has `windows` if they are of 60 s.

    A rest of up to 15 s is shared out among the windows.
    """
    media_ms = _end_ms(windows)
    count = max(1, -((MAX_REST_MS - media_ms) // WINDOW_MS))
    return max(WINDOW_MS, media_ms // count + 1)


def placed(
    opening: Opening, windows: Sequence[WindowClosed], age_ms: int, now_ms: int, max_speed: float
) -> list[StoreWindow]:
    """The windows of the upload that the new stream of `opening` is, as they are to be stored.

    The sound ended when the upload began, `age_ms` ago. `opening.created_ms` is the earliest that it can be from.
    Raises RateLimited, and takes none, where the streams before it used up what may come at once.
    """
    credit = Credit(max_speed, CREDIT_MS if opening.credit_ms is None else opening.credit_ms, opening.credit_at_ms)
    wait_ms = credit.wait_ms(now_ms)
    if wait_ms:
        raise RateLimited(
            f"a candidate may bring 20 minutes of sound at once, then {max_speed:g} times real time", wait_ms
        )
    media_ms = _end_ms(windows)
    credit.spend(media_ms)
    anchor_ms = max(now_ms - age_ms - media_ms, opening.created_ms)
    return [StoreWindow(window, anchor_ms, int(credit.left_ms), credit.at_ms) for window in windows]


def _end_ms(windows: Sequence[WindowClosed]) -> int:
    return windows[-1].start_ms + windows[-1].duration_ms
