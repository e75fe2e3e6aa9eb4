"""Digital silence told from side info: against fields laid out bit by bit, and against the decoder."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio import decode
from tests.core.mp3_factory import FORMATS, Shape, header, size_of
from tests.diarize.speech import encoded
from undertone.core.empty import Nothing, nothing_in
from undertone.core.frame import Format, Version

SHAPES = st.builds(Shape, st.integers(1, 14), st.booleans(), st.booleans())


def granules(format_: Format) -> int:
    return format_.channels * (2 if format_.version is Version.MPEG1 else 1)


def side_info(format_: Format, lengths: list[int], rest: str = "1") -> bytes:
    """Of so many bits of main data in each granule; every other field is filled with `rest`."""
    if format_.version is Version.MPEG1:
        opening, others = 9 + (5 if format_.channels == 1 else 3) + 4 * format_.channels, 59 - 12
    else:
        opening, others = 8 + (1 if format_.channels == 1 else 2), 63 - 12
    bits = rest * opening + "".join(f"{length:012b}" + rest * others for length in lengths)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def frame(format_: Format, shape: Shape, lengths: list[int], rest: str = "1") -> bytes:
    checksum = b"\xab\xcd" if shape.checksum else b""
    return (header(format_, shape) + checksum + side_info(format_, lengths, rest)).ljust(
        size_of(format_, shape), b"\xff"
    )


@given(st.sampled_from(FORMATS), st.lists(SHAPES, min_size=1, max_size=10), st.data())
def test_frames_without_main_data_are_empty_and_with_a_bit_of_it_are_not(
    format_: Format, shapes: list[Shape], data: st.DataObject
) -> None:
    none = [0] * granules(format_)
    empty = [frame(format_, shape, none) for shape in shapes]
    assert nothing_in(b"".join(empty)) == Nothing(len(shapes) * format_.samples_per_frame, format_.sample_rate)
    place = data.draw(st.integers(0, len(shapes) - 1))
    lengths = [*none]
    lengths[data.draw(st.integers(0, len(lengths) - 1))] = 1 << data.draw(st.integers(0, 11))
    full = [*empty]
    full[place] = frame(format_, shapes[place], lengths, "0")
    assert nothing_in(b"".join(full)) is None


@given(st.sampled_from(FORMATS), SHAPES, st.integers(1, 20))
def test_what_is_no_whole_frames_of_one_format_may_be_something(format_: Format, shape: Shape, cut: int) -> None:
    whole = frame(format_, shape, [0] * granules(format_))
    other = next(each for each in FORMATS if each != format_)
    foreign = frame(other, shape, [0] * granules(other))
    for mp3 in (b"", whole[:-cut], whole + b"\x00" * cut, whole + foreign, bytes(400)):
        assert nothing_in(mp3) is None


@pytest.mark.parametrize("rate", [48_000, 44_100, 32_000, 24_000, 16_000, 8_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_muted_microphone_is_empty_and_decodes_to_zeros(rate: int, channels: int) -> None:
    mp3 = encoded(np.zeros(2 * rate, np.float32), rate, channels=channels)
    found = nothing_in(mp3)
    assert found is not None
    assert found.sample_rate == rate
    sound = decode(mp3)
    assert not sound.any()
    assert abs(found.samples - sound.shape[-1]) <= 1152


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(-90, -20))
def test_a_word_in_the_silence_is_not_missed(seed: int, level_db: float) -> None:
    random = np.random.default_rng(seed)
    samples = np.zeros(16_000, np.float32)
    at = int(random.integers(0, 15_000))
    samples[at : at + 800] = random.normal(0, 10 ** (level_db / 20), 800)
    mp3 = encoded(samples, 16_000)
    assert nothing_in(mp3) is None or not decode(mp3).any()
