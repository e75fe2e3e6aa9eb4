"""Frames are found again after damage, and what can't be MP3 is named."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.mp3_factory import SPEECH, Shape, chunked, frame, frames, header, id3v1, layer_2_frames, parse, places
from undertone.core.frame import HEADER_BYTES, read_header
from undertone.core.mp3 import Format, FrameParser, Version
from undertone.core.resync import _WORTH_A_LOOK, MAX_JUNK_BYTES


class TestResync:
    def test_a_sync_word_counts_only_if_the_next_header_agrees(self) -> None:
        lone = frame()
        junk = lone + b"no header here"
        assert parse(FrameParser(), [junk, *frames(2)]) == places(frames(2), len(junk))

    def test_a_false_header_does_not_hide_the_right_one_within_its_reach(self) -> None:
        false = header(SPEECH, Shape(14))
        audio = frames(2)
        assert parse(FrameParser(), [false, *audio]) == places(audio, len(false))

    def test_of_two_candidates_that_end_alike_the_first_counts(self) -> None:
        one, two = frames(2)
        half = header(SPEECH, Shape(1))  # 32 kbit/s: 96 bytes, half of the others' 192
        audio = [one[:96] + half + one[100:], two]
        assert parse(FrameParser(), audio) == places(audio)

    @pytest.mark.parametrize("count", range(2040, 2056))
    def test_many_false_headers_do_not_make_it_forget_the_right_one(self, count: int) -> None:
        false = header(Format(Version.MPEG1, 44_100, 1), Shape(5, padding=True))  # 209 bytes on nothing begins
        audio = frames(2, SPEECH, Shape(1))
        assert parse(FrameParser(), [false * count, *audio]) == places(audio, count * len(false))

    @given(st.integers(1, 10), st.integers(4, 191))
    def test_a_damaged_stream_is_found_again(self, at: int, lost: int) -> None:
        """Bytes missing within a frame: it swallows the begin of the next, which is lost, and no other."""
        audio = frames(20)
        data, size = b"".join(audio), len(audio[0])
        hole = at * size + 100
        expected = places(audio[: at + 1]) + places(audio[at + 2 :], (at + 2) * size - lost)
        assert parse(FrameParser(), [data[:hole] + data[hole + lost :]]) == expected

    def test_junk_up_to_the_limit_is_borne(self) -> None:
        audio = frames(2)
        junk = bytes(MAX_JUNK_BYTES - len(audio[0]) - HEADER_BYTES)
        assert parse(FrameParser(), [junk, *audio]) == places(audio, len(junk))

    @given(st.lists(st.integers(0, 40_000), max_size=4), st.sampled_from([b"", b"\xff\xfb", b"ID3\4\0", b"APETAGEX"]))
    def test_junk_of_just_the_limit_is_bad_audio(self, sizes: list[int], end: bytes) -> None:
        parser = FrameParser()
        junk = bytes(MAX_JUNK_BYTES - len(end)) + end
        assert parse(parser, chunked(junk[:-1], sizes)) == []
        assert parser.bad_audio is None
        assert parse(parser, [junk[-1:]]) == []
        assert "64 KiB" in str(parser.bad_audio)

    @given(st.integers(1, 31), st.sampled_from([frame(), b"ID3\4\0\0\0\0\1\0", b"APETAGEX" + bytes(24)]), st.booleans())
    def test_what_reaches_past_the_limit_does_not_count_however_cut(
        self, inside: int, thing: bytes, whole: bool
    ) -> None:
        parser = FrameParser()
        inside = min(inside, len(thing) - 1, 3 if thing[0] == 0xFF else 31)
        data = bytes(MAX_JUNK_BYTES - inside) + thing + b"".join(frames(9))
        at = len(data) if whole else MAX_JUNK_BYTES
        assert parse(parser, [data[:at], data[at:]]) == []
        assert "64 KiB" in str(parser.bad_audio)

    @given(st.lists(st.integers(0, 40_000), max_size=4))
    def test_two_headers_that_agree_too_late_are_bad_audio(self, sizes: list[int]) -> None:
        parser = FrameParser()
        junk = bytes(MAX_JUNK_BYTES - len(frame()))
        assert parse(parser, chunked(junk + b"".join(frames(9)), sizes)) == []
        assert "64 KiB" in str(parser.bad_audio)

    def test_junk_and_small_tags_in_turn_do_not_evade_the_limit(self) -> None:
        parser = FrameParser()
        for _ in range(3):
            parser.feed(bytes(30_000) + id3v1())
        assert parser.bad_audio is not None


def test_a_flood_of_false_headers_takes_no_memory_to_speak_of() -> None:
    false = header(Format(Version.MPEG1, 44_100, 1), Shape(5, padding=True))
    parser = FrameParser()
    tracemalloc.start()
    try:
        parser.feed(false * (60_000 // len(false)))
        assert tracemalloc.get_traced_memory()[1] < 2_000_000  # 60 KB held, 15,000 candidates forgotten
    finally:
        tracemalloc.stop()


def long(opening: bytes) -> Iterator[bytes]:
    yield opening.ljust(MAX_JUNK_BYTES // 2, b"\0")
    yield bytes(MAX_JUNK_BYTES // 2 - 100)
    yield bytes(200)


class TestBadAudio:
    @pytest.mark.parametrize(
        ("opening", "name"),
        [
            (b"RIFF\x24\x08\x00\x00WAVEfmt ", "a WAV file"),
            (b"OggS\x00\x02", "an Ogg file"),
            (b"fLaC\x00\x00\x00\x22", "a FLAC file"),
            (b"\x00\x00\x00\x20ftypM4A ", "an MP4 file"),
            (b"\x1aE\xdf\xa3\x9fB\x86\x81", "a WebM or Matroska file"),
            (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a JPEG image"),
            (b"\x89PNG\r\n\x1a\n", "a PNG image"),
            (b"\xff\xf1\x50\x80", "AAC in ADTS"),
        ],
    )
    def test_other_containers_are_named_when_the_patience_ends(self, opening: bytes, name: str) -> None:
        parser = FrameParser()
        *early, last = long(opening)
        parse(parser, early)
        assert parser.bad_audio is None
        parse(parser, [last])
        assert f"looks like {name}" in str(parser.bad_audio)

    def test_nothing_known_is_not_given_a_name(self) -> None:
        parser = FrameParser()
        parse(parser, long(b"\0"))
        assert "looks like" not in str(parser.bad_audio)
        assert "MP3 frames" in str(parser.bad_audio)

    def test_real_layer_2_is_named(self) -> None:
        parser = FrameParser()
        assert parse(parser, [layer_2_frames()]) == []
        assert "Layer II " in str(parser.bad_audio)

    def test_layer_1_is_named(self) -> None:
        word = header(SPEECH, Shape(2), layer=1)  # 64 kbit/s: 12 * 64,000 / 48,000 slots of 4 bytes
        parser = FrameParser()
        assert parse(parser, [b"some junk", word.ljust(64, b"\0") * 2]) == []
        assert "Layer I at byte 9" in str(parser.bad_audio)

    def test_free_format_is_named(self) -> None:
        parser = FrameParser()
        free = header(SPEECH, Shape(0)).ljust(500, b"\0")
        assert parse(parser, [free, free + b"\0"]) == []  # one frame padded
        assert parser.bad_audio is None
        parse(parser, [free])
        assert "free format" in str(parser.bad_audio)

    def test_frames_before_it_are_still_found_and_none_after(self) -> None:
        parser = FrameParser()
        audio = frames(3)
        assert parse(parser, [b"".join(audio) + layer_2_frames() + b"".join(audio)]) == places(audio)
        assert parser.bad_audio is not None
        assert parse(parser, audio) == []
        assert parser.held_bytes == 0


def test_every_valid_header_is_worth_a_look_and_no_other() -> None:
    """What the search filters out by regular expression is what is no header."""
    for second in range(256):
        for third in range(256):
            opening = bytes([0xFF, second, third, 0])
            found = _WORTH_A_LOOK.match(opening) is not None
            assert found == (read_header(int.from_bytes(opening, "big")) is not None), opening.hex()
