"""A file that is uploaded: its windows, and where they lie in wall-clock time."""

from __future__ import annotations

import pytest

from tests.audio import decode, voice_frames
from tests.core.frames import FRAME_MS, WINDOW_FRAMES, frames, other_format
from undertone.core.errors import BadAudio, BadMessage, FormatChanged, RateLimited, RemoteFault
from undertone.core.pace import CREDIT_MS
from undertone.core.stream_actions import Opening
from undertone.core.uploads import MAX_REST_MS, MAX_UPLOAD_MS, UploadCutter, placed, window_ms
from undertone.core.window import WINDOW_MS, Resume, WindowClosed, WindowCutter

NOW_MS = 1_700_000_000_000
SECOND_FRAMES = 1000 / FRAME_MS


def cut(data: bytes, length_ms: int = WINDOW_MS, piece: int = 60_000) -> list[WindowClosed]:
    cutter = UploadCutter(length_ms)
    for at in range(0, len(data), piece):
        cutter.feed(data[at : at + piece])
    assert cutter.total_bytes == len(data)
    return cutter.finish()


def opening(created_ms: int = 0, credit_ms: int | None = None, credit_at_ms: int = NOW_MS) -> Opening:
    return Opening(1, Resume.START, b"", None, created_ms, credit_ms, credit_at_ms, 0)


def test_its_windows_are_those_of_a_stream_of_the_same_bytes() -> None:
    data = frames(2 * WINDOW_FRAMES + 1000)
    stream = WindowCutter()
    of_stream = stream.feed(data)
    last = stream.flush()
    assert last is not None
    for piece in (len(data), 60_000, 977):
        assert cut(data, piece=piece) == [*of_stream, last]


@pytest.mark.parametrize(
    ("seconds", "windows"),
    [(1, 1), (60, 1), (60.024, 1), (65.3, 1), (75, 1), (76, 2), (120, 2), (130, 2), (136, 3), (899, 15)],
)
def test_a_few_seconds_left_over_are_no_window_of_their_own(seconds: float, windows: int) -> None:
    data = frames(int(seconds * SECOND_FRAMES))
    length_ms = window_ms(cut(data))
    assert WINDOW_MS <= length_ms <= WINDOW_MS + MAX_REST_MS + 1
    found = cut(data, length_ms)
    assert len(found) == windows
    assert found[-1].start_ms + found[-1].duration_ms == int(seconds * SECOND_FRAMES) * FRAME_MS
    assert seconds < 16 or found[-1].duration_ms > MAX_REST_MS - FRAME_MS


@pytest.mark.parametrize("into_a_frame", [0, 7])
def test_it_may_begin_in_the_midst_of_a_recording(into_a_frame: int) -> None:
    """As that page's uploads do from the second on: its encoder goes on, bit reservoir and all."""
    encoded = voice_frames(10, 44_100, 128_000)[150:]
    data = b"".join(encoded)[into_a_frame:]
    [window] = cut(data)
    whole = len(encoded) - bool(into_a_frame)
    assert window.samples == whole * 1152 == decode(window.clip).shape[1]


@pytest.mark.parametrize(
    ("data", "fault", "says"),
    [
        (b"", BadAudio, "it is empty"),
        (b"Dear proctor,\n" * 10, BadAudio, "it has none"),
        (b"Dear proctor,\n" * 10_000, BadAudio, "MP3 frames"),
        (b"\x1a\x45\xdf\xa3" + bytes(5000), BadAudio, "it looks like a WebM"),
        (b"RIFF\0\0\0\0WAVEfmt " + bytes(500_000), BadAudio, "looks like a WAV"),
        (frames(1), BadAudio, "no MP3 frames"),  # one header proves nothing
        (frames(100) + bytes(100_000), BadAudio, "MP3 frame headers"),
        (frames(3000) + bytes(100_000) + frames(10), BadAudio, "MP3 frame headers"),
        (frames(100) + other_format(100), FormatChanged, "44100 Hz"),
        (frames(MAX_UPLOAD_MS // FRAME_MS + 10), BadMessage, "15 minutes"),
    ],
)
def test_what_is_no_whole_recording_is_refused_whole(data: bytes, fault: type[RemoteFault], says: str) -> None:
    with pytest.raises(fault) as caught:
        cut(data)
    assert says in caught.value.detail


def test_the_sound_ended_when_the_upload_began() -> None:
    windows = cut(frames(WINDOW_FRAMES + 1000))
    stored = placed(opening(), windows, age_ms=2_000, now_ms=NOW_MS, max_speed=4)
    assert [each.window for each in stored] == windows
    assert {each.anchor_ms for each in stored} == {NOW_MS - 2_000 - 84_000}


def test_it_is_from_after_what_it_can_be_from() -> None:
    [stored] = placed(opening(NOW_MS - 1_000), cut(frames(100)), age_ms=0, now_ms=NOW_MS, max_speed=4)
    assert stored.anchor_ms == NOW_MS - 1_000


def test_beginning_anew_is_no_way_around_the_limit() -> None:
    windows = cut(frames(WINDOW_FRAMES))
    [stored] = placed(opening(), windows, 0, NOW_MS, 4)
    assert (stored.credit_ms, stored.credit_at_ms) == (CREDIT_MS - 60_000, NOW_MS)
    [stored] = placed(opening(credit_ms=1), windows, 0, NOW_MS, 4)
    assert stored.credit_ms == 1 - 60_000
    with pytest.raises(RateLimited) as caught:
        placed(opening(credit_ms=stored.credit_ms), windows, 0, NOW_MS + 1_000, 4)
    wait_ms = caught.value.retry_after_ms
    assert wait_ms is not None
    placed(opening(credit_ms=stored.credit_ms), windows, 0, NOW_MS + 1_000 + wait_ms, 4)
    placed(opening(credit_ms=stored.credit_ms), windows, 0, NOW_MS, max_speed=0)  # no limit
