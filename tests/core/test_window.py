"""Windows tile the media time, and their clips decode to the very samples of the stream."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audio import decode
from tests.core.encodings import ENCODINGS, SHORT_MS, Encoding, feed_all, heard, windows_of
from tests.core.mp3_factory import (
    SPEECH,
    Shape,
    chunked,
    frames,
    header,
    id3v1,
    id3v2,
    information,
    layer_2_frames,
    size_of,
)
from undertone.core.errors import BadAudio, BadMessage
from undertone.core.mp3 import Format, FrameParser, Version
from undertone.core.resync import MAX_JUNK_BYTES
from undertone.core.window import Resume, WindowClosed, WindowCutter

FRAME_MS: Final = 24  # of 48 kHz
FRAME_BYTES: Final = 192  # of 48 kHz and 64 kbit/s


class TestClips:
    @pytest.mark.parametrize("encoding", ENCODINGS, ids=str)
    def test_joined_they_are_the_stream_sample_for_sample(self, encoding: Encoding) -> None:
        """All samples, those at the cuts included, and nothing is rounded: the floats are equal."""
        stream = b"".join(encoding.frames())
        windows = windows_of([stream])
        assert len(windows) > encoding.seconds * 1000 / SHORT_MS
        assert np.array_equal(heard(windows), decode(stream))

    def test_so_they_are_after_more_frames_than_are_remembered(self) -> None:
        stream = b"".join(Encoding(24_000, 8_000, seconds=27).frames())
        assert np.array_equal(heard(windows_of([stream], 13_000)), decode(stream))

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "encoding", [Encoding(44_100, 64_000, seconds=125), Encoding(48_000, quality=5, seconds=125)], ids=str
    )
    def test_so_they_are_at_sixty_seconds(self, encoding: Encoding) -> None:
        stream = b"".join(encoding.frames())
        windows = windows_of([stream], 60_000)
        assert [window.window for window in windows] == [0, 1, 2]
        assert np.array_equal(heard(windows), decode(stream))

    @pytest.mark.parametrize("encoding", ENCODINGS, ids=str)
    def test_with_less_lead_in_they_are_wrong(self, encoding: Encoding) -> None:
        """Neither one frame nor two without their reservoir are enough; where they are, the sound is silence.

        The time stays exact even so: FFmpeg gives every frame its samples, with zeros for what it can't decode.
        """
        windows = windows_of([b"".join(encoding.frames())])[1:]
        wrong = {"first dropped": 0, "two left": 0, "one left": 0}
        for window in windows:
            per_frame = window.format.samples_per_frame
            lead = window.lead_in_samples // per_frame
            exact = decode(window.clip)[:, window.lead_in_samples :]
            (bounds,) = FrameParser(0, window.format).feed(window.clip)
            for name, dropped in zip(wrong, (1, lead - 2, lead - 1), strict=True):
                less = decode(window.clip[bounds[dropped] :])[:, (lead - dropped) * per_frame :]
                assert less.shape == exact.shape
                wrong[name] += not np.array_equal(less, exact)
        assert wrong["one left"] > len(windows) / 2
        assert wrong["two left"] > len(windows) / 5
        if encoding.rate < 32_000:  # in MPEG-1 the second frame before is there for uniformity
            assert wrong["first dropped"] > len(windows) / 2

    def test_after_a_flush_too_they_join_to_the_samples(self) -> None:
        """A part that nobody took up became a short window; the stream went on all the same."""
        for encoding in (Encoding(44_100, quality=4, channels=2), Encoding(48_000, 32_000), Encoding(24_000, 8_000)):
            encoded = encoding.frames()
            cutter = WindowCutter(window_ms=SHORT_MS)
            windows: list[WindowClosed] = []
            for at in range(0, len(encoded), 5):
                windows += cutter.feed(b"".join(encoded[at : at + 5]))
                windows += filter(None, [cutter.flush()])
            assert np.array_equal(heard(windows), decode(b"".join(encoded))), encoding

    def test_after_a_gap_they_are_the_rest_of_the_stream(self) -> None:
        """Whose first frames miss their reservoir: their sound is poor, their time exact."""
        for encoding in ENCODINGS[::2]:
            encoded = encoding.frames()
            held, lost = 90, 11
            cutter = WindowCutter(window_ms=SHORT_MS)
            before = cutter.feed(b"".join(encoded[:held]))
            before += filter(None, [cutter.gap(len(b"".join(encoded[: held + lost])), 264)])
            after = cutter.feed(b"".join(encoded[held + lost :]))
            after += filter(None, [cutter.flush()])
            assert after[0].lead_in_samples == 0
            assert np.array_equal(heard(before), decode(b"".join(encoded[:held]))), encoding
            assert np.array_equal(heard(after), decode(b"".join(encoded[held + lost :]))), encoding

    def test_junk_between_frames_is_not_in_them(self) -> None:
        encoded = Encoding(48_000, 32_000).frames()
        pieces = [b"".join(encoded[at : at + 20]) for at in range(0, len(encoded), 20)]
        littered = id3v2(b"One").join([information(b"Xing"), *pieces]) + id3v1()
        clean = windows_of([b"".join(encoded)])
        windows = windows_of([littered])
        assert [replace(window, resume=Resume.START) for window in windows] == [
            replace(window, resume=Resume.START) for window in clean
        ]
        assert [window.resume.samples for window in windows] == [window.resume.samples for window in clean]


class TestTime:
    @given(
        st.sampled_from([Encoding(44_100, 64_000), Encoding(22_050, 56_000, channels=2), Encoding(12_000, quality=6)]),
        st.integers(100, 1500),
        st.lists(st.tuples(st.integers(2, 35), st.integers(0, 5000)), min_size=1, max_size=4),
    )
    def test_windows_tile_the_media_time_between_gaps(
        self, encoding: Encoding, window_ms: int, stretches: list[tuple[int, int]]
    ) -> None:
        """And hold all the samples of the frames; in milliseconds too there is neither overlap nor a hole."""
        encoded = encoding.frames()
        per_frame = 1152 if encoding.rate >= 32_000 else 576
        cutter = WindowCutter(window_ms=window_ms)
        number = done = lost_ms = 0
        for count, lost_after_ms in stretches:
            windows = cutter.feed(b"".join(encoded[done : done + count]))
            lost = lost_ms * encoding.rate // 1000
            end_ms = cutter.media_ms
            lost_ms += lost_after_ms
            windows += filter(None, [cutter.gap(cutter.position + 1, lost_ms)])
            edges = [done * per_frame + lost]
            for window in windows:
                assert (window.window, window.start) == (number, edges[-1])
                edges.append(window.start + window.samples)
                assert window.start_ms == edges[-2] * 1000 // encoding.rate
                assert window.start_ms + window.duration_ms == edges[-1] * 1000 // encoding.rate
                number += 1
            done += count
            assert edges[-1] == done * per_frame + lost
            assert end_ms == edges[-1] * 1000 // encoding.rate

    @pytest.mark.parametrize("rate", [44_100, 22_050, 11_025, 48_000])
    def test_the_grid_does_not_drift(self, rate: int) -> None:
        """A window begins with the first frame from its nominal start on: 60 s are 2296.875 frames of 44.1 kHz."""
        version = {44_100: Version.MPEG1, 48_000: Version.MPEG1, 22_050: Version.MPEG2, 11_025: Version.MPEG25}[rate]
        format_ = Format(version, rate, 1)
        ten_minutes = b"".join(frames(10 * 60 * rate // format_.samples_per_frame + 3, format_))
        windows = windows_of([ten_minutes], 60_000)
        assert len(windows) == 11
        for window in windows:
            assert 0 <= window.start - window.window * 60 * rate < format_.samples_per_frame

    def test_after_a_gap_and_after_a_flush_the_grid_begins_anew(self) -> None:
        cutter = WindowCutter(window_ms=1000)
        cutter.feed(b"".join(frames(10)))
        short = cutter.flush()
        assert short is not None
        assert (short.start_ms, short.duration_ms) == (0, 240)
        (whole,) = cutter.feed(b"".join(frames(45)))
        assert (whole.start_ms, whole.duration_ms) == (240, 1008)  # 41.7 frames are 42
        assert cutter.gap(cutter.position, 5000) is not None
        (after,) = cutter.feed(b"".join(frames(45)))
        assert (after.start_ms, after.duration_ms) == (240 + 45 * FRAME_MS + 5000, 1008)

    def test_what_is_lost_before_the_first_frame_counts(self) -> None:
        cutter = WindowCutter()
        assert cutter.gap(0, 1500) is None
        assert cutter.media_ms == 1500
        assert cutter.gap(4000, 2500) is None
        cutter.feed(b"".join(frames(2)))
        window = cutter.flush()
        assert window is not None
        assert (window.window, window.start_ms, window.duration_ms, window.start) == (0, 2500, 48, 120_000)
        assert window.resume == Resume(4000, 0, SPEECH, 1, 120_000 + 2 * 1152, 2500)

    def test_lost_time_is_cumulative_and_so_is_its_rounding(self) -> None:
        """A third of a frame lost a hundred times, at 44.1 samples a millisecond: no drift."""
        format_ = Format(Version.MPEG1, 44_100, 1)
        cutter = WindowCutter()
        cutter.feed(b"".join(frames(2, format_)))
        for lost in range(7, 707, 7):
            cutter.gap(cutter.position, lost)
            cutter.feed(b"".join(frames(2, format_)))
        assert cutter.media_ms == (101 * 2 * 1152 + 700 * 441 // 10) * 1000 // 44_100

    @pytest.mark.parametrize(("offset", "lost_ms"), [(100, 5000), (9999, 400)])
    def test_a_gap_that_goes_back_is_refused(self, offset: int, lost_ms: int) -> None:
        cutter = WindowCutter()
        cutter.feed(b"".join(frames(5)))
        cutter.gap(1000, 500)
        with pytest.raises(BadMessage, match="after byte 1000 with 500 ms"):
            cutter.gap(offset, lost_ms)


class TestClosing:
    def test_a_window_closes_when_the_next_frame_tells_what_it_needs(self) -> None:
        encoded = frames(45)
        cutter = WindowCutter(window_ms=1000)
        assert cutter.feed(b"".join(encoded[:42]) + encoded[42][:7]) == []
        (window,) = cutter.feed(encoded[42][7:8])
        assert window.samples == 42 * 1152
        assert (cutter.whole, cutter.position) == (42 * FRAME_BYTES, 42 * FRAME_BYTES + 8)

    def test_resume_points_are_frames_that_never_go_back(self) -> None:
        for encoding in ENCODINGS:
            encoded = encoding.frames()
            starts = {0}
            for each in encoded:
                starts.add(max(starts) + len(each))
            windows = windows_of([b"".join(encoded)])
            offsets = [window.resume.offset for window in windows]
            assert offsets == sorted(offsets)
            assert starts.issuperset(offsets)

    def test_flushing_twice_gives_nothing_the_second_time(self) -> None:
        cutter = WindowCutter()
        assert cutter.flush() is None
        cutter.feed(b"".join(frames(5)))
        assert cutter.flush() is not None
        assert cutter.flush() is None

    @pytest.mark.parametrize(
        ("format_", "needed"),
        [(SPEECH, 3), (Format(Version.MPEG2, 24_000, 1), 3)],  # 511 bytes by 171 a frame, 255 by 107
    )
    def test_after_a_flush_the_next_frame_has_all_that_it_may_need(self, format_: Format, needed: int) -> None:
        silent = header(format_) + bytes(size_of(format_, Shape()) - 4)
        cutter = WindowCutter()
        cutter.feed(silent * 10)
        window = cutter.flush()
        assert window is not None
        assert window.resume.offset == (10 - needed) * len(silent)
        assert window.resume.start == window.samples == 10 * format_.samples_per_frame

    def test_too_short_windows_are_refused(self) -> None:
        with pytest.raises(ValueError, match="100 ms"):
            WindowCutter(window_ms=99)

    @pytest.mark.parametrize("pieces", [1, 1000])
    def test_a_change_of_format_closes_the_window_at_the_change(self, pieces: int) -> None:
        before = b"".join(frames(50))
        stream = before + b"".join(frames(3, Format(Version.MPEG1, 44_100, 1)))
        cutter = WindowCutter(window_ms=1000)
        windows = list(feed_all(cutter, chunked(stream, [len(stream) // pieces] * pieces)))
        assert [window.samples for window in windows] == [42 * 1152, 8 * 1152]
        assert windows[1].resume == Resume(len(before), 50 * 1152, SPEECH, 2, 50 * 1152)
        assert cutter.format_changed is not None
        assert cutter.format_changed.offset == len(before)
        assert cutter.feed(stream) == []
        assert cutter.part() == (windows[1].resume, b"")

    def test_bad_audio_comes_after_the_windows_before_it(self) -> None:
        cutter = WindowCutter(window_ms=1000)
        good = b"".join(frames(50))
        assert len(cutter.feed(good + layer_2_frames())) == 1
        with pytest.raises(BadAudio, match="Layer II "):
            cutter.feed(b"")
        resume, part = cutter.part()
        assert good[resume.offset :] == part

    def test_bad_audio_is_raised_at_once_if_no_window_is_before_it(self) -> None:
        cutter = WindowCutter()
        cutter.feed(bytes(MAX_JUNK_BYTES - 1))
        with pytest.raises(BadAudio, match="64 KiB"):
            cutter.feed(bytes(1))
        with pytest.raises(BadAudio, match="64 KiB"):
            cutter.feed(b"".join(frames(3)))
