"""Which frames a frame needs, against a model that lays the main data out byte by byte."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.core.mp3_factory import FORMATS, Shape, header, side_info_bytes, size_of
from undertone.core.mp3 import Format, Version
from undertone.core.reservoir import OPENING_BYTES, REACH, first_needed, main_data_begin, max_main_data_begin

SHAPES = st.builds(Shape, st.integers(1, 14), st.booleans(), st.booleans())


def frame_that_begins(format_: Format, shape: Shape, begin: int, rest: int = 0xFF) -> bytes:
    """A frame whose main data begins `begin` bytes before it: 9 bits in MPEG-1, 8 in the others."""
    told = begin.to_bytes(1, "big") if format_.version is not Version.MPEG1 else (begin << 7 | 0x7F).to_bytes(2, "big")
    checksum = b"\xab\xcd" if shape.checksum else b""
    return (header(format_, shape) + checksum + told).ljust(size_of(format_, shape), bytes([rest]))


def test_the_reservoir_reaches_as_far_back_as_the_field_can_say() -> None:
    for format_ in FORMATS:
        assert max_main_data_begin(format_) == (2**9 - 1 if format_.version is Version.MPEG1 else 2**8 - 1)


@given(st.sampled_from(FORMATS), SHAPES, st.data())
def test_a_frame_tells_where_its_main_data_begins(format_: Format, shape: Shape, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, max_main_data_begin(format_)))
    assert main_data_begin(frame_that_begins(format_, shape, begin)[:OPENING_BYTES]) == begin


@given(st.sampled_from(FORMATS), st.data())
def test_the_first_frame_needed_is_the_one_that_holds_the_first_byte_needed(
    format_: Format, data: st.DataObject
) -> None:
    begins = st.integers(0, max_main_data_begin(format_))
    told = data.draw(st.lists(st.tuples(SHAPES, begins), max_size=40))
    next_begin = data.draw(begins)
    stream, offsets = b"", list[int]()
    owners = list[int]()  # of each byte of main data so far, the frame it stands in
    needs: list[int] = []  # of each frame, the first frame it needs
    for number, (shape, begin) in enumerate(told):
        offsets.append(len(stream))
        stream += frame_that_begins(format_, shape, begin)
        needs.append(first_owner(owners, begin, number))
        main_data = size_of(format_, shape) - 4 - 2 * shape.checksum - side_info_bytes(format_)
        assert main_data > 0
        owners += [number] * main_data
    expected = min([*needs[-2:], first_owner(owners, next_begin, len(told)), max(0, len(told) - 2)])
    assert first_needed(offsets, next_begin, lambda start, end: stream[start:end]) == expected
    assert len(told) - expected <= REACH


def first_owner(owners: list[int], begin: int, number: int) -> int:
    if not begin or not owners:
        return number
    return owners[max(0, len(owners) - begin)]
