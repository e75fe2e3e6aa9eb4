"""The parser finds the frames that are there and no others, however the bytes come."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio import voice_frames
from tests.core.mp3_factory import (
    FORMATS,
    RATES,
    SPEECH,
    Shape,
    ape,
    bitrates,
    chunked,
    frame,
    frames,
    header,
    id3v1,
    id3v2,
    information,
    parse,
    places,
    size_of,
)
from undertone.core.frame import frame_sizes, read_header
from undertone.core.mp3 import Format, FormatChange, FrameParser, Version

# Junk without a byte that a sync word or a tag could begin with, so that what must be found is known.
QUIET_JUNK = st.binary(max_size=400).map(lambda data: data.translate(None, b"\xffTI"))
TAGS = st.one_of(
    st.builds(id3v2, st.binary(max_size=300), footer=st.booleans()),
    st.builds(ape, st.binary(max_size=300)),
    st.just(id3v1()),
)
SHAPES = st.builds(Shape, st.integers(1, 14), st.booleans(), st.booleans())


@st.composite
def runs_of_frames(draw: st.DrawFn, format_: Format) -> list[bytes]:
    shapes = draw(st.lists(SHAPES, min_size=2, max_size=6))
    return [frame(format_, shape, draw(st.integers(0, 2**32))) for shape in shapes]


@st.composite
def streams(draw: st.DrawFn) -> tuple[Format, bytes, list[tuple[int, int]]]:
    """A format, a stream of frames with junk, tags and information frames between, and where the frames lie."""
    format_ = draw(st.sampled_from(FORMATS))
    stream, expected = b"", list[tuple[int, int]]()
    for _ in range(draw(st.integers(1, 4))):
        stream += draw(st.one_of(st.just(b""), QUIET_JUNK, TAGS, st.tuples(QUIET_JUNK, TAGS).map(b"".join)))
        at_start_or_after_junk = not stream or not expected or expected[-1][1] != len(stream)
        if at_start_or_after_junk and draw(st.booleans()):
            stream += information(draw(st.sampled_from([b"Xing", b"Info", b"VBRI"])), format_)
        run = draw(runs_of_frames(format_))
        expected += places(run, len(stream))
        stream += b"".join(run)
    return format_, stream, expected


class TestFrames:
    @given(streams(), st.lists(st.integers(0, 700), max_size=20))
    def test_all_frames_and_nothing_else_are_found_however_the_bytes_are_cut(
        self, stream: tuple[Format, bytes, list[tuple[int, int]]], sizes: list[int]
    ) -> None:
        format_, data, expected = stream
        parser = FrameParser()
        assert parse(parser, chunked(data, sizes)) == expected
        assert parser.format == format_
        assert parser.bad_audio is None
        assert parser.format_changed is None

    @settings(max_examples=40)
    @given(streams())
    def test_byte_by_byte_finds_the_same(self, stream: tuple[Format, bytes, list[tuple[int, int]]]) -> None:
        _, data, expected = stream
        assert parse(FrameParser(), (data[i : i + 1] for i in range(len(data)))) == expected

    @given(
        st.lists(
            st.sampled_from([b"\xff", b"\xfb", b"\xfd", b"\xe3", b"\x54", b"\x04", b"\xc0", b"TAG", b"ID3", b"\0"])
        ),
        st.lists(st.binary(max_size=50)),
        st.randoms(use_true_random=False),
        st.lists(st.integers(0, 300), max_size=30),
    )
    def test_hostile_bytes_are_taken_alike_however_they_are_cut(
        self, near: list[bytes], any_bytes: list[bytes], random: Random, sizes: list[int]
    ) -> None:
        """Whatever comes: no exception, bounded memory, and the same answer, faults included."""
        pieces = [*near, *any_bytes, *frames(4), header(SPEECH, layer=2), header(SPEECH, Shape(0))] * 2
        random.shuffle(pieces)
        data = b"".join(pieces)

        def outcome(chunks: list[bytes]) -> object:
            parser = FrameParser()
            found = parse(parser, chunks)
            return found, parser.format, str(parser.bad_audio), parser.format_changed, parser.offset, parser.begun

        assert outcome(chunked(data, sizes)) == outcome([data])

    @pytest.mark.parametrize("data", [bytearray(b"".join(frames(3))), memoryview(b"".join(frames(3)))])
    def test_any_kind_of_bytes_will_do(self, data: bytes) -> None:
        assert parse(FrameParser(), [data]) == places(frames(3))

    @pytest.mark.parametrize("format_", FORMATS, ids=str)
    def test_every_bit_rate_and_padding_has_its_size(self, format_: Format) -> None:
        for index in range(1, len(bitrates(format_)) + 1):
            for padding in (False, True):
                shape = Shape(index, padding)
                pair = [frame(format_, shape), frame(format_, shape)]
                assert parse(FrameParser(), pair) == places(pair), shape

    def test_sizes_are_known_for_exactly_the_valid_headers(self) -> None:
        assert (
            sum(len(frame_sizes(format_)) for format_ in FORMATS) == 9 * 14 * 2 * 4
        )  # rates, bit rates, padding, modes

    @given(st.integers(0, 2**32 - 1))
    def test_any_word_is_a_header_or_none(self, word: int) -> None:
        found = read_header(word)
        assert found is None or word >> 21 == 0x7FF

    @pytest.mark.parametrize(
        ("rate", "bitrate", "quality", "channels"),
        [
            (44_100, 64_000, None, 1),
            (48_000, 128_000, None, 2),
            (32_000, None, 4, 1),
            (22_050, None, 6, 2),
            (16_000, 24_000, None, 1),
            (8_000, 8_000, None, 1),
        ],
    )
    def test_the_frames_of_a_real_encoder(
        self, rate: int, bitrate: int | None, quality: int | None, channels: int
    ) -> None:
        encoded = voice_frames(3, rate, bitrate, vbr_quality=quality, channels=channels)
        parser = FrameParser()
        assert parse(parser, [b"".join(encoded)]) == places(encoded)
        version = next(version for version, rates in RATES.items() if rate in rates)
        assert parser.format == Format(version, rate, channels)

    def test_a_frame_counts_when_its_last_byte_is_here(self) -> None:
        one, two = frames(2)
        parser = FrameParser()
        assert parse(parser, [one + two[:-1]]) == places([one])
        assert (parser.offset, parser.begun) == (len(one), len(two) - 1)
        assert parse(parser, [two[-1:]]) == places([two], len(one))
        assert parser.begun == 0
        parser.feed(two[:3])
        assert parser.begun == 0  # which may still turn out to be something else

    def test_a_known_format_needs_no_second_header(self) -> None:
        only = frame()
        assert parse(FrameParser(), [only]) == []
        assert parse(FrameParser(1000, SPEECH), [only]) == places([only], 1000)

    def test_after_a_reset_the_format_stays_known(self) -> None:
        parser = FrameParser()
        parse(parser, [b"".join(frames(2)), b"\xff\xfb"])
        parser.reset(5000)
        assert parse(parser, [frame()]) == places([frame()], 5000)


class TestFormatChange:
    @pytest.mark.parametrize(
        "other",
        [
            Format(Version.MPEG1, 44_100, 1),
            Format(Version.MPEG1, 48_000, 2),
            Format(Version.MPEG2, 24_000, 1),
            Format(Version.MPEG25, 8_000, 2),
        ],
        ids=str,
    )
    def test_it_is_told_when_a_second_header_confirms_it(self, other: Format) -> None:
        parser = FrameParser()
        before, after = frames(3), frames(2, other)
        changed_at = sum(map(len, before))
        assert parse(parser, [*before, after[0], after[1][:3]]) == places(before)
        unconfirmed = parser.format_changed
        assert parse(parser, [after[1][3:]]) == []
        assert unconfirmed is None
        assert parser.format_changed == FormatChange(changed_at, SPEECH, other)
        assert str(other) in str(parser.format_changed)
        assert parse(parser, frames(3)) == []

    def test_one_header_of_another_format_is_junk(self) -> None:
        parser = FrameParser()
        before, stray, after = frames(2), frame(Format(Version.MPEG1, 44_100, 1)), frames(2)
        expected = places(before) + places(after, sum(map(len, [*before, stray])))
        assert parse(parser, [*before, stray, *after]) == expected
        assert parser.format_changed is None

    def test_bit_rate_stereo_mode_and_checksum_may_change(self) -> None:
        stereo = Format(Version.MPEG1, 48_000, 2)
        joint = frame(stereo, Shape(9, checksum=True))
        plain = bytearray(frame(stereo, Shape(3)))
        plain[3] &= 0x3F
        chain = [joint, bytes(plain), joint]
        assert parse(FrameParser(), chain) == places(chain)


def test_sizes_of_the_factory_are_lames() -> None:
    """The factory's formula against frames of a real encoder, so that both can't share one mistake."""
    encoded = voice_frames(1, 24_000, 8_000)
    assert {len(each) for each in encoded} == {size_of(Format(Version.MPEG2, 24_000, 1), Shape(1))}
    encoded = voice_frames(1, 44_100, 64_000)
    speech = Format(Version.MPEG1, 44_100, 1)
    assert {len(each) for each in encoded} == {size_of(speech, Shape(5, padding)) for padding in (False, True)}
